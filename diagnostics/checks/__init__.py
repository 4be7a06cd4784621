"""First-response checks, one module an issue type. A check turns a question to its sources into a finding."""
