"""Moving an incident on, or back: its status, its severity, and how far it is from its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on

from diagnostics.core.failures import SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import age
from diagnostics.models.entries import IncidentStatus, Purpose
from screens import addresses
from screens.base import ReadingArrived
from screens.incident.base import ASKED_ONCE, IncidentScreen, unmet_words
from screens.line_entry import LineEntry, bring_back
from widgets import wording
from widgets.footer_bar import Hint
from widgets.row import Row, row, wrapped
from widgets.rows.incident import criterion_lines
from widgets.rows.notices import READABLE, choice_row, keyed, section

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.models.incidents import Assessment, Criterion, Incident
    from widgets.glyphs import Glyphs

LIMIT_S = 60.0


MEANS = {
    IncidentStatus.DECLARED: "nobody is working on it yet",
    IncidentStatus.INVESTIGATING: "looking for the cause",
    IncidentStatus.IN_PROGRESS: "fix in progress",
    IncidentStatus.MONITORING: "fix applied, monitoring",
    IncidentStatus.RESOLVED: "the exit criteria hold; asks for the incident's id",
}


class StatusScreen(IncidentScreen):
    """Statuses, severities, exit criteria; the cursor begins on the next step."""

    answers = "How far is this incident, and what keeps it from being resolved?"

    what = "status"
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "move it there"),
        Hint("n", "tell people"),
        Hint("r", "measure again"),
        Hint("w", "why"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, incident_id: str) -> None:
        super().__init__(incident_id)
        self.assessment: Assessment | None = None
        self.unasked = ""
        """Why the exit criteria are not known."""
        self._reason: tuple[frozenset[str], str] | None = None
        """Why it is resolved all the same, and which criteria were not met when somebody said so."""
        self._writing = False
        self._placed = False

    def place(self) -> str:
        """The line that opens it again."""
        return f"status {self.follower.incident_id}"

    def shown_readings(self) -> tuple[str, ...]:
        """The incident, and how far it is."""
        return ("incident", "assessment")

    # ---- reading

    def read(self) -> None:
        """The incident as it is now, then its exit criteria."""

        def found(incident: Incident) -> None:
            if not self._placed:
                self._placed = True
                self._place_on_next(incident)
            self._assess()

        self.follower.read(doing="reading the incident", then=found)

    def _assess(self) -> None:
        """Measure the exit criteria; the screen can be used meanwhile."""
        service = self.host.service
        if service is None:
            return
        incident_id = self.follower.incident_id

        def work(job: Job) -> Assessment | str:
            try:
                found: Assessment = service.assessments.assess(incident_id, job)
            except SourceFailure as failure:
                return failure.headline()
            return found

        def answered(found: Assessment | str) -> None:
            if isinstance(found, str):
                self.unasked = found
            else:
                self.assessment, self.unasked = found, ""
            self.draw()

        if self._running_job is None or not self._running_job.is_running:
            self.start_job(work, answered, doing="measuring the exit criteria", limit_s=LIMIT_S)

    def _place_on_next(self, incident: Incident) -> None:
        steps = list(IncidentStatus)
        at = steps.index(incident.status)
        self.body.place(f"status:{steps[min(at + 1, len(steps) - 1)].value}")

    @on(ReadingArrived)
    def measured(self, message: ReadingArrived) -> None:
        """The world was measured again."""
        value = message.reading.value
        if message.reading.key == "assessment" and value is not None and value.incident == self.follower.incident_id:
            self.assessment, self.unasked = value, ""

    @property
    def unmet(self) -> tuple[Criterion, ...]:
        """Exit criteria that are not met, as far as anybody knows."""
        found = self.assessment
        return tuple(one for one in found.criteria if not one.is_met) if found is not None else ()

    # ---- drawing

    def heading(self) -> str:
        return f"status {self.host.glyphs.separator} {clean(self.follower.incident_id, limit=40)}"

    def row_width(self) -> int:
        """No longer than can be read."""
        return min(super().row_width(), READABLE)

    def incident_rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """Title, statuses, severities, exit criteria."""
        glyphs = self.host.glyphs
        title = glyphs.text(clean(incident.title, limit=300))
        rows = wrapped(title, width, "strong", most=2)
        if incident.merged_into:
            rows.append(row((f"it goes on in {incident.merged_into}", "warn")))
        rows += section("status", width, glyphs)
        for status in IncidentStatus:
            rows.append(self._status_row(incident, status, glyphs))
        rows += section("severity", width, glyphs)
        catalogue = self.host.catalogue
        issue = catalogue.issues.get(incident.issue_type) if catalogue is not None else None
        for severity in issue.severities if issue is not None else (incident.severity,):
            mine, tone = severity == incident.severity, wording.severity_tone(severity)
            said, key = "now" if mine else "", f"severity:{severity}"
            rows.append(choice_row(severity, tone, said, cells=16, chosen=mine, key=key, glyphs=glyphs))
        return rows + self._criteria_rows(width, glyphs)

    def _status_row(self, incident: Incident, status: IncidentStatus, glyphs: Glyphs) -> Row:
        mine = status is incident.status
        since = f"now, for {age(incident.status_since, utc_now())}" if mine else MEANS[status]
        steps = list(IncidentStatus)
        back = steps.index(status) < steps.index(incident.status)
        said = f"back; needs a reason {glyphs.separator} {since}" if back else since
        return choice_row(
            status.words,
            "strong" if mine else "",
            said,
            cells=16,
            chosen=mine,
            key=f"status:{status.value}",
            glyphs=glyphs,
            said_tone="accent" if mine else "muted",
        )

    def _criteria_rows(self, width: int, glyphs: Glyphs) -> list[Row]:
        found = self.assessment
        rows = section(f"exit criteria{f': {len(self.unmet)} not met' if found is not None else ''}", width, glyphs)
        if self.unasked:
            rows += keyed("", f"not known: {clean(self.unasked)}; r tries it again", width, key="unasked", tone="fail")
        if found is None:
            said = "" if self.unasked else "being measured"
            return rows if not said else [*rows, row((said, "muted"), key="measuring")]
        for one in found.criteria:
            text = f"{clean(one.title)}: {clean(one.shown)}"
            if one.waived_by:
                text += f" (waived by {clean(one.waived_by, limit=80)})"
            elif one.held_s is not None and one.needs_s and not one.is_met:
                text += f", held {one.held_s / 60:,.0f} of {one.needs_s / 60:,.0f} min"
            text += f"; {clean(one.note)}" if one.note else ""
            rows += criterion_lines(one, text, width, glyphs)
        return rows

    # ---- keys

    def act_open(self) -> None:
        """Move the incident to what is under the cursor."""
        kind, name = self.key_under_cursor()
        if kind == "status":
            self._move(IncidentStatus(name))
        elif kind == "severity":
            self._grade(name)
        else:
            self.act_why()

    def act_refresh(self) -> None:
        self.read()
        self.host.say("asking again; what stands here stays until the answer comes")

    def act_why(self) -> None:
        """Evidence of the exit criterion under the cursor."""
        kind, name = self.key_under_cursor()
        found = self.assessment.criteria if self.assessment is not None and kind == "criterion" else ()
        one = next((item for item in found if item.id == name.partition("+")[0]), None)
        self.open_why((one.title, clean(f"{one.shown}. {one.note}".strip()), one.evidence) if one is not None else None)

    def act_notify(self) -> None:
        """Tell people how it stands."""
        incident = self.incident
        resolved = incident is not None and incident.status is IncidentStatus.RESOLVED
        purpose = Purpose.RESOLUTION if resolved else Purpose.UPDATE
        self.host.navigate(addresses.RespondAt(incident=self.follower.incident_id, purpose=purpose))

    # ---- status

    def _move(self, status: IncidentStatus) -> None:
        incident = self.incident
        if incident is None or self._writing:
            return
        steps = list(IncidentStatus)
        if status is incident.status:
            self.host.say(f"it is {status.words} already", "muted")
        elif status is IncidentStatus.RESOLVED:
            self._end()
        elif steps.index(status) < steps.index(incident.status):
            self._with_reason(
                f"why {incident.id} goes back to {status.words}",
                [f"From {incident.status.words} back to {status.words}: the timeline needs to know why."],
                lambda title, why: self._set(status, why, title=title),
            )
        else:
            self._set(status, "")

    def _end(self) -> None:
        """Resolved: a reason where criteria are not met or not known, then the typed id."""
        if self.assessment is None and not self.unasked:
            self.host.say("the exit criteria are still being measured; try again in a moment", "warn")
            return
        unmet = self.unmet
        explain = [f"{unmet_words(len(unmet))}:", *(f"{one.title}: {one.shown}" for one in unmet)]
        if self.assessment is None:
            explain = [f"Whether the exit criteria are met is unknown: {self.unasked}."]
        elif not unmet:
            self._ask_id("", "")
            return
        title, open_ones = (
            f"why {self.follower.incident_id} is resolved all the same",
            frozenset(one.id for one in unmet),
        )
        if self._reason is not None and self._reason[0] == open_ones:
            self._ask_id(title, self._reason[1])
            return

        def reasoned(title: str, why: str) -> None:
            self._reason = open_ones, why
            self._ask_id(title, why)

        self._with_reason(title, [*explain, ASKED_ONCE], reasoned)

    def _ask_id(self, title: str, why: str) -> None:
        kept = (f"Reason, kept and not asked again: {why}",) if why else ()

        def check(text: str) -> str:
            if text.upper() == self.follower.incident_id.upper():
                return ""
            return f"that is not its id; accepted: {self.follower.incident_id}, or esc, which changes nothing"

        self.host.push_console_screen(
            LineEntry(
                f"resolve {self.follower.incident_id}",
                f"type {self.follower.incident_id} to resolve it",
                lambda _text: self._set(IncidentStatus.RESOLVED, why, title=title),
                check=check,
                explain=(*kept, "It can be opened again, with a reason. People are told in the next step, with n."),
                confirms=True,
            )
        )

    def _with_reason(self, title: str, explain: list[str], then: Callable[[str, str], None]) -> None:
        self.host.push_console_screen(
            LineEntry(title, "one sentence, for the timeline", lambda why: then(title, why), explain=explain)
        )

    def _set(self, status: IncidentStatus, why: str, *, title: str = "") -> None:
        writer = self.writer()
        if writer is None or self._writing:
            return
        unmet = tuple(one.id for one in self.unmet) if status is IncidentStatus.RESOLVED else ()
        self._writing = True

        def ended() -> None:
            self._writing = False

        def moved(incident: Incident) -> str:
            self._place_on_next(incident)
            return f"{incident.id} is {incident.status.words}; n tells people"

        def failed() -> None:
            if title and why:
                bring_back(self.host, title, why)

        writer.write(
            lambda: writer.incidents.set_status(writer.incident_id, status, why, unmet),
            moved,
            doing=f"moving it to {status.words}",
            ended=ended,
            failed=failed,
        )

    # ---- severity

    def _grade(self, severity: str) -> None:
        incident, writer = self.incident, self.writer()
        if incident is None or writer is None:
            return
        if severity == incident.severity:
            self.host.say(f"its severity is {severity} already", "muted")
            return
        writer.write_line(
            f"why {incident.id} is {severity} now",
            "one sentence, for the timeline",
            lambda why: writer.incidents.edit(writer.incident_id, "severity", severity, why),
            lambda after: f"{after.id} is {after.severity} now; n tells people",
            doing=f"changing the severity to {severity}",
            explain=(f"From {incident.severity} to {severity}. The promised time of the next update may change.",),
        )
