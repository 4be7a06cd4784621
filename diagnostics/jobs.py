"""Moved to `diagnostics.core.waiting`."""

from diagnostics.core.waiting import Job, Progress

__all__ = ["Job", "Progress"]
