"""A journal in a folder of its own, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.incident_rooms import IncidentWorld, incident_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IncidentWorld]:
    """No incident has been declared in it."""
    made = incident_world(tmp_path)
    yield made
    made.close()
