"""The clock of the services that this process plays; it may differ from the machine's, as a console's own may."""

from __future__ import annotations

import time
from collections.abc import Callable

_ahead_s = 0.0


def set_ahead(seconds: float) -> None:
    """Put the services' clock so many seconds ahead of the machine's, or behind it where negative."""
    global _ahead_s  # noqa: PLW0603  # a process plays one world, and a world has one clock
    _ahead_s = seconds


def now_s() -> float:
    """The present in the services' time, seconds since the epoch."""
    return time.time() + _ahead_s


def now_ms() -> int:
    """The present in the services' time, milliseconds since the epoch."""
    return int(now_s() * 1_000)


def kept_clock() -> Callable[[], float]:
    """A clock that goes on as the services' is set now: that of the databases, which nobody sets while they run.

    Rows that were written two hours ahead would still be there when the services' clock is right again.
    """
    ahead_s = _ahead_s
    return lambda: time.time() + ahead_s
