"""How long webhook events take, from `received_at` to `processed_at`. Source: common.zillow_webhook_events.

Read through the index on `processed_at`, newest first, and no more rows than a percentile needs. Events that still wait
have no latency yet and would be forgotten by it: they are counted by age and stand in the percentile with what they
have waited so far, so that a backlog cannot hide behind the few events that get through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import moment, number, plural
from diagnostics.core.context import Context
from diagnostics.models.evidence import Evidence
from diagnostics.signals.webhook_backlog import DELIVERED, LOOK_BACK_S, WAITING

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold

WINDOW_S = 900
MOST_ROWS = 2_000
"""Enough for a 95th percentile within half a point of rank; read in milliseconds."""
LONG_S = (300, 900, 1_800, 3_600)
"""Ages by which waiting events are counted, beyond the threshold's own limits."""
CAVEAT = "The newest rows of the window only; events received over 24 h ago are not in it."


@dataclass(slots=True, frozen=True)
class Latency:
    """The 95th percentile of the time an event takes."""

    seconds: float | None
    """None when no event was delivered in the window and none waits."""
    is_at_least: bool
    """True when so many events wait that the percentile is one of them: it can only be longer."""
    notes: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(slots=True, frozen=True)
class _Delivered:
    latencies: tuple[float, ...]
    """Seconds, ascending."""
    count: int
    """Delivered in the window, those not read included."""
    notes: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def read_latency(context: Context, rule: Threshold) -> Latency:
    """The percentile now. Raises SourceFailure."""
    delivered = _read_delivered(context)
    ages, waiting, evidence = _read_waiting(context, rule)
    notes = list(delivered.notes)
    value, at_least = percentile(delivered.latencies, delivered.count, ages)
    late = sum(ages.values())
    if waiting:
        notes.append(
            f"{plural(waiting, 'event')} still {'waits' if waiting == 1 else 'wait'}, {late:,} of them for over "
            f"{min(ages):g} s; each stands in the percentile with what it has waited so far."
        )
    return Latency(value, at_least, tuple(notes), (*delivered.evidence, evidence))


def percentile(latencies: tuple[float, ...], delivered: int, ages: dict[float, int]) -> tuple[float | None, bool]:
    """The 95th percentile over delivered and waiting events, and whether it is only a lower bound.

    `latencies`, ascending, are a sample of `delivered` events; `ages` counts waiting events by the age they have passed
    at least. Waiting events younger than every age are left out: nobody knows yet what they will be.
    """
    scale = delivered / len(latencies) if latencies else 0.0
    weighted = [(seconds, scale, False) for seconds in latencies]
    weighted += [(age, float(count), True) for age, count in ages.items() if count]
    weighted.sort(key=lambda entry: entry[0])
    whole = sum(weight for _, weight, _ in weighted)
    reached = 0.0
    for seconds, weight, is_waiting in weighted:
        reached += weight
        if reached >= 0.95 * whole:
            return seconds, is_waiting
    return None, False


def _read_delivered(context: Context) -> _Delivered:
    events = context.table("zillow_webhook_events")
    now = context.now().replace(microsecond=0)
    recent = and_(
        events.c.status == DELIVERED,
        events.c.processed_at >= now - timedelta(seconds=WINDOW_S),
        # Also bounds the read where processed_at carries no index of its own.
        events.c.received_at >= now - timedelta(seconds=LOOK_BACK_S),
    )
    newest = (
        select(events.c.received_at.label("received_at"), events.c.processed_at.label("processed_at"))
        .where(recent)
        .order_by(events.c.processed_at.desc())
        .limit(MOST_ROWS)
    )
    counted = select(func.count().label("events")).select_from(events).where(recent)
    sample = context.common("webhook latencies", newest, window="last 15 min", caveat=CAVEAT)
    total = context.common("webhook deliveries", counted, window="last 15 min", caveat=CAVEAT)
    took = []
    unusable = 0
    for row in sample.rows:
        received, processed = moment(row, "received_at"), moment(row, "processed_at")
        if received is None or processed is None or processed < received:
            unusable += 1
        else:
            took.append((processed - received).total_seconds())
    count = number(total.rows[0], "events") if total.rows else 0
    notes = [] if count <= len(sample.rows) else [f"Of {count:,} delivered, the newest {len(sample.rows):,} were read."]
    if unusable:
        notes.append(
            f"{plural(unusable, 'event')} processed before {'it was' if unusable == 1 else 'they were'} received: "
            "clocks disagree. Left out; true latencies are longer than shown by as much as the clocks differ."
        )
    return _Delivered(tuple(sorted(took)), count, tuple(notes), (sample.evidence, total.evidence))


def _read_waiting(context: Context, rule: Threshold) -> tuple[dict[float, int], int, Evidence]:
    """Waiting events by the age that they have passed, each in its highest class alone; and how many wait in all."""
    events = context.table("zillow_webhook_events")
    now = context.now().replace(microsecond=0)
    limits = {limit for limit in (rule.healthy, rule.warning, rule.critical) if limit is not None}
    classes = sorted(limits | set(LONG_S))
    older = [
        func.sum(case((events.c.received_at < now - timedelta(seconds=age), 1), else_=0)).label(f"over_{place}")
        for place, age in enumerate(classes)
    ]
    statement = (
        select(func.count().label("waiting"), *older)
        .select_from(events)
        .where(and_(events.c.status.in_(WAITING), events.c.received_at >= now - timedelta(seconds=LOOK_BACK_S)))
    )
    rows = context.common("webhook ages", statement, window="last 24 h", caveat=CAVEAT)
    found = rows.rows[0] if rows.rows else {}
    over = [number(found, f"over_{place}") for place in range(len(classes))]
    exact = [count - after for count, after in zip(over, [*over[1:], 0], strict=True)]
    return dict(zip(classes, exact, strict=True)), number(found, "waiting"), rows.evidence
