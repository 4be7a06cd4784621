"""When the next event of a drain may go: what ladder, breaker and pacer say together. Pure."""

from __future__ import annotations

from diagnostics.recovery.breaker import Breaker, BreakerRules
from diagnostics.recovery.ladder import RUNGS, Ladder
from diagnostics.recovery.pacer import Outcome, Pacer, PaceRules


class Feeding:
    """One drain. Moments are monotonic seconds, given by the caller."""

    def __init__(self, pace: PaceRules, now: float, *, rungs: tuple[int, ...] = RUNGS) -> None:
        self.pacer = Pacer(pace, now)
        self.breaker = Breaker(BreakerRules())
        self.ladder = Ladder(rungs)

    def due(self, now: float) -> float | None:
        """The moment from which the next event may go; None while an outcome has to be heard first, or for good."""
        if not self.ladder.open():
            return None
        allowed = self.breaker.due(now)
        paced = self.pacer.due(now)
        return None if allowed is None or paced is None else max(allowed, paced)

    def sent(self, now: float) -> None:
        """One event goes."""
        self.pacer.sent(now)
        self.breaker.sent()
        self.ladder.sent()

    def withdrawn(self) -> None:
        """One event that was counted as sent was not: it stayed, or had moved on before."""
        self.pacer.withdrawn()
        self.breaker.withdrawn()
        self.ladder.withdrawn()

    def heard(self, outcome: Outcome) -> None:
        """One event has ended."""
        self.pacer.heard(outcome)
        self.breaker.heard(outcome)
        self.ladder.heard(outcome)
