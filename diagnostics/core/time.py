"""Time: the present moment, a clock that tests can replace, windows, and how they read in evidence and titles."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from diagnostics.core.words import span


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class Clock(Protocol):
    """Time as a scheduler needs it."""

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...

    def utc(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        """Release the held `condition` until it is notified or `until` (monotonic seconds) has come."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The present moment, aware, in UTC."""
        return utc_now()

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        """Release the held `condition` until it is notified or `until` has come."""
        if until is None:
            condition.wait()
            return
        remaining = until - time.monotonic()
        if remaining > 0:
            condition.wait(remaining)


def window_ending(window_s: float, end: datetime | None = None) -> tuple[datetime, datetime]:
    """Start and end, both aware UTC, of the `window_s` seconds that end at `end` (default: now)."""
    last = (end or utc_now()).astimezone(UTC)
    return last - timedelta(seconds=window_s), last


def window_text(start: datetime, end: datetime, *, now: datetime | None = None) -> str:
    """A window as evidence states it: "last 15 min, to 14:03:22 UTC"; the date is named when it is not today's."""
    last = end.astimezone(UTC)
    today = (now or utc_now()).astimezone(UTC).date()
    moment = f"{last:%H:%M:%S}" if last.date() == today else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"last {span((end - start).total_seconds())}, to {moment} UTC"
