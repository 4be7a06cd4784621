"""The stand-ins' sixty-four accounts: fan-out and analytics engine agree to the row, on files and on a server."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.fleet.fleet import Fleet
from diagnostics.fleet.models import ANALYTICS, FAN_OUT, FleetQuestion
from diagnostics.fleet.questions import RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS
from diagnostics.sources.mysql.databases import Databases
from sandbox.launch import SandboxProcess, start_sandbox
from tests.shipped import shipped_catalogue

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

PREFIX = "fleetbox"
QUESTIONS = (RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS(400 * 86_400))
TABLES = ("zillow_agents", "deals")


@contextmanager
def opened(process: SandboxProcess, state: Path, analytics: str | None = None) -> Iterator[Fleet]:
    """The fleet of a sandbox, with the analytics engine at that address."""
    flags = {**process.flags(), "state_dir": str(state), "fleet.deadline_s": 120.0}
    if analytics is not None:
        flags |= {"analytics.url": analytics, "analytics.zillow_agents": "zillow_agents", "analytics.deals": "deals"}
    settings = load_settings(None, flags, {}).settings
    databases = Databases(settings.databases, shipped_catalogue().schema_map)
    fleet = Fleet(databases, settings)
    try:
        yield fleet
    finally:
        fleet.close()
        databases.close()


def agree(process: SandboxProcess, state: Path, analytics: str, question: FleetQuestion) -> None:
    with opened(process, state) as fleet:
        fanned = fleet.ask(question)
    with opened(process, state, analytics) as fleet:
        analysed = fleet.ask(question)
    assert (fanned.origin, analysed.origin) == (FAN_OUT, ANALYTICS)
    assert fanned.coverage.words() == analysed.coverage.words() == "64 of 64 accounts"
    assert fanned.rows == analysed.rows
    assert sum(len(found.rows) for found in fanned.rows) >= 64


@pytest.fixture(scope="module")
def files() -> Iterator[SandboxProcess]:
    with start_sandbox("healthy") as process:
        yield process


@pytest.fixture(scope="module")
def served(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    with start_sandbox(
        "healthy", database_url=mariadb.root_url, schema_prefix=PREFIX, ready_timeout_s=120.0
    ) as process:
        yield process


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name[:12])
def test_both_agree_on_files(files: SandboxProcess, tmp_path: Path, question: FleetQuestion) -> None:
    common = files.common_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(common)) as connection:
        names = [name for (name,) in connection.execute("SELECT db_database FROM accounts")]
    analytics = tmp_path / "analytics.db"
    with closing(sqlite3.connect(analytics)) as connection:
        for number, name in enumerate(names):
            path = files.client_url.removeprefix("sqlite:///").replace("{db_database}", name)
            connection.execute("ATTACH DATABASE ? AS other", (path,))
            for table in TABLES:
                how = f"INSERT INTO {table} SELECT" if number else f"CREATE TABLE {table} AS SELECT"
                connection.execute(f"{how} * FROM other.{table}")
            connection.commit()
            connection.execute("DETACH DATABASE other")
    agree(files, tmp_path, f"sqlite:///{analytics}", question)


@pytest.mark.mariadb
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name[:12])
def test_both_agree_on_a_server(
    served: SandboxProcess, mariadb: MariaDB, tmp_path: Path, question: FleetQuestion
) -> None:
    schema, login = "fleetanalytics", "fleetanalytics_reader"
    names = [name for (name,) in mariadb.execute(f"SELECT db_database FROM {PREFIX}_common.accounts")]  # noqa: S608
    mariadb.create_schema(schema)
    for number, name in enumerate(names):
        for table in TABLES:
            how = f"INSERT INTO {schema}.{table}" if number else f"CREATE TABLE {schema}.{table} AS"
            mariadb.execute(f"{how} SELECT * FROM `{name}`.{table}")  # noqa: S608
    mariadb.create_user(login, "reader", schemas=[schema])
    agree(served, tmp_path, mariadb.url(schema, login, "reader"), question)
    mariadb.execute(f"DROP DATABASE {schema}", f"DROP USER '{login}'@'%'")


def test_the_stale_agents_of_the_story_are_among_the_candidates(files: SandboxProcess, tmp_path: Path) -> None:
    with opened(files, tmp_path) as fleet:
        (found,) = fleet.ask(STALE_CANDIDATES, accounts=[14009]).rows
        everybody = fleet.ask(RESOLUTION_COUNTS)
    inferred = [row for row in found.rows if row["method"] == 3]
    assert len({row["agent_id"] for row in inferred}) == len(inferred) == 47
    methods: Counter[object] = Counter()
    for account in everybody.rows:
        for row in account.rows:
            methods[row["method"]] += row["count"] if isinstance(row["count"], int) else 0
    # The retired method is still there, and comes as it is stored.
    assert set(methods) == {1, 2, 3, 4}
    assert any("suspended" in note for note in everybody.notes)
