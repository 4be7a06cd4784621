"""A deal's agents, their four paths, its eligibility, and deals without agents across all accounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from diagnostics.models.triage import Finding, Status, TriageRequest
from tests.service.world import ACCOUNT, DEAL, World, ago, event, settled, unreachable

ASKED = TriageRequest(issue_type="transaction_sync", account_id=ACCOUNT, deal_id=DEAL)


def check(world: World, name: str, request: TriageRequest = ASKED) -> Finding:
    return world.service.check(name, request)


def test_a_deal_without_agents_cannot_sync(world: World) -> None:
    world.deal()
    finding = check(world, "deal_agent_count")
    assert (finding.status, finding.value) == (Status.FAIL, 0)
    assert "cannot sync" in finding.summary
    assert finding.evidence is not None
    assert finding.evidence.source == "client 14009"


def test_agents_on_a_deal_are_counted(world: World) -> None:
    world.deal(5, 6, 6)
    finding = check(world, "deal_agent_count")
    assert (finding.status, finding.value) == (Status.PASS, 2)


def test_each_of_the_four_paths_verifies_an_agent(world: World) -> None:
    world.deal(1, 2, 3, 4)
    world.client(ACCOUNT, "users", {"id": 1, "zillow_profile_id": "p"}, {"id": 2}, {"id": 3}, {"id": 4})
    world.tokens({"user_id": 2})
    world.client(ACCOUNT, "zillow_agents", {"user_id": 3, "encrypted_zuid": "z"}, {"user_id": 4})
    world.client(ACCOUNT, "zillow_sync_agents", {"user_id": 4})
    finding = check(world, "deal_agent_resolution")
    assert (finding.status, finding.value) == (Status.PASS, 4)
    assert "user 1: legacy profile yes, OAuth no, modern agent no, legacy sync agent no" in finding.details
    assert "user 4: legacy profile no, OAuth no, modern agent no, legacy sync agent yes" in finding.details
    assert "deprecated" in finding.summary
    assert "migration" in finding.next_step


def test_some_agents_without_a_path_are_a_warning_and_none_a_failure(world: World) -> None:
    world.deal(1, 2)
    world.deal(2, deal_id=2)
    world.tokens({"user_id": 1}, {"user_id": 2, "encrypted_refresh_token": None})
    assert check(world, "deal_agent_resolution").status is Status.WARN
    second = check(world, "deal_agent_resolution", ASKED.model_copy(update={"deal_id": 2}))
    assert second.status is Status.FAIL
    assert "0 of 1 agent" in second.summary


def test_credentials_of_the_same_user_id_in_another_account_verify_nobody(world: World) -> None:
    world.deal(1)
    world.tokens({"user_id": 1, "account_id": 999})
    assert check(world, "deal_agent_resolution").status is Status.FAIL


def test_without_agents_there_is_nobody_to_verify(world: World) -> None:
    world.deal()
    assert check(world, "deal_agent_resolution").status is Status.NO_DATA


def test_a_team_without_the_legacy_column_still_gets_the_other_paths(world: World, tmp_path: Path) -> None:
    world.deal(1)
    world.tokens({"user_id": 1})
    engine = create_engine(f"sqlite:///{tmp_path}/client_14009.db")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE users DROP COLUMN zillow_profile_id"))
    engine.dispose()
    finding = check(world, "deal_agent_resolution")
    assert finding.status is Status.PASS
    assert "legacy profile not known" in finding.details[0]


def test_a_deal_that_meets_every_condition_is_eligible(world: World) -> None:
    world.deal(1, values={"synced_at": ago(hours=2), "zillow_transaction_id": "t-1"})
    world.tokens({"user_id": 1})
    world.sync_ready()
    finding = check(world, "deal_eligibility")
    assert (finding.status, finding.value) == (Status.PASS, "eligible")
    assert "last synced 2 h ago" in finding.summary


def test_the_first_error_code_the_sync_would_meet_is_named_and_the_others_listed(world: World) -> None:
    world.deal(1, values={"property_id": None})
    finding = check(world, "deal_eligibility")
    assert (finding.status, finding.value) == (Status.FAIL, "sync_system_missing")
    assert "3 further conditions fail" in finding.summary
    failing = [line.split(":")[0] for line in finding.details if not line.startswith(("holds", "asked as"))]
    assert failing == ["sync_system_missing", "agent_verification_failed", "contact_sync_missing", "property_missing"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"property_id": None}, "property_missing"),
        ({"synced_at": ago(hours=1), "zillow_transaction_id": None}, "zillow_transaction_id_missing"),
    ],
)
def test_one_condition_that_fails_is_the_reason(world: World, values: dict[str, object], code: str) -> None:
    world.deal(1, values=values)
    world.tokens({"user_id": 1})
    world.sync_ready()
    finding = check(world, "deal_eligibility")
    assert finding.value == code
    assert finding.next_step == world.catalogue.known_messages[code].remedy


def test_a_connection_with_a_problem_is_not_active(world: World) -> None:
    world.deal(1)
    world.tokens({"user_id": 1})
    world.client(ACCOUNT, "deals_contacts", {"deal_id": DEAL, "contact_id": 1})
    world.client(ACCOUNT, "data_sync_systems", {"account_id": ACCOUNT, "system": "zillow", "is_active": True})
    world.common(
        "zillow_sync_users",
        {
            "account_id": ACCOUNT,
            "user_id": 1,
            "zillow_integration_id": "z",
            "zillow_integration_enabled": True,
            "problem_at": ago(hours=1),
        },
    )
    assert check(world, "deal_eligibility").value == "contact_sync_missing"


@pytest.mark.parametrize("name", ["deal_agent_count", "deal_agent_resolution", "deal_eligibility"])
def test_a_check_without_a_deal_or_with_an_absent_one_has_no_data(world: World, name: str) -> None:
    for request in (
        TriageRequest(issue_type="transaction_sync"),
        TriageRequest(issue_type="transaction_sync", deal_id=DEAL),
        ASKED,
    ):
        finding = check(world, name, request)
        assert finding.status is Status.NO_DATA
        assert finding.next_step


def test_an_unknown_account_is_explained_by_the_check_itself(world: World) -> None:
    finding = check(world, "deal_agent_count", ASKED.model_copy(update={"account_id": 5}))
    assert finding.status is Status.NO_DATA
    assert "no account 5" in finding.summary


def test_deals_without_agents_are_counted_against_the_usual_and_named(world: World) -> None:
    told = world.datadog.about(world.query("zero_agent_deals"))
    told.total, told.usual = 60, 3
    told.events = (
        event(3, {"deal_id": 12345, "account_id": 14009, "agentCount": 0}),
        event(2, {"deal_id": 12345, "account_id": 14009, "agentCount": 0}),
        event(1, {"deal_id": 8, "account_id": 9, "agentCount": 0}),
    )
    world.service.check("zero_agent_deals", TriageRequest(issue_type="transaction_sync"))
    settled(world.service.context.logs.baselines, world.query("zero_agent_deals"))
    finding = world.service.console_check("transaction_sync", "zero_agent_deals")
    assert (finding.status, finding.value) == (Status.FAIL, 60)
    assert "20.0 times the usual 3" in finding.summary
    assert finding.details == ("deal 12345 in account 14009", "deal 8 in account 9")


def test_the_console_shows_the_checks_of_the_deal_that_was_reported_last(world: World) -> None:
    world.deal()
    told = world.datadog.about(world.query("zero_agent_deals"))
    told.events = (event(1, {"deal_id": DEAL, "account_id": ACCOUNT, "agentCount": 0}),)
    assert world.service.console_checks("transaction_sync")[0] == "zero_agent_deals"
    finding = world.service.console_check("transaction_sync", "deal_agent_count")
    assert finding.status is Status.FAIL
    assert "Deal 12345" in finding.summary


def test_silent_logs_are_the_reason_when_the_console_knows_no_deal(world: World) -> None:
    world.datadog.failure = unreachable()
    finding = world.service.console_check("transaction_sync", "deal_agent_count")
    assert (finding.status, finding.check) == (Status.UNREACHABLE, "deal_agent_count")
    assert (finding.summary, finding.next_step) == ("datadog: unreachable: no answer.", "Look at it.")
    assert world.service.console_check("transaction_sync", "zero_agent_deals").status is Status.UNREACHABLE


def drop(folder: Path, column: str) -> None:
    """A team that has removed a legacy column."""
    engine = create_engine(f"sqlite:///{folder}/client_14009.db")
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE users DROP COLUMN {column}"))
    engine.dispose()


def test_a_path_that_cannot_be_read_makes_nobody_unverified(world: World, tmp_path: Path) -> None:
    world.deal(1)
    world.sync_ready()
    drop(tmp_path, "zillow_profile_id")
    finding = check(world, "deal_agent_resolution")
    assert (finding.status, finding.value) == (Status.NO_DATA, 0)
    assert "of 1 it is not known" in finding.summary
    assert "warroom doctor" in finding.next_step
    eligible = check(world, "deal_eligibility")
    assert (eligible.status, eligible.value) == (Status.NO_DATA, "not known")
    assert any(line.startswith("not known: 0 of 1 agent verified") for line in eligible.details)


def test_a_condition_that_fails_is_named_beside_one_that_cannot_be_known(world: World, tmp_path: Path) -> None:
    world.deal(1, values={"property_id": None})
    world.sync_ready()
    drop(tmp_path, "zillow_profile_id")
    finding = check(world, "deal_eligibility")
    assert (finding.status, finding.value) == (Status.FAIL, "property_missing")


def test_the_first_condition_that_fails_brings_its_own_evidence(world: World) -> None:
    world.deal(1)
    world.sync_ready()
    world.tokens({"user_id": 1, "encrypted_refresh_token": None})
    finding = check(world, "deal_eligibility")
    assert finding.value == "agent_verification_failed"
    assert finding.evidence is not None
    assert finding.evidence.source == "common"
    assert "zillow_auth" in finding.evidence.query
    others = [line for line in finding.details if line.startswith("asked as: ")]
    for table in ("data_sync_systems", "deals", "deals_contacts", "zillow_sync_users", "zillow_agents"):
        assert any(table in line for line in others)
    assert not any(finding.evidence.query in line for line in others)
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(("with_contact", "table"), [(False, "deals_contacts"), (True, "zillow_sync_users")])
def test_a_missing_contact_and_a_missing_connection_are_shown_by_their_own_statement(
    world: World, with_contact: bool, table: str
) -> None:
    world.deal(1)
    world.tokens({"user_id": 1})
    world.client(ACCOUNT, "data_sync_systems", {"account_id": ACCOUNT, "system": "zillow", "is_active": True})
    if with_contact:
        world.client(ACCOUNT, "deals_contacts", {"deal_id": DEAL, "contact_id": 1})
    finding = check(world, "deal_eligibility")
    assert finding.value == "contact_sync_missing"
    assert finding.evidence is not None
    assert table in finding.evidence.query
    assert bool(finding.evidence.caveat) is with_contact


def test_every_path_says_how_it_was_asked_however_many_agents_there_are(world: World) -> None:
    world.deal(*range(1, 60))
    finding = check(world, "deal_agent_resolution")
    assert finding.evidence is not None
    assert "zillow_auth" in finding.evidence.query
    assert len(finding.details) == 20
    others = [line for line in finding.details if line.startswith("asked as: client 14009: ")]
    for table in ("deal_agents", "users", "zillow_agents", "zillow_sync_agents"):
        assert any(table in line for line in others)


def test_a_partial_count_of_deals_without_agents_never_passes(world: World) -> None:
    told = world.datadog.about(world.query("zero_agent_deals"))
    told.total, told.usual, told.partial = 3, 3, True
    settled(world.service.context.logs.baselines, world.query("zero_agent_deals"))
    finding = world.service.console_check("transaction_sync", "zero_agent_deals")
    assert finding.status is Status.NO_DATA
    assert "partial answer" in finding.summary


def test_a_deal_that_was_seen_stands_in_for_silent_logs(world: World) -> None:
    world.deal()
    world.datadog.about("q").events = (event(1, {"deal_id": DEAL, "account_id": ACCOUNT, "agentCount": 0}),)
    world.service.logs("q", window_s=900)
    world.datadog.failure = unreachable()
    assert world.service.console_check("transaction_sync", "deal_agent_count").status is Status.FAIL


def test_a_deal_without_agents_wants_one_before_anything_else(world: World) -> None:
    world.deal()
    world.sync_ready()
    finding = check(world, "deal_eligibility")
    assert (finding.value, finding.next_step) == ("agent_verification_failed", "Assign an agent first.")
