"""Fixtures that every test folder may use. Nothing heavy is imported before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mariadb import MariaDB


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One private MariaDB server per test process, started when the first test asks. Do not stop it: start your own."""
    from tests.mariadb import private_mariadb  # noqa: PLC0415  # pymysql is not for tests that need no server

    with private_mariadb() as server:
        yield server
