"""LogList: a hundred thousand log events in a pane, following the newest, filtered without holding up a key.

It draws only the rows on screen, remembers the drawn ones, and sends a row to the terminal only when it looks different
from what stands there. There is no scroll bar on purpose: one would be repainted with every line that arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from widgets.glyphs import glyphs_for
from widgets.log.buffer import AT_ONCE, CAPACITY, LogBuffer, Predicate
from widgets.log.line import SHIFT_STEP, Columns, Run, cells, columns, day_of, longest, row

if TYPE_CHECKING:
    from datetime import date

    from diagnostics.models.events import LogEvent
    from widgets.glyphs import Glyphs

TONES = ("text", "time", "fatal", "error", "warning", "muted", "stale", "cursor", "held")

Place = Sequence[Sequence[Run]]
"""Lines shown while there is nothing to list; tones "", "muted", "error" or "warning"."""

REPAINT_INTERVAL = 0.25
"""Seconds between two repaints of a busy tail: four a second are as readable as sixty."""

BYTES_PER_SECOND = 34_000
"""Bytes a second that following may cost; a large terminal is repainted less often to stay below it."""

RUNS = 3
"""Runs of one row at most."""

RUN_BYTES = 46
"""Colour codes around one run of text, measured."""

_SLICE = 0.006
_PAUSE = 0.002
_WHEEL = 3
_STRIPS = 2_048
"""Drawn rows that are remembered."""


@dataclass(slots=True, frozen=True)
class LogState:
    """State of the list, for the frame around it."""

    total: int
    matching: int
    row: int
    """The cursor's row, from 0; -1 when nothing is shown."""
    following: bool
    new_below: int
    """Rows that arrived since following stopped and have not been on screen yet."""
    capacity: int
    capped: bool
    """True once older events have been dropped."""
    progress: float | None
    """Share of the events the filter has judged, 0–1; None when it is done."""


class LogList(ScrollView, can_focus=True):
    """Log events, oldest at the top, one row each; the newest is followed until the reader moves.

    It fetches nothing: `add` hands it events, in any order, each shown once.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{tone}" for tone in TONES}

    DEFAULT_CSS = """
    LogList { background: $background; color: $foreground; overflow: hidden; height: 1fr; width: 1fr; }
    LogList > .log--time, LogList > .log--muted, LogList > .log--stale { color: $foreground 65%; }
    LogList > .log--fatal { color: $text-error; text-style: bold reverse; }
    LogList > .log--error { color: $text-error; text-style: bold; }
    LogList > .log--warning { color: $text-warning; text-style: bold; }
    LogList > .log--cursor { background: $primary 35%; text-style: bold; }
    LogList > .log--held { text-style: bold; }
    LogList:nocolor > .log--fatal { color: $foreground; text-style: bold reverse; }
    LogList:nocolor > .log--error { color: $foreground; text-style: bold underline; }
    LogList:nocolor > .log--warning { color: $foreground; text-style: bold; }
    LogList:nocolor > .log--cursor { text-style: bold reverse; }
    LogList:ansi { background: ansi_default; color: ansi_default; }
    LogList:ansi > .log--time, LogList:ansi > .log--muted, LogList:ansi > .log--stale {
        color: ansi_default; text-style: dim;
    }
    LogList:ansi > .log--fatal { color: ansi_red; text-style: bold reverse; }
    LogList:ansi > .log--error { color: ansi_red; text-style: bold; }
    LogList:ansi > .log--warning { color: ansi_yellow; text-style: bold; }
    LogList:ansi > .log--cursor { background: ansi_default; text-style: bold reverse; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "down", show=False, id="logs.down"),
        Binding("k,up", "cursor_up", "up", show=False, id="logs.up"),
        Binding("g,home", "cursor_first", "oldest", show=False, id="logs.first"),
        Binding("G,end", "cursor_last", "follow", show=False, id="logs.last"),
        Binding("ctrl+d", "half_page_down", "half a page down", show=False, id="logs.half_page_down"),
        Binding("ctrl+u", "half_page_up", "half a page up", show=False, id="logs.half_page_up"),
        Binding("pagedown", "page_down", "page down", show=False, id="logs.page_down"),
        Binding("pageup", "page_up", "page up", show=False, id="logs.page_up"),
        Binding("left", "shift_left", "left", show=False, id="logs.left"),
        Binding("right", "shift_right", "right", show=False, id="logs.right"),
        Binding("right_square_bracket", "next_error", "next error", show=False, id="logs.next_error"),
        Binding("left_square_bracket", "previous_error", "previous error", show=False, id="logs.previous_error"),
        Binding("enter", "open", "open", show=False, id="logs.open"),
    ]

    @dataclass
    class Opened(Message):
        """Somebody wants to see one event whole."""

        log_list: LogList
        event: LogEvent

    @dataclass
    class Moved(Message):
        """Somebody moved the cursor."""

        log_list: LogList

    @dataclass
    class NoFurtherError(Message):
        """There is no error or worse in that direction."""

        log_list: LogList
        forward: bool

    @dataclass
    class StateChanged(Message):
        """Something the frame shows is different; ask `state`."""

        log_list: LogList

        def can_replace(self, message: Message) -> bool:
            """Several waiting ones are as good as the last."""
            return isinstance(message, LogList.StateChanged)

    def __init__(
        self,
        *,
        ascii: bool = False,  # noqa: A002  # the flag's name everywhere
        capacity: int = CAPACITY,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs = glyphs_for(ascii)
        self.buffer = LogBuffer(capacity)
        self.following = True
        self.repaint_bytes = 0
        """Estimated bytes of the last repaint."""
        self._cursor = -1
        self._wanted: LogEvent | None = None
        """The event the reader put the cursor on; kept while a filter hides it, so that it comes back with it."""
        self._top = 0
        self._new = 0
        self._place: Place = ()
        self._painted: dict[int, Strip] = {}
        self._painter = RowPainter(self, self.glyphs)
        self.filter_text = ""
        self._incoming: list[LogEvent] = []
        self._flush_timer: Timer | None = None
        self._read_timer: Timer | None = None
        self._flushed_at = 0.0
        self._interval = REPAINT_INTERVAL
        self._today: date | None = None

    # ---- events in

    def add(self, batch: Sequence[LogEvent]) -> int:
        """Take events in any order; return how many were new. They are on screen within the repaint interval."""
        fresh = self.buffer.accept(batch)
        if not fresh:
            return 0
        self._incoming.extend(fresh)
        if self._flush_timer is not None:
            return len(fresh)
        wait = self._flushed_at + self._interval - monotonic()
        if wait <= 0 or not self.is_mounted:
            self.flush()
        else:
            self._flush_timer = self.set_timer(wait, self._flush_later)
        return len(fresh)

    def _flush_later(self) -> None:
        self._flush_timer = None
        self.flush()

    def flush(self) -> None:
        """Put everything that has arrived on screen now."""
        if self._flush_timer is not None:
            self._flush_timer.stop()
            self._flush_timer = None
        if not self._incoming:
            return
        incoming, self._incoming = self._incoming, []
        incoming.sort(key=lambda event: event.timestamp_ms)
        newest = self.buffer.shown[-1].timestamp_ms if self.buffer.shown else 0
        added = self.buffer.merge(incoming)
        if added and not self.following and incoming[-1].timestamp_ms >= newest:
            self._new += added
        self._arrived()
        self._start_reading()

    def clear(self) -> None:
        """Forget every event and follow again; filter and sideways shift stay."""
        self._incoming.clear()
        self.buffer.clear()
        self._painter.forget()
        self._wanted = None
        self._new = 0
        self._flushed_at = 0.0
        self._set_following(True)
        self._settle()

    def set_filter(self, predicate: Predicate | None, text: str) -> None:
        """Show only events that pass; `text` is what the frame calls the filter. The cursor keeps its event.

        More than a few thousand events are judged in slices between key presses, newest first.
        """
        self.flush()
        if self._wanted is None and not self.following:
            self._wanted = self.current
        self.filter_text = text
        self.buffer.set_predicate(predicate)
        self._new = 0
        if predicate is not None:
            self.buffer.read(_SLICE / 2 if len(self.buffer) > AT_ONCE else None)
            self.buffer.publish()
        self._settle()
        self._start_reading()

    def _start_reading(self) -> None:
        if self.buffer.reading and self._read_timer is None and self.is_mounted:
            # A timer and not a message to itself: messages to itself would hold back the repaint until the last slice.
            self._read_timer = self.set_interval(_PAUSE, self._read_slice)

    def _read_slice(self) -> None:
        waiting = self.buffer.read(_SLICE)
        if waiting and monotonic() < self._flushed_at + self._interval:
            return
        self.buffer.publish()
        self._arrived()
        if not waiting and self._read_timer is not None:
            self._read_timer.stop()
            self._read_timer = None

    def _arrived(self) -> None:
        """Put new rows on screen, and rest in proportion to what that cost."""
        self._flushed_at = monotonic()
        self._settle()
        self._interval = max(REPAINT_INTERVAL, self.repaint_bytes / BYTES_PER_SECOND)

    # ---- state of the ground

    def set_place(self, lines: Place) -> None:
        """Set what stands in the pane while there is nothing to list."""
        if lines != self._place:
            self._place = lines
            if not self.buffer.shown:
                self._repaint()

    def mark(self, late: Mapping[str, int]) -> None:
        """Mark the lines with these ids: they were put between lines that had been read before them."""
        if late.keys() - self._painter.late:
            self._painter.late = frozenset(late)
            self._painter.forget()
            self._repaint()

    def set_today(self, today: date) -> None:
        """The present day in UTC: once a line of another day is among those listed, such lines carry their date."""
        if today != self._today:
            self._today = today
            self._date()

    def _date(self) -> None:
        shown, today = self.buffer.shown, self._today
        if today is None or not shown:
            return
        # In order of time: where both ends are of today, all of them are.
        is_mixed = any(day_of(event.timestamp_ms) != today for event in (shown[0], shown[-1]))
        if self._painter.date_from(today if is_mixed else None):
            self._repaint()

    def set_stale(self, stale: bool) -> None:
        """Dim the rows: they are the last good ones, and not the newest."""
        if stale != self._painter.stale:
            self._painter.stale = stale
            self._painter.forget()
            self._repaint()

    # ---- state

    @property
    def state(self) -> LogState:
        """The figures for the frame."""
        buffer = self.buffer
        below = max(0, len(buffer.shown) - self._top - self._rows)
        return LogState(
            total=len(buffer),
            matching=len(buffer.shown),
            row=self._cursor,
            following=self.following,
            new_below=0 if self.following else min(self._new, below),
            capacity=buffer.capacity,
            capped=buffer.dropped > 0,
            progress=buffer.progress,
        )

    @property
    def current(self) -> LogEvent | None:
        """The event under the cursor."""
        return self.buffer.shown[self._cursor] if 0 <= self._cursor < len(self.buffer.shown) else None

    @property
    def at_oldest(self) -> bool:
        """True when the oldest row is on screen."""
        return self._top == 0

    @property
    def _rows(self) -> int:
        return max(1, self.size.height)

    # ---- moving

    def action_cursor_down(self) -> None:
        """One row towards the newest."""
        self.move_to(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row towards the oldest; stops following."""
        self.move_to(self._cursor - 1)

    def action_cursor_first(self) -> None:
        """To the oldest row; stops following."""
        self.move_to(0)

    def action_cursor_last(self) -> None:
        """To the newest row, and stay with it."""
        self.follow()

    def action_half_page_down(self) -> None:
        """Half a page towards the newest."""
        self._page(max(1, self._rows // 2))

    def action_half_page_up(self) -> None:
        """Half a page towards the oldest; stops following."""
        self._page(-max(1, self._rows // 2))

    def action_page_down(self) -> None:
        """A page towards the newest."""
        self._page(self._rows)

    def action_page_up(self) -> None:
        """A page towards the oldest; stops following."""
        self._page(-self._rows)

    def action_shift_right(self) -> None:
        """Show what is further right in the messages, as far as the rows on screen reach."""
        shown = self.buffer.shown[self._top : self._top + self._rows]
        widest = max((longest(event.message) for event in shown), default=0)
        if widest > self._painter.shift + self._painter.columns.message:
            self._shift_to(self._painter.shift + SHIFT_STEP)

    def action_shift_left(self) -> None:
        """Back towards the start of the messages."""
        self._shift_to(max(0, self._painter.shift - SHIFT_STEP))

    def action_next_error(self) -> None:
        """To the next error or worse, towards the newest."""
        self._jump(1)

    def action_previous_error(self) -> None:
        """To the previous error or worse, towards the oldest; stops following."""
        self._jump(-1)

    def action_open(self) -> None:
        """Open the event under the cursor."""
        event = self.current
        if event is not None:
            self.post_message(self.Opened(self, event))

    def follow(self) -> None:
        """Go to the newest row, what has just arrived included, and stay with it."""
        self.flush()
        self._wanted = None
        self._new = 0
        self._set_following(True)
        self._settle()
        self.post_message(self.Moved(self))

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, or on the nearest end; a move away from the newest stops following."""
        shown = self.buffer.shown
        if not shown:
            return
        index = max(0, min(len(shown) - 1, index))
        if index == self._cursor:
            return
        if index < self._cursor:
            self._set_following(False)
        self._cursor = index
        self._wanted = None if self.following else shown[index]
        self._scroll_to_top(self._revealing(self._top))
        self._repaint()
        self.post_message(self.Moved(self))

    def _page(self, by: int) -> None:
        # The page moves as a whole, so that the cursor keeps its height on screen until an end is reached.
        self._scroll_to_top(self._top + by if by < 0 or not self.following else self._top)
        self.move_to(self._cursor + by)

    def _jump(self, step: int) -> None:
        index = self.buffer.next_severe(self._cursor, step)
        if index is None:
            self.post_message(self.NoFurtherError(self, step > 0))
        else:
            self.move_to(index)

    def _shift_to(self, shift: int) -> None:
        if shift != self._painter.shift:
            self._painter.shift = shift
            self._painter.forget()
            self._repaint()

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self._new = 0

    # ---- what is on screen

    def _settle(self) -> None:
        """After rows came or went: keep the reader's row where it was on screen, or follow the newest."""
        shown = self.buffer.shown
        height = self._cursor - self._top
        if self.following or not shown:
            self._cursor = len(shown) - 1
            top = len(shown)
        else:
            anchor = self._wanted
            self._cursor = self.buffer.nearest(anchor) if anchor is not None else len(shown) - 1
            top = self._cursor - height
        self._date()
        self.set_reactive(Widget.virtual_size, Size(max(1, self.size.width), len(shown)))
        self._scroll_to_top(self._revealing(top))
        self._repaint()

    def _revealing(self, top: int) -> int:
        """Return the first row on screen nearest to `top` that leaves the cursor visible."""
        return max(self._cursor - self._rows + 1, min(self._cursor, top))

    def _scroll_to_top(self, top: int) -> None:
        self._top = max(0, min(len(self.buffer.shown) - self._rows, top))
        self.set_scroll(0, self._top)

    def _repaint(self) -> None:
        """Send the rows that look different from what stands on screen, and tell the frame."""
        if self.is_mounted and self.size:
            width = self.size.width
            changed = [y for y in range(self.size.height) if self._painted.get(y) != self._draw(y)]
            if changed:
                self.refresh(*(Region(0, y, width, 1) for y in changed))
            self.repaint_bytes = len(changed) * (width + RUNS * RUN_BYTES)
        self.post_message(self.StateChanged(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow a scroll position that the layout corrected, without the whole repaint of the base class."""
        del old_value
        if round(new_value) != self._top:
            self._scroll_to_top(round(new_value))
            self._repaint()

    def on_resize(self, event: events.Resize) -> None:
        """Another width has other columns; another height shows other rows, what has arrived meanwhile among them."""
        del event
        self.flush()
        self._start_reading()
        self._settle()

    def on_focus(self) -> None:
        """The cursor's row looks different with the focus."""
        self.call_later(self._repaint)

    def on_blur(self) -> None:
        """The cursor's row looks different without it."""
        self.call_later(self._repaint)

    def notify_style_update(self) -> None:
        """Another theme makes every drawn row wrong."""
        super().notify_style_update()
        self._painter.forget()

    # ---- pointer

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down, at once."""
        self._wheel(event, _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up, at once; stops following."""
        self._wheel(event, -_WHEEL)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        event.prevent_default()
        event.stop()
        self._page(by)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a row; a second click opens it."""
        index = self._top + event.get_content_offset_capture(self).y
        if index >= len(self.buffer.shown):
            return
        if index == self._cursor and event.chain > 1:
            self.action_open()
        else:
            self.move_to(index)

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        strip = self._draw(y)
        self._painted[y] = strip
        return strip

    def _draw(self, y: int) -> Strip:
        shown = self.buffer.shown
        if not shown:
            return self._painter.place(self._place, y, self.size.height)
        index = self._top + y
        if index >= len(shown):
            return self._painter.blank()
        return self._painter.event(shown[index], under_cursor=index == self._cursor)


class RowPainter:
    """Draws events in the styles of one widget, which has a component class `log--…` for each tone."""

    def __init__(self, widget: Widget, glyphs: Glyphs) -> None:
        self.widget = widget
        self.glyphs = glyphs
        self.shift = 0
        """Cells by which messages are moved to the left."""
        self.stale = False
        """Draw ordinary text dim."""
        self.late: frozenset[str] = frozenset()
        """Ids of lines that came late."""
        self._columns = columns(0)
        self._strips: LRUCache[int, tuple[LogEvent, Strip]] = LRUCache(_STRIPS)
        self._styles: dict[tuple[str, str], Style] = {}

    def forget(self) -> None:
        """Draw everything anew: the theme, the shift or the state changed."""
        self._strips.clear()
        self._styles.clear()

    @property
    def columns(self) -> Columns:
        """The columns that fit now."""
        width = self.widget.size.width
        if width != self._columns.width:
            self._columns = columns(width, self._columns.today)
            self._strips.clear()
        return self._columns

    def date_from(self, today: date | None) -> bool:
        """Have lines carry their date where it is not this one, or none of them for None; True if that is new."""
        if today == self._columns.today:
            return False
        self._columns = columns(self._columns.width, today)
        self._strips.clear()
        return True

    def event(self, event: LogEvent, *, under_cursor: bool) -> Strip:
        """Return one event as a strip."""
        layout = self.columns
        if under_cursor:
            return self._drawn(event, layout, self.glyphs.step, "cursor" if self.widget.has_focus else "held")
        known = self._strips.get(id(event))
        # The event is kept beside its strip, so the address of a dropped one cannot be taken for another's.
        if known is not None and known[0] is event:
            return known[1]
        strip = self._drawn(event, layout, self.glyphs.inserted if event.id in self.late else " ", "")
        self._strips[id(event)] = (event, strip)
        return strip

    def _drawn(self, event: LogEvent, layout: Columns, marker: str, over: str) -> Strip:
        runs = row(event, layout, marker=marker, shift=self.shift, more=self.glyphs.ellipsis)
        strip = Strip([Segment(text, self._style(tone, over)) for text, tone in runs if text])
        return strip.adjust_cell_length(layout.width, self._style("", over))

    def blank(self) -> Strip:
        """Return an empty row."""
        return Strip.blank(self.widget.size.width, self._style(""))

    def place(self, lines: Place, y: int, height: int) -> Strip:
        """Return row `y` of what stands in an empty list: its lines in the middle."""
        width = self.widget.size.width
        index = y - max(0, (height - len(lines)) // 2)
        if not 0 <= index < len(lines):
            return self.blank()
        taken = sum(longest(text) for text, _ in lines[index])
        segments = [Segment(" " * max(1, (width - taken) // 2), self._style(""))]
        segments += [
            Segment(cells(text, 0, min(width, longest(text))), self._style(tone)) for text, tone in lines[index] if text
        ]
        return Strip(segments).adjust_cell_length(width, self._style(""))

    def _style(self, tone: str, over: str = "") -> Style:
        """Return the style of a tone on the widget's own ground, under the cursor or not."""
        key = (tone, over)
        style = self._styles.get(key)
        if style is None:
            # Under the cursor nothing is dim: the marker and the time are what the eye looks for.
            tone = "" if over and tone == "time" else tone
            style = self._component(tone or ("stale" if self.stale else "text"))
            if over:
                # Whole styles and not partial ones: those lose the share of a colour ("$primary 35%").
                cursor = self._component(over)
                style += Style(bgcolor=cursor.bgcolor, bold=cursor.bold, reverse=cursor.reverse)
            self._styles[key] = style
        return style

    def _component(self, name: str) -> Style:
        return self.widget.get_component_rich_style(f"log--{name}")
