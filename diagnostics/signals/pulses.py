"""The pulse of one issue: how much of it there is now, against what is usual, and how grave that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.words import plural, span
from diagnostics.live.lanes import BACKLOG_ISSUE
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Pulse
from diagnostics.models.status import NOTIFY_SEVERITIES, Status
from diagnostics.signals.baselines import MeasuredBaseline
from diagnostics.signals.counts import FEWEST_WINDOWS, Counts, Usual
from diagnostics.signals.severity import OK, attention, severity_status
from diagnostics.signals.webhook_backlog import Backlog, read_backlog
from diagnostics.sources.states import AGGREGATE, log_budgets

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.context import Context


LOGS = "datadog"
"""The source of counts, as evidence names it."""

ASK_AGAIN_S = 3.0
"""A pulse without its baseline is asked again so soon; the count it has is used once more and costs nothing."""

SHARE = 0.8
"""A count younger than this share of its interval is used again."""

PACE_SHARE = 1.5
"""Pulses take two thirds of the aggregates' rate limit; the rest is left for baselines, checks and other consoles."""


@dataclass(slots=True, frozen=True)
class JudgedCount:
    """A count held against its rule."""

    severity: str
    """A severity of the issue's row, or "ok"."""
    status: Status
    ratio: float | None
    """count ÷ usual; None when nothing is usual, or what is usual is not known."""
    comparison: str
    """For a person: "9.2 times the usual 45"."""
    rule: str


class Pulses:
    """The pulse of every issue, and the last count of each for the time when the logs give none."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._counted: dict[tuple[str, int], Pulse] = {}
        """The last pulse of each issue and window that the logs gave a count for."""

    def take(self, issue: IssueType, window_s: int) -> Pulse:
        """The pulse now; see `take_pulse`. Raises SourceFailure."""
        key = (issue.name, window_s)
        pulse = take_pulse(
            self._context,
            issue,
            window_s,
            every_s=self._context.settings.refresh.pulse_s,
            pace_s=self._pace(),
            before=self._counted.get(key),
        )
        if pulse.count is not None and not pulse.log_failure:
            self._counted[key] = pulse
        return pulse

    def _pace(self) -> float:
        """How often the aggregates' rate limit carries the pulse of each critical issue, seconds."""
        pulses = sum(issue.level == 1 for issue in self._context.catalogue.issues.values())
        limits = log_budgets(self._context.datadog.budgets(), AGGREGATE)
        return max((PACE_SHARE * pulses * one.period_s / max(1, one.limit) for one in limits), default=0.0)


def settled_pulse(context: Context, issue: IssueType, wait_s: float) -> Pulse:
    """The pulse over the console's window for somebody who asks once: waits up to `wait_s` seconds for what is usual.

    Raises SourceFailure.
    """
    every_s, query = context.settings.refresh.pulse_s, context.catalogue.queries[issue.query].datadog
    context.logs.baselines.settled(query, context.window_s, wait_s)
    return take_pulse(context, issue, context.window_s, every_s=every_s, pace_s=every_s)


def take_pulse(
    context: Context, issue: IssueType, window_s: int, *, every_s: float, pace_s: float, before: Pulse | None = None
) -> Pulse:
    """The pulse of `issue` over the last `window_s` seconds: one log aggregate, and seldom a second for the baseline.

    It is asked for every `every_s` seconds; the rate limit carries it every `pace_s` seconds, and it says so when that
    is less often. The parts stand alone: without a baseline there is no ratio, without the database no backlog, and the
    findings say so. Where the logs give no answer, the count of `before`, the last pulse of this issue and window that
    had one, stands beside the present backlog, with its age. Raises SourceFailure when there is no backlog either.
    """
    backlog, backlog_failure = _backlog(context, issue)
    query = context.catalogue.queries[issue.query].datadog
    try:
        counts = context.logs.counts(query, window_s, fresh_s=SHARE * max(every_s, pace_s))
    except SourceFailure as failure:
        if backlog is None:
            raise
        return _backlog_alone(context, issue, window_s, backlog, failure=failure, before=before)
    baseline = context.logs.baselines.known(query, window_s)
    usual = baseline.usual
    judged = judge_count(issue, counts.count, None if usual is None else usual.count, is_pending=baseline.is_pending)
    severity, status = _graver(context, issue, judged, backlog)
    by_backlog = severity != judged.severity
    status = of_counts(_with_backlog(status, backlog, backlog_failure), partial=counts.partial)
    lost = "the backlog" if backlog_failure is not None else "the count" if counts.count is None else ""
    kept = lost and before is not None and _is_graver(issue, before.severity, severity)
    if kept and before is not None:
        # A number that has become unknown has not become better.
        severity, status = before.severity, severity_status(before.severity)
    findings = [
        *([f"{severity}, as when {lost} was last known"] if kept else []),
        _count_line(counts, judged, window_s),
        _usual_line(baseline, window_s),
        *([] if backlog is None else [_backlog_line(context, backlog)]),
        *([] if backlog_failure is None else [f"backlog not known: {backlog_failure.headline()}"]),
        *([counts.doubt] if counts.doubt else []),
    ]
    return Pulse(
        issue_type=issue.name,
        severity=severity,
        status=status,
        count=counts.count,
        window_s=window_s,
        usual=None if usual is None else usual.count,
        ratio=judged.ratio,
        per_minute=counts.per_minute,
        minutes_from=counts.minutes_from,
        accounts=counts.accounts,
        headline=_headline(counts.count, window_s, backlog, backlog_failure),
        reason=_backlog_line(context, backlog) if by_backlog and backlog else findings[0],
        findings=tuple(findings),
        evidence=_evidence(counts.evidence, usual, backlog),
        judging=baseline.is_pending and judged.status is status is Status.NO_DATA,
        ask_again_s=ASK_AGAIN_S if baseline.is_pending else pace_s if pace_s > every_s else None,
    )


def _backlog(context: Context, issue: IssueType) -> tuple[Backlog | None, SourceFailure | None]:
    if issue.name != BACKLOG_ISSUE:
        return None, None
    try:
        backlog = read_backlog(context)
    except SourceFailure as failure:
        return None, failure
    return backlog, None


def _backlog_alone(
    context: Context, issue: IssueType, window_s: int, backlog: Backlog, *, failure: SourceFailure, before: Pulse | None
) -> Pulse:
    judged = None
    if before is not None and before.count is not None:
        judged = judge_count(issue, before.count, before.usual, is_pending=before.judging)
    severity, status = _graver(context, issue, judged, backlog)
    if status in {Status.PASS, Status.NO_DATA}:
        # What the logs would say is missing, so the quiet half cannot make the whole a pass.
        status = Status.NO_DATA if isinstance(failure, TurnAwaited) else Status.UNREACHABLE
    alone = Pulse(
        issue_type=issue.name,
        severity=severity,
        status=status,
        count=None,
        window_s=window_s,
        headline=_headline(None, window_s, backlog, None),
        reason=_backlog_line(context, backlog),
        findings=(_backlog_line(context, backlog), f"counts not known: {failure.headline()}"),
        evidence=(backlog.evidence,),
        log_failure=failure.headline(),
    )
    return alone if before is None or judged is None else _with_last_count(alone, before, judged)


def _with_last_count(alone: Pulse, before: Pulse, judged: JudgedCount) -> Pulse:
    """The backlog of now beside the count of `before`: no blank where a number was known, no number without its age."""
    of_logs = tuple(part for part in before.evidence if part.source == LOGS)
    as_of = f"{of_logs[0].started_at:%H:%M:%S} UTC" if of_logs else "earlier"
    count = f"{plural(before.count or 0, 'event')} in {span(before.window_s)}; {judged.comparison}"
    by_count = judged.severity == alone.severity != OK
    return alone.model_copy(
        update={
            "reason": f"{count} (as of {as_of})" if by_count else alone.reason,
            "count": before.count,
            "usual": before.usual,
            "ratio": before.ratio,
            "per_minute": before.per_minute,
            "minutes_from": before.minutes_from,
            "accounts": before.accounts,
            "findings": (f"count as of {as_of}: {alone.log_failure}", count, alone.findings[0]),
            "evidence": (*alone.evidence, *of_logs),
        }
    )


def _is_graver(issue: IssueType, severity: str, than: str) -> bool:
    ranks = (*issue.severities, OK)
    return severity in ranks and ranks.index(severity) < ranks.index(than)


def _graver(
    context: Context, issue: IssueType, judged: JudgedCount | None, backlog: Backlog | None
) -> tuple[str, Status]:
    """The graver of what the log count and the backlog say."""
    severity, status = (judged.severity, judged.status) if judged else (OK, Status.PASS)
    if backlog is None or not backlog.any_received:
        return severity, status
    verdict = context.catalogue.thresholds["webhook_backlog"].judge(float(backlog.waiting))
    of_backlog = {Status.FAIL: issue.severities[0], Status.WARN: issue.severities[min(1, len(issue.severities) - 1)]}
    by_backlog = of_backlog.get(verdict, OK)
    if _is_graver(issue, by_backlog, severity):
        return by_backlog, severity_status(by_backlog)
    return severity, status


def _with_backlog(status: Status, backlog: Backlog | None, failure: SourceFailure | None) -> Status:
    """Quiet logs alone are no all-clear where the backlog, which belongs to the issue, is unknown or means nothing."""
    if status in {Status.PASS, Status.NO_DATA} and failure is not None:
        return Status.UNREACHABLE
    if status is Status.PASS and backlog is not None and (not backlog.any_received or backlog.evidence.is_old):
        return Status.NO_DATA
    return status


def _headline(count: int | None, window_s: int, backlog: Backlog | None, backlog_failure: SourceFailure | None) -> str:
    if backlog is not None and backlog.any_received:
        return f"backlog {backlog.waiting:,}"
    if backlog_failure is not None:
        return "backlog —"
    return "—" if count is None else f"{count:,} in {span(window_s)}"


def _count_line(counts: Counts, judged: JudgedCount, window_s: int) -> str:
    accounts = "" if counts.accounts is None else f" in {plural(counts.accounts, 'account')}"
    return f"{counts.words()} in the last {span(window_s)}{accounts}; {judged.comparison}"


def _usual_line(baseline: MeasuredBaseline, window_s: int) -> str:
    usual = baseline.usual
    if usual is not None:
        return f"usual is the median of {usual.windows} windows of {span(window_s)}"
    if baseline.is_pending:
        return "baseline pending: it is being measured"
    if baseline.failure is not None:
        return f"usual not known: {baseline.failure.headline()}"
    return f"usual not known: fewer than {FEWEST_WINDOWS} windows of {span(window_s)} hold logs before this one"


def _backlog_line(context: Context, backlog: Backlog) -> str:
    if not backlog.any_received:
        return "backlog not known: no webhook event received in the last 24 h"
    rule = context.catalogue.thresholds["webhook_backlog"].rule()
    return f"backlog {backlog.waiting:,} webhook events ({rule}); {backlog.lost:,} lost for good"


def _evidence(counts: Evidence, usual: Usual | None, backlog: Backlog | None) -> tuple[Evidence, ...]:
    parts = (counts, usual.evidence if usual else None, backlog.evidence if backlog else None)
    return tuple(part for part in parts if part is not None)


# How grave a count is against what is usual: the rule of the catalogue.


def of_counts(status: Status, *, partial: bool) -> Status:
    """What a status is worth when the counts behind it are lower bounds: bad news stands, good news does not."""
    return Status.NO_DATA if partial and status is Status.PASS else status


def judge_count(issue: IssueType, count: int | None, usual: float | None, *, is_pending: bool = False) -> JudgedCount:
    """Hold `count` against `usual`, the median of windows of the same length; None when it is not known.

    While what is usual is still being asked for (`is_pending`), nothing is judged. Where it cannot be found out, a
    count that could be grave asks for attention and calls nobody. A silent log is only good news where silence is
    usual; elsewhere, logs may have stopped arriving: no data.
    """
    rule = issue.pulse
    text = (
        f"at least {plural(rule.minimum_count, 'event')} and {rule.high_ratio:g} times the usual"
        f" is {attention(issue)}, "
        f"{rule.top_ratio:g} times is {issue.severities[0]}"
    )
    if count is None:
        return JudgedCount(OK, Status.NO_DATA, None, "no count to compare with the baseline", text)
    enough = count >= max(1, rule.minimum_count)
    if usual is None and is_pending:
        status = Status.NO_DATA if enough or not count else Status.PASS
        return JudgedCount(OK, status, None, "baseline pending", text)
    if usual is None:
        severity = _unsure(issue) if enough else OK
        status = (Status.WARN if enough else Status.PASS) if count else Status.NO_DATA
        return JudgedCount(severity, status, None, "baseline not known", text)
    ratio = count / usual if usual else None
    if count == 0:
        silence_is_usual = usual < max(1, rule.minimum_count)
        comparison = (
            f"{usual:,.0f} are usual" if silence_is_usual else f"{usual:,.0f} are usual: logs may no longer arrive"
        )
        return JudgedCount(OK, Status.PASS if silence_is_usual else Status.NO_DATA, ratio, comparison, text)
    severity = _severity(issue, count, count / max(usual, 1.0))
    comparison = f"{ratio:,.1f} times the usual {usual:,.0f}" if ratio is not None else "none are usual"
    return JudgedCount(severity, severity_status(severity), ratio, comparison, text)


def _unsure(issue: IssueType) -> str:
    """The gravest word of a row that calls nobody: a count alone, with nothing to hold it against, is no incident."""
    return next((word for word in issue.severities if word not in NOTIFY_SEVERITIES), OK)


def _severity(issue: IssueType, count: int, ratio: float) -> str:
    if count < issue.pulse.minimum_count:
        return OK
    if ratio >= issue.pulse.top_ratio:
        return issue.severities[0]
    return attention(issue) if ratio >= issue.pulse.high_ratio else OK
