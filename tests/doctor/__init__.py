"""The doctor as a whole."""
