"""The review, the export and the hand-off note at other moments than a finished incident, and with hostile text."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from diagnostics.core.failures import UserError
from diagnostics.incident.review.figures import NOT_RECORDED, extremes, intervals
from diagnostics.models.entries import Edited, EvidenceLabel, IncidentStatus, Measured, StatusChanged
from tests.review.conftest import Room

HOSTILE = "# [x](http://e.x) | <script> \x1b]52;c;aGk=\x07 `a`"


def measured(room: Room, name: str, *figures: object) -> None:
    body = Measured.model_validate({"occasion": "update", "figures": figures})
    room.incidents.decide(name, lambda _: (body,))


def test_a_review_right_after_the_declaration_says_what_nobody_recorded(room: Room) -> None:
    incident = room.world.declare(began_at=None)
    review = room.reviews.review(incident.id)
    assert f"| Detection: began to detected | {NOT_RECORDED} |" in review
    assert f"| Repair: declared to monitoring | {NOT_RECORDED} |" in review
    assert f"| Resolution: declared to resolved | {NOT_RECORDED} |" in review
    assert "nobody took command" in review
    assert "no first notice has arrived" in review
    assert "No root cause was named." in review
    assert "No figure was measured during this incident." in review
    assert "It is not resolved" in review
    assert "- **Began:** not recorded" in review


def test_extremes_are_the_lowest_health_and_the_highest_backlog_each_at_its_moment(room: Room) -> None:
    incident = room.world.declare()
    for health, backlog in ((97.0, 1_000), (94.2, 212_631), (98.8, 40)):
        room.world.clock.forward(minutes=30)
        measured(room, incident.id, room.figure("health", health), room.figure("webhook_backlog", backlog))
    found = {one.id: one for one in extremes(room.world.journal.stream(incident.id))}
    assert (found["health"].worst or found["health"].last).value == 94.2
    assert (found["webhook_backlog"].worst or found["health"].last).value == 212_631
    entry = found["health"].worst_entry
    assert entry is not None
    assert f"entry {entry.seq}" in room.reviews.review(incident.id)
    assert found["health"].last.value == 98.8


def test_a_figure_without_data_is_a_dash_and_never_the_worst(room: Room) -> None:
    incident = room.world.declare()
    measured(room, incident.id, room.figure("events_lost", None))
    assert "| events lost | — | no data in any of 1 |" in room.reviews.review(incident.id)
    measured(room, incident.id, room.figure("events_lost", 2))
    measured(room, incident.id, room.figure("events_lost", None))
    (found,) = extremes(room.world.journal.stream(incident.id))
    assert found.worst is not None
    assert (found.worst.value, found.last.value) == (2, None)


def test_risks_in_words_are_compared_by_their_gravity(room: Room) -> None:
    incident = room.world.declare()
    for risk in ("low", "high", "medium"):
        measured(room, incident.id, room.figure("data_loss_risk", risk))
    (found,) = extremes(room.world.journal.stream(incident.id))
    assert found.worst is not None
    assert found.worst.value == "high"


def test_a_resolution_that_was_taken_back_is_no_resolution(room: Room) -> None:
    incident = room.world.declare()
    room.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "mended")
    room.incidents.set_status(incident.id, IncidentStatus.IN_PROGRESS, "it is back")
    resolution = intervals(room.world.journal.stream(incident.id))[-1]
    assert resolution.shown == NOT_RECORDED
    assert "was taken back by entry" in resolution.basis


def test_clocks_that_disagree_are_said_to_do_so_and_no_time_is_made_up(room: Room) -> None:
    incident = room.world.declare()
    room.world.clock.forward(minutes=-10)
    body = StatusChanged(status=IncidentStatus.RESOLVED, why="by a console whose clock is late")
    room.incidents.decide(incident.id, lambda _: (body,))
    resolution = intervals(room.world.journal.stream(incident.id))[-1]
    assert (resolution.seconds, resolution.shown) == (-600, "-10 min")
    assert "the clocks disagree" in resolution.basis


def test_a_beginning_that_was_corrected_later_is_taken_from_the_correction(room: Room) -> None:
    incident = room.world.declare()
    began = room.world.clock.now - timedelta(hours=1)
    body = Edited(field="began_at", value=began.isoformat())
    edited = room.incidents.decide(incident.id, lambda _: (body,))
    detection = intervals(room.world.journal.stream(incident.id))[0]
    assert detection.begins is not None
    assert (detection.begins.seq, detection.shown) == (edited.last_seq, "58 min")


def test_hostile_text_everywhere_leaves_the_tables_whole_and_no_escape_sequence(room: Room) -> None:
    incident = room.world.declare(title=HOSTILE, summary=HOSTILE)
    name = incident.id
    room.incidents.note(name, HOSTILE)
    room.incidents.correct(name, incident.last_seq, HOSTILE)
    room.incidents.pin(name, HOSTILE, HOSTILE, EvidenceLabel.STATISTICAL, inferred=True)
    room.incidents.add_task(name, HOSTILE, "[ann](x)")
    room.incidents.claim(name, "incident_commander", "a | b")
    room.incidents.lesson(name, "well", HOSTILE)
    room.reviews.follow_ups.schedule(name, HOSTILE, room.world.clock.now)
    record = room.investigations.open(HOSTILE, name)
    room.investigations.add_hypothesis(record.id, HOSTILE, HOSTILE)
    for text in (room.reviews.review(name), room.reviews.handoff(name)):
        assert "\x1b" not in text
        assert "<script>" not in text.replace("\\<script", "")
        assert "](http" not in text.replace("\\](http", "")
        columns = None
        for line in text.splitlines():
            cells = line.replace("\\|", "").count("|")
            if line.startswith("|"):
                columns = columns or cells
                assert cells == columns, line
            else:
                columns = None


def test_inferred_evidence_is_labelled_as_such(room: Room) -> None:
    incident = room.world.declare()
    room.incidents.pin(incident.id, "it fits", label=EvidenceLabel.CIRCUMSTANTIAL, inferred=True)
    assert "| E1 | circumstantial, inferred | it fits |" in room.reviews.review(incident.id)


def test_an_incident_that_nobody_declared_is_refused_with_those_that_exist(room: Room) -> None:
    room.world.declare()
    for ask in (room.reviews.review, room.reviews.handoff, room.reviews.export):
        with pytest.raises(UserError) as refused:
            ask("INC-9")
        assert "INC-1" in refused.value.accepted


def test_the_export_is_json_that_holds_what_people_wrote_letter_by_letter(room: Room) -> None:
    incident = room.world.declare()
    room.incidents.note(incident.id, "Größe — 漢字 | `x`")
    exported = json.loads(room.reviews.export(incident.id))
    assert exported["entries"][-1]["body"]["text"] == "Größe — 漢字 | `x`"
    assert exported["journal"]["hash"] == room.world.journal.head().hash


def test_the_hand_off_note_says_what_the_next_commander_needs(room: Room) -> None:
    incident = room.world.declare()
    name, clock = incident.id, room.world.clock
    room.incidents.claim(name, "technical_lead", "ann")
    measured(room, name, room.figure("health", 94.2, title="Health"))
    room.incidents.add_task(name, "call Zillow", "bea", clock.now + timedelta(minutes=10))
    clock.forward(minutes=30)
    measured(room, name, room.figure("health", None, title="Health"))
    record = room.investigations.open("why?", name)
    room.investigations.add_hypothesis(record.id, "Zillow limits us", "no HTTP 429")
    room.reviews.follow_ups.schedule(name, "look again", clock.now + timedelta(hours=24), "health", "ann")
    clock.forward(minutes=2)
    note = room.reviews.handoff(name)
    assert "32 min elapsed" in note
    assert "Incident commander: **nobody**" in note
    assert "Technical lead: **ann**, since" in note
    assert "Health: **—** (no data), taken 2 min ago" in note
    assert "last known 94.2 at" in note
    assert "T1: call Zillow, bea, due" in note
    assert "**overdue by 22 min**" in note
    assert "**Next update:** due" in note
    assert "They could not be asked now: datadog: unreachable" in note
    assert "INV-1 H1 (confidence none): Zillow limits us. Overturned by: no HTTP 429" in note
    assert "Health: no data, which is not the same as good" in note
    assert "follow-up F1: look again, ann" in note


def test_a_long_incident_still_makes_a_note_of_one_page(room: Room) -> None:
    incident = room.world.declare()
    for number in range(60):
        room.incidents.note(incident.id, f"note {number}")
        room.incidents.add_task(incident.id, f"task {number}")
    measured(room, incident.id, *(room.figure(f"figure_{number}", number) for number in range(30)))
    note = room.reviews.handoff(incident.id)
    assert len(note.splitlines()) <= 90
    assert "more in the panel" in note
    assert "more in the timeline" in note
    assert len(room.reviews.review(incident.id).splitlines()) > 120
