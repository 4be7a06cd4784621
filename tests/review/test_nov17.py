"""The proof: 17 November, lived through with the real services on the stand-ins, and the review that is left of it.

Figures are measured over real sockets. The journal's clock is moved by the test, so that four hours pass in seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.time import utc_now
from diagnostics.incident.journal import Journal
from diagnostics.incident.review.figures import clock as written
from diagnostics.models.entries import Audience, Entry, EvidenceLabel, IncidentStatus, Purpose
from diagnostics.models.incidents import Incident
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.scenario import INCIDENT_AGE_S
from tests.console.incident_rooms import Clock
from tests.health.conftest import GENEROUS
from tests.shipped import shipped_catalogue

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


@dataclass
class Recorded:
    """The run as it is left in the journal."""

    service: Diagnostics
    stand_ins: SandboxProcess
    incident: Incident
    entries: tuple[Entry, ...]
    review: str


def opened(stand_ins: SandboxProcess, folder: Path, clock: Clock) -> Diagnostics:
    """A console on the stand-ins whose journal and whose notices follow the test's clock."""
    flags = stand_ins.flags() | {"state_dir": folder, "escalation.person": "cl.nolen"}
    service = Diagnostics.open(load_settings(flags=flags).settings, shipped_catalogue())
    context = service.context  # the journal is opened here with another clock than the world's
    vars(context)["journal"] = Journal(context.state, person="cl.nolen", console="bastion-1:4711", now=clock)
    context.now = clock
    return service


def live_through(service: Diagnostics, clock: Clock) -> str:
    """The whole life of the incident; returns its id."""
    started = clock.now
    incidents, notices = service.incidents, service.notices
    proposal = notices.propose(
        issue_type="rate_limiting",
        severity="incident",
        words={"began_at": (started - timedelta(seconds=INCIDENT_AGE_S)).isoformat()},
    )
    clock.forward(seconds=47)
    declared = notices.confirm(proposal, proposal.word)
    assert isinstance(declared, Incident)
    name = declared.id
    clock.forward(seconds=3)
    notices.deliver()

    clock.forward(minutes=2)
    incidents.claim(name, "incident_commander")
    incidents.claim(name, "technical_lead", "ann")
    incidents.set_status(name, IncidentStatus.INVESTIGATING)
    clock.forward(minutes=4, seconds=11)
    refreshes = next(one for one in service.assessments.measure("oauth_failure") if one.id == "token_success")
    incidents.pin(name, f"Token refreshes fail too: {refreshes.title} {refreshes.shown}", evidence=refreshes.evidence)
    rate = service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    incidents.pin(name, rate.title, rate.summary, EvidenceLabel.DIRECT, evidence=rate.evidence)
    incidents.enter_scope(name, "system", "ZillowAuth", why="its token refreshes fail")

    clock.forward(minutes=20)
    investigate(service, name)
    incidents.set_status(name, IncidentStatus.IN_PROGRESS, "the batch retry is set up")
    update = notices.propose(incident=name, purpose=Purpose.UPDATE, audience=Audience.STAKEHOLDERS)
    notices.confirm(update, update.word, frozenset(one.name for draft in update.drafts for one in draft.stale))
    clock.forward(seconds=2)
    notices.deliver()
    note = incidents.note(name, "batch retry began at 15 %")
    incidents.correct(name, note.last_seq, "it began at 12 %")

    clock.now = declared.declared_at + timedelta(hours=3, minutes=20)
    incidents.claim(name, "incident_commander", "bea", take_over=True)
    incidents.set_status(name, IncidentStatus.MONITORING)
    clock.now = declared.declared_at + timedelta(hours=4)
    unmet = tuple(one.id for one in service.assessments.assess(name).criteria if not one.is_met)
    incidents.set_status(name, IncidentStatus.RESOLVED, "the batch retry has delivered what waited", unmet)
    incidents.lesson(name, "badly", "the backlog grew for 40 minutes before anybody looked")
    service.reviews.follow_ups.schedule(name, "is health at its baseline?", clock.now + timedelta(hours=24), "health")
    return name


def investigate(service: Diagnostics, name: str) -> None:
    """Two independent sources for one cause, and the cause named."""
    investigations = service.investigations
    record = investigations.open("Why do webhook events pile up?", name)
    investigations.add_hypothesis(
        record.id, "Zillow limits our requests", "the backlog grows while no HTTP 429 arrives"
    )
    request = TriageRequest(issue_type="rate_limiting")
    for check in ("rate_limit_rate", "webhook_backlog"):
        found = service.check(check, request)
        assert found.status is Status.FAIL
        assert found.evidence is not None
        investigations.weigh(
            record.id, "H1", "for", "direct", found.summary, found.evidence.source, evidence=found.evidence
        )
    investigations.name_root_cause(record.id, "H1", "HTTP 429 and the backlog began together")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with ExitStack() as stack:
        stand_ins = stack.enter_context(start_sandbox("nov17", rate_limits=GENEROUS))
        clock = Clock(utc_now())
        service = stack.enter_context(opened(stand_ins, tmp_path_factory.mktemp("nov17"), clock))
        name = live_through(service, clock)
        review = service.reviews.review(name)
        entries = service.context.journal.stream(name)
        yield Recorded(service, stand_ins, service.incidents.get(name), entries, review)


def section(review: str, title: str) -> str:
    """Text below one heading of the second level."""
    return review.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def row(review: str, title: str, first: str) -> list[str]:
    """The cells of the row of a section's table that begins with `first`."""
    lines = [line for line in section(review, title).splitlines() if line.startswith(f"| {first} |")]
    (line,) = lines
    return [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("Webhook backlog", "212,631"),
        ("System health", "94.20 %"),
        ("Events lost for good", "2"),
        ("Accounts affected", "61"),
    ],
)
def test_the_review_states_the_known_figures_of_the_day_as_they_were_measured(
    recorded: Recorded, figure: str, value: str
) -> None:
    assert row(recorded.review, "Impact", figure)[1] == value
    measured = [one for entry in recorded.incident.measured for one in entry.measured.figures if one.title == figure]
    assert {one.shown for one in measured} == {value}
    assert all(one.evidence is not None and one.evidence.query for one in measured)


def test_http_429_and_the_failing_token_refreshes_are_stated_from_the_logs_and_the_metrics(recorded: Recorded) -> None:
    assert row(recorded.review, "Impact", "HTTP 429 rate")[1].endswith("/min")
    assert "HTTP 429 rate" in section(recorded.review, "Summary")
    tokens = row(recorded.review, "Impact", "OAuth token success")
    assert tokens[1].startswith("96.")
    assert "Token refreshes fail too: OAuth token success 96." in section(recorded.review, "Evidence")


def test_it_was_resolved_four_hours_after_it_was_declared(recorded: Recorded) -> None:
    assert "Resolved 4 h after it was declared" in section(recorded.review, "Summary")
    assert row(recorded.review, "Times", "Resolution: declared to resolved")[1] == "4 h"
    assert row(recorded.review, "Times", "Repair: declared to monitoring")[1] == "3 h 20 min"


def test_detection_and_response_are_computed_from_entries_that_are_named(recorded: Recorded) -> None:
    notice = row(recorded.review, "Times", "Response: detected to first notice")
    sent = next(one for one in recorded.entries if one.body.kind == "delivery_sent")
    assert f"{written(sent.at)} (entry {sent.seq})" in notice[2]
    assert notice[1] == "50 s"
    assert row(recorded.review, "Times", "Detection: began to detected")[1] == "40 min"
    assert row(recorded.review, "Times", "Response: detected to first commander")[1] == "2 min 50 s"


def test_every_line_of_the_timeline_bears_the_time_of_its_entry_to_the_second(recorded: Recorded) -> None:
    lines = [line for line in section(recorded.review, "Timeline").splitlines() if line.startswith("| 2")]
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert [(one[0], int(one[1]), one[2]) for one in cells] == [
        (written(one.at), one.seq, one.actor) for one in recorded.entries
    ]


def test_no_time_stands_in_the_review_that_the_journal_does_not_hold(recorded: Recorded) -> None:
    known = set()
    streams = [recorded.entries, recorded.service.context.journal.stream("INV-1")]
    for entry in (one for stream in streams for one in stream):
        known.add(written(entry.at))
        known |= {written(one) for one in moments(entry.body.model_dump())}
        # Queries are kept as they were asked, with the moments they were asked about.
        known |= set(STAMP.findall(entry.body.model_dump_json()))
    stamps = STAMP.findall(recorded.review)
    assert len(stamps) > 60
    # The moment at which it was written is the one that no entry holds.
    rest = {one for one in stamps if one not in known}
    assert rest <= {written(recorded.service.context.now())}


def moments(value: object) -> Iterator[datetime]:
    """Every moment within a body."""
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from moments(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from moments(inner)


def test_a_correction_stands_beside_what_it_corrects(recorded: Recorded) -> None:
    line = next(one for one in recorded.review.splitlines() if "batch retry began at 15 %" in one)
    assert "**corrected**" in line
    assert "it began at 12 %" in line


def test_roles_are_shown_from_and_until(recorded: Recorded) -> None:
    roles = section(recorded.review, "Roles")
    first, second = (one for one in recorded.incident.roles if one.role == "incident_commander")
    assert f"| cl.nolen | {written(first.since)} | {written(second.since)} |" in roles
    assert f"| bea | {written(second.since)} | to the end of the record |" in roles


def test_the_root_cause_stands_with_its_confidence_and_what_would_overturn_it(recorded: Recorded) -> None:
    cause = section(recorded.review, "Root cause")
    assert "**Root cause: Zillow limits our requests**" in cause
    assert "- **Confidence:** standard. 2 independent sources" in cause
    assert "- **What would overturn it:** the backlog grows while no HTTP 429 arrives" in cause


def test_notices_stand_with_their_receipts_as_the_stand_ins_kept_them(recorded: Recorded) -> None:
    sent = [one for one in recorded.incident.deliveries if one.state == "sent"]
    assert {one.channel.value for one in sent} == {"slack", "datadog_incident", "jira"}
    text = section(recorded.review, "Notices and tracking")
    for one in sent:
        assert one.sent_at is not None
        assert one.receipt
        what = f"{one.purpose.value.replace('_', ' ')} to {one.destination}"
        line = next(
            part for part in text.splitlines() if part.startswith(f"| {what} | ") and written(one.confirmed_at) in part
        )
        assert written(one.sent_at) in line
        assert one.link in line
        assert f"`{one.receipt}`" in section(recorded.review, "Appendix: receipts")
    kept = recorded.stand_ins.recorded()
    assert (len(kept.incidents), len(kept.issues)) == (1, 1)


def test_the_story_comes_first_and_what_was_asked_stands_in_an_appendix_by_number(recorded: Recorded) -> None:
    titles = re.findall(r"^## (.+)$", recorded.review, re.MULTILINE)
    first = ["Summary", "Impact", "Root cause", "What went well", "What went badly", "Prevention", "Follow-ups"]
    assert titles[: len(first)] == first
    assert titles[-3:] == ["Appendix: queries", "Appendix: receipts", "Where this comes from"]
    story, appendix = recorded.review.split("\n## Appendix: queries\n")
    pinned = [one.pinned.evidence for one in recorded.incident.pins if one.pinned.evidence is not None]
    weighed = [
        item.item.evidence
        for record in recorded.service.investigations.lines(recorded.incident.id)
        for hypothesis in record.hypotheses
        for item in hypothesis.speaks_for
        if item.item.evidence is not None
    ]
    assert pinned
    assert weighed
    for evidence in (*pinned, *weighed):
        query = " ".join(evidence.query.split())
        assert query not in story
        assert query in appendix
    named = set(re.findall(r"\bQ\d+\b", story))
    explained = re.findall(r"^- (Q\d+)\. ", appendix, re.MULTILINE)
    assert len(explained) == len(set(explained)) >= 4
    assert named == set(explained)
    for number in explained:
        text = next(line for line in appendix.splitlines() if line.startswith(f"- {number}. "))
        assert re.search(r": `.+`", text), "a number leads to what was asked"


def test_overruled_exit_criteria_are_said_with_the_reason(recorded: Recorded) -> None:
    assert recorded.incident.unmet
    criteria = section(recorded.review, "Exit criteria")
    assert criteria.count("overruled when it was resolved: the batch retry has delivered what waited") == len(
        recorded.incident.unmet
    )
    assert "health at least 98.8 %" in criteria


def test_sections_that_only_people_can_write_are_left_to_them_with_a_prompt(recorded: Recorded) -> None:
    assert "the backlog grew for 40 minutes" in section(recorded.review, "What went badly")
    assert section(recorded.review, "What went well").strip().endswith("Which step, tool or decision saved time?")


def test_the_head_of_the_journal_stands_below_and_the_journal_is_sound(recorded: Recorded) -> None:
    journal = recorded.service.context.journal
    assert journal.head().hash in section(recorded.review, "Where this comes from")
    assert journal.verify().is_sound


def test_the_export_holds_every_entry_with_its_hashes(recorded: Recorded) -> None:
    exported = json.loads(recorded.service.reviews.export(recorded.incident.id))
    assert [(one["seq"], one["hash"]) for one in exported["entries"]] == [
        (one.seq, one.hash) for one in recorded.entries
    ]
    assert exported["incident"]["resolved_at"] is not None
    (investigation,) = exported["investigations"]
    assert len(investigation["entries"]) == 5
    assert {one["title"]: one["seconds"] for one in exported["times"]}["Resolution: declared to resolved"] == 14_400


def test_the_hand_off_note_asks_the_live_world_and_fits_on_a_page(recorded: Recorded) -> None:
    note = recorded.service.reviews.handoff(recorded.incident.id)
    assert "Webhook backlog: **212,631**" in note
    assert "Incident commander: **bea**" in note
    assert "health at least 98.8 % for 30 min" in note
    assert len(note.splitlines()) <= 90
