"""What the small screens beside the panel share: they show one incident as it is now, whoever changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from diagnostics.failures import UserError
from screens import documents
from screens.base import ReadingArrived, RoomScreen
from screens.escalation_state import EscalationState
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView
from widgets.rows import Row, plain, row, titled

if TYPE_CHECKING:
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.models.incidents import Incident


class FollowingScreen(RoomScreen):
    """Title bar, rows with a cursor, keys. The incident in view, or one that is named."""

    DEFAULT_CSS = """
    FollowingScreen #following-title { height: 1; scrollbar-size-vertical: 0; }
    FollowingScreen #following-body { height: 1fr; }
    """

    what = ""
    """What of the incident is shown, for title and breadcrumbs."""

    def __init__(self, incident_id: str = "") -> None:
        super().__init__()
        self.incident_id = incident_id
        self.state = EscalationState()
        self._fetched: Incident | None = None
        self._fetched_at = -1

    # ---- construction

    def compose(self) -> ComposeResult:
        """Title bar, rows, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="following-title")
        yield LineView(signs=signs, id="following-body")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """What the console knows already is on the first frame."""
        live = self.room.live
        reading = live.last("incident") if live is not None else None
        if reading is not None:
            self.state.take(reading)
        self.body.focus()
        self.query_one(FooterBar).set_hints(self.room.hints())
        self._fetch()

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    @property
    def body(self) -> LineView:
        """The rows."""
        return self.query_one("#following-body", LineView)

    @property
    def desk(self) -> IncidentDesk | None:
        """The desk of incidents, once the sources are open."""
        return self.room.service.incidents if self.room.service is not None else None

    # ---- following

    @property
    def incident(self) -> Incident | None:
        """The incident as it is now; None while it is not known."""
        in_view = self.state.incident
        if not self.incident_id or (in_view is not None and in_view.id == self.incident_id):
            return in_view
        return self._fetched

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on."""
        if message.reading.key == "incident" and self.state.take(message.reading):
            self._fetch()
            self.draw()

    def _fetch(self) -> None:
        """One that is not in view is read by itself, whenever the journal has moved on."""
        following, desk = self.state.following, self.desk
        seq = following.seq if following is not None else 0
        in_view = self.state.incident
        if desk is None or not self.incident_id or (in_view is not None and in_view.id == self.incident_id):
            return
        if seq == self._fetched_at:
            return
        self._fetched_at = seq

        def keep(incident: Incident) -> None:
            self._fetched = incident
            self.draw()

        self.room.quietly(lambda: desk.get(self.incident_id), keep)

    def tick(self) -> None:
        """Clocks move on."""
        self.draw()

    def crumb(self) -> str:
        """What of the incident is shown."""
        return self.what

    def issue_in_view(self) -> tuple[str, str] | None:
        """Issue and severity of the incident."""
        incident = self.incident
        return (incident.issue_type, incident.severity) if incident is not None else None

    # ---- drawing

    def rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """Given by the screen: rows for a width."""
        raise NotImplementedError

    def draw(self) -> None:
        """Lay out title and rows; the views repaint the differences."""
        if not self.is_attached or not self.size.width:
            return
        signs, incident = self.room.signs, self.incident
        what = f"{self.what} · {incident.id} · {incident.title}" if incident is not None else self.what
        title = signs.text(titled(self.room.trail(), what, self.size.width))
        self.query_one("#following-title", LineView).show((row((title, "bar")),))
        if incident is None:
            missing = self.state.problem() or "no incident is in view; n declares one and tells the team"
            self.body.show((row((signs.text(missing), "muted")),))
            return
        made = list(self.rows(incident, max(20, self.size.width - 4)))
        self.body.show(made + [Row(())] * max(0, self.size.height - 2 - len(made)))

    # ---- doing

    def write(
        self,
        work: Callable[[], Incident],
        then: Callable[[Incident], None],
        *,
        doing: str,
        refused: Callable[[UserError], None] | None = None,
    ) -> None:
        """Write something and follow at once. `refused` takes what the record has against it, e.g. who was quicker."""

        def guarded() -> Incident | UserError:
            try:
                return work()
            except UserError as problem:
                if refused is None:
                    raise
                return problem

        def done(answer: Incident | UserError) -> None:
            if isinstance(answer, UserError):
                if refused is not None:
                    refused(answer)
            else:
                self._fetched = answer if self.incident_id == answer.id else self._fetched
                then(answer)
            self.room.incident_changed()
            self.draw()

        self.room.ask(guarded, done, doing=doing)

    # ---- copies

    def act_copy(self) -> None:
        """The row under the cursor."""
        current = self.body.current
        if current is not None:
            self.room.copy(current.text.strip())

    def act_plain(self) -> None:
        """All of it as plain text that the terminal itself can select."""
        incident = self.incident
        if incident is not None:
            text = plain(self.rows(incident, 100)).rstrip()
            self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))

    def act_refresh(self) -> None:
        """Look at the journal now."""
        if self.room.live is not None:
            self.room.live.refresh("incident")
