"""One triage from request to answer: classify, find the subject, run the first response, assess.

Where nobody gave a severity, it comes of the findings. Leading indicators are asked for with `--preventive`, beside the
first response and never part of the severity: they warn of what has not happened yet; the severity says what has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.registry import CHECKS
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import aside, side_by_side
from diagnostics.core.words import advice, plural
from diagnostics.health.leading import indicators_of, read_leading
from diagnostics.models.figures import Figure
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Finding, Refusal, Status, Triage, TriageRequest
from diagnostics.signals.pulses import attention
from diagnostics.triage.matrix import Classification, classify
from diagnostics.triage.refusals import Refusals
from diagnostics.triage.subject import complete

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.context import Context

PREFIX = "leading_"
"""Findings of indicators are called this and the indicator's id, so that nobody takes them for a check."""


def answer(context: Context, request: TriageRequest) -> Triage | Refusal:
    """The triage, or the refusal with its guidance. Raises nothing that a source or a person can cause."""
    classified = classify(context.catalogue, request)
    if isinstance(classified, Refusal):
        return classified
    subject = complete(context, classified.issue, request)
    if isinstance(subject, Refusal):
        return subject
    found = _ask(context, classified.issue, subject.request)
    if found.findings and all(finding.status is Status.UNREACHABLE for finding in found.findings):
        missing = f"No first-response check of {classified.issue.name} got an answer."
        return Refusals(context.catalogue).system_access(request, classified.issue, missing, found.findings)
    return _triage(context, classified, subject.request, found, subject.notes)


def first_response(context: Context, issue: IssueType, request: TriageRequest) -> tuple[Finding, ...]:
    """The issue's checks, asked at the same time, answered in the order of the matrix."""
    checks = [check for name in issue.checks if (check := CHECKS.get(name)) is not None]
    return side_by_side(lambda check: check.run(context, request), checks, "check")


@dataclass(slots=True, frozen=True)
class _Found:
    """Findings of the first response, and leading indicators where prevention was asked for."""

    findings: tuple[Finding, ...]
    early: tuple[Finding, ...] = ()


def _ask(context: Context, issue: IssueType, request: TriageRequest) -> _Found:
    """The issue's checks and its leading indicators, at the same time."""
    if not request.preventive:
        return _Found(first_response(context, issue, request))
    with aside(1, "early signs") as pool:
        early = pool.submit(early_indicators, context, issue)
        return _Found(first_response(context, issue, request), early.result())


def _triage(
    context: Context,
    classified: Classification,
    request: TriageRequest,
    found: _Found,
    notes: list[str],
) -> Triage:
    issue, findings = classified.issue, found.findings
    if classified.severity is None:
        severity, said = assess(context.catalogue, issue, findings)
    else:
        severity = classified.severity
        said = remarks(context.catalogue, issue, severity, findings)
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


def assess(catalogue: Catalogue, issue: IssueType, findings: Iterable[Finding]) -> tuple[str, tuple[str, ...]]:
    """A severity of the issue's row, and notes on how it came about.

    A failure makes the most severe, a warning the least severe that still asks for attention, passes alone the mildest.
    Where nothing fails and a source is unreachable, the most severe is taken: people must look, and are told why.
    """
    statuses = {finding.status for finding in findings}
    if Status.FAIL in statuses:
        return issue.severities[0], ()
    if Status.UNREACHABLE in statuses:
        why = "The severity is uncertain: nothing failed, and a source that could have said so gave no answer."
        return issue.severities[0], (f"{why} Do not wait for certainty: {catalogue.contact.line()}.",)
    if Status.WARN in statuses:
        return attention(issue), ()
    if Status.NO_DATA in statuses or not statuses:
        return attention(issue), (
            f"The severity is uncertain: a check has no data, and no data is not healthy. {catalogue.contact.line()}.",
        )
    return issue.severities[-1], ()


def remarks(catalogue: Catalogue, issue: IssueType, given: str, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Remarks on a severity that the caller gave, only where the findings disagree."""
    assessed, _ = assess(catalogue, issue, findings)
    if issue.severities.index(assessed) < issue.severities.index(given):
        return (f"The findings alone would be assessed as {assessed}, which is graver than the given {given}.",)
    if all(finding.status is Status.PASS for finding in findings) and given != issue.severities[-1]:
        return (f"Every check passed; the findings alone would be assessed as {assessed}.",)
    return ()


def early_indicators(context: Context, issue: IssueType) -> tuple[Finding, ...]:
    """The issue's leading indicators as findings. Whoever asks here has time: questions to all accounts are awaited."""
    figures = read_leading(context, wait_s=None, only=indicators_of(issue.name))
    return tuple(_indicator(figure) for figure in figures)


def early_note(findings: tuple[Finding, ...]) -> str:
    """The indicators together, in one or two sentences."""
    beyond = [finding.title for finding in findings if finding.status in {Status.WARN, Status.FAIL}]
    silent = [finding.title for finding in findings if finding.status in {Status.NO_DATA, Status.UNREACHABLE}]
    said = f"Leading indicators: {len(beyond)} of {plural(len(findings), 'indicator')} beyond the limit"
    said += f" ({', '.join(beyond)})." if beyond else "."
    if silent:
        said += f" Not known: {', '.join(silent)}."
    return f"{said} They do not count towards the severity."


def _indicator(figure: Figure) -> Finding:
    loaded = figure.value is not None
    return Finding(
        check=f"{PREFIX}{figure.id}",
        title=figure.title,
        status=figure.status,
        summary=f"{figure.shown}. {figure.note}".strip() if loaded else figure.note or advice(figure.failure),
        value=figure.value,
        unit=figure.unit,
        threshold=figure.threshold,
        evidence=figure.evidence[0] if figure.evidence else None,
    )
