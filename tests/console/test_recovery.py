"""A recovery by keyboard: plan, the typed words, one key each to pause, resume, throttle and stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from screens.line_entry import LineEntry
from screens.recovery.drain import DrainScreen
from tests.console.account_rooms import press, text_on
from tests.console.rest import on_top, until
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import ScriptedService
from tests.recovery.drained import Backlog, in_the_tests_time


class WithRecovery(ScriptedService):
    """Written answers, and a real recovery behind them."""

    def __init__(self, backlog: Backlog, recovery: object) -> None:
        super().__init__()
        self.recovery = recovery
        self.context = backlog.context


@pytest.fixture
def backlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backlog]:
    """60 failed events; whoever waits moves the time."""
    made = Backlog(tmp_path)
    in_the_tests_time(made, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def held(backlog: Backlog) -> Iterator[threading.Event]:
    """The poller rests until this is set."""
    goes_on = threading.Event()
    backlog.polls = False

    def stand_still() -> None:
        if not backlog.polls and "pending" in backlog.statuses():
            assert goes_on.wait(60)
            backlog.polls = True

    backlog.on_wait = stand_still
    yield goes_on
    goes_on.set()


async def opened(pilot: Pilot[Any]) -> None:
    await settle(pilot)
    cast("Any", pilot.app).command("recovery")
    await on_top(pilot, DrainScreen)


async def test_planned_confirmed_paused_resumed_and_done(
    make_app: MakeApp, backlog: Backlog, held: threading.Event
) -> None:
    app = make_app(WithRecovery(backlog, backlog.recovery))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "plan a recovery by the status flip" in text_on(pilot))
        await press(pilot, "home", "enter")
        await until(pilot, lambda: "have 60 events delivered again" in text_on(pilot))
        await press(pilot, "home", "enter")
        await on_top(pilot, LineEntry)
        await press(pilot, *"60 pro", "enter")
        assert 'type "60 PROD" to send' in text_on(pilot)
        assert backlog.statuses() == {"failed": 60}
        await press(pilot, "ctrl+u", *"60 PROD", "enter")
        await on_top(pilot, DrainScreen)
        await until(pilot, lambda: "under way" in text_on(pilot) and "carried by" in text_on(pilot))
        screen = cast("DrainScreen", pilot.app.screen)
        assert screen.offers("hold")
        await press(pilot, "Z")
        await until(pilot, lambda: "PAUSED: by a person" in text_on(pilot))
        await press(pilot, "R")
        held.set()
        await until(pilot, lambda: "60 of 60 delivered" in text_on(pilot))
        await until(pilot, lambda: "DONE" in text_on(pilot))
        assert not screen.offers("hold")
        assert backlog.zillow.effects == dict.fromkeys(range(1, 61), 1)


async def test_without_a_writer_nothing_that_sends_is_there(make_app: MakeApp, backlog: Backlog) -> None:
    settings = backlog.settings()
    reading = settings.model_copy(update={"writes": settings.writes.model_copy(update={"recovery": False})})
    reader = backlog.recovery_of(reading)
    plan = backlog.planned().plan
    app = make_app(WithRecovery(backlog, reader))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "No recovery was carried out yet" in text_on(pilot))
        assert "plan a recovery" not in text_on(pilot)
        backlog.recovery.drains.apply(plan.plan_id, backlog.words())
        await press(pilot, "r")
        await until(pilot, lambda: "60 of 60 delivered" in text_on(pilot))
        screen = cast("DrainScreen", pilot.app.screen)
        assert not any(screen.offers(action) for action in ("hold", "go_on", "throttle", "stop"))
        assert "pause" not in footer(pilot)
