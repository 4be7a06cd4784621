"""Frames that carry the cells that changed and not the row before them.

Textual knows which part of a row a widget wants repainted, and sends the row from the widget's left edge to the end of
that part. An age at the right end of a row then costs the whole row, every few seconds, over SSH. Here a part is sent
from where it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.control import Control
from textual._compositor import ChopsUpdate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from textual.app import App
    from textual.screen import Screen
    from textual.strip import Strip

    _Base = App[int]
else:
    _Base = object


class TightUpdate(ChopsUpdate):
    """The same update, cropped on the left as well as on the right."""

    def render_segments(self, console: Console) -> str:
        """Return the update as text with escape sequences."""
        sequences: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                start = boundary(strip, first - x) if first > x else 0
                stop = min(end, last) - x
                piece = strip if start == 0 and stop >= strip.cell_length else strip.crop(start, stop)
                sequences.append(Control.move_to(x + start, y).segment.text)
                sequences.append(piece.render(console))
        return "".join(sequences)


class TightFrames(_Base):
    """For an application, before `App` in its bases."""

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if type(renderable) is ChopsUpdate:
            renderable = TightUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)


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
