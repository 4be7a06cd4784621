"""The log explorer: one query, its lines, when they happened, what they have in common, and what belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from diagnostics.core.time import utc_now
from screens.base import ReadingArrived
from screens.explorer_actions import NARROW, ExplorerActions
from screens.explorer_state import ExplorerState, Range, range_words
from widgets import wording
from widgets.facet_rows import facet_rows
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.histogram import HistogramView, span_words
from widgets.line_view import LineView
from widgets.log_list import LogList
from widgets.log_pane import LogPane
from widgets.query_editor import QueryEditor
from widgets.rows import Tone, row, titled

if TYPE_CHECKING:
    from diagnostics.explorer.desk import ExplorerDesk
    from diagnostics.explorer.facets import FacetCounter
    from diagnostics.models.events import LogEvent
    from diagnostics.models.explorer import Facet, Histogram
    from diagnostics.models.readings import Reading

HISTOGRAM_EVERY_S = 30.0
"""One aggregate each time, of the two that ten seconds allow to everybody."""

STILL_EVERY_S = 86_400.0
"""A stretch of time that does not move is asked once."""

SHOWN_FACETS = (
    "service",
    "status",
    "@context.account_id",
    "@http.status_code",
    "@context.method",
    "@context.errorCode",
)
"""What the side panel counts first, where lines carry it: who, how bad, whose."""

MOST_FACETS = 12
HINTS = (
    Hint("/", "query"),
    Hint("enter", "open"),
    Hint("+/-", "zoom"),
    Hint("p", "patterns"),
    Hint("v", "values"),
    Hint("C", "correlate"),
    Hint("m", "pin"),
    Hint("E", "export"),
    Hint("?", "help"),
)


class ExplorerScreen(ExplorerActions):
    """Query, histogram, lines, facets."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  # Textual's own name and type
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    DEFAULT_CSS = """
    ExplorerScreen #explorer-body { height: 1fr; }
    ExplorerScreen #explorer-main { width: 1fr; }
    ExplorerScreen .title { height: 1; scrollbar-size-vertical: 0; }
    ExplorerScreen #histogram { height: 4; scrollbar-size-vertical: 0; }
    ExplorerScreen.-tall #histogram { height: 7; }
    ExplorerScreen #explorer-logs { height: 1fr; }
    ExplorerScreen #explorer-side { width: 40; display: none; border-left: solid $panel-lighten-1; }
    ExplorerScreen.-ascii #explorer-side { border-left: ascii $panel-lighten-1; }
    ExplorerScreen.-wide #explorer-side { display: block; }
    ExplorerScreen.-side-only #explorer-side { display: block; width: 1fr; border-left: none; }
    ExplorerScreen.-side-only #explorer-main { display: none; }
    ExplorerScreen #facets { height: 1fr; }
    """

    def __init__(
        self,
        query: str,
        *,
        window_s: int = 900,
        fixed: Range | None = None,
        events: Sequence[LogEvent] = (),
        about: str = "",
    ) -> None:
        super().__init__()
        self.state = ExplorerState(query, window_s=window_s, fixed=fixed)
        self.about = about
        """What ties the lines together, for the title; empty for an ordinary query."""
        self._given = tuple(events)
        self._exact: dict[str, Facet] = {}
        self._counting = False
        self._uncounted: list[LogEvent] = []
        self._counted: set[str] = set()
        self.counter: FacetCounter | None = None

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Horizontal(id="explorer-body"):
            with Vertical(id="explorer-main"):
                yield LineView(signs=signs, cursor=False, id="histogram-title").add_class("title")
                yield HistogramView(signs=signs, id="histogram")
                yield QueryEditor(ascii=signs.ascii_only, id="query-editor")
                yield LogPane(filters=False, ascii=signs.ascii_only, id="explorer-logs")
            with Vertical(id="explorer-side"):
                yield LineView(signs=signs, cursor=False, id="facets-title").add_class("title")
                yield LineView(signs=signs, id="facets")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The lines have the keys."""
        self.set_class(self.room.signs.ascii_only, "-ascii")
        self.query_one(LogList).focus()
        self.query_one(FooterBar).set_hints(HINTS)
        if self.room.service is not None:
            self.ask_all()
        self.draw()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        """Start asking."""
        self.ask_all()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        super().on_unmount()
        self.unwatch()

    # ---- asking

    def ask_all(self) -> None:
        """Ask for lines and histogram of the query and the stretch of time in view."""
        service, live = self.room.service, self.room.live
        if service is None or live is None:
            return
        self.unwatch()
        self.generation += 1
        state, desk, pane = self.state, service.explorer, self.query_one(LogPane)
        pane.reset()
        words = wording.duration(state.window_s) if state.fixed is None else range_words(state.fixed)
        pane.show_query(state.query, self.room.signs.text(words))
        self.counter, self._uncounted, self._counted, self._exact = None, [], set(), {}
        self.reader = self._reader()
        every = service.settings.refresh.logs_s if state.fixed is None else STILL_EVERY_S
        live.watch(self.lines_key, self.reader.newest, every_s=every)
        live.watch(
            self.histogram_key,
            partial(self._histogram, desk, state.query, state.fixed, state.window_s, self._columns()),
            every_s=HISTOGRAM_EVERY_S if state.fixed is None else STILL_EVERY_S,
        )
        self.query_one(HistogramView).put(None)
        self.query_one(QueryEditor).complete = self._complete
        if self._given:
            self._take_events(self._given)
        self.room.look_again()
        self.draw()

    @staticmethod
    def _histogram(desk: ExplorerDesk, query: str, fixed: Range | None, window_s: int, columns: int) -> Histogram:
        start, end = ExplorerState(query, window_s=window_s, fixed=fixed).shown(utc_now())
        return desk.histogram(query, start=start, end=end, most_bins=columns)

    def _columns(self) -> int:
        """Steps that the histogram has room for."""
        width = self.query_one(HistogramView).size.width
        return max(20, width or self.app.size.width - (42 if self.app.size.width >= NARROW else 0))

    def shown_readings(self) -> Iterable[str]:
        """Lines and histogram."""
        return (self.lines_key, self.histogram_key)

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the answer and repaint what it changes."""
        reading = message.reading
        if reading.key == self.lines_key:
            self.lines = reading
            self._take_lines(reading)
        elif reading.key == self.histogram_key:
            self.histogram_reading = reading
            if reading.value is not None:
                self.query_one(HistogramView).put(reading.value)
                self.query_one(LogPane).set_total(reading.value.total)
            self._draw_histogram_title()

    def _take_lines(self, reading: Reading[Any]) -> None:
        pane = self.query_one(LogPane)
        if reading.failure:
            pane.set_failure(reading.failure, reading.remedy)
        elif reading.value is not None:
            self._take_events(reading.value.events)
        self._draw_age()

    def _take_events(self, events: Sequence[LogEvent], *, older: bool = False) -> None:
        self.query_one(LogPane).add_events(list(events), older=older)
        # A tail reads its last seconds again and again; each line is counted once.
        fresh = {event.id: event for event in events if event.id not in self._counted}
        self._counted |= fresh.keys()
        self._uncounted += fresh.values()
        self._count()

    def take_older(self, events: Sequence[LogEvent]) -> None:
        """Lines before the oldest ones."""
        self._take_events(events, older=True)

    def _count(self) -> None:
        """Count attributes in a thread: a thousand lines hold twenty thousand values."""
        if self._counting or not self._uncounted:
            return
        from diagnostics.explorer.facets import FacetCounter  # noqa: PLC0415  # after the lines are on screen

        self._counting = True
        counter = self.counter or FacetCounter()
        batch, self._uncounted = self._uncounted, []
        generation = self.generation

        def counted(_done: None) -> None:
            self._counting = False
            if generation == self.generation:
                self.counter = counter
                self._draw_facets()
            self._count()

        self.room.quietly(lambda: counter.add(batch), counted)

    def exact_facet(self, facet: Facet) -> None:
        """An attribute counted by the service over all lines."""
        self._exact[facet.name] = facet
        self._draw_facets()

    def facet_in_view(self, name: str) -> Facet | None:
        """What the side panel shows of an attribute."""
        if name in self._exact:
            return self._exact[name]
        return self.counter.facet(name) if self.counter is not None else None

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self._draw_age()
        self._draw_histogram_title()

    def draw(self) -> None:
        """Lay out every pane."""
        if self.is_attached:
            self._draw_histogram_title()
            self._draw_facets()
            self._draw_age()

    def _bar(self, selector: str, text: str, right: str = "", *, trail: str = "") -> None:
        view = self.query_one(selector, LineView)
        width = view.size.width or self.app.size.width
        room = max(1, width - len(right) - 2)
        words = f"{self.room.signs.text(titled(trail, text, room))} {self.room.signs.text(right)}"
        view.show((row((words, "bar")),))

    def _draw_histogram_title(self) -> None:
        reading, signs = self.histogram_reading, self.room.signs
        step = reading.value.step_ms if reading is not None and reading.value is not None else 0
        per = f" per {span_words(step)}" if step else ""
        what = self.about or f"logs{per}"
        pins = f" {signs.separator} {len(self.state.pins)} pinned" if self.state.pins else ""
        # What ties lines together needs the room that the way here would take.
        trail = "" if self.about else self.room.trail()
        self._bar("#histogram-title", what + pins, self._histogram_state(reading), trail=trail)

    def _histogram_state(self, reading: Reading[Any] | None) -> str:
        if reading is None or (reading.value is None and not reading.failure):
            return "counting "
        if reading.value is None:
            return f"no counts: {reading.failure} "
        aged = wording.age(wording.asked_at(reading), utc_now())
        if wording.is_stale(reading):
            return f"stale {aged}: {reading.failure} "
        return f"{aged} old " if self.state.fixed is None else "as asked "

    def _draw_age(self) -> None:
        pane, reading = self.query_one(LogPane), self.lines
        if reading is None or reading.value is None:
            pane.set_status("")
            return
        if self.state.fixed is not None:
            pane.set_status("fixed", "muted")
            return
        paused = self.room.live is not None and self.room.live.paused
        stale = wording.is_stale(reading)
        word = "stale" if stale else "paused" if paused else "live"
        tone: Tone = "warn" if stale or paused else "muted"
        pane.set_status(f"{word} {wording.age(wording.asked_at(reading), utc_now())}", tone, stale=stale)

    def _draw_facets(self) -> None:
        view, counter = self.query_one("#facets", LineView), self.counter
        if not view.size.width:
            return
        self._bar("#facets-title", "values", "enter adds · x counts all ")
        if counter is None:
            view.show((row(("counting what the lines carry", "muted")),))
            return
        names = counter.names()
        chosen = [name for name in SHOWN_FACETS if name in names]
        chosen += [name for name in (*self._exact, *names) if name not in chosen]
        facets = [self._exact.get(name) or counter.facet(name) for name in chosen[:MOST_FACETS]]
        most = 5 if view.size.height > 24 else 3
        view.show(facet_rows(facets, width=view.text_width() - 1, most=most, signs=self.room.signs))

    # ---- coming back

    def crumb(self) -> str:
        """The query, shortly."""
        return self.about or "logs"

    def place(self) -> str:
        """The same query again."""
        return f"logs {self.state.query}"

    def query_in_view(self) -> str:
        """The query itself."""
        return self.state.query

    def memory(self) -> dict[str, object]:
        """The stretch of time."""
        return self.state.memory()

    def recall(self, memory: Mapping[str, object]) -> None:
        """The stretch of time again."""
        self.state.recall(memory)
        self.ask_all()

    def moment(self) -> datetime:
        """The present."""
        return utc_now()
