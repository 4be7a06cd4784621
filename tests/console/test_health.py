"""Every key does on level 2 what the help says it does, and a dead source hits its own pane only."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from diagnostics.models.readings import Freshness
from screens.chart import ChartScreen
from screens.document import DocumentScreen
from screens.health import state as known
from screens.health.monitors import MonitorScreen
from screens.health.problems import ProblemsScreen
from screens.health.screen import HealthScreen
from screens.held_readings import RESOLUTION
from screens.listing import DrillScreen
from screens.refusals import RefusalScreen
from tests.charts.scripted import ScriptedCharts
from tests.console.rest import drawn, on_top, rest, until
from tests.console.rooms import MakeApp
from tests.console.scripted import NOW, ScriptedService
from tests.console.scripted_health import (
    ServiceWithHealth,
    health_screen,
    service_with,
    settle_health,
    stopped_clock,
)
from tui.app import WarRoomApp
from tui.options import Options
from widgets.line_view import LineView

PANES = ("health", "kpis", "resolution", "connections", "systems", "leading")


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with stopped_clock(monkeypatch):
        yield


@asynccontextmanager
async def level_2(
    make_app: MakeApp,
    service: ServiceWithHealth | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    besides: frozenset[str] = frozenset(),
) -> AsyncIterator[Pilot[int]]:
    app = make_app(service or service_with())
    async with app.run_test(size=size) as pilot:
        await settle_health(pilot, besides=besides)
        yield pilot


def app_of(pilot: Pilot[int]) -> WarRoomApp:
    return cast("WarRoomApp", pilot.app)


def text_on(pilot: Pilot[int]) -> str:
    """The screen on top as text, row by row."""
    return "\n".join(row.text for view in pilot.app.screen.query(LineView) for row in view.rows)


def pane(pilot: Pilot[int], name: str) -> str:
    """One pane of level 2 with its title."""
    screen = health_screen(pilot)
    views = screen.query_one(f"#{name}-title", LineView), screen.query_one(f"#{name}", LineView)
    return "\n".join(row.text for view in views for row in view.rows)


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def in_pane(pilot: Pilot[int], name: str, *keys: str) -> None:
    health_screen(pilot).query_one(f"#{name}", LineView).focus()
    await pilot.pause()
    await press(pilot, *keys)


# ---- what is there without any key


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=str)
async def test_health_and_what_fails_next_are_answered_before_any_key(make_app: MakeApp, size: tuple[int, int]) -> None:
    async with level_2(make_app, size=size) as pilot:
        screen = health_screen(pilot)
        assert "94.20 %" in pane(pilot, "health")
        assert "FAIL" in pane(pilot, "health")
        assert "-4.60 from 98.80 %" in pane(pilot, "health")
        shown = pane(pilot, "health")
        for name in ("ZillowAuth FAILS", "ZillowAgent", "ZillowSyncUser", "transaction sync"):
            assert name in shown
        for name in PANES:
            view = screen.query_one(f"#{name}", LineView)
            assert view.region.height >= 2, f"{name} is not in view"
            assert screen.region.contains_region(view.region)


async def test_every_state_is_a_word_and_coverage_and_origin_are_said(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        assert "5,112 of 6,864 accounts, fan-out" in pane(pilot, "resolution")
        assert "in no share: 312 of the retired method 2, 7 with no known method" in pane(pilot, "resolution")
        for word in ("ok", "warn", "FAIL"):
            assert word in pane(pilot, "kpis")
        assert "< 97 / 95" in pane(pilot, "kpis")
        assert "healthy 11,507" in pane(pilot, "connections")
        assert "1 FAIL, 3 at risk" in pane(pilot, "systems")
        assert "1 warn of 7" in pane(pilot, "leading")


@pytest.mark.parametrize("question", ["overview", "kpis", "connections", "resolution", "systems", "leading"])
async def test_a_dead_source_hits_its_own_pane_only(make_app: MakeApp, question: str) -> None:
    of_question = {"overview": "health"}
    hit = of_question.get(question, question)
    async with level_2(make_app, service_with(failing=frozenset({question}))) as pilot:
        # The sync events stand among the KPIs and come with the overview.
        also = {"kpis"} if hit == "health" else set()
        assert {name for name in PANES if "unreachable" in pane(pilot, name)} == {hit, *also}
        assert "no answer" in pane(pilot, hit)
        assert "99.62 %" in pane(pilot, "kpis") or hit == "kpis"


async def test_nothing_is_asked_while_level_2_is_not_shown(make_app: MakeApp) -> None:
    service = service_with()
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.live is not None)
        assert service.health.asked == []
        await settle_health(pilot)
        asked = len(service.health.asked)
        assert asked >= 6
        await press(pilot, "1")
        assert app.live is not None
        app.live.refresh(None)
        await rest(pilot)
        assert len(service.health.asked) == asked


async def test_level_2_can_be_opened_before_the_sources_are(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(service_with())
    opening, opened = sys.modules["tui.opening"], threading.Event()
    at_once = vars(opening)["open_service"]

    def later(options: Options) -> object:
        opened.wait(10)
        return at_once(options)

    monkeypatch.setattr(opening, "open_service", later)
    async with app.run_test(size=(120, 40)) as pilot:
        await drawn(pilot)
        await press(pilot, "2")
        assert "opening the sources" in pane(pilot, "health")
        opened.set()
        await settle_health(pilot)
        assert "94.20 %" in pane(pilot, "health")


def test_the_first_paint_does_not_import_level_2() -> None:
    told = (
        "import sys, tui.app\n"
        "print([name for name in sys.modules if name.startswith(('screens.health.screen', 'screens.health.monitors', "
        "'screens.health.problems', 'widgets.system_map', 'widgets.rows.kpis'))])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# ---- around


async def test_tab_walks_through_the_panes_and_back(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        seen = []
        for _ in PANES:
            focused = health_screen(pilot).focused
            seen.append(focused.id if focused is not None else "")
            await press(pilot, "tab")
        assert tuple(seen) == PANES
        await press(pilot, "shift+tab")
        assert health_screen(pilot).focused is health_screen(pilot).query_one("#leading")


async def test_level_1_and_back_keeps_focus_cursor_and_answers(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await in_pane(pilot, "systems", "j", "j")
        key = health_screen(pilot).query_one("#systems", LineView).cursor_key
        await press(pilot, "1")
        assert not isinstance(pilot.app.screen, HealthScreen)
        await press(pilot, "2")
        assert pilot.app.screen is health_screen(pilot)
        view = health_screen(pilot).query_one("#systems", LineView)
        assert view.has_focus
        assert view.cursor_key == key == "system:ZillowAgent"
        assert "94.20 %" in pane(pilot, "health")
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1


async def test_2_from_a_drill_down_comes_back_to_level_2_once(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await press(pilot, "enter")
        await on_top(pilot, DocumentScreen)
        await press(pilot, "2", "2")
        assert pilot.app.screen is health_screen(pilot)
        assert len(pilot.app.screen_stack) == 2


async def test_the_command_preventive_opens_the_leading_indicators(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await press(pilot, "1")
        app_of(pilot).command("preventive")
        await rest(pilot)
        assert pilot.app.screen is health_screen(pilot)
        assert health_screen(pilot).query_one("#leading").has_focus
        app_of(pilot).command("preventive now")
        await on_top(pilot, DocumentScreen)
        assert "takes no argument" in text_on(pilot)


async def test_the_place_of_level_2_opens_it_again(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        line = health_screen(pilot).place()
        await press(pilot, "1")
        app_of(pilot).command(line)
        await rest(pilot)
        assert pilot.app.screen is health_screen(pilot)


async def test_the_footer_names_this_screens_keys(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        footer = pilot.app.screen.query_one("#footer", LineView).rows[0].text
        for words in ("enter open", "w why", "tab pane", "x run", "1 critical", "? help"):
            assert words in footer


# ---- in


async def test_enter_on_a_kpi_shows_value_limits_computation_and_evidence(make_app: MakeApp) -> None:
    service = service_with()
    service.charts = ScriptedCharts()
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "kpis", "j", "enter")
        assert isinstance(pilot.app.screen, ChartScreen)
        assert service.charts.asked == [("transaction_sync_success", 3_600)]
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DocumentScreen)
        shown = text_on(pilot)
        for part in (
            "Transaction sync success", "94.10 %", "< 97 % warning", "Deals synced ÷ deals that tried", "42 ms",
        ):  # fmt: skip
            assert part in shown


async def test_enter_on_a_share_shows_coverage_gaps_and_the_accounts_furthest_away(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with level_2(make_app) as pilot:
        commands: list[str] = []
        monkeypatch.setattr(app_of(pilot), "command", commands.append)
        await in_pane(pilot, "resolution", "enter")
        assert isinstance(pilot.app.screen, DrillScreen)
        shown = text_on(pilot)
        for part in ("client host db-7: connection refused", "1,744 accounts", "such as 20117", "retired method 2"):
            assert part in shown
        pilot.app.screen.body.place("account:75172:INFERRED")
        await press(pilot, "enter")
        assert commands == ["account 75172"]


async def test_enter_on_a_problem_goes_to_its_account(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async with level_2(make_app) as pilot:
        commands: list[str] = []
        monkeypatch.setattr(app_of(pilot), "command", commands.append)
        await in_pane(pilot, "connections", "j", "j", "j", "enter")
        assert commands == ["account 75172"]


async def test_enter_on_a_system_says_where_it_lives_and_what_it_takes_with_it(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await in_pane(pilot, "systems", "enter")
        shown = text_on(pilot)
        for part in (
            "ZillowAuth → ZillowAgent → ZillowSyncUser → transaction sync",
            "where it lives",
            "service fub, Zillow OAuth",
            "All other systems depend on it.",
        ):
            assert part in shown


async def test_enter_on_the_course_lists_its_hours_with_dashes_where_nothing_is_known(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await in_pane(pilot, "health", "G", "enter")
        shown = text_on(pilot)
        assert "17 Nov 14:00" in shown
        assert "16 Nov 15:00" in shown
        assert "—" in next(line for line in shown.splitlines() if line.startswith("16 Nov 15:00"))


async def test_enter_on_what_fails_next_goes_to_the_pane_that_knows(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await in_pane(pilot, "health", "j", "enter")
        assert health_screen(pilot).query_one("#systems").has_focus


async def test_enter_on_a_pane_without_an_answer_says_why_and_what_to_do(make_app: MakeApp) -> None:
    async with level_2(make_app, service_with(failing=frozenset({"kpis"}))) as pilot:
        await in_pane(pilot, "kpis", "enter")
        shown = text_on(pilot)
        assert "common: unreachable" in shown
        assert "warroom doctor" in shown
        assert "not the same as well" in shown


async def test_problems_are_listed_page_by_page(make_app: MakeApp) -> None:
    service = service_with()
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "connections", "j", "enter")
        screen = await on_top(pilot, ProblemsScreen)
        await until(pilot, lambda: len(screen.problems) == 30)
        assert "30 and more" in text_on(pilot)
        await press(pilot, "O")
        await until(pilot, lambda: len(screen.problems) == 60)
        await press(pilot, "O")
        await until(pilot, lambda: len(screen.problems) == 70)
        assert "and more" not in screen.query_one("#screen-title", LineView).rows[0].text
        assert "Not in common.accounts: 20117." in text_on(pilot)
        await press(pilot, "w")
        assert "after 60" in text_on(pilot)
        await press(pilot, "escape", "escape")
        assert pilot.app.screen is health_screen(pilot)


async def test_problems_that_do_not_come_are_said_and_asked_for_again(make_app: MakeApp) -> None:
    service = service_with(failing=frozenset({"problems newest None"}))
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "connections", "j", "enter")
        screen = await on_top(pilot, ProblemsScreen)
        await until(pilot, lambda: bool(screen.failure))
        assert "no answer; r asks again" in text_on(pilot)
        service.health.failing = frozenset()
        await press(pilot, "r")
        await until(pilot, lambda: len(screen.problems) == 30)


# ---- why, copy, refresh


@pytest.mark.parametrize("name", PANES)
async def test_every_number_answers_why(make_app: MakeApp, name: str) -> None:
    async with level_2(make_app) as pilot:
        view = health_screen(pilot).query_one(f"#{name}", LineView)
        keys = [row.key for row in view.rows if row.key is not None]
        assert keys
        for key in keys:
            view.focus()
            await pilot.pause()
            view.place(key)
            await press(pilot, "w")
            assert isinstance(pilot.app.screen, DocumentScreen), key
            assert "took 42 ms" in text_on(pilot), key
            await press(pilot, "escape")


async def test_why_of_an_old_number_says_that_it_is_old(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        screen = health_screen(pilot)
        held = screen.state.reading(known.KPIS)
        assert held is not None
        changes = {"freshness": Freshness.STALE, "failure": "common: timed out", "taken_at": NOW - timedelta(minutes=3)}
        screen.state.readings[known.KPIS] = held.model_copy(update=changes)
        screen.draw()
        assert "STALE 3m: common: timed out" in pane(pilot, "kpis")
        await in_pane(pilot, "kpis", "w")
        assert "OLD: asked 3m ago; common: timed out" in text_on(pilot)


async def test_y_copies_the_number_with_its_state_and_what_bends_it(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with level_2(make_app) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(app_of(pilot), "copy", copied.append)
        await in_pane(pilot, "kpis", "j", "y")
        await in_pane(pilot, "health", "y")
        await in_pane(pilot, "systems", "y")
        assert copied[0].startswith("Transaction sync success: 94.10 %, FAIL · held against < 97 % warning")
        assert copied[1].startswith("System health: 94.20 %, FAIL")
        assert "ZillowAuth" in copied[2]


async def test_r_asks_everything_again_and_x_the_pane_in_view(make_app: MakeApp) -> None:
    service = service_with()
    async with level_2(make_app, service) as pilot:
        service.health.asked.clear()
        await press(pilot, "r")
        await until(pilot, lambda: len(service.health.asked) >= 6)
        assert set(service.health.asked) == {"overview", "kpis", "resolution", "connections", "systems", "leading"}
        service.health.asked.clear()
        await in_pane(pilot, "systems", "x")
        await until(pilot, lambda: bool(service.health.asked))
        assert service.health.asked == ["systems"]


async def test_the_cursor_stays_with_its_indicator_when_the_order_changes(make_app: MakeApp) -> None:
    service = service_with()
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "leading", "j", "j")
        view = health_screen(pilot).query_one("#leading", LineView)
        key = view.cursor_key
        service.health.worst_indicator = "deals_unsynced"
        await press(pilot, "r")
        await until(pilot, lambda: "warn" in next(row.text for row in view.rows if "Deals" in row.text))
        assert view.cursor_key == key
        assert "Tokens expiring within 24 h" in view.rows[0].text
        health_screen(pilot).state.reorder()
        health_screen(pilot).draw()
        assert "Deals created" in view.rows[0].text
        assert view.cursor_key == key


async def test_a_refresh_with_the_same_answers_repaints_nothing_but_ages(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with level_2(make_app) as pilot:
        painted: list[str] = []
        refreshed = LineView.refresh

        def note(view: LineView, *regions: Any, **how: Any) -> LineView:  # noqa: ANN401  # as Textual's own
            painted.append(view.id or "")
            return refreshed(view, *regions, **how)

        monkeypatch.setattr(LineView, "refresh", note)
        health_screen(pilot).draw()
        assert painted == []


# ---- long questions


async def test_progress_is_shown_and_esc_ends_the_question_where_it_is_waited_for(make_app: MakeApp) -> None:
    service = service_with(fan_out_waits=threading.Event())
    async with level_2(make_app, service, besides=frozenset({RESOLUTION})) as pilot:
        assert service.health.fan_out_began.wait(5)
        await in_pane(pilot, "resolution")
        await until(pilot, lambda: "1,204 of 6,864 accounts · esc cancels" in pane(pilot, "resolution"))
        await press(pilot, "escape")
        assert pilot.app.screen is health_screen(pilot)
        await until(pilot, lambda: "fan-out: cancelled" in pane(pilot, "resolution"))
        assert "r asks again" in pane(pilot, "resolution")
        assert service.health.fan_out_waits is not None
        service.health.fan_out_waits.set()
        await press(pilot, "r")
        await until(pilot, lambda: "CONNECTED" in pane(pilot, "resolution"))
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1


async def test_esc_elsewhere_leaves_and_the_question_goes_on(make_app: MakeApp) -> None:
    waits = threading.Event()
    service = service_with(fan_out_waits=waits)
    async with level_2(make_app, service, besides=frozenset({RESOLUTION})) as pilot:
        assert service.health.fan_out_began.wait(5)
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1
        waits.set()
        await press(pilot, "2")
        await until(pilot, lambda: "CONNECTED" in pane(pilot, "resolution"))


# ---- monitors


async def test_a_figure_without_a_monitor_of_its_own_offers_those_there_are(make_app: MakeApp) -> None:
    service = service_with()
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "leading", "enter")
        assert isinstance(pilot.app.screen, DrillScreen)
        assert "x drafts a Datadog monitor" in text_on(pilot)
        await press(pilot, "x")
        await until(pilot, lambda: "Zillow OAuth token refresh failures" in text_on(pilot))
        pilot.app.screen.body.place("draft:token_success")
        await press(pilot, "enter")
        await on_top(pilot, MonitorScreen)
        assert service.health.asked[-1] == "draft token_success"


async def test_the_draft_is_shown_in_full_and_enter_sends_nothing(make_app: MakeApp) -> None:
    service = service_with(may_write=True)
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "kpis", "x")
        await on_top(pilot, MonitorScreen)
        shown = text_on(pilot)
        for part in ("refreshFailed", "critical 2, warning 1", "team:zyno", "Runbook", "nothing has been sent"):
            assert part in shown
        await press(pilot, "enter")
        assert pilot.app.screen is health_screen(pilot)
        assert "create" not in service.health.asked


async def test_creating_asks_for_the_name_and_takes_nothing_else(make_app: MakeApp) -> None:
    service = service_with(may_write=True)
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "kpis", "x")
        screen: Any = await on_top(pilot, MonitorScreen)
        await press(pilot, "j", "enter")
        entry = screen.query_one(Input)
        assert entry.has_focus
        await press(pilot, "y", "e", "s", "enter")
        assert entry.has_focus
        assert "not the monitor's name" in text_on(pilot)
        await press(pilot, "escape")
        assert not entry.has_focus
        assert screen.query_one("#monitor-steps", LineView).cursor_key == "cancel"
        await press(pilot, "j", "enter", "enter")
        assert service.health.created == []
        await press(pilot, "j", "enter")
        entry.value = screen.draft.name
        await press(pilot, "enter")
        await on_top(pilot, DocumentScreen)
        assert service.health.created == [(screen.draft.name, screen.draft.name)]
        assert "4711" in text_on(pilot)
        assert "https://fub.datadoghq.com/monitors/4711" in text_on(pilot)


async def test_creating_is_refused_with_the_reason_where_it_is_switched_off(make_app: MakeApp) -> None:
    service = service_with()
    async with level_2(make_app, service) as pilot:
        await in_pane(pilot, "kpis", "x")
        await on_top(pilot, MonitorScreen)
        assert "switched off" in text_on(pilot)
        await press(pilot, "j", "enter")
        await on_top(pilot, RefusalScreen)
        assert "writes.monitors is false" in text_on(pilot)
        assert service.health.created == []


async def test_the_draft_is_copied_in_the_shape_of_datadogs_api(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with level_2(make_app) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(app_of(pilot), "copy", copied.append)
        await in_pane(pilot, "kpis", "x")
        await on_top(pilot, MonitorScreen)
        await press(pilot, "y")
        assert '"thresholds": {' in copied[0]
        assert '"type": "query alert"' in copied[0]


# ---- other manners


async def test_help_shows_the_runbook_of_the_pane_in_view(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await press(pilot, "question_mark")
        assert "Connection health" in text_on(pilot)
        await press(pilot, "escape")
        await in_pane(pilot, "resolution", "question_mark")
        assert "Agent resolution" in text_on(pilot)


async def test_paused_panes_say_so(make_app: MakeApp) -> None:
    async with level_2(make_app) as pilot:
        await press(pilot, "space")
        await until(pilot, lambda: "paused" in pane(pilot, "kpis"))


async def test_a_smaller_terminal_gets_all_panes_again(make_app: MakeApp) -> None:
    async with level_2(make_app, size=(200, 60)) as pilot:
        await pilot.resize_terminal(80, 24)
        await rest(pilot)
        screen = health_screen(pilot)
        for name in PANES:
            assert screen.query_one(f"#{name}", LineView).region.height >= 2
        await pilot.resize_terminal(60, 15)
        await rest(pilot)
        assert not screen.query_one("#connections", LineView).display
        assert "80×24 shows all" in pane(pilot, "health")


async def test_a_service_without_a_health_service_is_six_panes_without_an_answer(make_app: MakeApp) -> None:
    app = make_app(cast("ServiceWithHealth", ScriptedService()), options=Options(ascii=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle_health(pilot)
        for name in PANES:
            assert "no answer" in pane(pilot, name)
