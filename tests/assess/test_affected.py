"""Accounts affected: ranked, whole where they are whole, and never none for want of data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.incidents import AffectedAccount, AffectedAccounts
from tests.service.world import Told, World, unreachable

LARGE, SMALL, STRANGER = 37_639, 14_009, 99_999


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def told(world: World, issue: str = "oauth_failure") -> Told:
    return world.datadog.about(world.service.query_for(issue))


def affected(world: World, issue: str = "oauth_failure", severity: str | None = None) -> AffectedAccounts:
    return world.service.assessments.affected(issue, severity)


def large_account(world: World) -> None:
    """One of 4,000 users beside the world's own, whose size is not known."""
    place = {"db_host": "h", "db_database": f"client_{LARGE}", "db_user": "u"}
    world.common("accounts", {"id": LARGE, "name": "Riverside Realty", "user_count": 4_000, **place})


def test_the_largest_is_first_although_a_small_one_fails_more_often(world: World) -> None:
    large_account(world)
    told(world).by_account = {SMALL: 900, LARGE: 12}
    found = affected(world)
    assert [(one.account_id, one.name, one.size, one.events) for one in found.rows] == [
        (LARGE, "Riverside Realty", 4_000, 12),
        (SMALL, "Harbor", None, 900),
    ]
    assert (found.total, found.at_least, found.words()) == (2, False, "2 accounts")
    assert found.severity == "critical"
    # 20 for a large account × 10 for critical × 1, which is taken where the part is not known.
    assert found.rows[0].impact == 200.0


def test_part_sync_kinds_and_times_stand_in_the_row(world: World) -> None:
    answers = told(world)
    answers.by_account, answers.kinds = {SMALL: 5}, {SMALL: {"timeout": 1, "invalid_grant": 4}}
    answers.seen_s = {SMALL: (400.0, 100.0)}
    world.tokens({"user_id": 1}, {"user_id": 2, "encrypted_refresh_token": None})
    for user, enabled in ((1, True), (2, False), (3, True)):
        row = {
            "account_id": SMALL,
            "user_id": user,
            "zillow_integration_id": "z",
            "connection_health_status": "healthy",
        }
        world.common("zillow_sync_users", {**row, "zillow_integration_enabled": enabled})
    (row_,) = affected(world).rows
    assert (row_.share, row_.share_words) == (0.5, "1 of 2 credentials without a valid token")
    assert (row_.synced, row_.kind_words) == ("2 of 3", "invalid_grant 4, timeout 1")
    assert row_.first_seen is not None
    assert row_.last_seen is not None
    assert row_.first_seen < row_.last_seen
    assert not row_.began_before


def test_what_was_there_when_the_window_began_may_have_begun_before(world: World) -> None:
    answers = told(world)
    answers.by_account, answers.seen_s = {SMALL: 5}, {SMALL: (899.0, 30.0)}
    assert affected(world).rows[0].began_before


@pytest.mark.honesty(
    "accounts affected: events that carry no account",
    "accounts affected: not known, and why; beside accounts that are named, at least so many",
)
def test_events_that_name_nobody_are_not_nobody(world: World) -> None:
    told(world).unnamed = 17_991
    found = affected(world)
    assert (found.rows, found.total, found.words()) == ((), None, "accounts affected: not known")
    assert "no event carries @context.account_id" in found.basis
    assert found.heaviest(20) == "not known"
    told(world).by_account = {SMALL: 3}
    world.service.forget_answers()
    found = affected(world)
    assert (found.words(), found.heaviest(20)) == ("at least 1 account", "all that are known of at least 1")
    assert "17,991 events name no account: whom they concern is not known." in found.notes


def test_no_event_is_no_account(world: World) -> None:
    found = affected(world)
    assert (found.total, found.words(), found.rows) == (0, "0 accounts", ())


@pytest.mark.honesty(
    "accounts affected: Datadog answers in part, or its logs are late",
    "at least so many; where none is named, not known and not none",
)
def test_a_partial_answer_without_an_account_is_no_all_clear(world: World) -> None:
    told(world).partial = True
    assert affected(world).total is None
    told(world).by_account = {SMALL: 3}
    world.service.forget_answers()
    found = affected(world)
    assert (found.words(), found.at_least) == ("at least 1 account", True)
    assert any("partial answer" in note for note in found.notes)


def test_without_the_database_accounts_are_their_numbers_and_nothing_is_0(world: World) -> None:
    told(world).by_account = {SMALL: 3, LARGE: 9}
    world.break_common()
    found = affected(world)
    assert found.words() == "2 accounts"
    for one in found.rows:
        assert (one.name, one.size, one.exists, one.share, one.synced) == ("", None, None, None, "")
        assert one.record()["users"] is None
    said = " ".join(found.notes)
    for part in ("Names and sizes", "part of each account", "Whether accounts sync"):
        assert part in said


def test_without_the_logs_nobody_can_say_whom_it_concerns(world: World) -> None:
    world.datadog.failure = unreachable()
    with pytest.raises(SourceFailure):
        affected(world)


def test_a_stranger_to_the_account_list_is_said_to_be_one(world: World) -> None:
    told(world).by_account = {STRANGER: 3}
    found = affected(world)
    assert found.rows[0].exists is False
    assert found.rows[0].synced == "none"
    assert "1 account not in common.accounts." in found.notes


def test_more_accounts_than_one_answer_names_are_counted(world: World) -> None:
    answers = told(world)
    answers.by_account = dict.fromkeys(range(1, 1201), 2)
    answers.total, answers.accounts = 2_400, 1_200
    found = affected(world)
    assert (len(found.rows), found.total) == (1_000, 1_200)
    assert found.words() == "1,000 of at least 1,200 accounts"
    assert found.heaviest(20) == "20 of at least 1,200, those that weigh most"


def test_what_is_known_is_told_before_the_rest_has_answered(world: World) -> None:
    told(world).by_account = {SMALL: 3}
    heard: list[AffectedAccounts] = []
    last = world.service.assessments.affected("oauth_failure", tell=heard.append)
    assert heard[0].pending == ("sizes", "parts affected", "sync", "kinds of failure")
    assert heard[0].rows[0].name == ""
    assert [len(one.pending) for one in heard] == [4, 3, 2, 1]
    assert (last.pending, last.rows[0].name) == ((), "Harbor")


def test_an_unknown_issue_or_severity_is_refused_with_the_accepted_ones(world: World) -> None:
    with pytest.raises(UserError) as error:
        affected(world, "fire")
    assert "rate_limiting" in error.value.accepted
    with pytest.raises(UserError) as error:
        affected(world, "oauth_failure", "preventive")
    assert "critical" in error.value.accepted


@pytest.mark.parametrize(("total", "said"), [(61, "20 of 61, those that weigh most"), (12, "all 12")])
def test_a_notice_says_how_many_of_all_it_names(world: World, total: int, said: str) -> None:
    told(world).by_account = dict.fromkeys(range(1, total + 1), 2)
    assert affected(world).heaviest(20) == said
    proposal = world.service.notices.propose(issue_type="oauth_failure", severity="critical")
    assert len(proposal.accounts) == min(20, total)
    assert any(said in note for note in proposal.notes) is (total > 20)


def test_a_record_is_json_with_null_for_what_is_not_known() -> None:
    row = AffectedAccount("oauth_failure", 7, 10.0, "why")
    read = json.loads(json.dumps(row.record()))
    for name in ("users", "share", "events", "first_seen", "last_seen", "synced", "connections"):
        assert read[name] is None, name
