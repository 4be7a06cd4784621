"""Reading `@a.b.c` out of nested attributes: nested objects, keys that hold dots, arrays at any level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

LeafTest = Callable[[Any], bool]


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
