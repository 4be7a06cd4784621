"""The pace of a drain: pacer, breaker and ladder against endpoint models, and one rule at a time by hand."""

from __future__ import annotations

import math

import pytest

from diagnostics.recovery.breaker import Breaker, BreakerRules
from diagnostics.recovery.feeding import Feeding
from diagnostics.recovery.ladder import Ladder
from diagnostics.recovery.pacer import Answer, Outcome, Pacer, PaceRules
from diagnostics.recovery.simulation import Endpoint, simulate
from tests.sampling import sampled

SPAN_S = 600.0

CELLS = [
    # Endpoint, delay of the signal, least share of R in percent, most answered 429 in percent. Half an hour reaches the
    # bars of docs/performance.md; in these ten minutes the ramp weighs three times as much.
    (Endpoint(20, 20), 0.0, 98.0, 0.5),
    (Endpoint(20, 20), 5.0, 95.0, 1.0),
    (Endpoint(20, 1), 0.0, 94.0, 0.5),
    (Endpoint(20, 1), 5.0, 92.0, 1.0),
    (Endpoint(5, 5), 1.0, 98.0, 1.0),
    (Endpoint(15, 450), 0.0, 100.0, 1.5),
    (Endpoint(20, 20, halved=(200, 500)), 1.0, 90.0, 1.5),
    (Endpoint(20, 20), 15.0, 87.0, 2.5),
]


def accepted(sent_at: float, heard_at: float | None = None) -> Outcome:
    return Outcome(sent_at, sent_at if heard_at is None else heard_at, Answer.ACCEPTED)


def limited(sent_at: float, retry_after_s: float | None = None, heard_at: float | None = None) -> Outcome:
    return Outcome(sent_at, sent_at if heard_at is None else heard_at, Answer.LIMITED, retry_after_s)


def failed(sent_at: float) -> Outcome:
    return Outcome(sent_at, sent_at, Answer.FAILED)


@pytest.mark.parametrize("cell", sampled(CELLS, 3))
def test_the_pacer_uses_the_limit_and_seldom_meets_it(cell: tuple[Endpoint, float, float, float]) -> None:
    endpoint, delay, share, most_429 = cell
    run = simulate(Pacer(PaceRules(), 0.0), endpoint, delay_s=delay, until_s=SPAN_S)
    assert 100 * run.accepted / endpoint.capacity(SPAN_S) >= share
    assert 100 * run.limited_share <= most_429
    # What is out was never more than the fastest rate for as long as the signal takes.
    assert run.most_in_flight <= delay * endpoint.rate * 4 + endpoint.burst * delay + 1


def test_a_known_limit_is_never_reached_and_live_traffic_keeps_its_share() -> None:
    endpoint = Endpoint(40, 40, live_rate=20)
    run = simulate(Pacer(PaceRules(known_rate=40, live_share=0.5), 0.0), endpoint, delay_s=5.0, until_s=300.0)
    # Live traffic comes by chance: now and then it takes the whole second.
    assert run.limited_share <= 0.005
    assert run.live_limited_share <= 0.005
    assert run.accepted / 300.0 <= 20 * 0.98


def test_no_more_is_out_than_rate_times_delay() -> None:
    pacer = Pacer(PaceRules(start_rate=3.0), 0.0)
    now, out = 0.0, 0
    while (due := pacer.due(now)) is not None:
        now = due
        pacer.sent(now)
        out += 1
    # Before anything is known of the delay: one second's worth. Then nothing goes, however long it takes.
    assert out == 3
    assert pacer.due(now + 3_600) is None
    pacer.heard(accepted(0.0, heard_at=10.0))
    assert pacer.window(10.0) == int(pacer.rate(10.0) * 10.0) + 1


@pytest.mark.parametrize("seconds", [7.0, 86_400.0])
def test_retry_after_is_a_floor(seconds: float) -> None:
    pacer = Pacer(PaceRules(), 0.0)
    pacer.sent(0.0)
    pacer.heard(limited(0.0, seconds))
    assert pacer.paused_until == seconds
    assert pacer.due(seconds - 0.01) == seconds
    assert pacer.due(seconds) is not None
    assert pacer.paused_until is None


def test_a_retry_after_that_has_passed_when_it_is_heard_or_makes_no_sense_pauses_nothing() -> None:
    for wait in (1.0, 0.0, -5.0, math.inf, math.nan, None):
        pacer = Pacer(PaceRules(), 0.0)
        pacer.sent(0.0)
        pacer.heard(limited(0.0, wait, heard_at=5.0))
        assert pacer.paused_until is None


def test_a_clock_that_is_read_late_or_out_of_order_makes_no_burst() -> None:
    pacer = Pacer(PaceRules(start_rate=10.0), 0.0)
    pacer.sent(0.0)
    pacer.heard(accepted(0.0))
    # The machine slept for an hour: one event goes, and the next a tenth of a second later.
    assert pacer.due(3_600.0) == 3_600.0
    pacer.sent(3_600.0)
    pacer.heard(accepted(3_600.0))
    due = pacer.due(3_600.0)
    assert due is not None
    assert due - 3_600.0 >= 1 / (10.0 * (1 + PaceRules().ramp_most))
    # A moment before the last one known does not bring the next event forward.
    earlier = pacer.due(10.0)
    assert earlier is not None
    assert earlier > 3_600.0


def test_other_failures_leave_the_rate_alone_and_open_the_breaker() -> None:
    pacer = Pacer(PaceRules(start_rate=4.0), 0.0)
    pacer.sent(0.0)
    pacer.heard(failed(0.0))
    assert pacer.rate(0.0) == 4.0

    breaker = Breaker(BreakerRules())
    for second in range(18):
        breaker.heard(accepted(float(second)))
    breaker.heard(failed(18.0))
    assert breaker.due(18.0) == 18.0
    breaker.heard(failed(19.0))
    # 2 of 20 is 10 %.
    assert breaker.due(19.0) == 79.0
    breaker.heard(accepted(15.0, heard_at=20.0))
    assert breaker.due(79.0) == 79.0
    breaker.sent()
    assert breaker.due(80.0) is None
    breaker.heard(failed(79.5))
    assert breaker.due(80.0) == 139.5
    breaker.sent()
    breaker.heard(accepted(140.0))
    assert breaker.due(140.0) == 140.0
    assert breaker.opened == 2


def test_429s_never_open_the_breaker_and_a_trial_that_meets_one_is_tried_again() -> None:
    breaker = Breaker(BreakerRules(least=1))
    for second in range(50):
        breaker.heard(limited(float(second)))
    assert breaker.opened == 0
    breaker.heard(failed(50.0))
    breaker.sent()
    assert breaker.due(120.0) is None
    breaker.heard(limited(115.0))
    assert breaker.due(120.0) == 120.0


def test_failures_that_are_older_than_the_window_do_not_count() -> None:
    breaker = Breaker(BreakerRules())
    for second in range(9):
        breaker.heard(failed(float(second)))
    for second in range(100, 120):
        breaker.heard(accepted(float(second)))
    assert breaker.opened == 0


def test_each_rung_waits_for_the_one_before() -> None:
    ladder = Ladder()
    sizes = []
    while not ladder.climbed:
        size = 0
        while ladder.open():
            ladder.sent()
            size += 1
        sizes.append(size)
        for number in range(size):
            assert not ladder.open()
            # A 429 is the pacer's: it fails no rung.
            ladder.heard(limited(0.0) if number % 2 else accepted(0.0))
    assert sizes == [1, 2, 5, 20, 50, 200]
    assert ladder.open()


@pytest.mark.parametrize(("rungs", "failures", "stops"), [((1,), 1, True), ((20,), 1, False), ((20,), 2, True)])
def test_a_rung_that_fails_ends_the_drain(rungs: tuple[int, ...], failures: int, stops: bool) -> None:
    ladder = Ladder(rungs)
    for number in range(rungs[0]):
        ladder.sent()
        ladder.heard(failed(0.0) if number < failures else accepted(0.0))
    assert (ladder.failed_rung == 0) is stops
    assert ladder.climbed is not stops
    assert ladder.open() is not stops


def test_a_drain_climbs_waits_for_late_outcomes_and_stops_at_the_first_bad_rung() -> None:
    feeding = Feeding(PaceRules(), 0.0)
    run = simulate(feeding, Endpoint(20, 20), delay_s=5.0, until_s=600.0, events=79)
    # 1 + 2 + 5 + 20 + 50: five rungs of at least five seconds each.
    assert feeding.ladder.rung == 5
    assert 25.0 <= run.seconds <= 60.0

    stopped = Feeding(PaceRules(), 0.0)
    stopped.sent(0.0)
    stopped.heard(failed(0.0))
    assert stopped.due(1_000.0) is None
    assert stopped.ladder.failed_rung == 0
