"""Incidents in each of their states, written into a real journal; the live world beside them answers by script."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from diagnostics.core.sanitizer import clean
from diagnostics.models import entries as said
from diagnostics.models.entries import Channel, IncidentStatus, Purpose
from diagnostics.models.figures import Coverage
from diagnostics.models.incidents import AccountImpact, Assessment, Criterion, Impact, ScopeProposal, Step, Tier
from diagnostics.models.status import Status
from tests.console.scripted import HOSTILE as WHOLE
from tests.console.scripted import evidence
from widgets.incident_view import catalogue_steps

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident
    from tests.console.incident_rooms import IncidentWorld

HOSTILE = WHOLE[:100]
"""Short enough for a title."""


@dataclass
class ScriptedAssessments:
    """The live world of 17 November, in the middle of it."""

    world: IncidentWorld
    hostile: bool = False
    failing: str = ""
    asked: list[str] = field(default_factory=list)

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    def assess(self, incident_id: str, _job: object = None) -> Assessment:
        self.asked.append(incident_id)
        incident = self.world.incidents.get(incident_id)
        now = self.world.clock.now
        return Assessment(
            incident=incident.id,
            criteria=self._criteria(incident),
            steps=self._steps(incident),
            tier=Tier(
                tier=3,
                rule=self._say("61 accounts affected, more than 10"),
                answer="Escalate at once.",
                others=("records lost: 2, not more than 100",),
                evidence=(evidence("datadog", "service:fub @context.error_message:*429*", 61),),
            ),
            impact=self._impact(),
            proposals=(ScopeProposal(what="system", name="ZillowAuth", why=self._say("token refreshes fail too")),),
            next_update_at=None,
            taken_at=now,
            failures=(self.failing,) if self.failing else (),
        )

    def observe(self, incident_id: str, job: object = None) -> Assessment:
        return self.assess(incident_id, job)

    def _steps(self, incident: Incident) -> tuple[Step, ...]:
        return catalogue_steps(self.world.catalogue, incident.issue_type, incident.severity)

    def _criteria(self, incident: Incident) -> tuple[Criterion, ...]:
        found = (evidence("datadog", "sync events by status", 31_204),)
        fine = incident.status in {IncidentStatus.MONITORING, IncidentStatus.RESOLVED}
        return (
            Criterion(
                id="health",
                title=self._say("health at least 98.80 % for 30 min, at least 500 events"),
                status=Status.WARN if fine else Status.FAIL,
                shown="98.91 %" if fine else "94.20 %",
                held_s=840.0 if fine else None,
                needs_s=1_800.0,
                evidence=found,
            ),
            Criterion(
                id="webhook_backlog",
                title="webhook backlog at most 10,000 for 15 min",
                status=Status.FAIL,
                shown=self._say("212,631"),
                needs_s=900.0,
                evidence=found,
            ),
            Criterion(
                id="rate_limited_per_minute",
                title="HTTP 429 a minute at most 10 for 30 min",
                status=Status.UNREACHABLE,
                shown="—",
                needs_s=1_800.0,
                note="Datadog: rate limited",
            ),
        )

    def _impact(self) -> Impact:
        account = AccountImpact(
            account_id=75172,
            name=self._say("Harbour Homes"),
            size=5_200,
            size_weight=8.0,
            severity_weight=10.0,
            share=0.6,
            score=48.0,
            why="8 (over 5,000 users) × 10 (incident) × 0.60 affected",
        )
        return Impact(
            score=1_240.0,
            limit=1_000.0,
            accounts=(account,),
            coverage=Coverage(answered=58, asked=61),
            proposes_command=True,
            words="1,240 is above 1,000: an incident commander is needed",
        )


def confirmed(number: int, channel: Channel, purpose: Purpose, where: str, **changes: object) -> said.DeliveryConfirmed:
    return said.DeliveryConfirmed.model_validate(
        {
            "delivery": f"D{number}",
            "token": f"wr-{number:04d}",
            "channel": channel,
            "purpose": purpose,
            "destination": where,
            "text": "HTTP 429 from Zillow; backlog 212,631",
            **changes,
        }
    )


def told(world: IncidentWorld, incident: Incident) -> Incident:
    """First notice and tracking, all of it arrived; the Datadog incident was found again."""
    world.journal.append(
        incident.id,
        [
            confirmed(1, Channel.SLACK, Purpose.FIRST_NOTICE, "#fub-zyno-support"),
            confirmed(2, Channel.DATADOG_INCIDENT, Purpose.TRACKING, "Datadog"),
            confirmed(3, Channel.JIRA, Purpose.TRACKING, "ZYN"),
        ],
    )
    world.clock.forward(seconds=3)
    link = "https://fub.datadoghq.com/incidents/482"
    world.journal.append(
        incident.id,
        [
            said.DeliveryAttempted(delivery="D1", attempt=1),
            said.DeliverySent(delivery="D1", attempt=1, receipt="1763388205.1", link="https://fub.slack.com/p1"),
            said.DeliverySent(delivery="D2", attempt=2, receipt="IR-482", link=link, found_again=True),
            said.DeliverySent(delivery="D3", attempt=1, receipt="ZYN-731", link="https://fub.atlassian.net/ZYN-731"),
        ],
    )
    return world.incidents.get(incident.id)


def middle(world: IncidentWorld) -> Incident:
    """Twenty-one minutes in: told, tracked, roles, tasks, some steps done, another incident open."""
    ana = world.other("ana")
    ana.declare(title="One account cannot refresh its tokens", issue_type="oauth_failure", severity="high")
    incident = world.declare()
    world.clock.forward(minutes=1)
    told(world, incident)
    world.incidents.claim(incident.id, "incident_commander")
    world.clock.forward(minutes=2)
    ana.claim(incident.id, "technical_lead")
    world.journal.append(
        incident.id,
        [
            said.StepDone(step="first_notice", by_console=True, evidence=evidence("journal", "D1 arrived", 1)),
            said.StepDone(step="tracking", by_console=True, text="IR-482, ZYN-731"),
        ],
        actor="console",
    )
    world.incidents.tick(incident.id, "stop_bulk_work", "bulk replay is stopped")
    world.incidents.set_status(incident.id, IncidentStatus.INVESTIGATING)
    world.incidents.add_task(incident.id, "call Harbour Homes", "cl.nolen", world.clock.now + timedelta(minutes=30))
    world.incidents.add_task(incident.id, "ask Zillow for the new limit", "ana", world.clock.now + timedelta(minutes=5))
    world.incidents.add_task(incident.id, "name who writes the timeline")
    world.clock.forward(minutes=17)
    world.incidents.note(incident.id, "Zillow confirms a lower limit since 13:50 UTC")
    return world.incidents.get(incident.id)


def overdue(world: IncidentWorld) -> Incident:
    """The update is overdue; one delivery failed, one is uncertain, one is retrying."""
    incident = middle(world)
    world.journal.append(
        incident.id,
        [
            confirmed(4, Channel.SLACK, Purpose.UPDATE, "#fub-zyno-support"),
            confirmed(5, Channel.SLACK, Purpose.UPDATE, "#leadership", audience="executives"),
            confirmed(6, Channel.JIRA, Purpose.NOTE, "ZYN-731"),
        ],
    )
    world.clock.forward(minutes=33)
    retry_at = world.clock.now + timedelta(seconds=20)
    world.journal.append(
        incident.id,
        [
            said.DeliveryFailed(delivery="D4", attempt=1, outcome="ambiguous", reason="no answer within 10 s"),
            said.DeliveryFailed(
                delivery="D5", attempt=1, outcome="permanent", reason="channel_not_found", remedy="name another channel"
            ),
            said.DeliveryFailed(delivery="D6", attempt=1, outcome="definite", reason="429", retry_at=retry_at),
        ],
    )
    return world.incidents.get(incident.id)


def resolved(world: IncidentWorld) -> Incident:
    """Over, with follow-ups."""
    incident = middle(world)
    world.clock.forward(hours=3, minutes=30)
    world.incidents.set_status(incident.id, IncidentStatus.MONITORING)
    world.clock.forward(minutes=20)
    world.incidents.set_status(incident.id, IncidentStatus.RESOLVED, "the backlog is empty", unmet=("health",))
    tomorrow = world.clock.now + timedelta(days=1)
    world.journal.append(
        incident.id,
        [
            said.FollowUpScheduled(follow_up="F1", check="webhook_backlog", text="Is it empty?", due_at=tomorrow),
            said.FollowUpScheduled(follow_up="F2", text="Ask Harbour Homes", due_at=tomorrow, owner="ana"),
        ],
    )
    world.journal.append(
        incident.id, [said.FollowUpRun(follow_up="F1", status="pass", summary="12 events wait")], actor="console"
    )
    return world.incidents.get(incident.id)


def hostile(world: IncidentWorld) -> Incident:
    """Every field that people and services write holds what would take a terminal over."""
    incident = world.declare(title=f"title {HOSTILE}", systems=(f"system {HOSTILE}",), summary=HOSTILE)
    world.incidents.claim(incident.id, "incident_commander", f"person {HOSTILE}")
    world.incidents.add_task(incident.id, f"task {HOSTILE}", f"owner {HOSTILE}", world.clock.now)
    world.incidents.tick(incident.id, f"step {HOSTILE}", HOSTILE)
    world.incidents.note(incident.id, f"note {HOSTILE}")
    text = clean(f"text {HOSTILE}")
    world.journal.append(
        incident.id,
        [
            confirmed(1, Channel.SLACK, Purpose.FIRST_NOTICE, text),
            said.DeliveryFailed(delivery="D1", attempt=1, outcome="permanent", reason=text),
            said.FollowUpScheduled(follow_up="F1", text=text, due_at=world.clock.now),
        ],
    )
    return world.incidents.get(incident.id)
