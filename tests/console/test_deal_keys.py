"""A deal: found by its id, read gate by gate, opened further."""

from __future__ import annotations

from typing import cast

import pytest
from textual.pilot import Pilot

from screens.account.screen import AccountScreen
from screens.deal import DealScreen
from screens.document import DocumentScreen
from screens.listing import ListingScreen
from screens.refusals import RefusalScreen
from tests.console.account_rooms import opened, press, stop_clocks, text_on
from tests.console.rest import on_top, rest
from tests.console.rooms import MakeApp
from tests.console.scripted_accounts import ScriptedAccountService
from tests.console.scripted_deals import ScriptedDeals


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def deal(pilot: Pilot[int]) -> DealScreen:
    return cast("DealScreen", pilot.app.screen)


async def test_the_code_and_the_sentence_stand_before_everything_else(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        lines = [item.text for item in deal(pilot).body.rows]
        assert lines[0] == "fails with  agent_verification_failed"
        assert lines[1].startswith("None of the 2 agents on this deal is verified")


async def test_each_gate_says_its_state_as_a_word_in_the_order_of_the_sync(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009", size=(80, 24)) as pilot:
        gates = [item.text for item in deal(pilot).body.rows if (item.key or "").startswith("gate:")]
        words = [line.split()[1] for line in gates]
        assert words == ["deal", "property", "agents", "contact", "sync", "transaction", "mutex"]
        for line, word in zip(gates, ("ok", "ok", "FAIL", "ok", "ok", "ok", "no data"), strict=True):
            assert word in line


async def test_gates_stand_in_one_row_where_there_is_room(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        assert "property ✔ ok → agents ✘ FAIL → contact ✔ ok" in text_on(pilot)


async def test_a_path_that_was_not_read_is_not_a_no(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        agents = [item.text for item in deal(pilot).body.rows if (item.key or "").startswith("agent:")]
        assert "NOT" in agents[0]
        assert "not read" not in agents[0]
        assert "no data" in agents[1]
        assert agents[1].count("not read") == 2


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("gate:agents", "SELECT … /* agents */"),
        ("agent:40001", "NOT verified by any path"),
        ("finding:0", "@context.deal_id:12345"),
    ],
)
async def test_enter_opens_what_is_under_the_cursor(make_app: MakeApp, key: str, words: str) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        deal(pilot).body.place(key)
        await press(pilot, "enter")
        await on_top(pilot, DocumentScreen)
        assert words in text_on(pilot)


async def test_why_answers_on_every_row_that_can_hold_the_cursor(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        keys = [item.key for item in deal(pilot).body.rows if item.key is not None]
        for key in keys:
            deal(pilot).body.place(key)
            await press(pilot, "w")
            await on_top(pilot, DocumentScreen)
            assert "ran at" in text_on(pilot), key
            await press(pilot, "escape")


async def test_the_account_of_a_deal_is_one_enter_away(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        deal(pilot).body.place("account")
        await press(pilot, "enter")
        await on_top(pilot, AccountScreen)
        await press(pilot, "escape", "l")
        await on_top(pilot, AccountScreen)
        assert cast("AccountScreen", pilot.app.screen).tab == "logs"


async def test_a_deal_id_that_one_account_holds_opens_and_says_so(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345") as pilot:
        await on_top(pilot, DealScreen)
        assert "deal 12345 was found in account 14009" in text_on(pilot)
        assert deal(pilot).place() == "deal 12345 14009"


async def test_a_deal_id_that_several_accounts_hold_asks_which(make_app: MakeApp) -> None:
    service = ScriptedAccountService()
    async with opened(make_app, service, "deal 777") as pilot:
        await on_top(pilot, ListingScreen)
        assert "2 accounts hold a deal 777" in text_on(pilot)
        await press(pilot, "j", "enter")
        await on_top(pilot, DealScreen)
        assert deal(pilot).account_id == 30_511


async def test_a_deal_id_that_nobody_knows_is_refused_with_guidance(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 999") as pilot:
        await on_top(pilot, RefusalScreen)
        assert "refused" in text_on(pilot)


async def test_a_dead_client_database_is_no_data_and_no_verdict_of_green(make_app: MakeApp) -> None:
    service = ScriptedAccountService(deals=ScriptedDeals(failing=frozenset({"client"})))
    async with opened(make_app, service, "deal 12345 14009") as pilot:
        gates = [item for item in deal(pilot).body.rows if (item.key or "").startswith("gate:")]
        assert all("unreachable" in item.text or "no data" in item.text for item in gates)
        assert not any(piece.tone == "pass" for item in gates for piece in item.pieces)


async def test_a_failed_diagnosis_says_why_and_r_asks_again(make_app: MakeApp) -> None:
    service = ScriptedAccountService(deals=ScriptedDeals(failing=frozenset({"everything"})))
    async with opened(make_app, service, "deal 12345 14009") as pilot:
        assert "not diagnosed: client 14009: unreachable" in text_on(pilot)
        service.deals.failing = frozenset()
        await press(pilot, "r")
        await rest(pilot)
        assert "agent_verification_failed" in text_on(pilot)


async def test_a_deal_that_is_left_is_not_asked_for_any_more(make_app: MakeApp) -> None:
    async with opened(make_app, ScriptedAccountService(), "deal 12345 14009") as pilot:
        key = deal(pilot).key
        live = deal(pilot).host.live
        assert live is not None
        assert live.last(key) is not None
        await press(pilot, "escape")
        await rest(pilot)
        assert live.last(key) is None
