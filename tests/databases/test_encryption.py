"""Connections over TLS: as far verified as the setting says, with one context for all, and as easy to end as others."""

from __future__ import annotations

import importlib.util
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from diagnostics.config.settings import StateSettings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources import tls as sources_tls
from diagnostics.store.store import StateStore
from tests.databases.worlds import PASSWORD, MariaDBWorld, send
from tests.mariadb import MariaDB
from tests.network import COMPANY_CA

pytestmark = pytest.mark.mariadb

STATE = "encrypted_state"


@pytest.fixture(scope="module")
def encrypted_world(mariadb: MariaDB) -> Iterator[MariaDBWorld]:
    """Its login is let in over an encrypted connection only; it may keep the console's state too."""
    world = MariaDBWorld(mariadb)
    world.add_account(1)
    mariadb.create_schema(STATE)
    mariadb.execute(f"GRANT ALL ON {STATE}.* TO '{world.user}'@'%'", f"ALTER USER '{world.user}'@'%' REQUIRE SSL")
    yield world
    world.close()
    mariadb.execute(f"DROP DATABASE {STATE}")


def cipher(world: MariaDBWorld, **settings: object) -> object:
    rows = send(world.open(None, **settings), "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return rows[0]["Value"]


def state_of(world: MariaDBWorld, tls: object, folder: Path) -> StateStore:
    url = world.server.url(STATE, world.user)
    return StateStore(StateSettings.model_validate({"url": url, "password": SecretStr(PASSWORD), "tls": tls}), folder)


def test_a_connection_is_encrypted_when_asked_for_and_only_then(mariadb_world: MariaDBWorld) -> None:
    assert cipher(mariadb_world, tls=COMPANY_CA)
    assert cipher(mariadb_world, tls="required")
    assert cipher(mariadb_world, tls=False) == ""
    assert cipher(mariadb_world, tls=COMPANY_CA, common_tls="off") == ""
    assert cipher(mariadb_world, tls=False, common_tls="required")


def test_a_server_that_requires_it_serves_common_client_and_state(
    encrypted_world: MariaDBWorld, tmp_path: Path
) -> None:
    for tls in (f"verify-identity:{COMPANY_CA}", f"verify-ca:{COMPANY_CA}", "required"):
        databases = encrypted_world.open(tls=tls)
        assert databases.ping_common().rows == 1
        assert databases.read_client(1, select(databases.table("users").c.id)).rows == ({"id": 1},)
        state = state_of(encrypted_world, tls, tmp_path)
        assert state.is_lasting, state.problem
        state.remember("query", tls, {"kept": True})
        assert tls in {one.key for one in state.recall("query")}
        state.close()


def test_without_encryption_it_serves_none_and_each_names_its_setting(
    encrypted_world: MariaDBWorld, tmp_path: Path
) -> None:
    databases = encrypted_world.open(tls=COMPANY_CA, common_tls="off")
    with pytest.raises(SourceFailure) as caught:
        databases.ping_common()
    assert caught.value.kind is FailureKind.DENIED
    assert "REQUIRE SSL" in caught.value.remedy
    assert "databases.tls" in caught.value.remedy
    state = state_of(encrypted_world, "off", tmp_path)
    assert not state.is_lasting
    assert "state.tls" in state.problem
    assert PASSWORD not in state.problem
    state.close()


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(encrypted_world: MariaDBWorld, tmp_path: Path) -> None:
    with pytest.raises(SourceFailure, match="no encrypted connection") as caught:
        encrypted_world.open(tls=True).ping_common()
    assert caught.value.kind is FailureKind.UNREACHABLE
    assert "databases.tls to verify-ca:PATH" in caught.value.remedy
    state = state_of(encrypted_world, True, tmp_path)
    assert "set state.tls to verify-ca:PATH" in state.problem
    state.close()


def test_a_server_of_another_name_is_spoken_to_only_where_the_name_does_not_matter(
    encrypted_world: MariaDBWorld,
) -> None:
    url = encrypted_world.common_url().replace("127.0.0.1", "localhost")
    with pytest.raises(SourceFailure, match="no encrypted connection") as caught:
        encrypted_world.open(tls=COMPANY_CA, common_url=url).ping_common()
    assert f"set databases.tls to verify-ca:{COMPANY_CA}" in caught.value.remedy
    assert encrypted_world.open(tls=f"verify-ca:{COMPANY_CA}", common_url=url).ping_common().rows == 1


def test_one_context_serves_every_connection(encrypted_world: MariaDBWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, *arguments: object, **named: object) -> None:
        made.append(context)
        load(context, *arguments, **named)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    sources_tls._made.cache_clear()
    databases = encrypted_world.open(tls=COMPANY_CA)
    databases.ping_common()
    assert databases.read_client(1, select(databases.table("users").c.id)).rows == ({"id": 1},)
    assert len(made) == 1


def test_an_encrypted_statement_is_ended_at_its_limit(encrypted_world: MariaDBWorld) -> None:
    databases = encrypted_world.open(tls=COMPANY_CA, statement_timeout_s=0.3, read_timeout_s=20.0)
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
    state = state_of(encrypted_world, tmp_path / "none.pem", tmp_path)
    assert "state.tls names a file that is no readable certificate authority" in state.problem
    state.close()


@pytest.fixture
def ed25519_login(encrypted_world: MariaDBWorld) -> Iterator[str]:
    """A login whose password the server checks with ed25519, over an encrypted connection."""
    server, user = encrypted_world.server, f"{encrypted_world.prefix}_signer"
    server.execute("INSTALL SONAME 'auth_ed25519'")
    server.execute(
        f"CREATE USER '{user}'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}') REQUIRE SSL",
        f"GRANT SELECT ON `{encrypted_world.common}`.* TO '{user}'@'%'",
    )
    yield user
    server.execute(f"DROP USER '{user}'@'%'", "UNINSTALL SONAME 'auth_ed25519'")


@pytest.mark.skipif(importlib.util.find_spec("nacl") is None, reason="PyNaCl, of the extra ed25519, is not installed")
def test_a_login_with_ed25519_is_let_in(encrypted_world: MariaDBWorld, ed25519_login: str) -> None:
    url = encrypted_world.server.url(encrypted_world.common, ed25519_login)
    assert encrypted_world.open(tls=COMPANY_CA, common_url=url).ping_common().rows == 1
    with pytest.raises(SourceFailure, match="refused this login"):
        encrypted_world.open(tls=COMPANY_CA, common_url=url, password="another").ping_common()


def test_without_its_package_the_sentence_names_it(
    encrypted_world: MariaDBWorld, ed25519_login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nacl", None)
    monkeypatch.setattr("pymysql._auth._nacl_bindings", False)
    url = encrypted_world.server.url(encrypted_world.common, ed25519_login)
    with pytest.raises(SourceFailure, match="ed25519, for which the package PyNaCl is missing") as caught:
        encrypted_world.open(tls=COMPANY_CA, common_url=url).ping_common()
    assert caught.value.kind is FailureKind.NOT_CONFIGURED
    assert "pip install 'zillow-war-room[ed25519]'" in caught.value.remedy
