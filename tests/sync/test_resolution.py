"""Agents that are INFERRED or UNMATCHED although their user holds a valid token: every one of them, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import Job, Progress
from diagnostics.models.conclusions import Confidence
from diagnostics.models.deals import ResolutionDiagnosis
from diagnostics.models.status import Status
from diagnostics.sources.mysql.databases import AccountUnknown
from diagnostics.sync.resolution import PAGE
from tests.service.world import ACCOUNT as LOOSE
from tests.service.world import World, ago, unreachable
from tests.sync.rows import Shelf, agent_row

ACCOUNT = 14009


def diagnose(shelf: Shelf) -> ResolutionDiagnosis:
    return shelf.service.deals.resolution(ACCOUNT)


def test_exactly_the_stale_agents_are_named_by_id(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.users(ACCOUNT, *range(1, 10))
    shelf.agent(ACCOUNT, 101, 1, 3, age=48)
    shelf.agent(ACCOUNT, 102, 2, 4, age=30)
    shelf.agent(ACCOUNT, 103, 3, 1)
    shelf.agent(ACCOUNT, 104, 4, 3)
    shelf.agent(ACCOUNT, 105, 5, 3)
    shelf.agent(ACCOUNT, 106, 6, 3)
    shelf.agent(ACCOUNT, 107, 7, 3)
    for user in (1, 2, 3):
        shelf.token(ACCOUNT, user, age=900)
    shelf.token(ACCOUNT, 4, held=False)
    shelf.token(ACCOUNT, 5, expires=-1)
    shelf.token(ACCOUNT, 6, expires=None)
    shelf.token(999, 7)
    answer = diagnose(shelf)
    assert [(agent.agent_id, agent.method_name) for agent in answer.stale] == [(101, "INFERRED"), (102, "UNMATCHED")]
    assert (answer.conclusion.code, answer.conclusion.confidence) == ("agents_stale", Confidence.STANDARD)
    assert "2 of 7 agents" in answer.conclusion.sentence
    assert any("1 agent whose user's token has expired" in note for note in answer.notes)
    assert any("1 agent whose user's token names no expiry" in note for note in answer.notes)
    assert answer.findings[0].status is Status.FAIL
    assert {one.source.partition(" ")[0] for one in answer.evidence} == {"common", "client"}


def test_stale_since_is_when_the_row_was_written_or_the_token_made_whichever_came_later(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.agent(ACCOUNT, 1, 1, 3, age=48)
    shelf.agent(ACCOUNT, 2, 2, 3, age=48)
    shelf.token(ACCOUNT, 1, age=900)
    shelf.token(ACCOUNT, 2, age=3)
    first, second = diagnose(shelf).stale
    assert first.stale_since == first.agent_updated_at
    assert second.stale_since == second.token_created_at
    assert f"{first.stale_since:%Y-%m-%d %H:%M} UTC" in diagnose(shelf).conclusion.sentence


def test_an_account_without_stale_agents_is_consistent(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.agent(ACCOUNT, 1, 1, 1)
    shelf.agent(ACCOUNT, 2, None, 4, zuid=None)
    shelf.token(ACCOUNT, 1)
    answer = diagnose(shelf)
    assert (answer.conclusion.code, answer.stale) == ("consistent", ())
    assert answer.findings[0].status is Status.PASS
    assert any("1 agent INFERRED or UNMATCHED without a user" in note for note in answer.notes)


def test_an_account_without_agents_is_not_consistent_but_not_known(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    answer = diagnose(shelf)
    assert answer.conclusion.code == "not_known"
    assert answer.distribution is not None
    assert answer.distribution.total == 0


def test_retired_and_unknown_methods_are_named_and_in_no_share(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    for number, method in enumerate((1, 1, 3, 4, 2, 2, 9), 1):
        shelf.agent(ACCOUNT, number, number, method)
        shelf.token(ACCOUNT, number)
    answer = diagnose(shelf)
    assert [agent.agent_id for agent in answer.stale] == [3, 4]
    assert answer.distribution is not None
    assert (answer.distribution.total, answer.distribution.retired, answer.distribution.unclear) == (4, 2, 1)
    notes = " ".join(answer.notes)
    assert "2 agents with the retired method 2: in no share" in notes
    assert "1 agent with no known method" in notes


def test_orphans_are_counted_and_named(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.users(ACCOUNT, 1)
    for user in (1, 2):
        shelf.agent(ACCOUNT, user, user, 3)
        shelf.token(ACCOUNT, user)
    answer = diagnose(shelf)
    assert [("orphan" in agent.note) for agent in answer.stale] == [False, True]
    assert any("1 stale agent whose user has no row in users" in note for note in answer.notes)


def test_a_user_with_several_agents_is_named(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.agent(ACCOUNT, 1, 1, 3)
    shelf.agent(ACCOUNT, 2, 1, 4)
    shelf.token(ACCOUNT, 1)
    answer = diagnose(shelf)
    assert len(answer.stale) == 2
    assert any("some users have several agent rows" in note for note in answer.notes)


def test_transitions_are_named_newest_first_in_every_direction(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.agent(ACCOUNT, 1, 1, 3)
    shelf.token(ACCOUNT, 1)
    for hours, (old, new) in enumerate([(1, 3), (4, 1), (2, 4), (3, 4), (None, 9)], 1):
        shelf.transition(ACCOUNT, 1, old, new, hours=hours)
    shelf.transition(ACCOUNT, 2, 1, 4, hours=1)
    shelf.transition(999, 1, 1, 4, hours=1)
    shelf.transition(ACCOUNT, 1, 1, 4, hours=24 * 90)
    told = [(row.old, row.new) for row in diagnose(shelf).transitions]
    assert told == [
        ("CONNECTED", "INFERRED"),
        ("UNMATCHED", "CONNECTED"),
        ("retired 2", "UNMATCHED"),
        ("INFERRED", "UNMATCHED"),
        ("none", "unknown 9"),
    ]
    assert "1 transition away from CONNECTED is on record" in diagnose(shelf).conclusion.sentence


def test_agents_beyond_one_page_are_all_found_with_few_statements(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    count = 2 * PAGE + 7
    shelf.client(ACCOUNT, "zillow_agents", *(agent_row(ACCOUNT, user, user, 3) for user in range(1, count + 1)))
    token = {"account_id": ACCOUNT, "encrypted_refresh_token": "t", "expires_at": ago(hours=-9).replace(tzinfo=None)}
    made = {"created_at": ago(days=2).replace(tzinfo=None), "updated_at": ago(days=1).replace(tzinfo=None)}
    shelf.common("zillow_auth", *({**token, **made, "user_id": user} for user in range(1, count + 1)))
    sent = shelf.statements()
    answer = diagnose(shelf)
    assert [agent.agent_id for agent in answer.stale] == list(range(1, count + 1))
    assert len(sent) < 40
    assert not any(" JOIN " in statement or " UNION " in statement for statement in sent)
    # SQLite's dialect writes an OFFSET of nothing beside every LIMIT.
    assert shelf.server is None or not any("OFFSET" in statement for statement in sent)
    assert len(answer.findings[0].details) == 20


def test_a_cancelled_search_answers_with_what_it_found_and_says_so(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.client(ACCOUNT, "zillow_agents", *(agent_row(ACCOUNT, user, user, 3) for user in range(1, PAGE + 5)))
    shelf.token(ACCOUNT, 1)
    shelf.token(ACCOUNT, PAGE + 2)
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        job.cancel()

    job = Job(report)
    answer = shelf.service.deals.resolution(ACCOUNT, job)
    assert [agent.agent_id for agent in answer.stale] == [1]
    assert "there may be more" in answer.conclusion.sentence
    assert (seen[0].done, seen[0].total, seen[0].unit) == (PAGE, PAGE + 4, "agents")
    assert any("cancelled, or out of time" in note for note in answer.notes)


def test_a_search_that_is_cancelled_before_it_found_anything_claims_nothing(shelf: Shelf) -> None:
    shelf.account(ACCOUNT)
    shelf.agent(ACCOUNT, 1, 1, 3)
    job = Job()
    job.cancel()
    answer = shelf.service.deals.resolution(ACCOUNT, job)
    assert answer.conclusion.code == "not_known"
    assert answer.findings[0].status is Status.NO_DATA
    assert answer.findings[0].value is None


def test_an_unknown_account_is_an_error(shelf: Shelf) -> None:
    with pytest.raises(AccountUnknown):
        diagnose(shelf)


def test_without_common_nothing_is_claimed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.client(LOOSE, "zillow_agents", {"id": 1, "user_id": 1, "resolution_method": 3})
    world.databases.account(LOOSE)

    def away(*_: object, **__: object) -> None:
        raise unreachable("common")

    monkeypatch.setattr(world.databases, "read_common", away)
    answer = world.service.deals.resolution(LOOSE)
    assert (answer.conclusion.code, answer.conclusion.confidence) == ("not_known", Confidence.NONE)
    assert answer.findings[0].status is Status.UNREACHABLE


def test_without_the_client_database_there_is_no_answer(world: World, tmp_path: Path) -> None:
    (tmp_path / "client_14009.db").rename(tmp_path / "away.db")
    with pytest.raises(SourceFailure):
        world.service.deals.resolution(LOOSE)


def test_rows_without_moments_and_with_future_ones_are_no_obstacle(world: World) -> None:
    world.tokens({"user_id": 1}, {"user_id": 2, "created_at": ago(hours=-5)})
    world.client(
        LOOSE,
        "zillow_agents",
        {"id": 1, "user_id": 1, "resolution_method": 3},
        {"id": 2, "user_id": 2, "resolution_method": 3, "updated_at": ago(hours=5)},
        {"id": 3, "user_id": 2, "resolution_method": None},
    )
    answer = world.service.deals.resolution(LOOSE)
    assert [agent.stale_since is None for agent in answer.stale] == [True, False]
    assert "future" in answer.stale[1].note
    assert any("no known method" in note for note in answer.notes)
