"""One incident as it is now, whoever changes it: its record, its assessment, the tail of its timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from diagnostics.core.words import age
from diagnostics.models.status import NOTIFY_SEVERITIES
from widgets import wording
from widgets.incident_view import Alarm, IncidentView, IssueView, catalogue_steps, role_titles, steps_now

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.figures import Page
    from diagnostics.models.incidents import Assessment, Following, Incident, IncidentLine, TimelineLine
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.base import ScreenHost

TAIL = 30
"""Entries of the timeline that are asked for; as many are shown as fit, whatever the length of the whole."""


class IssueWatch(Protocol):
    """The issues that level 1 watches, each with its severity and its alarm."""

    @property
    def first_alarm(self) -> Mapping[str, datetime]:
        """When this console first saw each issue that burns."""

    def severity(self, issue: str) -> str:
        """How grave it is now."""

    def notice_due(self, issue: str) -> datetime | None:
        """When the first notice is due."""


class IncidentFollower:
    """Follows the incident in view, or one that is named. What has to be read besides is read in a thread."""

    def __init__(self, host: ScreenHost, changed: Callable[[], None], incident_id: str = "") -> None:
        self.host = host
        self.changed = changed
        """Called on the event loop once something that was read, or written, is held."""
        self.incident_id = incident_id
        """Empty for the incident in view, whichever that is."""
        self.unread = ""
        """Why a named incident is not known."""
        self.lines: tuple[TimelineLine, ...] = ()
        """The tail of the timeline, newest first."""
        self.followed: Reading[Following] | None = None
        self._assessed: Reading[Assessment] | None = None
        self._named: Incident | None = None
        self._lines_of: tuple[str, int] = ("", 0)
        """Incident and newest entry that `lines` was read at."""
        self._asking: tuple[str, int] = ("", 0)

    # ---- what is known

    @property
    def following(self) -> Following | None:
        """The newest look at the journal that had an answer."""
        return self.followed.value if self.followed is not None else None

    @property
    def incident(self) -> Incident | None:
        """The incident as it is now; None while it is not known."""
        if self.incident_id:
            return self._named
        return self.following.incident if self.following is not None else None

    @property
    def assessment(self) -> Assessment | None:
        """The assessment of this incident; None where the newest one is about another."""
        found = self._assessed.value if self._assessed is not None else None
        return found if found is not None and self.incident is not None and found.incident == self.incident.id else None

    def problem(self) -> str:
        """Why the journal cannot be read or trusted; empty when all is well."""
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
        reading = self._assessed
        if reading is None or (self.assessment is None and not reading.failure):
            return "being asked"
        if self.assessment is None:
            return reading.failure
        if wording.is_stale(reading):
            return f"old, {age(reading.taken_at, now)}: {reading.failure or 'no answer'}"
        missing = self.assessment.failures
        return f"{missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "") if missing else ""

    def others(self) -> tuple[IncidentLine, ...]:
        """Open incidents other than this one."""
        name = self.incident.id if self.incident is not None else ""
        return tuple(one for one in self.following.open if one.id != name) if self.following is not None else ()

    # ---- following

    def begin(self) -> None:
        """Take the readings that are there already; a named incident that is not in view is read."""
        live = self.host.live
        for key in ("incident", "assessment"):
            reading = live.last(key) if live is not None else None
            if reading is not None:
                self.take(reading)
        self._look()

    def take(self, reading: Reading[Any]) -> bool:
        """Keep a reading; False when it is another one's, or older than the one held."""
        held = {"incident": self.followed, "assessment": self._assessed}.get(reading.key)
        if reading.key not in {"incident", "assessment"} or (held is not None and reading.sequence < held.sequence):
            return False
        if reading.key == "incident":
            self.followed = reading
            self._look()
        elif reading.value is None and held is not None and held.value is not None:
            # A tier that was known stays, called old: a dash after it would say that nobody ever knew.
            kept = {"value": held.value, "taken_at": held.taken_at, "freshness": "stale"}
            self._assessed = reading.model_copy(update=kept)
        else:
            self._assessed = reading
        return True

    def _look(self) -> None:
        """A named incident that is not in view is read by itself, whenever the journal has moved on."""
        service, following, named = self.host.service, self.following, self._named
        if not self.incident_id:
            return
        if following is not None and following.incident is not None and following.incident.id == self.incident_id:
            self.keep(following.incident)
        elif service is not None and (named is None or (following is not None and following.seq > named.last_seq)):
            incidents, name = service.incidents, self.incident_id
            self.host.quietly(lambda: incidents.get(name), self.keep)

    def read(self, *, doing: str, then: Callable[[Incident], None] | None = None) -> None:
        """Read the named incident now, and say so; `then` gets it once it is held."""
        service = self.host.service
        if service is None:
            return
        incidents, name = service.incidents, self.incident_id

        def found(incident: Incident) -> None:
            self.keep(incident)
            if then is not None:
                then(incident)

        self.host.ask(lambda: incidents.get(name), found, doing=doing, failed=self._failed)

    def _failed(self) -> None:
        self.unread = "the journal could not be read; r tries it again" if self._named is None else ""
        self.changed()

    def keep(self, incident: Incident) -> None:
        """A state of the named incident that was read or written; one that is older than what is held is dropped."""
        if self._named is None or incident.last_seq >= self._named.last_seq:
            self._named, self.unread = incident, ""
            self.changed()

    # ---- the tail of the timeline

    def ask_lines(self) -> None:
        """Read the tail again where the incident has moved on."""
        incident, service = self.incident, self.host.service
        if incident is None or service is None:
            return
        wanted = (incident.id, incident.last_seq)
        if wanted in {self._lines_of, self._asking}:
            return
        self._asking = wanted
        if wanted[0] != self._lines_of[0]:
            self.lines = ()
        incidents = service.incidents

        def keep(page: Page[TimelineLine]) -> None:
            # A late answer about another incident, or about an earlier moment, is dropped.
            if self.incident is None or self.incident.id != wanted[0] or (self._lines_of > wanted and self.lines):
                return
            self.lines, self._lines_of = page.rows, wanted
            self.changed()

        self.host.quietly(lambda: incidents.timeline(wanted[0], most=TAIL), keep)

    # ---- what is drawn

    def view(
        self, catalogue: Catalogue, service: Diagnostics, now: datetime, alarms: Sequence[tuple[str, Alarm]] = ()
    ) -> IncidentView | None:
        """The incident, ready to be drawn; `alarms` by issue type."""
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

    def issue_view(self, catalogue: Catalogue, watch: IssueWatch, issue: str, now: datetime) -> IssueView:
        """The issue in view and its five minutes, where no incident is open."""
        model, contact, severity = catalogue.issues[issue], catalogue.contact, watch.severity(issue)
        return IssueView(
            issue=model.title,
            severity=severity,
            now=now,
            notify=severity in NOTIFY_SEVERITIES,
            since=watch.first_alarm.get(issue),
            due=watch.notice_due(issue),
            manager=contact.manager,
            channel=contact.channel,
            team=contact.team,
            project=contact.project,
            route=model.route,
            steps=catalogue_steps(catalogue, issue, severity),
            others=self.others(),
            is_known=self.followed is None or not self.followed.failure,
        )
