"""Level 2 in three sizes and in each of its states."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.models.readings import Freshness
from screens.held_readings import RESOLUTION
from tests.console.rest import drawn, rest
from tests.console.rooms import MakeApp
from tests.console.scripted import NOW
from tests.console.scripted_health import health_screen, service_with, settle_health, stopped_clock
from tests.sampling import sampled
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.options import Options

Snap = Callable[..., bool]
Run = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with stopped_clock(monkeypatch):
        yield


def pressing(*keys: str) -> Run:
    """Go to level 2, then press these keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await still(pilot)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        await rest(pilot)

    return run


async def still(pilot: Pilot[Any]) -> None:
    """Everything has answered, twenty seconds ago."""
    await settle_health(pilot)
    await age(pilot, 20)


async def age(pilot: Pilot[Any], seconds: int, *, failure: str = "") -> None:
    """Every value was taken so long ago; with a failure, it is what is left of it."""
    screen = health_screen(pilot)
    for key, reading in screen.state.readings.items():
        changes: dict[str, object] = {"taken_at": NOW - timedelta(seconds=seconds), "next_at": None}
        if failure and reading.value is not None:
            changes |= {"freshness": Freshness.STALE, "failure": failure}
        screen.state.readings[key] = reading.model_copy(update={**changes, "sequence": reading.sequence + 1_000})
    screen.draw()
    await pilot.pause()


async def stale(pilot: Pilot[Any]) -> None:
    await settle_health(pilot)
    await age(pilot, 150, failure="common: timed out")


@EVERY_SIZE
def test_a_failing_system_and_its_cascade(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with()), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_day_on_which_all_is_well(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with(quiet=True)), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_before_the_sources_are_open(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    async def to_level_2(pilot: Pilot[Any]) -> None:
        await pilot.press("2")
        await drawn(pilot)

    assert snap_compare(make_app(None), terminal_size=size, run_before=to_level_2)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_value_old(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with()), terminal_size=size, run_before=stale)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_source_dead(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    service = service_with(failing=frozenset({"everything"}))
    assert snap_compare(make_app(service), terminal_size=size, run_before=still)


@pytest.mark.parametrize(
    "question", sampled(["overview", "kpis", "connections", "resolution", "systems", "leading"], 2)
)
def test_one_question_without_an_answer(snap_compare: Snap, make_app: MakeApp, question: str) -> None:
    service = service_with(failing=frozenset({question}))
    assert snap_compare(make_app(service), terminal_size=(120, 40), run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_single_numbers_without_an_answer(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with(partial=True)), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_to_count(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with(empty=True)), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with(hostile=True)), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_in_ascii(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(service_with(), options=Options(ascii=True))
    assert snap_compare(app, terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_without_colour(
    snap_compare: Snap, make_app: MakeApp, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(service_with()), terminal_size=size, run_before=still)


@pytest.mark.parametrize("theme", ["light", "16"])
def test_other_colours(snap_compare: Snap, make_app: MakeApp, theme: str) -> None:
    app = make_app(service_with(), options=Options(theme=theme))
    assert snap_compare(app, terminal_size=(120, 40), run_before=still)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_question_over_all_client_databases_under_way(
    snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]
) -> None:
    waits = threading.Event()

    async def half_way(pilot: Pilot[Any]) -> None:
        await settle_health(pilot, besides=frozenset({RESOLUTION}))
        await age(pilot, 20)
        for _ in range(2):
            await pilot.press("tab")
        await drawn(pilot)

    app = make_app(service_with(fan_out_waits=waits))
    assert snap_compare(app, terminal_size=size, run_before=half_way)
    waits.set()


def test_paused(snap_compare: Snap, make_app: MakeApp) -> None:
    async def paused(pilot: Pilot[Any]) -> None:
        await settle_health(pilot)
        await pilot.press("space")
        await rest(pilot)
        await age(pilot, 20)

    assert snap_compare(make_app(service_with()), terminal_size=(120, 40), run_before=paused)


@pytest.mark.parametrize("size", sampled([(60, 15), (100, 50), (200, 24), (110, 32)], 2), ids=str)
def test_other_shapes_of_terminals(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(service_with()), terminal_size=size, run_before=still)


DRILLS = {
    "health": ("enter",),
    "course": ("G", "enter"),
    "kpi": ("tab", "j", "enter"),
    "shares": ("tab", "tab", "enter"),
    "counts": ("tab", "tab", "tab", "enter"),
    "problems": ("tab", "tab", "tab", "j", "enter"),
    "system": ("tab", "tab", "tab", "tab", "enter"),
    "indicator": ("shift+tab", "enter"),
    "monitors": ("shift+tab", "x"),
    "draft": ("tab", "x"),
    "why": ("w",),
    "help": ("question_mark",),
}


@pytest.mark.parametrize("name", sampled(list(DRILLS), 6))
def test_what_stands_behind_a_row(snap_compare: Snap, make_app: MakeApp, name: str) -> None:
    run = pressing(*DRILLS[name])
    assert snap_compare(make_app(service_with()), terminal_size=(120, 40), run_before=run)


@pytest.mark.parametrize("name", sampled(["shares", "draft", "system"], 1))
def test_what_stands_behind_a_row_on_a_small_terminal(snap_compare: Snap, make_app: MakeApp, name: str) -> None:
    run = pressing(*DRILLS[name])
    assert snap_compare(make_app(service_with()), terminal_size=(80, 24), run_before=run)


def test_a_hostile_draft(snap_compare: Snap, make_app: MakeApp) -> None:
    run = pressing(*DRILLS["draft"])
    assert snap_compare(make_app(service_with(hostile=True)), terminal_size=(120, 40), run_before=run)


def test_the_name_of_a_monitor_is_asked_for(snap_compare: Snap, make_app: MakeApp) -> None:
    run = pressing(*DRILLS["draft"], "j", "enter")
    assert snap_compare(make_app(service_with(may_write=True)), terminal_size=(120, 40), run_before=run)


def test_creating_is_refused_where_it_is_switched_off(snap_compare: Snap, make_app: MakeApp) -> None:
    run = pressing(*DRILLS["draft"], "j", "enter")
    assert snap_compare(make_app(service_with()), terminal_size=(120, 40), run_before=run)
