"""How a number went: as one line, and as a chart with its limits. What is not known is a gap, never zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from widgets.row import Piece, Row, Tone, fit, row
from widgets.sparkline import BLOCKS, RAMP

if TYPE_CHECKING:
    from diagnostics.models.figures import Course
    from widgets.glyphs import Glyphs

AXIS = 6
"""Cells of the labels on the left of a chart."""


@dataclass(slots=True, frozen=True)
class Scale:
    """Between which values a course is drawn, and where its limits lie. All in the course's unit."""

    low: float
    high: float
    usual: float | None = None
    warning: float | None = None
    critical: float | None = None
    bad: str = "below"
    """On which side of its limits the number is bad: below or above."""

    def tone(self, value: float) -> Tone:
        """Tone of a value; the axis says the same without colour."""
        for limit, tone in ((self.critical, "fail"), (self.warning, "warn")):
            if limit is not None and (value < limit if self.bad == "below" else value > limit):
                return "fail" if tone == "fail" else "warn"
        return "accent"

    def share(self, value: float) -> float:
        """Where a value lies between low and high, 0 to 1."""
        if self.high <= self.low:
            return 0.0
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def scale_for(
    course: Course, *, usual: float | None, warning: float | None, critical: float | None, floor: float | None
) -> Scale:
    """The scale of a percentage that is bad when low: from the deepest limit, or lower where the course was, to 100."""
    known = [point.value for point in course.points if point.value is not None]
    limits = [limit for limit in (floor, critical, warning, usual) if limit is not None]
    low = min([*known, *limits], default=0.0)
    return Scale(min(99.0, float(int(low))), 100.0, usual=usual, warning=warning, critical=critical)


def gap_glyph(glyphs: Glyphs) -> str:
    """Glyph where nothing is known."""
    return "?" if glyphs.ascii_only else "·"


def spread(values: Sequence[float | None], width: int) -> list[float | None]:
    """`values`, oldest first, over at most `width` cells.

    Fewer values than cells are widened by a whole factor; of several in one cell the lowest is kept, because a dip
    of one hour must stay visible. A cell is unknown only when all of its values are.
    """
    count = len(values)
    if not count or width <= 0:
        return []
    if count <= width:
        factor = width // count
        return [value for value in values for _ in range(factor)]
    cells: list[float | None] = []
    for cell in range(width):
        part = [value for value in values[cell * count // width : (cell + 1) * count // width] if value is not None]
        cells.append(min(part) if part else None)
    return cells


def stretch(values: Sequence[float | None], width: int) -> list[float | None]:
    """`values` over exactly `width` cells: as `spread`, but the last cell is filled too."""
    count = len(values)
    if not count or count >= width:
        return spread(values, width)
    return [values[cell * count // width] for cell in range(width)]


def course_pieces(course: Course, width: int, scale: Scale, glyphs: Glyphs, *, stale: bool) -> list[Piece]:
    """The course as one line of at most `width` cells."""
    ramp = RAMP[1:] if glyphs.ascii_only else BLOCKS
    last = len(ramp) - 1
    pieces: list[Piece] = []
    for value in spread([point.value for point in course.points], width):
        if value is None:
            pieces.append(Piece(gap_glyph(glyphs), "muted"))
        else:
            pieces.append(Piece(ramp[round(scale.share(value) * last)], "muted" if stale else scale.tone(value)))
    return joined(pieces)


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces, neighbours of one tone as one piece."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].tone == piece.tone:
            found[-1] = Piece(found[-1].text + piece.text, piece.tone)
        else:
            found.append(piece)
    return found


def course_chart(course: Course, *, width: int, height: int, scale: Scale, glyphs: Glyphs, stale: bool) -> list[Row]:
    """`height` rows of columns with the limits on the left; the highest row is the scale's upper end."""
    cells = stretch([point.value for point in course.points], max(1, width - AXIS))
    labels = _labels(scale, height)
    lined = {_row_of(limit, scale, height) for limit in (scale.usual, scale.critical) if limit is not None}
    rows: list[Row] = []
    for line in range(height):
        pieces = [Piece(fit(labels.get(line, ""), AXIS - 1, right=True), "muted"), Piece(glyphs.bar, "muted")]
        pieces += [_cell(value, line, height, scale, glyphs, ruled=line in lined) for value in cells]
        if stale:
            pieces = [Piece(piece.text, "muted") for piece in pieces]
        rows.append(row(*joined(pieces)))
    return rows


def _row_of(value: float, scale: Scale, height: int) -> int:
    """The row, 0 at the top, in which a value lies."""
    return min(height - 1, int((1.0 - scale.share(value)) * height))


def _labels(scale: Scale, height: int) -> dict[int, str]:
    """Labels by row; the limits before the ends where they meet."""
    labels: dict[int, str] = {}
    for value in (scale.critical, scale.usual, scale.low, scale.high):
        if value is not None:
            labels.setdefault(_row_of(value, scale, height), f"{value:.4g}")
    return labels


def _cell(value: float | None, line: int, height: int, scale: Scale, glyphs: Glyphs, *, ruled: bool) -> Piece:
    empty = Piece(("." if glyphs.ascii_only else "┄") if ruled else " ", "muted")
    if value is None:
        return Piece(gap_glyph(glyphs), "muted") if line == height - 1 else empty
    filled = scale.share(value) * height - (height - 1 - line)
    if line == height - 1:
        # A value at the lower end is known all the same, and must not look like a gap.
        filled = max(filled, 1 / 8)
    if filled <= 0:
        return empty
    if filled > 1:
        # Below the course: a ground that leads the eye down to the hour, and no wall.
        return Piece(":" if glyphs.ascii_only else "░", "muted")
    tone = scale.tone(value)
    if glyphs.ascii_only:
        return Piece("#" if filled >= 0.5 else "=", tone)
    return Piece(BLOCKS[min(7, max(0, round(filled * 8) - 1))], tone)


def axis_row(course: Course, *, width: int, glyphs: Glyphs, key: str | None = None) -> Row:
    """Below a chart: when it begins, when it ends, and what the glyph for a gap means."""
    if not course.points:
        return row((fit(glyphs.text("no course is known yet"), width), "muted"), key=key)
    cells = max(1, width - AXIS)
    begin = f"{course.points[0].at:%H:%M}"
    end = f"{course.points[-1].at:%H:%M} UTC"
    gaps = any(point.value is None for point in course.points)
    middle = f"{gap_glyph(glyphs)} not known" if gaps else ""
    room = cells - len(begin) - len(end)
    text = begin + (middle.center(room) if room > len(middle) else " " * max(1, room)) + end
    return row((" " * AXIS + fit(text, max(0, width - AXIS)), "muted"), key=key)
