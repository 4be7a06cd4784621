"""Opening an account or a deal in a test, and waiting until what it shows has arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from screens.base import ConsoleScreen
from tests.console.rest import answered
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import NOW
from tests.console.scripted_accounts import ScriptedAccountService
from tui.app import WarRoomApp
from widgets.line_view import LineView

CLOCKS = ("account.screen", "account.details", "deal")


def stop_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every screen of accounts and deals sees the same moment."""
    for name in CLOCKS:
        monkeypatch.setattr(f"screens.{name}.utc_now", lambda: NOW)


async def arrived(pilot: Pilot[int]) -> None:
    """Wait until every reading of the screen on top has answered or failed, and has been drawn."""
    app = pilot.app
    assert isinstance(app, WarRoomApp)
    screen = app.screen
    assert isinstance(screen, ConsoleScreen)
    await answered(pilot, screen.shown_readings)


def text_on(pilot: Pilot[int]) -> str:
    """The screen on top as text, row by row."""
    return "\n".join(row.text for view in pilot.app.screen.query(LineView) for row in view.rows)


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


@asynccontextmanager
async def opened(
    make_app: MakeApp, service: ScriptedAccountService, line: str, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[int]]:
    """The console after this `:` line."""
    app = make_app(service)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.command(line)
        await pilot.pause()
        await arrived(pilot)
        yield pilot
