"""The databases of a story on a MariaDB server: the same figures, a login that only reads, nothing left at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from diagnostics.failures import SourceFailure, UserError
from sandbox.launch import SandboxProcess, start_sandbox

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

pytestmark = [pytest.mark.mariadb, pytest.mark.xdist_group("sandbox-mariadb")]

PREFIX = "sandboxtest"
START_S = 120.0


@pytest.fixture(scope="module")
def served(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    """The replay of 17 November 2025 on a server."""
    url, prefix = mariadb.root_url, PREFIX
    with start_sandbox("nov17", database_url=url, schema_prefix=prefix, ready_timeout_s=START_S) as process:
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
    assert states["pending"] + states["processing"] + states["failed"] == 212_631
    assert states["lost"] == 2
    (shares,) = _ask(
        served,
        mariadb.port,
        "SELECT SUM(connection_health_status = 'healthy'), COUNT(*) FROM zillow_sync_users "
        "WHERE zillow_integration_id IS NOT NULL",
    )
    assert tuple(map(int, shares)) == (942, 1_000)
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
