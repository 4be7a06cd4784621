"""Moved to `diagnostics.core.waiting`."""

from diagnostics.core.waiting import StillAsking

__all__ = ["StillAsking"]
