"""The KPI table: five numbers from five places, each failing alone and asked for at the same time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from diagnostics.checks.base import share
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import span, window_ending
from diagnostics.core.waiting import side_by_side
from diagnostics.health.counters import read_counters
from diagnostics.health.figures import failed, figure, quantity
from diagnostics.health.stale import accuracy_figure, read_stale
from diagnostics.health.tokens import read_tokens
from diagnostics.health.webhooks import read_latency
from diagnostics.models.datadog import Aggregate, Compute
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold

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


def read_kpis(context: Context, wait_s: float | None = WAIT_S, only: tuple[str, ...] = KPIS) -> tuple[Figure, ...]:
    """The figures in the order of the table. A source's failure is a figure without a value."""
    reads: dict[str, Read] = {
        "token_success": lambda rule: _token_success(context, rule),
        "transaction_sync_success": lambda rule: _transactions(context, rule),
        "api_p95": lambda rule: _api(context, rule),
        "webhook_latency_p95": lambda rule: _webhooks(context, rule),
        "resolution_accuracy": lambda _: accuracy_figure(
            context, context.answers.within("stale", ALL_ACCOUNTS, lambda job: read_stale(context, job), wait_s)
        ),
    }
    return together(context, {name: reads[name] for name in KPIS if name in only})


def together(context: Context, reads: dict[str, Read], rules: dict[str, str] | None = None) -> tuple[Figure, ...]:
    """Ask for every figure at the same time: a dead source costs its time limit once. `rules` where names differ."""

    def ask(name: str) -> Figure:
        rule = context.catalogue.thresholds[(rules or {}).get(name, name)]
        try:
            return reads[name](rule)
        except SourceFailure as failure:
            return failed(name, rule, failure)
        except Exception:  # one broken figure must not take the others with it
            logger.exception("the figure %s failed unexpectedly", name)
            broken = SourceFailure(FailureKind.MALFORMED, "console", "the console met an error of its own; see its log")
            return failed(name, rule, broken)

    return side_by_side(ask, tuple(reads), "figure")


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
    return figure("token_success", rule, value, notes=notes, evidence=(counters.evidence,))


def _expired_instead(context: Context) -> str:
    """What the database knows, which is not the same."""
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
    synced = round((created or 0.0) + (updated or 0.0))
    value = share(synced, synced + counts.count)
    notes = [
        f"{synced:,} transactions created or updated, {counts.count:,} failed syncs logged in the last hour",
        "a deal that is tried again counts each time",
        "Datadog answered for a part of its logs: there may be more failures" if counts.partial else "",
    ]
    status = rule.judge(value)
    if counts.partial and status is Status.PASS:
        status = Status.NO_DATA
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
        "Datadog answered for a part of its logs" if partial else "",
    ]
    return figure("api_p95", rule, value, status=status, notes=notes, evidence=(evidence,))


def percentile_of_logs(
    context: Context, query: str, measure: str, window_s: int
) -> tuple[float | None, Evidence, bool]:
    """The 95th percentile of a measure over matching events, its evidence, and whether the answer was partial."""

    def ask() -> Aggregate:
        start, end = window_ending(window_s)
        compute = Compute(aggregation="pc95", metric=measure)
        return context.datadog.aggregate(query, start=start, end=end, computes=(compute,))

    answer = context.answers.get(("p95", query, measure, window_s), KEEP_AGGREGATES_S, ask)
    value = answer.buckets[0].values[0] if answer.buckets else None
    evidence = answer.evidence.model_copy(update={"query": f"{query} | pc95 {measure}"})
    return (value if isinstance(value, float) else None), evidence, answer.partial


def _webhooks(context: Context, rule: Threshold) -> Figure:
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
