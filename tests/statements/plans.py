"""MariaDB's plan of a statement, held against the console's promise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql

from tests.statements.listening import Heard
from tests.statements.questions import EVERYBODY

if TYPE_CHECKING:
    from tests.mariadb import MariaDB
    from tests.statements.growing import World

_ALIAS = re.compile(r"([\w`.]+) AS `?(\w+)`?")

BOUNDED = 1_000
"""Rows that a walk along an index may really read where a limit ends it: a page, and the judging of a page."""


MOST_READ = {
    "zillow_lead_events_log": 20_000,
    "zillow_connection_logs": 5_000,
    "deals": 1_500,
    "deal_agents": 1_500,
    "deals_contacts": 1_500,
}
"""Rows that one statement may really read of tables that hold many times as many here: a chunk of the key, the window
of one account's index, a page. Webhook events have no number: all that wait are counted, within 24 hours."""


@dataclass(slots=True, frozen=True)
class Allowed:
    """Tables that may be read whole, by whom, and why that is no scan of something that grows without end."""

    tables: tuple[str, ...]
    places: tuple[str, ...]
    """Beginnings of files in `diagnostics`; "" is everywhere."""
    why: str
    of_everybody_only: bool = False
    """True where a question about one account may not."""

    def allows(self, table: str, place: str, scope: str) -> bool:
        """Whether it speaks of this table, read from this place."""
        fits = table in self.tables and place.startswith(self.places)
        return fits and (scope == EVERYBODY or not self.of_everybody_only)


ALLOWED = (
    Allowed(("oauth_applications",), ("",), "a handful of applications"),
    Allowed(("accounts",), ("",), "6,864 rows; a question to all accounts begins with the list of them"),
    Allowed(("columns", "statistics"), ("service.py", "sources/"), "the server's own schema, asked by the doctor"),
    Allowed(
        ("zillow_auth", "zillow_sync_users"),
        ("checks/oauth_failure.py", "health/tokens.py", "health/connections.py"),
        "12,407 connections: shares of everybody are counted over everybody, at most every 30 s",
        of_everybody_only=True,
    ),
    Allowed(
        ("zillow_sync_users",),
        ("sync/deals.py",),
        "one account's connections are counted exactly; MariaDB leaves the index where one account holds every tenth",
    ),
    Allowed(
        ("zillow_agents",),
        ("fleet/",),
        "85,814 agents, 12.5 in each client database: the distribution counts all of them, every ten minutes",
        of_everybody_only=True,
    ),
    Allowed(
        ("zillow_agents",),
        ("health/resolution.py", "sync/resolution.py"),
        "one account's distribution: as many entries of the index on resolution_method as it has agents",
    ),
    Allowed(
        ("zillow_teams", "zillow_agent_teams", "zillow_sync_agents", "zillow_sync_teams", "zillow_agents", "users"),
        ("health/systems.py",),
        "orphans are counted in a sample of twelve client databases, every ten minutes",
        of_everybody_only=True,
    ),
)
"""Whatever is not here is never read whole: above all the event tables, and the deals of an account."""


@dataclass(slots=True, frozen=True)
class Step:
    """One row of an EXPLAIN: how one table is read."""

    table: str
    """Its real name, also where the statement gave it another."""
    kind: str
    """The access type: ALL reads every row, index every entry of an index, unless a limit ends it."""
    key: str
    rows: int
    """Estimated; after ANALYZE, rows really read each time."""
    select: str
    """Which part of the statement it belongs to, such as DEPENDENT SUBQUERY, which is run for every row."""

    @property
    def reads_all(self) -> bool:
        """Whether it would read the table, or an index, from end to end. What only writes a new row reads none."""
        reads = self.select != "INSERT" and self.table != "" and not self.table.startswith("<")
        return self.kind in {"ALL", "index"} and reads

    def words(self) -> str:
        """For the report."""
        return f"{self.table}: {self.kind} {self.key or 'without a key'}, {self.rows:,} rows ({self.select})"


class Plans:
    """Explains statements on the server. Those to any client database are explained in the big account's."""

    def __init__(self, server: MariaDB, world: World) -> None:
        self._world = world
        self._clients = re.compile("|".join(map(re.escape, sorted(world.clients, key=len, reverse=True))))
        self._connection = server.connect()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def in_big_account(self, heard: Heard) -> tuple[str | None, str]:
        """Schema and SQL of the statement as the big account's database would be asked."""
        schema = heard.schema and self._clients.sub(self._world.client, heard.schema)
        return schema, self._clients.sub(self._world.client, heard.sql)

    def explain(self, heard: Heard) -> tuple[Step, ...]:
        """The optimiser's plan."""
        return self._steps("EXPLAIN", heard)

    def analyze(self, heard: Heard) -> tuple[Step, ...]:
        """The plan after running it, with the rows that were really read."""
        return self._steps("ANALYZE", heard)

    def scans(self, heard: Heard) -> tuple[Step, ...]:
        """Steps that read a table or an index whole; a walk that a limit really ends is none."""
        planned = [step for step in self.explain(heard) if step.reads_all]
        if all(step.kind == "ALL" or step.select.startswith("DEPENDENT") for step in planned):
            return tuple(planned)
        # An estimate says what the limit may do. Running it says what it does.
        return tuple(
            step
            for step in self.analyze(heard)
            if step.reads_all
            and not (step.kind == "index" and not step.select.startswith("DEPENDENT") and step.rows <= BOUNDED)
        )

    def _steps(self, how: str, heard: Heard) -> tuple[Step, ...]:
        schema, sql = self.in_big_account(heard)
        aliases = {alias: name.split(".")[-1].strip("`") for name, alias in _ALIAS.findall(sql)}
        self._connection.select_db(schema or self._world.common)
        with self._connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"{how} {sql}", heard.parameters)
            return tuple(_step(row, aliases) for row in cursor.fetchall())


def _step(row: dict[str, Any], aliases: dict[str, str]) -> Step:
    shown = str(row["table"] or "")
    counted = str(row.get("r_rows", row["rows"]) or 0).split(" ")[0]  # "461 (30%)" where a second index filters
    return Step(
        table=aliases.get(shown, shown).lower(),
        kind=str(row["type"] or ""),
        key=str(row["key"] or ""),
        rows=round(float(counted)),
        select=str(row["select_type"]),
    )
