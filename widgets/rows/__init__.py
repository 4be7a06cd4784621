"""Rows of one subject a file: plain data in, styled pieces out."""
