"""Text in a column of its own: the tone covers the words and not the padding, which some terminals would underline."""

from __future__ import annotations

from rich.cells import cell_len

from widgets.rows import Piece, Tone, fit


def column(text: str, width: int, tone: Tone = "", *, right: bool = False) -> list[Piece]:
    """`text` cut or padded to exactly `width` cells."""
    gap = width - cell_len(text)
    if gap <= 0:
        return [Piece(fit(text, width), tone)]
    padding = Piece(" " * gap)
    return [padding, Piece(text, tone)] if right else [Piece(text, tone), padding]
