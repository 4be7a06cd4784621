"""An account with stale agents, on SQLite files and on MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mariadb import MariaDB
from tests.reconcile.account import StaleAccount


@pytest.fixture
def account(tmp_path: Path) -> Iterator[StaleAccount]:
    """Four stale agents on files."""
    made = StaleAccount(tmp_path)
    yield made
    made.close()


@pytest.fixture
def on_server(mariadb: MariaDB, tmp_path: Path) -> Iterator[StaleAccount]:
    """Four stale agents on MariaDB."""
    made = StaleAccount(tmp_path, mariadb)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StaleAccount]:
    """47 stale agents, on each kind of database."""
    server = request.getfixturevalue("mariadb") if request.param == "mariadb" else None
    made = StaleAccount(tmp_path, server, count=47)
    yield made
    made.close()
