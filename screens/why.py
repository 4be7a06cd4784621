"""The evidence behind the rows of a diagnosis, by their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from screens.base import Why

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Figure
    from diagnostics.models.triage import Finding

Open = Callable[[str], object]


def evidence_of(findings: Iterable[Finding]) -> list[Evidence]:
    """Every question behind these findings, each once."""
    seen: dict[tuple[str, str], Evidence] = {}
    for finding in findings:
        if finding.evidence is not None:
            seen.setdefault((finding.evidence.source, finding.evidence.query), finding.evidence)
    return list(seen.values())


def why_finding(findings: Sequence[Finding], key: str) -> Why | None:
    """Evidence behind the finding that a row `finding:N` stands for."""
    kind, _, place = key.partition(":")
    if kind != "finding" or not place.isdigit() or int(place) >= len(findings):
        return None
    finding = findings[int(place)]
    return finding.title, finding.summary, [finding.evidence] if finding.evidence else []


def why_figure(figures: Sequence[Figure], key: str) -> Why | None:
    """Evidence behind the figures that a row `figure:ID` or `figures:ID,ID` stands for."""
    kind, _, names = key.partition(":")
    if kind not in {"figure", "figures"}:
        return None
    chosen = [figure for figure in figures if figure.id in names.split(",")]
    lines = [" · ".join(part for part in _figure_words(figure) if part) for figure in chosen]
    evidence = {(item.source, item.query): item for figure in chosen for item in figure.evidence}
    title = chosen[0].title if len(chosen) == 1 else "figures"
    return (title, "\n".join(lines), list(evidence.values())) if chosen else None


def _figure_words(figure: Figure) -> tuple[str, ...]:
    covered = figure.coverage.words() if figure.coverage is not None else ""
    return (
        f"{figure.title}: {figure.shown}",
        str(figure.status).replace("_", " "),
        figure.held,
        covered,
        figure.note,
        figure.failure,
    )
