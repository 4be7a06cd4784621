"""The suite runs on SQLite files and on MariaDB; a test that asks for `world` runs twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.proxy import Proxy
from tests.fleet.worlds import MariaDBWorld, SQLiteWorld, World
from tests.mariadb import MariaDB, private_mariadb
from tests.waiting import wait_until


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def world(request: pytest.FixtureRequest) -> World:
    """On each of the two kinds of database."""
    made: World = request.getfixturevalue(f"{request.param}_world")
    return made


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[SQLiteWorld]:
    """Files only."""
    made = SQLiteWorld(tmp_path)
    yield made
    made.close()
    wait_until(no_fleet_threads)


@pytest.fixture
def mariadb_world(mariadb: MariaDB) -> Iterator[MariaDBWorld]:
    """Schemas of the shared private server. Whatever a test did, no thread and no connection is left."""
    made = MariaDBWorld(mariadb)
    yield made
    wait_until(no_fleet_threads)
    wait_until(lambda: made.connections() == 0)
    made.close()


@pytest.fixture(scope="module")
def fragile_mariadb() -> Iterator[MariaDB]:
    """A server of one's own: it may be killed and frozen."""
    with private_mariadb() as server:
        yield server


@pytest.fixture
def proxy(mariadb: MariaDB) -> Iterator[Proxy]:
    """A second host before the shared server."""
    made = Proxy(mariadb.port)
    yield made
    made.close()


def no_fleet_threads() -> bool:
    """Whether every thread of a question over the fleet has ended."""
    return not any(thread.name.startswith(("fleet", "end client")) for thread in threading.enumerate())
