"""One account: what is wrong with it, and every row behind that."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from diagnostics.now import utc_now
from screens.account_actions import AccountActions
from screens.account_tabs import KINDS, ORDER, TABS, TabState
from screens.base import ReadingArrived, RoomScreen
from widgets import wording
from widgets.account_rows import account_title, figure_rows, summary_rows
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.paged_rows import PagedRows
from widgets.row_filter import RowFilter
from widgets.rows import Row, Tone, fit, row, titled, wrap
from widgets.tab_bar import tab_row

if TYPE_CHECKING:
    from diagnostics.models.accounts import AccountSummary
    from diagnostics.models.events import LogPage
    from diagnostics.models.figures import Figure
    from diagnostics.models.readings import Reading

GATHER_S = 0.06
"""Answers that arrive together are drawn together, and a key is painted before what follows from it."""

SIDE = 46
"""Columns of the figures where they stand beside the findings."""

BESIDE = 120
"""From this many columns they do."""

RUNBOOKS = {"agents": "agent_resolution", "connections": "connection_health", "deals": "transaction_sync"}
"""Sections of the guide *immediate actions* by tab."""

_numbers = itertools.count(1)
"""Each account screen has live readings of its own, also when two show the same account."""


class AccountScreen(AccountActions, RoomScreen):
    """Findings and figures above, the tabs' rows below."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (BESIDE, "-wide")]  # noqa: RUF012  # Textual's own name and type

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

    def __init__(self, account_id: int, *, tab: str = "users") -> None:
        super().__init__()
        self.account_id = account_id
        self.tab = tab if tab in ORDER else "users"
        self.tabs = {name: TabState(kind) for name, kind in KINDS.items()}
        self.summary: Reading[AccountSummary] | None = None
        self.number = next(_numbers)
        self.summary_key = f"account:{self.number}:summary"
        self.behaviour: Reading[Figure] | None = None
        self.behaviour_key = f"account:{self.number}:behaviour"
        self.log_reading: Reading[LogPage] | None = None
        self._dirty: set[str] = set()
        self._drawing: Timer | None = None

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source. The log pane comes with its first visit."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(signs=signs, cursor=False, id="account-title").add_class("line")
        with Horizontal(id="top"):
            yield PagedRows(signs=signs, id="findings")
            yield PagedRows(signs=signs, id="figures")
        yield LineView(signs=signs, cursor=False, id="tabs").add_class("line")
        yield LineView(signs=signs, cursor=False, id="columns").add_class("line")
        yield PagedRows(signs=signs, id="rows")
        yield RowFilter(signs=signs)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The findings have the keys."""
        self.set_class(self.room.signs.ascii_only, "-ascii")
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
        if self.room.service is not None:
            self.service_opened()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        """Nobody looks at these readings any more."""
        live = self.room.live
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
        service, live = self.room.service, self.room.live
        if service is None or live is None:
            return
        every_s = service.settings.refresh.checks_s
        self.window_s = service.settings.refresh.window_s
        # The desk is reached in the asking thread: opening it imports what the first paint must not wait for.
        live.watch(self.summary_key, lambda: service.accounts.summary(self.account_id), every_s=every_s)
        # Its own thirty days are asked of Datadog, for which neither the header nor a finding may wait.
        live.watch(
            self.behaviour_key,
            lambda: service.accounts.behaviour(self.account_id),
            every_s=service.settings.refresh.baseline_s,
        )
        self.open_tab(self.tab)

    def watch_rows(self, name: str) -> None:
        """Ask for the first page of a tab, and forget what it held."""
        service, live = self.room.service, self.room.live
        if service is None or live is None:
            return
        state = self.tabs[name]
        if state.live_key:
            live.unwatch(state.live_key)
        state.start_over(f"account:{self.number}:{name}:{next(_numbers)}")
        ask = partial(self.read_page, state, None, state.only_wrong)
        live.watch(state.live_key, ask, every_s=service.settings.refresh.checks_s)
        self.room.look_again()

    def shown_readings(self) -> Iterable[str]:
        """The summary, the behaviour and the tab in view."""
        yield self.summary_key
        yield self.behaviour_key
        key = self.log_key if self.tab == "logs" else self.tabs[self.tab].live_key
        if key:
            yield key

    def query_in_view(self) -> str:
        """The account's log query, on whichever tab one is."""
        service = self.room.service
        return service.accounts.log_query(self.account_id) if service is not None else ""

    def runbook(self) -> str:
        """What to do about the kind of row in view."""
        return RUNBOOKS.get(self.tab, "oauth_failure")

    def crumb(self) -> str:
        """The account."""
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
        self.room.look_again()
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
                self.draw_soon("top", "rows")
        elif reading.key == self.behaviour_key:
            self.behaviour = reading
            self.draw_soon("top")
        elif reading.key == self.log_key:
            self.take_lines(reading)
        else:
            for name, state in self.tabs.items():
                if reading.key == state.live_key and state.take(reading):
                    self.draw_soon(*(("tabs", "rows") if name == self.tab else ()))

    def figures(self, summary: AccountSummary) -> tuple[Figure, ...]:
        """The summary's figures, and the behaviour once it has answered."""
        reading = self.behaviour
        if reading is None or reading.value is None:
            return summary.figures
        own = reading.value
        return (*(figure for figure in summary.figures if figure.id != own.id), own)

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self.draw_soon("top", "tabs", "age")

    def draw(self) -> None:
        """Lay out every pane from the state; the views repaint the differences."""
        self._dirty |= {"top", "tabs", "rows", "age"}
        self._draw_dirty()

    def draw_soon(self, *panes: str) -> None:
        """Lay these panes out shortly, together with whatever else becomes due by then."""
        self._dirty |= set(panes)
        if self._drawing is None and self._dirty:
            self._drawing = self.set_timer(GATHER_S, self._draw_dirty)

    def _draw_dirty(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None
        dirty, self._dirty = self._dirty, set()
        if not self.is_attached:
            return
        for pane, draw in (
            ("top", self._draw_top),
            ("tabs", self._draw_tabs),
            ("rows", self._draw_rows),
            ("age", self.draw_lines_age),
        ):
            if pane in dirty:
                draw()

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
        now, signs, reading = utc_now(), self.room.signs, self.summary
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
        rows = summary_rows(value, width=width, now=now, signs=signs, figures=not beside, stale=stale)
        if stale and reading is not None and reading.failure:
            words = f"{signs.warned} stale: {reading.failure}; what is below is what was known"
            rows = [row((fit(signs.text(words), width), "warn")), *rows]
        self._set_height(max(len(rows), len(value.figures) if beside else 0))
        view.show(rows)
        if beside:
            side.show(figure_rows(value.figures, width=self._width(side), signs=signs, stale=stale))

    def _draw_title(self, value: AccountSummary | None, reading: Reading[Any] | None) -> None:
        width, signs = self.app.size.width, self.room.signs
        name = account_title(value.header if value is not None else None, self.account_id, signs)
        right, tone = "asking…", "bar"
        if reading is not None and value is not None:
            age = wording.age(wording.asked_at(reading), utc_now())
            right, tone = (f"stale {age}", "warn") if wording.is_stale(reading) else (age, "bar")
        elif reading is not None and reading.failure:
            right, tone = "failed", "warn"
        right = signs.text(f" {right} ")
        left = signs.text(titled(self.room.trail(), name, max(1, width - len(right))))
        tail: Tone = "warn" if tone == "warn" else "bar"
        self.query_one("#account-title", LineView).show((row((left, "bar"), (right, tail)),))

    def _without_summary(self, width: int) -> list[Row]:
        signs, reading = self.room.signs, self.summary
        if reading is None or not reading.failure:
            text = f"{signs.waiting} asking about account {self.account_id}; nothing has answered yet"
            return [row((line, "muted")) for line in wrap(signs.text(text), width)]
        rows = [row((line, "warn")) for line in wrap(f"{signs.unreachable} not loaded: {reading.failure}", width)]
        return rows + [row((line, "muted")) for line in wrap(signs.text(reading.remedy), width) if reading.remedy]

    def _draw_tabs(self) -> None:
        now, signs = utc_now(), self.room.signs
        right, tone = self.log_status() if self.tab == "logs" else self.tabs[self.tab].status(now)
        line = tab_row(TABS, self.tab, right=right, tone=tone, width=self.app.size.width, signs=signs)
        self.query_one("#tabs", LineView).show((line,))

    def _draw_rows(self) -> None:
        if self.tab == "logs":
            return
        state, signs, view = self.tabs[self.tab], self.room.signs, self.query_one("#rows", PagedRows)
        width = self._width(view)
        columns = state.heading(width, signs)
        self.query_one("#columns", LineView).show((row("  ", *columns.pieces),))
        view.show(state.rows(width=width, now=utc_now(), signs=signs, lead=self.lead_rows(self.tab)))
