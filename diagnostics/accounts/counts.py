"""The counts behind an account's summary: one statement a subject, each bounded, so that size does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, select

from diagnostics.checks.base import number
from diagnostics.core.failures import SourceFailure
from diagnostics.models.evidence import Evidence
from diagnostics.oauth.client_side import INFERRED, METHODS, UNMATCHED, has_client_database, no_client_database

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.core.context import Context, Question
    from diagnostics.sources.mysql.databases import AccountPlace, Rows

LOOKED_AT = 250
"""Credentials and connections that the summary looks at; the OAuth diagnosis reads them all."""

HOLDERS = 100
"""Connected users whose agents the summary looks at: their ids travel from one database to the other."""

MOST_COUNTED = 1_000
"""Agents of one method and unsynced deals are counted up to here: "1,000+"."""


@dataclass(slots=True, frozen=True)
class CountRow:
    """One row of counts, or why there is none."""

    row: dict[str, object]
    evidence: Evidence | None = None
    failure: SourceFailure | None = None

    def count(self, name: str) -> int | None:
        """A count; None where the question got no answer."""
        return None if self.failure is not None else number(self.row, name)


@dataclass(slots=True, frozen=True)
class AccountCounts:
    """Everything that a summary is made of, taken at one moment."""

    place: AccountPlace
    now: datetime
    auths: CountRow
    syncs: CountRow
    agents: CountRow
    deals: CountRow
    stale: CountRow


def read_counts(context: Context, account_id: int) -> AccountCounts:
    """The counts. Raises AccountUnknown, and SourceFailure where `common.accounts` does not answer; nothing else."""
    now = context.now()
    place = context.databases.account(account_id)
    agents = _client(context, account_id, "summary agents", _agent_counts)
    # A client host that does not answer costs its time limit once, not once a question.
    silent = agents.failure is not None and agents.failure.is_transient
    return AccountCounts(
        place=place,
        now=now,
        auths=_asked(lambda: context.common(f"summary tokens {account_id}", _auth_counts(context, account_id, now))),
        syncs=_asked(lambda: context.common(f"summary connections {account_id}", _sync_counts(context, account_id))),
        agents=agents,
        deals=agents if silent else _client(context, account_id, "summary deals", _deal_counts),
        stale=agents if silent else _stale(context, account_id, now),
    )


def _auth_counts(context: Context, account_id: int, now: datetime) -> Question:
    """Counts over the account's first credentials, each beside the connection of its user: both are in `common`."""
    auth, sync = context.table("zillow_auth"), context.table("zillow_sync_users")
    first = (
        select(
            auth.c.user_id.label("user_id"),
            auth.c.expires_at.label("expires_at"),
            auth.c.updated_at.label("updated_at"),
            auth.c.created_at.label("created_at"),
            case((auth.c.encrypted_refresh_token.is_not(None), 1), else_=0).label("held"),
        )
        .where(auth.c.account_id == account_id)
        .order_by(auth.c.user_id, auth.c.id)
        .limit(LOOKED_AT)
        .subquery("looked_at")
    )
    held = first.c.held == 1
    integrated = select(literal(1)).where(
        sync.c.account_id == account_id,
        sync.c.user_id == first.c.user_id,
        sync.c.zillow_integration_id.is_not(None),
    )
    off, unread = (integrated.where(sync.c.zillow_integration_enabled.is_(state)).exists() for state in (False, None))
    recent, overdue = _installation(context, now)
    counts: dict[str, ColumnElement[bool]] = {
        "missing": first.c.held == 0,
        "expired": and_(held, first.c.expires_at <= now),
        "undated": and_(held, first.c.expires_at.is_(None)),
        "soon": and_(held, first.c.expires_at > now, first.c.expires_at <= now + timedelta(hours=24)),
        "disabled": and_(held, first.c.expires_at > now, off),
        "unread": and_(held, first.c.expires_at > now, unread, ~off),
        "incomplete": and_(held, first.c.created_at > recent, first.c.created_at <= overdue, ~integrated.exists()),
        "future": first.c.updated_at > now + timedelta(seconds=_skew(context)),
    }
    return select(
        func.count().label("total"),
        *(func.sum(case((condition, 1), else_=0)).label(name) for name, condition in counts.items()),
    ).select_from(first)


def _sync_counts(context: Context, account_id: int) -> Question:
    """States of the account's first connections, and the oldest problem among them."""
    sync = context.table("zillow_sync_users")
    first = (
        select(
            sync.c.zillow_integration_id.label("integration"),
            sync.c.connection_health_status.label("health"),
            sync.c.problem_at.label("problem_at"),
            sync.c.problem_msg.label("problem"),
        )
        .where(sync.c.account_id == account_id)
        .order_by(sync.c.user_id, sync.c.id)
        .limit(LOOKED_AT)
        .subquery("looked_at")
    )
    integrated, problem = first.c.integration.is_not(None), first.c.problem_at.is_not(None)
    well = and_(integrated, ~problem)
    counts: dict[str, ColumnElement[bool]] = {
        "disabled": ~integrated,
        "stuck": and_(~integrated, first.c.problem.is_not(None), first.c.problem != ""),
        "error": and_(integrated, (problem | (first.c.health == "error"))),
        "warning": and_(well, first.c.health == "warning"),
        "healthy": and_(well, first.c.health == "healthy"),
    }
    return select(
        func.count().label("total"),
        func.min(case((and_(integrated, problem), first.c.problem_at))).label("since"),
        *(func.sum(case((condition, 1), else_=0)).label(name) for name, condition in counts.items()),
    ).select_from(first)


def _agent_counts(context: Context) -> Question:
    """Agents by method, each counted in the index up to a bound; one column a method."""
    agents = context.table("zillow_agents")
    return select(
        *(
            _bounded(agents.c.resolution_method, agents.c.resolution_method == method).label(f"method_{method}")
            for method in METHODS
        )
    )


def _deal_counts(context: Context) -> Question:
    deals = context.table("deals")
    some = select(deals.c.id).limit(1).subquery()
    return select(
        _bounded(deals.c.synced_at, deals.c.synced_at.is_(None)).label("unsynced"),
        select(func.count()).select_from(some).scalar_subquery().label("any"),
    )


def _bounded(column: Any, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401  # SQLAlchemy's columns have no short type
    """How many rows meet the condition, at most one more than the bound."""
    some = select(column).where(condition).limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _stale(context: Context, account_id: int, now: datetime) -> CountRow:
    """Agents that are INFERRED or UNMATCHED although their user, among the first that were looked at, is connected."""
    auth = context.table("zillow_auth")
    valid = (
        select(auth.c.user_id.label("user_id"))
        .where(auth.c.account_id == account_id, auth.c.encrypted_refresh_token.is_not(None), auth.c.expires_at > now)
        .order_by(auth.c.user_id)
        .limit(HOLDERS)
    )

    def ask() -> Rows:
        if not has_client_database(context, account_id):
            raise no_client_database(account_id)
        holders = context.common(f"summary holders {account_id}", valid)
        users = [row["user_id"] for row in holders.rows]
        agents = context.table("zillow_agents")
        counted = select(func.count().label("stale")).where(
            agents.c.user_id.in_(users), agents.c.resolution_method.in_((INFERRED, UNMATCHED))
        )
        return context.client(account_id, "summary stale", counted.add_columns(literal(len(users)).label("users")))

    return _asked(ask)


def _client(context: Context, account_id: int, name: str, statement: Callable[[Context], Question]) -> CountRow:
    def ask() -> Rows:
        if not has_client_database(context, account_id):
            raise no_client_database(account_id)
        return context.client(account_id, name, statement(context))

    return _asked(ask)


def _asked(ask: Callable[[], Rows]) -> CountRow:
    try:
        rows = ask()
    except SourceFailure as failure:
        return CountRow({}, failure=failure)
    return CountRow(rows.rows[0] if rows.rows else {}, rows.evidence)


def _installation(context: Context, now: datetime) -> tuple[datetime, datetime]:
    """Credentials made between the two, and still without an integration, are an installation that did not end."""
    rules = context.catalogue.thresholds
    days, minutes = rules["installation_recent_days"].warning or 0.0, rules["installation_minutes"].warning or 0.0
    return now - timedelta(days=days), now - timedelta(minutes=minutes)


def _skew(context: Context) -> float:
    return context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0
