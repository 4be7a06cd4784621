"""Charts written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from diagnostics.charts.models import Chart, ChartLimit, ChartMark
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Course, CoursePoint
from diagnostics.models.status import Status

END = datetime(2025, 11, 17, 14, 0, tzinfo=UTC)

LIMITS = (
    ChartLimit(word="usual", value=1.0),
    ChartLimit(word="high", value=2.0),
    ChartLimit(word="incident", value=5.0),
)


def chart(
    values: Sequence[float | None],
    *,
    step_s: int = 60,
    limits: tuple[ChartLimit, ...] = (),
    marks: tuple[ChartMark, ...] = (),
    bad: Literal["above", "below"] = "above",
    unit: str = "/min",
    judged_s: int = 0,
    end: datetime = END,
    title: str = "Rate limiting: log lines a minute",
) -> Chart:
    """A chart whose steps are `values`, the last of which ends at `end`; its window is exactly those steps."""
    window_s = step_s * max(1, len(values))
    begins = end - timedelta(seconds=window_s)
    points = tuple(
        CoursePoint(at=begins + timedelta(seconds=step_s * place), value=value) for place, value in enumerate(values)
    )
    asked = Evidence(
        source="datadog", query="service:fub *429*", window="last 15 min", started_at=end, took_ms=12.0, rows=15
    )
    return Chart(
        name="rate_limiting",
        title=title,
        unit=unit,
        window_s=window_s,
        begins_at=begins,
        ends_at=end,
        course=Course(
            title=title, unit=unit, step_s=step_s, points=points, basis="Counted by hand.", evidence=(asked,)
        ),
        bad=bad,
        limits=limits,
        judged_s=judged_s,
        marks=marks,
        shown="1,204 /min",
        status=Status.FAIL,
        rule="18,204 in 15 min: 1,500 times the usual 12",
        taken_at=end,
    )
