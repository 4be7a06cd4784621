"""Reading one fixed stretch of time, page by page; the live counterpart is `diagnostics.live.tail`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from diagnostics.models.events import LogPage


class PageSource(Protocol):
    """Whoever answers a page between two moments."""

    def page(
        self, query: str, *, start: datetime, end: datetime, cursor: str | None = None, limit: int = 200
    ) -> LogPage:
        """One page, newest first."""


class RangeReader:
    """Newest page first, older ones on demand. Safe to call from one thread at a time per method."""

    skipped = False
    """Nothing is left out of a range that is read page by page."""

    late: ClassVar[Mapping[str, int]] = {}
    """What has come is in its place."""

    def __init__(self, source: PageSource, query: str, start: datetime, end: datetime, *, page: int = 200) -> None:
        self.query = query
        self._source = source
        self._start = start
        self._end = end
        self._page = page
        self._older: str | None = None
        self._lock = threading.Lock()
        self.reading_older = False

    def newest(self) -> LogPage:
        """The newest page of the range. Raises SourceFailure."""
        page = self._source.page(self.query, start=self._start, end=self._end, limit=self._page)
        with self._lock:
            self._older = page.next_cursor
        return page

    @staticmethod
    def came_late() -> str:
        """Nothing that anybody waited for."""
        return ""

    @property
    def has_older(self) -> bool:
        """True while the range holds events older than those read."""
        return self._older is not None

    def older(self) -> LogPage | None:
        """The page before the oldest one read, or None when the range is exhausted. Raises SourceFailure."""
        with self._lock:
            cursor = self._older
            if cursor is None or self.reading_older:
                return None
            self.reading_older = True
        try:
            page = self._source.page(self.query, start=self._start, end=self._end, cursor=cursor, limit=self._page)
            with self._lock:
                self._older = page.next_cursor
        finally:
            self.reading_older = False
        return page
