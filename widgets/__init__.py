"""Panes that draw what they are given; they fetch nothing."""
