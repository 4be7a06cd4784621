"""Lazy attribute trees read like the dictionaries they stand for."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.lazy_json import LazyJson, Sharing, lazy
from diagnostics.logs import compile_query
from diagnostics.models.events import LogEvent

KEYS = st.sampled_from(["a", "b", "context", "x.y", "429"])
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)


def event(attributes: Any) -> LogEvent:  # noqa: ANN401  # a dictionary or what stands for one
    return LogEvent(id="1", timestamp_ms=0, service="fub", status="error", message="x", attributes=attributes)


@given(TREES)
def test_a_lazy_tree_equals_the_dictionary_it_was_made_of(tree: dict[str, Any]) -> None:
    small = lazy(tree)
    assert small == tree
    assert dict(small) == tree
    assert list(small.values()) == list(tree.values())
    assert [small.get(key) for key in ("a", "missing")] == [tree.get(key) for key in ("a", "missing")]
    assert len(small) == len(tree)


@given(TREES, st.sampled_from(["@a:*", "@context.a:429", "@x.y:*", "*:429", "-@b:*", "@a.b:[1 TO 9]"]))
def test_a_query_selects_a_lazy_event_exactly_when_it_selects_the_plain_one(tree: dict[str, Any], query: str) -> None:
    passes = compile_query(query)
    assert passes(event(lazy(tree))) == passes(event(tree))


def test_reading_two_trees_in_turns_never_mixes_them() -> None:
    first, second = lazy({"a": 1}), lazy({"a": 2})
    assert [first["a"], second["a"], first["a"], second["a"]] == [1, 2, 1, 2]


def test_what_compact_json_cannot_hold_stays_as_it_is() -> None:
    tree = {"huge": 2**80}
    assert lazy(tree) is tree
    assert isinstance(lazy({"small": 1}), LazyJson)


def test_equal_texts_are_shared_and_the_memory_for_that_is_bounded() -> None:
    sharing = Sharing(most=10)
    one, other = "".join(["fub", "-worker"]), "".join(["fub-", "worker"])
    assert sharing.text(one) is sharing.text(other)
    for number in range(100):
        sharing.text(str(number))
    assert len(sharing._known) <= 10
