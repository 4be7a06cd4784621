"""Where accounts live in these tests: SQLite files or schemas of a private MariaDB, with production's indexes.

Columns may hold NULL and users may have several rows, because real databases do, whatever a schema promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Connection, Engine, Index, MetaData, Table, UniqueConstraint, create_engine

from diagnostics.accounts.service import AccountService
from diagnostics.config.settings import DatabaseSettings, Settings
from diagnostics.core.context import Context
from diagnostics.core.time import utc_now
from diagnostics.service import Diagnostics
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases
from sandbox.rows import schema
from tests.mariadb import MariaDB
from tests.service.world import ToldDatadog
from tests.shipped import shipped_catalogue

ACCOUNT = 148261
OTHER = 75172
PASSWORD = "only for this test"


def ago(**parts: float) -> datetime:
    """A moment before now, naive UTC as databases keep it."""
    return (utc_now() - timedelta(**parts)).replace(tzinfo=None, microsecond=0)


def ahead(**parts: float) -> datetime:
    """A moment after now."""
    return (utc_now() + timedelta(**parts)).replace(tzinfo=None, microsecond=0)


def _lenient(metadata: MetaData) -> MetaData:
    """The same tables where every column but the keys may be NULL and nothing but the keys is unique."""
    copied = MetaData()
    for table in metadata.tables.values():
        copy = table.to_metadata(copied)
        for column in copy.columns:
            column.nullable = not column.primary_key
        for constraint in [one for one in copy.constraints if isinstance(one, UniqueConstraint)]:
            copy.constraints.discard(constraint)
            Index(str(constraint.name), *constraint.columns)
    return copied


COMMON, CLIENT = _lenient(schema.COMMON), _lenient(schema.CLIENT)


class Place:
    """One common database, any number of client databases, and the service that reads them."""

    def __init__(self, kind: str, folder: Path, server: MariaDB | None) -> None:
        self.kind = kind
        self.folder = folder
        self._server = server
        self._prefix = f"a{uuid4().hex[:8]}"
        self._schemas: list[str] = []
        self._clients: dict[int, Engine] = {}
        self._opened: list[Engine] = []
        if server is not None:
            server.create_user(self._user, PASSWORD)
        self._common = self._create(f"{self._prefix}_common", COMMON)
        self.datadog = ToldDatadog()
        self.catalogue = shipped_catalogue()
        self.service = self._service()
        self.account(ACCOUNT, name="Summit Ridge Group")

    @property
    def accounts(self) -> AccountService:
        """The service under test."""
        return self.service.accounts

    @property
    def host(self) -> str:
        """Host as `accounts` names it."""
        return "h" if self._server is None else self._server.host

    def account(self, account_id: int, *, database: str | None = None, **values: object) -> None:
        """Add an account; with its client database unless another name for it is given."""
        name = f"{self._prefix}_client_{account_id}" if database is None else database
        if database is None:
            self._clients[account_id] = self._create(name, CLIENT)
        row = {"name": f"Account {account_id}", "status": "active", "user_count": 3, **values}
        self.common(
            "accounts", {"id": account_id, "db_host": self.host, "db_database": name, "db_user": self._user, **row}
        )

    def common(self, table: str, *rows: Mapping[str, object]) -> None:
        """Add rows to the shared database."""
        self._insert(self._common, COMMON.tables[table], rows)

    def client(self, table: str, *rows: Mapping[str, object], account_id: int = ACCOUNT) -> None:
        """Add rows to an account's database."""
        self._insert(self._clients[account_id], CLIENT.tables[table], rows)

    def users(self, *ids: int, account_id: int = ACCOUNT) -> None:
        """Add users to the client database."""
        rows = (
            {"id": one, "account_id": account_id, "name": f"User {one}", "email": f"u{one}@x", "status": "active"}
            for one in ids
        )
        self.client("users", *rows, account_id=account_id)

    def auth(self, user: int | None, **values: object) -> None:
        """Add credentials: a valid token, renewed an hour ago, unless a value says otherwise."""
        row: dict[str, object] = {
            "account_id": ACCOUNT,
            "user_id": user,
            "zuid": f"X1-ZU{user or 0:08d}",
            "encrypted_refresh_token": "secret-cipher",
            "expires_at": ahead(hours=10),
            "zillow_sync_user_id": None,
            "created_at": ago(days=100),
            "updated_at": ago(hours=1),
        }
        self.common("zillow_auth", {**row, **values})

    def sync(self, user: int | None, **values: object) -> None:
        """Add a connection: integrated, enabled and healthy unless a value says otherwise."""
        row: dict[str, object] = {
            "account_id": ACCOUNT,
            "user_id": user,
            "zuid": f"X1-ZU{user or 0:08d}",
            "zillow_email": f"s{user}@x",
            "zillow_integration_id": f"zim-{user}",
            "zillow_integration_enabled": True,
            "connection_health_status": "healthy",
            "problem_at": None,
            "problem_msg": None,
            "lead_count": 3,
            "created_at": ago(days=100),
        }
        self.common("zillow_sync_users", {**row, **values})

    def connect(self) -> Connection:
        """A connection of somebody who may do anything, to `common`."""
        return self._common.connect()

    def connect_client(self, account_id: int = ACCOUNT) -> Connection:
        """The same, to an account's database."""
        return self._clients[account_id].connect()

    def reopen(self, **databases: object) -> None:
        """The same databases behind a new service, so that nothing is remembered."""
        self.service.close()
        self.service = self._service(**databases)

    def without_client(self, account_id: int = ACCOUNT) -> None:
        """The account's client database is gone."""
        engine = self._clients.pop(account_id)
        if self._server is None:
            path = str(engine.url.database)
            engine.dispose()
            Path(path).unlink()
        else:
            self._server.execute(f"DROP DATABASE `{engine.url.database}`")
        self.reopen()

    def close(self) -> None:
        """Leave nothing behind."""
        self.service.close()
        for engine in self._opened:
            engine.dispose()
        if self._server is not None:
            drops = [f"DROP DATABASE IF EXISTS `{name}`" for name in self._schemas]
            with suppress(Exception):
                self._server.execute(*drops, f"DROP USER IF EXISTS '{self._user}'@'%'")

    @property
    def _user(self) -> str:
        return f"{self._prefix}_reader"

    def _service(self, **databases: object) -> Diagnostics:
        if self._server is None:
            urls = {
                "common_url": f"sqlite:///{self.folder}/{self._prefix}_common.db",
                "client_url": f"sqlite:///{self.folder}/{{db_database}}.db",
            }
        else:
            urls = {
                "common_url": self._server.url(f"{self._prefix}_common", self._user, ""),
                "client_url": f"mysql+pymysql://{{db_user}}@{{db_host}}:{self._server.port}/{{db_database}}",
            }
            urls["common_url"] = f"mysql+pymysql://{self._user}@{self.host}:{self._server.port}/{self._prefix}_common"
            databases.setdefault("password", PASSWORD)
        settings = Settings(
            state_dir=self.folder / "state",
            databases=DatabaseSettings.model_validate({**urls, **databases}),
        )
        read = Databases(settings.databases, self.catalogue.schema_map)
        return Diagnostics(Context(settings, self.catalogue, cast("Datadog", self.datadog), read))

    def _create(self, name: str, metadata: MetaData) -> Engine:
        if self._server is None:
            engine = create_engine(f"sqlite:///{self.folder}/{name}.db")
        else:
            self._schemas.append(self._server.create_schema(name))
            self._server.execute(f"GRANT SELECT ON `{name}`.* TO '{self._user}'@'%'")
            engine = create_engine(self._server.url(name))
        metadata.create_all(engine)
        self._opened.append(engine)
        return engine

    @staticmethod
    def _insert(engine: Engine, table: Table, rows: Any) -> None:  # noqa: ANN401  # any iterable of mappings
        by_keys: dict[tuple[str, ...], list[dict[str, object]]] = {}
        for row in rows:
            by_keys.setdefault(tuple(sorted(row)), []).append(dict(row))
        with engine.begin() as connection:
            for batch in by_keys.values():
                connection.execute(table.insert(), batch)
