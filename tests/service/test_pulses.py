"""Pulses: counts against the usual, the backlog, parts that fail, and frugality with requests."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from diagnostics.core.failures import SourceFailure, TurnAwaited, UserError
from diagnostics.models.datadog import Aggregate
from diagnostics.models.readings import Budget, Pulse
from diagnostics.models.triage import Status
from diagnostics.signals.pulses import judge_count
from tests.service.world import World, ago, budget, settled, unreachable

WINDOW_S = 900


def pulse(world: World, issue: str = "oauth_failure") -> Pulse:
    """A pulse whose baseline is known, or has failed."""
    query = world.service.query_for(issue)
    settled(world.service.context.logs.baselines, query, WINDOW_S)
    return world.service.pulse(issue, WINDOW_S)


@pytest.mark.parametrize(
    ("count", "usual", "severity", "status"),
    [
        (45, 45, "ok", Status.PASS),
        (90, 45, "high", Status.WARN),
        (412, 45, "critical", Status.FAIL),
        (19, 1, "ok", Status.PASS),
        (20, 0, "critical", Status.FAIL),
        (0, 3, "ok", Status.PASS),
        (0, 45, "ok", Status.NO_DATA),
    ],
)
def test_a_count_is_judged_against_the_usual(
    world: World, count: int, usual: int, severity: str, status: Status
) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = count, usual
    found = pulse(world)
    # None after so many is no count yet: one stream may be late.
    counted = None if (count, usual) == (0, 45) else count
    assert (found.severity, found.status, found.count, found.usual) == (severity, status, counted, usual)
    assert found.ratio == (None if counted is None or not usual else count / usual)


def test_one_aggregate_gives_count_series_and_accounts(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.accounts, told.usual = 450, 38, 45
    found = pulse(world)
    assert (found.accounts, found.headline) == (38, "450 in 15 min")
    assert set(found.per_minute) == {30}
    assert len(found.per_minute) in {14, 15}
    assert sorted(kind for kind, _ in world.datadog.asked) == ["counts", "usual"]
    assert len(found.evidence) == 2


def test_a_pulse_does_not_wait_for_its_baseline_and_judges_nothing_without_it(world: World) -> None:
    issue = world.catalogue.issues["oauth_failure"]
    pending = judge_count(issue, 412, None, is_pending=True)
    assert (pending.severity, pending.status, pending.ratio) == ("ok", Status.NO_DATA, None)
    world.datadog.about(world.query("oauth_failures")).total = 412
    first = world.service.pulse("oauth_failure", WINDOW_S)
    assert first.count == 412
    if first.usual is None:
        assert first.ask_again_s == 3.0


def test_a_baseline_that_cannot_be_had_asks_for_attention_instead_of_guessing(world: World) -> None:
    world.datadog.about(world.query("oauth_failures")).total = 412
    world.datadog.baseline_failure = unreachable()
    found = pulse(world)
    assert (found.severity, found.status, found.usual, found.ratio) == ("high", Status.WARN, None, None)
    assert any("usual not known: datadog: unreachable" in line for line in found.findings)


def test_the_rate_limit_sets_the_pace(world: World) -> None:
    world.datadog.about(world.query("oauth_failures")).usual = 45
    found = pulse(world)
    assert found.ask_again_s == 22.5
    for _ in range(5):
        world.service.pulse("oauth_failure", WINDOW_S)
    assert [kind for kind, _ in world.datadog.asked].count("counts") == 1


def test_the_backlog_is_the_headline_of_rate_limiting_and_lifts_its_severity(world: World) -> None:
    world.webhooks("pending", 10_001, received=ago(minutes=3))
    found = pulse(world, "rate_limiting")
    assert (found.severity, found.status, found.headline) == ("incident", Status.FAIL, "backlog 10,001")
    assert any("backlog 10,001 webhook events (> 10,000 critical)" in line for line in found.findings)


def test_a_dead_database_leaves_the_log_half_and_says_so(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 18_000, 12
    world.break_common()
    found = pulse(world, "rate_limiting")
    assert (found.severity, found.count, found.headline) == ("incident", 18_000, "backlog —")
    assert any(line.startswith("backlog not known: common: ") for line in found.findings)


@pytest.mark.honesty("the backlog becomes unknown", "the severity it gave stays, and says so")
def test_a_severity_does_not_drop_because_its_number_became_unknown(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 30, 12
    world.webhooks("pending", 10_001, received=ago(minutes=9))
    assert pulse(world, "rate_limiting").severity == "incident"
    world.break_common()
    for _ in range(2):
        world.service.forget_answers()
        found = pulse(world, "rate_limiting")
        assert (found.severity, found.status, found.headline) == ("incident", Status.FAIL, "backlog —")
        assert "incident, as when the backlog was last known" in found.findings


def test_silent_logs_leave_the_backlog_half_and_never_a_pass(world: World) -> None:
    world.webhooks("pending", 3, received=ago(minutes=3))
    world.datadog.failure = unreachable()
    found = world.service.pulse("rate_limiting", WINDOW_S)
    assert (found.status, found.count, found.headline) == (Status.UNREACHABLE, None, "backlog 3")


def test_silent_logs_fail_a_pulse_that_has_nothing_else(world: World) -> None:
    world.datadog.failure = unreachable()
    with pytest.raises(SourceFailure):
        world.service.pulse("oauth_failure", WINDOW_S)


def test_a_check_takes_the_count_that_the_pulse_has_asked_for(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 900, 900
    pulse(world, "rate_limiting")
    world.service.console_check("rate_limiting", "rate_limit_rate")
    assert [kind for kind, _ in world.datadog.asked].count("counts") == 1


def test_an_unknown_issue_type_is_bad_input(world: World) -> None:
    with pytest.raises(UserError, match="quantum"):
        world.service.pulse("quantum", WINDOW_S)


def quiet(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 12, 12


def test_quiet_logs_are_no_all_clear_while_the_backlog_cannot_be_read(world: World) -> None:
    quiet(world)
    world.break_common()
    found = pulse(world, "rate_limiting")
    assert (found.status, found.count, found.headline) == (Status.UNREACHABLE, 12, "backlog —")


def test_quiet_logs_are_no_all_clear_when_no_webhook_event_was_received_at_all(world: World) -> None:
    quiet(world)
    found = pulse(world, "rate_limiting")
    assert found.status is Status.NO_DATA
    assert not found.judging
    assert any("no webhook event received in the last 24 h" in line for line in found.findings)


def test_quiet_logs_and_a_small_backlog_pass(world: World) -> None:
    quiet(world)
    world.webhooks("delivered", 1, received=ago(minutes=3), processed=ago(minutes=2))
    assert pulse(world, "rate_limiting").status is Status.PASS


def test_a_partial_answer_never_passes_and_says_so(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual, told.partial = 45, 45, True
    found = pulse(world)
    assert (found.severity, found.status, found.judging) == ("ok", Status.NO_DATA, False)
    assert any("partial answer" in line for line in found.findings)


def test_a_partial_answer_that_is_bad_already_is_bad(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual, told.partial = 412, 45, True
    assert pulse(world).status is Status.FAIL


def test_a_partial_baseline_is_not_kept(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual, told.partial_usual = 412, 2, True
    found = pulse(world)
    assert (found.usual, found.status) == (None, Status.WARN)
    assert any(line.startswith("usual not known: ") for line in found.findings)


def test_only_a_count_whose_usual_is_on_its_way_is_being_judged(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = 412, 45
    release = threading.Event()
    ask = world.datadog.aggregate

    def slow(query: str, **asked: Any) -> Aggregate:  # noqa: ANN401  # handed on as it came
        if len(asked["computes"]) == 1 and not asked.get("group_by"):
            assert release.wait(20)
        return ask(query, **asked)

    world.datadog.aggregate = slow  # type: ignore[method-assign]
    waiting = world.service.pulse("oauth_failure", WINDOW_S)
    release.set()
    assert (waiting.status, waiting.judging, waiting.ask_again_s) == (Status.NO_DATA, True, 3.0)
    judged = pulse(world)
    assert (judged.status, judged.judging) == (Status.FAIL, False)


def test_a_silence_that_may_mean_lost_logs_is_not_being_judged(world: World) -> None:
    world.datadog.about(world.query("oauth_failures")).usual = 45
    found = pulse(world)
    assert (found.status, found.judging) == (Status.NO_DATA, False)
    assert found.ask_again_s == 22.5


def test_asking_by_hand_asks_anew_and_leaves_the_usual_alone(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 12, 12
    pulse(world, "rate_limiting")
    told.total = 1_500
    assert world.service.pulse("rate_limiting", WINDOW_S).count == 12
    world.service.forget_answers()
    assert world.service.pulse("rate_limiting", WINDOW_S).count == 1_500
    assert world.service.console_check("rate_limiting", "rate_limit_rate").value == 100
    asked = [kind for kind, _ in world.datadog.asked]
    assert (asked.count("counts"), asked.count("usual")) == (2, 1)


def test_a_shared_count_keeps_the_moment_at_which_it_was_asked_for(world: World) -> None:
    world.webhooks("pending", 3, received=ago(minutes=3))
    first = pulse(world, "rate_limiting")
    again = world.service.pulse("rate_limiting", WINDOW_S)
    checked = world.service.console_check("rate_limiting", "rate_limit_rate")
    assert checked.evidence is not None
    assert first.asked_at == again.asked_at == checked.evidence.started_at == first.evidence[0].started_at


def test_a_pulse_of_the_backlog_alone_was_asked_for_with_the_backlog(world: World) -> None:
    world.webhooks("pending", 3, received=ago(minutes=3))
    world.datadog.failure = unreachable()
    found = world.service.pulse("rate_limiting", WINDOW_S)
    assert found.asked_at == found.evidence[0].started_at
    assert found.evidence[0].source == "common"


@pytest.mark.parametrize(
    ("limits", "pace_s"),
    [
        # 3 critical issues at 1.5 requests each: 45 s ÷ the limit per 10 s.
        ((budget("a", 3, "logs_search"), budget("b", 2, "logs_aggregate")), 22.5),
        ((budget("b", 2, "logs_aggregate"), budget("a", 3, "logs_search")), 22.5),
        ((budget("logs", 2, "logs_search", "logs_aggregate"), budget("m", 1_000, "monitors")), 22.5),
        ((budget("logs", 2), budget("monitors", 1_000)), 22.5),
        ((budget("logs", 2),), 22.5),
        ((budget("a", 3, "logs_search"), budget("b", 1, "logs_aggregate")), 45.0),
        ((), None),
    ],
)
def test_the_pace_follows_the_limit_that_aggregates_are_counted_under(
    world: World, limits: tuple[Budget, ...], pace_s: float | None
) -> None:
    world.datadog.limits = limits
    assert pulse(world).ask_again_s == pace_s


DAY_S = 86_400


def day_pulse(world: World, issue: str) -> Pulse:
    settled(world.service.context.logs.baselines, world.service.query_for(issue), DAY_S)
    return world.service.pulse(issue, DAY_S)


@pytest.mark.parametrize("issue", ["oauth_failure", "rate_limiting", "transaction_sync"])
def test_days_before_the_oldest_log_make_no_incident_of_a_quiet_day(world: World, issue: str) -> None:
    told = world.datadog.about(world.service.query_for(issue))
    told.total, told.usual = 4_321, 4_300
    world.datadog.history_s = DAY_S + 3_600
    world.webhooks("delivered", 1, received=ago(minutes=3), processed=ago(minutes=2))
    found = day_pulse(world, issue)
    assert (found.severity, found.status, found.usual, found.ratio) == ("high", Status.WARN, None, None)
    assert "baseline not known" in found.findings[0]
    assert "usual not known: fewer than 3 windows of 24 h hold logs before this one" in found.findings


def test_the_backlog_alone_decides_where_the_usual_is_not_known(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.usual = 4_321, 4_300
    world.datadog.history_s = DAY_S
    world.webhooks("pending", 10_001, received=ago(minutes=3))
    assert day_pulse(world, "rate_limiting").severity == "incident"


def test_a_baseline_names_the_windows_that_held_logs(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = 4_321, 4_300
    found = day_pulse(world, "oauth_failure")
    assert (found.severity, found.usual) == ("ok", 4_300)
    line = next(line for line in found.findings if line.startswith("usual is the median of "))
    assert line in {f"usual is the median of {count} windows of 24 h" for count in (7, 8)}
    assert found.evidence[1].caveat == line.removeprefix("usual is the ")
    # A part of a day lies before the last four whole days: the logs begin inside it, so it counts as little.
    world.datadog.history_s = 5 * DAY_S
    shorter = world.service.context.logs._usual("another", DAY_S)
    assert shorter is not None
    assert (shorter.count, shorter.windows) == (0, 4) or shorter.windows == 3


def test_an_issue_that_is_new_is_grave_although_it_has_never_been_seen_before(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = 412, 0
    found = pulse(world)
    assert (found.severity, found.usual) == ("critical", 0)


def counted_then_failing(world: World, failure: SourceFailure, total: int) -> tuple[Pulse, Pulse]:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.accounts, told.usual = total, 9, 12
    world.webhooks("pending", 3, received=ago(minutes=3))
    first = pulse(world, "rate_limiting")
    world.datadog.failure = failure
    world.service.forget_answers()
    return first, world.service.pulse("rate_limiting", WINDOW_S)


def test_silent_logs_leave_the_last_count_with_its_age(world: World) -> None:
    first, found = counted_then_failing(world, unreachable(), 12)
    assert (found.count, found.usual, found.ratio, found.accounts) == (12, 12, 1, 9)
    assert found.per_minute == first.per_minute
    assert (found.status, found.log_failure) == (Status.UNREACHABLE, "datadog: unreachable")
    assert first.asked_at is not None
    assert found.findings[0] == f"count as of {first.asked_at:%H:%M:%S} UTC: datadog: unreachable"
    assert found.evidence[0].source == "common"
    assert first.evidence[0] in found.evidence
    again = world.service.pulse("rate_limiting", WINDOW_S)
    assert again.findings[0] == found.findings[0]


def test_a_grave_count_stays_grave_when_the_logs_fall_silent(world: World) -> None:
    _, found = counted_then_failing(world, unreachable(), 18_000)
    assert (found.severity, found.status, found.count) == ("incident", Status.FAIL, 18_000)


def test_another_window_has_no_last_count(world: World) -> None:
    counted_then_failing(world, unreachable(), 12)
    other = world.service.pulse("rate_limiting", 3_600)
    assert (other.count, other.log_failure) == (None, "datadog: unreachable")


def turn() -> TurnAwaited:
    return TurnAwaited("datadog", limit=2, period_s=10.0, budget="logs_aggregate", retry_after=16.0)


def test_waiting_for_a_turn_is_no_failure_of_the_source(world: World) -> None:
    _, found = counted_then_failing(world, turn(), 12)
    assert (found.status, found.log_failure) == (Status.NO_DATA, "datadog: waiting its turn, 16 s (2 per 10 s)")
    state = world.service.sources()[0]
    assert state.status is Status.PASS


def test_a_check_that_waits_for_its_turn_has_no_data(world: World) -> None:
    world.datadog.failure = turn()
    finding = world.service.console_check("rate_limiting", "rate_limit_rate")
    assert finding.status is Status.NO_DATA
    assert finding.summary == "Not asked yet: datadog: waiting its turn, 16 s (2 per 10 s)."
