"""Scales, ticks and columns. Expected values are worked out by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.charts.axis import (
    ValueAxis,
    axis_of,
    beyond,
    columns_of,
    judged_values,
    nice_up,
    number_text,
    round_up,
    time_axis,
    value_axis,
)
from diagnostics.charts.models import ChartLimit
from tests.charts.examples import END, LIMITS, chart


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 1.0), (0.03, 0.05), (0.2, 0.2), (1.1, 2.0), (20.1, 50.0), (501.0, 1_000.0)]
)
def test_a_round_number_is_the_next_one_two_or_five(value: float, expected: float) -> None:
    assert nice_up(value) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "expected"), [(1_217.0, 1_500.0), (4.0, 4.0), (412.0, 600.0), (0.9, 1.0)])
def test_a_scale_from_zero_ends_at_a_multiple_of_its_step(value: float, expected: float) -> None:
    # Steps of 500, 1, 200 and 0.5: at least a quarter of the value each.
    assert round_up(value) == pytest.approx(expected)


def test_counts_near_each_other_have_a_linear_scale_from_zero() -> None:
    axis = value_axis([3, 4, 8], [], usual=4.0)

    assert (axis.low, axis.high, axis.is_log) == (0.0, 8.0, False)
    assert axis.share(2.0) == 0.25
    assert axis.ticks(5) == (0.0, 2.0, 4.0, 6.0, 8.0)


def test_counts_far_beyond_the_usual_have_a_log_scale_with_a_decade_a_tick() -> None:
    axis = value_axis([0, 1, 1_217], [], usual=0.8)

    assert axis.is_log
    assert axis.low == pytest.approx(0.1)
    assert axis.high == 1_500.0
    assert axis.ticks(8) == pytest.approx((0.1, 1.0, 10.0, 100.0, 1_000.0))
    # log(10 / 0.1) of log(1,500 / 0.1): two decades of 4.176.
    assert axis.share(10.0) == pytest.approx(2 / math.log10(15_000))
    assert axis.share(0.0) == 0.0


def test_nine_times_and_a_thousand_times_the_usual_are_not_the_same_height() -> None:
    axis = value_axis([1, 9, 1_500], [], usual=1.0)

    assert axis.share(1_500) - axis.share(9) > 0.5


def test_a_person_may_choose_the_scale() -> None:
    assert not value_axis([1, 1_000], [], usual=1.0, form="linear").is_log
    assert value_axis([3, 4], [], usual=3.0, form="log").is_log


def test_a_share_is_drawn_below_a_hundred_down_to_its_worst_value_or_limit() -> None:
    # 100 - 95 = 5, a quarter of it is 1.25, so steps of 2: the floor of 95 is 94.
    axis = value_axis([99.1, 96.0], [98.0, 95.0], bad="below", unit="%")

    assert (axis.low, axis.high, axis.is_log) == (94.0, 100.0, False)
    assert not value_axis([99.1], [98.0], bad="below", unit="%", form="log").is_log


def test_a_limit_far_above_every_value_stays_off_the_scale() -> None:
    axis = value_axis([3.0, 4.0], [10_000.0])

    assert axis.high == 4.0
    assert not axis.holds(10_000.0)
    assert value_axis([3.0, 4.0], [40.0]).holds(40.0)


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [float("nan")], [-3.0, 2.0]])
def test_any_values_have_a_scale(values: list[float]) -> None:
    axis = value_axis(values, [])

    assert axis.low < axis.high
    assert axis.ticks(5)


@given(
    st.lists(st.floats(min_value=0, max_value=1e9), max_size=30),
    st.one_of(st.none(), st.floats(min_value=0, max_value=1e6)),
    st.sampled_from(["auto", "linear", "log"]),
)
def test_every_value_lies_between_the_ends(values: list[float], usual: float | None, form: str) -> None:
    axis = value_axis(values, [], usual=usual, form=form)  # type: ignore[arg-type]

    assert axis.low < axis.high
    assert all(0.0 <= axis.share(value) <= 1.0 for value in values)
    assert all(axis.low * (1 - 1e-6) - 1e-9 <= tick <= axis.high * (1 + 1e-6) for tick in axis.ticks(6))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.8, "0.8"), (45, "45"), (1_204, "1,204"), (212_631, "213k"), (1_500_000, "1.5M"), (99.75, "99.8")],
)
def test_numbers_on_an_axis_are_short(value: float, expected: str) -> None:
    assert number_text(value) == expected


# ---- columns


def test_columns_keep_their_place_while_the_window_moves_within_an_eighth_of_it() -> None:
    # 16 minutes end at 14:00, an eighth is two minutes: begins at 13:44, and the picture of 14:01 is the same.
    first = time_axis(chart([1.0] * 16), 36)
    second = time_axis(chart([1.0] * 16, end=END + timedelta(minutes=1)), 36)

    assert first == second
    assert first.moment_of(0) == datetime(2025, 11, 17, 13, 44, tzinfo=UTC)
    assert first.columns == 18
    assert [len(first.cells_of(column)) for column in range(18)] == [2] * 18
    moved = time_axis(chart([1.0] * 16, end=END + timedelta(minutes=2)), 36)
    assert moved.moment_of(0) == datetime(2025, 11, 17, 13, 46, tzinfo=UTC)


def test_all_cells_belong_to_a_column_where_they_do_not_divide_evenly() -> None:
    axis = time_axis(chart([1.0] * 16), 50)

    assert [cell for column in range(axis.columns) for cell in axis.cells_of(column)] == list(range(50))


def test_a_burst_of_one_minute_in_a_day_stays_visible() -> None:
    values: list[float | None] = [0.0] * 1_440
    values[700] = 900.0
    day = chart(values)

    columns = columns_of(day, time_axis(day, 60))

    assert max(column.value or 0.0 for column in columns) == 900.0
    assert [column.at for column in columns if column.value == 900.0] == [END - timedelta(minutes=740)]


def test_a_dip_stays_visible_where_less_is_worse() -> None:
    dipped = chart([*[99.0] * 100, 90.0, *[99.0] * 99], bad="below", unit="%")

    columns = columns_of(dipped, time_axis(dipped, 20))
    assert min(column.value for column in columns if column.value is not None) == 90.0


@pytest.mark.honesty("a step of a chart of which nothing is known", "a gap with its own sign, never a zero")
def test_what_is_not_known_is_a_gap_and_what_lies_outside_is_neither() -> None:
    gapped = chart([5.0, None, 0.0, None] * 4)
    columns = columns_of(gapped, time_axis(gapped, 18))

    inside = [column.value for column in columns if column.is_inside]
    assert inside == [5.0, None, 0.0, None] * 4
    assert [column.is_inside for column in columns].count(False) == 2


def test_limits_of_a_mean_are_not_held_against_one_minute() -> None:
    # The rule is five a minute over a quarter of an hour: one minute of nine is none, nine for long is.
    values: list[float | None] = [*[0.0] * 14, *[9.0] * 15]
    loud = chart(values, limits=LIMITS, judged_s=900)

    means = judged_values(loud)

    assert means[14] == pytest.approx(9 / 15)
    assert means[28] == pytest.approx(9.0)
    assert beyond(loud, means[14] or 0.0) == ""
    assert beyond(loud, means[28] or 0.0) == "incident"
    assert judged_values(chart([1.0, None, 3.0], judged_s=900)) == (1.0, None, 2.0)


def test_the_gravest_limit_that_is_passed_is_named_and_a_value_on_it_is_not_beyond() -> None:
    loud = chart([1.0], limits=LIMITS)
    low = chart(
        [99.0],
        bad="below",
        unit="%",
        limits=(ChartLimit(word="warning", value=98.0), ChartLimit(word="critical", value=95.0)),
    )

    assert [beyond(loud, value) for value in (1.5, 2.0, 2.1, 5.1)] == ["", "", "high", "incident"]
    assert [beyond(low, value) for value in (98.0, 97.9, 94.0)] == ["", "warning", "critical"]


def test_the_usual_of_a_chart_decides_on_its_scale() -> None:
    assert axis_of(chart([1.0, 60.0], limits=LIMITS)).is_log
    assert not axis_of(chart([1.0, 40.0], limits=LIMITS)).is_log
    assert isinstance(axis_of(chart([])), ValueAxis)


def test_time_labels_stand_at_round_times_and_apart_from_each_other() -> None:
    hour = time_axis(chart([1.0] * 64), 72)

    # 72 columns of a minute from 12:56 on, nine cells apart at least: every ten minutes.
    assert hour.ticks() == (
        (4, "13:00"), (14, "13:10"), (24, "13:20"), (34, "13:30"), (44, "13:40"), (54, "13:50"), (64, "14:00"),
    )  # fmt: skip


def test_midnight_is_labelled_with_its_day() -> None:
    night = time_axis(chart([1.0] * 60, end=datetime(2025, 11, 18, 0, 30, tzinfo=UTC)), 70)

    assert "18 Nov" in [label for _, label in night.ticks()]
