"""One rate-limit registry for everybody who asks the same service, fed by the service's own headers.

Datadog counts per calendar-aligned period and per limit name; log search and log aggregates have different limits, and
an organisation may have had its own raised. So nothing is assumed for longer than the first answer: until then a
cautious guess holds, marked as not observed.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType

from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.models.readings import Budget

_LONGEST_PERIOD_S = 31 * 86_400.0
_LONGEST_REFUSAL_S = 3_600.0
"""A refusal that asks for more is taken as this much: a nonsensical header must not silence the console for days."""


@dataclass(slots=True)
class _Window:
    """The state of one limit. Times are the registry's monotonic clock."""

    name: str
    limit: int
    remaining: int
    period_s: float
    resets_at: float
    observed: bool = False
    in_flight: int = 0
    queue: deque[object] = field(default_factory=deque)

    def roll(self, now: float) -> None:
        """Begin the period that `now` lies in, when the last known one is over."""
        if now < self.resets_at:
            return
        if self.observed:
            self.resets_at += math.floor((now - self.resets_at) / self.period_s + 1) * self.period_s
        else:
            self.resets_at = now + self.period_s
        # A request still under way may be counted by the service in the new period; one is always let through.
        self.remaining = max(1, self.limit - self.in_flight)

    def free_in(self, now: float, ahead: int) -> float:
        """Seconds until a slot is free for somebody with `ahead` others before them; 0 when it is now."""
        if ahead < self.remaining:
            return 0.0
        later_periods = (ahead - self.remaining) // self.limit
        return max(0.0, self.resets_at - now) + later_periods * self.period_s


class Reservation:
    """Leave to send one request. Leaving the `with` block says that the request is over."""

    def __init__(self, registry: Budgets, name: str, *, counted: bool) -> None:
        self._registry = registry
        self._name = name
        self._counted = counted

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._counted:
            self._registry.settle(self._name)

    def learn(self, headers: Mapping[str, str], *, refused_for_s: float | None = None, refused: bool = False) -> None:
        """Take in the rate-limit headers of the answer; `refused` when it was a 429."""
        self._registry.learn(self._name, headers, refused=refused, refused_for_s=refused_for_s)


class Budgets:
    """Thread-safe. `assumed` maps an operation to (requests, period in seconds) until its first header is seen.

    Operations without an assumption pass freely until the service names a limit for them. Operations that the service
    counts under one limit name share one budget from then on.
    """

    def __init__(
        self,
        source: str,
        assumed: Mapping[str, tuple[int, float]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        now = clock()
        self._windows: dict[str, _Window] = {
            name: _Window(name, limit, limit, period_s, now) for name, (limit, period_s) in assumed.items()
        }

    def reserve(self, name: str, wait_s: float) -> Reservation:
        """Wait, first come first served, until one request fits the budget of operation `name`.

        Raises SourceFailure: RATE_LIMITED with `retry_after` as soon as it is clear that it would take longer than
        `wait_s` seconds; CANCELLED when the registry is closed meanwhile.
        """
        give_up_at = self._clock() + wait_s
        ticket = object()
        with self._changed:
            self._refuse_if_closed()
            if name not in self._windows:
                return Reservation(self, name, counted=False)
            self._windows[name].queue.append(ticket)
            try:
                self._wait_for_turn(name, ticket, give_up_at)
                window = self._windows[name]
                window.remaining -= 1
                window.in_flight += 1
            finally:
                self._windows[name].queue.remove(ticket)
                self._changed.notify_all()
        return Reservation(self, name, counted=True)

    def _wait_for_turn(self, name: str, ticket: object, give_up_at: float) -> None:
        while True:
            self._refuse_if_closed()
            now = self._clock()
            window = self._windows[name]
            window.roll(now)
            ahead = window.queue.index(ticket)
            wait = window.free_in(now, ahead)
            if wait <= 0 and ahead == 0:
                return
            if now + wait > give_up_at:
                raise TurnAwaited(
                    self._source,
                    limit=window.limit,
                    period_s=window.period_s,
                    budget=window.name,
                    retry_after=wait,
                )
            self._changed.wait(timeout=wait if wait > 0 else give_up_at - now)

    def learn(
        self, name: str, headers: Mapping[str, str], *, refused: bool = False, refused_for_s: float | None = None
    ) -> None:
        """Take in the headers of one answer to operation `name`. Unreadable values change nothing."""
        limit = _number(headers, "X-RateLimit-Limit", least=1, most=1e9)
        period = _number(headers, "X-RateLimit-Period", least=0.001, most=_LONGEST_PERIOD_S)
        remaining = _number(headers, "X-RateLimit-Remaining", least=0, most=1e9)
        reset = _number(headers, "X-RateLimit-Reset", least=0, most=_LONGEST_PERIOD_S)
        with self._changed:
            window = self._named(name, headers, limit, period)
            if window is None:
                return
            now = self._clock()
            if limit is not None and period is not None:
                window.limit, window.period_s = int(limit), period
            if remaining is not None and reset is not None:
                self._observe(window, now, int(remaining), min(reset, window.period_s))
            if refused:
                window.remaining = 0
                wait = reset if refused_for_s is None else refused_for_s
                if wait is not None:
                    window.resets_at = now + min(wait, max(window.period_s, _LONGEST_REFUSAL_S))
            self._changed.notify_all()

    @staticmethod
    def _observe(window: _Window, now: float, remaining: int, reset: float) -> None:
        # The service has not counted what is still on its way to it. This very request is among the in-flight ones.
        left = max(0, min(remaining, window.limit) - max(0, window.in_flight - 1))
        same_period = window.observed and abs(now + reset - window.resets_at) < window.period_s / 2
        # Answers overtake each other: within one period the lower figure is the later one.
        window.remaining = min(window.remaining, left) if same_period else left
        window.resets_at = now + reset
        window.observed = True

    def _named(
        self, name: str, headers: Mapping[str, str], limit: float | None, period: float | None
    ) -> _Window | None:
        """The window of operation `name` under the service's own name for it, merged with whoever shares that name."""
        window = self._windows.get(name)
        if window is None:
            if limit is None or period is None:
                return None
            window = _Window(name, int(limit), int(limit), period, self._clock())
            self._windows[name] = window
        official = clean(headers.get("X-RateLimit-Name", ""), limit=80).strip()
        if not official or official == window.name:
            return window
        shared = next((other for other in self._windows.values() if other.name == official), None)
        if shared is None:
            if sum(other is window for other in self._windows.values()) == 1:
                window.name = official
            return window
        shared.in_flight += window.in_flight
        shared.queue.extend(window.queue)
        for operation, other in self._windows.items():
            if other is window:
                self._windows[operation] = shared
        return shared

    def settle(self, name: str) -> None:
        """One request of operation `name` is over, whatever came of it."""
        with self._changed:
            window = self._windows.get(name)
            if window is not None and window.in_flight > 0:
                window.in_flight -= 1

    def budgets(self) -> tuple[Budget, ...]:
        """Remainder of each limit now, in the order the operations were first known."""
        with self._changed:
            now, moment = self._clock(), utc_now()
            distinct = {id(window): window for window in self._windows.values()}
            return tuple(
                _shown(window, now, moment, tuple(name for name, other in self._windows.items() if other is window))
                for window in distinct.values()
            )

    def close(self) -> None:
        """Refuse further requests and wake everybody who waits for one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise SourceFailure(FailureKind.CANCELLED, self._source, "closed while waiting for its turn")


def _shown(window: _Window, now: float, moment: datetime, operations: tuple[str, ...]) -> Budget:
    window.roll(now)
    return Budget(
        name=window.name,
        limit=window.limit,
        remaining=max(0, window.remaining),
        period_s=window.period_s,
        resets_at=moment + timedelta(seconds=window.resets_at - now),
        observed=window.observed,
        operations=operations,
    )


def _number(headers: Mapping[str, str], name: str, *, least: float, most: float) -> float | None:
    """A header as a number between two bounds; None when absent, unreadable or outside them."""
    try:
        value = float(headers.get(name, ""))
    except ValueError:
        return None
    return value if least <= value <= most else None
