"""The private server itself: absent it fails with instructions, and it leaves nothing behind."""

from __future__ import annotations

import os

import pymysql
import pytest

from tests.mariadb import MariaDBUnavailable, find_programs, private_mariadb


def test_without_a_server_program_the_tests_fail_and_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_named: None)
    with pytest.raises(MariaDBUnavailable, match="apt-get install -y --no-install-recommends mariadb-server"):
        find_programs()


@pytest.mark.mariadb
def test_a_private_server_listens_on_loopback_keeps_its_data_and_leaves_nothing_behind() -> None:
    with private_mariadb() as server:
        assert server.execute("SELECT @@bind_address, @@port") == [("127.0.0.1", server.port)]
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            pymysql.connect(host=server.host, port=server.port, user="root", password="", ssl_disabled=True)
        server.create_schema("kept", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (7)")
        server.kill()
        server.start()
        assert server.execute("SELECT a FROM t", database="kept") == [(7,)]
        directory, pid = server.directory, server.pid
        assert directory.stat().st_mode & 0o077 == 0
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
