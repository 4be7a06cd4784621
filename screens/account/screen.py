"""One account: what is wrong with it, and every row behind that."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural, short
from diagnostics.triage.document import finding_document
from screens.account.details import AccountDetails, lead_rows
from screens.account.tabs import KINDS, ORDER, TABS, TabState
from screens.addresses import DealAt
from screens.base import ReadingArrived
from screens.log_screen import WINDOW_REST_S, LogScreen, window_after
from screens.redraw import Redraw
from screens.why import why_figure, why_finding
from widgets import wording
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.log.list import LogList
from widgets.log.pane import LogPane
from widgets.paged_rows import PagedRows
from widgets.row import Row, Tone, fit, row, titled, wrap
from widgets.row_filter import RowFilter
from widgets.rows.account import account_title, figure_rows, summary_rows
from widgets.tab_bar import tab_row

if TYPE_CHECKING:
    from diagnostics.live.tail import Tail
    from diagnostics.models.accounts import AccountSummary
    from diagnostics.models.events import LogEvent, LogPage
    from diagnostics.models.figures import Figure, Page
    from diagnostics.models.readings import Reading
    from screens.listing import Why

BESIDE = 120
"""From this many columns they do."""

RUNBOOKS = {"agents": "agent_resolution", "connections": "connection_health", "deals": "transaction_sync"}
"""Sections of the guide *immediate actions* by tab."""

_numbers = itertools.count(1)
"""Each account screen has live readings of its own, also when two show the same account."""


class AccountScreen(LogScreen):
    """Findings and figures above, the tabs' rows below; tab, left and right walk through the tabs."""

    answers = "Why does this account not sync: tokens, users, agents, events?"

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (BESIDE, "-wide")]  # noqa: RUF012  # Textual's own name and type

    BINDINGS: ClassVar[list[BindingType]] = [
        # Textual gives these two keys of every screen to its own walk through whatever can take the focus.
        Binding("tab", "app.act('next_pane')", "next tab", show=False, id="next_pane"),
        Binding("shift+tab", "app.act('previous_pane')", "tab before", show=False, id="previous_pane"),
        Binding("left", "sideways(-1)", "left", show=False, id="account.left"),
        Binding("right", "sideways(1)", "right", show=False, id="account.right"),
    ]

    DEFAULT_CSS = """
    AccountScreen .line { height: 1; scrollbar-size-vertical: 0; }
    AccountScreen #tabs, AccountScreen #account-title { background: $panel; }
    AccountScreen:ansi #tabs { background: ansi_default; text-style: reverse; }
    AccountScreen:ansi #account-title { background: ansi_default; }
    AccountScreen #top { height: 8; }
    AccountScreen #findings { width: 1fr; height: 100%; }
    AccountScreen #figures { width: 46; height: 100%; display: none; border-left: solid $panel-lighten-1; }
    AccountScreen.-ascii #figures { border-left: ascii $panel-lighten-1; }
    AccountScreen.-wide #figures { display: block; }
    AccountScreen #rows { height: 1fr; }
    AccountScreen LogPane { height: 1fr; }
    AccountScreen.-logs #columns, AccountScreen.-logs #rows { display: none; }
    AccountScreen LogPane { display: none; }
    AccountScreen.-logs LogPane { display: block; }
    """

    def __init__(self, account_id: int, *, tab: str = "users", diagnosis: str = "") -> None:
        super().__init__()
        self.account_id = account_id
        self._diagnosis = diagnosis
        self.tab = tab if tab in ORDER else "users"
        self.tabs = {name: TabState(kind) for name, kind in KINDS.items()}
        self.summary: Reading[AccountSummary] | None = None
        self.number = next(_numbers)
        self.summary_key = f"account:{self.number}:summary"
        self.behaviour: Reading[Figure] | None = None
        self.behaviour_key = f"account:{self.number}:behaviour"
        self.details = AccountDetails(self, account_id)
        self.log_key = ""
        """Key of the log reading in view; empty before the first visit."""
        self.log_reading: Reading[LogPage] | None = None
        self.window_s = 0
        self._window_timer: Timer | None = None
        self._redraw = Redraw(
            self,
            {
                "top": self._draw_top,
                "tabs": self._draw_tabs,
                "rows": self._draw_rows,
                "age": self._draw_lines_age,
            },
        )

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source. The log pane comes with its first visit."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(glyphs=glyphs, cursor=False, id="account-title").add_class("line")
        with Horizontal(id="top"):
            yield PagedRows(glyphs=glyphs, id="findings")
            yield PagedRows(glyphs=glyphs, id="figures")
        yield LineView(glyphs=glyphs, cursor=False, id="tabs").add_class("line")
        yield LineView(glyphs=glyphs, cursor=False, id="columns").add_class("line")
        yield PagedRows(glyphs=glyphs, id="rows")
        yield RowFilter(glyphs=glyphs)
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        """The findings have the keys."""
        self.set_class(self.host.glyphs.ascii_only, "-ascii")
        self.query_one("#findings", PagedRows).focus()
        self.query_one(FooterBar).set_hints(
            (
                Hint("enter", "open"),
                Hint("tab", "tabs"),
                Hint("w", "why"),
                Hint("x", "OAuth"),
                Hint("s", "only wrong"),
                Hint("/", "filter"),
                Hint("l", "logs"),
                Hint("esc", "back"),
                Hint("?", "help"),
            )
        )
        self.draw()
        if self.host.service is not None:
            self.service_opened()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        """Nobody looks at these readings any more."""
        live = self.host.live
        if live is not None:
            for key in (
                self.summary_key,
                self.behaviour_key,
                self.log_key,
                *(state.live_key for state in self.tabs.values()),
            ):
                live.unwatch(key)

    def service_opened(self) -> None:
        """Ask for the summary and for the tab in view; the other tabs wait for their first visit."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        every_s = service.settings.refresh.checks_s
        self.window_s = service.settings.refresh.window_s
        # The service is reached in the asking thread: opening it imports what the first paint must not wait for.
        live.watch_growing(
            self.summary_key, lambda tell: service.accounts.summary(self.account_id, tell), every_s=every_s
        )
        # Its own thirty days are asked of Datadog, for which neither the header nor a finding may wait.
        live.watch(
            self.behaviour_key,
            lambda: service.accounts.behaviour(self.account_id),
            every_s=service.settings.refresh.baseline_s,
        )
        self.open_tab(self.tab)
        if self._diagnosis == "oauth":
            self.details.diagnose_oauth(None)
        elif self._diagnosis == "unsynced":
            self.details.diagnose_unsynced()

    def watch_rows(self, name: str) -> None:
        """Ask for the first page of a tab, and forget what it held."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        state = self.tabs[name]
        if state.live_key:
            live.unwatch(state.live_key)
        state.start_over(f"account:{self.number}:{name}:{next(_numbers)}")
        ask = partial(self.read_page, state, None, state.only_wrong)
        live.watch(state.live_key, ask, every_s=service.settings.refresh.checks_s)
        self.host.look_again()

    def shown_readings(self) -> Iterable[str]:
        """The summary, the behaviour and the tab in view."""
        yield self.summary_key
        yield self.behaviour_key
        key = self.log_key if self.tab == "logs" else self.tabs[self.tab].live_key
        if key:
            yield key

    def query_in_view(self) -> str:
        """The account's log query, on whichever tab one is."""
        service = self.host.service
        return service.accounts.log_query(self.account_id) if service is not None else ""

    def runbook(self) -> str:
        """Guide section for the kind of row in view."""
        return RUNBOOKS.get(self.tab, "oauth_failure")

    def crumb(self) -> str:
        return f"account {self.account_id}"

    def place(self) -> str:
        """The line that opens this account again."""
        return f"account {self.account_id}"

    def memory(self) -> dict[str, object]:
        """The tab in view, and what it was narrowed to."""
        state = self.tabs.get(self.tab)
        kept: dict[str, object] = {"tab": self.tab}
        if state is not None:
            kept |= {"only_wrong": state.only_wrong, "filter": state.filter_text}
        return kept

    def recall(self, memory: Mapping[str, object]) -> None:
        """Go to that tab again."""
        tab, text = memory.get("tab"), memory.get("filter")
        if not isinstance(tab, str) or tab not in ORDER:
            return
        state = self.tabs.get(tab)
        if state is not None:
            state.only_wrong = memory.get("only_wrong") is True and bool(state.kind.wrong)
            state.filter_text = text if isinstance(text, str) else ""
        if self.query("#rows"):
            self.open_tab(tab)
        else:
            # A session is restored before its screens are laid out: mounting opens this tab.
            self.tab = tab

    # ---- tabs

    def open_tab(self, name: str) -> None:
        """Bring a tab into view; it is asked for when it is seen for the first time."""
        view = self.query_one("#rows", PagedRows)
        before = self.tabs.get(self.tab)
        if before is not None and self.tab != name:
            before.cursor_key, before.top = view.cursor_key, view.scroll_offset.y
        self.tab = name
        self.set_class(name == "logs", "-logs")
        if name == "logs":
            self.open_logs()
        elif not self.tabs[name].live_key:
            self.watch_rows(name)
        self.host.look_again()
        if name != "logs":
            # Cleared first, so that no row of another tab can hold the cursor.
            view.cursor_key = self.tabs[name].cursor_key
        self.draw()
        if name != "logs":
            view.go_back_to(self.tabs[name].cursor_key, self.tabs[name].top)

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the reading and repaint what it changes."""
        reading = message.reading
        if reading.key == self.summary_key:
            if self.summary is None or reading.sequence >= self.summary.sequence:
                self.summary = reading
                self._redraw.soon("top", "rows")
        elif reading.key == self.behaviour_key:
            self.behaviour = reading
            self._redraw.soon("top")
        elif reading.key == self.log_key:
            self.take_lines(reading)
        else:
            for name, state in self.tabs.items():
                if reading.key == state.live_key and state.take(reading) and name == self.tab:
                    self._redraw.soon("tabs", "rows")

    def figures(self, summary: AccountSummary) -> tuple[Figure, ...]:
        """The summary's figures, and the behaviour once it has answered."""
        reading = self.behaviour
        if reading is None or reading.value is None:
            return summary.figures
        own = reading.value
        return (*(figure for figure in summary.figures if figure.id != own.id), own)

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
        service = self.host.service
        assert service is not None  # noqa: S101  # only asked once the service is open
        return state.kind.ask(service.accounts, self.account_id, after, only_wrong)

    def read_on(self, state: TabState) -> None:
        """Ask for the page behind the last one, unless that is under way."""
        if state.after is None or state.asking_more or self.host.service is None:
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
            self._redraw.soon("tabs", "rows")

        def failed() -> None:
            done("it could not be worked out; the console's log file has the details")

        self._redraw.soon("rows")
        self.host.ask(work, done, doing=f"reading more {state.kind.tab.id}", failed=failed)

    # ---- filter, sort, refresh

    def act_filter(self) -> None:
        """Log lines by Datadog's syntax, other rows by a word in them."""
        if self.tab == "logs":
            self.query_one(LogPane).open_filter()
        else:
            self.query_one(RowFilter).open(self.tabs[self.tab].filter_text)

    @on(RowFilter.Edited)
    def filter_edited(self, message: RowFilter.Edited) -> None:
        if self.tab != "logs":
            self.tabs[self.tab].filter_text = message.text.strip()
            self._redraw.soon("rows")

    @on(RowFilter.Closed)
    def filter_closed(self, message: RowFilter.Closed) -> None:
        if self.tab == "logs":
            return
        state = self.tabs[self.tab]
        state.filter_text = message.text
        if message.text and state.after is not None:
            self.host.say(
                f"searching the {plural(len(state.items), 'row')} read so far; more come as the cursor goes down"
            )
        self._redraw.soon("rows")
        self._focus_pane("rows")

    def act_back(self) -> None:
        """Take a filter away first; then out."""
        if self.tab == "logs":
            if self.query_one(LogPane).log_list.filter_text:
                self.query_one(LogPane).set_filter("")
                return
        elif self.tabs[self.tab].filter_text:
            self.tabs[self.tab].filter_text = ""
            self._redraw.soon("rows")
            return
        self.dismiss()

    def act_sort(self) -> None:
        """Lists are read by key and keep that order; what can be chosen is to see only what is wrong."""
        if self.tab == "logs":
            self.host.say("log lines stand by time; ] goes to the next error, / filters", "muted")
            return
        state = self.tabs[self.tab]
        if not state.kind.wrong:
            self.host.say("nothing in this tab is wrong by itself; / filters it", "muted")
            return
        state.only_wrong = not state.only_wrong
        self.watch_rows(self.tab)
        self.host.say(f"only {state.kind.wrong}; s shows all again" if state.only_wrong else "all rows")
        self.draw()

    def act_refresh(self) -> None:
        """Ask everything shown here again."""
        if self.host.live is not None and self.host.service is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(None)
            self.host.say("asking again; panes keep what they show until the answers come")

    # ---- one level deeper

    def _row_key(self) -> str:
        """The whole key of the row under the cursor."""
        return self.cursor_view.cursor_key or "" if self.cursor_view is not None else ""

    def _known(self) -> AccountSummary | None:
        return self.summary.value if self.summary is not None else None

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        if isinstance(self.focused, LogList):
            self.focused.action_open()
            return
        kind, name = self.key_under_cursor()
        opener: Callable[[str], None] | None = {
            "finding": self._open_finding,
            "bulk": self._open_bulk,
            "user": lambda word: self.details.diagnose_oauth(int(word)),
            "agent": self._open_item,
            "connection": self._open_item,
            "change": self._open_item,
            "deal": lambda word: self.host.navigate(DealAt(int(word), self.account_id)),
            "note": self._open_note,
            "more": lambda _word: self.read_on(self.tabs[self.tab]),
        }.get(kind)
        if opener is not None:
            opener(name)
        else:
            self.act_why()

    def _open_finding(self, name: str) -> None:
        known = self._known()
        if known is not None and int(name) < len(known.findings):
            self.host.open_document(finding_document(known.findings[int(name)]))

    def _open_note(self, name: str) -> None:
        known = self._known()
        notes = list(known.notes) if known is not None and self.focused_pane() != "rows" else self.tabs[self.tab].notes
        if int(name) < len(notes):
            self.open_text("about this data", notes[int(name)])

    def _open_item(self, _name: str) -> None:
        key, state = self._row_key(), self.tabs.get(self.tab)
        item = state.items.get(key) if state is not None else None
        if item is None or state is None:
            return
        if key.startswith("agent:"):
            self.details.open_agent(item)
        elif key.startswith("connection:"):
            self.details.open_connection(item, state.evidence_of(key))
        else:
            self.details.open_change(item, state.evidence_of(key))

    def _open_bulk(self, name: str) -> None:
        if name == "resolution":
            self.details.diagnose_resolution()
        else:
            self.details.diagnose_unsynced()

    def act_run(self) -> None:
        """The diagnosis of the whole account; on a row that leads to another one, that one."""
        kind, name = self.key_under_cursor()
        if kind == "bulk":
            self._open_bulk(name)
        else:
            self.details.diagnose_oauth(None)

    def act_why(self) -> None:
        """Evidence behind what is under the cursor."""
        found = self._why()
        if found is None:
            self.host.say("nothing has answered yet here, so there is no evidence to show", "muted")
            return
        self.open_why(found)

    def _why(self) -> Why | None:
        key, known = self._row_key(), self._known()
        if self.focused_pane() != "rows":
            if known is None:
                return None
            return (
                why_finding(known.findings, key)
                or why_figure(self.figures(known), key)
                or (f"account {self.account_id}", f"account {known.header.name}", known.header.evidence)
            )
        if self.tab == "logs":
            page = self.log_reading.value if self.log_reading is not None else None
            return (
                ("log lines", "the newest answer behind the log lines", [page.evidence]) if page is not None else None
            )
        state = self.tabs[self.tab]
        if not state.is_answered:
            return None
        return f"{state.kind.tab.long_title}: {state.amount()}", self.text_under_cursor(), state.evidence_of(key)

    # ---- logs

    def act_logs(self) -> None:
        """To the account's log lines."""
        self.choose_tab("logs")

    def open_logs(self) -> None:
        """Show the account's query and follow it; the pane is made at the first visit."""
        if not self.query(LogPane):
            self.mount(LogPane(ascii=self.host.glyphs.ascii_only), after="#rows")
        if not self.log_key and self.host.service is not None:
            self.watch_logs()

    def watch_logs(self) -> None:
        """Ask for the newest lines of the present window."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        from diagnostics.live.tail import Tail  # noqa: PLC0415

        if self.log_key:
            live.unwatch(self.log_key)
        self.log_key = f"account:{self.number}:logs:{next(_numbers)}"
        self.log_reading = None
        key = self.log_key
        held: list[Tail] = []

        def newest() -> LogPage:
            # The service is reached here, in the asking thread.
            if not held:
                held.append(Tail(service, service.accounts.log_query(self.account_id), window_s=self.window_s))
                if self.log_key == key:
                    self.reader = held[0]
            return held[0].newest()

        live.watch(key, newest, every_s=service.settings.refresh.logs_s, source="datadog")
        for pane in self.query(LogPane):
            pane.reset()
            pane.show_query("", short(self.window_s))
        self.host.look_again()

    def take_lines(self, reading: Reading[LogPage]) -> None:
        """New lines, or why there are none."""
        self.log_reading = reading
        if not reading.failure and reading.value is not None and self.reader is not None:
            self.log_pane.show_query(self.reader.query, short(self.window_s))
        self.show_lines(reading)
        self._redraw.soon("tabs", "age")

    def log_status(self) -> tuple[str, Tone]:
        """For the end of the tab bar."""
        reading = self.log_reading
        if reading is None or str(reading.freshness) == "loading":
            return "asking…", ""
        if reading.value is None:
            return "failed", "warn"
        age = wording.aged(reading, utc_now())
        if wording.is_stale(reading):
            return f"stale {age}", "warn"
        reader = self.reader
        late = reader.came_late() if reader is not None else ""
        skipped = "lines left out · " if reader is not None and reader.skipped else ""
        return f"{skipped}{late}{' · ' if late else ''}live {age}", ""

    def _draw_lines_age(self) -> None:
        """The age of the lines stands in the tab bar; a stale answer also dims them."""
        for pane in self.query(LogPane):
            pane.set_status("", stale=self.log_reading is not None and wording.is_stale(self.log_reading))

    def act_window(self) -> None:
        """Next time window of the log lines."""
        if self.tab != "logs":
            self.host.say("the window is that of the log lines: l shows them", "muted")
            return
        self.window_s = window_after(self.window_s)
        self.host.say(f"window: last {short(self.window_s)}")
        if self._window_timer is not None:
            self._window_timer.stop()
        self._window_timer = self.set_timer(WINDOW_REST_S, self.watch_logs)

    def act_older(self) -> None:
        """One page of log lines further back in the window."""
        if self.tab == "logs":
            super().act_older()

    def older_arrived(self, events: Sequence[LogEvent]) -> None:
        """The pane itself says when there were none."""
        self.add_lines(events, older=True)

    def act_link(self) -> None:
        """The account's query in the web application."""
        service = self.host.service
        if service is None:
            return
        window_s = self.window_s or service.settings.refresh.window_s
        self.host.ask(
            lambda: service.log_link(service.accounts.log_query(self.account_id), window_s=window_s),
            partial(self.open_text, "link to the account's logs"),
            doing="building the link",
        )

    # ---- copying

    def act_copy(self) -> None:
        """Copy what is under the cursor."""
        text = self.text_under_cursor()
        if text:
            self.host.copy(text)

    def act_plain(self) -> None:
        """The text that `y` would copy, plain, so that the terminal itself can select it."""
        self.open_plain(self.text_under_cursor())

    def text_under_cursor(self) -> str:
        """The row, or the message of the log line."""
        if isinstance(self.focused, LogList):
            return self.focused.current.message if self.focused.current is not None else ""
        return super().text_under_cursor()

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self._redraw.soon("top", "tabs", "age")

    def draw(self) -> None:
        """Lay out every pane from the state; the views repaint the differences."""
        self._redraw.now()

    def _width(self, view: LineView) -> int:
        # Room is left for the bar that a longer list will bring, so that rows need not be laid out again for it.
        return max(20, (view.size.width or self.app.size.width) - 4)

    def _set_height(self, rows: int) -> None:
        """As many lines above the tabs as there is something to say, and a third of the screen at most."""
        most = max(4, self.app.size.height // 3)
        wanted = max(4, min(most, rows))
        top = self.query_one("#top")
        if top.styles.height is None or top.styles.height.value != wanted:
            top.styles.height = wanted

    def _draw_top(self) -> None:
        now, glyphs, reading = utc_now(), self.host.glyphs, self.summary
        value = reading.value if reading is not None else None
        view, side = self.query_one("#findings", PagedRows), self.query_one("#figures", PagedRows)
        self._draw_title(value, reading)
        width = self._width(view)
        if value is None:
            view.show(self._without_summary(width))
            side.show((row(("figures: not loaded" if reading and reading.failure else "", "muted")),))
            return
        stale = reading is not None and wording.is_stale(reading)
        beside = self.app.size.width >= BESIDE
        value = value.model_copy(update={"figures": self.figures(value)})
        rows = summary_rows(value, width=width, now=now, glyphs=glyphs, figures=not beside, stale=stale)
        if stale and reading is not None and reading.failure:
            words = f"{glyphs.warned} stale: {reading.failure}; what is below is what was known"
            rows = [row((fit(glyphs.text(words), width), "warn")), *rows]
        self._set_height(max(len(rows), len(value.figures) if beside else 0))
        view.show(rows)
        if beside:
            side.show(figure_rows(value.figures, width=self._width(side), glyphs=glyphs, stale=stale))

    def _draw_title(self, value: AccountSummary | None, reading: Reading[Any] | None) -> None:
        width, glyphs = self.app.size.width, self.host.glyphs
        name = account_title(value.header if value is not None else None, self.account_id, glyphs)
        right, tone = "asking…", "bar"
        if reading is not None and value is not None:
            age = wording.aged(reading, utc_now())
            right, tone = (f"stale {age}", "warn") if wording.is_stale(reading) else (age, "bar")
        elif reading is not None and reading.failure:
            right, tone = "failed", "warn"
        right = glyphs.text(f" {right} ")
        left = glyphs.text(titled(self.host.trail(), name, max(1, width - len(right))))
        tail: Tone = "warn" if tone == "warn" else "bar"
        self.query_one("#account-title", LineView).show((row((left, "bar"), (right, tail)),))

    def _without_summary(self, width: int) -> list[Row]:
        glyphs, reading = self.host.glyphs, self.summary
        if reading is None or not reading.failure:
            text = f"{glyphs.waiting} asking about account {self.account_id}; nothing has answered yet"
            return [row((line, "muted")) for line in wrap(glyphs.text(text), width)]
        rows = [row((line, "warn")) for line in wrap(f"{glyphs.unreachable} not loaded: {reading.failure}", width)]
        return rows + [row((line, "muted")) for line in wrap(glyphs.text(reading.remedy), width) if reading.remedy]

    def _draw_tabs(self) -> None:
        now, glyphs = utc_now(), self.host.glyphs
        right, tone = self.log_status() if self.tab == "logs" else self.tabs[self.tab].status(now)
        line = tab_row(TABS, self.tab, right=right, tone=tone, width=self.app.size.width, glyphs=glyphs)
        self.query_one("#tabs", LineView).show((line,))

    def _draw_rows(self) -> None:
        if self.tab == "logs":
            return
        state, glyphs, view = self.tabs[self.tab], self.host.glyphs, self.query_one("#rows", PagedRows)
        width = self._width(view)
        columns = state.heading(width, glyphs)
        self.query_one("#columns", LineView).show((row("  ", *columns.pieces),))
        view.show(
            state.rows(width=width, now=utc_now(), glyphs=glyphs, lead=lead_rows(self.tab, self._known(), glyphs))
        )
