"""zillow-incident-recovery: the backlog, how fast it may be worked off, plans, and the drains that carry them out."""
