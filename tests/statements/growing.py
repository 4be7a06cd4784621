"""Grows a sandbox's databases on a MariaDB server until the optimiser treats them as it treats production's.

In a table of a few pages reading everything is the cheapest plan, and proves nothing. Ids of what is added begin high,
so that nothing of the story changes; whatever has a moment is spread over the past as a real table is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pymysql
from pymysql.constants import ER

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

FIRST = 10_000_000
"""Where ids of added rows begin."""

EVENTS = 60_000
WAITING = 2_000
"""Webhook events that failed within the last hour, and wait; a tenth as many are lost."""
AGENTS = 10_000
DEALS = 20_000
OTHERS = 300
"""Accounts, not in `accounts`, that fill the shared tables beside the big one, with `EACH` rows each."""
EACH = 250
LONG_AGO_D = 700
EVENT_D = 3
LEAP = 60_000
"""Ids that nobody has, twice among the sync events: two hours and a day and a half ago."""

_PAST = "UTC_TIMESTAMP() - INTERVAL ({days} * 86400 * (1 - n / {rows})) SECOND"


@dataclass(slots=True, frozen=True)
class World:
    """Names of the schemas of one sandbox, and its biggest account."""

    common: str
    client: str
    """The big account's own database."""
    clients: tuple[str, ...]
    """Every account's."""
    account_id: int


def grow(server: MariaDB, world: World) -> None:
    """Add the rows, and let the server count them."""
    for table, columns, values, rows in (*_common(world), *_client(world)):
        where = world.client if table in _CLIENT else world.common
        chosen = values.format(first=FIRST, account=world.account_id)
        counted = f"SELECT {chosen} FROM (SELECT CAST(seq AS SIGNED) AS n FROM seq_1_to_{rows}) AS counted"  # noqa: S608  # ours
        _insert(server, f"INSERT INTO {table} ({columns}) {counted}", where)
    for schema in (world.common, world.client):
        tables = ", ".join(name for (name,) in server.execute("SHOW TABLES", database=schema))
        server.execute(f"ANALYZE TABLE {tables}", database=schema)


def _insert(server: MariaDB, statement: str, database: str) -> None:
    """Once more where the story, which goes on meanwhile, held the rows that this one waited for, and it for these."""
    for _ in range(20):
        try:
            server.execute(statement, database=database)
        except pymysql.OperationalError as error:
            if error.args[0] != ER.LOCK_DEADLOCK:
                raise
        else:
            return
    raise AssertionError(f"deadlocked twenty times: {statement}")


def _past(rows: int, days: float = LONG_AGO_D) -> str:
    return _PAST.format(days=days, rows=rows)


_Rows = tuple[str, str, str, int]
"""Table, columns, values in terms of n (1 to the last row), number of rows."""


def _common(world: World) -> tuple[_Rows, ...]:
    others = OTHERS * EACH
    token = "IF(n % 97 = 0, NULL, 'cipher'), UTC_TIMESTAMP() + INTERVAL (n % 40 - 2) HOUR"
    auth = "account_id, user_id, zuid, encrypted_refresh_token, expires_at, created_at, updated_at"
    sync = (
        "account_id, user_id, zuid, zillow_integration_id, zillow_integration_enabled, connection_health_status,"
        " problem_at, lead_count, created_at"
    )
    state = "IF(n % 60 = 0, NULL, CONCAT('i', n)), n % 90 <> 0, IF(n % 30 = 0, 'error', 'healthy')"
    problem = "IF(n % 30 = 0, UTC_TIMESTAMP() - INTERVAL (n % 900) HOUR, NULL)"
    elsewhere = f"{FIRST} + n DIV {EACH}, {FIRST} + n"
    here = "{account}, {first} + n"
    logs = "account_id, user_id, old_resolution, new_resolution, created_at"
    refused = "429, 'HTTP 429 Too Many Requests; Retry-After: 30'"
    outcome = "IF(n % 83 = 0, 'failed', 'success')"
    leaps = " + ".join(f"IF(n > {EVENTS * (1 - days / EVENT_D):.0f}, {LEAP}, 0)" for days in (1.5, 2 / 24))
    return (
        (
            "zillow_lead_events_log",
            "id, sync_user_id, event_type, sync_status, created_at",
            f"{{first}} + n + {leaps}, n % 12407, 'lead.created', {outcome}, {_past(EVENTS, EVENT_D)}",
            EVENTS,
        ),
        (
            "zillow_webhook_events",
            "account_id, event_type, status, attempts, received_at, processed_at",
            f"{{first}} + n % 5000, 'lead.created', 'delivered', 1, {_past(EVENTS, 30)}, {_past(EVENTS, 30)}",
            EVENTS,
        ),
        *(
            (
                "zillow_webhook_events",
                "account_id, event_type, status, attempts, http_status, last_error, received_at",
                f"{{first}} + n % 5000, 'lead.created', '{status}', {attempts}, {refused}, {_past(rows, 1 / 24)}",
                rows,
            )
            for status, attempts, rows in (("failed", "3 + n % 5", WAITING), ("lost", "12", WAITING // 10))
        ),
        ("zillow_connection_logs", logs, f"{elsewhere}, 1, 3, {_past(EVENTS)}", EVENTS),
        ("zillow_connection_logs", logs, f"{here}, 1, 3, {_past(DEALS, 90)}", DEALS),
        ("zillow_auth", auth, f"{elsewhere}, CONCAT('X1', n), {token}, {_past(others)}, {_past(others, 2)}", others),
        ("zillow_auth", auth, f"{here}, CONCAT('X1', n), {token}, {_past(AGENTS)}, {_past(AGENTS, 2)}", AGENTS),
        ("zillow_sync_users", sync, f"{elsewhere}, n, {state}, {problem}, 1, {_past(others)}", others),
        ("zillow_sync_users", sync, f"{here}, n, {state}, {problem}, 1, {_past(AGENTS)}", AGENTS),
        ("feature_flags", "account_id, flag_name, enabled", "n, CONCAT('flag_', n % 30), n % 2", others),
    )


_CLIENT = frozenset(
    {
        "users", "zillow_agents", "zillow_teams", "zillow_agent_teams", "zillow_sync_agents", "zillow_sync_teams",
        "deals", "deal_agents", "deals_contacts",
    }
)  # fmt: skip


def _client(world: World) -> tuple[_Rows, ...]:
    person = "{first} + n, {account}"
    method = "ELT(1 + n % 10, 1, 1, 1, 1, 3, 1, 3, 4, 1, 1)"
    synced = f"IF(n % 20 = 0, NULL, n), IF(n % 20 = 0, NULL, {_past(DEALS)})"
    return (
        (
            "users",
            "id, account_id, name, email, status",
            f"{person}, CONCAT('User ', n), CONCAT('u', n, '@example.com'), 'active'",
            AGENTS,
        ),
        (
            "zillow_agents",
            "id, account_id, user_id, name, resolution_method, created_at, updated_at",
            f"{person}, IF(n % 50 = 0, NULL, {{first}} + n), 'agent', {method}, {_past(AGENTS)}, {_past(AGENTS, 100)}",
            AGENTS,
        ),
        ("zillow_teams", "id, zillow_team_id, name", "{first} + n, CONCAT('t', n), 'team'", 400),
        ("zillow_agent_teams", "agent_id, team_id", "{first} + n, {first} + 1 + n % 400", AGENTS),
        ("zillow_sync_agents", "id, account_id, user_id", f"{person}, {{first}} + n", AGENTS),
        ("zillow_sync_teams", "id, zillow_team_id", "{first} + n, CONCAT('t', n)", 400),
        (
            "deals",
            "id, account_id, name, stage, property_id, zillow_transaction_id, synced_at, created_at, updated_at",
            f"{person}, 'deal', 'Lead', n, {synced}, {_past(DEALS)}, {_past(DEALS)}",
            DEALS,
        ),
        ("deal_agents", "deal_id, user_id", f"{{first}} + n, {{first}} + 1 + n % {AGENTS}", DEALS),
        ("deals_contacts", "deal_id, contact_id", "{first} + n, n", DEALS),
    )
