"""Triage: what was asked, what was found, or why the console refuses to answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.readings import Pulse
from diagnostics.models.status import Status

__all__ = [
    "Finding",
    "Refusal",
    "RefusalRule",
    "Route",
    "Status",
    "Triage",
    "TriageRequest",
]


class TriageRequest(Frozen):
    """One question to the triage service. Ids are positive integers; `severity` None asks for an assessment."""

    issue_type: str
    severity: str | None = None
    account_id: int | None = None
    deal_id: int | None = None
    user_id: int | None = None
    preventive: bool = False


ASKED_AS = "asked as: "
"""Begins a detail that is a query: evidence, and shown where evidence is."""


class Finding(Frozen):
    """One check's answer."""

    check: str
    """Stable id, e.g. "webhook_backlog"."""
    title: str
    """The question, worded for a person."""
    status: Status
    summary: str
    """One sentence with the numbers in it."""
    value: float | int | str | None = None
    unit: str = ""
    threshold: str = ""
    """The rule the value was held against, as text, from the catalogue."""
    next_step: str = ""
    evidence: Evidence | None = None
    details: tuple[str, ...] = ()
    """Further lines for the drill-down, already cleaned and bounded."""
    name: str = ""
    """What was judged, in at most 16 letters: "webhook backlog". Empty where the finding stands in no table."""
    limit: str = ""
    """The limit that decided, short: "> 10,000"; `threshold` has all of them. Empty where there is none."""
    remark: str = ""
    """What belongs beside the value, in parts between commas: "2 lost, not draining"."""


class Route(Frozen):
    """The specialist a triage hands over to."""

    name: str
    available: bool
    reason: str = ""
    """Why it is not available, when it is not."""


class Triage(Frozen):
    """A classified issue with its first-response findings."""

    issue_type: str
    severity: str
    assessed: bool
    """True when the console derived the severity from its findings, False when the caller gave it."""
    level: int
    account_id: int | None = None
    deal_id: int | None = None
    meaning: str
    impact: str
    route: Route
    notify: bool
    """True for critical and incident: tell the team and open tracking, within five minutes."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """Decisions of the console on the way, e.g. which account it found a deal in."""
    taken_at: datetime
    pulse: Pulse | None = None
    """How much of the issue there is; None where the question is about one account, deal or user, or in vain."""
    known_severity: str = ""
    """Severity that everything known supports: a word of the row, "ok", or "unknown"."""
    decided_by: tuple[str, ...] = ()
    """Checks that support it, and "pulse"; empty where nothing is wrong."""
    missing: tuple[str, ...] = ()
    """Checks and pulse that are not known: the severity may be graver."""
    unreachable: tuple[str, ...] = ()
    """Those of the missing whose source gave no answer."""


class RefusalRule(StrEnum):
    """The six conditions under which the console answers with guidance instead of a guess."""

    ISSUE_TYPE_UNKNOWN = "issue_type_unknown"
    SEVERITY_MISMATCH = "severity_mismatch"
    MISSING_CONTEXT = "missing_context"
    SYSTEM_ACCESS = "system_access"
    ESCALATION_BLOCKED = "escalation_blocked"
    SAFETY_CONCERN = "safety_concern"


class Refusal(Frozen):
    """No answer, and what to do about it."""

    rule: RefusalRule
    issue_type: str
    severity: str | None = None
    missing: str
    """The unknown, missing or forbidden thing, one sentence."""
    accepted: tuple[str, ...]
    """Accepted values."""
    guidance: tuple[str, ...]
    """Steps, in order: how to check access, another way to investigate."""
    contact: str
    """Whom to call when the guidance does not help."""
    candidates: tuple[str, ...] = ()
    """Things the console found that the caller may have meant."""
    findings: tuple[Finding, ...] = ()
    taken_at: datetime
