"""Follow-ups: scheduled, run once over all consoles, asked again where a source was silent, and shown."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from diagnostics.core.failures import UserError
from diagnostics.models.entries import FollowUpRun
from diagnostics.models.incidents import FollowUp
from tests.review.conftest import Room


def scheduled(room: Room, check: str = "health") -> str:
    incident = room.world.declare()
    due = room.world.clock.now + timedelta(hours=1)
    return room.reviews.follow_ups.schedule(incident.id, "is health at its baseline?", due, check, "ann").id


def newest(room: Room, incident_id: str) -> FollowUp:
    return room.incidents.get(incident_id).follow_ups[-1]


def runs(room: Room, incident_id: str) -> list[FollowUpRun]:
    entries = room.world.journal.stream(incident_id)
    return [one.body for one in entries if isinstance(one.body, FollowUpRun)]


def test_a_follow_up_is_kept_with_its_owner_and_runs_when_it_is_due_and_not_before(room: Room) -> None:
    name = scheduled(room)
    room.assessments.figures = (room.figure("health", 98.8, status="pass", title="Health"),)
    assert room.reviews.follow_ups.run_due() == 0
    room.world.clock.forward(hours=1)
    assert room.reviews.follow_ups.run_due() == 1
    found = newest(room, name)
    assert (found.scheduled.follow_up, found.scheduled.owner) == ("F1", "ann")
    assert found.run is not None
    assert (found.run.status, found.run.summary) == ("pass", "Health 98.8.")
    assert found.run.evidence is not None
    assert room.reviews.follow_ups.run_due() == 0


def test_the_run_is_written_by_the_console_and_claimed_first(room: Room) -> None:
    name = scheduled(room)
    room.assessments.figures = (room.figure("health", 98.8, status="pass"),)
    room.world.clock.forward(hours=1)
    room.reviews.follow_ups.run_due()
    written = [one for one in room.world.journal.stream(name) if isinstance(one.body, FollowUpRun)]
    assert [one.actor for one in written] == ["console", "console"]
    assert [one.status for one in runs(room, name)] == ["running", "pass"]


def test_a_follow_up_is_run_after_the_incident_is_resolved(room: Room) -> None:
    from diagnostics.models.entries import IncidentStatus  # noqa: PLC0415  # of this test alone

    name = scheduled(room)
    room.incidents.set_status(name, IncidentStatus.RESOLVED, "mended")
    room.assessments.figures = (room.figure("health", 98.8, status="pass"),)
    room.world.clock.forward(hours=1)
    assert room.reviews.follow_ups.run_due() == 1


def test_eight_consoles_at_once_run_it_once(room: Room) -> None:
    name = scheduled(room)
    room.assessments.figures = (room.figure("health", 98.8, status="pass"),)
    room.world.clock.forward(hours=1)
    consoles = [room.other(f"person{number}") for number in range(8)]
    start, ran = threading.Barrier(8), [0] * 8

    def run(place: int) -> None:
        start.wait(30)
        ran[place] = consoles[place].follow_ups.run_due()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(ran) == 1
    assert [one.status for one in runs(room, name)] == ["running", "pass"]
    assert room.assessments.measured == ["rate_limiting"]


def test_a_silent_source_is_an_outcome_and_is_asked_again_after_a_while(room: Room) -> None:
    name = scheduled(room)
    room.world.clock.forward(hours=1)
    assert room.reviews.follow_ups.run_due() == 1
    run = newest(room, name).run
    assert run is not None
    assert run.status == "unreachable"
    assert "datadog: unreachable" in run.summary
    assert "asked again from" in run.summary
    assert room.reviews.follow_ups.run_due() == 0
    room.world.clock.forward(minutes=15)
    room.assessments.figures = (room.figure("health", 98.8, status="pass"),)
    assert room.reviews.follow_ups.run_due() == 1
    assert [one.status for one in runs(room, name)] == ["running", "unreachable", "running", "pass"]


def test_a_source_that_stays_silent_for_a_day_is_left_to_people(room: Room) -> None:
    name = scheduled(room)
    room.world.clock.forward(hours=1)
    asked = 0
    for _ in range(30 * 4):
        asked += room.reviews.follow_ups.run_due()
        room.world.clock.forward(minutes=15)
    run = newest(room, name).run
    assert run is not None
    assert "a person has to look" in run.summary
    assert asked == 24 * 4 + 1


def test_a_claim_that_a_console_left_behind_is_taken_over(room: Room) -> None:
    name = scheduled(room)
    room.world.clock.forward(hours=1)
    claim = FollowUpRun(follow_up="F1", status="running", summary="a console is looking at it")
    room.world.journal.append(name, [claim], actor="console")
    room.assessments.figures = (room.figure("health", 97.0, status="warn"),)
    assert room.reviews.follow_ups.run_due() == 0
    room.world.clock.forward(minutes=10)
    assert room.reviews.follow_ups.run_due() == 1
    run = newest(room, name).run
    assert run is not None
    assert run.status == "warn"


def test_a_follow_up_without_a_check_is_left_to_people_who_say_what_they_saw(room: Room) -> None:
    name = scheduled(room, check="")
    room.world.clock.forward(hours=2)
    assert room.reviews.follow_ups.run_due() == 0
    incident = room.reviews.follow_ups.record(name, "f1", "pass", "the customer says that it works")
    run = incident.follow_ups[0].run
    assert run is not None
    assert run.summary == "the customer says that it works"


@pytest.mark.parametrize("check", ["deal_eligibility", "resolution_accuracy", "moon"])
def test_a_check_that_cannot_be_run_is_refused_with_those_that_can(room: Room, check: str) -> None:
    incident = room.world.declare()
    with pytest.raises(UserError) as refused:
        room.reviews.follow_ups.schedule(incident.id, "look", room.world.clock.now, check)
    assert "webhook_backlog" in refused.value.accepted
    assert "health_baseline" in refused.value.accepted


def test_a_moment_without_a_time_zone_an_empty_text_and_an_unknown_number_are_refused(room: Room) -> None:
    incident = room.world.declare()
    with pytest.raises(UserError, match="time zone"):
        room.reviews.follow_ups.schedule(incident.id, "look", datetime(2025, 11, 18, 12))  # noqa: DTZ001  # the point
    with pytest.raises(UserError, match="empty"):
        room.reviews.follow_ups.schedule(incident.id, " ", room.world.clock.now)
    with pytest.raises(UserError, match="no follow-up"):
        room.reviews.follow_ups.record(incident.id, "F9", "pass", "seen")
    with pytest.raises(UserError, match="does not end as"):
        room.reviews.follow_ups.record(incident.id, "F9", "running", "seen")
