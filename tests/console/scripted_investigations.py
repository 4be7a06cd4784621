"""A console for looking at level 3: a real journal with incidents and investigations, other sources by script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.incident.investigations import InvestigationService
from diagnostics.models.entries import EvidenceLabel, IncidentStatus
from diagnostics.models.incidents import Incident
from screens.base import ConsoleScreen
from tests.console.incident_rooms import IncidentWorld, incident_world
from tests.console.rest import rest, until
from tests.console.scripted import HOSTILE, NOW, evidence
from tests.console.scripted_explorer import ScriptedExplorer
from tests.console.scripted_health import ScriptedHealth, ServiceWithHealth
from tests.console.scripted_incidents import ScriptedFollowUps
from widgets.line_view import LineView

CLOCKS = ("investigate.screen", "investigate.record", "incident.timeline", "incident.incidents")


def unreachable(source: str = "state") -> SourceFailure:
    return SourceFailure(FailureKind.UNREACHABLE, source, "no answer: connection refused", remedy="try again")


class SilentAssessments:
    """Nothing can be measured here."""

    def assess(self, _incident: str, _job: object = None) -> object:
        raise unreachable("common")

    observe = assess


@dataclass
class ScriptedRecords:
    """Hand-off and review by script."""

    failing: bool = False
    hostile: bool = False
    follow_ups: ScriptedFollowUps = field(default_factory=ScriptedFollowUps)

    def _text(self, name: str, incident: str) -> str:
        if self.failing:
            raise unreachable()
        said = clean(f" {HOSTILE}") if self.hostile else ""
        return f"# {name} of {incident}{said}\n\n- severity: incident\n- commander: cl.nolen\n\nBacklog **212,631**.\n"

    def handoff(self, incident: str) -> str:
        return self._text("Hand-off", incident)

    def review(self, incident: str) -> str:
        return self._text("Review", incident)

    def export(self, incident: str) -> str:
        return f'{{"incident": "{incident}"}}\n'


@dataclass
class Breakable:
    """A service whose questions fail while it is told to."""

    real: Any
    failing: bool = False
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the service has
        found = getattr(self.real, name)
        if not callable(found) or name == "next_update_at":
            # Worked out from what is known already: it asks the journal nothing.
            return found

        def call(*given: object, **named: object) -> object:
            self.asked.append(name)
            if self.failing:
                raise unreachable()
            return found(*given, **named)

        return call


@dataclass
class Level3:
    """One journal, its services, and the service that a console is made on."""

    world: IncidentWorld
    incidents: Breakable
    investigations: Breakable
    service: ServiceWithHealth
    records: ScriptedRecords

    def close(self) -> None:
        self.world.close()


def level_3(folder: Path, **health: Any) -> Level3:  # noqa: ANN401  # fields of the health service
    """Empty; close it."""
    world = incident_world(folder)
    incidents = Breakable(world.incidents)
    investigations = Breakable(InvestigationService(world.context(), world.incidents))
    records = ScriptedRecords()
    service = ServiceWithHealth(
        health=ScriptedHealth(**health), settings=world.settings, catalogue=world.catalogue, quiet=bool(health)
    )
    service.incidents, service.investigations = incidents, investigations
    service.assessments, service.reviews = SilentAssessments(), records
    service.explorer = ScriptedExplorer(service)
    return Level3(world, incidents, investigations, service, records)


def fill(level: Level3, *, hostile: bool = False) -> Incident:
    """An open incident with a record of what is thought of it, a past one, and a question nobody has answered."""
    world, incidents = level.world, level.world.incidents
    say: Callable[[str], str] = (lambda text: f"{text} {HOSTILE[:110]}") if hostile else str
    world.clock.forward(days=-2)
    past = incidents.declare(title=say("38 accounts cannot refresh"), issue_type="oauth_failure", severity="critical")
    closed = level.investigations.open(say("Why do the refreshes fail?"), past.id)
    closed = level.investigations.add_hypothesis(
        closed.id, "The secret was rotated", "a refresh with the new secret fails"
    )
    level.investigations.weigh(closed.id, "H1", "for", EvidenceLabel.DIRECT, "the rotation log names it", "vault")
    level.investigations.name_root_cause(closed.id, "H1", "refreshes work with the new secret")
    level.investigations.close(closed.id, "The rotation left the old secret in place.")
    world.clock.forward(hours=3)
    incidents.set_status(past.id, IncidentStatus.RESOLVED, "refreshes work again")
    world.clock.now = NOW
    world.clock.forward(minutes=-14)
    incident = world.declare(title=say("Zillow answers HTTP 429; webhook events pile up"))
    asked = evidence("datadog", say("service:fub @context.error_message:*429*"), 15)
    incidents.pin(
        incident.id, say("1,204 HTTP 429 a minute"), say("Retry-After 30 s"), EvidenceLabel.STATISTICAL, evidence=asked
    )
    incidents.pin(incident.id, say("The partner's status page names a lowered limit"), "", inferred=True)
    world.clock.forward(minutes=2)
    record = level.investigations.open(say("Why does Zillow answer 429?"), incident.id)
    level.investigations.add_hypothesis(
        record.id, say("Zillow lowered our limit"), say("their support says that it did not")
    )
    level.investigations.add_hypothesis(
        record.id, say("A worker retries without a pause"), say("the retry log shows pauses")
    )
    for side, label, text, source, found in (
        ("for", EvidenceLabel.STATISTICAL, "429s begin at 13:49 in every service at once", "datadog", asked),
        ("for", EvidenceLabel.DIRECT, "support confirms a lowered limit", "zillow support", None),
        ("against", EvidenceLabel.CIRCUMSTANTIAL, "deploy at 13:40 touched the retry code", "deploy log", None),
    ):
        level.investigations.weigh(record.id, "H1", side, label, say(text), source, evidence=found)
    level.investigations.weigh(
        record.id, "H1", "for", EvidenceLabel.CIRCUMSTANTIAL, say("it fits the calendar"), "somebody", inferred=True
    )
    level.investigations.withdraw(record.id, "V3", say("the deploy was rolled back before"))
    level.investigations.open(say("Why is account 75172 not onboarded?"))
    world.clock.now = NOW
    return incidents.get(incident.id)


def stop_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every screen of level 3 sees the same moment."""
    for name in CLOCKS:
        monkeypatch.setattr(f"screens.{name}.utc_now", lambda: NOW)


def shown(pilot: Pilot[Any]) -> str:
    """The screen on top as text, row by row."""
    return "\n".join(row.text for view in pilot.app.screen.query(LineView) for row in view.rows)


async def showing(pilot: Pilot[Any], *words: str) -> None:
    """Wait until the screen on top shows all of these."""
    try:
        await until(pilot, lambda: all(word in shown(pilot) for word in words))
    except AssertionError:
        raise AssertionError(f"{words} not in:\n{shown(pilot)}") from None


async def on_screen(pilot: Pilot[Any], kind: type[ConsoleScreen]) -> None:
    """Wait until a screen of this kind is on top."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await pilot.pause()


async def opened_sources(pilot: Pilot[Any]) -> None:
    """Wait until the sources are open."""
    await until(pilot, lambda: getattr(pilot.app, "live", None) is not None)
    await rest(pilot)


async def typed(pilot: Pilot[Any], text: str) -> None:
    """Type a line into the entry on top, in place of what stands there, and take it."""
    from screens.line_entry import LineEntry  # noqa: PLC0415

    await on_screen(pilot, LineEntry)
    screen = pilot.app.screen
    assert isinstance(screen, LineEntry)
    await until(pilot, lambda: screen.focused is not None)
    if text:
        screen.put(text)
    await pilot.press("enter")
    await pilot.pause()
