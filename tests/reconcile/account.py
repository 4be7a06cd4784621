"""One account with stale agents in real databases, a writer, and a clock that the test moves."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from diagnostics.config.settings import Settings
from diagnostics.core.context import Context
from diagnostics.core.time import utc_now
from diagnostics.models.reconcile import DifferenceKind
from diagnostics.models.repairs import Outcome
from diagnostics.reconcile.plans import RepairRecord
from diagnostics.reconcile.service import ReconcileService
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases
from tests.mariadb import MariaDB
from tests.sync.rows import Shelf, agent_row, token_row

ACCOUNT = 14009
CLIENT = f"client_{ACCOUNT}"
STALE = DifferenceKind.STALE_AGENT
PASSWORD = "only here"  # of a throwaway server
WRITER_RIGHTS = "SELECT, UPDATE"


class StaleAccount:
    """`count` agents INFERRED although their users hold valid tokens, with ids 1, 2, 3, …; agent 900 is CONNECTED."""

    def __init__(self, folder: Path, server: MariaDB | None = None, count: int = 4) -> None:
        self.shelf = Shelf(folder, server)
        self.folder, self.server, self.count = folder, server, count
        self.at = utc_now()
        self._opened: list[Context] = []
        self.shelf.account(ACCOUNT)
        agents = range(1, count + 1)
        self.shelf.users(ACCOUNT, *agents, 900)
        rows = [agent_row(ACCOUNT, agent, agent, 3, age=48) for agent in agents]
        self.shelf.client(ACCOUNT, "zillow_agents", *rows, agent_row(ACCOUNT, 900, 900, 1))
        self.shelf.common("zillow_auth", *(token_row(ACCOUNT, agent, expires=100.0) for agent in agents))
        if server is not None:
            self.user = f"w{self.shelf.name_of('')[4:10]}"
            server.create_user(self.user, PASSWORD, schemas=[self.shelf.name_of(CLIENT)], privileges=WRITER_RIGHTS)
            server.execute(
                f"GRANT SELECT, INSERT ON `{self.shelf.name_of('common')}`.zillow_connection_logs TO '{self.user}'@'%'"
            )
        else:
            self.user = "writer"
        self.service = self.console()

    @property
    def environment(self) -> str:
        """Where the plans are for."""
        return self.shelf.settings.environment

    @property
    def words(self) -> str:
        """What confirms a plan for all of them."""
        return f"{self.count} {self.environment}"

    def settings(self, **changed: object) -> Settings:
        """The settings of a console with a writer."""
        shipped = self.shelf.settings
        databases = shipped.databases.model_copy(update={"writer": SecretStr(f"{self.user}:{PASSWORD}")})
        writes = shipped.writes.model_copy(update={"repairs": True})
        return shipped.model_copy(update={"databases": databases, "writes": writes, **changed})

    def context(self, settings: Settings | None = None) -> Context:
        """A console's context of its own, on the same databases and the same memory."""
        given = settings or self.settings()
        datadog = cast("Datadog", self.shelf.datadog)
        databases = Databases(given.databases, self.shelf.catalogue.schema_map)
        made = Context(given, self.shelf.catalogue, datadog, databases, now=lambda: self.at)
        self._opened.append(made)
        return made

    def console(self, settings: Settings | None = None) -> ReconcileService:
        """One more console."""
        return ReconcileService(self.context(settings))

    def later(self, seconds: float) -> None:
        """The clock goes on."""
        self.at += timedelta(seconds=seconds)

    def planned(self) -> RepairRecord:
        """A plan for all of them, after two readings."""
        self.service.report(ACCOUNT)
        self.later(61)
        return self.service.plan(ACCOUNT, STALE)

    def methods(self) -> dict[int, int]:
        """Resolution method of each agent, as the database has it."""
        rows = self.shelf.execute(CLIENT, "SELECT id, resolution_method FROM zillow_agents ORDER BY id")
        return {int(str(agent)): int(str(method)) for agent, method in rows}

    def audits(self) -> list[tuple[object, ...]]:
        """Rows of the audit log: user, old, new and reason."""
        return self.shelf.execute(
            "common",
            "SELECT user_id, old_resolution, new_resolution, change_reason FROM zillow_connection_logs ORDER BY id",
        )

    def someone_changes(self, *agents: int) -> None:
        """Somebody else writes these rows: same method, another moment."""
        for agent in agents:
            changed = f"updated_at = '2026-01-02 03:04:05' WHERE id = {int(agent)}"
            self.shelf.execute(CLIENT, f"UPDATE zillow_agents SET {changed}")  # noqa: S608  # a number of the test's

    def close(self) -> None:
        """Leave nothing behind."""
        for context in self._opened:
            with suppress(Exception):
                context.close()
        if self.server is not None:
            self.server.execute(f"DROP USER IF EXISTS '{self.user}'@'%'")
        self.shelf.close()


def counts(record: RepairRecord) -> dict[Outcome, int]:
    """Rows by outcome."""
    return record.counts
