"""Fills the databases of a story and takes them away again: SQLite files, or schemas on a MariaDB or MySQL server."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pymysql
from sqlalchemy import URL, Dialect, Index, MetaData, Table, create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from diagnostics.failures import FailureKind, SourceFailure, UserError
from sandbox import schema
from sandbox.client_rows import ClientRows
from sandbox.common_rows import Row, common_rows, stamps
from sandbox.hostile_rows import spoil_rows
from sandbox.population import Population, populate
from sandbox.roster import RosterAccount, roster
from sandbox.story import Story
from sandbox.webhook_rows import webhook_rows

_BATCH = 5_000
_CONNECTIONS = 3
"""Connections that fill a server side by side: one for the common schema, the others for the clients."""
_CONNECT_S = 5
_STATEMENT_S = 60


Contents = Iterable[tuple[Table, Iterable[Row]]]
Place = Callable[[RosterAccount], tuple[str, str, str]]
"""Says host, database and login of an account."""


class Cursor(Protocol):
    """The part of a DB-API cursor that filling needs."""

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> object:
        """Run one statement."""

    def executemany(self, statement: str, rows: Sequence[Row], /) -> object:
        """Run one statement for many rows."""

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Return the rows of the last statement."""

    def fetchone(self) -> Sequence[Any] | None:
        """Return the next row."""


class Store(Protocol):
    """Where the databases of a story live."""

    common_url: str
    client_url: str
    """A template: `{db_host}`, `{db_database}` and `{db_user}` come from `common.accounts`."""

    def is_filled(self) -> bool:
        """Return whether the databases already hold exactly this story."""

    def fill(self) -> None:
        """Create everything and fill it; whatever the sandbox left there before is replaced."""

    def writer(self) -> AbstractContextManager[Cursor]:
        """Open the filled common database for one transaction; raises `SourceFailure` or `sqlite3.Error`."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert further rows."""

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""

    def remove(self) -> None:
        """Take away everything that `fill` made."""


@lru_cache(maxsize=8)
def _definitions(metadata: MetaData, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Return the statements before the rows and those after them; all client databases share them.

    Indexes are quickest built after the rows. On a server each statement that changes a table costs milliseconds, so
    small tables get theirs at once, and a big one all of them in one statement.
    """
    tables = metadata.sorted_tables
    before = {table: str(CreateTable(table).compile(dialect=dialect)).strip() for table in tables}
    if dialect.name == "sqlite":
        after = [str(CreateIndex(index).compile(dialect=dialect)) for table in tables for index in table.indexes]
        return list(before.values()), after
    after = []
    for table in tables:
        keys = [_key(index, dialect) for index in table.indexes]
        if keys and table in _BIG:
            name = dialect.identifier_preparer.format_table(table)
            after.append(f"ALTER TABLE {name} " + ", ".join(f"ADD {key}" for key in keys))
        elif keys:
            before[table] = before[table].removesuffix(")") + ", " + ", ".join(keys) + ")"
    return list(before.values()), after


_BIG = (schema.ZILLOW_WEBHOOK_EVENTS,)


def _key(index: Index, dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in index.columns)
    return f"{'UNIQUE ' if index.unique else ''}KEY {quote(str(index.name))} ({columns})"


def _insertion(table: Table, dialect: Dialect) -> str:
    marker = "%s" if dialect.paramstyle in {"format", "pyformat"} else "?"
    quote = dialect.identifier_preparer
    names = ", ".join(quote.quote(column.name) for column in table.columns)
    markers = ", ".join([marker] * len(table.columns))
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({markers})"  # noqa: S608  # our own names; every value is bound


def fill_database(cursor: Cursor, dialect: Dialect, metadata: MetaData, contents: Contents, *, hostile: bool) -> None:
    """Create the tables of one database, insert the rows in batches, and build its indexes."""
    before, after = _definitions(metadata, dialect)
    for statement in before:
        cursor.execute(statement)
    for table, rows in contents:
        statement = _insertion(table, dialect)
        remaining = iter(spoil_rows(table, rows) if hostile else rows)
        while batch := list(islice(remaining, _BATCH)):
            cursor.executemany(statement, batch)
    for statement in after:
        cursor.execute(statement)


def _common_contents(story: Story, population: Population, place: Place) -> Contents:
    yield from common_rows(story, population, place)
    yield schema.ZILLOW_WEBHOOK_EVENTS, webhook_rows(story, stamps(story))


def _mark(story: Story) -> Row:
    return (story.name, story.seed, story.anchor, int(story.hostile))


class SqliteStore:
    """One file per database in a directory."""

    def __init__(self, story: Story, directory: Path, prefix: str) -> None:
        self._story = story
        self._directory = directory
        self._prefix = prefix
        self._dialect = create_engine("sqlite://").dialect
        self.common_url = f"sqlite:///{directory / 'common.db'}"
        self.client_url = f"sqlite:///{directory}/{{db_database}}.db"

    def _place(self, account: RosterAccount) -> tuple[str, str, str]:
        return f"client-db-{1 + account.index % 4:02d}", f"{self._prefix}_{account.database}", f"{self._prefix}_console"

    def is_filled(self) -> bool:
        """Return whether `common.db` carries the mark of this very story."""
        path = self._directory / "common.db"
        if not path.is_file():
            return False
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute("SELECT scenario, seed, anchor, hostile FROM sandbox_story").fetchall() == [
                    _mark(self._story)
                ]
        except sqlite3.Error:
            return False

    def fill(self) -> None:
        """Write one file per database; nothing is synchronised to the disk, a stand-in may be lost."""
        self.remove()
        population, hostile = populate(self._story), self._story.hostile
        for account in roster(self._story.seed):
            rows = ClientRows(self._story, account, population).tables()
            with self._open(f"{self._prefix}_{account.database}.db") as cursor:
                fill_database(cursor, self._dialect, schema.CLIENT, rows, hostile=hostile)
        with self._open("common.db") as cursor:
            common = _common_contents(self._story, population, self._place)
            fill_database(cursor, self._dialect, schema.COMMON, common, hostile=hostile)
            fill_database(cursor, self._dialect, schema.MARK, [(schema.STORY_MARK, [_mark(self._story)])], hostile=False)

    @contextmanager
    def _open(self, name: str) -> Iterator[sqlite3.Cursor]:
        # One transaction, no journal, nothing synchronised: half a database is deleted, never repaired.
        unfinished = self._directory / f"{name}.new"
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            cursor = connection.cursor()
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        unfinished.rename(self._directory / name)

    @contextmanager
    def writer(self) -> Iterator[Cursor]:
        """Open `common.db` for one transaction; readers wait for it a few milliseconds."""
        path = self._directory / "common.db"
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)) as connection:
            cursor = connection.cursor()
            # No journal file: a reader without the right to write could not clear it away after a kill.
            for pragma in ("journal_mode=MEMORY", "synchronous=OFF"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert further rows."""
        if rows:
            cursor.executemany(_insertion(table, self._dialect), rows)

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""
        cursor.execute(
            "UPDATE zillow_webhook_events SET received_at = strftime('%Y-%m-%d %H:%M:%S.000000', received_at, ?) "
            "WHERE status = ? AND received_at < ?",
            (f"+{seconds} seconds", state, before),
        )

    def remove(self) -> None:
        """Delete the files."""
        # First the one with the mark, so that what is left of a removal cut short is not taken for complete.
        clients = self._directory.glob(f"{self._prefix}_client_*.db")
        for path in (self._directory / "common.db", *clients, *self._directory.glob("*.db.new")):
            path.unlink(missing_ok=True)


def _failure(error: BaseException) -> SourceFailure:
    remedy = "check --database-url, that the server runs, and that this login may create schemas and users"
    return SourceFailure(FailureKind.UNREACHABLE, "sandbox database", str(error), remedy=remedy)


class ServerStore:
    """One schema per database on a MariaDB or MySQL server, and a login for the console that can only read."""

    def __init__(self, story: Story, url: str, prefix: str, password: str) -> None:
        self._story = story
        self._prefix = prefix
        self._password = password
        self._admin: URL = make_url(url).set(database=None)
        self._login = f"{prefix}_console"
        if not self._admin.drivername.startswith(("mysql", "mariadb")):
            raise UserError(
                f"the stand-ins cannot use a {self._admin.drivername} database",
                where="--database-url",
                accepted="mysql+pymysql://USER:PASSWORD@HOST:PORT/ of a MariaDB or MySQL server",
                next_step="leave it out to use SQLite files",
            )
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", prefix):
            raise UserError(
                f"{prefix!r} cannot begin a schema name",
                where="--schema-prefix",
                accepted="up to 31 lower-case letters, digits and underscores, a letter first",
            )
        self._dialect = self._engine().dialect
        public = self._admin._replace(username=self._login, password=None)
        self.common_url = public.set(database=f"{prefix}_common").render_as_string(hide_password=False)
        # Placeholders go in after rendering, which would escape their braces.
        host = str(public.host or "")
        template = public.set(database="DATABASE-GOES-HERE", username="USER-GOES-HERE").render_as_string(
            hide_password=False
        )
        template = template.replace("DATABASE-GOES-HERE", "{db_database}").replace("USER-GOES-HERE", "{db_user}")
        self.client_url = template.replace(f"@{host}", "@{db_host}", 1) if host else template

    def _place(self, account: RosterAccount) -> tuple[str, str, str]:
        return self._admin.host or "localhost", f"{self._prefix}_{account.database}", self._login

    def _engine(self) -> Engine:
        limits = {"connect_timeout": _CONNECT_S, "read_timeout": _STATEMENT_S, "write_timeout": _STATEMENT_S}
        return create_engine(self._admin, poolclass=NullPool, connect_args={**limits, "charset": "utf8mb4"})

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """Yield an administrator's DB-API connection and cursor; failures are told without the password."""
        try:
            raw = self._engine().raw_connection()
        except SQLAlchemyError as error:
            raise _failure(getattr(error, "orig", None) or error) from None
        try:
            yield raw.cursor()
            raw.commit()
        except pymysql.MySQLError as error:
            raise _failure(error) from None
        finally:
            raw.close()

    def _schemas(self, cursor: Cursor) -> list[str]:
        pattern = self._prefix.replace("_", r"\_") + r"\_%"
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s", (pattern,))
        common = f"{self._prefix}_common"
        ours = re.compile(rf"{self._prefix}_client_\d+")
        return [name for (name,) in cursor.fetchall() if name == common or ours.fullmatch(name)]

    def is_filled(self) -> bool:
        """Return whether the common schema carries the mark of this very story."""
        with self._cursor() as cursor:
            if not self._is_ours(cursor):
                return False
            cursor.execute(f"SELECT scenario, seed, anchor, hostile FROM `{self._prefix}_common`.sandbox_story")  # noqa: S608  # the prefix is checked
            return [tuple(row) for row in cursor.fetchall()] == [_mark(self._story)] and self._login_exists(cursor)

    def _is_ours(self, cursor: Cursor) -> bool:
        cursor.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'sandbox_story'",
            (f"{self._prefix}_common",),
        )
        return cursor.fetchone() is not None

    def _login_exists(self, cursor: Cursor) -> bool:
        # The password may be another one than before, so it is set again.
        cursor.execute("SELECT 1 FROM mysql.user WHERE user = %s", (self._login,))
        if cursor.fetchone() is None:
            return False
        self._set_login(cursor)
        return True

    def fill(self) -> None:
        """Create the schemas, fill them, then create the console's login: SELECT and nothing else."""
        self.remove()
        population = populate(self._story)
        # The schema with the mark's table comes first, so that a run cut short is recognised as ours.
        with self._cursor() as cursor:
            self._use(cursor, f"{self._prefix}_common", create=True)
            fill_database(cursor, self._dialect, schema.MARK, (), hostile=False)
        accounts = roster(self._story.seed)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            work = [pool.submit(self._fill_common, population)]
            work += [
                pool.submit(self._fill_clients, accounts[n :: _CONNECTIONS - 1], population)
                for n in range(_CONNECTIONS - 1)
            ]
            for done in work:
                done.result()
        with self._cursor() as cursor:
            self._set_login(cursor)
            self._use(cursor, f"{self._prefix}_common")
            mark = [(schema.STORY_MARK, [_mark(self._story)])]
            fill_database(cursor, self._dialect, MetaData(), mark, hostile=False)

    def _fill_common(self, population: Population) -> None:
        with self._cursor() as cursor:
            self._use(cursor, f"{self._prefix}_common")
            contents = _common_contents(self._story, population, self._place)
            fill_database(cursor, self._dialect, schema.COMMON, contents, hostile=self._story.hostile)

    def _fill_clients(self, accounts: Sequence[RosterAccount], population: Population) -> None:
        with self._cursor() as cursor:
            for account in accounts:
                self._use(cursor, f"{self._prefix}_{account.database}", create=True)
                rows = ClientRows(self._story, account, population).tables()
                fill_database(cursor, self._dialect, schema.CLIENT, rows, hostile=self._story.hostile)

    @staticmethod
    def _use(cursor: Cursor, name: str, *, create: bool = False) -> None:
        if create:
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        cursor.execute(f"USE `{name}`")

    def _set_login(self, cursor: Cursor) -> None:
        escaped = self._prefix.replace("_", r"\_")
        for host in ("%", "localhost"):
            who = (self._login, host)
            cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", (*who, self._password))
            cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (*who, self._password))
            for pattern in (f"{self._prefix}_common".replace("_", r"\_"), rf"{escaped}\_client\_%%"):
                cursor.execute(f"GRANT SELECT ON `{pattern}`.* TO %s@%s", who)

    @contextmanager
    def writer(self) -> Iterator[Cursor]:
        """Open the common schema for one transaction."""
        with self._cursor() as cursor:
            self._use(cursor, f"{self._prefix}_common")
            yield cursor

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert further rows."""
        if rows:
            cursor.executemany(_insertion(table, self._dialect), rows)

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""
        cursor.execute(
            "UPDATE zillow_webhook_events SET received_at = received_at + INTERVAL %s SECOND "
            "WHERE status = %s AND received_at < %s",
            (seconds, state, before),
        )

    def remove(self) -> None:
        """Drop the schemas and the login; schemas that the sandbox did not make are refused, not dropped."""
        with self._cursor() as cursor:
            found = self._schemas(cursor)
            if found and not self._is_ours(cursor):
                raise UserError(
                    f"the server has schemas called {self._prefix}_… that the sandbox did not make",
                    where="--database-url",
                    accepted="a server without them, or another --schema-prefix",
                    next_step=f"look at {', '.join(found[:3])}",
                )
            # The marked schema goes last: what is left of a removal cut short is still ours.
            for name in sorted(found, key=lambda each: each.endswith("_common")):
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            for host in ("%", "localhost"):
                cursor.execute("DROP USER IF EXISTS %s@%s", (self._login, host))


def store_for(story: Story, directory: Path, database_url: str | None, prefix: str, password: str) -> Store:
    """Return where a story's databases go: the server of the URL, or files in the directory."""
    if database_url:
        return ServerStore(story, database_url, prefix, password)
    return SqliteStore(story, directory, prefix)
