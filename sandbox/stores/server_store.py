"""The databases of a story as schemas on a MariaDB or MySQL server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pymysql
from sqlalchemy import URL, MetaData, Table, create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from sandbox.rows import schema
from sandbox.rows.client_rows import ClientRows
from sandbox.rows.common_rows import Cells
from sandbox.stores.analytics import ANALYTICS, analytics_contents
from sandbox.stores.filling import Cursor, common_contents, fill_database, insertion, mark_of
from sandbox.stores.row_faults import ROW_KINDS, spoil
from sandbox.stories.account_list import StoryAccount, account_list
from sandbox.stories.population import Population, populate
from sandbox.stories.story import Story

_CONNECT_S = 5
_STATEMENT_S = 60
_SLOTS = {"DATABASE-GOES-HERE": "{db_database}", "USER-GOES-HERE": "{db_user}"}


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


class DatabaseServer:
    """Schemas `PREFIX_common`, `PREFIX_client_ID` and `PREFIX_analytics`, and a login that can only read them."""

    def __init__(self, url: str, prefix: str, password: str, statement_s: int = _STATEMENT_S) -> None:
        self.prefix = prefix
        self.login = f"{prefix}_console"
        self.writer = f"{prefix}_writer"
        self._password = password
        self._statement_s = statement_s
        self._admin = _administrator(url)
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", prefix):
            raise UserError(
                f"{prefix!r} cannot begin a schema name",
                where="--schema-prefix",
                accepted="up to 31 lower-case letters, digits and underscores, a letter first",
            )
        self.dialect = self._engine().dialect
        self.common_url = self._url(f"{prefix}_common")
        self.analytics_url = self._url(f"{prefix}_analytics")
        # Placeholders go in after rendering, which would escape their braces.
        database, user = _SLOTS
        template = self._url(database, user)
        for word, slot in _SLOTS.items():
            template = template.replace(word, slot)
        name = str(self._admin.host or "")
        self.client_url = template.replace(f"@{name}", "@{db_host}", 1) if name else template

    def _url(self, database: str, user: str | None = None) -> str:
        public = self._admin._replace(username=user or self.login, password=None)
        return public.set(database=database).render_as_string(hide_password=False)

    def address(self, database: str) -> tuple[str, str, str]:
        """Host, schema and login of a database whose name is given without the prefix."""
        return self._admin.host or "localhost", f"{self.prefix}_{database}", self.login

    def _engine(self) -> Engine:
        limits = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": self._statement_s,
            "write_timeout": self._statement_s,
        }
        return create_engine(self._admin, poolclass=NullPool, connect_args={**limits, "charset": "utf8mb4"})

    @contextmanager
    def cursor(self, database: str = "", *, create: bool = False) -> Iterator[Cursor]:
        """Yield an administrator's cursor of one transaction, in a schema where one is named without its prefix.

        Failures are told without the password.
        """
        try:
            raw = self._engine().raw_connection()
        except (SQLAlchemyError, pymysql.MySQLError, OSError) as error:
            raise _failure(getattr(error, "orig", None) or error) from None
        try:
            cursor = raw.cursor()
            if database:
                self._use(cursor, database, create=create)
            yield cursor
            raw.commit()
        except (pymysql.MySQLError, OSError) as error:
            # The server ended, or took the connection away.
            raise _failure(error) from None
        finally:
            with suppress(pymysql.MySQLError, OSError, SQLAlchemyError):
                raw.close()

    def created(self, databases: Iterable[str]) -> Iterator[Cursor]:
        """Create schemas and yield a cursor in each, all over one connection: opening one takes as long as a table."""
        with self.cursor() as cursor:
            for database in databases:
                self._use(cursor, database, create=True)
                yield cursor

    def _use(self, cursor: Cursor, database: str, *, create: bool) -> None:
        if create:
            cursor.execute(f"CREATE DATABASE `{self.prefix}_{database}` CHARACTER SET utf8mb4")
        cursor.execute(f"USE `{self.prefix}_{database}`")

    def drop(self, database: str) -> None:
        """Drop a schema; `database` is its name without the prefix."""
        with self.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.prefix}_{database}`")

    def _schemas(self, cursor: Cursor) -> list[str]:
        pattern = self.prefix.replace("_", r"\_") + r"\_%"
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s", (pattern,))
        ours = re.compile(rf"{self.prefix}_(common|analytics|client_\d+)")
        return [name for (name,) in cursor.fetchall() if ours.fullmatch(name)]

    def is_ours(self, cursor: Cursor) -> bool:
        """Return whether the common schema holds the sandbox's own table."""
        cursor.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'sandbox_story'",
            (f"{self.prefix}_common",),
        )
        return cursor.fetchone() is not None

    def login_exists(self, cursor: Cursor) -> bool:
        """Return whether the console's login is there; its password is set again, it may be another one than before."""
        cursor.execute("SELECT 1 FROM mysql.user WHERE user = %s", (self.login,))
        if cursor.fetchone() is None:
            return False
        self.set_login()
        return True

    def set_login(self) -> None:
        """Create the console's logins, or set their password again: one that only reads, and the writer."""
        escaped = self.prefix.replace("_", r"\_")
        grants = {
            self.login: {"common": "SELECT", "analytics": "SELECT", "client\\_%%": "SELECT"},
            self.writer: {"common": "SELECT, INSERT, UPDATE", "client\\_%%": "SELECT, UPDATE"},
        }
        with self.cursor() as cursor:
            for who in ((login, host) for login in grants for host in ("%", "localhost")):
                cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", (*who, self._password))
                cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (*who, self._password))
                for name, privileges in grants[who[0]].items():
                    cursor.execute(f"GRANT {privileges} ON `{escaped}\\_{name}`.* TO %s@%s", who)

    def remove(self) -> None:
        """Drop the schemas and the login; schemas that the sandbox did not make are refused, not dropped."""
        with self.cursor() as cursor:
            found = self._schemas(cursor)
            if found and not self.is_ours(cursor):
                raise UserError(
                    f"the server has schemas called {self.prefix}_… that the sandbox did not make",
                    where="--database-url",
                    accepted="a server without them, or another --schema-prefix",
                    next_step=f"look at {', '.join(found[:3])}",
                )
            # The marked schema goes last: what is left of a removal cut short is still ours.
            for name in sorted(found, key=lambda each: each.endswith("_common")):
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            for who in ((login, host) for login in (self.login, self.writer) for host in ("%", "localhost")):
                cursor.execute("DROP USER IF EXISTS %s@%s", who)


_CONNECTIONS = 3
"""Connections that fill a server side by side: one for the common schema, the others for the clients."""


class ServerStore:
    """One schema per database on a MariaDB or MySQL server, and a login for the console that can only read."""

    can_hide_clients = False
    """All schemas share one server: taking one host away would take all."""

    def __init__(self, story: Story, url: str, prefix: str, password: str, oddities: Sequence[str] = ()) -> None:
        """`oddities` are faults of the rows, see `row_faults`."""
        self._story = story
        self._oddities = oddities
        # Rows with other faults are other rows: the mark's last number tells all of them apart.
        kinds = sum(2 << number for number, kind in enumerate(ROW_KINDS) if kind in oddities)
        self._mark = (*mark_of(story)[:-1], int(story.hostile) + kinds)
        self._server = DatabaseServer(url, prefix, password)
        self.common_url = self._server.common_url
        self.client_url = self._server.client_url
        self.analytics_url = self._server.analytics_url

    def place(self, account: StoryAccount) -> tuple[str, str, str]:
        """Host, database and login of an account, as `accounts` names them."""
        return self._server.address(account.database)

    def is_filled(self) -> bool:
        """Return whether the common schema carries the mark of this very story."""
        with self._server.cursor() as cursor:
            if not self._server.is_ours(cursor):
                return False
            cursor.execute(f"SELECT scenario, seed, anchor, hostile FROM `{self._server.prefix}_common`.sandbox_story")  # noqa: S608  # a prefix that was checked
            found = [tuple(row) for row in cursor.fetchall()]
            return found == [self._mark] and self._server.login_exists(cursor)

    def fill(self) -> None:
        """Create the schemas, fill them, then create the console's login: SELECT and nothing else."""
        self.remove()
        population, server = populate(self._story), self._server
        # The schema with the mark's table comes first, so that a run cut short is recognised as ours.
        with server.cursor("common", create=True) as cursor:
            fill_database(cursor, server.dialect, schema.MARK, (), hostile=False)
        accounts = account_list(self._story.seed)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            work = [pool.submit(self._fill_common, population)]
            work += [
                pool.submit(self._fill_clients, accounts[n :: _CONNECTIONS - 1], population)
                for n in range(_CONNECTIONS - 1)
            ]
            for done in work:
                done.result()
        server.set_login()
        with server.cursor("common") as cursor:
            mark = [(schema.STORY_MARK, [self._mark])]
            fill_database(cursor, server.dialect, MetaData(), mark, hostile=False)

    def _fill_common(self, population: Population) -> None:
        with self._server.cursor("common") as cursor:
            contents = common_contents(self._story, population, self.place)
            fill_database(cursor, self._server.dialect, schema.COMMON, contents, hostile=self._story.hostile)
            spoil(cursor, self._oddities, "common")

    def _fill_clients(self, accounts: Sequence[StoryAccount], population: Population) -> None:
        # The cursors come first: their generator is then run to its end, which is where it commits.
        cursors = self._server.created(account.database for account in accounts)
        for cursor, account in zip(cursors, accounts, strict=True):
            rows = ClientRows(self._story, account, population).tables()
            fill_database(cursor, self._server.dialect, schema.CLIENT, rows, hostile=self._story.hostile)
            spoil(cursor, self._oddities, "client")

    def fill_analytics(self, behind_s: int) -> None:
        """Create the analytics schema anew."""
        self._server.drop("analytics")
        with self._server.cursor("analytics", create=True) as cursor:
            contents = analytics_contents(self._story, behind_s)
            fill_database(cursor, self._server.dialect, ANALYTICS, contents, hostile=False)

    @contextmanager
    def writer(self) -> Iterator[Cursor]:
        """Open the common schema for one transaction."""
        with self._server.cursor("common") as cursor:
            yield cursor

    @contextmanager
    def client_writer(self, account: StoryAccount) -> Iterator[Cursor]:
        """Open one account's schema."""
        with self._server.cursor(account.database) as cursor:
            yield cursor

    def hide_client(self, account: StoryAccount) -> None:
        """Not possible here, see `can_hide_clients`."""
        raise NotImplementedError(account)

    def show_client(self, account: StoryAccount) -> None:
        """No effect: schemas are not hidden."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Cells]) -> None:
        """Insert further rows."""
        if rows:
            cursor.executemany(insertion(table, self._server.dialect), rows)

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""
        cursor.execute(
            "UPDATE zillow_webhook_events SET received_at = received_at + INTERVAL %s SECOND "
            "WHERE status = %s AND received_at < %s",
            (seconds, state, before),
        )

    def remove(self) -> None:
        """Drop the schemas and the login; schemas that the sandbox did not make are refused, not dropped."""
        self._server.remove()
