"""The world that benchmarks are measured on: exactly as much as was asked for, on files and on a server."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pymysql
import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import UserError
from sandbox.rows.scale_rows import ScaleSize
from sandbox.scale import ScaleWorld, fill_scale, remove_scale

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

SIZES: dict[str, Any] = {
    "rows": 2_000_000 // 250,
    "accounts": 4,
    "agents_in_one": 300,
    "agents": 10,
    "deals": 3,
    "deals_in_one": 40,
    "webhooks": 1_000,
}


def _files(world: ScaleWorld, statement: str, account: int | None = None) -> list[tuple[Any, ...]]:
    name = world.common_url if account is None else world.client_url.format(db_database=f"scale_client_{account}")
    with closing(sqlite3.connect(name.removeprefix("sqlite:///"))) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ScaleWorld:
    """A small one, as files."""
    return fill_scale(f"sqlite:///{tmp_path_factory.mktemp('scale')}", **SIZES)


def test_there_are_as_many_rows_as_asked_for(world: ScaleWorld) -> None:
    assert _files(world, "SELECT COUNT(*), MIN(id), MAX(id) FROM zillow_lead_events_log") == [(8_000, 1, 8_000)]
    assert _files(world, "SELECT COUNT(*) FROM zillow_webhook_events") == [(1_000,)]
    assert _files(world, "SELECT COUNT(*), COUNT(DISTINCT db_database) FROM accounts") == [(4, 4)]
    for account in world.size.account_ids:
        large = account == world.large_account
        counts = [_files(world, f"SELECT COUNT(*) FROM {table}", account)[0][0] for table in ("zillow_agents", "deals")]  # noqa: S608
        assert counts == ([300, 40] if large else [10, 3])


def test_the_figures_are_known_beforehand(world: ScaleWorld) -> None:
    methods: Counter[int] = Counter()
    for account in world.size.account_ids:
        statement = "SELECT resolution_method, COUNT(*) FROM zillow_agents GROUP BY resolution_method"
        methods.update(dict(_files(world, statement, account)))
    assert methods == world.size.resolutions()
    assert _files(world, "SELECT COUNT(*) FROM zillow_auth") == [(world.size.sync_users(),)]
    assert _files(world, "SELECT COUNT(*) FROM zillow_sync_users") == [(methods[1],)]
    linked = (
        "SELECT COUNT(*) FROM zillow_auth a JOIN zillow_sync_users s "
        "ON s.id = a.zillow_sync_user_id AND s.user_id = a.user_id AND s.account_id = a.account_id"
    )
    assert _files(world, linked) == [(methods[1],)]
    orphans = "SELECT COUNT(*) FROM zillow_lead_events_log WHERE sync_user_id NOT IN (SELECT id FROM zillow_sync_users)"
    assert _files(world, orphans) == [(0,)]


def test_shares_are_those_of_production() -> None:
    counts = ScaleSize(rows=0, accounts=1, agents_in_one=10_000).resolutions()
    assert counts == {1: 4_700, 3: 1_600, 4: 3_700}


def test_a_window_holds_the_same_number_however_many_rows_there_are(tmp_path: Path) -> None:
    small, large = (
        fill_scale(f"sqlite:///{tmp_path / str(rows)}", **{**SIZES, "rows": rows}) for rows in (3_000, 9_000)
    )
    for made in (small, large):
        cut = f"datetime({made.anchor} - 60, 'unixepoch') || '.000000'"
        recent = f"SELECT COUNT(*) FROM zillow_lead_events_log WHERE created_at > {cut}"  # noqa: S608
        assert _files(made, recent) == [(1_200,)]
        order = "SELECT COUNT(*) FROM zillow_lead_events_log a JOIN zillow_lead_events_log b ON b.id = a.id + 1"
        assert _files(made, f"{order} WHERE b.created_at < a.created_at") == [(0,)]


def test_further_rows_follow_without_a_gap(tmp_path: Path) -> None:
    world = fill_scale(f"sqlite:///{tmp_path}", **SIZES)
    newest = "SELECT COUNT(*), MAX(id), MAX(created_at) FROM zillow_lead_events_log"
    before = _files(world, newest)
    world.append(50)
    ((count, last, moment),) = _files(world, newest)
    assert (count, last) == (8_050, 8_050)
    assert moment >= before[0][2]
    world.remove()
    assert list(tmp_path.glob("*.db")) == []


def test_the_indexes_of_the_event_tables_are_there(world: ScaleWorld) -> None:
    plan = _files(world, "EXPLAIN QUERY PLAN SELECT 1 FROM zillow_lead_events_log WHERE created_at > '2026'")
    assert "ix_zillow_lead_events_log_created_at" in plan[0][3]
    tables = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'scale_numbers'"
    assert _files(world, tables) == [(0,)]


@pytest.mark.parametrize("wrong", [{"rows": -1}, {"accounts": 0}, {"agents_in_one": 100_000}, {"rows_per_s": 0.0}])
def test_sizes_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="sizes cannot be"):
        fill_scale(f"sqlite:///{tmp_path}", **{**SIZES, **wrong})


def test_the_command_leaves_a_settings_file_and_takes_it_all_away_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "scale", "--directory", str(tmp_path)]
    sizes = ["--rows", "500", "--accounts", "2", "--agents-in-one", "20", "--deals-in-one", "5", "--webhooks", "10"]
    said = orjson.loads(subprocess.run([*command, *sizes], capture_output=True, check=True, timeout=60).stdout)
    settings = load_settings(config=Path(said["config"]), environ={}).settings
    assert settings.databases.common_url == said["common_url"]
    assert settings.state_dir == tmp_path / "state"
    assert len(list(tmp_path.glob("scale_client_*.db"))) == 2
    subprocess.run([*command, "--remove"], capture_output=True, check=True, timeout=60)
    assert list(tmp_path.glob("*.db")) == []


@pytest.mark.mariadb
def test_a_server_holds_the_same_and_lets_the_console_only_read(mariadb: MariaDB, world: ScaleWorld) -> None:
    made = fill_scale(mariadb.root_url, prefix="scaletest", **SIZES)
    try:
        for statement in (
            "SELECT COUNT(*), MAX(id), SUM(sync_status = 'failed'), SUM(sync_user_id) FROM zillow_lead_events_log",
            "SELECT status, COUNT(*), SUM(account_id) FROM zillow_webhook_events GROUP BY status ORDER BY status",
            "SELECT COUNT(*), SUM(connection_health_status = 'healthy') FROM zillow_sync_users",
        ):
            there = mariadb.execute(statement, database="scaletest_common")
            here = _files(world, statement)
            assert [tuple(map(str, row)) for row in there] == [tuple(map(str, row)) for row in here]
        recent = "SELECT TIMESTAMPDIFF(SECOND, MIN(created_at), MAX(created_at)) FROM zillow_lead_events_log"
        assert mariadb.execute(recent, database="scaletest_common") == [(399,)]
        reading = pymysql.connect(
            host="127.0.0.1",
            port=mariadb.port,
            user="scaletest_console",
            password=made.password,
            database=f"scaletest_client_{made.large_account}",
            connect_timeout=5,
            read_timeout=30,
        )
        with reading, reading.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM zillow_agents")
            assert cursor.fetchall() == ((300,),)
            with pytest.raises(pymysql.MySQLError):
                cursor.execute("DELETE FROM zillow_agents")
        assert made.password not in repr(made)
        (plan,) = mariadb.execute(
            "EXPLAIN SELECT * FROM zillow_lead_events_log WHERE created_at > UTC_TIMESTAMP() - INTERVAL 1 MINUTE",
            database="scaletest_common",
        )
        assert plan[5] == "ix_zillow_lead_events_log_created_at"
        made.append(10)
        assert mariadb.execute("SELECT MAX(id) FROM zillow_lead_events_log", database="scaletest_common") == [(8_010,)]
    finally:
        remove_scale(mariadb.root_url, prefix="scaletest")
    left = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'scaletest%'"
    assert mariadb.execute(left) == [(0,)]
