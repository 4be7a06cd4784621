"""429 rate, webhook backlog, data-loss risk and batch retry."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.checks import connection_health
from diagnostics.checks.registry import CHECKS
from diagnostics.incident.assess.readings import measure
from diagnostics.models.datadog import Monitors
from diagnostics.models.triage import Finding, Status, TriageRequest
from diagnostics.sources.mysql.databases import Rows
from diagnostics.sources.mysql.statements import Question
from tests.contexts import with_members
from tests.service.world import World, ago, event, unreachable


def check(world: World, name: str) -> Finding:
    return world.service.check(name, TriageRequest(issue_type="rate_limiting"))


@pytest.mark.parametrize(("per_minute", "status"), [(10, Status.PASS), (11, Status.WARN), (101, Status.FAIL)])
def test_the_rate_of_the_last_complete_minute_is_judged(world: World, per_minute: int, status: Status) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.accounts = per_minute * 15, 61
    finding = check(world, "rate_limit_rate")
    assert (finding.status, finding.value) == (status, per_minute)
    assert "in 61 accounts" in finding.summary


def test_no_429_at_all_is_a_pass_without_a_search(world: World) -> None:
    finding = check(world, "rate_limit_rate")
    assert (finding.status, finding.value) == (Status.PASS, 0)
    asked = [kind for kind, query in world.datadog.asked if query == world.query("rate_limited")]
    assert asked == ["counts", "usual"], "none is proved by the day before"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"retry_after": 30}, "x"),
        ({"headers": {"Retry-After": "30"}}, "x"),
        ({"error_message": "HTTP 429: POST /v1/leads, retry after 30 s"}, "x"),
        ({}, "HTTP 429, Retry-After: 30"),
    ],
)
def test_the_retry_after_is_read_wherever_the_logs_keep_it(
    world: World, context: dict[str, object], message: str
) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.events = 900, (event(2, {}, "HTTP 429"), event(1, context, message))
    assert "last Retry-After 30 s" in check(world, "rate_limit_rate").summary


def test_silent_datadog_makes_the_rate_unreachable(world: World) -> None:
    world.datadog.failure = unreachable()
    finding = check(world, "rate_limit_rate")
    assert finding.status is Status.UNREACHABLE
    assert finding.summary == "datadog: unreachable: no answer."
    assert finding.next_step == "Look at it."


def test_everything_that_waits_counts_as_backlog(world: World) -> None:
    for status, count in (("pending", 30), ("processing", 6), ("failed", 1), ("delivered", 50), ("lost", 2)):
        world.webhooks(status, count, received=ago(minutes=4))
    finding = check(world, "webhook_backlog")
    assert (finding.status, finding.value, finding.threshold) == (Status.PASS, 37, "> 10,000 critical")
    assert finding.details == ("pending: 30", "processing: 6", "failed: 1")


def test_a_backlog_over_ten_thousand_is_a_high_risk_of_loss(world: World) -> None:
    world.webhooks("pending", 10_001, received=ago(minutes=50))
    finding = check(world, "webhook_backlog")
    assert (finding.status, finding.value) == (Status.FAIL, 10_001)
    assert "HIGH RISK of permanent loss" in finding.summary
    risk = check(world, "data_loss_risk")
    assert (risk.value, risk.limit) == ("high", "backlog > 10,000")
    retry = check(world, "batch_retry")
    assert (retry.status, retry.value) == (Status.WARN, 10_001)
    assert "triage only reads" in retry.summary
    assert "CL Nolen" in retry.next_step


@pytest.mark.parametrize("name", ["webhook_backlog", "data_loss_risk", "batch_retry"])
def test_a_table_without_anything_recent_is_no_data_and_not_an_empty_backlog(world: World, name: str) -> None:
    world.webhooks("pending", 5, received=ago(hours=30))
    assert check(world, name).status is Status.NO_DATA


def test_an_empty_backlog_beside_deliveries_is_a_pass(world: World) -> None:
    world.webhooks("delivered", 5, received=ago(minutes=2), processed=ago(minutes=1))
    assert [check(world, name).status for name in ("webhook_backlog", "data_loss_risk", "batch_retry")] == [
        Status.PASS
    ] * 3
    assert check(world, "data_loss_risk").value == "low"


def test_a_batch_retry_replays_what_is_pending_and_what_failed(world: World) -> None:
    for status, count in (("pending", 9_000), ("failed", 3_000), ("processing", 40), ("lost", 2)):
        world.webhooks(status, count, received=ago(minutes=4))
    finding = check(world, "batch_retry")
    assert (finding.status, finding.value) == (Status.WARN, 12_000)
    assert "12,000 events: 9,000 pending and 3,000 failed" in finding.summary
    assert finding.details[:2] == ("under way and left alone: 40", "lost and not replayable: 2")
    assert "25" in finding.details[2]


def test_nothing_to_set_up_counts_what_failed_as_well(world: World) -> None:
    world.webhooks("pending", 30, received=ago(minutes=4))
    world.webhooks("failed", 5, received=ago(minutes=4))
    finding = check(world, "batch_retry")
    assert (finding.status, finding.value) == (Status.PASS, 35)
    assert "35 waiting events" in finding.summary


def test_an_old_event_or_a_lost_one_lifts_the_risk(world: World) -> None:
    world.webhooks("delivered", 1, received=ago(minutes=2), processed=ago(minutes=1))
    world.webhooks("pending", 3, received=ago(minutes=20))
    finding = check(world, "data_loss_risk")
    assert (finding.status, finding.value) == (Status.WARN, "medium")
    assert finding.limit == "oldest > 15 min"
    assert check(world, "batch_retry").status is Status.WARN


def test_lost_events_alone_are_a_medium_risk(world: World) -> None:
    world.webhooks("lost", 2, received=ago(hours=3))
    finding = check(world, "data_loss_risk")
    assert (finding.status, finding.value, finding.limit) == (Status.WARN, "medium", "any lost")
    assert "2 events lost for good" in finding.summary


def test_the_time_to_empty_follows_from_arrivals_and_deliveries(world: World) -> None:
    world.webhooks("pending", 200, received=ago(minutes=20))
    world.webhooks("delivered", 500, received=ago(minutes=10), processed=ago(minutes=1))
    assert "empty in 2 min at this rate" in check(world, "data_loss_risk").summary


def test_a_backlog_that_grows_never_empties(world: World) -> None:
    world.webhooks("pending", 200, received=ago(minutes=20))
    world.webhooks("pending", 50, received=ago(minutes=1))
    finding = check(world, "data_loss_risk")
    assert "not draining" in finding.summary
    assert "arriving: 10.0 a minute, over the last 5 min" in finding.details


def test_a_dead_database_leaves_the_rate_and_takes_the_rest(world: World) -> None:
    world.break_common()
    assert check(world, "rate_limit_rate").status is Status.PASS
    for name in ("webhook_backlog", "data_loss_risk", "batch_retry"):
        assert check(world, name).status is Status.UNREACHABLE


@pytest.mark.parametrize("last", [(0, 120, 3), (0, 3, 120)])
def test_the_busier_of_the_last_two_minutes_counts_because_logs_arrive_late(
    world: World, last: tuple[int, ...]
) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.per_minute = 130, last
    finding = check(world, "rate_limit_rate")
    assert (finding.status, finding.value) == (Status.FAIL, 120)


def test_a_partial_rate_never_passes_and_says_so(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.partial = 15, True
    finding = check(world, "rate_limit_rate")
    assert (finding.status, finding.value) == (Status.NO_DATA, 1)
    assert "partial answer" in finding.summary
    assert finding.next_step
    told.total = 15 * 500
    world.service.forget_answers()
    assert check(world, "rate_limit_rate").status is Status.FAIL


@pytest.mark.parametrize(("waiting", "status"), [(3, Status.PASS), (10_001, Status.FAIL)])
def test_the_risk_is_judged_without_the_flow_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, waiting: int, status: Status
) -> None:
    world.webhooks("pending", waiting, received=ago(minutes=3))
    read = world.databases.read_common

    def without_flow(statement: Question, *, window: str = "", **more: Any) -> Rows:  # noqa: ANN401  # passed on
        if window == "last 5 min":
            raise unreachable("common")
        return read(statement, window=window, **more)

    monkeypatch.setattr(world.databases, "read_common", without_flow)
    finding = check(world, "data_loss_risk")
    assert finding.status is status
    assert "arrivals and deliveries not known: common: unreachable" in finding.details
    if status is Status.FAIL:
        assert "arrivals and deliveries not known" in finding.summary


def test_the_tag_of_the_monitors_comes_from_the_catalogue(world: World) -> None:
    assert "0 of 1 monitor alerting" in check(world, "proactive_monitoring").summary
    contact = world.catalogue.contact.model_copy(update={"monitor_tag": "team:other"})
    context = with_members(world.service.context, catalogue=world.catalogue.model_copy(update={"contact": contact}))
    finding = CHECKS["proactive_monitoring"].run(context, TriageRequest(issue_type="connection_health"))
    assert "no monitor carries team:other" in finding.summary


@pytest.mark.honesty(
    "partial answers: no event carries the account facet",
    "accounts, large accounts and users are not known, and the evidence says why; never 0 or none",
)
def test_events_without_an_account_concern_an_unknown_number_of_accounts(world: World) -> None:
    told = world.datadog.about(world.query("rate_limited"))
    told.total, told.accounts = 17_991, 0
    finding = check(world, "rate_limit_rate")
    assert "account" not in finding.summary
    assert finding.evidence is not None
    assert "no event carries @context.account_id" in finding.evidence.caveat
    figures = {one.id: one for one in measure(world.service.context, world.service.health, "rate_limiting")}
    for name in ("accounts_affected", "large_accounts", "users_affected"):
        assert (figures[name].value, figures[name].status) == (None, Status.NO_DATA.value), name
    assert "o event carries @context.account_id" in str(figures["accounts_affected"].evidence)


def test_no_events_concern_no_account(world: World) -> None:
    figures = {one.id: one for one in measure(world.service.context, world.service.health, "rate_limiting")}
    assert (figures["accounts_affected"].value, figures["large_accounts"].value) == (0, "none")


@pytest.mark.honesty("more monitors than are read, or one that is unreadable", "no data, with the reason")
def test_monitors_that_were_not_all_read_are_no_all_clear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection_health._monitors(world.service.context)[:2] == ("0 of 1 monitor alerting", Status.PASS)
    read = world.datadog.monitors

    def partly(tags: str) -> Monitors:
        whole = read(tags)
        said = {"is_cut": True, "caveat": "1 unreadable monitor left out"}
        return Monitors(whole.monitors, whole.evidence.model_copy(update=said))

    monkeypatch.setattr(world.datadog, "monitors", partly)
    told, status, _ = connection_health._monitors(world.service.context)
    assert (told, status) == ("0 of 1 monitor alerting (1 unreadable monitor left out)", Status.NO_DATA)
