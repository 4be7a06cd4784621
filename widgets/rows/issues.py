"""Issues of level 1: one row each, narrower as the terminal is, and the title that counts what is on fire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import form, span
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.signals.severity import JUDGING, OK, UNKNOWN
from widgets import wording
from widgets.row import Piece, Row, Tone, fit, row
from widgets.sparkline import curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.models.readings import Pulse, Reading
    from diagnostics.signals.severity import Verdict
    from widgets.glyphs import Glyphs


TAIL = 12
"""Cells of "61 accounts" and a little more."""

LEAST_SPARK = 10
"""Fewer cells than this say nothing about a course."""

WIDEST_SPARK = 62

ROOM_FOR_WORDS = 7
"""Cells behind the minutes: where the incident began, which scale it is, and two between it and what follows."""

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
    began_at: datetime | None = None
    """When the incident about this issue began; None where there is none, or nobody knows."""


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
    ]
    usual = _usual(pulse, glyphs)
    usual_cells = max(12, len(usual)) + 1
    pieces.append(Piece(fit(usual, usual_cells), "muted" if stale or pulse.ratio is None else ""))
    rest_cells = width - 17 - 12 - 19 - usual_cells
    tail = _tail(line, pulse, now, glyphs, stale, room=rest_cells)
    spark = min(WIDEST_SPARK, len(pulse.per_minute) + ROOM_FOR_WORDS, rest_cells - max(TAIL, len(tail)))
    if spark >= LEAST_SPARK and not stale and not pulse.log_failure:
        pieces.append(Piece(fit(_curve(line, pulse, spark - 2, glyphs), spark), "accent"))
        rest_cells -= spark
    pieces.append(Piece(fit(tail, max(0, rest_cells)), "warn" if stale or pulse.log_failure else "muted"))
    return row(*pieces, key=line.name)


def _curve(line: IssueLine, pulse: Pulse, width: int, glyphs: Glyphs) -> str:
    """The minutes of the window against the usual, and where the incident began."""
    usual = None if pulse.usual is None else pulse.usual * 60 / pulse.window_s
    began = None
    if line.began_at is not None and pulse.minutes_from is not None:
        began = int((line.began_at - pulse.minutes_from).total_seconds() // 60)
    ceiling = max(QUIET_A_MINUTE, 2 * (usual or 0.0))
    # A handful of events is no reason for another scale.
    loud = max(pulse.per_minute, default=0) > ceiling
    return curve(
        pulse.per_minute, width, glyphs.ascii_only, usual=usual if loud else None, ceiling=ceiling, began=began
    )


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


def _usual(pulse: Pulse, glyphs: Glyphs) -> str:
    """The count as a multiple of what is usual, or why there is none."""
    if pulse.ratio is not None:
        return f"{wording.ratio(pulse.ratio, glyphs)} usual"
    if pulse.usual is not None:
        return "none usual"
    return "baseline pending"


def _tail(line: IssueLine, pulse: Pulse, now: datetime, glyphs: Glyphs, stale: bool, *, room: int) -> str:
    if stale and line.reading is not None:
        return glyphs.text(f"stale {wording.aged(line.reading, now)}: {line.reading.failure}")
    if pulse.log_failure:
        return glyphs.text(f"count old: {pulse.log_failure}")
    parts = [f"{wording.count(pulse.accounts, glyphs)} {form(pulse.accounts or 0, 'account')}"]
    if pulse.headline.startswith("backlog"):
        # Another number than the count: it does not stand where the count's ratio is. It is a check's as well.
        parts.append(pulse.headline)
    if sum(len(part) + 3 for part in parts) - 3 > room:
        # A number is not cut: the last gives way.
        parts = parts[:1]
    return glyphs.text(f" {glyphs.separator} ".join(parts))


def level_title(severities: Sequence[str], window_s: int, glyphs: Glyphs, *, aged: str, width: int) -> str:
    """How many of the issues are on fire, over which window, and how old that is. What is not known is never calm."""
    fire = sum(word in NOTIFY_SEVERITIES for word in severities)
    judging, unknown = (severities.count(word) for word in (JUDGING, UNKNOWN))
    told = len(severities) - judging - unknown
    calm = "none" if not judging and not unknown else str(fire)
    parts = ["LEVEL 1"]
    if told:
        parts.append(f"{fire or calm} of {len(severities)} on fire")
    high = severities.count("high")
    parts += [f"{high} high"] * bool(high)
    parts += [f"{judging} being judged"] * bool(judging) + [f"{unknown} NOT KNOWN"] * bool(unknown)
    parts.append(f"last {span(window_s)}")
    longest = f" {f' {glyphs.separator} '.join([*parts, aged])}" if aged else ""
    shown = longest if longest and len(longest) <= width else f" {f' {glyphs.separator} '.join(parts)}"
    return glyphs.text(shown)
