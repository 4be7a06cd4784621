"""Issues of level 1: one row each, narrower as the terminal is, and the selected one in full with its checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import form, span
from diagnostics.signals.severity import JUDGING, OK, UNKNOWN
from widgets import wording
from widgets.row import Piece, Row, Tone, fit, labelled, row, wrap
from widgets.sparkline import sparkline

if TYPE_CHECKING:
    from diagnostics.models.readings import Pulse, Reading
    from diagnostics.models.triage import Finding
    from diagnostics.signals.severity import Verdict
    from widgets.glyphs import Glyphs


TAIL = 12
"""Cells of "61 accounts" and a little more."""

LEAST_SPARK = 10
"""Fewer cells than this say nothing about a course."""

WIDEST_SPARK = 62

QUIET_A_MINUTE = 5.0
"""The sparkline's scale reaches at least this high: three events in a quarter of an hour are not a wall."""


@dataclass(slots=True, frozen=True)
class IssueLine:
    """One row: the issue's name and the newest reading of its pulse."""

    name: str
    title: str
    reading: Reading[Pulse] | None
    rising: bool = False
    """The count has risen since the reading before."""
    verdict: Verdict | None = None
    """The judgement of pulse and checks; None while there is nothing to judge."""


def issue_row(line: IssueLine, *, width: int, now: datetime, glyphs: Glyphs) -> Row:
    """Name, severity, count, its ratio to usual, sparkline, accounts; at least the first four at any width."""
    pulse = line.reading.value if line.reading is not None else None
    stale = line.reading is not None and wording.is_stale(line.reading)
    severity, tone = _severity(line, glyphs)
    if stale:
        tone = "muted"
    head = (
        Piece(fit(line.title.upper(), 17), tone if tone != "pass" else "title"),
        Piece(fit(severity, 12), tone),
    )
    if line.reading is None or pulse is None:
        waiting = line.reading is None or str(line.reading.freshness) == "loading"
        why = "" if line.reading is None else line.reading.failure or "no answer"
        rest = Piece(f"{glyphs.waiting} asking", "muted") if waiting else Piece(glyphs.text(why), "warn")
        return row(*head, rest, key=line.name)
    pieces = [
        *head,
        Piece(fit(_count(line, pulse, glyphs), 18) + " ", "muted" if stale else "strong"),
        Piece(fit(f"{wording.ratio(pulse.ratio, glyphs)} usual", 12) + " ", "muted" if stale else ""),
    ]
    rest_cells = width - 17 - 12 - 19 - 13
    tail = _tail(line, pulse, now, glyphs, stale, room=rest_cells)
    spark = min(WIDEST_SPARK, len(pulse.per_minute) + 2, rest_cells - max(TAIL, len(tail)))
    if spark >= LEAST_SPARK and not stale and not pulse.log_failure:
        ceiling = max(QUIET_A_MINUTE, 2 * (pulse.usual or 0.0) * 60 / pulse.window_s)
        line_of_time = sparkline(pulse.per_minute, spark - 2, ascii=glyphs.ascii_only, ceiling=ceiling)
        pieces.append(Piece(fit(line_of_time, spark), "accent"))
        rest_cells -= spark
    pieces.append(Piece(fit(tail, max(0, rest_cells)), "warn" if stale or pulse.log_failure else "muted"))
    return row(*pieces, key=line.name)


def _severity(line: IssueLine, glyphs: Glyphs) -> tuple[str, Tone]:
    """The verdict in a word; a question mark where it may be graver, and never green without an all-clear."""
    verdict = line.verdict
    if verdict is None or verdict.severity == JUDGING:
        # The count may be here, and something else is not: neither well nor ill can be said yet.
        return f"{glyphs.waiting} judging", "muted"
    if verdict.severity == UNKNOWN:
        word = wording.status_piece(verdict.status, glyphs)
        return word.text.partition(" ")[2], "muted"
    if verdict.severity == OK:
        return OK, "pass"
    tone = wording.severity_tone(verdict.severity)
    return verdict.severity.upper() + ("?" if verdict.missing else ""), "" if tone == "pass" else tone


def _count(line: IssueLine, pulse: Pulse, glyphs: Glyphs) -> str:
    arrow = f" {glyphs.up}" if line.rising else ""
    return f"{wording.count(pulse.count, glyphs)} in {span(pulse.window_s)}{arrow}"


def _tail(line: IssueLine, pulse: Pulse, now: datetime, glyphs: Glyphs, stale: bool, *, room: int) -> str:
    if stale and line.reading is not None:
        return glyphs.text(f"stale {wording.aged(line.reading, now)}: {line.reading.failure}")
    accounts = f"{wording.count(pulse.accounts, glyphs)} {form(pulse.accounts or 0, 'account')}"
    parts = [f"count old: {pulse.log_failure}" if pulse.log_failure else accounts]
    if pulse.headline.startswith("backlog"):
        # Another number than the count: it does not stand where the count's ratio is.
        parts.insert(0, pulse.headline)
    if sum(len(part) + 3 for part in parts) - 3 > room and not pulse.log_failure:
        # A number is not cut: the last gives way.
        parts = parts[:1]
    return glyphs.text(f" {glyphs.separator} ".join(parts))


# ---- the selected issue in full

LABEL = 16


@dataclass(slots=True, frozen=True)
class IssueDetail:
    """Everything the detail pane shows for one issue."""

    meaning: str
    impact: str
    route: str
    checks: tuple[tuple[str, Reading[Finding] | None], ...]
    """Check id and its newest reading, in the order of the first response."""


def detail_rows(detail: IssueDetail, *, width: int, now: datetime, glyphs: Glyphs, roomy: bool) -> list[Row]:
    """Rows of the detail pane. `roomy` wraps long sentences; otherwise each stays on one line."""
    most = 3 if roomy else 1
    rows = labelled("what it means", glyphs.text(detail.meaning), width, label_width=LABEL, most=most)
    rows += labelled("impact", glyphs.text(detail.impact), width, label_width=LABEL, most=most)
    for index, (check, reading) in enumerate(detail.checks):
        label = "first response" if index == 0 else ""
        rows += check_rows(check, reading, label=label, width=width, now=now, glyphs=glyphs, roomy=roomy)
    arrow = glyphs.text(f"{glyphs.step} {detail.route}")
    rows.append(
        row((fit("hand over to", LABEL), "muted"), (arrow, "accent"), ("   enter", "key"), key=f"route:{detail.route}")
    )
    return rows


def check_rows(
    check: str,
    reading: Reading[Finding] | None,
    *,
    label: str,
    width: int,
    now: datetime,
    glyphs: Glyphs,
    roomy: bool,
) -> list[Row]:
    """One check: glyph and word, sentence, age. Stale answers say so and lose their colour."""
    key = f"check:{check}"
    head = Piece(fit(label, LABEL), "muted")
    finding = reading.value if reading is not None else None
    if reading is None or finding is None:
        waiting = reading is None or str(reading.freshness) == "loading"
        name = check.replace("_", " ")
        why = reading.failure if reading is not None else ""
        words = f"{glyphs.waiting} asking: {name}" if waiting else f"{glyphs.missing} {name}: {why}"
        return [row(head, (glyphs.text(words), "muted" if waiting else "warn"), key=key)]
    stale = wording.is_stale(reading)
    status = wording.status_piece(finding.status, glyphs)
    state = Piece(fit(status.text, 14), "muted" if stale else status.tone)
    aged = wording.aged(reading, now)
    tail = glyphs.text(f"stale {aged}: {reading.failure}") if stale else aged
    tail = fit(tail, min(len(tail), 30, max(4, width // 2)))
    room = max(12, width - LABEL - 14 - len(tail) - 2)
    lines = wrap(glyphs.text(finding.summary), room, most=2 if roomy else 1)
    first = row(head, state, fit(lines[0], room), (f" {tail}", "warn" if stale else "muted"), key=key)
    return [first, *(row(" " * (LABEL + 14), line) for line in lines[1:])]
