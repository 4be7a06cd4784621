"""What level 2 opens on Enter: figures, shares, courses, counts and systems in full. Data in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from screens.base import Document
from screens.documents import LABEL, evidence_rows
from widgets import wording
from widgets.row import BLANK, Row, Tone, fit, labelled, plain, row, wrap
from widgets.rows.connections import state_of, state_tone
from widgets.rows.resolution import Bands, left_out, share_row

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.figures import Course, Coverage, Figure
    from diagnostics.models.health import ConnectionHealth, Resolution, SystemState
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs


def paragraph(text: str, width: int, glyphs: Glyphs, tone: Tone = "") -> list[Row]:
    """Wrapped text."""
    return [row((line, tone)) for line in wrap(glyphs.text(text), width)]


def section(title: str) -> list[Row]:
    """A blank line and a heading."""
    return [BLANK, row((title, "title"))]


def notes_rows(notes: Iterable[str], width: int, glyphs: Glyphs, title: str = "what bends it") -> list[Row]:
    """What bends a number, one note a paragraph."""
    rows: list[Row] = []
    for note in notes:
        rows += labelled(f" {glyphs.separator}", glyphs.text(note), width, label_width=3)
    return [*section(title), *rows] if rows else []


def coverage_rows(coverage: Coverage | None, width: int, glyphs: Glyphs) -> list[Row]:
    """How much of what was asked has answered, and why the rest has not."""
    if coverage is None:
        return []
    rows = labelled("rests on", coverage.words(), width, label_width=LABEL)
    for gap in coverage.gaps:
        examples = f" (such as {', '.join(gap.examples)})" if gap.examples else ""
        text = glyphs.text(f"{gap.count:,} {coverage.unit}: {gap.reason}{examples}")
        rows += labelled("missing", text, width, label_width=LABEL, tone="warn")
    return rows


def how_computed(catalogue: Catalogue, name: str) -> str:
    """How a number is obtained, as the catalogue says it; empty where it says nothing."""
    baseline, threshold = catalogue.baselines.get(name), catalogue.thresholds.get(name)
    parts = [baseline.computed if baseline is not None else "", threshold.note if threshold is not None else ""]
    if threshold is not None and threshold.assumed:
        parts.append("The limits are assumed: no source gives them.")
    return " · ".join(part for part in parts if part)


def figure_body(figure: Figure, computed: str, width: int, glyphs: Glyphs) -> list[Row]:
    """A figure in full, without its heading."""
    value = glyphs.missing if figure.value is None else glyphs.text(figure.shown)
    rows = [row(wording.status_piece(figure.status, glyphs), f"  {glyphs.text(figure.title)}"), BLANK]
    rows += labelled("value", value, width, label_width=LABEL, tone="strong")
    for label, text in (("held against", figure.threshold), ("computed", computed), ("note", figure.note)):
        if text:
            rows += labelled(label, glyphs.text(text), width, label_width=LABEL)
    if figure.failure:
        rows += labelled("no answer", glyphs.text(figure.failure), width, label_width=LABEL, tone="warn")
    return rows + coverage_rows(figure.coverage, width, glyphs)


def figure_document(figure: Figure, computed: str, glyphs: Glyphs, *, doubt: str = "", step: str = "") -> Document:
    """A figure with its evidence. `doubt` says that it is old; `step` what can be done from here."""

    def build(width: int) -> list[Row]:
        rows = [*paragraph(doubt, width, glyphs, "warn"), BLANK] if doubt else []
        rows += figure_body(figure, computed, width, glyphs)
        if step:
            rows += [BLANK, *paragraph(step, width, glyphs, "accent")]
        return rows + evidence_rows(figure.evidence, width, glyphs)

    return Document(f"figure {glyphs.separator} {figure.title}", build, plain(build(100)))


def course_document(course: Course, glyphs: Glyphs) -> Document:
    """Every step of a course; a step of which nothing is known is a dash."""

    def build(width: int) -> list[Row]:
        rows = paragraph(course.basis or "no basis is stated", width, glyphs)
        if course.since is not None:
            rows += paragraph(f"nothing is known before {course.since:%Y-%m-%d %H:%M} UTC", width, glyphs, "muted")
        rows += section(f"{course.title}, newest first")
        for point in reversed(course.points):
            value = glyphs.missing if point.value is None else f"{point.value:.2f} {course.unit}"
            amount = "" if point.rows is None else f"{point.rows:,} rows"
            rows.append(
                row(
                    (fit(f"{point.at:%d %b %H:%M}", LABEL), "muted"),
                    (fit(value, 12, right=True), "muted" if point.value is None else ""),
                    (f"   {amount}", "muted"),
                )
            )
        return rows + evidence_rows(course.evidence, width, glyphs)

    return Document(f"course {glyphs.separator} {course.title}", build, plain(build(100)))


def resolution_document(resolution: Resolution, bands: Bands, glyphs: Glyphs, *, doubt: str = "") -> Document:
    """The distribution in full: shares with their bands, coverage and what is missing, what is in no share."""

    def build(width: int) -> list[Row]:
        rows = [
            row(wording.status_piece(resolution.status, glyphs), "  resolution of all accounts against the baseline")
        ]
        rows += paragraph(doubt, width, glyphs, "warn") if doubt else []
        rows.append(BLANK)
        for share in resolution.shares:
            drawn = share_row(share, bands, width=width, glyphs=glyphs, stale=False)
            rows.append(Row(drawn.pieces))
            count = "not known" if share.count is None else f"{share.count:,} agents"
            rows.append(row((f"{' ' * 10}{count}{f'; {glyphs.text(share.note)}' if share.note else ''}", "muted")))
        rows.append(BLANK)
        total = (
            "not known" if resolution.total is None else f"{resolution.total:,} agents hold one of the three methods"
        )
        rows += labelled("total", total, width, label_width=LABEL)
        rows += labelled("bands", glyphs.text(bands.words()), width, label_width=LABEL)
        rows += labelled("asked by", glyphs.text(resolution.origin or "not stated"), width, label_width=LABEL)
        if resolution.as_of is not None:
            rows += labelled("data as of", f"{resolution.as_of:%Y-%m-%d %H:%M} UTC", width, label_width=LABEL)
        rows += coverage_rows(resolution.coverage, width, glyphs)
        rows += outlier_rows(resolution, width, glyphs)
        rows += notes_rows(filter(None, (left_out(resolution), *resolution.notes)), width, glyphs)
        return rows + evidence_rows(resolution.evidence, width, glyphs)

    return Document(f"resolution {glyphs.separator} all accounts", build, plain(build(100)))


def outlier_rows(resolution: Resolution, width: int, glyphs: Glyphs) -> list[Row]:
    """The accounts furthest from the baselines, each to be opened; nothing where nobody looked account by account."""
    if not resolution.outliers:
        return []
    rows = [*section("accounts furthest from the baseline"), row(("enter opens the account", "muted"))]
    for outlier in resolution.outliers:
        who = f"{outlier.account_id} {outlier.account_name}".rstrip()
        rows.append(
            row(
                (fit(glyphs.text(who), max(16, min(32, width - 46))), "key"),
                fit(outlier.method, 10),
                (fit(f"{outlier.share:.2f} %", 9, right=True), "strong"),
                fit(f"{outlier.drift:+.2f}", 9, right=True),
                (f"   {outlier.agents:,} agents", "muted"),
                key=f"account:{outlier.account_id}:{outlier.method}",
            )
        )
    return rows


def counts_document(health: ConnectionHealth, glyphs: Glyphs, *, doubt: str = "") -> Document:
    """Connections by state, and what is wrong with their rows."""

    def build(width: int) -> list[Row]:
        rows = [*paragraph(doubt, width, glyphs, "warn"), BLANK] if doubt else []
        for figure in health.counts:
            state = state_of(figure)
            amount = glyphs.missing if figure.value is None else glyphs.text(figure.shown)
            rows.append(
                row((fit(glyphs.text(figure.title), 16), state_tone(state)), (fit(amount, 12, right=True), "strong"))
            )
            rows += (
                [row((" " * 4 + line, "muted")) for line in wrap(glyphs.text(figure.note), width - 4)]
                if figure.note
                else []
            )
        rows += [*section("their problems"), row(("enter lists them", "muted"))]
        rows.append(row((f" {glyphs.step} newest first", "key"), key="problems:newest"))
        rows.append(row((f" {glyphs.step} longest-standing first", "key"), key="problems:longest"))
        rows += notes_rows(health.notes, width, glyphs)
        return rows + evidence_rows(health.evidence, width, glyphs)

    return Document(f"connections {glyphs.separator} by state", build, plain(build(100)))


def system_document(system: SystemState, catalogue: Catalogue | None, glyphs: Glyphs, *, doubt: str = "") -> Document:
    """One system: its state, the cascade it stands in, its figures, and where it lives."""
    entry = catalogue.systems.get(system.name) if catalogue is not None else None
    note = entry.note if entry is not None else ""

    def build(width: int) -> list[Row]:
        rows = [row(wording.status_piece(system.status, glyphs), (f"  {system.name}", "title"))]
        rows += paragraph(doubt, width, glyphs, "warn") if doubt else []
        rows += [BLANK, *paragraph(system.headline, width, glyphs, "strong")]
        rows += labelled("role", glyphs.text(system.role), width, label_width=LABEL)
        rows += labelled("priority", system.priority, width, label_width=LABEL)
        rows += labelled("note", glyphs.text(note), width, label_width=LABEL) if note else []
        rows += _cascade(system, width, glyphs)
        for figure in system.figures:
            rows += [BLANK, *figure_body(figure, "", width, glyphs)]
        rows += section("where it lives")
        for place in [place for place in system.where if place != note] or ["nothing is stated"]:
            rows += labelled(f" {glyphs.step}", glyphs.text(place), width, label_width=3)
        seen = tuple(dict.fromkeys(item for figure in system.figures for item in figure.evidence))
        return rows + evidence_rows(seen, width, glyphs)

    return Document(f"system {glyphs.separator} {system.name}", build, plain(build(100)))


def _cascade(system: SystemState, width: int, glyphs: Glyphs) -> list[Row]:
    arrow = " > " if glyphs.ascii_only else " → "
    rows = section("the cascade")
    feeds = ", ".join(system.feeds) or "nobody: others stand in the chain without it"
    rows += labelled("feeds", glyphs.text(feeds), width, label_width=LABEL)
    if system.threatened_by:
        rows += labelled(
            "hangs on", f"{', '.join(system.threatened_by)}: failing now", width, label_width=LABEL, tone="warn"
        )
    if system.threatens:
        chain = glyphs.text(arrow.join((system.name, *system.threatens)))
        rows += labelled("fails next", chain, width, label_width=LABEL, tone="fail")
    if not system.threatened_by and not system.threatens:
        rows += labelled(
            "now", "it threatens nothing, and nothing that it hangs on is failing", width, label_width=LABEL
        )
    return rows


def failure_document(title: str, reading: Reading[object] | None, glyphs: Glyphs) -> Document:
    """A pane that has no value: why, and what to do."""

    def build(width: int) -> list[Row]:
        if reading is None or str(reading.freshness) == "loading":
            return paragraph("It is being asked for; nothing has answered yet.", width, glyphs)
        rows = paragraph(reading.failure or "no answer", width, glyphs, "warn")
        if reading.remedy:
            rows += labelled("next", glyphs.text(reading.remedy), width, label_width=LABEL, tone="accent")
        if reading.next_at is not None:
            rows += labelled("asked again", f"{reading.next_at:%H:%M:%S} UTC", width, label_width=LABEL)
        return [
            *rows,
            BLANK,
            *paragraph("Nothing is known of this number. That is not the same as well.", width, glyphs),
        ]

    return Document(f"{title} {glyphs.separator} no answer", build, plain(build(100)))


def indicators_document(names: Sequence[str], catalogue: Catalogue | None, glyphs: Glyphs) -> Document:
    """What there can be a monitor for; each can be opened."""

    def build(width: int) -> list[Row]:
        said = (
            "Datadog watches logs and counters. A figure that this console reads from databases has no monitor of its "
            "own; these give warning of the same failures. Nothing is sent by drafting."
        )
        rows = [*paragraph(said, width, glyphs), BLANK]
        for name in names:
            entry = catalogue.indicators.get(name) if catalogue is not None else None
            title = entry.title if entry is not None else name.replace("_", " ")
            issues = f"warns of {', '.join(entry.issues).replace('_', ' ')}" if entry is not None else ""
            rows.append(
                row((f" {glyphs.step} ", "accent"), (fit(title, 42), "key"), (issues, "muted"), key=f"draft:{name}")
            )
        return rows

    return Document(f"monitors {glyphs.separator} what can be watched", build, plain(build(100)))
