"""Live questions: single flight, back-off, pause, stale values, replaced questions, hung sources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue
from typing import Any

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited, UserError
from diagnostics.live.watches import Live
from diagnostics.models.readings import Freshness, Reading
from tests.live.manual_clock import ManualClock

DEADLINE_S = 20.0
"""How long a test waits for something that must happen; never how long it takes."""


class Source:
    """A question whose answers the test hands out one by one."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.calls = 0
        self._answers: Queue[object] = Queue()

    def __call__(self) -> object:
        self.calls += 1
        self.asked.release()
        answer = self._answers.get(timeout=DEADLINE_S)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self, *answers: object) -> None:
        for answer in answers:
            self._answers.put(answer)

    def wait_asked(self) -> None:
        assert self.asked.acquire(timeout=DEADLINE_S)

    @property
    def was_asked_again(self) -> bool:
        return self.asked.acquire(blocking=False)


class Board:
    """Collects what is emitted."""

    def __init__(self) -> None:
        self.readings: Queue[Reading[Any]] = Queue()
        self.sequences: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, reading: Reading[Any]) -> None:
        self.sequences.append(reading.sequence)
        self.threads.add(threading.current_thread().name)
        self.readings.put(reading)

    def next(self, *freshness: Freshness, key: str | None = None) -> Reading[Any]:
        while True:
            reading = self.readings.get(timeout=DEADLINE_S)
            if reading.freshness in freshness and key in (None, reading.key):
                return reading


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def live(board: Board, clock: ManualClock) -> Iterator[Live]:
    running = Live(board, clock=clock, chance=lambda: 0.0)
    yield running
    running.close()


def failure(kind: FailureKind = FailureKind.UNREACHABLE, retry_after: float | None = None) -> SourceFailure:
    return SourceFailure(kind, "common", "refused", remedy="start the database", retry_after=retry_after)


def started(live: Live, board: Board, source: Source, value: object = 1) -> None:
    live.watch("a", source, every_s=10.0)
    live.look(["a"])
    source.wait_asked()
    source.answers(value)
    assert board.next(Freshness.FRESH).value == value


def test_a_first_ask_shows_loading_and_then_the_value(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    live.watch("a", source, every_s=10.0)
    live.look(["a"])
    assert board.next(Freshness.LOADING).value is None
    source.answers(7)
    reading = board.next(Freshness.FRESH)
    assert (reading.value, reading.taken_at, reading.failure) == (7, clock.utc(), "")
    assert reading.next_at is not None
    assert (reading.next_at - clock.utc()).total_seconds() == 10.0


def test_nothing_is_asked_before_anybody_looks(live: Live, board: Board) -> None:
    unseen, seen = Source(), Source()
    live.watch("unseen", unseen, every_s=1.0)
    live.watch("seen", seen, every_s=1.0)
    live.look(["seen"])
    seen.answers(1)
    board.next(Freshness.FRESH, key="seen")
    assert unseen.calls == 0


def test_a_covered_question_stops_asking_and_resumes_when_seen_again(
    live: Live, board: Board, clock: ManualClock
) -> None:
    source, other = Source(), Source()
    started(live, board, source)
    live.watch("b", other, every_s=10.0)
    live.look(["b"])
    other.answers(1, 2)
    board.next(Freshness.FRESH, key="b")
    clock.advance(11)
    board.next(Freshness.FRESH, key="b")
    assert source.calls == 1
    live.look(["a"])
    assert board.next(Freshness.FRESH, key="a").value == 1
    source.answers(2)
    assert board.next(Freshness.FRESH, key="a").value == 2


def test_an_answer_is_asked_again_one_interval_after_it_came(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    started(live, board, source)
    clock.advance(10)
    source.wait_asked()
    source.answers(2)
    assert board.next(Freshness.FRESH).value == 2


def test_a_slow_question_is_never_asked_twice_at_once(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    live.watch("a", source, every_s=1.0)
    live.look(["a"])
    source.wait_asked()
    clock.advance(100)
    live.refresh("a")
    live.refresh()
    assert source.calls == 1
    source.answers(1)
    assert board.next(Freshness.FRESH).value == 1
    assert not source.was_asked_again


def test_pausing_keeps_the_value_and_asks_no_more(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    started(live, board, source, 5)
    live.pause()
    reading = board.next(Freshness.PAUSED)
    assert (reading.value, reading.next_at, live.paused) == (5, None, True)
    clock.advance(100)
    assert source.calls == 1
    live.resume()
    assert board.next(Freshness.STALE).value == 5
    source.answers(6)
    assert board.next(Freshness.FRESH).value == 6


def test_refresh_asks_even_while_paused(live: Live, board: Board) -> None:
    source = Source()
    started(live, board, source, 5)
    live.pause()
    board.next(Freshness.PAUSED)
    live.refresh("a")
    source.wait_asked()
    source.answers(6)
    assert board.next(Freshness.PAUSED).value == 6
    assert live.paused


def test_a_pane_opened_while_paused_is_answered_once(live: Live, board: Board, clock: ManualClock) -> None:
    live.pause()
    source = Source()
    live.watch("a", source, every_s=1.0)
    live.look(["a"])
    source.answers(1)
    assert board.next(Freshness.PAUSED).value == 1
    clock.advance(100)
    assert source.calls == 1


def test_a_failure_without_any_value_is_failed_with_its_remedy(live: Live, board: Board) -> None:
    source = Source()
    live.watch("a", source, every_s=10.0)
    live.look(["a"])
    source.answers(failure())
    reading = board.next(Freshness.FAILED)
    assert (reading.value, reading.failure, reading.remedy) == (None, "common: unreachable", "start the database")


def test_a_failure_keeps_the_last_good_value_as_stale_and_recovers(
    live: Live, board: Board, clock: ManualClock
) -> None:
    source = Source()
    started(live, board, source, 5)
    clock.advance(10)
    source.answers(failure())
    stale = board.next(Freshness.STALE)
    assert (stale.value, stale.failure) == (5, "common: unreachable")
    assert stale.taken_at is not None
    assert stale.taken_at < clock.utc()
    clock.advance(10)
    source.answers(6)
    fresh = board.next(Freshness.FRESH)
    assert (fresh.value, fresh.failure, fresh.remedy) == (6, "", "")


def test_repeated_failures_are_asked_ever_more_rarely_up_to_a_limit(
    live: Live, board: Board, clock: ManualClock
) -> None:
    source = Source()
    live.watch("a", source, every_s=4.0)
    live.look(["a"])
    waits = []
    for _ in range(6):
        source.answers(failure())
        reading = board.next(Freshness.FAILED)
        assert reading.next_at is not None
        waits.append((reading.next_at - clock.utc()).total_seconds())
        clock.advance(waits[-1])
    assert waits == [4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_rate_limited_source_is_left_alone_for_as_long_as_it_asked(
    live: Live, board: Board, clock: ManualClock
) -> None:
    source = Source()
    live.watch("a", source, every_s=2.0)
    live.look(["a"])
    source.answers(failure(FailureKind.RATE_LIMITED, retry_after=45.0))
    reading = board.next(Freshness.FAILED)
    assert reading.failure == "common: rate limited, 45 s"
    assert reading.next_at is not None
    assert (reading.next_at - clock.utc()).total_seconds() == 45.0
    clock.advance(44)
    assert source.calls == 1
    clock.advance(1)
    source.answers(1)
    board.next(Freshness.FRESH)


def test_the_wait_after_a_failure_is_spread_but_never_shorter_than_asked(board: Board, clock: ManualClock) -> None:
    live = Live(board, clock=clock, chance=lambda: 1.0)
    try:
        source = Source()
        live.watch("a", source, every_s=2.0)
        live.look(["a"])
        source.answers(failure(retry_after=10.0))
        reading = board.next(Freshness.FAILED)
        assert reading.next_at is not None
        assert (reading.next_at - clock.utc()).total_seconds() == 12.0
    finally:
        live.close()


def test_a_value_without_a_newer_answer_turns_stale_by_age(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    started(live, board, source, 5)
    clock.advance(10)
    source.wait_asked()
    clock.advance(20)
    reading = board.next(Freshness.STALE)
    assert reading.value == 5
    assert reading.failure == "overdue: no newer answer yet"
    source.answers(6)
    assert board.next(Freshness.FRESH).failure == ""


def test_a_value_seen_again_after_a_long_cover_is_stale_at_once(live: Live, board: Board, clock: ManualClock) -> None:
    source = Source()
    started(live, board, source, 5)
    live.look([])
    clock.advance(300)
    live.look(["a"])
    assert board.next(Freshness.STALE).value == 5


def test_a_late_answer_to_a_replaced_question_is_dropped(live: Live, board: Board) -> None:
    old, new = Source(), Source()
    live.watch("a", old, every_s=10.0)
    live.look(["a"])
    old.wait_asked()
    live.watch("a", new, every_s=10.0)
    new.wait_asked()
    old.answers("old")
    new.answers("new")
    assert board.next(Freshness.FRESH).value == "new"
    reading = live.last("a")
    assert reading is not None
    assert reading.value == "new"
    assert all(left.value != "old" for left in _drain(board))


def test_replacing_a_question_shows_loading_instead_of_the_other_answer(live: Live, board: Board) -> None:
    source = Source()
    started(live, board, source, "old")
    live.watch("a", Source(), every_s=10.0)
    assert board.next(Freshness.LOADING).value is None


def test_an_answer_to_an_unwatched_question_is_dropped(live: Live, board: Board) -> None:
    gone, kept = Source(), Source()
    live.watch("gone", gone, every_s=10.0)
    live.watch("kept", kept, every_s=10.0)
    live.look(["gone", "kept"])
    gone.wait_asked()
    live.unwatch("gone")
    gone.answers("late")
    kept.answers(1)
    board.next(Freshness.FRESH, key="kept")
    assert live.last("gone") is None
    assert all(left.value != "late" for left in _drain(board))


def test_sequences_only_rise_and_one_thread_emits(live: Live, board: Board, clock: ManualClock) -> None:
    sources = {name: Source() for name in "abcdef"}
    for name, source in sources.items():
        source.answers(*range(5))
        live.watch(name, source, every_s=1.0)
    live.look(sources)
    for expected in range(5):
        seen = {name: board.next(Freshness.FRESH).value for name in sources}
        assert set(seen.values()) == {expected}
        clock.advance(1)
    assert board.sequences == sorted(set(board.sequences))
    assert board.threads == {"live-scheduler"}


def test_an_unexpected_error_is_a_calm_reading_and_the_others_go_on(
    live: Live, board: Board, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = Source(), Source()
    live.watch("broken", broken, every_s=1.0)
    live.watch("sound", sound, every_s=1.0)
    live.look(["broken", "sound"])
    broken.answers(ZeroDivisionError("secret detail"))
    reading = board.next(Freshness.FAILED, key="broken")
    assert reading.failure == "this reading could not be worked out"
    assert "secret" not in reading.failure + reading.remedy
    assert "ZeroDivisionError" in caplog.text
    sound.answers(1, 2)
    board.next(Freshness.FRESH, key="sound")
    clock.advance(1)
    board.next(Freshness.FRESH, key="sound")


def test_bad_input_found_while_asking_is_explained(live: Live, board: Board) -> None:
    source = Source()
    live.watch("a", source, every_s=1.0)
    live.look(["a"])
    source.answers(UserError("account 9 is unknown", next_step="check the id"))
    reading = board.next(Freshness.FAILED)
    assert (reading.failure, reading.remedy) == ("account 9 is unknown", "check the id")


def test_a_receiver_that_fails_does_not_stop_the_readings(clock: ManualClock) -> None:
    seen: Queue[Reading[Any]] = Queue()

    def emit(reading: Reading[Any]) -> None:
        seen.put(reading)
        if reading.freshness is Freshness.LOADING:
            raise RuntimeError("the screen is gone")

    live = Live(emit, clock=clock)
    try:
        live.watch("a", lambda: 1, every_s=1.0)
        live.look(["a"])
        while seen.get(timeout=DEADLINE_S).freshness is not Freshness.FRESH:
            pass
    finally:
        live.close()


def test_a_receiver_may_call_back_without_a_deadlock(clock: ManualClock) -> None:
    done = threading.Event()
    live: Live

    def emit(reading: Reading[Any]) -> None:
        live.last("a")
        live.look(["a"])
        if reading.freshness is Freshness.FRESH:
            live.pause()
            live.close()
            done.set()

    live = Live(emit, clock=clock)
    live.watch("a", lambda: 1, every_s=1.0)
    live.look(["a"])
    assert done.wait(DEADLINE_S)


def test_dead_sources_leave_a_worker_to_the_living(live: Live, board: Board, clock: ManualClock) -> None:
    dead = [Source() for _ in range(4)]
    for number, source in enumerate(dead):
        source.answers(failure())
        live.watch(f"dead {number}", source, every_s=1.0, source="datadog")
    live.look([f"dead {number}" for number in range(4)])
    for _ in dead:
        board.next(Freshness.FAILED)
    clock.advance(1)
    for source in dead:
        source.wait_asked()
    living = Source()
    living.answers(1)
    live.watch("living", living, every_s=1.0, source="datadog")
    live.look([*(f"dead {number}" for number in range(4)), "living"])
    assert board.next(Freshness.FRESH, key="living").value == 1


def test_closing_does_not_wait_for_a_question_that_hangs(board: Board) -> None:
    asked, release = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        release.wait(DEADLINE_S)

    live = Live(board)
    live.watch("a", hang, every_s=1.0)
    live.look(["a"])
    assert asked.wait(DEADLINE_S)
    live.close()
    emitted = len(board.sequences)
    release.set()
    live.close()
    live.watch("b", lambda: 1, every_s=1.0)
    assert len(board.sequences) == emitted
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("live-"))


def test_the_machine_clock_refreshes_by_itself(board: Board) -> None:
    values = iter(range(1_000))
    answer: Callable[[], int] = lambda: next(values)  # noqa: E731
    live = Live(board)
    try:
        live.watch("a", answer, every_s=0.01)
        live.look(["a"])
        while board.next(Freshness.FRESH).value != 3:
            pass
    finally:
        live.close()


def _drain(board: Board) -> list[Reading[Any]]:
    left = []
    while not board.readings.empty():
        left.append(board.readings.get())
    return left


@dataclass(slots=True, frozen=True)
class Paced:
    """A value that says how soon asking again is worth it."""

    ask_again_s: float


def test_a_value_may_ask_to_be_completed_soon_or_to_be_left_alone_longer(
    live: Live, board: Board, clock: ManualClock
) -> None:
    source = Source()
    started(live, board, source, Paced(3.0))
    clock.advance(3)
    source.wait_asked()
    source.answers(Paced(60.0))
    reading = board.next(Freshness.FRESH)
    assert reading.next_at is not None
    assert (reading.next_at - clock.utc()).total_seconds() == 60.0
    clock.advance(45)
    assert source.calls == 2
    last = live.last("a")
    assert last is not None
    assert last.freshness is Freshness.FRESH


def test_waiting_for_the_consoles_own_turn_is_not_called_rate_limited(live: Live, board: Board) -> None:
    source = Source()
    live.watch("a", source, every_s=2.0)
    live.look(["a"])
    source.answers(TurnAwaited("datadog", limit=2, period_s=10.0, budget="logs_aggregate", retry_after=16.0))
    assert board.next(Freshness.FAILED).failure == "datadog: waiting its turn, 16 s (2 per 10 s)"
