"""How grave a count is against what is usual: the rule of the catalogue, applied in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.models.status import NOTIFY_SEVERITIES, Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType

OK = "ok"
"""The severity of an issue about which nothing is unusual."""


@dataclass(slots=True, frozen=True)
class Judged:
    """A count held against its rule."""

    severity: str
    """A severity of the issue's row, or "ok"."""
    status: Status
    ratio: float | None
    """count ÷ usual; None when nothing is usual, or what is usual is not known."""
    comparison: str
    """For a person: "9.2 times the usual 45"."""
    rule: str


PARTIAL = "Datadog gave a partial answer: the counts are lower bounds, and no all-clear"


def severity_status(severity: str) -> Status:
    """A severity that calls people is a failure, every other one a warning, "ok" a pass."""
    if severity == OK:
        return Status.PASS
    return Status.FAIL if severity in NOTIFY_SEVERITIES else Status.WARN


def of_counts(status: Status, *, partial: bool) -> Status:
    """What a status is worth when the counts behind it are lower bounds: bad news stands, good news does not."""
    return Status.NO_DATA if partial and status is Status.PASS else status


def attention(issue: IssueType) -> str:
    """The least severe word of a row that still asks for somebody's attention."""
    return issue.severities[-2] if len(issue.severities) > 1 else issue.severities[0]


def judge_count(issue: IssueType, count: int, usual: float | None, *, is_pending: bool = False) -> Judged:
    """Hold `count` against `usual`, the median of windows of the same length; None when it is not known.

    While what is usual is still being asked for (`is_pending`), nothing is judged. Where it cannot be found out, a
    count that could be grave asks for attention and calls nobody. A silent log is only good news where silence is
    usual; elsewhere, logs may have stopped arriving: no data.
    """
    rule = issue.pulse
    text = (
        f"at least {rule.minimum_count:,} events and {rule.high_ratio:g} times the usual is {attention(issue)}, "
        f"{rule.top_ratio:g} times is {issue.severities[0]}"
    )
    enough = count >= max(1, rule.minimum_count)
    if usual is None and is_pending:
        status = Status.NO_DATA if enough or not count else Status.PASS
        return Judged(OK, status, None, "how many are usual is being asked for", text)
    if usual is None:
        severity = _unsure(issue) if enough else OK
        status = (Status.WARN if enough else Status.PASS) if count else Status.NO_DATA
        return Judged(severity, status, None, "how many are usual is not known", text)
    ratio = count / usual if usual else None
    if count == 0:
        silence_is_usual = usual < max(1, rule.minimum_count)
        comparison = (
            f"usual are {usual:,.0f}"
            if silence_is_usual
            else f"usual are {usual:,.0f}: such a silence may mean that logs no longer arrive"
        )
        return Judged(OK, Status.PASS if silence_is_usual else Status.NO_DATA, ratio, comparison, text)
    severity = _severity(issue, count, count / max(usual, 1.0))
    comparison = f"{ratio:,.1f} times the usual {usual:,.0f}" if ratio is not None else "none are usual"
    return Judged(severity, severity_status(severity), ratio, comparison, text)


def _unsure(issue: IssueType) -> str:
    """The gravest word of a row that calls nobody: a count alone, with nothing to hold it against, is no incident."""
    return next((word for word in issue.severities if word not in NOTIFY_SEVERITIES), OK)


def _severity(issue: IssueType, count: int, ratio: float) -> str:
    if count < issue.pulse.minimum_count:
        return OK
    if ratio >= issue.pulse.top_ratio:
        return issue.severities[0]
    return attention(issue) if ratio >= issue.pulse.high_ratio else OK
