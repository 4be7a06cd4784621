"""The suite runs on SQLite and on MariaDB; a test that asks for `world` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases.worlds import MariaDBWorld, SQLiteWorld, World
from tests.mariadb import MariaDB, private_mariadb


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def world(request: pytest.FixtureRequest) -> World:
    """A common database with empty tables, on each of the two kinds of database."""
    made: World = request.getfixturevalue(f"{request.param}_world")
    return made


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[SQLiteWorld]:
    """Files only."""
    directory = tmp_path / "databases"
    directory.mkdir()
    made = SQLiteWorld(directory)
    yield made
    made.close()


@pytest.fixture
def mariadb_world(mariadb: MariaDB) -> Iterator[MariaDBWorld]:
    """Schemas of the shared private server only."""
    made = MariaDBWorld(mariadb)
    yield made
    made.close()


@pytest.fixture(scope="module")
def fragile_mariadb() -> Iterator[MariaDB]:
    """A server of one's own: it may be killed, frozen and started again."""
    with private_mariadb() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def fragile_world(request: pytest.FixtureRequest, sqlite_world: SQLiteWorld) -> Iterator[World]:
    """A world that may be taken away and brought back."""
    if request.param == "sqlite":
        yield sqlite_world
        return
    made = MariaDBWorld(request.getfixturevalue("fragile_mariadb"))
    yield made
    made.close()
