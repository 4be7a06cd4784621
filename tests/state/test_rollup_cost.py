"""Cost of counting: statements and rows read do not grow with the table, and no plan reads all of it."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import mysql

from diagnostics.store.rollups import RollupLimits, SyncRollup
from tests.state.events import SMALL, TABLE, EventsWorld, Listening, MariaDBEvents, ago, steady

DAY = 86_400


def heard_by(rollup: SyncRollup) -> Listening:
    """The source behind a rollup."""
    databases = rollup._context.databases
    assert isinstance(databases, Listening)
    return databases


def counted(world: EventsWorld, rows: int) -> SyncRollup:
    """A rollup that has settled everything, in a table of so many rows, all but the last 400 of them old."""
    world.empty()
    world.insert(steady(1, rows - 400, begin=ago(days=300), every_s=0.1))
    world.insert(steady(rows - 399, 400, begin=ago(hours=2), every_s=10))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.pass_time(60)
    world.insert(steady(rows + 1, 30, begin=ago(minutes=1), every_s=1))
    heard_by(rollup).heard.clear()
    return rollup


def test_a_refresh_sends_as_many_statements_whatever_the_size_of_the_table(world: EventsWorld) -> None:
    sent = []
    for rows in (2_000, 20_000):
        rollup = counted(world, rows)
        rollup.refresh()
        sent.append(len(heard_by(rollup).heard))
    assert sent[0] == sent[1] <= 8


@pytest.mark.mariadb
def test_a_refresh_reads_as_many_rows_whatever_the_size_of_the_table(mariadb_events: MariaDBEvents) -> None:
    world, read = mariadb_events, []
    for rows in (2_000, 20_000):
        rollup = counted(world, rows)
        before = rows_read(world)
        rollup.refresh()
        read.append(rows_read(world) - before)
    assert read[1] <= read[0] * 1.05 < 1_500


@pytest.mark.mariadb
def test_the_first_count_reads_the_recent_hours_and_little_more(mariadb_events: MariaDBEvents) -> None:
    world = mariadb_events
    world.insert(steady(1, 19_600, begin=ago(days=300), every_s=0.1))
    world.insert(steady(19_601, 400, begin=ago(hours=2), every_s=10))
    rollup, before = world.rollup(), rows_read(world)
    rollup.refresh()
    assert rows_read(world) - before < 1_500
    assert len(heard_by(rollup).heard) < 25


@pytest.mark.mariadb
@pytest.mark.parametrize("limits", [SMALL, RollupLimits()], ids=["small parts", "parts larger than the table"])
def test_no_statement_reads_the_whole_table(mariadb_events: MariaDBEvents, limits: RollupLimits) -> None:
    world = mariadb_events
    world.insert(steady(1, 3_000, begin=ago(hours=30), every_s=36))
    world.insert([(990_000_001, "success", ago(minutes=1))])
    rollup = world.rollup(limits)
    rollup.refresh()
    rollup.widen(most_s=3 * DAY)
    for _ in range(3):
        world.pass_time(300)
        rollup.refresh()
    world.run(f"DELETE FROM {TABLE} WHERE id BETWEEN 1000 AND 2000")  # noqa: S608  # a name of ours
    rollup.refresh()
    world.run(f"DELETE FROM {TABLE} WHERE id > 2500")  # noqa: S608  # a name of ours
    rollup.refresh()
    heard = heard_by(rollup).heard
    assert len({str(statement) for statement in heard}) >= 4
    assert [sql for sql in map(sent, heard) if reads_everything(world, sql)] == []


def sent(statement: object) -> str:
    """A statement as MariaDB gets it."""
    compiled = statement.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]  # a select
    return str(compiled).replace("%%", "%")


def reads_everything(world: MariaDBEvents, sql: str) -> bool:
    """Whether a plan has a step that reads a whole table or a whole index."""
    plan = world.server.execute(f"EXPLAIN {sql}", database=world.schema)
    return any(kind in {"ALL", "index"} for _, _, _, kind, *_ in plan)


def rows_read(world: MariaDBEvents) -> int:
    """Rows that the server's tables, the store's among them, have handed out so far."""
    kinds = "'Handler_read_key', 'Handler_read_next', 'Handler_read_prev', 'Handler_read_rnd_next'"
    rows = world.server.execute(f"SHOW GLOBAL STATUS WHERE variable_name IN ({kinds})")
    return sum(int(value) for _, value in rows)
