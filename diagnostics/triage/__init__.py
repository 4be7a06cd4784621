"""Triage: the classification matrix, the context a question needs, the severity, and the six ways to refuse."""
