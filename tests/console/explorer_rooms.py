"""The log explorer on written answers, with the clock stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.explorer.screen import ExplorerScreen
from tests.console.rest import answered as readings_answered
from tests.console.rest import rest
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import NOW, ScriptedService
from tests.console.scripted_explorer import ScriptedExplorer
from tui.app import WarRoomApp
from tui.options import Options
from widgets.log.pane import LogPane

QUERY = "service:fub @context.error_message:*429* @context.service:zillow"


def stop_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.explorer.screen.utc_now", lambda: NOW)
    monkeypatch.setattr("screens.log_screen.utc_now", lambda: NOW)
    monkeypatch.setattr("diagnostics.live.tail.utc_now", lambda: NOW)


def explorer_app(make_app: MakeApp, folder: Path = Path("/nonexistent"), **how: Any) -> WarRoomApp:  # noqa: ANN401  # the scripted service's own fields
    options = Options(ascii=how.pop("ascii", False))
    service = ScriptedService(**how)
    service.explorer = ScriptedExplorer(service, folder)
    return make_app(service, options=options)


async def open_explorer(pilot: Pilot[Any], line: str = f"logs {QUERY}") -> ExplorerScreen:
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, WarRoomApp)
    app.command(line)
    await pilot.pause()
    screen = app.screen
    assert isinstance(screen, ExplorerScreen)
    await answered(pilot, screen)
    return screen


async def answered(pilot: Pilot[Any], screen: ExplorerScreen) -> None:
    """Wait until lines and histogram have answered and the attributes are counted."""
    await readings_answered(pilot, screen.shown_readings)
    screen.draw()
    # Widths of the title's parts settle in steps; the last word on how much of the query fits is spoken here.
    screen.query_one(LogPane).on_descendant_focus()
    await rest(pilot)
