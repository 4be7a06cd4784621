"""From tree to a fast test of one event: closures over constants, cheapest first, no query text ever evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter, ge, gt, le, lt
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any, Protocol

from diagnostics.core.lazy_json import LazyJson, has_text
from diagnostics.logs.lexemes import number
from diagnostics.logs.parser import parse
from diagnostics.logs.patterns import lowered, text_test
from diagnostics.logs.tree import (
    And,
    Cidr,
    Comparison,
    Exists,
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
from diagnostics.logs.words import word_test, words_of

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

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


class Attributed(Protocol):
    """What carries attributes. Structural, so that nothing here has to import the models."""

    @property
    def attributes(self) -> Mapping[str, Any]: ...


AttributeTest = Callable[[Any], bool]


def any_element(values: list[Any], test: LeafTest) -> bool:
    """True when an element, also of arrays inside the array, passes."""
    pending = list(values)
    while pending:
        value = pending.pop()
        if type(value) is list or type(value) is tuple:
            pending.extend(value)
        elif value is not None and test(value):
            return True
    return False


def _reaches(value: object, test: LeafTest) -> bool:
    if isinstance(value, list | tuple):
        return any_element(list(value), test)
    return value is not None and test(value)


def attribute_test(path: str, test: LeafTest) -> AttributeTest:
    """Return the test of an event: some value at `path` passes `test`.

    `test` sees scalars and objects, never None or an array. Depths one and two, nearly all there are, take no loop.
    """
    parts = path.split(".")
    if len(parts) == 1:
        return _flat_test(path, test)
    if len(parts) == 2:
        return _two_level_test(path, parts[0], parts[1], test)
    return _deep_test(parts, test)


def _flat_test(key: str, test: LeafTest) -> AttributeTest:
    def predicate(event: Attributed) -> bool:
        value = event.attributes.get(key)
        if value is None:
            return False
        if type(value) is list or type(value) is tuple:
            return any_element(list(value), test)
        return test(value)

    return predicate


def _two_level_test(path: str, first: str, second: str, test: LeafTest) -> AttributeTest:
    inside = _deep_walk([first, second], test)

    def predicate(event: Attributed) -> bool:
        attributes = event.attributes
        node = attributes.get(first)
        if type(node) is dict:
            value = node.get(second)
            if value is not None:
                if type(value) is list or type(value) is tuple:
                    if any_element(list(value), test):
                        return True
                elif test(value):
                    return True
        elif node is not None:
            return inside(attributes, 0)
        return path in attributes and _reaches(attributes[path], test)

    return predicate


def _deep_test(parts: list[str], test: LeafTest) -> AttributeTest:
    walk = _deep_walk(parts, test)

    def predicate(event: Attributed) -> bool:
        return walk(event.attributes, 0)

    return predicate


def _deep_walk(parts: list[str], test: LeafTest) -> Callable[[Any, int], bool]:
    """Return the walk over every way of cutting the path into keys. Each node of the event is met at most once."""
    count = len(parts)
    keys = [[(".".join(parts[start:end]), end) for end in range(start + 1, count + 1)] for start in range(count)]

    def walk(node: object, position: int) -> bool:
        if position == count:
            return _reaches(node, test)
        if isinstance(node, Mapping):
            return any(key in node and walk(node[key], end) for key, end in keys[position])
        if isinstance(node, list | tuple):
            return any_element(list(node), lambda element: isinstance(element, Mapping) and walk(element, position))
        return False

    return walk


Predicate = Callable[["LogEvent"], bool]
"""A compiled query: True when it selects the event. Pure, and safe to call from several threads."""

Costed = tuple[int, Predicate]
"""How dear a test is beside the others, and the test."""


def term_test(field: Field, value: Value) -> Costed:
    """Return the test of one field against one value, with its cost."""
    if field.kind is FieldKind.ATTRIBUTE:
        return (3 if isinstance(value, Literal | Exists) else 4), attribute_test(field.name, leaf_test(value))
    if field.kind is FieldKind.TAG:
        return 3, _tag(field.name, value)
    if field.kind is FieldKind.RESERVED:
        return _reserved(field.name, value)
    if field.kind is FieldKind.FULL_TEXT and isinstance(value, Literal | Glob):
        return 100, _full_text(value)
    return _free_text(value)


# Reserved fields: letter case does not count.


def _reserved(name: str, value: Value) -> Costed:
    if name == "source":
        return 5, _either(_tag("source", value), _attribute_in_any_case("source", value))
    if name == "trace_id":
        return 5, _either(_attribute_in_any_case("trace_id", value), _attribute_in_any_case("dd.trace_id", value))
    if name == "tags":
        return _tags(value)
    if name == "message":
        return _message(value)
    return _direct(name, value)


def _tags(value: Value) -> Costed:
    if isinstance(value, Literal | Glob):
        return 3, _any_tag(lower_case_test(value))
    return 1, lambda event: len(event.tags) > 0


def _direct(name: str, value: Value) -> Costed:
    """service, status, host: an attribute of the event itself. Read by name without a call in between."""
    read = attrgetter(name)
    if isinstance(value, Literal):
        return 1, _LITERALS[name](value.text.lower())
    if isinstance(value, Glob):
        test = lower_case_test(value)
        return 2, lambda event: test(read(event).lower())
    return 1, lambda event: read(event) != ""


def _service_literal(wanted: str) -> Predicate:
    return lambda event: event.service == wanted or event.service.lower() == wanted


def _status_literal(wanted: str) -> Predicate:
    return lambda event: event.status == wanted or event.status.lower() == wanted


def _host_literal(wanted: str) -> Predicate:
    return lambda event: event.host == wanted or event.host.lower() == wanted


_LITERALS = {"service": _service_literal, "status": _status_literal, "host": _host_literal}


def _either(first: Predicate, second: Predicate) -> Predicate:
    return lambda event: first(event) or second(event)


def _attribute_in_any_case(path: str, value: Value) -> Predicate:
    if not isinstance(value, Literal | Glob):
        return attribute_test(path, leaf_test(value))
    test = lower_case_test(value)

    def leaf(found: object) -> bool:
        text = text_of(found)
        return text is not None and test(text.lower())

    return attribute_test(path, leaf)


# Tags: letter case does not count; `key:value` in one string.


def _any_tag(test: Callable[[str], bool]) -> Predicate:
    def predicate(event: LogEvent) -> bool:
        for tag in event.tags:  # noqa: SIM110  # a generator costs more than the comparison
            if test(tag.lower()):
                return True
        return False

    return predicate


def _tag(key: str, value: Value) -> Predicate:
    prefix = f"{key}:"
    size = len(prefix)
    if isinstance(value, Exists):
        return _any_tag(lambda tag: tag.startswith(prefix))
    if isinstance(value, Literal):
        wanted = prefix + value.text.lower()

        def predicate(event: LogEvent) -> bool:
            if wanted in event.tags:
                return True
            for tag in event.tags:  # noqa: SIM110  # as above
                if tag.lower() == wanted:
                    return True
            return False

        return predicate
    if isinstance(value, Comparison | Range):
        within = leaf_test(_lower_bounds(value))
        return _any_tag(lambda tag: tag.startswith(prefix) and within(tag[size:]))
    test = lower_case_test(value)
    return _any_tag(lambda tag: tag.startswith(prefix) and test(tag[size:]))


def _lower_bounds(value: Comparison | Range) -> Comparison | Range:
    if isinstance(value, Comparison):
        return Comparison(value.operator, value.bound.lower())
    lower = None if value.lower is None else value.lower.lower()
    upper = None if value.upper is None else value.upper.lower()
    return Range(lower, upper, value.includes_lower, value.includes_upper)


# Text: word by word, letter case does not count.


def _message(value: Value) -> Costed:
    if not isinstance(value, Literal | Glob):
        return 1, lambda event: event.message != ""
    test = word_test(value)
    return 6, lambda event: test(event.message.lower())


_ALSO_FREE = ("title", "error.message", "error.stack")
"""Attributes that free text searches beside the message. Source: Datadog, "Log Search Syntax", since September 2025."""


def _free_text(value: Value) -> Costed:
    """The message, and three attributes, which most events lack: that is seen without opening them."""
    if not isinstance(value, Literal | Glob):
        return _message(value)
    test = word_test(value)
    pieces = [piece for pattern in words_of(value) for piece in pattern if isinstance(piece, str)]
    needle = max(pieces, key=len, default="").encode()

    def leaf(found: object) -> bool:
        text = text_of(found)
        return text is not None and test(text.lower())

    title, error, stack = (attribute_test(path, leaf) for path in _ALSO_FREE)

    def predicate(event: LogEvent) -> bool:
        if test(event.message.lower()):
            return True
        attributes = event.attributes
        if type(attributes) is LazyJson:
            if not attributes.has_text or attributes.lacks(needle):
                return False
        elif not has_text(attributes):
            return False
        return title(event) or error(event) or stack(event)

    return 7, predicate


def _full_text(value: Literal | Glob) -> Predicate:
    test = word_test(value)

    def predicate(event: LogEvent) -> bool:
        if test(event.message.lower()):
            return True
        pending: list[Any] = list(event.attributes.values())
        while pending:
            node = pending.pop()
            kind = type(node)
            if kind is str:
                if test(node.lower()):
                    return True
            elif kind is dict:
                pending.extend(node.values())
            elif kind is list or kind is tuple:
                pending.extend(node)
            elif node is not None:
                text = text_of(node)
                if text is not None and test(text.lower()):
                    return True
        return False

    return predicate


def compile_query(query: str | Node) -> Predicate:
    """Return the predicate of a query or of its tree. Raises QuerySyntaxError for text that cannot be read."""
    return _compiled(parse(query) if isinstance(query, str) else query)


def matches(query: str | Node, event: LogEvent) -> bool:
    """True when the query selects the event. Recently used queries stay compiled. Raises QuerySyntaxError."""
    return (_compiled_text(query) if isinstance(query, str) else _compiled(query))(event)


@lru_cache(maxsize=256)
def _compiled(node: Node) -> Predicate:
    return _build(node)[1]


@lru_cache(maxsize=256)
def _compiled_text(text: str) -> Predicate:
    return _build(parse(text))[1]


def _build(node: Node) -> Costed:
    if isinstance(node, Term):
        return term_test(node.field, node.value)
    if isinstance(node, Not):
        cost, test = _build(node.child)
        return cost, lambda event: not test(event)
    if isinstance(node, And):
        cost, tests = _cheapest_first([_build(child) for child in node.children])
        return cost, _all_of(tests)
    if isinstance(node, Or):
        cost, tests = _cheapest_first(_alternatives(node.children))
        return cost, tests[0] if len(tests) == 1 else _any_of(tests)
    if isinstance(node, Cidr):
        return 8, attribute_test(node.field.name, network_test(node.networks))
    return 0, lambda _event: True


def _cheapest_first(costed: list[Costed]) -> tuple[int, tuple[Predicate, ...]]:
    costed.sort(key=lambda item: item[0])
    return sum(cost for cost, _ in costed), tuple(test for _, test in costed)


def _alternatives(nodes: tuple[Node, ...]) -> list[Costed]:
    """Build the children of an OR; the literals of one attribute become one look-up, however many there are."""
    literals: dict[Field, list[str]] = {}
    others: list[Costed] = []
    for node in nodes:
        if isinstance(node, Term) and node.field.kind is FieldKind.ATTRIBUTE and isinstance(node.value, Literal):
            literals.setdefault(node.field, []).append(node.value.text)
        else:
            others.append(_build(node))
    return others + [(3, attribute_test(field.name, literals_test(texts))) for field, texts in literals.items()]


def _all_of(tests: tuple[Predicate, ...]) -> Predicate:
    if len(tests) == 2:
        first, second = tests
        return lambda event: first(event) and second(event)
    if len(tests) == 3:
        one, two, three = tests
        return lambda event: one(event) and two(event) and three(event)
    if len(tests) == 4:
        a, b, c, d = tests
        return lambda event: a(event) and b(event) and c(event) and d(event)

    def predicate(event: LogEvent) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs more than the tests it would run
            if not test(event):
                return False
        return True

    return predicate


def _any_of(tests: tuple[Predicate, ...]) -> Predicate:
    if len(tests) == 2:
        first, second = tests
        return lambda event: first(event) or second(event)

    def predicate(event: LogEvent) -> bool:
        for test in tests:  # noqa: SIM110  # as above
            if test(event):
                return True
        return False

    return predicate


__all__ = ["Predicate", "compile_query", "matches"]
