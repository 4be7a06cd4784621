"""Level 2: is the system healthy, which part is not, and what is about to fail."""
