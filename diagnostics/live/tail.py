"""A growing view of one log query: the newest page first, then only what came since, and older pages on demand."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from diagnostics.core.time import utc_now
from diagnostics.core.words import plural, span

if TYPE_CHECKING:
    from diagnostics.models.events import LogPage

LATE_S = 15
"""Datadog indexes some events seconds after their own time: each poll looks back this far again at least."""

WIDE_S = 300
WIDE_EVERY = 5
"""One poll in so many looks back this far: one stream may be later than the logs are that the lag is measured from."""

MOST_SEEN = 20_000
"""Ids that are remembered to tell what is new."""

CATCH_UP = 1_000
"""Events read at most by one later poll: the most that the service gives in one page."""


class _LogSource(Protocol):
    def logs(
        self, query: str, *, window_s: int, end: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> LogPage: ...

    def known_lag_s(self, query: str) -> float: ...


class Tail:
    """Ask it again and again; it remembers how far it has read. Safe to call from one thread at a time per method."""

    def __init__(self, source: _LogSource, query: str, *, window_s: int, page: int = 200) -> None:
        self.query = query
        self.window_s = window_s
        self._source = source
        self._page = page
        self._newest_ms = 0
        self._older: str | None = None
        self._older_end: datetime | None = None
        self._polls = 0
        self._covered_ms = 0
        """Everything from here on has been read: what is new there came late."""
        self._seen: dict[str, None] = {}
        self._latest_s = 0.0
        self.late: dict[str, int] = {}
        """Lines that came behind newer ones: how many seconds after they happened, by id."""
        self.skipped = False
        """True once more events came between two polls than a page holds: lines are missing between those shown."""
        self.reading_older = False
        """True while `older` is under way."""
        self._lock = threading.Lock()

    def newest(self) -> LogPage:
        """The newest events: a page of the window at first, then what came since, and a stretch before it again.

        That stretch is as long as logs are late, and at times longer. Raises SourceFailure. Events may repeat between
        calls; ids tell.
        """
        now = utc_now()
        if not self._polls:
            page = self._source.logs(self.query, window_s=self.window_s, end=now, limit=self._page)
            with self._lock:
                self._older, self._older_end = page.next_cursor, now
            full = page.cut or len(page.events) >= self._page
            self._covered_ms = page.events[-1].timestamp_ms if full and page.events else 0
        else:
            since = int(now.timestamp() - self._newest_ms / 1000) + self._look_back_s()
            window_s = min(self.window_s, since)
            page = self._source.logs(self.query, window_s=window_s, end=now, limit=CATCH_UP)
            if page.next_cursor and page.events and page.events[-1].timestamp_ms > self._newest_ms:
                # A page carries a cursor although nothing is behind it: only what is there was left out.
                cursor = page.next_cursor
                behind = self._source.logs(self.query, window_s=window_s, end=now, cursor=cursor, limit=1)
                if any(event.timestamp_ms > self._newest_ms for event in behind.events):
                    self.skipped, self._covered_ms = True, page.events[-1].timestamp_ms
            self._note_late(page, now)
        self._polls += 1
        self._remember(page)
        if page.events:
            self._newest_ms = max(self._newest_ms, page.events[0].timestamp_ms)
        elif self._newest_ms == 0:
            self._newest_ms = int((now - timedelta(seconds=self.window_s)).timestamp() * 1000)
        return page

    def _look_back_s(self) -> int:
        """How much of what has been read is read again, seconds."""
        wide = WIDE_S if self._polls % WIDE_EVERY == 0 else 0
        return round(max(LATE_S, wide, self._source.known_lag_s(self.query) + LATE_S, self._latest_s + LATE_S))

    def _note_late(self, page: LogPage, now: datetime) -> None:
        """What is new and stands behind newer lines came late, unless it is as young as a line may be."""
        now_ms = int(now.timestamp() * 1_000)
        for event in page.events:
            after_s = (now_ms - event.timestamp_ms) // 1_000
            between = self._covered_ms < event.timestamp_ms < self._newest_ms
            if between and after_s > LATE_S and event.id and event.id not in self._seen:
                self.late[event.id] = after_s
                self._latest_s = min(float(self.window_s), max(self._latest_s, float(after_s)))

    def _remember(self, page: LogPage) -> None:
        self._seen |= dict.fromkeys(event.id for event in reversed(page.events))
        for held in (self._seen, self.late):
            for name in list(held)[: max(0, len(held) - MOST_SEEN)]:
                del held[name]

    def came_late(self) -> str:
        """How many lines came late, and how late, for a person; empty while none has."""
        return f"{plural(len(self.late), 'line')} came up to {span(max(self.late.values()))} late" if self.late else ""

    @property
    def has_older(self) -> bool:
        """True while the window holds events older than those read."""
        return self._older is not None

    def older(self) -> LogPage | None:
        """The page before the oldest one read, or None when the window is exhausted. Raises SourceFailure."""
        with self._lock:
            cursor, end = self._older, self._older_end
            if cursor is None or self.reading_older:
                return None
            self.reading_older = True
        try:
            page = self._source.logs(self.query, window_s=self.window_s, end=end, cursor=cursor, limit=self._page)
            with self._lock:
                self._older = page.next_cursor
        finally:
            self.reading_older = False
        return page
