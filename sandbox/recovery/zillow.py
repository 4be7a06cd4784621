"""The endpoint that takes webhook events, as a stand-in: a token bucket that live traffic shares, and what it took.

It answers 200, or 429 with a Retry-After in whole seconds (RFC 9110), or 503 while it is down. Requests and effects are
counted by event, apart: an event that has more than one effect was delivered twice.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from dataclasses import dataclass

from diagnostics.core.failures import UserError

_SPEC = re.compile(r"(\d{1,6}(?:\.\d+)?)/(\d{1,6})(?:/(\d{1,6}(?:\.\d+)?))?")

TAKEN, LIMITED, DOWN = 200, 429, 503


@dataclass(slots=True, frozen=True)
class Limit:
    """What the endpoint takes."""

    rate: float = 20.0
    """Requests a second."""
    burst: float = 20.0
    live: float = 5.0
    """Of the rate, taken up by traffic that nobody here paces."""
    retry_after_s: int | None = None
    """The same Retry-After with each 429; None names the time until there is room."""


def parse_limit(spec: str) -> Limit:
    """RATE/BURST or RATE/BURST/LIVE. Raises UserError."""
    found = _SPEC.fullmatch(spec)
    if found is None or not float(found[1]) or not int(found[2]) or float(found[3] or 0) >= float(found[1]):
        raise UserError(
            f"{spec!r} is no limit of the endpoint",
            where="--zillow",
            accepted="RATE/BURST or RATE/BURST/LIVE, events a second; LIVE less than RATE",
            next_step="for example --zillow 20/20/5",
        )
    return Limit(float(found[1]), float(found[2]), float(found[3] or 0))


class Zillow:
    """Safe from several threads. Moments are seconds of one clock, given by the caller."""

    def __init__(self, limit: Limit, now: float) -> None:
        self.limit = limit
        self.is_down = False
        self.requests: Counter[int] = Counter()
        self.effects: Counter[int] = Counter()
        self.limited = 0
        self._tokens, self._filled_at = limit.burst, now
        self._lock = threading.Lock()

    def take(self, event: int, now: float) -> tuple[int, int | None]:
        """One request: status, and Retry-After in seconds for a 429."""
        with self._lock:
            self.requests[event] += 1
            if self.is_down:
                return DOWN, None
            self._fill(now)
            if self._tokens < 1.0 - 1e-9:
                self.limited += 1
                wait = (1.0 - self._tokens) / max(0.01, self.limit.rate - self.limit.live)
                return LIMITED, self.limit.retry_after_s or max(1, math.ceil(wait))
            self._tokens -= 1.0
            self.effects[event] += 1
            return TAKEN, None

    def wire(self) -> dict[str, object]:
        """What became of it all, for `GET /sandbox/zillow`."""
        with self._lock:
            return {
                "requests": sum(self.requests.values()),
                "effects": sum(self.effects.values()),
                "events": len(self.effects),
                "limited": self.limited,
                "twice": sorted(event for event, times in self.effects.items() if times > 1)[:100],
                "is_down": self.is_down,
            }

    def _fill(self, now: float) -> None:
        passed = max(0.0, now - self._filled_at)
        self._filled_at = max(now, self._filled_at)
        # Live traffic takes its part of what is refilled as it comes.
        self._tokens = min(self.limit.burst, self._tokens + passed * (self.limit.rate - self.limit.live))
