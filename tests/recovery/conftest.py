"""A loose SQLite world in which any column may be null."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One account, no events."""
    made = World(tmp_path)
    yield made
    made.close()
