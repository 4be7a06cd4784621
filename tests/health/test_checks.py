"""First responses of level 2: of one account and of everybody, named in full, and never a pass out of nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from diagnostics.models.datadog import Monitor
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding, Triage, TriageRequest
from diagnostics.service import Diagnostics
from tests.health.test_connections import connection
from tests.service.world import ACCOUNT, World, ago, unreachable

Open = Callable[..., Diagnostics]


def health(service: Diagnostics, check: str, **asked: int) -> Finding:
    return service.check(check, TriageRequest(issue_type="connection_health", **asked))


def resolution(service: Diagnostics, check: str, account_id: int | None = None) -> Finding:
    return service.check(check, TriageRequest(issue_type="agent_resolution", account_id=account_id))


def agents(world: World, *methods: int | None, account_id: int = ACCOUNT) -> None:
    rows: list[dict[str, object]] = [
        {
            "id": number,
            "account_id": account_id,
            "user_id": number,
            "resolution_method": method,
            "updated_at": ago(days=2),
        }
        for number, method in enumerate(methods, 1)
    ]
    world.client(account_id, "zillow_agents", *rows)


def test_exactly_the_stale_agents_of_the_account_are_named(opened: Open) -> None:
    answer = opened("healthy").triage(TriageRequest(issue_type="agent_resolution", account_id=14009))
    assert isinstance(answer, Triage)
    (finding,) = [finding for finding in answer.findings if finding.check == "resolution_integrity"]
    assert (finding.status, finding.value) == (Status.FAIL, 47)
    named = [line.split(",")[0] for line in finding.details if line.startswith("agent ")]
    assert len(set(named)) == len(named) == 47
    assert all("INFERRED" in line for line in finding.details if line.startswith("agent "))
    assert (answer.severity, answer.assessed) == ("high", True)


def test_an_account_whose_agents_are_as_good_as_they_can_be_passes(world: World) -> None:
    agents(world, *[1] * 47, *[3] * 16, *[4] * 37)
    world.tokens({"user_id": 1})
    assert resolution(world.service, "resolution_integrity", ACCOUNT).status is Status.PASS
    assert resolution(world.service, "resolution_distribution", ACCOUNT).status is Status.PASS
    answer = world.service.triage(TriageRequest(issue_type="agent_resolution", account_id=ACCOUNT))
    assert isinstance(answer, Triage)
    assert answer.severity == "normal"


def test_a_small_accounts_shares_are_chance_and_a_large_ones_are_not(world: World) -> None:
    agents(world, *[1] * 6, *[3] * 1, *[4] * 1)
    assert resolution(world.service, "resolution_distribution", ACCOUNT).status is Status.PASS
    agents(world, *[1] * 200)
    world.service.forget_answers()
    finding = resolution(world.service, "resolution_distribution", ACCOUNT)
    assert finding.status is Status.WARN
    assert "CONNECTED 99.04 % (+52.32)" in finding.summary


def test_retired_and_empty_methods_are_in_no_share_and_named_with_their_effect(world: World) -> None:
    agents(world, 1, 1, 3, 4, 2, 2, 7)
    finding = resolution(world.service, "resolution_distribution", ACCOUNT)
    assert "4 agents of account" in finding.summary
    notes = " ".join(finding.details)
    assert "2 agents with the retired method 2 are in no share" in notes
    assert "1 agent with no known method is in no share" in notes
    assert "would lower the largest share by" in notes


def test_without_an_account_all_of_them_are_asked(opened: Open) -> None:
    service = opened("healthy")
    shares = resolution(service, "resolution_distribution")
    assert shares.status is Status.PASS
    assert "10,000 agents of all accounts: CONNECTED 46.72 %" in shares.summary
    integrity = resolution(service, "resolution_integrity")
    assert "account 14009: 47 agents" in integrity.details


def test_health_of_everybody_is_held_against_the_baseline(opened: Open) -> None:
    found = {name: health(opened(name), "health_baseline") for name in ("healthy", "nov17", "oauth_cascade")}
    assert found["healthy"].status is Status.PASS
    assert (found["nov17"].status, found["nov17"].value) == (Status.FAIL, 94.2)
    assert found["oauth_cascade"].next_step.startswith("Call people at once: CL Nolen")


@pytest.mark.parametrize(
    ("errors", "healthy", "status"), [(0, 3, Status.PASS), (1, 2, Status.WARN), (3, 0, Status.FAIL)]
)
def test_to_one_account_each_lost_connection_counts(world: World, errors: int, healthy: int, status: Status) -> None:
    for number in range(errors + healthy):
        connection(world, number + 1, problem_at=ago(days=1) if number < errors else None)
    connection(world, 99, account_id=5)
    finding = health(world.service, "health_baseline", account_id=ACCOUNT)
    assert finding.status is status
    assert "3 connections of account 14009" in finding.summary


def test_problems_that_begin_now_are_about_to_spread(opened: Open) -> None:
    quiet, loud = health(opened("healthy"), "proactive_monitoring"), health(opened("nov17"), "proactive_monitoring")
    assert quiet.status is Status.PASS
    assert "0 new problems in the last hour" in quiet.summary
    assert loud.status is Status.FAIL
    assert any(line.startswith("newest: account ") for line in loud.details)
    assert any(line.startswith("monitor 41100201 Alert") for line in loud.details)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("OK", Status.PASS),
        ("Ignored", Status.PASS),
        ("No Data", Status.NO_DATA),
        ("Warn", Status.WARN),
        ("Alert", Status.FAIL),
    ],
)
def test_a_monitor_of_the_team_that_alerts_is_an_early_sign(world: World, state: str, status: Status) -> None:
    connection(world, 1)
    world.datadog.team_monitors = (Monitor(7, "Zillow", state, "q", ("team:zyno",)),)
    assert health(world.service, "proactive_monitoring").status is status


def test_a_quiet_database_is_no_all_clear_while_monitors_are_not_known(world: World) -> None:
    connection(world, 1)
    world.datadog.failure = unreachable()
    finding = health(world.service, "proactive_monitoring")
    assert finding.status is Status.UNREACHABLE
    assert "monitors not known (datadog: unreachable)" in finding.summary


def test_with_the_database_dead_both_checks_say_so(world: World) -> None:
    world.break_common()
    for name in ("health_baseline", "proactive_monitoring", "resolution_distribution", "resolution_integrity"):
        assert health(world.service, name).status is Status.UNREACHABLE
