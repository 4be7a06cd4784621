"""Matching one text against one pattern, without regular expressions that could run away.

A pattern with k literal pieces costs k forward searches over the text, whatever the text: `*a*a*a*…` cannot backtrack,
because taking the leftmost place for each piece never loses a match.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnostics.logs.tree import Glob, Wildcard

TextTest = Callable[[str], bool]


@dataclass(slots=True, frozen=True)
class _Segment:
    """What stands between two `*`: literal pieces at fixed distances, `?` in the gaps."""

    pieces: tuple[tuple[int, str], ...]
    """(offset from the segment's start, literal)."""
    size: int

    def stands_at(self, text: str, start: int) -> bool:
        """True when the whole segment fits at `start`."""
        if start < 0 or start + self.size > len(text):
            return False
        return all(text.startswith(piece, start + offset) for offset, piece in self.pieces)

    def find(self, text: str, start: int) -> int:
        """Return the leftmost place at or after `start` where the segment stands, or -1."""
        if not self.pieces:
            return start if start + self.size <= len(text) else -1
        # Searching for the longest piece meets the fewest false places.
        offset, anchor = max(self.pieces, key=lambda item: len(item[1]))
        last = len(text) - self.size
        while True:
            found = text.find(anchor, start + offset)
            if found < 0 or found - offset > last:
                return -1
            if len(self.pieces) == 1 or self.stands_at(text, found - offset):
                return found - offset
            start = found - offset + 1


def _segments(pieces: tuple[str | Wildcard, ...]) -> list[_Segment]:
    """Return the segments between the stars; the first and last are anchored to the ends of the text."""
    segments: list[_Segment] = []
    literals: list[tuple[int, str]] = []
    size = 0
    for piece in pieces:
        if piece is Wildcard.ANY:
            segments.append(_Segment(tuple(literals), size))
            literals, size = [], 0
        elif piece is Wildcard.ONE:
            size += 1
        elif isinstance(piece, str):
            literals.append((size, piece))
            size += len(piece)
    segments.append(_Segment(tuple(literals), size))
    return segments


def lowered(glob: Glob) -> Glob:
    """Return the pattern with its literal pieces in lower case."""
    return Glob(tuple(piece.lower() if isinstance(piece, str) else piece for piece in glob.pieces))


def text_test(glob: Glob) -> TextTest:
    """Return the test of a whole text, letter case counting. The usual shapes are one str method."""
    pieces = glob.pieces
    if Wildcard.ONE not in pieces:
        match pieces:
            case (Wildcard.ANY, str(middle), Wildcard.ANY):
                return lambda text: middle in text
            case (str(prefix), Wildcard.ANY):
                return lambda text: text.startswith(prefix)
            case (Wildcard.ANY, str(suffix)):
                return lambda text: text.endswith(suffix)
            case _:
                pass
    return _general_test(_segments(pieces))


def _general_test(segments: list[_Segment]) -> TextTest:
    head, tail = segments[0], segments[-1]
    if len(segments) == 1:
        return lambda text: len(text) == head.size and head.stands_at(text, 0)
    middle = tuple(segment for segment in segments[1:-1] if segment.size)

    def test(text: str) -> bool:
        if not head.stands_at(text, 0) or not tail.stands_at(text, len(text) - tail.size):
            return False
        position = head.size
        for segment in middle:
            found = segment.find(text, position)
            if found < 0:
                return False
            position = found + segment.size
        return position <= len(text) - tail.size

    return test
