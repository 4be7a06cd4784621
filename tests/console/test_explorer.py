"""The log explorer by keyboard: query, time, values, patterns, pins, correlation, saved queries, export."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from diagnostics.models.events import LogEvent
from screens.document import DocumentScreen
from screens.explorer.event import EventScreen
from screens.explorer.screen import ExplorerScreen
from screens.explorer.state import LONGEST, SHORTEST, ExplorerState
from screens.listing import ListingScreen
from screens.palette import PaletteScreen
from tests.console.explorer_rooms import QUERY, answered, explorer_app, open_explorer, stop_clock
from tests.console.rest import on_top, rest, until
from tests.console.rooms import MakeApp
from widgets.line_view import LineView
from widgets.log.histogram import HistogramView
from widgets.log.query_editor import QueryEditor

NOW = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch)


# ---- time


def test_zooming_in_stays_inside_and_zooming_out_comes_back() -> None:
    state = ExplorerState(QUERY, window_s=900)
    state.zoom_in(int((NOW - timedelta(seconds=10)).timestamp() * 1000), NOW)
    assert state.fixed == (NOW - timedelta(seconds=225), NOW)
    state.zoom_in(int((NOW - timedelta(seconds=100)).timestamp() * 1000), NOW)
    assert state.zoom_out(NOW)
    assert state.fixed == (NOW - timedelta(seconds=225), NOW)
    assert state.zoom_out(NOW)
    assert state.fixed is None


def test_zooming_has_ends() -> None:
    state = ExplorerState(QUERY, window_s=60)
    for _ in range(10):
        state.zoom_in(int(NOW.timestamp() * 1000), NOW)
    start, end = state.shown(NOW)
    assert end - start == SHORTEST
    state.live()
    while state.zoom_out(NOW):
        pass
    assert timedelta(seconds=state.window_s) == LONGEST


@pytest.mark.parametrize(
    "memory", [{}, {"window_s": -1}, {"fixed": [1]}, {"fixed": ["a", "b"]}, {"fixed": [10**20, 1]}]
)
def test_a_memory_that_does_not_fit_changes_nothing(memory: dict[str, object]) -> None:
    state = ExplorerState(QUERY)
    state.recall(memory)
    assert (state.window_s, state.fixed) == (900, None)


def test_a_stretch_of_time_is_remembered() -> None:
    state = ExplorerState(QUERY, fixed=(NOW - timedelta(minutes=5), NOW))
    again = ExplorerState(QUERY)
    again.recall(state.memory())
    assert again.fixed == state.fixed


# ---- keys


async def test_l_opens_the_explorer_on_the_query_in_view(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("escape", "L")
        await rest(pilot)
        assert isinstance(app.screen, ExplorerScreen)
        assert app.screen is not screen
        assert app.screen.state.query == app.catalogue.queries["rate_limited"].datadog  # type: ignore[union-attr]


async def test_l_on_a_text_opens_the_query_of_the_screen_that_the_text_speaks_of(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        await pilot.press("escape", "w")
        await on_top(pilot, DocumentScreen)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        assert isinstance(app.screen, ExplorerScreen)
        assert app.screen.state.query == app.catalogue.queries["rate_limited"].datadog  # type: ignore[union-attr]


async def test_a_query_is_completed_checked_and_asked(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("slash", "end", *" @context.acc")
        await rest(pilot)
        editor = screen.query_one(QueryEditor)
        assert editor.offers is not None
        assert editor.offers.options[0].text == "@context.account_id:"
        await pilot.press("tab", *"140", "tab", "enter")
        await answered(pilot, screen)
        assert screen.state.query == f"{QUERY} @context.account_id:14009"
        assert app.service.recents.recent()[0].line == f"logs {screen.state.query}"  # type: ignore[union-attr]


async def test_a_query_that_cannot_be_read_is_not_asked(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("slash", "end", *" AND (", "enter")
        await rest(pilot)
        assert screen.state.query == QUERY
        assert screen.query_one(QueryEditor).is_open
        await pilot.press("escape")
        assert not screen.query_one(QueryEditor).is_open
        assert app.screen is screen


async def test_enter_on_a_step_zooms_in_and_minus_comes_back(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        screen.query_one(HistogramView).focus()
        await pilot.press("left", "left", "enter")
        await answered(pilot, screen)
        assert screen.state.fixed is not None
        start, end = screen.state.fixed
        assert end - start == timedelta(seconds=225)
        await pilot.press("minus")
        await answered(pilot, screen)
        assert screen.state.fixed is None


async def test_values_are_added_to_the_query_and_counted_over_all_lines(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("v")
        await rest(pilot)
        facets = screen.query_one("#facets", LineView)
        facets.place("facet\x00@context.account_id\x0075172")
        await pilot.press("x")
        await rest(pilot)
        assert any("all 17,124" in one.text for one in facets.rows)
        facets.place("facet\x00@context.account_id\x0075172")
        await pilot.press("w")
        await rest(pilot)
        assert isinstance(app.screen, DocumentScreen)
        await pilot.press("escape", "enter")
        await answered(pilot, screen)
        assert screen.state.query == f"{QUERY} @context.account_id:75172"


async def test_lines_are_counted_once_although_a_tail_reads_them_again(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        assert app.live is not None
        app.live.refresh(screen.lines_key)
        await answered(pilot, screen)
        assert screen.values.counter is not None
        assert screen.values.counter.events == 60


async def test_patterns_open_an_example(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        await pilot.press("p")
        await rest(pilot)
        assert isinstance(app.screen, ListingScreen)
        assert "60 lines loaded" in app.screen.listing.title
        await pilot.press("enter")
        await rest(pilot)
        assert isinstance(app.screen, EventScreen)


async def test_a_correlation_opens_over_all_services(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        await pilot.press("k", "C")
        await rest(pilot)
        assert isinstance(app.screen, ExplorerScreen)
        assert "fub-api → fub-worker → fub" in app.screen.about
        await pilot.press("escape")
        assert isinstance(app.screen, ExplorerScreen)


async def test_an_opened_line_is_followed_copied_and_filtered_by_its_values(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = explorer_app(make_app)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        await pilot.press("k", "enter")
        await rest(pilot)
        screen = app.screen
        assert isinstance(screen, EventScreen)
        await pilot.press("C")
        await rest(pilot)
        assert isinstance(app.screen, ExplorerScreen)
        assert "fub-api → fub-worker → fub" in app.screen.about
        await pilot.press("escape")
        await rest(pilot)
        screen.fields.place("first\naccount")
        await pilot.press("y")
        account = str(screen.event.attributes["context"]["account_id"])
        assert copied == [account]
        await pilot.press("Y")
        await rest(pilot)
        assert json.loads(copied[-1])["attributes"] == screen.event.attributes
        await pilot.press("escape")
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
        explorer = app.screen
        assert isinstance(explorer, ExplorerScreen)
        assert f"@context.account_id:{account}" in explorer.state.query


async def test_an_id_that_is_typed_is_looked_for_under_every_name(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        app.command("correlate c-000123")
        await rest(pilot)
        assert isinstance(app.screen, ExplorerScreen)
        assert "correlation c-000123" in app.screen.about
        assert app.screen.state.query.count(" OR ") == 7


async def test_pinned_lines_are_what_is_exported(make_app: MakeApp, tmp_path: Path) -> None:
    app = explorer_app(make_app, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("k", "m", "k", "m", "P")
        await rest(pilot)
        assert isinstance(app.screen, ListingScreen)
        assert app.screen.listing.title == "2 pinned lines"
        await pilot.press("escape", "E")
        await rest(pilot)
        assert isinstance(app.screen, PaletteScreen)
        await pilot.press(*"jsonl", "enter")
        await rest(pilot)
    (written,) = tmp_path.iterdir()
    records = [json.loads(line) for line in written.read_text().splitlines()]
    assert [record["id"] for record in records] == sorted(screen.state.pins, key=lambda one: -int(one.split("-")[1]))


async def test_a_query_is_saved_and_asked_again_from_the_list(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_explorer(pilot)
        await pilot.press("S", *"the storm", "enter")
        await rest(pilot)
        screen.set_query("status:warn")
        app.command("queries")
        await rest(pilot)
        assert isinstance(app.screen, ListingScreen)
        await pilot.press("enter")
        await answered(pilot, screen)
        assert app.screen_stack[-1] is screen
        assert screen.state.query == QUERY


async def test_dead_sources_leave_the_explorer_calm(make_app: MakeApp) -> None:
    app = explorer_app(make_app, failing=frozenset({"everything"}))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_explorer(pilot)
        for key in ("p", "escape", "C", "m", "v", "escape", "x", "w", "escape", "plus", "minus", "O"):
            await pilot.press(key)
            await rest(pilot)
        assert app.is_running
        title = screen.query_one("#histogram-title", LineView).rows[0].text
        assert "no counts" in title


async def test_what_belongs_to_the_explorer_says_so_elsewhere(make_app: MakeApp) -> None:
    app = explorer_app(make_app)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_explorer(pilot)
        await pilot.press("escape")
        app.command("export csv")
        await rest(pilot)
        assert isinstance(app.screen, DocumentScreen)
        # There is more than one place to export from; both keys that lead to them are named.
        assert "press i for accounts affected, or L for log lines" in app.screen.copy_text()


def test_a_line_is_pinned_and_no_longer_pinned() -> None:
    state = ExplorerState(QUERY)
    line = LogEvent(id="1", timestamp_ms=1, service="fub", status="info", message="")
    assert state.toggle_pin(line)
    assert not state.toggle_pin(line)
    assert state.pins == {}
