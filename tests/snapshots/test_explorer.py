"""The log explorer in three sizes and in each of its states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.console.explorer_rooms import explorer_app, open_explorer, stop_clock
from tests.console.rest import rest
from tests.console.rooms import MakeApp
from tests.snapshots.sizes import EVERY_SIZE, SIZES

Snap = Callable[..., bool]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch)


def opened(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await open_explorer(pilot)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        await rest(pilot)

    return run


@EVERY_SIZE
def test_lines_of_a_query(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(explorer_app(make_app), terminal_size=size, run_before=opened())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_lines(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(explorer_app(make_app, hostile=True), terminal_size=size, run_before=opened())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_source_dead(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = explorer_app(make_app, failing=frozenset({"everything"}))
    assert snap_compare(app, terminal_size=size, run_before=opened())


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_a_query_being_edited(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    app = explorer_app(make_app)
    assert snap_compare(app, terminal_size=size, run_before=opened("slash", "end", *" @context."))


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_values(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(explorer_app(make_app), terminal_size=size, run_before=opened("v", "j", "j"))


def test_patterns(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(explorer_app(make_app), terminal_size=(120, 40), run_before=opened("p"))


def test_a_correlation(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(explorer_app(make_app), terminal_size=(120, 40), run_before=opened("k", "C"))


def test_nothing_in_the_window(snap_compare: Snap, make_app: MakeApp) -> None:
    app = explorer_app(make_app, quiet=True, lines=0)
    assert snap_compare(app, terminal_size=(120, 40), run_before=opened())


def test_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(explorer_app(make_app, ascii=True), terminal_size=(80, 24), run_before=opened())
