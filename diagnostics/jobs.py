"""Long questions: they report how far they are, end when asked to, and know how long they may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnostics.failures import FailureKind, SourceFailure


@dataclass(slots=True, frozen=True)
class Progress:
    """How far a long question is."""

    done: int
    total: int | None
    """None while nobody knows."""
    unit: str = ""
    """e.g. "accounts"."""


class Job:
    """One long question, seen from both sides: the asker cancels, the answerer reports. Safe from any thread."""

    def __init__(self, report: Callable[[Progress], None] | None = None, *, limit_s: float | None = None) -> None:
        self._report = report
        self._cancelled = threading.Event()
        self._ends = None if limit_s is None else time.monotonic() + limit_s

    def report(self, done: int, total: int | None, unit: str = "") -> None:
        """Tell the asker how far it is; cheap enough for every step."""
        if self._report is not None:
            self._report(Progress(done, total, unit))

    def cancel(self) -> None:
        """Ask it to end. What was found so far may still be answered."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """True once somebody asked it to end."""
        return self._cancelled.is_set()

    def left_s(self, most: float) -> float:
        """Seconds left before the deadline, at most `most`; 0 when it has passed."""
        if self._ends is None:
            return most
        return max(0.0, min(most, self._ends - time.monotonic()))

    @property
    def is_over(self) -> bool:
        """True when it was cancelled or its time is up."""
        return self.is_cancelled or (self._ends is not None and time.monotonic() >= self._ends)

    def raise_if_cancelled(self, source: str) -> None:
        """Raise `SourceFailure` (cancelled) when somebody asked it to end."""
        if self.is_cancelled:
            raise SourceFailure(FailureKind.CANCELLED, source, "ended because you asked for it")

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until cancelled; returns whether it was cancelled."""
        return self._cancelled.wait(seconds)
