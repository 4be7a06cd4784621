"""Frames that carry the cells that changed and not the row before them.

Textual knows which part of a row a widget wants repainted, and sends the row from the widget's left edge to the end of
that part. An age at the right end of a row then costs the whole row, every few seconds, over SSH. Here a part is sent
from where it begins. And where panes are laid out anew, Textual sends every row of the screen, 18 kB at 120 columns by
40 rows, although most of them are as they were: rows that stand there already are not sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import textual.screen
from rich.cells import cell_len
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console, RenderableType

    Painted = list[list[Strip] | None]


_WIDE = 2
"""Cells of a wide character."""


class DirtyCompositor(Compositor):
    """Textual's, which asks no widget for its lines that has no part in what is to be repainted.

    Textual asks every widget within the box around all changes. With the clock in the first row and a cursor further
    down that is every pane there is, on each key, although the lines of most of them are then thrown away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._updates: tuple[Region, ...] = ()
        """Regions of the update under way; empty for a whole picture."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of what is dirty, or None where nothing is."""
        self._updates = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._updates = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        return self._renders_of(self._updates) if self._updates else super()._get_renders(crop)

    def _renders_of(self, updates: tuple[Region, ...]) -> Iterator[tuple[Region, Region, list[Strip]]]:
        # Front to back, as Textual goes: whatever lies over a changed cell is among those that are asked.
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            if shown and any(shown.overlaps(update) for update in updates):
                yield region, clip, widget.render_lines(shown.translate(-region.offset))


def ask_only_what_changed() -> None:
    """Have every screen that is made from now on use `DirtyCompositor`."""
    vars(textual.screen)["Compositor"] = DirtyCompositor


class TightUpdate(ChopsUpdate):
    """The same update, cropped on the left as well as on the right."""

    def render_segments(self, console: Console) -> str:
        """Return the update as text with escape sequences."""
        return "".join(Control.move_to(x, y).segment.text + piece.render(console) for x, y, piece in self.pieces())

    def pieces(self) -> Iterator[tuple[int, int, Strip]]:
        """Column and row at which each piece that is sent begins, and the piece."""
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                start = boundary(strip, first - x) if first > x else 0
                # To the end of a character as well: of one cut in half, a space would be painted.
                stop = ending(strip, min(end, last) - x)
                yield x + start, y, strip if start == 0 and stop >= strip.cell_length else strip.crop(start, stop)


class RowsUpdate(LayoutUpdate):
    """A whole screen, of which only the rows are sent that are not there already."""

    def __init__(self, strips: list[list[Strip]], region: Region, painted: Painted) -> None:
        super().__init__([*strips], region)
        self.parts = [
            (x, y, strip)
            for y, row in enumerate(strips)
            for x, strip in _missing(row, painted[y] if y < len(painted) else None)
        ]
        """Where each part begins, and what it is. A row has a part for each pane that it crosses."""

    def render_segments(self, console: Console) -> str:
        """Return the update as text with escape sequences."""
        left, top = self.region.offset
        return "".join(
            Control.move_to(left + x, top + y).segment.text + strip.render(console) for x, y, strip in self.parts
        )


def _patched(row: list[Strip] | None, at: int, piece: Strip) -> list[Strip] | None:
    """The row after a piece was sent to column `at`; None where the piece does not lie within one of its parts."""
    if row is None:
        return None
    x = 0
    for number, strip in enumerate(row):
        end = x + strip.cell_length
        if x <= at < end:
            if at + piece.cell_length > end:
                return None
            before, behind = strip.crop(0, at - x), strip.crop(at - x + piece.cell_length, strip.cell_length)
            return [*row[:number], Strip.join([before, piece, behind]).simplify(), *row[number + 1 :]]
        x = end
    return None


def _missing(row: list[Strip], painted: list[Strip] | None) -> Iterator[tuple[int, Strip]]:
    """The parts of a row that do not stand there already, each with the cell at which it begins."""
    lengths = [strip.cell_length for strip in row]
    is_cut_alike = painted is not None and [strip.cell_length for strip in painted] == lengths
    x = 0
    for number, strip in enumerate(row):
        if painted is None or not is_cut_alike:
            yield x, strip
        elif painted[number] != strip:
            lead, trail = _shared(strip, painted[number]), _shared(strip, painted[number], backwards=True)
            if lead + trail < strip.cell_length:
                yield x + lead, strip.crop(lead, strip.cell_length - trail)
            else:
                yield x, strip
        x += lengths[number]


def _shared(strip: Strip, painted: Strip, *, backwards: bool = False) -> int:
    """Cells of the segments with which both begin, or end."""
    pairs = (
        zip(reversed(list(strip)), reversed(list(painted)), strict=False)
        if backwards
        else zip(strip, painted, strict=False)
    )
    cells = 0
    for new, old in pairs:
        if new != old:
            break
        cells += new.cell_length
    return cells


class Picture:
    """The cells on the terminal, as far as they are known, and how little brings them to the next state."""

    def __init__(self) -> None:
        self._rows: Painted = []
        """Every row, pane by pane; None for one of which nobody knows."""

    def forget(self) -> None:
        """Nobody knows what stands there: the next whole screen is sent with every row."""
        self._rows = []

    def tightened(self, update: RenderableType | CompositorUpdate, whole: Region) -> RenderableType | CompositorUpdate:
        """The same update with fewer bytes; it is taken to be sent. `whole` is the region of the screen."""
        if type(update) is ChopsUpdate:
            tight = TightUpdate(update.chops, update.spans, update.chop_ends)
            for x, y, piece in tight.pieces():
                if y < len(self._rows):
                    self._rows[y] = _patched(self._rows[y], x, piece)
            return tight
        if type(update) is LayoutUpdate and update.region == whole:
            strips = [[strip.simplify() for strip in row] for row in update.strips]
            rows = RowsUpdate(strips, update.region, self._rows)
            self._rows = [*strips]
            return rows
        self.forget()
        return update


def boundary(strip: Strip, cell: int) -> int:
    """Return the nearest cell at or before `cell` where a character begins: half of a wide one cannot be painted."""
    at = 0
    for segment in strip:
        width = segment.cell_length
        if at + width < cell:
            at += width
            continue
        if len(segment.text) == width:
            return cell
        for character in segment.text:
            step = cell_len(character)
            if at + step > cell:
                return at
            at += step
    return min(at, cell)


def ending(strip: Strip, cell: int) -> int:
    """Return the nearest cell at or behind `cell` where a character ends."""
    start = boundary(strip, cell)
    return cell if start == cell or cell >= strip.cell_length else min(strip.cell_length, start + _WIDE)
