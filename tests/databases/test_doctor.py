"""The doctor on databases, line by line, with remedies."""

from __future__ import annotations

import pytest

from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import examined
from diagnostics.sources.mysql.databases import Databases
from diagnostics.sources.mysql.doctor import lag_line
from diagnostics.sources.mysql.replica import replica_of
from tests.databases.worlds import HOSTILE, PASSWORD, MariaDBWorld, SQLiteWorld, World, mapped, schema_map
from tests.mariadb import MariaDB, private_mariadb


def lines_of(databases: Databases, *account_ids: int) -> dict[tuple[str, str], DoctorLine]:
    return {(line.source, line.subject): line for line in examined(databases.examination(account_ids))}


def test_a_database_in_order_has_no_complaint(world: World) -> None:
    world.add_account(14009)
    lines = lines_of(world.open(), 14009)
    complaints = [line for line in lines.values() if line.status not in {Status.PASS, Status.NO_DATA}]
    assert complaints == []
    reachable = lines["common", "reachable"]
    assert reachable.latency_ms is not None
    assert reachable.latency_ms > 0
    subjects = {subject for source, subject in lines if source == "client 14009"}
    assert {"reachable", "server version", "read-only session", "permitted", "table users", "table deals"} <= subjects
    assert ("MariaDB" if world.kind == "mariadb" else "SQLite") in lines["common", "server version"].detail
    assert lines["common", "index zillow_lead_events_log"].status is Status.PASS
    assert lines["common", "index zillow_webhook_events"].detail == "begins with (status, received_at)"


def test_without_accounts_three_of_the_newest_are_looked_at(world: World) -> None:
    for account_id in range(1, 6):
        world.add_account(account_id)
    sources = {source for source, _ in lines_of(world.open())}
    assert sources == {"common", "client 5", "client 4", "client 3"}


def test_no_accounts_at_all_are_no_data(world: World) -> None:
    assert lines_of(world.open())["client", "sample of accounts"].status is Status.NO_DATA


def test_an_unknown_account_is_a_line_and_not_an_error(world: World) -> None:
    line = lines_of(world.open(), 404)["client 404", "account"]
    assert (line.status, "no account 404" in line.detail) == (Status.FAIL, True)
    assert line.remedy


def test_a_missing_table_and_a_missing_column_say_which_key_to_set(world: World) -> None:
    databases = world.open(
        schema_map(
            mapped("oauth_applications", "common", ["id"]),
            mapped("zillow_auth", "common", {"id": "id", "zuid": "zillow_uid"}),
            mapped("feature_flags", "common", ["account_id", "enabled", "note"], optional=("note",)),
        )
    )
    lines = lines_of(databases, 404)
    table = lines["common", "table oauth_applications"]
    assert (table.status, "[oauth_applications]" in table.remedy) == (Status.FAIL, True)
    column = lines["common", "table zillow_auth"]
    assert (column.status, column.detail) == (Status.FAIL, "missing: zillow_uid (for zuid)")
    assert "set zuid in section [zillow_auth.columns]" in column.remedy
    optional = lines["common", "table feature_flags"]
    assert (optional.status, optional.detail) == (Status.WARN, "missing, and optional: note")
    assert lines["common", "table accounts"].status is Status.PASS


def test_a_missing_index_is_a_warning_that_names_its_columns(world: World) -> None:
    table = " ON zillow_webhook_events" if world.kind == "mariadb" else ""
    world.execute(world.common, f"DROP INDEX events_status{table}")
    world.execute(world.common, "CREATE INDEX the_wrong_way ON zillow_webhook_events (received_at, status)")
    line = lines_of(world.open())["common", "index zillow_webhook_events"]
    assert line.status is Status.WARN
    assert "zillow_webhook_events (status, received_at)" in line.remedy


def test_a_database_that_is_away_is_one_line_and_unreachable(fragile_world: World) -> None:
    fragile_world.add_account(1)
    databases = fragile_world.open(connect_timeout_s=0.5)
    fragile_world.take_away()
    lines = lines_of(databases, 1)
    fragile_world.bring_back()
    reachable = lines.pop(("common", "reachable"))
    assert (reachable.status, bool(reachable.remedy)) == (Status.UNREACHABLE, True)
    assert ("client 1", "reachable") in lines
    assert {line.detail for line in lines.values()} == {"not asked: common reachable"}


def test_missing_settings_are_said_once(sqlite_world: SQLiteWorld) -> None:
    lines = lines_of(sqlite_world.open(common_url=None))
    reachable = lines.pop(("common", "reachable"))
    assert reachable.status is Status.UNREACHABLE
    assert "databases.common_url" in reachable.detail
    assert ("client", "sample of accounts") in lines
    assert {line.detail for line in lines.values()} == {"not asked: common reachable"}


@pytest.mark.mariadb
def test_a_wrong_password_is_a_failure_with_a_remedy(mariadb_world: MariaDBWorld) -> None:
    line = lines_of(mariadb_world.open(password="wrong"))["common", "reachable"]
    assert (line.status, "databases.password" in line.remedy) == (Status.FAIL, True)


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("privileges", "on", "writes", "files"),
    [
        ("INSERT, UPDATE", "schema", Status.FAIL, Status.PASS),
        ("ALL PRIVILEGES", "schema", Status.FAIL, Status.PASS),
        ("ALL PRIVILEGES", "*.*", Status.FAIL, Status.FAIL),
        ("FILE", "*.*", Status.PASS, Status.FAIL),
        ("UPDATE (status)", "table", Status.FAIL, Status.PASS),
        ("SUPER", "*.*", Status.FAIL, Status.PASS),
    ],
)
def test_a_login_that_could_write_is_reported(
    mariadb_world: MariaDBWorld, privileges: str, on: str, writes: Status, files: Status
) -> None:
    target = {"schema": f"`{mariadb_world.common}`.*", "table": f"`{mariadb_world.common}`.zillow_webhook_events"}
    mariadb_world.server.execute(f"GRANT {privileges} ON {target.get(on, on)} TO '{mariadb_world.user}'@'%'")
    lines = lines_of(mariadb_world.open())
    assert (lines["common", "permitted"].status, lines["common", "file privilege"].status) == (writes, files)
    told = " ".join(line.model_dump_json() for line in lines.values())
    assert PASSWORD not in told
    assert "IDENTIFIED" not in told


@pytest.mark.mariadb
def test_what_a_role_may_do_counts_for_its_members(mariadb_world: MariaDBWorld) -> None:
    role, nested = f"{mariadb_world.prefix}_staff", f"{mariadb_world.prefix}_editors"
    server = mariadb_world.server
    server.execute(
        f"CREATE ROLE {role}",
        f"CREATE ROLE {nested}",
        f"GRANT DELETE ON `{mariadb_world.common}`.* TO {nested}",
        f"GRANT {nested} TO {role}",
        f"GRANT {role} TO '{mariadb_world.user}'@'%'",
    )
    line = lines_of(mariadb_world.open())["common", "permitted"]
    server.execute(f"DROP ROLE {role}", f"DROP ROLE {nested}")
    assert (line.status, "DELETE" in line.detail) == (Status.FAIL, True)


@pytest.mark.mariadb
def test_a_role_that_cannot_be_asked_about_is_a_warning(mariadb_world: MariaDBWorld) -> None:
    server = mariadb_world.server
    server.execute("CREATE ROLE `strange role`", f"GRANT `strange role` TO '{mariadb_world.user}'@'%'")
    line = lines_of(mariadb_world.open())["common", "permitted"]
    server.execute("DROP ROLE `strange role`")
    assert (line.status, "strange role" in line.detail) == (Status.WARN, True)


@pytest.mark.mariadb
def test_replica_lag_that_may_not_be_seen_is_no_data(mariadb_world: MariaDBWorld) -> None:
    line = lines_of(mariadb_world.open())["common", "replica lag"]
    assert (line.status, "REPLICA MONITOR" in line.remedy) == (Status.NO_DATA, True)


@pytest.mark.mariadb
def test_a_server_that_is_no_replica_and_one_that_has_stopped_are_told_apart(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    fragile_mariadb.execute(f"GRANT REPLICA MONITOR ON *.* TO '{world.user}'@'%'")
    databases = world.open()
    assert lines_of(databases)["common", "replica lag"].detail == "not a replica"
    fragile_mariadb.execute("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'")
    line = lines_of(databases)["common", "replica lag"]
    fragile_mariadb.execute("RESET SLAVE ALL")
    assert (line.status, "stopped" in line.detail) == (Status.FAIL, True)
    world.close()


@pytest.mark.parametrize(
    ("column", "seconds", "status"),
    [
        ("Seconds_Behind_Master", 0, Status.PASS),
        ("Seconds_Behind_Source", 5, Status.PASS),
        ("Seconds_Behind_Source", 900, Status.WARN),
        ("Seconds_Behind_Source", None, Status.FAIL),
    ],
)
def test_lag_is_judged_by_the_seconds_behind(column: str, seconds: int | None, status: Status) -> None:
    assert lag_line("common", replica_of([{column: seconds}]), 30.0).status is status


@pytest.mark.parametrize(("largest_s", "status"), [(4.0, Status.WARN), (5.0, Status.PASS), (0.5, Status.WARN)])
def test_how_far_a_replica_may_be_behind_is_for_the_team_to_say(largest_s: float, status: Status) -> None:
    assert lag_line("common", replica_of([{"Seconds_Behind_Source": 5}]), largest_s).status is status


@pytest.mark.mariadb
def test_hostile_names_in_the_database_reach_no_line_as_they_are(mariadb_world: MariaDBWorld) -> None:
    server = mariadb_world.server
    role = "x\x1b]52;c;AAAA\x07"
    server.execute(f"CREATE ROLE `{role}`", f"GRANT `{role}` TO '{mariadb_world.user}'@'%'")
    mariadb_world.add_account(9, title=HOSTILE, host=HOSTILE)
    lines = lines_of(mariadb_world.open())
    server.execute(f"DROP ROLE `{role}`")
    assert all((line.detail + line.remedy).isprintable() for line in lines.values())
    assert lines["client 9", "reachable"].status is Status.FAIL


@pytest.mark.mariadb
def test_a_server_without_a_statement_limit_of_its_own_is_limited_from_here() -> None:
    # A MariaDB that calls itself MySQL 5.7 is asked for MySQL's limit, which it does not have.
    with private_mariadb("--version=5.7.10") as server:
        world = MariaDBWorld(server)
        databases = world.open(statement_timeout_s=0.3, read_timeout_s=20.0)
        line = lines_of(databases)["common", "server version"]
        assert (line.status, line.detail.startswith("5.7.10")) == (Status.WARN, True)
        with pytest.raises(Exception, match=r"time limit of 0\.3 s"):
            databases.read_common(world.endless())
        assert world.running() == []
        world.close()
