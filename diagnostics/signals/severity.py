"""How grave an issue is: one judgement of how much of it there is and of what its checks find, for every surface.

Bad news stands alone: the gravest thing that is known decides, and what is not known neither lowers nor makes a
severity. Good news needs everything: an issue is "ok" only when nothing that was asked is unknown or old.
Imports no model, because the first paint asks here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.models.status import NOTIFY_SEVERITIES, Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.models.readings import Pulse
    from diagnostics.models.triage import Finding

OK = "ok"
"""The severity of an issue about which nothing is unusual."""

JUDGING = "judging"
"""Nothing is wrong so far, and something is still being asked."""

UNKNOWN = "unknown"
"""Nothing is known to be wrong, and something could not be found out."""

MOST_NAMED = 3
"""Grounds that a reason names; the others are counted."""

PULSE = "pulse"
"""The ground that is no check: how much there is of the issue, against what is usual."""


@dataclass(slots=True, frozen=True)
class Ground:
    """One thing that a verdict may stand on."""

    source: str
    """The id of a check, or PULSE."""
    severity: str
    """What it supports: a word of the issue's row, OK, JUDGING or UNKNOWN."""
    status: Status
    """Its own answer; NO_DATA while it is being asked."""
    said: str = ""
    """The answer in words, for a person."""


@dataclass(slots=True, frozen=True)
class Verdict:
    """How grave an issue is, and why."""

    severity: str
    """The gravest that is known: a word of the issue's row, OK, JUDGING or UNKNOWN."""
    status: Status
    decided_by: tuple[str, ...]
    """What supports the severity: ids of checks, PULSE; empty where nothing is wrong, or nothing is known."""
    said: str
    """What the first of them says."""
    missing: tuple[str, ...]
    """What could not be found out: without it there is no all-clear, and the severity may be graver."""
    unreachable: tuple[str, ...]
    """Those of the missing whose source gave no answer."""

    @property
    def names(self) -> str:
        """The grounds that decided, by name; empty where nothing did."""
        names = ", ".join(name.replace("_", " ") for name in self.decided_by[:MOST_NAMED])
        further = len(self.decided_by) - MOST_NAMED
        return f"{names} and {further} more" if further > 0 else names

    @property
    def reason(self) -> str:
        """The grounds that decided and what the first of them says; empty where nothing did."""
        return f"{self.names}: {self.said}" if self.names else ""


def judge(issue: IssueType, grounds: Iterable[Ground]) -> Verdict:
    """The verdict on `issue`. With no ground at all nothing is known."""
    asked = tuple(grounds)
    ranks = (*issue.severities, OK)
    known = [ground for ground in asked if ground.severity in ranks]
    missing = tuple(ground for ground in asked if ground.severity == UNKNOWN)
    severity = min((ground.severity for ground in known), key=ranks.index, default=OK)
    deciding = [ground for ground in known if ground.severity == severity != OK]
    status = severity_status(severity)
    if severity == OK and len(known) < max(1, len(asked)):
        severity = UNKNOWN if missing or not asked else JUDGING
        gone = any(one.status is Status.UNREACHABLE for one in missing)
        status = Status.UNREACHABLE if gone else Status.NO_DATA
    return Verdict(
        severity=severity,
        status=status,
        decided_by=tuple(ground.source for ground in deciding),
        said=deciding[0].said if deciding else "",
        missing=tuple(ground.source for ground in missing),
        unreachable=tuple(ground.source for ground in missing if ground.status is Status.UNREACHABLE),
    )


def pulse_ground(issue: IssueType, pulse: Pulse, *, old: bool = False) -> Ground:
    """What a pulse supports; an `old` one is no all-clear."""
    severity: str
    if pulse.severity in issue.severities:
        severity = pulse.severity
    elif pulse.judging:
        severity = JUDGING
    else:
        severity = OK if pulse.status is Status.PASS and not old else UNKNOWN
    return Ground(PULSE, severity, pulse.status, pulse.reason)


def finding_ground(issue: IssueType, finding: Finding, *, old: bool = False, example: bool = False) -> Ground | None:
    """What a check supports; an `old` pass is no all-clear.

    A failure supports the row's gravest severity, a warning the mildest that asks for attention. An `example` is one
    deal of many, looked at because nobody named one: what is wrong with it is the row's mildest severity, and calls
    nobody. None where there is no example to look at.
    """
    severity: str
    status = finding.status
    if example and status is Status.NO_DATA:
        return None
    if status is Status.FAIL:
        severity = issue.severities[-1 if example else 0]
    elif status is Status.WARN:
        severity = issue.severities[-1] if example else attention(issue)
    else:
        severity = OK if status is Status.PASS and not old else UNKNOWN
    return Ground(finding.check, severity, status, finding.summary)


def examples_of(issue: IssueType) -> frozenset[str]:
    """Checks of `issue` that look at one deal: where nobody named one, they look at the deal reported last."""
    return frozenset(issue.checks) if "deal" in issue.needs else frozenset()


def unanswered_ground(source: str, *, waiting: bool, said: str = "", asked_in_vain: bool = True) -> Ground:
    """A ground of which there is no answer: still `waiting` for it, or it failed, or its source was not asked."""
    status = Status.UNREACHABLE if asked_in_vain and not waiting else Status.NO_DATA
    return Ground(source, JUDGING if waiting else UNKNOWN, status, said)


def severity_status(severity: str) -> Status:
    """A severity that calls people is a failure, every other one a warning, "ok" a pass."""
    if severity == OK:
        return Status.PASS
    return Status.FAIL if severity in NOTIFY_SEVERITIES else Status.WARN


def attention(issue: IssueType) -> str:
    """The least severe word of a row that still asks for somebody's attention."""
    return issue.severities[-2] if len(issue.severities) > 1 else issue.severities[0]
