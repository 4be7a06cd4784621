"""Level 1 in three sizes and in each of its states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import NOW, ScriptedService
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.options import Options

Snap = Callable[..., bool]


def pressing(*keys: str, opens: bool = False) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press keys on the settled screen; `opens` waits until something lies on top of it."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        await until(pilot, lambda: not opens or len(pilot.app.screen_stack) > 1)
        await rest(pilot)

    return run


@EVERY_SIZE
def test_an_incident_unfolding(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(ScriptedService()), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_quiet_day(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(ScriptedService(quiet=True)), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_source_dead(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    service = ScriptedService(failing=frozenset({"everything"}))
    assert snap_compare(make_app(service), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(ScriptedService(hostile=True)), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", [*SIZES, (60, 15)], ids=str)
def test_before_any_source_is_open(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(None), terminal_size=size)


def test_a_terminal_that_is_too_small(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(ScriptedService()), terminal_size=(60, 15), run_before=settle)


def test_no_events_in_the_window(snap_compare: Snap, make_app: MakeApp) -> None:
    service = ScriptedService(quiet=True, lines=0)
    assert snap_compare(make_app(service), terminal_size=(120, 40), run_before=settle)


@pytest.mark.parametrize("theme", ["light", "16"])
def test_other_colours(snap_compare: Snap, make_app: MakeApp, theme: str) -> None:
    assert snap_compare(
        make_app(ScriptedService(), options=Options(theme=theme)), terminal_size=(120, 40), run_before=settle
    )


def test_without_colour(snap_compare: Snap, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(ScriptedService()), terminal_size=(120, 40), run_before=settle)


def test_in_ascii(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(
        make_app(ScriptedService(), options=Options(ascii=True)), terminal_size=(80, 24), run_before=settle
    )


@EVERY_SIZE
def test_the_evidence_behind_a_number(snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(ScriptedService()), terminal_size=size, run_before=pressing("w", opens=True))


def test_a_check_in_full(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing("enter", "j", "enter", opens=True))


def test_a_refused_hand_over(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing("enter", "G", "k", "enter", opens=True))


def test_a_log_line_as_a_tree(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing("l", "enter", opens=True))


def test_a_hostile_log_line_as_a_tree(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService(hostile=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing("l", "enter", opens=True))


def test_a_filter_with_a_mistake(snap_compare: Snap, make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    keys = ("l", "slash", *"status:", "left_parenthesis", *"error")
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing(*keys))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_help_with_the_runbook_of_the_issue_in_view(
    snap_compare: Snap, make_app: MakeApp, size: tuple[int, int]
) -> None:
    assert snap_compare(
        make_app(ScriptedService()), terminal_size=size, run_before=pressing("question_mark", opens=True)
    )


def test_the_palette(snap_compare: Snap, make_app: MakeApp) -> None:
    keys = ("colon", *"guide")
    assert snap_compare(make_app(ScriptedService()), terminal_size=(80, 24), run_before=pressing(*keys))


def test_the_escalation_panel_on_a_narrow_terminal(
    snap_compare: Snap, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.incident.panel.utc_now", lambda: NOW)
    assert snap_compare(make_app(ScriptedService()), terminal_size=(80, 24), run_before=pressing("e"))


def test_paused(snap_compare: Snap, make_app: MakeApp) -> None:
    assert snap_compare(make_app(ScriptedService()), terminal_size=(120, 40), run_before=pressing("space"))
