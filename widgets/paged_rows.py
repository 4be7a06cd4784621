"""Long lists in columns: what each column shows, which ones fit, and a pane that says when its end is near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.message import Message

from widgets.glyphs import Glyphs
from widgets.line_view import LineView
from widgets.row import Piece, Row, Tone, column, fit, row

GAP = 2
"""Cells between two columns."""

NEAR = 12
"""Rows from the end at which the next page is wanted."""

STAMP = 12
"""Cells of the longest time that `stamp` writes."""


PieceOf = Callable[[Any, Glyphs, datetime], Piece]
"""Text and tone of one item at the present moment."""


@dataclass(slots=True, frozen=True)
class Column:
    """One column of a list. Widths depend on the terminal alone, so that rows never shift when more arrive."""

    title: str
    piece: PieceOf
    least: int
    most: int = 0
    """Cells it may grow to; 0 keeps it at `least`."""
    rank: int = 1
    """1 stays at every width; of the others the highest go first."""
    right: bool = False
    wish: int = 0
    """Cells it should have before columns of a higher rank are shown; 0 is `least`."""
    name: str = ""
    """How it is called where columns are chosen, and in exports."""
    value: Callable[[Any], Any] | None = None
    """What it is sorted by and exported as; None of it is not known."""


Layout = tuple[tuple[Column, int], ...]


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """The columns that fit into `width` cells, each with its own width; what is left goes to those that may grow."""
    chosen = list(columns)
    while _wished(chosen) > width:
        highest = max(column.rank for column in chosen)
        if highest == 1:
            break
        # The last one of the highest rank goes first.
        last = max(index for index, column in enumerate(chosen) if column.rank == highest)
        del chosen[last]
    cells = [column.least for column in chosen]
    spare = width - _least(chosen)
    while spare > 0:
        growing = [index for index, column in enumerate(chosen) if cells[index] < column.most]
        if not growing:
            break
        share = max(1, spare // len(growing))
        for index in growing:
            more = min(share, chosen[index].most - cells[index], spare)
            cells[index] += more
            spare -= more
    return tuple(zip(chosen, cells, strict=True))


def _least(columns: Sequence[Column]) -> int:
    return sum(column.least for column in columns) + GAP * (len(columns) - 1)


def _wished(columns: Sequence[Column]) -> int:
    return sum(max(column.least, column.wish) for column in columns) + GAP * (len(columns) - 1)


def heading(layout: Layout, glyphs: Glyphs) -> Row:
    """The line above the list."""
    titles = [fit(glyphs.text(column.title), cells, right=column.right) for column, cells in layout]
    return row(((" " * GAP).join(titles), "muted"))


def item_row(item: Any, layout: Layout, *, key: str, glyphs: Glyphs, now: datetime) -> Row:  # noqa: ANN401  # any row model
    """One item in the columns of `layout`."""
    pieces: list[Piece] = []
    for one, cells in layout:
        if pieces:
            pieces.append(Piece(" " * GAP))
        piece = one.piece(item, glyphs, now)
        pieces += column(glyphs.text(piece.text), cells, piece.tone, right=one.right)
    return row(*pieces, key=key)


def said(get: Callable[[Any], str], tone: Tone = "") -> PieceOf:
    """A cell of text; a dash where there is none."""
    return lambda item, glyphs, _now: Piece(get(item) or glyphs.missing, tone if get(item) else "muted")


def whole(get: Callable[[Any], int | None]) -> PieceOf:
    """A cell with an id or a small count; a dash, never 0, where it was not read."""
    return lambda item, glyphs, _now: Piece(glyphs.missing if get(item) is None else str(get(item)))


def either(get: Callable[[Any], bool | None]) -> PieceOf:
    """A cell with yes or no; a dash where it was not read."""
    return lambda item, glyphs, _now: Piece(yes_no(get(item), glyphs))


def when(get: Callable[[Any], datetime | None]) -> PieceOf:
    """A cell with a moment."""
    return lambda item, glyphs, now: Piece(stamp(get(item), now, glyphs))


def yes_no(value: bool | None, glyphs: Glyphs) -> str:
    """yes, no, or a dash for what was not read."""
    return glyphs.missing if value is None else "yes" if value else "no"


def stamp(at: datetime | None, now: datetime, glyphs: Glyphs) -> str:
    """A moment in at most `STAMP` cells: "14:03:22", "15 Nov 14:03", "2024-11-15"; a dash when there is none."""
    if at is None:
        return glyphs.missing
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%d %b %H:%M}" if at.year == now.year else f"{at:%Y-%m-%d}"


class PagedRows(LineView):
    """A list that is longer than what has been read of it. Its cursor reports the end, and what lies beyond."""

    @dataclass
    class EndNear(Message):
        """The cursor comes near the last row that has been read."""

        view: PagedRows

    @dataclass
    class Beyond(Message):
        """A key wanted to go past the first or the last row."""

        view: PagedRows
        down: bool

    def _step(self, by: int) -> None:
        before = self.cursor_key
        super()._step(by)
        if self.cursor_key == before and abs(by) == 1:
            self.post_message(self.Beyond(self, by > 0))
        elif by > 0 and self._left() <= NEAR:
            self.post_message(self.EndNear(self))

    def _left(self) -> int:
        """Rows below the cursor."""
        for place, item in enumerate(reversed(self.rows)):
            if item.key is not None and item.key == self.cursor_key:
                return place
        return len(self.rows)

    def go_back_to(self, key: str | None, top: int) -> None:
        """Put cursor and scroll position where they were before, as far as that still exists."""
        if key is not None:
            self.place(key)
        self.scroll_to(y=top, animate=False)
