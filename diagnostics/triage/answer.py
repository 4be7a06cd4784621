"""One triage from request to answer: classify, complete the context, run the first response, assess."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import Check, Tools
from diagnostics.checks.registry import CHECKS
from diagnostics.models.evidence import utc_now
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Finding, Refusal, Status, Triage, TriageRequest
from diagnostics.triage.assessment import assess, remarks
from diagnostics.triage.context import complete
from diagnostics.triage.early_signs import early_note, early_signs
from diagnostics.triage.matrix import Classification, classify
from diagnostics.triage.refusals import Refusals

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType


def answer(tools: Tools, request: TriageRequest) -> Triage | Refusal:
    """The triage, or the refusal with its guidance. Raises nothing that a source or a person can cause."""
    classified = classify(tools.catalogue, request)
    if isinstance(classified, Refusal):
        return classified
    context = complete(tools, classified.issue, request)
    if isinstance(context, Refusal):
        return context
    found = _ask(tools, classified.issue, context.request)
    if found.findings and all(finding.status is Status.UNREACHABLE for finding in found.findings):
        missing = f"No first-response check of {classified.issue.name} got an answer."
        return Refusals(tools.catalogue).system_access(request, classified.issue, missing, found.findings)
    return _triage(tools, classified, context.request, found, context.notes)


def first_response(tools: Tools, issue: IssueType, request: TriageRequest) -> tuple[Finding, ...]:
    """The issue's checks, asked at the same time, answered in the order of the matrix."""
    checks = [check for name in issue.checks if (check := CHECKS.get(name)) is not None]
    if not checks:
        return ()

    def run(check: Check) -> Finding:
        return check.run(tools, request)

    # A dead source costs its time limit once, not once a check.
    pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="check")
    try:
        return tuple(pool.map(run, checks))
    finally:
        # Not waited for: whoever interrupts a triage closes the sources next, and that ends what is under way.
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True, frozen=True)
class _Found:
    """What the first response found, and the leading indicators where prevention was asked for."""

    findings: tuple[Finding, ...]
    early: tuple[Finding, ...] = ()


def _ask(tools: Tools, issue: IssueType, request: TriageRequest) -> _Found:
    """The issue's checks and its leading indicators, at the same time."""
    if not request.preventive:
        return _Found(first_response(tools, issue, request))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="early signs") as pool:
        early = pool.submit(early_signs, tools, issue)
        return _Found(first_response(tools, issue, request), early.result())


def _triage(
    tools: Tools,
    classified: Classification,
    request: TriageRequest,
    found: _Found,
    notes: list[str],
) -> Triage:
    issue, findings = classified.issue, found.findings
    if classified.severity is None:
        severity, said = assess(tools.catalogue, issue, findings)
    else:
        severity = classified.severity
        said = remarks(tools.catalogue, issue, severity, findings)
    if request.preventive:
        notes.append(early_note(found.early))
    unreachable = [finding.check for finding in (*findings, *found.early) if finding.status is Status.UNREACHABLE]
    if unreachable:
        notes.append(f"Without an answer: {', '.join(unreachable)}. The rest of this triage stands without them.")
    return Triage(
        issue_type=issue.name,
        severity=severity,
        assessed=classified.severity is None,
        level=classified.level,
        account_id=request.account_id,
        deal_id=request.deal_id,
        meaning=issue.meaning,
        impact=issue.impact,
        route=classified.route,
        notify=severity in NOTIFY_SEVERITIES,
        findings=(*findings, *found.early),
        notes=(*notes, *said),
        taken_at=utc_now(),
    )
