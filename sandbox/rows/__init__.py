"""Rows of the databases as plain tuples, and the tables that they belong to."""
