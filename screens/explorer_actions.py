"""What the keys do in the log explorer. The screen draws; this half answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual import on

from screens import documents
from screens.base import RoomScreen
from widgets import wording
from widgets.facet_rows import facet_of_key
from widgets.histogram import HistogramView
from widgets.line_view import LineView
from widgets.log_list import LogList
from widgets.log_pane import LogPane
from widgets.query_editor import QueryEditor

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.explorer.facets import FacetCounter
    from diagnostics.explorer.reader import RangeReader
    from diagnostics.live.tail import Tail
    from diagnostics.models.events import LogEvent, LogPage
    from diagnostics.models.explorer import Completions, Correlation, Facet, SavedQuery
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.explorer_state import ExplorerState

NARROW = 110
"""Below this many columns the values fold away behind their key."""

WINDOWS = (300, 900, 3600, 4 * 3600, 24 * 3600)


class ExplorerActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: ExplorerState
    counter: FacetCounter | None
    about: str
    reader: Tail | RangeReader | None = None
    generation = 0
    lines: Reading[Any] | None = None
    histogram_reading: Reading[Any] | None = None

    # ---- given by the screen

    def ask_all(self) -> None:
        """Given by the screen."""

    def draw(self) -> None:
        """Given by the screen."""

    def take_older(self, events: Sequence[LogEvent]) -> None:
        """Given by the screen."""

    def exact_facet(self, facet: Facet) -> None:
        """Given by the screen."""

    def facet_in_view(self, name: str) -> Facet | None:
        """Given by the screen."""
        raise LookupError(name)

    def moment(self) -> datetime:
        """Given by the screen."""
        raise LookupError

    # ---- asking

    @property
    def lines_key(self) -> str:
        """Each question has its own key, so that a late answer to another is dropped."""
        return f"explorer:{id(self)}:lines:{self.generation}"

    @property
    def histogram_key(self) -> str:
        """As above."""
        return f"explorer:{id(self)}:histogram:{self.generation}"

    def unwatch(self) -> None:
        """Stop asking what was asked before."""
        if self.room.live is not None:
            self.room.live.unwatch(self.lines_key)
            self.room.live.unwatch(self.histogram_key)
        self.lines = self.histogram_reading = None

    def _reader(self) -> Tail | RangeReader:
        from diagnostics.explorer.reader import RangeReader  # noqa: PLC0415
        from diagnostics.live.tail import Tail  # noqa: PLC0415

        service = self._service()
        if self.state.fixed is None:
            return Tail(service, self.state.query, window_s=self.state.window_s)
        return RangeReader(service.explorer, self.state.query, *self.state.fixed)

    def _service(self) -> Diagnostics:
        service = self.room.service
        assert service is not None  # noqa: S101  # nothing is asked before the sources are open
        return service

    def _focused(self) -> str:
        if isinstance(self.focused, LogList):
            return "logs"
        return self.focused.id or "" if self.focused is not None else ""

    # ---- the query

    def act_filter(self) -> None:
        """Edit the query."""
        self.query_one(QueryEditor).open(self.state.query)

    def _complete(self, text: str, cursor: int) -> Completions:
        from diagnostics.explorer.facets import FacetCounter  # noqa: PLC0415

        return self._service().explorer.completer(self.counter or FacetCounter()).complete(text, cursor)

    @on(QueryEditor.Applied)
    def query_applied(self, message: QueryEditor.Applied) -> None:
        """Ask another query."""
        self._close_editor()
        self.set_query(message.text)

    @on(QueryEditor.Cancelled)
    def query_cancelled(self) -> None:
        """Keep the query."""
        self._close_editor()

    def _close_editor(self) -> None:
        self.query_one(QueryEditor).close()
        self.query_one(LogList).focus(scroll_visible=False)

    def set_query(self, text: str) -> None:
        """Ask this query over the same stretch of time."""
        self.about = ""
        self.state.query = text or "*"
        query = self.state.query
        self.room.quietly(lambda: self._service().places.note("query", f"logs {query}", "query"), lambda _done: None)
        self.ask_all()

    def _add_term(self, name: str, value: str) -> None:
        from diagnostics.logs import quote  # noqa: PLC0415

        term = f"{name}:{quote(value)}"
        before = "" if self.state.query.strip() in {"", "*"} else f"{self.state.query} "
        self.set_query(f"{before}{term}")

    # ---- in and out

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        place = self._focused()
        if place == "logs":
            self.query_one(LogList).action_open()
        elif place == "histogram":
            self.act_zoom_in()
        elif place == "facets":
            found = self._facet_under_cursor()
            if found is not None and found[1]:
                self._add_term(*found)

    def act_back(self) -> None:
        """Out of the values, then out of the screen."""
        if self.has_class("-side-only"):
            self.remove_class("-side-only")
            self.query_one(LogList).focus()
            return
        self.dismiss()

    @on(LogPane.Opened)
    def line_opened(self, message: LogPane.Opened) -> None:
        """One log line as a tree; its term narrows the query."""
        self._open_line(message.event)

    def _open_line(self, event: LogEvent) -> None:
        from screens.event import EventScreen  # noqa: PLC0415

        def narrow(term: str) -> None:
            before = "" if self.state.query.strip() in {"", "*"} else f"{self.state.query} "
            self.set_query(f"{before}{term}")

        self.room.push_room_screen(EventScreen(event, narrow))

    def act_next_pane(self) -> None:
        """Focus the next pane."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Focus the previous pane."""
        self.focus_previous()

    def act_logs(self) -> None:
        """Into the lines."""
        self.query_one(LogList).focus()

    # ---- time

    def act_window(self) -> None:
        """Next time window, live."""
        at = WINDOWS.index(self.state.window_s) if self.state.window_s in WINDOWS else -1
        self.state.live()
        self.state.window_s = WINDOWS[(at + 1) % len(WINDOWS)]
        self.room.say(f"window: last {wording.duration(self.state.window_s)}")
        self.ask_all()

    def act_zoom_in(self) -> None:
        """A quarter of the time, around the step or the line under the cursor."""
        view, event = self.query_one(HistogramView), self.query_one(LogPane).current
        around = view.chosen_ms if view.has_focus else None
        if around is not None and view.histogram is not None:
            around += view.histogram.step_ms // 2
        elif event is not None:
            around = event.timestamp_ms
        if around is None:
            self.room.say("nothing to zoom in on: put the cursor on a line or a step", "muted")
            return
        self.state.zoom_in(around, self.moment())
        self.ask_all()

    def act_zoom_out(self) -> None:
        """Back out."""
        if not self.state.zoom_out(self.moment()):
            self.room.say("logs are kept for fifteen days: there is no more", "muted")
            return
        self.ask_all()

    def act_follow(self) -> None:
        """Follow the newest lines."""
        if self.state.fixed is not None:
            self.state.live()
            self.ask_all()
        self.query_one(LogList).follow()

    def act_refresh(self) -> None:
        """Ask again."""
        if self.room.live is not None:
            for key in self.shown_readings():
                self.room.live.refresh(key)
            self.room.say("asking again; what is shown stays until the answers come")

    def act_older(self) -> None:
        """One page further back."""
        reader, pane = self.reader, self.query_one(LogPane)
        if reader is None or reader.reading_older:
            return
        if not reader.has_older:
            pane.older_done("no older lines in this stretch; - widens it")
            return

        def add(page: LogPage | None) -> None:
            if reader is not self.reader:
                return
            if page is not None:
                self.take_older(page.events)
                self.room.say(f"{len(page.events):,} older lines loaded")
            pane.older_done()

        self.room.ask(reader.older, add, doing="loading older lines", failed=pane.older_done)

    @on(LogPane.OlderWanted)
    def older_wanted(self) -> None:
        """The cursor ran into the oldest line."""
        self.act_older()

    def act_next_error(self) -> None:
        """To the next error line."""
        self.query_one(LogList).action_next_error()

    def act_previous_error(self) -> None:
        """To the previous error line."""
        self.query_one(LogList).action_previous_error()

    # ---- what lines have in common

    def _lines(self) -> tuple[LogEvent, ...]:
        return tuple(self.query_one(LogList).buffer.shown)

    def act_patterns(self) -> None:
        """Group similar messages."""
        from diagnostics.explorer.patterns import patterns  # noqa: PLC0415
        from screens.explorer_documents import patterns_listing  # noqa: PLC0415
        from screens.listing import ListingScreen  # noqa: PLC0415

        lines, signs = self._lines(), self.room.signs
        self.room.ask(
            lambda: patterns(lines),
            lambda found: self.room.push_room_screen(
                ListingScreen(patterns_listing(found, len(lines), signs, self._open_line))
            ),
            doing="grouping similar messages",
        )

    def act_facets(self) -> None:
        """To the values; where they are folded away, unfold them over the screen."""
        if self.size.width < NARROW:
            self.toggle_class("-side-only")
            self.call_after_refresh(self.draw)
        target = (
            "#explorer-logs LogList" if self.size.width < NARROW and not self.has_class("-side-only") else "#facets"
        )
        self.call_after_refresh(self.query_one(target).focus)

    def _facet_under_cursor(self) -> tuple[str, str] | None:
        return facet_of_key(self.query_one("#facets", LineView).cursor_key or "")

    def act_run(self) -> None:
        """Count the attribute under the cursor over all lines of the stretch, not only the loaded ones."""
        found = self._facet_under_cursor()
        if self._focused() != "facets" or found is None:
            self.room.say("put the cursor on a value (v), then x counts that attribute over all lines", "muted")
            return
        name, (start, end) = found[0], self.state.shown(self.moment())
        service, query, generation = self._service(), self.state.query, self.generation

        def take(facet: Facet) -> None:
            if generation == self.generation:
                self.exact_facet(facet)

        self.room.ask(lambda: service.explorer.facet(query, name, start=start, end=end), take, doing=f"counting {name}")

    def act_correlate(self) -> None:
        """Follow the correlation id of the line under the cursor over all services."""
        event, service = self.query_one(LogPane).current, self._service()
        if event is None:
            self.room.say("put the cursor on a line first", "muted")
            return
        chosen = event

        def work(job: Job) -> Correlation:
            return service.explorer.follow(chosen, job)

        self.start_job(work, self._show_correlation, doing="following the correlation")

    def _show_correlation(self, found: Correlation) -> None:
        from diagnostics.explorer.desk import around  # noqa: PLC0415
        from screens.explorer import ExplorerScreen  # noqa: PLC0415

        step = " > " if self.room.signs.ascii_only else " → "
        more = "" if found.is_complete else " and more"
        name = found.correlation_id if len(found.correlation_id) <= 14 else f"{found.correlation_id[:12]}…"
        lines = "line" if len(found.events) == 1 else "lines"
        about = f"correlation {name}: {len(found.events):,} {lines}{more}, {step.join(found.services)}"
        self.room.push_room_screen(
            ExplorerScreen(found.query, fixed=around(found.events), events=found.events, about=about)
        )

    # ---- keeping

    def act_pin(self) -> None:
        """Pin the line under the cursor, or take its pin out."""
        event = self.query_one(LogPane).current
        if event is None:
            self.room.say("put the cursor on a line first", "muted")
            return
        pinned = self.state.toggle_pin(event)
        self.room.say(f"{'pinned' if pinned else 'no longer pinned'}; {len(self.state.pins)} pinned, P shows them")
        self.draw()

    def act_pins(self) -> None:
        """Pinned lines."""
        from screens.explorer_documents import pins_listing  # noqa: PLC0415
        from screens.listing import ListingScreen  # noqa: PLC0415

        pins = tuple(self.state.pins.values())
        self.room.push_room_screen(ListingScreen(pins_listing(pins, self.room.signs, self._open_line)))

    def export(self, form: str) -> None:
        """Write the pinned lines, or without pins those shown, to a file."""
        service, query = self._service(), self.state.query
        pins = sorted(self.state.pins.values(), key=lambda event: (event.timestamp_ms, event.id))
        lines = tuple(pins) or self._lines()
        which = "pinned" if pins else "shown"
        self.room.ask(
            lambda: service.explorer.export(lines, form, query=query),
            lambda path: self.room.say(f"{len(lines):,} {which} lines written to {path}", "pass"),
            doing=f"exporting {len(lines):,} lines",
        )

    def save(self, name: str) -> None:
        """Give the query in view a name."""
        service, query, window = self._service(), self.state.query, self.state.window_s
        self.room.ask(
            lambda: service.explorer.save(name, query, window),
            lambda _done: self.room.say(f"saved as {name}; :queries lists what is saved", "pass"),
            doing="saving the query",
        )

    def open_saved(self, saved: SavedQuery) -> None:
        """Ask a saved query here."""
        self.state.live()
        self.state.window_s = saved.window_s
        self.set_query(saved.query)

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence of the number in view."""
        place, signs = self._focused(), self.room.signs
        title, summary, evidence = "log lines", "the newest answer behind the lines", None
        found = self._facet_under_cursor() if place == "facets" else None
        facet = self.facet_in_view(found[0]) if found is not None else None
        if place == "histogram":
            reading = self.histogram_reading
            title, summary = "histogram", "one aggregate, by status, over the stretch in view"
            evidence = reading.value.evidence if reading is not None and reading.value is not None else None
        elif facet is not None:
            title = facet.name
            summary = f"counted by the service over {facet.of:,} lines of the largest values"
            evidence = facet.evidence
        if evidence is None and self.lines is not None and self.lines.value is not None:
            evidence = self.lines.value.evidence
            if facet is not None:
                summary = f"counted here in the {facet.of:,} lines loaded; x asks the service to count all"
        shown = [evidence] if evidence is not None else []
        self.room.open_document(documents.evidence_document(title, summary, shown, signs))

    def act_copy(self) -> None:
        """Copy the line, the term, or the query."""
        place, event = self._focused(), self.query_one(LogPane).current
        found = self._facet_under_cursor() if place == "facets" else None
        if found is not None:
            self.room.copy(f"{found[0]}:{found[1]}" if found[1] else found[0])
        elif place == "logs" and event is not None:
            self.room.copy(event.message)
        else:
            self.room.copy(self.state.query)

    def act_plain(self) -> None:
        """The line as plain text that the terminal itself can select."""
        event = self.query_one(LogPane).current
        text = event.message if event is not None else self.state.query
        self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))

    def act_link(self) -> None:
        """The same query in the web application."""
        start, end = self.state.shown(self.moment())
        link = self._service().explorer.link(self.state.query, start=start, end=end)
        self.room.open_document(documents.text_document("link to the same query", link, self.room.signs))

    def act_export(self) -> None:
        """Ask for the form of the file."""
        self.room.palette("export ")

    def act_save(self) -> None:
        """Ask for a name."""
        self.room.palette("save ")
