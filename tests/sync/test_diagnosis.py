"""The diagnosis of one deal: its sentence, its gates, its agents, and what is wrong with its rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from diagnostics.config.settings import RedisSettings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.conclusions import Confidence
from diagnostics.models.deals import DealDiagnosis, Gate
from diagnostics.models.status import Status
from diagnostics.sources.mutexes import Mutexes, mutex_key
from diagnostics.sources.mysql.databases import AccountUnknown
from diagnostics.sync.configuration import IGNORE_CREATION
from sandbox.server.redis_server import RedisServer
from tests.service.world import ACCOUNT, DEAL, World, ago, event, unreachable
from tests.sync.conftest import hold

CREATED = {"created_at": ago(days=9), "updated_at": ago(days=9)}


def diagnose(world: World, deal_id: int = DEAL, account_id: int = ACCOUNT) -> DealDiagnosis:
    world.service.forget_answers()
    return world.service.deals.diagnose(deal_id, account_id)


def gate(diagnosis: DealDiagnosis, name: str) -> Gate:
    return next(one for one in diagnosis.gates if one.id == name)


def eligible(world: World, **values: object) -> None:
    """A deal that meets every condition, with one agent verified by a token."""
    world.deal(1, values={**CREATED, **values})
    world.client(ACCOUNT, "users", {"id": 1, "name": "Ana"})
    world.tokens({"user_id": 1})
    world.sync_ready()


def drop(folder: Path, statement: str, database: str = "client_14009") -> None:
    engine = create_engine(f"sqlite:///{folder}/{database}.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def read_logs(world: World, *contexts: dict[str, object], message: str = "told") -> None:
    events = tuple(event(len(contexts) - n, context, message) for n, context in enumerate(contexts))
    world.datadog.about(f"@context.deal_id:{DEAL}").events = events


def test_a_deal_without_agents_has_its_own_sentence(world: World) -> None:
    world.deal(values=CREATED)
    world.sync_ready()
    answer = diagnose(world)
    assert answer.error_code == "agent_verification_failed"
    assert "cannot sync at all: the deal has no agents" in answer.conclusion.sentence
    assert answer.conclusion.next_step == "Assign an agent first."
    assert answer.agents == ()


def test_a_deal_without_agents_says_so_even_where_another_code_comes_first(world: World) -> None:
    world.deal(values=CREATED)
    answer = diagnose(world)
    assert answer.error_code == "sync_system_missing"
    assert "without an agent no sync is possible" in answer.conclusion.sentence


def test_a_deal_without_property_and_agents_names_every_gate_that_fails(world: World) -> None:
    world.deal(values={**CREATED, "property_id": None})
    world.sync_ready()
    answer = diagnose(world)
    assert {one.id: one.error_code for one in answer.gates if one.status is Status.FAIL} == {
        "property": "property_missing",
        "agents": "agent_verification_failed",
    }
    assert "1 further condition fails: property_missing" in answer.conclusion.sentence


@pytest.mark.parametrize("nothing", [None, 0])
def test_a_property_of_nothing_is_no_property(world: World, nothing: object) -> None:
    eligible(world, property_id=nothing)
    assert diagnose(world).error_code == "property_missing"


def test_gates_come_in_the_order_of_a_forensic_read_and_each_says_how_it_was_asked(world: World) -> None:
    eligible(world)
    answer = diagnose(world)
    names = [one.id for one in answer.gates]
    assert names == ["deal", "property", "agents", "contact", "sync_system", "transaction", "mutex"]
    assert all(one.status is Status.PASS and one.evidence for one in answer.gates[:-1])
    asked = " ".join(one.query for one in answer.evidence)
    for table in ("deals", "deal_agents", "users", "zillow_auth", "zillow_agents", "zillow_sync_agents"):
        assert table in asked
    for table in ("zillow_sync_users", "data_sync_systems", "feature_flags", "oauth_applications"):
        assert table in asked
    assert "@context.deal_id:12345" in asked
    assert (answer.conclusion.code, answer.error_code) == ("eligible", "")


def test_an_already_synced_deal_is_said_to_be_synced(world: World) -> None:
    eligible(world, synced_at=ago(hours=2), zillow_transaction_id="ztx-1", updated_at=ago(hours=3))
    answer = diagnose(world)
    assert (answer.conclusion.code, answer.error_code) == ("already_synced", "")
    assert "is already synced" in answer.conclusion.sentence
    assert "ztx-1" in answer.conclusion.sentence
    assert not answer.conclusion.is_inference


def test_a_synced_deal_that_was_changed_since_is_said_to_be_so(world: World) -> None:
    eligible(world, synced_at=ago(hours=2), zillow_transaction_id="ztx-1", updated_at=ago(hours=1))
    assert "It was changed since" in diagnose(world).conclusion.sentence


def test_a_synced_deal_that_lost_its_transaction_id_fails_with_its_next_update(world: World) -> None:
    eligible(world, synced_at=ago(hours=2))
    answer = diagnose(world)
    assert answer.error_code == "zillow_transaction_id_missing"
    assert "next update" in answer.conclusion.sentence


def test_a_deal_that_is_not_there_is_a_code_and_an_unknown_account_an_error(world: World) -> None:
    answer = diagnose(world, 999)
    assert answer.error_code == "deal_id_missing"
    assert {one.status for one in answer.gates[1:]} == {Status.NO_DATA}
    with pytest.raises(AccountUnknown):
        diagnose(world, DEAL, 5)


def test_creation_events_that_are_ignored_are_the_conclusion_of_an_eligible_deal(world: World) -> None:
    eligible(world)
    world.common("feature_flags", {"account_id": None, "flag_name": IGNORE_CREATION, "enabled": True})
    answer = diagnose(world)
    assert (answer.conclusion.code, answer.error_code) == ("creation_events_ignored", "")
    assert "creation events are ignored" in answer.conclusion.sentence
    assert "every account" in answer.conclusion.sentence
    assert any(one.what == f"flag {IGNORE_CREATION}: on for every account" for one in answer.configuration)


def test_a_row_of_the_account_stands_over_the_one_for_everybody(world: World) -> None:
    eligible(world)
    world.common(
        "feature_flags",
        {"account_id": None, "flag_name": IGNORE_CREATION, "enabled": True},
        {"account_id": ACCOUNT, "flag_name": IGNORE_CREATION, "enabled": False},
        {"account_id": 5, "flag_name": IGNORE_CREATION, "enabled": True},
    )
    assert diagnose(world).conclusion.code == "eligible"


def test_flag_rows_that_contradict_each_other_are_named(world: World) -> None:
    eligible(world)
    flag = {"account_id": ACCOUNT, "flag_name": IGNORE_CREATION}
    world.common("feature_flags", {**flag, "enabled": True}, {**flag, "enabled": False})
    answer = diagnose(world)
    assert "could not be established" in answer.conclusion.sentence
    assert any("contradict" in one.what for one in answer.configuration)


def test_a_failing_deal_says_besides_that_creation_events_are_ignored(world: World) -> None:
    eligible(world, property_id=None)
    world.common("feature_flags", {"account_id": ACCOUNT, "flag_name": IGNORE_CREATION, "enabled": True})
    answer = diagnose(world)
    assert answer.error_code == "property_missing"
    assert "Besides, creation events are ignored" in answer.conclusion.sentence


def test_logs_that_name_the_code_make_it_observed_and_surer(world: World) -> None:
    world.deal(1, values=CREATED)
    world.sync_ready()
    before = diagnose(world).conclusion
    assert (before.confidence, before.is_inference) == (Confidence.STANDARD, True)
    read_logs(world, {"deal_id": DEAL, "account_id": ACCOUNT, "errorCode": "agent_verification_failed"})
    after = diagnose(world).conclusion
    assert (after.confidence, after.is_inference) == (Confidence.STRICT, False)
    assert set(after.sources) == {"client", "common", "datadog"}
    assert after.overturned_by


def test_logs_of_the_same_deal_id_in_another_account_are_no_witness(world: World) -> None:
    world.deal(1, values=CREATED)
    world.sync_ready()
    read_logs(world, {"deal_id": DEAL, "account_id": 9, "errorCode": "agent_verification_failed"})
    answer = diagnose(world)
    assert "datadog" not in answer.conclusion.sources
    assert answer.findings[0].status is Status.NO_DATA


def test_logs_that_name_another_code_are_a_warning(world: World) -> None:
    eligible(world)
    read_logs(world, {"deal_id": DEAL, "account_id": ACCOUNT, "errorCode": "property_missing"})
    finding = diagnose(world).findings[0]
    assert finding.status is Status.WARN
    assert "property_missing" in finding.summary


def test_silent_logs_are_a_finding_and_no_failure(world: World) -> None:
    eligible(world)
    world.datadog.failure = unreachable()
    answer = diagnose(world)
    assert answer.conclusion.code == "eligible"
    assert answer.findings[0].status is Status.UNREACHABLE


def test_rows_without_a_user_and_agents_without_a_row_are_named_with_their_effect(world: World) -> None:
    eligible(world)
    world.client(ACCOUNT, "deal_agents", {"deal_id": DEAL, "user_id": None}, {"deal_id": DEAL, "user_id": 77})
    world.client(ACCOUNT, "deals_contacts", {"deal_id": DEAL, "contact_id": None})
    answer = diagnose(world)
    assert "1 row of deal_agents without a user, not counted as agents." in answer.notes
    assert "1 row of deals_contacts without a contact, not counted." in answer.notes
    assert any("1 agent on the deal without a row in users (user 77)" in note for note in answer.notes)
    orphan = next(agent for agent in answer.agents if agent.user_id == 77)
    assert (orphan.is_verified, "orphan" in orphan.note) == (False, True)


def test_a_row_of_deal_agents_without_a_user_is_no_agent(world: World) -> None:
    world.deal(values=CREATED)
    world.sync_ready()
    world.client(ACCOUNT, "deal_agents", {"deal_id": DEAL, "user_id": None})
    answer = diagnose(world)
    assert answer.error_code == "agent_verification_failed"
    assert "1 row of deal_agents without a user" in answer.conclusion.sentence


def test_a_row_that_names_another_account_is_named(world: World) -> None:
    eligible(world, account_id=5)
    assert any("names account 5" in note for note in diagnose(world).notes)


def test_clocks_that_disagree_are_named(world: World) -> None:
    eligible(world, synced_at=ago(days=10), zillow_transaction_id="z", updated_at=ago(hours=-3))
    notes = " ".join(diagnose(world).notes)
    assert "updated_at of the deal lies in the future" in notes
    assert "synced before it was created" in notes


def test_a_path_that_cannot_be_read_is_none_and_makes_nobody_unverified(world: World, tmp_path: Path) -> None:
    world.deal(1, values=CREATED)
    world.sync_ready()
    drop(tmp_path, "ALTER TABLE users DROP COLUMN zillow_profile_id")
    answer = diagnose(world)
    agent = answer.agents[0]
    assert (agent.legacy_profile, agent.oauth, agent.is_verified) == (None, False, None)
    assert (answer.conclusion.code, answer.error_code) == ("not_known", "")
    assert gate(answer, "agents").status is Status.NO_DATA


def test_without_common_the_client_still_tells_what_it_can(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deal(1, values={**CREATED, "property_id": None})
    world.sync_ready()
    world.databases.account(ACCOUNT)
    refused: list[int] = []

    def away(*_: object, **__: object) -> None:
        refused.append(1)
        raise unreachable("common")

    monkeypatch.setattr(world.databases, "read_common", away)
    answer = diagnose(world)
    assert answer.error_code == "property_missing"
    assert "may end in agent_verification_failed, contact_sync_missing before that" in answer.conclusion.sentence
    assert gate(answer, "contact").status is Status.UNREACHABLE
    assert answer.agents[0].oauth is None
    assert len(refused) == 2, "a source that is away is not asked again, but once how old the client's rows are"


def test_a_missing_table_is_one_unknown_gate(world: World, tmp_path: Path) -> None:
    eligible(world)
    drop(tmp_path, "DROP TABLE data_sync_systems")
    answer = diagnose(world)
    assert gate(answer, "sync_system").status is Status.NO_DATA
    assert answer.conclusion.code == "not_known"


def test_without_the_client_database_there_is_no_answer(world: World, tmp_path: Path) -> None:
    world.databases.account(ACCOUNT)
    world.databases.close()
    with pytest.raises(SourceFailure):
        diagnose(world)


def test_recent_changes_are_listed_newest_first_and_old_ones_left_out(world: World) -> None:
    world.deal(1, values=CREATED)
    world.sync_ready()
    world.tokens({"user_id": 1, "created_at": ago(days=300), "updated_at": ago(hours=5)})
    log = {"account_id": ACCOUNT, "user_id": 1, "change_reason": "agent sync"}
    world.common(
        "zillow_connection_logs",
        {**log, "id": 1, "old_resolution": 1, "new_resolution": 3, "created_at": ago(hours=2)},
        {**log, "id": 2, "old_resolution": 2, "new_resolution": 4, "created_at": ago(hours=9)},
        {**log, "id": 3, "old_resolution": 3, "new_resolution": 1, "created_at": ago(days=200)},
        {**log, "id": 4, "old_resolution": 4, "new_resolution": 1, "created_at": ago(hours=1), "user_id": 2},
    )
    world.client(ACCOUNT, "zillow_agents", {"id": 8, "user_id": 1, "resolution_method": 3, "updated_at": ago(hours=3)})
    world.common("oauth_applications", {"id": 1, "name": "App", "is_active": True, "redirect_uri": "u", "scopes": None})
    listed = [one.what for one in diagnose(world).configuration]
    assert listed[:4] == [
        "user 1 from CONNECTED to INFERRED: agent sync",
        "agent 8 of user 1 written as INFERRED",
        "token of user 1 updated",
        "user 1 from retired 2 to UNMATCHED: agent sync",
    ]
    assert "OAuth application App is active, without scopes" in listed
    assert len(listed) == 4 + 3 + 1


def test_a_mutex_is_unknown_where_no_redis_is_configured(world: World) -> None:
    eligible(world)
    mutex = gate(diagnose(world), "mutex")
    assert mutex.status is Status.NO_DATA
    assert "ot configured" in mutex.summary


def with_redis(world: World, url: str) -> None:
    """Redis is configured, and the agent of the deal has sync connection 1."""
    vars(world.service.context)["mutexes"] = Mutexes(RedisSettings(url=url, timeout_s=2))
    world.common("zillow_sync_users", {"id": 1, "account_id": ACCOUNT, "user_id": 1, "problem_at": ago(hours=1)})


def test_a_free_mutex_passes_and_a_held_one_is_the_conclusion(world: World, redis: RedisServer) -> None:
    eligible(world)
    with_redis(world, redis.url)
    free = diagnose(world)
    assert (gate(free, "mutex").status, free.conclusion.code) == (Status.PASS, "eligible")
    assert free.conclusion.confidence is Confidence.STRICT
    hold(redis, mutex_key(1), left_s=40)
    held = diagnose(world)
    assert (gate(held, "mutex").status, held.conclusion.code, held.error_code) == (Status.WARN, "sync_running", "")
    assert free.conclusion.is_inference
    assert held.conclusion.is_inference
    assert "s more" in held.conclusion.sentence
    assert gate(held, "mutex").evidence[0].query == "PTTL zillow-transaction-sync:1"


def test_a_mutex_without_an_end_or_with_a_long_one_is_named(world: World, redis: RedisServer) -> None:
    eligible(world)
    with_redis(world, redis.url)
    hold(redis, mutex_key(1))
    assert "without an end" in gate(diagnose(world), "mutex").summary
    hold(redis, mutex_key(1), left_s=900)
    assert "longer than the 60 s" in gate(diagnose(world), "mutex").summary


def test_a_redis_that_is_away_is_a_state_of_its_gate_alone(world: World) -> None:
    eligible(world)
    with RedisServer() as gone:
        url = gone.url
    with_redis(world, url)
    answer = diagnose(world)
    assert gate(answer, "mutex").status is Status.UNREACHABLE
    assert answer.conclusion.code == "eligible"


def test_a_deal_is_found_in_the_accounts_that_logs_and_this_console_name(world: World) -> None:
    world.account(5)
    world.deal(values=CREATED)
    world.deal(account_id=5, values={**CREATED, "created_at": ago(days=1)})
    world.datadog.about(f"@context.deal_id:{DEAL}").by_account = {ACCOUNT: 2, 5: 1, 404: 1}
    found = world.service.deals.find(DEAL)
    assert [one.account_id for one in found] == [5, ACCOUNT]
    assert found[0].account_name == "Harbor"


def test_an_account_whose_database_is_away_stays_a_candidate(world: World, tmp_path: Path) -> None:
    world.datadog.about(f"@context.deal_id:{DEAL}").by_account = {ACCOUNT: 1}
    (tmp_path / "client_14009.db").rename(tmp_path / "away.db")
    assert [one.account_id for one in world.service.deals.find(DEAL)] == [ACCOUNT]


def test_silent_logs_and_an_empty_memory_find_nothing_out(world: World) -> None:
    world.datadog.failure = unreachable()
    with pytest.raises(SourceFailure) as raised:
        world.service.deals.find(DEAL)
    assert raised.value.kind is FailureKind.UNREACHABLE


def test_a_contact_without_an_active_connection_names_both(world: World) -> None:
    world.deal(1, values=CREATED)
    world.client(ACCOUNT, "deals_contacts", {"deal_id": DEAL, "contact_id": 1})
    contact = gate(diagnose(world), "contact")
    assert (contact.status, contact.error_code) == (Status.FAIL, "contact_sync_missing")
    assert contact.summary == "1 contact on the deal, 0 of 0 sync connections of the account active."


def test_unread_contacts_leave_open_what_an_active_connection_does_not_decide(world: World, tmp_path: Path) -> None:
    eligible(world)
    drop(tmp_path, "DROP TABLE deals_contacts")
    assert gate(diagnose(world), "contact").status not in (Status.PASS, Status.FAIL)


def test_unread_contacts_beside_no_active_connection_fail_for_the_connection(world: World, tmp_path: Path) -> None:
    world.deal(1, values=CREATED)
    drop(tmp_path, "DROP TABLE deals_contacts")
    contact = gate(diagnose(world), "contact")
    assert contact.error_code == "contact_sync_missing"
    assert contact.summary == "0 of 0 sync connections of the account active."
