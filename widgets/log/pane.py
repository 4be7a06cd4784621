"""LogPane: one Datadog query, its events, a filter, and an honest word about the state. It fetches nothing.

The title and the foot are small lines of their own, not a CSS border with a title: changing a title repaints everything
inside the border, and an age changes every few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Self

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from diagnostics.core.words import form, plural
from widgets.glyphs import Glyphs, glyphs_for
from widgets.line_view import LineView
from widgets.log.buffer import CAPACITY
from widgets.log.line import Run, cells, cut
from widgets.log.list import LogList
from widgets.log.query_input import FilterLine
from widgets.row import Piece, Row, Tone

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent
    from widgets.log.list import LogState

_PREVIEW_DELAY = 0.15
"""Seconds without a key before a half-typed filter is tried on the events."""

_STEP = 4
"""Cells by which a part of the frame grows: each change of its width lays out the screen."""

_FILTER_CELLS = 16
"""Least room in which the text of a filter is worth showing."""


@dataclass
class FromPane(Message):
    """A message of one pane."""

    pane: LogPane

    @property
    def control(self) -> LogPane:
        """The pane, for `@on` with a selector."""
        return self.pane


class LogPane(Widget):
    """A framed list of log events with its query above and its filter below."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; background: $background; }
    LogPane LineView { background: $background; scrollbar-size-vertical: 0; height: 1; }
    LogPane > Horizontal { height: 1; }
    LogPane > #log-title LineView { background: $panel; }
    LogPane #log-query, LogPane #log-note { width: 1fr; }
    LogPane #log-count, LogPane #log-status, LogPane #log-position { width: 8; }
    LogPane > #log-body { height: 1fr; }
    LogPane #log-patterns { height: 1fr; display: none; }
    LogPane.-grouped #log-patterns { display: block; }
    LogPane.-grouped LogList { display: none; }
    LogPane FilterLine LineView { background: $panel; }
    LogPane:ansi, LogPane:ansi LineView, LogPane:ansi FilterLine LineView { background: ansi_default; }
    LogPane:ansi > #log-title LineView { text-style: reverse; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", show=False, id="logs.filter"),
        Binding("O", "load_older", "load older", show=False, id="logs.older"),
    ]

    @dataclass
    class Opened(FromPane):
        """Somebody wants to see one event whole."""

        event: LogEvent

    @dataclass
    class Filtered(FromPane):
        """Somebody has applied a filter, or taken it away."""

        text: str

    @dataclass
    class OlderWanted(FromPane):
        """Somebody stands at the oldest event and wants the ones before it."""

    def __init__(
        self,
        *,
        label: str = "logs",
        filters: bool = True,
        grouped: bool = False,
        ascii: bool = False,  # noqa: A002  # the flag's name everywhere
        capacity: int = CAPACITY,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.set_class(ascii, "-ascii")
        self.glyphs = glyphs_for(ascii)
        self.label = label
        self.filters = filters
        """False where the query itself is edited with the same key."""
        self.grouped = grouped
        """Lines are wanted by pattern; they stand one by one while there is no pattern to show."""
        self._patterns: Sequence[Row] = ()
        self._patterns_note = ""
        self.query_text = ""
        self.window_text = ""
        self.filter_text = ""
        """The filter applied last; one that is still being typed is not it."""
        self.log_list = LogList(ascii=ascii, capacity=capacity)
        self._total: int | None = None
        self._status: tuple[str, Tone] = ("", "muted")
        self._failure: tuple[str, str] = ("", "")
        self._notice = ""
        self._answered = False
        self._older_pending = False
        self._coloured = False
        self._preview_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="log-title"):
            yield LineView(glyphs=self.glyphs, cursor=False, id="log-query")
            yield LineView(glyphs=self.glyphs, cursor=False, id="log-count")
            yield LineView(glyphs=self.glyphs, cursor=False, id="log-status")
        with Vertical(id="log-body"):
            yield LineView(glyphs=self.glyphs, id="log-patterns")
            yield self.log_list
            yield FilterLine(ascii=self.glyphs.ascii_only)
        with Horizontal():
            yield LineView(glyphs=self.glyphs, cursor=False, id="log-note")
            yield LineView(glyphs=self.glyphs, cursor=False, id="log-position")

    def on_mount(self) -> None:
        """Paint before anything has been asked."""
        self._set_place()
        self._draw_title()
        self._draw_foot()
        self.call_after_refresh(self._colour_query)

    def _colour_query(self) -> None:
        self._coloured = True
        self._draw_title()

    # ---- set from outside

    def show_query(self, query: str, window_text: str) -> None:
        """Name the query and its window ("15m"). Another query or window empties the list; the filter stays."""
        if (query, window_text) == (self.query_text, self.window_text):
            return
        self.query_text, self.window_text = query, window_text
        self.reset()

    def reset(self) -> None:
        """Forget events, total and failure, and say that logs are being loaded."""
        self._total = None
        self._failure = ("", "")
        self._notice = ""
        self._answered = False
        self._older_pending = False
        self.log_list.set_stale(False)
        self.log_list.clear()
        self.show_patterns((), "")
        self._set_place()
        self._draw_title()
        self._draw_foot()

    def add_events(self, events: Sequence[LogEvent], older: bool = False) -> int:
        """Take an answer, in any order and also empty; return how many events were new.

        `older` says that this answers `OlderWanted`: what is on screen stays where it is.
        """
        self._answered = True
        self._failure = ("", "")
        added = self.log_list.add(events)
        if older:
            self._older_pending = False
            self._notice = "" if added else "no older events in the window"
            self.log_list.flush()
        self._set_place()
        self._draw_foot()
        return added

    def show_patterns(self, rows: Sequence[Row], note: str) -> None:
        """The lines by pattern, and of how many lines they are; shown while `grouped`."""
        self._patterns, self._patterns_note = rows, note
        self._arrange()
        if self.is_grouped:
            self._pattern_view.show(rows)
            self._draw_foot()

    def set_grouped(self, grouped: bool) -> None:
        """Show the lines by pattern, or one by one."""
        self.grouped = grouped
        self._arrange()
        self._draw_foot()

    @property
    def is_grouped(self) -> bool:
        """True while patterns are on screen."""
        return self.has_class("-grouped")

    @property
    def _pattern_view(self) -> LineView:
        return self.query_one("#log-patterns", LineView)

    def _arrange(self) -> None:
        """Patterns where they are wanted and there are some; the focus stays within the pane."""
        if not self.is_mounted:
            return
        shown = self.grouped and bool(self._patterns)
        if shown is self.is_grouped:
            return
        held = self._pattern_view.has_focus or self.log_list.has_focus
        self.set_class(shown, "-grouped")
        if shown:
            self._pattern_view.show(self._patterns)
        if held:
            self.focus(scroll_visible=False)

    def set_status(self, text: str, tone: Tone = "muted", *, stale: bool = False) -> None:
        """Set age or state at the right of the title; `stale` dims the rows, which are then the last good ones."""
        self._status = (text, tone)
        self.log_list.set_stale(stale)
        self._draw_side("#log-status", self._status_run(), share=3)

    def set_failure(self, headline: str, remedy: str = "") -> None:
        """Say why there is no answer. Events already shown stay; an empty headline takes it back."""
        self._failure = (headline, remedy)
        self._older_pending = False
        self._set_place()
        self._draw_foot()

    def older_done(self, notice: str = "") -> None:
        """Asking for older events has ended, with or without any; `notice` says what came of it."""
        self._older_pending = False
        self._notice = notice
        self._draw_foot()

    def set_total(self, total: int | None) -> None:
        """Set how many events the window holds at the source; None when that is not known."""
        self._total = total
        self._draw_side("#log-count", self._count_run())

    def set_filter(self, text: str) -> None:
        """Apply a filter that can be read as a query; raises `QuerySyntaxError` otherwise."""
        self._try_filter(text)
        self.filter_text = text

    @property
    def current(self) -> LogEvent | None:
        """The event under the cursor."""
        return self.log_list.current

    def focus(self, scroll_visible: bool = True) -> Self:
        """Give the keys to the list, or to the patterns in its place; the frame itself takes none."""
        (self._pattern_view if self.is_grouped else self.log_list).focus(scroll_visible)
        return self

    # ---- keys

    def action_filter(self) -> None:
        """Type a filter."""
        self.open_filter()

    def open_filter(self) -> None:
        """Show the filter line with the filter in force in it."""
        self._filter_line.open(self.filter_text)

    def action_load_older(self) -> None:
        """Go to the oldest event and ask for the ones before it."""
        state = self.log_list.state
        if self._older_pending:
            return
        if state.total >= state.capacity:
            self._say(f"no room for older events: holding the newest {state.capacity:,}")
            return
        if not self.log_list.at_oldest:
            self.log_list.move_to(0)
        self._older_pending = True
        self._draw_foot()
        self.post_message(self.OlderWanted(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The filter's key belongs to the screen where the pane has no filter of its own."""
        if action == "filter" and not self.filters:
            return False
        return super().check_action(action, parameters)

    # ---- filter

    @property
    def _filter_line(self) -> FilterLine:
        return self.query_one(FilterLine)

    def _try_filter(self, text: str) -> None:
        from diagnostics.logs import compile_query  # noqa: PLC0415  # the grammar stays out of the first paint

        self._stop_preview()
        if text == self.log_list.filter_text:
            return
        self.log_list.set_filter(compile_query(text) if text else None, text)
        self._set_place()

    def _stop_preview(self) -> None:
        if self._preview_timer is not None:
            self._preview_timer.stop()
            self._preview_timer = None

    @on(FilterLine.Edited)
    def _filter_edited(self, event: FilterLine.Edited) -> None:
        event.stop()
        self._stop_preview()
        text = event.text.strip()
        self._preview_timer = self.set_timer(_PREVIEW_DELAY, lambda: self._try_filter(text))

    @on(FilterLine.Applied)
    def _filter_applied(self, event: FilterLine.Applied) -> None:
        event.stop()
        self._close_filter()
        self.set_filter(event.text)
        self.post_message(self.Filtered(self, event.text))

    @on(FilterLine.Cancelled)
    def _filter_cancelled(self, event: FilterLine.Cancelled) -> None:
        event.stop()
        self._close_filter()
        self._try_filter(self.filter_text)

    def _close_filter(self) -> None:
        self._stop_preview()
        self._filter_line.close()
        self._draw_foot()
        self.log_list.focus(scroll_visible=False)

    # ---- from the list

    @on(LogList.Opened)
    def _opened(self, event: LogList.Opened) -> None:
        event.stop()
        self.post_message(self.Opened(self, event.event))

    @on(LogList.NoFurtherError)
    def _no_further_error(self, event: LogList.NoFurtherError) -> None:
        event.stop()
        self._say(f"no further error {'below' if event.forward else 'above'}")

    @on(LogList.Moved)
    def _moved(self, event: LogList.Moved) -> None:
        event.stop()
        if self._notice:
            self._say("")

    @on(LogList.StateChanged)
    def _state_changed(self, event: LogList.StateChanged) -> None:
        event.stop()
        self._set_place()
        self._draw_foot()

    def _say(self, notice: str) -> None:
        """Say something that the next move takes away."""
        self._notice = notice
        self._draw_foot()

    # ---- drawing

    def on_resize(self, event: events.Resize) -> None:
        """The parts of the frame are laid out for one width."""
        del event
        self.call_after_refresh(self._redraw)

    def on_descendant_focus(self) -> None:
        """A pane that has the keys shows it in its frame."""
        self._redraw()

    def on_descendant_blur(self) -> None:
        """A pane that lost the keys shows it in its frame."""
        self._redraw()

    def _redraw(self) -> None:
        self._draw_title()
        self._draw_foot()

    def _set_place(self) -> None:
        window = self.window_text if self._answered else None
        self.log_list.set_place(place_lines(self.log_list.state, self._failure, window, self.glyphs))

    def _draw_title(self) -> None:
        if not self.is_mounted:
            return
        self._draw_side("#log-count", self._count_run())
        self._draw_side("#log-status", self._status_run(), share=3)
        view = self.query_one("#log-query", LineView)
        title = title_query(
            self.label,
            self.query_text,
            view.size.width,
            self.glyphs.ellipsis,
            focused=self.has_focus_within,
            coloured=self._coloured,
        )
        view.show((title,))

    def _count_run(self) -> tuple[str, Tone]:
        total = f"{self._total:,}" if self._total is not None else self.glyphs.missing
        parts = [self.window_text, total] if self.window_text else []
        return f" {self.glyphs.separator} ".join(parts), ""

    def _status_run(self) -> tuple[str, Tone]:
        text, tone = self._status
        # A reserved width: an age that grows from 5s to 10s must not lay out the title again.
        return self.glyphs.text(f"{text:>8}" if text else ""), tone

    def _draw_foot(self) -> None:
        if not self.is_mounted:
            return
        if self.is_grouped:
            self._draw_side("#log-position", ("", "muted"), share=3)
            view, notice = self.query_one("#log-note", LineView), self._notice_piece(len(self._patterns))
            parts = [*([notice] if notice is not None else []), Piece(self._patterns_note, "muted")]
            pieces = cut_middle(_joined(parts, self.glyphs), max(1, view.size.width - 3), self.glyphs.ellipsis)
            view.show((Row((Piece("  "), *pieces)),))
            return
        state = self.log_list.state
        self._draw_side("#log-position", (foot_position(state, self.glyphs), "muted"), share=3)
        view = self.query_one("#log-note", LineView)
        note = foot_note(
            state,
            notice=self._notice_piece(state.total),
            filter_text=self._filter_shown(),
            width=view.size.width,
            glyphs=self.glyphs,
        )
        view.show((note,))

    def _filter_shown(self) -> str | None:
        text = self.log_list.filter_text
        if not text:
            return None
        return "" if self._filter_line.is_open else text

    def _notice_piece(self, total: int) -> Piece | None:
        # Without any event the failure stands in the middle of the pane, with its remedy.
        if self._failure[0] and total:
            return Piece(self._failure[0], "fail")
        if self._older_pending:
            return Piece(self.glyphs.text("loading older events…"), "muted")
        return Piece(self._notice, "accent") if self._notice else None

    def _draw_side(self, name: str, run: tuple[str, Tone], *, share: int = 2) -> None:
        """Draw one of the short parts at the right; its width changes in steps, because that lays out the screen."""
        if not self.is_mounted:
            return
        view = self.query_one(name, LineView)
        text, tone = run
        most = max(8, self.size.width * share // 5)
        wanted = fitted_width(view.styles.width.value if view.styles.width else 8, cell_len(text) + 3, most)
        if view.styles.width is None or view.styles.width.value != wanted:
            view.styles.width = wanted
            self.call_after_refresh(self._redraw)
        view.show((title_side(text, tone, wanted, self.glyphs.ellipsis),))


# ---- the rows around the list, in a given width


def fitted_width(present: float, needed: int, most: int) -> int:
    """Return a width in steps of four cells that holds `needed`, keeping the present one unless it is far too wide."""
    wanted = min(most, ceil(needed / _STEP) * _STEP)
    return int(present) if wanted <= present <= min(most, wanted + 4 * _STEP) else wanted


def query_pieces(query: str, *, coloured: bool) -> list[Piece]:
    """Return a query as pieces, each part of speech in its tone; as one plain piece for a first paint."""
    if not coloured:
        return [Piece(query)]
    # The scanner costs an import that nothing needs before a query is shown.
    from diagnostics.logs import highlight  # noqa: PLC0415

    pieces: list[Piece] = []
    position = 0
    for span in highlight(query):
        if span.start > position:
            pieces.append(Piece(query[position : span.start]))
        pieces.append(Piece(query[span.start : span.end], _QUERY_TONES.get(str(span.kind), "")))
        position = span.end
    if position < len(query):
        pieces.append(Piece(query[position:]))
    return pieces


_QUERY_TONES: dict[str, Tone] = {
    "field": "code",
    "tag": "code",
    "attribute": "code",
    "operator": "key",
    "wildcard": "key",
    "function": "key",
    "error": "fail",
}


def cut_middle(pieces: list[Piece], width: int, more: str) -> list[Piece]:
    """Return pieces that take at most `width` cells: the middle left out, because both ends tell queries apart."""
    total = sum(cell_len(piece.text) for piece in pieces)
    if total <= width:
        return pieces
    if width <= 1:
        return [Piece(more[:width], "muted")]
    head = (width - 1) * 3 // 5
    tail = width - 1 - head
    return [*_take(pieces, 0, head), Piece(more, "muted"), *_take(pieces, total - tail, tail)]


def _take(pieces: list[Piece], start: int, width: int) -> list[Piece]:
    """Return what stands in the cells from `start` on, exactly `width` of them."""
    taken: list[Piece] = []
    position = 0
    for piece in pieces:
        size = cell_len(piece.text)
        low, high = max(start - position, 0), min(start + width - position, size)
        if low < high:
            taken.append(Piece(cells(piece.text, low, high), piece.tone))
        position += size
    return taken


def title_query(label: str, query: str, width: int, more: str, *, focused: bool, coloured: bool) -> Row:
    """Return the left part of the title: label and query. The pane that has the keys has a bright label."""
    lead = f" {label}  "
    room = max(0, width - cell_len(lead) - 2)
    pieces = cut_middle(query_pieces(query, coloured=coloured), room, more) if query else []
    return Row((Piece(lead, "accent" if focused else "title"), *pieces))


def title_side(text: str, tone: Tone, width: int, more: str) -> Row:
    """Return a part that stands at the right of a title or a foot."""
    room = width - 2
    if not text or room < 4:
        return Row(())
    shown = text if cell_len(text) <= room else cut(text, room, more=more)
    return Row((Piece(" " * (room - cell_len(shown) + 1)), Piece(shown, tone)))


def foot_position(state: LogState, glyphs: Glyphs) -> str:
    """Return where the reader is: following, or at which row with how many new ones below."""
    if state.following:
        lines = form(state.matching, "line")
        return glyphs.text(f"{state.matching:,} {lines} · following") if state.matching else "following"
    place = f"{state.row + 1:,} of {state.matching:,}" if state.matching else ""
    return glyphs.text(f"{place} · {state.new_below:,} new below") if state.new_below else place


def foot_note(
    state: LogState,
    *,
    notice: Piece | None,
    filter_text: str | None,
    width: int,
    glyphs: Glyphs,
) -> Row:
    """Return the left part of the foot: what was just said, the filter with its figures, and the cap.

    `filter_text` is None without a filter, and empty while its text stands in the line above anyway. Where room is
    short the filter's text gives way first: it can be opened, the figures cannot.
    """
    parts = [notice] if notice is not None else []
    if filter_text is not None:
        figures = f"{state.matching:,} of {state.total:,}"
        if state.progress is not None:
            figures += f" · {state.progress:.0%} read"
        parts.append(Piece(glyphs.text(figures)))
    if state.capped:
        parts.append(Piece(f"showing newest {state.capacity:,}", "warn"))
    if filter_text:
        taken = sum(cell_len(part.text) + 3 for part in parts)
        room = width - 4 - taken
        if room >= _FILTER_CELLS:
            wanted = f"filter {filter_text}"
            shown = Piece(cut(wanted, min(cell_len(wanted), room), more=glyphs.ellipsis), "key")
            parts.insert(len(parts) - 1 - state.capped, shown)
    return (
        Row((Piece("  "), *cut_middle(_joined(parts, glyphs), max(1, width - 4), glyphs.ellipsis)))
        if parts
        else Row(())
    )


def _joined(parts: list[Piece], glyphs: Glyphs) -> list[Piece]:
    joined: list[Piece] = []
    for part in parts:
        if joined:
            joined.append(Piece(f" {glyphs.separator} ", "muted"))
        joined.append(part)
    return joined


def place_lines(state: LogState, failure: tuple[str, str], window: str | None, glyphs: Glyphs) -> list[list[Run]]:
    """Return what stands in the list while it has no row to show.

    `failure` is headline and remedy, both empty without one; `window` is None until the query has been answered. No
    events is an answer and not health, so it is said in grey and with the window it holds for.
    """
    headline, remedy = failure
    if headline and not state.total:
        lines = [[(headline, "error")], [(remedy, "")]]
    elif window is None:
        lines = [[("loading logs…", "muted")]]
    elif not state.total:
        answered = f"the query was answered for {window}: nothing matched" if window else ""
        lines = [[("no events in the window", "muted")], [(answered, "muted")]]
    elif state.progress is not None:
        lines = [[("filtering…", "muted")]]
    else:
        lines = [[(f"none of {plural(state.total, 'event')} passes the filter", "muted")]]
    return [[(glyphs.text(text), tone) for text, tone in line] for line in lines if line[0][0]]
