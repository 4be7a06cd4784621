"""The suite runs on SQLite and on MariaDB; a test that asks for `place` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.places import JournalPlace, MariaDBPlace, SQLitePlace
from tests.mariadb import MariaDB


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def place(request: pytest.FixtureRequest) -> JournalPlace:
    """An empty journal on each of the two kinds of database."""
    made: JournalPlace = request.getfixturevalue(f"{request.param}_place")
    return made


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Iterator[SQLitePlace]:
    made = SQLitePlace(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mariadb_place(tmp_path: Path, mariadb: MariaDB) -> Iterator[MariaDBPlace]:
    made = MariaDBPlace(tmp_path, mariadb)
    yield made
    made.close()
