"""Stops a drain whose events fail for another reason than the rate. HTTP 429 is the pacer's, and not counted here.

Pure: moments are monotonic seconds, given by the caller.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from diagnostics.recovery.pacer import Answer, Outcome


@dataclass(slots=True, frozen=True)
class BreakerRules:
    """When bulk work is interrupted, and for how long."""

    failing_share: float = 0.10
    window_s: float = 60.0
    least: int = 10
    """With fewer outcomes than these, a share says nothing."""
    open_s: float = 60.0


class Breaker:
    """Closed: events go. Open: none goes for a while. Then one goes, and what becomes of it decides."""

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.opened = 0
        """How often it has opened."""
        self._ended: deque[tuple[float, bool]] = deque()
        """When outcomes were heard, and whether they failed."""
        self._failed = 0
        self._open_until: float | None = None
        self._trial_sent = False
        self._opened_at = 0.0

    def due(self, now: float) -> float | None:
        """The moment from which an event may go; None while one that was sent on trial has not ended."""
        if self._open_until is None:
            return now
        if self._trial_sent:
            return None
        return max(now, self._open_until)

    def sent(self) -> None:
        """An event goes."""
        if self._open_until is not None:
            self._trial_sent = True

    def withdrawn(self) -> None:
        """An event that was counted as sent was not: another one goes on trial."""
        self._trial_sent = False

    @property
    def open_until(self) -> float | None:
        """While it is open: the moment from which one event goes on trial; None while it is closed."""
        return self._open_until

    def heard(self, outcome: Outcome) -> None:
        """An event has ended."""
        if outcome.answer is Answer.LIMITED:
            if self._trial_sent and outcome.sent_at > self._opened_at:
                self._trial_sent = False
            return
        failed = outcome.answer is Answer.FAILED
        if self._open_until is not None:
            if self._trial_sent and outcome.sent_at > self._opened_at:
                self._judge_trial(outcome.heard_at, failed)
            return
        self._ended.append((outcome.heard_at, failed))
        self._failed += failed
        while self._ended and self._ended[0][0] <= outcome.heard_at - self.rules.window_s:
            self._failed -= self._ended.popleft()[1]
        if len(self._ended) >= self.rules.least and self._failed >= self.rules.failing_share * len(self._ended):
            self._open(outcome.heard_at)

    def _judge_trial(self, now: float, failed: bool) -> None:
        if failed:
            self._open(now)
            return
        self._open_until = None
        self._trial_sent = False

    def _open(self, now: float) -> None:
        self.opened += 1
        self._opened_at = now
        self._open_until = now + self.rules.open_s
        self._trial_sent = False
        self._ended.clear()
        self._failed = 0
