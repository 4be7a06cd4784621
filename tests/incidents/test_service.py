"""Changes of an incident by people, on a real journal: nothing is lost, and who comes second is told so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from diagnostics.core.failures import UserError
from diagnostics.incident import records
from diagnostics.incident.projection import project_incident
from diagnostics.models import entries as said
from diagnostics.models.entries import Channel, EvidenceUnpinned, IncidentStatus, Purpose
from diagnostics.models.incidents import Incident, TimelineLine
from diagnostics.store.journal_rows import NewestEntry
from tests.console.incident_rooms import IncidentWorld

MOMENT = datetime(2025, 11, 17, tzinfo=UTC)
STATUSES = st.sampled_from(list(IncidentStatus))


def test_a_declared_incident_is_in_view_of_its_console(world: IncidentWorld) -> None:
    incident = world.declare()
    following = world.incidents.following()
    assert following.incident == incident
    assert [one.id for one in following.open] == ["INC-1"]
    assert incident.status is IncidentStatus.DECLARED
    assert [one.name for one in incident.accounts] == ["14009", "75172"]
    assert incident.began_at == world.clock.now - timedelta(minutes=12)


@pytest.mark.parametrize(
    ("issue_type", "severity", "accepted"),
    [("quantum", "incident", "rate_limiting"), ("rate_limiting", "critical", "incident, high, normal")],
)
def test_what_is_not_in_the_matrix_is_not_declared(
    world: IncidentWorld, issue_type: str, severity: str, accepted: str
) -> None:
    with pytest.raises(UserError) as refused:
        world.declare(issue_type=issue_type, severity=severity)
    assert accepted in refused.value.accepted
    assert world.incidents.lines() == ()


def test_the_same_confirmation_declares_one_incident(world: IncidentWorld) -> None:
    first = world.declare(key="proposal-1")
    second = world.declare(key="proposal-1")
    assert first == second
    assert len(world.incidents.lines()) == 1


def test_the_same_confirmation_with_other_figures_begins_no_second_record(world: IncidentWorld) -> None:
    first = world.declare(key="proposal-1", accounts=(14009,))
    second = world.declare(key="proposal-1", accounts=(14009, 75172, 90210))
    assert second == first
    assert world.journal.streams("INC") == ("INC-1",)


def test_a_stream_that_declares_nothing_keeps_nobody_from_the_others(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.following()
    world.journal.append("INC-99", [said.Noted(text="nobody declared this")])
    assert world.incidents.following().incident == incident
    assert [one.id for one in world.incidents.lines()] == ["INC-1"]
    assert world.other("ann").following().incident == incident
    with pytest.raises(UserError, match="no incident called 'INC-99'"):
        world.incidents.get("INC-99")


def test_an_incident_that_was_declared_more_than_a_page_ago_is_seen(
    world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PAGE", 5)
    world.incidents.following()
    ann = world.other("ann")
    first = ann.declare(title="one", issue_type="rate_limiting", severity="incident")
    for number in range(8):
        ann.note(first.id, f"note {number}")
    second = ann.declare(title="two", issue_type="rate_limiting", severity="incident")
    for number in range(8):
        ann.note(first.id, f"more {number}")
    assert {one.id for one in world.incidents.following().open} == {first.id, second.id}


def test_a_journal_that_was_cut_while_the_console_ran_can_still_be_written_to(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.note(incident.id, "this one goes")
    world.incidents.following()
    with world.state.begin() as connection:
        connection.execute(text("DELETE FROM warroom_journal WHERE kind = 'noted'"))
        connection.execute(
            text(
                "UPDATE warroom_journal_head SET seq = (SELECT MAX(seq) FROM warroom_journal),"
                " hash = (SELECT hash FROM warroom_journal ORDER BY seq DESC LIMIT 1)"
            )
        )
    after = world.incidents.note(incident.id, "this one stays")
    assert after.entries == incident.entries + 1


def test_a_journal_that_moves_while_it_is_followed_leaves_nothing_of_the_old_one(
    world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back from memory while one thread follows it, and another thread is the first to meet the new place."""
    incident, ann, head = world.declare(), world.other("ann"), world.journal.head
    generation = 1

    def old_head() -> NewestEntry:
        nonlocal generation
        if generation == 2:
            return head()
        generation = 2
        world.incidents.get(incident.id)
        return NewestEntry(500, "of the memory")

    monkeypatch.setattr(type(world.journal), "generation", property(lambda _journal: generation))
    monkeypatch.setattr(world.journal, "head", old_head)
    assert world.incidents.following().incident == incident
    ann.note(incident.id, "written by another console")
    found = world.incidents.following()
    assert found.incident is not None
    assert (found.seq, found.incident.entries) == (head().seq, incident.entries + 1)


def test_a_role_is_given_to_nobody_without_a_name(world: IncidentWorld) -> None:
    incident = world.declare()
    with pytest.raises(UserError, match="the name is empty"):
        world.incidents.claim(incident.id, "commander", "  ")
    assert world.incidents.get(incident.id).roles == ()


def test_of_two_who_claim_at_once_the_second_is_told_who_was_quicker(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.claim(incident.id, "commander")
    with pytest.raises(UserError) as refused:
        world.other("ann").claim(incident.id, "commander")
    assert "cl.nolen is incident commander since 14:03:22 UTC" in refused.value.problem
    world.clock.forward(minutes=5)
    taken = world.other("ann").claim(incident.id, "commander", take_over=True)
    assert taken.holder("incident_commander") == "ann"
    assert [(one.person, one.until) for one in taken.roles] == [("cl.nolen", world.clock.now), ("ann", None)]


def test_two_threads_that_claim_at_the_same_moment_leave_one_holder(world: IncidentWorld) -> None:
    incident = world.declare()
    start, refused = threading.Barrier(8), []

    def claim(person: str) -> None:
        incidents = world.other(person)
        start.wait(10)
        try:
            incidents.claim(incident.id, "commander")
        except UserError:
            refused.append(person)

    threads = [threading.Thread(target=claim, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    holder = world.incidents.get(incident.id).holder("incident_commander")
    assert sorted([holder, *refused]) == [f"p{number}" for number in range(8)]


def test_an_unknown_role_is_refused_with_the_roles_there_are(world: IncidentWorld) -> None:
    with pytest.raises(UserError) as refused:
        world.incidents.claim(world.declare().id, "captain")
    assert "incident_commander, technical_lead" in refused.value.accepted


def test_going_back_needs_a_reason(world: IncidentWorld) -> None:
    incident = world.incidents.set_status(world.declare().id, IncidentStatus.MONITORING)
    with pytest.raises(UserError, match="needs a reason"):
        world.incidents.set_status(incident.id, IncidentStatus.INVESTIGATING)
    back = world.incidents.set_status(incident.id, IncidentStatus.INVESTIGATING, "429s are back")
    assert back.status is IncidentStatus.INVESTIGATING
    assert [status for _, status, _ in back.statuses] == ["declared", "monitoring", "investigating"]


def test_the_end_with_criteria_unmet_needs_a_reason_that_is_kept(world: IncidentWorld) -> None:
    incident = world.declare()
    with pytest.raises(UserError, match="exit criterion is not met: health"):
        world.incidents.set_status(incident.id, IncidentStatus.RESOLVED, unmet=("health",))
    resolved = world.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "checked by hand", unmet=("health",))
    assert (resolved.unmet, resolved.resolved_why) == (("health",), "checked by hand")
    assert not resolved.is_open
    assert world.incidents.following().open == ()


def test_a_merged_incident_goes_on_in_the_other_and_takes_no_more_changes(world: IncidentWorld) -> None:
    one, two = world.declare(), world.declare(title="Leads do not arrive")
    merged = world.incidents.merge(two.id, one.id, "same cause")
    assert merged.merged_into == "INC-1"
    assert world.incidents.get(one.id).duplicates == ("INC-2",)
    with pytest.raises(UserError, match="INC-2 goes on in INC-1"):
        world.incidents.claim(two.id, "commander")
    with pytest.raises(UserError, match="into itself"):
        world.incidents.merge(one.id, one.id)


def test_tasks_change_hands_and_are_done_and_opened_again(world: IncidentWorld) -> None:
    incident = world.incidents.add_task(world.declare().id, "call the customer", "ann", world.clock.now)
    done = world.incidents.change_task(incident.id, "T1", "done", "yes")
    assert (done.tasks[0].done_by, done.tasks[0].done_at) == ("cl.nolen", world.clock.now)
    again = world.incidents.change_task(incident.id, "t1", "done", "no")
    assert again.tasks[0].done_at is None
    with pytest.raises(UserError) as refused:
        world.incidents.change_task(incident.id, "T9", "done", "yes")
    assert refused.value.accepted == "T1"
    with pytest.raises(UserError, match="is not a moment"):
        world.incidents.change_task(incident.id, "T1", "due_at", "soon")


def test_a_step_stays_with_who_ticked_it_first(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.tick(incident.id, "backlog", "212,631")
    twice = world.other("ann").tick(incident.id, "backlog", "done")
    assert [(one.by, one.text) for one in twice.steps] == [("cl.nolen", "212,631")]
    assert world.incidents.untick(incident.id, "backlog", "wrong queue").steps == ()


def test_a_pin_that_was_taken_out_does_not_give_its_number_away(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.pin(incident.id, "backlog")
    # No console writes it today, and journals hold it.
    world.incidents.decide(incident.id, lambda _: (EvidenceUnpinned(pin="E1", why="a stand-in"),))
    assert [one.pinned.pin for one in world.incidents.pin(incident.id, "429s").pins] == ["E2"]


def test_an_account_may_leave_the_scope_and_come_back(world: IncidentWorld) -> None:
    incident = world.declare()
    world.incidents.leave_scope(incident.id, "account", "14009")
    later = world.clock.forward(minutes=20)
    back = world.incidents.enter_scope(incident.id, "account", "14009")
    assert [(one.name, one.until is None) for one in back.accounts if one.name == "14009"] == [
        ("14009", False),
        ("14009", True),
    ]
    assert back.accounts[-1].since == later


@pytest.mark.parametrize("text", ["", "   \n", "\x1b[2J", "x" * 5_000])
def test_text_that_cannot_be_kept_whole_is_refused(world: IncidentWorld, text: str) -> None:
    incident = world.declare()
    if text.startswith("\x1b"):
        # What is left of it is harmless, and kept.
        assert "\x1b" not in str(world.incidents.note(incident.id, text))
        return
    with pytest.raises(UserError, match="note"):
        world.incidents.note(incident.id, text)
    assert world.incidents.get(incident.id) == incident


def test_the_timeline_is_read_page_by_page_from_the_newest(world: IncidentWorld) -> None:
    incident = world.declare()
    for number in range(25):
        world.incidents.note(incident.id, f"line {number}")
    first = world.incidents.timeline(incident.id, most=10)
    assert [row.text for row in first.rows] == [f"line {number}" for number in range(24, 14, -1)]
    rest: list[TimelineLine] = []
    after = first.after
    while after is not None:
        page = world.incidents.timeline(incident.id, int(after), 10)
        rest += page.rows
        after = page.after
    assert rest[-1].text == "declared, incident: Zillow answers HTTP 429; webhook events pile up"
    assert len(first.rows) + len(rest) == world.incidents.get(incident.id).entries


def test_what_others_write_is_followed(world: IncidentWorld) -> None:
    incident = world.declare()
    before = world.incidents.following()
    assert world.incidents.following() == before
    world.other("ann").note(incident.id, "on my way")
    after = world.incidents.following()
    assert after.seq == before.seq + 1
    assert after.incident is not None
    assert after.incident.entries == incident.entries + 1


def test_the_gravest_open_incident_is_in_view_unless_somebody_chose(world: IncidentWorld) -> None:
    normal = world.declare(severity="normal")
    grave = world.declare()
    other = world.other("ann")
    in_view = other.following().incident
    assert in_view is not None
    assert in_view.id == grave.id
    other.choose(normal.id)
    chosen = other.following().incident
    assert chosen is not None
    assert chosen.id == normal.id


def test_an_incident_that_does_not_exist_is_said_with_those_that_do(world: IncidentWorld) -> None:
    world.declare()
    with pytest.raises(UserError) as refused:
        world.incidents.get("INC-9")
    assert refused.value.accepted == "INC-1"


def test_edits_keep_what_was_there_before(world: IncidentWorld) -> None:
    incident = world.declare()
    later = world.clock.forward(minutes=3)
    edited = world.incidents.edit(incident.id, "severity", "high", "the backlog drains")
    assert [(at, severity) for at, severity in edited.severities] == [
        (incident.declared_at, "incident"),
        (later, "high"),
    ]
    with pytest.raises(UserError, match="no severity 'critical'"):
        world.incidents.edit(incident.id, "severity", "critical")


def test_a_delivery_that_arrived_is_not_said_to_have_failed_by_a_late_entry(world: IncidentWorld) -> None:
    confirmed = said.DeliveryConfirmed(
        delivery="D1", token="t-1", channel=Channel.SLACK, purpose=Purpose.FIRST_NOTICE, text="429s"
    )
    incident = world.declare(
        more=(
            confirmed,
            said.DeliveryAttempted(delivery="D1", attempt=1),
            said.DeliverySent(delivery="D1", attempt=1, receipt="1731852202.000100"),
            said.DeliveryFailed(delivery="D1", attempt=1, outcome="ambiguous", reason="no answer"),
        )
    )
    assert [(one.state, one.receipt) for one in incident.deliveries] == [("sent", "1731852202.000100")]
    assert incident.notified_at == world.clock.now


@given(st.lists(STATUSES, max_size=8), st.integers(min_value=0, max_value=8))
def test_folding_in_parts_is_folding_at_once(statuses: list[IncidentStatus], cut: int) -> None:
    entries = _entries(statuses)
    whole = project_incident(entries)
    half = project_incident(entries[: cut + 1])
    assert project_incident(entries[cut + 1 :], half) == whole
    assert whole is not None
    assert whole.entries == len(entries)


def _entries(statuses: list[IncidentStatus]) -> list[said.Entry]:
    bodies: list[said.Body] = [said.Declared(title="t", issue_type="rate_limiting", severity="incident")]
    bodies += [said.StatusChanged(status=status, why="so") for status in statuses]
    return [
        said.Entry(
            seq=number,
            stream="INC-1",
            at=MOMENT + timedelta(seconds=number),
            actor="a",
            console="c",
            key=str(number),
            body=body,
            previous="",
            hash="",
        )
        for number, body in enumerate(bodies, start=1)
    ]


def test_an_unknown_kind_is_counted_and_not_obeyed() -> None:
    entries = _entries([])
    unknown = entries[0].model_copy(update={"seq": 2, "body": said.Unknown(kind="teleported", text="{}")})
    incident = project_incident([*entries, unknown])
    assert isinstance(incident, Incident)
    assert incident.entries == 2
