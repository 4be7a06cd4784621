"""Where a database's password comes from may be slow or broken; that holds up nobody but the one who asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from diagnostics.config.secrets import LazySecret
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import examined
from diagnostics.sources.mysql.databases import Databases
from tests.databases.servers import asking_for_password, impostor
from tests.databases.worlds import SQLiteWorld

NOWHERE = "mysql+pymysql://reader@127.0.0.1:1/common"


class SlowSecret(SecretStr):
    """A password whose command takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__("")
        self.asked = threading.Event()
        self.told = threading.Event()

    def get_secret_value(self) -> str:
        self.asked.set()
        assert self.told.wait(30)
        return "secret"


def ask_common(databases: Databases) -> None:
    databases.ping_common()


def ask_client(databases: Databases) -> None:
    databases.read_client(7, select(databases.table("users").c["id"]))


BOTH = pytest.mark.parametrize("ask", [ask_common, ask_client])


def opened(world: SQLiteWorld, ask: Callable[[Databases], None], password: SecretStr) -> Databases:
    """The database that `ask` asks is on a server, and needs the password; the other is a file."""
    world.add_account(7)
    if ask is ask_common:
        return world.open(common_url=NOWHERE, password=password)
    return world.open(client_url=NOWHERE, password=password)


@BOTH
def test_closing_does_not_wait_for_a_password(sqlite_world: SQLiteWorld, ask: Callable[[Databases], None]) -> None:
    password = SlowSecret()
    databases = opened(sqlite_world, ask, password)
    failures: list[FailureKind] = []

    def asking() -> None:
        try:
            ask(databases)
        except SourceFailure as failure:
            failures.append(failure.kind)

    asker = threading.Thread(target=asking, daemon=True)
    asker.start()
    assert password.asked.wait(10)
    closer = threading.Thread(target=databases.close, daemon=True)
    closer.start()
    closer.join(5)
    closed = not closer.is_alive()
    password.told.set()
    asker.join(10)
    assert closed, "closing waited for the password"
    assert failures == [FailureKind.CANCELLED]


@BOTH
def test_a_password_that_cannot_be_had_is_not_configured_and_names_its_setting(
    sqlite_world: SQLiteWorld, ask: Callable[[Databases], None], tmp_path: Path
) -> None:
    missing = LazySecret("databases.password_file", where="config.toml:3", file=tmp_path / "absent")
    databases = opened(sqlite_world, ask, missing)
    with pytest.raises(SourceFailure, match=r"databases\.password_file: cannot read") as caught:
        ask(databases)
    assert caught.value.kind is FailureKind.NOT_CONFIGURED
    assert "readable regular file" in caught.value.remedy
    source = "common" if ask is ask_common else "client 7"
    lines = {line.source: line for line in examined(databases.examination((7,))) if line.status is Status.UNREACHABLE}
    assert "databases.password_file" in lines[source].detail


def test_a_file_needs_no_password(sqlite_world: SQLiteWorld, tmp_path: Path) -> None:
    sqlite_world.add_account(7)
    missing = LazySecret("databases.password_file", where="", file=tmp_path / "absent")
    databases = sqlite_world.open(password=missing)
    ask_common(databases)
    ask_client(databases)


SECRET = "s3cr3t-of-the-reader"
FULL = b"\x01\x04"
KEY = b"\x01-----BEGIN PUBLIC KEY-----"


@pytest.mark.parametrize(
    ("plugin", "switch", "asked", "answers"),
    [
        # The login of this one holds the answer to the challenge already.
        (b"caching_sha2_password", False, (FULL, KEY), 0),
        (b"caching_sha2_password", True, (FULL, KEY), 1),
        (b"sha256_password", False, (KEY,), 0),
        (b"sha256_password", True, (KEY,), 0),
        (b"mysql_clear_password", True, (), 0),
        (b"dialog", True, (), 0),
    ],
)
def test_a_password_is_not_given_away_to_whoever_asks_without_encryption(
    sqlite_world: SQLiteWorld, plugin: bytes, switch: bool, asked: tuple[bytes, ...], answers: int
) -> None:
    """After the login a server hears answers to its challenge, and neither the password nor a request for its key."""
    behave, heard = asking_for_password(plugin, *asked, switch=switch)
    with impostor(behave) as port:
        databases = sqlite_world.open(
            common_url=f"mysql+pymysql://reader@127.0.0.1:{port}/common", password=SecretStr(SECRET)
        )
        with pytest.raises(SourceFailure, match="needs an encrypted connection") as caught:
            databases.ping_common()
    assert caught.value.kind is FailureKind.DENIED
    assert "databases.tls" in caught.value.remedy
    login, *after = heard
    assert b"reader" in login
    assert [len(packet) for packet in after] == [32] * answers, "SHA-256 of the challenge with the password, at most"
    assert SECRET.encode() not in b"".join(heard)
