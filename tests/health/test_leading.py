"""Leading indicators, alone and in a triage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from diagnostics.core.time import utc_now
from diagnostics.health.leading import RULES, indicators_of
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from diagnostics.models.triage import Triage, TriageRequest
from diagnostics.service import Diagnostics
from tests.health.test_kpis import counters
from tests.service.world import World, ago, settled, unreachable

Open = Callable[..., Diagnostics]


def leading(service: Diagnostics) -> dict[str, Figure]:
    figures = service.health.leading()
    assert [figure.id for figure in figures] == list(RULES)
    return {figure.id: figure for figure in figures}


def test_tokens_are_counted_by_when_they_expire(world: World) -> None:
    for user, hours in enumerate((2, 23, 30, 71, 80, 200, -5), 1):
        world.tokens({"user_id": user, "expires_at": utc_now() + timedelta(hours=hours)})
    world.tokens({"user_id": 8, "expires_at": None}, {"user_id": 9, "encrypted_refresh_token": None})
    figures = leading(world.service)
    assert (figures["tokens_expiring_24h"].value, figures["tokens_expiring_72h"].value) == (2, 4)
    # 2 of 6 valid ones: the one without an expiry and the expired one are in no share.
    assert figures["tokens_expiring_24h"].held.startswith("33.3 % of 6 valid tokens held against > ")
    assert "1 token has expired already" in figures["tokens_expiring_24h"].note
    assert "1 token without an expiry" in figures["tokens_expiring_24h"].note
    assert figures["tokens_expiring_24h"].status is Status.WARN


def test_without_any_token_nothing_is_said_about_expiry(world: World) -> None:
    figure = leading(world.service)["tokens_expiring_24h"]
    assert (figure.value, figure.status) == (None, Status.NO_DATA)


def test_a_steady_failure_rate_is_no_trend(world: World) -> None:
    counters(world, token_requested=1_000, token_refresh_failed=3)
    figure = leading(world.service)["refresh_failure_trend"]
    assert figure.value == pytest.approx(1.0)
    assert figure.status is Status.PASS


def test_request_velocity_waits_for_what_is_usual(world: World) -> None:
    query = world.query("zillow_requests")
    told = world.datadog.about(query)
    told.total, told.usual = 600, 100
    first = leading(world.service)["request_velocity"]
    assert first.value == 40.0
    settled(world.service.context.logs.baselines, query)
    world.service.forget_answers()
    figure = leading(world.service)["request_velocity"]
    assert (figure.status, figure.shown) == (Status.FAIL, "40.0/min, 6.0× usual")


def test_webhook_lag_is_the_age_of_the_event_that_has_waited_longest(world: World) -> None:
    world.webhooks("pending", 2, received=ago(minutes=20))
    world.webhooks("pending", 2, received=ago(minutes=1))
    figure = leading(world.service)["webhook_lag"]
    assert figure.status is Status.WARN
    assert figure.value == pytest.approx(20.0, abs=0.2)


@pytest.mark.honesty(
    "the oldest waiting event is dated after now (a database whose clock is ahead)",
    "its age is not known: no data, and no risk called low",
)
def test_an_event_from_the_future_has_no_age(world: World) -> None:
    world.webhooks("pending", 3, received=utc_now() + timedelta(minutes=30))
    lag = leading(world.service)["webhook_lag"]
    assert (lag.value, lag.status) == (None, Status.NO_DATA)
    assert "one clock is wrong" in lag.note
    request = TriageRequest(issue_type="rate_limiting")
    assert world.service.check("data_loss_risk", request).status is not Status.PASS
    assert world.service.check("batch_retry", request).status is not Status.PASS


def test_with_datadog_dead_the_rest_stands(world: World) -> None:
    world.tokens({"user_id": 1})
    world.datadog.failure = unreachable()
    figures = leading(world.service)
    assert figures["refresh_failure_trend"].status is Status.UNREACHABLE
    assert figures["tokens_expiring_72h"].value == 1


@pytest.mark.parametrize("issue", ["oauth_failure", "rate_limiting"])
def test_a_preventive_triage_holds_the_indicators_of_its_issue_beside_the_checks(world: World, issue: str) -> None:
    world.tokens({"user_id": 1})
    answer = world.service.triage(TriageRequest(issue_type=issue, preventive=True))
    assert isinstance(answer, Triage)
    checks = world.catalogue.issues[issue].checks
    assert [finding.check for finding in answer.findings] == [
        *checks,
        *(f"leading_{name}" for name in indicators_of(issue)),
    ]
    assert any("do not count towards the severity" in note for note in answer.notes)


def test_an_indicator_does_not_change_the_severity(world: World) -> None:
    world.tokens({"user_id": 1, "expires_at": utc_now() + timedelta(hours=2)})
    row = {"name": "Zillow", "client_id": "c", "redirect_uri": "u", "scopes": "s", "is_active": True}
    world.common("oauth_applications", row)
    answer = world.service.triage(TriageRequest(issue_type="oauth_failure", preventive=True))
    assert isinstance(answer, Triage)
    found = {finding.check: finding.status for finding in answer.findings}
    assert found["leading_tokens_expiring_24h"] is Status.FAIL
    assert answer.severity == "normal"


def test_connection_health_takes_every_indicator(opened: Open) -> None:
    answer = opened("nov17").triage(TriageRequest(issue_type="connection_health", preventive=True))
    assert isinstance(answer, Triage)
    found = {finding.check: finding for finding in answer.findings}
    assert {f"leading_{name}" for name in RULES} <= set(found)
    assert found["leading_refresh_failure_trend"].status is Status.FAIL
    assert found["leading_webhook_lag"].status is Status.WARN
    assert found["leading_resolution_drift"].status is Status.PASS
    assert found["leading_deals_unsynced"].value is not None
    assert answer.severity == "preventive"
    assert any("graver" in note for note in answer.notes)


def test_a_triage_that_is_asked_once_waits_for_what_is_usual(world: World) -> None:
    told = world.datadog.about(world.query("zillow_requests"))
    told.total, told.usual = 300, 100
    answer = world.service.triage(TriageRequest(issue_type="rate_limiting", preventive=True))
    assert isinstance(answer, Triage)
    found = {finding.check: finding for finding in answer.findings}
    assert found["leading_request_velocity"].status is Status.WARN
    assert "3.0× usual" in found["leading_request_velocity"].summary
