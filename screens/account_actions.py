"""What the keys do on an account. The screen draws; this half answers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer

from diagnostics.failures import SourceFailure, UserError
from diagnostics.now import utc_now
from screens import documents
from screens.account_opening import AccountOpening
from screens.account_tabs import ORDER, TabState
from screens.critical_state import WINDOWS
from widgets import wording
from widgets.line_view import LineView
from widgets.log_list import LogList
from widgets.log_pane import LogPane
from widgets.paged_rows import PagedRows
from widgets.row_filter import RowFilter
from widgets.rows import Tone

if TYPE_CHECKING:
    from diagnostics.models.events import LogPage
    from diagnostics.models.figures import Page
    from diagnostics.models.readings import Reading
    from diagnostics.tail import Tail

WINDOW_REST_S = 0.5
"""A window is asked for once nobody has pressed the key for so long: each asking spends a rate limit."""

_generations = itertools.count(1)


class AccountActions(AccountOpening):
    """Actions by name, `act_<name>` as the registry calls them; tab, left and right walk through the tabs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Textual gives these two keys of every screen to its own walk through whatever can take the focus.
        Binding("tab", "app.act('next_pane')", "next tab", show=False, id="next_pane"),
        Binding("shift+tab", "app.act('previous_pane')", "tab before", show=False, id="previous_pane"),
        Binding("left", "sideways(-1)", "left", show=False, id="account.left"),
        Binding("right", "sideways(1)", "right", show=False, id="account.right"),
    ]

    log_key: str = ""
    """Key of the log reading in view; empty before the first visit."""
    log_reading: Reading[LogPage] | None = None
    tail: Tail | None = None
    window_s: int = 0
    _window_timer: Timer | None = None

    # ---- panes and tabs

    def act_next_pane(self) -> None:
        """From above into the rows; from the rows to the next tab."""
        self._walk(1)

    def act_previous_pane(self) -> None:
        """From above into the rows; from the rows to the tab before."""
        self._walk(-1)

    def _walk(self, by: int) -> None:
        if self.focused_pane() == "rows":
            self.choose_tab(ORDER[(ORDER.index(self.tab) + by) % len(ORDER)])
        else:
            self._focus_pane("rows")

    def action_sideways(self, by: int) -> None:
        """Findings and figures where they stand beside each other; otherwise the tabs. Log lines scroll instead."""
        pane = self.focused_pane()
        if pane != "rows" and self.query_one("#figures").display:
            self._focus_pane("figures" if by > 0 else "findings")
        elif pane != "rows":
            self.choose_tab(ORDER[(ORDER.index(self.tab) + by) % len(ORDER)])
        else:
            self._walk(by)

    def _focus_pane(self, pane: str) -> None:
        if pane == "rows" and self.tab == "logs":
            # A pane that has just been made takes the keys once its list is there.
            self.call_after_refresh(self.query_one(LogPane).focus)
        else:
            self.query_one(f"#{pane}", PagedRows).focus()

    def focused_pane(self) -> str:
        """findings, figures or rows; the log lines are rows too."""
        focused = self.focused
        return focused.id or "rows" if isinstance(focused, PagedRows) else "rows"

    def choose_tab(self, name: str) -> None:
        """Bring a tab into view, and its rows under the keys."""
        self.open_tab(name)
        self._focus_pane("rows")

    @on(PagedRows.Beyond)
    def beyond(self, message: PagedRows.Beyond) -> None:
        """Walking over the edge of a pane leads into the next one."""
        pane = message.view.id
        if pane in {"findings", "figures"} and message.down:
            self._focus_pane("rows")
        elif pane == "rows" and not message.down:
            self._focus_pane("findings")

    @on(PagedRows.EndNear)
    def end_near(self, message: PagedRows.EndNear) -> None:
        """The cursor comes near the end of what has been read."""
        if message.view.id == "rows" and self.tab != "logs":
            state = self.tabs[self.tab]
            if not state.more_failure:
                self.read_on(state)

    # ---- pages

    def read_page(self, state: TabState, after: str | None, only_wrong: bool) -> Page[Any]:
        """One page of a tab. Blocking; raises SourceFailure."""
        service = self.room.service
        assert service is not None  # noqa: S101  # only asked once the service is open
        return state.kind.ask(service.accounts, self.account_id, after, only_wrong)

    def read_on(self, state: TabState) -> None:
        """Ask for the page behind the last one, unless that is under way."""
        if state.after is None or state.asking_more or self.room.service is None:
            return
        state.asking_more, state.more_failure = True, ""
        question, after, only_wrong = state.live_key, state.after, state.only_wrong

        def work() -> Page[Any] | str:
            try:
                return self.read_page(state, after, only_wrong)
            except SourceFailure as failure:
                return failure.headline()
            except UserError as error:
                return error.problem

        def done(answer: Page[Any] | str) -> None:
            if state.live_key != question:
                # Another question has been put in the meantime.
                return
            if isinstance(answer, str):
                state.asking_more, state.more_failure = False, answer
            else:
                state.add(answer)
            self.draw_soon("tabs", "rows")

        def failed() -> None:
            done("it could not be worked out; the console's log file has the details")

        self.draw_soon("rows")
        self.room.ask(work, done, doing=f"reading more {state.kind.tab.id}", failed=failed)

    # ---- filter, sort, refresh

    def act_filter(self) -> None:
        """Log lines by Datadog's syntax, other rows by a word in them."""
        if self.tab == "logs":
            self.query_one(LogPane).open_filter()
        else:
            self.query_one(RowFilter).open(self.tabs[self.tab].filter_text)

    @on(RowFilter.Edited)
    def filter_edited(self, message: RowFilter.Edited) -> None:
        """Rows follow the letters."""
        if self.tab != "logs":
            self.tabs[self.tab].filter_text = message.text.strip()
            self.draw_soon("rows")

    @on(RowFilter.Closed)
    def filter_closed(self, message: RowFilter.Closed) -> None:
        """Back to the rows."""
        if self.tab == "logs":
            return
        state = self.tabs[self.tab]
        state.filter_text = message.text
        if message.text and state.after is not None:
            self.room.say(f"searching the {len(state.items):,} rows read so far; more come as the cursor goes down")
        self.draw_soon("rows")
        self._focus_pane("rows")

    def act_back(self) -> None:
        """Take a filter away first; then out."""
        if self.tab == "logs":
            if self.query_one(LogPane).log_list.filter_text:
                self.query_one(LogPane).set_filter("")
                return
        elif self.tabs[self.tab].filter_text:
            self.tabs[self.tab].filter_text = ""
            self.draw_soon("rows")
            return
        self.dismiss()

    def act_sort(self) -> None:
        """Lists are read by key and keep that order; what can be chosen is to see only what is wrong."""
        if self.tab == "logs":
            self.room.say("log lines stand by time; ] goes to the next error, / filters", "muted")
            return
        state = self.tabs[self.tab]
        if not state.kind.wrong:
            self.room.say("nothing in this tab is wrong by itself; / filters it", "muted")
            return
        state.only_wrong = not state.only_wrong
        self.watch_rows(self.tab)
        self.room.say(f"only {state.kind.wrong}; s shows all again" if state.only_wrong else "all rows")
        self.draw()

    def act_refresh(self) -> None:
        """Ask everything shown here again."""
        if self.room.live is not None and self.room.service is not None:
            self.room.service.forget_answers()
            self.room.live.refresh(None)
            self.room.say("asking again; panes keep what they show until the answers come")

    # ---- logs

    def act_logs(self) -> None:
        """To the account's log lines."""
        self.choose_tab("logs")

    def open_logs(self) -> None:
        """Show the account's query and follow it; the pane is made at the first visit."""
        if not self.query(LogPane):
            self.mount(LogPane(ascii=self.room.signs.ascii_only), after="#rows")
        if not self.log_key and self.room.service is not None:
            self.watch_logs()

    def watch_logs(self) -> None:
        """Ask for the newest lines of the present window."""
        service, live = self.room.service, self.room.live
        if service is None or live is None:
            return
        from diagnostics.tail import Tail  # noqa: PLC0415

        if self.log_key:
            live.unwatch(self.log_key)
        self.log_key = f"account:{self.number}:logs:{next(_generations)}"
        self.log_reading = None
        key = self.log_key
        held: list[Tail] = []

        def newest() -> LogPage:
            # The desk is reached here, in the asking thread.
            if not held:
                held.append(Tail(service, service.accounts.log_query(self.account_id), window_s=self.window_s))
                if self.log_key == key:
                    self.tail = held[0]
            return held[0].newest()

        live.watch(key, newest, every_s=service.settings.refresh.logs_s)
        for pane in self.query(LogPane):
            pane.reset()
            pane.show_query("", wording.duration(self.window_s))
        self.room.look_again()

    def take_lines(self, reading: Reading[LogPage]) -> None:
        """New lines, or why there are none."""
        self.log_reading = reading
        pane = self.query_one(LogPane)
        if reading.failure:
            pane.set_failure(reading.failure, reading.remedy)
        elif reading.value is not None:
            if self.tail is not None:
                pane.show_query(self.tail.query, wording.duration(self.window_s))
            pane.add_events(list(reading.value.events))
        self.draw_soon("tabs", "age")

    def log_status(self) -> tuple[str, Tone]:
        """For the end of the tab bar."""
        reading = self.log_reading
        if reading is None or str(reading.freshness) == "loading":
            return "asking…", ""
        if reading.value is None:
            return "failed", "warn"
        age = wording.age(wording.asked_at(reading), utc_now())
        if wording.is_stale(reading):
            return f"stale {age}", "warn"
        skipped = "lines left out · " if self.tail is not None and self.tail.skipped else ""
        return f"{skipped}live {age}", ""

    def draw_lines_age(self) -> None:
        """The age of the lines stands in the tab bar; a stale answer also dims them."""
        for pane in self.query(LogPane):
            pane.set_status("", stale=self.log_reading is not None and wording.is_stale(self.log_reading))

    def act_window(self) -> None:
        """Next time window of the log lines."""
        if self.tab != "logs":
            self.room.say("the window is that of the log lines: l shows them", "muted")
            return
        at = WINDOWS.index(self.window_s) if self.window_s in WINDOWS else 0
        self.window_s = WINDOWS[(at + 1) % len(WINDOWS)]
        self.room.say(f"window: last {wording.duration(self.window_s)}")
        if self._window_timer is not None:
            self._window_timer.stop()
        self._window_timer = self.set_timer(WINDOW_REST_S, self.watch_logs)

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
        """One page of log lines further back in the window."""
        tail = self.tail
        if tail is None or tail.reading_older or self.tab != "logs":
            return
        pane = self.query_one(LogPane)
        if not tail.has_older:
            pane.older_done("no older lines in this window; t widens it")
            return

        def add(page: LogPage | None) -> None:
            if tail is self.tail and page is not None:
                pane.add_events(list(page.events), older=True)
            pane.older_done()

        self.room.ask(tail.older, add, doing="loading older lines", failed=pane.older_done)

    @on(LogPane.OlderWanted)
    def older_wanted(self) -> None:
        """The cursor ran into the oldest line."""
        self.act_older()

    @on(LogPane.Opened)
    def line_opened(self, message: LogPane.Opened) -> None:
        """One log line as a tree."""
        from screens.event import EventScreen  # noqa: PLC0415  # only readers of lines pay for it

        self.room.push_room_screen(EventScreen(message.event, self.query_one(LogPane).set_filter))

    def act_link(self) -> None:
        """The account's query in the web application."""
        service = self.room.service
        if service is None:
            return
        window_s = self.window_s or service.settings.refresh.window_s

        def show(link: str) -> None:
            self.room.open_document(documents.text_document("link to the account's logs", link, self.room.signs))

        self.room.ask(
            lambda: service.log_link(service.accounts.log_query(self.account_id), window_s=window_s),
            show,
            doing="building the link",
        )

    # ---- copying

    def act_copy(self) -> None:
        """Copy what is under the cursor."""
        text = self.text_under_cursor()
        if text:
            self.room.copy(text)

    def act_plain(self) -> None:
        """What `y` would copy, as plain text that the terminal itself can select."""
        document = documents.text_document("plain text, to select", self.text_under_cursor(), self.room.signs)
        self.room.open_document(document)

    def text_under_cursor(self) -> str:
        """The row, or the message of the log line."""
        view = self.focused
        if isinstance(view, LogList):
            return view.current.message if view.current is not None else ""
        current = view.current if isinstance(view, LineView) else None
        return current.text.strip() if current is not None else ""
