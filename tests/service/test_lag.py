"""Logs that arrive late: what is newer than the newest log is no data, and nothing counted from it an all-clear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.incident.assess.readings import measure
from diagnostics.models.datadog import Aggregate, Bucket
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.signals.lag import (
    LagRules,
    Read,
    Windows,
    first_grown,
    lag_of,
    newest_logs,
    services_named,
    unexplained_silence,
    with_growth,
)
from tests.service.world import World, ago, event, evidence, unreachable
from tests.shipped import shipped_catalogue

NOW = datetime(2025, 11, 17, 14, 3, 25, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)
MINUTE = 60_000
LATE = (60, 130, 300, 1_200)


@pytest.fixture(scope="module")
def rules() -> LagRules:
    """The limits as they ship."""
    thresholds = shipped_catalogue().thresholds
    return LagRules(thresholds["log_lag"], thresholds["log_growth"])


def told(logs: Mapping[str, range]) -> Aggregate:
    """An answer in which each service has a log in these steps, seconds before now."""
    buckets = [
        Bucket({"service": service}, (tuple((NOW_MS - 1_000 * ago, 1.0) for ago in steps),))
        for service, steps in logs.items()
    ]
    return Aggregate(tuple(buckets), evidence("*"))


@pytest.mark.parametrize("late_s", LATE)
def test_the_newest_log_tells_how_late_logs_are(rules: LagRules, late_s: int) -> None:
    newest = newest_logs(told({"fub": range(late_s, 3_000, 10)}), NOW)
    lag = lag_of(newest, "service:fub x", rules)
    assert (lag.seconds, lag.newest) == (late_s, NOW - timedelta(seconds=late_s))
    assert lag.status is (Status.FAIL if late_s > 300 else Status.WARN)
    assert "limit > 30 s warning, > 300 s critical" in lag.words()


def test_logs_that_are_seconds_old_are_in_time(rules: LagRules) -> None:
    lag = lag_of(newest_logs(told({"fub": range(5, 3_000, 10)}), NOW), "service:fub x", rules)
    assert (lag.is_late, lag.words(), lag.ends) == (False, "", None)


def test_one_late_service_is_late_for_its_own_queries_and_for_those_that_name_none(rules: LagRules) -> None:
    newest = newest_logs(told({"fub": range(300, 3_000, 10), "fub-worker": range(0, 3_000, 10)}), NOW)
    assert lag_of(newest, "service:fub x", rules).seconds == 300
    assert lag_of(newest, "@context.account_id:1 status:error", rules).seconds == 300
    assert not lag_of(newest, "service:fub-worker status:error", rules).is_late
    assert lag_of(newest, "service:(fub OR fub-worker)", rules).seconds == 300


def test_a_service_that_often_says_nothing_for_minutes_is_not_late(rules: LagRules) -> None:
    newest = newest_logs(told({"fub": range(0, 3_000, 10), "fub-csd": range(200, 3_000, 240)}), NOW)
    assert not lag_of(newest, "service:fub-csd x", rules).is_late
    newest = newest_logs(told({"fub": range(0, 3_000, 10), "fub-csd": range(300, 3_000, 240)}), NOW)
    assert lag_of(newest, "service:fub-csd x", rules).seconds == 300


def test_a_service_without_any_log_has_a_lag_that_is_not_known(rules: LagRules) -> None:
    for logs, query in (({}, "x"), ({"fub": range(0, 900, 10)}, "service:fub-api x")):
        lag = lag_of(newest_logs(told(logs), NOW), query, rules)
        assert (lag.seconds, lag.newest, lag.status) == (None, None, Status.NO_DATA)
        assert "no log" in lag.words()


@pytest.mark.parametrize(
    ("query", "services"),
    [
        ("service:fub @context.service:zillow", ("fub",)),
        ("@context.service:zillow", ()),
        ("service:fub OR service:fub-api", ("fub", "fub-api")),
        ("service:(fub OR fub-api) -service:x", ("fub", "fub-api")),
        ('service:"fub"', ("fub",)),
        ("service:fub*", ()),
    ],
)
def test_a_query_draws_from_the_services_it_names(query: str, services: tuple[str, ...]) -> None:
    assert services_named(query) == services


def read(at: datetime, *counts: int) -> Read:
    """The last complete minutes before 14:03, oldest first."""
    first = NOW_MS // MINUTE * MINUTE - len(counts) * MINUTE
    return Read(at, {first + place * MINUTE: count for place, count in enumerate(counts)})


@pytest.mark.honesty(
    "logs: one stream is late, the others of its service are not",
    "a minute that has grown since it was read, and every later one, is incomplete",
)
def test_a_minute_that_grew_marks_itself_and_those_after_it_incomplete(rules: LagRules) -> None:
    before = read(NOW, 1_200, 1_195, 700, 0, 0, 0)
    now = read(NOW + timedelta(seconds=25), 1_200, 1_195, 1_201, 110, 0, 0)
    grown = first_grown(before, now, rules)
    assert grown == NOW_MS // MINUTE * MINUTE - 4 * MINUTE
    newest = newest_logs(told({"fub": range(0, 3_000, 10)}), NOW)
    lag = with_growth(lag_of(newest, "service:fub x", rules), grown, NOW, rules)
    assert (lag.is_late, lag.newest) == (True, datetime(2025, 11, 17, 13, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((100, 100, 100), (100, 100, 100)),
        # Within the catalogue's 5 %, and less than before.
        ((100, 100, 100), (105, 100, 90)),
        # The youngest minute ended 25 s before it was read.
        ((100, 100, 40), (100, 100, 100)),
    ],
)
def test_what_does_not_grow_beyond_the_share_was_complete(
    rules: LagRules, before: tuple[int, ...], now: tuple[int, ...]
) -> None:
    assert first_grown(read(NOW, *before), read(NOW + timedelta(seconds=30), *now), rules) is None


def day(*counts: int) -> Windows:
    """Windows of a quarter of an hour, the last of which ended at 14:00."""
    length_ms = 15 * MINUTE
    end_ms = NOW_MS // length_ms * length_ms
    return Windows(end_ms - len(counts) * length_ms, length_ms, counts, evidence("q"))


@pytest.mark.parametrize(
    ("counts", "silent_s"),
    [
        # Nothing all day, or so little that nothing is no surprise.
        ((0,) * 20, None),
        ((1, 0, 2, 1, 0, 3), None),
        # Many until a moment ago: it may be over or late, and one reading cannot tell.
        ((12, 15, 11, 18_000), 900.0),
        ((12, 15, 18_000, 40), 900.0),
        ((12, 15, 18_000, 0), 1_105.0),
        # As silent after as many before.
        ((18_000, 0, 0, 17_000, 18_000, 0), None),
        ((40, 0, 0, 17_000, 18_000, 0), 1_105.0),
        # Later than anybody looks for the newest log.
        ((12, 18_000, 0, 0, 0, 0, 0), None),
    ],
)
def test_a_silence_is_explained_by_the_day_before_or_not(counts: tuple[int, ...], silent_s: float | None) -> None:
    assert unexplained_silence(day(*counts), NOW) == silent_s


def test_windows_that_fill_are_found_and_others_are_not() -> None:
    before = day(12, 9_000, 0)
    assert before.first_grown(day(12, 9_000, 0)) is None
    assert before.first_grown(day(12, 9_001, 0)) == before.first_ms + before.length_ms
    later = Windows(before.first_ms + before.length_ms, before.length_ms, (9_000, 0, 7), before.evidence)
    assert before.first_grown(later) == before.first_ms + 3 * before.length_ms


# ---- what is made of it


def late(world: World, seconds: float, *, rate: int = 0) -> None:
    """Logs are so late, and `rate` HTTP 429 a minute were written all the time."""
    world.datadog.late_s = dict.fromkeys(world.datadog.late_s, seconds)
    world.datadog.about(world.query("rate_limited")).total = rate * 15


@pytest.mark.honesty("logs: ingest delay of 60 to 1,200 s", "counts are no data, or bad news up to the newest log")
@pytest.mark.parametrize("late_s", LATE)
def test_no_count_of_late_logs_is_a_pass_or_a_zero(world: World, late_s: int) -> None:
    late(world, late_s)
    for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
        pulse = world.service.pulse(issue, 900)
        assert (pulse.status, pulse.count) == (Status.NO_DATA, None)
        assert pulse.accounts is None
        assert any("late (limit > 30 s warning" in line for line in pulse.findings)
    for check, issue in (("rate_limit_rate", "rate_limiting"), ("zero_agent_deals", "transaction_sync")):
        found = world.service.check(check, TriageRequest(issue_type=issue))
        assert (found.status, found.value) == (Status.NO_DATA, None)
        assert found.evidence is not None
        assert "late (limit > 30 s warning, > 300 s critical)" in found.evidence.caveat
    for name in ("rate_limited_per_minute", "zillow_requests", "events_in_window", "accounts_affected"):
        (figure,) = measure(world.service.context, world.service.health, "rate_limiting", only=(name,))
        assert (figure.status, figure.value) == (Status.NO_DATA, None), name


@pytest.mark.parametrize("late_s", LATE)
def test_the_rate_of_late_logs_fails_on_the_newest_minute_that_can_be_complete(world: World, late_s: int) -> None:
    late(world, late_s, rate=1_200)
    found = world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    assert (found.status, found.value) == (Status.FAIL, 1_200)
    assert found.evidence is not None
    assert found.evidence.newest_at is not None
    age = (found.evidence.started_at - found.evidence.newest_at).total_seconds()
    assert late_s - 1 <= age <= late_s + 11
    assert "a minute now" not in found.summary
    (figure,) = measure(world.service.context, world.service.health, "rate_limiting", only=("rate_limited_per_minute",))
    assert figure.evidence is not None
    assert figure.taken_at == figure.evidence.newest_at, "its age is that of its data"


def test_late_logs_are_a_warning_of_their_own_in_the_header(world: World) -> None:
    for late_s, status, detail in ((0, Status.PASS, "per 10 s"), (300, Status.WARN, "late")):
        world.service.forget_answers()
        late(world, late_s)
        world.service.pulse("rate_limiting", 900)
        datadog = world.service.sources()[0]
        assert (datadog.name, datadog.status) == ("datadog", status)
        assert detail in datadog.detail


def test_a_few_429_of_late_logs_are_no_all_clear(world: World) -> None:
    late(world, 130, rate=1)
    found = world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    assert (found.status, found.value) == (Status.NO_DATA, 1)


def test_a_count_proves_that_its_service_is_in_time_and_no_more_is_asked(world: World) -> None:
    world.datadog.about(world.query("rate_limited")).total = 1_200 * 15
    for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
        assert world.service.pulse(issue, 900).count is not None, issue
        found = world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
        assert (found.status, found.value) == (Status.FAIL, 1_200)
    assert world.datadog.newest_asked == 0
    # Nothing of it tells of another service, or of all.
    assert world.service.context.logs.lag("service:fub-api x").status is Status.PASS
    assert world.datadog.newest_asked == 1


def test_where_nothing_is_counted_one_line_proves_that_its_service_is_in_time(world: World) -> None:
    world.datadog.about('service:"fub"').events = (event(1, {}),)
    for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
        assert world.service.pulse(issue, 900).count == 0, issue
    assert world.datadog.newest_asked == 0
    assert [kind for kind, query in world.datadog.asked if query == 'service:"fub"'] == ["search"]


@pytest.mark.parametrize("late_s", LATE)
def test_a_count_of_late_logs_proves_nothing(world: World, late_s: int) -> None:
    late(world, late_s, rate=1_200)
    for issue in ("rate_limiting", "oauth_failure"):
        assert world.service.pulse(issue, 900).status is not Status.PASS
    assert world.datadog.newest_asked == 1
    kinds = [kind for kind, query in world.datadog.asked if query == world.query("rate_limited")]
    assert kinds.count("counts") == 2, "it is counted once more, up to the newest log"


def test_the_lag_costs_one_aggregate_a_minute_for_everybody(world: World) -> None:
    for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
        world.service.pulse(issue, 900)
        world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    assert world.datadog.newest_asked == 1


def test_a_lag_that_could_not_be_asked_for_is_not_known_and_no_all_clear(world: World) -> None:
    world.datadog.newest_failure = unreachable()
    found = world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert "how late logs are is not known" in found.summary.lower()


def test_a_stream_that_comes_late_is_seen_when_its_minutes_are_counted_again(world: World) -> None:
    asked = world.datadog.about(world.query("rate_limited"))
    asked.total, asked.per_minute = 900, (60, 60, 60, 0, 0, 0)
    request = TriageRequest(issue_type="rate_limiting")
    assert world.service.check("rate_limit_rate", request).value is None
    asked.per_minute = (60, 60, 60, 60, 20, 0)
    world.service.forget_answers()
    found = world.service.check("rate_limit_rate", request)
    assert (found.status, found.value) == (Status.WARN, 60)
    assert "these events are" in found.summary


@pytest.mark.parametrize("still_comes", [False, True])
def test_two_looks_at_the_day_before_tell_over_from_late(
    world: World, monkeypatch: pytest.MonkeyPatch, still_comes: bool
) -> None:
    monkeypatch.setattr("diagnostics.signals.lateness.LOOK_AGAIN_S", 0.0)
    asked = world.datadog.about(world.query("rate_limited"))
    asked.total, asked.usual = 0, 18_000
    request = TriageRequest(issue_type="rate_limiting")
    found = world.service.check("rate_limit_rate", request)
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert "nothing in 15 min after many" in found.summary
    asked.usual += still_comes
    world.service.forget_answers()
    found = world.service.check("rate_limit_rate", request)
    assert (found.status, found.value) == ((Status.NO_DATA, None) if still_comes else (Status.PASS, 0))
    assert ("these events are" in found.summary) == still_comes


def test_a_day_before_that_is_not_told_proves_nothing(world: World) -> None:
    world.datadog.baseline_failure = unreachable()
    found = world.service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert "how late these events are is not known" in found.summary.lower()


def test_a_stream_that_was_watched_while_it_fell_silent_is_over(world: World) -> None:
    asked = world.datadog.about(world.query("rate_limited"))
    asked.total, asked.usual = 450, 450
    request = TriageRequest(issue_type="rate_limiting")
    assert world.service.check("rate_limit_rate", request).value == 30
    asked.per_minute = (30,) * 12 + (0, 0, 0)
    asked.total = 0
    world.service.forget_answers()
    assert world.service.check("rate_limit_rate", request).value is None, "what was read before is not found any more"


# ---- a copy of common that is behind


def quiet_common(world: World, behind: timedelta) -> None:
    """Healthy connections, webhooks that are delivered, and nothing since then."""
    at = ago(seconds=5) - behind
    world.common("zillow_lead_events_log", {"sync_user_id": 1, "sync_status": "success", "created_at": at})
    world.webhooks("delivered", 3, received=at, processed=at)
    world.common(
        "zillow_sync_users",
        *(
            {"account_id": 14009, "user_id": n, "zillow_integration_id": "z", "connection_health_status": "healthy"}
            for n in range(20)
        ),
    )


@pytest.mark.honesty("common is a copy that is three hours behind", "no data, with the age of the newest row")
def test_a_copy_that_is_behind_has_no_new_problems_to_tell_of(world: World) -> None:
    quiet_common(world, timedelta(hours=3))
    found = world.service.check("proactive_monitoring", TriageRequest(issue_type="connection_health"))
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert "newest row of common is 3 h" in found.summary
    for name in ("webhook_backlog", "data_loss_risk", "batch_retry"):
        assert world.service.check(name, TriageRequest(issue_type="rate_limiting")).status is Status.NO_DATA, name
    for name in ("new_problems", "webhook_backlog", "events_lost", "oldest_pending_s", "health"):
        (figure,) = measure(world.service.context, world.service.health, "rate_limiting", only=(name,))
        assert figure.status == Status.NO_DATA, name
        assert figure.value != 0, name
    assert world.service.pulse("rate_limiting", 900).status is Status.NO_DATA


def test_a_copy_in_time_passes(world: World) -> None:
    quiet_common(world, timedelta())
    found = world.service.check("proactive_monitoring", TriageRequest(issue_type="connection_health"))
    assert (found.status, found.value) == (Status.PASS, 0)
    (figure,) = measure(world.service.context, world.service.health, "rate_limiting", only=("new_problems",))
    assert (figure.status, figure.value) == (Status.PASS, 0.0)
