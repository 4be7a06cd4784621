"""A clock that moves only when a test says so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2025, 11, 17, 14, 0, tzinfo=UTC)


class ManualClock:
    """Implements `diagnostics.core.time.Clock`; `advance` wakes everything whose moment has come."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._conditions: set[threading.Condition] = set()

    def monotonic(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return START + timedelta(seconds=self._now - 1_000.0)

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        # Registered before looking at the time: an advance in between then either is seen here or notifies.
        self._conditions.add(condition)
        if until is None or self._now < until:
            condition.wait()

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for condition in tuple(self._conditions):
            with condition:
                condition.notify_all()
