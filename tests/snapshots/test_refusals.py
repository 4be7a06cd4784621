"""Refusals in full, in three sizes and in each of their states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.core.sanitizer import clean
from diagnostics.models.triage import Refusal
from screens.refusals import RefusalScreen, RefusalsScreen
from tests.console.rest import rest
from tests.console.rooms import MakeApp
from tests.console.scripted import HOSTILE, NOW, ScriptedService
from tests.console.scripted_investigations import on_screen, opened_sources, showing
from tests.console.test_refusals import refusal
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.options import Options

Snap = Callable[..., bool]


def showing_refusal(what: Refusal, *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await opened_sources(pilot)
        pilot.app.push_console_screen(RefusalScreen(what))  # type: ignore[attr-defined]  # the application
        await on_screen(pilot, RefusalScreen)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        if "x" in keys:
            await showing(pilot, "nothing to fix")
        await rest(pilot)
        pilot.app.query_one("#footer").hush()  # type: ignore[attr-defined]  # the footer

    return run


def stopped(**changes: Any) -> Refusal:  # noqa: ANN401  # fields of the refusal
    return refusal(taken_at=NOW, **changes)


@EVERY_SIZE
def test_a_refusal(snap_compare: Snap, make_app: MakeApp, size: Any) -> None:  # noqa: ANN401
    run = showing_refusal(stopped())
    assert snap_compare(make_app(ScriptedService()), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_access_check_in_place(snap_compare: Snap, make_app: MakeApp, size: Any) -> None:  # noqa: ANN401
    run = showing_refusal(stopped(), "x", "G")
    assert snap_compare(make_app(ScriptedService()), terminal_size=size, run_before=run)


def test_hostile_text(snap_compare: Snap, make_app: MakeApp) -> None:
    said = clean(HOSTILE)
    run = showing_refusal(stopped(missing=said, guidance=(said,), candidates=(said,)))
    assert snap_compare(make_app(ScriptedService()), terminal_size=(80, 24), run_before=run)


def test_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService(), options=Options(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=showing_refusal(stopped()))


@EVERY_SIZE
def test_the_six_conditions(snap_compare: Snap, make_app: MakeApp, size: Any) -> None:  # noqa: ANN401
    async def run(pilot: Pilot[Any]) -> None:
        await opened_sources(pilot)
        pilot.app.command("refusals")  # type: ignore[attr-defined]  # the application
        await on_screen(pilot, RefusalsScreen)
        await rest(pilot)
        pilot.app.query_one("#footer").hush()  # type: ignore[attr-defined]  # the footer

    assert snap_compare(make_app(ScriptedService()), terminal_size=size, run_before=run)
