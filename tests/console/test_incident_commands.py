"""The `:` lines and keys of an incident, on a console whose journal is real."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.incident.worker import Worker
from diagnostics.models.incidents import Incident
from screens.actions import ACTIONS
from screens.document import DocumentScreen
from screens.palette import ranked
from tests.console.incident_rooms import IncidentWorld, followed, incident_world
from tests.console.rest import until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted_escalation import ScriptedAssessments
from tests.console.scripted_incidents import ScriptedFollowUps
from tui.commands.grammar import SYNONYMS, VERBS, entries
from tui.commands.incident import moment_of
from widgets.footer_bar import FooterBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

    from diagnostics.service import Diagnostics
    from tui.app import WarRoomApp

NOON = datetime(2025, 11, 17, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IncidentWorld]:
    made = incident_world(tmp_path)
    yield made
    made.close()


@asynccontextmanager
async def console(make_app: MakeApp, world: IncidentWorld) -> AsyncIterator[tuple[Pilot[int], Incident]]:
    """Level 1 with an open incident in view."""
    incident = world.declare()
    app = make_app(world.service(assessments=ScriptedAssessments(world)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await followed(pilot, incident)
        yield pilot, incident


def bottom(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(FooterBar).rows[0].text


async def line(pilot: Pilot[int], text: str) -> None:
    cast("WarRoomApp", pilot.app).command(text)
    await pilot.pause()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("+30m", NOON.replace(minute=30)),
        ("+2h", NOON.replace(hour=14)),
        ("+1d", NOON.replace(day=18)),
        ("14:30", NOON.replace(hour=14, minute=30, second=0)),
        ("11:00", NOON.replace(day=18, hour=11, second=0)),
    ],
)
def test_a_time_is_a_span_from_now_or_the_next_such_clock(word: str, expected: datetime) -> None:
    assert moment_of(word, NOON) == expected


@pytest.mark.parametrize("word", ["", "soon", "+30", "+m", "25:00", "+-3m", "+٣m" + "x"])
def test_what_is_no_time_is_refused_with_what_is_accepted(word: str) -> None:
    with pytest.raises(UserError) as refused:
        moment_of(word, NOON)
    assert "+30m" in refused.value.accepted


async def test_a_note_stands_in_the_journal_and_is_said_to(make_app: MakeApp, world: IncidentWorld) -> None:
    async with console(make_app, world) as (pilot, incident):
        await line(pilot, "note the queue is draining")
        await until(pilot, lambda: f"noted in {incident.id}" in bottom(pilot))
        assert world.incidents.timeline(incident.id).rows[0].text == "the queue is draining"


async def test_a_task_takes_its_owner_and_its_time_out_of_the_line(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half an hour from the incident's own day on: a task of next year would be refused.
    monkeypatch.setattr("tui.commands.incident.utc_now", lambda: NOON)
    async with console(make_app, world) as (pilot, incident):
        await line(pilot, "task call the customer @ann +30m")
        await until(pilot, lambda: world.incidents.get(incident.id).tasks)
        task = world.incidents.get(incident.id).tasks[0]
        assert (task.text, task.owner) == ("call the customer", "ann")
        assert task.due_at is not None


async def test_scope_cadence_and_lessons_are_written(make_app: MakeApp, world: IncidentWorld) -> None:
    async with console(make_app, world) as (pilot, incident):
        for text in ("scope account 148261", "scope out account 14009", "cadence 15", "lesson badly no alert came"):
            before = world.incidents.get(incident.id).last_seq
            await line(pilot, text)
            await until(pilot, lambda before=before: world.incidents.get(incident.id).last_seq > before)  # type: ignore[misc]  # bound at once
        changed = world.incidents.get(incident.id)
        assert [one.name for one in changed.accounts if one.until is None] == ["75172", "148261"]
        assert changed.cadence_minutes == 15
        assert [one.lesson.text for one in changed.lessons] == ["no alert came"]


@pytest.mark.parametrize("text", ["scope planet mars", "cadence often", "follow-up soon look", "lesson", "note"])
async def test_a_line_that_makes_no_sense_says_what_is_accepted_and_writes_nothing(
    make_app: MakeApp, world: IncidentWorld, text: str
) -> None:
    async with console(make_app, world) as (pilot, incident):
        await line(pilot, text)
        await until(pilot, lambda: isinstance(pilot.app.screen, DocumentScreen))
        assert "accepted" in cast("DocumentScreen", pilot.app.screen).copy_text()
        assert world.incidents.get(incident.id).last_seq == incident.last_seq


async def test_the_evidence_of_a_number_is_kept_for_the_review(make_app: MakeApp, world: IncidentWorld) -> None:
    async with console(make_app, world) as (pilot, incident):
        await pilot.press("w", "m")
        await until(pilot, lambda: world.incidents.get(incident.id).pins)
        pin = world.incidents.get(incident.id).pins[0].pinned
        assert pin.evidence is not None
        assert pin.evidence.query


async def test_an_entry_of_another_console_arrives_also_while_updates_are_paused(
    make_app: MakeApp, world: IncidentWorld
) -> None:
    async with console(make_app, world) as (pilot, incident):
        await pilot.press("space")
        changed = world.other("ann").note(incident.id, "on my way")
        await followed(pilot, changed)


class Services:
    """The services that a worker asks, each call noted."""

    def __init__(self) -> None:
        self.delivered = threading.Event()
        self.observed = threading.Event()
        self.failing = True
        self.notices = types.SimpleNamespace(waiting=lambda: True, deliver=self._deliver)
        self.incidents = types.SimpleNamespace(following=self._following)
        self.reviews = types.SimpleNamespace(follow_ups=ScriptedFollowUps())
        self.ticked = threading.Event()
        self.assessments = types.SimpleNamespace(tick_seen=self._tick_seen, observe=lambda _name, _job: None)

    def _deliver(self, _job: object) -> int:
        if self.failing:
            self.failing = False
            raise SourceFailure(FailureKind.UNREACHABLE, "state", "gone")
        self.delivered.set()
        return 1

    def _following(self) -> object:
        self.observed.set()
        return types.SimpleNamespace(incident=types.SimpleNamespace(id="INC-1", is_open=True))

    def _tick_seen(self, name: str) -> None:
        if name == "INC-1" and self.delivered.is_set():
            self.ticked.set()


def test_the_worker_goes_on_after_a_failure_and_says_what_it_was() -> None:
    services = Services()
    worker = Worker(cast("Diagnostics", services))
    worker.start()
    try:
        assert services.observed.wait(10)
        for _ in range(200):
            if worker.problems.get("delivering") or services.delivered.is_set():
                break
            threading.Event().wait(0.02)
        worker.wake()
        assert services.delivered.wait(10)
        assert services.ticked.wait(10), "what has arrived ticks its step before the next look"
    finally:
        worker.close()


async def test_other_peoples_words_lead_to_the_same_places(make_app: MakeApp, world: IncidentWorld) -> None:
    async with console(make_app, world) as (pilot, _):
        for text, place in (
            ("oncall", "EscalationScreen"),
            ("resolve", "StatusScreen"),
            ("slack", "RespondScreen"),
            ("page", "RespondScreen"),
            ("diagnose 14009", "AccountScreen"),
        ):
            await line(pilot, text)
            await until(pilot, lambda place=place: type(pilot.app.screen).__name__ == place)  # type: ignore[misc]  # of this round
            cast("WarRoomApp", pilot.app).act_level_critical()
            await pilot.pause()


def test_the_palette_finds_them_under_the_word_that_was_typed() -> None:
    (found, said), *_ = ranked(entries(None), "slack")
    assert (found, said.partition(":")[0]) == ("slack", "= notify")
    for own in SYNONYMS.values():
        assert own in {item.name for item in ACTIONS} | set(VERBS)
