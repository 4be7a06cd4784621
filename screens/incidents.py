"""All incidents, open ones first: choose the one in view, open its panel, its timeline, its notes; merge duplicates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from diagnostics.now import utc_now
from screens import documents
from screens.base import ReadingArrived, RoomScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.incident_list_rows import incident_heading, incident_row
from widgets.line_view import LineView
from widgets.row_filter import RowFilter
from widgets.rows import BLANK, Row, plain, row, titled, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident, IncidentLine

MOST = 200
"""Incidents read: years of them."""

HINTS = (
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


class IncidentsScreen(RoomScreen):
    """A list that follows the journal: what another console declares or resolves shows here by itself."""

    DEFAULT_CSS = """
    IncidentsScreen #incidents-title { height: 1; scrollbar-size-vertical: 0; }
    IncidentsScreen #incidents { height: 1fr; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "filter", "copy", "back", "help")

    def __init__(self) -> None:
        super().__init__()
        self.incidents: tuple[IncidentLine, ...] | None = None
        self.failure = ""
        self.filter_text = ""
        self._asking = False
        self._journal_seq = 0

    def compose(self) -> ComposeResult:
        """Header, title bar, rows, the filter's line, keys."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(signs=signs, cursor=False, id="incidents-title")
        yield LineView(signs=signs, id="incidents")
        yield RowFilter(signs=signs)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Read them."""
        self.view.focus()
        self.query_one(FooterBar).set_hints(HINTS)
        self.ask()

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    def service_opened(self) -> None:
        """The journal can be read."""
        self.ask()

    @property
    def view(self) -> LineView:
        """The rows."""
        return self.query_one("#incidents", LineView)

    def crumb(self) -> str:
        """What this is."""
        return "incidents"

    def place(self) -> str:
        """The line that opens it again."""
        return "incidents"

    # ---- reading

    def ask(self) -> None:
        """Read the list."""
        service = self.room.service
        if service is None or self._asking:
            return
        self._asking = True
        self.room.ask(
            lambda: service.incidents.lines(MOST), self._arrived, doing="reading the incidents", failed=self._failed
        )

    def _arrived(self, lines: tuple[IncidentLine, ...]) -> None:
        self._asking, self.failure = False, ""
        self.incidents = in_order(lines)
        self.draw()

    def _failed(self) -> None:
        self._asking = False
        self.failure = "not read; r asks again"
        self._journal_seq = 0
        self.draw()

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on."""
        reading = message.reading
        if reading.key != "incident" or reading.value is None or self.incidents is None:
            return
        if reading.value.seq != self._journal_seq:
            moved, self._journal_seq = bool(self._journal_seq), reading.value.seq
            service = self.room.service
            if moved and service is not None:
                self.room.quietly(lambda: service.incidents.lines(MOST), self._arrived)

    # ---- drawing

    def tick(self) -> None:
        """Ages move on."""
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

    def draw(self) -> None:
        """Open ones first."""
        if not self.is_attached:
            return
        signs, width = self.room.signs, self.size.width
        opened = sum(one.is_open for one in self.incidents or ())
        amount = f"{opened} open, {len(self.incidents or ()) - opened} past"
        state = self.failure or ("reading" if self.incidents is None else amount)
        if self.filter_text:
            state += f", {len(self.shown())} fit {self.filter_text!r}"
        text = titled(self.room.trail(), f"incidents {signs.separator} {state}", width)
        self.query_one("#incidents-title", LineView).show((row((signs.text(text), "bar")),))
        self.view.show(self.rows(max(40, self.view.text_width() - 1)))

    def rows(self, width: int) -> list[Row]:
        """Heading and rows; what to do where there is none."""
        signs, now = self.room.signs, utc_now()
        if self.incidents is None:
            return [row((self.failure or "reading", "warn" if self.failure else "muted"))]
        if not self.incidents:
            said = (
                "No incident has been declared. n declares one and tells the team; "
                "nothing is sent before you have seen and typed it."
            )
            return [row((line, "muted")) for line in wrap(signs.text(said), width)]
        shown = self.shown()
        if not shown:
            return [row(("no incident fits; esc takes the filter away", "muted"))]
        chosen = self._in_view()
        rows = [incident_heading(width, signs)]
        past = False
        for one in shown:
            if not one.is_open and not past:
                past = True
                rows += [BLANK] if len(rows) > 1 else []
                rows.append(row(("past", "muted")))
            rows.append(incident_row(one, width=width, now=now, signs=signs, in_view=one.id == chosen))
        return rows

    def _in_view(self) -> str:
        live = self.room.live
        reading = live.last("incident") if live is not None else None
        following = reading.value if reading is not None else None
        return following.incident.id if following is not None and following.incident is not None else ""

    # ---- keys

    def current(self) -> IncidentLine | None:
        """The incident under the cursor."""
        kind, _, name = (self.view.cursor_key or "").partition(":")
        return next((one for one in self.incidents or () if kind == "incident" and one.id == name), None)

    def _with_current(self, use: Callable[[IncidentLine], object]) -> None:
        one = self.current()
        if one is None:
            self.room.say("put the cursor on an incident first", "muted")
            return
        use(one)

    def act_open(self) -> None:
        """Take it in view, and open its panel."""
        self._with_current(self._choose)

    def _choose(self, one: IncidentLine) -> None:
        service = self.room.service
        if service is None:
            return
        target = one.merged_into or one.id

        def work() -> str:
            service.incidents.choose(target)
            return target

        self.room.ask(work, self._chosen, doing=f"taking {target} in view")

    def _chosen(self, incident_id: str) -> None:
        from screens.escalation import EscalationScreen  # noqa: PLC0415  # only who opens the panel pays for it

        if self.room.live is not None:
            # The header and the panel follow at once, not with the next look at the journal.
            self.room.live.refresh("incident")
        self.room.push_room_screen(EscalationScreen())
        self.room.say(f"{incident_id} is the incident in view")

    def act_timeline(self) -> None:
        """Its journal."""
        self._with_current(self._timeline)

    def _timeline(self, one: IncidentLine) -> None:
        from screens.timeline import TimelineScreen  # noqa: PLC0415  # only its readers pay for it

        self.room.push_room_screen(TimelineScreen(one.id))

    def act_handoff(self) -> None:
        """Its hand-off note."""
        self._with_current(self._hand_off)

    def _hand_off(self, one: IncidentLine) -> None:
        from screens.record_documents import HandoffScreen  # noqa: PLC0415  # only its readers pay for it

        self.room.push_room_screen(HandoffScreen(one.id))

    def act_status(self) -> None:
        """Move it on."""
        self._with_current(self._move_on)

    def _move_on(self, one: IncidentLine) -> None:
        from screens.status import StatusScreen  # noqa: PLC0415  # only who moves it on pays for it

        self.room.push_room_screen(StatusScreen(one.id))

    def act_merge(self) -> None:
        """It is the same as another one: type which."""
        self._with_current(self._merge)

    def _merge(self, one: IncidentLine) -> None:
        from screens.line_entry import LineEntry  # noqa: PLC0415  # only who merges pays for it

        others = [other for other in self.incidents or () if other.id != one.id and not other.merged_into]
        if not others:
            self.room.say(f"there is no other incident that {one.id} could go on in", "warn")
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
        self.room.push_room_screen(
            LineEntry(
                f"merge {one.id} into",
                "the other incident's id, and why if you like: INC-3 same cause",
                partial(self._typed_merge, one.id),
                check=check,
                explain=explain,
            )
        )

    def _typed_merge(self, incident_id: str, text: str) -> None:
        from screens.line_entry import send  # noqa: PLC0415

        service = self.room.service
        if service is None:
            return
        into, _, why = text.partition(" ")
        send(
            self.room,
            f"merge {incident_id} into",
            text,
            lambda: service.incidents.merge(incident_id, into.upper(), why.strip()),
            self._merged,
            doing=f"merging {incident_id}",
        )

    def _merged(self, incident: Incident) -> None:
        self.room.say(f"{incident.id} goes on in {incident.merged_into}", "pass")
        self.ask()

    def act_filter(self) -> None:
        """Words that a row must hold."""
        self.query_one(RowFilter).open(self.filter_text)

    @on(RowFilter.Edited)
    def filter_edited(self, message: RowFilter.Edited) -> None:
        """With every letter."""
        self.filter_text = message.text
        self.draw()

    @on(RowFilter.Closed)
    def filter_closed(self, message: RowFilter.Closed) -> None:
        """The filter stands."""
        self.filter_text = message.text
        self.view.focus()
        self.draw()

    def act_back(self) -> None:
        """Out of the filter, then out of the screen."""
        if self.filter_text:
            self.filter_text = ""
            self.draw()
            return
        self.dismiss()

    def act_refresh(self) -> None:
        """Read them again."""
        self.ask()

    def act_copy(self) -> None:
        """The row under the cursor."""
        self._with_current(lambda one: self.room.copy(f"{one.id} {one.severity} {one.status.words}: {one.title}"))

    def act_plain(self) -> None:
        """The list as plain text that the terminal itself can select."""
        self.room.open_document(
            documents.text_document("plain text, to select", plain(self.rows(100)), self.room.signs)
        )


def in_order(lines: tuple[IncidentLine, ...]) -> tuple[IncidentLine, ...]:
    """Open ones first; each part as it came, newest first."""
    return tuple(sorted(lines, key=lambda one: not one.is_open))
