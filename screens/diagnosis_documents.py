"""Diagnoses of one user, account or deal, as rows to read and to go on from. Data in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from screens.listing import Why
from widgets.row import BLANK, Row, Tone, labelled, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.conclusions import Conclusion
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Figure
    from diagnostics.models.triage import Finding
    from widgets.glyphs import Glyphs

LABEL = 14

WELL = frozenset({"consistent", "already_synced"})
"""Codes of conclusions that say that nothing is wrong."""

TONES: Mapping[str, Tone] = {"not_known": "muted", "eligible": "warn", "sync_running": "warn"}
"""Of conclusions that are neither well nor a fault that somebody has found."""

CONFIDENCE = {
    "strict": "strict: three independent sources agree",
    "standard": "standard: two independent sources agree",
    "preliminary": "preliminary: one source says so",
    "none": "none: no source could say",
}

Open = Callable[[str], object]


def section(title: str) -> list[Row]:
    """A blank line and a title."""
    return [BLANK, row((title, "title"))]


def paragraph(text: str, width: int, tone: Tone = "", *, key: str | None = None) -> list[Row]:
    """A wrapped sentence; the first line holds the key."""
    return [row((line, tone), key=key if not n else None) for n, line in enumerate(wrap(text, width))]


def note_rows(notes: Iterable[str], width: int, glyphs: Glyphs) -> list[Row]:
    """What is wrong with the data itself."""
    rows: list[Row] = []
    for place, note in enumerate(notes):
        lines = wrap(glyphs.text(note), width - 2)
        rows += [
            row(f"{glyphs.warned} " if not n else "  ", (line, "warn"), key=f"note:{place}" if not n else None)
            for n, line in enumerate(lines)
        ]
    return rows


def conclusion_rows(conclusion: Conclusion, width: int, glyphs: Glyphs) -> list[Row]:
    """The one sentence first, then what to do, how sure it is, and what would overturn it."""
    return sentence_rows(conclusion, width, glyphs) + certainty_rows(conclusion, width, glyphs)


def sentence_rows(conclusion: Conclusion, width: int, glyphs: Glyphs) -> list[Row]:
    """The one sentence, and what to do."""
    tone: Tone = "pass" if conclusion.code in WELL else TONES.get(conclusion.code, "fail")
    rows = paragraph(glyphs.text(conclusion.sentence), width, tone, key="conclusion")
    if conclusion.next_step:
        rows += labelled("next", glyphs.text(conclusion.next_step), width, label_width=LABEL, tone="accent")
    return rows


def certainty_rows(conclusion: Conclusion, width: int, glyphs: Glyphs) -> list[Row]:
    """How sure it is, and what would overturn it."""
    sure = CONFIDENCE.get(str(conclusion.confidence), str(conclusion.confidence))
    if conclusion.sources:
        sure += f" ({', '.join(conclusion.sources)})"
    if conclusion.is_inference:
        sure += "; inferred, not observed"
    rows = labelled("confidence", glyphs.text(sure), width, label_width=LABEL)
    for place, text in enumerate(conclusion.overturned_by):
        rows += labelled("wrong if" if not place else "", glyphs.text(text), width, label_width=LABEL, tone="muted")
    return rows


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
    against = f"held against {figure.threshold}" if figure.threshold else ""
    return (
        f"{figure.title}: {figure.shown}",
        str(figure.status).replace("_", " "),
        against,
        covered,
        figure.note,
        figure.failure,
    )
