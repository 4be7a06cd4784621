"""Statements never sent, statements a session refuses, and places of accounts that are not believed."""

from __future__ import annotations

import pytest
from sqlalchemy import (
    Integer,
    Numeric,
    Select,
    String,
    TextClause,
    bindparam,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    union_all,
    update,
)
from sqlalchemy import column as bare_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement, quoted_name
from sqlalchemy.types import UserDefinedType

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql import own_texts
from diagnostics.sources.mysql.databases import Databases, StatementRefused
from tests.databases.worlds import HOSTILE, MariaDBWorld, SQLiteWorld, World, send


def crossing(databases: Databases) -> dict[str, Select[tuple[object, ...]]]:
    """Statements for the shared database that reach for a client table, each in another way."""
    auth, users = databases.table("zillow_auth"), databases.table("users")
    alias, cte = users.alias("u"), select(users.c.id).cte("c")
    return {
        "another table": select(users.c.id),
        "a join": select(auth.c.id).join(users, users.c.id == auth.c.id),
        "a product": select(auth.c.id, users.c.id),
        "a condition": select(auth.c.id).where(auth.c.id == users.c.id),
        "a subquery": select(auth.c.id).where(auth.c.id.in_(select(users.c.id))),
        "a correlated subquery": select(auth.c.id).where(exists().where(users.c.id == auth.c.id)),
        "a scalar": select(auth.c.id, select(users.c.id).scalar_subquery()),
        "an alias": select(alias.c.id),
        "a table expression": select(cte.c.id),
        "a derived table": select(select(users.c.id).subquery().c.id),
        "a lateral": select(auth.c.id, select(users.c.id).lateral().c.id),
        "an order": select(auth.c.id).order_by(users.c.id),
        "text inside": select(auth.c.id).where(text("id IN (SELECT id FROM users)")),
        "a literal inside": select(auth.c.id, literal_column("(SELECT max(id) FROM Users)")),
        "an unmapped table": select(bare_column("id")).select_from(table("secrets")),
    }


def test_a_statement_that_touches_the_other_kind_of_database_is_never_sent(world: World) -> None:
    databases = world.open(common_url=None)
    for how, statement in crossing(databases).items():
        with pytest.raises(StatementRefused) as caught:
            databases.read_common(statement)
        assert str(caught.value), how


def test_unions_of_the_wrong_kind_are_never_sent(world: World) -> None:
    databases = world.open(common_url=None)
    auth, users = databases.table("zillow_auth"), databases.table("users")
    with pytest.raises(StatementRefused, match=r"users \(client\)"):
        databases.read_common(union_all(select(auth.c.id), select(users.c.id)))


def test_a_common_table_is_never_asked_of_a_client_database(world: World) -> None:
    databases = world.open(common_url=None)
    with pytest.raises(StatementRefused, match=r"zillow_auth \(common\)"):
        databases.read_client(14009, select(databases.table("zillow_auth").c.id))


def test_statements_that_write_or_lock_are_never_sent(world: World) -> None:
    databases = world.open(common_url=None)
    auth = databases.table("zillow_auth")
    removed = delete(auth).returning(auth.c.id).cte("removed")
    statements: list[object] = [
        insert(auth).values(id=1),
        update(auth).values(zuid="x"),
        delete(auth),
        select(removed.c.id),
        select(auth.c.id).with_for_update(),
        "DELETE FROM zillow_auth",
    ]
    for statement in statements:
        with pytest.raises(StatementRefused):
            databases.read_common(statement)  # type: ignore[arg-type]  # what a type checker would have found


class Sleeping(ColumnElement[int]):
    """An element that somebody compiles to SQL of his own."""

    inherit_cache = True
    type = Integer()


@compiles(Sleeping)
def _sleeping(*_: object, **__: object) -> str:
    return "SLEEP(60)"


class Written(UserDefinedType[int]):
    """A type whose name holds SQL."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "CHAR) INTO OUTFILE '/tmp/x' -- "


def escaping(databases: Databases) -> dict[str, object]:
    """SELECTs that write files, take locks, wait or read what they should not, each by another way into the text.

    The ways are those of https://dev.mysql.com/doc/refman/8.4/en/select.html and of SQLAlchemy's own constructs.
    """
    auth = databases.table("zillow_auth")
    one = auth.c.id
    raw = quoted_name("x` INTO OUTFILE '/tmp/x' -- ", quote=False)
    return {
        "text": text("SELECT 1 INTO OUTFILE '/tmp/x'"),
        "text as columns": text("SELECT GET_LOCK('x', 9) AS id").columns(one),
        "a lock of tables": text("LOCK TABLES zillow_auth WRITE"),
        "a column of text": select(text("SLEEP(60)")),
        "a condition of text": select(one).where(text("SLEEP(60)")),
        "an order of text": select(one).order_by(text("1 INTO OUTFILE '/tmp/x'")),
        "an order by name": select(one).order_by("id INTO OUTFILE '/tmp/x'"),
        "a group of text": select(one).group_by(text("1 FOR UPDATE")),
        "a from of text": select(one).select_from(text("zillow_auth, mysql.user")),
        "a literal": select(literal_column("SLEEP(60)")),
        "a prefix": select(one).prefix_with("SQL_NO_CACHE"),
        "a suffix": select(one).suffix_with("INTO OUTFILE '/tmp/x'"),
        "a suffix of a subquery": select(one).where(one.in_(select(one).suffix_with("FOR UPDATE"))),
        "a suffix of a table expression": select(select(one).cte("c").suffix_with("FOR UPDATE").c.id),
        "a suffix of a branch": union_all(select(one), select(one).suffix_with("INTO OUTFILE '/tmp/x'")),
        "a hint": select(one).with_hint(auth, "USE INDEX (x)"),
        "a hint of the statement": select(one).with_statement_hint("SET_VAR(max_execution_time=0)"),
        "a lock": select(one).with_for_update(),
        "a lock in a subquery": select(one).where(exists(select(one).with_for_update(read=True))),
        "a function that locks": select(func.get_lock("x", 9)),
        "a function that waits": select(one).where(one == func.sleep(60)),
        "a function that reads files": select(func.load_file("/etc/passwd")),
        "a function of a package": select(func.sys.count()),
        "an operator of text": select(one.op("INTO OUTFILE '/tmp/x' --")(1)),
        "an element of somebody's": select(Sleeping()),
        "a type of somebody's": select(cast(one, Written())),
        "a cast with a collation": select(cast(one, String(collation="x) INTO OUTFILE '/tmp/x' -- "))),
        "a field": select(extract("YEAR FROM SLEEP(60)) -- ", auth.c.created_at)),
        "a value written out": select(one).where(one == bindparam("x", 1, literal_execute=True)),
        "a name as it is": select(one.label(raw)),
        "a table's name as it is": select(auth.alias(raw).c.id),
        "a sample": select(auth.tablesample(func.sum(1)).c.id),
        "a number of a type": select(cast(one, Numeric(3))),
    }


def test_a_select_carries_no_text_lock_or_function_of_its_own(sqlite_world: SQLiteWorld) -> None:
    databases = sqlite_world.open(common_url=None)
    passed = []
    for how, statement in escaping(databases).items():
        try:
            databases.read_common(statement)  # type: ignore[arg-type]  # what a type checker would have found
        except StatementRefused:
            continue
        except SourceFailure:
            # Not configured: it would have been sent.
            passed.append(how)
    assert passed == []


def test_the_doctors_door_lets_through_the_consoles_own_texts_alone(world: World) -> None:
    databases = world.open()
    assert databases.ask(None, own_texts.PING).rows
    refused: list[tuple[TextClause, TextClause | None]] = [
        (text("SELECT 1 INTO OUTFILE '/tmp/x'"), None),
        (text("SELECT 1 "), None),
        (own_texts.PING, text("SET SESSION TRANSACTION READ WRITE")),
        (own_texts.PING, own_texts.play_role("`a`; DROP TABLE zillow_auth")),
        (own_texts.PING, own_texts.play_role("ALL")),
    ]
    for statement, before in refused:
        with pytest.raises(StatementRefused):
            databases.ask(None, statement, before=before)


def test_a_write_that_is_sent_is_refused_by_the_session(world: World) -> None:
    databases = world.open()
    for statement in (
        "INSERT INTO zillow_auth (id) VALUES (1)",
        "UPDATE crm_accounts SET title = ''",
        "DROP TABLE zillow_auth",
        "CREATE TABLE mine (id INT)",
    ):
        with pytest.raises(SourceFailure) as caught:
            send(databases, statement)
        assert caught.value.kind in {FailureKind.REJECTED, FailureKind.DENIED}


@pytest.mark.mariadb
def test_the_session_refuses_writes_even_to_a_login_that_may_write(mariadb_world: MariaDBWorld) -> None:
    server = mariadb_world.server
    databases = mariadb_world.open(common_url=server.url(mariadb_world.common), password=server.root_password)
    for statement in (
        "INSERT INTO zillow_auth (id) VALUES (1)",
        "DROP TABLE zillow_auth",
        "CREATE TABLE mine (id INT)",
    ):
        with pytest.raises(SourceFailure, match="read-only") as caught:
            send(databases, statement)
        assert caught.value.kind is FailureKind.REJECTED
    assert server.execute("SELECT count(*) FROM zillow_auth", database=mariadb_world.common) == [(0,)]


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1@evil.example",
        "127.0.0.1:3307",
        "evil.example/fub?ssl_disabled=1",
        "127.0.0.1#",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "/var/run/mysqld/mysqld.sock",
        "-oProxyCommand",
        "",
        HOSTILE,
        "a" * 254,
        "%31%32%37.0.0.1",
        "{db_user}",
    ],
)
def test_a_host_that_is_no_host_is_refused(mariadb_world: MariaDBWorld, host: str) -> None:
    mariadb_world.add_account(66, host=host)
    databases = mariadb_world.open()
    with pytest.raises(SourceFailure, match="db_host of this account") as caught:
        databases.read_client(66, select(databases.table("users").c.id))
    assert caught.value.kind is FailureKind.MALFORMED
    assert caught.value.reason.isprintable()


@pytest.mark.parametrize(
    "name",
    ["../common", "/etc/passwd", "a/../b", "a.db?mode=rwc", "..", "a b", "a`; DROP", "{db_host}", HOSTILE],
)
def test_a_database_name_that_is_no_name_is_refused(world: World, name: str) -> None:
    world.add_account(67, name=name)
    databases = world.open()
    with pytest.raises(SourceFailure, match="db_database of this account") as caught:
        databases.read_client(67, select(databases.table("users").c.id))
    assert caught.value.kind is FailureKind.MALFORMED


def test_hosts_are_names_and_addresses_of_both_families(mariadb_world: MariaDBWorld) -> None:
    databases = mariadb_world.open()
    for account_id, host in enumerate(("localhost", "127.0.0.1"), start=1):
        mariadb_world.add_account(account_id, host=host)
        assert databases.read_client(account_id, select(databases.table("users").c.id)).rows == ({"id": account_id},)
    mariadb_world.add_account(3, host="::1")
    with pytest.raises(SourceFailure) as caught:
        databases.read_client(3, select(databases.table("users").c.id))
    assert caught.value.kind is FailureKind.UNREACHABLE


def test_client_databases_need_their_setting(sqlite_world: SQLiteWorld) -> None:
    sqlite_world.add_account(1)
    databases = sqlite_world.open(client_url=None)
    with pytest.raises(SourceFailure, match=r"databases\.client_url is not set") as caught:
        databases.read_client(1, select(databases.table("users").c.id))
    assert caught.value.kind is FailureKind.NOT_CONFIGURED
