"""Rows of level 1: the table of checks, and what the levels below say in a line."""
