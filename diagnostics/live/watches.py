"""Live questions: asked again and again while somebody looks, never twice at once, and honest about their age.

One scheduler thread decides what is due and is the only thread that emits, so readings arrive in the order of their
sequence and never under a lock. Each source has a few workers of its own, and a question that asks several sources has
one to itself: a source that hangs keeps only its own questions waiting. All threads are daemons: a question that hangs
can never keep the program from ending.
"""

from __future__ import annotations

import itertools
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import Clock, SystemClock
from diagnostics.live.lanes import Lane
from diagnostics.models.readings import Freshness, Reading

logger = logging.getLogger(__name__)

T = TypeVar("T")
Tell = Callable[[T], None]
"""Takes an answer of which parts are missing still, while the rest is asked for."""

LONGEST_BACK_OFF_S = 30.0
"""However often a question has failed, it is asked again after this long (or its own interval, when longer)."""

WORKERS = 3
"""Questions of one source that run at the same time."""

JITTER = 0.2
"""Share added to a back-off at most, so that several consoles do not return to a limited service together."""


@dataclass(slots=True, eq=False)
class _Watch:
    """One live question and everything known about its answers. Guarded by the lock of `Live`."""

    key: str
    ask: Callable[[Tell[Any]], Any]
    lane: str
    """Whose workers run it."""
    every_s: float
    stale_after_s: float
    due: float
    reading: Reading[Any]
    born: int
    """Sequence of its first reading; a lower one belongs to the question it replaced."""
    steady: bool = False
    """It goes on while the others are paused."""
    running: bool = False
    forced: bool = False
    """Somebody asked for it now: it runs although paused or covered."""
    failures: int = 0
    answered_at: float | None = None
    """Monotonic time of the last good answer."""
    answer_stale_after_s: float = 0.0
    """When that answer turns stale: later than `stale_after_s` where it said to be asked less often."""


@dataclass(slots=True, frozen=True)
class _Outcome:
    """Result of asking once."""

    value: Any = None
    failure: str = ""
    remedy: str = ""
    retry_after: float | None = None


class Live:
    """Refreshes the watched questions that somebody looks at and emits a `Reading` for every change.

    `emit` is called from the scheduler's thread only, in rising order of `Reading.sequence`, holding no lock; what it
    raises is logged and dropped. Between two calls only the newest reading of a key is kept, so a slow receiver never
    builds a backlog. `workers` is how many questions of one source run at the same time.
    """

    def __init__(
        self,
        emit: Callable[[Reading[Any]], None],
        workers: int = WORKERS,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._emit = emit
        self._workers = max(1, workers)
        self._clock: Clock = clock or SystemClock()
        self._chance = chance
        self._condition = threading.Condition()
        self._watches: dict[str, _Watch] = {}
        self._looked_at: frozenset[str] = frozenset()
        self._outbox: dict[str, Reading[Any]] = {}
        self._sequence = itertools.count(1)
        self._paused = False
        self._closed = False
        self._busy: Counter[str] = Counter()
        self._busy_failing: Counter[str] = Counter()
        self._scheduler: threading.Thread | None = None

    @property
    def paused(self) -> bool:
        """True while nothing refreshes by itself."""
        return self._paused

    def watch(
        self,
        key: str,
        ask: Callable[[], T],
        *,
        every_s: float,
        source: Lane = "",
        stale_after_s: float | None = None,
        steady: bool = False,
    ) -> None:
        """Keep `key` answered by `ask` every `every_s` seconds while it is looked at.

        `source` is the only source that it asks; its questions share workers. Without one it has a worker to itself.
        A value without a newer answer for `stale_after_s` seconds (three intervals unless told otherwise) turns stale.
        A `steady` one is not paused: what others do in an incident does not stand still.
        Watching a key again replaces its question: the old value goes, late answers to the old question are dropped.
        """
        self.watch_growing(
            key, lambda _: ask(), every_s=every_s, source=source, stale_after_s=stale_after_s, steady=steady
        )

    def watch_growing(
        self,
        key: str,
        ask: Callable[[Tell[T]], T],
        *,
        every_s: float,
        source: Lane = "",
        stale_after_s: float | None = None,
        steady: bool = False,
    ) -> None:
        """As `watch`, of a question that tells what it knows so far, and says in it which parts are missing still."""
        with self._condition:
            born = next(self._sequence)
            self._watches[key] = watch = _Watch(
                key=key,
                ask=ask,
                lane=source or f"only {key}",
                every_s=every_s,
                stale_after_s=3 * every_s if stale_after_s is None else stale_after_s,
                due=self._clock.monotonic(),
                reading=Reading[Any](key=key, freshness=Freshness.LOADING, sequence=born),
                born=born,
                steady=steady,
            )
            if key in self._looked_at:
                self._outbox[key] = watch.reading
            self._wake()

    def unwatch(self, key: str) -> None:
        """Forget `key`; an answer still under way is dropped."""
        with self._condition:
            self._watches.pop(key, None)
            self._outbox.pop(key, None)

    def look(self, keys: Iterable[str]) -> None:
        """Refresh these keys and no others. What is newly looked at is emitted at once as it stands."""
        with self._condition:
            wanted = frozenset(keys)
            uncovered = wanted - self._looked_at
            self._looked_at = wanted
            for key in uncovered:
                if watch := self._watches.get(key):
                    self._judge(watch)
                    self._outbox[key] = watch.reading
            self._wake()

    def pause(self) -> None:
        """Stop refreshing; shown values stay, marked as paused. A question never answered is still asked once."""
        self._set_paused(True)

    def resume(self) -> None:
        """Refresh again; what is overdue is asked at once."""
        self._set_paused(False)

    def refresh(self, key: str | None = None) -> None:
        """Ask `key` now (or everything looked at), even while paused; a question under way is not asked twice."""
        with self._condition:
            keys = self._looked_at if key is None else (key,)
            for name in keys:
                watch = self._watches.get(name)
                if watch and not watch.running:
                    watch.forced = True
            self._wake()

    def last(self, key: str) -> Reading[Any] | None:
        """The newest reading of `key`, or None when it is not watched."""
        with self._condition:
            watch = self._watches.get(key)
            return watch.reading if watch else None

    def close(self) -> None:
        """Stop at once, without waiting for questions under way. Nothing is emitted afterwards."""
        with self._condition:
            if self._closed:
                return
            self._closed = True
            self._watches.clear()
            self._outbox.clear()
            self._condition.notify_all()
        if self._scheduler is not None and self._scheduler is not threading.current_thread():
            self._scheduler.join(timeout=1.0)

    # Scheduling. Everything below with a watch in hand runs under the lock, except asking and emitting.

    def _wake(self) -> None:
        if self._closed:
            return
        if self._scheduler is None:
            self._scheduler = threading.Thread(target=self._schedule, name="live-scheduler", daemon=True)
            self._scheduler.start()
        self._condition.notify_all()

    def _set_paused(self, paused: bool) -> None:
        with self._condition:
            if paused == self._paused:
                return
            self._paused = paused
            for watch in self._visible():
                self._judge(watch)
            self._wake()

    def _schedule(self) -> None:
        while True:
            with self._condition:
                while not self._closed:
                    self._mark_overdue()
                    self._dispatch()
                    if self._outbox:
                        break
                    self._clock.wait(self._condition, self._next_wake())
                if self._closed:
                    return
                batch, self._outbox = self._outbox, {}
            for reading in sorted(batch.values(), key=lambda one: one.sequence):
                self._emit_one(reading)

    def _emit_one(self, reading: Reading[Any]) -> None:
        with self._condition:
            watch = self._watches.get(reading.key)
            if watch is None or reading.sequence < watch.born:
                return
        try:
            self._emit(reading)
        except Exception:  # a receiver that fails must not end the scheduler for all the others
            logger.exception("the receiver of live readings failed on %s", reading.key)

    def _visible(self) -> list[_Watch]:
        return [watch for key, watch in self._watches.items() if key in self._looked_at]

    def _mark_overdue(self) -> None:
        now = self._clock.monotonic()
        for watch in self._visible():
            turns_stale = self._turns_stale_at(watch)
            if turns_stale is not None and now >= turns_stale:
                self._judge(watch)

    def _dispatch(self) -> None:
        now = self._clock.monotonic()
        for watch in sorted(self._ready(now), key=lambda one: (not one.forced, one.due)):
            if self._busy[watch.lane] >= self._workers:
                continue
            if watch.failures and not watch.forced and self._busy_failing[watch.lane] >= max(1, self._workers - 1):
                # What failed answers slowly: it may not take the source's last worker from what answers.
                continue
            self._start(watch)

    def _ready(self, now: float) -> list[_Watch]:
        return [one for one in self._watches.values() if not one.running and (one.forced or self._is_due(one, now))]

    def _is_due(self, watch: _Watch, now: float) -> bool:
        if watch.due > now or watch.key not in self._looked_at:
            return False
        # Somebody who opens another pane while paused wants to see it once; only its refreshing waits.
        return not self._paused or watch.steady or (watch.answered_at is None and not watch.failures)

    def _start(self, watch: _Watch) -> None:
        watch.running, watch.forced = True, False
        self._busy[watch.lane] += 1
        self._busy_failing[watch.lane] += bool(watch.failures)
        if watch.answered_at is None and not watch.failures:
            self._change(watch, freshness=Freshness.LOADING)
        # One thread a question: starting it costs less than a tenth of a millisecond, and none waits for nothing.
        threading.Thread(
            target=self._work, args=(watch, bool(watch.failures)), name=f"live-{watch.lane}", daemon=True
        ).start()

    def _next_wake(self) -> float | None:
        moments = [stale for watch in self._visible() if (stale := self._turns_stale_at(watch)) is not None]
        now = self._clock.monotonic()
        # What is due already and was not started waits for a worker, whose return notifies.
        moments += [
            watch.due
            for watch in self._visible()
            if (watch.steady or not self._paused) and not watch.running and watch.due > now
        ]
        return min(moments, default=None)

    # Asking.

    def _work(self, watch: _Watch, failing: bool) -> None:
        outcome = self._ask(watch)
        with self._condition:
            for counted, is_counted in ((self._busy, True), (self._busy_failing, failing)):
                counted[watch.lane] -= is_counted
                if not counted[watch.lane]:
                    del counted[watch.lane]
            watch.running = False
            if not self._closed and self._watches.get(watch.key) is watch:
                self._answer(watch, outcome)
            self._condition.notify_all()

    def _ask(self, watch: _Watch) -> _Outcome:
        try:
            return _Outcome(value=watch.ask(partial(self._tell, watch)))
        except SourceFailure as failure:
            return _Outcome(failure=failure.headline(), remedy=failure.remedy, retry_after=failure.retry_after)
        except UserError as error:
            return _Outcome(failure=clean(error.problem, limit=300), remedy=clean(error.next_step, limit=300))
        except Exception:  # a question that fails must not end its worker, and is shown as a failed reading
            logger.exception("asking %s failed unexpectedly", watch.key)
            return _Outcome(
                failure="this reading could not be worked out",
                remedy="The console's log file has the details; it is asked again by itself.",
            )

    def _tell(self, watch: _Watch, value: object) -> None:
        """Emit what is known so far of a question that is under way."""
        with self._condition:
            if self._closed or not watch.running or self._watches.get(watch.key) is not watch:
                return
            watch.failures = 0
            watch.answered_at = self._clock.monotonic()
            watch.answer_stale_after_s = watch.stale_after_s
            changes = {"failure": "", "remedy": "", "value": value, "taken_at": self._clock.utc()}
            watch.reading = watch.reading.model_copy(update=changes)
            self._change(watch, freshness=self._freshness(watch))
            self._condition.notify_all()

    def _answer(self, watch: _Watch, outcome: _Outcome) -> None:
        now = self._clock.monotonic()
        changes: dict[str, Any] = {"failure": outcome.failure, "remedy": outcome.remedy}
        if outcome.failure:
            watch.failures += 1
            watch.due = now + self._back_off(watch, outcome.retry_after)
        else:
            watch.failures = 0
            watch.answered_at = now
            # A value may know better: it is incomplete and soon will not be, or its source allows less.
            own_s: float | None = getattr(outcome.value, "ask_again_s", None)
            watch.due = now + (watch.every_s if own_s is None else own_s)
            watch.answer_stale_after_s = max(watch.stale_after_s, 3 * (own_s or 0.0))
            changes |= {"value": outcome.value, "taken_at": self._clock.utc()}
        watch.reading = watch.reading.model_copy(update=changes)
        self._change(watch, freshness=self._freshness(watch))

    def _back_off(self, watch: _Watch, retry_after: float | None) -> float:
        longest = max(LONGEST_BACK_OFF_S, watch.every_s)
        grown = min(longest, watch.every_s * 2.0 ** min(watch.failures - 1, 16))
        return max(grown, retry_after or 0.0) * (1.0 + JITTER * self._chance())

    # Freshness.

    def _judge(self, watch: _Watch) -> None:
        """Emit the reading again when time or pausing has changed what it may be called."""
        freshness = self._freshness(watch)
        overdue = "overdue: no newer answer yet" if freshness is Freshness.STALE and not watch.failures else ""
        failure = watch.reading.failure if watch.failures else overdue
        if (freshness, failure) == (watch.reading.freshness, watch.reading.failure):
            return
        watch.reading = watch.reading.model_copy(update={"failure": failure})
        self._change(watch, freshness=freshness)

    def _freshness(self, watch: _Watch) -> Freshness:
        if watch.answered_at is None:
            return Freshness.FAILED if watch.failures else Freshness.LOADING
        if watch.failures:
            return Freshness.STALE
        if self._paused and not watch.steady:
            return Freshness.PAUSED
        overdue = self._clock.monotonic() - watch.answered_at >= watch.answer_stale_after_s
        return Freshness.STALE if overdue else Freshness.FRESH

    def _turns_stale_at(self, watch: _Watch) -> float | None:
        if watch.reading.freshness is not Freshness.FRESH or watch.answered_at is None:
            return None
        return watch.answered_at + watch.answer_stale_after_s

    def _change(self, watch: _Watch, *, freshness: Freshness) -> None:
        next_at = None
        if (watch.steady or not self._paused) and not watch.running:
            wait = max(0.0, watch.due - self._clock.monotonic())
            next_at = self._clock.utc() + timedelta(seconds=wait)
        watch.reading = watch.reading.model_copy(
            update={"freshness": freshness, "next_at": next_at, "sequence": next(self._sequence)}
        )
        # Removed first, so that the newest reading also takes the newest place in the order.
        self._outbox.pop(watch.key, None)
        self._outbox[watch.key] = watch.reading
