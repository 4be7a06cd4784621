"""Each kind of difference is found where it is, and nowhere else; what cannot be read is said."""

from __future__ import annotations

import pytest

from diagnostics.core.waiting import Job
from diagnostics.models.reconcile import DifferenceKind
from diagnostics.reconcile.differences import read_account
from diagnostics.sources.mysql.replica import Replica
from tests.reconcile.account import ACCOUNT, CLIENT, StaleAccount


def found(account: StaleAccount) -> dict[DifferenceKind, list[str]]:
    """Rows by kind, those of the stale agents aside."""
    kinds: dict[DifferenceKind, list[str]] = {}
    for one in read_account(account.context(), ACCOUNT).differences:
        if one.kind is not DifferenceKind.STALE_AGENT:
            kinds.setdefault(one.kind, []).append(one.row)
    return kinds


def test_an_account_in_order_has_no_other_difference(either: StaleAccount) -> None:
    snapshot = read_account(either.context(), ACCOUNT)
    assert {one.kind for one in snapshot.differences} == {DifferenceKind.STALE_AGENT}
    assert len(snapshot.differences) == 47
    assert snapshot.unread == ()


def test_credentials_and_connections_that_disagree(account: StaleAccount) -> None:
    shelf = account.shelf
    # User 1: other ZUID. User 2: link to nothing. User 3: enabled, its credentials hold no token. User 4: in order.
    for user in (1, 3, 4):
        shelf.connection(ACCOUNT, user)
    shelf.execute("common", "UPDATE zillow_sync_users SET zuid = 'z4' WHERE user_id = 4")
    shelf.execute("common", "UPDATE zillow_sync_users SET zuid = 'z9' WHERE user_id = 1")
    shelf.execute("common", "UPDATE zillow_auth SET zillow_sync_user_id = 777 WHERE user_id = 2")
    shelf.execute("common", "UPDATE zillow_auth SET encrypted_refresh_token = NULL WHERE user_id = 3")
    shelf.execute("common", "UPDATE zillow_sync_users SET zuid = 'z3' WHERE user_id = 3")
    kinds = found(account)
    assert set(kinds) == {
        DifferenceKind.ZUID_MISMATCH,
        DifferenceKind.DANGLING_LINK,
        DifferenceKind.ENABLED_WITHOUT_TOKEN,
    }
    ids = {row[0]: row[1] for row in shelf.execute("common", "SELECT user_id, id FROM zillow_auth")}
    assert kinds[DifferenceKind.ZUID_MISMATCH] == [str(ids[1])]
    assert kinds[DifferenceKind.DANGLING_LINK] == [str(ids[2])]


def test_memberships_and_legacy_teams_without_what_they_name(account: StaleAccount) -> None:
    shelf = account.shelf
    shelf.client(ACCOUNT, "zillow_teams", {"id": 1, "zillow_team_id": "T-1", "name": "one"})
    members = [{"agent_id": agent, "team_id": team} for agent, team in ((1, 1), (2, 99), (555, 1))]
    shelf.client(ACCOUNT, "zillow_agent_teams", *members)
    ids: dict[int, str | None] = {1: "T-1", 2: "T-2", 3: None}
    legacy = [{"id": number, "zillow_team_id": zillow_id} for number, zillow_id in ids.items()]
    shelf.client(ACCOUNT, "zillow_sync_teams", *legacy)
    legacy_agents = [{"id": number, "account_id": ACCOUNT, "user_id": user} for number, user in ((5, 1), (6, 888))]
    shelf.client(ACCOUNT, "zillow_sync_agents", *legacy_agents)
    kinds = found(account)
    assert kinds == {
        DifferenceKind.ORPHAN_AGENT_TEAM: ["2/99", "555/1"],
        DifferenceKind.ORPHAN_LEGACY_AGENT: ["6"],
        DifferenceKind.LEGACY_TEAM_UNKNOWN: ["2"],
    }


def test_memberships_beyond_a_page_are_all_looked_at(account: StaleAccount) -> None:
    account.shelf.client(ACCOUNT, "zillow_teams", {"id": 1, "zillow_team_id": "T-1", "name": "one"})
    account.shelf.client(ACCOUNT, "zillow_agent_teams", *({"agent_id": 10_000 + n, "team_id": 1} for n in range(1_001)))
    assert len(found(account)[DifferenceKind.ORPHAN_AGENT_TEAM]) == 1_001


def test_an_eligible_deal_that_was_never_synced(account: StaleAccount) -> None:
    shelf = account.shelf
    shelf.system(ACCOUNT)
    shelf.connection(ACCOUNT, 4)
    shelf.execute("common", "UPDATE zillow_sync_users SET zuid = 'z4' WHERE user_id = 4")
    shelf.deal(ACCOUNT, 70, agents=(4,))
    shelf.deal(ACCOUNT, 71, agents=())
    shelf.deal(ACCOUNT, 72, agents=(4,), synced=True)
    assert found(account) == {DifferenceKind.NEVER_SYNCED: ["70"]}


def test_a_part_that_cannot_be_read_is_named_and_the_others_stand(account: StaleAccount) -> None:
    account.shelf.execute(CLIENT, "DROP TABLE zillow_agent_teams")
    snapshot = read_account(account.context(), ACCOUNT)
    assert [text.partition(":")[0] for text in snapshot.unread] == ["memberships of teams"]
    assert len(snapshot.differences) == 4


def test_a_reading_that_was_cancelled_knows_nothing_of_what_is_left(account: StaleAccount) -> None:
    job = Job()
    job.cancel()
    snapshot = read_account(account.context(), ACCOUNT, job)
    assert snapshot.differences == ()
    assert len(snapshot.unread) == 6


@pytest.mark.honesty(
    "an account's two databases are compared, and the client's is a copy that is behind",
    "not compared, with how far it is behind; no difference, no plan",
)
def test_a_client_database_that_is_behind_is_not_compared(
    account: StaleAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = account.context()
    monkeypatch.setattr(context.databases, "replica", lambda _account: Replica(10_800))
    snapshot = read_account(context, ACCOUNT)
    assert snapshot.differences == ()
    assert snapshot.unread[0].startswith(
        "resolution of agents: not compared: the server of client 14009 is a replica that is 3 h behind"
    )
