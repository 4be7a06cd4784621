"""A notice service with written drafts over a real journal: every state that a preview and its deliveries can have.

What the real service proposes and delivers is tested with it; here only what a person sees and does matters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job
from diagnostics.incident.incidents import Ending, status_changes
from diagnostics.models import entries as said
from diagnostics.models.entries import Audience, Body, BoundFigure, Channel, IncidentStatus, Purpose
from diagnostics.models.figures import NOT_KNOWN_YET, Coverage
from diagnostics.models.incidents import Assessment, Criterion, Delivery, Impact, Incident, Tier
from diagnostics.models.notices import Draft, Proposal
from diagnostics.models.status import Status
from diagnostics.models.triage import Refusal, RefusalRule
from tests.console.incident_rooms import IncidentWorld, incident_world
from tests.console.scripted import HOSTILE, NOW, ScriptedService, evidence

TEXTS = {
    Audience.RESPONDERS: (
        "*INCIDENT: Rate limiting*\n\n"
        "Since 13:51 UTC. Accounts affected: 61. Large accounts among them: 75172, 14009.\n\n"
        "Impact: sync is suspended; 212,631 webhook events wait, and those that wait too long may be lost for good.\n\n"
        "Done so far: {actions_taken}\n\n"
        "Handed to: zillow-incident-recovery. ETA: {eta}.\n\n"
        "Follow it: `service:fub @context.error_message:*429* @context.service:zillow`\n\n"
        "Contact: CL Nolen, Zynaptic Overlords, #fub-zyno-support"
    ),
    Audience.STAKEHOLDERS: "*Update: Rate limiting.* 61 accounts affected. Progress: {progress}",
    Audience.EXECUTIVES: (
        "*Rate limiting, in progress.* Sync with Zillow is suspended for 61 accounts since 13:51 UTC. Risk of data "
        "loss: high. {progress} Next update at 14:33 UTC."
    ),
}


@dataclass
class ScriptedNoticeService:
    """Proposals as told, confirmations into the real journal, deliveries with the outcomes that are asked for."""

    world: IncidentWorld
    old: frozenset[str] = frozenset()
    """Numbers that are stale."""
    problems: frozenset[Channel] = frozenset()
    failing: bool = False
    hostile: bool = False
    notes: tuple[str, ...] = ()
    waits: threading.Event | None = None
    """While it is not set, a proposal stands at 3 of 9 readings."""
    measures: threading.Event | None = None
    """While it is not set, nothing is measured; what is known at once is there."""
    unread: frozenset[str] = frozenset()
    """Numbers that are not known yet."""
    measured: int = 0
    rewritten: list[dict[str, Any]] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)
    good_for_s: float = 180.0
    confirm_fails: bool = False
    refuses: bool = False
    outcomes: dict[Channel, str] = field(default_factory=dict)
    """sent (unless told), held, failed, uncertain, retrying."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    confirmed: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    settled: list[tuple[str, str, str]] = field(default_factory=list)
    holding: threading.Event | None = None
    """While it is not set, a confirmation is not answered."""

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    # ---- proposing

    def propose(  # as the service's own
        self,
        *,
        issue_type: str | None = None,
        severity: str | None = None,
        incident: str | None = None,
        purpose: Purpose = Purpose.FIRST_NOTICE,
        audience: Audience = Audience.RESPONDERS,
        words: Mapping[str, str] | None = None,
        job: Job | None = None,
        at_once: bool = False,
    ) -> Proposal:
        self.asked.append({"incident": incident, "purpose": purpose, "audience": audience, "words": dict(words or {})})
        self.began.set()
        self._hold(self.waits, job)
        return self._made(issue_type, severity, incident, purpose, audience, words)

    @staticmethod
    def _hold(until: threading.Event | None, job: Job | None) -> None:
        if job is not None:
            job.report(3, 9, "readings")
        while until is not None and not until.wait(0.02):
            if job is not None:
                job.raise_if_cancelled("notices")

    def _made(  # noqa: PLR0917  # as `propose`
        self,
        issue_type: str | None,
        severity: str | None,
        incident: str | None,
        purpose: Purpose,
        audience: Audience,
        words: Mapping[str, str] | None,
    ) -> Proposal:
        if self.failing:
            raise SourceFailure(
                FailureKind.DENIED,
                "state",
                "the journal cannot be read: permission denied",
                remedy="run `warroom doctor`; it says which file and whose it is",
            )
        found = self.world.incidents.get(incident) if incident else None
        issue = found.issue_type if found is not None else issue_type or "rate_limiting"
        grave = found.severity if found is not None else severity or "incident"
        written = (words or {}).get("title") or self._say("Zillow answers HTTP 429; webhook events pile up")
        title = clean(written, limit=200)
        return Proposal(
            issue_type=issue,
            severity=grave,
            title=found.title if found is not None else title,
            incident=incident or "",
            summary=(words or {}).get("summary") or self._say("Sync is suspended; what waits too long may be lost."),
            began_at=NOW - timedelta(minutes=12),
            detected_at=NOW - timedelta(minutes=2),
            systems=("ZillowSyncUser",) if found is None else (),
            accounts=(75172, 14009) if found is None else (),
            drafts=tuple(self._drafts(found, purpose, audience, words or {})),
            notes=tuple(self._say(one) for one in self.notes),
            made_at=NOW,
            good_until=NOW + timedelta(seconds=self.good_for_s),
            purpose=purpose,
            audience=audience,
            words=dict(words or {}),
            key=f"key-{len(self.asked)}",
        )

    def _drafts(
        self, found: Incident | None, purpose: Purpose, audience: Audience, words: Mapping[str, str]
    ) -> list[Draft]:
        text = TEXTS[audience]
        for name in ("actions_taken", "eta", "progress"):
            text = text.replace(f"{{{name}}}", words.get(name, "—"))
        drafts = [
            Draft(
                channel=Channel.SLACK,
                purpose=purpose,
                audience=audience,
                destination=self._say("#fub-zyno-support"),
                text=clean(f"{text}\n{HOSTILE}", multiline=True) if self.hostile else text,
                fields={},
                figures=self._figures(),
                problem=self._problem(Channel.SLACK, "no bot token and no webhook address is set"),
            )
        ]
        kind = Purpose.TRACKING if found is None else Purpose.NOTE
        for channel, where, missing in (
            (Channel.DATADOG_INCIDENT, "Datadog, fub.datadoghq.com", "the application key lacks incident_write"),
            (Channel.JIRA, "ZYN", "no Jira address is set"),
        ):
            drafts.append(
                Draft(
                    channel=channel,
                    purpose=kind,
                    destination=where,
                    title=self._say("Rate limiting: Zillow answers HTTP 429"),
                    text=self._say("61 accounts; 212,631 webhook events wait."),
                    fields={"severity": "SEV-1", "state": "active"},
                    figures=self._figures()[:1],
                    problem=self._problem(channel, missing),
                )
            )
        return drafts

    def _problem(self, channel: Channel, why: str) -> str:
        if channel not in self.problems:
            return ""
        return self._say(f"{why}: set it in the settings (`warroom config` shows where), then press r")

    def _figures(self) -> tuple[BoundFigure, ...]:
        rows = (
            ("webhook_backlog", "212,631"),
            ("accounts_affected", "61"),
            ("health", "94.20 %"),
            ("events_lost", "—"),
        )
        return tuple(
            BoundFigure(
                name=name,
                shown=NOT_KNOWN_YET if name in self.unread else shown,
                reading=name,
                taken_at=None if name in self.unread else NOW - timedelta(seconds=400 if name in self.old else 20),
                stale="asked 6m ago; common: timed out since" if name in self.old else "",
                evidence=evidence("common", f"the question behind {name}", 1),
            )
            for name, shown in rows
        )

    def refresh(self, proposal: Proposal, job: Job | None = None) -> Proposal:
        self.measured += 1
        self._hold(self.waits, job)
        self._hold(self.measures, job)
        return self._again(proposal)

    def rewrite(self, proposal: Proposal) -> Proposal:
        self.rewritten.append({"audience": proposal.audience, "words": dict(proposal.words)})
        return self._again(proposal)

    def _again(self, proposal: Proposal) -> Proposal:
        return self._made(
            proposal.issue_type,
            proposal.severity,
            proposal.incident or None,
            proposal.purpose,
            proposal.audience,
            proposal.words,
        ).model_copy(update={"key": proposal.key})

    def stale(self, proposal: Proposal) -> tuple[BoundFigure, ...]:
        return tuple(one for draft in proposal.sendable for one in draft.stale)

    # ---- confirming

    def confirm(
        self,
        proposal: Proposal,
        typed: str,
        accept_stale: frozenset[str] = frozenset(),
        ending: Ending | None = None,
    ) -> Incident | Refusal:
        if self.holding is not None:
            self.holding.wait(20)
        self.confirmed.append((typed, accept_stale))
        if self.confirm_fails:
            raise SourceFailure(FailureKind.UNREACHABLE, "state", "database is locked", remedy="try it once more")
        if self.refuses or typed != proposal.word:
            return Refusal(
                rule=RefusalRule.SAFETY_CONCERN,
                issue_type=proposal.issue_type,
                missing="These numbers have become old. Nothing was sent.",
                accepted=("a fresh preview",),
                guidance=("Press r, look again, then confirm.",),
                contact="CL Nolen, #fub-zyno-support",
                taken_at=NOW,
            )
        if not proposal.incident:
            return self.world.incidents.declare(
                title=proposal.title,
                issue_type=proposal.issue_type,
                severity=proposal.severity,
                systems=proposal.systems,
                accounts=proposal.accounts,
                more=self._bodies(proposal, 0, accept_stale),
            )
        return self.world.incidents.decide(
            proposal.incident,
            lambda incident: (
                *self._bodies(proposal, len(incident.deliveries), accept_stale),
                *(status_changes(incident, IncidentStatus.RESOLVED, ending.why, ending.unmet) if ending else ()),
            ),
        )

    def _bodies(self, proposal: Proposal, before: int, accepted: frozenset[str]) -> Sequence[Body]:
        return [
            said.DeliveryConfirmed(
                delivery=f"D{number}",
                token=f"{proposal.key}-{number}",
                channel=draft.channel,
                purpose=draft.purpose,
                audience=draft.audience,
                destination=draft.destination,
                title=draft.title,
                text=draft.text,
                figures=draft.figures,
                accepted_stale=tuple(sorted(accepted)),
            )
            for number, draft in enumerate(proposal.sendable, before + 1)
        ]

    # ---- delivering

    def _due(self) -> list[tuple[str, Delivery]]:
        return [
            (line.id, one)
            for line in self.world.incidents.lines()
            for one in self.world.incidents.get(line.id).deliveries
            if one.state == "queued" and self.outcomes.get(one.channel, "sent") != "held"
        ]

    def waiting(self) -> bool:
        return bool(self._due())

    def deliver(self, _job: Job | None = None) -> int:
        due = self._due()
        for incident, one in due:
            self.world.incidents.decide(incident, self._decision(one), actor="console")
        return len(due)

    def _decision(self, one: Delivery) -> Callable[[Incident], Sequence[Body]]:
        return lambda _now: self._outcome(one)

    def _outcome(self, one: Delivery) -> Sequence[Body]:
        attempt = one.attempts + 1
        tried = said.DeliveryAttempted(delivery=one.delivery, attempt=attempt)
        told = self.outcomes.get(one.channel, "sent")
        if told == "sent":
            receipt = {Channel.SLACK: "1763388202.000100", Channel.JIRA: "ZYN-482"}.get(one.channel, "7")
            link = f"https://example.test/{receipt}"
            return [
                tried,
                said.DeliverySent(
                    delivery=one.delivery, attempt=attempt, receipt=receipt, link=link, found_again=attempt > 1
                ),
            ]
        return [
            tried,
            said.DeliveryFailed(
                delivery=one.delivery,
                attempt=attempt,
                outcome={"failed": "permanent", "uncertain": "ambiguous", "retrying": "definite"}[told],
                reason=self._say(
                    {"failed": "channel_not_found", "uncertain": "no answer within 10 s"}.get(told, "429")
                ),
                remedy=self._say("invite the bot to the channel, or set slack.channel to one that exists"),
                retry_at=NOW + timedelta(seconds=42) if told == "retrying" else None,
            ),
        ]

    def settle(self, incident: str, delivery: str, outcome: str, why: str = "") -> Incident:
        if outcome not in {"arrived", "given_up", "send_again"}:
            raise UserError(f"{outcome!r} is no outcome", accepted="arrived, given_up, send_again")
        self.settled.append((delivery, outcome, why))
        body = said.DeliverySettled(delivery=delivery, outcome=outcome, why=why)
        return self.world.incidents.decide(incident, lambda _now: (body,))


@dataclass
class ScriptedAssessments:
    """Exit criteria as told, a tier and an impact."""

    unmet: int = 0
    failing: bool = False

    def _fail(self) -> None:
        if self.failing:
            raise SourceFailure(FailureKind.UNREACHABLE, "common", "connection refused", remedy="run `warroom doctor`")

    def assess(self, incident_id: str, _job: Job | None = None) -> Assessment:
        self._fail()
        titles = (
            ("health", "health at least 98.80 % for 30 min, at least 500 events", "94.20 %"),
            ("backlog", "webhook backlog at most 1,000 for 15 min", "212,631"),
            ("rate", "HTTP 429 at most 10 a minute for 30 min", "2 a minute"),
        )
        return Assessment(
            incident=incident_id,
            criteria=tuple(
                Criterion(
                    id=name,
                    title=title,
                    status=Status.FAIL if number < self.unmet else Status.PASS,
                    shown=shown,
                    held_s=0.0 if number < self.unmet else 1_860.0,
                    needs_s=1_800.0,
                    evidence=(evidence("common", f"the question behind {name}", 1),),
                )
                for number, (name, title, shown) in enumerate(titles)
            ),
            steps=(),
            tier=self.tier("", "", None, ()),
            impact=None,
            proposals=(),
            next_update_at=None,
            taken_at=NOW,
        )

    def observe(self, incident_id: str, job: Job | None = None) -> Assessment:
        return self.assess(incident_id, job)

    def impact(self, _issue: str, _severity: str, _job: Job | None = None) -> Impact:
        self._fail()
        return Impact(
            score=1_240.0,
            limit=1_000.0,
            accounts=(),
            coverage=Coverage(answered=61, asked=61),
            proposes_command=True,
            words="impact 1,240 of 61 accounts, over 1,000: an incident commander is needed",
        )

    def tier(self, _issue: str, _severity: str, _impact: Impact | None, _measured: object) -> Tier:
        return Tier(tier=3, rule="61 accounts, over 10: immediate escalation", answer="escalate at once")


def at(seconds: float) -> datetime:
    """So long after the stopped moment."""
    return NOW + timedelta(seconds=seconds)


CLOCKS = ("incident.respond", "incident.deliveries", "incident.status")


def stop_clocks(monkeypatch: pytest.MonkeyPatch, moment: datetime = NOW) -> None:
    """Every screen that tells people sees the same moment."""
    for name in CLOCKS:
        monkeypatch.setattr(f"screens.{name}.utc_now", lambda: moment)


@contextmanager
def notice_world(folder: Path, **how: Any) -> Iterator[tuple[IncidentWorld, ScriptedNoticeService, ScriptedService]]:  # noqa: ANN401  # fields of the service
    """A journal, a scripted notice service on it, and the service of a console."""
    world = incident_world(folder)
    unmet, lost = how.pop("unmet", 0), how.pop("lost", False)
    notices = ScriptedNoticeService(world, **how)
    assessments = ScriptedAssessments(unmet=unmet, failing=lost)
    try:
        yield world, notices, world.service(notices=notices, assessments=assessments)
    finally:
        world.close()
