"""What a query says without being wrong, and probably not what its writer meant. Few, so that each is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.lexemes import LexemeKind, number
from diagnostics.logs.parser import parse
from diagnostics.logs.scanner import scan
from diagnostics.logs.tree import STATUSES, And, Field, FieldKind, Glob, Literal, Node, Not, Or, Range, Term
from diagnostics.logs.words import words_of

_OPERATOR_WORDS = frozenset({"and", "or", "not"})
_CURLY = ("“", "”")
_CURLY_REMARK = 'curly quotation marks do not make a phrase; use "'
_STATUS = Field(FieldKind.RESERVED, "status")
_AS_ATTRIBUTE = {
    "message": "the log's own text is searched without a field",
    "service": "the log's own service is service:",
    "status": "the log's own status is status:",
    "host": "the log's own host is host:",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One remark about `text[column:column + length]`; columns count from 0."""

    column: int
    length: int
    text: str


def notes(text: str) -> tuple[Note, ...]:
    """Return the remarks on a query, in order. Empty for a query that cannot be read: its error says more."""
    try:
        tree = parse(text)
    except QuerySyntaxError:
        return ()
    lexemes = scan(text)
    apart = (
        Note(dash.start, 1, "the dash excludes what follows it, also across a space")
        for dash, after in pairwise(lexemes)
        if dash.kind is LexemeKind.MINUS and dash.end != after.start
    )
    found = {(note.column, note.text): note for note in (*_of_node(tree), *apart)}
    return tuple(sorted(found.values(), key=lambda note: (note.column, note.text)))


def _of_node(node: Node) -> Iterator[Note]:
    if isinstance(node, And | Or):
        for child in node.children:
            yield from _of_node(child)
    elif isinstance(node, Not):
        yield from _of_node(node.child)
    elif isinstance(node, Term):
        remark = _of_term(node)
        if remark:
            yield Note(node.column, node.length, remark)


def _of_term(term: Term) -> str:
    field, value = term.field, term.value
    if isinstance(value, Range) and _runs_backwards(value):
        return "the range runs from the higher end to the lower one and selects nothing"
    if field.kind is FieldKind.ATTRIBUTE and field.name in _AS_ATTRIBUTE:
        return f"@{field.name} is an attribute named {field.name}; {_AS_ATTRIBUTE[field.name]}"
    if not isinstance(value, Literal | Glob):
        return ""
    if field.kind in (FieldKind.FREE_TEXT, FieldKind.FULL_TEXT):
        return _of_text(term, value)
    return _of_value(term, value)


def _of_value(term: Term, value: Literal | Glob) -> str:
    literal = _literal_part(value)
    if not term.quoted and _is_curly(literal):
        return _CURLY_REMARK
    if term.field == _STATUS and isinstance(value, Literal) and literal.lower() not in STATUSES:
        return f"no log has this status; there are {', '.join(STATUSES)}"
    if term.quoted and ("*" in literal or "?" in literal):
        return "inside quotation marks * and ? are ordinary characters"
    return ""


def _of_text(term: Term, value: Literal | Glob) -> str:
    if not term.quoted and _is_curly(_literal_part(value)):
        return _CURLY_REMARK
    if isinstance(value, Literal) and not term.quoted and value.text in _OPERATOR_WORDS:
        return f"{value.text} is an ordinary word here; the operator is {value.text.upper()}"
    patterns = words_of(value)
    if not patterns:
        return "punctuation is not searched in text, so this selects nothing"
    if any(sum(isinstance(piece, str) for piece in pattern) > 1 for pattern in patterns):
        return "in text a wildcard stays inside one word; words in a row are a phrase in quotation marks"
    return ""


def _literal_part(value: Literal | Glob) -> str:
    if isinstance(value, Literal):
        return value.text
    return "".join(piece for piece in value.pieces if isinstance(piece, str))


def _is_curly(text: str) -> bool:
    return text.startswith(_CURLY) or text.endswith(_CURLY)


def _runs_backwards(value: Range) -> bool:
    if value.lower is None or value.upper is None:
        return False
    lower, upper = number(value.lower), number(value.upper)
    if lower is not None and upper is not None:
        return lower > upper
    return value.lower > value.upper
