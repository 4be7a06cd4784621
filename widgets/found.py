"""Words found in rows: where they stand, also over the end of a line, and rows that show them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from widgets.row import Piece, Row, Tone

BETWEEN = r"(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)"
"""What stands between two words: spaces, or the end of one line and what the next is moved in by."""


@dataclass(slots=True, frozen=True)
class Stretch:
    """Found letters within one row: the row's number, and the half-open range in its text."""

    row: int
    start: int
    end: int


Hit = tuple[Stretch, ...]
"""One place that holds the words; one stretch a row."""


def find_words(rows: Sequence[Row], words: str) -> list[Hit]:
    """Every place that holds these words in this order, upper and lower case alike; none where there is no word."""
    if not words.split():
        return []
    texts = [item.text for item in rows]
    starts = list(accumulate((len(text) + 1 for text in texts), initial=0))
    pattern = re.compile(BETWEEN.join(map(re.escape, words.split())), re.IGNORECASE)
    return [_hit(found.start(), found.end(), texts, starts) for found in pattern.finditer("\n".join(texts))]


def _hit(start: int, end: int, texts: Sequence[str], starts: Sequence[int]) -> Hit:
    stretches: list[Stretch] = []
    for at in range(bisect_right(starts, start) - 1, bisect_right(starts, end - 1)):
        text, begins = texts[at], starts[at]
        first = max(start - begins, len(text) - len(text.lstrip()) if begins > start else 0)
        stretches.append(Stretch(at, first, min(end - begins, len(text.rstrip()))))
    return tuple(stretches)


def marked(rows: Sequence[Row], hits: Sequence[Hit], chosen: int) -> list[Row]:
    """The rows with every place that was found in another tone; the chosen one as a bar."""
    shown = list(rows)
    for at, hit in enumerate(hits):
        for one in hit:
            shown[one.row] = _toned(shown[one.row], one, "bar" if at == chosen else "key")
    return shown


def _toned(item: Row, one: Stretch, tone: Tone) -> Row:
    pieces: list[Piece] = []
    begins = 0
    for piece in item.pieces:
        first, last = (min(max(0, edge - begins), len(piece.text)) for edge in (one.start, one.end))
        parts = (
            Piece(piece.text[:first], piece.tone),
            Piece(piece.text[first:last], tone),
            Piece(piece.text[last:], piece.tone),
        )
        pieces += [part for part in parts if part.text]
        begins += len(piece.text)
    return replace(item, pieces=tuple(pieces))
