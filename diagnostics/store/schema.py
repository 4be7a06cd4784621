"""The tables of the console's own memory, and how they came to be: migrations, forward only.

Every table begins with `warroom_`, so that a team may keep them in a database that holds other things as well. Moments
are whole microseconds or seconds since 1970, UTC: the two kinds of database disagree about everything else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Double, Integer, MetaData, String, Table, Text, select, text
from sqlalchemy.dialects.mysql import MEDIUMTEXT

METADATA = MetaData()
_LONG_TEXT = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")

MOST_KIND, MOST_KEY, MOST_NAME, MOST_STATUS = 64, 4_000, 191, 64
"""Characters of a document's kind and key, of a sample's or person's name, and of a status in a rollup."""

MOST_BODY = 2_000_000
"""Bytes of one entry of the journal: no console writes more, and of what a stranger wrote no more is read."""

SCHEMA = Table(
    "warroom_schema",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_us", BigInteger, nullable=False),
)

DOCUMENTS = Table(
    "warroom_documents",
    METADATA,
    Column("kind", String(MOST_KIND), primary_key=True),
    Column("doc_id", String(64), primary_key=True),
    Column("doc_key", Text, nullable=False),
    Column("payload", _LONG_TEXT, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""`doc_id` is a hash of the key: keys may be longer than an index allows, and servers compare text in own ways."""

SAMPLES = Table(
    "warroom_samples",
    METADATA,
    Column("name", String(MOST_NAME), primary_key=True),
    Column("slot_s", BigInteger, primary_key=True, autoincrement=False),
    Column("total", Double, nullable=False),
    Column("notes", Integer, nullable=False),
)

ROLLUPS = Table(
    "warroom_rollups",
    METADATA,
    Column("source", String(64), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("low_id", BigInteger, nullable=False),
    Column("high_id", BigInteger, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    Column("from_start", Integer, nullable=False),
    Column("caught_up_s", BigInteger),
    Column("tail_id", BigInteger, nullable=False),
    Column("tail_behind", BigInteger, nullable=False),
    Column("marks", Text, nullable=False),
    Column("started_s", BigInteger, nullable=False),
    Column("restart", Text, nullable=False),
)
"""One row for each counted source. Ids above `low_id` and up to `high_id`, the watermark, are settled and counted."""

COUNTS = Table(
    "warroom_rollup_counts",
    METADATA,
    Column("source", String(64), primary_key=True),
    Column("part", String(8), primary_key=True),
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(MOST_STATUS), primary_key=True),
    Column("total", BigInteger, nullable=False),
)
"""`part` is settled, or tail for what is counted anew each time."""

LEDGER = Table(
    "warroom_rollup_ledger",
    METADATA,
    Column("source", String(64), primary_key=True),
    Column("low_id", BigInteger, primary_key=True, autoincrement=False),
    Column("high_id", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("counts", _LONG_TEXT, nullable=False),
    Column("anchor_id", BigInteger),
    Column("anchor_s", BigInteger),
    Column("behind", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("counted_s", BigInteger, nullable=False),
    Column("audited_s", BigInteger, nullable=False),
    Column("corrected", BigInteger, nullable=False),
    Column("corrected_s", BigInteger),
)
"""Settled parts (ids above `low_id` and up to `high_id`), so that it can be counted once more."""

JOURNAL = Table(
    "warroom_journal",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", String(32), nullable=False),
    Column("kind", String(MOST_KIND), nullable=False),
    Column("entry_key", String(MOST_NAME), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(MOST_NAME), nullable=False),
    Column("console", String(MOST_NAME), nullable=False),
    Column("body", _LONG_TEXT, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Only ever added to. `hash` covers `previous` and every other column, so that each entry vouches for all before it."""

JOURNAL_HEAD = Table(
    "warroom_journal_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row, of the newest entry: every writer locks it first, and a tail that was cut off is missed by it."""


@dataclass(slots=True, frozen=True)
class Migration:
    """One step. Each statement may be run again: a server ends its transaction at every one of them."""

    version: int
    statements: tuple[str, ...]


# A step says what the tables were when it was written, and is never changed: the tables above are where all steps lead.
# Inside unique constraints only, because "create index if it is not there" has no spelling that every server knows.
MIGRATIONS = (
    Migration(
        1,
        (
            """CREATE TABLE IF NOT EXISTS warroom_documents (kind VARCHAR(64) NOT NULL, doc_id VARCHAR(64) NOT NULL,
            doc_key TEXT NOT NULL, payload MEDIUMTEXT NOT NULL, at_us BIGINT NOT NULL,
            PRIMARY KEY (kind, doc_id), UNIQUE (kind, at_us, doc_id))""",
            """CREATE TABLE IF NOT EXISTS warroom_samples (name VARCHAR(191) NOT NULL, slot_s BIGINT NOT NULL,
            total DOUBLE NOT NULL, notes INTEGER NOT NULL, PRIMARY KEY (name, slot_s))""",
        ),
    ),
    Migration(
        2,
        (
            """CREATE TABLE IF NOT EXISTS warroom_rollups (source VARCHAR(64) NOT NULL, generation BIGINT NOT NULL,
            low_id BIGINT NOT NULL, high_id BIGINT NOT NULL, since_s BIGINT NOT NULL, from_start INTEGER NOT NULL,
            caught_up_s BIGINT, tail_id BIGINT NOT NULL, tail_behind BIGINT NOT NULL, marks TEXT NOT NULL,
            started_s BIGINT NOT NULL, restart TEXT NOT NULL, PRIMARY KEY (source))""",
            """CREATE TABLE IF NOT EXISTS warroom_rollup_counts (source VARCHAR(64) NOT NULL, part VARCHAR(8) NOT NULL,
            hour_s BIGINT NOT NULL, status VARCHAR(64) NOT NULL, total BIGINT NOT NULL,
            PRIMARY KEY (source, part, hour_s, status))""",
            """CREATE TABLE IF NOT EXISTS warroom_rollup_ledger (source VARCHAR(64) NOT NULL, low_id BIGINT NOT NULL,
            high_id BIGINT NOT NULL, total BIGINT NOT NULL, counts MEDIUMTEXT NOT NULL, anchor_id BIGINT,
            anchor_s BIGINT, behind BIGINT NOT NULL, revision INTEGER NOT NULL, counted_s BIGINT NOT NULL,
            audited_s BIGINT NOT NULL, corrected BIGINT NOT NULL, corrected_s BIGINT, PRIMARY KEY (source, low_id),
            UNIQUE (source, audited_s, low_id))""",
        ),
    ),
    Migration(
        3,
        (
            """CREATE TABLE IF NOT EXISTS warroom_journal (seq BIGINT NOT NULL, stream VARCHAR(32) NOT NULL,
            kind VARCHAR(64) NOT NULL, entry_key VARCHAR(191) NOT NULL, at_us BIGINT NOT NULL,
            actor VARCHAR(191) NOT NULL, console VARCHAR(191) NOT NULL, body MEDIUMTEXT NOT NULL,
            previous VARCHAR(64) NOT NULL, hash VARCHAR(64) NOT NULL,
            PRIMARY KEY (seq), UNIQUE (stream, seq), UNIQUE (entry_key))""",
            """CREATE TABLE IF NOT EXISTS warroom_journal_head (id INTEGER NOT NULL, seq BIGINT NOT NULL,
            hash VARCHAR(64) NOT NULL, PRIMARY KEY (id))""",
            """INSERT INTO warroom_journal_head (id, seq, hash)
            SELECT 1, 0, '0000000000000000000000000000000000000000000000000000000000000000' FROM warroom_schema
            WHERE NOT EXISTS (SELECT 1 FROM warroom_journal_head) LIMIT 1""",
        ),
    ),
)
VERSION = MIGRATIONS[-1].version
"""Version of the schema that this console knows."""

_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS warroom_schema (version INTEGER NOT NULL, applied_us BIGINT NOT NULL,"
    " PRIMARY KEY (version))"
)
_INNODB = " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


class SchemaTooNew(Exception):  # noqa: N818  # a state of the world
    """A newer console has changed the tables: this one must not write to them."""

    def __init__(self, found: int) -> None:
        self.found = found
        super().__init__(f"version {found}, known {VERSION}")


def is_current(connection: Connection) -> bool:
    """True when no step is missing; raises `SchemaTooNew`, and what a driver raises where the table is missing."""
    return _version(connection) == VERSION


def migrate(connection: Connection) -> None:
    """Take the steps that are missing; raises `SchemaTooNew`. Only one console at a time may be in here."""
    suffix = "" if connection.dialect.name == "sqlite" else _INNODB
    connection.execute(text(_VERSIONS + suffix))
    found = _version(connection)
    for migration in MIGRATIONS:
        if migration.version <= found:
            continue
        for statement in migration.statements:
            connection.execute(text(statement + suffix if statement.startswith("CREATE TABLE") else statement))
        connection.execute(SCHEMA.insert().values(version=migration.version, applied_us=time.time_ns() // 1_000))


def _version(connection: Connection) -> int:
    found = connection.execute(select(SCHEMA.c.version).order_by(SCHEMA.c.version.desc()).limit(1)).scalar()
    version = int(found or 0)
    if version > VERSION:
        raise SchemaTooNew(version)
    return version
