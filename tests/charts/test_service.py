"""What is read for a chart, what it costs, and what it says where something is missing."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest

from diagnostics.charts.models import Chart
from diagnostics.charts.plot import Drawing
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.entries import Noted
from diagnostics.models.status import Status
from tests.service.world import World, ago, settled, unreachable

WINDOW_S = 900
HOUR_S = 3_600
REQUESTED, REFRESH_FAILED = "token_requested", "token_refresh_failed"


def values(chart: Chart) -> list[float | None]:
    return [point.value for point in chart.course.points]


def read(world: World, name: str, window_s: int = HOUR_S) -> Chart:
    return world.service.charts.read(name, window_s)


def test_a_pulse_is_drawn_from_the_count_that_the_pulse_has_asked_for(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual, told.per_minute = 450, 45, (12, 70)
    settled(world.service.context.logs.baselines, world.query("oauth_failures"), WINDOW_S)
    pulse = world.service.pulse("oauth_failure", WINDOW_S)

    chart = read(world, "oauth_failure", WINDOW_S)

    assert sorted(kind for kind, _ in world.datadog.asked) == ["counts", "usual"]
    assert values(chart)[-2:] == [12.0, 70.0]
    assert chart.course.points[0].at == pulse.minutes_from
    assert (chart.unit, chart.shown, chart.status) == ("/min", "70 /min", pulse.status)
    # 45 usual in 15 min are 3 a minute; twice and five times as many are 90 and 225, and 20 is the least that counts.
    assert [(limit.word, limit.value) for limit in chart.limits] == [("usual", 3.0), ("high", 6.0), ("critical", 15.0)]
    assert chart.judged_s == WINDOW_S
    assert [one.source for one in chart.evidence] == ["datadog", "datadog"]


def test_another_window_has_the_usual_of_the_consoles_own(world: World) -> None:
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = 600, 45
    settled(world.service.context.logs.baselines, world.query("oauth_failures"), WINDOW_S)

    chart = read(world, "oauth_failure", HOUR_S)

    assert len(chart.course.points) in {59, 60}
    assert chart.limits[0].value == 3.0
    assert "3.3 times the usual 180" in chart.rule


@pytest.mark.honesty(
    "logs are late while a chart of their counts is open", "the chart ends with the newest log and says so"
)
def test_minutes_that_late_logs_have_not_reached_are_not_drawn_as_nothing(world: World) -> None:
    world.datadog.late_s = dict.fromkeys(world.datadog.late_s, 600.0)
    told = world.datadog.about(world.query("oauth_failures"))
    told.total, told.usual = 450, 45

    chart = read(world, "oauth_failure", WINDOW_S)

    assert all(value is None or value > 0 for value in values(chart))
    assert chart.ends_at < ago(minutes=8)
    assert any("late" in note for note in chart.notes)
    assert chart.status is not Status.PASS


def test_a_pulse_whose_source_is_silent_has_no_chart(world: World) -> None:
    world.datadog.failure = unreachable()

    with pytest.raises(SourceFailure):
        read(world, "oauth_failure", WINDOW_S)


def test_token_success_is_known_where_tokens_were_requested(world: World) -> None:
    metrics = world.catalogue.metrics
    world.datadog.counters = {metrics[REQUESTED].metric: 200.0, metrics[REFRESH_FAILED].metric: 5.0}

    chart = read(world, "token_success")

    known = [value for value in values(chart) if value is not None]
    assert len(known) >= 11
    assert set(known) == {97.5}
    assert (chart.bad, chart.unit) == ("below", "%")
    assert [(limit.word, limit.value) for limit in chart.limits] == [("warning", 99.0), ("critical", 98.0)]


def test_token_success_without_a_counter_of_failures_is_not_a_hundred_per_cent(world: World) -> None:
    world.datadog.counters = {world.catalogue.metrics[REQUESTED].metric: 200.0}

    chart = read(world, "token_success")

    assert set(values(chart)) == {None}
    assert chart.shown == "—"


def test_a_percentile_over_time_costs_one_aggregate_beside_the_figure(world: World) -> None:
    world.datadog.about(world.query("api_requests")).p95 = 286.0

    chart = read(world, "api_p95", WINDOW_S)
    read(world, "api_p95", WINDOW_S)

    assert [kind for kind, _ in world.datadog.asked].count("p95") == 2
    assert set(values(chart)) == {286.0}
    assert chart.course.step_s == 60
    assert "pc95" in chart.evidence[0].query


@pytest.mark.honesty(
    "a figure that nobody has looked at for hours is opened as a chart", "gaps for those hours, and the basis says why"
)
def test_a_figure_is_drawn_from_what_was_seen_and_the_rest_is_not_known(world: World) -> None:
    first = read(world, "webhook_latency_p95")
    samples = world.service.health.samples()
    samples.note("webhook_latency_p95", 40.0, ago(minutes=31))

    chart = read(world, "webhook_latency_p95")

    known = [(point.at, point.value) for point in chart.course.points if point.value is not None]
    assert set(values(first)) == {None}
    assert [value for _, value in known] == [40.0]
    assert abs((known[0][0] - ago(minutes=31)).total_seconds()) <= 300
    assert "nobody looked" in chart.course.basis


def test_looking_at_a_figure_leaves_a_sample_and_one_without_a_value_leaves_none(world: World) -> None:
    metrics = world.catalogue.metrics
    world.datadog.counters = {metrics["transaction_created"].metric: 10.0, metrics["transaction_updated"].metric: 30.0}
    world.datadog.about(world.query("transaction_sync_failed")).total = 0

    world.service.health.kpis(only=("transaction_sync_success", "token_success"))

    samples = world.service.health.samples()
    since = ago(minutes=20)
    kept = {
        name: [point.value for point in samples.course(name, since, 300) if point.value is not None]
        for name in ("transaction_sync_success", "token_success")
    }
    assert kept == {"transaction_sync_success": [100.0], "token_success": []}


def test_a_figure_whose_source_fails_keeps_its_course_and_says_so(world: World) -> None:
    world.service.health.samples().note("transaction_sync_success", 97.0, ago(minutes=10))
    world.datadog.failure = unreachable()

    chart = read(world, "transaction_sync_success")

    assert [value for value in values(chart) if value is not None] == [97.0]
    assert "unreachable" in chart.failure
    assert chart.status is Status.UNREACHABLE


def test_the_backlog_has_its_two_hours_and_its_limits(world: World) -> None:
    old = ago(minutes=50)
    row = {"account_id": 14009, "event_type": "lead.created", "attempts": 0, "status": "pending", "received_at": old}
    world.common("zillow_webhook_events", *[row] * 7)

    chart = read(world, "webhook_backlog", 7_200)

    assert values(chart)[-1] == 7.0
    assert values(chart)[0] == 0.0
    assert chart.limits
    assert chart.shown == "7"


def test_incidents_notices_and_deploys_are_marked_where_they_lie_in_the_window(world: World) -> None:
    service = world.service
    incident = service.incidents.declare(
        title="429s", issue_type="rate_limiting", severity="incident", began_at=ago(minutes=20)
    )
    old = service.incidents.declare(
        title="older", issue_type="oauth_failure", severity="critical", began_at=ago(hours=3)
    )
    for text in ("api-7.4 deployed to production", "spoke with Zillow"):
        service.journal.append(incident.id, (Noted(text=text),))

    marks = read(world, "webhook_latency_p95").marks

    assert next((mark.kind, mark.text) for mark in marks) == ("began", f"{incident.id} began")
    assert {mark.kind for mark in marks} == {"began", "declared", "deploy"}
    assert f"{old.id} began" not in [mark.text for mark in marks]
    assert [mark.text for mark in marks if mark.kind == "deploy"] == ["api-7.4 deployed to production"]


def test_a_name_may_be_written_as_people_say_it(world: World) -> None:
    charts = world.service.charts

    assert charts.named("Rate-Limiting").name == "rate_limiting"
    assert charts.named("token success").name == "token_success"
    assert charts.named("backlog").name == "webhook_backlog"
    with pytest.raises(UserError, match="there is no chart of 'tokn_success'") as caught:
        charts.named("tokn_success")
    assert "token_success" in str(caught.value.next_step)
    with pytest.raises(UserError, match="a chart of what"):
        charts.named("")


def test_every_number_that_has_a_chart_can_be_read_over_each_of_its_windows(world: World) -> None:
    for one in world.service.charts.names():
        chart = read(world, one.name, one.windows_s[0])
        assert chart.name == one.name
        assert chart.ends_at - chart.begins_at == timedelta(seconds=chart.window_s)


def test_a_window_that_the_steps_do_not_fill_is_refused_with_those_that_do(world: World) -> None:
    with pytest.raises(UserError, match="no chart over 15m") as caught:
        read(world, "webhook_latency_p95", WINDOW_S)
    assert caught.value.accepted == "1h, 4h, 24h"


def test_a_chart_is_written_twice_beside_each_other_for_its_owner_alone(world: World) -> None:
    chart = read(world, "webhook_latency_p95")

    first = world.service.charts.export(chart, Drawing())
    second = world.service.charts.export(chart, Drawing())

    assert [path.suffix for path in first] == [".md", ".svg"]
    assert len({*first, *second}) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in first} == {0o600}
    assert first[1].read_text().startswith("<svg")
