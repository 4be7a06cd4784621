"""The severity of an issue from its findings, when nobody gave one; and what to say about a given one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diagnostics.models.triage import Finding, Status
from diagnostics.pulse_rules import attention

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType


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
    """What the findings say about a severity that the caller gave: only where the two disagree."""
    assessed, _ = assess(catalogue, issue, findings)
    if issue.severities.index(assessed) < issue.severities.index(given):
        return (f"The findings alone would be assessed as {assessed}, which is graver than the given {given}.",)
    if all(finding.status is Status.PASS for finding in findings) and given != issue.severities[-1]:
        return (f"Every check passed; the findings alone would be assessed as {assessed}.",)
    return ()
