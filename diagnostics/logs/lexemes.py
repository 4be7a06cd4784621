"""The smallest pieces of a query, and the spelling rules they share: escapes, wildcards, numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from diagnostics.logs.tree import Glob, Literal, Wildcard


class LexemeKind(StrEnum):
    """The kinds of lexemes. Values are the terminal names of grammar.lark; `ERROR` never reaches the grammar."""

    FIELD = "FIELD"
    WORD = "WORD"
    PHRASE = "PHRASE"
    COMPARISON = "COMPARISON"
    RANGE_OPEN = "RANGE_OPEN"
    RANGE_CLOSE = "RANGE_CLOSE"
    TO = "_TO"
    CIDR = "CIDR"
    NAME = "NAME"
    NETWORK = "NETWORK"
    COMMA = "_COMMA"
    AND = "_AND"
    OR = "_OR"
    NOT = "_NOT"
    MINUS = "_MINUS"
    OPEN = "_OPEN"
    CLOSE = "_CLOSE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one stretch of text."""

    message: str
    column: int
    length: int
    accepted: str = ""
    next_step: str = ""


@dataclass(slots=True)
class Lexeme:
    """One stretch of the query, `text[start:end]`."""

    kind: LexemeKind
    text: str
    start: int
    problem: Problem | None = None

    @property
    def end(self) -> int:
        """The column after the last character."""
        return self.start + len(self.text)


SPECIAL = frozenset('!&|<>(){}[]"*?:\\#=-+^~@,“”')
"""What a value must escape to be taken literally: the documented set, the characters earlier editions listed, and the
three that mean something only in places (`@`, `,`, `-`)."""

KEYWORDS = frozenset({"AND", "OR", "NOT", "TO", "CIDR"})

_BREAKS = re.compile(r"\r\n|[\r\n\t]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PIECES = re.compile(r"\\(.)|([*?])|([^\\*?]+)", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def unescape(text: str) -> str:
    """Return the text with every backslash escape replaced by the character it stands for."""
    return _ESCAPE.sub(r"\1", text)


def phrase_text(text: str) -> str:
    """Return what a quoted phrase says. A line break inside counts as a space, as it does in a cleaned log line."""
    return _BREAKS.sub(" ", unescape(text[1:-1]))


def word_value(text: str) -> Literal | Glob:
    """Return the value an unquoted word stands for: escapes resolved, wildcards apart, `**` as one `*`."""
    pieces: list[str | Wildcard] = []
    literal: list[str] = []
    for escaped, wildcard, plain in _PIECES.findall(text):
        if not wildcard:
            literal.append(escaped or plain)
            continue
        if literal:
            pieces.append("".join(literal))
            literal.clear()
        piece = Wildcard(wildcard)
        if piece is Wildcard.ONE or not pieces or pieces[-1] is not Wildcard.ANY:
            pieces.append(piece)
    if literal:
        pieces.append("".join(literal))
    if any(isinstance(piece, Wildcard) for piece in pieces):
        return Glob(tuple(pieces))
    return Literal("".join(piece for piece in pieces if isinstance(piece, str)))


def number(text: str) -> int | float | None:
    """Return the number a text spells in plain decimal or exponent notation, or None.

    Whole numbers stay exact: an id above 2**53 must not equal its neighbour.
    """
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None
