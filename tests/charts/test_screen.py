"""The chart's screen: how one gets there, what its keys do, what is said where there is nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from textual.pilot import Pilot

from screens.chart import ChartScreen
from screens.critical.screen import CriticalScreen
from screens.document import DocumentScreen
from screens.health.screen import HealthScreen
from tests.charts.scripted import ScriptedCharts
from tests.console.rest import answered, on_top, rest
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import NOW, ScriptedService
from tests.console.scripted_health import service_with, settle_health, stopped_clock
from tui.app import WarRoomApp
from widgets.line_view import LineView


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("screens.chart.utc_now", lambda: NOW)
    with stopped_clock(monkeypatch):
        yield


@asynccontextmanager
async def level_1(
    make_app: MakeApp, charts: ScriptedCharts, *, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[int]]:
    app = make_app(ScriptedService(charts=charts))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def opened(pilot: Pilot[int]) -> ChartScreen:
    screen = await on_top(pilot, ChartScreen)
    await answered(pilot, screen.shown_readings)
    await rest(pilot)
    return screen


def text_on(pilot: Pilot[int]) -> str:
    """The rows as one line: a sentence may go on in the next row."""
    return " ".join(row.text.strip() for view in pilot.app.screen.query(LineView) for row in view.rows)


def run(pilot: Pilot[int], line: str) -> None:
    cast("WarRoomApp", pilot.app).command(line)


async def test_the_selected_issue_of_level_1_opens_as_a_chart_and_esc_goes_back(make_app: MakeApp) -> None:
    charts = ScriptedCharts()
    async with level_1(make_app, charts) as pilot:
        await pilot.press("D")
        await opened(pilot)
        shown = text_on(pilot)
        assert charts.asked == [("rate_limiting", 900)]
        assert "incident 4" in shown
        assert "usual 0.8" in shown
        assert "N 13:51 first notice to #fub-zyno-support" in shown
        assert "last 15m, 13:48 to 14:03 UTC" in shown
        await pilot.press("escape")
        await on_top(pilot, CriticalScreen)


async def test_windows_drawings_and_the_value_at_a_moment(make_app: MakeApp) -> None:
    charts = ScriptedCharts()
    async with level_1(make_app, charts) as pilot:
        run(pilot, "chart 429 4h")
        screen = await opened(pilot)
        assert charts.asked == [("rate_limiting", 14_400)]
        assert "log scale, floor 0" in text_on(pilot)
        assert "N 13:51 first notice to #fub-zyno-support" in text_on(pilot)
        assert "2 of 240 steps not known" in text_on(pilot)
        await pilot.press("plus")
        await opened(pilot)
        assert charts.asked[-1] == ("rate_limiting", 3_600)
        await pilot.press("minus", "minus")
        await opened(pilot)
        assert charts.asked[-1] == ("rate_limiting", 86_400)
        await pilot.press("minus")
        assert "longest window" in footer(pilot)
        await pilot.press("t")
        await opened(pilot)
        assert charts.asked[-1] == ("rate_limiting", 900)
        await pilot.press("left")
        await rest(pilot)
        assert "14:02 UTC  1,194 /min  1,492.5× usual  beyond incident (mean of 15 min)" in text_on(pilot)
        await pilot.press("D", "D")
        await rest(pilot)
        assert "linear scale" in text_on(pilot)
        assert screen.place() == "chart rate_limiting 15m"


async def test_a_kpi_opens_as_a_chart_and_once_more_in_words(make_app: MakeApp) -> None:
    service = service_with()
    service.charts = ScriptedCharts()
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle_health(pilot)
        await pilot.press("tab", "enter")
        await opened(pilot)
        assert "critical 98" in text_on(pilot)
        await pilot.press("enter")
        await on_top(pilot, DocumentScreen)
        await pilot.press("escape", "escape")
        await on_top(pilot, HealthScreen)


async def test_a_chart_is_written_copied_and_explained(make_app: MakeApp) -> None:
    charts = ScriptedCharts()
    async with level_1(make_app, charts) as pilot:
        await pilot.press("D")
        screen = await opened(pilot)
        await pilot.press("E")
        await rest(pilot)
        assert "chart.md and /nowhere/chart.svg" in footer(pilot)
        assert len(charts.written) == 1
        assert "1,500" in screen.copy_text()
        await pilot.press("w")
        await on_top(pilot, DocumentScreen)
        assert "service:fub *429*" in text_on(pilot)


async def test_a_source_that_is_silent_says_so_and_what_to_do(make_app: MakeApp) -> None:
    async with level_1(make_app, ScriptedCharts(failing=True)) as pilot:
        await pilot.press("D")
        await on_top(pilot, ChartScreen)
        await answered(pilot, list, besides=True)
        await rest(pilot)
        assert "not known: datadog: unreachable" in text_on(pilot)
        assert "warroom doctor" in text_on(pilot)


async def test_a_line_that_names_no_chart_says_which_there_are(make_app: MakeApp) -> None:
    async with level_1(make_app, ScriptedCharts()) as pilot:
        run(pilot, "chart tokn_success")
        await rest(pilot)
        assert "there is no chart of 'tokn_success'" in text_on(pilot)
        await pilot.press("escape")
        run(pilot, "chart webhook_latency_p95 15m")
        await rest(pilot)
        assert "no chart over 15m" in text_on(pilot)
        await pilot.press("escape")
        await on_top(pilot, CriticalScreen)
