from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widgets.sparkline import BLOCKS, RAMP, sparkline


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
