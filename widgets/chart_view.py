"""One number over time: a curve with its axes, the value at the cursor, the legend. Repaints the cells that changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.geometry import Region

from diagnostics.charts.legend import (
    column_words,
    gap_words,
    limit_words,
    mark_words,
    moment_words,
    scale_words,
)
from diagnostics.charts.plot import Drawing, Plot, plot
from widgets import wording
from widgets.line_view import LineView
from widgets.row import BLANK, Piece, Row, Tone, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.charts.models import Chart
    from widgets.glyphs import Glyphs

TALL = 30
"""From this many rows on, marks and notes have two rows each, else one.

As many whatever there is to say: where the plot kept changing its height, each change would send all of it.
"""
LEAST_PLOT, TALLEST_PLOT = 7, 34
NEAR = 8
"""Cells between two changes of one row that cost no more than moving the cursor over them."""


def chart_rows(
    chart: Chart, *, width: int, height: int, drawing: Drawing, cursor: datetime | None, glyphs: Glyphs
) -> tuple[list[Row], Plot]:
    """The chart in `height` rows: what it is now, the value at the cursor, the plot, the legend."""
    each = 2 if height >= TALL else 1
    below = 2 + 2 * each
    drawn = plot(
        chart,
        width=width,
        height=min(TALLEST_PLOT, max(LEAST_PLOT, height - 2 - below)),
        drawing=drawing,
        cursor=cursor,
    )
    state = wording.status_piece(chart.status, glyphs)
    now = glyphs.text(f"now {chart.shown}")
    said = glyphs.text(f"   {chart.failure or chart.rule}")
    rest = max(0, width - cell_len(state.text) - cell_len(now) - 2)
    rows = [
        row(
            (state.text, "muted" if chart.failure else state.tone),
            (f"  {now}", "strong"),
            (fit(said, rest), "warn" if chart.failure else "muted"),
        ),
        row((fit(glyphs.text(_at_cursor(chart, drawn)), width), "muted" if drawn.cursor is None else "")),
        *(Row(tuple(Piece(text, tone) for text, tone in line)) for line in drawn.rows),
    ]
    rows += _legend(chart, drawn, width, each, glyphs)
    return [*rows[:height], *[BLANK] * max(0, height - len(rows))], drawn


def _at_cursor(chart: Chart, drawn: Plot) -> str:
    if drawn.cursor is None:
        return "left and right: the value at a moment"
    return moment_words(chart, drawn.columns[drawn.cursor], f"{drawn.times.moment_of(drawn.cursor):%H:%M}")


def _legend(chart: Chart, drawn: Plot, width: int, each: int, glyphs: Glyphs) -> list[Row]:
    limits = " · ".join(limit_words(chart, drawn.values)) or "no limits"
    how = [scale_words(drawn.values), column_words(chart, drawn.times), _gaps(chart, glyphs)]
    rows = [
        row((fit(glyphs.text(limits), width), "muted")),
        row((fit(glyphs.text(" · ".join(part for part in how if part)), width), "muted")),
    ]
    rows += _paragraph(_marks(chart, width, each), width, each, "title", glyphs)
    notes = " · ".join((chart.course.basis, *chart.notes)).strip(" ·")
    return rows + _paragraph(notes, width, each, "muted", glyphs)


def _marks(chart: Chart, width: int, each: int) -> str:
    """The marks that have room. The oldest go first, and how many went is said; a copy has them all."""
    marks = mark_words(chart)
    for first in range(len(marks)):
        earlier = [f"{first} earlier: y copies all"] if first else []
        if len(wrap(said := " · ".join((*earlier, *marks[first:])), width)) <= each:
            return said
    return " · ".join(marks[-1:])


def _paragraph(text: str, width: int, each: int, tone: Tone, glyphs: Glyphs) -> list[Row]:
    """Exactly `each` rows."""
    lines = wrap(glyphs.text(text), width, most=each) if text else []
    return [row((line, tone)) for line in lines] + [BLANK] * (each - len(lines))


def _gaps(chart: Chart, glyphs: Glyphs) -> str:
    words = gap_words(chart)
    return f"{words} ({'?' if glyphs.ascii_only else '·'})" if words else ""


def differing(old: str, new: str) -> list[tuple[int, int]]:
    """Half-open ranges of letters in which two texts of one length differ; those near each other are one."""
    runs: list[tuple[int, int]] = []
    for at, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        if runs and at - runs[-1][1] < NEAR:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs


class ChartView(LineView):
    """A chart that fills its pane. Left and right point at a moment; it stays while new steps arrive."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "earlier", show=False, id="chart.left"),
        Binding("right", "step(1)", "later", show=False, id="chart.right"),
    ]

    def __init__(self, *, glyphs: Glyphs, id: str | None = None) -> None:  # noqa: A002
        super().__init__(glyphs=glyphs, cursor=False, id=id)
        self.can_focus = True
        self.chart: Chart | None = None
        self.drawing = Drawing(ascii_only=glyphs.ascii_only)
        self.chosen: datetime | None = None
        """The moment that is pointed at."""
        self.drawn: Plot | None = None

    def say(self, words: tuple[str, str]) -> None:
        """Show a sentence, and what to do, while there is no curve."""
        width = max(30, self.size.width - 2)
        self.chart = self.drawn = None
        self.show([row((line, "warn" if words[1] else "muted")) for text in words for line in wrap(text, width)])

    def put(self, chart: Chart, drawing: Drawing) -> None:
        """Show another answer, or another drawing of it."""
        self.chart, self.drawing = chart, drawing
        self.draw()

    def on_resize(self) -> None:
        """Another size holds other columns."""
        self.draw()

    def action_step(self, by: int) -> None:
        """One column earlier or later; from the newest known one at first."""
        drawn = self.drawn
        if drawn is None:
            return
        inside = [number for number, column in enumerate(drawn.columns) if column.is_inside]
        at = drawn.cursor
        if not inside:
            return
        at = inside[-1] if at is None else max(inside[0], min(inside[-1], at + by))
        self.chosen = drawn.times.moment_of(at)
        self.draw()

    def draw(self) -> None:
        """Build the rows; the view repaints the difference."""
        if self.chart is None or not self.size.width:
            return
        width, height = max(30, self.size.width - 2), max(10, self.size.height)
        rows, self.drawn = chart_rows(
            self.chart, width=width, height=height, drawing=self.drawing, cursor=self.chosen, glyphs=self.glyphs
        )
        self.show(rows)

    def _refresh_difference(self, index: int, old: Row, new: Row) -> None:
        """Each changed run of a row by itself: between two of them lies what has not moved."""
        before, after = _letters(old), _letters(new)
        if len(before) != len(after) or cell_len(new.text) != len(new.text) or cell_len(old.text) != len(old.text):
            super()._refresh_difference(index, old, new)
            return
        changed = "".join("x" if one != other else " " for one, other in zip(before, after, strict=True))
        for start, end in differing(" " * len(changed), changed):
            region = Region(start, index - self.scroll_offset.y, end - start, 1)
            self.refresh(region.intersection(Region(0, 0, *self.size)))


def _letters(item: Row) -> list[tuple[str, str]]:
    return [(letter, piece.tone) for piece in item.pieces for letter in piece.text]
