"""Moving an incident on, or back: its status, its severity, and how far it is from its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from diagnostics.failures import SourceFailure
from diagnostics.models.entries import IncidentStatus, Purpose
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens import documents
from screens.base import ReadingArrived, RoomScreen
from screens.line_entry import LineEntry, bring_back, send
from widgets import wording
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.notice_rows import READABLE, keyed, section
from widgets.rows import BLANK, Row, row, titled, wrap

if TYPE_CHECKING:
    from diagnostics.jobs import Job
    from diagnostics.models.incidents import Assessment, Criterion, Incident
    from widgets.glyphs import Glyphs

LIMIT_S = 60.0

MEANS = {
    IncidentStatus.DECLARED: "nobody works on it yet",
    IncidentStatus.INVESTIGATING: "somebody looks for the cause",
    IncidentStatus.IN_PROGRESS: "the mending is under way",
    IncidentStatus.MONITORING: "mended; watched whether it holds",
    IncidentStatus.RESOLVED: "the exit criteria hold; asks for the incident's id",
}

HINTS = (
    Hint("enter", "move it there"),
    Hint("n", "tell people"),
    Hint("r", "measure again"),
    Hint("w", "why"),
    Hint("esc", "back"),
    Hint("?", "help"),
)


class StatusScreen(RoomScreen):
    """Statuses, severities, exit criteria; the cursor begins on the next step."""

    DEFAULT_CSS = """
    StatusScreen #status-title { height: 1; scrollbar-size-vertical: 0; }
    StatusScreen #status-body { height: 1fr; }
    """

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self.incident_id = incident_id
        self.incident: Incident | None = None
        self.assessment: Assessment | None = None
        self.problem = ""
        self.unasked = ""
        """Why the exit criteria are not known."""
        self._writing = False

    def compose(self) -> ComposeResult:
        """Title, rows, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="status-title")
        yield LineView(signs=signs, id="status-body")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Read the incident, and measure how far it is."""
        self.body.focus()
        self.query_one(FooterBar).set_hints(HINTS)
        self.read()

    def service_opened(self) -> None:
        """The sources are open now."""
        self.read()

    @property
    def body(self) -> LineView:
        """The rows."""
        return self.query_one("#status-body", LineView)

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def tick(self) -> None:
        """Ages go on."""
        self.draw()

    def crumb(self) -> str:
        """What this is."""
        return "status"

    def place(self) -> str:
        """The line that opens it again."""
        return "status"

    def shown_readings(self) -> tuple[str, ...]:
        """The incident, and how far it is."""
        return ("incident", "assessment")

    # ---- reading

    def read(self) -> None:
        """The incident as it is now, then its exit criteria."""
        service = self.room.service
        if service is None:
            return

        def found(incident: Incident) -> None:
            first = self.incident is None
            self.take(incident)
            if first:
                self._place_on_next(incident)
            self.assess()

        self.room.ask(
            lambda: service.incidents.get(self.incident_id), found, doing="reading the incident", failed=self._unread
        )

    def _unread(self) -> None:
        self.problem = "the journal could not be read; r tries it again" if self.incident is None else ""
        self.draw()

    def assess(self) -> None:
        """Measure the exit criteria; the screen can be used meanwhile."""
        service = self.room.service
        if service is None:
            return

        def work(job: Job) -> Assessment | str:
            try:
                found: Assessment = service.assessments.assess(self.incident_id, job)
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

    def take(self, incident: Incident) -> None:
        """A state of the incident; an older one than what is shown is dropped."""
        if self.incident is None or incident.last_seq >= self.incident.last_seq:
            self.incident, self.problem = incident, ""
            self.draw()

    def _place_on_next(self, incident: Incident) -> None:
        steps = list(IncidentStatus)
        at = steps.index(incident.status)
        self.body.place(f"status:{steps[min(at + 1, len(steps) - 1)].value}")

    @on(ReadingArrived)
    def arrived(self, message: ReadingArrived) -> None:
        """The journal has something new, or the world was measured again."""
        service, value = self.room.service, message.reading.value
        if value is None or service is None:
            return
        if message.reading.key == "assessment" and value.incident == self.incident_id:
            self.assessment, self.unasked = value, ""
            self.draw()
        elif message.reading.key == "incident":
            if value.incident is not None and value.incident.id == self.incident_id:
                self.take(value.incident)
            elif self.incident is not None and value.seq > self.incident.last_seq:
                self.room.quietly(lambda: service.incidents.get(self.incident_id), self.take)

    @property
    def unmet(self) -> tuple[Criterion, ...]:
        """Exit criteria that are not met, as far as anybody knows."""
        found = self.assessment
        return tuple(one for one in found.criteria if not one.is_met) if found is not None else ()

    # ---- drawing

    def draw(self) -> None:
        """Everything for the present width."""
        signs, width = self.room.signs, max(20, self.size.width)
        what = f"status {signs.separator} {clean(self.incident_id, limit=40)}"
        self.query_one("#status-title", LineView).show(
            (row((signs.text(titled(self.room.trail(), what, width)), "bar")),)
        )
        self.body.show([*self._rows(min(width - 4, READABLE), signs), BLANK])

    def _rows(self, width: int, signs: Glyphs) -> list[Row]:
        incident = self.incident
        if incident is None:
            return [row((self.problem or "reading the journal", "fail" if self.problem else "muted"))]
        title = signs.text(clean(incident.title, limit=300))
        rows = [row((line, "strong")) for line in wrap(title, width, most=2)]
        if incident.merged_into:
            rows.append(row((f"it goes on in {incident.merged_into}", "warn")))
        rows += section("status", width, signs)
        for status in IncidentStatus:
            rows.append(self._status_row(incident, status, signs))
        rows += section("severity", width, signs)
        catalogue = self.room.catalogue
        issue = catalogue.issues.get(incident.issue_type) if catalogue is not None else None
        for severity in issue.severities if issue is not None else (incident.severity,):
            mine = severity == incident.severity
            rows.append(
                row(
                    (f"{signs.dot if mine else signs.ring} ", "accent" if mine else "muted"),
                    (f"{severity:<16}", wording.severity_tone(severity)),
                    ("now" if mine else "", "muted"),
                    key=f"severity:{severity}",
                )
            )
        return rows + self._criteria_rows(width, signs)

    def _status_row(self, incident: Incident, status: IncidentStatus, signs: Glyphs) -> Row:
        mine = status is incident.status
        since = f"now, for {wording.age(incident.status_since, utc_now())}" if mine else MEANS[status]
        steps = list(IncidentStatus)
        back = steps.index(status) < steps.index(incident.status)
        said = f"back; needs a reason {signs.separator} {since}" if back else since
        return row(
            (f"{signs.dot if mine else signs.ring} ", "accent" if mine else "muted"),
            (f"{status.words:<16}", "strong" if mine else ""),
            (signs.text(said), "accent" if mine else "muted"),
            key=f"status:{status.value}",
        )

    def _criteria_rows(self, width: int, signs: Glyphs) -> list[Row]:
        found = self.assessment
        rows = section(f"exit criteria{f': {len(self.unmet)} not met' if found is not None else ''}", width, signs)
        if self.unasked:
            rows += keyed("", f"not known: {clean(self.unasked)}; r tries it again", width, key="unasked", tone="fail")
        if found is None:
            said = "" if self.unasked else "being measured"
            return rows if not said else [*rows, row((said, "muted"), key="measuring")]
        for one in found.criteria:
            status = wording.status_piece(one.status, signs)
            text = f"{clean(one.title)}: {clean(one.shown)}"
            if one.waived_by:
                text += f" (waived by {clean(one.waived_by, limit=80)})"
            elif one.held_s is not None and one.needs_s and not one.is_met:
                text += f", held {one.held_s / 60:,.0f} of {one.needs_s / 60:,.0f} min"
            text += f"; {clean(one.note)}" if one.note else ""
            for at, line in enumerate(wrap(signs.text(text), width - 15)):
                head = status.text.ljust(15) if at == 0 else " " * 15
                rows.append(row((head, status.tone), line, key=f"criterion:{one.id}+{at}"))
        return rows

    # ---- keys

    def act_open(self) -> None:
        """Move the incident to what is under the cursor."""
        kind, _, name = (self.body.cursor_key or "").partition(":")
        if kind == "status":
            self._move(IncidentStatus(name))
        elif kind == "severity":
            self._grade(name)
        else:
            self.act_why()

    def act_refresh(self) -> None:
        """Read and measure again."""
        self.read()

    def act_why(self) -> None:
        """What an exit criterion rests on."""
        kind, _, rest = (self.body.cursor_key or "").partition(":")
        found = self.assessment.criteria if self.assessment is not None else ()
        one = next((item for item in found if item.id == rest.partition("+")[0]), None)
        if kind != "criterion" or one is None:
            self.room.say("this row holds no number of its own", "muted")
            return
        said = f"{one.shown}. {one.note}".strip()
        document = documents.evidence_document(one.title, clean(said), one.evidence, self.room.signs)
        self.room.open_document(document)

    def act_notify(self) -> None:
        """Tell people how it stands."""
        from screens.respond import RespondScreen  # noqa: PLC0415  # a screen of its own weight

        incident = self.incident
        resolved = incident is not None and incident.status is IncidentStatus.RESOLVED
        purpose = Purpose.RESOLUTION if resolved else Purpose.UPDATE
        self.room.push_room_screen(RespondScreen(incident=self.incident_id, purpose=purpose))

    # ---- status

    def _move(self, status: IncidentStatus) -> None:
        incident = self.incident
        if incident is None or self._writing:
            return
        steps = list(IncidentStatus)
        if status is incident.status:
            self.room.say(f"it is {status.words} already", "muted")
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
            self.room.say("the exit criteria are still being measured; try again in a moment", "warn")
            return
        unmet = self.unmet
        explain = [f"{len(unmet)} exit criteria are not met:", *(f"{one.title}: {one.shown}" for one in unmet)]
        if self.assessment is None:
            explain = [f"Nobody knows whether the exit criteria are met: {self.unasked}."]
        elif not unmet:
            self._ask_id("", "")
            return
        self._with_reason(f"why {self.incident_id} is resolved all the same", explain, self._ask_id)

    def _ask_id(self, title: str, why: str) -> None:
        def check(text: str) -> str:
            if text.upper() == self.incident_id.upper():
                return ""
            return f"that is not its id; accepted: {self.incident_id}, or esc, which changes nothing"

        self.room.push_room_screen(
            LineEntry(
                f"resolve {self.incident_id}",
                f"type {self.incident_id} to resolve it",
                lambda _text: self._set(IncidentStatus.RESOLVED, why, title=title),
                check=check,
                explain=("It can be opened again, with a reason. People are told in the next step, with n.",),
                confirms=True,
            )
        )

    def _with_reason(self, title: str, explain: list[str], then: Callable[[str, str], None]) -> None:
        self.room.push_room_screen(
            LineEntry(title, "one sentence, for the timeline", lambda why: then(title, why), explain=explain)
        )

    def _set(self, status: IncidentStatus, why: str, *, title: str = "") -> None:
        service = self.room.service
        if service is None or self._writing:
            return
        unmet = tuple(one.id for one in self.unmet) if status is IncidentStatus.RESOLVED else ()
        self._writing = True

        def done(incident: Incident) -> None:
            self._writing = False
            self.take(incident)
            self._place_on_next(incident)
            self.room.incident_changed()
            self.room.say(f"{incident.id} is {incident.status.words}; n tells people", "pass")

        def failed() -> None:
            self._writing = False
            if title and why:
                bring_back(self.room, title, why)

        self.room.ask(
            lambda: service.incidents.set_status(self.incident_id, status, why, unmet),
            done,
            doing=f"moving it to {status.words}",
            failed=failed,
        )

    # ---- severity

    def _grade(self, severity: str) -> None:
        incident, service = self.incident, self.room.service
        if incident is None or service is None:
            return
        if severity == incident.severity:
            self.room.say(f"its severity is {severity} already", "muted")
            return
        title = f"why {incident.id} is {severity} now"

        def change(why: str) -> None:
            send(
                self.room,
                title,
                why,
                lambda: service.incidents.edit(self.incident_id, "severity", severity, why),
                self._graded,
                doing=f"changing the severity to {severity}",
            )

        self.room.push_room_screen(
            LineEntry(
                title,
                "one sentence, for the timeline",
                change,
                explain=(f"From {incident.severity} to {severity}. The promised time of the next update may change.",),
            )
        )

    def _graded(self, incident: Incident) -> None:
        self.take(incident)
        self.room.incident_changed()
        self.room.say(f"{incident.id} is {incident.severity} now; n tells people", "pass")
