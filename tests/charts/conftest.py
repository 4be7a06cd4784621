"""A told world for the charts' service; applications for their screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.rest import frames_at_rest
from tests.console.rooms import make_app
from tests.service.world import World

__all__ = ["frames_at_rest", "make_app"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
