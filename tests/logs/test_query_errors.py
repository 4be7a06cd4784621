"""A broken query is answered with a sentence and the place."""

from __future__ import annotations

import pytest

from diagnostics.core.failures import UserError
from diagnostics.logs import MAX_QUERY_LENGTH, QuerySyntaxError, highlight, matches, notes, parse
from diagnostics.logs.highlight import SpanKind
from diagnostics.logs.scanner import MAX_DEPTH
from tests.logs.samples import event

BROKEN = [
    # query, column (from 0), length, part of the message
    ("status:x (a", 9, 1, "the parenthesis opened at column 10 is never closed"),
    ("a (b (c)", 2, 1, "the parenthesis opened at column 3 is never closed"),
    ("a) b", 1, 1, "the parenthesis closed at column 2 was never opened"),
    ("@a:(b OR c", 3, 1, "the parenthesis opened at column 4 is never closed"),
    ("CIDR(@a,10.0.0.0/8", 4, 1, "the parenthesis opened at column 5 is never closed"),
    ('a "b c', 2, 1, "the quotation mark opened at column 3 is never closed"),
    (r'"b\"', 0, 1, "the quotation mark opened at column 1 is never closed"),
    ("@a:[1 TO 5", 3, 1, "the range opened at column 4 is never closed"),
    ("@a:{", 3, 1, "the range opened at column 4 is never closed"),
    ("a AND", 2, 3, "AND has nothing on its right"),
    ("a OR ", 2, 2, "OR has nothing on its right"),
    ("a AND OR b", 2, 3, "AND has nothing on its right"),
    ("NOT", 0, 3, "NOT has nothing on its right"),
    ("OR a", 0, 2, "OR has nothing on its left"),
    ("(AND b)", 1, 3, "AND has nothing on its left"),
    ("a ()", 2, 2, "the parentheses hold nothing"),
    ("@a:( )", 3, 3, "the parentheses hold nothing"),
    ("service: -fub", 0, 8, "service: has no value"),
    ("service: AND fub", 0, 8, "service: has no value"),
    ("service: host:web", 0, 8, "service: has no value"),
    ("a @b:", 2, 3, "@b: has no value"),
    ("(a:)", 1, 2, "a: has no value"),
    ("@a", 0, 2, "@a names an attribute and says nothing about it"),
    ("@:x", 0, 2, "@ is not followed by an attribute name"),
    ("@a*:x", 0, 4, "wildcards are not allowed in the name of a field"),
    (":x", 0, 1, "the colon has no field name before it"),
    ("@url:http://x", 9, 1, ": has a meaning of its own and cannot stand inside a word"),
    ("get(x)", 3, 1, "( has a meaning of its own and cannot stand inside a word"),
    ('say"x"', 3, 1, '" has a meaning of its own and cannot stand inside a word'),
    ('"x"y', 0, 3, "there is no space between this value and what follows it"),
    ("a - ", 2, 1, "the dash excludes nothing"),
    ("(a -)", 3, 1, "the dash excludes nothing"),
    ("a - OR b", 2, 1, "- has nothing on its right"),
    ("@a:-b", 3, 2, "a value cannot begin with a dash unless it is a number"),
    ("@a:OR", 3, 2, "OR is an operator and cannot be a value as it stands"),
    ("a &&", 2, 2, "&& has nothing on its right"),
    ("a||b", 1, 2, "|| is an operator between terms only"),
    ("@a:&&", 3, 2, "&& is an operator between terms only"),
    ("!a", 0, 2, "! does not exclude here"),
    ("status=error", 0, 12, "a field and its value are parted by a colon"),
    ("a [ERROR] b", 2, 7, "brackets are for ranges"),
    ('{"status":"error"}', 0, 18, "this is JSON and not a query"),
    ("@a:>2s", 0, 6, "in which unit @a is logged is not known"),
    ("@http.response_time:>2kb", 0, 24, "in which unit @http.response_time is logged is not known"),
    ("@a:=5", 3, 2, "a value does not begin with ="),
    ("#total:5", 0, 7, "calculated fields (#name) cannot be searched here"),
    ("_exists_:a", 0, 9, "_exists_: is not part of this syntax"),
    ("a]", 1, 1, "] has a meaning of its own"),
    ("a ]", 2, 1, "] closes a range that was never opened"),
    ("a\\", 1, 1, "the backslash escapes nothing"),
    ("@a:>", 3, 1, "> has no value to compare with"),
    ("@a:> 5", 3, 1, "> has no value to compare with"),
    ("@a:>5*", 4, 2, "5* has a wildcard where one value is needed"),
    ("@a:>(5)", 3, 1, "> has no value to compare with"),
    ("b >5", 2, 2, "a comparison needs an attribute, and none is named"),
    ("[1 TO 5]", 0, 8, "a range needs an attribute, and none is named"),
    ("status:>5", 0, 9, "a comparison cannot be held against status, which is text"),
    ("@a:[1 5]", 3, 5, "a range needs a lower end, the word TO and an upper end"),
    ("@a:[1 TO]", 3, 6, "a range needs a lower end, the word TO and an upper end"),
    ("@a:[1 TO 5 6]", 3, 10, "a range needs a lower end, the word TO and an upper end"),
    ("@a:[1 TO x]", 3, 8, "one end of the range is a number and the other is not"),
    ("@a:[1* TO 5]", 4, 2, "1* has a wildcard where one value is needed"),
    ("@a:(b c:d)", 6, 3, "the group on @a holds a term that names a field of its own"),
    ("CIDR(@a)", 7, 1, "CIDR needs one attribute and at least one network"),
    ("CIDR(a,10.0.0.0/8)", 5, 1, "CIDR needs one attribute and at least one network"),
    ("CIDR(@a,10.0.0.0/99)", 8, 11, "10.0.0.0/99 is not a network"),
    ("CIDR(@a*,10.0.0.0/8)", 5, 3, "@a* does not name one attribute"),
    ("b *" + "a?" * 65 + "b", 2, 132, "the pattern has too many wildcards"),
    ("b " + "a?-" * 33 + "b", 2, 100, "the pattern has too many wildcards"),
    ("a\x1b[31mb", 1, 1, "an invisible or control character (U+001B) is in the query"),
    ("a\u200bb", 1, 1, "an invisible or control character (U+200B) is in the query"),
    ('"a\u202eb"', 2, 1, "an invisible or control character (U+202E) is in the query"),
]


@pytest.mark.parametrize(("query", "column", "length", "message"), BROKEN)
def test_a_broken_query_is_refused_at_its_place(query: str, column: int, length: int, message: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    error = caught.value
    assert message in error.message
    assert (error.column, error.length) == (column, length)
    assert error.where == f"column {column + 1} of the query"


@pytest.mark.parametrize("query", [case[0] for case in BROKEN])
def test_a_broken_query_says_what_to_do_next_and_has_no_notes(query: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.accepted or caught.value.next_step
    assert notes(query) == ()
    assert highlight(query)


ADVICE = {
    "!timeout": "write -timeout",
    "!service:fub": "write -service:value",
    "@a:!5": "write -@a:5",
    "@a:!=5": "write -@a:5",
    "@a!=5": "write -@a:5",
    "@a=5": "write @a:5",
    "@a==5": "write @a:5",
    "@a:=5": "write @a:5",
    "status=error": 'write status:error, or "status=error" for the text',
    "_exists_:service": "write service:*",
    "_exists_:@http.url": "write @http.url:*",
    "_exists_:context.method": "write @context.method:*",
    "_missing_:context.method": "write -@context.method:*",
    "[ERROR]": "write status:error, or ERROR for the word",
    "[warning] zillow": "write status:warn, or warning for the word",
    "[main thread]": 'write "main thread"',
    '{"status":"error","context":{"account_id":14009}}': "write status:error @context.account_id:14009",
    '{"message": "HTTP 429: slow down"}': 'write message:"HTTP 429: slow down"',
    '[{"a": 1}, {"b": 2}]': "write @name:value for each field that matters",
    '{"level": "error", "mess': "write @name:value for each field that matters",
    "a||b": "put a space before it, or write OR; for the text itself, put the value in quotation marks",
}


@pytest.mark.honesty(
    "query language: another tool's syntax (_exists_, =, !, [ERROR], pasted JSON)",
    "the query is refused at its place, and the remedy is a query that does what was meant",
)
@pytest.mark.parametrize(("query", "advice"), ADVICE.items())
def test_the_advice_is_what_was_meant_in_this_syntax(query: str, advice: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.next_step == advice


@pytest.mark.parametrize("advice", ADVICE.values())
def test_what_is_advised_can_be_read(advice: str) -> None:
    if advice.startswith("write "):
        for form in advice.removeprefix("write ").split(", or "):
            parse(
                form.removesuffix(" for the word")
                .removesuffix(" for the text")
                .removesuffix(" for each field that matters")
            )


def test_the_error_is_one_the_command_line_knows() -> None:
    with pytest.raises(UserError) as caught:
        matches("a OR", event())
    assert caught.value.lines()[:2] == ["error: OR has nothing on its right", "where: column 3 of the query"]


def test_a_query_may_nest_as_deep_as_the_limit_and_no_deeper() -> None:
    deep = "(" * MAX_DEPTH + "zillow" + ")" * MAX_DEPTH
    assert matches(deep, event())
    assert matches("-" * MAX_DEPTH + "zillow", event())
    for query in (f"({deep})", "-" * (MAX_DEPTH + 1) + "a", "NOT " * 1_000 + "a", "-(" * 26 + "a" + ")" * 26):
        with pytest.raises(QuerySyntaxError, match="nests deeper than 50 levels"):
            parse(query)


def test_groups_beside_each_other_do_not_nest() -> None:
    assert not matches(" ".join(["-(zillow)"] * 200), event())


def test_a_query_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert not matches("x" * MAX_QUERY_LENGTH, event())
    with pytest.raises(QuerySyntaxError, match="longer than 8,192 characters") as caught:
        parse("x" * (MAX_QUERY_LENGTH + 1))
    assert caught.value.column == MAX_QUERY_LENGTH


def test_an_attribute_path_is_bounded() -> None:
    assert not matches("@" + ".".join("a" * 32) + ":x", event())
    with pytest.raises(QuerySyntaxError, match="the attribute lies too deep"):
        parse("@" + ".".join("a" * 33) + ":x")


def test_the_longest_query_of_small_terms_is_read_and_run() -> None:
    query = " OR ".join(["a"] * (MAX_QUERY_LENGTH // 5))
    assert not matches(query, event())
    assert matches(f"{query[:-40]}a OR failed", event())


def test_a_broken_part_is_coloured_as_an_error_and_the_rest_is_not() -> None:
    kinds = {(span.start, span.end): span.kind for span in highlight("service: -fu (a")}
    broken = {(0, 8): SpanKind.ERROR, (13, 14): SpanKind.ERROR}
    assert kinds == broken | {(9, 10): SpanKind.OPERATOR, (10, 12): SpanKind.TEXT, (14, 15): SpanKind.TEXT}
