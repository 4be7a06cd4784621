"""Level 3, its records, timelines and lists, in three sizes and in each of their states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.incident.incidents import IncidentsScreen
from screens.incident.records import HandoffScreen
from screens.incident.timeline import TimelineScreen
from screens.investigate.record import InvestigationScreen
from screens.investigate.screen import InvestigateScreen
from tests.console.rest import appeared, drawn, rest, until
from tests.console.rooms import MakeApp
from tests.console.scripted import NOW
from tests.console.scripted_investigations import (
    Level3,
    fill,
    level_3,
    on_screen,
    opened_sources,
    stop_clocks,
)
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.options import Options

Snap = Callable[..., bool]
Run = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)
    monkeypatch.setattr("widgets.rows.indicators.age_words", lambda *_given: "20s old")
    monkeypatch.setattr("screens.investigate.screen.age_words", lambda *_given: "20s old")


@pytest.fixture
def level(tmp_path: Path) -> Iterator[Level3]:
    made = level_3(tmp_path)
    yield made
    made.close()


async def at_level_3(pilot: Pilot[Any]) -> None:
    """Every reading of the screen has answered or failed, and the header speaks of the incident."""
    await opened_sources(pilot)
    await pilot.press("3")
    await on_screen(pilot, InvestigateScreen)
    screen = pilot.app.screen
    assert isinstance(screen, InvestigateScreen)

    def answered() -> bool:
        found = [screen.state.readings.get(key) for key in screen.shown_readings()]
        return bool(found) and all(one is not None and str(one.freshness) != "loading" for one in found)

    await until(pilot, answered)
    await rest(pilot)
    await quiet(pilot)


async def quiet(pilot: Pilot[Any]) -> None:
    """Nothing more is said at the bottom; everything is drawn."""
    await drawn(pilot)
    pilot.app.query_one("#footer").hush()  # type: ignore[attr-defined]  # the footer
    pilot.app.screen.draw()  # type: ignore[attr-defined]  # a screen of level 3
    await drawn(pilot)


def opening(line: str, kind: type, *keys: str) -> Run:
    """Run a `:` line, wait for the screen, press keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await opened_sources(pilot)
        if kind is TimelineScreen:
            pilot.app.push_console_screen(TimelineScreen(line))  # type: ignore[attr-defined]
        else:
            pilot.app.command(line)  # type: ignore[attr-defined]
        await on_screen(pilot, kind)
        await rest(pilot)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        await quiet(pilot)

    return run


@EVERY_SIZE
def test_questions_incidents_and_signs(snap_compare: Snap, make_app: MakeApp, level: Level3, size: Any) -> None:  # noqa: ANN401
    fill(level)
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=at_level_3)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_recorded_yet(snap_compare: Snap, make_app: MakeApp, level: Level3, size: Any) -> None:  # noqa: ANN401
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=at_level_3)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_before_the_sources_are_open(snap_compare: Snap, make_app: MakeApp, size: Any) -> None:  # noqa: ANN401
    async def run(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        await appeared(pilot, InvestigateScreen)
        await quiet(pilot)

    assert snap_compare(make_app(None), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_can_be_asked(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: Any) -> None:  # noqa: ANN401
    level = level_3(tmp_path, failing=frozenset({"everything"}))
    level.investigations.failing = level.incidents.failing = True
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=at_level_3)
    level.close()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: Any) -> None:  # noqa: ANN401
    level = level_3(tmp_path, hostile=True)
    fill(level, hostile=True)
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=at_level_3)
    level.close()


def test_in_ascii(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    fill(level)
    app = make_app(level.service, options=Options(ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=at_level_3)


def test_without_colour(snap_compare: Snap, make_app: MakeApp, level: Level3, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(level)
    app = make_app(level.service)
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(level.service)
    assert snap_compare(app, terminal_size=(120, 40), run_before=at_level_3)


@EVERY_SIZE
def test_an_investigation(snap_compare: Snap, make_app: MakeApp, level: Level3, size: Any) -> None:  # noqa: ANN401
    fill(level)
    run = opening("investigation INV-2", InvestigationScreen)
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=run)


def test_a_closed_investigation(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    fill(level)
    run = opening("investigation INV-1", InvestigationScreen)
    assert snap_compare(make_app(level.service), terminal_size=(120, 40), run_before=run)


def test_an_investigation_of_hostile_text(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    fill(level, hostile=True)
    run = opening("investigation INV-2", InvestigationScreen)
    assert snap_compare(make_app(level.service), terminal_size=(80, 24), run_before=run)


@EVERY_SIZE
def test_a_timeline(snap_compare: Snap, make_app: MakeApp, level: Level3, size: Any) -> None:  # noqa: ANN401
    incident = fill(level)
    level.world.incidents.note(incident.id, "the backlog is 21,263")
    number = level.world.incidents.get(incident.id).last_seq
    level.world.clock.now = NOW
    level.world.incidents.correct(incident.id, number, "the backlog is 212,631")
    run = opening(incident.id, TimelineScreen)
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=run)


def test_a_timeline_of_hostile_text(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    incident = fill(level, hostile=True)
    run = opening(incident.id, TimelineScreen)
    assert snap_compare(make_app(level.service), terminal_size=(80, 24), run_before=run)


@EVERY_SIZE
def test_all_incidents(snap_compare: Snap, make_app: MakeApp, level: Level3, size: Any) -> None:  # noqa: ANN401
    fill(level)
    run = opening("incidents", IncidentsScreen)
    assert snap_compare(make_app(level.service), terminal_size=size, run_before=run)


def test_no_incident_at_all(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    run = opening("incidents", IncidentsScreen)
    assert snap_compare(make_app(level.service), terminal_size=(80, 24), run_before=run)


def test_a_hand_off_note(snap_compare: Snap, make_app: MakeApp, level: Level3) -> None:
    fill(level)
    run = opening("handoff INC-2", HandoffScreen)
    assert snap_compare(make_app(level.service), terminal_size=(80, 24), run_before=run)
