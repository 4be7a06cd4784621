"""Recovery: the backlog."""
