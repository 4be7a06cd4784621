"""Issues of level 1: one row each, narrower as the terminal is, and the selected one in full with its checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import form, short
from widgets import wording
from widgets.row import Piece, Row, Tone, fit, labelled, row, wrap
from widgets.sparkline import sparkline

if TYPE_CHECKING:
    from diagnostics.models.readings import Pulse, Reading
    from diagnostics.models.triage import Finding
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


def issue_row(line: IssueLine, *, width: int, now: datetime, glyphs: Glyphs) -> Row:
    """Name, severity, headline, ratio to usual, sparkline, accounts; at least the first three at any width."""
    title = fit(line.title.upper(), 17)
    pulse = line.reading.value if line.reading is not None else None
    if line.reading is None or pulse is None:
        return _without_value(title, line, glyphs)
    stale = wording.is_stale(line.reading)
    tone: Tone = "muted" if stale else wording.severity_tone(pulse.severity)
    severity = pulse.severity.upper() if pulse.severity not in {"ok", "normal"} else "ok"
    if pulse.judging:
        # The count is here, what is usual is not: neither well nor ill can be said yet.
        severity, tone = f"{glyphs.waiting} judging", "muted"
    elif str(pulse.status) in {"no_data", "unreachable"}:
        severity, tone = wording.status_piece(pulse.status, glyphs).text, "muted"
    pieces = [
        Piece(title, tone if tone != "pass" else "title"),
        Piece(fit(severity, 10), tone),
        Piece(fit(_headline(line, pulse, glyphs), 17) + " ", "muted" if stale else "strong"),
        Piece(fit(f"{wording.ratio(pulse.ratio, glyphs)} usual", 12) + " ", "muted" if stale else ""),
    ]
    rest = width - 17 - 10 - 18 - 13
    tail = _tail(line, pulse, now, glyphs, stale)
    spark = min(WIDEST_SPARK, len(pulse.per_minute) + 2, rest - TAIL)
    if spark >= LEAST_SPARK and not stale and not pulse.log_failure:
        ceiling = max(QUIET_A_MINUTE, 2 * (pulse.usual or 0.0) * 60 / pulse.window_s)
        line_of_time = sparkline(pulse.per_minute, spark - 2, ascii=glyphs.ascii_only, ceiling=ceiling)
        pieces.append(Piece(fit(line_of_time, spark), "accent"))
        rest -= spark
    pieces.append(Piece(fit(tail, max(0, rest)), "warn" if stale or pulse.log_failure else "muted"))
    return row(*pieces, key=line.name)


def _without_value(title: str, line: IssueLine, glyphs: Glyphs) -> Row:
    if line.reading is None or str(line.reading.freshness) == "loading":
        return row((title, "title"), (f"{glyphs.waiting} asking", "muted"), key=line.name)
    why = line.reading.failure or "no answer"
    return row((title, "title"), (fit(glyphs.missing, 11), "muted"), (glyphs.text(why), "warn"), key=line.name)


def _headline(line: IssueLine, pulse: Pulse, glyphs: Glyphs) -> str:
    arrow = f" {glyphs.up}" if line.rising else ""
    if pulse.headline:
        # The arrow is the count's: a headline such as the backlog is another number.
        about_count = pulse.count is not None and pulse.headline.startswith(f"{pulse.count:,}")
        return glyphs.text(pulse.headline) + (arrow if about_count else "")
    return f"{wording.count(pulse.count, glyphs)} in {short(pulse.window_s)}{arrow}"


def _tail(line: IssueLine, pulse: Pulse, now: datetime, glyphs: Glyphs, stale: bool) -> str:
    if stale and line.reading is not None:
        return glyphs.text(f"stale {wording.aged(line.reading, now)}: {line.reading.failure}")
    if pulse.log_failure:
        # The headline is new, the count beside it is the last one known.
        return glyphs.text(f"count old: {pulse.log_failure}")
    accounts = wording.count(pulse.accounts, glyphs)
    return f"{accounts} {form(pulse.accounts or 0, 'account')}"


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
