"""Data reconciliation: what disagrees between the databases, and repairs that are planned, confirmed, and undoable."""
