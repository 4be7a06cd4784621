"""From tree to a fast test of one event: closures over constants, cheapest first, no query text ever evaluated."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from diagnostics.logs.parser import parse
from diagnostics.logs.paths import attribute_test
from diagnostics.logs.terms import Costed, Predicate, term_test
from diagnostics.logs.tree import And, Cidr, Field, FieldKind, Literal, Node, Not, Or, Term
from diagnostics.logs.values import literals_test, network_test

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent


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
