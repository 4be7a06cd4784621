"""Odd but legal data: flags of every type, zero dates, bytes that are no text, large ids, sessions set otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import case, func, literal_column, select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.triage import Status
from diagnostics.sources.mysql.tables import flag_of
from tests.databases.test_doctor import lines_of
from tests.databases.worlds import MariaDBWorld, SQLiteWorld, World, mapped, schema_map, send

# What each type holds for yes and no: https://dev.mysql.com/doc/refman/8.4/en/bit-type.html (bytes on the wire),
# https://mariadb.com/kb/en/boolean/ (TINYINT(1)); letters and words are what applications write into CHAR.
YES = (1, True, b"\x01", "1", "Y", "y ", "yes", "T", "true", "ON", b"Y")
NO = (0, False, b"\x00", "0", "N", "no", "F", "FALSE", "off", b"n", b"0")
NEITHER = (None, "", " ", "?", "maybe", 2, -1, b"\x02", b"", b"\xff", "10", "enabled", 0.5)


@pytest.mark.parametrize(
    ("cell", "means"), [*((one, True) for one in YES), *((one, False) for one in NO), *((one, None) for one in NEITHER)]
)
def test_a_flag_is_what_its_cell_says_and_nothing_else_is_true(cell: object, means: bool | None) -> None:
    assert flag_of(cell) is means


@pytest.mark.mariadb
@pytest.mark.honesty(
    "flags as BIT(1), CHAR(1) or words", "decoded; a cell that says neither yes nor no is no data, in SQL as in Python"
)
@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("BOOLEAN", ("1", "0", "NULL", "2")),
        ("BIT(1)", ("b'1'", "b'0'", "NULL", "NULL")),
        ("CHAR(1)", ("'Y'", "'N'", "NULL", "'?'")),
        ("ENUM('true','false','')", ("'true'", "'false'", "NULL", "''")),
        ("VARBINARY(5)", ("'on'", "'off'", "NULL", "x'FF'")),
    ],
)
def test_sql_and_python_read_the_same_flag(mariadb_world: MariaDBWorld, kind: str, cells: tuple[str, ...]) -> None:
    world = mariadb_world
    rows = [f"INSERT INTO feature_flags VALUES ({number}, 'f', {cell})" for number, cell in enumerate(cells)]  # noqa: S608  # as above
    world.execute(world.common, f"ALTER TABLE feature_flags MODIFY enabled {kind} NULL", *rows)
    databases = world.open()
    flags = databases.table("feature_flags")
    told = case((flags.c.enabled.is_(True), 1), (flags.c.enabled.is_(False), 0))
    read = databases.read_common(
        select(
            flags.c.enabled, told.label("sql"), case((flags.c.enabled.is_(None), 1), else_=0).label("none")
        ).order_by(flags.c.account_id)
    )
    assert [row["enabled"] for row in read.rows] == [True, False, None, None]
    assert [row["sql"] for row in read.rows] == [1, 0, None, None]
    assert [row["none"] for row in read.rows] == [0, 0, 1, 1]


@pytest.mark.mariadb
@pytest.mark.honesty(
    "zero dates (0000-00-00, 2025-00-10)",
    "no date where the year is zero, else the first day that it may be; the same in SQL and in Python",
)
def test_a_zero_date_is_no_date_on_either_side(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    world.execute(
        world.common,
        "SET SESSION sql_mode = ''",
        "INSERT INTO zillow_webhook_events VALUES (1, 'x', '0000-00-00'), (2, 'x', NULL), "
        "(3, 'x', '2025-11-17 12:00'), (4, 'x', '2025-00-10'), (5, 'x', '2025-03-00 07:00')",
    )
    databases = world.open()
    events = databases.table("zillow_webhook_events")
    at = events.c.received_at
    conditions = {
        "none": at.is_(None),
        "some": at.is_not(None),
        "not some": ~at.is_not(None),
        "before": at < literal_column("'2026-01-01'"),
        "until": at <= literal_column("'2026-01-01'"),
        "after": at > literal_column("'2000-01-01'"),
    }
    counted = {name: func.sum(case((condition, 1), else_=0)) for name, condition in conditions.items()}
    row = databases.read_common(select(*(column.label(name) for name, column in counted.items()))).rows[0]
    assert row == {"none": 2, "some": 3, "not some": 2, "before": 3, "until": 3, "after": 3}
    dated = [row["received_at"] for row in databases.read_common(select(at).order_by(events.c.id)).rows]
    known = [datetime(2025, 11, 17, 12, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)]
    assert dated == [None, None, *known], "a date without its month or day is where SQL puts it in order"
    in_order = databases.read_common(select(at).where(at.is_not(None)).order_by(at)).rows
    assert [row["received_at"] for row in in_order] == sorted(known)


@pytest.mark.mariadb
@pytest.mark.honesty(
    "bytes that are no text", "one mark in that name; the rest of the answer and the next statement stand"
)
def test_one_undecodable_name_costs_no_answer_and_no_connection(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    name = f"bad_{uuid4().hex[:8]}"
    layout = "id BIGINT PRIMARY KEY, name {kind}, synced_at DATETIME"
    for table, kind in ((name, "VARBINARY(160)"), (f"{name}_text", "VARCHAR(40) CHARACTER SET utf8mb4")):
        world.execute(world.common, f"CREATE TABLE {table} ({layout.format(kind=kind)}) ENGINE=MyISAM")
    world.execute(
        world.common,
        f"INSERT INTO {name} VALUES (1, x'416E6EE9', NULL), (2, 'Zo', NULL)",  # noqa: S608  # a name of this test
        "FLUSH TABLES",
    )
    # What a copied file leaves behind: a text column whose bytes another character set wrote ("Ann\xe9" in Latin-1).
    folder = Path(str(world.server.execute("SELECT @@datadir")[0][0])) / world.common
    for ending in ("MYD", "MYI"):
        (folder / f"{name}_text.{ending}").write_bytes((folder / f"{name}.{ending}").read_bytes())
    world.execute(world.common, "FLUSH TABLES")
    databases = world.open(schema_map(mapped("deals", "common", ["id", "name", "synced_at"], name=f"{name}_text")))
    deals = databases.table("deals")
    statement = select(deals.c.id, deals.c.name).order_by(deals.c.id)
    assert [row["name"] for row in databases.read_common(statement).rows] == ["Ann\ufffd", "Zo"]
    assert databases.ping_common().rows == 1
    assert world.connections() == 1


@pytest.mark.mariadb
@pytest.mark.honesty("sql_select_limit, sql_mode, time zone of a server", "set for the session; the doctor looks")
def test_what_the_server_sets_for_every_session_changes_no_answer(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    world.insert(world.common, "feature_flags", *((number, "f", 1) for number in range(5)))
    names = ("sql_select_limit", "sql_mode", "time_zone", "sql_auto_is_null")
    before = {name: world.server.execute(f"SELECT @@GLOBAL.{name}")[0][0] for name in names}
    try:
        world.server.execute(
            "SET GLOBAL sql_select_limit = 2",
            "SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH,ONLY_FULL_GROUP_BY'",
            "SET GLOBAL time_zone = '+05:00'",
        )
        databases = world.open()
        flags = databases.table("feature_flags")
        assert len(databases.read_common(select(flags.c.account_id)).rows) == 5
        assert send(databases, 'SELECT "x" AS a, 0 || 1 AS b') == ({"a": "x", "b": 1},)
        assert lines_of(databases, 404)["common", "read-only session"].status is Status.PASS
    finally:
        for name, value in before.items():
            world.server.execute(f"SET GLOBAL {name} = %s", arguments=(value,))


@pytest.mark.mariadb
def test_an_id_beyond_2_63_is_found(mariadb_world: MariaDBWorld) -> None:
    world, account = mariadb_world, 2**64 - 1
    world.execute(world.common, "ALTER TABLE crm_accounts MODIFY account_no BIGINT UNSIGNED")
    world.add_account(account, title="Unsigned", name=world.common)
    assert world.open().account(account).name == "Unsigned"


@pytest.mark.honesty("ids beyond 2^63", "work on MySQL and MariaDB; refused in words where they cannot be")
def test_an_id_beyond_what_sqlite_holds_is_refused_in_words(sqlite_world: SQLiteWorld) -> None:
    with pytest.raises(SourceFailure) as told:
        sqlite_world.open().account(2**63)
    assert told.value.kind is FailureKind.REJECTED
    assert "beyond 9,223,372,036,854,775,807" in told.value.reason


@pytest.mark.honesty("a mapped column of another type", "the doctor names column, type and what is expected")
def test_the_doctor_names_columns_whose_types_mislead(world: World) -> None:
    world.execute(
        world.common,
        "DROP TABLE feature_flags",
        "CREATE TABLE feature_flags (account_id VARCHAR(20), flag_name BLOB, enabled DOUBLE)",
        "DROP TABLE zillow_webhook_events",
        "CREATE TABLE zillow_webhook_events (id BIGINT PRIMARY KEY, status VARCHAR(20), received_at INT)",
    )
    lines = lines_of(world.open(), 404)
    flags = lines["common", "types of feature_flags"]
    assert flags.status is Status.FAIL
    assert "account_id is varchar(20), expected a whole number" in flags.detail
    assert "enabled is double, expected boolean, bit(1)" in flags.detail
    moments = lines["common", "types of zillow_webhook_events"]
    assert moments.detail.startswith("received_at is int")
    assert moments.detail.endswith("expected datetime or timestamp, in UTC")
    assert not [subject for _, subject in lines if subject == "types of zillow_auth"]
