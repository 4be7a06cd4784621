"""Rows are laid out by cells, and a pane repaints only the cells that changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from widgets.line_view import changed_cells
from widgets.row import Row, fit, labelled, row, wrap

LETTERS = st.text(alphabet="ab日本é 🙂x", max_size=40)


@given(LETTERS, st.integers(min_value=1, max_value=60))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit(text, width, right=True)) == width


@given(LETTERS, st.integers(min_value=4, max_value=40))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_cut_paragraph_ends_in_an_ellipsis() -> None:
    assert wrap("one two three four", 9, most=1) == ["one two…"]


def test_a_label_stands_on_the_first_line_only() -> None:
    texts = [item.text for item in labelled("impact", "sync suspended for all", 24, label_width=8)]
    assert texts == ["impact  sync suspended", "        for all"]


def test_only_the_changed_number_is_repainted() -> None:
    before = row(("RATE LIMITING  ", "fail"), "1,204 in 15m  ", ("61 accounts", "muted"))
    after = row(("RATE LIMITING  ", "fail"), "1,209 in 15m  ", ("61 accounts", "muted"))
    assert changed_cells(before, after) == (19, 20)


def test_a_changed_tone_is_a_change() -> None:
    assert changed_cells(row(("ab", "fail"), "cd"), row(("ab", "pass"), "cd")) == (0, 2)


def test_double_width_letters_count_as_two_cells() -> None:
    assert changed_cells(row("日本1"), row("日本2")) == (4, 5)


@given(LETTERS, LETTERS)
def test_everything_outside_the_changed_cells_is_the_same(left: str, right: str) -> None:
    start, end = changed_cells(Row(row(left).pieces), Row(row(right).pieces))
    assert 0 <= start <= end
    assert cells(left)[:start] == cells(right)[:start]
    assert cells(left)[end:] == cells(right)[end:]


def cells(text: str) -> list[str]:
    found: list[str] = []
    for letter in text:
        found += [letter] * cell_len(letter)
    return found
