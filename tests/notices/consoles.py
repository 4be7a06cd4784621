"""Consoles that share one journal and one Slack: the services, the outbox and the channels are the real ones."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from diagnostics.catalogue import Catalogue, load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.incident.assess.assessments import AssessmentService
from diagnostics.incident.channels.base import CannotLook, DeliveryChannel, NotDelivered, Receipt, SearchReach
from diagnostics.incident.channels.slack import SlackDeliveryChannel
from diagnostics.incident.incidents import IncidentService
from diagnostics.incident.journal import Journal
from diagnostics.incident.notices.notices import NoticeService
from diagnostics.models.entries import Channel, MeasuredFigure
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import AffectedAccount, AffectedAccounts, Delivery, Incident
from diagnostics.models.notices import Proposal
from diagnostics.store.store import StateStore
from tests.notices.slack_server import TOKEN, SlackServer

NOW = datetime(2025, 11, 17, 14, 3, tzinfo=UTC)


@dataclass
class Clocks:
    """The wall clock, which may jump, and the steady one."""

    now: datetime = NOW
    steady_s: float = 1_000.0

    def wall(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return self.steady_s

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.steady_s += seconds

    def jump(self, **span: float) -> None:
        """Somebody sets the wall clock."""
        self.now += timedelta(**span)


@dataclass
class Readings:
    """Stands in for measuring."""

    clocks: Clocks
    values: dict[str, float | str | None] = field(
        default_factory=lambda: {
            "health": "94.20 %",
            "webhook_backlog": "212,631",
            "accounts_affected": "1,204",
            "large_accounts": "75172 (4,310 users)",
            "data_loss_risk": "high",
        }
    )
    unreachable: set[str] = field(default_factory=set)
    failure: SourceFailure | None = None
    asked: int = 0
    at_once: tuple[MeasuredFigure, ...] = ()
    """What is known without asking."""

    def measure(self, issue_type: str, job: object = None) -> tuple[MeasuredFigure, ...]:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return tuple(self._one(name, value) for name, value in self.values.items())

    def known(self, issue_type: str, job: object = None) -> tuple[MeasuredFigure, ...]:
        return self.at_once

    def known_affected(self, issue_type: str, severity: str, job: object = None) -> AffectedAccounts | None:
        return None

    def affected(self, issue_type: str, severity: str, **_: object) -> AffectedAccounts:
        rows = tuple(AffectedAccount(issue_type, number, 1.0, "told") for number in (14009, 75172))
        return AffectedAccounts(issue_type, severity, 900, rows, 2, False, "told", self.clocks.now)

    def _one(self, name: str, value: float | str | None) -> MeasuredFigure:
        lost = name in self.unreachable
        return MeasuredFigure(
            id=name,
            title=name.replace("_", " ").capitalize(),
            value=None if lost else value,
            shown="—" if lost or value is None else str(value),
            status="unreachable" if lost else "no_data" if value is None else "fail",
            taken_at=self.clocks.now,
            evidence=Evidence(source="common", query=f"SELECT {name}", started_at=self.clocks.now, took_ms=2.0),
        )


class Tracker:
    """A tracking service in memory: what it does next is told by the test."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.destination = channel.value
        self.sent: list[tuple[Delivery, str]] = []
        self.next: list[NotDelivered] = []
        self.blind = False

    @property
    def site(self) -> str:
        return ""

    def learn(self) -> None:
        """Nothing: the settings say where it writes."""

    def problem(self) -> str:
        return ""

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        if self.next:
            raise self.next.pop(0)
        self.sent.append((delivery, incident.id))
        return Receipt(f"{self.channel.value}-{len(self.sent)}", f"https://track.example/{len(self.sent)}")

    def find(self, delivery: Delivery, incident: Incident) -> Receipt | None:
        if self.blind:
            raise CannotLook("nobody can look here", remedy="look yourself")
        found = [number for number, (one, _) in enumerate(self.sent, 1) if one.token == delivery.token]
        return Receipt(f"{self.channel.value}-{found[0]}") if found else None

    def carries(self, delivery: Delivery) -> bool:
        return delivery.destination in {"", self.destination}

    def sight(self, delivery: Delivery) -> SearchReach:
        return SearchReach(is_direct=True)

    def twins(self, delivery: Delivery) -> tuple[Receipt, ...]:
        return tuple(
            Receipt(f"{self.channel.value}-{number}")
            for number, (one, _) in enumerate(self.sent, 1)
            if one.token == delivery.token
        )

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Console:
    """One responder's console."""

    context: Context
    incidents: IncidentService
    notices: NoticeService
    readings: Readings
    clocks: Clocks
    state: StateStore

    def propose(self, **changes: object) -> Proposal:
        given: dict[str, object] = {"issue_type": "rate_limiting", "severity": "incident"}
        return self.notices.propose(**(given | changes))  # type: ignore[arg-type]  # a test's own choice

    def confirm(self, proposal: Proposal | None = None) -> Incident:
        done = self.notices.confirm(proposal or self.propose(), "send")
        assert isinstance(done, Incident)
        return done

    def slack_of(self, incident: Incident) -> Delivery:
        """Its first delivery to Slack as it is now."""
        found = self.incidents.get(incident.id).deliveries
        return next(one for one in found if one.channel is Channel.SLACK)

    def close(self) -> None:
        self.notices.close()
        self.state.close()


def console_settings(folder: Path, slack: SlackServer | None, way: str = "token", **changes: object) -> Settings:
    """Settings of a console that knows this Slack; `changes` with `__` for a dot."""
    flags: dict[str, object] = {"state_dir": folder, "slack.timeout_s": 0.4, "slack.mention": "S0614TZR7"}
    if slack is not None and way == "token":
        flags |= {"slack.api_url": slack.api_url, "slack.bot_token": TOKEN}
    elif slack is not None:
        flags |= {"slack.webhook_url": slack.webhook_url}
    flags |= {name.replace("__", "."): value for name, value in changes.items()}
    return load_settings(flags=flags, environ={}).settings


def make_console(
    settings: Settings,
    clocks: Clocks,
    *,
    person: str = "cl.nolen",
    channels: Sequence[DeliveryChannel] | None = None,
    catalogue: Catalogue | None = None,
) -> Console:
    """A console on the journal of `settings.state_dir`. Close it."""
    known = catalogue or load_catalogue(settings.catalogue)
    state = StateStore(settings.state, settings.state_dir)
    journal = Journal(state, person=person, console=f"bastion:{person}", now=clocks.wall)
    readings = Readings(clocks)
    datadog = types.SimpleNamespace(link=lambda *_, **__: f"{settings.datadog.web_url}/logs?query=x")
    members = {"settings": settings, "catalogue": known, "state": state, "journal": journal, "datadog": datadog}
    context = cast("Context", types.SimpleNamespace(**members, now=clocks.wall, window_s=900))
    incidents = IncidentService(context)
    carriers = channels if channels is not None else (SlackDeliveryChannel(settings, known.contact),)
    notices = NoticeService(context, incidents, cast("AssessmentService", readings), carriers, steady=clocks.steady)
    return Console(context, incidents, notices, readings, clocks, state)


def lost(reason: str = "no answer") -> SourceFailure:
    return SourceFailure(FailureKind.TIMED_OUT, "slack", reason)
