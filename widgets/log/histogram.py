"""Events over time as columns of blocks: errors solid, warnings dense, the rest light, so that no colour is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from diagnostics.core.words import plural, span
from widgets.line_view import LineView
from widgets.row import BLANK, Piece, Row, Tone, fit, row
from widgets.sparkline import BLOCKS

if TYPE_CHECKING:
    from diagnostics.models.explorer import Bin, Histogram
    from widgets.glyphs import Glyphs

WIDEST_COLUMN = 4
"""Cells of one step at most."""

NOT_KNOWN = "?"
"""A step that no log can have reached yet: no data, and not nothing."""

_TONES: dict[str, Tone] = {"error": "fail", "warn": "warn", "info": "muted"}
_FULL = {"error": "█", "warn": "▓", "info": "░"}
_ASCII = {"error": "#", "warn": "+", "info": ":"}


def column_width(bins: int, width: int) -> int:
    """Cells of one step, so that all of them fit."""
    return max(1, min(WIDEST_COLUMN, width // max(1, bins)))


def fitting(histogram: Histogram, width: int) -> Histogram:
    """The histogram with neighbouring steps taken together until there is a cell for each; nothing is left out."""
    if len(histogram.bins) <= width:
        return histogram
    together = -(-len(histogram.bins) // max(1, width))
    bins = []
    for first in range(0, len(histogram.bins), together):
        group = histogram.bins[first : first + together]
        counts: dict[str, int] = {}
        for one in group:
            for level, count in one.counts.items():
                counts[level] = counts.get(level, 0) + count
        bins.append(replace(group[0], counts=counts, is_complete=all(one.is_complete for one in group)))
    return replace(histogram, bins=tuple(bins), step_ms=histogram.step_ms * together)


def clock(moment_ms: int, step_ms: int) -> str:
    """A moment as exactly as the step needs it, with the day where a step is an hour or more."""
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    if step_ms >= 3_600_000:
        return f"{moment:%d %b %H:%M}"
    return f"{moment:%H:%M:%S}" if step_ms < 60_000 else f"{moment:%H:%M}"


def _cell(one: Bin, top: float, bottom: float, scale: float, ascii_only: bool) -> tuple[str, Tone]:
    """One cell of a column, which covers the counts between `bottom` and `top`."""
    base = 0.0
    for level in ("error", "warn", "info"):
        count = one.counts.get(level, 0) * scale
        if count <= 0:
            continue
        base += count
        if base > bottom:
            tone = _TONES[level]
            if ascii_only:
                return _ASCII[level], tone
            filled = min(1.0, (base - bottom) / (top - bottom))
            if filled >= 1 or level != "error":
                return _FULL[level], tone
            return BLOCKS[max(0, min(7, round(filled * 8) - 1))], tone
    return " ", ""


def histogram_rows(histogram: Histogram, *, width: int, height: int, cursor: int | None, glyphs: Glyphs) -> list[Row]:
    """`height` rows of columns, oldest at the left, and a row that says what is under the cursor.

    The scale starts at zero and ends at the fullest step; a step with a single event still shows.
    """
    histogram = fitting(histogram, width)
    bins = histogram.bins
    cells = column_width(len(bins), width)
    fullest = max((one.total for one in bins), default=0)
    rows: list[Row] = []
    for line in range(height, 0, -1):
        pieces = []
        for index, one in enumerate(bins):
            scale = height / fullest if fullest else 0.0
            text, tone = _cell(one, float(line), float(line - 1), scale, glyphs.ascii_only)
            if text == " " and line == 1 and not one.is_complete:
                text, tone = NOT_KNOWN, "muted"
            if index == cursor and text == " ":
                text, tone = glyphs.bar, "accent"
            pieces.append(Piece(text * cells, tone))
        rows.append(Row(_joined(pieces)))
    rows.append(_axis(histogram, bins, cursor, width, glyphs))
    return rows


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Neighbours of one tone as one piece: fewer escape sequences on the wire."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].tone == piece.tone:
            joined[-1] = Piece(joined[-1].text + piece.text, piece.tone)
        else:
            joined.append(piece)
    return tuple(joined)


def _axis(histogram: Histogram, bins: tuple[Bin, ...], cursor: int | None, width: int, glyphs: Glyphs) -> Row:
    if not bins:
        return row(("no steps in this range", "muted"))
    first = clock(histogram.start_ms, histogram.step_ms)
    last = clock(histogram.end_ms, histogram.step_ms)
    if cursor is not None and 0 <= cursor < len(bins):
        one = bins[cursor]
        parts = [f"{count:,} {level}" for level in ("error", "warn", "info") if (count := one.counts.get(level, 0))]
        lines = (
            plural(one.total, "line")
            if one.is_complete
            else f"{plural(one.total, 'line')} so far"
            if one.total
            else "no data"
        )
        words = f"{clock(one.start_ms, histogram.step_ms)}  {lines}"
        words += f" ({', '.join(parts)})" if parts else ""
    else:
        words = f"a step is {span(histogram.step_ms / 1_000)}, the fullest holds {max(b.total for b in bins):,}"
    if histogram.late:
        words += f", {histogram.late}"
    if histogram.partial:
        words += ", at least: the service answered in part"
    room = max(0, width - len(first) - len(last) - 1)
    return row(
        (first, "muted"),
        (fit(f"  {glyphs.text(words)}", room), "accent" if cursor is not None else "muted"),
        (last, "muted"),
    )


class HistogramView(LineView):
    """The columns, with a cursor that walks over steps. It fetches nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "earlier", show=False, id="histogram.left"),
        Binding("right", "step(1)", "later", show=False, id="histogram.right"),
    ]

    def __init__(self, *, glyphs: Glyphs, id: str | None = None) -> None:  # noqa: A002
        super().__init__(glyphs=glyphs, cursor=False, id=id)
        self.can_focus = True
        self.histogram: Histogram | None = None
        self.chosen_ms: int | None = None
        """Where the step under the cursor begins; kept while new steps arrive."""

    def put(self, histogram: Histogram | None) -> None:
        """Show another histogram; the cursor stays with its moment as long as that is in view."""
        self.histogram = histogram
        if self._index() is None:
            self.chosen_ms = None
        self.draw()

    def on_focus(self) -> None:
        """The cursor begins at the newest step."""
        bins = self._bins()
        if self.chosen_ms is None and bins:
            self.chosen_ms = bins[-1].start_ms
        self.draw()

    def on_blur(self) -> None:
        """Without the keys there is no cursor."""
        self.draw()

    def on_resize(self) -> None:
        """Another width holds other columns."""
        self.draw()

    def action_step(self, by: int) -> None:
        """One step earlier or later."""
        bins, index = self._bins(), self._index()
        if not bins:
            return
        at = len(bins) - 1 if index is None else max(0, min(len(bins) - 1, index + by))
        self.chosen_ms = bins[at].start_ms
        self.draw()

    def draw(self) -> None:
        """Build the rows; the view repaints the difference."""
        height = max(1, self.size.height - 1)
        if self.histogram is None:
            self.show([BLANK] * (height + 1))
            return
        index = self._index() if self.has_focus else None
        width = max(10, self.size.width)
        self.show(histogram_rows(self.histogram, width=width, height=height, cursor=index, glyphs=self.glyphs))

    def _bins(self) -> tuple[Bin, ...]:
        return fitting(self.histogram, max(10, self.size.width)).bins if self.histogram is not None else ()

    def _index(self) -> int | None:
        return next((i for i, one in enumerate(self._bins()) if one.start_ms == self.chosen_ms), None)
