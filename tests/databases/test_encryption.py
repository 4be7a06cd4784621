"""Connections over TLS: verified, with one context for all, and as easy to end as the others."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from diagnostics.core.failures import FailureKind, SourceFailure
from tests.databases.worlds import MariaDBWorld, send
from tests.mariadb import private_mariadb

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of the test server"),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key beside it."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return path


@pytest.fixture(scope="module")
def encrypted_world(certificate: Path) -> Iterator[MariaDBWorld]:
    """A server that offers encryption."""
    with private_mariadb(f"--ssl-cert={certificate}", f"--ssl-key={certificate.with_suffix('.key')}") as server:
        world = MariaDBWorld(server)
        world.add_account(1)
        yield world
        world.close()


def cipher(world: MariaDBWorld, tls: bool | Path) -> object:
    rows = send(world.open(tls=tls), "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return rows[0]["Value"]


def test_a_connection_is_encrypted_when_asked_for_and_only_then(
    encrypted_world: MariaDBWorld, certificate: Path
) -> None:
    assert cipher(encrypted_world, certificate)
    assert cipher(encrypted_world, False) == ""


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(encrypted_world: MariaDBWorld) -> None:
    with pytest.raises(SourceFailure, match="no encrypted connection") as caught:
        encrypted_world.open(tls=True).ping_common()
    assert caught.value.kind is FailureKind.UNREACHABLE


def test_a_server_of_another_name_is_not_spoken_to(encrypted_world: MariaDBWorld, certificate: Path) -> None:
    url = encrypted_world.common_url().replace("127.0.0.1", "localhost")
    with pytest.raises(SourceFailure, match="no encrypted connection"):
        encrypted_world.open(tls=certificate, common_url=url).ping_common()


def test_one_context_serves_every_connection(
    encrypted_world: MariaDBWorld, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    make = ssl.create_default_context

    def counted(*arguments: object, **named: object) -> ssl.SSLContext:
        made.append(arguments)
        return make(*arguments, **named)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(ssl, "create_default_context", counted)
    databases = encrypted_world.open(tls=certificate)
    databases.ping_common()
    assert databases.read_client(1, select(databases.table("users").c.id)).rows == ({"id": 1},)
    assert len(made) == 1


def test_an_encrypted_statement_is_ended_at_its_limit(encrypted_world: MariaDBWorld, certificate: Path) -> None:
    databases = encrypted_world.open(tls=certificate, statement_timeout_s=0.3, read_timeout_s=20.0)
    with pytest.raises(SourceFailure, match="time limit"):
        send(databases, "SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(60)")
    assert encrypted_world.running() == []
    assert databases.ping_common().rows == 1


def test_an_authority_that_cannot_be_read_is_a_matter_of_the_settings(
    encrypted_world: MariaDBWorld, tmp_path: Path
) -> None:
    with pytest.raises(SourceFailure, match=r"databases\.tls") as caught:
        encrypted_world.open(tls=tmp_path / "none.pem").ping_common()
    assert caught.value.kind is FailureKind.NOT_CONFIGURED
