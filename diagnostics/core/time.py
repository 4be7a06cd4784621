"""Time: the present moment, a clock that tests can replace, windows, and how they read in evidence and titles."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Protocol

from diagnostics.core.words import span


def machine_now() -> datetime:
    """The present moment as this machine's own clock has it, aware, in UTC."""
    return datetime.now(UTC)


class ServiceTime:
    """How far the services' clocks are ahead of this machine's, from the Date of every answer. Thread-safe.

    Data is dated by the services: on a machine whose clock is wrong, a window in its own time holds nothing, and
    nothing reads as quiet. The console's clock is therefore theirs.
    """

    KEPT = 5
    """Answers whose median counts: one proxy that dates an answer wrongly moves nothing."""
    NOISE_S = 5.0
    """Date has whole seconds, and answers take a while: what is less is not corrected."""
    SLOWEST_S = 10.0
    """An answer that took longer does not tell at which moment it was dated."""
    MOST_S = 2 * 86_400.0
    """What is more is said, and not believed."""

    def __init__(self) -> None:
        self._ahead: deque[float] = deque(maxlen=self.KEPT)
        self._lock = threading.Lock()

    def note(self, date: str, asked_at: datetime, took_s: float) -> None:
        """One answer: its Date header, when this machine's clock had it asked, and how long it took."""
        from email.utils import parsedate_to_datetime  # noqa: PLC0415  # the first paint tells the time, and reads no answer

        try:
            dated = parsedate_to_datetime(date)
        except (TypeError, ValueError, OverflowError):
            return
        if dated.tzinfo is not None and took_s <= self.SLOWEST_S:
            # Date is cut to its second; it was written at some moment of the exchange.
            ahead = (dated - asked_at).total_seconds() + 0.5 - took_s / 2
            with self._lock:
                self._ahead.append(ahead)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._ahead.clear()

    @property
    def is_known(self) -> bool:
        """Whether any answer has told."""
        return bool(self._ahead)

    @property
    def skew_s(self) -> float:
        """Seconds that the services are ahead, negative when they are behind; 0 while not known, and for noise."""
        with self._lock:
            ordered = sorted(self._ahead)
        ahead = ordered[len(ordered) // 2] if ordered else 0.0
        return ahead if abs(ahead) > self.NOISE_S else 0.0

    @property
    def correction(self) -> timedelta:
        """What is added to this machine's clock."""
        skew_s = self.skew_s
        return timedelta(seconds=skew_s if abs(skew_s) <= self.MOST_S else 0.0)

    def doubt(self, limit_s: float) -> str:
        """For a person: how wrong this machine's clock is; empty within `limit_s` seconds."""
        skew_s = self.skew_s
        if abs(skew_s) <= limit_s:
            return ""
        return f"this machine's clock is {span(abs(skew_s))} {'behind' if skew_s > 0 else 'ahead of'} the services'"


SERVICE_TIME = ServiceTime()
"""A process has one clock, and so has one of these."""


def utc_now() -> datetime:
    """The present moment, aware, in UTC: the services', where this machine's clock differs from theirs."""
    return machine_now() + SERVICE_TIME.correction


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


def dated(at: datetime, beside: datetime, form: str = "%H:%M") -> str:
    """A moment in a list: with its day where that is another than that of the moment it stands beside."""
    return f"{at:%d %b} {at:{form}}" if at.date() != beside.date() else f"{at:{form}}"


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
