"""Any text as a safe part of a query: quoting, templates whose slots are filled by quoting only, trees written out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.logs.lexemes import KEYWORDS, SPECIAL
from diagnostics.logs.scanner import MAX_QUERY_LENGTH
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

_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", re.ASCII)
_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)\}", re.ASCII)
_BEFORE_VALUE = frozenset(" \t\r\n(:<>=")
_AFTER_VALUE = frozenset(" \t\r\n)")


def quote(value: str | int) -> str:
    """Return a query literal that stands for exactly `value`: no wildcard, no operator, no field.

    A plain word stays as it is, anything else becomes a phrase. Raises UserError for text that a query cannot carry:
    control and invisible characters, line breaks and tabs.
    """
    text = _expressible(value)
    if _BARE.fullmatch(text) and text not in KEYWORDS:
        return text
    return f'"{phrase_escaped(text)}"'


def bind(template: str, **values: str | int) -> str:
    """Return the template with every `{name}` replaced by its quoted value; ranges such as `{1 TO 5}` are no slots.

    Inside quotation marks and inside a word (`*{name}*`) the value is escaped in place. Raises UserError when a slot
    has no value, a value has no slot, or a value cannot be expressed.
    """
    slots = set(_SLOT.findall(template))
    _check_names(slots, values)
    parts: list[str] = []
    position = 0
    in_phrase = False
    for match in _SLOT.finditer(template):
        text_before = template[position : match.start()]
        in_phrase ^= _quotation_marks(text_before) % 2 == 1
        parts.append(text_before)
        parts.append(_filled(template, match, values[match.group(1)], in_phrase=in_phrase))
        position = match.end()
    parts.append(template[position:])
    query = "".join(parts)
    if len(query) > MAX_QUERY_LENGTH:
        raise UserError(
            f"the query grows to {len(query):,} characters with these values",
            accepted=f"at most {MAX_QUERY_LENGTH:,} characters",
            next_step="use shorter values",
        )
    return query


def phrase_escaped(text: str) -> str:
    """Return the text as it stands between quotation marks."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def word_escaped(text: str) -> str:
    """Return the text as it stands inside an unquoted word."""
    return "".join(f"\\{char}" if char in SPECIAL or char.isspace() else char for char in text)


def _filled(template: str, match: re.Match[str], value: str | int, *, in_phrase: bool) -> str:
    if in_phrase:
        return phrase_escaped(_expressible(value))
    before = template[match.start() - 1 : match.start()]
    after = template[match.end() : match.end() + 1]
    # A colon or a bracket that is escaped belongs to a word.
    starts = not before or (before in _BEFORE_VALUE and template[match.start() - 2 : match.start() - 1] != "\\")
    minus = before == "-" and (match.start() == 1 or template[match.start() - 2] in " \t\r\n(-")
    if (starts or minus) and (not after or after in _AFTER_VALUE):
        return quote(value)
    return word_escaped(_expressible(value))


def _quotation_marks(text: str) -> int:
    """Count the quotation marks that no backslash escapes."""
    return len(re.findall(r'"', re.sub(r"\\.", "", text, flags=re.DOTALL)))


def _check_names(slots: set[str], values: Mapping[str, object]) -> None:
    missing = sorted(slots - values.keys())
    unknown = sorted(values.keys() - slots)
    if missing:
        raise UserError(
            f"the query needs a value for {', '.join(missing)}",
            accepted=", ".join(sorted(slots)),
            next_step="give each of them",
        )
    if unknown:
        raise UserError(
            f"the query has no place for {', '.join(unknown)}",
            accepted=", ".join(sorted(slots)) or "no values",
            next_step="leave them out",
        )


def _expressible(value: str | int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(
            f"a query cannot carry a {type(value).__name__}",
            accepted="text or a whole number",
            next_step="convert it first",
        )
    text = str(value)
    if clean(text, limit=len(text) + 1) != text:
        raise UserError(
            "the value holds control or invisible characters, which a query cannot carry",
            where=clean(repr(text), limit=120),
            accepted="printable text on one line",
            next_step="remove them from the value",
        )
    if len(text) > MAX_QUERY_LENGTH:
        raise UserError(
            f"the value has {len(text):,} characters",
            accepted=f"at most {MAX_QUERY_LENGTH:,}",
            next_step="use a shorter one",
        )
    return text


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
