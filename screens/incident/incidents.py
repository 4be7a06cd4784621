"""All incidents, open ones first: choose the one in view, open its panel, its timeline, its notes; merge duplicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on

from diagnostics.core.time import utc_now
from screens import addresses
from screens.base import ReadingArrived
from screens.incident.base import READING_AGAIN
from screens.incident.writer import IncidentWriter
from screens.list_screen import FilteredScreen
from widgets.footer_bar import Hint
from widgets.row import BLANK, Row, row, wrapped
from widgets.rows.incident_list import incident_heading, incident_row

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident, IncidentLine

MOST = 200
"""Incidents read: years of them."""


class IncidentsScreen(FilteredScreen):
    """A list that follows the journal: what another console declares or resolves shows here by itself."""

    answers = "Which incidents are open, and which were there before?"

    has_header = True
    ends_blank = False
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "choose"),
        Hint("/", "filter"),
        Hint("T", "timeline"),
        Hint("H", "hand-off"),
        Hint("M", "merge"),
        Hint("n", "notify"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.incidents: tuple[IncidentLine, ...] | None = None
        self.failure = ""
        self._asking = False
        self._journal_seq = 0

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return "incidents"

    def place(self) -> str:
        """The line that opens it again."""
        return "incidents"

    # ---- reading

    def read(self) -> None:
        service = self.host.service
        if service is None or self._asking:
            return
        self._asking = True
        self.host.ask(
            lambda: service.incidents.lines(MOST), self._arrived, doing="reading the incidents", failed=self._failed
        )

    def _arrived(self, lines: tuple[IncidentLine, ...]) -> None:
        self._asking, self.failure = False, ""
        self.incidents = in_order(lines)
        self.draw()

    def _failed(self) -> None:
        self._asking = False
        self.failure = "NOT KNOWN: the journal could not be read; r asks again"
        self._journal_seq = 0
        self.draw()

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on."""
        reading = message.reading
        if reading.key == "incident" and reading.failure and not self.incidents:
            # None that were read before is not none now.
            self.incidents = None
            self._failed()
        if reading.key != "incident" or reading.value is None or self.incidents is None:
            return
        if reading.value.seq != self._journal_seq:
            moved, self._journal_seq = bool(self._journal_seq), reading.value.seq
            service = self.host.service
            if moved and service is not None:
                self.host.quietly(lambda: service.incidents.lines(MOST), self._arrived)

    # ---- drawing

    def tick(self) -> None:
        self.draw()

    def shown(self) -> tuple[IncidentLine, ...]:
        """Those that the filter keeps."""
        words = self.filter_text.casefold().split()
        return tuple(
            one
            for one in self.incidents or ()
            if all(
                word in f"{one.id} {one.title} {one.issue_type} {one.severity} {one.status.words}".casefold()
                for word in words
            )
        )

    def heading(self) -> str:
        opened = sum(one.is_open for one in self.incidents or ())
        amount = f"{opened} open, {len(self.incidents or ()) - opened} past"
        state = self.failure or ("reading" if self.incidents is None else amount)
        if self.filter_text:
            state += f", {len(self.shown())} fit {self.filter_text!r}"
        return f"incidents {self.host.glyphs.separator} {state}"

    def row_width(self) -> int:
        return max(40, self.body.text_width() - 1)

    def rows(self, width: int) -> list[Row]:
        """Heading and rows, open ones first; what to do where there is none."""
        glyphs, now = self.host.glyphs, utc_now()
        if self.incidents is None:
            return [row((self.failure or "reading", "warn" if self.failure else "muted"))]
        if not self.incidents:
            said = (
                "No incident has been declared. n declares one and tells the team; "
                "nothing is sent before you have seen and typed it."
            )
            return wrapped(glyphs.text(said), width, "muted")
        shown = self.shown()
        if not shown:
            return [row(("no incident fits; esc takes the filter away", "muted"))]
        chosen = self._in_view()
        rows = [incident_heading(width, glyphs)]
        past = False
        for one in shown:
            if not one.is_open and not past:
                past = True
                rows += [BLANK] if len(rows) > 1 else []
                rows.append(row(("past", "muted")))
            rows.append(incident_row(one, width=width, now=now, glyphs=glyphs, in_view=one.id == chosen))
        return rows

    def _in_view(self) -> str:
        live = self.host.live
        reading = live.last("incident") if live is not None else None
        following = reading.value if reading is not None else None
        return following.incident.id if following is not None and following.incident is not None else ""

    # ---- keys

    def current(self) -> IncidentLine | None:
        """The incident under the cursor."""
        kind, name = self.key_under_cursor()
        return next((one for one in self.incidents or () if kind == "incident" and one.id == name), None)

    def _with_current(self, use: Callable[[IncidentLine], object]) -> None:
        one = self.current()
        if one is None:
            self.host.say("put the cursor on an incident first", "muted")
            return
        use(one)

    def act_open(self) -> None:
        """Take it in view, and open its panel."""
        self._with_current(self._choose)

    def _choose(self, one: IncidentLine) -> None:
        service = self.host.service
        if service is None:
            return
        target = one.merged_into or one.id

        def work() -> str:
            service.incidents.choose(target)
            return target

        self.host.ask(work, self._chosen, doing=f"taking {target} in view")

    def _chosen(self, incident_id: str) -> None:
        if self.host.live is not None:
            # The header and the panel follow at once, not with the next look at the journal.
            self.host.live.refresh("incident")
        self.host.navigate(addresses.EscalationAt())
        self.host.say(f"{incident_id} is the incident in view")

    def act_timeline(self) -> None:
        """Open the incident's timeline."""
        self._with_current(lambda one: self.host.navigate(addresses.TimelineAt(one.id)))

    def act_handoff(self) -> None:
        """Open the incident's hand-off note."""
        self._with_current(lambda one: self.host.navigate(addresses.HandoffAt(one.id)))

    def act_status(self) -> None:
        """Change the incident's status."""
        self._with_current(lambda one: self.host.navigate(addresses.StatusAt(one.id)))

    def act_merge(self) -> None:
        """It is the same as another one: type which."""
        self._with_current(self._merge)

    def _merge(self, one: IncidentLine) -> None:
        service = self.host.service
        others = [other for other in self.incidents or () if other.id != one.id and not other.merged_into]
        if service is None or not others:
            self.host.say(f"there is no other incident that {one.id} could go on in", "warn")
            return
        named = {other.id: other for other in others}

        def check(text: str) -> str:
            words = text.split()
            found = words[0].upper() if words else ""
            return "" if found in named else f"the id of another incident is needed: {', '.join(list(named)[:8])}"

        explain = [
            f"{one.id} {one.severity}: {one.title}",
            "It goes on in the other one from then on; both journals say so, and nothing of either is lost.",
        ]
        explain += [f"{other.id}  {other.severity}  {other.status.words}  {other.title}" for other in others[:12]]
        incidents = service.incidents

        def work(text: str) -> Incident:
            into, _, why = text.partition(" ")
            return incidents.merge(one.id, into.upper(), why.strip())

        IncidentWriter(self.host, incidents, one.id, lambda _: self.read()).write_line(
            f"merge {one.id} into",
            "the other incident's id, and why if you like: INC-3 same cause",
            work,
            lambda after: f"{after.id} goes on in {after.merged_into}",
            doing=f"merging {one.id}",
            check=check,
            explain=explain,
        )

    def act_refresh(self) -> None:
        self.read()
        self.host.say(READING_AGAIN)

    def act_copy(self) -> None:
        """The row under the cursor."""
        self._with_current(lambda one: self.host.copy(f"{one.id} {one.severity} {one.status.words}: {one.title}"))


def in_order(lines: tuple[IncidentLine, ...]) -> tuple[IncidentLine, ...]:
    """Open ones first; each part as it came, newest first."""
    return tuple(sorted(lines, key=lambda one: not one.is_open))
