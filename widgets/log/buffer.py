"""The events a log list holds: in order of time, each once, never more than the cap, and those that pass the filter.

Plain data without a terminal, so that its arithmetic can be tested at a hundred thousand events.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING

from widgets.log.line import is_severe

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

Predicate = Callable[["LogEvent"], bool]

CAPACITY = 100_000
"""Events kept; older ones are dropped, and the list says so."""

AT_ONCE = 5_000
"""Events filtered in one go; more are filtered in slices between key presses."""

_BLOCK = 128
_moment = attrgetter("timestamp_ms")


class LogBuffer:
    """Events, oldest first, and the ones to show."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = max(1, capacity)
        self.events: list[LogEvent] = []
        self.shown: list[LogEvent] = self.events
        """The events that pass the filter; the same list as `events` when there is none."""
        self.predicate: Predicate | None = None
        self.dropped = 0
        """Events lost to the cap since the last `clear`."""
        self._ids: set[str] = set()
        self._unread: list[LogEvent] = []
        self._found: list[LogEvent] = []
        self._to_read = 0

    def __len__(self) -> int:
        return len(self.events)

    def clear(self) -> None:
        """Forget every event; the filter stays."""
        self.events = []
        self.shown = self.events if self.predicate is None else []
        self.dropped = 0
        self._ids = set()
        self._stop_reading()

    # ---- events in

    def accept(self, batch: Iterable[LogEvent]) -> list[LogEvent]:
        """Return the events not seen before, oldest first, and remember their ids. They are not in the list yet.

        Pages come newest first: events of one millisecond are turned round with the rest, so their order survives.
        An event without an id cannot be told from another and is always taken.
        """
        ids = self._ids
        fresh = []
        for event in batch:
            identity = event.id
            if identity:
                if identity in ids:
                    continue
                ids.add(identity)
            fresh.append(event)
        if fresh and fresh[0].timestamp_ms > fresh[-1].timestamp_ms:
            fresh.reverse()
        fresh.sort(key=_moment)
        return fresh

    def merge(self, fresh: list[LogEvent]) -> int:
        """Put accepted events in their places, drop what the cap forbids; return how many rows to show came to it.

        With a filter, more events than can be judged at once wait for `read`.
        """
        if not fresh:
            return 0
        _merge(self.events, fresh)
        added = len(fresh)
        if self.predicate is not None:
            added = self._judge(fresh)
        self._drop()
        return added

    def _judge(self, fresh: list[LogEvent]) -> int:
        if self.predicate is None or len(fresh) > AT_ONCE or self._unread:
            _merge(self._unread, fresh)
            self._to_read += len(fresh)
            return 0
        passed = list(filter(self.predicate, fresh))
        _merge(self.shown, passed)
        return len(passed)

    def _drop(self) -> None:
        excess = len(self.events) - self.capacity
        if excess <= 0:
            return
        gone = self.events[:excess]
        del self.events[:excess]
        self._ids.difference_update(event.id for event in gone)
        self.dropped += excess
        for part in (self.shown, self._unread, self._found):
            if part is not self.events:
                _drop_head(part, gone)

    # ---- filter

    def set_predicate(self, predicate: Predicate | None) -> None:
        """Show only what passes `predicate`, or everything; call `read` until it returns False."""
        self.predicate = predicate
        self._stop_reading()
        if predicate is None:
            self.shown = self.events
            return
        self.shown = []
        self._unread = self.events.copy()
        self._to_read = len(self._unread)

    def read(self, seconds: float | None = None) -> bool:
        """Judge waiting events, newest first, for about that long, or all of them; return whether some still wait.

        What passes is kept aside until `publish`, so that rows never change between two repaints.
        """
        predicate = self.predicate
        if predicate is None:
            return False
        unread = self._unread
        found: list[LogEvent] = []
        until = None if seconds is None else perf_counter() + seconds
        while unread:
            block = unread[-_BLOCK:]
            del unread[-_BLOCK:]
            block.reverse()
            found.extend(filter(predicate, block))
            if until is not None and perf_counter() >= until:
                break
        found.reverse()
        _merge(self._found, found, before=True)
        return bool(unread)

    def publish(self) -> int:
        """Show what `read` found; return how many rows that added."""
        found, self._found = self._found, []
        if not self._unread:
            self._to_read = 0
        _merge(self.shown, found, before=True)
        return len(found)

    @property
    def reading(self) -> bool:
        """True while events wait to be judged or to be published."""
        return bool(self._unread or self._found)

    @property
    def progress(self) -> float | None:
        """Share of the waiting events that has been judged, 0–1; None when nothing waits."""
        if not self._unread or not self._to_read:
            return None
        return 1 - len(self._unread) / self._to_read

    def _stop_reading(self) -> None:
        self._unread = []
        self._found = []
        self._to_read = 0

    # ---- places

    def index_of(self, event: LogEvent) -> int | None:
        """Return the row of this very event among the shown, or None."""
        shown = self.shown
        index = bisect_left(shown, event.timestamp_ms, key=_moment)
        while index < len(shown) and shown[index].timestamp_ms == event.timestamp_ms:
            if shown[index] is event:
                return index
            index += 1
        return None

    def nearest(self, event: LogEvent) -> int:
        """Return the row of `event`, or of the one that would stand where it stood; -1 when nothing is shown."""
        if not self.shown:
            return -1
        index = self.index_of(event)
        if index is None:
            index = bisect_left(self.shown, event.timestamp_ms, key=_moment)
        return min(index, len(self.shown) - 1)

    def next_severe(self, index: int, step: int) -> int | None:
        """Return the first row beyond `index` in the direction of `step` (1 or -1) with an error or worse, or None."""
        rows: Sequence[int] = range(index + 1, len(self.shown)) if step > 0 else range(index - 1, -1, -1)
        shown = self.shown
        return next((row for row in rows if is_severe(shown[row])), None)


def _merge(into: list[LogEvent], fresh: list[LogEvent], *, before: bool = False) -> None:
    """Put sorted events into a sorted list, after those of the same millisecond or before them."""
    if not fresh:
        return
    first, last = fresh[0].timestamp_ms, fresh[-1].timestamp_ms
    if not into or first > into[-1].timestamp_ms or (first == into[-1].timestamp_ms and not before):
        into.extend(fresh)
    elif last < into[0].timestamp_ms or (last == into[0].timestamp_ms and before):
        into[:0] = fresh
    else:
        start = bisect_left(into, first, key=_moment)
        tail = [*fresh, *into[start:]] if before else [*into[start:], *fresh]
        tail.sort(key=_moment)
        into[start:] = tail


def _drop_head(part: list[LogEvent], gone: Iterable[LogEvent]) -> None:
    """Remove the events at the start of `part` that are among `gone`."""
    names = set(map(id, gone))
    count = 0
    while count < len(part) and id(part[count]) in names:
        count += 1
    del part[:count]
