"""A charts service with written answers: an incident of 429s, and a share that falls below its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from diagnostics.charts.models import Chart, ChartLimit, ChartMark
from diagnostics.charts.plot import Drawing
from diagnostics.charts.service import ChartName, ChartService
from diagnostics.core.failures import FailureKind, SourceFailure
from tests.charts.examples import LIMITS, chart
from tests.console.scripted import NOW
from tests.shipped import shipped_catalogue


def burst(window_s: int, *, minutes_later: int = 0) -> Chart:
    """The 429s of a morning, minute by minute: at 13:41 they rise from one to some 1,200; two minutes are unknown."""
    end = NOW.replace(second=0) + timedelta(minutes=minutes_later)
    rose = NOW.replace(minute=41, second=0) - timedelta(hours=1)
    values: list[float | None] = []
    for place in range(window_s // 60):
        at = end - timedelta(seconds=window_s) + timedelta(minutes=place)
        loud = 1_180.0 + (at.minute * 7) % 50
        values.append(float(at.minute % 3 > 0) if at < rose else loud if at > rose else 37.0)
    values[len(values) // 4 : len(values) // 4 + 2] = [None, None]
    marks = (
        ChartMark(at=rose, kind="began", text="INC-7 began"),
        ChartMark(at=rose + timedelta(minutes=9), kind="declared", text="INC-7 declared by ana"),
        ChartMark(at=rose + timedelta(minutes=10), kind="notice", text="first notice to #fub-zyno-support"),
        ChartMark(at=rose - timedelta(minutes=4), kind="deploy", text="api-7.4 deployed"),
    )
    inside = tuple(mark for mark in marks if mark.at >= end - timedelta(seconds=window_s))
    limits = tuple(limit.model_copy(update={"value": limit.value * 0.8}) for limit in LIMITS)
    return chart(values, limits=limits, judged_s=900, end=end, marks=tuple(sorted(inside, key=lambda one: one.at)))


def falling(window_s: int) -> Chart:
    """A share that drops from 99.4 % to 96 % half an hour before the end."""
    steps = window_s // 300
    values = [99.4 - 0.1 * (place % 3) if place < steps - 6 else 96.1 for place in range(steps)]
    limits = (ChartLimit(word="warning", value=99.0), ChartLimit(word="critical", value=98.0))
    found = chart([*values], step_s=300, limits=limits, bad="below", unit="%", end=NOW, title="OAuth token success")
    return found.model_copy(update={"shown": "96.06 %", "rule": "< 99 % warning, < 98 % critical"})


@dataclass
class ScriptedCharts:
    """Names and their windows are the real ones."""

    later: int = 0
    """Minutes that have passed since the first answer."""
    failing: bool = False
    folder: Path = Path("/nowhere")
    asked: list[tuple[str, int]] = field(default_factory=list)
    written: list[Drawing] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts: Any = SimpleNamespace(catalogue=shipped_catalogue())
        self._real = ChartService(parts, *cast("Any", (None, None, None)))

    def names(self) -> tuple[ChartName, ...]:
        return self._real.names()

    def named(self, text: str) -> ChartName:
        return self._real.named(text)

    def read(self, name: str, window_s: int) -> Chart:
        self.asked.append((name, window_s))
        if self.failing:
            raise SourceFailure(FailureKind.UNREACHABLE, "datadog", "connection refused", remedy="run `warroom doctor`")
        return burst(window_s, minutes_later=self.later) if name == "rate_limiting" else falling(window_s)

    def export(self, _chart: Chart, drawing: Drawing) -> tuple[Path, ...]:
        self.written.append(drawing)
        return self.folder / "chart.md", self.folder / "chart.svg"
