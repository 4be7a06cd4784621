"""The databases of a story on a MariaDB server: the same figures, a login that only reads, nothing left at the end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pymysql
import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.triage import Status, TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.rows.common_rows import LEAD_EVENT_FIRST
from sandbox.stores.server_store import ServerStore
from sandbox.stores.ticker import Ticker
from sandbox.stories.story import Story
from tests.mariadb import private_mariadb
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

pytestmark = pytest.mark.mariadb

PREFIX = "sandboxtest"
START_S = 120.0


@pytest.fixture(scope="module")
def served(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    """The drift on a server, with the analytics engine's stand-in beside it."""
    options: dict[str, Any] = {"schema_prefix": PREFIX, "ready_timeout_s": START_S, "analytics": True}
    with start_sandbox("resolution_drift", database_url=mariadb.root_url, **options) as process:
        yield process


def _ask(process: SandboxProcess, port: int, statement: str, schema: str = "common") -> list[tuple[Any, ...]]:
    """Run a statement with the console's own login."""
    connection = pymysql.connect(
        host="127.0.0.1",
        port=port,
        user=f"{PREFIX}_console",
        password=str(process.flags()["databases.password"]),
        database=f"{PREFIX}_{schema}",
        connect_timeout=5,
        read_timeout=30,
        ssl_disabled=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_the_figures_are_those_of_the_story(served: SandboxProcess, mariadb: MariaDB) -> None:
    states = dict(_ask(served, mariadb.port, "SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"))
    assert states["pending"] + states["processing"] + states["failed"] == 24
    assert "lost" not in states
    (shares,) = _ask(
        served,
        mariadb.port,
        "SELECT SUM(connection_health_status = 'healthy'), COUNT(*) FROM zillow_sync_users "
        "WHERE zillow_integration_id IS NOT NULL",
    )
    # 98.80 %: the share of healthy connections on a day without trouble, from the team's baseline metrics.
    assert tuple(map(int, shares)) == (988, 1_000)
    inferred = "SELECT COUNT(*) FROM zillow_agents WHERE resolution_method = 3"
    assert _ask(served, mariadb.port, inferred, "client_14009") == [(47,)]
    ((accounts, apart),) = _ask(served, mariadb.port, "SELECT COUNT(*), COUNT(DISTINCT db_database) FROM accounts")
    assert accounts == apart == 64


def test_the_addresses_name_the_login_and_no_password(served: SandboxProcess, mariadb: MariaDB) -> None:
    assert served.common_url == f"mysql+pymysql://{PREFIX}_console@127.0.0.1:{mariadb.port}/{PREFIX}_common"
    assert served.client_url == f"mysql+pymysql://{{db_user}}@{{db_host}}:{mariadb.port}/{{db_database}}"
    seen = subprocess.run(["ps", "-o", "args=", "-p", str(served.pid)], capture_output=True, text=True, check=True)
    assert mariadb.root_password not in seen.stdout
    assert str(served.flags()["databases.password"]) not in seen.stdout


def test_the_consoles_login_can_read_and_nothing_else(served: SandboxProcess, mariadb: MariaDB) -> None:
    grants = " ".join(grant for (grant,) in _ask(served, mariadb.port, "SHOW GRANTS"))
    assert "GRANT SELECT ON" in grants
    assert not any(word in grants for word in ("INSERT", "UPDATE", "DELETE", "FILE", "ALL PRIVILEGES", "SUPER"))
    for statement in ("DELETE FROM accounts", "CREATE TABLE x (id INT)", "UPDATE accounts SET name = ''"):
        with pytest.raises(pymysql.MySQLError):
            _ask(served, mariadb.port, statement)
    with pytest.raises(pymysql.MySQLError):
        _ask(served, mariadb.port, "SELECT user FROM mysql.user")


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT COUNT(*) FROM zillow_webhook_events WHERE status = 'lost' AND received_at > NOW() - INTERVAL 1 DAY",
            "zillow_webhook_events_status_received",
        ),
        (
            "SELECT * FROM zillow_lead_events_log WHERE created_at > UTC_TIMESTAMP() - INTERVAL 5 MINUTE",
            "ix_zillow_lead_events_log_created_at",
        ),
        ("SELECT * FROM zillow_auth WHERE account_id = 14009", "zillow_auth_account_user"),
    ],
)
def test_the_indexes_of_production_are_used(
    served: SandboxProcess, mariadb: MariaDB, statement: str, index: str
) -> None:
    (plan,) = _ask(served, mariadb.port, f"EXPLAIN {statement}")
    assert plan[5] == index


def test_schemas_that_are_not_the_sandboxs_are_refused_and_left_alone(mariadb: MariaDB) -> None:
    schema = mariadb.create_schema("precious_common", "CREATE TABLE kept (id INT)")
    with pytest.raises(UserError, match="did not make"):
        start_sandbox("healthy", database_url=mariadb.root_url, schema_prefix="precious", ready_timeout_s=START_S)
    assert mariadb.execute("SHOW TABLES", database=schema) == [("kept",)]
    mariadb.execute(f"DROP DATABASE {schema}")


def test_a_wrong_password_is_a_source_failure_that_does_not_show_it(mariadb: MariaDB) -> None:
    url = mariadb.url(password="wrong-and-hidden")
    with pytest.raises(SourceFailure) as caught:
        start_sandbox("healthy", database_url=url, ready_timeout_s=START_S)
    assert "Access denied" in caught.value.reason
    assert "wrong-and-hidden" not in caught.value.reason


def test_schemas_and_login_are_dropped_at_the_end_and_replaced_after_a_kill(mariadb: MariaDB, tmp_path: Path) -> None:
    def left() -> tuple[int, int]:
        ((schemas,),) = mariadb.execute(
            "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'killed\\_%'"
        )
        ((logins,),) = mariadb.execute("SELECT COUNT(*) FROM mysql.user WHERE user = 'killed_console'")
        return int(schemas), int(logins)

    options: dict[str, Any] = {"database_url": mariadb.root_url, "schema_prefix": "killed", "ready_timeout_s": START_S}
    first = start_sandbox("healthy", directory=tmp_path, **options)
    first._process.kill()  # as a crash would
    first.stop()
    assert left() == (65, 2)
    # The same story in the same directory takes them over; another one replaces them.
    with start_sandbox("healthy", directory=tmp_path, **options):
        assert left() == (65, 2)
    assert left() == (0, 0)


def _shares(mariadb: MariaDB, prefix: str) -> dict[int, int]:
    """Agents by resolution method over all client schemas."""
    names = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s"
    schemas = mariadb.execute(names, arguments=(rf"{prefix}\_client\_%",))
    parts = " UNION ALL ".join(f"SELECT resolution_method m FROM `{name}`.zillow_agents" for (name,) in schemas)  # noqa: S608
    counted = mariadb.execute(f"SELECT m, COUNT(*) FROM ({parts}) x GROUP BY m")  # noqa: S608
    return {int(method): int(count) for method, count in counted}


def test_the_drift_is_the_same_on_a_server_and_in_its_analytics(served: SandboxProcess, mariadb: MariaDB) -> None:
    expected = {1: 3_592, 2: 12, 3: 2_149, 4: 4_259}
    assert _shares(mariadb, PREFIX) == expected
    assert served.analytics_url == f"mysql+pymysql://sandboxtest_console@127.0.0.1:{mariadb.port}/sandboxtest_analytics"
    flags = served.flags()
    assert flags["analytics.password"] == flags["databases.password"]
    connection = pymysql.connect(
        host="127.0.0.1",
        port=mariadb.port,
        user="sandboxtest_console",
        password=str(flags["analytics.password"]),
        database="sandboxtest_analytics",
        connect_timeout=5,
        read_timeout=30,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT resolution_method, COUNT(*) FROM zillow_agents GROUP BY resolution_method")
        assert dict(cursor.fetchall()) == expected
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT account_id) FROM deals")
        ((deals, accounts),) = cursor.fetchall()
        assert accounts == 64
        assert deals > 64 * 36


def test_faults_of_clients_on_a_server_take_a_place_or_a_table_but_no_host(
    served: SandboxProcess, mariadb: MariaDB
) -> None:
    url = f"{served.url}/sandbox/faults"
    where = "SELECT db_host, db_database FROM accounts WHERE id = 30511"
    lost = "SHOW TABLES LIKE 'zillow\\_agents'"
    asked = {"set": ["client_missing:30511", "client_table_missing:30511"]}
    shown = httpx.post(url, json=asked, headers=served.controls).json()
    assert shown == {"faults": ["client_missing:30511", "client_table_missing:30511"]}
    assert mariadb.execute(where, database="sandboxtest_common") == [("", "")]
    assert mariadb.execute(lost, database="sandboxtest_client_30511") == []
    refused = httpx.post(url, json={"set": ["client_host_down:1"]}, headers=served.controls)
    assert refused.status_code == 400
    assert "none of their hosts can be taken away" in refused.text
    assert httpx.post(url, json={"clear": True}, headers=served.controls).json() == {"faults": []}
    assert mariadb.execute(where, database="sandboxtest_common") == [("127.0.0.1", "sandboxtest_client_30511")]
    assert mariadb.execute(lost, database="sandboxtest_client_30511") == [("zillow_agents",)]


@pytest.mark.matrix  # `tests/cli/test_on_mariadb.py` has the same server count the same backlog
def test_the_backlog_of_17_november_is_on_a_server_whole(mariadb: MariaDB) -> None:
    with start_sandbox("nov17", database_url=mariadb.root_url, schema_prefix="flooded", ready_timeout_s=START_S):
        counted = "SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"
        states = dict(mariadb.execute(counted, database="flooded_common"))
        assert states["pending"] + states["processing"] + states["failed"] == 212_631
        assert states["lost"] == 2


def test_schemas_on_a_server_are_late_and_as_before_when_it_ends(served: SandboxProcess, mariadb: MariaDB) -> None:
    url = f"{served.url}/sandbox/faults"
    # Of one moment: three hours that end with the asking would lose their oldest row while this test runs.
    since = mariadb.execute("SELECT NOW() - INTERVAL 3 HOUR", database=f"{PREFIX}_common")[0][0]
    late = "SELECT COUNT(*) FROM {} WHERE {} > %s AND {} < NOW()"
    questions = [
        (f"{PREFIX}_common", late.format("zillow_webhook_events", *["received_at"] * 2)),
        (f"{PREFIX}_common", late.format("zillow_connection_logs", *["created_at"] * 2)),
        (f"{PREFIX}_client_14009", late.format("deals", *["synced_at"] * 2)),
    ]

    def counts() -> list[int]:
        asked = [mariadb.execute(one, database=name, arguments=[since]) for name, one in questions]
        return [int(rows[0][0]) for rows in asked]

    before, shares = counts(), _shares(mariadb, PREFIX)
    assert min(before) > 0
    assert httpx.post(url, json={"set": ["behind:14400"]}, headers=served.controls, timeout=60).status_code == 200
    assert counts() == [0, 0, 0]
    assert _shares(mariadb, PREFIX) != shares
    assert httpx.post(url, json={"clear": True}, headers=served.controls, timeout=60).json() == {"faults": []}
    assert counts()[1:] == before[1:]
    assert _shares(mariadb, PREFIX) == shares


@pytest.mark.matrix  # the rows of one of them are counted by `test_odd_rows_change_no_figure_and_no_conclusion`
@pytest.mark.parametrize("scenario", ["account_14009", "account_75172", "account_148261"])
def test_the_stories_of_one_account_are_the_same_on_a_server(mariadb: MariaDB, scenario: str) -> None:
    def common(condition: str) -> int:
        statement = f"SELECT COUNT(*) FROM {condition}"  # noqa: S608  # constants of this test
        return int(mariadb.execute(statement, database="single_common")[0][0])

    with start_sandbox(scenario, database_url=mariadb.root_url, schema_prefix="single", ready_timeout_s=START_S):
        assert _shares(mariadb, "single") == {1: 4_672, 2: 12, 3: 1_599, 4: 3_729}
        assert common("zillow_connection_logs WHERE account_id = 14009 AND change_reason LIKE 'stale%'") == 47
        off = "zillow_sync_users WHERE account_id = 148261 AND problem_msg LIKE '%integration disabled'"
        assert common(f"{off} AND NOT zillow_integration_enabled") == 6
        everything_off = common("zillow_sync_users WHERE account_id = 148261") == 6
        assert everything_off is (scenario == "account_148261")
        unlinked = common("zillow_auth WHERE account_id = 75172 AND zillow_sync_user_id IS NULL") == 3
        assert unlinked is (scenario == "account_75172")


def test_odd_rows_change_no_figure_and_no_conclusion(mariadb: MariaDB, tmp_path: Path) -> None:
    prefix, limits = "oddrows", ("search=1000/10", "aggregate=1000/10")
    with start_sandbox(
        "account_148261",
        database_url=mariadb.root_url,
        schema_prefix=prefix,
        fault=["bits", "zerodates", "slow:0"],
        rate_limits=limits,
        ready_timeout_s=START_S,
    ) as sandbox:
        types = mariadb.execute(
            "SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = %s "
            "AND column_name IN ('zillow_integration_enabled', 'is_active', 'enabled')",
            arguments=(f"{prefix}_common",),
        )
        zeros = mariadb.execute(
            "SELECT COUNT(*) FROM zillow_sync_users WHERE problem_at = 0", database=f"{prefix}_common"
        )
        assert _shares(mariadb, prefix) == {1: 4_672, 2: 12, 3: 1_599, 4: 3_729}
        off = "SELECT COUNT(*) FROM zillow_sync_users WHERE account_id = 148261 AND problem_msg LIKE %s"
        disabled = mariadb.execute(off, database=f"{prefix}_common", arguments=("%integration disabled",))
        assert disabled == mariadb.execute(off, database=f"{prefix}_common", arguments=("%",)) == [(6,)]
        assert {kind for _, kind in types} == {"bit(1)", "char(1)"}
        assert zeros[0][0] > 500
        settings = load_settings(flags={**sandbox.flags(), "state_dir": str(tmp_path)}, environ={}).settings
        with Diagnostics.open(settings, load_catalogue()) as service:
            # 98.80 %: the share of healthy connections on a day without trouble, from the team's baseline metrics.
            assert service.health.overview().health.value == pytest.approx(98.8, abs=0.2)
            assert service.accounts.oauth(148_261).conclusion.code == "integration_disabled"
            application = service.check("oauth_application", TriageRequest(issue_type="oauth_failure"))
            assert application.status is Status.PASS


def test_odd_rows_are_refused_without_a_server() -> None:
    for spec, said in (("bits", "SQLite has no such columns"), ("zerodates", "SQLite has no such"), ("bits:3", "no")):
        with pytest.raises(UserError, match=said):
            start_sandbox("healthy", fault=spec, ready_timeout_s=START_S)


@pytest.mark.matrix  # the errors of a restart, without a server: `test_the_keeper_outlives_a_server_that_is_gone`
def test_the_keeper_goes_on_after_a_restart_and_writes_each_row_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sandbox.stores.ticker.TICK_S", 0.2)
    story = Story("nov17", 7, int(time.time()))
    with private_mariadb() as server:
        store = ServerStore(story, server.root_url, PREFIX, "a password")
        store.fill()
        ticker = Ticker(story, store)
        # A minute passes in a quarter of a second.
        ticker._now_s = lambda: story.anchor + (time.time() - story.anchor) * 240
        ticker.start()

        def events() -> list[int]:
            rows = server.execute("SELECT id FROM zillow_lead_events_log ORDER BY id", database=f"{PREFIX}_common")
            return [number for (number,) in rows]

        try:
            for how in (server.stop, server.kill):
                known = len(events())
                wait_until(lambda known=known: len(events()) > known)  # type: ignore[misc]
                how()
                wait_until(lambda: "the databases stand still: " in capfd.readouterr().err)
                server.start()
                after = len(events())
                wait_until(lambda after=after: len(events()) > after)  # type: ignore[misc]
        finally:
            ticker.stop()
        found = events()
        assert len(found) == len(set(found))
        mine = [number for number in found if number >= LEAD_EVENT_FIRST]
        assert mine == list(range(mine[0], mine[0] + len(mine))), "no row is missing and none was written twice"
        assert "Traceback" not in capfd.readouterr().err
