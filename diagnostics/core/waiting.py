"""Waiting, in one vocabulary: a job that can be cancelled, a deadline, questions shared or asked aside, timers.

* `Job`: one long question from both sides: the asker cancels, the answerer reports and looks whether it should end.
* `Deadline`: the end of one question and why it came; `run_within` waits for a call no longer than that.
* `SingleFlight`: equal questions asked at the same time are asked once, and answers kept for a while.
* `ask_together`, `side_by_side`, `as_they_come`, `aside`: several questions at once.
* `Timers`: many short actions, each at its own time, on one thread.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar, cast

from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited, UserError
from diagnostics.core.time import Clock, SystemClock

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Monotonic = Callable[[], float]
"""A clock that never goes backwards, seconds."""

LONGEST_WAIT_S = 60.0
"""Every source ends within its own time limits; this only guards against a source that breaks that promise."""

TURN_SLACK_S = 0.05
"""Added to the time until a turn comes, so that one look is enough."""

SETTLE_S = 0.05
"""Parts of an answer that come so soon after each other are told of together."""

MOST_RECALLED = 64
"""Answers that one memory keeps beyond their freshness."""

LOOK_S = 0.1
"""How soon whoever waits notices that the job was cancelled."""


# Jobs and deadlines.


@dataclass(slots=True, frozen=True)
class Progress:
    """How far a long question is."""

    done: int
    total: int | None
    """None while nobody knows."""
    unit: str = ""
    """e.g. "accounts"."""


class Job:
    """One long question, seen from both sides: the asker cancels, the answerer reports. Safe from any thread."""

    def __init__(
        self,
        report: Callable[[Progress], None] | None = None,
        *,
        limit_s: float | None = None,
        clock: Monotonic = time.monotonic,
    ) -> None:
        self._report = report
        self._clock = clock
        self._cancelled = threading.Event()
        self._ends = math.inf if limit_s is None else clock() + limit_s

    def report(self, done: int, total: int | None, unit: str = "") -> None:
        """Tell the asker how far it is; cheap enough for every step."""
        if self._report is not None:
            self._report(Progress(done, total, unit))

    def cancel(self) -> None:
        """Ask it to end. What was found so far may still be answered."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """True once somebody asked it to end."""
        return self._cancelled.is_set()

    def left_s(self, most: float = math.inf) -> float:
        """Seconds left, at most `most`; 0 when its time is up, infinite where it may take as long as it likes."""
        return max(0.0, min(most, self._ends - self._clock()))

    @property
    def is_over(self) -> bool:
        """True when it was cancelled or its time is up."""
        return self.is_cancelled or self.left_s() <= 0

    def raise_if_cancelled(self, source: str) -> None:
        """Raise `SourceFailure` (cancelled) when somebody asked it to end."""
        if self.is_cancelled:
            raise SourceFailure(FailureKind.CANCELLED, source, "ended because you asked for it")

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until cancelled; returns whether it was cancelled."""
        return self._cancelled.wait(seconds)


class Deadline:
    """The end of one question: its job's, where the job has one, else `limit_s` seconds from now.

    Of the time that is allowed, at most `margin_s` seconds and at most a tenth are left for ending what is under way
    and putting the answer together: asking ends that much earlier.
    """

    def __init__(
        self,
        job: Job | None,
        limit_s: float,
        *,
        margin_s: float = 0.0,
        remedy: str = "ask again",
        clock: Monotonic = time.monotonic,
    ) -> None:
        self.job = job or Job()
        left = self.job.left_s()
        self.limit_s = limit_s if math.isinf(left) else left
        self.margin_s = min(margin_s, self.limit_s / 10)
        self._remedy = remedy
        self._clock = clock
        self._ends = clock() + self.limit_s - self.margin_s

    def left_s(self) -> float:
        """Seconds left for asking."""
        return max(0.0, self._ends - self._clock())

    @property
    def is_over(self) -> bool:
        """True when the job was cancelled or the time is up."""
        return self.job.is_cancelled or self.left_s() <= 0

    def words(self) -> str:
        """Why nothing further is asked."""
        return "cancelled before it answered" if self.job.is_cancelled else f"no answer within {self.limit_s:g} s"

    def failure(self, source: str) -> SourceFailure:
        """The same as a failure of one source."""
        if self.job.is_cancelled:
            return SourceFailure(FailureKind.CANCELLED, source, "ended because you asked for it", remedy="ask again")
        return SourceFailure(FailureKind.TIMED_OUT, source, self.words(), remedy=self._remedy)

    def check(self, source: str) -> None:
        """Raise the failure when it is over."""
        if self.is_over:
            raise self.failure(source)


# One question.


class _Flight:
    """One question under way or answered. Everything but `progress` is written before `done` is set, read after."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None
        self.progress: Progress | None = None
        self.answered_at = -math.inf
        self.keep_s = 0.0
        """The longest that anybody has been content with it."""

    def run(self, ask: Callable[[], Any]) -> None:
        """Ask; what is raised is kept for whoever waits."""
        try:
            self.value = ask()
        except BaseException as error:  # noqa: BLE001  # raised again on the thread of whoever takes it
            self.error = error
        finally:
            self.done.set()

    def begin(self, ask: Callable[[], Any], name: str) -> _Flight:
        """Ask on a daemon thread."""
        threading.Thread(target=self.run, args=(ask,), name=name, daemon=True).start()
        return self

    def take(self) -> Any:  # noqa: ANN401  # as the question says
        """The answer of a question that is done; raises what asking raised."""
        if self.error is not None:
            raise self.error
        return self.value


def _as_failure(error: Exception, what: str) -> SourceFailure:
    """The failure of work on another thread, for whoever waits for it; an error of the console's own is logged."""
    if isinstance(error, SourceFailure):
        return error
    if isinstance(error, UserError):
        return SourceFailure(FailureKind.REJECTED, "console", error.problem, remedy=error.next_step)
    logger.error("%s failed unexpectedly", what, exc_info=error)
    reason = "the console met an error of its own; its log file has the details"
    return SourceFailure(FailureKind.MALFORMED, "console", reason)


def failing_typed(ask: Callable[[], Answer], what: str) -> Answer:
    """The answer of `ask`; raises SourceFailure, whatever it raises."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  # a thread of its own: whoever waits must be woken and told
        raise _as_failure(error, what) from None


def run_within(
    call: Callable[[], Answer], deadline: Deadline, source: str, end: Callable[[], object], most_s: float = math.inf
) -> Answer:
    """Run `call` in a thread of its own and return or raise as it does; `end` is called to end what it waits for.

    Raises `SourceFailure` (cancelled, timed out) at the deadline, or when `most_s` seconds are over before it.
    """
    flight = _Flight().begin(call, f"within {source}")
    most = Deadline(None, most_s)
    while not flight.done.wait(LOOK_S):
        if deadline.is_over or most.is_over:
            end()
            flight.done.wait(deadline.margin_s / 2)
            if deadline.is_over:
                raise deadline.failure(source)
            raise SourceFailure(FailureKind.TIMED_OUT, source, f"no answer within {most_s:.3g} s")
    if deadline.is_over and isinstance(flight.error, SourceFailure):
        raise deadline.failure(source)
    return cast("Answer", flight.take())


def when_turn_comes(ask: Callable[[], Answer], deadline: Deadline, *, refused: bool = False) -> Answer:
    """The answer of `ask`, asked again when its turn under a rate limit comes, if that is before the deadline.

    `refused` also waits where the service itself said that the limit is spent. Raises what `ask` raises.
    """
    while True:
        try:
            return ask()
        except SourceFailure as failure:
            waits = isinstance(failure, TurnAwaited) or (refused and failure.kind is FailureKind.RATE_LIMITED)
            pause = (failure.retry_after or 1.0) + TURN_SLACK_S
            if not waits or pause >= deadline.left_s() or deadline.job.wait(pause):
                raise


# Equal questions.


class StillAsking(SourceFailure):
    """The question is under way, and nobody waits for it; nothing has failed."""

    def __init__(self, source: str, progress: Progress | None) -> None:
        total = "" if progress is None or progress.total is None else f" of {progress.total:,}"
        self.so_far = "" if progress is None else f", {progress.done:,}{total} {progress.unit}".rstrip()
        super().__init__(
            FailureKind.TIMED_OUT,
            source,
            f"still being asked{self.so_far}",
            remedy="It shows by itself when the answer is there.",
        )

    def headline(self) -> str:
        """Such as "all accounts: being asked, 512 of 6,864 accounts"."""
        return f"{self.source}: being asked{self.so_far}"


class SingleFlight:
    """Equal questions at the same time are asked once. Failures reach everybody who waited and are not kept."""

    def __init__(self, *, most: int = 256, clock: Monotonic = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, _Flight] = OrderedDict()
        self._kept: OrderedDict[Hashable, _Flight] = OrderedDict()
        """The last answer to each question that may be recalled: a newer asking that hangs or fails leaves it there."""
        self._aside: dict[Hashable, _Flight] = {}

    def get(self, key: Hashable, fresh_s: float, ask: Callable[[], Answer], *, recalled: bool = False) -> Answer:
        """The answer to `key`: one not older than `fresh_s` seconds, the one under way, or a new one from `ask`.

        One that is `recalled` is kept for `recall` as well. Raises what `ask` raises, or SourceFailure (timed out) when
        another thread's asking never ends.
        """
        with self._lock:
            flight = self._answers.get(key)
            mine = flight is None or self._is_older(flight, fresh_s)
            if flight is None or mine:
                self._forget_expired()
                flight = self._answers[key] = _Flight()
                self._answers.move_to_end(key)
                self._forget_oldest()
            flight.keep_s = max(flight.keep_s, fresh_s)
        if mine:
            self._ask(key, flight, ask)
            if recalled and flight.error is None:
                self._keep(key, flight)
        elif not flight.done.wait(LONGEST_WAIT_S):
            raise SourceFailure(FailureKind.TIMED_OUT, "console", "the same question, asked before, has no answer yet")
        return cast("Answer", flight.take())

    def recall(self, key: Hashable, most_s: float) -> object | None:
        """The last answer to `key`, at most `most_s` seconds old; None where there is none. Asks and waits for nothing.

        Answers that were asked for as `recalled` only.
        """
        with self._lock:
            flight = self._kept.get(key)
        return None if flight is None or self._is_older(flight, most_s) else cast("object", flight.value)

    def _keep(self, key: Hashable, flight: _Flight) -> None:
        with self._lock:
            self._kept[key] = flight
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_RECALLED:
                self._kept.popitem(last=False)

    def within(self, key: Hashable, source: str, ask: Callable[[Job], Answer], wait_s: float | None) -> Answer:
        """The answer to a long question, asked on a thread of its own, once at a time; it is not kept.

        Raises StillAsking when it takes longer than `wait_s` seconds, else what `ask` raises. None waits for as long as
        `ask` takes, and asks on the asker's thread.
        """
        if wait_s is None:
            return ask(Job())
        with self._lock:
            flight = self._aside.get(key)
            if flight is None:
                flight = self._aside[key] = _Flight()
                flight.begin(partial(self._ask_aside, key, flight, ask), f"asking {key}")
        if not flight.done.wait(wait_s):
            raise StillAsking(source, flight.progress)
        return cast("Answer", flight.take())

    def forget(self) -> None:
        """Let every answer go, so that the next asker asks anew. A question under way is not asked twice."""
        with self._lock:
            for key in [key for key, flight in self._answers.items() if flight.done.is_set()]:
                del self._answers[key]

    def _ask(self, key: Hashable, flight: _Flight, ask: Callable[[], Any]) -> None:
        def timed() -> object:
            value = ask()
            flight.answered_at = self._clock()
            return value

        flight.run(timed)
        if flight.error is not None:
            with self._lock:
                if self._answers.get(key) is flight:
                    del self._answers[key]

    def _ask_aside(self, key: Hashable, flight: _Flight, ask: Callable[[Job], Any]) -> object:
        def report(progress: Progress) -> None:
            flight.progress = progress

        try:
            return failing_typed(partial(ask, Job(report)), f"the question {key}")
        finally:
            with self._lock:
                del self._aside[key]

    def _is_older(self, flight: _Flight, than_s: float) -> bool:
        return flight.done.is_set() and self._clock() - flight.answered_at > than_s

    def _forget_expired(self) -> None:
        for key in [key for key, flight in self._answers.items() if self._is_older(flight, flight.keep_s)]:
            del self._answers[key]

    def _forget_oldest(self) -> None:
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


# Several questions.


def ask_together(
    asks: Mapping[str, Callable[[], Answer]], limit_s: float, job: Job | None = None
) -> dict[str, Answer | SourceFailure]:
    """Ask all, each on a thread of its own; what fails, or is not there in time, is a SourceFailure in its place.

    A question that waits for its turn under a rate limit waits as long as that fits. One that is late goes on, and its
    answer is shared with whoever asks next; every source ends by its own time limits. Raises SourceFailure (cancelled)
    when somebody ends the job.
    """
    asked_by = job or Job()
    asked_by.raise_if_cancelled("console")
    deadline = Deadline(None, asked_by.left_s(limit_s))
    flights = {
        name: _Flight().begin(
            partial(failing_typed, partial(when_turn_comes, ask, deadline), f"the question {name}"), f"asking {name}"
        )
        for name, ask in asks.items()
    }
    for flight in flights.values():
        while not flight.done.wait(min(LOOK_S, deadline.left_s())):
            asked_by.raise_if_cancelled("console")
            if deadline.is_over:
                break
    return {name: _so_far(name, flight) for name, flight in flights.items()}


def _so_far(name: str, flight: _Flight) -> Any:  # noqa: ANN401  # an answer, or a SourceFailure
    if not flight.done.is_set():
        return StillAsking(name.replace("_", " "), None)
    return flight.value if flight.error is None else flight.error


@contextmanager
def aside(workers: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads for questions that are asked meanwhile.

    They are not waited for at the end: whoever interrupts closes the sources next, and that ends what is under way.
    """
    pool = ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def side_by_side(ask: Callable[[Item], Answer], items: Sequence[Item], name: str) -> tuple[Answer, ...]:
    """`ask` of every item at the same time, answers in their order: a dead source costs its time limit once."""
    with aside(len(items), name) as pool:
        return tuple(pool.map(ask, items))


def as_they_come(
    ask: Callable[[Item], Answer],
    items: Sequence[Item],
    name: str,
    tell: Callable[[dict[Item, Answer]], object] | None = None,
) -> tuple[Answer, ...]:
    """As `side_by_side`; while some are missing, `tell` gets those that are there, each time that more have come."""
    if tell is None:
        return side_by_side(ask, items, name)
    with aside(len(items), name) as pool:
        asked = {pool.submit(ask, item): item for item in items}
        missing: set[Future[Answer]] = set(asked)
        while missing:
            wait(missing, return_when=FIRST_COMPLETED)
            # What answers at the same moment is one thing to draw.
            _, missing = wait(missing, timeout=SETTLE_S)
            if missing:
                tell({item: one.result() for one, item in asked.items() if one.done()})
        return tuple(one.result() for one in asked)


# Many time limits.


class Timers:
    """Calls what was added when its time has come, unless it was cancelled. The calls must be short.

    One thread for all: a thread for each would cost more than most statements take whose time it limits.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self._name = name
        self._clock: Clock = clock or SystemClock()
        self._change = threading.Condition()
        self._order: list[tuple[float, int]] = []
        self._actions: dict[int, Callable[[], None]] = {}
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, seconds: float, action: Callable[[], None]) -> int:
        """Call `action` in so many seconds; returns the number that cancels it."""
        with self._change:
            number = next(self._numbers)
            when = self._clock.monotonic() + seconds
            is_first = not self._order or when < self._order[0][0]
            heapq.heappush(self._order, (when, number))
            self._actions[number] = action
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif is_first:
                self._change.notify()
            return number

    def cancel(self, number: int) -> None:
        """Forget an action; one that is over is forgotten already."""
        with self._change:
            self._actions.pop(number, None)

    def close(self) -> None:
        """End the thread; what was added is not called any more."""
        with self._change:
            self._closed = True
            self._actions.clear()
            self._change.notify()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            action()

    def _next(self) -> Callable[[], None] | None:
        with self._change:
            while not self._closed:
                # What was cancelled leaves the queue when its time comes: removing it earlier would cost a search.
                while self._order and self._order[0][1] not in self._actions:
                    heapq.heappop(self._order)
                if not self._order:
                    self._clock.wait(self._change, None)
                    continue
                when, number = self._order[0]
                if when <= self._clock.monotonic():
                    heapq.heappop(self._order)
                    return self._actions.pop(number)
                self._clock.wait(self._change, when)
            return None
