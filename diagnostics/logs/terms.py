"""The test of one term: which part of the event a field reads, and how letter case counts there."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from diagnostics.logs.paths import attribute_test
from diagnostics.logs.tree import Comparison, Exists, Field, FieldKind, Glob, Literal, Range, Value
from diagnostics.logs.values import leaf_test, lower_case_test, text_of
from diagnostics.logs.words import word_test

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

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
    return _message(value)


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
