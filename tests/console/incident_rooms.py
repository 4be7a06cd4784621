"""A console with a real journal in a folder of its own: incidents are declared and changed as people would.

Sources other than the journal answer by script (`tests.console.scripted`); the clock stands unless a test moves it.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from diagnostics.catalogue import Catalogue
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings
from diagnostics.core.context import Context
from diagnostics.incident.incidents import IncidentService
from diagnostics.incident.journal import Journal
from diagnostics.models.incidents import Incident
from diagnostics.store.store import StateStore
from tests.console.rest import until
from tests.console.scripted import NOW, ScriptedService
from tests.shipped import shipped_catalogue
from tui.app import WarRoomApp


@dataclass
class Clock:
    """The journal's clock."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class IncidentWorld:
    """One journal and what a console needs to work with it."""

    settings: Settings
    catalogue: Catalogue
    clock: Clock
    state: StateStore
    journal: Journal
    incidents: IncidentService

    def context(self) -> Context:
        """As services are given them; only the journal, the settings and the catalogue are real."""
        members = types.SimpleNamespace(
            settings=self.settings, catalogue=self.catalogue, state=self.state, journal=self.journal, now=self.clock
        )
        return cast("Context", members)

    def declare(self, **changes: object) -> Incident:
        """An incident like that of 17 November."""
        given: dict[str, Any] = {
            "title": "Zillow answers HTTP 429; webhook events pile up",
            "issue_type": "rate_limiting",
            "severity": "incident",
            "summary": "Sync is suspended; events that wait too long may be lost for good.",
            "began_at": self.clock.now - timedelta(minutes=12),
            "detected_at": self.clock.now - timedelta(minutes=2),
            "systems": ("ZillowSyncUser",),
            "accounts": (14009, 75172),
        }
        return self.incidents.declare(**given | changes)

    def other(self, person: str) -> IncidentService:
        """The service of somebody else's console on the same journal."""
        journal = Journal(self.state, person=person, console=f"bastion-2:{person}", now=self.clock)
        context = types.SimpleNamespace(
            settings=self.settings, catalogue=self.catalogue, state=self.state, journal=journal, now=self.clock
        )
        return IncidentService(cast("Context", context))

    def service(self, **changes: Any) -> ScriptedService:  # noqa: ANN401  # fields of the service
        """A scripted service whose incidents are real."""
        return ScriptedService(settings=self.settings, catalogue=self.catalogue, incidents=self.incidents, **changes)

    def close(self) -> None:
        self.state.close()


def incident_world(folder: Path, *, person: str = "cl.nolen") -> IncidentWorld:
    """A world whose journal lies in `folder`. Close it."""
    settings = load_settings(environ={"WARROOM_STATE_DIR": str(folder), "WARROOM_ESCALATION__PERSON": person}).settings
    catalogue, clock = shipped_catalogue(), Clock()
    state = StateStore(settings.state, settings.state_dir)
    journal = Journal(state, person=person, console="bastion-1:4711", now=clock)
    world = IncidentWorld(settings, catalogue, clock, state, journal, cast("IncidentService", None))
    world.incidents = IncidentService(world.context())
    return world


async def followed(pilot: Pilot[int], incident: Incident) -> None:
    """Wait until the console has seen this incident as it is now."""
    app = cast("WarRoomApp", pilot.app)
    await until(pilot, lambda: app.incident is not None and app.incident.last_seq >= incident.last_seq)
    await pilot.pause()
