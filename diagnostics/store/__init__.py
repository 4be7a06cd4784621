"""The console's own memory: documents, samples, and counts of tables that are too big to count twice."""
