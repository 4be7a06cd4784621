"""Answers as text, Markdown and JSON on standard output."""
