"""Webhook events that wait for delivery: how many, how long, how fast they come and go. Source: common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from diagnostics.checks.base import moment, number
from diagnostics.core.context import Context
from diagnostics.models.evidence import Evidence

if TYPE_CHECKING:
    from sqlalchemy import Table

WAITING = ("pending", "processing", "failed")
LOST = "lost"
DELIVERED = "delivered"

LOOK_BACK_S = 24 * 3_600
"""Only events received within this time are counted: the table grows without end, the window does not."""

FLOW_S = 5 * 60
"""Arrivals and deliveries are measured over this time: long enough to be steady, short enough to be now."""

AHEAD_S = 60
"""An event dated this much later than now was dated by another clock; its age is not known."""

LOOK_BACK_CAVEAT = "Events received more than 24 h ago are not counted."


@dataclass(slots=True, frozen=True)
class Backlog:
    """Webhook events received in the last 24 hours that are not delivered."""

    by_status: dict[str, int]
    """Waiting and lost events by status."""
    oldest_at: datetime | None
    """When the event that has waited longest was received."""
    any_received: bool
    """False when the table holds nothing at all of the last 24 hours: then an empty backlog means nothing."""
    evidence: Evidence

    @property
    def waiting(self) -> int:
        """Events that are pending, under way or failed, and may still be delivered."""
        return sum(self.by_status.get(status, 0) for status in WAITING)

    @property
    def lost(self) -> int:
        """Events past saving."""
        return self.by_status.get(LOST, 0)

    def oldest_minutes(self, now: datetime) -> float | None:
        """How long the oldest waiting event has waited, minutes; None where none waits or nobody can tell."""
        if self.oldest_at is None or not self.age_is_known(now):
            return None
        return max(0.0, (now - self.oldest_at).total_seconds() / 60)

    def age_is_known(self, now: datetime) -> bool:
        """False where the event that has waited longest is dated after `now`: one of the clocks is wrong."""
        return self.oldest_at is None or (self.oldest_at - now).total_seconds() <= AHEAD_S


@dataclass(slots=True, frozen=True)
class Flow:
    """Events a minute, in and out, over the last minutes."""

    arriving: float
    draining: float
    evidence: Evidence

    @property
    def net(self) -> float:
        """How fast the backlog shrinks, events a minute; negative while it grows."""
        return self.draining - self.arriving

    def minutes_to_empty(self, waiting: int) -> float | None:
        """Minutes until nothing waits at the present rate; None when that never happens."""
        if waiting == 0:
            return 0.0
        return waiting / self.net if self.net > 0 else None


def read_backlog(context: Context) -> Backlog:
    """The backlog now. Raises SourceFailure."""
    events = context.table("zillow_webhook_events")
    since = _whole_second(context.now() - timedelta(seconds=LOOK_BACK_S))
    statement = (
        select(
            events.c.status.label("status"),
            func.count().label("events"),
            func.min(events.c.received_at).label("oldest"),
        )
        .where(and_(events.c.status.in_((*WAITING, LOST)), events.c.received_at >= since))
        .group_by(events.c.status)
    )
    rows = context.common("webhook backlog", statement, window="last 24 h", caveat=LOOK_BACK_CAVEAT)
    waiting_since = [
        oldest for row in rows.rows if row["status"] in WAITING and (oldest := moment(row, "oldest")) is not None
    ]
    return Backlog(
        by_status={str(row["status"]): number(row, "events") for row in rows.rows},
        oldest_at=min(waiting_since, default=None),
        any_received=bool(rows.rows) or _any_received(context, events, since),
        evidence=rows.evidence,
    )


def read_flow(context: Context) -> Flow:
    """Arrivals and deliveries of the last five minutes. Raises SourceFailure."""
    events = context.table("zillow_webhook_events")
    now = context.now()
    lately, since = (_whole_second(now - timedelta(seconds=seconds)) for seconds in (FLOW_S, LOOK_BACK_S))
    # Every status is named, because the table's index begins with it: a bare received_at would read the whole table.
    arrived = (
        select(func.count())
        .select_from(events)
        .where(and_(events.c.status.in_((*WAITING, LOST, DELIVERED)), events.c.received_at >= lately))
        .scalar_subquery()
    )
    drained = (
        select(func.count())
        .select_from(events)
        .where(
            and_(
                events.c.status == DELIVERED,
                events.c.processed_at >= lately,
                # Also bounds the read where processed_at carries no index of its own.
                events.c.received_at >= since,
            )
        )
        .scalar_subquery()
    )
    rows = context.common(
        "webhook flow", select(arrived.label("arrived"), drained.label("drained")), window="last 5 min"
    )
    counts = rows.rows[0] if rows.rows else {}
    minutes = FLOW_S / 60
    return Flow(
        arriving=number(counts, "arrived") / minutes,
        draining=number(counts, "drained") / minutes,
        evidence=rows.evidence,
    )


def _any_received(context: Context, events: Table, since: datetime) -> bool:
    """Whether anything was delivered; what waits or is lost has been counted already."""
    delivered = (
        select(events.c.received_at.label("received_at"))
        .where(and_(events.c.status == DELIVERED, events.c.received_at >= since))
        .limit(1)
    )
    return bool(context.common("webhook delivered", delivered, window="last 24 h").rows)


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
