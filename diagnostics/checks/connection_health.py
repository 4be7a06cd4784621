"""First response to connection health: how healthy is it against the baseline, and what is about to fail?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.checks.base import Check, share, worst
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.words import about, capital, plural, sentence
from diagnostics.health.connections import (
    DISABLED,
    ERROR,
    HEALTHY,
    UNCLEAR,
    WARNING,
    States,
    problems,
    read_states,
    standing_days,
)
from diagnostics.health.figures import quantity
from diagnostics.models.datadog import Monitor
from diagnostics.models.triage import Finding, Status, TriageRequest

if TYPE_CHECKING:
    from diagnostics.models.health import ConnectionProblem

SHOWN = 5
"""Problems of each kind that a drill-down names."""

ALERTING = frozenset({"Alert", "Warn"})
"""Monitor states that ask for somebody."""

SPEAKING = frozenset({"OK", "Ignored", "Skipped"})
"""Monitor states that are well, or as somebody wanted them."""


class HealthBaseline(Check):
    """Share of healthy connections against the baseline: everywhere, or of one account."""

    id = "health_baseline"
    title = "How many connections are healthy, against the baseline?"

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """Health of the account's connections, or of the whole fleet without an account."""
        states = read_states(context, request.account_id)
        rule = context.catalogue.thresholds["system_health"]
        baseline = context.catalogue.baselines["system_health"].value
        health = states.health
        scope = "" if request.account_id is None else f" of account {request.account_id}"
        if health is None:
            return self.finding(
                Status.NO_DATA,
                f"No connection{scope} has an integration id and a clear state.",
                threshold=rule.rule(),
                next_step="An account whose connections are all disabled has to connect in Premier Agent.",
                evidence=states.evidence,
                details=_details(states),
            )
        alone = request.account_id is not None
        status = _of_account(states) if alone else rule.judge(health)
        return self.finding(
            status,
            f"{quantity(health, '%')} of {plural(states.judged, 'connection')}{scope} are healthy"
            + ("." if alone else f", {health - baseline:+.2f} points from the baseline of {baseline:.2f} %."),
            value=round(health, 2),
            unit="%",
            threshold="any in error warning, all critical" if alone else rule.rule(),
            next_step=self._advice(context, status, health, alone=alone),
            evidence=states.evidence,
            details=_details(states),
        )

    def _advice(self, context: Context, status: Status, health: float, *, alone: bool) -> str:
        rule = context.catalogue.thresholds["system_health"]
        if not alone and rule.is_escalation(health):
            return f"Call people at once: {context.catalogue.contact.line()}."
        if status is Status.PASS:
            return ""
        return "Look at the newest problems: what they have in common names the system that fails first."


def _of_account(states: States) -> Status:
    """A share is a rule for many. To one account, each connection that does not work is a loss."""
    if states.counts[ERROR]:
        return Status.FAIL if states.counts[ERROR] == states.judged else Status.WARN
    return Status.WARN if states.counts[WARNING] else Status.PASS


def _details(states: States) -> tuple[str, ...]:
    counts = states.counts
    return (
        ", ".join(f"{counts[name]:,} {name}" for name in (HEALTHY, WARNING, ERROR, DISABLED)),
        *((f"{counts[UNCLEAR]:,} unclear",) if counts[UNCLEAR] else ()),
        *states.notes(),
    )


class ProactiveMonitoring(Check):
    """New problems and long-standing ones in `common`, and the team's monitors in Datadog."""

    id = "proactive_monitoring"
    title = "What is about to fail?"

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """Always of everybody: what is about to fail is seen in the many."""
        states = read_states(context)
        newest, longest = problems(context, "newest", limit=SHOWN), problems(context, "longest", limit=SHOWN)
        rules = context.catalogue.thresholds
        new_share = share(states.new, states.judged)
        now = context.now()
        monitors, monitor_status, monitor_lines = _monitors(context)
        # A problem that has stood for days is no sign of what comes: it is named, and not judged.
        status = worst(rules["new_problem_share"].judge(new_share), monitor_status)
        said = "" if new_share is None else f" ({quantity(new_share, '%')} of {states.judged:,})"
        scope = "" if request.account_id is None else " Of all accounts: this check looks at everybody."
        return self.finding(
            status,
            f"{plural(states.new, 'new problem')} in the last hour{said}; {states.standing:,} for over "
            f"{standing_days(context):g} days, the longest for {_age(longest.rows, now.timestamp())}; "
            f"{monitors}.{scope}",
            value=states.new,
            unit="new problems",
            threshold=f"new {rules['new_problem_share'].rule()}; no monitor alerting",
            next_step="" if status is Status.PASS else _next_step(states.new, states.standing, monitor_status),
            evidence=newest.evidence[0] if newest.evidence else states.evidence,
            details=(
                *(f"newest: {_line(row, now.timestamp())}" for row in newest.rows),
                *(f"longest: {_line(row, now.timestamp())}" for row in longest.rows),
                *monitor_lines,
                *newest.notes,
            ),
        )


def _monitors(context: Context) -> tuple[str, Status, tuple[str, ...]]:
    """State of the team's monitors: in words, as a status, and one line for each that alerts."""
    tag = context.catalogue.contact.monitor_tag
    try:
        # Every alert matters here, so the list is not shared for longer than other answers are.
        found = context.datadog.monitors(tag)
    except SourceFailure as failure:
        # A quiet database alone is no all-clear.
        status = Status.NO_DATA if isinstance(failure, TurnAwaited) else Status.UNREACHABLE
        return f"monitors not known ({failure.headline()})", status, ()
    monitors: tuple[Monitor, ...] = tuple(found)
    alerting = [monitor for monitor in monitors if monitor.state in ALERTING]
    lines = tuple(f"monitor {one.id} {one.state}: {one.name}" for one in alerting)
    if not monitors:
        return f"no monitor carries {tag}", Status.WARN, ()
    silent = [monitor for monitor in monitors if monitor.state not in ALERTING | SPEAKING]
    lines += tuple(f"monitor {one.id} {one.state or 'without a state'}: {one.name}" for one in silent)
    said = f"{len(alerting)} of {plural(len(monitors), 'monitor')} alerting"
    said += f", {len(silent)} without data" if silent else ""
    status = _graver(alerting, silent)
    if found.evidence.is_cut:
        # One that was not read may alert.
        said += f" ({found.evidence.caveat})"
        status = Status.NO_DATA if status is Status.PASS else status
    return said, status, lines


def _graver(alerting: list[Monitor], silent: list[Monitor]) -> Status:
    if any(monitor.state == "Alert" for monitor in alerting):
        return Status.FAIL
    # A monitor that sees nothing watches nothing: that it does not alert is no all-clear.
    return Status.WARN if alerting else Status.NO_DATA if silent else Status.PASS


def _age(rows: tuple[ConnectionProblem, ...], now_s: float) -> str:
    return about(max(_seconds(row, now_s) for row in rows)) if rows else "no time: there is none"


def _seconds(row: ConnectionProblem, now_s: float) -> float:
    """How long a problem stands, seconds; 0 where its moment lies in the future."""
    return 0.0 if row.problem_at is None else max(0.0, now_s - row.problem_at.timestamp())


def _line(row: ConnectionProblem, now_s: float) -> str:
    name = f" {row.account_name}" if row.account_name else ""
    ahead = row.problem_at is not None and row.problem_at.timestamp() > now_s
    since = "in the future (clocks disagree)" if ahead else f"for {about(_seconds(row, now_s))}"
    return (
        f"account {row.account_id}{name}, user {row.user_id or '—'}, {row.state} {since}: {row.message or 'no message'}"
    )


def _next_step(new: int, standing: int, monitors: Status) -> str:
    steps = []
    if monitors in {Status.FAIL, Status.WARN}:
        steps.append("open the monitors that alert")
    if new:
        steps.append("look at what the newest problems have in common")
    if standing:
        steps.append("take up the longest-standing problems with their accounts")
    text = "; ".join(steps) or "ask again when every source answers"
    return sentence(capital(text))
