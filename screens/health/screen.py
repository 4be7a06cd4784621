"""Level 2: how well is the machine, and what will fail next?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import DescendantFocus
from textual.message import Message

from diagnostics.core.time import utc_now
from diagnostics.health.document import (
    counts_document,
    course_document,
    failure_document,
    figure_document,
    indicators_document,
    resolution_document,
    system_document,
)
from screens.addresses import ChartAt, MonitorAt, ProblemsAt
from screens.base import ConsoleScreen, ReadingArrived
from screens.health import layout as places
from screens.health import state as known
from screens.health.layout import PANES, arrange
from screens.health.panes import READING_OF, HealthPanes, UnderCursor
from screens.health.state import HealthState
from screens.held_readings import RESOLUTION, SYSTEMS, ResolutionFanOut, resolution_bands
from screens.listing import DrillScreen
from screens.redraw import Redraw
from widgets.footer_bar import FooterBar
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.rows.resolution import shares_in_full

if TYPE_CHECKING:
    from diagnostics.health.service import HealthService
    from diagnostics.models.health import MonitorDraft

SETTLE_S = 8.0
"""The indicators are not re-ordered this soon after a key: a row must not move under a reader's eye."""

PROGRESS_S = 0.5
"""How often the progress of a long question is drawn at most."""

PANE_OF = {
    known.OVERVIEW: (places.HEALTH, places.KPIS),
    known.KPIS: (places.KPIS,),
    RESOLUTION: (places.RESOLUTION,),
    known.CONNECTIONS: (places.CONNECTIONS,),
    SYSTEMS: (places.SYSTEMS, places.HEALTH),
    known.LEADING: (places.LEADING, places.HEALTH),
}
"""Which panes a reading is drawn in."""


class FanOutMoved(Message, bubble=False):
    """The question over all client databases got further, or has ended. Posted from its thread."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FanOutMoved)


class HealthScreen(ConsoleScreen):
    """Health, KPIs, resolution shares, connections, the system map and the leading indicators."""

    answers = "Is the integration healthy, and which part of it is not?"

    DEFAULT_CSS = """
    HealthScreen #body { height: 1fr; overflow: hidden; }
    HealthScreen #body LineView { position: absolute; }
    HealthScreen .title { scrollbar-size-vertical: 0; }
    """

    hint_names: ClassVar[tuple[str, ...]] = (
        "open", "why", "next_pane", "run", "refresh", "copy", "pause", "level_critical", "command", "help",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.state = HealthState()
        self.panes = HealthPanes(self.host, self.state)
        self.touched_at = 0.0
        self.slots = dict.fromkeys(PANES, places.NOWHERE)
        self._redraw = Redraw(self, {name: partial(self._draw_pane, name) for name in PANES})
        self._progress_at = 0.0

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Container(id="body"):
            for name in PANES:
                yield LineView(glyphs=glyphs, cursor=False, id=f"{name}-title").add_class("title")
                yield LineView(glyphs=glyphs, id=name)
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        """The first pane has the keys."""
        self.query_one(FooterBar).set_hints(self.host.hints())
        self._arrange()
        self.pane(places.HEALTH).focus()
        self._begin()
        self.draw()

    def on_screen_resume(self) -> None:
        """Come back to: the sources may have been opened meanwhile, the terminal may have another size."""
        self.call_after_refresh(self._resumed)

    def _resumed(self) -> None:
        self._begin()
        self._arrange()
        self.draw()

    def on_resize(self) -> None:
        """Panes find their places for the new size."""
        self._arrange()
        self.draw()

    def service_opened(self) -> None:
        self._begin()
        self.draw()

    @property
    def is_watching(self) -> bool:
        """True once the readings can be asked."""
        return self.state.fan_out is not None

    def pane(self, name: str) -> LineView:
        """The rows of a pane."""
        return self.query_one(f"#{name}", LineView)

    def _begin(self) -> None:
        """Watch the six readings, once."""
        service, live = self.host.service, self.host.live
        if self.is_watching or service is None or live is None:
            return
        every_s, rare_s = service.settings.refresh.checks_s, service.settings.fleet.refresh_s

        def health() -> HealthService:
            # In the asking thread: the first use of the service imports what it is made of.
            return service.health

        self.state.fan_out = fan_out = ResolutionFanOut(
            lambda job: health().resolution(job), self._fan_out_moved, refresh_s=rare_s
        )
        live.watch(known.OVERVIEW, lambda: health().overview(), every_s=every_s)
        live.watch_growing(known.KPIS, lambda tell: health().kpis(tell=tell), every_s=every_s)
        live.watch(known.CONNECTIONS, lambda: health().connections(), every_s=every_s, source="common")
        live.watch_growing(SYSTEMS, lambda tell: health().systems(tell), every_s=every_s)
        live.watch_growing(known.LEADING, lambda tell: health().leading(tell=tell), every_s=2 * every_s)
        live.watch(RESOLUTION, fan_out.ask, every_s=rare_s)
        self.host.look_again()

    def shown_readings(self) -> Iterable[str]:
        """All of this screen's, once they can be asked."""
        return known.KEYS if self.is_watching else ()

    def crumb(self) -> str:
        return "health"

    def place(self) -> str:
        """The line that opens it again."""
        return "level health"

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the reading and repaint what it changes."""
        reading = message.reading
        if not self.state.take(reading):
            return
        if reading.key == known.LEADING and time.monotonic() - self.touched_at >= SETTLE_S:
            self.state.reorder()
        self._redraw.soon(*PANE_OF[reading.key])

    def _fan_out_moved(self) -> None:
        if self.is_attached:
            self.post_message(FanOutMoved())

    @on(FanOutMoved)
    def fan_out_moved(self) -> None:
        """Draw how far it is, now and then, and its end at once."""
        now = time.monotonic()
        fan_out = self.state.fan_out
        if now - self._progress_at >= PROGRESS_S or (fan_out is not None and not fan_out.is_running):
            self._progress_at = now
            self._redraw.soon(places.RESOLUTION)

    @on(DescendantFocus)
    def focus_moved(self) -> None:
        """The pane that waits for a long question says how to end it while it has the keys."""
        self._redraw.soon(places.RESOLUTION)

    @on(LineView.Moved)
    def moved(self) -> None:
        """A person is reading: hold the order of lists for a moment."""
        self.touched()

    def touched(self) -> None:
        """Note when a key was last pressed."""
        self.touched_at = time.monotonic()

    # ---- places

    def _arrange(self) -> None:
        size = self.panes.size = self.app.size
        self.slots = dict(arrange(size.width, max(1, size.height - 2)))
        for name, slot in self.slots.items():
            title, view = self.query_one(f"#{name}-title", LineView), self.pane(name)
            title.display = view.display = slot.height > 1
            _put(title, slot.x, slot.y, slot.width, 1)
            _put(view, slot.x, slot.y + 1, slot.width, max(1, slot.rows))

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self._redraw.soon()

    def draw(self) -> None:
        """Lay out every pane from the state."""
        self._redraw.now()

    def _draw_pane(self, name: str) -> None:
        slot = self.slots[name]
        if slot.height > 1:
            view = self.pane(name)
            rows, bar = self.panes.drawn(name, slot, has_focus=view.has_focus)
            self.query_one(f"#{name}-title", LineView).show((bar,))
            view.show(rows)

    # ---- where am I

    def _pane_in_view(self) -> str:
        name = self.focused.id or "" if self.focused is not None else ""
        return name if name in READING_OF else places.HEALTH

    @property
    def cursor_view(self) -> LineView:
        """The rows of the pane in view."""
        return self.pane(self._pane_in_view())

    def under(self) -> UnderCursor:
        """Subject of the row under the cursor."""
        return UnderCursor(self.state, self._pane_in_view(), self.cursor_view.cursor_key or "")

    def runbook(self) -> str:
        """Which section of the immediate actions belongs to what is in view."""
        return "agent_resolution" if self._pane_in_view() == places.RESOLUTION else "connection_health"

    # ---- in

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        self.touched()
        under = self.under()
        if under.key in {"waiting", "failed"}:
            reading = self.state.reading(READING_OF[under.pane])
            self.host.open_document(failure_document(under.pane, reading))
            return
        opens = {
            places.HEALTH: self._open_health,
            places.KPIS: self._open_figure,
            places.RESOLUTION: self._open_resolution,
            places.CONNECTIONS: self._open_connection,
            places.SYSTEMS: self._open_system,
            places.LEADING: self._open_indicator,
        }
        opens[under.pane](under)

    def _open_health(self, under: UnderCursor) -> None:
        overview = self.state.overview
        if under.key == "next":
            failing = any(str(system.status) == "fail" for system in self.state.systems)
            self.pane(places.SYSTEMS if failing else places.LEADING).focus()
        elif overview is not None and under.key == "course":
            self.host.open_document(course_document(overview.course))
        elif overview is not None:
            doubt = self.state.doubt(known.OVERVIEW, utc_now())
            self.host.open_document(figure_document(overview.health, self.host.catalogue, doubt=doubt))

    def _open_figure(self, under: UnderCursor) -> None:
        """A KPI over time; Enter there shows it in words."""
        if under.figure is not None:
            about = figure_document(under.figure, self.host.catalogue, doubt=under.doubt)
            self.host.navigate(ChartAt(under.figure.id, about=about))

    def _open_resolution(self, under: UnderCursor) -> None:
        resolution, catalogue = self.state.resolution, self.host.catalogue
        if resolution is None or catalogue is None:
            return
        bands = resolution_bands(catalogue)
        shares = shares_in_full(resolution, bands)
        document = resolution_document(resolution, shares, bands.words(), doubt=under.doubt)
        if not resolution.outliers:
            self.host.open_document(document)
            return
        choices = {"account": lambda name: self.host.navigate(f"account {name.partition(':')[0]}")}
        self.host.push_console_screen(DrillScreen(document, choices=choices, why=under.why()))

    def _open_connection(self, under: UnderCursor) -> None:
        problem, health = under.problem, self.state.connections
        if problem is not None:
            self.host.navigate(f"account {problem.account_id}")
        elif under.kind == "problems":
            self._open_problems(under.name)
        elif health is not None:
            document = counts_document(health, doubt=under.doubt)
            choices = {"problems": self._open_problems}
            self.host.push_console_screen(DrillScreen(document, choices=choices, why=under.why()))

    def _open_problems(self, order: str) -> None:
        self.host.navigate(ProblemsAt("newest" if order == "newest" else "longest"))

    def _open_system(self, under: UnderCursor) -> None:
        if under.system is not None:
            self.host.open_document(system_document(under.system, self.host.catalogue, doubt=under.doubt))

    def _open_indicator(self, under: UnderCursor) -> None:
        figure = under.figure
        if figure is None:
            return
        step = "▸ x drafts a Datadog monitor for this; nothing is sent by drafting"
        self.host.push_console_screen(
            DrillScreen(
                figure_document(figure, self.host.catalogue, doubt=under.doubt, step=step),
                why=under.why(),
                step=lambda: self.draft_monitor(figure.id),
                step_word="draft a monitor",
            )
        )

    def act_chart(self) -> None:
        """The figure under the cursor over time; in the health pane, health itself."""
        self.touched()
        under = self.under()
        if under.figure is not None:
            self.host.navigate(ChartAt(under.figure.id))
        elif under.pane == places.HEALTH:
            self.host.navigate(ChartAt("system_health"))
        else:
            self.host.say("there are charts of health, of the KPIs and of the leading indicators", "muted")

    # ---- monitors

    def draft_monitor(self, figure_id: str) -> None:
        """Draft the monitor of a figure, or show what there can be monitors for. Sends nothing."""
        service = self.host.service
        if service is None:
            return

        def work() -> MonitorDraft | tuple[str, ...]:
            indicators = service.health.indicators()
            return service.health.monitor_draft(figure_id) if figure_id in indicators else indicators

        self.host.ask(work, self._show_draft, doing="drafting the monitor")

    def _show_draft(self, found: MonitorDraft | tuple[str, ...]) -> None:
        if not isinstance(found, tuple):
            self.host.navigate(MonitorAt(found))
            return
        document = indicators_document(found, self.host.catalogue)
        self.host.push_console_screen(DrillScreen(document, choices={"draft": self.draft_monitor}))

    def act_run(self) -> None:
        """A figure that a monitor can warn of: draft it. Anything else: ask this pane again."""
        self.touched()
        under, catalogue = self.under(), self.host.catalogue
        figure = under.figure
        drafted = figure is not None and catalogue is not None and figure.id in catalogue.indicators
        if figure is not None and (drafted or under.pane == places.LEADING):
            self.draft_monitor(figure.id)
            return
        self._ask_again(under.reading_key)
        self.host.say(f"asking {under.pane} again")

    # ---- out, around

    def act_back(self) -> None:
        """End the long question that the pane in view waits for; else back to where one came from."""
        fan_out = self.state.fan_out
        if self._pane_in_view() == places.RESOLUTION and fan_out is not None and fan_out.cancel():
            self.host.say("ending the question over all client databases; r asks again")
            return
        self.dismiss()

    def act_next_pane(self) -> None:
        self.touched()
        super().act_next_pane()

    def act_previous_pane(self) -> None:
        self.touched()
        super().act_previous_pane()

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence for the number under the cursor."""
        self.open_why(self.under().why())

    def text_under_cursor(self) -> str:
        """The row, with what bends its number."""
        return self.under().text(super().text_under_cursor())

    def act_copy(self) -> None:
        """Copy what is under the cursor, with what bends it."""
        text = self.text_under_cursor()
        if text:
            self.host.copy(text)

    def act_plain(self) -> None:
        """The text that `y` would copy, plain, so that the terminal itself can select it."""
        self.open_plain(self.text_under_cursor())

    # ---- live

    def act_refresh(self) -> None:
        """Ask everything shown here again."""
        self._ask_again(None)
        self.host.say("asking again; panes keep what they show until the answers come")

    def _ask_again(self, key: str | None) -> None:
        live, service = self.host.live, self.host.service
        if live is None or service is None:
            return
        if self.state.fan_out is not None and key in {None, RESOLUTION}:
            self.state.fan_out.again()
        service.forget_answers()
        live.refresh(key)

    def show_leading(self) -> None:
        """To the leading indicators."""
        self.pane(places.LEADING).focus()
        self.draw()


def _put(view: LineView, x: int, y: int, width: int, height: int) -> None:
    """Place a view; says nothing to the layout when it stands there already."""
    styles = view.styles
    if (styles.offset.x.value, styles.offset.y.value) != (x, y):
        styles.offset = (x, y)
    if styles.width is None or styles.width.value != width:
        styles.width = width
    if styles.height is None or styles.height.value != height:
        styles.height = height
