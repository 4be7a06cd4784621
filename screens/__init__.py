"""Screens: one question each. They name readings and addresses, and lay out what arrives."""
