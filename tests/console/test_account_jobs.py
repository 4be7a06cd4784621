"""Long questions: they say how far they are, Esc ends them, and their answers wait for their screen."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from screens.account.screen import AccountScreen
from screens.listing import ListingScreen
from tests.console.account_rooms import opened, press, stop_clocks, text_on
from tests.console.rest import drawn, rest, until
from tests.console.rooms import MakeApp, footer
from tests.console.scripted_accounts import ScriptedAccounts, ScriptedAccountService


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def scripted() -> ScriptedAccountService:
    return ScriptedAccountService(accounts=ScriptedAccounts(steps=12))


async def said(pilot: Pilot[Any], words: str) -> None:
    await until(pilot, lambda: words in footer(pilot))


async def test_progress_stands_in_the_footer_and_keys_go_on_working(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await press(pilot, "x")
        await said(pilot, "OAuth diagnosis of account 14009: 1,200 of 6,864 accounts · esc cancels")
        await press(pilot, "tab", "tab", "j")
        assert cast("AccountScreen", pilot.app.screen).tab == "agents"
        await press(pilot, "x")
        await said(pilot, "is still under way")
        service.accounts.go.set()
        await said(pilot, "enter open")
        assert isinstance(pilot.app.screen, ListingScreen)


async def test_escape_cancels_the_question_and_not_the_screen(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "x")
        await said(pilot, "esc cancels")
        await press(pilot, "escape")
        await said(pilot, "ended because you asked for it")
        assert isinstance(pilot.app.screen, AccountScreen)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, AccountScreen)


async def test_a_partial_answer_is_shown_when_the_source_gives_one_after_cancelling(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        screen = cast("AccountScreen", pilot.app.screen)
        got: list[str] = []

        def work(job: Any) -> str:  # noqa: ANN401  # a Job
            job.wait(20)
            return "5,112 of 6,864 accounts"

        screen.start_job(work, got.append, doing="distribution")
        await said(pilot, "distribution: asking · esc cancels")
        await press(pilot, "escape")
        await until(pilot, lambda: got)
        assert got == ["5,112 of 6,864 accounts"]


async def test_a_second_escape_drops_an_answer_that_nobody_can_hurry(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        screen = cast("AccountScreen", pilot.app.screen)
        stuck = threading.Event()
        got: list[object] = []
        screen.start_job(lambda _job: stuck.wait(20), got.append, doing="distribution")
        await said(pilot, "esc cancels")
        await press(pilot, "escape")
        await said(pilot, "ending; esc again drops it")
        await press(pilot, "escape")
        await said(pilot, "nothing was kept")
        assert isinstance(pilot.app.screen, AccountScreen)
        stuck.set()
        await rest(pilot)
        assert got == []


async def test_an_answer_waits_until_its_screen_is_seen_again(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await press(pilot, "x")
        await said(pilot, "esc cancels")
        await press(pilot, "w")
        await drawn(pilot)
        service.accounts.go.set()
        await said(pilot, "the answer is there; go back to see it")
        assert not isinstance(pilot.app.screen, ListingScreen)
        await press(pilot, "escape")
        await rest(pilot)
        assert isinstance(pilot.app.screen, ListingScreen)
        assert "3 of 214 users" in text_on(pilot)


async def test_leaving_the_screen_drops_the_question(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await press(pilot, "x")
        await said(pilot, "esc cancels")
        await press(pilot, "q")
        await drawn(pilot)
        service.accounts.go.set()
        await rest(pilot)
        assert len(pilot.app.screen_stack) == 1


async def test_a_question_that_fails_says_so_calmly(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        service.accounts.failing = frozenset({"oauth"})
        await press(pilot, "x")
        await said(pilot, "OAuth diagnosis of account 14009: common: unreachable")
        assert isinstance(pilot.app.screen, AccountScreen)
