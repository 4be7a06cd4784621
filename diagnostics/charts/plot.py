"""A chart as characters: blocks, braille or ASCII; value axis with its limits, time axis, marks. No terminal.

Every surface that has characters draws the same: the console gives tones their colours, Markdown leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.charts.axis import (
    USUAL,
    Column,
    Form,
    TimeAxis,
    ValueAxis,
    axis_of,
    beyond,
    columns_of,
    number_text,
    time_axis,
)

if TYPE_CHECKING:
    from datetime import datetime

    from diagnostics.charts.models import Chart, ChartMark, MarkKind
    from diagnostics.core.document import Tone

BLOCKS = "▁▂▃▄▅▆▇█"
DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Bits of a braille cell by column, from the lowest dot to the highest: Unicode 16, section 21.1."""
BRAILLE = 0x2800
HIGH = 4
"""Dots above each other in a braille cell."""

LETTERS: dict[MarkKind, str] = {
    "began": "S",
    "declared": "D",
    "notice": "N",
    "status": "U",
    "deploy": "R",
    "resolved": "E",
}
"""What stands below the column of a mark."""
SEVERAL = "+"
"""Below a column with marks of several kinds."""

LEAST_PLOT = 3
WIDEST_WORD = 10

Run = tuple[str, "Tone"]
Cells = list[list[Run]]


@dataclass(slots=True, frozen=True)
class Drawing:
    """Which of the drawings of one chart."""

    form: Form = "auto"
    braille: bool = False
    ascii_only: bool = False


@dataclass(slots=True, frozen=True)
class Plot:
    """Rows of runs, and what the surface has to know of them."""

    rows: tuple[tuple[Run, ...], ...]
    values: ValueAxis
    times: TimeAxis
    columns: tuple[Column, ...]
    gutter: int
    """Cells of the labels on the left, the axis included."""
    cursor: int | None = None
    """The column that is pointed at."""

    def text(self) -> str:
        """The rows without their tones."""
        return "\n".join("".join(text for text, _ in row).rstrip() for row in self.rows)


def plot(chart: Chart, *, width: int, height: int, drawing: Drawing, cursor: datetime | None = None) -> Plot:
    """The chart in exactly `height` rows of at most `width` cells; `cursor` is the moment that is pointed at.

    The last rows are the time axis and the marks.
    """
    values = axis_of(chart, drawing.form)
    high = max(LEAST_PLOT, height - 2)
    labels = _labels(chart, values, high)
    gutter = max((len(text) for text, _ in labels.values()), default=1)
    gutter = max(gutter, len("log")) + 2
    times = time_axis(chart, max(8, width - gutter))
    columns = columns_of(chart, times)
    pointed = None if cursor is None else times.column_at(cursor)
    grid = _Field(chart, columns, times, values, high, drawing).grid(pointed)
    bar = "|" if drawing.ascii_only else "│"
    rows: list[tuple[Run, ...]] = []
    for line in range(high):
        label, tone = labels.get(line, ("", "muted"))
        tick = ("+" if drawing.ascii_only else "┤") if label else bar
        rows.append(joined([(f"{label:>{gutter - 2}} ", tone), (tick, "muted"), *grid[line]]))
    corner = "log" if values.is_log else ""
    rows.append(joined([(f"{corner:>{gutter - 2}}  ", "title"), (_times(times), "muted")]))
    rows.append(joined([(" " * gutter, "muted"), *_letters(chart.marks, times)]))
    return Plot(tuple(rows[-height:] if height < len(rows) else rows), values, times, columns, gutter, pointed)


def joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same runs, neighbours of one tone as one: fewer escape sequences on the wire."""
    found: list[Run] = []
    for text, tone in runs:
        if found and found[-1][1] == tone:
            found[-1] = (found[-1][0] + text, tone)
        elif text:
            found.append((text, tone))
    return tuple(found)


def limit_tone(chart: Chart, word: str) -> Tone:
    """Tone of a limit, and of a value beyond it: the gravest limit of a chart is a failure, any other a warning."""
    if word in {"", USUAL}:
        return "muted" if word else "accent"
    gravest = [limit.word for limit in chart.limits if limit.word != USUAL][-1:]
    return "fail" if [word] == gravest else "warn"


def row_of(value: float, values: ValueAxis, high: int) -> int:
    """The row, 0 at the top, in which a value lies."""
    return min(high - 1, int((1.0 - values.share(value)) * high))


def _labels(chart: Chart, values: ValueAxis, high: int) -> dict[int, tuple[str, Tone]]:
    """Labels by row: limits before ticks, the gravest before the others."""
    labels: dict[int, tuple[str, Tone]] = {}
    for limit in reversed(chart.limits):
        if values.holds(limit.value):
            word = limit.word[:WIDEST_WORD]
            text = f"{word} {number_text(limit.value)}"
            labels.setdefault(row_of(limit.value, values, high), (text, limit_tone(chart, limit.word)))
    ends = (values.high, values.low)
    for value in (*ends, *values.ticks(max(2, high // 3))):
        labels.setdefault(row_of(value, values, high), (number_text(value), "muted"))
    return labels


@dataclass(slots=True, frozen=True)
class _Field:
    """The cells between the axes."""

    chart: Chart
    columns: Sequence[Column]
    times: TimeAxis
    values: ValueAxis
    high: int
    drawing: Drawing

    def grid(self, cursor: int | None) -> Cells:
        """Limits as dotted lines behind the curve, the beginning of an incident and the cursor as upright ones."""
        ascii_only, last = self.drawing.ascii_only, self.high - 1
        ruled = {
            row_of(limit.value, self.values, self.high): limit_tone(self.chart, limit.word)
            for limit in self.chart.limits
            if self.values.holds(limit.value)
        }
        began = {self.times.cell_at(mark.at) for mark in self.chart.marks if mark.kind == "began"}
        rule, upright, pointer, gap = ("-", "!", "|", "?") if ascii_only else ("┄", "┊", "│", "·")
        dots = self._dots() if self.drawing.braille and not ascii_only else None
        grid: Cells = [[] for _ in range(self.high)]
        for number, column in enumerate(self.columns):
            cells = self.times.cells_of(number)
            for cell in cells:
                behind: Run | None = None
                if cell in began:
                    behind = (upright, "title")
                if number == cursor and cell == cells[len(cells) // 2]:
                    behind = (pointer, "strong")
                for line in range(self.high):
                    run = self._block(column, line) if dots is None else self._dotted(column, dots[line][cell])
                    if run is None and column.is_inside and column.value is None and line == last:
                        run = (gap, "muted")
                    ground: Run = (rule, ruled[line]) if line in ruled else (" ", "muted")
                    if run is not None and run[1] == "muted" and line in ruled and column.value is not None:
                        # A limit goes on over the ground below the curve.
                        run = ground
                    grid[line].append(run or behind or ground)
        return grid

    def _tone(self, column: Column) -> Tone:
        return "accent" if column.judged is None else limit_tone(self.chart, beyond(self.chart, column.judged))

    def _block(self, column: Column, line: int) -> Run | None:
        """One cell of a column: its top in the tone of the value, a light ground below it; None above it."""
        if column.value is None:
            return None
        ascii_only = self.drawing.ascii_only
        filled = self.values.share(column.value) * self.high - (self.high - 1 - line)
        if line == self.high - 1:
            # A value on the floor is known all the same, and must not look like a gap.
            filled = max(filled, 1 / 8)
        if filled <= 0:
            return None
        if filled > 1:
            return (":" if ascii_only else "░"), "muted"
        if ascii_only:
            return ("#" if filled >= 0.5 else "=" if filled > 1 / 8 else "_"), self._tone(column)
        return BLOCKS[min(7, max(0, round(filled * 8) - 1))], self._tone(column)

    def _dotted(self, column: Column, bits: int) -> Run | None:
        return (chr(BRAILLE + bits), self._tone(column)) if bits else None

    def _dots(self) -> list[list[int]]:
        """A line of dots: level over a step, upright between two that are known; nothing joins over a gap."""
        top = self.high * HIGH - 1
        found = [[0] * self.times.cells for _ in range(self.high)]
        before: int | None = None
        for number, column in enumerate(self.columns):
            level = None if column.value is None else round(self.values.share(column.value) * top)
            for cell in self.times.cells_of(number):
                for bits in DOTS:
                    if level is not None:
                        start = level if before is None else before
                        for dot in range(min(start, level), max(start, level) + 1):
                            found[self.high - 1 - dot // HIGH][cell] |= bits[dot % HIGH]
                    before = level
        return found


def _times(times: TimeAxis) -> str:
    """The labels of the time axis; the last one says which time it is."""
    text = ""
    for cell, label in times.ticks():
        if len(text) < cell + 1 and cell + len(label) <= times.cells:
            text = text.ljust(cell) + label
    return f"{text} UTC" if len(text) + 4 <= times.cells else text


def _letters(marks: Sequence[ChartMark], times: TimeAxis) -> list[Run]:
    letters: dict[int, str] = {}
    for mark in marks:
        cell = times.cell_at(mark.at)
        if cell is not None:
            letter = LETTERS[mark.kind]
            letters[cell] = letter if letters.get(cell, letter) == letter else SEVERAL
    return [("".join(letters.get(cell, " ") for cell in range(max(letters, default=-1) + 1)), "title")]
