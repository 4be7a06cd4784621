"""What an error number of MySQL or MariaDB tells a responder, by the vendors' own lists and by a real server."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pymysql
import pytest
from pymysql.constants import CR, ER

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql.error_codes import BY_CODE
from diagnostics.sources.mysql.failures import TimeLimits, failure_of
from tests.databases.worlds import MariaDBWorld, send

LIMITS = TimeLimits(connect_s=1, read_s=2, statement_s=3)
DENIED, UNREACHABLE, TIMED_OUT = FailureKind.DENIED, FailureKind.UNREACHABLE, FailureKind.TIMED_OUT
REJECTED, NOT_MAPPED, MALFORMED = FailureKind.REJECTED, FailureKind.NOT_MAPPED, FailureKind.MALFORMED

# Numbers and messages as the vendors print them: dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
# mariadb.com/docs/server/reference/error-codes (e1000 … e4200), sql/share/errmsg-utf8.txt of MariaDB, proxysql.com.
TABLE = (
    (1820, "You must reset your password using ALTER USER statement", DENIED, "expired"),
    (1862, "Your password has expired. To log in you must change it using a client that …", DENIED, "expired"),
    (4150, "User is blocked because of too many credential errors; unblock with 'FLUSH PRIVILEGES'", DENIED, "blocked"),
    (3955, "Access denied for user 'x'@'h'. Account is blocked for 3 day(s) due to …", DENIED, "blocked"),
    (4151, "Access denied, this account is locked", DENIED, "locked"),
    (3118, "Access denied for user 'x'@'h'. Account is locked.", DENIED, "locked"),
    (3159, "Connections using insecure transport are prohibited", DENIED, "only encrypted"),
    (1251, "Client does not support authentication protocol requested by server", DENIED, "checks this login's"),
    (1130, "Host 'h' is not allowed to connect to this MariaDB server", DENIED, "from this machine"),
    (1044, "Access denied for user 'x'@'h' to database 'd'", DENIED, "may not use the database"),
    (1045, "Access denied for user 'x'@'h' (using password: YES)", DENIED, "refused this login"),
    (1142, "SELECT command denied to user 'x'@'h' for table `d`.`t`", DENIED, "may not SELECT table t"),
    (1129, "Host 'h' is blocked because of many connection errors", UNREACHABLE, "blocks this machine"),
    (1040, "Too many connections", UNREACHABLE, "no connection left"),
    (1203, "User x already has more than 'max_user_connections' active connections", UNREACHABLE, "no connection left"),
    (1226, "User 'x' has exceeded the 'max_queries_per_hour' resource", UNREACHABLE, "used up"),
    (3032, "The server is currently in offline mode", UNREACHABLE, "offline mode"),
    (1053, "Server shutdown in progress", UNREACHABLE, "shutting down"),
    (1047, "WSREP has not yet prepared node for application use", UNREACHABLE, "node of the cluster is not ready"),
    (
        9001,
        "Max connect timeout reached while reaching hostgroup 1",
        UNREACHABLE,
        "proxy found no server",
    ),
    (1927, "Connection was killed", UNREACHABLE, "ended by the server or by an operator"),
    (4031, "The client was disconnected by the server because of inactivity", UNREACHABLE, "ended by the server"),
    (1317, "Query execution was interrupted", FailureKind.CANCELLED, "ended the statement"),
    (1969, "Query execution was interrupted (max_statement_time exceeded)", TIMED_OUT, "time limit of 3 s"),
    (
        3024,
        "Query execution was interrupted, maximum statement execution time …",
        TIMED_OUT,
        "time limit of 3 s",
    ),
    (1205, "Lock wait timeout exceeded; try restarting transaction", TIMED_OUT, "lock that somebody else holds"),
    (1213, "Deadlock found when trying to get lock", TIMED_OUT, "lock that somebody else holds"),
    (3572, "Statement aborted because lock(s) could not be acquired immediately", TIMED_OUT, "lock"),
    (4145, "Can't execute the command as you have a BACKUP STAGE active", TIMED_OUT, "backup"),
    (1021, "Disk full (/tmp); waiting for someone to free some space", UNREACHABLE, "is full"),
    (1114, "The table '/tmp/#sql_1' is full", UNREACHABLE, "is full"),
    (3, "Error writing file '/tmp/MY' (Errcode: 28 - No space left on device)", UNREACHABLE, "is full"),
    (1038, "Out of sort memory, consider increasing server sort buffer size", UNREACHABLE, "no memory"),
    (1194, "Table 't' is marked as crashed and should be repaired", MALFORMED, "damaged"),
    (1932, "Table 'd.t' doesn't exist in engine", MALFORMED, "damaged"),
    (1356, "View 'd.v' references invalid table(s) or column(s)", MALFORMED, "a view names"),
    (1104, "The SELECT would examine more than MAX_JOIN_SIZE rows", REJECTED, "max_join_size"),
    (1153, "Got a packet bigger than 'max_allowed_packet' bytes", REJECTED, "max_allowed_packet"),
    (
        1290,
        "The MariaDB server is running with the --read-only option so it cannot …",
        REJECTED,
        "read-only",
    ),
    (1792, "Cannot execute statement in a READ ONLY transaction", REJECTED, "read-only"),
    (1049, "Unknown database 'd'", NOT_MAPPED, "no database of that name"),
    (1146, "Table 'd.zillow_auth' doesn't exist", NOT_MAPPED, "no table zillow_auth"),
    (1054, "Unknown column 'zuid' in 'SELECT'", NOT_MAPPED, "no column zuid"),
    (1064, "You have an error in your SQL syntax", REJECTED, "does not understand"),
)


@pytest.mark.honesty("an error number of the database", "what it means and whom to ask; an unknown one blames nobody")
@pytest.mark.parametrize(("code", "message", "kind", "said"), TABLE)
def test_an_error_says_what_it_means_to_a_responder(code: int, message: str, kind: FailureKind, said: str) -> None:
    failure = failure_of(pymysql.OperationalError(code, message), "common", LIMITS, connecting=False)
    assert failure.kind is kind
    assert said in failure.reason
    assert failure.remedy
    blames_the_map = "schema.toml" in failure.remedy or "schema map" in failure.remedy
    assert blames_the_map is (code in {1146, 1054})


def test_an_error_that_nobody_knows_blames_neither_the_console_nor_the_map() -> None:
    failure = failure_of(
        pymysql.InternalError(1799, "Creating index 'x' required more than …"), "common", LIMITS, connecting=False
    )
    assert failure.reason == "the database answered with error 1799"
    assert "schema map" not in failure.remedy
    assert "mistake" not in failure.remedy
    assert "error 1799" in failure.remedy


def test_the_numbers_are_those_of_the_drivers_list() -> None:
    theirs = {value: name for name, value in (*vars(ER).items(), *vars(CR).items()) if isinstance(value, int)}
    ours = {code: meaning.codes[code].removeprefix("WARN_") for code, meaning in BY_CODE.items() if code in theirs}
    assert len(ours) > 40
    assert {code: name for code, name in ours.items() if theirs[code].removeprefix("WARN_") != name} == {}


def test_the_numbers_are_those_of_the_servers_own_list() -> None:
    """The list that MariaDB is built from, which it installs beside itself."""
    file = next((one for one in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")) if (one / LIST).exists()), None)
    assert file is not None, f"MariaDB installs {LIST}"
    theirs = vendor_list((file / LIST).read_text("utf-8", "replace"))
    ours = {code: meaning.codes[code] for code, meaning in BY_CODE.items() if 1900 <= code < 2000 or code > 4100}
    known = {code: name for code, name in ours.items() if code in theirs}
    assert {1927, 1931, 1932, 4145, 4150, 4151} <= set(known)
    assert {code: name for code, name in known.items() if theirs[code] != f"ER_{name}"} == {}


LIST = "errmsg-utf8.txt"


def vendor_list(lines: str) -> dict[int, str]:
    numbers, number = {}, 0
    for line in lines.splitlines():
        if begins := re.match(r"(?:start|skip-to)-error-number (\d+)", line):
            number = int(begins[1])
        elif named := re.match(r"(ER_[A-Z0-9_]+|WARN_[A-Z0-9_]+)(?:\s|$)", line):
            numbers[number], number = named[1], number + 1
    return numbers


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("spoiled", "mended", "said"),
    [
        ("ALTER USER {user} PASSWORD EXPIRE", "", "the password of this login has expired"),
        ("ALTER USER {user} ACCOUNT LOCK", "", "locked by an administrator"),
        ("ALTER USER {user} WITH MAX_QUERIES_PER_HOUR 1", "", "used up what it may ask"),
        (
            "SET GLOBAL max_password_errors = 1",
            "SET GLOBAL max_password_errors = DEFAULT",
            "too many wrong passwords",
        ),
        (
            "SET GLOBAL max_join_size = 1",
            "SET GLOBAL max_join_size = DEFAULT",
            "too large (max_join_size)",
        ),
    ],
)
def test_a_real_server_is_understood(mariadb_world: MariaDBWorld, spoiled: str, mended: str, said: str) -> None:
    world = mariadb_world
    for number in range(3):
        world.add_account(number, name=world.common)
    try:
        world.server.execute(spoiled.format(user=f"'{world.user}'@'%'"))
        if "errors" in spoiled:
            with suppress(SourceFailure):
                world.open(password="wrong").ping_common()
        with pytest.raises(SourceFailure) as told:
            send(world.open(), "SELECT * FROM crm_accounts AS a CROSS JOIN crm_accounts AS b")
        assert said in told.value.reason
    finally:
        if mended:
            world.server.execute(mended, "FLUSH PRIVILEGES")
