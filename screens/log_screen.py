"""Screens with a pane of log lines: follow the newest, read back page by page, go from error to error, open a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import on

from diagnostics.core.time import utc_now
from diagnostics.core.words import form
from screens.base import ConsoleScreen
from widgets import wording
from widgets.log.list import LogList
from widgets.log.pane import LogPane

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent, LogPage
    from diagnostics.models.explorer import Correlation
    from diagnostics.models.readings import Reading
    from screens.base import ScreenHost
    from widgets.row import Tone

LONGEST_NAME = 14
"""Letters of a correlation id in a title; a longer one is cut there."""

WINDOWS = (300, 900, 3600, 4 * 3600, 24 * 3600)
"""Time windows that `t` walks through, seconds."""

WINDOW_REST_S = 0.5
"""A window is asked for once nobody has pressed the key for so long: each asking spends a rate limit."""


def window_after(window_s: int) -> int:
    """The next of the time windows, seconds; the second one after a length that is none of them."""
    at = WINDOWS.index(window_s) if window_s in WINDOWS else 0
    return WINDOWS[(at + 1) % len(WINDOWS)]


class LineReader(Protocol):
    """Reader of a query's lines: `diagnostics.live.tail.Tail`, or a reader of a stretch of time."""

    query: str
    reading_older: bool
    """True while `older` is under way."""

    @property
    def skipped(self) -> bool:
        """True once lines are missing between those read."""

    @property
    def late(self) -> Mapping[str, int]:
        """Lines that were put between those already read: seconds after which they came, by id."""

    def came_late(self) -> str:
        """How many, and how late, for a person; empty while none has."""

    @property
    def has_older(self) -> bool:
        """True while there are lines before those read."""

    def newest(self) -> LogPage:
        """The newest lines. Blocking; raises SourceFailure."""

    def older(self) -> LogPage | None:
        """The page before the oldest line read; None where there is none. Blocking; raises SourceFailure."""


class LogScreen(ConsoleScreen):
    """A screen that shows the lines of one query in a `LogPane`, among other panes.

    A screen puts what reads its lines into `reader` whenever it asks another query, so that pages of the one before
    are dropped, and hands each reading of its lines to `show_lines` and `show_lines_age`. It may override:

    - `add_lines`, which puts lines into the pane, to do more with them;
    - `older_arrived`, which says how many older lines have come;
    - `narrow`, what choosing a term in an opened line does;
    - `nothing_older`, what is said at the oldest line.

    There may be no pane yet: the keys of the lines do nothing then.
    """

    nothing_older: ClassVar[str] = "no older lines in this window; t widens it"

    reader: LineReader | None = None

    @property
    def log_pane(self) -> LogPane:
        """The pane of lines."""
        return self.query_one(LogPane)

    def focused_pane(self) -> str:
        """Id of the pane with the focus, "logs" for the lines; empty where none has it."""
        if isinstance(self.focused, LogList):
            return "logs"
        return self.focused.id or "" if self.focused is not None else ""

    def subject_under_cursor(self) -> Mapping[str, int]:
        """Account and deal that the log line under the cursor names; else those of the row."""
        if self.focused_pane() != "logs" or self.log_pane.current is None:
            return super().subject_under_cursor()
        context = self.log_pane.current.attributes.get("context")
        named = context if isinstance(context, Mapping) else {}
        found = {kind: named.get(f"{kind}_id") for kind in ("account", "deal")}
        return {kind: one for kind, one in found.items() if isinstance(one, int) and one > 0}

    # ---- lines

    def show_lines(self, reading: Reading[LogPage]) -> None:
        """New lines, or why there are none."""
        if reading.failure:
            self.log_pane.set_failure(reading.failure, reading.remedy)
        elif reading.value is not None:
            self.add_lines(reading.value.events)

    def add_lines(self, events: Sequence[LogEvent], *, older: bool = False) -> None:
        """Put lines into the pane, newest or `older` ones."""
        if self.reader is not None:
            self.log_pane.log_list.mark(self.reader.late)
        self.log_pane.log_list.set_today(utc_now().date())
        self.log_pane.add_events(list(events), older=older)

    def show_lines_age(self, reading: Reading[LogPage] | None) -> None:
        """Say how old the lines are, and whether they are still followed."""
        if reading is None or reading.value is None:
            self.log_pane.set_status("")
            return
        paused = self.host.live is not None and self.host.live.paused
        stale = wording.is_stale(reading)
        word = "stale" if stale else "paused" if paused else "live"
        reader = self.reader
        late = reader.came_late() if reader is not None else ""
        gaps = f", {late}" if late else ""
        gaps += ", lines left out" if reader is not None and reader.skipped else ""
        tone: Tone = "warn" if stale or paused else "muted"
        aged = wording.aged(reading, utc_now())
        self.log_pane.set_status(f"{word} {aged}{gaps}", tone, stale=stale)

    def older_arrived(self, events: Sequence[LogEvent]) -> None:
        """A page of older lines."""
        self.add_lines(events, older=True)
        self.host.say(f"{len(events):,} older lines loaded")

    def narrow(self, term: str) -> None:
        """A term was chosen in an opened line: show the lines that hold it."""
        self.log_pane.set_filter(term)

    def open_line(self, event: LogEvent) -> None:
        """One log line as a tree."""
        from screens.addresses import EventAt  # noqa: PLC0415  # after the first paint

        self.host.navigate(EventAt(event, self.narrow))

    # ---- keys

    def act_correlate(self) -> None:
        """Follow the correlation id of the line under the cursor over all services."""
        if self.log_pane.current is None:
            self.host.say("put the cursor on a line first", "muted")
        else:
            follow_correlation(self, self.log_pane.current)

    @on(LogPane.Opened)
    def line_opened(self, message: LogPane.Opened) -> None:
        """Open the chosen line."""
        self.open_line(message.event)

    @on(LogPane.OlderWanted)
    def older_wanted(self) -> None:
        """The cursor ran into the oldest line."""
        self.act_older()

    def act_logs(self) -> None:
        """Focus the log lines."""
        self.query_one(LogList).focus()

    def act_filter(self) -> None:
        """Filter the lines, in Datadog's syntax."""
        self.log_pane.open_filter()

    def act_follow(self) -> None:
        """Stick to the newest line."""
        for lines in self.query(LogList):
            lines.follow()

    def act_next_error(self) -> None:
        """To the next error line."""
        for lines in self.query(LogList):
            lines.action_next_error()

    def act_previous_error(self) -> None:
        """To the previous error line."""
        for lines in self.query(LogList):
            lines.action_previous_error()

    def act_older(self) -> None:
        """One page of lines further back."""
        reader = self.reader
        if reader is None or reader.reading_older:
            return
        pane = self.log_pane
        if not reader.has_older:
            pane.older_done(self.nothing_older)
            return

        def add(page: LogPage | None) -> None:
            if reader is not self.reader:
                # Another query has been asked meanwhile.
                return
            if page is not None and page.events:
                self.older_arrived(page.events)
            pane.older_done("" if page is None or page.events else self.nothing_older)

        self.host.ask(reader.older, add, doing="loading older lines", failed=pane.older_done)


def follow_correlation(screen: ConsoleScreen, event: LogEvent) -> None:
    """Open everything that bears the line's correlation id, over all services, in the log explorer."""
    service = screen.host.service
    if service is None:
        screen.host.say("the sources are still opening; try again in a moment", "warn")
        return
    screen.start_job(
        lambda job: service.explorer.follow(event, job),
        lambda found: _show_correlation(screen.host, found),
        doing="following the correlation",
    )


def _show_correlation(host: ScreenHost, found: Correlation) -> None:
    from diagnostics.explorer.service import around  # noqa: PLC0415  # with its models, after the first paint
    from screens.addresses import ExplorerAt  # noqa: PLC0415  # after the first paint

    step = " > " if host.glyphs.ascii_only else " → "
    more = "" if found.is_complete else " and more"
    name = found.correlation_id if len(found.correlation_id) <= LONGEST_NAME else f"{found.correlation_id[:12]}…"
    lines = form(len(found.events), "line")
    about = f"correlation {name}: {len(found.events):,} {lines}{more}, {step.join(found.services)}"
    host.navigate(ExplorerAt(found.query, fixed=around(found.events), events=found.events, about=about))
