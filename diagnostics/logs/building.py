"""What the rules of the grammar mean: fields, values and groups as nodes, with the checks that need both sides."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from itertools import pairwise

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.lexemes import number, phrase_text, unescape, word_value
from diagnostics.logs.tree import (
    FREE_TEXT,
    FULL_TEXT,
    RESERVED_NAMES,
    And,
    Cidr,
    Comparison,
    Exists,
    Field,
    FieldKind,
    Glob,
    Literal,
    MatchAll,
    Node,
    Not,
    Or,
    Range,
    Term,
    Value,
    Wildcard,
)
from diagnostics.logs.words import words_of


@dataclass(frozen=True, slots=True)
class Written:
    """A value with the place where it was written."""

    value: Value
    column: int
    length: int
    quoted: bool = False


MAX_GAPS = 64
"""Runs of `?` between literal pieces of one value."""

MAX_PATTERN_WORDS = 32
"""Words of one text term that holds a wildcard; phrases have no such bound."""

_MESSAGE = Field(FieldKind.RESERVED, "message")

MAX_PATH_DEPTH = 32
"""Levels of one attribute path; a log nests to 24 at most."""


def field_named(token: str, column: int) -> Field:
    """Return the field that a lexeme such as `@http.url:`, `service:` or `*:` names, or raise where it names none."""
    name = token[:-1]
    if name == "*":
        return FULL_TEXT
    if name.startswith("@"):
        return attribute_named(name, column)
    name = unescape(name).lower()
    return Field(FieldKind.RESERVED if name in RESERVED_NAMES else FieldKind.TAG, name)


def attribute_named(name: str, column: int) -> Field:
    """Return the attribute that `@http.url` names, or raise where it names none."""
    if name == "@" or isinstance(word_value(name), Glob):
        raise QuerySyntaxError(f"{name} does not name one attribute", column=column, length=len(name), accepted="@name")
    path = unescape(name[1:])
    if path.count(".") >= MAX_PATH_DEPTH:
        raise QuerySyntaxError(
            "the attribute lies too deep",
            column=column,
            length=len(name),
            accepted=f"at most {MAX_PATH_DEPTH} names joined by dots",
        )
    return Field(FieldKind.ATTRIBUTE, path)


def network(text: str, column: int) -> str:
    """Return one network in its normal form, or raise where the text is none."""
    try:
        return str(ipaddress.ip_network(unescape(text), strict=False))
    except ValueError as error:
        raise QuerySyntaxError(
            f"{text} is not a network",
            column=column,
            length=len(text),
            accepted="an IPv4 or IPv6 network such as 10.0.0.0/8 or 2001:db8::/32",
        ) from error


def _check_field(term: Term) -> None:
    """Raise when this kind of value says nothing about this kind of field."""
    if not isinstance(term.value, Comparison | Range) or term.field.kind in (FieldKind.ATTRIBUTE, FieldKind.TAG):
        return
    form = "comparison" if isinstance(term.value, Comparison) else "range"
    if term.field.kind is FieldKind.RESERVED:
        message = f"a {form} cannot be held against {term.field}, which is text"
    else:
        message = f"a {form} needs an attribute, and none is named"
    raise QuerySyntaxError(
        message,
        column=term.column,
        length=term.length,
        accepted="@name:>=500, @name:[1 TO 5]",
        next_step="put @name: directly before it",
    )


def bound(token: str, column: int, *, open_end: bool) -> str | None:
    """Return the value of one end, None for an open one."""
    if token.startswith('"'):
        return phrase_text(token)
    value = word_value(token)
    if isinstance(value, Literal):
        return value.text
    if open_end and value.pieces == (Wildcard.ANY,):
        return None
    raise QuerySyntaxError(
        f"{token} has a wildcard where one value is needed",
        column=column,
        length=len(token),
        accepted="a number or a text" + (", or * alone for an open end" if open_end else ""),
        next_step=r"write \* for the character",
    )


def range_value(opening: str, lower: str | None, upper: str | None, closing: str, place: tuple[int, int]) -> Range:
    """Return a range whose two ends are of one kind, or raise."""
    if lower is not None and upper is not None and (number(lower) is None) != (number(upper) is None):
        raise QuerySyntaxError(
            "one end of the range is a number and the other is not",
            column=place[0],
            length=place[1],
            accepted="[1 TO 5], [a TO c], [1 TO *]",
        )
    return Range(lower, upper, opening == "[", closing == "]")


def on_field(node: Node, field: Field) -> Node:
    """Return the group `node` held against `field`; raise where the group already names fields of its own."""
    if isinstance(node, And | Or):
        return type(node)(tuple(on_field(child, field) for child in node.children))
    if isinstance(node, Not):
        return Not(on_field(node.child, field))
    if isinstance(node, Term) and node.field == FREE_TEXT:
        return replace(node, field=field)
    column, length = (node.column, node.length) if isinstance(node, Term | Cidr) else (0, 1)
    raise QuerySyntaxError(
        f"the group on {field} holds a term that names a field of its own",
        column=column,
        length=length,
        accepted="values only, such as @name:(one OR two)",
        next_step="close the group before it",
    )


def _check_pattern(term: Term) -> None:
    """Raise for a pattern whose matching could take long: wildcards that leave very many places to try."""
    if not isinstance(term.value, Glob):
        return
    pieces = term.value.pieces
    gaps = sum(1 for piece, after in pairwise(pieces) if piece is Wildcard.ONE and isinstance(after, str))
    is_text = term.field.kind in (FieldKind.FREE_TEXT, FieldKind.FULL_TEXT) or term.field == _MESSAGE
    if gaps <= MAX_GAPS and not (is_text and len(words_of(term.value)) > MAX_PATTERN_WORDS):
        return
    raise QuerySyntaxError(
        "the pattern has too many wildcards between its pieces",
        column=term.column,
        length=term.length,
        accepted=f"at most {MAX_GAPS} gaps of ? in a value, and {MAX_PATTERN_WORDS} words in a text with wildcards",
        next_step="leave out pieces, or put plain words in quotation marks",
    )


def finished(node: Node) -> Node:
    """Return the tree with `*` and `*:*` as MatchAll, every value checked against its field."""
    if isinstance(node, And | Or):
        return type(node)(tuple(finished(child) for child in node.children))
    if isinstance(node, Not):
        return Not(finished(node.child))
    if isinstance(node, Term):
        if isinstance(node.value, Exists) and node.field.kind in (FieldKind.FREE_TEXT, FieldKind.FULL_TEXT):
            return MatchAll()
        _check_field(node)
        _check_pattern(node)
    return node


def word_or_existence(text: str) -> Value:
    """Return the value of an unquoted word; `*` alone asks for existence."""
    value = word_value(text)
    if isinstance(value, Glob) and value.pieces == (Wildcard.ANY,):
        return Exists()
    return value
