"""The deal screen in three sizes and in each of its states."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.console.account_rooms import arrived, stop_clocks
from tests.console.rest import rest
from tests.console.rooms import MakeApp
from tests.console.scripted_accounts import ScriptedAccountService
from tests.console.scripted_deals import ScriptedDeals
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tests.snapshots.test_account import TO, Snap, after
from tui.options import Options


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def scripted(**deals: Any) -> ScriptedAccountService:  # noqa: ANN401  # fields of the double
    return ScriptedAccountService(deals=ScriptedDeals(**deals))


@EVERY_SIZE
def test_why_it_does_not_sync(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=size, run_before=after("deal 12345 14009"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(scripted(hostile=True))
    assert snap_compare(app, terminal_size=size, run_before=after("deal 12345 14009"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_client_database_is_dead(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(scripted(failing=frozenset({"client"})))
    assert snap_compare(app, terminal_size=size, run_before=after("deal 12345 14009"))


def test_a_deal_that_has_synced(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=after("deal 12346 14009"))


def test_nothing_answers(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(scripted(failing=frozenset({"everything"})))
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("deal 12345 14009"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_before_any_answer(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    service = scripted()
    app = make_app(service)
    service.deals.hold.clear()
    assert snap_compare(app, terminal_size=size, run_before=after("deal 12345 14009", wait=False))
    service.deals.hold.set()


def test_an_old_answer_is_called_old(snap_compare: Snap, make_app: MakeApp) -> None:
    service = scripted()

    async def run(pilot: Pilot[Any]) -> None:
        await after("deal 12345 14009")(pilot)
        service.deals.failing = frozenset({"everything"})
        await pilot.press("r")
        await rest(pilot)
        await arrived(pilot)

    assert snap_compare(make_app(service), terminal_size=(80, 24), run_before=run)


def test_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(scripted(), options=Options(ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=after("deal 12345 14009"))


def test_without_colour(snap_compare: Snap, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(scripted()), terminal_size=(120, 40), run_before=after("deal 12345 14009"))


def test_a_gate_with_its_evidence(snap_compare: Snap, make_app: MakeApp) -> None:
    run = after("deal 12345 14009", "j", "j", "j", "j", "enter")
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=run)


def test_several_accounts_hold_the_deal(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=after("deal 777"))


def test_nobody_knows_the_deal(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=after("deal 999"))


def test_the_account_of_a_deal_was_found(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=after("deal 12345"))


def test_the_deals_of_one_cause(snap_compare: Snap, make_app: MakeApp) -> None:
    run = after("account 14009", *TO["deals"], "enter", "j", "enter")
    assert snap_compare(make_app(scripted()), terminal_size=(80, 24), run_before=run)
