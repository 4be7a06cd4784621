"""Values from outside reach a query through quoting only."""

from __future__ import annotations

import pytest

from diagnostics.core.failures import UserError
from diagnostics.logs import MAX_QUERY_LENGTH, bind, parse, quote, to_text

QUOTED = [
    ("oauthRefresh", "oauthRefresh"),
    (14009, "14009"),
    (-5, '"-5"'),
    ("a.b/c-d", "a.b/c-d"),
    ("", '""'),
    ("two words", '"two words"'),
    ("*", '"*"'),
    ("a*b", '"a*b"'),
    ("OR", '"OR"'),
    ("TO", '"TO"'),
    ("-x", '"-x"'),
    ("a:b", '"a:b"'),
    ('say "x"', r'"say \"x\""'),
    ("back\\slash", r'"back\\slash"'),
    ("Zürich", '"Zürich"'),
]


@pytest.mark.parametrize(("value", "literal"), QUOTED)
def test_a_value_is_quoted_only_where_it_must_be(value: str | int, literal: str) -> None:
    assert quote(value) == literal


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "\x00", "\x1b[0m", "\u202e", "\u200b", "\ud800", "\x9b"])
def test_what_a_query_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(UserError, match="control or invisible characters") as caught:
        quote(value)
    assert all(value not in line for line in caught.value.lines())


@pytest.mark.parametrize("value", [True, 1.5, None, ["a"]])
def test_only_text_and_whole_numbers_are_bound(value: object) -> None:
    with pytest.raises(UserError, match="a query cannot carry a"):
        quote(value)  # type: ignore[arg-type]  # what a careless caller could do


BOUND = [
    ("@context.account_id:{v} status:error", 12345, "@context.account_id:12345 status:error"),
    ("@a:{v}", "x OR y", '@a:"x OR y"'),
    ("@a:({v} OR z)", "x)", '@a:("x)" OR z)'),
    ("@a:>={v}", 5, "@a:>=5"),
    ("-{v}", "a b", '-"a b"'),
    ("{v}", "-a", '"-a"'),
    ("@a:*{v}*", "x*y z", r"@a:*x\*y\ z*"),
    ('@a:"no {v} here"', 'x" OR "y', r'@a:"no x\" OR \"y here"'),
    (r"@a:\"{v}", "x y", r"@a:\"x\ y"),
    ("@a:[{v} TO 5]", 1, "@a:[1 TO 5]"),
    ("@a:{1 TO 5} @b:{v}", "x", "@a:{1 TO 5} @b:x"),
]


@pytest.mark.parametrize(("template", "value", "query"), BOUND)
def test_a_slot_is_filled_as_its_place_demands(template: str, value: str | int, query: str) -> None:
    assert bind(template, v=value) == query
    parse(query)


def test_a_value_that_looks_like_a_slot_is_not_filled_again() -> None:
    assert bind("@a:{a} @b:{b}", a="{b}", b="x") == '@a:"{b}" @b:x'


def test_a_slot_without_a_value_and_a_value_without_a_slot_are_refused() -> None:
    with pytest.raises(UserError, match="needs a value for account_id") as caught:
        bind("@context.account_id:{account_id}")
    assert caught.value.accepted == "account_id"
    with pytest.raises(UserError, match="has no place for deal_id"):
        bind("@context.account_id:{account_id}", account_id=1, deal_id=2)
    with pytest.raises(UserError, match="has no place for deal_id") as caught:
        bind("service:fub", deal_id=2)
    assert caught.value.accepted == "no values"


def test_a_value_that_makes_the_query_too_long_is_refused() -> None:
    with pytest.raises(UserError, match="characters"):
        bind("@a:{v}", v="x" * MAX_QUERY_LENGTH)
    with pytest.raises(UserError, match="characters"):
        quote("x" * (MAX_QUERY_LENGTH + 1))


def test_a_tree_prints_as_a_responder_would_write_it() -> None:
    text = "service:fub @context.method:*oauth* (status:error OR status:warn) -@message:*rate*limit*"
    assert to_text(parse(text)) == text
    assert to_text(parse("a OR b AND (c OR NOT (d e))")) == "a OR b (c OR -(d e))"
    assert to_text(parse("")) == "*"
