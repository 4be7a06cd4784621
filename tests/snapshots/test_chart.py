"""A chart in three sizes, as blocks, as dots, in ASCII, and of a share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from screens.chart import ChartScreen
from tests.charts.scripted import ScriptedCharts
from tests.console.rest import answered, on_top, rest
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import NOW, ScriptedService
from tests.snapshots.sizes import EVERY_SIZE, NARROW
from tui.app import WarRoomApp
from tui.options import Options

Snap = Callable[..., bool]
Run = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.chart.utc_now", lambda: NOW)


def opening(line: str, *keys: str) -> Run:
    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        cast("WarRoomApp", pilot.app).command(line)
        screen = await on_top(pilot, ChartScreen)
        await answered(pilot, screen.shown_readings)
        for key in keys:
            await pilot.press(key)
        await rest(pilot)

    return run


@EVERY_SIZE
def test_an_incident_over_four_hours(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(ScriptedService(charts=ScriptedCharts()))
    assert snap_compare(app, terminal_size=size, run_before=opening("chart rate_limiting 4h", "left"))


def test_the_same_as_a_line_of_dots(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService(charts=ScriptedCharts()))
    assert snap_compare(app, terminal_size=NARROW, run_before=opening("chart rate_limiting 1h", "D"))


def test_the_same_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService(charts=ScriptedCharts()), options=Options(ascii=True))
    assert snap_compare(app, terminal_size=NARROW, run_before=opening("chart rate_limiting 1h"))


def test_a_share_that_fell_below_its_limits(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService(charts=ScriptedCharts()))
    assert snap_compare(app, terminal_size=NARROW, run_before=opening("chart token_success 4h"))
