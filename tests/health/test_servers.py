"""Level 2 on MariaDB: the same figures as on SQLite, and no full scan of an event table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.health.connections import connection_health, problems
from diagnostics.health.kpis import read_latency
from diagnostics.models.status import Status
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from tests.health.conftest import GENEROUS

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

pytestmark = pytest.mark.mariadb

PREFIX = "healthtest"
EVENT_TABLES = ("zillow_webhook_events", "zillow_lead_events_log")


@pytest.fixture(scope="module")
def served(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    with start_sandbox(
        "oauth_cascade",
        database_url=mariadb.root_url,
        schema_prefix=PREFIX,
        ready_timeout_s=120.0,
        rate_limits=GENEROUS,
    ) as process:
        yield process


@pytest.fixture
def service(served: SandboxProcess, tmp_path: Path) -> Iterator[Diagnostics]:
    settings = load_settings(flags=served.flags() | {"state_dir": str(tmp_path)}).settings
    with Diagnostics.open(settings, load_catalogue()) as opened:
        yield opened


def test_the_figures_are_those_of_the_story(service: Diagnostics) -> None:
    health = service.health
    overview = health.overview()
    assert overview.health.value == pytest.approx(70.2)
    assert overview.sync.value is not None
    counts = {figure.id: figure.value for figure in health.connections().counts}
    assert counts == {"healthy": 702, "warning": 38, "error": 260, "disabled": 500}
    found = health.resolution()
    # 160 agents lost the CONNECTED resolution.
    assert [share.count for share in found.shares] == [4_512, 1_599, 3_889]
    assert (found.retired, found.total) == (12, 10_000)


def test_every_figure_loads(service: Diagnostics) -> None:
    figures = (*service.health.kpis(), *service.health.leading())
    assert [figure.id for figure in figures if figure.status is Status.UNREACHABLE] == []
    assert all(system.status is not Status.UNREACHABLE for system in service.health.systems())


def test_pages_of_problems_meet_every_row_once(service: Diagnostics) -> None:
    seen: list[int] = []
    after: str | None = None
    while True:
        page = service.health.problems("longest", after, limit=37)
        seen += [row.sync_user_id for row in page.rows]
        after = page.after
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 260


def test_no_statement_scans_an_event_table(service: Diagnostics, served: SandboxProcess, mariadb: MariaDB) -> None:
    context = service.context
    latency = read_latency(context, service.catalogue.thresholds["webhook_latency_p95"])
    plans = [(part.query, _plan(served, mariadb, part.query)) for part in latency.evidence]
    for query, plan in plans:
        for step in plan:
            if step["table"] in EVENT_TABLES:
                assert (step["type"], step["key"]) != ("ALL", None), query
                assert step["key"] is not None, query


def test_problems_are_read_from_their_index(service: Diagnostics, served: SandboxProcess, mariadb: MariaDB) -> None:
    first = problems(service.context, "newest", limit=5)
    second = problems(service.context, "newest", first.after, limit=5)
    for page in (first, second):
        (step,) = _plan(served, mariadb, page.evidence[0].query)
        assert step["key"] == "ix_zillow_sync_users_problem_at"
        assert "filesort" not in str(step["Extra"])
    assert connection_health(service.context).evidence


def _plan(served: SandboxProcess, mariadb: MariaDB, query: str) -> list[dict[str, Any]]:
    """EXPLAIN of a statement as its evidence states it, with its values put back in."""
    sql, _, said = query.partition(" -- ")
    values = dict(part.split("=", 1) for part in said.split(", "))
    # Longest names first: one may begin another.
    for name in sorted(values, key=len, reverse=True):
        value = values[name]
        shown = f"'{value.removesuffix(' UTC')}'" if value.endswith(" UTC") else value
        sql = sql.replace(f":{name}", shown)
    connection = pymysql.connect(
        host="127.0.0.1",
        port=mariadb.port,
        user=f"{PREFIX}_console",
        password=str(served.flags()["databases.password"]),
        database=f"{PREFIX}_common",
        connect_timeout=5,
        read_timeout=30,
        ssl_disabled=True,
        cursorclass=pymysql.cursors.DictCursor,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return list(cursor.fetchall())
