"""Deals that were never synced, by cause: of one account, and of a window over all accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.core.waiting import Job, Progress
from diagnostics.models.deals import UnsyncedDeals
from diagnostics.sources.mysql.databases import AccountUnknown
from diagnostics.sync import unsynced
from diagnostics.sync.configuration import IGNORE_CREATION
from tests.service.world import ACCOUNT as LOOSE
from tests.service.world import World, ago, unreachable
from tests.sync.rows import Shelf

ACCOUNT, OTHER, QUIET = 14009, 75172, 148261


def ready(shelf: Shelf, account: int) -> None:
    """An account in which a deal with user 1 is eligible."""
    shelf.account(account)
    shelf.users(account, 1, 2)
    shelf.token(account, 1)
    shelf.connection(account, 1)
    shelf.system(account)


def counts(answer: UnsyncedDeals) -> dict[str, int]:
    return {group.error_code: group.count for group in answer.groups}


def test_deals_of_an_account_are_grouped_by_cause_largest_first(shelf: Shelf) -> None:
    ready(shelf, ACCOUNT)
    for deal_id, agents in enumerate([(1,), (2,), (), (2,), (1,)], 1):
        shelf.deal(ACCOUNT, deal_id, agents=agents, has_property=deal_id != 5)
    shelf.deal(ACCOUNT, 9, agents=(1,), synced=True, transaction="z")
    answer = shelf.service.deals.unsynced(ACCOUNT)
    assert counts(answer) == {"agent_verification_failed": 3, "": 1, "property_missing": 1}
    assert answer.groups[0].error_code == "agent_verification_failed"
    assert answer.groups[0].deals == ((ACCOUNT, 4), (ACCOUNT, 3), (ACCOUNT, 2))
    assert answer.groups[0].next_step.startswith("1 of them has nobody on them: assign an agent first.")
    assert (answer.total, answer.examined, answer.coverage) == (5, 5, None)
    assert answer.evidence


def test_a_window_leaves_older_deals_out(shelf: Shelf) -> None:
    ready(shelf, ACCOUNT)
    for deal_id, hours in ((1, 2.0), (2, 5.0), (3, 30.0)):
        shelf.deal(ACCOUNT, deal_id, agents=(1,), created_h=hours)
    assert shelf.service.deals.unsynced(ACCOUNT, 6 * 3_600).groups[0].deals == ((ACCOUNT, 1), (ACCOUNT, 2))


@pytest.mark.parametrize("window_s", [None, 48 * 3_600])
def test_pages_follow_one_another_without_a_gap_or_a_double(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, window_s: int | None
) -> None:
    ready(shelf, ACCOUNT)
    monkeypatch.setattr(unsynced, "BATCH", 3)
    for deal_id in range(1, 12):
        # Several share a moment: a page may end in the middle of them.
        shelf.deal(ACCOUNT, deal_id, agents=(1,), created_h=float(deal_id // 4))
    answer = shelf.service.deals.unsynced(ACCOUNT, window_s)
    assert sorted(deal for _, deal in answer.groups[0].deals) == list(range(1, 12))
    assert answer.examined == 11


def test_what_is_beyond_the_bound_is_counted_and_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(shelf, ACCOUNT)
    monkeypatch.setattr(unsynced, "MOST_EXAMINED", 2)
    for deal_id in range(1, 6):
        shelf.deal(ACCOUNT, deal_id, agents=(1,))
    answer = shelf.service.deals.unsynced(ACCOUNT)
    assert (answer.total, answer.examined) == (5, 2)
    assert answer.groups[0].deals == ((ACCOUNT, 5), (ACCOUNT, 4))
    assert any("3 older deals were counted and not judged" in note for note in answer.notes)


def test_counting_stops_at_its_bound_and_says_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(shelf, ACCOUNT)
    monkeypatch.setattr(unsynced, "MOST_COUNTED", 3)
    for deal_id in range(1, 6):
        shelf.deal(ACCOUNT, deal_id, agents=(1,))
    answer = shelf.service.deals.unsynced(ACCOUNT)
    assert any("lower bound" in note for note in answer.notes)
    assert answer.examined <= answer.total


def test_progress_is_told_and_a_cancelled_question_says_how_far_it_came(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(shelf, ACCOUNT)
    monkeypatch.setattr(unsynced, "BATCH", 2)
    for deal_id in range(1, 8):
        shelf.deal(ACCOUNT, deal_id, agents=(1,))
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        job.cancel()

    job = Job(report)
    answer = shelf.service.deals.unsynced(ACCOUNT, None, job)
    assert (seen[0].done, seen[0].total, seen[0].unit) == (2, 7, "deals")
    assert (answer.examined, answer.total) == (2, 7)
    assert any("ended early" in note for note in answer.notes)


def test_creation_events_that_are_ignored_are_named_with_their_effect(shelf: Shelf) -> None:
    ready(shelf, ACCOUNT)
    shelf.deal(ACCOUNT, 1, agents=(1,))
    shelf.common("feature_flags", {"account_id": ACCOUNT, "flag_name": IGNORE_CREATION, "enabled": True})
    answer = shelf.service.deals.unsynced(ACCOUNT)
    assert any(IGNORE_CREATION in note and "1 eligible deal" in note for note in answer.notes)


def test_an_account_without_unsynced_deals_has_no_groups(shelf: Shelf) -> None:
    ready(shelf, ACCOUNT)
    shelf.deal(ACCOUNT, 1, agents=(1,), synced=True, transaction="z")
    answer = shelf.service.deals.unsynced(ACCOUNT)
    assert (answer.groups, answer.total, answer.examined) == ((), 0, 0)


def test_an_unknown_account_is_an_error(shelf: Shelf) -> None:
    with pytest.raises(AccountUnknown):
        shelf.service.deals.unsynced(404)


def test_no_statement_joins_or_skips_rows_or_asks_deal_by_deal(shelf: Shelf) -> None:
    ready(shelf, ACCOUNT)
    for deal_id in range(1, 60):
        shelf.deal(ACCOUNT, deal_id, agents=(1, 2))
    sent = shelf.statements()
    shelf.service.deals.unsynced(ACCOUNT, 72 * 3_600)
    assert len(sent) <= 17, "four of them ask how old the rows are, once a minute"
    assert not any(" JOIN " in statement for statement in sent)
    # SQLite's dialect writes an OFFSET of nothing beside every LIMIT.
    assert shelf.server is None or not any("OFFSET" in statement for statement in sent)


def test_a_source_that_is_away_makes_the_cause_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deal(1, values={"created_at": ago(hours=1)})
    world.deal(1, deal_id=2, values={"property_id": None, "created_at": ago(hours=2)})
    world.sync_ready()
    world.sync_ready(deal_id=2)
    world.databases.account(LOOSE)

    def away(*_: object, **__: object) -> None:
        raise unreachable("common")

    monkeypatch.setattr(world.databases, "read_common", away)
    answer = world.service.deals.unsynced(LOOSE)
    assert counts(answer) == {"not_known": 1, "property_missing": 1}
    unknown = next(group for group in answer.groups if group.error_code == "not_known")
    assert "common: unreachable" in unknown.next_step


def test_rows_without_a_user_and_orphans_are_counted_in_notes(world: World) -> None:
    world.deal(1, None, values={"created_at": ago(hours=1)})  # type: ignore[arg-type]  # a row that names nobody
    answer = world.service.deals.unsynced(LOOSE)
    notes = " ".join(answer.notes)
    assert "1 row of deal_agents without a user" in notes
    assert "1 agent on these deals without a row in users" in notes


def test_a_window_over_all_accounts_says_what_it_rests_on(shelf: Shelf) -> None:
    for account in (ACCOUNT, OTHER, QUIET):
        ready(shelf, account)
    for deal_id in range(1, 4):
        shelf.deal(ACCOUNT, deal_id, agents=(1,), created_h=3)
    shelf.deal(OTHER, 1, agents=(2,), created_h=4)
    shelf.deal(OTHER, 2, agents=(2,), created_h=400)
    answer = shelf.service.deals.unsynced()
    assert counts(answer) == {"": 3, "agent_verification_failed": 1}
    assert (answer.account_id, answer.window_s, answer.total, answer.examined) == (None, 86_400, 4, 4)
    assert answer.coverage is not None
    assert (answer.coverage.answered, answer.coverage.asked) == (3, 3)


def test_a_client_database_that_is_away_is_a_gap_of_the_coverage(shelf: Shelf, tmp_path: Path) -> None:
    for account in (ACCOUNT, OTHER):
        ready(shelf, account)
        shelf.deal(account, account, agents=(1,), created_h=3)
    if shelf.server is None:
        (tmp_path / f"{shelf._name(f'client_{OTHER}')}.db").unlink()
    else:
        shelf.server.execute(f"DROP DATABASE `{shelf._name(f'client_{OTHER}')}`")
    answer = shelf.service.deals.unsynced(None, 6 * 3_600)
    assert answer.groups[0].deals == ((ACCOUNT, ACCOUNT),)
    assert answer.coverage is not None
    assert (answer.coverage.answered, answer.coverage.asked) == (1, 2)
    assert answer.coverage.gaps


def test_over_all_accounts_the_rest_beyond_the_bound_is_only_counted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsynced, "MOST_ACCOUNTS", 1)
    monkeypatch.setattr(unsynced, "MOST_EXAMINED_EACH", 2)
    for account, deals in ((ACCOUNT, 3), (OTHER, 1)):
        ready(shelf, account)
        for deal_id in range(1, deals + 1):
            shelf.deal(account, deal_id, agents=(1,), created_h=3)
    answer = shelf.service.deals.unsynced()
    assert (answer.total, answer.examined) == (4, 2)
    assert any("1 further account with unsynced deals was counted and not judged" in note for note in answer.notes)
    assert any("1 older deal" in note for note in answer.notes)


def test_a_cancelled_question_over_all_accounts_judges_no_further_account(shelf: Shelf) -> None:
    for account in (ACCOUNT, OTHER, QUIET):
        ready(shelf, account)
        shelf.deal(account, 1, agents=(1,), created_h=3)
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.unit == "accounts judged":
            job.cancel()

    job = Job(report)
    answer = shelf.service.deals.unsynced(None, None, job)
    assert told[-1].total == 3
    assert answer.total == 3
    assert answer.examined <= 3
