"""The log explorer: histogram, facets, patterns, correlation, completion, saved queries, export."""
