"""State of level 3 between two paints: records, incidents, the cascade, signs of races and of drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from screens.held_readings import RESOLUTION, SYSTEMS, HeldReadings, ResolutionFanOut

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.health import Resolution, SystemState
    from diagnostics.models.incidents import IncidentLine
    from diagnostics.models.investigations import Investigation
    from diagnostics.service import Diagnostics

RECORDS, INCIDENTS, RACES = "investigate:records", "investigate:incidents", "investigate:races"
KEYS = (RECORDS, INCIDENTS, SYSTEMS, RACES, RESOLUTION)
"""The live readings of this screen; two of them are level 2's own, and are shared with it."""

RACE = "installation_race"
MOST_ACCOUNTS = 5
MOST_INCIDENTS = 50


@dataclass(slots=True, frozen=True)
class Races:
    """Log lines that say that an installation came second. Source: Datadog, one aggregate."""

    query: str
    lines: int
    """Of the accounts named here; there may be further ones with fewer lines each."""
    accounts: tuple[tuple[int, int], ...]
    """Account and its lines, most first."""
    days: float
    partial: bool
    evidence: Evidence | None


def race_query(catalogue: Catalogue) -> str:
    """Log lines with one of the known messages that stand for an installation race."""
    from diagnostics.logs import quote  # noqa: PLC0415  # the query language loads when it is needed
    from diagnostics.oauth.verdicts import MESSAGE_CODES  # noqa: PLC0415

    texts = [one.text for name, one in catalogue.known_messages.items() if MESSAGE_CODES.get(name) == RACE]
    return " OR ".join(quote(text) for text in texts)


def ask_races(service: Diagnostics, now: datetime) -> Races:
    """Which accounts the logs name with an installation race, lately. Raises SourceFailure."""
    days = service.catalogue.thresholds["installation_recent_days"].warning or 1.0
    query = race_query(service.catalogue)
    found = service.explorer.facet(
        query, "@context.account_id", start=now - timedelta(days=days), end=now, most=MOST_ACCOUNTS
    )
    accounts = tuple((int(value), count) for value, count in found.values if value.isdigit())
    return Races(query, found.of, accounts, days, found.partial, found.evidence)


@dataclass(slots=True)
class InvestigateState(HeldReadings):
    """Plain data; knows no widget."""

    KEYS = KEYS

    fan_out: ResolutionFanOut | None = None
    """The resolution question, where this screen asks it and not level 2."""

    @property
    def records(self) -> tuple[Investigation, ...] | None:
        """Investigations, open ones first, each part newest first; None before the first answer."""
        found = cast("tuple[Investigation, ...] | None", self.value(RECORDS))
        return None if found is None else tuple(sorted(found, key=lambda one: one.closed_at is not None))

    @property
    def incidents(self) -> tuple[IncidentLine, ...] | None:
        """Incidents, open ones first; None before the first answer."""
        found = cast("tuple[IncidentLine, ...] | None", self.value(INCIDENTS))
        return None if found is None else tuple(sorted(found, key=lambda one: not one.is_open))

    @property
    def systems(self) -> tuple[SystemState, ...] | None:
        """The six systems; None before the first answer."""
        return cast("tuple[SystemState, ...] | None", self.value(SYSTEMS))

    @property
    def races(self) -> Races | None:
        """Signs of installation races."""
        return cast("Races | None", self.value(RACES))

    @property
    def resolution(self) -> Resolution | None:
        """The resolution distribution against its baselines."""
        return cast("Resolution | None", self.value(RESOLUTION))
