from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from diagnostics.core.sanitizer import clean
from tests.widgets.samples import event
from widgets.log.line import account_of, cells, clock, columns, cut, plain, row

hostile = st.text(alphabet=st.characters(codec="utf-8"), max_size=80).map(clean)
wide = st.text(alphabet="ab 顧客様é́e\u0301👍\ufe0f1", max_size=60).map(clean)


def test_a_wide_row_has_every_column() -> None:
    text = "".join(part for part, _ in row(event(1, status="error"), columns(118)))
    assert text.split() == ["14:00:01", "error", "fub-worker", "acct", "14009", "message", "1"]


@pytest.mark.parametrize(
    ("width", "gone"), [(95, "fub-worker"), (78, "fub-worker"), (59, "acct"), (39, "14:00:01")], ids=str
)
def test_a_narrow_row_drops_service_then_account_then_time(width: int, gone: str) -> None:
    text = "".join(part for part, _ in row(event(1), columns(width)))
    assert gone not in text
    assert "message 1" in text


def test_a_calm_row_has_two_runs_and_a_severe_one_three() -> None:
    assert [tone for _, tone in row(event(1), columns(118))] == ["time", ""]
    assert [tone for _, tone in row(event(1, status="critical"), columns(118))] == ["time", "fatal", ""]


def test_a_missing_account_leaves_its_column_empty() -> None:
    with_it = "".join(part for part, _ in row(event(1), columns(118)))
    without = "".join(part for part, _ in row(event(1, attributes={}), columns(118)))
    assert with_it.index("message 1") == without.index("message 1")


@pytest.mark.parametrize(
    "context", [None, [], "x", {"account_id": None}, {"account_id": {"a": 1}}, {"account_id": True}]
)
def test_an_account_of_another_shape_is_no_account(context: object) -> None:
    assert account_of(event(1, attributes={"context": context})) == ""


def test_the_clock_is_utc_and_wraps_at_midnight() -> None:
    assert clock(1_763_423_999_999) == "23:59:59"
    assert clock(1_763_424_000_000) == "00:00:00"


@pytest.mark.parametrize(
    ("today", "width", "lead"),
    [
        (None, 118, "  14:00:01 "),
        # The day of the lines, and one after it: from level 1 at 03:10 the window reaches back over midnight.
        (date(2025, 11, 17), 118, "         14:00:01 "),
        (date(2025, 11, 18), 118, "  17 Nov 14:00:01 "),
        (date(2025, 11, 18), 60, "  17 Nov 14:00:01 "),
        (date(2025, 11, 18), 59, "  17 Nov   "),
        (date(2025, 11, 17), 59, "  14:00:01 "),
        (date(2025, 11, 18), 39, "  "),
    ],
)
def test_a_line_of_another_day_says_of_which(today: date | None, width: int, lead: str) -> None:
    (first, _), *rest = row(event(1, status="error"), columns(width, today))
    assert first == lead
    assert sum(cell_len(text) for text, _ in [(first, ""), *rest]) == width


def test_a_cut_end_and_a_moved_start_are_both_marked() -> None:
    assert cut("abcdefghij", 5) == "abcd…"
    assert cut("abcdefghij", 5, start=3) == "…efg…"
    assert cut("abcdefghij", 5, start=5, more="~") == "~ghij"


def test_a_halved_wide_character_becomes_a_space() -> None:
    assert cells("a顧客", 0, 4) == "a顧 "
    assert cells("顧客", 1, 4) == " 客"


def test_a_combining_mark_stays_with_its_letter() -> None:
    assert cells("ae\u0301b", 1, 2) == "e\u0301"


@given(hostile | wide, st.integers(0, 40), st.integers(1, 40))
def test_any_text_is_cut_to_exactly_the_cells_asked_for(text: str, start: int, width: int) -> None:
    assert cell_len(cut(text, width, start=start)) == width
    assert cell_len(cells(text, start, start + width)) == width


@given(hostile, hostile, st.integers(1, 200), st.integers(0, 64))
def test_any_event_fills_exactly_its_row(message: str, service: str, width: int, shift: int) -> None:
    one = event(1, message=message, service=service, status="error")
    runs = row(one, columns(width), shift=shift)
    used = sum(cell_len(text) for text, _ in runs)
    dated = row(one, columns(width, date(2026, 1, 1)), shift=shift)
    assert sum(cell_len(text) for text, _ in dated) == used
    # Below fifteen cells the level alone is wider; the painter crops such rows.
    assert used == width or width < 15


def test_the_clipboard_line_has_every_column_at_any_width() -> None:
    assert plain(event(1)) == "14:00:01  info  fub-worker  acct 14009  message 1"
