"""The tabs of a screen in one line: where one is, where else one can go, and how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from widgets.glyphs import Glyphs
from widgets.row import Piece, Row, Tone, fit, row

ROOMY = 110
"""From this many cells the long titles are used."""


@dataclass(slots=True, frozen=True)
class Tab:
    """One tab."""

    id: str
    title: str
    long_title: str


def tab_row(tabs: Sequence[Tab], selected: str, *, right: str, tone: Tone, width: int, glyphs: Glyphs) -> Row:
    """The tabs, the selected one in brackets, and `right` at the end. Its view gives the line the ground of a bar."""
    roomy = width >= ROOMY
    pieces: list[Piece] = [Piece(" ")]
    for tab in tabs:
        title = glyphs.text(tab.long_title if roomy else tab.title)
        if tab.id == selected:
            pieces.append(Piece(f"[{title}]", "key"))
        else:
            pieces.append(Piece(f" {title} "))
    used = sum(cell_len(piece.text) for piece in pieces)
    rest = max(0, width - used - 1)
    return row(*pieces, (fit(glyphs.text(right), rest, right=True), tone))
