"""The pulse of one issue: how much of it there is now, against what is usual, and how grave that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.baselines import Baseline
from diagnostics.checks.base import Tools, plural
from diagnostics.failures import SourceFailure, TurnAwaited
from diagnostics.log_questions import FEWEST_WINDOWS, Counts, Usual
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Pulse
from diagnostics.models.triage import Status
from diagnostics.pulse_rules import OK, PARTIAL, Judged, judge_count, of_counts, severity_status
from diagnostics.webhook_backlog import Backlog, read_backlog
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType

BACKLOG_ISSUE = "rate_limiting"
"""The issue whose pulse also shows the webhook backlog."""


LOGS = "datadog"
"""The source of counts, as evidence names it."""

ASK_AGAIN_S = 3.0
"""A pulse without its baseline is asked again so soon; the count it has is used once more and costs nothing."""


SHARE = 0.8
"""A count younger than this share of its interval is used again."""


def take_pulse(
    tools: Tools, issue: IssueType, window_s: int, *, every_s: float, pace_s: float, before: Pulse | None = None
) -> Pulse:
    """The pulse of `issue` over the last `window_s` seconds: one log aggregate, and seldom a second for the baseline.

    It is asked for every `every_s` seconds; the rate limit carries it every `pace_s` seconds, and it says so when that
    is less often. The parts stand alone: without a baseline there is no ratio, without the database no backlog, and the
    findings say so. Where the logs give no answer, the count of `before`, the last pulse of this issue and window that
    had one, stands beside the present backlog, with its age. Raises SourceFailure when there is no backlog either.
    """
    backlog, backlog_failure = _backlog(tools, issue)
    query = tools.catalogue.queries[issue.query].datadog
    try:
        counts = tools.logs.counts(query, window_s, fresh_s=SHARE * max(every_s, pace_s))
    except SourceFailure as failure:
        if backlog is None:
            raise
        return _backlog_alone(tools, issue, window_s, backlog, failure=failure, before=before)
    baseline = tools.logs.baselines.known(query, window_s)
    usual = baseline.usual
    judged = judge_count(issue, counts.count, None if usual is None else usual.count, is_pending=baseline.is_pending)
    severity, status = _graver(tools, issue, judged, backlog)
    status = of_counts(_with_backlog(status, backlog, backlog_failure), partial=counts.partial)
    findings = [
        _count_line(counts, judged, window_s),
        _usual_line(baseline, window_s),
        *([] if backlog is None else [_backlog_line(tools, backlog)]),
        *([] if backlog_failure is None else [f"backlog not known: {backlog_failure.headline()}"]),
        *([PARTIAL] if counts.partial else []),
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
        accounts=counts.accounts,
        headline=_headline(counts.count, window_s, backlog, backlog_failure),
        findings=tuple(findings),
        evidence=_evidence(counts.evidence, usual, backlog),
        judging=baseline.is_pending and judged.status is status is Status.NO_DATA,
        ask_again_s=ASK_AGAIN_S if baseline.is_pending else pace_s if pace_s > every_s else None,
    )


def _backlog(tools: Tools, issue: IssueType) -> tuple[Backlog | None, SourceFailure | None]:
    if issue.name != BACKLOG_ISSUE:
        return None, None
    try:
        backlog = read_backlog(tools)
    except SourceFailure as failure:
        return None, failure
    return backlog, None


def _backlog_alone(
    tools: Tools, issue: IssueType, window_s: int, backlog: Backlog, *, failure: SourceFailure, before: Pulse | None
) -> Pulse:
    judged = None
    if before is not None and before.count is not None:
        judged = judge_count(issue, before.count, before.usual, is_pending=before.judging)
    severity, status = _graver(tools, issue, judged, backlog)
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
        findings=(_backlog_line(tools, backlog), f"counts not known: {failure.headline()}"),
        evidence=(backlog.evidence,),
        log_failure=failure.headline(),
    )
    return alone if before is None or judged is None else _with_last_count(alone, before, judged)


def _with_last_count(alone: Pulse, before: Pulse, judged: Judged) -> Pulse:
    """The backlog of now beside the count of `before`: no blank where a number was known, no number without its age."""
    of_logs = tuple(part for part in before.evidence if part.source == LOGS)
    as_of = f"{of_logs[0].started_at:%H:%M:%S} UTC" if of_logs else "earlier"
    count = f"{plural(before.count or 0, 'event')} in {span(before.window_s)}; {judged.comparison}"
    return alone.model_copy(
        update={
            "count": before.count,
            "usual": before.usual,
            "ratio": before.ratio,
            "per_minute": before.per_minute,
            "accounts": before.accounts,
            "findings": (f"count as of {as_of}: {alone.log_failure}", count, alone.findings[0]),
            "evidence": (*alone.evidence, *of_logs),
        }
    )


def _graver(tools: Tools, issue: IssueType, judged: Judged | None, backlog: Backlog | None) -> tuple[str, Status]:
    """The graver of what the log count and the backlog say."""
    severity, status = (judged.severity, judged.status) if judged else (OK, Status.PASS)
    if backlog is None or not backlog.any_received:
        return severity, status
    verdict = tools.catalogue.thresholds["webhook_backlog"].judge(float(backlog.waiting))
    of_backlog = {Status.FAIL: issue.severities[0], Status.WARN: issue.severities[min(1, len(issue.severities) - 1)]}
    by_backlog = of_backlog.get(verdict, OK)
    ranks = (*issue.severities, OK)
    if ranks.index(by_backlog) < ranks.index(severity):
        return by_backlog, severity_status(by_backlog)
    return severity, status


def _with_backlog(status: Status, backlog: Backlog | None, failure: SourceFailure | None) -> Status:
    """Quiet logs alone are no all-clear where the backlog, which belongs to the issue, is unknown or means nothing."""
    if status in {Status.PASS, Status.NO_DATA} and failure is not None:
        return Status.UNREACHABLE
    if status is Status.PASS and backlog is not None and not backlog.any_received:
        return Status.NO_DATA
    return status


def _headline(count: int | None, window_s: int, backlog: Backlog | None, backlog_failure: SourceFailure | None) -> str:
    if backlog is not None and backlog.any_received:
        return f"backlog {backlog.waiting:,}"
    if backlog_failure is not None:
        return "backlog —"
    return "—" if count is None else f"{count:,} in {span(window_s)}"


def _count_line(counts: Counts, judged: Judged, window_s: int) -> str:
    accounts = "" if counts.accounts is None else f" in {plural(counts.accounts, 'account')}"
    return f"{plural(counts.count, 'event')} in the last {span(window_s)}{accounts}; {judged.comparison}"


def _usual_line(baseline: Baseline, window_s: int) -> str:
    usual = baseline.usual
    if usual is not None:
        return f"usual is the median of {usual.windows} windows of {span(window_s)}"
    if baseline.is_pending:
        return "usual not known yet: it is being asked for"
    if baseline.failure is not None:
        return f"usual not known: {baseline.failure.headline()}"
    return f"usual not known: fewer than {FEWEST_WINDOWS} windows of {span(window_s)} hold logs before this one"


def _backlog_line(tools: Tools, backlog: Backlog) -> str:
    if not backlog.any_received:
        return "backlog not known: no webhook event received in the last 24 h"
    rule = tools.catalogue.thresholds["webhook_backlog"].rule()
    return f"backlog {backlog.waiting:,} webhook events ({rule}); {backlog.lost:,} lost for good"


def _evidence(counts: Evidence, usual: Usual | None, backlog: Backlog | None) -> tuple[Evidence, ...]:
    parts = (counts, usual.evidence if usual else None, backlog.evidence if backlog else None)
    return tuple(part for part in parts if part is not None)
