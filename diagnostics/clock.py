"""Time as live questions need it: monotonic for scheduling, UTC for showing, and a wait that can be replaced."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Protocol

from diagnostics.now import utc_now


class Clock(Protocol):
    """What a scheduler needs to know about time."""

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
