"""One incident: the panel, and every screen that tells, claims, follows or reviews."""
