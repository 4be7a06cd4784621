"""The databases of a story as schemas on a MariaDB or MySQL server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pymysql
from sqlalchemy import URL, MetaData, Table, create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from diagnostics.failures import FailureKind, SourceFailure, UserError
from sandbox import schema
from sandbox.client_rows import ClientRows
from sandbox.common_rows import Row
from sandbox.filling import Cursor, common_contents, fill_database, insertion, mark_of
from sandbox.population import Population, populate
from sandbox.roster import RosterAccount, roster
from sandbox.story import Story

_CONNECTIONS = 3
"""Connections that fill a server side by side: one for the common schema, the others for the clients."""
_CONNECT_S = 5
_STATEMENT_S = 60


def _failure(error: BaseException) -> SourceFailure:
    remedy = "check --database-url, that the server runs, and that this login may create schemas and users"
    return SourceFailure(FailureKind.UNREACHABLE, "sandbox database", str(error), remedy=remedy)


def _administrator(text: str) -> URL:
    """Return the server's address without a database; the text itself is not repeated, it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not url.drivername.startswith(("mysql", "mariadb")):
        raise UserError(
            "the stand-ins cannot use this kind of database" if url else "the database's address cannot be read",
            where="--database-url",
            accepted="mysql+pymysql://USER:PASSWORD@HOST:PORT/ of a MariaDB or MySQL server",
            next_step="leave it out to use SQLite files",
        )
    return url.set(drivername="mysql+pymysql")._replace(database=None)


class ServerStore:
    """One schema per database on a MariaDB or MySQL server, and a login for the console that can only read."""

    def __init__(self, story: Story, url: str, prefix: str, password: str) -> None:
        self._story = story
        self._prefix = prefix
        self._password = password
        self._admin = _administrator(url)
        self._login = f"{prefix}_console"
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
            return [tuple(row) for row in cursor.fetchall()] == [mark_of(self._story)] and self._login_exists(cursor)

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
            mark = [(schema.STORY_MARK, [mark_of(self._story)])]
            fill_database(cursor, self._dialect, MetaData(), mark, hostile=False)

    def _fill_common(self, population: Population) -> None:
        with self._cursor() as cursor:
            self._use(cursor, f"{self._prefix}_common")
            contents = common_contents(self._story, population, self._place)
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
            cursor.executemany(insertion(table, self._dialect), rows)

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
