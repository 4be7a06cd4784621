"""The first events of a drain go in rungs of 1, 2, 5, 20, 50 and 200: each waits for the outcomes of the one before.

A rung that fails ends the drain there: a mistake then costs one event, or three, and not a backlog. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.recovery.pacer import Answer, Outcome

RUNGS = (1, 2, 5, 20, 50, 200)

FAILING_SHARE = 0.10
"""A rung fails when at least this share of its events ends in anything but success or HTTP 429."""


class Ladder:
    """Counts what was sent and heard of the present rung."""

    def __init__(self, rungs: Sequence[int] = RUNGS) -> None:
        self._rungs = tuple(rungs)
        self.rung = 0
        """The present rung, from 0; their number once all have been climbed."""
        self.failed_rung: int | None = None
        """The rung whose events failed; nothing goes after that."""
        self._sent = self._heard = self._failed = 0

    @property
    def climbed(self) -> bool:
        """True once every rung has ended well."""
        return self.rung >= len(self._rungs)

    def open(self) -> bool:
        """Whether the present rung has room for one more event."""
        return self.failed_rung is None and (self.climbed or self._sent < self._rungs[self.rung])

    def sent(self) -> None:
        """An event goes."""
        self._sent += 1

    def withdrawn(self) -> None:
        """An event that was counted as sent was not: another one takes its place on the rung."""
        self._sent = max(0, self._sent - 1)

    def heard(self, outcome: Outcome) -> None:
        """An event has ended."""
        if self.climbed or self.failed_rung is not None:
            return
        self._heard += 1
        self._failed += outcome.answer is Answer.FAILED
        size = self._rungs[self.rung]
        if self._heard < size:
            return
        if self._failed >= FAILING_SHARE * size:
            self.failed_rung = self.rung
            return
        self.rung += 1
        self._sent = self._heard = self._failed = 0
