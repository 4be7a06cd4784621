"""The account screen in three sizes and in each of its states."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.account.tabs import ORDER
from tests.console.account_rooms import arrived, stop_clocks
from tests.console.rest import drawn, rest
from tests.console.rooms import MakeApp, settle
from tests.console.scripted_accounts import ScriptedAccounts, ScriptedAccountService
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.app import WarRoomApp
from tui.options import Options

Snap = Callable[..., bool]
TO = {name: ("tab",) * (place + 1) for place, name in enumerate(ORDER)}


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def after(line: str, *keys: str, wait: bool = True) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        app = pilot.app
        still = rest if wait else drawn
        assert isinstance(app, WarRoomApp)
        await settle(pilot)
        app.command(line)
        await still(pilot)
        if wait:
            await arrived(pilot)
        for key in keys:
            await pilot.press(key)
            await still(pilot)
            if wait:
                await arrived(pilot)
        await still(pilot)

    return run


def scripted(**account: Any) -> ScriptedAccountService:  # noqa: ANN401  # fields of the double
    return ScriptedAccountService(accounts=ScriptedAccounts(**account))


@EVERY_SIZE
def test_findings_first(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=size, run_before=after("account 14009"))


@pytest.mark.parametrize("tab", ["agents", "connections", "deals", "logs", "history"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_tab(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int], tab: str) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=size, run_before=after("account 14009", *TO[tab]))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_before_any_answer(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    hold = threading.Event()
    app = make_app(scripted(hold=hold))
    assert snap_compare(app, terminal_size=size, run_before=after("account 14009", wait=False))
    hold.set()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_client_database_is_dead(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(scripted(failing=frozenset({"client"})))
    assert snap_compare(app, terminal_size=size, run_before=after("account 14009", *TO["agents"]))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(scripted(hostile=True))
    assert snap_compare(app, terminal_size=size, run_before=after("account 14009"))


def test_nothing_answers(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(scripted(failing=frozenset({"everything"})))
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("account 14009"))


@pytest.mark.parametrize("tab", ["users", "agents", "history"])
def test_an_empty_account(snap_compare: Snap, make_app: MakeApp, tab: str) -> None:
    app = make_app(scripted(empty=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("account 14009", *TO[tab]))


def test_old_answers_are_called_old(snap_compare: Snap, make_app: MakeApp) -> None:
    service = scripted()

    async def run(pilot: Pilot[Any]) -> None:
        await after("account 14009", *TO["agents"])(pilot)
        service.accounts.failing = frozenset({"everything"})
        await pilot.press("r")
        await rest(pilot)
        await arrived(pilot)

    assert snap_compare(make_app(service), terminal_size=(120, 40), run_before=run)


def test_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(scripted(), options=Options(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("account 14009", *TO["agents"]))


def test_without_colour(snap_compare: Snap, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(scripted()), terminal_size=(120, 40), run_before=after("account 14009"))


def test_only_what_is_wrong(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(
        make_app(scripted()), terminal_size=(120, 40), run_before=after("account 14009", *TO["deals"], "s")
    )


def test_rows_that_hold_a_word(snap_compare: Snap, make_app: MakeApp) -> None:
    run = after("account 14009", *TO["agents"], "slash", *"ruiz")
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=run)


def test_a_long_question_says_how_far_it_is(snap_compare: Snap, make_app: MakeApp) -> None:
    service = scripted(steps=12)

    async def run(pilot: Pilot[Any]) -> None:
        await after("account 14009")(pilot)
        await pilot.press("x")
        await drawn(pilot)

    assert snap_compare(make_app(service), terminal_size=(80, 24), run_before=run)
    service.accounts.go.set()


@EVERY_SIZE
def test_the_oauth_diagnosis_of_an_account(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=size, run_before=after("account 14009", "x"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_stale_agent_by_name(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(
        make_app(scripted()), terminal_size=size, run_before=after("account 14009", *TO["agents"], "enter")
    )


def test_one_agent_with_token_and_history(snap_compare: Snap, make_app: MakeApp) -> None:
    run = after("account 14009", *TO["agents"], "j", "j", "enter")
    assert snap_compare(make_app(scripted()), terminal_size=(120, 40), run_before=run)


def test_one_connection(snap_compare: Snap, make_app: MakeApp) -> None:
    run = after("account 14009", *TO["connections"], "j", "j", "enter")
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_unsynced_deals_by_cause(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(
        make_app(scripted()), terminal_size=size, run_before=after("account 14009", *TO["deals"], "enter")
    )


def test_an_account_that_nobody_knows(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=after("account 99"))
