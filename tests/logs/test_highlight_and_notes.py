"""Colours and remarks."""

from __future__ import annotations

import pytest

from diagnostics.logs import highlight, notes


def coloured(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind.value) for span in highlight(text)]


def test_each_part_of_a_query_has_its_kind() -> None:
    assert coloured('service:fub @a.b:*x* env:prod -"y z" (free OR *:1)') == [
        ("service:", "field"),
        ("fub", "value"),
        ("@a.b:", "attribute"),
        ("*", "wildcard"),
        ("x", "value"),
        ("*", "wildcard"),
        ("env:", "tag"),
        ("prod", "value"),
        ("-", "operator"),
        ('"y z"', "phrase"),
        ("(", "bracket"),
        ("free", "text"),
        ("OR", "operator"),
        ("*:", "field"),
        ("1", "number"),
        (")", "bracket"),
    ]


def test_numbers_ranges_comparisons_and_functions_have_their_kinds() -> None:
    assert coloured("@a:>=5 @b:[1 TO x}") == [
        ("@a:", "attribute"),
        (">=", "operator"),
        ("5", "number"),
        ("@b:", "attribute"),
        ("[", "bracket"),
        ("1", "number"),
        ("TO", "operator"),
        ("x", "value"),
        ("}", "bracket"),
    ]
    assert coloured("CIDR(@ip,10.0.0.0/8)") == [
        ("CIDR(", "function"),
        ("@ip", "attribute"),
        (",", "bracket"),
        ("10.0.0.0/8", "value"),
        (")", "bracket"),
    ]


def test_words_of_a_group_on_a_field_are_values_and_those_after_it_are_text() -> None:
    assert coloured("@a:(b (c)) d") == [
        ("@a:", "attribute"),
        ("(", "bracket"),
        ("b", "value"),
        ("(", "bracket"),
        ("c", "value"),
        (")", "bracket"),
        (")", "bracket"),
        ("d", "text"),
    ]


def test_an_escaped_wildcard_is_no_wildcard() -> None:
    assert coloured(r"a\*b*") == [(r"a\*b", "text"), ("*", "wildcard")]


NOTED = [
    ("a -@message:*rate*limit*", 3, "@message is an attribute named message"),
    ("@status:error", 0, "the log's own status is status:"),
    ("status:warning", 0, "no log has this status"),
    ("rate or limit", 5, "or is an ordinary word here; the operator is OR"),
    ("“rate limit”", 0, "curly quotation marks do not make a phrase"),
    ("@a:“rate”", 0, "curly quotation marks do not make a phrase"),
    ('@a:"*rate*"', 0, "inside quotation marks * and ? are ordinary characters"),
    ("rate*limit", 0, "in text a wildcard stays inside one word"),
    ('"--"', 0, "punctuation is not searched in text"),
    ("@a:[5 TO 1]", 0, "selects nothing"),
]


@pytest.mark.parametrize(("query", "column", "text"), NOTED)
def test_a_query_that_may_surprise_is_noted_at_its_place(query: str, column: int, text: str) -> None:
    assert any(note.column == column and text in note.text for note in notes(query))


QUIET = [
    "service:fub @context.method:*oauth* status:error",
    "@context.service:zillow @context.message:x",
    "*oauth* failed rate* *limit",
    'status:(error OR warn) "rate limit"',
    "@a:[1 TO 5] @b:>5 env:prod *:x",
    '"or" @a:or',
    r"@a:\*rate\*",
    "",
]


@pytest.mark.parametrize("query", QUIET)
def test_an_ordinary_query_has_no_notes(query: str) -> None:
    assert notes(query) == ()


def test_a_note_covers_the_whole_term() -> None:
    (note,) = notes("service:fub -@message:*x*")
    assert "service:fub -@message:*x*"[note.column : note.column + note.length] == "@message:*x*"
