"""The figures of an issue as they are now: all at once, each failing alone, in bounded time.

What notices bind, tiers and exit criteria judge, and the review compares. Nothing new is asked: screens ask the same,
and share the answers. Each reading gives a figure, or raises SourceFailure; what is missing never becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from diagnostics.checks.base import share
from diagnostics.checks.registry import CHECKS
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import SingleFlight, StillAsking, ask_together
from diagnostics.core.words import about, plural, span
from diagnostics.health.connections import read_states
from diagnostics.health.figures import quantity, remarks, taken_at
from diagnostics.health.tokens import read_tokens
from diagnostics.incident.assess.impact import (
    RESOLUTION,
    Account,
    Named,
    known_accounts,
    named_accounts,
    read_accounts,
    size_words,
)
from diagnostics.incident.incidents import issue_named
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import UNKNOWN, Figure
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.signals.counts import KEEP_COUNTS_S
from diagnostics.signals.pulses import judge_count, of_counts
from diagnostics.signals.webhook_backlog import Backlog, read_backlog

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType, Threshold
    from diagnostics.core.waiting import Job
    from diagnostics.health.connections import States
    from diagnostics.health.service import HealthService
    from diagnostics.models.health import HealthOverview
    from diagnostics.signals.counts import Counts

Answer = TypeVar("Answer")

AT_ONCE_S = 0.4
"""What answers so soon is known at once."""

LONGEST_S = 15.0
"""One measuring, with two turns of the scarcest rate limit in it; what is not there by then has no value yet."""

NO_ANSWER = "no answer"
"""What stands in place of the question of a reading that did not come."""

FOREVER_S = 86_400.0
"""Within one round nothing is asked twice, however long the round takes."""

KEEP_REQUESTS_S = 60.0

MOST_NAMED = 10
"""Large accounts that a notice names; the rest is counted."""


@dataclass(slots=True, frozen=True)
class Round:
    """One measuring of several readings, in which every question is asked once."""

    context: Context
    health: HealthService
    issue: IssueType
    known_s: float | None = None
    """Counts and names that the logs gave within so many seconds are taken as they are; None asks as usual."""
    answers: SingleFlight = field(default_factory=SingleFlight)

    def once(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """The answer to `ask`, shared by the readings of this round."""
        return self.answers.get(name, FOREVER_S, ask)

    def rule(self, name: str) -> Threshold:
        """A threshold of the catalogue."""
        return self.context.catalogue.thresholds[name]

    def overview(self) -> HealthOverview:
        """Level 2's big number and the sync events beside it."""
        return self.once("overview", self.health.overview)

    def backlog(self) -> Backlog:
        """The webhook backlog."""
        return self.once("backlog", lambda: read_backlog(self.context))

    def counts(self, query: str, fresh_s: float = KEEP_COUNTS_S) -> Counts:
        """Events of a named query in the window."""
        text, logs, window_s = self.context.catalogue.queries[query].datadog, self.context.logs, self.context.window_s
        known = None if self.known_s is None else logs.known_counts(text, window_s, self.known_s)
        return known or self.once(f"counts {query}", lambda: logs.counts(text, window_s, fresh_s=fresh_s))

    def states(self) -> States:
        """Connections by state."""
        return self.once("states", lambda: read_states(self.context))

    def named(self) -> Named:
        """The accounts that the issue affects."""
        known = None if self.known_s is None else known_accounts(self.context, self.issue, self.known_s)
        return known or self.once("named", lambda: named_accounts(self.context, self.issue))

    def accounts(self) -> dict[int, Account]:
        """Sizes of the named accounts."""
        return self.once("accounts", lambda: read_accounts(self.context, self.named().ids))[0]


# ---- from a number to a figure


def made(
    name: str,
    value: float | int | str | None,
    *,
    title: str = "",
    shown: str = "",
    unit: str | None = None,
    status: Status = Status.NO_DATA,
    notes: Iterable[str] = (),
    evidence: Iterable[Evidence] = (),
) -> MeasuredFigure:
    """A reading as a figure, called as `READINGS` says; its notes stand as the caveat of its first evidence."""
    parts = tuple(evidence)
    old = any(part.is_old for part in parts)
    if old and value == 0:
        # Nothing found in what is known, of an earlier moment: what came since may be anything.
        value = None
    caveat = remarks((*notes, *(parts[0].caveat for _ in parts[:1])))
    plainly = f"{value:,}" if isinstance(value, int) else str(value)
    return MeasuredFigure(
        id=name,
        title=title or READINGS[name].title,
        value=value,
        shown=UNKNOWN if value is None else shown or plainly,
        unit=READINGS[name].unit if unit is None else unit,
        status=(Status.NO_DATA if (value is None or old) and status is Status.PASS else status).value,
        taken_at=taken_at(parts),
        evidence=parts[0].model_copy(update={"caveat": caveat}) if parts else None,
    )


def of_figure(name: str, figure: Figure) -> MeasuredFigure:
    """A figure of level 2. One whose source fails now has no value here, also where an older one is remembered."""
    if figure.failure:
        # What an older answer rests on would make the figure look older than the failure.
        lost = Evidence(
            source=figure.failure.partition(":")[0],
            query=NO_ANSWER,
            started_at=utc_now(),
            took_ms=0.0,
            caveat=remarks((figure.failure, figure.note)),
        )
        status = figure.status if figure.status is Status.UNREACHABLE else Status.NO_DATA
        return made(name, None, title=figure.title, unit=figure.unit, status=status, evidence=(lost,))
    return made(
        name,
        figure.value,
        title=figure.title,
        shown=figure.shown,
        unit=figure.unit,
        status=figure.status,
        notes=(figure.note,),
        evidence=figure.evidence,
    )


def judged(name: str, rule: Threshold, value: float | None, evidence: Iterable[Evidence], note: str) -> MeasuredFigure:
    """A share held against `rule`, whose name and unit it bears."""
    return made(
        name,
        value,
        title=rule.title,
        shown="" if value is None else quantity(value, rule.unit),
        unit=rule.unit,
        status=rule.judge(value),
        notes=(note, f"Limits: {rule.rule()}"),
        evidence=evidence,
    )


# ---- connections


def health(asked: Round) -> MeasuredFigure:
    """Share of healthy connections."""
    return of_figure("health", asked.overview().health)


def deviation(asked: Round) -> MeasuredFigure:
    """How far below its baseline health is, per cent of the baseline; for resolution, the furthest share."""
    if asked.issue.name == RESOLUTION:
        drift = _leading("resolution_drift", asked)
        return drift.model_copy(update={"id": "deviation", "title": "Deviation from the baseline", "unit": "%"})
    found = asked.overview().health
    baseline = asked.context.catalogue.baselines["system_health"].value
    value = None
    if isinstance(found.value, int | float) and not found.failure and baseline:
        value = max(0.0, 100.0 * (baseline - found.value) / baseline)
    return made(
        "deviation",
        value,
        shown="" if value is None else quantity(value, "%"),
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
        count,
        status=sync.status if count is None else Status.PASS if count else Status.NO_DATA,
        notes=("in the last complete hour and the present one", sync.failure, sync.note),
        evidence=sync.evidence,
    )


def connections_judged(asked: Round) -> MeasuredFigure:
    """Connections that health is a share of."""
    states = asked.states()
    return made(
        "connections_judged",
        states.judged,
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
    return (
        figure if figure.value is None else figure.model_copy(update={"value": found.waiting, "shown": f"{value:,.0f}"})
    )


def oldest_pending(asked: Round) -> MeasuredFigure:
    """How long the oldest waiting event has waited, seconds; 0 where events come and none waits."""
    found, rule = asked.backlog(), asked.rule("oldest_pending_minutes")
    now = asked.context.now()
    known = found.age_is_known(now)
    seconds = round((found.oldest_minutes(now) or 0.0) * 60) if found.any_received and known else None
    return made(
        "oldest_pending_s",
        seconds,
        title=rule.title,
        shown="" if seconds is None else about(seconds) if seconds else "none waits",
        status=rule.judge(None if seconds is None else seconds / 60),
        notes=(
            _received(found) if known else "The oldest waiting event is dated after now: one clock is wrong",
            f"Limits: {rule.rule()}",
        ),
        evidence=(found.evidence,),
    )


def events_lost(asked: Round) -> MeasuredFigure:
    """Webhook events past saving, of the last 24 hours."""
    found = asked.backlog()
    value = found.lost if found.any_received else None
    return made(
        "events_lost",
        value,
        status=Status.NO_DATA if value is None else Status.FAIL if value else Status.PASS,
        notes=(_received(found),),
        evidence=(found.evidence,),
    )


def data_loss_risk(asked: Round) -> MeasuredFigure:
    """Low, medium or high, as the check says."""
    check = CHECKS["data_loss_risk"]
    found = asked.once(
        "data_loss_risk", lambda: check.answer(asked.context, TriageRequest(issue_type=asked.issue.name))
    )
    parts = () if found.evidence is None else (found.evidence,)
    return made(
        "data_loss_risk",
        found.value,
        status=found.status,
        notes=(found.summary,),
        evidence=parts,
    )


def _received(found: Backlog) -> str:
    return "" if found.any_received else "no webhook event was received in the last 24 h, so that 0 means nothing"


# ---- level 2


def _kpi(name: str, asked: Round) -> MeasuredFigure:
    return of_figure(name, asked.once(name, lambda: asked.health.kpis(only=(name,)))[0])


def performance_loss(asked: Round) -> MeasuredFigure:
    """How far the API's response time lies beyond its healthy value, per cent; 0 where it does not."""
    found, rule = _kpi("api_p95", asked), asked.rule("api_p95")
    value = None
    if isinstance(found.value, int | float) and rule.healthy:
        value = max(0.0, 100.0 * (found.value - rule.healthy) / rule.healthy)
    return made(
        "performance_loss",
        value,
        shown="" if value is None else f"{value:,.0f} %",
        status=Status(found.status),
        notes=(f"API response time {found.shown} against {rule.healthy_text()}",),
        evidence=() if found.evidence is None else (found.evidence,),
    )


def _leading(name: str, asked: Round) -> MeasuredFigure:
    return of_figure(name, asked.once(name, lambda: asked.health.leading(only=(name,)))[0])


def agents_resolved(asked: Round) -> MeasuredFigure:
    """Agents that the resolution shares rest on."""
    found = asked.once("resolution", asked.health.resolution)
    return made(
        "agents_resolved",
        found.total,
        status=Status.PASS if found.total else Status.NO_DATA,
        notes=("" if found.coverage is None else f"in {found.coverage.words()}",),
        evidence=found.evidence,
    )


def tokens_expired(asked: Round) -> MeasuredFigure:
    """Expired among held tokens."""
    found = asked.once("tokens", lambda: read_tokens(asked.context))
    note = f"{found.expired:,} of {plural(found.held, 'token')}"
    return judged("tokens_expired", asked.rule("token_expiry_share"), found.expired_share, (found.evidence,), note)


def tokens_missing(asked: Round) -> MeasuredFigure:
    """Credentials without a token."""
    found = asked.once("tokens", lambda: read_tokens(asked.context))
    note = f"{found.credentials - found.held:,} of {plural(found.credentials, 'credential')}"
    return judged("tokens_missing", asked.rule("token_missing_share"), found.missing_share, (found.evidence,), note)


# ---- logs


def rate_limited(asked: Round) -> MeasuredFigure:
    """HTTP 429 answers from Zillow, in the busier of the last two complete minutes."""
    found, rule = asked.counts("rate_limited"), asked.rule("rate_limit_per_minute")
    rate = found.recent_minute
    status = of_counts(rule.judge(None if rate is None else float(rate)), partial=found.partial)
    return made(
        "rate_limited_per_minute",
        rate,
        title=rule.title,
        shown="" if rate is None else f"{rate:,}/min",
        status=status,
        notes=(_in_window(asked, found), found.doubt, f"Limits: {rule.rule()}"),
        evidence=(found.evidence,),
    )


def zillow_requests(asked: Round) -> MeasuredFigure:
    """Requests to Zillow that the logs hold."""
    found = asked.counts("zillow_requests", KEEP_REQUESTS_S)
    return made(
        "zillow_requests",
        found.count,
        status=of_counts(Status.PASS, partial=found.partial),
        notes=(_in_window(asked, found), found.doubt),
        evidence=(found.evidence,),
    )


def events_in_window(asked: Round) -> MeasuredFigure:
    """Events of the issue's own query. Silence is good news only where it is usual."""
    found = asked.counts(asked.issue.query)
    status, said = Status.NO_DATA if found.count is None else Status.WARN, ""
    if found.count == 0:
        status, said = _silence(asked)
    return made(
        "events_in_window",
        found.count,
        title=f"Events, {asked.context.catalogue.queries[asked.issue.query].title}",
        shown=f"{found.count or 0:,} in {span(asked.context.window_s)}",
        status=of_counts(status, partial=found.partial),
        notes=(said, found.doubt),
        evidence=(found.evidence,),
    )


def _silence(asked: Round) -> tuple[Status, str]:
    """The status of silence: the baseline, which costs scarce questions, is asked only for this."""
    text = asked.context.catalogue.queries[asked.issue.query].datadog
    baseline = asked.context.logs.baselines.known(text, asked.context.window_s)
    usual = None if baseline.usual is None else baseline.usual.count
    against = judge_count(asked.issue, 0, usual, is_pending=baseline.is_pending)
    return against.status, against.comparison


def _in_window(asked: Round, found: Counts) -> str:
    return f"{found.words()} in the last {span(asked.context.window_s)}"


# ---- accounts


def accounts_affected(asked: Round) -> MeasuredFigure:
    """How many accounts the logs name; for resolution, those with stale agents."""
    found = asked.named()
    status, said = Status.NO_DATA if found.total is None else Status.WARN, ""
    if found.total == 0:
        status, said = (Status.PASS, "") if asked.issue.name == RESOLUTION else _silence(asked)
    return made(
        "accounts_affected",
        found.total,
        shown="" if found.total is None else f"{found.total:,}" + (" at least" if found.at_least else ""),
        status=of_counts(status, partial=found.at_least),
        notes=(found.basis, said),
        evidence=found.evidence,
    )


def large_accounts(asked: Round) -> MeasuredFigure:
    """Large accounts among them, by name, the largest first."""
    found, from_users = asked.named(), asked.context.catalogue.impact.large_from_users
    accounts = asked.accounts()
    large = sorted(
        (one for one in accounts.values() if one.users is not None and one.users >= from_users),
        key=lambda one: (-(one.users or 0), one.account_id),
    )
    unknown = sum(1 for one in accounts.values() if one.users is None) + found.beyond
    shown = "; ".join(size_words(one) for one in large[:MOST_NAMED])
    shown += f"; and {len(large) - MOST_NAMED:,} more" if len(large) > MOST_NAMED else ""
    known = not unknown and found.is_whole
    value = (shown or "none") if large or known else None
    return made(
        "large_accounts",
        value,
        title=f"Large accounts, from {from_users:,} users",
        status=Status.WARN if large else Status.PASS if known else Status.NO_DATA,
        notes=_not_whole(found, unknown),
        evidence=found.evidence,
    )


def users_affected(asked: Round) -> MeasuredFigure:
    """Users of the accounts affected: how many are in them, not how many have noticed."""
    found, accounts = asked.named(), asked.accounts()
    known = [one.users for one in accounts.values() if one.users is not None]
    unknown = len(accounts) - len(known) + found.beyond
    is_whole = not unknown and found.is_whole
    value = sum(known) if known or is_whole else None
    status = Status.NO_DATA if not is_whole else Status.WARN if value else Status.PASS
    return made(
        "users_affected",
        value,
        shown="" if value is None else f"{value:,}" + ("" if is_whole else " at least"),
        status=status,
        notes=_not_whole(found, unknown),
        evidence=found.evidence,
    )


def _not_whole(found: Named, unknown: int) -> tuple[str, ...]:
    return (
        "" if found.is_whole else f"There may be others: {found.basis}",
        f"The size of {plural(unknown, 'account')} is not known" if unknown else "",
    )


# ---- all of them


@dataclass(slots=True, frozen=True)
class NamedReading:
    """One reading: how it is taken, and what it is called where it does not come."""

    title: str
    take: Callable[[Round], MeasuredFigure]
    unit: str = ""


READINGS: dict[str, NamedReading] = {
    "health": NamedReading("System health", health, "%"),
    "deviation": NamedReading("Deviation from the baseline", deviation, "%"),
    "sync_events": NamedReading("Sync events", sync_events, "events"),
    "webhook_backlog": NamedReading("Webhook backlog", webhook_backlog, "events"),
    "oldest_pending_s": NamedReading("Oldest pending webhook event", oldest_pending, "s"),
    "events_lost": NamedReading("Events lost for good", events_lost, "events"),
    "data_loss_risk": NamedReading("Risk of data loss", data_loss_risk),
    "rate_limited_per_minute": NamedReading("HTTP 429 rate", rate_limited, "/min"),
    "zillow_requests": NamedReading("Requests to Zillow", zillow_requests, "requests"),
    "events_in_window": NamedReading("Events in the window", events_in_window, "events"),
    "accounts_affected": NamedReading("Accounts affected", accounts_affected, "accounts"),
    "large_accounts": NamedReading("Large accounts", large_accounts),
    "users_affected": NamedReading("Users of the accounts affected", users_affected, "users"),
    "token_success": NamedReading("OAuth token success", partial(_kpi, "token_success"), "%"),
    "tokens_expired": NamedReading("Expired tokens", tokens_expired, "%"),
    "tokens_missing": NamedReading("Missing tokens", tokens_missing, "%"),
    "transaction_sync_success": NamedReading(
        "Transaction sync success", partial(_kpi, "transaction_sync_success"), "%"
    ),
    "deals_unsynced": NamedReading("Deals created and not synced", partial(_leading, "deals_unsynced"), "%"),
    "api_p95": NamedReading("API response time, p95", partial(_kpi, "api_p95"), "ms"),
    "performance_loss": NamedReading("Loss of performance", performance_loss, "%"),
    "webhook_latency_p95": NamedReading("Webhook latency, p95", partial(_kpi, "webhook_latency_p95"), "s"),
    "resolution_accuracy": NamedReading("Resolution accuracy", partial(_kpi, "resolution_accuracy"), "%"),
    "resolution_drift": NamedReading(
        "Resolution share against baseline", partial(_leading, "resolution_drift"), "points"
    ),
    "agents_resolved": NamedReading("Agents with a resolution", agents_resolved, "agents"),
    "new_problems": NamedReading("New connection problems", new_problems, "%"),
    "connections_judged": NamedReading("Connections", connections_judged, "connections"),
}
"""Every reading that the catalogue may name."""


def measure(
    context: Context,
    health: HealthService,
    issue_type: str,
    job: Job | None = None,
    *,
    also: Sequence[str] = (),
    only: Sequence[str] | None = None,
    known_s: float | None = None,
) -> tuple[MeasuredFigure, ...]:
    """The readings that the catalogue names for the issue, in its order, and those of `also`; or those of `only`.

    With `known_s`, what the logs gave within so many seconds is taken as it is, and what does not answer within
    `AT_ONCE_S` does not come. A source that fails gives a figure with the value None, the dash, and the failure as
    caveat of its evidence. Takes at most 15 seconds, or what is left of the job. Raises UserError for an unknown issue
    type, and SourceFailure (cancelled) when somebody ended the job.
    """
    issue = issue_named(context.catalogue, issue_type)
    names = tuple(dict.fromkeys(only if only is not None else (*issue.figures, *also)))
    asked = Round(context, health, issue, known_s)
    limit_s = LONGEST_S if known_s is None else AT_ONCE_S
    answers = ask_together({name: partial(READINGS[name].take, asked) for name in names}, limit_s, job)
    return tuple(
        unread(name, answer) if isinstance(answer, SourceFailure) else answer for name, answer in answers.items()
    )


def unread(name: str, failure: SourceFailure) -> MeasuredFigure:
    """The reading that did not come, and why. Not asked yet and still asked for are no data, not a lost source."""
    reading = READINGS.get(name)
    waiting = isinstance(failure, TurnAwaited | StillAsking)
    now = utc_now()
    return MeasuredFigure(
        id=name,
        title=name if reading is None else reading.title,
        value=None,
        shown=UNKNOWN,
        unit="" if reading is None else reading.unit,
        status=(Status.NO_DATA if waiting else Status.UNREACHABLE).value,
        taken_at=now,
        evidence=Evidence(
            source=failure.source,
            query=NO_ANSWER,
            started_at=now,
            took_ms=0.0,
            caveat=failure.headline() if waiting else f"{failure.headline()}: {failure.reason}",
        ),
    )
