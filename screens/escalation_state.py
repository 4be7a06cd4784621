"""What the panel knows between two paints: the incident that is followed, its assessment, the tail of its timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.models.status import NOTIFY_SEVERITIES
from widgets import wording
from widgets.incident_view import Alarm, IncidentView, IssueView, catalogue_steps, role_titles, steps_now

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.figures import Page
    from diagnostics.models.incidents import Assessment, Following, Incident, IncidentLine, TimelineLine
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.base import Room
    from screens.critical_state import CriticalState

TAIL = 30
"""Entries of the timeline that the panel asks for; it shows as many as fit, whatever the length of the whole."""


@dataclass(slots=True)
class EscalationState:
    """Plain data; knows no widget."""

    followed: Reading[Following] | None = None
    assessed: Reading[Assessment] | None = None
    lines: tuple[TimelineLine, ...] = ()
    all_steps: bool = False
    """A person has opened the checklist on a small terminal."""
    _lines_of: tuple[str, int] = ("", 0)
    """Incident and newest entry that `lines` was read at."""
    _asking: tuple[str, int] = ("", 0)

    def take(self, reading: Reading[Any]) -> bool:
        """Keep a reading; False when it is another one's, or older than the one held."""
        held = {"incident": self.followed, "assessment": self.assessed}.get(reading.key)
        if reading.key not in {"incident", "assessment"} or (held is not None and reading.sequence < held.sequence):
            return False
        if reading.key == "incident":
            self.followed = reading
        else:
            self.assessed = reading
        return True

    @property
    def following(self) -> Following | None:
        """What was last followed."""
        return self.followed.value if self.followed is not None else None

    @property
    def incident(self) -> Incident | None:
        """The incident in view."""
        return self.following.incident if self.following is not None else None

    @property
    def assessment(self) -> Assessment | None:
        """The assessment of the incident in view; None where it is about another one."""
        found = self.assessed.value if self.assessed is not None else None
        return found if found is not None and self.incident is not None and found.incident == self.incident.id else None

    def problem(self) -> str:
        """What is wrong with the journal; empty when all is well."""
        reading = self.followed
        if reading is None:
            return ""
        if reading.failure:
            remedy = f"; {reading.remedy}" if reading.remedy else ""
            shown = "nothing is known of incidents"
            if reading.taken_at is not None:
                shown = f"what is shown is as of {reading.taken_at:%H:%M:%S} UTC"
            return f"{reading.failure}; {shown}{remedy}"
        return reading.value.problem if reading.value is not None else ""

    def doubt(self, now: datetime) -> str:
        """Why the assessment is missing or old; empty when it is neither."""
        reading = self.assessed
        if reading is None or (self.assessment is None and not reading.failure):
            return "being asked"
        if self.assessment is None:
            return reading.failure
        if wording.is_stale(reading):
            return f"old, {wording.age(reading.taken_at, now)}: {reading.failure or 'no answer'}"
        missing = self.assessment.failures
        return f"{missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "") if missing else ""

    def others(self) -> tuple[IncidentLine, ...]:
        """Open incidents that are not in view."""
        name = self.incident.id if self.incident is not None else ""
        return tuple(one for one in self.following.open if one.id != name) if self.following is not None else ()

    # ---- the tail of the timeline

    def ask_lines(self, room: Room, then: Callable[[], None]) -> None:
        """Read the tail again where the incident has moved on; `then` is called once it is here."""
        incident, service = self.incident, room.service
        if incident is None or service is None:
            return
        wanted = (incident.id, incident.last_seq)
        if wanted in {self._lines_of, self._asking}:
            return
        self._asking = wanted
        if wanted[0] != self._lines_of[0]:
            self.lines = ()
        desk = service.incidents

        def keep(page: Page[TimelineLine]) -> None:
            # A late answer about another incident, or about an earlier moment, is dropped.
            if self.incident is None or self.incident.id != wanted[0] or (self._lines_of > wanted and self.lines):
                return
            self.lines, self._lines_of = page.rows, wanted
            then()

        room.quietly(lambda: desk.timeline(wanted[0], most=TAIL), keep)

    # ---- what is drawn

    def view(
        self, catalogue: Catalogue, service: Diagnostics, now: datetime, alarms: Sequence[tuple[str, Alarm]] = ()
    ) -> IncidentView | None:
        """The incident in view, ready to be drawn; `alarms` by issue type."""
        incident = self.incident
        if incident is None:
            return None
        found = self.assessment
        steps = found.steps if found is not None else ()
        steps = steps or catalogue_steps(catalogue, incident.issue_type, incident.severity)
        covered = {one.issue_type for one in (self.following.open if self.following is not None else ())}
        return IncidentView(
            incident=incident,
            now=now,
            assessment=found,
            doubt=self.doubt(now),
            steps=steps_now(incident, steps, now),
            lines=self.lines,
            next_update_at=service.incidents.next_update_at(incident),
            roles=role_titles(catalogue, incident),
            others=self.others(),
            alarms=tuple(alarm for issue, alarm in alarms if issue not in covered),
        )

    def issue_view(self, catalogue: Catalogue, critical: CriticalState, issue: str, now: datetime) -> IssueView:
        """The issue in view and its five minutes, where no incident is open."""
        model, contact, severity = catalogue.issues[issue], catalogue.contact, critical.severity(issue)
        return IssueView(
            issue=model.title,
            severity=severity,
            now=now,
            notify=severity in NOTIFY_SEVERITIES,
            since=critical.first_alarm.get(issue),
            due=critical.notice_due(issue),
            manager=contact.manager,
            channel=contact.channel,
            team=contact.team,
            project=contact.project,
            route=model.route,
            steps=catalogue_steps(catalogue, issue, severity),
            others=self.others(),
        )
