"""A drain against an endpoint model, event by event, in simulated time: what a pace does, before anything is sent."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Protocol

from diagnostics.recovery.pacer import Answer, Outcome


class Controller(Protocol):
    """What decides when an event goes: the pacer, or another rule that is compared with it."""

    def due(self, now: float) -> float | None:
        """The moment from which the next event may go; None while nothing may go before an outcome is heard."""
        ...

    def sent(self, now: float) -> None:
        """One event goes."""
        ...

    def heard(self, outcome: Outcome) -> None:
        """One event has ended."""
        ...


@dataclass(slots=True, frozen=True)
class Endpoint:
    """A token bucket, shared with live traffic that nobody paces."""

    rate: float
    """Events it accepts per second."""
    burst: float
    live_rate: float = 0.0
    """Live events per second, at random moments."""
    halved: tuple[float, float] | None = None
    """From when to when the rate is half, seconds from the start."""
    retry_after_s: float | None = None
    """The same Retry-After with each 429; None names the time until there is room."""
    whole_seconds: bool = True
    """Retry-After as RFC 9110 has it, whole seconds and at least one; otherwise the exact time until there is room."""

    def rate_at(self, at: float) -> float:
        """Events it accepts per second, at a moment."""
        return self.rate / 2 if self.halved is not None and self.halved[0] <= at < self.halved[1] else self.rate

    def capacity(self, until: float) -> float:
        """Events it can accept from the start until then, live ones too, without the first burst."""
        low, high = self.halved or (0.0, 0.0)
        return self.rate * until - self.rate / 2 * max(0.0, min(high, until) - low)


@dataclass(slots=True)
class Run:
    """What became of a simulated drain."""

    sent: int = 0
    accepted: int = 0
    limited: int = 0
    live: int = 0
    live_limited: int = 0
    seconds: float = 0.0
    most_in_flight: int = 0

    @property
    def limited_share(self) -> float:
        """Of the events sent, those answered 429."""
        return self.limited / self.sent if self.sent else 0.0

    @property
    def live_limited_share(self) -> float:
        """Of the live events, those answered 429."""
        return self.live_limited / self.live if self.live else 0.0


def simulate(
    controller: Controller,
    endpoint: Endpoint,
    *,
    delay_s: float,
    until_s: float,
    events: int | None = None,
    seed: int = 17,
) -> Run:
    """Send until `until_s`, or until `events` were accepted; outcomes are heard `delay_s` late."""
    run = Run()
    out: deque[Outcome] = deque()
    draw = Random(seed)  # noqa: S311  # a reproducible model of traffic, no secret
    tokens, filled_at, now = endpoint.burst, 0.0, 0.0
    next_live = draw.expovariate(endpoint.live_rate) if endpoint.live_rate else math.inf
    most = math.inf if events is None else events

    def take(at: float) -> bool:
        nonlocal tokens, filled_at
        tokens = min(endpoint.burst, tokens + (at - filled_at) * endpoint.rate_at(at))
        filled_at = at
        if tokens >= 1.0 - 1e-9:
            tokens -= 1.0
            return True
        return False

    while now < until_s and run.accepted < most:
        due = controller.due(now)
        hears = out[0].heard_at if out else math.inf
        sends = math.inf if due is None else due
        at = min(sends, hears, next_live)
        if at is math.inf or at >= until_s:
            break
        now = at if at > now else now
        if hears <= now:
            controller.heard(out.popleft())
        elif next_live <= now:
            run.live += 1
            run.live_limited += not take(now)
            next_live = now + draw.expovariate(endpoint.live_rate)
        else:
            controller.sent(now)
            run.sent += 1
            taken = take(now)
            run.accepted += taken
            run.limited += not taken
            wait = None
            if not taken:
                wait = (1.0 - tokens) / endpoint.rate_at(now)
                wait = max(1.0, float(math.ceil(wait))) if endpoint.whole_seconds else wait
                wait = wait if endpoint.retry_after_s is None else endpoint.retry_after_s
            out.append(Outcome(now, now + delay_s, Answer.ACCEPTED if taken else Answer.LIMITED, wait))
            run.most_in_flight = max(run.most_in_flight, len(out))
    run.seconds = min(now, until_s)
    return run
