"""The issue list of level 1: one row an issue, columns dropped from the right as the terminal narrows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from widgets import wording
from widgets.rows import Piece, Row, Tone, fit, row
from widgets.sparkline import sparkline

if TYPE_CHECKING:
    from diagnostics.models.readings import Pulse, Reading
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
    """What one row shows: the issue's name and the newest reading of its pulse."""

    name: str
    title: str
    reading: Reading[Pulse] | None
    rising: bool = False
    """The count has risen since the reading before."""


def issue_row(line: IssueLine, *, width: int, now: datetime, signs: Glyphs) -> Row:
    """Name, severity, headline, ratio to usual, sparkline, accounts; at least the first three at any width."""
    title = fit(line.title.upper(), 17)
    pulse = line.reading.value if line.reading is not None else None
    if line.reading is None or pulse is None:
        return _without_value(title, line, signs)
    stale = wording.is_stale(line.reading)
    tone: Tone = "muted" if stale else wording.severity_tone(pulse.severity)
    severity = pulse.severity.upper() if pulse.severity not in {"ok", "normal"} else "ok"
    if pulse.judging:
        # The count is here, what is usual is not: neither well nor ill can be said yet.
        severity, tone = f"{signs.waiting} judging", "muted"
    elif str(pulse.status) in {"no_data", "unreachable"}:
        severity, tone = wording.status_piece(pulse.status, signs).text, "muted"
    pieces = [
        Piece(title, tone if tone != "pass" else "title"),
        Piece(fit(severity, 10), tone),
        Piece(fit(_headline(line, pulse, signs), 17) + " ", "muted" if stale else "strong"),
        Piece(fit(f"{wording.ratio(pulse.ratio, signs)} usual", 12) + " ", "muted" if stale else ""),
    ]
    rest = width - 17 - 10 - 18 - 13
    tail = _tail(line, pulse, now, signs, stale)
    spark = min(WIDEST_SPARK, len(pulse.per_minute) + 2, rest - TAIL)
    if spark >= LEAST_SPARK and not stale and not pulse.log_failure:
        ceiling = max(QUIET_A_MINUTE, 2 * (pulse.usual or 0.0) * 60 / pulse.window_s)
        line_of_time = sparkline(pulse.per_minute, spark - 2, ascii=signs.ascii_only, ceiling=ceiling)
        pieces.append(Piece(fit(line_of_time, spark), "accent"))
        rest -= spark
    pieces.append(Piece(fit(tail, max(0, rest)), "warn" if stale or pulse.log_failure else "muted"))
    return row(*pieces, key=line.name)


def _without_value(title: str, line: IssueLine, signs: Glyphs) -> Row:
    if line.reading is None or str(line.reading.freshness) == "loading":
        return row((title, "title"), (f"{signs.waiting} asking", "muted"), key=line.name)
    why = line.reading.failure or "no answer"
    return row((title, "title"), (fit(signs.missing, 11), "muted"), (signs.text(why), "warn"), key=line.name)


def _headline(line: IssueLine, pulse: Pulse, signs: Glyphs) -> str:
    arrow = f" {signs.up}" if line.rising else ""
    if pulse.headline:
        # The arrow is the count's: a headline such as the backlog is another number.
        about_count = pulse.count is not None and pulse.headline.startswith(f"{pulse.count:,}")
        return signs.text(pulse.headline) + (arrow if about_count else "")
    return f"{wording.count(pulse.count, signs)} in {wording.duration(pulse.window_s)}{arrow}"


def _tail(line: IssueLine, pulse: Pulse, now: datetime, signs: Glyphs, stale: bool) -> str:
    if stale and line.reading is not None:
        return signs.text(f"stale {wording.age(wording.asked_at(line.reading), now)}: {line.reading.failure}")
    if pulse.log_failure:
        # The headline is new, the count beside it is the last one known.
        return signs.text(f"count old: {pulse.log_failure}")
    accounts = wording.count(pulse.accounts, signs)
    return f"{accounts} account{'' if pulse.accounts == 1 else 's'}"
