"""Moved to `diagnostics.core.waiting`."""

from diagnostics.core.waiting import ask_together

__all__ = ["ask_together"]
