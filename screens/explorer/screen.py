"""The log explorer: one query, its lines, when they happened, what they have in common, and what belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from diagnostics.core.time import utc_now
from diagnostics.core.words import plural, short, span
from screens.base import ReadingArrived
from screens.explorer.documents import patterns_listing, pins_listing
from screens.explorer.state import ExplorerState, TimeRange, ValueCounts, range_words
from screens.listing import ListingScreen
from screens.log_screen import WINDOWS, LogScreen
from widgets import wording
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.log.histogram import HistogramView
from widgets.log.list import LogList
from widgets.log.pane import LogPane
from widgets.log.query_editor import QueryEditor
from widgets.row import row, titled
from widgets.rows.facets import facet_of_key, facet_rows

if TYPE_CHECKING:
    from diagnostics.explorer.reader import RangeReader
    from diagnostics.explorer.service import ExplorerService
    from diagnostics.live.tail import Tail
    from diagnostics.models.events import LogEvent
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.explorer import Completions, Facet, Histogram, SavedQuery
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics

NARROW = 110
"""Below this many columns the values fold away behind their key."""

HISTOGRAM_EVERY_S = 30.0
"""One aggregate each time, of the two that ten seconds allow to everybody."""

STILL_EVERY_S = 86_400.0
"""A stretch of time that does not move is asked once."""

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


class ExplorerScreen(LogScreen):
    """Query, histogram, lines, values."""

    answers = "Which log lines match, when did they come, and what do they share?"

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

    nothing_older = "no older lines in this stretch; - widens it"

    def __init__(
        self,
        query: str,
        *,
        window_s: int = 900,
        fixed: TimeRange | None = None,
        events: Sequence[LogEvent] = (),
        about: str = "",
    ) -> None:
        super().__init__()
        self.state = ExplorerState(query, window_s=window_s, fixed=fixed)
        self.about = about
        """Common property of the lines, for the title; empty for an ordinary query."""
        self.values = ValueCounts(lambda: self.host, self._draw_values)
        self.generation = 0
        """Each question has its own keys, so that a late answer to another is dropped."""
        self.lines: Reading[Any] | None = None
        self.histogram_reading: Reading[Any] | None = None
        self._given = tuple(events)

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Horizontal(id="explorer-body"):
            with Vertical(id="explorer-main"):
                yield LineView(glyphs=glyphs, cursor=False, id="histogram-title").add_class("title")
                yield HistogramView(glyphs=glyphs, id="histogram")
                yield QueryEditor(ascii=glyphs.ascii_only, id="query-editor")
                yield LogPane(filters=False, ascii=glyphs.ascii_only, id="explorer-logs")
            with Vertical(id="explorer-side"):
                yield LineView(glyphs=glyphs, cursor=False, id="facets-title").add_class("title")
                yield LineView(glyphs=glyphs, id="facets")
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        """The lines have the keys."""
        self.set_class(self.host.glyphs.ascii_only, "-ascii")
        self.query_one(LogList).focus()
        self.query_one(FooterBar).set_hints(HINTS)
        if self.host.service is not None:
            self.ask_all()
        self.draw()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        self.ask_all()

    def on_unmount(self) -> None:
        self.unwatch()

    # ---- asking

    @property
    def lines_key(self) -> str:
        """Key of the reading of lines."""
        return f"explorer:{id(self)}:lines:{self.generation}"

    @property
    def histogram_key(self) -> str:
        """Key of the reading of counts over time."""
        return f"explorer:{id(self)}:histogram:{self.generation}"

    def shown_readings(self) -> Iterable[str]:
        return (self.lines_key, self.histogram_key)

    def unwatch(self) -> None:
        """Stop asking what was asked before."""
        if self.host.live is not None:
            for key in self.shown_readings():
                self.host.live.unwatch(key)
        self.lines = self.histogram_reading = None

    def _service(self) -> Diagnostics:
        service = self.host.service
        assert service is not None  # noqa: S101  # nothing is asked before the sources are open
        return service

    def ask_all(self) -> None:
        """Ask for lines and histogram of the query and the stretch of time in view."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        self.unwatch()
        self.generation += 1
        state, pane = self.state, self.log_pane
        pane.reset()
        words = short(state.window_s) if state.fixed is None else range_words(state.fixed)
        pane.show_query(state.query, self.host.glyphs.text(words))
        self.values.start_over()
        self.reader = self._reader()
        moving = state.fixed is None
        every_s = service.settings.refresh.logs_s if moving else STILL_EVERY_S
        live.watch(self.lines_key, self.reader.newest, every_s=every_s, source="datadog")
        live.watch(
            self.histogram_key,
            partial(self._histogram, service.explorer, state.query, state.fixed, state.window_s, self._columns()),
            every_s=HISTOGRAM_EVERY_S if moving else STILL_EVERY_S,
            source="datadog",
        )
        self.query_one(HistogramView).put(None)
        self.query_one(QueryEditor).complete = self._complete
        if self._given:
            self.add_lines(self._given)
        self.host.look_again()
        self.draw()

    def _reader(self) -> Tail | RangeReader:
        from diagnostics.explorer.reader import RangeReader  # noqa: PLC0415
        from diagnostics.live.tail import Tail  # noqa: PLC0415

        service = self._service()
        if self.state.fixed is None:
            return Tail(service, self.state.query, window_s=self.state.window_s)
        return RangeReader(service.explorer, self.state.query, *self.state.fixed)

    @staticmethod
    def _histogram(
        explorer: ExplorerService, query: str, fixed: TimeRange | None, window_s: int, columns: int
    ) -> Histogram:
        start, end = ExplorerState(query, window_s=window_s, fixed=fixed).shown(utc_now())
        return explorer.histogram(query, start=start, end=end, most_bins=columns)

    def _columns(self) -> int:
        """Steps that the histogram has room for."""
        width = self.query_one(HistogramView).size.width
        return max(20, width or self.app.size.width - (42 if self.app.size.width >= NARROW else 0))

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the answer and repaint what it changes."""
        reading = message.reading
        if reading.key == self.lines_key:
            self.lines = reading
            self.show_lines(reading)
            self._draw_age()
        elif reading.key == self.histogram_key:
            self.histogram_reading = reading
            if reading.value is not None:
                self.query_one(HistogramView).put(reading.value)
                self.log_pane.set_total(reading.value.total)
            self._draw_histogram_title()

    def add_lines(self, events: Sequence[LogEvent], *, older: bool = False) -> None:
        """Show lines, and count what they carry."""
        super().add_lines(events, older=older)
        self.values.add(events)

    # ---- the query

    def act_filter(self) -> None:
        """Edit the query."""
        self.query_one(QueryEditor).open(self.state.query)

    def _complete(self, text: str, cursor: int) -> Completions:
        return self._service().explorer.completer(self.values.counter_now()).complete(text, cursor)

    @on(QueryEditor.Applied)
    def query_applied(self, message: QueryEditor.Applied) -> None:
        """Ask another query."""
        self.query_cancelled()
        self.set_query(message.text)

    @on(QueryEditor.Cancelled)
    def query_cancelled(self) -> None:
        """Close the editor; the query stays."""
        self.query_one(QueryEditor).close()
        self.query_one(LogList).focus(scroll_visible=False)

    def set_query(self, text: str) -> None:
        """Ask this query over the same stretch of time."""
        self.about = ""
        self.state.query = query = text or "*"
        self.host.quietly(lambda: self._service().recents.note("query", f"logs {query}", "query"), lambda _done: None)
        self.ask_all()

    def narrow(self, term: str) -> None:
        """Ask the query with one more term."""
        before = "" if self.state.query.strip() in {"", "*"} else f"{self.state.query} "
        self.set_query(f"{before}{term}")

    def open_saved(self, saved: SavedQuery) -> None:
        """Ask a saved query here."""
        self.state.live()
        self.state.window_s = saved.window_s
        self.set_query(saved.query)

    # ---- in and out

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        place = self.focused_pane()
        if place == "logs":
            self.query_one(LogList).action_open()
        elif place == "histogram":
            self.act_zoom_in()
        elif place == "facets":
            found = self._value_under_cursor()
            if found is not None and found[1]:
                from diagnostics.logs import quote  # noqa: PLC0415  # the grammar

                self.narrow(f"{found[0]}:{quote(found[1])}")

    def act_back(self) -> None:
        """Out of the values, then out of the screen."""
        if self.has_class("-side-only"):
            self.remove_class("-side-only")
            self.query_one(LogList).focus()
            return
        self.dismiss()

    # ---- time

    def act_window(self) -> None:
        """Next time window, live."""
        at = WINDOWS.index(self.state.window_s) if self.state.window_s in WINDOWS else -1
        self.state.live()
        self.state.window_s = WINDOWS[(at + 1) % len(WINDOWS)]
        self.host.say(f"window: last {short(self.state.window_s)}")
        self.ask_all()

    def act_zoom_in(self) -> None:
        """A quarter of the time, around the step or the line under the cursor."""
        view, event = self.query_one(HistogramView), self.log_pane.current
        around = view.chosen_ms if view.has_focus else None
        if around is not None and view.histogram is not None:
            around += view.histogram.step_ms // 2
        elif event is not None:
            around = event.timestamp_ms
        if around is None:
            self.host.say("nothing to zoom in on: put the cursor on a line or a step", "muted")
            return
        self.state.zoom_in(around, utc_now())
        self.ask_all()

    def act_zoom_out(self) -> None:
        """Show the range before the last zoom."""
        if not self.state.zoom_out(utc_now()):
            self.host.say("logs are kept for fifteen days: there is no more", "muted")
            return
        self.ask_all()

    def act_follow(self) -> None:
        """Follow the newest lines."""
        if self.state.fixed is not None:
            self.state.live()
            self.ask_all()
        super().act_follow()

    def act_refresh(self) -> None:
        if self.host.live is not None:
            for key in self.shown_readings():
                self.host.live.refresh(key)
            self.host.say("asking again; what is shown stays until the answers come")

    # ---- what lines have in common

    def _shown_lines(self) -> tuple[LogEvent, ...]:
        return tuple(self.query_one(LogList).buffer.shown)

    def act_patterns(self) -> None:
        """Group similar messages."""
        from diagnostics.explorer.patterns import patterns  # noqa: PLC0415

        lines = self._shown_lines()
        self.host.ask(
            lambda: patterns(lines),
            lambda found: self.host.push_console_screen(
                ListingScreen(patterns_listing(found, len(lines), self.open_line))
            ),
            doing="grouping similar messages",
        )

    def act_facets(self) -> None:
        """To the values; where they are folded away, unfold them over the screen."""
        if self.size.width < NARROW:
            self.toggle_class("-side-only")
            self.call_after_refresh(self.draw)
        folded = self.size.width < NARROW and not self.has_class("-side-only")
        self.call_after_refresh(self.query_one("#explorer-logs LogList" if folded else "#facets").focus)

    def _value_under_cursor(self) -> tuple[str, str] | None:
        """Attribute and value in the side panel; the value is empty on the attribute's own row."""
        return facet_of_key(self.query_one("#facets", LineView).cursor_key or "")

    def act_run(self) -> None:
        """Count the attribute under the cursor over all lines of the stretch, not only the loaded ones."""
        found = self._value_under_cursor()
        if self.focused_pane() != "facets" or found is None:
            self.host.say("put the cursor on a value (v), then x counts that attribute over all lines", "muted")
            return
        name, (start, end) = found[0], self.state.shown(utc_now())
        service, query, generation = self._service(), self.state.query, self.generation

        def take(facet: Facet) -> None:
            if generation == self.generation:
                self.values.put_exact(facet)

        self.host.ask(lambda: service.explorer.facet(query, name, start=start, end=end), take, doing=f"counting {name}")

    # ---- keeping

    def _line_under_cursor(self) -> LogEvent | None:
        """The log line under the cursor, or a notice that there is none."""
        event = self.log_pane.current
        if event is None:
            self.host.say("put the cursor on a line first", "muted")
        return event

    def act_pin(self) -> None:
        """Pin the line under the cursor, or take its pin out."""
        event = self._line_under_cursor()
        if event is not None:
            pinned = self.state.toggle_pin(event)
            self.host.say(f"{'pinned' if pinned else 'no longer pinned'}; {len(self.state.pins)} pinned, P shows them")
            self.draw()

    def act_pins(self) -> None:
        """Pinned lines."""
        pins = tuple(self.state.pins.values())
        self.host.push_console_screen(ListingScreen(pins_listing(pins, self.open_line)))

    def act_export(self) -> None:
        """Ask for the form of the file."""
        self.host.palette("export ")

    def export(self, form: str) -> None:
        """Write the pinned lines, or without pins those shown, to a file."""
        service, query = self._service(), self.state.query
        pins = sorted(self.state.pins.values(), key=lambda event: (event.timestamp_ms, event.id))
        lines = tuple(pins) or self._shown_lines()
        which = "pinned" if pins else "shown"
        self.host.ask(
            lambda: service.explorer.export(lines, form, query=query),
            lambda path: self.host.say(f"{plural(len(lines), f'{which} line')} written to {path}", "pass"),
            doing=f"exporting {plural(len(lines), 'line')}",
        )

    def act_save(self) -> None:
        """Ask for a name and save the query under it."""
        self.host.palette("save ")

    def save(self, name: str) -> None:
        """Give the query in view a name."""
        service, query, window = self._service(), self.state.query, self.state.window_s
        self.host.ask(
            lambda: service.explorer.save(name, query, window),
            lambda _done: self.host.say(f"saved as {name}; :queries lists what is saved", "pass"),
            doing="saving the query",
        )

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence of the number in view."""
        title, summary, evidence = self._evidence()
        shown = [evidence] if evidence is not None else []
        self.open_why((title, summary, shown))

    def _evidence(self) -> tuple[str, str, Evidence | None]:
        place = self.focused_pane()
        of_lines = self.lines.value.evidence if self.lines is not None and self.lines.value is not None else None
        if place == "histogram":
            reading = self.histogram_reading
            counted = reading.value.evidence if reading is not None and reading.value is not None else None
            return "histogram", "one aggregate, by status, over the stretch in view", counted or of_lines
        found = self._value_under_cursor() if place == "facets" else None
        facet = self.values.facet(found[0]) if found is not None else None
        if facet is None:
            return "log lines", "the newest answer behind the lines", of_lines
        if facet.evidence is None and of_lines is not None:
            loaded = f"counted here in the {plural(facet.of, 'line')} loaded; x asks the service to count all"
            return facet.name, loaded, of_lines
        by_service = f"counted by the service over {plural(facet.of, 'line')} of the largest values"
        return facet.name, by_service, facet.evidence

    def act_copy(self) -> None:
        """Copy the line, the term, or the query."""
        place, event = self.focused_pane(), self.log_pane.current
        found = self._value_under_cursor() if place == "facets" else None
        if found is not None:
            self.host.copy(f"{found[0]}:{found[1]}" if found[1] else found[0])
        elif place == "logs" and event is not None:
            self.host.copy(event.message)
        else:
            self.host.copy(self.state.query)

    def act_plain(self) -> None:
        """The line as plain text that the terminal itself can select."""
        event = self.log_pane.current
        self.open_plain(event.message if event is not None else self.state.query)

    def act_link(self) -> None:
        """The same query in the web application."""
        start, end = self.state.shown(utc_now())
        self.open_text("link to the same query", self._service().explorer.link(self.state.query, start=start, end=end))

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self._draw_age()
        self._draw_histogram_title()

    def draw(self) -> None:
        if self.is_attached:
            self._draw_histogram_title()
            self._draw_values()
            self._draw_age()

    def _bar(self, selector: str, text: str, right: str = "", *, trail: str = "") -> None:
        view = self.query_one(selector, LineView)
        space = max(1, (view.size.width or self.app.size.width) - len(right) - 2)
        words = f"{self.host.glyphs.text(titled(trail, text, space))} {self.host.glyphs.text(right)}"
        view.show((row((words, "bar")),))

    def _draw_histogram_title(self) -> None:
        reading, glyphs = self.histogram_reading, self.host.glyphs
        step = reading.value.step_ms if reading is not None and reading.value is not None else 0
        what = self.about or (f"logs per {span(step / 1_000)}" if step else "logs")
        pins = f" {glyphs.separator} {len(self.state.pins)} pinned" if self.state.pins else ""
        # What ties lines together needs the room that the way here would take.
        trail = "" if self.about else self.host.trail()
        self._bar("#histogram-title", what + pins, self._histogram_state(reading), trail=trail)

    def _histogram_state(self, reading: Reading[Any] | None) -> str:
        if reading is None or (reading.value is None and not reading.failure):
            return "counting "
        if reading.value is None:
            return f"no counts: {reading.failure} "
        aged = wording.aged(reading, utc_now())
        if wording.is_stale(reading):
            return f"stale {aged}: {reading.failure} "
        return f"{aged} old " if self.state.fixed is None else "as asked "

    def _draw_age(self) -> None:
        if self.state.fixed is not None and self.lines is not None and self.lines.value is not None:
            self.log_pane.set_status("fixed", "muted")
        else:
            self.show_lines_age(self.lines)

    def _draw_values(self) -> None:
        view = self.query_one("#facets", LineView)
        if not view.size.width:
            return
        self._bar("#facets-title", "values", "enter adds · x counts all ")
        facets = self.values.shown()
        if facets is None:
            view.show((row(("counting what the lines carry", "muted")),))
            return
        most = 5 if view.size.height > 24 else 3
        view.show(facet_rows(facets, width=view.text_width() - 1, most=most, glyphs=self.host.glyphs))

    # ---- coming back

    def crumb(self) -> str:
        return self.about or "logs"

    def place(self) -> str:
        return f"logs {self.state.query}"

    def query_in_view(self) -> str:
        return self.state.query

    def memory(self) -> dict[str, object]:
        return self.state.memory()

    def recall(self, memory: Mapping[str, object]) -> None:
        """The stretch of time again."""
        self.state.recall(memory)
        self.ask_all()
