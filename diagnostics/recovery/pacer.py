"""How fast events may go to an endpoint whose limit nobody knows for sure, and that other traffic shares.

The pacer goes by what was *accepted*. Until the first HTTP 429 it ramps up. On a 429 it falls to 0.98 of what was
accepted, waits as long as the server says, holds, then grows slowly, so that the limit is met rarely.

Three things make that hold where answers are heard late (`Outcome.heard_at`), and everything sent meanwhile is blind:

* A higher rate is *tried* for half a second, and kept when what came of it was heard. No more events are out than
  rate x delay.
* Between two moments at which the endpoint had nothing left, what it accepted is what it refills, whatever burst it
  allows. So two 429s measure the limit. Growth beyond it stays small until more was accepted than the limit and all
  that was saved below it: then the limit has risen, and growth quickens.
* A rate that failed is remembered: growth halves the way to it, waits just below it, and passes it slowly.

Pure: every moment is given by the caller, in seconds of a clock that never jumps. No wall clock, no sleep.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What became of one event."""

    ACCEPTED = "accepted"
    LIMITED = "limited"
    """HTTP 429."""
    FAILED = "failed"
    """Anything else that is no success: it concerns the breaker, and says nothing of the rate."""


@dataclass(slots=True, frozen=True)
class Outcome:
    """The end of one event, as a carrier learns of it. Moments in monotonic seconds."""

    sent_at: float
    heard_at: float
    answer: Answer
    retry_after_s: float | None = None
    """Of a 429; counted from when it was sent, because a late carrier does not know when it was answered."""


class Phase(StrEnum):
    """What the pacer does about the rate."""

    RAMP = "ramp"
    """No 429 yet: each round goes well beyond the one before."""
    HOLD = "hold"
    """After a 429, or below a rate that failed lately."""
    GROW = "grow"


@dataclass(slots=True, frozen=True)
class PaceRules:
    """Constants of the pacer; durations in seconds, rates in events per second, growth and shares as fractions."""

    start_rate: float = 2.0
    ramp_per_s: float = 0.35
    """Growth a second before the first 429."""
    ramp_most: float = 1.0
    """The most growth of one round, before the first 429 and later: what is out is sent blindly."""
    kept_share: float = 0.98
    """Of the rate accepted, after a 429."""
    cut_most: float = 0.96
    """A 429 after a long time without takes no more than this leaves; the next one, soon after, takes what it takes."""
    window_s: float = 4.0
    """What was accepted is measured over this, or over the delay where that is longer."""
    hold_s: float = 20.0
    growth: float = 0.02
    growth_every_s: float = 5.0
    """A round of growth lasts so long, and until its outcomes are heard."""
    ceiling_s: float = 50.0
    """Just below a rate that failed, it is tried again so much later."""
    below: float = 0.005
    """So far below a measured limit the pacer stays until then."""
    over: float = 0.04
    """The most beyond a measured limit, while what was saved below it is used up."""
    risen_s: float = 0.25
    """So many seconds' worth more than a measured limit allows, and the limit has risen."""
    quicken_after: float = 0.04
    """Grown so far beyond a rate that failed, growth doubles with every round."""
    probe_s: float = 0.5
    """A higher rate is tried for so long; what comes of it is heard before it is kept."""
    least_rate: float = 0.2
    known_rate: float | None = None
    """The limit, where it is known; the pacer ends below it."""
    live_share: float = 0.0
    """Of the known limit, kept for live traffic."""

    @property
    def ceiling(self) -> float:
        """The most the pacer ever goes to."""
        if self.known_rate is None:
            return math.inf
        return max(self.least_rate, self.known_rate * (1.0 - self.live_share) * self.kept_share)

    @property
    def first_rate(self) -> float:
        """Where the ramp begins: at a tenth of a limit that is known."""
        known = 0.0 if self.known_rate is None else self.ceiling / 10
        return min(max(self.start_rate, known), self.ceiling)

    @classmethod
    def beside_live(cls) -> PaceRules:
        """Where live traffic shares a limit that is not known: its chance is noise, and its 429s are lost sales."""
        return cls(kept_share=0.96, growth=0.01, over=0.01, ceiling_s=120.0)


MEASURED_S = 1.0
MEASURED_EVENTS = 10
"""Two 429s so far apart, with so many accepted between them, measure the limit."""

PROBE_EVENTS = 4
"""A probe has at least so many events: enough for an endpoint that allows no burst to refuse one."""


class Pacer:
    """Decides when the next event may go. One per endpoint and plan; not safe from several threads."""

    def __init__(self, rules: PaceRules, now: float) -> None:
        self.rules = rules
        self.phase = Phase.RAMP
        self.paused_until: float | None = None
        """While a server's Retry-After has not passed."""
        self.in_flight = 0
        self.delay_s = 0.0
        """How late outcomes are heard: the longest of late, forgotten by and by."""
        self._kept = rules.first_rate
        """The rate that outcomes have confirmed."""
        self._heard_any = False
        self._next_at = now
        self._round_at = now
        """When the next probe may begin."""
        self._step = 0.0
        """How far a probe goes beyond the rate kept; 0 while none is out."""
        self._probe = (math.inf, math.inf)
        """From when to when the higher rate is sent."""
        self._next_step = rules.growth
        self._failed = math.inf
        """A rate that was answered 429 lately."""
        self._limit: tuple[float, float, int] | None = None
        """What the endpoint refills per second, measured; from when on, and what had been accepted by then."""
        self._before = (self._kept, math.inf)
        """The rate kept before the last cut, and until when a higher one was tried then."""
        self._waited_for = math.inf
        """Below this failed rate the pacer has waited once."""
        self._cut_at = -math.inf
        """Outcomes of events sent before this belong to a rate that was given up already."""
        self._accepted = 0
        self._recent: deque[float] = deque()
        """When accepted events were sent, oldest first, over one window."""
        self._paused: deque[tuple[float, float]] = deque(maxlen=8)
        self._first_429: tuple[float, int] | None = None
        self._last_429: tuple[float, int] | None = None
        """When it was sent, and how many had been accepted by then; of one episode."""

    def rate(self, now: float) -> float:
        """Events per second, now."""
        return min(self._kept * (1.0 + self._step), self.rules.ceiling) if now < self._probe[1] else self._kept

    def window(self, now: float) -> int:
        """How many events may be out: rate x delay, and one that is being sent."""
        rate = self.rate(now)
        return int(rate * self.delay_s) + 1 if self._heard_any else max(1, int(rate))

    def due(self, now: float) -> float | None:
        """The moment from which the next event may go; None while nothing may go before an outcome is heard."""
        if self.paused_until is not None:
            if now < self.paused_until:
                return self.paused_until
            self.paused_until = None
        self._look(now)
        if self.in_flight >= self.window(now):
            return None
        return self._next_at if self._next_at > now else now

    def sent(self, now: float) -> None:
        """One event goes."""
        self.in_flight += 1
        # A look that comes late is not made up for: two events close together are what a small burst refuses.
        self._next_at = max(self._next_at, now) + 1.0 / self.rate(now)

    def withdrawn(self) -> None:
        """One event that was counted as sent was not; its moment is not given back."""
        self.in_flight = max(0, self.in_flight - 1)

    def heard(self, outcome: Outcome) -> None:
        """One event has ended."""
        self.in_flight = max(0, self.in_flight - 1)
        late = max(0.0, outcome.heard_at - outcome.sent_at)
        self.delay_s = late if late >= self.delay_s or not self._heard_any else self.delay_s * 0.99 + late * 0.01
        self._heard_any = True
        if outcome.answer is Answer.ACCEPTED:
            self._accepted += 1
            if self._limit is not None:
                rate, since, accepted = self._limit
                spent = self._accepted - accepted - rate * (outcome.sent_at - since)
                if spent > max(3.0, rate * self.rules.risen_s):
                    # More was accepted than the limit and all that was saved below it: it has risen.
                    self._limit = None
            self._recent.append(outcome.sent_at)
            if len(self._recent) > 64:
                self._forget(outcome.sent_at)
            if outcome.sent_at >= self._cut_at:
                if self._first_429 is not None:
                    self._settle()
                if self._step and outcome.sent_at >= self._probe[1]:
                    self._keep(outcome)
        elif outcome.answer is Answer.LIMITED:
            self._limited(outcome)

    # ---- higher rates, tried

    def _look(self, now: float) -> None:
        """Begin a probe where it is time for one."""
        if self._step or not self._heard_any or now < self._round_at or now < self._cut_at + self.delay_s:
            return
        if self._kept >= self.rules.ceiling:
            return
        lasts = max(self.rules.probe_s, PROBE_EVENTS / self._kept)
        if self.phase is Phase.RAMP:
            step = min(self.rules.ramp_most, (1.0 + self.rules.ramp_per_s) ** (lasts + self.delay_s) - 1.0)
        else:
            self.phase = Phase.GROW
            gap = self._failed / self._kept - 1.0
            if gap > self.rules.growth:
                step = min(self._next_step, gap / 2)
            else:
                if gap > -self.rules.quicken_after:
                    self._next_step = self.rules.growth
                step = self._next_step
            if self._limit is not None:
                # What was saved below the limit hides what goes beyond it: little, until that is used up.
                over = self.rules.over if now >= self._limit[1] + self.rules.ceiling_s else -self.rules.below
                step = min(step, self._limit[0] * (1.0 + over) / self._kept - 1.0)
                if step < self.rules.growth / 4:
                    return
        self._step = step
        self._probe = (now, now + lasts)
        self._round_at = now + (lasts if self.phase is Phase.RAMP else self.rules.growth_every_s)

    def _keep(self, outcome: Outcome) -> None:
        """What was tried was accepted, and all of it has been heard of."""
        self._kept = min(self._kept * (1.0 + self._step), self.rules.ceiling)
        if self.phase is Phase.GROW:
            self._next_step = min(max(self._next_step, self._step) * 2.0, self.rules.ramp_most)
            if self._failed != self._waited_for and self._failed / self._kept - 1.0 <= self.rules.growth:
                self._waited_for = self._failed
                self._stay(outcome.heard_at)
        self._step = 0.0

    def _stay(self, now: float) -> None:
        """Just below what failed: try again later, and as if nothing were known."""
        self.phase = Phase.HOLD
        self._round_at = now + self.rules.ceiling_s
        self._next_step = self.rules.growth

    # ---- 429

    def _limited(self, outcome: Outcome) -> None:
        wait = outcome.retry_after_s
        if wait is not None and math.isfinite(wait) and wait > 0:
            until = outcome.sent_at + wait
            if until > outcome.heard_at:
                self._paused.append((max(outcome.heard_at, self.paused_until or 0.0), until))
                self.paused_until = max(until, self.paused_until or 0.0)
        mark = (outcome.sent_at, self._accepted)
        if outcome.sent_at < self._cut_at:
            # Sent before the rate was cut: no news, but the last of them measures the limit.
            self._last_429 = mark
            return
        if self._step and self._probe[0] <= outcome.sent_at and self.phase is not Phase.RAMP:
            self._probe_failed(outcome.heard_at)
            return
        now = outcome.heard_at
        accepted = self._accepted_rate(outcome.sent_at)
        again = self._last_429
        if (
            again is not None
            and outcome.sent_at - again[0] <= self.rules.window_s + self.delay_s
            and self._unpaused(again[0])
        ):
            # The cut was too small: the endpoint has had nothing left since the one before.
            accepted = min(accepted, _between(again, mark) or math.inf)
        self._failed = self._kept * (1.0 + self._step)
        self._next_step = self.rules.growth * (4 if self.phase is Phase.RAMP else 1)
        self._limit = None
        self._before = (self._kept, self._probe[1] + self.rules.probe_s if self._step else -math.inf)
        cut = min(self._kept, self.rules.kept_share * accepted)
        if again is not None and outcome.sent_at - again[0] > self.rules.hold_s:
            # Few answers make a window: one 429 after a long time without is no proof that the limit fell far.
            cut = max(cut, self._kept * self.rules.cut_most)
        self._kept = max(self.rules.least_rate, cut)
        self._step = 0.0
        self._cut_at = now
        self.phase = Phase.HOLD
        self._round_at = now + max(self.rules.hold_s, self.delay_s)
        self._first_429 = self._last_429 = mark

    def _probe_failed(self, now: float) -> None:
        """Only what went beyond the rate kept was answered 429: that rate stays."""
        self._failed = self._kept * (1.0 + self._step)
        tried, self._step = self._step, 0.0
        # The rest of the probe, and what drained the endpoint right after it, are no news.
        self._cut_at = min(now, self._probe[1] + self.rules.probe_s)
        self._next_step = tried / 2
        self._round_at = now + self.rules.growth_every_s
        if tried <= self.rules.growth:
            self._stay(now)

    def _settle(self) -> None:
        """All that was sent at the rate that failed has been heard of: what was accepted meanwhile is the limit."""
        last = self._last_429
        measured = _between(self._first_429, last)
        self._first_429 = None
        if last is not None and last[0] < self._before[1]:
            # Only what was tried failed. The rate before it holds as far as it was really sent and accepted since.
            since = (self._accepted - last[1]) / max(MEASURED_S, self._cut_at - last[0])
            self._kept = max(self._kept, self.rules.kept_share * min(self._before[0], since))
        elif measured is not None and last is not None:
            self._limit = (measured, *last)
            self._failed = measured
            self._kept = min(max(self.rules.least_rate, self.rules.kept_share * measured), self.rules.ceiling)

    def _accepted_rate(self, until: float) -> float:
        """Accepted events per second among those sent in the window that ends with `until`, pauses left out."""
        self._forget(until)
        since = until - max(self.rules.window_s, self.delay_s)
        paused = sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in self._paused)
        return len(self._recent) / max(MEASURED_S, until - since - paused)

    def _unpaused(self, since: float) -> bool:
        return all(end <= since for _, end in self._paused)

    def _forget(self, until: float) -> None:
        since = until - max(self.rules.window_s, self.delay_s)
        while self._recent and self._recent[0] <= since:
            self._recent.popleft()


def _between(first: tuple[float, int] | None, last: tuple[float, int] | None) -> float | None:
    """Accepted per second between two 429s; None where that is too little to go by."""
    if first is None or last is None:
        return None
    passed, accepted = last[0] - first[0], last[1] - first[1]
    return accepted / passed if passed >= MEASURED_S and accepted >= MEASURED_EVENTS else None
