"""The search syntax evaluated the slow, obvious way, to hold the fast way against. It shares only the tree."""

from __future__ import annotations

import ipaddress
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from diagnostics.logs import (
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
from diagnostics.models.events import LogEvent

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def selects(node: Node, event: LogEvent) -> bool:
    """True when the query selects the event, by definition."""
    match node:
        case MatchAll():
            return True
        case And(children):
            return all(selects(child, event) for child in children)
        case Or(children):
            return any(selects(child, event) for child in children)
        case Not(child):
            return not selects(child, event)
        case Cidr(field, networks):
            return any(in_networks(value, networks) for value in attribute_values(event, field.name))
        case Term(field, value):
            return term_selects(field, value, event)


def term_selects(field: Field, value: Value, event: LogEvent) -> bool:
    if field.kind is FieldKind.ATTRIBUTE:
        return any(fits(found, value, fold=False) for found in attribute_values(event, field.name))
    if field.kind is FieldKind.FREE_TEXT:
        also = [item for name in ("title", "error.message", "error.stack") for item in attribute_values(event, name)]
        return any(says(text, value) for text in [event.message, *map(spelled, also)])
    if field.kind is FieldKind.FULL_TEXT:
        leaves = [spelled(leaf) for _, leaf in nodes(event.attributes) if not isinstance(leaf, dict)]
        return any(says(text, value) for text in [event.message, *leaves])
    if field.kind is FieldKind.TAG:
        return any(fits(tag, value, fold=True) for tag in tag_values(event, field.name))
    return reserved_selects(field.name, value, event)


def reserved_selects(name: str, value: Value, event: LogEvent) -> bool:
    if name == "message":
        return event.message != "" if isinstance(value, Exists) else says(event.message, value)
    found: list[Any] = {
        "service": [event.service] if event.service else [],
        "status": [event.status] if event.status else [],
        "host": [event.host] if event.host else [],
        "tags": list(event.tags),
        "source": tag_values(event, "source") + attribute_values(event, "source"),
        "trace_id": attribute_values(event, "trace_id") + attribute_values(event, "dd.trace_id"),
    }[name]
    if name in ("service", "status", "host") and not isinstance(value, Exists):
        found = [getattr(event, name)]
    return any(fits(item, value, fold=True) for item in found)


def nodes(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every object and scalar with its dotted path; arrays add no level; null and empty objects are nothing."""
    if isinstance(tree, dict):
        if tree:
            yield ".".join(path), tree
        for key, value in tree.items():
            yield from nodes(value, (*path, key))
    elif isinstance(tree, list):
        for element in tree:
            yield from nodes(element, path)
    elif tree is not None:
        yield ".".join(path), tree


def attribute_values(event: LogEvent, name: str) -> list[Any]:
    return [value for key, tree in event.attributes.items() for path, value in nodes(tree, (key,)) if path == name]


def tag_values(event: LogEvent, key: str) -> list[Any]:
    return [tag[len(key) + 1 :] for tag in (tag.lower() for tag in event.tags) if tag.startswith(f"{key}:")]


def spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def spelled_number(text: str) -> int | float | None:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text):
        return None
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    return float(text) if math.isfinite(float(text)) else None


def fits(found: Any, value: Value, *, fold: bool) -> bool:  # noqa: ANN401  # whatever JSON holds
    if isinstance(value, Exists):
        return True
    if isinstance(found, dict):
        return False
    text = spelled(found).lower() if fold else spelled(found)
    if isinstance(value, Literal):
        wanted = value.text.lower() if fold else value.text
        amount = spelled_number(wanted)
        if amount is not None and isinstance(found, int | float) and not isinstance(found, bool) and not fold:
            return bool(found == amount)
        return text == wanted
    if isinstance(value, Glob):
        return re.fullmatch(expression(value, fold=fold), text, re.DOTALL) is not None
    return all(compares(found, compare, bound, fold=fold) for compare, bound in bounds(value))


def expression(value: Glob, *, fold: bool) -> str:
    parts = {Wildcard.ANY: ".*", Wildcard.ONE: "."}
    return "".join(
        parts[piece] if isinstance(piece, Wildcard) else re.escape(piece.lower() if fold else piece)
        for piece in value.pieces
    )


def bounds(value: Comparison | Range) -> list[tuple[Callable[[Any, Any], bool], str | None]]:
    if isinstance(value, Comparison):
        return [(OPERATORS[value.operator], value.bound)]
    lower = operator.ge if value.includes_lower else operator.gt
    upper = operator.le if value.includes_upper else operator.lt
    return [(lower, value.lower), (upper, value.upper)]


def compares(found: object, compare: Callable[[Any, Any], bool], bound: str | None, *, fold: bool) -> bool:
    amount = found if isinstance(found, int | float) and not isinstance(found, bool) else None
    if isinstance(found, str):
        amount = spelled_number(found)
    if bound is None:
        return True
    wanted = spelled_number(bound)
    if wanted is None:
        text = spelled(found)
        return compare(text.lower(), bound.lower()) if fold else compare(text, bound)
    return amount is not None and compare(amount, wanted)


def says(text: str, value: Value) -> bool:
    """True when the words of the value stand in the text, in a row; letter case and punctuation do not count."""
    if isinstance(value, Literal):
        marked = value.text.lower()
    elif isinstance(value, Glob):
        # Two private characters stand for the wildcards and count as letters while the value is cut into words.
        marks = {Wildcard.ANY: "\ue000", Wildcard.ONE: "\ue001"}
        marked = "".join(marks[piece] if isinstance(piece, Wildcard) else piece.lower() for piece in value.pieces)
    else:
        return True
    patterns = re.findall(r"[\w\ue000\ue001]+", marked)
    while len(patterns) > 1 and patterns[0] == "\ue000":
        patterns = patterns[1:]
    while len(patterns) > 1 and patterns[-1] == "\ue000":
        patterns = patterns[:-1]
    words = re.findall(r"\w+", text.lower())
    return bool(patterns) and any(
        all(word_fits(words[start + step], pattern) for step, pattern in enumerate(patterns))
        for start in range(len(words) - len(patterns) + 1)
    )


def word_fits(word: str, pattern: str) -> bool:
    written = re.escape(pattern).replace("\ue000", ".*").replace("\ue001", ".")
    return re.fullmatch(written, word, re.DOTALL) is not None


def in_networks(value: object, networks: tuple[str, ...]) -> bool:
    if not isinstance(value, str):
        return False
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)
