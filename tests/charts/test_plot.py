"""The chart as characters, looked at letter by letter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from diagnostics.charts.axis import axis_of, columns_of, time_axis
from diagnostics.charts.legend import (
    column_words,
    gap_words,
    limit_words,
    mark_words,
    moment_words,
    scale_words,
    window_words,
)
from diagnostics.charts.models import ChartLimit, ChartMark
from diagnostics.charts.plot import Drawing, limit_tone, plot
from tests.charts.examples import END, LIMITS, chart

BLOCKS, DOTS, PLAIN = Drawing(), Drawing(braille=True), Drawing(ascii_only=True)
WIDE = 5 + 18
"""Sixteen minutes and the eighth more that the picture has are eighteen columns of a cell; the labels take five."""

MARKS = (
    ChartMark(at=END - timedelta(minutes=10), kind="began", text="INC-7 began"),
    ChartMark(at=END - timedelta(minutes=8), kind="declared", text="INC-7 declared by ana"),
    ChartMark(at=END - timedelta(minutes=8), kind="notice", text="first notice to #fub"),
)


def lines(values: list[float | None], drawing: Drawing, height: int = 6) -> list[str]:
    return plot(chart(values), width=WIDE, height=height, drawing=drawing).text().splitlines()


def test_blocks_rise_with_the_values_above_a_light_ground() -> None:
    # Four rows from 0 to 8 are two each: 8 fills four of them, 4 two, 2 one, and nothing at all is the thinnest line.
    assert lines([0.0, 2.0, 4.0, 8.0] * 4, BLOCKS) == [
        "  8 ┤   █   █   █   █",
        "  5 ┤   ░   ░   ░   ░",
        "    │  █░  █░  █░  █░",
        "  0 ┤▁█░░▁█░░▁█░░▁█░░",
        "           13:50 UTC",
    ]


@pytest.mark.honesty("a gap in a chart that is drawn in ASCII", "a question mark; zero is an underscore")
def test_in_ascii_a_gap_is_no_zero() -> None:
    assert lines([0.0, 2.0, None, 8.0] * 4, PLAIN) == [
        "  8 +   #   #   #   #",
        "  5 +   :   :   :   :",
        "    |   :   :   :   :",
        "  0 +_#?:_#?:_#?:_#?:",
        "           13:50 UTC",
    ]
    assert all(line.isascii() for line in lines([0.0, None], PLAIN))


def test_a_line_of_dots_does_not_cross_a_gap() -> None:
    # Sixteen dots for 0 to 8: 2 is the fourth from below, 8 the last. From 0 up to 2 it climbs; over None it breaks.
    drawn = lines([0.0, 2.0, None, 8.0] * 4, DOTS)

    assert drawn[3].startswith("  0 ┤⣀⡇·")
    assert drawn[0].startswith("  8 ┤   ⠉")
    assert drawn[1][5 + 3] == " "


def test_limits_are_lines_with_their_words_and_go_on_below_the_curve() -> None:
    loud = chart([1.0] * 8 + [400.0] * 8, limits=LIMITS, marks=MARKS)
    drawn = plot(loud, width=30, height=9, drawing=BLOCKS)

    assert drawn.text().splitlines() == [
        "       400 ┤      ┊ ████████",
        "           │      ┊ ░░░░░░░░",
        "           │      ┊ ░░░░░░░░",
        "incident 5 ┤┄┄┄┄┄┄┊┄┄┄┄┄┄┄┄┄┄┄",
        "    high 2 ┤┄┄┄┄┄┄┊┄┄┄┄┄┄┄┄┄┄┄",
        "   usual 1 ┤████████┄┄┄┄┄┄┄┄┄┄",
        "       0.1 ┤░░░░░░░░░░░░░░░░",
        "       log        13:50 UTC",
        "                  S +",
    ]
    tones = {(at, text.strip()): tone for at, row in enumerate(drawn.rows) for text, tone in row}
    assert tones[0, "████████"] == "fail"
    assert tones[5, "████████"] == "accent"
    assert (tones[3, "incident 5"], tones[4, "high 2"], tones[5, "usual 1 ┤"]) == ("fail", "warn", "muted")


def test_the_column_that_is_pointed_at_is_a_line_above_the_curve() -> None:
    drawn = plot(chart([0.0] * 16), width=WIDE, height=6, drawing=BLOCKS, cursor=END - timedelta(minutes=14))

    assert drawn.cursor == 2
    assert [line[5 + 2] for line in drawn.text().splitlines()[:4]] == ["│", "│", "│", "▁"]


def test_the_tone_of_a_limit_follows_its_place_and_not_its_word() -> None:
    loud = chart([1.0], limits=LIMITS)
    one = chart([1.0], limits=(ChartLimit(word="warning", value=60.0),))

    assert [limit_tone(loud, word) for word in ("", "usual", "high", "incident")] == ["accent", "muted", "warn", "fail"]
    assert limit_tone(one, "warning") == "fail"


def test_the_legend_says_the_value_at_a_moment_and_how_far_beyond_what() -> None:
    loud = chart([1.0] * 15 + [1_500.0], limits=LIMITS, judged_s=0)
    times = time_axis(loud, 18)
    columns = columns_of(loud, times)

    assert moment_words(loud, columns[15], "13:59") == "13:59 UTC  1,500 /min  1,500.0× usual  beyond incident"
    assert moment_words(loud, columns[17], "14:01") == "14:01 UTC  outside the window"
    gap = chart([None] * 16)
    assert moment_words(gap, columns_of(gap, times)[3], "13:47") == "13:47 UTC  not known"


def test_the_legend_says_scale_limits_columns_window_and_gaps() -> None:
    loud = chart([1.0] * 1_439 + [None], limits=(*LIMITS, ChartLimit(word="far", value=1e6)), marks=MARKS)
    times, values = time_axis(loud, 100), axis_of(loud)

    # A day and three hours in 100 cells: 1,620 minutes, 17 a column.
    assert column_words(loud, times) == "column: highest of 17 min"
    assert column_words(loud, time_axis(loud, 1_700)) == "column: 1 min"
    assert limit_words(loud, values)[0] == "usual 1 /min"
    assert limit_words(loud, values)[-1] == "far > 1,000,000 /min (off the scale)"
    assert gap_words(loud) == "1 of 1,440 steps not known"
    assert gap_words(chart([None])) == "nothing is known of this window"
    assert gap_words(chart([1.0])) == ""
    assert window_words(loud) == "last 24h, 16 Nov 14:00 to 14:00 UTC"
    assert mark_words(loud) == ["S 13:50 INC-7 began", "D 13:52 INC-7 declared by ana", "N 13:52 first notice to #fub"]
    assert scale_words(axis_of(chart([1.0, 4.0]))) == "linear scale"
    assert scale_words(axis_of(chart([99.1, 96.0], bad="below", unit="%"))) == "linear scale from 95"
    assert scale_words(axis_of(chart([1.0, 400.0], limits=LIMITS))) == "log scale, floor 0"


@given(
    st.lists(st.one_of(st.none(), st.floats(min_value=-1e3, max_value=1e9), st.just(float("nan"))), max_size=200),
    st.integers(12, 200),
    st.integers(1, 60),
    st.sampled_from([BLOCKS, DOTS, PLAIN, Drawing(form="log"), Drawing(form="linear")]),
    st.booleans(),
)
def test_any_values_fit_any_size(
    values: list[float | None], width: int, height: int, drawing: Drawing, below: bool
) -> None:
    any_chart = chart(values, limits=LIMITS, marks=MARKS, bad="below" if below else "above")

    drawn = plot(any_chart, width=width, height=height, drawing=drawing)

    assert len(drawn.rows) <= max(height, 5)
    assert all(cell_len("".join(text for text, _ in row)) <= max(width, drawn.gutter + 8) for row in drawn.rows)
