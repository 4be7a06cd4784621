"""Shared answers, baselines, buckets and the memory of deals."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import SingleFlight
from diagnostics.signals.baselines import Baselines
from diagnostics.signals.counts import Usual, complete_buckets
from diagnostics.signals.deal_index import DealIndex, deal_of, positive_id
from tests.service.world import MIDNIGHT, event, evidence, settled, unreachable

DEADLINE_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_equal_questions_at_the_same_time_are_asked_once() -> None:
    answers, asked, release = SingleFlight(), threading.Event(), threading.Event()
    calls: list[int] = []

    def ask() -> int:
        calls.append(1)
        asked.set()
        assert release.wait(DEADLINE_S)
        return 7

    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(answers.get("k", 5.0, ask))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert asked.wait(DEADLINE_S)
    release.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert (got, len(calls)) == ([7] * 4, 1)


def test_each_caller_says_how_old_an_answer_may_be() -> None:
    clock, numbers = Clock(), iter(range(9))
    answers = SingleFlight(clock=clock)
    assert answers.get("k", 5.0, lambda: next(numbers)) == 0
    clock.now += 6
    assert answers.get("k", 20.0, lambda: next(numbers)) == 0
    assert answers.get("k", 5.0, lambda: next(numbers)) == 1


def test_the_last_answer_is_recalled_with_its_age_whatever_a_newer_asking_does() -> None:
    clock = Clock()
    answers = SingleFlight(clock=clock)

    def fail() -> int:
        raise unreachable()

    assert answers.recall("k", 180.0) is None
    assert answers.get("k", 5.0, lambda: 7, recalled=True) == 7
    answers.get("not kept", 5.0, lambda: 7)
    clock.now += 60
    with pytest.raises(SourceFailure):
        answers.get("k", 5.0, fail, recalled=True)
    asked, release = threading.Event(), threading.Event()

    def hang() -> bool:
        asked.set()
        return release.wait(DEADLINE_S)

    hanging = threading.Thread(target=lambda: answers.get("k", 5.0, hang))
    hanging.start()
    assert asked.wait(DEADLINE_S)
    assert answers.recall("k", 180.0) == 7
    assert answers.recall("k", 59.0) is None
    assert answers.recall("not kept", 180.0) is None
    release.set()
    hanging.join(DEADLINE_S)


def test_a_failure_is_raised_and_not_kept() -> None:
    answers = SingleFlight()
    with pytest.raises(SourceFailure):
        answers.get("k", 5.0, lambda: (_ for _ in ()).throw(unreachable()))
    assert answers.get("k", 5.0, lambda: 3) == 3


def test_the_memory_is_bounded() -> None:
    answers = SingleFlight(most=3)
    for number in range(10):
        answers.get(number, 5.0, lambda: number)  # noqa: B023  # called at once
    assert len(answers._answers) == 3


def usual(count: float) -> Usual:
    return Usual(count, 95, evidence("q"))


def test_a_baseline_is_asked_in_the_background_and_kept() -> None:
    release, calls = threading.Event(), []

    def ask(query: str, window_s: int) -> Usual:
        calls.append((query, window_s))
        assert release.wait(DEADLINE_S)
        return usual(45.0)

    baselines = Baselines(ask, keep_s=600.0)
    assert baselines.known("q", 900).is_pending
    assert baselines.known("q", 900).is_pending
    release.set()
    found = settled(baselines, "q")
    assert found.usual is not None
    assert found.usual.count == 45.0
    baselines.known("q", 900)
    assert calls == [("q", 900)]


def test_a_baseline_whose_turn_has_not_come_is_pending_and_not_failed() -> None:
    attempts: list[int] = []

    def ask(query: str, window_s: int) -> Usual:
        attempts.append(1)
        if len(attempts) < 3:
            raise SourceFailure(FailureKind.RATE_LIMITED, "datadog", "spent", retry_after=0.01)
        return usual(3.0)

    baselines = Baselines(ask, keep_s=600.0)
    found = settled(baselines, "q")
    assert found.usual is not None
    assert (found.usual.count, len(attempts)) == (3.0, 3)


def test_a_failed_baseline_keeps_the_older_one_and_is_left_alone_for_a_while() -> None:
    clock, failing = Clock(), [False]
    calls: list[int] = []

    def ask(query: str, window_s: int) -> Usual:
        calls.append(1)
        if failing[0]:
            raise unreachable()
        return usual(45.0)

    baselines = Baselines(ask, keep_s=600.0, clock=clock)
    assert settled(baselines, "q").usual is not None
    failing[0] = True
    clock.now += 601
    settled(baselines, "q")
    again = baselines.known("q", 900)
    assert again.usual is not None
    assert again.failure is not None
    assert len(calls) == 2


def test_a_window_that_starts_within_a_minute_has_no_partial_minute() -> None:
    start = MIDNIGHT + timedelta(seconds=20)
    series = tuple((int((MIDNIGHT + timedelta(minutes=n)).timestamp() * 1_000), 10.0) for n in range(4))
    assert complete_buckets(series, start, start + timedelta(minutes=3), 60_000) == (10, 10)


@given(
    offset=st.integers(0, 3_600_000),
    length=st.integers(0, 7_200_000),
    filled=st.sets(st.integers(0, 200), max_size=50),
)
def test_complete_buckets_lie_inside_the_window_and_absent_ones_are_zero(
    offset: int, length: int, filled: set[int]
) -> None:
    start = MIDNIGHT + timedelta(milliseconds=offset)
    end = start + timedelta(milliseconds=length)
    base = int(MIDNIGHT.timestamp() * 1_000)
    series = tuple((base + minute * 60_000, 1.0) for minute in sorted(filled))
    buckets = complete_buckets(series, start, end, 60_000)
    inside = [m for m in filled if m * 60_000 >= offset and (m + 1) * 60_000 <= offset + length]
    assert sum(buckets) == len(inside)
    assert len(buckets) <= length // 60_000


def test_a_deal_is_read_from_where_logs_name_it() -> None:
    seen = deal_of(event(1, {"deal_id": "777", "account_id": 75172, "agentCount": 0}))
    assert seen is not None
    assert (seen.deal_id, seen.account_id, seen.without_agents) == (777, 75172, True)
    assert deal_of(event(1, {"account_id": 1})) is None


@pytest.mark.parametrize("value", [0, -1, True, None, "0", "x", "１２", 1.5, "9" * 30])
def test_what_is_no_positive_id_is_none(value: object) -> None:
    assert positive_id(value) is None


def test_deals_seen_in_two_accounts_are_both_remembered_and_memory_is_bounded() -> None:
    seen = DealIndex(most=2)
    seen.note([event(1, {"deal_id": 777, "account_id": 1}), event(2, {"deal_id": 777, "account_id": 2})])
    assert seen.accounts(777) == {1, 2}
    seen.note(event(n, {"deal_id": n, "account_id": 1, "agentCount": 0}) for n in range(10, 14))
    assert seen.accounts(777) == frozenset()
    assert [deal.deal_id for deal in seen.without_agents()] == [13, 12]


def test_answers_too_old_for_everybody_are_dropped_when_another_comes() -> None:
    clock = Clock()
    answers = SingleFlight(clock=clock)
    answers.get("short", 5.0, lambda: 1)
    answers.get("long", 5.0, lambda: 1)
    answers.get("long", 60.0, lambda: 2)
    clock.now += 30
    answers.get("new", 5.0, lambda: 1)
    assert set(answers._answers) == {"long", "new"}
    assert answers.get("long", 60.0, lambda: 3) == 1


def test_forgotten_answers_are_asked_anew_and_a_question_under_way_is_not_asked_twice() -> None:
    answers, asked, release = SingleFlight(), threading.Event(), threading.Event()
    assert answers.get("done", 60.0, lambda: 1) == 1

    def slow() -> int:
        asked.set()
        assert release.wait(DEADLINE_S)
        return 7

    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(answers.get("slow", 60.0, slow)))
    thread.start()
    assert asked.wait(DEADLINE_S)
    answers.forget()
    assert answers.get("done", 60.0, lambda: 2) == 2
    release.set()
    assert answers.get("slow", 60.0, lambda: 8) == 7
    thread.join(DEADLINE_S)
    assert got == [7]
