"""The fixtures of the account tests, for the diagnosis that reads the same tables."""

from __future__ import annotations

from tests.accounts.conftest import place

__all__ = ["place"]
