"""Which events a query selects: judged once per prototype where that is enough, remembered, extended as time passes."""

from __future__ import annotations

import re
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import compress

from diagnostics.models.events import LogEvent
from sandbox.timeline import Timeline

REMEMBERED = 128
"""Queries kept with their matches, about 4 bytes a match."""

# Events of one prototype differ in id, time and correlation id. Only a query (or facet) whose text could tell them
# apart, be it through a wildcard in an attribute's name or a search over all attributes, is evaluated event by event.
_SINGLES = re.compile(r"correlation|\*:|[*?][\w.]*:|(?<![\w.])@?_?(?:id|timestamp|date|time)\s*(?::|$)", re.IGNORECASE)
# Generated correlation ids are 36 hexadecimal digits and hyphens, so a term that asks for any other constant, or for
# mere existence, gives the same answer for all of them. This is what makes the agent resolution query cheap.
_SAME_FOR_ALL = re.compile(r"@correlation_id:(?:\*|(?![0-9a-fA-F-]{36}(?![\w-]))[\w-]+)(?=$|[\s)])")


def tells_events_apart(text: str) -> bool:
    """Return whether a query or a facet could give two events of one prototype different answers."""
    return _SINGLES.search(_SAME_FOR_ALL.sub("", text).replace("\\", "")) is not None


class Matches:
    """Positions of the events that one query selects, ascending, for the one stretch of time asked about so far."""

    def __init__(self, timeline: Timeline, query: str, predicate: Callable[[LogEvent], bool]) -> None:
        self._timeline = timeline
        self._predicate = predicate
        self._by_event = tells_events_apart(query)
        self._positions = array("I")
        self._low = self._high = 0
        self._verdicts: tuple[bool, ...] = ()
        self._lock = threading.Lock()

    def span(self, low: int, high: int) -> array[int]:
        """Return the selected positions at or after `low` and before `high`."""
        with self._lock:
            if self._low == self._high:
                self._low = self._high = low
            if low < self._low:
                self._positions = array("I", self._select(low, self._low)) + self._positions
                self._low = low
            if high > self._high:
                self._positions.extend(self._select(self._high, high))
                self._high = high
            found = self._positions
            return found[bisect_left(found, low) : bisect_left(found, high)]

    def _select(self, low: int, high: int) -> Iterable[int]:
        timeline = self._timeline
        if self._by_event:
            return [position for position in range(low, high) if self._predicate(timeline.event(position))]
        if not self._verdicts:
            self._verdicts = tuple(self._predicate(sample) for sample in timeline.samples())
        return compress(range(low, high), map(self._verdicts.__getitem__, timeline.kinds[low:high]))


class QueryCache:
    """The most recently used queries with their matches."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._kept: OrderedDict[str, Matches] = OrderedDict()
        self._lock = threading.Lock()

    def matches(self, query: str) -> Matches:
        """Return the matches of a query; raises `diagnostics.logs.QuerySyntaxError` when it cannot be read."""
        with self._lock:
            kept = self._kept.pop(query, None)
        if kept is None:
            # Listening must not wait for the grammar.
            from diagnostics.logs import compile_query  # noqa: PLC0415

            kept = Matches(self._timeline, query, compile_query(query))
        with self._lock:
            self._kept[query] = kept
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return kept
