"""A growing view of one log query: the newest page first, then only what came since, and older pages on demand."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from diagnostics.core.time import utc_now

if TYPE_CHECKING:
    from diagnostics.models.events import LogPage

LATE_S = 15
"""Datadog indexes some events seconds after their own time: each poll looks back this far again."""

CATCH_UP = 1_000
"""Events read at most by one later poll: the most that the service gives in one page."""


class _LogSource(Protocol):
    def logs(
        self, query: str, *, window_s: int, end: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> LogPage: ...


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
        self._read_once = False
        self.skipped = False
        """True once more events came between two polls than a page holds: lines are missing between those shown."""
        self.reading_older = False
        """True while `older` is under way."""
        self._lock = threading.Lock()

    def newest(self) -> LogPage:
        """The newest events: a page of the window at first, then what came since, `LATE_S` of it again.

        Raises SourceFailure. Events may repeat between calls; ids tell.
        """
        now = utc_now()
        if not self._read_once:
            page = self._source.logs(self.query, window_s=self.window_s, end=now, limit=self._page)
            with self._lock:
                self._older, self._older_end, self._read_once = page.next_cursor, now, True
        else:
            since = max(LATE_S, int(now.timestamp() - self._newest_ms / 1000) + LATE_S)
            window_s = min(self.window_s, since)
            page = self._source.logs(self.query, window_s=window_s, end=now, limit=CATCH_UP)
            if page.next_cursor and page.events[-1].timestamp_ms > self._newest_ms:
                # A page carries a cursor although nothing is behind it: only what is there was left out.
                cursor = page.next_cursor
                behind = self._source.logs(self.query, window_s=window_s, end=now, cursor=cursor, limit=1)
                self.skipped = self.skipped or any(event.timestamp_ms > self._newest_ms for event in behind.events)
        if page.events:
            self._newest_ms = max(self._newest_ms, page.events[0].timestamp_ms)
        elif self._newest_ms == 0:
            self._newest_ms = int((now - timedelta(seconds=self.window_s)).timestamp() * 1000)
        return page

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
