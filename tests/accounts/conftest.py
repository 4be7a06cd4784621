"""Fixtures: the same suite on SQLite files and on a private MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.places import Place


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """One account with an empty client database."""
    server = request.getfixturevalue("mariadb") if request.param == "mariadb" else None
    made = Place(request.param, tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def mariadb_place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """On MariaDB alone: what its optimiser does."""
    made = Place("mariadb", tmp_path, request.getfixturevalue("mariadb"))
    yield made
    made.close()
