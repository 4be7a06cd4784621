"""Accounts and deals in databases with production's keys and indexes, on SQLite files or on a private MariaDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

from sqlalchemy import Engine, create_engine, insert, text

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

CALLS = ("read_common", "read_client")


def naive(moment: datetime) -> datetime:
    """As databases keep moments: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


class Shelf:
    """The real service over real databases with the sandbox's schema, empty until a test fills them."""

    def __init__(self, folder: Path, server: MariaDB | None = None) -> None:
        self.folder, self.server = folder, server
        self._prefix = f"sync{uuid4().hex[:8]}"
        self._schemas: list[str] = []
        self._engines: dict[str, Engine] = {}
        self.catalogue = shipped_catalogue()
        self.datadog = ToldDatadog()
        self._create("common")
        template = server.url("X_common") if server else f"sqlite:///{folder}/X_common.db"
        self.settings = Settings(
            state_dir=folder / "state",
            databases=DatabaseSettings(
                common_url=template.replace("X_common", self._name("common")),
                client_url=template.replace("X_common", "{db_database}"),
            ),
        )
        self.databases = Databases(self.settings.databases, self.catalogue.schema_map)
        self.service = Diagnostics(
            Context(self.settings, self.catalogue, cast("Datadog", self.datadog), self.databases)
        )

    def account(self, account_id: int) -> None:
        """An account with an empty client database."""
        name = self._name(f"client_{account_id}")
        host = self.server.host if self.server else "localhost"
        row = {"id": account_id, "name": f"Account {account_id}", "status": "active", "user_count": 9}
        self.common("accounts", {**row, "db_host": host, "db_database": name, "db_user": "root"})
        self._create(f"client_{account_id}")

    def common(self, table: str, *rows: Mapping[str, object]) -> None:
        """Rows of the shared database."""
        self._insert("common", table, rows)

    def client(self, account_id: int, table: str, *rows: Mapping[str, object]) -> None:
        """Rows of one account's database."""
        self._insert(f"client_{account_id}", table, rows)

    def users(self, account_id: int, *users: int, profile: Iterable[int] = ()) -> None:
        """Users, some with the deprecated profile id."""
        held = set(profile)
        rows = [
            {
                "id": user,
                "account_id": account_id,
                "name": f"User {user}",
                "status": "active",
                "zillow_profile_id": f"p{user}" if user in held else None,
            }
            for user in users
        ]
        self.client(account_id, "users", *rows)

    def token(
        self, account_id: int, user: int, *, held: bool = True, expires: float | None = 10.0, age: float = 48.0
    ) -> None:
        """A credential that expires in so many hours; None says nothing about it."""
        self.common("zillow_auth", token_row(account_id, user, held=held, expires=expires, age=age))

    def agent(
        self,
        account_id: int,
        agent_id: int,
        user: int | None,
        method: int,
        *,
        zuid: str | None = "enc",
        age: float = 24,
    ) -> None:
        """A modern agent, last written so many hours ago."""
        self.client(account_id, "zillow_agents", agent_row(account_id, agent_id, user, method, zuid=zuid, age=age))

    def connection(self, account_id: int, user: int, *, active: bool = True, problem: bool = False) -> None:
        """A sync connection."""
        self.common(
            "zillow_sync_users",
            {
                "account_id": account_id,
                "user_id": user,
                "zillow_integration_id": f"zim-{user}" if active else None,
                "zillow_integration_enabled": active,
                "problem_at": naive(utc_now() - timedelta(hours=1)) if problem else None,
                "lead_count": 0,
                "created_at": naive(utc_now() - timedelta(days=90)),
            },
        )

    def system(self, account_id: int, *, active: bool = True, name: str = "zillow") -> None:
        """A data-sync system."""
        self.client(account_id, "data_sync_systems", {"account_id": account_id, "system": name, "is_active": active})

    def deal(
        self,
        account_id: int,
        deal_id: int,
        *,
        agents: Iterable[int] = (),
        has_property: bool = True,
        contacts: int = 1,
        synced: bool = False,
        transaction: str | None = None,
        created_h: float = 30.0,
    ) -> None:
        """One deal with the people on it."""
        now = utc_now()
        self.client(
            account_id,
            "deals",
            {
                "id": deal_id,
                "account_id": account_id,
                "name": f"Deal {deal_id}",
                "stage": "Active",
                "property_id": 7 if has_property else None,
                "zillow_transaction_id": transaction,
                "synced_at": naive(now - timedelta(hours=2)) if synced else None,
                "created_at": naive(now - timedelta(hours=created_h)),
                "updated_at": naive(now - timedelta(hours=2)),
            },
        )
        self.client(account_id, "deal_agents", *({"deal_id": deal_id, "user_id": user} for user in agents))
        self.client(
            account_id, "deals_contacts", *({"deal_id": deal_id, "contact_id": 10 + n} for n in range(contacts))
        )

    def transition(self, account_id: int, user: int, old: int | None, new: int | None, *, hours: float) -> None:
        """A change of resolution, so many hours ago."""
        at = naive(utc_now() - timedelta(hours=hours))
        row = {"old_resolution": old, "new_resolution": new, "change_reason": "told", "created_at": at}
        self.common("zillow_connection_logs", {"account_id": account_id, "user_id": user, **row})

    def statements(self) -> list[str]:
        """From now on every statement that is sent is written into this list."""
        sent: list[str] = []
        for name in CALLS:
            original = getattr(self.databases, name)

            def counting(*args: object, _call: object = original, **kwargs: object) -> object:
                rows = _call(*args, **kwargs)  # type: ignore[operator]  # either of the two reading methods
                sent.append(rows.evidence.query)
                return rows

            setattr(self.databases, name, counting)
        return sent

    def execute(self, part: str, statement: str) -> list[tuple[object, ...]]:
        """Run a statement past the console, as somebody else would: in "common", or in "client_14009"."""
        with self._engines[part].begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def name_of(self, part: str) -> str:
        """Name of a database on its server."""
        return self._name(part)

    def close(self) -> None:
        """Leave nothing on the shared server."""
        self.service.close()
        for engine in self._engines.values():
            engine.dispose()
        if self.server is not None:
            self.server.execute(*(f"DROP DATABASE IF EXISTS `{name}`" for name in self._schemas))

    def _name(self, part: str) -> str:
        return f"{self._prefix}_{part}"

    def _create(self, part: str) -> None:
        name = self._name(part)
        if self.server is not None:
            self._schemas.append(self.server.create_schema(name))
            url = self.server.url(name)
        else:
            url = f"sqlite:///{self.folder}/{name}.db"
        engine = self._engines[part] = create_engine(url)
        (schema.COMMON if part == "common" else schema.CLIENT).create_all(engine)

    def _insert(self, part: str, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        kept = [dict(row) for row in rows]
        if not kept:
            return
        metadata = schema.COMMON if part == "common" else schema.CLIENT
        with self._engines[part].begin() as connection:
            connection.execute(insert(metadata.tables[table]), kept)


def token_row(
    account_id: int, user: int, *, held: bool = True, expires: float | None = 10.0, age: float = 48.0
) -> dict[str, object]:
    """One row of zillow_auth."""
    now = utc_now()
    return {
        "account_id": account_id,
        "user_id": user,
        "zuid": f"z{user}",
        "encrypted_refresh_token": "cipher" if held else None,
        "expires_at": None if expires is None else naive(now + timedelta(hours=expires)),
        "created_at": naive(now - timedelta(hours=age)),
        "updated_at": naive(now - timedelta(hours=1)),
    }


def agent_row(
    account_id: int, agent_id: int, user: int | None, method: int, *, zuid: str | None = "enc", age: float = 24
) -> dict[str, object]:
    """One row of zillow_agents."""
    return {
        "id": agent_id,
        "account_id": account_id,
        "user_id": user,
        "encrypted_zuid": zuid,
        "name": f"Agent {agent_id}",
        "resolution_method": method,
        "created_at": naive(utc_now() - timedelta(days=400)),
        "updated_at": naive(utc_now() - timedelta(hours=age)),
    }
