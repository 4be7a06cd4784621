"""Tests of one attribute value against one query value, and how a JSON value reads as text."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, gt, le, lt
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from diagnostics.logs.lexemes import number
from diagnostics.logs.patterns import lowered, text_test
from diagnostics.logs.tree import Comparison, Exists, Glob, Literal, Range, Value

LeafTest = Callable[[Any], bool]
TextTest = Callable[[str], bool]

Bound = tuple[Callable[[Any, Any], bool], str]
"""One end of a range: how a value must compare with it, and the end as written."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}


def text_of(value: object) -> str | None:
    """Return how a scalar is written in a query, None for what cannot be (objects, arrays, null)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    return None


def leaf_test(value: Value) -> LeafTest:
    """Return the test of one attribute value; letter case counts, numbers compare as numbers."""
    if isinstance(value, Literal):
        return _literal_test(value.text)
    if isinstance(value, Glob):
        return _glob_test(text_test(value))
    if isinstance(value, Exists):
        return _is_present
    if isinstance(value, Comparison):
        return _bounds_test([(_OPERATORS[value.operator], value.bound)])
    return _bounds_test(_range_bounds(value))


def lower_case_test(value: Literal | Glob) -> TextTest:
    """Return the test of a text already in lower case, letter case not counting in the query."""
    if isinstance(value, Literal):
        wanted = value.text.lower()
        return lambda text: text == wanted
    return text_test(lowered(value))


def _literal_test(wanted: str) -> LeafTest:
    if number(wanted) is not None or wanted in ("true", "false"):
        return literals_test([wanted])
    return lambda value: bool(value == wanted)


def literals_test(wanted: list[str]) -> LeafTest:
    """Return the test that a value equals one of the texts; a number equals a text that spells it."""
    texts = frozenset(wanted)
    amounts = frozenset(amount for amount in map(number, wanted) if amount is not None)

    def test(value: object) -> bool:
        kind = type(value)
        if kind is str:
            return value in texts
        if kind is int or kind is float:
            return value in amounts
        return kind is bool and ("true" if value else "false") in texts

    return test


def _glob_test(matches: TextTest) -> LeafTest:
    def test(value: object) -> bool:
        if isinstance(value, str):
            return matches(value)
        text = text_of(value)
        return text is not None and matches(text)

    return test


def _is_present(value: object) -> bool:
    """An empty object holds nothing, as null does; an empty text is a value."""
    return value != {}


def _range_bounds(value: Range) -> list[Bound]:
    bounds: list[Bound] = []
    if value.lower is not None:
        bounds.append((ge if value.includes_lower else gt, value.lower))
    if value.upper is not None:
        bounds.append((le if value.includes_upper else lt, value.upper))
    return bounds


def _bounds_test(bounds: list[Bound]) -> LeafTest:
    """Numbers compare with numbers, also those that a log carries as text; text compares by code point."""
    if not bounds:
        return lambda value: text_of(value) is not None
    amounts = [
        (compare, amount)
        for compare, amount in ((compare, number(end)) for compare, end in bounds)
        if amount is not None
    ]
    if len(amounts) < len(bounds):
        return _text_bounds_test(bounds)
    first, low = amounts[0]
    second, high = amounts[-1]

    def within(value: object) -> bool:
        if isinstance(value, str):
            amount = number(value)
            return amount is not None and first(amount, low) and second(amount, high)
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and first(value, low) and second(value, high)
        )

    return within


def _text_bounds_test(bounds: list[Bound]) -> LeafTest:
    def within(value: object) -> bool:
        text = text_of(value)
        return text is not None and all(compare(text, end) for compare, end in bounds)

    return within


def network_test(networks: tuple[str, ...]) -> LeafTest:
    """Return the test that a value is an address inside one of the networks."""
    ranges: dict[int, list[tuple[int, int]]] = {AF_INET: [], AF_INET6: []}
    for item in networks:
        base, _, prefix = item.partition("/")
        family = AF_INET6 if ":" in base else AF_INET
        width = 128 if family is AF_INET6 else 32
        shift = width - int(prefix)
        ranges[family].append((int.from_bytes(inet_pton(family, base), "big") >> shift, shift))

    def test(value: object) -> bool:
        if not isinstance(value, str):
            return False
        family = AF_INET6 if ":" in value else AF_INET
        try:
            address = int.from_bytes(inet_pton(family, value), "big")
        except (OSError, ValueError):
            return False
        return any(address >> shift == base for base, shift in ranges[family])

    return test
