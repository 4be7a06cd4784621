"""Pulses: counts against the usual, the backlog, parts that fail, and frugality with requests."""

from __future__ import annotations

import pytest

from diagnostics.failures import SourceFailure, UserError
from diagnostics.models.readings import Pulse
from diagnostics.models.triage import Status
from diagnostics.pulse_rules import judge_count
from tests.service.world import World, ago, unreachable

WINDOW_S = 900


def pulse(world: World, issue: str = "oauth_failure") -> Pulse:
    """A pulse whose baseline is known, or has failed."""
    query = world.service.query_for(issue)
    world.service._tools.logs.baselines.settled(query, WINDOW_S, 10.0)
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
    assert (found.severity, found.status, found.count, found.usual) == (severity, status, count, usual)
    assert found.ratio == (count / usual if usual else None)


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
