"""Every key does on an account what its footer and the help say it does."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from screens.account.screen import AccountScreen
from screens.account.tabs import ORDER
from screens.deal import DealScreen
from screens.document import DocumentScreen
from screens.explorer.event import EventScreen
from screens.listing import ListingScreen
from tests.console.account_rooms import arrived, opened, press, stop_clocks, text_on
from tests.console.rest import appeared, drawn, on_top, rest, until
from tests.console.rooms import MakeApp
from tests.console.scripted_accounts import ScriptedAccounts, ScriptedAccountService
from tui.app import WarRoomApp
from widgets.log.list import LogList
from widgets.log.pane import LogPane
from widgets.paged_rows import PagedRows


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def scripted(**account: Any) -> ScriptedAccountService:  # noqa: ANN401  # fields of the double
    return ScriptedAccountService(accounts=ScriptedAccounts(**account))


def account(pilot: Pilot[int]) -> AccountScreen:
    return cast("AccountScreen", pilot.app.screen_stack[1])


def rows(pilot: Pilot[int]) -> PagedRows:
    return account(pilot).query_one("#rows", PagedRows)


async def go(pilot: Pilot[int], tab: str) -> None:
    """To a tab, by its key, and wait for its rows."""
    for _ in range(len(ORDER) + 1):
        if account(pilot).tab == tab and account(pilot).focused_pane() == "rows":
            break
        await press(pilot, "tab")
    assert account(pilot).tab == tab
    await arrived(pilot)


# ---- tabs


async def test_findings_stand_first_and_have_the_keys(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        findings = account(pilot).query_one("#findings", PagedRows)
        assert findings.has_focus
        assert "FAIL" in findings.rows[1].text
        assert "unhealthy since 15 Nov 09:03" in findings.rows[0].text


async def test_tab_goes_into_the_rows_and_then_through_every_tab_and_round(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "tab")
        assert (account(pilot).tab, account(pilot).focused_pane()) == ("users", "rows")
        seen = [account(pilot).tab]
        for _ in ORDER:
            await press(pilot, "tab")
            await rest(pilot)
            seen.append(account(pilot).tab)
        assert tuple(seen) == (*ORDER, ORDER[0])
        await press(pilot, "shift+tab")
        assert account(pilot).tab == ORDER[-1]
        await press(pilot, "left")
        assert account(pilot).tab == ORDER[-2]


async def test_a_tab_is_asked_for_when_it_is_first_seen_and_not_before(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        assert {call[0] for call in service.accounts.asked} == {"summary", "users"}
        await go(pilot, "agents")
        assert "agents" in {call[0] for call in service.accounts.asked}
        assert "deals" not in {call[0] for call in service.accounts.asked}


async def test_cursor_and_scroll_are_kept_per_tab(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "agents")
        await press(pilot, *["ctrl+d"] * 4)
        held, top = rows(pilot).cursor_key, rows(pilot).scroll_offset.y
        assert top > 0
        await go(pilot, "deals")
        assert rows(pilot).cursor_key == "bulk:unsynced"
        await go(pilot, "agents")
        assert (rows(pilot).cursor_key, rows(pilot).scroll_offset.y) == (held, top)


async def test_left_and_right_change_between_findings_and_figures(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "right")
        assert account(pilot).focused_pane() == "figures"
        await press(pilot, "left")
        assert account(pilot).focused_pane() == "findings"
        assert account(pilot).tab == "users"


async def test_walking_over_an_edge_leads_into_the_next_pane(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "G", "j")
        assert account(pilot).focused_pane() == "rows"
        await press(pilot, "g", "k")
        assert account(pilot).focused_pane() == "findings"


# ---- pages


async def test_the_next_page_is_read_when_the_cursor_nears_the_end(make_app: MakeApp) -> None:
    service = scripted(agents_in_all=250)
    async with opened(make_app, service, "account 14009") as pilot:
        await go(pilot, "agents")
        state = account(pilot).tabs["agents"]
        assert state.amount() == "100 of ~250"
        assert [call[2] for call in service.accounts.asked if call[0] == "agents"] == [None]
        await press(pilot, "G")
        await until(pilot, lambda: len(state.items) == 200)
        assert state.amount() == "200 of ~250"
        assert rows(pilot).cursor_key == "more"
        await press(pilot, "enter")
        await until(pilot, lambda: len(state.items) == 250)
        await rest(pilot)
        assert state.amount() == "all 250"
        assert "more" not in [item.key for item in rows(pilot).rows]


async def test_a_page_that_fails_says_why_and_is_asked_again_by_hand(make_app: MakeApp) -> None:
    service = scripted(agents_in_all=250)
    async with opened(make_app, service, "account 14009") as pilot:
        await go(pilot, "agents")
        service.accounts.failing = frozenset({"client"})
        await press(pilot, "G")
        await rest(pilot)
        assert "more could not be read: client 14009: unreachable" in text_on(pilot)
        assert len(account(pilot).tabs["agents"].items) == 100
        service.accounts.failing = frozenset()
        await press(pilot, "G", "enter")
        await rest(pilot)
        assert len(account(pilot).tabs["agents"].items) == 200


async def test_s_leaves_only_what_is_wrong_and_s_brings_all_back(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "agents")
        await press(pilot, "s")
        await arrived(pilot)
        assert len(account(pilot).tabs["agents"].items) == 47
        assert "only wrong · all 47" in text_on(pilot)
        await press(pilot, "s")
        await arrived(pilot)
        assert len(account(pilot).tabs["agents"].items) == 100


async def test_a_filter_searches_also_what_the_columns_have_no_room_for(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009", size=(80, 24)) as pilot:
        await press(pilot, "slash")
        await rest(pilot)
        await press(pilot, *"user12@")
        await rest(pilot)
        shown = [item.key for item in rows(pilot).rows if item.key and item.key.startswith("user:")]
        assert shown == ["user:40012"]
        await press(pilot, "enter")
        await rest(pilot)
        assert rows(pilot).has_focus
        await press(pilot, "escape")
        await rest(pilot)
        assert isinstance(pilot.app.screen, AccountScreen)
        assert account(pilot).tabs["users"].filter_text == ""


# ---- failures


async def test_a_dead_client_database_leaves_the_other_tabs_working(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(failing=frozenset({"client"})), "account 14009") as pilot:
        assert "names were not read: client 14009 is unreachable" in text_on(pilot)
        await go(pilot, "agents")
        assert "not loaded: client 14009: unreachable" in text_on(pilot)
        assert "their tabs go on working" in text_on(pilot)
        for tab in ("connections", "history"):
            await go(pilot, tab)
            assert len(account(pilot).tabs[tab].items) == 100


async def test_old_rows_stay_and_are_called_old_with_the_reason(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        service.accounts.failing = frozenset({"everything"})
        await press(pilot, "r")
        await rest(pilot)
        assert "stale: asked" in text_on(pilot)
        assert "since then common: unreachable" in text_on(pilot)
        assert len(account(pilot).tabs["users"].items) == 100
        service.accounts.failing = frozenset()
        await press(pilot, "r")
        await rest(pilot)
        assert "stale: asked" not in text_on(pilot)


async def test_a_missing_number_is_a_dash_and_never_nought(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(empty=True), "account 14009") as pilot:
        figures = account(pilot).query_one("#figures", PagedRows)
        assert all("—" in item.text and " 0 " not in item.text for item in figures.rows)


async def test_keys_work_before_anything_has_answered(make_app: MakeApp) -> None:
    hold = threading.Event()
    service = scripted(hold=hold)
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await rest(pilot)
        app.command("account 14009")
        await drawn(pilot)
        await press(pilot, "tab", "tab", "j", "enter", "w", "slash", "escape", "tab", "s", "y")
        assert isinstance(app.screen, AccountScreen)
        assert "nothing has answered yet" in text_on(pilot)
        hold.set()
        await press(pilot, "escape")


# ---- going in


async def test_enter_on_a_user_diagnoses_that_user(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await press(pilot, "tab", "j", "enter")
        await on_top(pilot, ListingScreen)
        assert ("oauth", 14009, 40_002) in service.accounts.asked
        assert "integration is disabled in Premier Agent" in text_on(pilot)
        await press(pilot, "escape")
        assert rows(pilot).cursor_key == "user:40002"


async def test_x_diagnoses_the_account_and_its_users_open_their_own(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await press(pilot, "x")
        await on_top(pilot, ListingScreen)
        assert "3 of 214 users cannot sync" in text_on(pilot)
        await press(pilot, "G", "enter")
        await rest(pilot)
        assert "User 40009 holds a valid token" in text_on(pilot)
        assert len(pilot.app.screen_stack) == 4


async def test_every_stale_agent_is_named(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "agents")
        assert "47 agents stale: name every one" in text_on(pilot)
        await press(pilot, "enter")
        await on_top(pilot, ListingScreen)
        named = {item.key for item in cast("ListingScreen", pilot.app.screen).body.rows if item.key}
        assert len([key for key in named if key.startswith("stale:")]) == 47


async def test_an_agent_shows_its_row_at_once_and_its_token_and_history_when_they_answer(make_app: MakeApp) -> None:
    service = scripted()
    async with opened(make_app, service, "account 14009") as pilot:
        await go(pilot, "agents")
        hold = service.accounts.hold = threading.Event()
        await press(pilot, "j", "j", "enter")
        await appeared(pilot, DocumentScreen)
        assert "INFERRED" in text_on(pilot)
        assert "… asking" in text_on(pilot)
        hold.set()
        await rest(pilot)
        assert "holds a valid token" in text_on(pilot)
        assert "changes recorded for the account" in text_on(pilot)


@pytest.mark.parametrize(("tab", "words"), [("connections", "integration enabled"), ("history", "reason")])
async def test_a_row_opens_everything_it_holds(make_app: MakeApp, tab: str, words: str) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, tab)
        await press(pilot, "j", "enter")
        await on_top(pilot, DocumentScreen)
        assert words in text_on(pilot)


async def test_a_deal_opens_its_own_screen_and_escape_comes_back_to_its_row(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "deals")
        await press(pilot, "j", "j", "enter")
        await on_top(pilot, DealScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, AccountScreen)
        assert rows(pilot).cursor_key == "deal:12399"


async def test_unsynced_deals_open_by_cause_then_deal(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "deals")
        assert "why 37 deals are not synced, by cause" in text_on(pilot)
        await press(pilot, "enter")
        await on_top(pilot, ListingScreen)
        assert "37 deals of account 14009 have not synced" in text_on(pilot)
        await press(pilot, "j", "enter")
        await rest(pilot)
        assert "the newest 10 of 21" in text_on(pilot)
        await press(pilot, "j", "enter")
        await on_top(pilot, DealScreen)
        assert cast("DealScreen", pilot.app.screen).deal_id == 12_344


# ---- logs


async def test_l_follows_the_log_lines_of_the_account(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "l")
        await arrived(pilot)
        pane = account(pilot).query_one(LogPane)
        assert "@context.account_id:14009" in pane.query_text
        assert account(pilot).query_one(LogList).has_focus
        await press(pilot, "enter")
        await on_top(pilot, EventScreen)


async def test_the_window_of_the_lines_walks_and_asks_again(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "l")
        await arrived(pilot)
        first = account(pilot).log_key
        await press(pilot, "t")
        await rest(pilot)
        await arrived(pilot)
        assert account(pilot).window_s == 3600
        assert account(pilot).log_key != first
        assert account(pilot).query_one(LogPane).window_text == "1h"


async def test_covered_and_left_screens_stop_asking(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        app = cast("WarRoomApp", pilot.app)
        keys = list(account(pilot).shown_readings())
        await press(pilot, "w")
        await rest(pilot)
        assert app.live is not None
        assert not app.live._looked_at & set(keys)
        await press(pilot, "escape", "escape")
        await rest(pilot)
        assert all(app.live.last(key) is None for key in keys)


# ---- why, copy


async def test_why_answers_on_findings_figures_header_and_rows(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        for keys, words in (
            ((), "SELECT * FROM accounts"),
            (("j",), "SELECT id FROM zillow_agents"),
            (("right",), "SELECT COUNT(*) /* users */"),
            (("tab",), "zillow_auth: SELECT … id > 0 LIMIT 100"),
        ):
            await press(pilot, *keys, "w")
            await on_top(pilot, DocumentScreen)
            assert words in text_on(pilot)
            await press(pilot, "escape")


async def test_why_answers_for_several_figures_in_one_row(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009", size=(80, 24)) as pilot:
        screen = account(pilot)
        findings = screen.query_one("#findings", PagedRows)
        packed = next(item.key for item in findings.rows if item.key and item.key.startswith("figures:"))
        findings.place(packed)
        await press(pilot, "w")
        await on_top(pilot, DocumentScreen)
        for figure in packed.partition(":")[2].split(","):
            assert f"/* {figure} */" in text_on(pilot)


async def test_why_names_the_page_on_which_a_row_was_read(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(agents_in_all=250), "account 14009") as pilot:
        await go(pilot, "agents")
        await press(pilot, "G")
        await rest(pilot)
        rows(pilot).place("agent:5150")
        await press(pilot, "w")
        await on_top(pilot, DocumentScreen)
        assert "id > 100 LIMIT 100" in text_on(pilot)


# ---- sessions


async def test_a_tab_and_its_filter_are_remembered_and_recalled(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await go(pilot, "agents")
        await press(pilot, "s")
        memory = account(pilot).memory()
        assert memory == {"tab": "agents", "only_wrong": True, "filter": ""}
        assert account(pilot).place() == "account 14009"
        await press(pilot, "escape")
        cast("WarRoomApp", pilot.app).command("account 14009")
        await arrived(pilot)
        account(pilot).recall({**memory, "nonsense": 1})
        await arrived(pilot)
        assert account(pilot).tab == "agents"
        assert len(account(pilot).tabs["agents"].items) == 47
        account(pilot).recall({"tab": "gone"})
        assert account(pilot).tab == "agents"


async def test_a_tab_is_recalled_before_the_screen_is_laid_out(make_app: MakeApp) -> None:
    async with opened(make_app, scripted(), "account 14009") as pilot:
        await press(pilot, "escape")
        app = cast("WarRoomApp", pilot.app)
        app.command("account 14009")
        cast("AccountScreen", app.screen).recall({"tab": "deals", "only_wrong": True, "filter": "elm"})
        await rest(pilot)
        await arrived(pilot)
        assert account(pilot).tab == "deals"
        assert len(account(pilot).tabs["deals"].items) == 37
        assert "not synced" in text_on(pilot)
