"""A MySQL 8 as it is installed is reached, or the sentence says which value of which setting reaches it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from diagnostics.config.settings import AnalyticsSettings, DatabaseSettings
from diagnostics.config.tls import Tls
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.fleet.analytics import _encryption, open_engine
from tests.databases.mysql8 import MySql8
from tests.databases.worlds import SQLiteWorld
from tests.network import COMPANY_CA, MYSQL_CA, MYSQL_SERVER, SERVER

PASSWORD = "s3cr3t-of-the-reader"


@pytest.fixture
def mysql8() -> Iterator[MySql8]:
    with MySql8(PASSWORD) as server:
        yield server


def ping(world: SQLiteWorld, server: MySql8, **settings: object) -> None:
    databases = world.open(None, common_url=server.url, password=SecretStr(PASSWORD), **settings)
    assert databases.ping_common().rows == 1


def refusal(world: SQLiteWorld, server: MySql8, **settings: object) -> SourceFailure:
    with pytest.raises(SourceFailure) as caught:
        ping(world, server, **settings)
    assert PASSWORD not in f"{caught.value} {caught.value.remedy}"
    return caught.value


def value_named(remedy: str) -> str:
    """The value that a remedy tells a person to set, with the PATH that it leaves to them."""
    found = re.search(r"verify-ca:(\S+?)(?=[,;.]? |$)", remedy)
    assert found, remedy
    return f"verify-ca:{found[1]}".replace("PATH", str(MYSQL_CA))


@pytest.mark.parametrize("tls", ["required", f"verify-ca:{MYSQL_CA}"])
def test_both_ways_of_checking_a_password_work_over_an_encrypted_connection(
    sqlite_world: SQLiteWorld, mysql8: MySql8, tls: str
) -> None:
    ping(sqlite_world, mysql8, tls=tls)
    ping(sqlite_world, mysql8, tls=tls)
    assert [(login.encrypted, login.path) for login in mysql8.logins] == [(True, "full"), (True, "fast")]
    assert all(b"reader" not in login.plain for login in mysql8.logins), "not even the user's name is sent in clear"


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("off", "needs an encrypted connection"),
        ("true", "signed by none of the system's authorities"),
        (f"verify-ca:{COMPANY_CA}", "signed by none of the authorities in"),
        (f"verify-identity:{MYSQL_CA}", "does not name 127.0.0.1"),
    ],
)
def test_the_remedy_of_a_refusal_leads_to_a_connection(
    sqlite_world: SQLiteWorld, mysql8: MySql8, tls: str, said: str
) -> None:
    failure = refusal(sqlite_world, mysql8, tls=tls)
    assert said in failure.reason
    assert "databases.tls" in failure.remedy
    assert not any(PASSWORD.encode() in login.plain for login in mysql8.logins)
    ping(sqlite_world, mysql8, tls=value_named(failure.remedy))


def test_a_place_of_its_own_is_named_by_its_own_setting(sqlite_world: SQLiteWorld, mysql8: MySql8) -> None:
    failure = refusal(sqlite_world, mysql8, tls=False, common_tls=f"verify-identity:{MYSQL_CA}")
    assert "set databases.common_tls to verify-ca:" in failure.remedy
    ping(sqlite_world, mysql8, tls=True, common_tls=f"verify-ca:{MYSQL_CA}")


def test_a_server_that_takes_only_encrypted_connections_is_said_to_be_one(sqlite_world: SQLiteWorld) -> None:
    with MySql8(PASSWORD, requires_encryption=True) as server:
        failure = refusal(sqlite_world, server)
        assert "takes only encrypted connections" in failure.reason
        ping(sqlite_world, server, tls=value_named(failure.remedy))


def test_encryption_that_was_asked_for_is_never_left_out(sqlite_world: SQLiteWorld) -> None:
    """Whoever stands in between could otherwise take the offer out of the greeting, and hear everything."""
    with MySql8(PASSWORD, certificate=None) as server:
        failure = refusal(sqlite_world, server, tls="required")
        assert (failure.kind, "the server offers none" in failure.reason) == (FailureKind.UNREACHABLE, True)
        assert [login.plain for login in server.logins] in ([], [b""])


def test_a_name_in_the_certificate_is_looked_at_where_that_is_asked_for(sqlite_world: SQLiteWorld) -> None:
    with MySql8(PASSWORD, certificate=SERVER) as server:
        ping(sqlite_world, server, tls=COMPANY_CA)
        server_elsewhere = server.url.replace("127.0.0.1", "localhost")
        databases = sqlite_world.open(common_url=server_elsewhere, password=SecretStr(PASSWORD), tls=COMPANY_CA)
        with pytest.raises(SourceFailure, match="does not name localhost"):
            databases.ping_common()


def test_a_file_that_is_no_authority_is_named_with_its_setting(
    sqlite_world: SQLiteWorld, mysql8: MySql8, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    for path in (tmp_path / "absent.pem", empty):
        failure = refusal(sqlite_world, mysql8, tls=f"verify-ca:{path}")
        assert failure.kind is FailureKind.NOT_CONFIGURED
        assert f"databases.tls names a file that is no readable certificate authority: {path}" in failure.reason
    assert mysql8.logins == []


def test_a_certificate_is_itself_an_authority_where_it_is_named(sqlite_world: SQLiteWorld, mysql8: MySql8) -> None:
    """The one that MySQL 8 shows is not signed by itself: naming it is not enough, and that is said."""
    failure = refusal(sqlite_world, mysql8, tls=f"verify-ca:{MYSQL_SERVER}")
    assert "signed by none of the authorities in" in failure.reason


def test_an_analytics_engine_has_a_setting_of_its_own(mysql8: MySql8) -> None:
    databases = DatabaseSettings.model_validate({"tls": f"verify-identity:{MYSQL_CA}", "connect_timeout_s": 3})
    given = {"url": mysql8.url, "password": SecretStr(PASSWORD)}
    own = open_engine(AnalyticsSettings.model_validate({**given, "tls": f"verify-ca:{MYSQL_CA}"}), databases)
    with own.engine.connect():
        assert mysql8.logins[-1].encrypted
    inherited = open_engine(AnalyticsSettings.model_validate(given), databases)
    with pytest.raises(DBAPIError, match="does not name 127"), inherited.engine.connect():
        pass


@pytest.mark.parametrize(
    ("url", "tls", "said"),
    [
        ("databricks://token@host/?http_path=x", "verify-ca:/ca.pem", "analytics.tls means nothing to databricks"),
        ("postgresql+pg8000://me@host/fub", "required", r"analytics.tls means nothing to postgresql\+pg8000"),
        ("postgresql://me@host/fub", "verify-ca", "analytics.tls names no authority"),
    ],
)
def test_a_value_that_an_engine_cannot_be_told_is_refused(url: str, tls: str, said: str) -> None:
    with pytest.raises(SourceFailure, match=said) as caught:
        open_engine(AnalyticsSettings.model_validate({"url": url, "tls": tls}), DatabaseSettings())
    assert caught.value.kind is FailureKind.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ("off", {"sslmode": "disable"}),
        ("required", {"sslmode": "require"}),
        ("verify-ca:/ca.pem", {"sslmode": "verify-ca", "sslrootcert": "/ca.pem"}),
        ("verify-identity:/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
        ("true", {"sslmode": "verify-full", "sslrootcert": "system"}),
    ],
)
def test_postgresql_is_told_in_its_own_words(tls: str, words: dict[str, str]) -> None:
    assert _encryption(make_url("postgresql+psycopg2://me@host/fub"), Tls.of(tls)) == words
