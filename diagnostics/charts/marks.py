"""Moments that people made, for a chart: incidents that began, were declared, told of, ended; deploys noted by hand."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.charts.models import ChartMark
from diagnostics.models.entries import Channel, IncidentStatus, Noted

if TYPE_CHECKING:
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.incidents import Incident

MOST_INCIDENTS = 20
"""Incidents whose moments are looked at, the newest first."""

OLDEST_S = 2 * 86_400
"""An incident that was declared so long before the window and is over has no moments in it."""

MOST_ENTRIES = 200

_DEPLOY = re.compile(
    r"\b(?:deploy|deployed|deployment|release|released|rollback|rolled back|roll-back)\b", re.IGNORECASE
)
"""A note of the timeline that speaks of a deploy. No source names deploys; people write them down."""


def marks_between(incidents: IncidentService, begins: datetime, ends: datetime) -> tuple[ChartMark, ...]:
    """Marks from `begins` to `ends`, oldest first. Reads the journal only. Raises SourceFailure."""
    found: list[ChartMark] = []
    for line in incidents.lines(MOST_INCIDENTS):
        if line.declared_at < begins - timedelta(seconds=OLDEST_S) and not line.is_open:
            continue
        incident = incidents.get(line.id)
        found += of_incident(incident)
        for row in incidents.timeline(line.id, most=MOST_ENTRIES).rows:
            if isinstance(row.entry.body, Noted) and _DEPLOY.search(row.entry.body.text):
                found.append(ChartMark(at=row.at, kind="deploy", text=row.entry.body.text))
    inside = (mark for mark in found if begins <= mark.at <= ends)
    return tuple(sorted(inside, key=lambda mark: mark.at))


def of_incident(incident: Incident) -> list[ChartMark]:
    """The moments of one incident: when it began, was declared, was told of, moved on, ended."""
    found = [
        ChartMark(at=incident.declared_at, kind="declared", text=f"{incident.id} declared by {incident.declared_by}")
    ]
    if incident.began_at is not None:
        found.append(ChartMark(at=incident.began_at, kind="began", text=f"{incident.id} began"))
    for delivery in incident.deliveries:
        if delivery.channel is Channel.SLACK and delivery.sent_at is not None:
            what = delivery.purpose.value.replace("_", " ")
            found.append(ChartMark(at=delivery.sent_at, kind="notice", text=f"{what} to {delivery.destination}"))
    for at, status, person in incident.statuses:
        if status is IncidentStatus.RESOLVED:
            found.append(ChartMark(at=at, kind="resolved", text=f"{incident.id} resolved by {person}"))
        elif at != incident.declared_at:
            found.append(ChartMark(at=at, kind="status", text=f"{incident.id} {status.value} ({person})"))
    return found
