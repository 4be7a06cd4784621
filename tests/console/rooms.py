"""Screens with written answers and a stopped clock, drawn the same every time."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from tests.console.rest import answered
from tests.console.scripted import NOW, ScriptedOpening, ScriptedService
from tui.app import WarRoomApp
from tui.options import Options
from tui.terminal.key_queue import KeyQueue
from widgets.footer_bar import FooterBar
from widgets.log.pane import LogPane

MakeApp = Callable[..., WarRoomApp]

CLOCKS = (
    *("tui.app", "screens.critical.screen", "screens.list_screen", "screens.log_screen"),
    *("screens.table_screen", "screens.account.affected"),
)
"""The clocks that every console looks at, on whatever screen."""


@pytest.fixture
def make_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApp]:
    """Return a maker of applications on a scripted service; all of them are ended afterwards."""
    made: list[WarRoomApp] = []
    never = threading.Event()
    for variable in ("NO_COLOR", "SSH_CONNECTION", "TMUX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    for module in CLOCKS:
        monkeypatch.setattr(f"{module}.utc_now", lambda: NOW)

    def make(
        service: ScriptedService | None, *, environment: str = "PROD", options: Options | None = None
    ) -> WarRoomApp:
        opening = types.ModuleType("tui.opening")
        vars(opening)["open_service"] = _opener(service, environment, never)
        monkeypatch.setitem(sys.modules, "tui.opening", opening)
        app = WarRoomApp(options or Options())
        made.append(app)
        return app

    yield make
    never.set()
    for app in made:
        app.end()


def _opener(
    service: ScriptedService | None, environment: str, never: threading.Event
) -> Callable[[Options], ScriptedOpening]:
    def open_service(_options: Options) -> ScriptedOpening:
        if service is None:
            never.wait()  # sources that never open
        return ScriptedOpening(service, environment)

    return open_service


def footer(pilot: Pilot[Any]) -> str:
    """The bottom line; empty on a screen that is not laid out yet."""
    return "".join(row.text for bar in pilot.app.screen.query(FooterBar) for row in bar.rows)


async def settle(pilot: Pilot[int]) -> None:
    """Wait until every reading that the screen shows has arrived and been drawn."""
    app = pilot.app
    assert isinstance(app, WarRoomApp)
    await answered(pilot, lambda: ["sources", *app.screen_stack[0].shown_readings()])  # type: ignore[attr-defined]  # level 1
    app.screen_stack[0].draw()  # type: ignore[attr-defined]  # level 1
    await pilot.pause()
    for pane in app.screen_stack[0].query(LogPane):
        # Widths of the title's parts settle in steps; the last word on how much of the query fits is spoken here.
        pane.on_descendant_focus()
    await pilot.pause()


CHARACTERS = {"space": " ", "colon": ":", "enter": "\r", "tab": "\t"}


def burst(pilot: Pilot[Any], *keys: str, paste: str = "") -> None:
    """Type keys, then paste, all at once, as a slow line brings them: nothing waits for what a key does."""
    queue = KeyQueue(pilot.app)
    for key in keys:
        queue.put(events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None)))
    if paste:
        queue.put(events.Paste(paste))
