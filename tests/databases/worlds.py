"""The two places where the same suite runs: SQLite files, and schemas of a private MariaDB server."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from sqlalchemy import Column, Integer, MetaData, Select, Table, select, text

from diagnostics.catalogue.model import SchemaMap, TableMap
from diagnostics.config.settings import DatabaseSettings
from diagnostics.sources.mysql.databases import Databases
from tests.mariadb import MariaDB

PASSWORD = "correct:horse@/battery%staple"
"""With every character that means something in a URL."""

HOSTILE = "ok\x1b]52;c;ZXZpbA==\x07\u202etxt\r\n\x9b31m[/bold]"

COMMON = (
    """CREATE TABLE crm_accounts (account_no BIGINT PRIMARY KEY, title VARCHAR(200), state VARCHAR(20),
    shard_host VARCHAR(300), shard_name VARCHAR(300), shard_user VARCHAR(100), seats INT)""",
    """CREATE TABLE zillow_auth (id BIGINT PRIMARY KEY, account_id BIGINT, zuid VARCHAR(64),
    encrypted_refresh_token BLOB, expires_at DATETIME, created_at DATETIME)""",
    "CREATE TABLE feature_flags (account_id BIGINT, flag_name VARCHAR(200), enabled BOOLEAN)",
    "CREATE TABLE zillow_lead_events_log (id BIGINT PRIMARY KEY, sync_status VARCHAR(20), created_at DATETIME)",
    "CREATE INDEX events_created ON zillow_lead_events_log (created_at)",
    "CREATE TABLE zillow_webhook_events (id BIGINT PRIMARY KEY, status VARCHAR(20), received_at DATETIME)",
    "CREATE INDEX events_status ON zillow_webhook_events (status, received_at)",
)
CLIENT = (
    "CREATE TABLE users (id BIGINT PRIMARY KEY, account_id BIGINT, name VARCHAR(200))",
    "CREATE TABLE deals (id BIGINT PRIMARY KEY, name VARCHAR(200), synced_at DATETIME)",
)


def mapped(
    logical: str,
    database: Literal["common", "client"],
    columns: Sequence[str] | Mapping[str, str],
    *,
    name: str = "",
    optional: tuple[str, ...] = (),
) -> TableMap:
    """A mapping; columns given as a plain list carry their own names."""
    real = dict(columns) if isinstance(columns, Mapping) else {column: column for column in columns}
    return TableMap(logical=logical, database=database, name=name or logical, columns=real, optional=optional)


ACCOUNTS = mapped(
    "accounts",
    "common",
    {
        "id": "account_no",
        "name": "title",
        "status": "state",
        "db_host": "shard_host",
        "db_database": "shard_name",
        "db_user": "shard_user",
        "user_count": "seats",
    },
    name="crm_accounts",
    optional=("name", "status", "user_count"),
)
AUTH = mapped(
    "zillow_auth",
    "common",
    ["id", "account_id", "zuid", "encrypted_refresh_token", "expires_at", "created_at"],
)


def schema_map(*others: TableMap) -> SchemaMap:
    """The mapping that fits `COMMON` and `CLIENT`, with some tables added or mapped otherwise."""
    usual = (
        ACCOUNTS,
        AUTH,
        mapped("feature_flags", "common", ["account_id", "flag_name", "enabled"]),
        mapped("zillow_lead_events_log", "common", ["id", "sync_status", "created_at"]),
        mapped("zillow_webhook_events", "common", ["id", "status", "received_at"]),
        mapped("users", "client", ["id", "account_id", "name"]),
        mapped("deals", "client", ["id", "name", "synced_at"]),
    )
    return SchemaMap(tables={table.logical: table for table in (*usual, *others)})


def send(databases: Databases, statement: str) -> tuple[dict[str, object], ...]:
    """The shared database's answer to a text that no door lets through, as a mistake in the program would send it."""
    with databases.runner() as runner:
        database = databases.engines.common()
        try:
            return runner.run(database, text(statement), 100).rows
        finally:
            database.dispose()


class World(ABC):
    """One common database and any number of client databases, of one make. Its tables are `COMMON` and `CLIENT`."""

    kind: str

    def __init__(self) -> None:
        self._opened: list[Databases] = []
        self.prefix = f"w{uuid4().hex[:8]}"
        self.common = f"{self.prefix}_common"

    def open(self, map_: SchemaMap | None = None, **settings: object) -> Databases:
        """The source under test, with short time limits; closed with the world."""
        values = {
            "common_url": self.common_url(),
            "client_url": self.client_url(),
            "password": PASSWORD,
            "connect_timeout_s": 2.0,
            "read_timeout_s": 4.0,
            "statement_timeout_s": 3.0,
            "client_pool": 4,
            **settings,
        }
        databases = Databases(DatabaseSettings.model_validate(values), map_ or schema_map())
        self._opened.append(databases)
        return databases

    def add_account(self, account_id: int, *, title: object = None, host: str | None = None, name: str = "") -> str:
        """A row in common.accounts, and its client database with one user; returns the database's name."""
        database = name or f"{self.prefix}_client_{account_id}"
        if not name:
            self.create(database, *CLIENT, self.endless_view)
            self.insert(database, "users", (account_id, account_id, f"user of {account_id}"))
        row = (account_id, title, "active", self.host if host is None else host, database, self.user, 3)
        self.insert(self.common, "crm_accounts", row)
        return database

    def close(self) -> None:
        """Close every source that was opened."""
        for databases in self._opened:
            databases.close()

    @property
    @abstractmethod
    def host(self) -> str:
        """Host as `accounts` names it."""

    @property
    @abstractmethod
    def user(self) -> str:
        """Login as `accounts` names it."""

    @property
    @abstractmethod
    def endless_view(self) -> str:
        """Makes a view that is read for a minute when nobody ends it."""

    def endless(self, kind: Literal["common", "client"] = "common") -> Select[tuple[int]]:
        """A question to that view."""
        return select(Table("endless", MetaData(), Column("id", Integer), info={"database": kind}).c.id)

    @abstractmethod
    def common_url(self) -> str:
        """Of the shared database, without a password."""

    @abstractmethod
    def client_url(self) -> str:
        """The template of client databases."""

    @abstractmethod
    def create(self, database: str, *statements: str) -> None:
        """Create a database with these tables."""

    @abstractmethod
    def execute(self, database: str, *statements: str) -> None:
        """Run statements as somebody who may write."""

    @abstractmethod
    def insert(self, database: str, table: str, *rows: Sequence[object]) -> None:
        """Add rows, values in the order of the columns."""

    @abstractmethod
    def take_away(self) -> None:
        """Make the databases unreachable."""

    @abstractmethod
    def bring_back(self) -> None:
        """Make them reachable again."""


class SQLiteWorld(World):
    """Files in a folder."""

    kind = "sqlite"
    host = "localhost"
    user = "nobody"
    endless_view = (
        "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT count(*) AS id FROM n"
    )

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.create(self.common, *COMMON, self.endless_view)

    def common_url(self) -> str:
        """A file named after the database."""
        return f"sqlite:///{self.directory}/{self.common}.db"

    def client_url(self) -> str:
        """A file for each database."""
        return f"sqlite:///{self.directory}/{{db_database}}.db"

    def create(self, database: str, *statements: str) -> None:
        """Writing to a file creates it."""
        self.execute(database, *statements)

    def execute(self, database: str, *statements: str) -> None:
        """Through a connection of its own."""
        with closing(sqlite3.connect(self.directory / f"{database}.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def insert(self, database: str, table: str, *rows: Sequence[object]) -> None:
        """Moments as SQLAlchemy writes them."""
        with closing(sqlite3.connect(self.directory / f"{database}.db")) as connection:
            for row in rows:
                values = [value.isoformat(" ") if isinstance(value, datetime) else value for value in row]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", values)  # noqa: S608
            connection.commit()

    def take_away(self) -> None:
        """The folder moves."""
        self.directory.rename(self.directory.with_suffix(".away"))

    def bring_back(self) -> None:
        """The folder returns."""
        self.directory.with_suffix(".away").rename(self.directory)


class MariaDBWorld(World):
    """Schemas of one server, and a login that may read them."""

    kind = "mariadb"
    host = "127.0.0.1"
    endless_view = "CREATE VIEW endless AS SELECT SLEEP(60) AS id"

    def __init__(self, server: MariaDB) -> None:
        super().__init__()
        self.server = server
        self._schemas: list[str] = []
        server.create_user(self.user, PASSWORD)
        self.create(self.common, *COMMON, self.endless_view)

    @property
    def user(self) -> str:
        """May read this world's schemas and no other."""
        return f"{self.prefix}_reader"

    def common_url(self) -> str:
        """Over TCP."""
        return self.server.url(self.common, self.user)

    def client_url(self) -> str:
        """On the same server; each account's own host, database and user."""
        return f"mysql+pymysql://{{db_user}}@{{db_host}}:{self.server.port}/{{db_database}}"

    def create(self, database: str, *statements: str) -> None:
        """A schema, readable."""
        self._schemas.append(self.server.create_schema(database, *statements))
        self.server.execute(f"GRANT SELECT ON `{database}`.* TO '{self.user}'@'%'")

    def execute(self, database: str, *statements: str) -> None:
        """As root."""
        self.server.execute(*statements, database=database)

    def insert(self, database: str, table: str, *rows: Sequence[object]) -> None:
        """As root."""
        for row in rows:
            places = ", ".join(["%s"] * len(row))
            self.server.execute(f"INSERT INTO {table} VALUES ({places})", database=database, arguments=row)  # noqa: S608

    def take_away(self) -> None:
        """The server dies."""
        self.server.kill()

    def bring_back(self) -> None:
        """The server starts again."""
        self.server.start()

    def running(self) -> list[str]:
        """Statements that this world's login runs now."""
        rows = self.server.execute(
            "SELECT info FROM information_schema.processlist WHERE user = %s AND info IS NOT NULL",
            arguments=(self.user,),
        )
        return [str(row[0]) for row in rows]

    def connections(self) -> int:
        """How many connections this world's login holds."""
        counted = "SELECT count(*) FROM information_schema.processlist WHERE user = %s"
        return int(self.server.execute(counted, arguments=(self.user,))[0][0])

    def close(self) -> None:
        """Leave nothing on the shared server."""
        super().close()
        drops = [f"DROP DATABASE IF EXISTS `{schema}`" for schema in self._schemas]
        self.server.execute(*drops, f"DROP USER IF EXISTS '{self.user}'@'%'")
