"""A burst of keys, as a slow line or a paste brings it, does what the same keys do one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from screens.base import ConsoleScreen
from tests.console.rest import until
from tests.console.rooms import MakeApp, burst, settle
from tests.console.scripted_accounts import ScriptedAccountService
from tui.terminal import key_queue
from tui.terminal.key_queue import KeyQueue


@asynccontextmanager
async def console(make_app: MakeApp) -> AsyncIterator[Pilot[int]]:
    app = make_app(ScriptedAccountService())
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        yield pilot


def crumb(pilot: Pilot[int]) -> str:
    screen = pilot.app.screen
    return screen.crumb() if isinstance(screen, ConsoleScreen) else ""


@pytest.mark.parametrize(
    ("keys", "account"),
    [
        (("a", *"14008", "backspace", "9", "enter"), "14009"),
        (("a", *"4009", *["left"] * 4, "1", "enter"), "14009"),
        (("a", *"99", "ctrl+u", *"account", "space", *"14009", "enter"), "14009"),
        (("colon", *"account", "space", *"77", "ctrl+w", *"14009", "enter"), "14009"),
        (("colon", *"account", "space", *"140091", "left", "ctrl+k", "enter"), "14009"),
        (("a", *"77", "escape", "a", *"14009", "enter"), "14009"),
    ],
)
async def test_editing_keys_and_enter_do_not_overtake_letters(
    make_app: MakeApp, keys: Sequence[str], account: str
) -> None:
    async with console(make_app) as pilot:
        burst(pilot, *keys)
        await until(pilot, lambda: crumb(pilot).startswith("account"))
        assert crumb(pilot).split()[1] == account


async def test_a_paste_is_between_the_keys_that_stand_around_it(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        queue = KeyQueue(pilot.app)
        for event in (
            events.Key("a", "a"),
            events.Key("1", "1"),
            events.Paste("400"),
            events.Key("9", "9"),
            events.Key("enter", "\r"),
        ):
            queue.put(event)
        await until(pilot, lambda: crumb(pilot).startswith("account"))
        assert crumb(pilot).split()[1] == "14009"


async def test_keys_behind_enter_belong_to_what_enter_opened(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        burst(pilot, "a", *"14009", "enter", "question_mark")
        await until(pilot, lambda: crumb(pilot) == "help")
        names = [screen.crumb() for screen in pilot.app.screen_stack if isinstance(screen, ConsoleScreen)]
        assert any(name.startswith("account 14009") for name in names), names


class Hanging(App[None]):
    """Its key `x` never ends; its line takes letters."""

    def compose(self) -> ComposeResult:
        yield Line()


class Line(Input):
    """A line whose `x` waits for something that does not come."""

    async def key_x(self) -> None:
        await asyncio.sleep(key_queue.LONGEST_WAIT * 3)


async def test_a_key_whose_handler_hangs_does_not_deafen_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_queue, "LONGEST_WAIT", 0.05)
    app = Hanging()
    async with app.run_test() as pilot:
        app.query_one(Input).focus()
        burst(pilot, "x", "a", "b")
        async with asyncio.timeout(30):
            while "ab" not in app.query_one(Input).value:  # until it comes true
                await pilot.pause(0.01)
