"""The doctor on many client databases, with the types of every mapped column beside the same without them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING
from unittest.mock import patch

from sqlalchemy import bindparam, create_engine, text

from benchmarks.figures import Figure, NotAvailable, Target, median
from tests.mariadb import MariaDB, MariaDBUnavailable, private_mariadb

if TYPE_CHECKING:
    from diagnostics.sources.mysql.databases import Databases

CLIENTS = 70
LOGIN, PASSWORD = "doctor_reader", "doctor"  # of a server that is gone when the benchmark ends
TIMES_WITHOUT = 1.5
FIRST = 1_000

WITHOUT = (
    "SELECT table_name AS t, column_name AS c, '' AS y FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :names"
)
"""The dictionary asked for names alone, as before types were compared."""


def run(quick: bool) -> list[Figure]:
    """Fill a private server with empty tables, then examine every database, in turn with and without the types."""
    from diagnostics.catalogue import load_catalogue  # noqa: PLC0415  # the benchmarks start without it
    from diagnostics.config.settings import DatabaseSettings  # noqa: PLC0415
    from diagnostics.sources.mysql.databases import Databases  # noqa: PLC0415

    rounds = 3 if quick else 9
    try:
        with private_mariadb("--table-open-cache=4000", "--table-definition-cache=4000") as server:
            _fill(server)
            address = f"mysql+pymysql://{{db_user}}:{PASSWORD}@{{db_host}}:{server.port}/{{db_database}}"
            settings = DatabaseSettings(common_url=server.url("doctor_common", LOGIN, PASSWORD), client_url=address)
            with closing(Databases(settings, load_catalogue().schema_map)) as databases:
                _examine(databases, typed=True)
                pairs = [(_examine(databases, typed=True), _examine(databases, typed=False)) for _ in range(rounds)]
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error
    typed, bare = zip(*pairs, strict=True)
    return [
        Figure(
            f"doctor with column types, {CLIENTS} client databases",
            "ms",
            median(typed),
            beside=median(bare),
            target=Target(TIMES_WITHOUT, ratio=True),
            note=f"beside: names of columns alone; {rounds} rounds",
        )
    ]


def _examine(databases: Databases, *, typed: bool) -> float:
    from diagnostics.sources.doctor.steps import examined  # noqa: PLC0415  # as above
    from diagnostics.sources.mysql import doctor, own_texts  # noqa: PLC0415

    with ExitStack() as changed:
        if not typed:
            bare = text(WITHOUT).bindparams(bindparam("names", expanding=True))
            changed.enter_context(patch.object(own_texts, "COLUMNS_MYSQL", bare))
            changed.enter_context(patch.object(own_texts, "_ALL", own_texts._ALL | {bare.text}))
            changed.enter_context(patch.object(doctor, "mistyped", lambda *_: []))
        begin = time.perf_counter()
        lines = list(examined(databases.examination(tuple(_accounts()))))
        took_ms = 1_000 * (time.perf_counter() - begin)
    if sum(line.subject == "table deals" and str(line.status) == "pass" for line in lines) != CLIENTS:
        raise NotAvailable(f"not every database was examined: {[str(line) for line in lines][:5]}")
    return took_ms


def _accounts() -> Iterator[int]:
    yield from range(FIRST, FIRST + CLIENTS)


def _fill(server: MariaDB) -> None:
    from sandbox.rows import schema  # noqa: PLC0415  # as above

    server.create_user(LOGIN, PASSWORD, on="*.*")
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE doctor_common")
        for account in _accounts():
            cursor.execute(f"CREATE DATABASE doctor_client_{account}")
    for name, tables in (("common", schema.COMMON), *((f"client_{one}", schema.CLIENT) for one in _accounts())):
        made = create_engine(server.url(f"doctor_{name}"))
        tables.create_all(made, checkfirst=False)
        made.dispose()
    rows = ", ".join(
        f"({one}, 'a', 'active', '{server.host}', 'doctor_client_{one}', '{LOGIN}', 1)" for one in _accounts()
    )
    server.execute(f"INSERT INTO doctor_common.accounts VALUES {rows}")  # noqa: S608  # our own names and numbers
