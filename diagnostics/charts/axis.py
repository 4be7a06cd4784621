"""The axes of a chart: between which values, linear or logarithmic, where the ticks are; and what one column holds.

Pure: of numbers and moments, without a terminal and without a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from diagnostics.charts.models import Chart

Form = Literal["auto", "linear", "log"]

LOG_FROM = 50.0
"""The highest value is so many times the usual, or the lowest above zero: a linear scale shows a wall and a floor."""

REACH = 10.0
"""A limit further above the highest value than this is left off the scale, and the legend says so."""

MOST_DECADES = 7

PERCENT = "%"

TIME_STEPS_S = (60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
"""Between two labels of the time axis, seconds."""

SHIFTS = 8
"""The picture moves on by an eighth of its window at a time: between two moves only new steps are painted."""


@dataclass(slots=True, frozen=True)
class ValueAxis:
    """Between which values a chart is drawn, in its unit."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies between low and high, 0 to 1. On a log scale what is not above low lies on the floor."""
        if self.high <= self.low:
            return 0.0
        if not self.is_log:
            return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        if value <= self.low:
            return 0.0
        return min(1.0, math.log(value / self.low) / math.log(self.high / self.low))

    def holds(self, value: float) -> bool:
        """True for a value that is on the scale, and not beyond one of its ends."""
        return self.low <= value <= self.high

    def ticks(self, most: int) -> tuple[float, ...]:
        """At most `most` round values from low to high, in rising order; powers of ten on a log scale."""
        most = max(1, most)
        if self.is_log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            every = -(-(last - first + 1) // most)
            return tuple(10.0**power for power in range(first, last + 1, max(1, every)))
        step = nice_up((self.high - self.low) / most)
        first_at, last_at = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        found = tuple(at * step for at in range(first_at, last_at + 1))
        return found if len(found) <= most else found[::2]


def nice_up(value: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below `value`; 1 for what is not above zero."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = math.floor(math.log10(value))
    for factor in (1, 2, 5):
        found = float(factor * 10**power) if power >= 0 else factor / 10**-power
        if found >= value * (1 - 1e-9):
            return found
    return float(10 ** (power + 1)) if power + 1 >= 0 else 1 / 10 ** -(power + 1)


def round_up(value: float) -> float:
    """The end of a scale that begins at zero: the least multiple of a round step, a quarter or less, not below it."""
    if value <= 0:
        return 1.0
    step = nice_up(value / 4)
    return math.ceil(value / step - 1e-9) * step


def value_axis(
    values: Iterable[float],
    limits: Sequence[float],
    *,
    usual: float | None = None,
    bad: Literal["above", "below"] = "above",
    unit: str = "",
    form: Form = "auto",
) -> ValueAxis:
    """The axis for these values and limits.

    Where more is worse it begins at zero, or is logarithmic: asked for, or because values lie too far apart. Where less
    is worse it ends at 100 % and reaches down to the worst value and limit, so that a drop of two points is seen.
    """
    known = [value for value in values if math.isfinite(value)]
    if bad == "below":
        worst = min([*known, *limits], default=0.0)
        top = 100.0 if unit == PERCENT else max([*known, *limits], default=1.0)
        if form == "log":
            form = "linear"  # A share near 100 % has no decades.
        room = nice_up(max(top - worst, top / 100 if top > 0 else 1.0) / 4)
        low = math.floor(worst / room - 1e-9) * room
        return ValueAxis(max(0.0, low) if worst >= 0 else low, top)
    positive = [value for value in known if value > 0]
    highest = max(known, default=0.0)
    reached = [limit for limit in limits if 0 < limit <= REACH * highest] if highest > 0 else list(limits)
    high = round_up(max([highest, *reached, usual or 0.0], default=1.0))
    least = usual if usual is not None and usual > 0 else min(positive, default=0.0)
    wide = bool(positive) and highest >= LOG_FROM * least > 0
    if form == "log" or (form == "auto" and wide):
        lowest = min([*positive, *(value for value in (usual,) if value is not None and value > 0)], default=1.0)
        # The usual lies well above the floor, where it can be told from nothing.
        low = max(10.0 ** math.floor(math.log10(lowest) - 0.3), high / 10.0**MOST_DECADES)
        return ValueAxis(low, max(high, 10 * low), is_log=True)
    return ValueAxis(min([0.0, *known]), high)


def axis_of(chart: Chart, form: Form = "auto") -> ValueAxis:
    """The value axis of a chart."""
    usual = next((limit.value for limit in chart.limits if limit.word == USUAL), None)
    return value_axis(
        (point.value for point in chart.course.points if point.value is not None),
        [limit.value for limit in chart.limits if limit.word != USUAL],
        usual=usual,
        bad=chart.bad,
        unit=chart.unit,
        form=form,
    )


USUAL = "usual"


def number_text(value: float) -> str:
    """A value on an axis, in few cells: 0.5, 45, 1,204, 212k, 1.5M."""
    size = abs(value)
    if size >= 999_500:
        return f"{value / 1e6:.3g}M"
    if size >= 10_000:
        return f"{value / 1e3:.3g}k"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


# ---- time


@dataclass(slots=True, frozen=True)
class TimeAxis:
    """From when to when a chart is drawn, over how many cells."""

    begins_s: int
    """Epoch seconds of the left edge of the first cell."""
    cell_s: int
    """Seconds of one column of the course: at least a step."""
    cells: int
    columns: int
    """How many columns share the cells; at least one for each."""

    @property
    def span_s(self) -> int:
        """Seconds from the left edge to the right one."""
        return self.columns * self.cell_s

    def cells_of(self, column: int) -> range:
        """The cells of one column. All of them together are all cells."""
        return range(column * self.cells // self.columns, (column + 1) * self.cells // self.columns)

    def column_at(self, moment: datetime) -> int | None:
        """The column that a moment lies in; None outside."""
        column = (int(moment.timestamp()) - self.begins_s) // self.cell_s
        return column if 0 <= column < self.columns else None

    def cell_at(self, moment: datetime) -> int | None:
        """The cell that a moment lies in; None outside."""
        exact = (moment.timestamp() - self.begins_s) / self.span_s * self.cells
        return int(exact) if 0 <= exact < self.cells else None

    def moment_of(self, column: int) -> datetime:
        """When a column begins."""
        return datetime.fromtimestamp(self.begins_s + column * self.cell_s, UTC)

    def ticks(self, apart: int = 9) -> tuple[tuple[int, str], ...]:
        """Cells and their labels, at round times (UTC), at least `apart` cells from each other."""
        step = next((step for step in TIME_STEPS_S if step >= apart * self.span_s / self.cells), TIME_STEPS_S[-1])
        found: list[tuple[int, str]] = []
        moment_s = -(-self.begins_s // step) * step
        while (cell := self.cell_at(datetime.fromtimestamp(moment_s, UTC))) is not None:
            moment = datetime.fromtimestamp(moment_s, UTC)
            # At midnight the day is what one looks for.
            found.append((cell, f"{moment:%d %b}" if moment_s % 86_400 == 0 else f"{moment:%H:%M}"))
            moment_s += step
        return tuple(found)


def time_axis(chart: Chart, cells: int) -> TimeAxis:
    """The time axis over `cells` cells: columns lie at whole multiples of their length, so that they keep their place.

    It reaches an eighth of the window further than the course, and moves on when that is full.
    """
    step_s = max(1, chart.course.step_s)
    reach_s = chart.window_s + max(step_s, chart.window_s // SHIFTS)
    together = 1
    while -(-reach_s // (step_s * together)) > max(1, cells):
        together += 1
    cell_s = step_s * together
    shift_s = max(cell_s, chart.window_s // SHIFTS // cell_s * cell_s)
    begins = int((chart.ends_at - timedelta(seconds=chart.window_s)).timestamp())
    begins = begins // shift_s * shift_s
    columns = max(1, min(cells, -(-(chart.window_s + shift_s) // cell_s)))
    return TimeAxis(begins, cell_s, max(1, cells), columns)


@dataclass(slots=True, frozen=True)
class Column:
    """What one column of the chart stands for."""

    value: float | None
    """The worst of its steps: the highest where more is worse, else the lowest. None where none is known."""
    is_inside: bool
    """False before the window, and after its end: there is nothing to know there."""
    at: datetime | None = None
    """When the step with that value began."""
    judged: float | None = None
    """What is held against the limits: the value itself, or the worst of the means that the limits are meant for."""


def columns_of(chart: Chart, axis: TimeAxis) -> tuple[Column, ...]:
    """Every column, oldest first. A burst of one step stays visible whatever the width."""
    worst = max if chart.bad == "above" else min
    held: dict[int, list[tuple[float, datetime]]] = {}
    judged: dict[int, list[float]] = {}
    means = judged_values(chart)
    inside: set[int] = set()
    for point, mean in zip(chart.course.points, means, strict=True):
        column = axis.column_at(point.at)
        if column is None:
            continue
        inside.add(column)
        if point.value is not None and math.isfinite(point.value):
            held.setdefault(column, []).append((point.value, point.at))
            judged.setdefault(column, []).append(point.value if mean is None else mean)
    found = []
    for number in range(axis.columns):
        at_worst = worst(held[number], key=lambda pair: pair[0]) if number in held else None
        found.append(
            Column(
                value=None if at_worst is None else at_worst[0],
                is_inside=number in inside,
                at=None if at_worst is None else at_worst[1],
                judged=worst(judged[number]) if number in judged else None,
            )
        )
    return tuple(found)


def judged_values(chart: Chart) -> tuple[float | None, ...]:
    """What each step is held against the limits with: its value, or the mean of `judged_s` seconds that end with it.

    A mean is of the steps that are known; None where the step itself is not known.
    """
    values = [point.value for point in chart.course.points]
    steps = max(1, chart.judged_s // max(1, chart.course.step_s))
    if steps == 1:
        return tuple(values)
    found: list[float | None] = []
    for at, value in enumerate(values):
        known = [one for one in values[max(0, at + 1 - steps) : at + 1] if one is not None and math.isfinite(one)]
        found.append(None if value is None or not known else sum(known) / len(known))
    return tuple(found)


def beyond(chart: Chart, value: float) -> str:
    """The gravest limit that a value is beyond, as its word; empty for none. The usual is no limit."""
    found = ""
    for limit in chart.limits:
        if limit.word != USUAL and (value > limit.value if chart.bad == "above" else value < limit.value):
            found = limit.word
    return found
