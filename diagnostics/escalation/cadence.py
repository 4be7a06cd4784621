"""When the next update is promised: by the severity's cadence, or by the one that somebody set."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.incidents import Incident


def cadence_minutes(incident: Incident, catalogue: Catalogue) -> int | None:
    """Minutes between two updates; None for a severity that the catalogue does not know any more."""
    if incident.cadence_minutes is not None:
        return incident.cadence_minutes
    rule = catalogue.cadence.get(incident.severity)
    return None if rule is None else rule.minutes


def next_update_at(incident: Incident, catalogue: Catalogue) -> datetime | None:
    """When the next notice is due; None once nothing is promised any more. A snooze silences reminders, no promise.

    Until the first notice it is the severity's time for that, counted from the declaration.
    """
    if not incident.is_open:
        return None
    if incident.last_update_at is None:
        rule = catalogue.cadence.get(incident.severity)
        minutes = None if rule is None else rule.first_minutes
        if incident.cadence_minutes is not None:
            minutes = incident.cadence_minutes if minutes is None else min(minutes, incident.cadence_minutes)
        return None if minutes is None else incident.declared_at + timedelta(minutes=minutes)
    every = cadence_minutes(incident, catalogue)
    return None if every is None else incident.last_update_at + timedelta(minutes=every)
