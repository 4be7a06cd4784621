"""A whole triage: context found or refused, findings in order, partial and total loss of sources."""

from __future__ import annotations

import pytest

from diagnostics.models.triage import Refusal, RefusalRule, Status, Triage, TriageRequest
from tests.service.world import ACCOUNT, DEAL, World, ago, event, unreachable

SYNC = TriageRequest(issue_type="transaction_sync", account_id=ACCOUNT, deal_id=DEAL)


def refusal(world: World, request: TriageRequest) -> Refusal:
    answer = world.service.triage(request)
    assert isinstance(answer, Refusal)
    return answer


def triage(world: World, request: TriageRequest) -> Triage:
    answer = world.service.triage(request)
    assert isinstance(answer, Triage)
    return answer


def lookup(world: World, deal_id: int, *accounts: int) -> None:
    query = world.query("deal_lookup").replace("{deal_id}", str(deal_id))
    world.datadog.about(query).by_account = dict.fromkeys(accounts, 3)


def test_the_checks_run_in_the_order_of_the_matrix(world: World) -> None:
    answer = triage(world, TriageRequest(issue_type="rate_limiting", severity="incident"))
    assert [finding.check for finding in answer.findings] == list(world.catalogue.issues["rate_limiting"].checks)
    assert (answer.severity, answer.assessed, answer.notify, answer.level) == ("incident", False, True, 1)


def test_a_healthy_system_is_assessed_as_normal_and_nobody_is_called(world: World) -> None:
    world.tokens({"user_id": 1})
    world.common(
        "oauth_applications",
        {"name": "Zillow", "client_id": "c", "redirect_uri": "u", "scopes": "s", "is_active": True},
    )
    answer = triage(world, TriageRequest(issue_type="oauth_failure"))
    assert (answer.severity, answer.assessed, answer.notify) == ("normal", True, False)


def test_a_failed_check_is_assessed_as_the_gravest_and_calls_people(world: World) -> None:
    world.deal()
    answer = triage(world, SYNC)
    assert (answer.severity, answer.assessed, answer.notify) == ("critical", True, True)


def test_a_deal_is_asked_for_and_recent_ones_without_agents_are_offered(world: World) -> None:
    world.datadog.about(world.query("zero_agent_deals")).events = (
        event(2, {"deal_id": 12345, "account_id": 14009, "agentCount": 0}),
        event(1, {"deal_id": 8, "account_id": 9, "agentCount": 0}),
    )
    answer = refusal(world, TriageRequest(issue_type="transaction_sync"))
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert answer.candidates == (
        "deal 12345 in account 14009: warroom triage --issue transaction_sync --account-id 14009 --deal-id 12345",
        "deal 8 in account 9: warroom triage --issue transaction_sync --account-id 9 --deal-id 8",
    )
    own = refusal(world, TriageRequest(issue_type="transaction_sync", account_id=ACCOUNT))
    assert [line.split(":")[0] for line in own.candidates] == ["deal 12345 in account 14009"]


def test_candidates_come_from_memory_when_the_logs_are_silent(world: World) -> None:
    world.datadog.about("q").events = (event(1, {"deal_id": 8, "account_id": 9, "agentCount": 0}),)
    world.service.logs("q", window_s=900)
    world.datadog.failure = unreachable()
    answer = refusal(world, TriageRequest(issue_type="transaction_sync"))
    assert answer.candidates[0].startswith("deal 8 in account 9")
    assert "datadog: unreachable" in answer.guidance[0]


def test_a_deal_found_in_one_account_is_used_and_that_is_said(world: World) -> None:
    world.deal()
    lookup(world, DEAL, ACCOUNT)
    answer = triage(world, TriageRequest(issue_type="transaction_sync", deal_id=DEAL))
    assert answer.account_id == ACCOUNT
    assert any("the logs of the last 24 h name one: 14009" in note for note in answer.notes)


def test_a_deal_found_in_several_accounts_is_refused_with_each_of_them(world: World) -> None:
    lookup(world, 777, 75172, 30511)
    answer = refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=777))
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert [line.split(":")[0] for line in answer.candidates] == ["account 30511", "account 75172"]


def test_a_deal_seen_by_this_console_counts_beside_the_logs(world: World) -> None:
    world.datadog.about("q").events = (event(1, {"deal_id": 777, "account_id": 5}),)
    world.service.logs("q", window_s=900)
    lookup(world, 777, 75172)
    assert len(refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=777)).candidates) == 2


def test_a_deal_that_only_this_console_has_seen_is_used_while_the_logs_are_silent(world: World) -> None:
    world.deal()
    world.datadog.about("q").events = (event(1, {"deal_id": DEAL, "account_id": ACCOUNT}),)
    world.service.logs("q", window_s=900)
    world.datadog.failure = unreachable()
    answer = triage(world, TriageRequest(issue_type="transaction_sync", deal_id=DEAL))
    assert any("this console has seen it in one" in note and "could not be asked" in note for note in answer.notes)


def test_a_deal_nobody_has_seen_is_refused(world: World) -> None:
    answer = refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=4))
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert "no log of the last 24 h names deal 4" in answer.missing


def test_a_deal_that_cannot_be_looked_up_is_a_matter_of_access(world: World) -> None:
    world.datadog.failure = unreachable()
    answer = refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=4))
    assert answer.rule is RefusalRule.SYSTEM_ACCESS
    assert "--account-id" in answer.missing


def test_a_deal_that_is_not_in_the_account_is_refused(world: World) -> None:
    answer = refusal(world, SYNC)
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert "has no deal 12345" in answer.missing


@pytest.mark.parametrize("issue", ["oauth_failure", "transaction_sync", "rate_limiting", "agent_resolution"])
def test_an_account_that_does_not_exist_is_refused(world: World, issue: str) -> None:
    answer = refusal(world, TriageRequest(issue_type=issue, account_id=5, deal_id=DEAL))
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert "There is no account 5" in answer.missing


def test_agent_resolution_without_an_account_is_answered_for_all_of_them(world: World) -> None:
    answer = triage(world, TriageRequest(issue_type="agent_resolution"))
    distribution, integrity = answer.findings
    assert "of all accounts" in distribution.summary
    assert "account" in integrity.summary


@pytest.mark.honesty(
    "an account's triage: tokens are valid, and the integration is switched off in Premier Agent",
    "FAIL, critical, with the way to switch it on",
)
def test_an_account_whose_integration_is_off_fails_although_its_tokens_are_valid(world: World) -> None:
    world.tokens({"user_id": 1})
    world.common(
        "oauth_applications",
        {"name": "Zillow", "client_id": "c", "redirect_uri": "u", "scopes": "s", "is_active": True},
    )
    world.common(
        "zillow_sync_users",
        {"account_id": ACCOUNT, "user_id": 1, "zillow_integration_id": "z", "zillow_integration_enabled": False},
    )
    answer = triage(world, TriageRequest(issue_type="oauth_failure", account_id=ACCOUNT))
    by_check = {one.check: one for one in answer.findings}
    assert [by_check[name].status for name in ("token_status", "oauth_application")] == [Status.PASS, Status.PASS]
    assert by_check["oauth_enablement"].status is Status.FAIL
    assert "1 token but disabled" in by_check["oauth_enablement"].summary
    assert "Premier Agent" in by_check["oauth_enablement"].next_step
    assert (answer.severity, answer.decided_by) == ("critical", ("oauth_enablement",))


def test_an_account_whose_integration_is_on_passes(world: World) -> None:
    world.tokens({"user_id": 1})
    world.common(
        "oauth_applications",
        {"name": "Zillow", "client_id": "c", "redirect_uri": "u", "scopes": "s", "is_active": True},
    )
    world.common(
        "zillow_sync_users",
        {"account_id": ACCOUNT, "user_id": 1, "zillow_integration_id": "z", "zillow_integration_enabled": True},
    )
    answer = triage(world, TriageRequest(issue_type="oauth_failure", account_id=ACCOUNT))
    assert {one.status for one in answer.findings} == {Status.PASS}
    assert answer.severity == "normal"


@pytest.mark.honesty(
    "a suspended account is asked about",
    "triage and diagnosis say that it is suspended",
)
def test_a_suspended_account_is_called_suspended_by_triage_and_diagnosis(world: World) -> None:
    world.suspend(ACCOUNT)
    world.tokens({"user_id": 1})
    said = f"Account {ACCOUNT} is suspended"
    for issue in ("oauth_failure", "rate_limiting", "agent_resolution"):
        answer = triage(world, TriageRequest(issue_type=issue, account_id=ACCOUNT))
        assert any(note.startswith(said) for note in answer.notes), issue
    world.deal()
    notes = (
        world.service.accounts.oauth(ACCOUNT).notes,
        world.service.deals.diagnose(DEAL, ACCOUNT).notes,
        world.service.deals.resolution(ACCOUNT).notes,
    )
    assert [any(note.startswith(said) for note in of) for of in notes] == [True, True, True]


def test_an_account_without_agents_has_no_data_and_is_no_pass(world: World) -> None:
    answer = triage(world, TriageRequest(issue_type="agent_resolution", account_id=ACCOUNT))
    assert {finding.status for finding in answer.findings} == {Status.NO_DATA}
    assert answer.severity == "high"
    assert any("uncertain" in note for note in answer.notes)


def test_a_source_that_is_silent_leaves_the_rest_of_the_triage(world: World) -> None:
    world.webhooks("pending", 3, received=ago(minutes=1))
    world.datadog.failure = unreachable()
    answer = triage(world, TriageRequest(issue_type="rate_limiting"))
    assert answer.findings[0].status is Status.UNREACHABLE
    assert answer.findings[1].status is Status.PASS
    assert (answer.severity, answer.notify) == ("incident", True)
    assert any("uncertain" in note for note in answer.notes)
    assert any("Without an answer: rate_limit_rate" in note for note in answer.notes)


def test_when_nothing_answers_the_triage_is_refused_with_every_failure(world: World) -> None:
    world.datadog.failure = unreachable()
    world.break_common()
    answer = refusal(world, TriageRequest(issue_type="rate_limiting", severity="incident"))
    assert answer.rule is RefusalRule.SYSTEM_ACCESS
    assert len(answer.findings) == 4
    assert any(line.startswith("datadog: unreachable") for line in answer.guidance)
    assert any(line.startswith("common: ") for line in answer.guidance)


def test_what_a_triage_leaves_unused_is_said(world: World) -> None:
    world.tokens({"user_id": 1})
    answer = triage(world, TriageRequest(issue_type="oauth_failure", deal_id=7, preventive=True))
    assert any("deal 7 was not used" in note for note in answer.notes)
    assert any(note.startswith("Leading indicators: ") for note in answer.notes)


def test_an_account_that_only_this_console_has_seen_is_not_credited_to_the_logs(world: World) -> None:
    world.deal()
    world.datadog.about("q").events = (event(1, {"deal_id": DEAL, "account_id": ACCOUNT}),)
    world.service.logs("q", window_s=900)
    answer = triage(world, TriageRequest(issue_type="transaction_sync", deal_id=DEAL))
    assert answer.account_id == ACCOUNT
    (note,) = [note for note in answer.notes if note.startswith("The account of deal")]
    assert "this console has seen it in one, and no log of the last 24 h names it: 14009" in note


def test_one_account_in_a_partial_answer_is_offered_and_not_used(world: World) -> None:
    world.deal()
    lookup(world, DEAL, ACCOUNT)
    world.datadog.about(world.query("deal_lookup").replace("{deal_id}", str(DEAL))).partial = True
    answer = refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=DEAL))
    assert answer.rule is RefusalRule.MISSING_CONTEXT
    assert "there may be further accounts" in answer.missing
    assert [line.split(":")[0] for line in answer.candidates] == ["account 14009"]


def test_no_account_in_a_partial_answer_is_said_to_be_partial(world: World) -> None:
    world.datadog.about(world.query("deal_lookup").replace("{deal_id}", "4")).partial = True
    answer = refusal(world, TriageRequest(issue_type="transaction_sync", deal_id=4))
    assert "partial answer" in answer.missing
