"""What stands beside a curve in words: the value at a moment, the scale, the limits, the marks, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.charts.axis import USUAL, Column, TimeAxis, ValueAxis, beyond, number_text
from diagnostics.charts.plot import LETTERS
from diagnostics.core.words import plural, short, span

if TYPE_CHECKING:
    from diagnostics.charts.models import Chart


def value_text(chart: Chart, value: float) -> str:
    """A value with its unit: "1,204 /min", "97.25 %"."""
    number = f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.2f}"
    return f"{number} {chart.unit}".rstrip()


def scale_words(values: ValueAxis) -> str:
    """Which scale it is, where a reader could be misled about it."""
    if values.is_log:
        return "log scale, floor 0"
    return f"linear scale from {number_text(values.low)}" if values.low else "linear scale"


def moment_words(chart: Chart, column: Column, begins: str) -> str:
    """One column in words: its moment, its value, how many times the usual, beyond which limit."""
    if column.value is None or column.at is None:
        return f"{begins} UTC  not known" if column.is_inside else f"{begins} UTC  outside the window"
    parts = [f"{column.at:%H:%M} UTC", value_text(chart, column.value)]
    usual = next((limit.value for limit in chart.limits if limit.word == USUAL), None)
    if usual and chart.bad == "above":
        parts.append(f"{column.value / usual:,.1f}× usual")
    word = "" if column.judged is None else beyond(chart, column.judged)
    if word:
        of = f" (mean of {span(chart.judged_s)})" if chart.judged_s else ""
        parts.append(f"beyond {word}{of}")
    return "  ".join(parts)


def limit_words(chart: Chart, values: ValueAxis) -> list[str]:
    """Each limit with its side and unit; one that the scale does not reach says so."""
    found = []
    for limit in chart.limits:
        sign = "" if limit.word == USUAL else "> " if chart.bad == "above" else "< "
        off = "" if values.holds(limit.value) else " (off the scale)"
        found.append(f"{limit.word} {sign}{value_text(chart, limit.value)}{off}")
    return found


def mark_words(chart: Chart) -> list[str]:
    """Each mark with its letter and moment, oldest first."""
    return [f"{LETTERS[mark.kind]} {mark.at:%H:%M} {mark.text}" for mark in chart.marks]


def column_words(chart: Chart, times: TimeAxis) -> str:
    """What one column stands for."""
    which = "highest" if chart.bad == "above" else "lowest"
    if times.cell_s == chart.course.step_s:
        return f"column: {span(times.cell_s)}"
    return f"column: {which} of {span(times.cell_s)}"


def window_words(chart: Chart) -> str:
    """The window with its ends: "last 1 h, 13:03 to 14:03 UTC"."""
    begin = chart.begins_at
    day = f"{begin:%d %b} " if begin.date() != chart.ends_at.date() else ""
    return f"last {short(chart.window_s)}, {day}{begin:%H:%M} to {chart.ends_at:%H:%M} UTC"


def gap_words(chart: Chart) -> str:
    """How much of the window is not known; empty where all of it is."""
    points = chart.course.points
    gaps = sum(point.value is None for point in points)
    if not gaps:
        return ""
    return (
        "nothing is known of this window"
        if gaps == len(points)
        else f"{gaps} of {plural(len(points), 'step')} not known"
    )
