"""Carries confirmed tracking to Datadog's incidents.

Reads of a delivery: `title` and `text` (the incident's title and the first line of its timeline), `token` (stands at
the end of the title, by which it is found again), and the fields "severity" (the console's), "state" (active, stable or
resolved), "impact" (what customers notice; empty is no impact) and "of" (Datadog's id, for a note).

A note changes severity and state, and nothing else: Datadog's API writes to the timeline of an incident only while it
is created. The words of a note stay in the journal, in Slack and in Jira.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from diagnostics.core.words import listed
from diagnostics.incident.channels.base import (
    NotDelivered,
    Receipt,
    SearchReach,
    is_its_site,
    looked_for_since,
    looking,
    sending,
)
from diagnostics.models.entries import Channel, Purpose

if TYPE_CHECKING:
    from diagnostics.config.settings import Settings
    from diagnostics.models.datadog import DatadogIncident
    from diagnostics.models.incidents import Delivery, Incident
    from diagnostics.sources.datadog import Datadog

ASSUMED_SEVERITIES: Mapping[str, str] = MappingProxyType(
    {
        "critical": "SEV-1",
        "incident": "SEV-2",
        "high": "SEV-3",
        "normal": "SEV-4",
        "monitoring": "SEV-5",
        "preventive": "SEV-5",
    }
)
"""The console's severities as Datadog's. Assumed: no source gives the mapping, and it keeps the order."""

STATES = ("active", "stable", "resolved")
_LONGEST_TITLE = 200
"""Of the words before our key, so that the key always stands."""


class DatadogDeliveryChannel:
    """Blocking and thread-safe; within the limits of the Datadog source, which it does not close."""

    channel = Channel.DATADOG_INCIDENT
    destination = "Datadog incidents"

    def __init__(
        self, settings: Settings, datadog: Datadog, *, severities: Mapping[str, str] = ASSUMED_SEVERITIES
    ) -> None:
        self._settings = settings
        self._datadog = datadog
        self._severities = severities

    def learn(self) -> None:
        """Nothing: the settings say where it writes."""

    def problem(self) -> str:
        """Why no incident can be opened from here, with the remedy; empty when it can. Asks nobody."""
        if not self._settings.writes.tracking:
            return "opening and changing incidents is switched off: set writes.tracking to true"
        if not self._settings.escalation.datadog_incidents:
            return "Datadog incidents are switched off: set escalation.datadog_incidents to true"
        keys = {"datadog.api_key": self._settings.datadog.api_key, "datadog.app_key": self._settings.datadog.app_key}
        missing = listed(name for name, key in keys.items() if key is None)
        return f"Datadog is not configured: set {missing}" if missing else ""

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        """Open the incident, or set severity and state of the one that was opened. Raises `NotDelivered`."""
        with sending():
            if delivery.purpose is Purpose.TRACKING:
                return self._receipt(self._create(delivery, incident))
            return self._receipt(self._change(delivery))

    def find(self, delivery: Delivery, incident: Incident) -> Receipt | None:  # noqa: ARG002  # the protocol's
        """The incident whose title carries the token; for a note, the incident if it stands as the note wants it.

        The search index may lag behind: None is not yet a proof. Raises `CannotLook`, `SourceFailure`.
        """
        with looking(f"in Datadog for an incident with {delivery.token} in its title"):
            found = self._look(delivery)
        return None if found is None else self._receipt(found)

    @property
    def site(self) -> str:
        """The organisation of this console, by the address of its web application."""
        return self._settings.datadog.web_url

    def carries(self, delivery: Delivery) -> bool:
        """An organisation has one place for incidents."""
        return is_its_site(self, delivery)

    def sight(self, delivery: Delivery) -> SearchReach:
        """Up to the newest incident that the search shows; an incident that a note changes is read itself."""
        if delivery.purpose is not Purpose.TRACKING:
            return SearchReach(is_direct=True)
        with looking(f"in Datadog for an incident with {delivery.token} in its title"):
            return SearchReach(self._datadog.incidents.newest())

    def twins(self, delivery: Delivery) -> tuple[Receipt, ...]:
        """Every incident whose title carries the token; a note has none. Raises `CannotLook`, `SourceFailure`."""
        if delivery.purpose is not Purpose.TRACKING:
            return ()
        with looking("in Datadog"):
            return tuple(map(self._receipt, self._carrying(delivery)))

    def close(self) -> None:
        """Nothing: the source belongs to whoever opened it, and ends its calls when it is closed."""

    def title(self, delivery: Delivery, incident: Incident) -> str:
        """The title as Datadog gets it: number, words, key."""
        words = delivery.title or incident.title
        numbered = words if incident.id in words else f"{incident.id} {words}"
        return f"{numbered[:_LONGEST_TITLE].strip()} {_mark(delivery)}"

    def _create(self, delivery: Delivery, incident: Incident) -> DatadogIncident:
        severity = delivery.fields.get("severity") or incident.severity
        made, _ = self._datadog.incidents.create(
            title=self.title(delivery, incident),
            severity=self._severities.get(severity, "UNKNOWN"),
            state=_state(delivery) or "active",
            impact=delivery.fields.get("impact", ""),
            cell=delivery.text,
        )
        return made

    def _change(self, delivery: Delivery) -> DatadogIncident:
        severity, state = self._wanted(delivery)
        if not severity and not state:
            raise NotDelivered(
                "permanent",
                "Datadog takes no notes on an incident that exists: its API changes severity and state only",
                remedy="write it into the incident's timeline in Datadog by hand, or give it up",
            )
        changed, _ = self._datadog.incidents.update(_of(delivery), severity=severity, state=state)
        return changed

    def _look(self, delivery: Delivery) -> DatadogIncident | None:
        if delivery.purpose is Purpose.TRACKING:
            return next(self._carrying(delivery), None)
        severity, state = self._wanted(delivery)
        if not delivery.fields.get("of") or not (severity or state):
            return None
        one, _ = self._datadog.incidents.get(delivery.fields["of"])
        stands = one.severity == (severity or one.severity) and one.state == (state or one.state)
        return one if stands else None

    def _carrying(self, delivery: Delivery) -> Iterator[DatadogIncident]:
        since, mark = looked_for_since(delivery), _mark(delivery)
        return (one for one in self._datadog.incidents.created_since(since) if mark in one.title)

    def _wanted(self, delivery: Delivery) -> tuple[str, str]:
        named = delivery.fields.get("severity", "")
        return (self._severities.get(named, "UNKNOWN") if named else ""), _state(delivery)

    def _receipt(self, one: DatadogIncident) -> Receipt:
        """The id by which it is changed later, and the address of the web app, which goes by the number."""
        place = one.id if one.number is None else str(one.number)
        return Receipt(one.id, f"{self._settings.datadog.web_url}/incidents/{place}")


def _mark(delivery: Delivery) -> str:
    """How our key stands in a title: between brackets, so that no key is the beginning of another one."""
    return f"[{delivery.token}]"


def _state(delivery: Delivery) -> str:
    state = delivery.fields.get("state", "")
    return state if state in STATES else ""


def _of(delivery: Delivery) -> str:
    of = delivery.fields.get("of", "")
    if not of:
        raise NotDelivered("permanent", "it names no Datadog incident that it would change")
    return of
