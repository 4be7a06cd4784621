from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widgets.sparkline import BLOCKS, RAMP, curve, sparkline


def test_rising_values_draw_as_rising_blocks() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == BLOCKS


def test_ascii_uses_only_the_ascii_ramp() -> None:
    assert sparkline(list(range(10)), 10, ascii=True) == RAMP


def test_a_burst_survives_pooling() -> None:
    assert sparkline([0] * 50 + [9] + [0] * 49, 10) == "▁▁▁▁▁█▁▁▁▁"


def test_a_single_event_among_thousands_is_a_step_above_the_floor() -> None:
    assert sparkline([0, 1, 5_000], 3) == "▁▂█"


def test_quiet_minutes_are_a_floor_and_not_noise() -> None:
    assert sparkline([0, 0, 0], 3) == "▁▁▁"


def test_a_quiet_course_draws_low_under_a_higher_ceiling() -> None:
    assert sparkline([2, 2, 2], 3, ceiling=4) == "▅▅▅"
    assert sparkline([2, 8, 2], 3, ceiling=4) == sparkline([2, 8, 2], 3)


def test_no_values_and_no_room_draw_nothing() -> None:
    assert sparkline([], 10) == ""
    assert sparkline([1, 2], 0) == ""


@given(st.lists(st.floats(), max_size=300), st.integers(1, 80), st.booleans())
def test_any_values_fit_the_width(values: list[float], width: int, plain: bool) -> None:
    drawn = sparkline([value for value in values if value != float("inf")], width, ascii=plain)
    assert len(drawn) <= width
    assert set(drawn) <= set(RAMP if plain else BLOCKS)


def test_far_beyond_the_usual_a_curve_is_logarithmic_and_says_so() -> None:
    # The top is a thousand times the usual: six steps for three decades, two a decade, above the one for the usual.
    assert curve([0, 1, 10, 100, 1_000], 20, usual=1.0) == "▁▂▄▆█ log"


def test_nine_times_and_fifteen_hundred_times_the_usual_look_different() -> None:
    assert curve([9], 5, usual=1.0) == "▄ log"
    assert curve([1_500], 5, usual=1.0) == "█ log"
    assert curve([9, 1_500], 6, usual=1.0) == "▄█ log"


def test_up_to_twice_the_usual_a_curve_is_linear_and_bears_no_word() -> None:
    assert curve([2, 2, 2], 10, usual=2.0, ceiling=4) == "▅▅▅"
    assert curve([2, 8], 10, ceiling=4) == sparkline([2, 8], 10, ceiling=4)


def test_where_an_incident_begins_a_bar_stands_before_its_minute() -> None:
    assert curve([0, 0, 100, 100], 20, usual=1.0, began=2) == "▁▁│▆▆ log"
    assert curve([0, 0, 100, 100], 20, True, usual=1.0, began=2) == "  |++ log".replace("++", "**")
    # Before the window, and after it, there is nothing to mark.
    assert curve([0, 3], 20, began=0) == curve([0, 3], 20, began=-4) == curve([0, 3], 20, began=2) == "▁█"


@given(st.lists(st.floats(0, 1e9), max_size=300), st.integers(0, 80), st.floats(0, 1e6), st.integers(-5, 300))
def test_any_curve_fits_the_width(values: list[float], width: int, usual: float, began: int) -> None:
    assert len(curve(values, width, usual=usual, began=began)) <= width
