"""One triage from request to answer: classify, complete the context, run the first response, assess."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from diagnostics.checks.base import Check, Tools
from diagnostics.checks.registry import CHECKS
from diagnostics.models.evidence import utc_now
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Finding, Refusal, Status, Triage, TriageRequest
from diagnostics.triage.assessment import assess, remarks
from diagnostics.triage.context import complete
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
    findings = first_response(tools, classified.issue, context.request)
    if findings and all(finding.status is Status.UNREACHABLE for finding in findings):
        return Refusals(tools.catalogue).system_access(
            request, classified.issue, f"No first-response check of {classified.issue.name} got an answer.", findings
        )
    return _triage(tools, classified, context.request, findings, context.notes)


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


def _triage(
    tools: Tools,
    classified: Classification,
    request: TriageRequest,
    findings: tuple[Finding, ...],
    notes: list[str],
) -> Triage:
    issue = classified.issue
    if classified.severity is None:
        severity, said = assess(tools.catalogue, issue, findings)
    else:
        severity = classified.severity
        said = remarks(tools.catalogue, issue, severity, findings)
    if request.preventive:
        notes.append("Leading indicators are not part of this version; the first-response checks were run instead.")
    unreachable = [finding.check for finding in findings if finding.status is Status.UNREACHABLE]
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
        findings=findings,
        notes=(*notes, *said),
        taken_at=utc_now(),
    )
