"""The sanitizer lets nothing through that a terminal would obey."""

from __future__ import annotations

import time
import unicodedata
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.sanitizer import MARK, clean, clean_tree

HOSTILE = {
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "clipboard, 8-bit": "\x9d52;c;cm0gLXJmIC8=\x9c",
    "title": "\x1b]0;owned\x1b\\",
    "clear screen": "\x1b[2J\x1b[H",
    "colour": "\x1b[31;1m",
    "colour, 8-bit": "\x9b31m",
    "device control": "\x1bP$q\x1b\\",
    "bell": "\x07",
    "backspace": "a\x08b",
    "bidi override": "\u202egnp.exe",
    "bidi isolate": "\u2066x\u2069",
    "zero width": "pass\u200bword",
    "line separator": "a\u2028b",
    "tag letters": "\U000e0041\U000e0042",
    "lone surrogate": "a\ud800b",
    "unterminated": "\x1b]52;c;AAAA",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_piece_is_replaced_by_a_mark(name: str) -> None:
    cleaned = clean(f"before {HOSTILE[name]} after")
    assert MARK in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert is_harmless(cleaned)


def test_an_escape_at_the_very_end_is_marked() -> None:
    assert clean("text\x1b") == f"text{MARK}"


def test_an_unterminated_sequence_does_not_swallow_the_rest() -> None:
    assert "the evidence" in clean("\x1b]52;c;AAAA the evidence")


def test_breaks_become_spaces_unless_several_lines_are_wanted() -> None:
    assert clean("a\r\nb\tc\rd") == "a b c d"
    assert clean("a\r\nb\tc\rd", multiline=True) == "a\nb    c\nd"


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 100, limit=10) == "x" * 9 + "…"


@pytest.mark.parametrize("multiline", [False, True])
def test_nothing_is_longer_than_its_limit_whatever_it_is_made_of(multiline: bool) -> None:
    for piece in ("\t", "\r\n", "\x1b[2J", "\x9d", "e\u0301", "x"):
        for limit in (0, 1, 2, 5, 10):
            cut = clean(piece * 10, limit=limit, multiline=multiline)
            assert len(cut) <= limit
            assert clean(cut, limit=limit, multiline=multiline) == cut


def test_stacked_marks_stay_on_their_own_row() -> None:
    assert len(clean("e" + "\u0301" * 50)) == 5


def test_ordinary_text_of_any_script_is_untouched() -> None:
    for text in ("HTTP 429 Too Many Requests", "naïve café", "日本語のログ", "Привет", "🙂", "[/foo] [A=http://x"):
        assert clean(text) == text


def test_trees_are_cleaned_in_keys_and_values_and_bounded_in_depth() -> None:
    tree: object = "deep"
    for _ in range(60):
        tree = [tree]
    cleaned = clean_tree({"k\x1b[2J": ["v\x07", 1, 2.5, None, True], "deep": tree, "odd": b"\x1b[2J"})
    assert isinstance(cleaned, dict)
    assert is_harmless(repr(cleaned))
    assert cleaned[f"k{MARK}"] == [f"v{MARK}", 1, 2.5, None, True]
    assert MARK in repr(cleaned["deep"])


def test_a_tree_is_whole_to_the_depth_that_is_named_and_marked_below() -> None:
    def nested(levels: int) -> object:
        tree: object = {"deep": "text"}
        for _ in range(levels - 1):
            tree = [tree]
        return tree

    assert clean_tree(nested(24)) == nested(24)
    assert "text" not in repr(clean_tree(nested(25)))


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_nothing_a_terminal_obeys_survives(text: str) -> None:
    assert is_harmless(clean(text))
    assert is_harmless(clean(text, multiline=True).replace("\n", ""))


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(st.text(alphabet="\x1b]52;c\x07\\[m0\x9b\x9d ab", max_size=60))
def test_pieces_of_sequences_in_any_order_leave_no_escape(text: str) -> None:
    assert is_harmless(clean(text))


OPENERS = ("\x90", "\x98", "\x9b", "\x9d", "\x9e", "\x9f", "\x1b]", "\x1bP", "\x1bX", "\x1b^", "\x1b_", "\x1b[", "\x1b")


@pytest.mark.parametrize("filling", ["", "a", "0;" * 50, " " * 50, "\u0301" * 6])
@pytest.mark.parametrize("opener", [*OPENERS, "\x9d\x1b]", "\u0301", "\x1b[1;"])
def test_a_long_text_of_openings_costs_no_more_than_a_look_at_each(opener: str, filling: str) -> None:
    unit = opener + filling
    text = unit * (65_536 // len(unit))
    before = time.thread_time()
    cleaned = clean(text, limit=65_536)
    # Processor time of this thread alone, a few milliseconds; looking ahead from every opening took four seconds.
    assert time.thread_time() - before < 1.0
    assert is_harmless(cleaned)


def test_a_body_ends_where_the_next_string_opens() -> None:
    assert clean("\x9dfirst\x9dsecond\x9cthird") == f"{MARK}first{MARK}third"
    assert clean("\x1b]first\x90second\x07third") == f"{MARK}first{MARK}third"


def is_harmless(text: str) -> bool:
    return not any(
        unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(letter) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for letter in text
    )


def test_a_key_of_a_tree_is_cut_at_512_characters() -> None:
    (whole,) = cast("dict[str, object]", clean_tree({"k" * 512: 1}))
    (cut,) = cast("dict[str, object]", clean_tree({"k" * 513: 1}))
    assert whole == "k" * 512
    assert cut != "k" * 513
    assert cut.startswith("k" * 500)
    assert len(cut) == 512
