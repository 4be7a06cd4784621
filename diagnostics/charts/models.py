"""One number over time, with everything that a chart of it says beside the curve."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.figures import UNKNOWN, Course
from diagnostics.models.status import Status

MarkKind = Literal["began", "declared", "notice", "status", "deploy", "resolved"]


class ChartLimit(Frozen):
    """A line across the chart."""

    word: str
    """usual, warning, critical, or a severity of the issue."""
    value: float
    """In the chart's unit."""


class ChartMark(Frozen):
    """A moment that people made. Source: the journal of incidents."""

    at: datetime
    kind: MarkKind
    text: str
    """e.g. "INC-7 declared by ana"."""


class Chart(Frozen):
    """A series with its window, its limits and its marks. A step of which nothing is known has no value: never 0."""

    name: str
    """As `:chart` takes it."""
    title: str
    unit: str
    window_s: int
    begins_at: datetime
    ends_at: datetime
    """Of which moment the newest step is: now, or earlier where the data is late."""
    course: Course
    """The steps, their basis in words and the questions behind them."""
    bad: Literal["above", "below"] = "above"
    """On which side of its limits the number is bad."""
    limits: tuple[ChartLimit, ...] = ()
    """The usual first, then from the least to the gravest."""
    judged_s: int = 0
    """The limits are meant for the mean over so many seconds; 0 where they are for each value."""
    marks: tuple[ChartMark, ...] = ()
    """Inside the window, oldest first."""
    shown: str = UNKNOWN
    """The present value as other screens show it, with its unit."""
    status: Status = Status.NO_DATA
    rule: str = ""
    """What the present value is held against, in words."""
    notes: tuple[str, ...] = ()
    """What bends the curve: late logs, hours in which nobody looked, marks that could not be read."""
    failure: str = ""
    """Headline of what kept the newest value from loading; the steps beside it are those known from before."""
    taken_at: datetime

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The questions behind the steps."""
        return self.course.evidence
