"""The one door: sources, logs, guides, closing, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.triage import Refusal, RefusalRule, Status, TriageRequest
from tests.service.world import World, budget, event, unreachable


def test_the_state_of_each_source_is_asked_cheaply_and_kept(world: World) -> None:
    for _ in range(3):
        datadog, common = world.service.sources()
    assert (datadog.status, common.status) == (Status.PASS, Status.PASS)
    assert datadog.detail == "3/3 per 10 s"
    assert [kind for kind, _ in world.datadog.asked] == ["validate"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FailureKind.UNREACHABLE, Status.UNREACHABLE),
        (FailureKind.DENIED, Status.FAIL),
        (FailureKind.RATE_LIMITED, Status.WARN),
    ],
)
def test_a_search_that_failed_says_more_than_a_valid_key(world: World, kind: FailureKind, status: Status) -> None:
    world.datadog.failure = SourceFailure(kind, "datadog", "no")
    with pytest.raises(SourceFailure):
        world.service.logs("service:fub", window_s=900)
    world.datadog.failure = None
    assert world.service.sources()[0].status is status


def test_a_query_that_was_rejected_says_nothing_about_the_source(world: World) -> None:
    world.datadog.failure = SourceFailure(FailureKind.REJECTED, "datadog", "no such syntax")
    with pytest.raises(SourceFailure):
        world.service.logs("(", window_s=900)
    world.datadog.failure = None
    assert world.service.sources()[0].status is Status.PASS


def test_a_dead_database_is_shown_as_unreachable(world: World) -> None:
    world.break_common()
    assert world.service.sources()[1].status is not Status.PASS


def test_deals_seen_in_log_pages_are_remembered(world: World) -> None:
    world.datadog.about("q").events = (event(1, {"deal_id": 5, "account_id": 9}),)
    world.service.logs("q", window_s=900)
    assert world.service.context.deal_index.accounts(5) == {9}


def test_the_specialist_that_is_not_built_is_refused_with_its_first_steps(world: World) -> None:
    refusal = world.service.open_route("rate_limiting")
    assert isinstance(refusal, Refusal)
    assert refusal.rule is RefusalRule.ESCALATION_BLOCKED
    assert "zillow-incident-recovery" in refusal.missing
    assert any(line.startswith("1. ") for line in refusal.guidance)
    assert any("warroom doctor" in line for line in refusal.guidance)
    assert "CL Nolen" in refusal.contact


def test_a_change_to_production_is_refused(world: World) -> None:
    refusal = world.service.request_change("batch_retry", TriageRequest(issue_type="rate_limiting"))
    assert refusal.rule is RefusalRule.SAFETY_CONCERN
    assert refusal.missing == "Batch retry would change production, and triage only reads."
    assert world.service.request_change("batch_retry").issue_type == "rate_limiting"


def test_an_unknown_check_or_guide_is_bad_input(world: World) -> None:
    with pytest.raises(UserError, match="nonsense"):
        world.service.check("nonsense", TriageRequest(issue_type="rate_limiting"))
    with pytest.raises(UserError):
        world.service.guide("nonsense")
    assert world.service.guide("quick-reference").markdown


def test_an_error_inside_a_check_is_a_finding_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(world.databases, "read_common", broken)
    finding = world.service.check("webhook_backlog", TriageRequest(issue_type="rate_limiting"))
    assert finding.status is Status.UNREACHABLE
    assert "secret" not in finding.model_dump_json()
    assert "ZeroDivisionError" in caplog.text


def test_closing_closes_every_source(world: World) -> None:
    world.service.close()
    assert world.datadog.closed
    world.datadog.failure = unreachable()
    world.service.close()


def test_the_service_runs_without_a_terminal_library() -> None:
    code = (
        "import sys, diagnostics.service, diagnostics.live.watches\n"
        "import diagnostics.triage.answer, diagnostics.signals.pulses\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'textual', 'rich', 'tui', 'screens', 'widgets', 'sandbox', 'starlette'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_only_a_change_with_a_check_of_its_name_points_at_that_check(world: World) -> None:
    with_check = world.service.request_change("batch_retry", TriageRequest(issue_type="rate_limiting"))
    assert any("from the check batch_retry" in line for line in with_check.guidance)
    without = world.service.request_change("enable_integration", TriageRequest(issue_type="oauth_failure"))
    assert not any("the check" in line and "first-response checks" not in line for line in without.guidance[:1])
    assert "from the first-response checks" in without.guidance[0]


def test_the_doctor_is_given_the_tag_of_the_teams_monitors(world: World) -> None:
    list(world.service.doctor())
    asked = world.datadog.inspected_with
    assert asked.pop("metric") == "sum:fubweb.zillowSync.accessToken.requested{*}.as_count()"
    assert asked == {"monitor_tag": "team:zyno", "clock_skew_s": 30.0, "incidents": True}


def test_the_header_shows_the_scarcer_log_limit_and_no_other(world: World) -> None:
    world.datadog.limits = (
        budget("logs", 3, "logs_search", "logs_aggregate"),
        budget("monitors", 1_000, "monitors").model_copy(update={"remaining": 0}),
    )
    assert world.service.sources()[0].detail == "3/3 per 10 s"
