"""Which part of a query gets which colour. Works on half-typed and on hostile text alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from diagnostics.logs.lexemes import Lexeme, LexemeKind, number
from diagnostics.logs.scanner import scan


class SpanKind(StrEnum):
    """What a span is; a theme gives each a style."""

    FIELD = "field"
    """A reserved field, or `*:`; with its colon."""
    TAG = "tag"
    """The key of a tag, with its colon."""
    ATTRIBUTE = "attribute"
    """`@path`, with its colon where it has one."""
    TEXT = "text"
    """A word searched in the message."""
    VALUE = "value"
    NUMBER = "number"
    PHRASE = "phrase"
    WILDCARD = "wildcard"
    OPERATOR = "operator"
    """AND, OR, NOT, the excluding dash, `>=` and its kin, TO."""
    BRACKET = "bracket"
    """Parentheses, range brackets, commas of a function."""
    FUNCTION = "function"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is of one kind. Columns count characters from 0."""

    start: int
    end: int
    kind: SpanKind


_FIXED = {
    LexemeKind.PHRASE: SpanKind.PHRASE,
    LexemeKind.COMPARISON: SpanKind.OPERATOR,
    LexemeKind.RANGE_OPEN: SpanKind.BRACKET,
    LexemeKind.RANGE_CLOSE: SpanKind.BRACKET,
    LexemeKind.TO: SpanKind.OPERATOR,
    LexemeKind.CIDR: SpanKind.FUNCTION,
    LexemeKind.NAME: SpanKind.ATTRIBUTE,
    LexemeKind.NETWORK: SpanKind.VALUE,
    LexemeKind.COMMA: SpanKind.BRACKET,
    LexemeKind.AND: SpanKind.OPERATOR,
    LexemeKind.OR: SpanKind.OPERATOR,
    LexemeKind.NOT: SpanKind.OPERATOR,
    LexemeKind.MINUS: SpanKind.OPERATOR,
    LexemeKind.OPEN: SpanKind.BRACKET,
    LexemeKind.CLOSE: SpanKind.BRACKET,
    LexemeKind.ERROR: SpanKind.ERROR,
}
_RESERVED = frozenset({"service:", "status:", "host:", "source:", "trace_id:", "message:", "tags:", "*:"})
_WILD = re.compile(r"(?:\\.)|([*?]+)", re.DOTALL)


def highlight(text: str) -> tuple[Span, ...]:
    """Return the coloured spans of a query, in order and without overlap; spaces have none. Never raises."""
    return tuple(_spans(scan(text)))


def _spans(lexemes: list[Lexeme]) -> Iterator[Span]:
    groups = [False]  # for every open parenthesis: do its words belong to a field?
    previous: Lexeme | None = None
    for lexeme in lexemes:
        in_field = groups[-1]
        beside = previous is not None and previous.end == lexeme.start
        in_value = beside and previous is not None and previous.kind in (LexemeKind.FIELD, LexemeKind.COMPARISON)
        if lexeme.kind is LexemeKind.OPEN:
            groups.append(in_field or in_value)
        elif lexeme.kind is LexemeKind.CIDR:
            groups.append(True)
        elif lexeme.kind is LexemeKind.CLOSE and len(groups) > 1:
            groups.pop()
        if lexeme.problem is not None:
            yield Span(lexeme.start, lexeme.end, SpanKind.ERROR)
        elif lexeme.kind is LexemeKind.FIELD:
            yield Span(lexeme.start, lexeme.end, _field_kind(lexeme.text))
        elif lexeme.kind is LexemeKind.WORD:
            in_range = previous is not None and previous.kind in (LexemeKind.RANGE_OPEN, LexemeKind.TO)
            yield from _word_spans(lexeme, is_value=in_field or in_value or in_range)
        else:
            yield Span(lexeme.start, lexeme.end, _FIXED[lexeme.kind])
        previous = lexeme


def _field_kind(text: str) -> SpanKind:
    if text.startswith("@"):
        return SpanKind.ATTRIBUTE
    return SpanKind.FIELD if text.lower() in _RESERVED else SpanKind.TAG


def _word_spans(lexeme: Lexeme, *, is_value: bool) -> Iterator[Span]:
    kind = SpanKind.VALUE if is_value else SpanKind.TEXT
    if is_value and number(lexeme.text) is not None:
        kind = SpanKind.NUMBER
    position = lexeme.start
    for match in _WILD.finditer(lexeme.text):
        if match.group(1) is None:
            continue
        start, end = lexeme.start + match.start(), lexeme.start + match.end()
        if start > position:
            yield Span(position, start, kind)
        yield Span(start, end, SpanKind.WILDCARD)
        position = end
    if position < lexeme.end:
        yield Span(position, lexeme.end, kind)
