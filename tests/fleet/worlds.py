"""Client databases by the dozen: SQLite files, or schemas of a private MariaDB server, and one `common`."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from diagnostics.config.settings import AnalyticsSettings, DatabaseSettings, FleetSettings, Settings
from diagnostics.core.time import utc_now
from diagnostics.fleet.fleet import Fleet
from diagnostics.sources.mysql.databases import Databases
from tests.mariadb import MariaDB
from tests.shipped import shipped_catalogue

PASSWORD = "correct:horse@/battery%staple"

ACCOUNTS = """CREATE TABLE accounts (id BIGINT PRIMARY KEY, name VARCHAR(191), status VARCHAR(191),
    db_host VARCHAR(191), db_database VARCHAR(191), db_user VARCHAR(191), user_count INT)"""
AGENTS = """CREATE TABLE {}zillow_agents (id BIGINT PRIMARY KEY, account_id BIGINT, user_id BIGINT,
    encrypted_zuid VARCHAR(191), name VARCHAR(191), email VARCHAR(191), resolution_method SMALLINT,
    created_at DATETIME, updated_at DATETIME)"""
DEALS = """CREATE TABLE {}deals (id BIGINT PRIMARY KEY, account_id BIGINT, name VARCHAR(191), stage VARCHAR(191),
    property_id BIGINT, zillow_transaction_id VARCHAR(64), synced_at DATETIME, created_at DATETIME,
    updated_at DATETIME)"""
TABLES = ("zillow_agents", "deals")


def ago(**parts: float) -> datetime:
    """A moment before now, naive UTC as the databases keep it, whole seconds."""
    return (utc_now() - timedelta(**parts)).replace(tzinfo=None, microsecond=0)


class World(ABC):
    """One `common` and any number of client databases, all of the shipped schema map's shape."""

    def __init__(self) -> None:
        self._closing: list[Callable[[], None]] = []
        self.prefix = f"f{uuid4().hex[:8]}"
        self.common = f"{self.prefix}_common"
        self.analytics = f"{self.prefix}_analytics"
        self._ids = 0

    def open(
        self,
        fleet: dict[str, Any] | None = None,
        analytics: dict[str, Any] | None = None,
        now: Callable[[], datetime] = utc_now,
        **databases: object,
    ) -> Fleet:
        """The part under test, with short limits; closed with the world."""
        values = {
            "common_url": self.common_url(),
            "client_url": self.client_url(),
            "password": PASSWORD,
            "connect_timeout_s": 2.0,
            "read_timeout_s": 6.0,
            "statement_timeout_s": 4.0,
            **databases,
        }
        settings = Settings(
            state_dir=Path("/nonexistent"),
            databases=DatabaseSettings.model_validate(values),
            fleet=FleetSettings.model_validate({"deadline_s": 30.0, **(fleet or {})}),
            analytics=AnalyticsSettings.model_validate(analytics or {}),
        )
        self.databases = Databases(settings.databases, shipped_catalogue().schema_map)
        made = Fleet(self.databases, settings, now, most_behind_s=600.0)
        self._closing += [made.close, self.databases.close]
        return made

    def add(
        self,
        account_id: int,
        methods: Sequence[int | None] = (1, 3, 4),
        *,
        host: str | None = "",
        database: str | None = "",
        user: str | None = "",
        status: str | None = "active",
        tables: Iterable[str] = TABLES,
        exists: bool = True,
    ) -> str:
        """An account, and its client database with an agent for each method. Returns the database's name."""
        name = f"{self.prefix}_client_{account_id}" if database == "" else database
        if exists and name:
            self.create(name)
            for table, statement in (("zillow_agents", AGENTS), ("deals", DEALS)):
                if table in tables:
                    self.execute(name, statement.format(""))
            if "zillow_agents" in tables:
                for method in methods:
                    self.agent(name, account_id, method)
        place = (self.host if host == "" else host, name, self.user if user == "" else user)
        self.insert(self.common, "accounts", (account_id, f"account {account_id}", status, *place, 3))
        return name or ""

    def agent(
        self,
        database: str,
        account_id: int | None,
        method: int | None,
        *,
        user_id: int | None = 7,
        updated_at: datetime | None = None,
    ) -> int:
        """One agent; returns its id."""
        self._ids += 1
        updated = updated_at or ago(hours=1)
        row = (self._ids, account_id, user_id, None, "agent", None, method, ago(days=30), updated)
        self.insert(database, "zillow_agents", row)
        return self._ids

    def deal(self, database: str, account_id: int, created_at: datetime, synced_at: datetime | None) -> None:
        """One deal."""
        self._ids += 1
        row = (self._ids, account_id, "deal", "open", 1, None, synced_at, created_at, created_at)
        self.insert(database, "deals", row)

    def fill_analytics(self, accounts: Iterable[int]) -> dict[str, Any]:
        """An analytics database with the rows of these accounts' databases; returns the settings that reach it."""
        self.create(self.analytics)
        for statement in (AGENTS, DEALS):
            # Ids repeat from one client database to the other, as they do in production.
            self.execute(self.analytics, statement.format("").replace(" PRIMARY KEY", ""))
        for account_id in accounts:
            self.copy(f"{self.prefix}_client_{account_id}", self.analytics)
        return {"url": self.analytics_url(), "password": PASSWORD, "zillow_agents": "zillow_agents", "deals": "deals"}

    def close(self) -> None:
        """Close what was opened."""
        for close in self._closing:
            close()

    @property
    @abstractmethod
    def host(self) -> str:
        """Host as `accounts` names it."""

    @property
    @abstractmethod
    def user(self) -> str:
        """Login as `accounts` names it."""

    @abstractmethod
    def common_url(self) -> str:
        """Of the shared database."""

    @abstractmethod
    def client_url(self) -> str:
        """The template of client databases."""

    @abstractmethod
    def analytics_url(self) -> str:
        """Of the analytics database."""

    @abstractmethod
    def create(self, database: str) -> None:
        """Create an empty database that the console's login may read."""

    @abstractmethod
    def drop(self, database: str) -> None:
        """Remove a database."""

    @abstractmethod
    def execute(self, database: str, *statements: str) -> None:
        """Run statements as somebody who may write."""

    @abstractmethod
    def insert(self, database: str, table: str, row: Sequence[object]) -> None:
        """Add a row, values in the order of the columns."""

    @abstractmethod
    def copy(self, database: str, to: str) -> None:
        """Add all rows of one database to another."""


class SQLiteWorld(World):
    """Files in a folder."""

    host = "localhost"
    user = "nobody"

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.execute(self.common, ACCOUNTS)

    def common_url(self) -> str:
        return f"sqlite:///{self.directory}/{self.common}.db"

    def client_url(self) -> str:
        return f"sqlite:///{self.directory}/{{db_database}}.db"

    def analytics_url(self) -> str:
        return f"sqlite:///{self.directory}/{self.analytics}.db"

    def create(self, database: str) -> None:
        self.execute(database)

    def drop(self, database: str) -> None:
        (self.directory / f"{database}.db").unlink()

    def execute(self, database: str, *statements: str) -> None:
        with closing(sqlite3.connect(self.directory / f"{database}.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def insert(self, database: str, table: str, row: Sequence[object]) -> None:
        values = [value.isoformat(" ") if isinstance(value, datetime) else value for value in row]
        with closing(sqlite3.connect(self.directory / f"{database}.db")) as connection:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", values)  # noqa: S608
            connection.commit()

    def copy(self, database: str, to: str) -> None:
        with closing(sqlite3.connect(self.directory / f"{to}.db")) as connection:
            connection.execute("ATTACH DATABASE ? AS other", (str(self.directory / f"{database}.db"),))
            for table in TABLES:
                connection.execute(f"INSERT INTO {table} SELECT * FROM other.{table}")  # noqa: S608
            connection.commit()


class MariaDBWorld(World):
    """Schemas of one server, and a login that may read them."""

    host = "127.0.0.1"

    def __init__(self, server: MariaDB) -> None:
        super().__init__()
        self.server = server
        self._schemas: list[str] = []
        server.create_user(self.user, PASSWORD)
        self.create(self.common)
        self.execute(self.common, ACCOUNTS)

    @property
    def user(self) -> str:
        return f"{self.prefix}_reader"

    def common_url(self) -> str:
        return self.server.url(self.common, self.user)

    def client_url(self) -> str:
        return f"mysql+pymysql://{{db_user}}@{{db_host}}:{self.server.port}/{{db_database}}"

    def analytics_url(self) -> str:
        return self.server.url(self.analytics, self.user)

    def create(self, database: str) -> None:
        self._schemas.append(self.server.create_schema(database))
        self.server.execute(f"GRANT SELECT ON `{_escaped(database)}`.* TO '{self.user}'@'%'")

    def grant_everything(self, database: str) -> None:
        """As nobody should."""
        self.server.execute(f"GRANT ALL ON `{_escaped(database)}`.* TO '{self.user}'@'%'")

    def drop(self, database: str) -> None:
        self.server.execute(f"DROP DATABASE `{database}`")

    def execute(self, database: str, *statements: str) -> None:
        self.server.execute(*statements, database=database)

    def insert(self, database: str, table: str, row: Sequence[object]) -> None:
        places = ", ".join(["%s"] * len(row))
        self.server.execute(f"INSERT INTO {table} VALUES ({places})", database=database, arguments=row)  # noqa: S608

    def copy(self, database: str, to: str) -> None:
        for table in TABLES:
            self.server.execute(f"INSERT INTO `{to}`.{table} SELECT * FROM `{database}`.{table}")  # noqa: S608

    def running(self, part: str = "") -> list[str]:
        """Statements of this world's logins that run now and contain `part`."""
        rows = self.server.execute(
            "SELECT info FROM information_schema.processlist WHERE user LIKE %s AND info IS NOT NULL",
            arguments=(f"{self.prefix}%",),
        )
        return [str(row[0]) for row in rows if part in str(row[0])]

    def connections(self) -> int:
        """How many connections to client databases this world's logins hold; they are in no database."""
        counted = "SELECT count(*) FROM information_schema.processlist WHERE user LIKE %s AND db IS NULL"
        return int(self.server.execute(counted, arguments=(f"{self.prefix}%",))[0][0])

    def close(self) -> None:
        super().close()
        drops = [f"DROP DATABASE IF EXISTS `{schema}`" for schema in self._schemas]
        self.server.execute(*drops, f"DROP USER IF EXISTS '{self.user}'@'%'")


def _escaped(database: str) -> str:
    """For a grant, where the underscore stands for any character."""
    return database.replace("_", "\\_")
