"""What can be measured during an incident, each reading by its name: nothing new is asked, screens ask the same.

Each gives a figure, or raises SourceFailure; what is missing never becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnostics.checks.base import about, plural, share
from diagnostics.escalation.affected import RESOLUTION
from diagnostics.escalation.readings_logs import (
    accounts_affected,
    events_in_window,
    large_accounts,
    rate_limited,
    users_affected,
    zillow_requests,
)
from diagnostics.escalation.round import Round, judged, made, of_figure
from diagnostics.health.figures import quantity
from diagnostics.health.tokens import read_tokens
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.webhook_backlog import Backlog

# ---- connections


def health(asked: Round) -> MeasuredFigure:
    """Share of healthy connections."""
    return of_figure("health", asked.overview().health)


def deviation(asked: Round) -> MeasuredFigure:
    """How far below its baseline health is, per cent of the baseline; for resolution, the furthest share."""
    if asked.issue.name == RESOLUTION:
        drift = resolution_drift(asked)
        return drift.model_copy(update={"id": "deviation", "title": "Deviation from the baseline", "unit": "%"})
    found = asked.overview().health
    baseline = asked.tools.catalogue.baselines["system_health"].value
    value = None
    if isinstance(found.value, int | float) and not found.failure and baseline:
        value = max(0.0, 100.0 * (baseline - found.value) / baseline)
    return made(
        "deviation",
        "Deviation from the baseline",
        value,
        shown="" if value is None else quantity(value, "%"),
        unit="%",
        status=found.status,
        notes=(f"health {found.shown} against its baseline of {baseline:.2f} %",),
        evidence=found.evidence,
    )


def sync_events(asked: Round) -> MeasuredFigure:
    """Sync events that succeeded or failed, in the last complete hour and the present one."""
    found = asked.overview()
    count = found.sync_events
    sync = found.sync
    return made(
        "sync_events",
        "Sync events",
        count,
        shown="" if count is None else f"{count:,}",
        unit="events",
        status=sync.status if count is None else Status.PASS if count else Status.NO_DATA,
        notes=("in the last complete hour and the present one", sync.failure, sync.note),
        evidence=sync.evidence,
    )


def connections_judged(asked: Round) -> MeasuredFigure:
    """Connections that health is a share of."""
    states = asked.states()
    return made(
        "connections_judged",
        "Connections",
        states.judged,
        shown=f"{states.judged:,}",
        unit="connections",
        status=Status.PASS if states.judged else Status.NO_DATA,
        notes=states.notes(),
        evidence=(states.evidence,),
    )


def new_problems(asked: Round) -> MeasuredFigure:
    """Problems that began within the last hour, per cent of connections."""
    states, rule = asked.states(), asked.rule("new_problem_share")
    note = f"{plural(states.new, 'new problem')} among {plural(states.judged, 'connection')}"
    return judged("new_problems", rule, share(states.new, states.judged), (states.evidence,), note)


# ---- webhooks


def webhook_backlog(asked: Round) -> MeasuredFigure:
    """Events that wait for delivery."""
    found, rule = asked.backlog(), asked.rule("webhook_backlog")
    value = float(found.waiting) if found.any_received else None
    figure = judged("webhook_backlog", rule, value, (found.evidence,), _received(found))
    return figure if value is None else figure.model_copy(update={"value": found.waiting, "shown": f"{value:,.0f}"})


def oldest_pending(asked: Round) -> MeasuredFigure:
    """How long the oldest waiting event has waited, seconds; 0 where events come and none waits."""
    found, rule = asked.backlog(), asked.rule("oldest_pending_minutes")
    minutes = found.oldest_minutes(asked.tools.now())
    seconds = None if not found.any_received else round((minutes or 0.0) * 60)
    return made(
        "oldest_pending_s",
        rule.title,
        seconds,
        shown="" if seconds is None else about(seconds) if seconds else "none waits",
        unit="s",
        status=rule.judge(None if seconds is None else seconds / 60),
        notes=(_received(found), f"Limits: {rule.rule()}"),
        evidence=(found.evidence,),
    )


def events_lost(asked: Round) -> MeasuredFigure:
    """Webhook events past saving, of the last 24 hours."""
    found = asked.backlog()
    value = found.lost if found.any_received else None
    return made(
        "events_lost",
        "Events lost for good",
        value,
        shown="" if value is None else f"{value:,}",
        unit="events",
        status=Status.NO_DATA if value is None else Status.FAIL if value else Status.PASS,
        notes=(_received(found),),
        evidence=(found.evidence,),
    )


def data_loss_risk(asked: Round) -> MeasuredFigure:
    """Low, medium or high, as the check says."""
    from diagnostics.checks.registry import CHECKS  # noqa: PLC0415  # the checks load SQLAlchemy

    check = CHECKS["data_loss_risk"]
    found = asked.once("data_loss_risk", lambda: check.answer(asked.tools, TriageRequest(issue_type=asked.issue.name)))
    parts = () if found.evidence is None else (found.evidence,)
    return made(
        "data_loss_risk",
        "Risk of data loss",
        found.value,
        status=found.status,
        notes=(found.summary,),
        evidence=parts,
    )


def webhook_latency(asked: Round) -> MeasuredFigure:
    """From received to processed, 95th percentile."""
    return _kpi(asked, "webhook_latency_p95")


def _received(found: Backlog) -> str:
    return "" if found.any_received else "no webhook event was received in the last 24 h, so that 0 means nothing"


# ---- level 2


def _kpi(asked: Round, name: str) -> MeasuredFigure:
    return of_figure(name, asked.once(name, lambda: asked.health.kpis(only=(name,)))[0])


def token_success(asked: Round) -> MeasuredFigure:
    """Token refreshes that succeeded."""
    return _kpi(asked, "token_success")


def transaction_sync_success(asked: Round) -> MeasuredFigure:
    """Transactions that synced among those that tried."""
    return _kpi(asked, "transaction_sync_success")


def api_p95(asked: Round) -> MeasuredFigure:
    """Response time of the API."""
    return _kpi(asked, "api_p95")


def performance_loss(asked: Round) -> MeasuredFigure:
    """How far the API's response time lies beyond its healthy value, per cent; 0 where it does not."""
    found, rule = _kpi(asked, "api_p95"), asked.rule("api_p95")
    value = None
    if isinstance(found.value, int | float) and rule.healthy:
        value = max(0.0, 100.0 * (found.value - rule.healthy) / rule.healthy)
    return made(
        "performance_loss",
        "Loss of performance",
        value,
        shown="" if value is None else f"{value:,.0f} %",
        unit="%",
        status=Status(found.status),
        notes=(f"API response time {found.shown} against {rule.healthy_text()}",),
        evidence=() if found.evidence is None else (found.evidence,),
    )


def resolution_accuracy(asked: Round) -> MeasuredFigure:
    """Agents that are not stale."""
    return _kpi(asked, "resolution_accuracy")


def _leading(asked: Round, name: str) -> MeasuredFigure:
    return of_figure(name, asked.once(name, lambda: asked.health.leading(only=(name,)))[0])


def resolution_drift(asked: Round) -> MeasuredFigure:
    """The largest distance of a resolution share from its baseline."""
    return _leading(asked, "resolution_drift")


def deals_unsynced(asked: Round) -> MeasuredFigure:
    """Deals of the last day without `synced_at`."""
    return _leading(asked, "deals_unsynced")


def agents_resolved(asked: Round) -> MeasuredFigure:
    """Agents that the resolution shares rest on."""
    found = asked.once("resolution", asked.health.resolution)
    return made(
        "agents_resolved",
        "Agents with a resolution",
        found.total,
        shown="" if found.total is None else f"{found.total:,}",
        unit="agents",
        status=Status.PASS if found.total else Status.NO_DATA,
        notes=("" if found.coverage is None else f"in {found.coverage.words()}",),
        evidence=found.evidence,
    )


def tokens_expired(asked: Round) -> MeasuredFigure:
    """Expired among held tokens."""
    found = asked.once("tokens", lambda: read_tokens(asked.tools))
    note = f"{found.expired:,} of {plural(found.held, 'token')}"
    return judged("tokens_expired", asked.rule("token_expiry_share"), found.expired_share, (found.evidence,), note)


def tokens_missing(asked: Round) -> MeasuredFigure:
    """Credentials without a token."""
    found = asked.once("tokens", lambda: read_tokens(asked.tools))
    note = f"{found.credentials - found.held:,} of {plural(found.credentials, 'credential')}"
    return judged("tokens_missing", asked.rule("token_missing_share"), found.missing_share, (found.evidence,), note)


@dataclass(slots=True, frozen=True)
class Reading:
    """One reading: how it is taken, and what it is called where it does not come."""

    title: str
    take: Callable[[Round], MeasuredFigure]
    unit: str = ""


READINGS: dict[str, Reading] = {
    "health": Reading("System health", health, "%"),
    "deviation": Reading("Deviation from the baseline", deviation, "%"),
    "sync_events": Reading("Sync events", sync_events, "events"),
    "webhook_backlog": Reading("Webhook backlog", webhook_backlog, "events"),
    "oldest_pending_s": Reading("Oldest pending webhook event", oldest_pending, "s"),
    "events_lost": Reading("Events lost for good", events_lost, "events"),
    "data_loss_risk": Reading("Risk of data loss", data_loss_risk),
    "rate_limited_per_minute": Reading("HTTP 429 rate", rate_limited, "/min"),
    "zillow_requests": Reading("Requests to Zillow", zillow_requests, "requests"),
    "events_in_window": Reading("Events in the window", events_in_window, "events"),
    "accounts_affected": Reading("Accounts affected", accounts_affected, "accounts"),
    "large_accounts": Reading("Large accounts", large_accounts),
    "users_affected": Reading("Users of the accounts affected", users_affected, "users"),
    "token_success": Reading("OAuth token success", token_success, "%"),
    "tokens_expired": Reading("Expired tokens", tokens_expired, "%"),
    "tokens_missing": Reading("Missing tokens", tokens_missing, "%"),
    "transaction_sync_success": Reading("Transaction sync success", transaction_sync_success, "%"),
    "deals_unsynced": Reading("Deals created and not synced", deals_unsynced, "%"),
    "api_p95": Reading("API response time, p95", api_p95, "ms"),
    "performance_loss": Reading("Loss of performance", performance_loss, "%"),
    "webhook_latency_p95": Reading("Webhook latency, p95", webhook_latency, "s"),
    "resolution_accuracy": Reading("Resolution accuracy", resolution_accuracy, "%"),
    "resolution_drift": Reading("Resolution share against baseline", resolution_drift, "points"),
    "agents_resolved": Reading("Agents with a resolution", agents_resolved, "agents"),
    "new_problems": Reading("New connection problems", new_problems, "%"),
    "connections_judged": Reading("Connections", connections_judged, "connections"),
}
"""Every reading that the catalogue may name."""
