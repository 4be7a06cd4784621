"""One triage from request to answer: classify, find the subject, run the first response, assess.

Where nobody gave a severity, it is the verdict of `diagnostics.signals.severity`: on the findings and, where the
question is not about one account, deal or user, on how much of the issue there is. Leading indicators are asked for
with `--preventive`, beside the first response and never part of the severity: they warn of what has not happened yet;
the severity says what has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import FleetCheck, finding
from diagnostics.checks.registry import CHECKS
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Deadline, aside, side_by_side, when_turn_comes
from diagnostics.core.words import advice, plural, sentence
from diagnostics.health.leading import indicators_of, read_leading
from diagnostics.models.figures import Figure
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Finding, Refusal, Status, Triage, TriageRequest
from diagnostics.signals.pulses import settled_pulse
from diagnostics.signals.severity import (
    OK,
    PULSE,
    Ground,
    Verdict,
    attention,
    finding_ground,
    judge,
    pulse_ground,
    unanswered_ground,
)
from diagnostics.triage.matrix import Classification, classify
from diagnostics.triage.refusals import Refusals
from diagnostics.triage.subject import complete

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.context import Context
    from diagnostics.models.readings import Pulse

PULSE_WAIT_S = 12.0
"""How long a triage waits for its turn under the rate limit, and for what is usual, before it does without."""

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
    """The issue's checks, asked at the same time, answered in the order of the matrix; then what an account adds."""
    checks = [check for name in issue.checks if (check := CHECKS.get(name)) is not None]
    with aside(1, "account") as pool:
        more = pool.submit(_of_account, context, issue, request)
        return (*side_by_side(lambda check: check.run(context, request), checks, "check"), *more.result())


def _of_account(context: Context, issue: IssueType, request: TriageRequest) -> tuple[Finding, ...]:
    """Whether the integration of the account is on: tokens that are valid say nothing about it."""
    if issue.name != "oauth_failure" or request.account_id is None:
        return ()
    from diagnostics.oauth.diagnosis import switch_findings  # noqa: PLC0415  # the specialist loads its own

    try:
        return switch_findings(context, request.account_id, request.user_id)
    except SourceFailure as failure:
        status = Status.NO_DATA if isinstance(failure, TurnAwaited) else Status.UNREACHABLE
        said = sentence(f"{failure.headline()}: {failure.reason}")
        title = "Is the integration switched on?"
        return (finding("oauth_enablement", title, status, said, next_step=advice(failure.remedy)),)


@dataclass(slots=True, frozen=True)
class _Found:
    """Findings of the first response, and leading indicators where prevention was asked for."""

    findings: tuple[Finding, ...]
    pulse: Pulse | SourceFailure | None
    """How much of the issue there is; None where the question is not about the issue as a whole."""
    early: tuple[Finding, ...] = ()


def _ask(context: Context, issue: IssueType, request: TriageRequest) -> _Found:
    """The issue's checks and its leading indicators at the same time, then its pulse.

    The checks come first: what is usual would spend the turns under the rate limit that they need.
    """
    with aside(1, "early signs") as pool:
        early = pool.submit(early_indicators, context, issue) if request.preventive else None
        findings = first_response(context, issue, request)
        # What is gravest already does not wait for what is usual; an all-clear does.
        wait_s = 0.0 if any(finding.status is Status.FAIL for finding in findings) else PULSE_WAIT_S
        pulse = _pulse(context, issue, wait_s) if _is_about_all(issue, request) else None
        return _Found(findings, pulse, () if early is None else early.result())


def _is_about_all(issue: IssueType, request: TriageRequest) -> bool:
    """Whether the issue as a whole is asked about, and level 1 counts it: then its pulse belongs to the answer."""
    if issue.level != 1 or "deal" in issue.needs:
        return False
    anybody = request.account_id is request.user_id is None
    return anybody or all(isinstance(CHECKS.get(name), FleetCheck) for name in issue.checks)


def _pulse(context: Context, issue: IssueType, wait_s: float) -> Pulse | SourceFailure:
    try:
        deadline = Deadline(None, wait_s)
        return when_turn_comes(lambda: settled_pulse(context, issue, deadline.left_s()), deadline)
    except SourceFailure as failure:
        return failure


def _triage(
    context: Context,
    classified: Classification,
    request: TriageRequest,
    found: _Found,
    notes: list[str],
) -> Triage:
    issue, findings = classified.issue, found.findings
    verdict = judge(issue, _grounds(issue, found))
    severity, said = worded(context.catalogue, issue, verdict)
    if classified.severity is not None:
        severity = classified.severity
        said = remarks(context.catalogue, issue, severity, verdict)
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
        notes=(*notes, *said, *([f"{verdict.severity} by {verdict.reason}"] if verdict.decided_by else [])),
        taken_at=utc_now(),
        pulse=found.pulse if not isinstance(found.pulse, SourceFailure) else None,
        known_severity=verdict.severity,
        decided_by=verdict.decided_by,
        missing=verdict.missing,
        unreachable=verdict.unreachable,
    )


def _grounds(issue: IssueType, found: _Found) -> Iterable[Ground]:
    if isinstance(found.pulse, SourceFailure):
        in_vain = not isinstance(found.pulse, TurnAwaited)
        yield unanswered_ground(PULSE, waiting=False, said=found.pulse.headline(), asked_in_vain=in_vain)
    elif found.pulse is not None and found.pulse.judging:
        yield unanswered_ground(PULSE, waiting=False, said=found.pulse.reason, asked_in_vain=False)
    elif found.pulse is not None:
        yield pulse_ground(issue, found.pulse)
    for one in found.findings:
        ground = finding_ground(issue, one)
        if ground is not None:
            yield ground


def worded(catalogue: Catalogue, issue: IssueType, verdict: Verdict) -> tuple[str, tuple[str, ...]]:
    """A severity of the issue's row for people to act on, and notes on how uncertain it is.

    It is the verdict's where that is the gravest. Otherwise a check without an answer makes it the gravest: people
    must look, and are told why. No data, and an unknown pulse, ask for attention. With everything known, "ok" is the
    mildest.
    """
    if verdict.severity == issue.severities[0]:
        return verdict.severity, ()
    if checks := tuple(name for name in verdict.unreachable if name != PULSE):
        why = "The severity is uncertain: nothing failed, and a source that could have said so gave no answer"
        without = f"{why} ({', '.join(checks)}). What is known supports {verdict.severity}."
        return issue.severities[0], (f"{without} Do not wait for certainty: {catalogue.contact.line()}.",)
    severity = verdict.severity if verdict.severity in issue.severities else issue.severities[-1]
    if verdict.severity in {*issue.severities, OK} and not verdict.missing:
        return severity, ()
    lacks = ", ".join(verdict.missing) or "every check"
    note = f"The severity is uncertain: {lacks} without data, and no data is not healthy. {catalogue.contact.line()}."
    return min(severity, attention(issue), key=issue.severities.index), (note,)


def remarks(catalogue: Catalogue, issue: IssueType, given: str, verdict: Verdict) -> tuple[str, ...]:
    """Remarks on a severity that the caller gave, only where the verdict disagrees."""
    assessed, _ = worded(catalogue, issue, verdict)
    if issue.severities.index(assessed) < issue.severities.index(given):
        return (f"The findings alone would be assessed as {assessed}, which is graver than the given {given}.",)
    if verdict.severity == OK and given != issue.severities[-1]:
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
