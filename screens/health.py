"""Level 2: how well is the machine, and what will fail next?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import DescendantFocus
from textual.message import Message
from textual.timer import Timer

from diagnostics.core.time import utc_now
from screens import health_layout as places
from screens import health_state as known
from screens.base import ReadingArrived, RoomScreen
from screens.health_actions import HealthActions
from screens.health_layout import PANES, arrange
from screens.health_panes import HealthPanes
from screens.health_state import FanOut, HealthState
from widgets.footer_bar import FooterBar
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView

if TYPE_CHECKING:
    from diagnostics.health.desk import HealthDesk

GATHER_S = 0.06
"""Answers that arrive together are drawn together."""

SETTLE_S = 8.0
"""The indicators are not re-ordered this soon after a key: a row must not move under a reader's eye."""

PROGRESS_S = 0.5
"""How often the progress of a long question is drawn at most."""

PANE_OF = {
    known.OVERVIEW: (places.HEALTH, places.KPIS),
    known.KPIS: (places.KPIS,),
    known.RESOLUTION: (places.RESOLUTION,),
    known.CONNECTIONS: (places.CONNECTIONS,),
    known.SYSTEMS: (places.SYSTEMS, places.HEALTH),
    known.LEADING: (places.LEADING, places.HEALTH),
}
"""Which panes a reading is drawn in."""


class FanOutMoved(Message, bubble=False):
    """The question over all client databases got further, or has ended. Posted from its thread."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, FanOutMoved)


class HealthScreen(HealthPanes, HealthActions, RoomScreen):
    """Health, KPIs, resolution shares, connections, the system map and the leading indicators."""

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
        self.fan_out: FanOut | None = None
        self.touched_at = 0.0
        self.slots = dict.fromkeys(PANES, places.NOWHERE)
        self._dirty: set[str] = set()
        self._drawing: Timer | None = None
        self._progress_at = 0.0

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Container(id="body"):
            for name in PANES:
                yield LineView(signs=signs, cursor=False, id=f"{name}-title").add_class("title")
                yield LineView(signs=signs, id=name)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The first pane has the keys."""
        self.query_one(FooterBar).set_hints(self.room.hints())
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
        """The sources are open."""
        self._begin()
        self.draw()

    def _begin(self) -> None:
        """Watch the six readings, once."""
        service, live = self.room.service, self.room.live
        if self.is_watching or service is None or live is None:
            return
        self.is_watching = True
        every_s, rare_s = service.settings.refresh.checks_s, service.settings.fleet.refresh_s

        def desk() -> HealthDesk:
            # In the asking thread: the first use of the desk imports what it is made of.
            return service.health

        self.fan_out = FanOut(lambda job: desk().resolution(job), self._fan_out_moved, refresh_s=rare_s)
        live.watch(known.OVERVIEW, lambda: desk().overview(), every_s=every_s)
        live.watch(known.KPIS, lambda: desk().kpis(), every_s=every_s)
        live.watch(known.CONNECTIONS, lambda: desk().connections(), every_s=every_s)
        live.watch(known.SYSTEMS, lambda: desk().systems(), every_s=every_s)
        live.watch(known.LEADING, lambda: desk().leading(), every_s=2 * every_s)
        live.watch(known.RESOLUTION, self.fan_out.ask, every_s=rare_s)
        self.room.look_again()

    def shown_readings(self) -> Iterable[str]:
        """All of this screen's, once they can be asked."""
        return known.KEYS if self.is_watching else ()

    def crumb(self) -> str:
        """The level's name."""
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
        self.draw_soon(*PANE_OF[reading.key])

    def _fan_out_moved(self) -> None:
        if self.is_attached:
            self.post_message(FanOutMoved())

    @on(FanOutMoved)
    def fan_out_moved(self) -> None:
        """Draw how far it is, now and then, and its end at once."""
        now = time.monotonic()
        if now - self._progress_at >= PROGRESS_S or (self.fan_out is not None and not self.fan_out.is_running):
            self._progress_at = now
            self.draw_soon(places.RESOLUTION)

    @on(DescendantFocus)
    def focus_moved(self) -> None:
        """The pane that waits for a long question says how to end it while it has the keys."""
        self.draw_soon(places.RESOLUTION)

    @on(LineView.Moved)
    def moved(self) -> None:
        """A person is reading: hold the order of lists for a moment."""
        self.touched()

    def touched(self) -> None:
        """A key was pressed."""
        self.touched_at = time.monotonic()

    # ---- places

    def _arrange(self) -> None:
        size = self.app.size
        self.slots = dict(arrange(size.width, max(1, size.height - 2)))
        for name, slot in self.slots.items():
            title, view = self.query_one(f"#{name}-title", LineView), self.pane(name)
            title.display = view.display = slot.height > 1
            _put(title, slot.x, slot.y, slot.width, 1)
            _put(view, slot.x, slot.y + 1, slot.width, max(1, slot.rows))

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self.draw_soon(*PANES)

    def draw(self) -> None:
        """Lay out every pane from the state; the views repaint the differences."""
        self._dirty |= set(PANES)
        self._draw_dirty()

    def draw_soon(self, *panes: str) -> None:
        """Lay these panes out shortly, together with whatever else becomes due by then."""
        self._dirty |= set(panes)
        if self._drawing is None:
            self._drawing = self.set_timer(GATHER_S, self._draw_dirty)

    def _draw_dirty(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None
        dirty, self._dirty = self._dirty, set()
        if not self.is_attached:
            return
        for name in PANES:
            slot = self.slots[name]
            if name in dirty and slot.height > 1:
                self.draw_pane(name, slot)


def _put(view: LineView, x: int, y: int, width: int, height: int) -> None:
    """Place a view; says nothing to the layout when it stands there already."""
    styles = view.styles
    if (styles.offset.x.value, styles.offset.y.value) != (x, y):
        styles.offset = (x, y)
    if styles.width is None or styles.width.value != width:
        styles.width = width
    if styles.height is None or styles.height.value != height:
        styles.height = height
