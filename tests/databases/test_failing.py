"""Failures of a database as a responder reads them; it is asked again by itself."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, Table, select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql.databases import Databases
from tests.databases.servers import dripping, garbage, hanging_up, impostor, refusing, silent
from tests.databases.worlds import PASSWORD, MariaDBWorld, SQLiteWorld, World, mapped, schema_map, send
from tests.mariadb import MariaDB
from tests.waiting import wait_until

LIMIT = 0.4


def failure_of(databases: Databases, statement: Select[tuple[int]] | str | None = None) -> SourceFailure:
    with pytest.raises(SourceFailure) as caught:
        _asked(databases, statement)
    return caught.value


def _asked(databases: Databases, statement: Select[tuple[int]] | str | None) -> None:
    if statement is None:
        databases.ping_common()
    elif isinstance(statement, str):
        send(databases, statement)
    else:
        databases.read_common(statement)


def test_a_missing_table_is_not_mapped_and_named(world: World) -> None:
    databases = world.open(schema_map(mapped("zillow_auth", "common", ["id"], name="zillow_oauth")))
    with pytest.raises(SourceFailure, match="no table zillow_oauth") as caught:
        databases.read_common(select(databases.table("zillow_auth")))
    assert caught.value.kind is FailureKind.NOT_MAPPED
    assert "schema.toml" in caught.value.remedy


def test_a_missing_column_is_not_mapped_and_named(world: World) -> None:
    databases = world.open(schema_map(mapped("zillow_auth", "common", {"id": "id", "zuid": "zillow_uid"})))
    with pytest.raises(SourceFailure, match=r"no column zillow_auth\.zillow_uid") as caught:
        databases.read_common(select(databases.table("zillow_auth")))
    assert caught.value.kind is FailureKind.NOT_MAPPED


def test_a_table_that_the_catalogue_does_not_know_is_not_mapped(world: World) -> None:
    with pytest.raises(SourceFailure, match="no table zillow_nothing") as caught:
        world.open().table("zillow_nothing")
    assert caught.value.kind is FailureKind.NOT_MAPPED


def test_a_statement_is_stopped_at_its_time_limit_and_the_next_one_runs(world: World) -> None:
    databases = world.open(statement_timeout_s=LIMIT)
    failure = failure_of(databases, world.endless())
    assert failure.kind is FailureKind.TIMED_OUT
    assert f"{LIMIT:g} s" in failure.reason
    assert databases.ping_common().rows == 1


def test_a_database_that_went_away_and_came_back_is_used_again(fragile_world: World) -> None:
    databases = fragile_world.open(connect_timeout_s=1.0, read_timeout_s=2.0)
    fragile_world.add_account(7)
    users = databases.table("users")
    assert databases.read_client(7, select(users.c.id)).rows == ({"id": 7},)
    fragile_world.take_away()
    assert failure_of(databases).kind is FailureKind.UNREACHABLE
    with pytest.raises(SourceFailure) as caught:
        databases.read_client(7, select(users.c.id))
    assert caught.value.kind is FailureKind.UNREACHABLE
    assert caught.value.is_transient
    fragile_world.bring_back()
    assert databases.ping_common().rows == 1
    assert databases.read_client(7, select(users.c.id)).rows == ({"id": 7},)


@pytest.mark.mariadb
def test_a_server_that_dies_under_a_statement_is_unreachable(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    databases = world.open(statement_timeout_s=20.0, read_timeout_s=30.0)
    asked = Asking(databases, world.endless())
    wait_until(world.running)
    fragile_mariadb.kill()
    assert asked.failure().kind is FailureKind.UNREACHABLE
    fragile_mariadb.start()
    assert databases.ping_common().rows == 1
    world.close()


@pytest.mark.mariadb
def test_a_frozen_server_is_given_up_and_used_again_when_it_thaws(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    databases = world.open(connect_timeout_s=0.8, read_timeout_s=1.0)
    databases.ping_common()
    fragile_mariadb.freeze()
    try:
        assert failure_of(databases).kind is FailureKind.UNREACHABLE
    finally:
        fragile_mariadb.thaw()
    assert databases.ping_common().rows == 1
    world.close()


@pytest.mark.mariadb
def test_a_server_that_falls_silent_under_a_statement_has_timed_out(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    databases = world.open(connect_timeout_s=0.5, read_timeout_s=0.6, statement_timeout_s=20.0)
    failure = failure_of(databases, world.endless())
    assert failure.kind is FailureKind.TIMED_OUT
    assert "0.6 s" in failure.reason
    world.close()


@pytest.mark.mariadb
def test_a_statement_that_lifts_the_servers_limit_is_killed_from_another_connection(
    mariadb_world: MariaDBWorld,
) -> None:
    databases = mariadb_world.open(statement_timeout_s=LIMIT, read_timeout_s=30.0)
    failure = failure_of(databases, "SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(60)")
    assert failure.kind is FailureKind.TIMED_OUT
    assert mariadb_world.running() == []
    assert databases.ping_common().rows == 1


def test_everything_that_runs_can_be_cancelled(world: World) -> None:
    databases = world.open(statement_timeout_s=30.0, read_timeout_s=40.0)
    asking = [Asking(databases, world.endless()) for _ in range(2)]
    if isinstance(world, MariaDBWorld):
        wait_until(lambda: len(world.running()) == 2)
    wait_until(lambda: databases.cancel_all() == 2 or not any(asked.alive for asked in asking))
    assert [asked.failure().kind for asked in asking] == [FailureKind.CANCELLED] * 2
    if isinstance(world, MariaDBWorld):
        assert world.running() == []
    assert databases.ping_common().rows == 1
    assert databases.cancel_all() == 0


def test_closing_ends_what_runs_and_takes_no_more(world: World) -> None:
    databases = world.open(statement_timeout_s=30.0, read_timeout_s=40.0)
    asked = Asking(databases, world.endless())
    if isinstance(world, MariaDBWorld):
        wait_until(world.running)
    databases.close()
    assert asked.failure().kind is FailureKind.CANCELLED
    assert failure_of(databases).kind is FailureKind.CANCELLED
    if isinstance(world, MariaDBWorld):
        wait_until(lambda: world.connections() == 0)


@pytest.mark.mariadb
def test_a_wrong_password_is_denied_and_never_repeated(
    mariadb_world: MariaDBWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    failure = failure_of(mariadb_world.open(password="hunter2-wrong"))
    assert failure.kind is FailureKind.DENIED
    assert "databases.password" in failure.remedy
    told = " ".join([failure.reason, failure.remedy, str(failure), repr(failure), caplog.text])
    for secret in ("hunter2", PASSWORD, mariadb_world.user, "127.0.0.1"):
        assert secret not in told
    assert failure.__context__ is None


@pytest.mark.mariadb
def test_no_password_is_logged_or_shown_when_all_is_well(
    mariadb_world: MariaDBWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mariadb_world.add_account(5)
    databases = mariadb_world.open()
    users = databases.table("users")
    evidence = databases.read_client(5, select(users)).evidence
    assert PASSWORD not in caplog.text + evidence.model_dump_json() + repr(vars(databases))


@pytest.mark.mariadb
def test_a_password_in_the_url_comes_before_the_one_of_the_settings(mariadb_world: MariaDBWorld) -> None:
    url = mariadb_world.server.url(mariadb_world.common, mariadb_world.user, PASSWORD)
    assert mariadb_world.open(common_url=url, password="another").ping_common().rows == 1


@pytest.mark.mariadb
def test_a_table_that_the_login_may_not_read_is_denied_and_named(mariadb_world: MariaDBWorld) -> None:
    unread = Table("global_priv", MetaData(), Column("user", Integer), schema="mysql", info={"database": "common"})
    failure = failure_of(mariadb_world.open(), select(unread.c.user))
    assert (failure.kind, failure.reason) == (FailureKind.DENIED, "this login may not SELECT table global_priv")


@pytest.mark.mariadb
def test_a_database_that_the_login_may_not_use_is_denied(mariadb_world: MariaDBWorld) -> None:
    url = mariadb_world.server.url("mysql", mariadb_world.user)
    assert failure_of(mariadb_world.open(common_url=url)).kind is FailureKind.DENIED


@pytest.mark.mariadb
def test_a_database_that_the_server_does_not_have_is_not_mapped(mariadb_world: MariaDBWorld) -> None:
    url = mariadb_world.server.url(f"{mariadb_world.prefix}_none")
    failure = failure_of(mariadb_world.open(common_url=url, password=mariadb_world.server.root_password))
    assert (failure.kind, "no database" in failure.reason) == (FailureKind.NOT_MAPPED, True)


@pytest.mark.mariadb
def test_a_statement_the_server_does_not_understand_is_rejected(mariadb_world: MariaDBWorld) -> None:
    failure = failure_of(mariadb_world.open(), "SELECT FROM WHERE 'secret'")
    assert failure.kind is FailureKind.REJECTED
    assert "secret" not in str(failure) + failure.remedy


def test_a_port_where_nobody_listens_is_unreachable(sqlite_world: SQLiteWorld) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"mysql+pymysql://reader@127.0.0.1:{unused.getsockname()[1]}/fub"
        failure = failure_of(sqlite_world.open(common_url=url))
    assert (failure.kind, failure.is_transient) == (FailureKind.UNREACHABLE, True)


@pytest.mark.parametrize("behave", [silent, garbage, hanging_up, dripping, refusing])
def test_whatever_listens_there_becomes_a_failure_with_a_clean_reason(
    sqlite_world: SQLiteWorld, behave: Callable[[socket.socket, threading.Event], None]
) -> None:
    with impostor(behave) as port:
        databases = sqlite_world.open(
            common_url=f"mysql+pymysql://reader@127.0.0.1:{port}/fub", connect_timeout_s=0.3, read_timeout_s=0.3
        )
        failure = failure_of(databases)
    assert failure.kind in {FailureKind.UNREACHABLE, FailureKind.MALFORMED, FailureKind.DENIED}
    assert failure.remedy
    assert (failure.reason + failure.remedy).isprintable()
    assert "secret" not in str(failure)


def test_a_file_that_does_not_exist_is_unreachable_and_is_not_created(sqlite_world: SQLiteWorld) -> None:
    missing = sqlite_world.directory / "nothing.db"
    failure = failure_of(sqlite_world.open(common_url=f"sqlite:///{missing}"))
    assert failure.kind is FailureKind.UNREACHABLE
    assert not missing.exists()
    assert str(missing) not in str(failure)


def test_a_file_with_signs_of_a_url_in_its_name_is_that_file(sqlite_world: SQLiteWorld) -> None:
    odd = sqlite_world.directory / "a b#c&mode=rwc.db"
    (sqlite_world.directory / f"{sqlite_world.common}.db").rename(odd)
    assert sqlite_world.open(common_url=f"sqlite:///{odd}").ping_common().rows == 1


def test_a_file_that_is_no_database_is_malformed(sqlite_world: SQLiteWorld) -> None:
    path = sqlite_world.directory / "notes.db"
    path.write_text("not a database at all, but long enough to have a header of its own" * 20)
    failure = failure_of(sqlite_world.open(common_url=f"sqlite:///{path}"), "SELECT * FROM sqlite_master")
    assert failure.kind is FailureKind.MALFORMED


def test_a_database_that_is_not_configured_says_which_setting_is_missing(sqlite_world: SQLiteWorld) -> None:
    failure = failure_of(sqlite_world.open(common_url=None))
    assert failure.kind is FailureKind.NOT_CONFIGURED
    assert "databases.common_url" in failure.reason


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///:memory:",
        "mysql+pymysql://u:hunter2@h:port/d",
        "mysql+pymysql://u:hunter2@h/d?read_default_file=/etc/passwd",
        "mysql+pymysql://u:hunter2@h/d?local_infile=1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_quoting_it(sqlite_world: SQLiteWorld, url: str) -> None:
    failure = failure_of(sqlite_world.open(common_url=url))
    assert failure.kind is FailureKind.NOT_CONFIGURED
    assert "hunter2" not in str(failure) + failure.remedy
    assert failure.__context__ is None


class Asking:
    """A statement that somebody waits for in another thread."""

    def __init__(self, databases: Databases, statement: Select[tuple[int]] | str) -> None:
        self._caught: SourceFailure | None = None
        self._thread = threading.Thread(target=self._ask, args=(databases, statement), daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def failure(self) -> SourceFailure:
        self._thread.join(20)
        assert self._caught is not None, "the statement was not ended"
        return self._caught

    def _ask(self, databases: Databases, statement: Select[tuple[int]] | str) -> None:
        self._caught = failure_of(databases, statement)
