"""The escalation panel: the incident, the people, the clock. What somebody with a manager on the phone wants to see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from diagnostics.now import utc_now
from screens.base import ReadingArrived, RoomScreen
from screens.escalation_actions import EscalationActions
from screens.escalation_state import EscalationState
from widgets import escalation_rows as layout
from widgets.footer_bar import FooterBar
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.rows import Row, row, titled

if TYPE_CHECKING:
    from textual.timer import Timer

    from diagnostics.models.incidents import Step
    from screens.critical import CriticalScreen
    from widgets.incident_view import IncidentView, IssueView

GATHER_S = 0.06
"""Readings that arrive together are drawn together."""


class EscalationScreen(EscalationActions):
    """The answer, then one section for each thing that a commander asks about; what is needed first comes first."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (layout.WIDE, "-wide")]  # noqa: RUF012  # Textual's own name and type

    DEFAULT_CSS = """
    EscalationScreen .title { height: 1; scrollbar-size-vertical: 0; }
    EscalationScreen #answer { height: 4; scrollbar-size-vertical: 0; }
    EscalationScreen #sections { height: 1fr; }
    EscalationScreen #first { width: 1fr; }
    EscalationScreen #second { width: 1fr; display: none; }
    EscalationScreen.-wide #second { display: block; }
    """

    hint_names: ClassVar[tuple[str, ...]] = (
        "notify", "run", "claim", "open", "snooze", "status", "why", "new", "link", "next_pane", "back", "help",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.state = EscalationState()
        self._drawing: Timer | None = None

    # ---- construction

    def compose(self) -> ComposeResult:
        """The answer above, the sections below in one or two columns."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(signs=signs, cursor=False, id="panel-title").add_class("title")
        yield LineView(signs=signs, id="answer")
        with Horizontal(id="sections"):
            yield LineView(signs=signs, id="first")
            yield LineView(signs=signs, id="second")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """What the console knows already is on the first frame."""
        live = self.room.live
        for key in ("incident", "assessment"):
            reading = live.last(key) if live is not None else None
            if reading is not None:
                self.state.take(reading)
        self.query_one("#first", LineView).focus()
        self.query_one(FooterBar).set_hints(self.room.hints())
        self._read_on()
        self.draw()

    def on_resize(self) -> None:
        """Columns fold or unfold once the size is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        """The sources are open."""
        self.draw()

    def crumb(self) -> str:
        """The incident, or what the panel is."""
        return self.state.incident.id if self.state.incident is not None else "escalation"

    def place(self) -> str:
        """The line that opens the panel again."""
        return "escalation"

    def issue_in_view(self) -> tuple[str, str] | None:
        """Issue and severity of the incident; without one, the screens below say."""
        incident = self.state.incident
        return (incident.issue_type, incident.severity) if incident is not None else None

    def runbook(self) -> str:
        """The issue that the panel is about."""
        return self._issue()

    def shown_readings(self) -> Iterable[str]:
        """The assessment of the incident; without one, how much of each issue there is."""
        critical = self.critical()
        if self.state.incident is not None:
            yield "assessment"
        elif critical is not None:
            yield from (f"pulse:{issue}" for issue in critical.state.issues)

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep it and draw what it changes."""
        before = self.state.incident
        if self.state.take(message.reading):
            self._read_on()
            if (before is None) is not (self.state.incident is None):
                self.room.look_again()
            self.draw_soon()
        elif message.reading.key.startswith("pulse:") and self.state.incident is None:
            self.draw_soon()

    def _read_on(self) -> None:
        self.state.ask_lines(self.room, self.draw_soon)

    def tick(self) -> None:
        """Clocks move on; nothing else does."""
        self._read_on()
        self.draw()

    # ---- what is in view

    def critical(self) -> CriticalScreen | None:
        """Level 1, which knows what burns."""
        from screens.critical import CriticalScreen  # noqa: PLC0415  # it opens this screen

        return next((screen for screen in self.app.screen_stack if isinstance(screen, CriticalScreen)), None)

    def _issue(self) -> str:
        if self.state.incident is not None:
            return self.state.incident.issue_type
        catalogue, critical = self.room.catalogue, self.critical()
        known = catalogue.issues if catalogue is not None else {}
        for screen in reversed(self.app.screen_stack):
            found = screen.issue_in_view() if isinstance(screen, RoomScreen) and screen is not self else None
            if found is not None and found[0] in known:
                return found[0]
        return critical.state.selected if critical is not None else ""

    def view(self) -> IncidentView | IssueView | None:
        """What is drawn; None before the sources are open."""
        catalogue, service, critical = self.room.catalogue, self.room.service, self.critical()
        if catalogue is None or service is None or critical is None:
            return None
        now = utc_now()
        found = self.state.view(catalogue, service, now, critical.alarms())
        return found or self.state.issue_view(catalogue, critical.state, self._issue(), now)

    def checklist(self) -> tuple[Step, ...]:
        """The steps as they are drawn."""
        found = self.view()
        return found.steps if found is not None else ()

    def shown_rows(self) -> list[Row]:
        """All rows from the top."""
        names = ("#answer", "#first", "#second") if self.has_class("-wide") else ("#answer", "#first")
        return [item for name in names for item in (*self.query_one(name, LineView).rows, Row(()))]

    # ---- drawing

    def draw_soon(self) -> None:
        """Draw shortly, together with whatever else arrives by then."""
        if self._drawing is None:
            self._drawing = self.set_timer(GATHER_S, self.draw)

    def draw(self) -> None:
        """Lay out every pane; the views repaint the differences."""
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None
        if not self.is_attached or not self.size.width:
            return
        signs, size, found = self.room.signs, self.size, self.view()
        what = self.state.incident.id if self.state.incident is not None else "escalation"
        self.query_one("#panel-title", LineView).show(
            (row((signs.text(titled(self.room.trail(), what, size.width)), "bar")),)
        )
        if found is None:
            waiting = row(("opening the sources; nothing is known of incidents yet", "muted"))
            self.query_one("#answer", LineView).show((waiting,))
            return
        self._draw_answer(layout.answer(found, self.state.problem(), size.width - 4, signs))
        self._draw_sections(found, size.height - 3 - len(self.query_one("#answer", LineView).rows))

    def _draw_answer(self, rows: list[Row]) -> None:
        view = self.query_one("#answer", LineView)
        if len(rows) != len(view.rows):
            view.styles.height = len(rows)
        view.show(rows)

    def _draw_sections(self, found: IncidentView | IssueView, height: int) -> None:
        from widgets.incident_view import IncidentView  # noqa: PLC0415

        signs, wide = self.room.signs, self.size.width >= layout.WIDE
        # Marker, scroll bar, and one column between the text and either.
        width = (self.size.width // 2 if wide else self.size.width) - 5
        second: list[Row] = []
        if isinstance(found, IncidentView):
            if wide:
                first, second = layout.two_columns(found, width, height, signs)
            else:
                first = layout.one_column(found, width, height, signs, all_steps=self.state.all_steps)
        else:
            first, second = layout.issue_columns(found, width, signs)
            first = first if wide else layout.issue_column(first, second)
        self.query_one("#first", LineView).show(layout.padded(first, height))
        self.query_one("#second", LineView).show(layout.padded(second, height) if wide else ())
