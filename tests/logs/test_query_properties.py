"""Properties of every query, every event and every text."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.logs import (
    MAX_QUERY_LENGTH,
    Field,
    FieldKind,
    Glob,
    Literal,
    Node,
    QuerySyntaxError,
    Term,
    Value,
    bind,
    compile_query,
    highlight,
    notes,
    parse,
    quote,
    to_text,
)
from diagnostics.logs.tree import FREE_TEXT, FULL_TEXT
from diagnostics.models.events import LogEvent
from tests.logs import reference
from tests.logs.samples import event
from tests.logs.strategies import (
    any_text,
    clean_text,
    events,
    globs,
    literals,
    plain,
    scalars,
    short,
    term_values,
    trees,
    values,
)

# The same examples every time: a run that fails must fail again. Wider runs raise max_examples by hand.
slow_generators = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@slow_generators
@given(trees)
def test_a_printed_tree_reads_as_the_same_tree(tree: Node) -> None:
    assert parse(to_text(tree)) == tree


@settings(slow_generators, max_examples=200)
@given(trees, st.lists(events, min_size=1, max_size=4))
def test_the_compiled_query_agrees_with_the_definition(tree: Node, sample: list[LogEvent]) -> None:
    predicate = compile_query(tree)
    for one in sample:
        assert predicate(one) is reference.selects(tree, one)


@settings(slow_generators, max_examples=300)
@given(term_values, st.one_of(scalars, values))
def test_each_kind_of_value_agrees_with_the_definition_on_an_attribute(value: Value, found: object) -> None:
    for field in (
        Field(FieldKind.ATTRIBUTE, "a"),
        Field(FieldKind.ATTRIBUTE, "a.b"),
        Field(FieldKind.ATTRIBUTE, "a.b.c"),
    ):
        tree = Term(field, value)
        one = event(attributes={"a": found})
        assert compile_query(tree)(one) is reference.selects(tree, one)


@settings(slow_generators, max_examples=300)
@given(st.one_of(literals, globs), st.one_of(short, plain, st.lists(short, max_size=4).map("-".join)))
def test_words_in_a_message_agree_with_the_definition(value: Literal | Glob, message: str) -> None:
    for field in (FREE_TEXT, FULL_TEXT):
        tree = Term(field, value)
        one = event(message=message, attributes={"a": [message]})
        assert compile_query(tree)(one) is reference.selects(tree, one)


@slow_generators
@given(st.one_of(any_text, trees.map(to_text), st.text(max_size=60)))
@example("(" * 60)
@example('"' + "a" * MAX_QUERY_LENGTH)
@example("\x1b]52;c;YQ==\x07")
@example("\ud800")
def test_any_text_is_coloured_in_order_and_inside_its_bounds(text: str) -> None:
    spans = highlight(text)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    covered = {column for span in spans for column in range(span.start, span.end)}
    assert all(text[column].isspace() for column in range(len(text)) if column not in covered)


def refusal_of(text: str) -> QuerySyntaxError | None:
    try:
        parse(text)
    except QuerySyntaxError as error:
        return error
    return None


@slow_generators
@given(st.one_of(any_text, st.text(max_size=60)))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    notes(text)
    error = refusal_of(text)
    if error is not None:
        assert 0 <= error.column <= len(text)
        assert error.length >= 1
        assert error.message
        assert all(line == clean(line) for line in error.lines())


@slow_generators
@given(trees.map(to_text), st.data())
def test_a_query_cut_short_is_read_or_refused(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    error = refusal_of(cut)
    assert error is None or 0 <= error.column <= len(cut)


@settings(slow_generators, max_examples=300)
@given(any_text, plain)
@example("*", "a")
@example('a"b\\', 'a"b')
@example("", "a")
@example("AND", "and")
@example("-5", "5")
@example("{v}", "v")
@example("x OR y", "x")
def test_a_bound_value_selects_itself_and_nothing_else(value: str, other: str) -> None:
    try:
        query = bind("@a:{v}", v=value)
    except UserError:
        assert clean(value, limit=len(value) + 1) != value
        return
    predicate = compile_query(query)
    assert predicate(event(attributes={"a": value}))
    assert predicate(event(attributes={"a": other})) is (other == value)
    assert not predicate(event(attributes={"a": value + "x"}))
    assert not predicate(event(attributes={"b": value}))


@slow_generators
@given(clean_text)
def test_a_value_bound_inside_a_word_or_a_phrase_is_taken_literally(value: str) -> None:
    inside = compile_query(bind("@a:x{v}*", v=value))
    assert inside(event(attributes={"a": f"x{value}y"}))
    assert not inside(event(attributes={"a": f"y{value}x"}))
    phrase = compile_query(bind('@a:"for {v}"', v=value))
    assert phrase(event(attributes={"a": f"for {value}"}))


@slow_generators
@given(clean_text, clean_text)
def test_a_quoted_value_cannot_reach_its_neighbours(left: str, right: str) -> None:
    predicate = compile_query(f"@a:{quote(left)} -@b:{quote(right)}")
    assert predicate(event(attributes={"a": left, "b": f"{right}x"}))
    assert not predicate(event(attributes={"a": left, "b": right}))
