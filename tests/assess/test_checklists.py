"""Quick responses: what the console ticks by itself, what it says of the rest, and when a step is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.checks.base import finding
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.incident.assess.assessments import propose_systems
from diagnostics.incident.assess.checklists import happened, judge_steps, open_checks, plan
from diagnostics.incident.incidents import cadence_minutes, next_update_at
from diagnostics.models.entries import Audience, Channel, DeliveryConfirmed, DeliverySent, IncidentStatus, Purpose
from diagnostics.models.health import SystemState
from diagnostics.models.incidents import Step, StepRecord
from diagnostics.models.status import Status
from tests.console.incident_rooms import IncidentWorld, incident_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IncidentWorld]:
    made = incident_world(tmp_path)
    yield made
    made.close()


def steps(world: IncidentWorld, incident_id: str, **answers: object) -> dict[str, Step]:
    found, _ = judge_steps(world.catalogue, world.incidents.get(incident_id), answers, world.clock())  # type: ignore[arg-type]
    return {one.id: one for one in found}


def answer(status: Status) -> object:
    return finding("rate_limit_rate", "How often?", status, "1,180 HTTP 429 a minute now.")


def test_before_anything_is_declared_the_checklist_says_what_to_do(world: IncidentWorld) -> None:
    planned = plan(world.catalogue, "rate_limiting", "incident")
    assert [one.id for one in planned][:3] == ["first_notice", "tracking", "commander"]
    assert planned[0].minutes == 5
    assert all(one.record is None for one in planned)


def test_tracking_is_only_asked_of_severities_that_call_people(world: IncidentWorld) -> None:
    assert "tracking" not in {one.id for one in plan(world.catalogue, "oauth_failure", "high")}
    assert "tracking" in {one.id for one in plan(world.catalogue, "oauth_failure", "critical")}


def test_a_role_that_somebody_holds_is_seen(world: IncidentWorld) -> None:
    incident = world.declare()
    assert steps(world, incident.id)["commander"].note == "nobody is incident commander yet"
    world.incidents.claim(incident.id, "incident_commander")
    assert steps(world, incident.id)["commander"].note == "seen: cl.nolen is incident commander"


@pytest.mark.honesty("a check has answered", "its step stays open, and the reading stands beside it")
def test_a_reading_informs_a_step_and_never_ticks_it(world: IncidentWorld) -> None:
    incident = world.declare()
    assert "rate_limit_rate" in open_checks(world.catalogue, incident)
    for status in (Status.PASS, Status.WARN, Status.FAIL):
        answers = dict.fromkeys(("rate_limit_rate", "webhook_backlog", "data_loss_risk", "batch_retry"), answer(status))
        judged, seen = judge_steps(world.catalogue, incident, answers, world.clock())  # type: ignore[arg-type]
        informed = [one for one in judged if one.rule.startswith("check:")]
        assert {one.id for one in informed} == {"rate", "backlog", "loss", "batch_retry"}
        assert {(one.status, one.note) for one in informed} == {(Status.WARN, "read: 1,180 HTTP 429 a minute now.")}
        assert set(seen) <= {"scope", "figures"}
    for status in (Status.NO_DATA, Status.UNREACHABLE):
        note = steps(world, incident.id, rate_limit_rate=answer(status))["rate"].note
        assert note.startswith("the check rate_limit_rate has no answer")
    lost = SourceFailure(FailureKind.UNREACHABLE, "datadog", "connection refused")
    assert "does not answer: datadog: unreachable" in steps(world, incident.id, rate_limit_rate=lost)["rate"].note


def test_a_step_that_only_people_can_tick_says_why(world: IncidentWorld) -> None:
    incident = world.declare()
    assert (
        steps(world, incident.id)["stop_bulk_work"].note
        == "Bulk jobs run outside the console; whoever stops them says so."
    )


def test_an_open_step_is_overdue_after_its_minutes(world: IncidentWorld) -> None:
    incident = world.declare()
    assert steps(world, incident.id)["first_notice"].status is Status.WARN
    world.clock.forward(minutes=5, seconds=1)
    assert steps(world, incident.id)["first_notice"].status is Status.FAIL
    world.incidents.tick(incident.id, "first_notice", "told on the telephone")
    assert steps(world, incident.id)["first_notice"].status is Status.PASS


def test_a_notice_counts_once_it_has_arrived(world: IncidentWorld) -> None:
    incident = world.declare()
    confirmed = DeliveryConfirmed(
        delivery="D1",
        token="t",
        channel=Channel.SLACK,
        purpose=Purpose.FIRST_NOTICE,
        audience=Audience.RESPONDERS,
        destination="#fub-zyno-support",
        text="told",
    )
    world.incidents.decide(incident.id, lambda _: (confirmed,))
    assert steps(world, incident.id)["first_notice"].note == "the notice to #fub-zyno-support is queued"
    world.incidents.decide(incident.id, lambda _: (DeliverySent(delivery="D1", attempt=1),))
    assert "first notice to #fub-zyno-support" in steps(world, incident.id)["first_notice"].note


@pytest.mark.honesty("a notice was confirmed and has not arrived", "the next update does not count as promised")
def test_an_update_is_promised_once_the_notice_that_says_so_has_arrived(world: IncidentWorld) -> None:
    incident = world.declare()
    confirmed = DeliveryConfirmed(
        delivery="D1",
        token="t",
        channel=Channel.SLACK,
        purpose=Purpose.FIRST_NOTICE,
        destination="#fub-zyno-support",
        text="told",
    )
    world.incidents.decide(incident.id, lambda _: (confirmed,))
    assert steps(world, incident.id)["update_promised"].note == "the notice to #fub-zyno-support is queued"
    world.incidents.decide(incident.id, lambda _: (DeliverySent(delivery="D1", attempt=1),))
    assert steps(world, incident.id)["update_promised"].note.startswith("seen: it stands in the first notice to #fub")


@pytest.mark.honesty(
    "steps of the first response were ticked, or only read", "updates say what was done and by whom, and what was read"
)
def test_what_an_update_says_of_a_step_is_a_fact_with_who_did_it(world: IncidentWorld) -> None:
    known = world.catalogue.checklists["rate_limiting"].steps
    at = world.clock()
    mine = StepRecord(step="replay", at=at, by="ana")
    assert happened(mine, known["replay"]) == "backlog replayed (ana)"
    seen = StepRecord(step="tracking", at=at, by="console", by_console=True, text="opened: Jira ZYN-1")
    assert happened(seen, known["tracking"]) == "incident tracking opened (seen by the console: opened: Jira ZYN-1)"
    # As earlier consoles ticked it, 29 s after the declaration: it was read, and nothing was prepared.
    old = StepRecord(step="batch_retry", at=at, by="console", by_console=True, text="212,631 events can be retried.")
    assert happened(old, known["batch_retry"]) == "read: 212,631 events can be retried"
    assert happened(mine, known["stop_bulk_work"].model_copy(update={"done": "OAuth checked"})) == "OAuth checked (ana)"
    assert happened(mine, None) == 'ticked as done: "replay" (ana)'
    for checklist in world.catalogue.checklists.values():
        for step in checklist.steps.values():
            assert step.done, step.text
            # Beside level 1 stand 34 cells: a box, OVERDUE, and the title whole.
            assert 0 < len(step.title) <= 22, step.title
            assert not step.text.startswith(step.done)


def test_updates_are_promised_by_severity_or_as_somebody_set_them(world: IncidentWorld) -> None:
    incident = world.declare()
    assert next_update_at(incident, world.catalogue) == incident.declared_at + timedelta(minutes=5)
    confirmed = DeliveryConfirmed(
        delivery="D1", token="t", channel=Channel.SLACK, purpose=Purpose.FIRST_NOTICE, text="told"
    )
    world.clock.forward(minutes=3)
    told = world.incidents.decide(incident.id, lambda _: (confirmed,))
    assert next_update_at(told, world.catalogue) == incident.declared_at + timedelta(minutes=33)
    sooner = world.incidents.set_cadence(incident.id, 10)
    assert cadence_minutes(sooner, world.catalogue) == 10
    snoozed = world.incidents.snooze(incident.id, 20)
    assert next_update_at(snoozed, world.catalogue) == incident.declared_at + timedelta(minutes=13)
    over = world.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "drained")
    assert next_update_at(over, world.catalogue) is None


def state(name: str, status: Status) -> SystemState:
    return SystemState(name=name, priority="HIGH", role="", status=status, headline="6 % expired", feeds=())


def test_degraded_systems_of_the_cascade_are_proposed_with_why(world: IncidentWorld) -> None:
    incident = world.declare(systems=("ZillowAuth",), issue_type="oauth_failure", severity="critical")
    found = propose_systems(
        world.catalogue,
        incident,
        (
            state("ZillowAuth", Status.FAIL),
            state("ZillowAgent", Status.WARN),
            state("ZillowSyncUser", Status.PASS),
            state("ZillowTeam", Status.NO_DATA),
            state("ZillowSyncAgent", Status.FAIL),
        ),
    )
    assert [one.name for one in found] == ["ZillowAgent"]
    assert found[0].why == "ZillowAgent is degraded (6 % expired), and fails after ZillowAuth, which is in scope"
