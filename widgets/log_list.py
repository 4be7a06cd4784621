"""LogList: a hundred thousand log events in a pane, following the newest, filtered without holding up a key."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from textual import events
from textual.timer import Timer

from widgets.log_buffer import AT_ONCE, CAPACITY, Predicate
from widgets.log_view import LogState, LogView

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

__all__ = ["LogList", "LogState"]

REPAINT_INTERVAL = 0.25
"""Seconds between two repaints of a busy tail: four a second are as readable as sixty."""

BYTES_PER_SECOND = 34_000
"""What following may cost on a slow link; a large terminal is repainted less often to stay below it."""

_SLICE = 0.006
_PAUSE = 0.002


class LogList(LogView):
    """Log events, oldest at the top. It fetches nothing: `add` hands it events, in any order, each shown once."""

    def __init__(
        self,
        *,
        ascii: bool = False,  # noqa: A002  # the flag's name everywhere
        capacity: int = CAPACITY,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(ascii=ascii, capacity=capacity, id=id, classes=classes)
        self.filter_text = ""
        self._incoming: list[LogEvent] = []
        self._flush_timer: Timer | None = None
        self._read_timer: Timer | None = None
        self._flushed_at = 0.0
        self._interval = REPAINT_INTERVAL

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

    def follow(self) -> None:
        """Go to the newest row, what has just arrived included, and stay with it."""
        self.flush()
        super().follow()

    def on_resize(self, event: events.Resize) -> None:
        """Put what has arrived meanwhile into the rows that the view is about to lay out anew."""
        del event
        self.flush()
        self._start_reading()
