"""Input of the escalation panel's rows: the record, the live world, the present moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.models.incidents import Step
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.incidents import Assessment, Incident, IncidentLine, TimelineLine


@dataclass(slots=True, frozen=True)
class Alarm:
    """An issue in a severity that has to be told about."""

    issue: str
    """Title of the issue."""
    severity: str
    since: datetime | None
    """When this console first saw it."""


@dataclass(slots=True, frozen=True)
class IncidentView:
    """One incident, ready to be drawn."""

    incident: Incident
    now: datetime
    assessment: Assessment | None = None
    doubt: str = ""
    """Why the assessment is missing or old; empty when it is neither."""
    steps: tuple[Step, ...] = ()
    lines: tuple[TimelineLine, ...] = ()
    """The tail of the timeline, newest first."""
    next_update_at: datetime | None = None
    roles: tuple[tuple[str, str], ...] = ()
    """Id and title of each role, in the catalogue's order."""
    others: tuple[IncidentLine, ...] = ()
    """Other open incidents."""
    alarms: tuple[Alarm, ...] = ()
    """Issues that burn and belong to no open incident."""


@dataclass(slots=True, frozen=True)
class IssueView:
    """The issue in view where no incident is open: whom to tell, by when, what to do first."""

    issue: str
    """Title."""
    severity: str
    now: datetime
    notify: bool
    since: datetime | None
    """When this console first saw the severity."""
    due: datetime | None
    """When the first notice is due."""
    manager: str
    channel: str
    team: str
    project: str
    route: str
    steps: tuple[Step, ...] = ()
    others: tuple[IncidentLine, ...] = ()
    is_known: bool = True
    """False where the journal cannot be read: an incident may be open all the same."""


def catalogue_steps(catalogue: Catalogue, issue_type: str, severity: str) -> tuple[Step, ...]:
    """The checklist of an issue type as the catalogue has it; those of other severities are left out."""
    checklist = catalogue.checklists.get(issue_type)
    if checklist is None:
        return ()
    return tuple(
        Step(
            id=name,
            title=step.title,
            text=step.text,
            rule=step.rule,
            minutes=step.minutes,
            note=step.people,
            status=Status.WARN,
        )
        for name, step in checklist.steps.items()
        if not step.severities or severity in step.severities or severity in {"unknown", "judging"}
    )


def steps_now(incident: Incident, steps: Sequence[Step], now: datetime) -> tuple[Step, ...]:
    """The checklist with what the record says of it by now: open ones first, each group in the checklist's order.

    An assessment is up to half a minute old; who has ticked a step since then stands in the record.
    """
    records = {one.step: one for one in incident.steps}
    # A step that was ticked and is not in the list (another catalogue, another severity) is shown all the same.
    strangers = [
        Step(id=name, text=name.replace("_", " ")) for name in records if name not in {one.id for one in steps}
    ]
    fresh = []
    for step in (*steps, *strangers):
        record = records.get(step.id)
        overdue = step.minutes is not None and now > incident.declared_at + timedelta(minutes=step.minutes)
        status = Status.PASS if record is not None else Status.FAIL if overdue and incident.is_open else Status.WARN
        fresh.append(step.model_copy(update={"record": record, "status": status}))
    return tuple(sorted(fresh, key=lambda step: step.record is not None))


def role_titles(catalogue: Catalogue, incident: Incident) -> tuple[tuple[str, str], ...]:
    """Roles of the catalogue, and any that somebody holds and that is not in it."""
    titles = {name: role.title for name, role in catalogue.roles.items()}
    for one in incident.roles:
        if one.until is None:
            titles.setdefault(one.role, one.role.replace("_", " "))
    return tuple(titles.items())
