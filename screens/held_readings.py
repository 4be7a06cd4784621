"""Readings that a screen holds between two paints; among them the two that levels 2 and 3 both show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from diagnostics.core.failures import FailureKind, SourceFailure
from widgets import wording
from widgets.rows.resolution import Bands

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.core.waiting import Job, Progress
    from diagnostics.models.health import Resolution
    from diagnostics.models.readings import Reading

RESOLUTION, SYSTEMS = "health:resolution", "health:systems"
"""Live readings of level 2 that level 3 shows as well."""


@dataclass(slots=True)
class HeldReadings:
    """The newest reading of each key. Plain data; knows no widget."""

    KEYS: ClassVar[tuple[str, ...]] = ()
    """The readings that are kept; others are none of this screen's."""

    readings: dict[str, Reading[Any]] = field(default_factory=dict)

    def take(self, reading: Reading[Any]) -> bool:
        """Keep a reading; False when it is older than the one held, or none of this screen's."""
        held = self.readings.get(reading.key)
        if reading.key not in self.KEYS or (held is not None and reading.sequence < held.sequence):
            return False
        self.readings[reading.key] = reading
        return True

    def reading(self, key: str) -> Reading[Any] | None:
        """The newest reading of a key."""
        return self.readings.get(key)

    def value(self, key: str) -> Any:  # noqa: ANN401  # each property names its own type
        """The value of the newest reading; None while there is none."""
        reading = self.readings.get(key)
        return None if reading is None else reading.value

    def doubt(self, key: str, now: datetime) -> str:
        """That what is shown of a key is old, and why; empty when it is not."""
        reading = self.readings.get(key)
        if reading is None or not wording.is_stale(reading):
            return ""
        return f"OLD: asked {wording.aged(reading, now)} ago; {reading.failure}"

    def is_stale(self, key: str) -> bool:
        """Whether what is shown of a key is old."""
        reading = self.readings.get(key)
        return reading is not None and wording.is_stale(reading)


def resolution_bands(catalogue: Catalogue) -> Bands:
    """How far a share may be from its baseline. A limit that a team has taken away is taken from the next one."""
    limits = catalogue.thresholds["resolution_share"]
    outer = limits.critical or limits.warning or limits.healthy or 1.0
    inner = limits.warning or outer
    return Bands(limits.healthy or inner, inner, outer)


class ResolutionFanOut:
    """The resolution question as the live scheduler asks it: with progress, and with an end when a person wants one.

    After a person has ended it, it is not asked again by itself until `again` says so: whoever cancels a question over
    thousands of databases does not want it back half a minute later.
    """

    def __init__(self, ask: Callable[[Job], Resolution], moved: Callable[[], None], *, refresh_s: float) -> None:
        self._ask = ask
        self._moved = moved
        self._refresh_s = refresh_s
        self._lock = Lock()
        self._job: Job | None = None
        self._ended = False
        self.progress: Progress | None = None
        """How far it is; None while it is not running, or has nothing to tell."""

    def ask(self) -> Resolution:
        """Ask once, in a worker thread. Raises SourceFailure."""
        from diagnostics.core.waiting import Job  # noqa: PLC0415

        with self._lock:
            if self._ended:
                raise self._cancelled()
            job = self._job = Job(self._note)
        try:
            return self._ask(job)
        except SourceFailure as failure:
            if failure.kind is FailureKind.CANCELLED and job.is_cancelled:
                raise self._cancelled() from failure
            raise
        finally:
            with self._lock:
                self._job, self.progress = None, None
            self._moved()

    def _cancelled(self) -> SourceFailure:
        # The wait keeps the scheduler from asking again soon; asking by hand does not wait for it.
        return SourceFailure(
            FailureKind.CANCELLED,
            "fan-out",
            "ended because you asked for it",
            remedy="r asks again",
            retry_after=self._refresh_s,
        )

    def _note(self, progress: Progress) -> None:
        self.progress = progress
        self._moved()

    @property
    def is_running(self) -> bool:
        """True while it is being asked."""
        return self._job is not None

    def cancel(self) -> bool:
        """End it; what was found so far may still arrive. False when it was not running."""
        with self._lock:
            if self._job is None:
                return False
            self._ended = True
            self._job.cancel()
            return True

    def again(self) -> None:
        """Ask anew at a person's wish."""
        with self._lock:
            self._ended = False
