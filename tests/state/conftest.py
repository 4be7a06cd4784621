"""The suite runs on SQLite and on MariaDB; a test that asks for `world` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mariadb import MariaDB
from tests.state.events import EventsWorld, MariaDBEvents, SQLiteEvents


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def world(request: pytest.FixtureRequest) -> EventsWorld:
    """A shared database with an empty table of sync events, and a store, on each of the two kinds of database."""
    made: EventsWorld = request.getfixturevalue(f"{request.param}_events")
    return made


@pytest.fixture
def sqlite_events(tmp_path: Path) -> Iterator[SQLiteEvents]:
    made = SQLiteEvents(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mariadb_events(tmp_path: Path, mariadb: MariaDB) -> Iterator[MariaDBEvents]:
    made = MariaDBEvents(tmp_path, mariadb)
    yield made
    made.close()
