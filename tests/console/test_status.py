"""An incident is moved on with one key, back with a reason, and to its end with its id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import IncidentStatus
from screens.incident.respond import RespondScreen
from screens.incident.status import StatusScreen
from screens.line_entry import LineEntry
from tests.console.account_rooms import press, text_on
from tests.console.rest import until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import ScriptedService
from tests.console.scripted_notices import notice_world, stop_clocks
from tui.app import WarRoomApp


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


@asynccontextmanager
async def opened(make_app: MakeApp, service: ScriptedService, incident: str) -> AsyncIterator[Pilot[int]]:
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.push_console_screen(StatusScreen(incident))
        await until(pilot, lambda: screen(pilot).assessment is not None or screen(pilot).unasked)
        await pilot.pause()
        yield pilot


def screen(pilot: Pilot[int]) -> StatusScreen:
    return cast("StatusScreen", pilot.app.screen)


def told_by(pilot: Pilot[int]) -> str:
    assert isinstance(pilot.app.screen, RespondScreen)
    return str(pilot.app.screen.state.purpose)


async def test_enter_moves_it_to_the_next_step(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            for status in (IncidentStatus.INVESTIGATING, IncidentStatus.IN_PROGRESS, IncidentStatus.MONITORING):
                await press(pilot, "enter")
                await until(pilot, lambda wanted=status: screen(pilot).incident.status is wanted)  # type: ignore[misc,union-attr]
            assert world.incidents.get(incident.id).status is IncidentStatus.MONITORING
            assert screen(pilot).body.cursor_key == "status:resolved"


async def test_a_step_back_asks_for_a_reason_and_keeps_it(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        world.incidents.set_status(incident.id, IncidentStatus.MONITORING)
        async with opened(make_app, service, incident.id) as pilot:
            screen(pilot).body.place("status:in_progress")
            await press(pilot, "enter", "enter")
            assert "nothing was typed" in text_on(pilot)
            await press(pilot, *"429s again", "enter")
            await until(pilot, lambda: world.incidents.get(incident.id).status is IncidentStatus.IN_PROGRESS)
            page = world.incidents.timeline(incident.id)
            assert "429s again" in page.rows[0].text


async def test_the_end_asks_for_the_typed_id(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            screen(pilot).body.place("status:resolved")
            await press(pilot, "enter", *"yes", "enter")
            assert "that is not its id; accepted: INC-1" in text_on(pilot)
            assert world.incidents.get(incident.id).is_open
            for _ in "yes":
                await press(pilot, "backspace")
            await press(pilot, *"inc-1", "enter")
            await until(pilot, lambda: not world.incidents.get(incident.id).is_open)


async def test_the_end_with_criteria_unmet_needs_a_reason_first_and_keeps_which(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, unmet=1) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            assert "exit criteria: 1 not met" in text_on(pilot)
            screen(pilot).body.place("status:resolved")
            await press(pilot, "enter")
            assert "1 exit criterion is not met" in text_on(pilot)
            await press(pilot, *"seen by hand", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, LineEntry) and pilot.app.screen.confirms)
            await press(pilot, *"INC-1", "enter")
            await until(pilot, lambda: not world.incidents.get(incident.id).is_open)
            resolved = world.incidents.get(incident.id)
            assert (resolved.unmet, resolved.resolved_why) == (("health",), "seen by hand")


async def test_the_reason_is_asked_once_however_often_the_id_is_left_and_not_again_to_tell_people(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, unmet=1) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            screen(pilot).body.place("status:resolved")
            await press(pilot, "enter")
            assert "Asked once, for the timeline and the review" in text_on(pilot)
            await press(pilot, *"seen by hand", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, LineEntry) and pilot.app.screen.confirms)
            await press(pilot, "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, StatusScreen))
            screen(pilot).body.place("status:resolved")
            await press(pilot, "enter")
            assert "Reason, kept and not asked again: seen by hand" in text_on(pilot)
            await press(pilot, *"INC-1", "enter")
            await until(pilot, lambda: not world.incidents.get(incident.id).is_open)
            assert world.incidents.get(incident.id).resolved_why == "seen by hand"
            await until(pilot, lambda: not screen(pilot).incident.is_open)  # type: ignore[union-attr]
            await press(pilot, "n")
            assert told_by(pilot) == "resolution"
            await until(pilot, lambda: "seen by hand (given when it was resolved; not asked again)" in text_on(pilot))
            await press(pilot, "down", "enter")
            assert isinstance(pilot.app.screen, RespondScreen)
            assert pilot.app.screen.typing


async def test_criteria_that_nobody_could_measure_need_a_reason_too(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, lost=True) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            assert "not known: common: unreachable" in text_on(pilot)
            screen(pilot).body.place("status:resolved")
            await press(pilot, "enter")
            assert "Whether the exit criteria are met is unknown" in text_on(pilot)


async def test_the_severity_is_changed_with_a_reason_within_the_matrix(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            rows = [row.key for row in screen(pilot).body.rows if (row.key or "").startswith("severity:")]
            assert rows == ["severity:incident", "severity:high", "severity:normal"]
            screen(pilot).body.place("severity:high")
            await press(pilot, "enter", *"draining", "enter")
            await until(pilot, lambda: world.incidents.get(incident.id).severity == "high")


async def test_what_another_console_writes_is_shown(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            world.other("j.doe").set_status(incident.id, IncidentStatus.MONITORING)
            await until(pilot, lambda: "monitoring      now" in text_on(pilot))


async def test_an_exit_criterion_answers_for_its_number(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, unmet=1) as (world, _incidents, service):
        async with opened(make_app, service, world.declare().id) as pilot:
            screen(pilot).body.place("criterion:health+0")
            await press(pilot, "w")
            assert "the question behind health" in text_on(pilot)


async def test_n_tells_people_how_it_stands(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _incidents, service):
        incident = world.declare()
        async with opened(make_app, service, incident.id) as pilot:
            await press(pilot, "n")
            assert told_by(pilot) == "update"
            await press(pilot, "escape", "escape")
            world.incidents.set_status(incident.id, IncidentStatus.RESOLVED)
            app = cast("WarRoomApp", pilot.app)
            if not isinstance(app.screen, StatusScreen):
                app.push_console_screen(StatusScreen(incident.id))
            await until(pilot, lambda: screen(pilot).incident is not None and not screen(pilot).incident.is_open)  # type: ignore[union-attr]
            await press(pilot, "n")
            assert told_by(pilot) == "resolution"
