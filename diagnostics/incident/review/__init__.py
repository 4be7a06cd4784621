"""Records of an incident: hand-off, review, export, follow-ups."""
