"""The questions over all client databases that the console asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from diagnostics.core.time import utc_now
from diagnostics.fleet.models import FleetQuestion

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.fleet.models import Query, TableOf

INFERRED, UNMATCHED = 3, 4

MOST_DEALS = 50_000
"""Deals counted in one client database; a window that holds more is named, and not read to its end."""

MOST_CANDIDATES = 20_000
"""Agents read from one client database: the largest accounts have thousands."""


def _resolution_counts(table: TableOf) -> Query:
    agents = table("zillow_agents")
    columns = (agents.c.account_id, agents.c.resolution_method)
    return select(
        agents.c.account_id, agents.c.resolution_method.label("method"), func.count().label("count")
    ).group_by(*columns)


RESOLUTION_COUNTS = FleetQuestion(
    name="agents by resolution method",
    statement=_resolution_counts,
    analytics=_resolution_counts,
    table="zillow_agents",
    measure="count",
    unit="agents",
    of_everybody=True,
)
"""Rows: `method` as stored (None, the retired 2 and values that nobody knows included), `count` of agents."""


def _stale_candidates(table: TableOf) -> Query:
    agents = table("zillow_agents")
    return select(
        agents.c.account_id,
        agents.c.id.label("agent_id"),
        agents.c.user_id.label("user_id"),
        agents.c.resolution_method.label("method"),
    ).where(agents.c.resolution_method.in_((INFERRED, UNMATCHED)), agents.c.user_id.is_not(None))


STALE_CANDIDATES = FleetQuestion(
    name="agents that are INFERRED or UNMATCHED and belong to a user",
    statement=_stale_candidates,
    analytics=_stale_candidates,
    table="zillow_agents",
    most_rows=MOST_CANDIDATES,
    page_by="agent_id",
    unit="agents",
)
"""Rows: `agent_id`, `user_id`, `method` (3 or 4). Whether the user holds a valid token is a question to `common`."""


def _deals_counted(
    account_id: ColumnElement[Any], created: ColumnElement[Any], synced: ColumnElement[Any], now: datetime
) -> Query:
    return select(
        account_id,
        func.count().label("total"),
        func.sum(case((synced.is_(None), 1), else_=0)).label("unsynced"),
        func.sum(case((created > now, 1), else_=0)).label("ahead"),
    ).group_by(account_id)


def UNSYNCED_COUNTS(window_s: float) -> FleetQuestion:  # noqa: N802  # stands beside the questions that need no window
    """Deals created in the last `window_s` seconds. Rows: `total`, `unsynced` (`synced_at` null); none for none."""
    now = utc_now()
    start = now - timedelta(seconds=window_s)

    def statement(table: TableOf) -> Query:
        deals = table("deals")
        # The index on created_at leads to the window, and the limit ends a window that turns out to be the table.
        recent = (
            select(deals.c.account_id, deals.c.created_at, deals.c.synced_at)
            .where(deals.c.created_at >= start)
            .order_by(deals.c.created_at.desc())
            .limit(MOST_DEALS + 1)
            .subquery("recent")
        )
        return _deals_counted(recent.c.account_id, recent.c.created_at, recent.c.synced_at, now)

    def analytics(table: TableOf) -> Query:
        deals = table("deals")
        counted = _deals_counted(deals.c.account_id, deals.c.created_at, deals.c.synced_at, now)
        return counted.where(deals.c.created_at >= start)

    return FleetQuestion(
        name="deals created and not synced",
        statement=statement,
        analytics=analytics,
        table="deals",
        measure="total",
        unit="deals",
        most_measured=MOST_DEALS,
        asides=(
            ("ahead", "Deals dated in the future, so that clocks disagree: {count}. They are counted in the window."),
        ),
    )
