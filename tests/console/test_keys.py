"""Every key does on level 1 what the help says it does."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from diagnostics.signals.counts import Accounts
from diagnostics.triage.matrix import open_route
from screens.account.screen import AccountScreen
from screens.actions import ACTIONS
from screens.base import ReadingArrived
from screens.critical.screen import CriticalScreen
from screens.document import DocumentScreen
from screens.explorer.event import EventScreen
from screens.listing import ListingScreen
from screens.palette import PaletteScreen
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, burst, footer, settle
from tests.console.scripted import ScriptedService, evidence
from tests.console.scripted_accounts import ScriptedAccountService
from tui.app import WarRoomApp
from tui.options import Options
from widgets.line_view import LineView
from widgets.log.list import LogList
from widgets.log.pane import LogPane
from widgets.row import plain


@asynccontextmanager
async def console(make_app: MakeApp, service: ScriptedService | None = None) -> AsyncIterator[Pilot[int]]:
    app = make_app(service or ScriptedService())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        yield pilot


def level_1(pilot: Pilot[int]) -> CriticalScreen:
    return cast("CriticalScreen", pilot.app.screen_stack[0])


def on_top(pilot: Pilot[int]) -> Screen[Any]:
    return pilot.app.screen


def text_on(pilot: Pilot[int]) -> str:
    """The screen on top as text, row by row."""
    return "\n".join(row.text for view in pilot.app.screen.query(LineView) for row in view.rows)


def by_pattern(pilot: Pilot[int]) -> bool:
    return level_1(pilot).log_pane.is_grouped


def is_following(lines: LogList) -> bool:
    return lines.state.following


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def test_the_most_urgent_issue_is_in_view_without_any_key(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        assert level_1(pilot).state.selected == "rate_limiting"
        assert level_1(pilot).state.issues == ("rate_limiting", "oauth_failure", "transaction_sync")


async def test_moving_brings_another_issue_into_view_and_its_query_into_the_log_pane(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "j")
        assert level_1(pilot).state.selected == "oauth_failure"
        await rest(pilot)
        assert "oauth" in level_1(pilot).query_one(LogPane).query_text
        await press(pilot, "G")
        assert level_1(pilot).state.selected == "transaction_sync"
        await press(pilot, "g")
        assert level_1(pilot).state.selected == "rate_limiting"


async def test_a_choice_made_by_hand_is_not_taken_back_by_news(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "G", "r")
        await rest(pilot)
        assert level_1(pilot).state.selected == "transaction_sync"


async def test_enter_goes_in_and_escape_comes_back_to_the_same_row(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "enter", "j", "enter")
        assert isinstance(on_top(pilot), DocumentScreen)
        assert "webhook backlog" in text_on(pilot)
        await press(pilot, "escape")
        detail = level_1(pilot).query_one("#detail", LineView)
        assert on_top(pilot) is level_1(pilot)
        assert detail.has_focus
        assert detail.cursor_key == "check:webhook_backlog"
        await press(pilot, "escape")
        assert level_1(pilot).query_one("#issues", LineView).has_focus


async def test_why_shows_the_query_window_cost_and_doubt(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "w")
        shown = text_on(pilot)
        for part in ("@context.error_message:*429*", "last 15 min", "42 ms", "15 rows read", "arrive late"):
            assert part in shown


async def test_why_works_on_every_check_and_on_the_lines(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        for check in level_1(pilot).host.catalogue.issues["rate_limiting"].checks:  # type: ignore[union-attr]
            level_1(pilot).query_one("#detail", LineView).focus()
            level_1(pilot).query_one("#detail", LineView).place(f"check:{check}")
            await press(pilot, "w")
            assert "SELECT COUNT(*)" in text_on(pilot)
            await press(pilot, "escape")
        await press(pilot, "l", "w")
        assert "the newest answer behind the log pane" in text_on(pilot)


async def test_the_window_key_walks_and_asks_again(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "t")
        assert level_1(pilot).state.window_s == 3600
        await rest(pilot)
        assert "last 1h" in text_on(pilot)
        reading = level_1(pilot).state.pulse("rate_limiting")
        assert reading is not None
        assert reading.value is not None
        assert reading.value.window_s == 3600


async def test_pause_stops_asking_and_says_so(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        await press(pilot, "space")
        assert "PAUSED" in text_on(pilot)
        asked = len(service.asked)
        await rest(pilot)
        assert len(service.asked) == asked
        await press(pilot, "space")
        assert "PAUSED" not in text_on(pilot)


async def test_refresh_asks_everything_shown_again(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        before = service.asked.count("pulse:rate_limiting")
        await press(pilot, "r")
        await rest(pilot)
        assert service.asked.count("pulse:rate_limiting") == before + 1


async def test_run_asks_the_check_under_the_cursor_again(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        before = service.asked.count("check:rate_limit_rate")
        await press(pilot, "enter", "x")
        await rest(pilot)
        assert service.asked.count("check:rate_limit_rate") == before + 1


async def test_running_a_step_that_changes_production_is_refused(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "enter")
        level_1(pilot).query_one("#detail", LineView).place("check:batch_retry")
        await press(pilot, "x")
        assert "safety concern" in text_on(pilot)


async def test_the_hand_over_says_that_the_specialist_is_not_there(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "enter", "G", "k", "enter")
        assert "escalation blocked" in text_on(pilot)


@pytest.mark.parametrize(
    ("downs", "named", "words", "asked"),
    [
        (1, (14_009, 75_172), "3 of 214 users cannot sync", ("oauth", 14009, None)),
        (1, (14_009,), "3 of 214 users cannot sync", ("oauth", 14009, None)),
        (2, (14_009, 75_172), "have not synced", ("unsynced", 14009)),
    ],
)
async def test_the_hand_over_of_level_1_opens_the_diagnosis_itself(
    make_app: MakeApp, downs: int, named: tuple[int, ...], words: str, asked: tuple[object, ...]
) -> None:
    service = ScriptedAccountService()
    found = Accounts(ids=named, evidence=evidence("datadog", "by account", 2), partial=False)
    service.open_route = partial(open_route, service.catalogue)  # type: ignore[assignment,method-assign]  # the double refuses all
    service.named_accounts = lambda *_: found  # type: ignore[attr-defined]  # the double knows no logs by account
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, *["j"] * downs)
        await rest(pilot)
        await press(pilot, "enter")
        route = service.catalogue.issues[("oauth_failure", "transaction_sync")[downs - 1]].route
        pilot.app.screen.query_one("#detail", LineView).place(f"route:{route}")
        assert f"hand over to     ▸ {route}" in text_on(pilot)
        await press(pilot, "enter")
        if len(named) > 1:
            await until(pilot, lambda: isinstance(on_top(pilot), ListingScreen))
            await press(pilot, "j", "enter")
        await until(pilot, lambda: words in text_on(pilot))
        asks = [*service.accounts.asked, *service.deals.asked]
        assert any(one[: len(asked)] == asked for one in asks), asks
        await press(pilot, "escape")
        assert isinstance(on_top(pilot), AccountScreen)


async def test_copy_sends_the_row_to_the_terminals_clipboard(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(make_app) as pilot:
        sent: list[str] = []
        monkeypatch.setattr(pilot.app._driver, "write", sent.append)
        await press(pilot, "y")
        written = "".join(sent)
        encoded = written.partition("\x1b]52;c;")[2].partition("\x07")[0]
        assert "RATE LIMITING" in base64.b64decode(encoded).decode()


async def test_log_keys_move_follow_and_find_errors(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "l")
        lines = level_1(pilot).query_one(LogList)
        assert lines.has_focus
        assert is_following(lines)
        await press(pilot, "left_square_bracket")
        assert lines.current is not None
        assert lines.current.status == "error"
        assert not is_following(lines)
        await press(pilot, "right_square_bracket", "f")
        assert is_following(lines)


async def test_older_lines_are_loaded_once_and_then_said_to_be_exhausted(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        lines = level_1(pilot).query_one(LogList)
        assert lines.state.total == 60
        await press(pilot, "l", "O")
        await rest(pilot)
        assert lines.state.total == 120
        await press(pilot, "O")
        assert "no older lines" in text_on(pilot)


async def test_older_can_be_asked_again_after_it_found_nothing(make_app: MakeApp) -> None:
    service = ScriptedService(quiet=True)
    async with console(make_app, service) as pilot:
        await press(pilot, "l", "O")
        await rest(pilot)
        assert "loading older" not in text_on(pilot)
        await press(pilot, "O")
        assert "no older lines" in text_on(pilot)


async def test_lines_of_a_dead_source_are_kept_dimmed_and_called_stale(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        service.failing = frozenset({"logs"})
        await press(pilot, "r")
        await rest(pilot)
        pane = level_1(pilot).query_one(LogPane)
        shown = text_on(pilot)
        assert "stale" in shown
        assert "datadog: unreachable" in shown
        assert pane.log_list.state.total == 60


async def test_a_late_answer_to_another_query_does_not_reach_the_lines(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        screen = level_1(pilot)
        late = screen.state.readings[screen.log_key]
        screen.watch_logs()
        screen.post_message(ReadingArrived(late))
        await rest(pilot)
        assert late.key != screen.log_key
        assert late.key not in screen.state.readings


async def test_the_filter_keeps_what_passes_and_escape_takes_it_away(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "slash", *"status:error", "enter")
        await rest(pilot)
        lines = level_1(pilot).query_one(LogList)
        assert 0 < lines.state.matching < lines.state.total
        lines.focus()
        await press(pilot, "escape")
        await rest(pilot)
        assert lines.state.matching == lines.state.total


async def test_lines_stand_by_pattern_until_l_shows_them_one_by_one(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        pane = level_1(pilot).log_pane
        assert by_pattern(pilot)
        assert "in the newest 60 of 18,204 lines" in text_on(pilot)
        await press(pilot, "l")
        assert not by_pattern(pilot)
        assert isinstance(level_1(pilot).focused, LogList)
        assert len(pane.log_list.buffer.shown) == 60
        await press(pilot, "l")
        assert by_pattern(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(on_top(pilot), EventScreen))


async def test_an_applied_filter_asks_for_the_lines_of_the_whole_window(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        screen = level_1(pilot)
        assert screen.reader is not None
        whole = screen.reader.query
        await press(pilot, "slash", *"status:error", "enter")
        await until(pilot, lambda: screen.reader is not None and screen.reader.query == f"{whole} status:error")
        await rest(pilot)
        assert {event.status for event in screen.log_pane.log_list.buffer.shown} == {"error"}
        await press(pilot, "escape")
        await until(pilot, lambda: screen.reader is not None and screen.reader.query == whole)


async def test_a_line_opens_as_a_tree_and_its_term_becomes_the_filter(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "l", "enter")
        assert isinstance(on_top(pilot), EventScreen)
        assert "account_id" in text_on(pilot)
        await press(pilot, "j", "slash")
        await rest(pilot)
        assert on_top(pilot) is level_1(pilot)
        assert level_1(pilot).query_one(LogList).filter_text


async def test_the_palette_runs_guides_and_actions_and_names_what_is_accepted(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "colon", *"guide quick-reference", "enter")
        await rest(pilot)
        assert isinstance(on_top(pilot), DocumentScreen)
        assert "guide" in text_on(pilot)
        await press(pilot, "escape", "colon", *"theme mauve", "enter")
        await rest(pilot)
        assert "accepted: dark, light" in text_on(pilot)
        await press(pilot, "escape", "colon", "escape")
        assert on_top(pilot) is level_1(pilot)


@pytest.mark.parametrize(("key", "start"), [("a", "account "), ("d", "deal ")])
async def test_accounts_and_deals_are_asked_for_by_id(make_app: MakeApp, key: str, start: str) -> None:
    async with console(make_app) as pilot:
        await press(pilot, key)
        assert isinstance(on_top(pilot), PaletteScreen)
        await press(pilot, *"minus one", "enter")
        await rest(pilot)
        assert f"cannot do: {start}minus one" in text_on(pilot)


@pytest.mark.parametrize("key", ["c", "u", "T", "H", "z", "m"])
async def test_without_an_incident_its_keys_say_what_begins_one(make_app: MakeApp, key: str) -> None:
    async with console(make_app) as pilot:
        await press(pilot, key)
        assert "no incident is open; n declares one and tells the team" in footer(pilot)
        assert on_top(pilot) is level_1(pilot)


async def test_the_link_opens_the_same_query_in_the_web_application(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "o")
        assert "https://fub.datadoghq.com/logs?query=" in text_on(pilot)


async def test_help_lists_every_action_that_works_here_and_the_runbook(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "question_mark")
        shown = " ".join(text_on(pilot).split())
        for action in ACTIONS:
            assert (" ".join(action.sentence.split()[:5]) in shown) is not bool(action.where), action.name
        assert "Batch-retry set-up" in shown
        assert isinstance(pilot.app.screen, DocumentScreen)
        first = plain(pilot.app.screen.body.rows[:1])
        assert first.strip() == "What is on fire now, how bad is it, and whom do I tell?"


async def test_a_covered_screen_stops_asking_and_asks_again_when_it_is_seen(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)
        assert app.live is not None
        looked: list[set[str]] = []
        original = app.live.look

        def look(keys: Iterable[str]) -> None:
            looked.append(set(keys))
            original(looked[-1])

        monkeypatch.setattr(app.live, "look", look)
        await press(pilot, "w")
        await rest(pilot)
        assert looked[-1] == {"sources", "incident"}
        await press(pilot, "escape")
        await rest(pilot)
        assert any(key.startswith("logs:") for key in looked[-1])


async def test_quit_in_a_document_is_one_step_out_and_ctrl_q_leaves(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "w", "q")
        assert on_top(pilot) is level_1(pilot)
        assert pilot.app.return_code is None
        await press(pilot, "w", "ctrl+q")
        assert pilot.app.return_code == 0


async def test_walking_through_the_windows_asks_only_for_the_last(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        before = service.asked.count("pulse:rate_limiting")
        for _ in range(3):
            # Between three keys so much time may pass on a busy machine that each window is rested on.
            level_1(pilot).act_window()
        await rest(pilot)
        assert service.asked.count("pulse:rate_limiting") == before + 1


async def test_a_second_may_pass_while_the_console_ends(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)
    assert app.screen_stack == []
    app._tick()


async def test_what_was_known_stays_on_screen_while_another_window_is_asked_for(make_app: MakeApp) -> None:
    service = ScriptedService()
    async with console(make_app, service) as pilot:
        service.failing = frozenset({"everything"})
        await press(pilot, "t")
        await rest(pilot)
        reading = level_1(pilot).state.pulse("rate_limiting")
        assert reading is not None
        assert reading.value is not None
        assert "212,631" in text_on(pilot)
        assert "stale" in text_on(pilot)


async def test_the_marker_goes_with_its_row_when_the_order_changes(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        view = level_1(pilot).query_one("#issues", LineView)
        view.show(tuple(reversed(view.rows)))
        await pilot.pause()
        strips = [
            "".join(segment.text for segment in strip) for strip in pilot.app.screen._compositor.render_strips()[2:5]
        ]
        marked = [text for text in strips if text.startswith("▶")]
        assert len(marked) == 1
        assert "RATE LIMITING" in marked[0]


async def test_a_view_that_changed_while_it_was_hidden_shows_the_change(make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(80, 20)
        await press(pilot, "j")
        await rest(pilot)
        await pilot.resize_terminal(80, 24)
        await rest(pilot)
        title = "".join(segment.text for segment in app.screen._compositor.render_strips()[6])
        assert title.startswith(" OAUTH FAILURES · ")


async def test_the_console_draws_nothing_but_ascii_when_asked_to(make_app: MakeApp) -> None:
    app = make_app(ScriptedService(), options=Options(ascii=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for keys in ((), ("question_mark",), ("escape", "w"), ("escape", "l", "enter")):
            await press(pilot, *keys)
            strips = app.screen._compositor.render_strips()
            drawn = "\n".join("".join(segment.text for segment in strip) for strip in strips)
            assert drawn.isascii(), [letter for letter in drawn if not letter.isascii()][:5]


async def test_quit_ends_with_code_0(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "q")
        assert pilot.app.return_code == 0


async def test_what_is_pasted_after_the_colon_reaches_the_line_in_order(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        app = pilot.app
        assert isinstance(app, WarRoomApp)
        burst(pilot, "colon", *"theme", "space", *"light", "enter")
        await until(pilot, lambda: app.theme == "war-room-light")
        assert app.theme == "war-room-light"
        assert app.live is not None
        assert not app.live.paused


async def test_words_are_found_in_the_help_and_one_place_leads_to_the_next(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "question_mark")
        screen = cast("DocumentScreen", on_top(pilot))
        await press(pilot, "slash")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await press(pilot, *"DATADOG")
        await press(pilot, "enter")
        await until(pilot, lambda: screen.body.has_focus and len(screen.hits) > 1)
        assert f"'DATADOG': 1 of {len(screen.hits)}" in text_on(pilot)
        tops = [screen.hits[0][0].row]
        for at in range(2, len(screen.hits) + 1):
            await press(pilot, "right_square_bracket")
            assert f"'DATADOG': {at} of " in text_on(pilot)
            tops.append(screen.hits[at - 1][0].row)
            assert screen.body.scroll_offset.y <= tops[-1] < screen.body.scroll_offset.y + screen.body.size.height
        assert tops == sorted(tops)
        await press(pilot, "right_square_bracket")
        assert "'DATADOG': 1 of" in text_on(pilot)
        assert "from the top again" in footer(pilot)
        await press(pilot, "left_square_bracket")
        assert f"'DATADOG': {len(screen.hits)} of" in text_on(pilot)
        await press(pilot, "escape")
        assert on_top(pilot) is screen
        assert "DATADOG" not in text_on(pilot)
        await press(pilot, "escape")
        assert on_top(pilot) is level_1(pilot)


async def test_what_is_not_in_a_text_is_said(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await press(pilot, "w", "right_square_bracket")
        assert "/ finds words first" in footer(pilot)
        await press(pilot, "slash")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await press(pilot, *"zebra", "enter")
        assert "'zebra': not in this text" in text_on(pilot)
        assert "'zebra' is not in this text" in footer(pilot)
