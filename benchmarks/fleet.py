"""The resolution distribution over many client databases on one host, beside one SELECT 1 for each of them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target, median
from tests.mariadb import MariaDB, MariaDBUnavailable, private_mariadb

if TYPE_CHECKING:
    from diagnostics.fleet.fleet import Fleet

DATABASES, FEW = 1_000, 200
AGENTS_EACH = 13
"""85,814 agents in 6,864 accounts are 12.5 each."""

CONNECTIONS = 8
TIMES_SELECT_1 = 5.0
METHODS = (1, 3, 4, 2)
LOGIN, PASSWORD = "fleet_reader", "fleet"  # of a server that is gone when the benchmark ends
FILLERS = 4

TABLE = """CREATE TABLE `{schema}`.zillow_agents (
    id BIGINT PRIMARY KEY AUTO_INCREMENT, account_id BIGINT NOT NULL, user_id BIGINT, encrypted_zuid VARCHAR(191),
    name VARCHAR(191), email VARCHAR(191), resolution_method SMALLINT, created_at DATETIME, updated_at DATETIME,
    KEY (user_id), KEY (resolution_method), KEY (updated_at))"""
ACCOUNTS = """CREATE TABLE fleet_common.accounts (id BIGINT PRIMARY KEY, name VARCHAR(191), status VARCHAR(191),
    db_host VARCHAR(191), db_database VARCHAR(191), db_user VARCHAR(191), user_count INT)"""


def run(quick: bool) -> list[Figure]:
    """Fill a private server, ask, and count connections where they are counted: on the server."""
    count, rounds = (FEW, 3) if quick else (DATABASES, 7)
    try:
        with private_mariadb("--table-open-cache=4000", "--table-definition-cache=4000") as server:
            begin = time.monotonic()
            _fill(server, count)
            filled_s = time.monotonic() - begin
            return _measure(server, count, rounds, filled_s)
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


def _measure(server: MariaDB, count: int, rounds: int, filled_s: float) -> list[Figure]:
    with _fleet(server) as fleet:
        cold = _distribution(fleet, count)
        with _most_connections(server) as most:
            _distribution(fleet, count)
        # In turn, so that whatever else the machine does falls on both.
        pairs = [(_distribution(fleet, count), _select_1(server, count)) for _ in range(rounds)]
        asked, yardstick = zip(*pairs, strict=True)
        anew = [_select_1_anew(server, count) for _ in range(1 if count == FEW else 3)]
    name = f"distribution, {count:,} databases"
    return [
        Figure(
            name,
            "ms",
            median(asked),
            beside=median(yardstick),
            # With fewer databases what a question costs once weighs more.
            target=Target(TIMES_SELECT_1, ratio=True) if count == DATABASES else None,
            note=f"beside: SELECT 1 for each over {CONNECTIONS} kept connections; {rounds} rounds",
        ),
        Figure(
            f"{name}, connecting for each", "ms", median(asked), beside=median(anew), note="beside: connect, SELECT 1"
        ),
        Figure(f"{name}, first time", "ms", cold, note="no table is open on the server, nothing compiled"),
        Figure("connections of the distribution", "", most(), target=Target(CONNECTIONS), note="the most at once"),
        Figure(f"filling {count:,} databases", "s", filled_s, note="not measured against anything"),
    ]


def _distribution(fleet: Fleet, count: int) -> float:
    from diagnostics.fleet.questions import RESOLUTION_COUNTS  # noqa: PLC0415  # the benchmarks start without it

    begin = time.perf_counter()
    answer = fleet.ask(RESOLUTION_COUNTS)
    took = (time.perf_counter() - begin) * 1000
    agents = sum(row["count"] for account in answer.rows for row in account.rows if isinstance(row["count"], int))
    if (answer.coverage.answered, agents) != (count, count * AGENTS_EACH):
        raise NotAvailable(f"the answer is wrong: {answer.coverage.words()}, {agents:,} agents, {answer.coverage.gaps}")
    return took


def _select_1(server: MariaDB, count: int) -> float:
    """One SELECT 1 a database over the same number of connections, made beforehand, nothing else done."""
    import pymysql  # noqa: PLC0415

    connections = [
        pymysql.connect(host=server.host, port=server.port, user=LOGIN, password=PASSWORD, ssl_disabled=True)
        for _ in range(CONNECTIONS)
    ]

    def ask(number: int) -> None:
        with connections[number].cursor() as cursor:
            for _ in range(number, count, CONNECTIONS):
                cursor.execute("SELECT 1")
                cursor.fetchall()

    try:
        return _together(ask)
    finally:
        for connection in connections:
            connection.close()


def _select_1_anew(server: MariaDB, count: int) -> float:
    """The same with a connection of its own for each database, eight at a time."""
    import pymysql  # noqa: PLC0415

    def ask(number: int) -> None:
        for database in range(number, count, CONNECTIONS):
            with (
                pymysql.connect(
                    host=server.host,
                    port=server.port,
                    user=LOGIN,
                    password=PASSWORD,
                    database=_schema(database),
                    ssl_disabled=True,
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT 1")
                cursor.fetchall()

    return _together(ask)


def _together(ask: Callable[[int], None]) -> float:
    begin = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(ask, range(CONNECTIONS)))
    return (time.perf_counter() - begin) * 1000


@contextmanager
def _most_connections(server: MariaDB) -> Iterator[Callable[[], float]]:
    """Hands over what says how many connections of the login there were at most, looked at all the time."""
    seen = [0]
    over = threading.Event()
    counted = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s AND db IS NULL"

    def watch() -> None:
        with server.connect() as connection, connection.cursor() as cursor:
            while not over.wait(0.002):
                cursor.execute(counted, (LOGIN,))
                seen[0] = max(seen[0], int(cursor.fetchone()[0]))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: float(seen[0])
    finally:
        over.set()
        watcher.join()


@contextmanager
def _fleet(server: MariaDB) -> Iterator[Fleet]:
    from diagnostics.catalogue import load_catalogue  # noqa: PLC0415
    from diagnostics.config.settings import DatabaseSettings, FleetSettings, Settings  # noqa: PLC0415
    from diagnostics.fleet.fleet import Fleet  # noqa: PLC0415
    from diagnostics.sources.mysql.databases import Databases  # noqa: PLC0415

    address = f"mysql+pymysql://{{db_user}}:{PASSWORD}@{{db_host}}:{server.port}/{{db_database}}"
    databases = DatabaseSettings(common_url=server.url("fleet_common", LOGIN, PASSWORD), client_url=address)
    settings = Settings(
        state_dir=Path(server.directory), databases=databases, fleet=FleetSettings(per_host=CONNECTIONS)
    )
    source = Databases(databases, load_catalogue().schema_map)
    fleet = Fleet(source, settings)
    try:
        yield fleet
    finally:
        fleet.close()
        source.close()


def _fill(server: MariaDB, count: int) -> None:
    server.create_user(LOGIN, PASSWORD, on="*.*")
    # The server itself refuses one connection more, common's own among them.
    server.execute(f"ALTER USER '{LOGIN}'@'%' WITH MAX_USER_CONNECTIONS {CONNECTIONS + 3}")
    server.execute("CREATE DATABASE fleet_common", ACCOUNTS)
    numbers = range(count)
    with ThreadPoolExecutor(FILLERS) as pool:
        list(pool.map(lambda part: _fill_part(server, numbers[part::FILLERS]), range(FILLERS)))


def _fill_part(server: MariaDB, numbers: range) -> None:
    methods = itertools.cycle(METHODS)
    with server.connect() as connection, connection.cursor() as cursor:
        for number in numbers:
            schema, account = _schema(number), 1_000 + number
            cursor.execute(f"CREATE DATABASE `{schema}`")
            cursor.execute(TABLE.format(schema=schema))
            agents = ", ".join(
                f"({account}, {1 + n}, 'agent', {next(methods)}, NOW(), NOW())" for n in range(AGENTS_EACH)
            )
            columns = "(account_id, user_id, name, resolution_method, created_at, updated_at)"
            cursor.execute(f"INSERT INTO `{schema}`.zillow_agents {columns} VALUES {agents}")  # noqa: S608
            row = (account, f"account {account}", "active", server.host, schema, LOGIN, AGENTS_EACH)
            cursor.execute("INSERT INTO fleet_common.accounts VALUES (%s, %s, %s, %s, %s, %s, %s)", row)


def _schema(number: int) -> str:
    return f"fleet_client_{number}"
