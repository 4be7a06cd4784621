"""First-response checks, one module an issue type. A check is a small object: question, sources, thresholds, finding."""
