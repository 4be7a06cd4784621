"""The escalation panel in three sizes and in each of its states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from diagnostics.core.failures import FailureKind, SourceFailure
from screens.incident.panel import EscalationScreen
from tests.console import scripted_escalation as story
from tests.console.escalation_rooms import console, in_view, world
from tests.console.incident_rooms import IncidentWorld
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted_escalation import ScriptedAssessments
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.app import WarRoomApp
from tui.options import Options

__all__ = ["world"]

Snap = Callable[..., bool]


def pressing(place: IncidentWorld, *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press keys on the settled console, and wait until what they open has its figures."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await in_view(pilot, place)
        for key in keys:
            await pilot.press(key)
            await rest(pilot)
        await in_view(pilot, place)
        pilot.app.screen.draw()  # type: ignore[attr-defined]  # every screen here draws itself
        await rest(pilot)

    return run


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_incident(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "e"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_fresh_incident(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    world.declare()
    world.clock.forward(seconds=50)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "e"))


@EVERY_SIZE
def test_in_the_middle(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    story.middle(world)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "e"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_overdue_with_deliveries_that_failed(
    snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]
) -> None:
    story.overdue(world)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "e"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resolved(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    story.resolved(world)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "e"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(
    snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]
) -> None:
    story.hostile(world)
    app = console(make_app, world, assessments=ScriptedAssessments(world, hostile=True))
    assert snap_compare(app, terminal_size=size, run_before=pressing(world, "e"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_journal_that_does_not_answer(
    snap_compare: Snap,
    make_app: MakeApp,
    world: IncidentWorld,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    incident = story.middle(world)

    def locked() -> None:
        raise SourceFailure(
            FailureKind.UNREACHABLE, "state", "the state store is locked by another process", remedy="see :doctor"
        )

    async def run(pilot: Pilot[Any]) -> None:
        await pressing(world, "e")(pilot)
        monkeypatch.setattr(world.journal, "head", locked)
        app = cast("WarRoomApp", pilot.app)
        assert app.live is not None
        app.live.refresh("incident")
        state = cast("EscalationScreen", app.screen).follower
        await until(pilot, lambda: state.followed is not None and state.followed.failure)
        assert state.followed is not None
        # When it was last heard of is the wall clock's; the picture has the story's.
        state.followed = state.followed.model_copy(update={"taken_at": world.clock.now})
        cast("EscalationScreen", app.screen).draw()
        await rest(pilot)

    assert incident.is_open
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=run)


def test_nothing_outlasts_the_console(
    snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.middle(world)
    problem = "Nothing outlasts this console: the folder for the state store is read-only."
    monkeypatch.setattr(type(world.journal), "problem", property(lambda _: problem))
    assert snap_compare(console(make_app, world), terminal_size=(80, 24), run_before=pressing(world, "e"))


def test_snoozed(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld) -> None:
    incident = story.overdue(world)
    world.incidents.snooze(incident.id, 15)
    assert snap_compare(console(make_app, world), terminal_size=(80, 24), run_before=pressing(world, "e"))


def test_without_colour(
    snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    story.overdue(world)
    assert snap_compare(console(make_app, world), terminal_size=(120, 40), run_before=pressing(world, "e"))


def test_in_ascii(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld) -> None:
    story.overdue(world)
    app = console(make_app, world, options=Options(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing(world, "e"))


@EVERY_SIZE
def test_level_1_with_an_incident(
    snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]
) -> None:
    story.middle(world)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world))


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_roles(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    story.middle(world)
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, "c"))


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_tasks(snap_compare: Snap, make_app: MakeApp, world: IncidentWorld, size: tuple[int, int]) -> None:
    story.middle(world)
    keys = ("colon", *"tasks", "enter")
    assert snap_compare(console(make_app, world), terminal_size=size, run_before=pressing(world, *keys))
