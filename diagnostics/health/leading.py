"""Leading indicators: what goes wrong before sync does. Each fails alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.checks.base import number, share
from diagnostics.core.context import Context
from diagnostics.core.words import form, plural, span
from diagnostics.fleet.questions import UNSYNCED_COUNTS
from diagnostics.health.counters import BUCKET_S, DAY_S, read_counters
from diagnostics.health.figures import figure
from diagnostics.health.kpis import ALL_ACCOUNTS, KEEP_AGGREGATES_S, WAIT_S, TellFigures, together
from diagnostics.health.resolution import of_everybody
from diagnostics.health.tokens import read_tokens
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from diagnostics.signals.pulses import of_counts
from diagnostics.signals.webhook_backlog import LOOK_BACK_CAVEAT, read_backlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.catalogue.model import Threshold
    from diagnostics.core.waiting import Job
    from diagnostics.fleet.models import FleetAnswer

RULES = {
    "tokens_expiring_24h": "token_expiring_24h_share",
    "tokens_expiring_72h": "token_expiring_72h_share",
    "refresh_failure_trend": "refresh_failure_ratio",
    "request_velocity": "request_velocity_ratio",
    "webhook_lag": "oldest_pending_minutes",
    "resolution_drift": "resolution_share",
    "deals_unsynced": "deals_unsynced_share",
}
"""Each indicator and the threshold that judges it, in the order shown."""

ISSUES = {
    "oauth_failure": ("tokens_expiring_24h", "tokens_expiring_72h", "refresh_failure_trend"),
    "rate_limiting": ("request_velocity", "webhook_lag"),
    "transaction_sync": ("resolution_drift", "deals_unsynced"),
    "agent_resolution": ("tokens_expiring_24h", "resolution_drift"),
}
"""Which of them warn of which issue; connection health, which every one of them precedes, takes all."""

DEALS_WINDOW_S = DAY_S

LONGEST_BASELINE_WAIT_S = 30.0
"""How long somebody who asks once waits for what is usual: two turns of the aggregates' rate limit, and the answer."""


def read_leading(
    context: Context,
    wait_s: float | None = WAIT_S,
    only: tuple[str, ...] = tuple(RULES),
    *,
    tell: TellFigures | None = None,
) -> tuple[Figure, ...]:
    """The indicators in the order shown. A source's failure is a figure without a value."""
    reads: dict[str, Callable[[Threshold], Figure]] = {
        "tokens_expiring_24h": lambda rule: _expiring(context, rule, 24),
        "tokens_expiring_72h": lambda rule: _expiring(context, rule, 72),
        "refresh_failure_trend": lambda rule: _refreshes(context, rule),
        "request_velocity": lambda rule: _velocity(context, rule, wait_s),
        "webhook_lag": lambda rule: _lag(context, rule),
        "resolution_drift": lambda _: _drift(context, wait_s),
        "deals_unsynced": lambda rule: _deals(context, rule, wait_s),
    }
    return together(context, {name: reads[name] for name in RULES if name in only}, RULES, tell=tell)


def indicators_of(issue: str) -> tuple[str, ...]:
    """The indicators that give early warning of an issue type."""
    return ISSUES.get(issue, tuple(RULES))


def _expiring(context: Context, rule: Threshold, hours: int) -> Figure:
    tokens = read_tokens(context)
    count = tokens.within_24_h if hours == 24 else tokens.within_72_h
    part = share(count, tokens.valid)
    notes = [
        f"{plural(tokens.expired, 'token')} {form(tokens.expired, 'has', 'have')} expired already",
        f"{plural(tokens.unlimited, 'token')} without an expiry in no share" if tokens.unlimited else "",
        "no credential holds a valid token" if part is None else "",
    ]
    return figure(
        f"tokens_expiring_{hours}h",
        rule,
        count if part is not None else None,
        title=f"Tokens expiring within {hours} h",
        shown=f"{count:,}",
        judged=part,
        judged_words="" if part is None else f"{part:.1f} % of {plural(tokens.valid, 'valid token')}",
        unit="tokens",
        notes=notes,
        evidence=(tokens.evidence,),
    )


def _refreshes(context: Context, rule: Threshold) -> Figure:
    """The share of refreshes that fail now, against the same share over the day before the window."""
    counters = read_counters(context)
    window_s = context.window_s
    now = counters.failed_share("token_refresh_failed", "token_requested", window_s)
    before = counters.failed_share(
        "token_refresh_failed", "token_requested", DAY_S - window_s - BUCKET_S, ending_s=window_s + BUCKET_S
    )
    ratio = None if now is None or not before else now / before
    notes = [f"last {span(window_s)} against the day before it"]
    if now is not None and before is not None:
        notes.append(f"{now:.2f} % fail now, {before:.2f} % before")
    if now is None:
        notes.append("Datadog reported no refreshes, or no failures, in the window")
    elif not before:
        notes.append("nothing failed in the day before, so there is nothing to compare with")
    status = rule.judge(ratio)
    if now == 0.0:
        ratio, status = 0.0, Status.PASS
    if counters.late:
        status = of_counts(status, partial=True)
        notes.append(counters.late)
    return figure(
        "refresh_failure_trend",
        rule,
        ratio,
        title="Refresh-failure trend",
        status=status,
        notes=notes,
        evidence=(counters.evidence,),
    )


def _velocity(context: Context, rule: Threshold, wait_s: float | None) -> Figure:
    query = context.catalogue.queries["zillow_requests"].datadog
    counts = context.logs.counts(query, context.window_s, fresh_s=KEEP_AGGREGATES_S)
    baseline_wait_s = LONGEST_BASELINE_WAIT_S if wait_s is None else 0.0
    baseline = context.logs.baselines.settled(query, context.window_s, baseline_wait_s)
    usual = baseline.usual
    count = counts.count
    if count is None:
        title = "Request velocity"
        return figure("request_velocity", rule, None, title=title, notes=(counts.doubt,), evidence=(counts.evidence,))
    rate = count / (context.window_s / 60)
    ratio = count / usual.count if usual is not None and usual.count else None
    notes = [f"{plural(count, 'request')} in the last {span(context.window_s)}, {rate:,.1f} a minute"]
    if usual is not None:
        notes.append(f"usual is {usual.count:,.0f}, the median of {usual.windows} windows of that length")
    elif baseline.is_pending:
        notes.append("what is usual is still being asked for")
    else:
        notes.append(f"what is usual is not known{f': {baseline.failure.headline()}' if baseline.failure else ''}")
    status = rule.judge(ratio)
    if counts.partial:
        notes.append(f"{counts.doubt}: there may be more")
        status = Status.NO_DATA if status is Status.PASS else status
    return figure(
        "request_velocity",
        rule,
        round(rate, 1),
        title="Request velocity",
        shown=f"{rate:,.1f}/min" + ("" if ratio is None else f", {ratio:.1f}× usual"),
        status=status,
        unit="/min",
        notes=notes,
        evidence=(counts.evidence, *(() if usual is None else (usual.evidence,))),
    )


def _lag(context: Context, rule: Threshold) -> Figure:
    backlog = read_backlog(context)
    now = context.now()
    known = backlog.age_is_known(now)
    value = (backlog.oldest_minutes(now) or 0.0) if backlog.any_received and known else None
    notes = [
        f"{plural(backlog.waiting, 'event')} {form(backlog.waiting, 'waits', 'wait')}, the oldest that long",
        LOOK_BACK_CAVEAT,
    ]
    if not known:
        notes = [f"the oldest of {plural(backlog.waiting, 'waiting event')} is dated after now: one clock is wrong"]
    elif value is None:
        notes = ["no webhook event was received in the last 24 h: whether any should have been is not known"]
    return figure(
        "webhook_lag",
        rule,
        value,
        title="Webhook lag",
        shown=_minutes(value),
        notes=notes,
        evidence=(backlog.evidence,),
    )


def _minutes(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f} min"


def _drift(context: Context, wait_s: float | None) -> Figure:
    found = context.answers.within("resolution", ALL_ACCOUNTS, lambda job: of_everybody(context, job), wait_s)
    assert found.drift is not None  # noqa: S101  # for the type checker: `distribution` always gives one
    return found.drift


def _deals(context: Context, rule: Threshold, wait_s: float | None) -> Figure:
    answer = context.answers.within("deals", ALL_ACCOUNTS, lambda job: _unsynced(context, job), wait_s)
    rows = [row for account in answer.rows for row in account.rows]
    total = sum(number(row, "total") for row in rows)
    unsynced = sum(number(row, "unsynced") for row in rows)
    part = share(unsynced, total)
    status = rule.judge(part)
    coverage = answer.coverage
    if status is Status.PASS and not coverage.is_complete:
        missing = share(coverage.asked - coverage.answered, coverage.asked) or 0.0
        status = Status.PASS if rule.judge((part or 0.0) + missing) is Status.PASS else Status.WARN
    notes = [
        f"{unsynced:,} of {plural(total, 'deal')} created in the last {span(DEALS_WINDOW_S)} have no synced_at",
        "no deal was created in the window" if part is None else "",
        "" if coverage.is_complete else f"rests on {coverage.words()}",
        *answer.notes,
    ]
    return figure(
        "deals_unsynced",
        rule,
        part,
        title="Deals created and not synced",
        status=status,
        notes=notes,
        evidence=tuple(answer.evidence),
        coverage=coverage,
    )


def _unsynced(context: Context, job: Job) -> FleetAnswer:

    return context.answers.get(
        ("fleet", "unsynced", DEALS_WINDOW_S),
        context.settings.fleet.refresh_s,
        lambda: context.fleet.ask(UNSYNCED_COUNTS(DEALS_WINDOW_S), job=job),
    )
