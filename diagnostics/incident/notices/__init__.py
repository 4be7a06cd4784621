"""Notices and tracking: proposed, confirmed, delivered exactly once."""
