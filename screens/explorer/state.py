"""State of the log explorer between two paints: query, stretch of time, pins, and the values that are counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.explorer.facets import FacetCounter
    from diagnostics.models.events import LogEvent
    from diagnostics.models.explorer import Facet
    from screens.base import ScreenHost

ZOOM = 4
"""Each step of zooming shows this many times less, or more, of the time."""

SHORTEST = timedelta(seconds=10)
LONGEST = timedelta(days=15)
"""As far back as logs are kept."""

SHOWN_FACETS = (
    "service",
    "status",
    "@context.account_id",
    "@http.status_code",
    "@context.method",
    "@context.errorCode",
)
"""Attributes that the side panel counts first, where lines carry them."""

MOST_FACETS = 12

TimeRange = tuple[datetime, datetime]


@dataclass(slots=True)
class ExplorerState:
    """Plain data and the arithmetic of time; knows no widget."""

    query: str
    window_s: int = 900
    fixed: TimeRange | None = None
    """A stretch that does not move; None follows the newest lines of the window."""
    before: list[TimeRange | None] = field(default_factory=list)
    """Ranges shown before each zooming in."""
    pins: dict[str, LogEvent] = field(default_factory=dict)

    def shown(self, now: datetime) -> TimeRange:
        """The stretch of time on screen."""
        return self.fixed or (now - timedelta(seconds=self.window_s), now)

    def zoom_in(self, around_ms: int, now: datetime) -> None:
        """Show a quarter of the time, around a moment and inside what was shown."""
        start, end = self.shown(now)
        length = max(SHORTEST, (end - start) / ZOOM)
        middle = datetime.fromtimestamp(around_ms / 1000, UTC)
        begin = max(start, min(middle - length / 2, end - length))
        self.before.append(self.fixed)
        self.fixed = (begin, min(end, begin + length))

    def zoom_out(self, now: datetime) -> bool:
        """Back to what was shown before zooming in, else four times the time; False when that is all there is."""
        if self.before:
            self.fixed = self.before.pop()
            return True
        start, end = self.shown(now)
        length = min(LONGEST, (end - start) * ZOOM)
        if length <= end - start:
            return False
        if self.fixed is None:
            self.window_s = int(length.total_seconds())
            return True
        middle = start + (end - start) / 2
        last = min(now, middle + length / 2)
        self.fixed = (last - length, last)
        return True

    def live(self) -> None:
        """Follow the newest lines again."""
        self.fixed = None
        self.before.clear()

    def toggle_pin(self, event: LogEvent) -> bool:
        """Pin a line, or take the pin out; True when it is pinned now."""
        if self.pins.pop(event.id, None) is not None:
            return False
        self.pins[event.id] = event
        return True

    def memory(self) -> dict[str, object]:
        """State that a session keeps: JSON types only."""
        fixed = None if self.fixed is None else [round(moment.timestamp() * 1000) for moment in self.fixed]
        return {"window_s": self.window_s, "fixed": fixed}

    def recall(self, memory: Mapping[str, object]) -> None:
        """Take it back; what does not fit is left alone."""
        window, fixed = memory.get("window_s"), memory.get("fixed")
        if isinstance(window, int) and 0 < window <= LONGEST.total_seconds():
            self.window_s = window
        if isinstance(fixed, list) and len(fixed) == 2 and all(isinstance(one, int) for one in fixed):
            try:
                start, end = (datetime.fromtimestamp(one / 1000, UTC) for one in fixed)
            except (OverflowError, OSError, ValueError):
                return
            if timedelta(0) < end - start <= LONGEST:
                self.fixed = (start, end)


def range_words(shown: TimeRange) -> str:
    """A stretch of time for a title, e.g. "14:02:30–14:06:15" or with days where it spans them."""
    start, end = shown
    if start.date() != end.date():
        return f"{start:%d %b %H:%M}–{end:%d %b %H:%M}"
    return f"{start:%H:%M:%S}–{end:%H:%M:%S}"


class ValueCounts:
    """How often the values of attributes occur in the lines loaded; and, where somebody asked, in all lines."""

    def __init__(self, host: Callable[[], ScreenHost], changed: Callable[[], None]) -> None:
        self.host = host
        self.changed = changed
        """Called when there is something else to show."""
        self.counter: FacetCounter | None = None
        """Counts so far; None before the first lines."""
        self._exact: dict[str, Facet] = {}
        self._waiting: list[LogEvent] = []
        self._seen: set[str] = set()
        self._busy = False
        self._question = 0

    def start_over(self) -> None:
        """Forget everything: another query has been asked."""
        self.counter, self._exact, self._waiting, self._seen = None, {}, [], set()
        self._question += 1

    def counter_now(self) -> FacetCounter:
        """Counts so far; empty before the first lines."""
        from diagnostics.explorer.facets import FacetCounter  # noqa: PLC0415  # after the lines are on screen

        return self.counter or FacetCounter()

    def add(self, events: Sequence[LogEvent]) -> None:
        """Count lines. A tail reads its last seconds again and again; each line is counted once."""
        fresh = {event.id: event for event in events if event.id not in self._seen}
        self._seen |= fresh.keys()
        self._waiting += fresh.values()
        self._count()

    def _count(self) -> None:
        """Count in a thread: a thousand lines hold twenty thousand values."""
        if self._busy or not self._waiting:
            return
        self._busy = True
        counter, question = self.counter_now(), self._question
        batch, self._waiting = self._waiting, []

        def counted(_done: None) -> None:
            self._busy = False
            if question == self._question:
                self.counter = counter
                self.changed()
            self._count()

        self.host().quietly(lambda: counter.add(batch), counted)

    def put_exact(self, facet: Facet) -> None:
        """Take an attribute that the service has counted over all lines."""
        self._exact[facet.name] = facet
        self.changed()

    def facet(self, name: str) -> Facet | None:
        """The counts of one attribute; None before anything has been counted."""
        if name in self._exact:
            return self._exact[name]
        return self.counter.facet(name) if self.counter is not None else None

    def shown(self) -> list[Facet] | None:
        """The attributes to show, those of most use first; None before anything has been counted."""
        counter = self.counter
        if counter is None:
            return None
        names = counter.names()
        chosen = [name for name in SHOWN_FACETS if name in names]
        chosen += [name for name in (*self._exact, *names) if name not in chosen]
        return [self._exact.get(name) or counter.facet(name) for name in chosen[:MOST_FACETS]]
