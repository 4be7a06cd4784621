"""The pacer against endpoint models, beside AIMD (Netflix) and CUBIC (the AWS SDK): share of the limit used, 429s.

Half an hour of simulated time each, with outcomes heard 0, 1, 5 and 15 s late. Retry-After is in whole seconds, as RFC
9110 has it; every rule obeys it. Deterministic: live traffic is drawn from a seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from benchmarks.figures import Figure, Target
from diagnostics.recovery.pacer import Answer, Outcome, Pacer, PaceRules
from diagnostics.recovery.simulation import Controller, Endpoint, Run, simulate

SPAN_S = 1_800.0
DELAYS_S = (0.0, 1.0, 5.0, 15.0)

ENDPOINTS: Mapping[str, Endpoint] = {
    "R20 B20": Endpoint(20, 20),
    "R100 B100": Endpoint(100, 100),
    "R15 B450": Endpoint(15, 450),
    "R5 B5": Endpoint(5, 5),
    "R300 B30": Endpoint(300, 30),
    "R20 B1": Endpoint(20, 1),
    "R20 B20, halved for 10 min": Endpoint(20, 20, halved=(600, 1_200)),
    "R20 B20, live at R/2": Endpoint(20, 20, live_rate=10),
    "R100 B100, live at R/2": Endpoint(100, 100, live_rate=50),
}

SHARE, SHARE_WITHOUT_BURST = 95.0, 94.0
MOST_429 = 1.0


class _Paced:
    """What AIMD and CUBIC share: one rate, evenly spaced, Retry-After obeyed."""

    def __init__(self) -> None:
        self.rate = 2.0
        self._next_at = 0.0

    def due(self, now: float) -> float | None:
        """Whenever its turn is: neither rule bounds what is out."""
        return max(now, self._next_at)

    def sent(self, now: float) -> None:
        """One event goes."""
        self._next_at = max(self._next_at, now) + 1.0 / self.rate

    def obey(self, outcome: Outcome) -> None:
        """Wait as long as the answer says."""
        self._next_at = max(self._next_at, outcome.sent_at + (outcome.retry_after_s or 0.0))


class Aimd(_Paced):
    """Netflix concurrency-limits: x 0.9 on a drop, + 1 a second otherwise; one drop counts per second."""

    def __init__(self) -> None:
        super().__init__()
        self._changed_at = 0.0

    def heard(self, outcome: Outcome) -> None:
        """One event has ended."""
        passed = outcome.heard_at - self._changed_at
        if outcome.answer is Answer.LIMITED:
            self.obey(outcome)
            self.rate = max(0.5, self.rate * 0.9)
            self._changed_at = outcome.heard_at
        elif passed > 0:
            self.rate += min(passed, 1.0)
            self._changed_at = outcome.heard_at


class Cubic(_Paced):
    """The AWS SDK's adaptive mode: beta 0.7, scale 0.4, the measured rate in buckets of 0.5 s smoothed by 0.8."""

    def __init__(self) -> None:
        super().__init__()
        self._most = 0.0
        self._throttled_at = 0.0
        self._measured = 0.0
        self._bucket, self._in_bucket = 0, 0

    def heard(self, outcome: Outcome) -> None:
        """One event has ended."""
        now = outcome.heard_at
        bucket = int(now * 2)
        self._in_bucket += 1
        if bucket > self._bucket:
            current = self._in_bucket / ((bucket - self._bucket) * 0.5)
            self._measured = current * 0.8 + self._measured * 0.2
            self._bucket, self._in_bucket = bucket, 0
        if outcome.answer is Answer.LIMITED:
            self.obey(outcome)
            limit = min(self._measured or self.rate, self.rate)
            self._most, self._throttled_at = limit, now
            wanted = limit * 0.7
        else:
            window = (self._most * 0.3 / 0.4) ** (1 / 3)
            wanted = 0.4 * (now - self._throttled_at - window) ** 3 + self._most
        self.rate = max(0.5, min(wanted, 2.0 * self._measured if self._measured else math.inf))


def run(quick: bool) -> list[Figure]:
    """Every endpoint at every delay; `quick` takes two of each."""
    figures: list[Figure] = []
    endpoints = list(ENDPOINTS.items())[:2] if quick else list(ENDPOINTS.items())
    for name, endpoint in endpoints:
        for delay in DELAYS_S[::2] if quick else DELAYS_S:
            figures += _cell(f"{name}, {delay:g} s late", endpoint, delay)
        for delay in DELAYS_S[::2] if quick else DELAYS_S:
            known = _drained(endpoint, delay, partial(Pacer, known_rules(endpoint), 0.0))
            figures += _figures(f"{name}, R known, {delay:g} s late", endpoint, known)
    return figures


def our_rules(endpoint: Endpoint) -> PaceRules:
    """As a drain would have them that does not know the limit, but knows whether live traffic shares it."""
    return PaceRules.beside_live() if endpoint.live_rate else PaceRules()


def known_rules(endpoint: Endpoint) -> PaceRules:
    """As a drain would have them that knows the limit, and what live traffic takes of it."""
    return PaceRules(known_rate=endpoint.rate, live_share=endpoint.live_rate / endpoint.rate)


def share(endpoint: Endpoint, run_: Run) -> float:
    """Percent of what the endpoint leaves to a drain."""
    return 100 * run_.accepted / (endpoint.capacity(SPAN_S) - endpoint.live_rate * SPAN_S)


def _cell(name: str, endpoint: Endpoint, delay: float) -> list[Figure]:
    ours = _drained(endpoint, delay, lambda: Pacer(our_rules(endpoint), 0.0))
    others = [(word, _drained(endpoint, delay, make)) for word, make in (("AIMD", Aimd), ("CUBIC", Cubic))]
    note = "; ".join(f"{word} {share(endpoint, one):.1f} / {100 * one.limited_share:.2f}" for word, one in others)
    return _figures(name, endpoint, ours, note)


def _drained(endpoint: Endpoint, delay: float, make: Callable[[], Controller]) -> Run:
    return simulate(make(), replace(endpoint), delay_s=delay, until_s=SPAN_S)


def _figures(name: str, endpoint: Endpoint, ours: Run, note: str = "") -> list[Figure]:
    least = SHARE_WITHOUT_BURST if endpoint.burst <= 1 else SHARE
    figures = [
        Figure(f"{name}: of R", "%", share(endpoint, ours), target=Target(least, at_least=True), note=note),
        Figure(f"{name}: 429", "%", 100 * ours.limited_share, target=Target(MOST_429)),
    ]
    if endpoint.live_rate:
        figures.append(Figure(f"{name}: live 429", "%", 100 * ours.live_limited_share, target=Target(MOST_429)))
    return figures
