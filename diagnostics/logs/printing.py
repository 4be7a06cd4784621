"""From tree back to text: the shortest plain spelling that reads as the same tree."""

from __future__ import annotations

from diagnostics.logs.quoting import quote, word_escaped
from diagnostics.logs.tree import (
    And,
    Cidr,
    Comparison,
    Field,
    FieldKind,
    Glob,
    Literal,
    Node,
    Not,
    Or,
    Range,
    Term,
    Value,
)


def to_text(node: Node) -> str:
    """Return a query that parses to `node`."""
    if isinstance(node, Or):
        return " OR ".join(to_text(child) for child in node.children)
    if isinstance(node, And):
        return " ".join(_grouped(child, (Or,)) for child in node.children)
    if isinstance(node, Not):
        return "-" + _grouped(node.child, (And, Or))
    if isinstance(node, Term):
        return _field_text(node.field) + _value_text(node.value)
    if isinstance(node, Cidr):
        return f"CIDR({_field_text(node.field)[:-1]},{','.join(node.networks)})"
    return "*"


def _grouped(node: Node, looser: tuple[type, ...]) -> str:
    text = to_text(node)
    return f"({text})" if isinstance(node, looser) else text


def _field_text(field: Field) -> str:
    if field.kind is FieldKind.FREE_TEXT:
        return ""
    if field.kind is FieldKind.FULL_TEXT:
        return "*:"
    prefix = "@" if field.kind is FieldKind.ATTRIBUTE else ""
    return f"{prefix}{word_escaped(field.name)}:"


def _value_text(value: Value) -> str:
    if isinstance(value, Literal):
        return quote(value.text)
    if isinstance(value, Glob):
        return "".join(word_escaped(piece) if isinstance(piece, str) else piece.value for piece in value.pieces)
    if isinstance(value, Comparison):
        return value.operator + quote(value.bound)
    if isinstance(value, Range):
        return _range_text(value)
    return "*"


def _range_text(value: Range) -> str:
    lower = "*" if value.lower is None else quote(value.lower)
    upper = "*" if value.upper is None else quote(value.upper)
    opening = "[" if value.includes_lower else "{"
    closing = "]" if value.includes_upper else "}"
    return f"{opening}{lower} TO {upper}{closing}"
