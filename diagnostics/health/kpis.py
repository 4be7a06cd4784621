"""The KPI table: five numbers from five places, each failing alone and asked for at the same time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import moment, number, share
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import window_ending
from diagnostics.core.waiting import StillAsking, as_they_come
from diagnostics.core.words import form, plural, span
from diagnostics.health.counters import read_counters
from diagnostics.health.figures import PENDING, failed, figure, quantity
from diagnostics.health.stale import accuracy_figure, read_stale
from diagnostics.health.tokens import read_tokens
from diagnostics.models.datadog import Aggregate, Compute
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from diagnostics.signals.counts import of_late_logs
from diagnostics.signals.pulses import of_counts
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
            f"{plural(waiting, 'event')} still {form(waiting, 'waits', 'wait')}, {late:,} of them for over "
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
            f"{plural(unusable, 'event')} processed before {form(unusable, 'it was', 'they were')} received: "
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


logger = logging.getLogger(__name__)

HOUR_S = 3_600
KEEP_AGGREGATES_S = 60.0
"""Aggregates are the scarcest of all requests, and these two move slowly."""

WAIT_S = 3.0
"""How long the table waits for the question to all accounts; it shows the answer at a later refresh."""

ALL_ACCOUNTS = "all accounts"

KPIS = ("token_success", "transaction_sync_success", "api_p95", "webhook_latency_p95", "resolution_accuracy")
"""In the order of the table."""

Read = Callable[["Threshold"], Figure]
TellFigures = Callable[[tuple[Figure, ...]], object]
"""Takes the figures so far; those that are missing have no value, and say that they are being asked for."""


def read_kpis(
    context: Context,
    wait_s: float | None = WAIT_S,
    only: tuple[str, ...] = KPIS,
    *,
    tell: TellFigures | None = None,
) -> tuple[Figure, ...]:
    """The figures in the order of the table. A source's failure is a figure without a value."""
    reads: dict[str, Read] = {
        "token_success": lambda rule: _token_success(context, rule),
        "transaction_sync_success": lambda rule: _transactions(context, rule),
        "api_p95": lambda rule: _api(context, rule),
        "webhook_latency_p95": lambda rule: webhook_figure(context, rule),
        "resolution_accuracy": lambda _: accuracy_figure(
            context, context.answers.within("stale", ALL_ACCOUNTS, lambda job: read_stale(context, job), wait_s)
        ),
    }
    return together(context, {name: reads[name] for name in KPIS if name in only}, tell=tell)


def together(
    context: Context,
    reads: dict[str, Read],
    rules: dict[str, str] | None = None,
    *,
    tell: TellFigures | None = None,
) -> tuple[Figure, ...]:
    """Ask for every figure at the same time: a dead source costs its time limit once. `rules` where names differ.

    `tell` gets the figures that are there while others are missing, so that none waits for another's source.
    """

    def rule_of(name: str) -> Threshold:
        return context.catalogue.thresholds[(rules or {}).get(name, name)]

    def ask(name: str) -> Figure:
        rule = rule_of(name)
        try:
            return reads[name](rule)
        except SourceFailure as failure:
            return failed(name, rule, failure)
        except Exception:  # one broken figure must not take the others with it
            logger.exception("the figure %s failed unexpectedly", name)
            broken = SourceFailure(FailureKind.MALFORMED, "console", "the console met an error of its own; see its log")
            return failed(name, rule, broken)

    def so_far(known: dict[str, Figure]) -> None:
        if tell is not None:
            tell(tuple(known.get(name) or _asked(name, rule_of(name)) for name in reads))

    return as_they_come(ask, tuple(reads), "figure", None if tell is None else so_far)


def _asked(name: str, rule: Threshold) -> Figure:
    """The figure that is missing still."""
    return failed(name, rule, StillAsking(rule.title, None)).model_copy(update={"failure": PENDING})


def _token_success(context: Context, rule: Threshold) -> Figure:
    """Refreshes that succeeded among tokens requested; without the counters, no number: expiry is another measure."""
    counters = read_counters(context)
    window_s = context.window_s
    failures = counters.failed_share("token_refresh_failed", "token_requested", window_s)
    attempts = counters.total("token_requested", window_s)
    value = None if failures is None else 100.0 - failures
    notes = [f"window {span(window_s)}, in steps of 5 min"]
    if value is None:
        notes.append(_silent(context, ("token_requested", "token_refresh_failed"), counters.series))
        notes.append(_expired_instead(context))
    else:
        notes.append(f"{attempts or 0:,.0f} tokens requested; those taken from the cache are not attempts")
    status = of_counts(rule.judge(value), partial=bool(counters.late))
    notes.append(counters.late)
    return figure("token_success", rule, value, status=status, notes=notes, evidence=(counters.evidence,))


def _expired_instead(context: Context) -> str:
    """The database's own figure, which is not the same."""
    try:
        expired = read_tokens(context).expired_share
    except SourceFailure:
        return ""
    return "" if expired is None else f"common.zillow_auth: {expired:.1f} % of held tokens have expired"


def _silent(context: Context, names: Iterable[str], series: Mapping[str, object]) -> str:
    metrics = [context.catalogue.metrics[name].metric for name in names if not series.get(name)]
    return (
        f"Datadog reported nothing for {', '.join(metrics)} in 24 h: not sent, or named otherwise (catalogue metrics)"
        if metrics
        else "nothing was counted in the window"
    )


def _transactions(context: Context, rule: Threshold) -> Figure:
    """Transactions created and updated, from the counters, against failed syncs, from the logs, over an hour."""
    counters = read_counters(context)
    created = counters.total("transaction_created", HOUR_S)
    updated = counters.total("transaction_updated", HOUR_S)
    counts = context.logs.counts(
        context.catalogue.queries["transaction_sync_failed"].datadog, HOUR_S, fresh_s=KEEP_AGGREGATES_S
    )
    evidence = (counters.evidence, counts.evidence)
    if created is None and updated is None:
        missing = _silent(context, ("transaction_created", "transaction_updated"), counters.series)
        return figure("transaction_sync_success", rule, None, notes=(missing,), evidence=evidence)
    if counts.count is None:
        return figure("transaction_sync_success", rule, None, notes=(counts.doubt,), evidence=evidence)
    synced = round((created or 0.0) + (updated or 0.0))
    value = share(synced, synced + counts.count)
    notes = [
        f"{synced:,} transactions created or updated, {counts.count:,} failed syncs logged in the last hour",
        "a deal that is tried again counts each time",
        f"{counts.doubt}: there may be more failures" if counts.doubt else "",
        counters.late,
    ]
    status = of_counts(rule.judge(value), partial=counts.partial or bool(counters.late))
    return figure("transaction_sync_success", rule, value, status=status, notes=notes, evidence=evidence)


def _api(context: Context, rule: Threshold) -> Figure:
    query = context.catalogue.queries["api_requests"].datadog
    value, evidence, partial = percentile_of_logs(context, query, "@http.response_time", context.window_s)
    status = rule.judge(value)
    if partial and status is Status.PASS:
        status = Status.NO_DATA
    notes = [
        f"requests of the last {span(context.window_s)} that logs give a response time for",
        "no request in the window has one" if value is None else "",
        "logs are late, or Datadog answered for a part of them" if partial else "",
    ]
    return figure("api_p95", rule, value, status=status, notes=notes, evidence=(evidence,))


def percentile_of_logs(
    context: Context, query: str, measure: str, window_s: int
) -> tuple[float | None, Evidence, bool]:
    """The 95th percentile of a measure over matching events, its evidence, and whether the answer was partial."""

    lag = context.logs.lag(query)
    ends = lag.ends or context.now()

    def ask() -> Aggregate:
        start, end = window_ending(window_s, ends)
        compute = Compute(aggregation="pc95", metric=measure)
        return context.datadog.aggregate(query, start=start, end=end, computes=(compute,))

    answer = context.answers.get(("p95", query, measure, window_s), KEEP_AGGREGATES_S, ask)
    value = answer.buckets[0].values[0] if answer.buckets else None
    evidence = of_late_logs(answer.evidence, lag, ends).model_copy(update={"query": f"{query} | pc95 {measure}"})
    return (value if isinstance(value, float) else None), evidence, answer.partial or lag.is_late


def webhook_figure(context: Context, rule: Threshold) -> Figure:
    """The 95th percentile from receipt to delivery, seconds; a lower bound says so. Raises SourceFailure."""
    latency = read_latency(context, rule)
    value = latency.seconds
    shown = "" if value is None else quantity(value, rule.unit)
    status = rule.judge(value)
    if value is not None and latency.is_at_least:
        # A lower bound that lies exactly on a limit lies beyond it: limits are exclusive, and the wait goes on.
        status = rule.judge(value + 1.0)
        shown = f"> {shown}"
    notes = [
        "received to processed, events processed in the last 15 min",
        "" if value is not None else "no latency is known yet" if latency.notes else "nothing was processed or waits",
        *latency.notes,
    ]
    return figure(
        "webhook_latency_p95", rule, value, shown=shown, status=status, notes=notes, evidence=latency.evidence
    )
