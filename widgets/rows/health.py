"""System health: the one big number, its last 24 hours, and what fails next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.words import short
from widgets import wording
from widgets.row import BLANK, Piece, Row, Tone, column, fit, row, wrap
from widgets.rows.trend import Scale, axis_row, course_chart, course_pieces

if TYPE_CHECKING:
    from diagnostics.models.health import HealthOverview
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs

TALL = 11
"""From so many rows on, the number is drawn large and the course as a chart."""

WIDE = 76
"""From so many cells on, the longest cascade stands on one line."""

LABEL = 6


@dataclass(slots=True, frozen=True)
class NextToFail:
    """The answer to what will fail next, as one sentence with its state."""

    text: str
    tone: Tone
    word: str
    """The state as a word: FAIL, warn, ok, not known."""


def freshness_words(reading: Reading[Any] | None, now: datetime, *, paused: bool) -> str:
    """How old a pane is, or why it shows nothing newer. A pane without any value says itself why."""
    if reading is None or str(reading.freshness) == "loading":
        return "asking" if reading is None or reading.value is None else f"{wording.aged(reading, now)} old, asking"
    if reading.value is None:
        return "no answer"
    if wording.is_stale(reading):
        return f"STALE {wording.aged(reading, now)}: {reading.failure}"
    return f"paused, {wording.aged(reading, now)} old" if paused else f"{wording.aged(reading, now)} old"


def distance_words(overview: HealthOverview, baseline: float) -> str:
    """e.g. "-4.60 from 98.80 %"; only the baseline where there is no number."""
    value = overview.health.value
    if isinstance(value, int | float):
        return f"{value - baseline:+.2f} from {baseline:.2f} %"
    return f"baseline {baseline:.2f} %"


def health_rows(
    overview: HealthOverview,
    next_to_fail: NextToFail,
    *,
    baseline: float,
    scale: Scale,
    width: int,
    height: int,
    glyphs: Glyphs,
    stale: bool,
) -> list[Row]:
    """Always `height` rows: one strong line and the next failure, or large digits with a chart below."""
    if height < TALL:
        rows = [_strong_line(overview, baseline, scale, width, glyphs, stale=stale)]
        rows += next_rows(next_to_fail, width, max(1, min(2, height - 1)), glyphs)
        rows += _basis(overview, width, height - len(rows), glyphs)
    else:
        rows = _digits(overview, baseline, scale, width, glyphs, stale=stale)
        rows.append(_verdict(overview, baseline, glyphs, stale=stale))
        rows += next_rows(next_to_fail, width, 1 if width >= WIDE else 2, glyphs)
        chart = height - len(rows) - 2
        rows += course_chart(overview.course, width=width, height=chart, scale=scale, glyphs=glyphs, stale=stale)
        rows.append(axis_row(overview.course, width=width, glyphs=glyphs, key="course"))
        rows += _basis(overview, width, 1, glyphs)
    return [*rows[:height], *(BLANK for _ in range(height - len(rows)))]


def _value(overview: HealthOverview, glyphs: Glyphs) -> str:
    return glyphs.missing if overview.health.value is None else glyphs.text(overview.health.shown)


def _tone(overview: HealthOverview, *, stale: bool) -> Tone:
    return "muted" if stale else wording.status_tone(overview.health.status)


def _strong_line(
    overview: HealthOverview, baseline: float, scale: Scale, width: int, glyphs: Glyphs, *, stale: bool
) -> Row:
    tone = _tone(overview, stale=stale)
    pieces = [
        Piece(_value(overview, glyphs), tone if tone != "pass" else "strong"),
        Piece("  "),
        Piece(wording.status_piece(overview.health.status, glyphs).text, tone),
        Piece(f"  {distance_words(overview, baseline)}"),
        Piece(f"  {_course_words(overview)} ", "muted"),
    ]
    room = width - sum(len(piece.text) for piece in pieces)
    line = course_pieces(overview.course, room, scale, glyphs, stale=stale) or [Piece("no course yet", "muted")]
    return row(*pieces, *line, key="health")


def _course_words(overview: HealthOverview) -> str:
    """Of what the course is, and over how long: it may be another number's than the one beside it."""
    course = overview.course
    hours = short(len(course.points) * course.step_s) if course.points else "24h"
    return f"{course.title.partition(',')[0].casefold()} {hours}"


def _digits(
    overview: HealthOverview, baseline: float, scale: Scale, width: int, glyphs: Glyphs, *, stale: bool
) -> list[Row]:
    health = overview.health
    drawn = big_digits(_value(overview, glyphs), ascii_only=glyphs.ascii_only)
    known = health.value is not None
    words: list[tuple[str, Tone]] = [
        ("%" if known else "", "strong"),
        ("of connections" if known else "health is", "muted"),
        ("are healthy" if known else "not known", "muted"),
        (f"usual {baseline:.2f} %", ""),
        (f"critical < {scale.critical:g} %" if scale.critical is not None else "", ""),
    ]
    room = max(0, width - len(drawn[0]) - 3)
    return [
        row((drawn[line], _tone(overview, stale=stale)), (f"   {fit(words[line][0], room)}", words[line][1]))
        for line in range(HEIGHT)
    ]


def _verdict(overview: HealthOverview, baseline: float, glyphs: Glyphs, *, stale: bool) -> Row:
    state = wording.status_piece(overview.health.status, glyphs)
    pieces = [
        *column(state.text, 13, "muted" if stale else state.tone),
        Piece(_value(overview, glyphs), "strong"),
        Piece(f"  {distance_words(overview, baseline)}"),
    ]
    return row(*pieces, key="health")


def next_rows(next_to_fail: NextToFail, width: int, most: int, glyphs: Glyphs) -> list[Row]:
    """Next failure, in exactly `most` rows."""
    lines = wrap(glyphs.text(next_to_fail.text), width - LABEL, most=most)
    rows = [row((fit("next", LABEL), "muted"), (lines[0], next_to_fail.tone), key="next")]
    rows += [row(" " * LABEL, (line, next_to_fail.tone)) for line in lines[1:]]
    return [*rows, *(BLANK for _ in range(most - len(rows)))]


def _basis(overview: HealthOverview, width: int, most: int, glyphs: Glyphs) -> list[Row]:
    """Basis of the number and its course."""
    if most < 1:
        return []
    health = overview.health
    text = " · ".join(part for part in (health.failure, overview.course.basis, health.note) if part)
    lines = wrap(glyphs.text(text), width, most=most)
    return [row((line, "warn" if health.failure else "muted")) for line in lines]


# ---- the one number that must be read from across the room

HEIGHT = 5
"""Rows of a large digit."""

_FONT: Mapping[str, tuple[str, ...]] = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ".": (" ", " ", " ", " ", "#"),
    "-": ("   ", "   ", "###", "   ", "   "),
}


def big_digits(text: str, *, ascii_only: bool) -> tuple[str, ...]:
    """Five rows of equal width: a digit takes six cells, a point two, one cell between them.

    Glyphs that have no large form, such as the unit, are left out; a dash of any kind is drawn as one.
    """
    block = "#" if ascii_only else "█"
    letters = [_FONT[letter] for letter in text.replace("—", "-").replace("−", "-") if letter in _FONT]
    return tuple(
        " ".join("".join(block * 2 if dot == "#" else "  " for dot in letter[line]) for letter in letters)
        for line in range(HEIGHT)
    )
