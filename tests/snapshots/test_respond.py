"""Telling people, in three sizes and in every state: what stands there before it is sent, and after."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import Audience, Channel, Purpose
from screens.incident.declare import DeclareScreen
from screens.incident.deliveries import DeliveriesScreen
from screens.incident.respond import RespondScreen
from screens.incident.status import StatusScreen
from tests.console.rest import drawn, rest, until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted_notices import notice_world, stop_clocks
from tests.snapshots.sizes import EVERY_SIZE, SIZES
from tui.app import WarRoomApp
from tui.options import Options

Snap = Callable[..., bool]
Run = Callable[[Pilot[Any]], Awaitable[None]]

STALE = frozenset({"health", "accounts_affected"})
LOST = frozenset({Channel.SLACK, Channel.JIRA})
MIXED = {Channel.SLACK: "failed", Channel.DATADOG_INCIDENT: "sent", Channel.JIRA: "uncertain"}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def shown(*keys: str, waits_for: str = "seen", **how: Any) -> Run:  # noqa: ANN401  # fields of the screen
    """Open the preview, wait for what is named, then press these keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        app = cast("WarRoomApp", pilot.app)
        given = {"issue_type": "rate_limiting", "severity": "incident"} if "incident" not in how else {}
        screen = RespondScreen(**{**given, **how})
        app.push_console_screen(screen)
        if waits_for == "seen":
            await until(pilot, lambda: screen.state.seen or screen.state.problem is not None)
            await until(pilot, lambda: screen.state.rank or screen.state.incident_id or screen.state.problem)
        still = rest if waits_for == "seen" else drawn
        await still(pilot)
        for key in keys:
            await pilot.press(key)
            await still(pilot)
        await quiet(pilot)

    return run


async def quiet(pilot: Pilot[Any]) -> None:
    """Take the notice away and draw again: it comes and goes by the clock."""
    app = cast("WarRoomApp", pilot.app)
    app._footer(lambda footer: footer.hush())
    app.screen.draw()  # type: ignore[attr-defined]  # of these screens
    await pilot.pause()


def sending(state: str) -> Run:
    """Confirm, then wait until the deliveries stand as named."""
    first = shown("down", "enter", *"send", "enter")

    async def run(pilot: Pilot[Any]) -> None:
        await first(pilot)
        screen = cast("RespondScreen", pilot.app.screen)
        await until(
            pilot,
            lambda: (
                screen.state.deliveries and (state == "held" or all(one.attempts for one in screen.state.deliveries))
            ),
        )
        await rest(pilot)
        await quiet(pilot)

    return run


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_preparing(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    waits = threading.Event()
    with notice_world(tmp_path, waits=waits) as (_world, _notices, service):
        run = shown("down", waits_for="nothing")
        assert snap_compare(make_app(service), terminal_size=size, run_before=run)
        waits.set()


@EVERY_SIZE
def test_ready(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=shown())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_word_is_being_typed(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):
        run = shown("down", "enter", *"sen")
        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_old_numbers_block(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path, old=STALE) as (_world, _notices, service):
        run = shown("tab", "A")
        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_places_that_cannot_be_reached(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    with notice_world(tmp_path, problems=LOST) as (_world, _notices, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=shown())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_preparation_that_failed(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    with notice_world(tmp_path, failing=True) as (_world, _notices, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=shown())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("state", ["held", "sent", "mixed"])
def test_after_the_confirmation(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int], state: str
) -> None:
    outcomes = MIXED if state == "mixed" else dict.fromkeys(Channel, state)
    with notice_world(tmp_path, outcomes=outcomes) as (_world, _notices, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=sending(state))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_update_for_executives(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path) as (world, _notices, service):
        run = shown(incident=world.declare().id, purpose=Purpose.UPDATE, audience=Audience.EXECUTIVES)
        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_resolution_with_criteria_unmet(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    with notice_world(tmp_path, unmet=2) as (world, _notices, service):
        run = shown(incident=world.declare().id, purpose=Purpose.RESOLUTION)
        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_hostile_text_in_every_field(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    notes = ("an open incident may be the same",)
    with notice_world(tmp_path, hostile=True, notes=notes, problems=frozenset({Channel.JIRA})) as (_w, _d, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=shown())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_without_colour(
    snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with notice_world(tmp_path, old=STALE, problems=frozenset({Channel.JIRA})) as (_world, _notices, service):
        assert snap_compare(make_app(service), terminal_size=size, run_before=shown())


def test_in_ascii(snap_compare: Snap, make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, old=STALE, outcomes=MIXED) as (_world, _notices, service):
        app = make_app(service, options=Options(ascii=True))
        assert snap_compare(app, terminal_size=(80, 24), run_before=shown())


@EVERY_SIZE
def test_deliveries(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path, outcomes=MIXED) as (world, notices, service):
        notices.confirm(notices.propose(), "send")
        notices.deliver()

        async def run(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            screen = DeliveriesScreen(world.incidents.lines()[0].id)
            cast("WarRoomApp", pilot.app).push_console_screen(screen)
            await until(pilot, lambda: screen.incident is not None)
            await quiet(pilot)

        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_settling(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path, outcomes=MIXED) as (world, notices, service):
        notices.confirm(notices.propose(), "send")
        notices.deliver()

        async def run(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            screen = DeliveriesScreen(world.incidents.lines()[0].id)
            cast("WarRoomApp", pilot.app).push_console_screen(screen)
            await until(pilot, lambda: screen.incident is not None)
            screen.body.place("delivery:D3")
            for key in ("x", *"perhaps", "enter"):
                await pilot.press(key)
            await rest(pilot)
            await quiet(pilot)

        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@EVERY_SIZE
def test_status(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path, unmet=2) as (world, _notices, service):
        incident = world.declare()

        async def run(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            screen = StatusScreen(incident.id)
            cast("WarRoomApp", pilot.app).push_console_screen(screen)
            await until(pilot, lambda: screen.assessment is not None)
            await rest(pilot)
            await quiet(pilot)

        assert snap_compare(make_app(service), terminal_size=size, run_before=run)


@EVERY_SIZE
def test_declaring_by_hand(snap_compare: Snap, make_app: MakeApp, tmp_path: Path, size: tuple[int, int]) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):

        async def run(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            cast("WarRoomApp", pilot.app).push_console_screen(DeclareScreen(issue_type="oauth_failure"))
            await rest(pilot)
            await quiet(pilot)

        assert snap_compare(make_app(service), terminal_size=size, run_before=run)
