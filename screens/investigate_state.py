"""What level 3 knows between two paints: records, incidents, the cascade, signs of races and of drift."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from screens import health_state

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.health import Resolution, SystemState
    from diagnostics.models.incidents import IncidentLine
    from diagnostics.models.investigations import Investigation
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics

SYSTEMS, RESOLUTION = health_state.SYSTEMS, health_state.RESOLUTION
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
class InvestigateState:
    """Plain data; knows no widget."""

    readings: dict[str, Reading[Any]] = field(default_factory=dict)

    def take(self, reading: Reading[Any]) -> bool:
        """Keep a reading; False when it is older than the one held, or none of this screen's."""
        held = self.readings.get(reading.key)
        if reading.key not in KEYS or (held is not None and reading.sequence < held.sequence):
            return False
        self.readings[reading.key] = reading
        return True

    def _value(self, key: str) -> Any:  # noqa: ANN401  # each property names its own type
        reading = self.readings.get(key)
        return None if reading is None else reading.value

    @property
    def records(self) -> tuple[Investigation, ...] | None:
        """Investigations, open ones first, each part newest first; None before the first answer."""
        found = cast("tuple[Investigation, ...] | None", self._value(RECORDS))
        return None if found is None else tuple(sorted(found, key=lambda one: one.closed_at is not None))

    @property
    def incidents(self) -> tuple[IncidentLine, ...] | None:
        """Incidents, open ones first; None before the first answer."""
        found = cast("tuple[IncidentLine, ...] | None", self._value(INCIDENTS))
        return None if found is None else tuple(sorted(found, key=lambda one: not one.is_open))

    @property
    def systems(self) -> tuple[SystemState, ...] | None:
        """The six systems; None before the first answer."""
        return cast("tuple[SystemState, ...] | None", self._value(SYSTEMS))

    @property
    def races(self) -> Races | None:
        """Signs of installation races."""
        return cast("Races | None", self._value(RACES))

    @property
    def resolution(self) -> Resolution | None:
        """The resolution distribution against its baselines."""
        return cast("Resolution | None", self._value(RESOLUTION))
