"""Level 1: critical issues."""
