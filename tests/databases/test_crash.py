"""The tests' own server may crash, as MariaDB does now and then: the test that met it begins anew, once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.mariadb import MariaDB

pytestmark = [pytest.mark.mariadb, pytest.mark.matrix]


def test_a_test_begins_anew_where_its_server_crashed(
    mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory
) -> None:
    met = Path(tmp_path_factory.getbasetemp()) / "the server crashed"
    if not met.exists():
        met.touch()
        os.kill(mariadb.pid, signal.SIGSEGV)
    assert mariadb.execute("SELECT 1") == [(1,)]
    assert met.exists()
