"""Leading indicators in a triage: asked for with `--preventive`, beside the first response, never part of its severity.

An indicator warns of what has not happened yet; the severity says what has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.checks.base import Tools, advice, plural
from diagnostics.health.leading import indicators_of, read_leading
from diagnostics.health.patience import Patience
from diagnostics.models.figures import Figure
from diagnostics.models.triage import Finding, Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType

PREFIX = "leading_"
"""Findings of indicators are called this and the indicator's id, so that nobody takes them for a check."""


def early_signs(tools: Tools, issue: IssueType) -> tuple[Finding, ...]:
    """The issue's leading indicators as findings. Whoever asks here has time: questions to all accounts are awaited."""
    figures = read_leading(tools, Patience(), patience_s=None, only=indicators_of(issue.name))
    return tuple(_finding(figure) for figure in figures)


def early_note(findings: tuple[Finding, ...]) -> str:
    """What the indicators say together, one or two sentences."""
    beyond = [finding.title for finding in findings if finding.status in {Status.WARN, Status.FAIL}]
    silent = [finding.title for finding in findings if finding.status in {Status.NO_DATA, Status.UNREACHABLE}]
    said = f"Leading indicators: {len(beyond)} of {plural(len(findings), 'indicator')} beyond the limit"
    said += f" ({', '.join(beyond)})." if beyond else "."
    if silent:
        said += f" Not known: {', '.join(silent)}."
    return f"{said} They do not count towards the severity."


def _finding(figure: Figure) -> Finding:
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
