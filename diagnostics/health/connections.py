"""Sync connections by state, and those with a problem. Source: common.zillow_sync_users.

A connection is disabled without an integration id, in error with one and `problem_at`, else what
`connection_health_status` says. A row that says "error" without `problem_at`, or nothing anybody knows, contradicts
itself: it is counted as unclear and stands in no share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, case, exists, func, or_, select

from diagnostics.checks.base import moment, number, share
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.words import form, plural
from diagnostics.health.figures import plain
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Figure, Page
from diagnostics.models.health import ConnectionHealth, ConnectionProblem
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

HEALTHY, WARNING, ERROR, DISABLED, UNCLEAR = "healthy", "warning", "error", "disabled", "unclear"
STATES = (HEALTHY, WARNING, ERROR, DISABLED, UNCLEAR)
_STATUS = {
    HEALTHY: Status.PASS,
    WARNING: Status.WARN,
    ERROR: Status.FAIL,
    DISABLED: Status.NO_DATA,
    UNCLEAR: Status.NO_DATA,
}

NEW_WITHIN_S = 3_600
"""A problem is new for an hour."""

FEW = 8
"""Problems shown at a glance, newest and longest-standing; the rest is paged."""

Order = Literal["newest", "longest"]


@dataclass(slots=True, frozen=True)
class States:
    """How many connections are in which state."""

    counts: Mapping[str, int]
    ahead: int
    """Rows whose `problem_at` lies in the future: a clock is wrong."""
    new: int
    """Problems that began within the last hour."""
    standing: int
    """Problems that nobody has solved for days."""
    evidence: Evidence

    @property
    def judged(self) -> int:
        """Connections with an integration id and a clear state: the whole of which health is a share."""
        return self.counts[HEALTHY] + self.counts[WARNING] + self.counts[ERROR]

    @property
    def health(self) -> float | None:
        """Share of healthy connections, per cent, 0–100; None of nothing."""
        return share(self.counts[HEALTHY], self.judged)

    def notes(self) -> tuple[str, ...]:
        """Biases of the share, with their size."""
        notes = []
        unclear = self.counts[UNCLEAR]
        if unclear:
            low = share(self.counts[HEALTHY], self.judged + unclear)
            high = share(self.counts[HEALTHY] + unclear, self.judged + unclear)
            notes.append(
                f"{plural(unclear, 'row')} with an integration id and a state that is unknown or contradicts itself "
                f"{form(unclear, 'is', 'are')} left out; with them health lies between {low:.2f} and {high:.2f} %."
            )
        if self.ahead:
            notes.append(
                f"{plural(self.ahead, 'row')} {form(self.ahead, 'has', 'have')} a problem_at in the future: "
                "clocks disagree. They count as in error, and not as new."
            )
        return tuple(notes)


def read_states(context: Context, account_id: int | None = None) -> States:
    """Count the connections of everybody, or of one account. Raises SourceFailure."""
    users = context.table("zillow_sync_users")
    now = context.now().replace(microsecond=0)
    integrated = case((users.c.zillow_integration_id.is_not(None), 1), else_=0)
    problem = case(
        (users.c.problem_at.is_(None), "none"),
        (users.c.problem_at > now, "ahead"),
        (users.c.problem_at > now - timedelta(seconds=NEW_WITHIN_S), "new"),
        (users.c.problem_at < now - timedelta(days=standing_days(context)), "standing"),
        else_="old",
    )
    statement = select(
        integrated.label("integrated"),
        users.c.connection_health_status.label("status"),
        problem.label("problem"),
        func.count().label("connections"),
    ).group_by(integrated, users.c.connection_health_status, problem)
    if account_id is not None:
        statement = statement.where(users.c.account_id == account_id)
    rows = context.common(f"connection states {account_id or ''}".strip(), statement)
    counts: Counter[str] = Counter(dict.fromkeys(STATES, 0))
    ahead = new = standing = 0
    for row in rows.rows:
        connections = number(row, "connections")
        state = state_of(integrated=bool(row["integrated"]), has_problem=row["problem"] != "none", status=row["status"])
        counts[state] += connections
        ahead += connections if row["problem"] == "ahead" else 0
        new += connections if row["problem"] == "new" and state == ERROR else 0
        standing += connections if row["problem"] == "standing" and state == ERROR else 0
    return States(dict(counts), ahead, new, standing, rows.evidence)


def standing_days(context: Context) -> float:
    """Days after which a problem that nobody has solved is called standing."""
    return context.catalogue.thresholds["problem_days"].warning or 7.0


def state_of(*, integrated: bool, has_problem: bool, status: object) -> str:
    """The state of one connection by what its row says; see the module."""
    if not integrated:
        return DISABLED
    if has_problem:
        return ERROR
    said = str(status or "").strip().casefold()
    return said if said in {HEALTHY, WARNING} else UNCLEAR


def connection_health(context: Context) -> ConnectionHealth:
    """Connections by state, with the newest and the longest-standing problems. Raises SourceFailure."""
    states = read_states(context)
    newest, longest = problems(context, "newest", limit=FEW), problems(context, "longest", limit=FEW)
    orphans, orphan_evidence = _without_account(context)
    notes = [*states.notes(), *newest.notes, *longest.notes]
    if orphans:
        notes.append(
            f"{plural(orphans, 'connection')} {form(orphans, 'belongs', 'belong')} to accounts that "
            "common.accounts does not hold; counted all the same."
        )
    evidence = (states.evidence, *newest.evidence, *longest.evidence, *orphan_evidence)
    return ConnectionHealth(
        counts=tuple(_count(states, name) for name in STATES if name != UNCLEAR or states.counts[UNCLEAR]),
        newest=newest.rows,
        longest=longest.rows,
        evidence=tuple(dict.fromkeys(evidence)),
        notes=tuple(dict.fromkeys(notes)),
    )


_MEANING = {
    HEALTHY: "integration id, no problem, and connection_health_status healthy",
    WARNING: "integration id, no problem, and connection_health_status warning",
    ERROR: "integration id and problem_at",
    DISABLED: "no integration id; in no share",
    UNCLEAR: "integration id, and a state that is unknown or contradicts itself; in no share",
}


def _count(states: States, name: str) -> Figure:
    count = states.counts[name]
    status = _STATUS[name] if count or name == HEALTHY else Status.PASS
    if states.judged == 0 and name in {HEALTHY, WARNING, ERROR}:
        status = Status.NO_DATA
    return plain(name, name, count, status, notes=(_MEANING[name],), evidence=(states.evidence,))


def problems(context: Context, order: Order, after: str | None = None, limit: int = 100) -> Page[ConnectionProblem]:
    """One page of connections with a problem, by the index on `problem_at`. Raises SourceFailure, UserError."""
    users = context.table("zillow_sync_users")
    at, key = users.c.problem_at, users.c.id
    place = None if after is None else _read_place(after)
    conditions: list[ColumnElement[bool]] = [at.is_not(None)]
    if place is not None:
        since, row_id = place
        # Written out: as a comparison of rows it would not be read from the index.
        if order == "newest":
            conditions += [at <= since, or_(at < since, key < row_id)]
        else:
            conditions += [at >= since, or_(at > since, key > row_id)]
    sort = (at.desc(), key.desc()) if order == "newest" else (at, key)
    statement = (
        select(
            key.label("id"),
            users.c.account_id.label("account_id"),
            users.c.user_id.label("user_id"),
            users.c.zillow_integration_id.is_not(None).label("integrated"),
            users.c.connection_health_status.label("status"),
            at.label("problem_at"),
            users.c.problem_msg.label("problem_msg"),
        )
        .where(and_(*conditions))
        .order_by(*sort)
        .limit(limit + 1)
    )
    rows = context.common(f"connection problems {order} {after} {limit}", statement)
    kept = rows.rows[:limit]
    names, name_evidence = account_names(context, {number(row, "account_id") for row in kept})
    found = tuple(_problem(row, names) for row in kept)
    last = found[-1] if found and len(rows.rows) > limit else None
    return Page(
        rows=found,
        # A row whose problem_at is no moment at all (MySQL's 0000-00-00) cannot be paged from.
        after=None if last is None else _write_place(last) or None,
        evidence=(rows.evidence, *name_evidence),
        notes=_page_notes(context.now(), found, names),
    )


def _problem(row: dict[str, object], names: Mapping[int, str]) -> ConnectionProblem:
    account_id = number(row, "account_id")
    user_id = row["user_id"]
    return ConnectionProblem(
        sync_user_id=number(row, "id"),
        account_id=account_id,
        account_name=names.get(account_id, ""),
        user_id=user_id if isinstance(user_id, int) else None,
        state=state_of(integrated=bool(row["integrated"]), has_problem=True, status=row["status"]),
        problem_at=moment(row, "problem_at"),
        message=str(row["problem_msg"] or ""),
    )


def _page_notes(now: datetime, found: Iterable[ConnectionProblem], names: Mapping[int, str]) -> tuple[str, ...]:
    rows = tuple(found)
    ahead = sum(1 for row in rows if row.problem_at is not None and row.problem_at > now)
    orphans = sorted({row.account_id for row in rows if row.account_id not in names})
    notes = []
    if ahead:
        notes.append(
            f"{plural(ahead, 'problem')} on this page {form(ahead, 'lies', 'lie')} in the future: clocks "
            "disagree, and the order by time is off by as much."
        )
    if orphans:
        shown = ", ".join(map(str, orphans[:5])) + (" …" if len(orphans) > 5 else "")
        notes.append(f"Not in common.accounts: {shown}.")
    return tuple(notes)


def account_names(context: Context, ids: Collection[int]) -> tuple[dict[int, str], tuple[Evidence, ...]]:
    """Names of those of these accounts that exist; one without a name has an empty one. Raises SourceFailure."""
    if not ids:
        return {}, ()
    accounts = context.table("accounts")
    columns = [accounts.c.id.label("id"), accounts.c.name.label("name")]
    wanted = tuple(sorted(ids))

    def ask(count: int) -> tuple[dict[int, str], tuple[Evidence, ...]]:
        rows = context.common(
            f"account names {count} {wanted}", select(*columns[:count]).where(accounts.c.id.in_(wanted))
        )
        return {number(row, "id"): str(row.get("name") or "") for row in rows.rows}, (rows.evidence,)

    try:
        return ask(2)
    except SourceFailure as failure:
        if failure.kind is not FailureKind.NOT_MAPPED:
            raise
        return ask(1)


def _without_account(context: Context) -> tuple[int, tuple[Evidence, ...]]:
    users, accounts = context.table("zillow_sync_users"), context.table("accounts")
    statement = (
        select(func.count().label("orphans"))
        .select_from(users)
        .where(~exists().where(accounts.c.id == users.c.account_id))
    )
    rows = context.common("connections without account", statement)
    return (number(rows.rows[0], "orphans") if rows.rows else 0), (rows.evidence,)


def _write_place(row: ConnectionProblem) -> str:
    return "" if row.problem_at is None else f"{row.problem_at.isoformat()}/{row.sync_user_id}"


def _read_place(text: str) -> tuple[datetime, int]:
    at, _, row_id = text.partition("/")
    try:
        return datetime.fromisoformat(at), int(row_id)
    except ValueError:
        raise UserError(f"{text!r} is not a place in this list", accepted="the `after` of the page before") from None
