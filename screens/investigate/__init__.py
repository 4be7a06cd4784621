"""Level 3: questions to investigate, and the records of investigations."""
