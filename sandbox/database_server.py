"""A MariaDB or MySQL server that holds databases of the sandbox: its schemas, its login, and what is ours to drop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
from sqlalchemy import URL, create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from diagnostics.failures import FailureKind, SourceFailure, UserError
from sandbox.filling import Cursor

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

    @property
    def host(self) -> str:
        """Where it runs."""
        return self._admin.host or "localhost"

    def _engine(self) -> Engine:
        limits = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": self._statement_s,
            "write_timeout": self._statement_s,
        }
        return create_engine(self._admin, poolclass=NullPool, connect_args={**limits, "charset": "utf8mb4"})

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """Yield an administrator's cursor of one transaction; failures are told without the password."""
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

    def use(self, cursor: Cursor, database: str, *, create: bool = False) -> None:
        """Make a schema the current one; `database` is its name without the prefix."""
        if create:
            cursor.execute(f"CREATE DATABASE `{self.prefix}_{database}` CHARACTER SET utf8mb4")
        cursor.execute(f"USE `{self.prefix}_{database}`")

    def drop(self, cursor: Cursor, database: str) -> None:
        """Drop a schema; `database` is its name without the prefix."""
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
        self.set_login(cursor)
        return True

    def set_login(self, cursor: Cursor) -> None:
        """Create the console's login, or set its password again: SELECT and nothing else."""
        escaped = self.prefix.replace("_", r"\_")
        for host in ("%", "localhost"):
            who = (self.login, host)
            cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", (*who, self._password))
            cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (*who, self._password))
            for name in ("common", "analytics", "client\\_%%"):
                cursor.execute(f"GRANT SELECT ON `{escaped}\\_{name}`.* TO %s@%s", who)

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
            for host in ("%", "localhost"):
                cursor.execute("DROP USER IF EXISTS %s@%s", (self.login, host))
