"""A loose SQLite world in which any column may be null."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.drained import Backlog, in_the_tests_time
from tests.service.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One account, no events."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def backlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backlog]:
    """60 failed events on files, a poller, and a console with a writer, in the test's time."""
    made = Backlog(tmp_path)
    in_the_tests_time(made, monkeypatch)
    yield made
    made.close()
