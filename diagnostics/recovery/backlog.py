"""The backlog in depth: how it came to be, what is in it, whether it ends. Source: common.

How many waited at a moment is computed from the rows themselves: whatever was received by then and had not ended. So
the curve needs no console to have watched, and begins two hours ago in the first second.

Every read is of the events received in the last 24 hours, by the index that begins with their status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import number
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import span
from diagnostics.recovery.models import BacklogPoint, BacklogReport, LostEvents, Outlook, Part, Split, Trend
from diagnostics.signals.webhook_backlog import (
    DELIVERED,
    LOOK_BACK_CAVEAT,
    LOOK_BACK_S,
    LOST,
    WAITING,
    Backlog,
    Flow,
    read_backlog,
    read_flow,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

STEP_S = 300
STEPS = 24
"""The curve: so many steps of so many seconds."""

CHANGE_STEPS = 3
"""Better or worse is judged over so many steps: 15 minutes."""

NOISE_SHARE, NOISE_EVENTS = 0.01, 5
"""Less change than the larger of these is none."""

AGES_S = (60, 300, 900, 1_800, 3_600, 2 * 3_600, 6 * 3_600, LOOK_BACK_S)
MOST_PARTS = 12
MOST_REASONS = 10

NOT_TRIED = "not tried yet"


def examine(context: Context) -> BacklogReport:
    """The backlog now. Raises SourceFailure where it cannot be counted; what else is not known is said."""
    now = context.now().replace(microsecond=0)
    backlog = read_backlog(context)
    doubts = [LOOK_BACK_CAVEAT]
    evidence = [backlog.evidence]
    is_old = backlog.evidence.newest_at is not None
    flow: Flow | None = None
    try:
        flow = read_flow(context)
        evidence.append(flow.evidence)
    except SourceFailure as failure:
        doubts.append(f"arrivals and deliveries are not known: {failure.headline()}")
    course: tuple[BacklogPoint, ...] = ()
    try:
        course, asked = _course(context, now, backlog.waiting)
        evidence += asked
    except SourceFailure as failure:
        doubts.append(f"the course is not known: {failure.headline()}")
    splits, asked = _splits(context, now)
    evidence += asked
    lost, asked = _lost(context, now) if backlog.lost else ((), [])
    evidence += asked
    if is_old:
        doubts.append(f"where it goes is not known: {backlog.evidence.caveat}")
    if not backlog.any_received:
        doubts.append("nothing was received in the last 24 h, so an empty backlog means nothing")
    if not backlog.age_is_known(now):
        doubts.append("the oldest waiting event is dated after now: one of the clocks is wrong")
    known = flow if not is_old and backlog.any_received else None
    outlook, empty_in_s = outlook_of(backlog.waiting, known)
    trend, change = trend_of(course) if known is not None else (Trend.NOT_KNOWN, None)
    oldest = backlog.oldest_minutes(now)
    return BacklogReport(
        taken_at=now,
        waiting=backlog.waiting if backlog.any_received else None,
        by_status=backlog.by_status,
        lost=lost,
        lost_total=backlog.lost,
        oldest_at=backlog.oldest_at,
        oldest_age_s=None if oldest is None else oldest * 60,
        arriving_per_min=None if known is None else known.arriving,
        draining_per_min=None if known is None else known.draining,
        outlook=outlook,
        empty_in_s=empty_in_s,
        trend=trend,
        change=change,
        change_s=CHANGE_STEPS * STEP_S,
        course=course,
        forecast=_forecast(now, backlog, known),
        splits=splits,
        doubts=tuple(doubts),
        evidence=tuple(evidence),
    )


def outlook_of(waiting: int, flow: Flow | None) -> tuple[Outlook, float | None]:
    """Whether a backlog empties, and in how many seconds: backlog / (capacity - arrival)."""
    if flow is None:
        return Outlook.NOT_KNOWN, None
    if waiting == 0:
        return Outlook.EMPTY, 0.0
    minutes = flow.minutes_to_empty(waiting)
    return (Outlook.NOT_DRAINING, None) if minutes is None else (Outlook.DRAINING, minutes * 60)


def trend_of(course: Sequence[BacklogPoint]) -> tuple[Trend, int | None]:
    """Better, worse or neither over the last quarter of an hour, and by how many events."""
    if len(course) <= CHANGE_STEPS:
        return Trend.NOT_KNOWN, None
    last, before = course[-1].waiting, course[-1 - CHANGE_STEPS].waiting
    if last is None or before is None:
        return Trend.NOT_KNOWN, None
    change = last - before
    if last == 0:
        return Trend.EMPTY, change
    if abs(change) <= max(NOISE_EVENTS, NOISE_SHARE * max(last, before)):
        return Trend.STANDS, change
    return (Trend.BETTER if change < 0 else Trend.WORSE), change


def _forecast(now: datetime, backlog: Backlog, flow: Flow | None) -> tuple[BacklogPoint, ...]:
    if flow is None:
        return ()
    per_step = flow.net * STEP_S / 60
    moments = [now + timedelta(seconds=step * STEP_S) for step in range(STEPS + 1)]
    return tuple(
        BacklogPoint(at=at, waiting=max(0, round(backlog.waiting - step * per_step))) for step, at in enumerate(moments)
    )


def _slot(column: ColumnElement[datetime], edges: Sequence[datetime]) -> ColumnElement[int]:
    """The number of the first edge, oldest first, that a moment does not lie after; their count for later ones."""
    return case(*((column <= edge, at) for at, edge in enumerate(edges)), else_=len(edges))


def _course(context: Context, now: datetime, waiting: int) -> tuple[tuple[BacklogPoint, ...], list[Evidence]]:
    """How many waited at the end of each step; raises SourceFailure."""
    events = context.table("zillow_webhook_events")
    since = now - timedelta(seconds=LOOK_BACK_S)
    edges = [now - timedelta(seconds=STEP_S * (STEPS - step)) for step in range(STEPS + 1)]
    received = _slot(events.c.received_at, edges)
    still = (
        select(received.label("received"), func.count().label("events"))
        .where(and_(events.c.status.in_(WAITING), events.c.received_at >= since))
        .group_by(received)
    )
    gone = _slot(events.c.processed_at, edges)
    ended = (
        select(received.label("received"), gone.label("ended"), func.count().label("events"))
        .where(
            and_(
                events.c.status.in_((DELIVERED, LOST)),
                events.c.received_at >= since,
                events.c.processed_at > edges[0],
            )
        )
        .group_by(received, gone)
    )
    read = [
        context.common("backlog course, waiting", still, window="last 24 h", caveat=LOOK_BACK_CAVEAT),
        context.common("backlog course, ended", ended, window="last 24 h", caveat=LOOK_BACK_CAVEAT),
    ]
    size = len(edges)
    arrived, over = [0] * (size + 1), [0] * (size + 1)
    for row in read[0].rows:
        arrived[number(row, "received")] += number(row, "events")
    for row in read[1].rows:
        arrived[number(row, "received")] += number(row, "events")
        over[number(row, "ended")] += number(row, "events")
    # What was read a moment later than it was counted has moved a little: the curve ends where the count stands.
    points, level = [], 0
    for at, edge in enumerate(edges):
        level += arrived[at] - over[at]
        points.append(
            BacklogPoint(
                at=edge,
                waiting=waiting if at == size - 1 else max(0, level),
                arrived=arrived[at] if at else None,
                ended=over[at] if at else None,
            )
        )
    return tuple(points), [one.evidence for one in read]


def _splits(context: Context, now: datetime) -> tuple[tuple[Split, ...], list[Evidence]]:
    """The waiting events by age, attempts, account, type and cause; what cannot be read says so."""
    events = context.table("zillow_webhook_events")
    found: list[Split] = []
    evidence: list[Evidence] = []
    oldest_first = tuple(reversed(AGES_S))
    edges = [now - timedelta(seconds=age) for age in oldest_first[1:]]
    asked: list[tuple[str, ColumnElement[Any] | None]] = [
        ("age", _slot(events.c.received_at, edges)),
        ("attempts", _optional(events, "attempts")),
        ("account", events.c.account_id),
        ("type", events.c.event_type),
        ("cause", _optional(events, "http_status")),
    ]
    for by, column in asked:
        if column is None:
            found.append(Split(by=by, failure="the schema map has no column for it"))
            continue
        try:
            rows = _grouped(context, events, by, column, now)
        except SourceFailure as failure:
            found.append(Split(by=by, failure=failure.headline()))
            continue
        evidence.append(rows.evidence)
        found.append(_split(by, rows))
    return tuple(found), evidence


def _optional(events: Table, name: str) -> ColumnElement[Any] | None:
    return events.c.get(name)


def _grouped(context: Context, events: Table, by: str, column: ColumnElement[Any], now: datetime) -> Rows:
    since = now - timedelta(seconds=LOOK_BACK_S)
    statement = (
        select(column.label("part"), func.count().label("events"))
        .where(and_(events.c.status.in_(WAITING), events.c.received_at >= since))
        .group_by(column)
        .order_by(func.count().desc())
    )
    return context.common(f"backlog by {by}", statement, window="last 24 h", caveat=LOOK_BACK_CAVEAT)


def _split(by: str, rows: Rows) -> Split:
    if by in {"age", "attempts"}:
        # Age counts from the oldest slot, and is shown youngest first.
        ordered = sorted(rows.rows, key=lambda row: number(row, "part"), reverse=by == "age")
    else:
        ordered = list(rows.rows)
    parts = [Part(name=_name(by, row["part"]), events=number(row, "events")) for row in ordered]
    shown = parts if by == "age" else parts[:MOST_PARTS]
    return Split(by=by, parts=tuple(shown), others=sum(one.events for one in parts[len(shown) :]))


def _name(by: str, value: object) -> str:
    match by:
        case "age":
            place = len(AGES_S) - 1 - (value if isinstance(value, int) else 0)
            if place <= 0:
                return f"under {span(AGES_S[0])}"
            return f"{span(AGES_S[place - 1])} to {span(AGES_S[place])}"
        case "attempts":
            return "not known" if value is None else str(value)
        case "account":
            return f"account {value}"
        case "cause":
            return NOT_TRIED if value is None else f"HTTP {value}"
        case _:
            return str(value)


def _lost(context: Context, now: datetime) -> tuple[tuple[LostEvents, ...], list[Evidence]]:
    """Why events are past saving; the count stands without the reasons."""
    events = context.table("zillow_webhook_events")
    traits = {name: events.c[name] for name in ("attempts", "http_status", "last_error") if name in events.c}
    since = now - timedelta(seconds=LOOK_BACK_S)
    statement = (
        select(*(column.label(name) for name, column in traits.items()), func.count().label("events"))
        .where(and_(events.c.status == LOST, events.c.received_at >= since))
        .group_by(*traits.values())
        .order_by(func.count().desc())
        .limit(MOST_REASONS)
    )
    try:
        rows = context.common("events past saving", statement, window="last 24 h", caveat=LOOK_BACK_CAVEAT)
    except SourceFailure as failure:
        return (LostEvents(events=0, reason=f"not known: {failure.headline()}"),), []
    return tuple(
        LostEvents(events=number(row, "events"), reason="; ".join(_why(row)) or "no reason is recorded")
        for row in rows.rows
    ), [rows.evidence]


def _why(row: dict[str, object]) -> Iterator[str]:
    if row.get("last_error"):
        yield str(row["last_error"])
    elif row.get("http_status") is not None:
        yield f"HTTP {row['http_status']}"
    if row.get("attempts") is not None:
        yield f"after {row['attempts']} attempts"
