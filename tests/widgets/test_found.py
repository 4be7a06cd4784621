"""Words found in rows: whatever their case, over the end of a line, and marked where they stand."""

from __future__ import annotations

import pytest

from widgets.found import find_words, marked
from widgets.row import BLANK, Row, row

ROWS = [
    row(("why  ", "muted"), ("Refresh token was revoked, and the", "")),
    row("     refresh token expired."),
    BLANK,
    row("Token 14009 [a-z]+"),
]


def found(words: str) -> list[str]:
    return ["|".join(ROWS[one.row].text[one.start : one.end] for one in hit) for hit in find_words(ROWS, words)]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("refresh TOKEN", ["Refresh token", "refresh token"]),
        ("and the refresh", ["and the|refresh"]),
        ("expired. token", []),  # another paragraph
        ("[a-z]+", ["[a-z]+"]),
        ("token", ["token", "token", "Token"]),
        ("why refresh", ["why  Refresh"]),
        ("  ", []),
        ("nowhere", []),
    ],
)
def test_words_are_found_where_they_stand(words: str, places: list[str]) -> None:
    assert found(words) == places


def test_what_was_found_is_marked_and_nothing_else_changes() -> None:
    shown = marked(ROWS, find_words(ROWS, "the refresh"), 0)
    assert [item.text for item in shown] == [item.text for item in ROWS]
    bars = [(at, piece.text) for at, item in enumerate(shown) for piece in item.pieces if piece.tone == "bar"]
    assert bars == [(0, "the"), (1, "refresh")]
    assert shown[0].pieces[0] == ROWS[0].pieces[0]
    assert shown[2:] == ROWS[2:]


def test_only_the_chosen_place_is_a_bar() -> None:
    shown = marked(ROWS, find_words(ROWS, "token"), 1)
    tones = [piece.tone for item in shown for piece in item.pieces if piece.text.casefold() == "token"]
    assert tones == ["key", "bar", "key"]


def test_letters_of_two_cells_and_a_row_without_text_are_no_trouble() -> None:
    rows: list[Row] = [BLANK, row("青山不動産 refused"), BLANK]
    assert [(one.row, one.start, one.end) for hit in find_words(rows, "不動産 REFUSED") for one in hit] == [(1, 2, 13)]
