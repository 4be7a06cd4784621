"""The shipped catalogue, read once for all tests of a process: reading and checking it takes longer than most tests."""

from __future__ import annotations

from functools import cache

from diagnostics.catalogue import Catalogue, load_catalogue


def shipped_catalogue() -> Catalogue:
    """The catalogue without overrides, in tables that are the caller's own; their entries cannot be changed."""
    return _read().model_copy(update={name: dict(table) for name, table in _read() if isinstance(table, dict)})


@cache
def _read() -> Catalogue:
    return load_catalogue()
