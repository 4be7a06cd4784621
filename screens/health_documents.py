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


def paragraph(text: str, width: int, signs: Glyphs, tone: Tone = "") -> list[Row]:
    """Wrapped text."""
    return [row((line, tone)) for line in wrap(signs.text(text), width)]


def section(title: str) -> list[Row]:
    """A blank line and a heading."""
    return [BLANK, row((title, "title"))]


def notes_rows(notes: Iterable[str], width: int, signs: Glyphs, title: str = "what bends it") -> list[Row]:
    """What bends a number, one note a paragraph."""
    rows: list[Row] = []
    for note in notes:
        rows += labelled(f" {signs.separator}", signs.text(note), width, label_width=3)
    return [*section(title), *rows] if rows else []


def coverage_rows(coverage: Coverage | None, width: int, signs: Glyphs) -> list[Row]:
    """How much of what was asked has answered, and why the rest has not."""
    if coverage is None:
        return []
    rows = labelled("rests on", coverage.words(), width, label_width=LABEL)
    for gap in coverage.gaps:
        examples = f" (such as {', '.join(gap.examples)})" if gap.examples else ""
        text = signs.text(f"{gap.count:,} {coverage.unit}: {gap.reason}{examples}")
        rows += labelled("missing", text, width, label_width=LABEL, tone="warn")
    return rows


def how_computed(catalogue: Catalogue, name: str) -> str:
    """How a number is obtained, as the catalogue says it; empty where it says nothing."""
    baseline, threshold = catalogue.baselines.get(name), catalogue.thresholds.get(name)
    parts = [baseline.computed if baseline is not None else "", threshold.note if threshold is not None else ""]
    if threshold is not None and threshold.assumed:
        parts.append("The limits are assumed: no source gives them.")
    return " · ".join(part for part in parts if part)


def figure_body(figure: Figure, computed: str, width: int, signs: Glyphs) -> list[Row]:
    """A figure in full, without its heading."""
    value = signs.missing if figure.value is None else signs.text(figure.shown)
    rows = [row(wording.status_piece(figure.status, signs), f"  {signs.text(figure.title)}"), BLANK]
    rows += labelled("value", value, width, label_width=LABEL, tone="strong")
    for label, text in (("held against", figure.threshold), ("computed", computed), ("note", figure.note)):
        if text:
            rows += labelled(label, signs.text(text), width, label_width=LABEL)
    if figure.failure:
        rows += labelled("no answer", signs.text(figure.failure), width, label_width=LABEL, tone="warn")
    return rows + coverage_rows(figure.coverage, width, signs)


def figure_document(figure: Figure, computed: str, signs: Glyphs, *, doubt: str = "", step: str = "") -> Document:
    """A figure with its evidence. `doubt` says that it is old; `step` what can be done from here."""

    def build(width: int) -> list[Row]:
        rows = [*paragraph(doubt, width, signs, "warn"), BLANK] if doubt else []
        rows += figure_body(figure, computed, width, signs)
        if step:
            rows += [BLANK, *paragraph(step, width, signs, "accent")]
        return rows + evidence_rows(figure.evidence, width, signs)

    return Document(f"figure {signs.separator} {figure.title}", build, plain(build(100)))


def course_document(course: Course, signs: Glyphs) -> Document:
    """Every step of a course; a step of which nothing is known is a dash."""

    def build(width: int) -> list[Row]:
        rows = paragraph(course.basis or "no basis is stated", width, signs)
        if course.since is not None:
            rows += paragraph(f"nothing is known before {course.since:%Y-%m-%d %H:%M} UTC", width, signs, "muted")
        rows += section(f"{course.title}, newest first")
        for point in reversed(course.points):
            value = signs.missing if point.value is None else f"{point.value:.2f} {course.unit}"
            amount = "" if point.rows is None else f"{point.rows:,} rows"
            rows.append(
                row(
                    (fit(f"{point.at:%d %b %H:%M}", LABEL), "muted"),
                    (fit(value, 12, right=True), "muted" if point.value is None else ""),
                    (f"   {amount}", "muted"),
                )
            )
        return rows + evidence_rows(course.evidence, width, signs)

    return Document(f"course {signs.separator} {course.title}", build, plain(build(100)))


def resolution_document(resolution: Resolution, bands: Bands, signs: Glyphs, *, doubt: str = "") -> Document:
    """The distribution in full: shares with their bands, coverage and what is missing, what is in no share."""

    def build(width: int) -> list[Row]:
        rows = [
            row(wording.status_piece(resolution.status, signs), "  resolution of all accounts against the baseline")
        ]
        rows += paragraph(doubt, width, signs, "warn") if doubt else []
        rows.append(BLANK)
        for share in resolution.shares:
            drawn = share_row(share, bands, width=width, signs=signs, stale=False)
            rows.append(Row(drawn.pieces))
            count = "not known" if share.count is None else f"{share.count:,} agents"
            rows.append(row((f"{' ' * 10}{count}{f'; {signs.text(share.note)}' if share.note else ''}", "muted")))
        rows.append(BLANK)
        total = (
            "not known" if resolution.total is None else f"{resolution.total:,} agents hold one of the three methods"
        )
        rows += labelled("total", total, width, label_width=LABEL)
        rows += labelled("bands", signs.text(bands.words()), width, label_width=LABEL)
        rows += labelled("asked by", signs.text(resolution.origin or "not stated"), width, label_width=LABEL)
        if resolution.as_of is not None:
            rows += labelled("data as of", f"{resolution.as_of:%Y-%m-%d %H:%M} UTC", width, label_width=LABEL)
        rows += coverage_rows(resolution.coverage, width, signs)
        rows += outlier_rows(resolution, width, signs)
        rows += notes_rows(filter(None, (left_out(resolution), *resolution.notes)), width, signs)
        return rows + evidence_rows(resolution.evidence, width, signs)

    return Document(f"resolution {signs.separator} all accounts", build, plain(build(100)))


def outlier_rows(resolution: Resolution, width: int, signs: Glyphs) -> list[Row]:
    """The accounts furthest from the baselines, each to be opened; nothing where nobody looked account by account."""
    if not resolution.outliers:
        return []
    rows = [*section("accounts furthest from the baseline"), row(("enter opens the account", "muted"))]
    for outlier in resolution.outliers:
        who = f"{outlier.account_id} {outlier.account_name}".rstrip()
        rows.append(
            row(
                (fit(signs.text(who), max(16, min(32, width - 46))), "key"),
                fit(outlier.method, 10),
                (fit(f"{outlier.share:.2f} %", 9, right=True), "strong"),
                fit(f"{outlier.drift:+.2f}", 9, right=True),
                (f"   {outlier.agents:,} agents", "muted"),
                key=f"account:{outlier.account_id}:{outlier.method}",
            )
        )
    return rows


def counts_document(health: ConnectionHealth, signs: Glyphs, *, doubt: str = "") -> Document:
    """Connections by state, and what is wrong with their rows."""

    def build(width: int) -> list[Row]:
        rows = [*paragraph(doubt, width, signs, "warn"), BLANK] if doubt else []
        for figure in health.counts:
            state = state_of(figure)
            amount = signs.missing if figure.value is None else signs.text(figure.shown)
            rows.append(
                row((fit(signs.text(figure.title), 16), state_tone(state)), (fit(amount, 12, right=True), "strong"))
            )
            rows += (
                [row((" " * 4 + line, "muted")) for line in wrap(signs.text(figure.note), width - 4)]
                if figure.note
                else []
            )
        rows += [*section("their problems"), row(("enter lists them", "muted"))]
        rows.append(row((f" {signs.step} newest first", "key"), key="problems:newest"))
        rows.append(row((f" {signs.step} longest-standing first", "key"), key="problems:longest"))
        rows += notes_rows(health.notes, width, signs)
        return rows + evidence_rows(health.evidence, width, signs)

    return Document(f"connections {signs.separator} by state", build, plain(build(100)))


def system_document(system: SystemState, catalogue: Catalogue | None, signs: Glyphs, *, doubt: str = "") -> Document:
    """One system: its state, the cascade it stands in, its figures, and where it lives."""
    entry = catalogue.systems.get(system.name) if catalogue is not None else None
    note = entry.note if entry is not None else ""

    def build(width: int) -> list[Row]:
        rows = [row(wording.status_piece(system.status, signs), (f"  {system.name}", "title"))]
        rows += paragraph(doubt, width, signs, "warn") if doubt else []
        rows += [BLANK, *paragraph(system.headline, width, signs, "strong")]
        rows += labelled("role", signs.text(system.role), width, label_width=LABEL)
        rows += labelled("priority", system.priority, width, label_width=LABEL)
        rows += labelled("note", signs.text(note), width, label_width=LABEL) if note else []
        rows += _cascade(system, width, signs)
        for figure in system.figures:
            rows += [BLANK, *figure_body(figure, "", width, signs)]
        rows += section("where it lives")
        for place in [place for place in system.where if place != note] or ["nothing is stated"]:
            rows += labelled(f" {signs.step}", signs.text(place), width, label_width=3)
        seen = tuple(dict.fromkeys(item for figure in system.figures for item in figure.evidence))
        return rows + evidence_rows(seen, width, signs)

    return Document(f"system {signs.separator} {system.name}", build, plain(build(100)))


def _cascade(system: SystemState, width: int, signs: Glyphs) -> list[Row]:
    arrow = " > " if signs.ascii_only else " → "
    rows = section("the cascade")
    feeds = ", ".join(system.feeds) or "nobody: others stand in the chain without it"
    rows += labelled("feeds", signs.text(feeds), width, label_width=LABEL)
    if system.threatened_by:
        rows += labelled(
            "hangs on", f"{', '.join(system.threatened_by)}: failing now", width, label_width=LABEL, tone="warn"
        )
    if system.threatens:
        chain = signs.text(arrow.join((system.name, *system.threatens)))
        rows += labelled("fails next", chain, width, label_width=LABEL, tone="fail")
    if not system.threatened_by and not system.threatens:
        rows += labelled(
            "now", "it threatens nothing, and nothing that it hangs on is failing", width, label_width=LABEL
        )
    return rows


def failure_document(title: str, reading: Reading[object] | None, signs: Glyphs) -> Document:
    """A pane that has no value: why, and what to do."""

    def build(width: int) -> list[Row]:
        if reading is None or str(reading.freshness) == "loading":
            return paragraph("It is being asked for; nothing has answered yet.", width, signs)
        rows = paragraph(reading.failure or "no answer", width, signs, "warn")
        if reading.remedy:
            rows += labelled("next", signs.text(reading.remedy), width, label_width=LABEL, tone="accent")
        if reading.next_at is not None:
            rows += labelled("asked again", f"{reading.next_at:%H:%M:%S} UTC", width, label_width=LABEL)
        return [
            *rows,
            BLANK,
            *paragraph("Nothing is known of this number. That is not the same as well.", width, signs),
        ]

    return Document(f"{title} {signs.separator} no answer", build, plain(build(100)))


def indicators_document(names: Sequence[str], catalogue: Catalogue | None, signs: Glyphs) -> Document:
    """What there can be a monitor for; each can be opened."""

    def build(width: int) -> list[Row]:
        said = (
            "Datadog watches logs and counters. A figure that this console reads from databases has no monitor of its "
            "own; these give warning of the same failures. Nothing is sent by drafting."
        )
        rows = [*paragraph(said, width, signs), BLANK]
        for name in names:
            entry = catalogue.indicators.get(name) if catalogue is not None else None
            title = entry.title if entry is not None else name.replace("_", " ")
            issues = f"warns of {', '.join(entry.issues).replace('_', ' ')}" if entry is not None else ""
            rows.append(
                row((f" {signs.step} ", "accent"), (fit(title, 42), "key"), (issues, "muted"), key=f"draft:{name}")
            )
        return rows

    return Document(f"monitors {signs.separator} what can be watched", build, plain(build(100)))
