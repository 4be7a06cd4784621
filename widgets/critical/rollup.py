"""Levels 2 and 3 in one line of level 1: what is wrong there must not be looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.words import plural
from widgets import wording
from widgets.row import Piece, Row, Tone, row

if TYPE_CHECKING:
    from diagnostics.models.figures import Figure
    from diagnostics.models.health import RollUp
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs

NAMES = {"system_health": "health", "health": "health", "webhook_latency_p95": "webhook latency"}
"""Figures as the line calls them; they are level 2's own."""


def rollup_row(reading: Reading[RollUp] | None, *, usual: str, width: int, glyphs: Glyphs) -> Row:
    """Each figure with its state, then what is open on level 3; `usual` stands behind health where there is room.

    An answer that is old says so, and an old pass is grey. A figure is dropped as a whole and never cut.
    """
    found = reading.value if reading is not None else None
    if reading is None or found is None:
        waiting = reading is None or str(reading.freshness) == "loading"
        said = "asking" if waiting else f"NOT KNOWN: {reading.failure}" if reading is not None else ""
        return row(("LEVEL 2 ", "title"), (glyphs.text(said)[: max(0, width - 8)], "muted" if waiting else "warn"))
    stale = wording.is_stale(reading)
    for with_usual, long in ((True, True), (False, True), (False, False)):
        pieces = _pieces(found, usual if with_usual else "", glyphs, stale=stale, long=long)
        if _cells(pieces) <= width:
            break
    while _cells(pieces) > width and len(pieces) > 2:
        pieces.pop()
    return row(*pieces)


def _cells(pieces: list[Piece]) -> int:
    return sum(cell_len(piece.text) for piece in pieces)


def _pieces(found: RollUp, usual: str, glyphs: Glyphs, *, stale: bool, long: bool) -> list[Piece]:
    pieces = [Piece("LEVEL 2", "title")]
    for figure in found.figures:
        shown, tone = _figure(figure, glyphs)
        beside = f" ({usual})" if usual and figure.id == "system_health" and figure.value is not None else ""
        pieces.append(Piece(f"  {shown}{beside}", "muted" if stale else tone))
    if stale:
        pieces.append(Piece("  OLD", "warn"))
    return [*pieces, Piece("   LEVEL 3", "title"), _investigations(found.investigations, long=long)]


def _investigations(opened: int | None, *, long: bool) -> Piece:
    if opened is None:
        return Piece("  NOT KNOWN", "warn")
    said = plural(opened, "open investigation") if long else f"{opened:,} open"
    return Piece(f"  {said}") if opened else Piece("  nothing open", "muted")


def _figure(figure: Figure, glyphs: Glyphs) -> tuple[str, Tone]:
    """Glyph, name and value; where there is none, the word of its state."""
    piece = wording.status_piece(figure.status, glyphs)
    mark, _, word = piece.text.partition(" ")
    name = NAMES.get(figure.id, figure.title)
    value = glyphs.text(figure.shown) if figure.value is not None else word
    return f"{mark} {name} {value}", "" if piece.tone == "pass" else piece.tone
