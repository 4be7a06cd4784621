"""Free text: a message as a row of words, a query term as a row of word patterns that must follow each other.

Datadog indexes messages by word, without punctuation and letter case: `hello-world`, `"Hello, world"` and `hello?world`
in a phrase are the same two words, and special characters cannot be searched. A word here is a run of letters, digits
and underscores; a wildcard stays inside one word.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from diagnostics.logs.patterns import text_test
from diagnostics.logs.tree import Glob, Literal, Wildcard

WordPattern = tuple[str | Wildcard, ...]
TextTest = Callable[[str], bool]

_WORD = re.compile(r"\w+")
_PART = re.compile(r"(\w+)|(\W+)")
_GAP = re.compile(r"\W+")
_STAR_ONLY: WordPattern = (Wildcard.ANY,)
_LONG_PHRASE = 8
"""Words from which a phrase is sought in the normalised text: a long run of equal words would make a search back up."""


def words_of(value: Literal | Glob) -> list[WordPattern]:
    """Return the word patterns of a term, lower case. Empty when nothing in it can be searched.

    A `*` that stands alone at either end of a longer term, as in `*/v1/leads/*`, asks for nothing and is dropped.
    """
    pieces: tuple[str | Wildcard, ...] = (value.text,) if isinstance(value, Literal) else value.pieces
    rows: list[list[str | Wildcard]] = [[]]
    for piece in pieces:
        if isinstance(piece, Wildcard):
            rows[-1].append(piece)
            continue
        for word, gap in _PART.findall(piece.lower()):
            if gap:
                rows.append([])
            else:
                rows[-1].append(word)
    patterns = [tuple(row) for row in rows if row]
    while len(patterns) > 1 and patterns[0] == _STAR_ONLY:
        patterns.pop(0)
    while len(patterns) > 1 and patterns[-1] == _STAR_ONLY:
        patterns.pop()
    return patterns


def word_test(value: Literal | Glob) -> TextTest:
    """Return the test of a text **already in lower case** for the term's words in a row."""
    patterns = words_of(value)
    if not patterns:
        return lambda _text: False
    simple = _simple_test(patterns)
    if simple is not None:
        return simple
    return _general_test(patterns)


def _simple_test(patterns: list[WordPattern]) -> TextTest | None:
    """Return the test for whole words in a row, with `*` at most at the two outer ends, or None."""
    row = list(patterns)
    open_start = len(row[0]) > 1 and row[0][0] is Wildcard.ANY
    if open_start:
        row[0] = row[0][1:]
    open_end = len(row[-1]) > 1 and row[-1][-1] is Wildcard.ANY
    if open_end:
        row[-1] = row[-1][:-1]
    literals = [pattern[0] for pattern in row if len(pattern) == 1 and isinstance(pattern[0], str)]
    if len(literals) != len(row):
        return None
    if len(literals) == 1 and open_start and open_end:
        needle = literals[0]
        return lambda text: needle in text
    if len(literals) > _LONG_PHRASE:
        return _long_phrase_test(literals, open_start=open_start, open_end=open_end)
    # The gap is possessive and the words hold no gap characters, so the search never backs up over a gap.
    body = r"\W++".join(re.escape(literal) for literal in literals)
    search = re.compile(("" if open_start else r"(?<!\w)") + body + ("" if open_end else r"(?!\w)")).search
    rarest = max(literals, key=len)
    return lambda text: rarest in text and search(text) is not None


def _long_phrase_test(literals: list[str], *, open_start: bool, open_end: bool) -> TextTest:
    needle = ("" if open_start else " ") + " ".join(literals) + ("" if open_end else " ")
    rarest = max(literals, key=len)
    return lambda text: rarest in text and needle in f" {_GAP.sub(' ', text)} "


def _general_test(patterns: list[WordPattern]) -> TextTest:
    tests = tuple(_one_word_test(pattern) for pattern in patterns)
    needles = tuple(piece for pattern in patterns for piece in pattern if isinstance(piece, str))
    first = tests[0]
    size = len(tests)

    def test(text: str) -> bool:
        # Looking for the literal pieces anywhere spares nearly every text from being cut into words.
        for needle in needles:
            if needle not in text:
                return False
        words = _WORD.findall(text)
        for start in range(len(words) - size + 1):
            if first(words[start]) and all(tests[step](words[start + step]) for step in range(1, size)):
                return True
        return False

    return test


def _one_word_test(pattern: WordPattern) -> TextTest:
    if len(pattern) == 1 and isinstance(pattern[0], str):
        literal = pattern[0]
        return lambda word: word == literal
    return text_test(Glob(pattern))
