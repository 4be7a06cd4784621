"""Pages of an account: in order, complete, continued by key, and honest about rows that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.figures import Page
from diagnostics.sources.mysql.databases import AccountUnknown
from tests.accounts.places import ACCOUNT, OTHER, Place, ago, ahead


def pages(ask: Callable[..., Page[Any]], limit: int, **how: object) -> list[Page[Any]]:
    """All pages, one after the other."""
    read = [ask(ACCOUNT, None, limit, **how)]
    while read[-1].after is not None:
        read.append(ask(ACCOUNT, read[-1].after, limit, **how))
        assert len(read) < 200
    return read


def rows(ask: Callable[..., Page[Any]], limit: int, **how: object) -> list[Any]:
    """The rows of all pages."""
    return [row for page in pages(ask, limit, **how) for row in page.rows]


def test_users_of_three_lists_are_merged_in_order_each_once(place: Place) -> None:
    place.users(1, 2, 3, 5, 8, 9)
    for user in (2, 3, 4, 9):
        place.auth(user)
    for user in (3, 6, 9, 10):
        place.sync(user)
    for limit in (1, 2, 3, 100):
        read = rows(place.accounts.users, limit)
        assert [row.user_id for row in read] == [1, 2, 3, 4, 5, 6, 8, 9, 10]
        assert {row.user_id: row.pattern for row in read} == {
            1: "none", 2: "auth only", 3: "both", 4: "auth only", 5: "none", 6: "sync only", 8: "none", 9: "both",
            10: "sync only",
        }  # fmt: skip


def test_credentials_of_users_that_the_client_does_not_hold_are_named_as_orphans(place: Place) -> None:
    place.users(1)
    place.auth(1)
    place.auth(4)
    page = place.accounts.users(ACCOUNT)
    assert [(row.user_id, row.is_in_client, row.verdict, row.is_wrong) for row in page.rows] == [
        (1, True, "ok", False),
        (4, False, "no such user", True),
    ]
    assert any("not in the client database: user 4" in note for note in page.notes)


def test_only_wrong_users_are_found_over_many_others(place: Place) -> None:
    place.users(*range(1, 700))
    place.common(
        "zillow_auth",
        *(
            {
                "account_id": ACCOUNT, "user_id": user, "zuid": str(user), "encrypted_refresh_token": "x",
                "expires_at": ago(hours=1) if user in {7, 350, 690} else ahead(hours=9),
                "created_at": ago(days=90), "updated_at": ago(hours=2),
            }
            for user in range(1, 700)
        ),
    )  # fmt: skip
    assert [row.user_id for row in rows(place.accounts.users, 100, only_wrong=True)] == [7, 350, 690]
    assert [row.user_id for row in rows(place.accounts.users, 1, only_wrong=True)] == [7, 350, 690]
    assert {row.verdict for row in rows(place.accounts.users, 2, only_wrong=True)} == {"expired"}


def test_one_call_for_wrong_users_looks_at_a_bounded_number_and_can_be_continued(place: Place) -> None:
    place.common(
        "zillow_auth",
        *(
            {
                "account_id": ACCOUNT, "user_id": user, "zuid": str(user), "encrypted_refresh_token": "x",
                "expires_at": ago(hours=1) if user == 2_400 else ahead(hours=9),
                "created_at": ago(days=90), "updated_at": ago(hours=2),
            }
            for user in range(1, 2_500)
        ),
    )  # fmt: skip
    place.users(*range(1, 2_500))
    first = place.accounts.users(ACCOUNT, only_wrong=True)
    assert (first.rows, first.after) == ((), "2000")
    assert any("go on for the next ones" in note for note in first.notes)
    assert [row.user_id for row in place.accounts.users(ACCOUNT, first.after, only_wrong=True).rows] == [2_400]


def test_without_the_client_database_the_rows_of_common_are_shown_and_the_reason_said(place: Place) -> None:
    place.users(1, 2)
    place.auth(2)
    place.auth(3, encrypted_refresh_token=None)
    place.without_client()
    for only_wrong, expected in ((False, [2, 3]), (True, [3])):
        page = place.accounts.users(ACCOUNT, only_wrong=only_wrong)
        assert [row.user_id for row in page.rows] == expected
        assert {row.is_in_client for row in page.rows} == {None}
        assert any(f"client {ACCOUNT}" in note for note in page.notes)


def test_an_account_without_a_client_database_is_named(place: Place) -> None:
    place.account(OTHER, database="")
    place.auth(1, account_id=OTHER)
    page = place.accounts.users(OTHER)
    assert [row.is_in_client for row in page.rows] == [None]
    assert any("names no client database" in note for note in page.notes)
    for ask in (place.accounts.agents, place.accounts.deals):
        with pytest.raises(SourceFailure, match="names no client database"):
            ask(OTHER)
    checks = {finding.check: finding.status for finding in place.accounts.summary(OTHER).findings}
    assert checks["account_place"] == "fail"


def test_zuids_of_both_types_null_rows_and_rows_from_the_future_are_named(place: Place) -> None:
    place.users(1, 2, 3)
    place.auth(1, zuid="1")
    place.sync(1, zuid="X1-ZU00000001")
    place.auth(2, zuid=None)
    place.auth(3, updated_at=ahead(hours=5))
    place.auth(None)
    page = place.accounts.users(ACCOUNT)
    notes = " ".join(page.notes)
    assert "ZUIDs of both types: user 1" in notes
    assert "NULL: user 2" in notes
    assert "dated in the future: user 3" in notes
    assert "1 row of zillow_auth without a user" in notes
    assert [row.verdict for row in page.rows] == ["ok", "ZUID missing", "ok"]


def test_a_user_with_more_rows_than_a_page_does_not_stop_the_walk(place: Place) -> None:
    for _ in range(5):
        place.sync(1)
    place.sync(2)
    read = pages(place.accounts.users, 2)
    assert [row.user_id for page in read for row in page.rows] == [1, 2]


def test_hostile_text_in_rows_arrives_harmless(place: Place) -> None:
    place.client("users", {"id": 1, "account_id": ACCOUNT, "name": "a\x1b]0;evil\x07b\u202e", "email": "x\r\n\x9b31m"})
    place.auth(1)
    place.sync(1, problem_at=ago(hours=1), problem_msg="\x1b[2Jgone\x00")
    row = place.accounts.users(ACCOUNT).rows[0]
    assert all(character.isprintable() for character in row.name + row.email + row.problem)
    assert "gone" in row.problem
    assert "secret-cipher" not in repr(place.accounts.users(ACCOUNT))


def test_agents_carry_their_token_their_teams_and_whether_they_are_wrong(place: Place) -> None:
    place.users(1, 2, 3, 4)
    place.auth(1)
    place.auth(2)
    place.auth(3, expires_at=ago(hours=1))
    agent = {"account_id": ACCOUNT, "encrypted_zuid": "enc", "name": "n", "created_at": ago(days=9)}
    place.client(
        "zillow_agents",
        {**agent, "id": 11, "user_id": 1, "resolution_method": 1, "updated_at": ago(days=1)},
        {**agent, "id": 12, "user_id": 2, "resolution_method": 3, "updated_at": ago(days=1)},
        {**agent, "id": 13, "user_id": 3, "resolution_method": 4, "updated_at": ago(days=1)},
        {**agent, "id": 14, "user_id": None, "resolution_method": 2, "updated_at": ago(days=1)},
        {**agent, "id": 15, "user_id": 4, "resolution_method": None, "updated_at": ahead(days=1)},
    )
    place.client("zillow_agent_teams", {"agent_id": 11, "team_id": 1}, {"agent_id": 11, "team_id": 2})
    page = place.accounts.agents(ACCOUNT)
    assert [(row.agent_id, row.method_name, row.has_token, row.is_wrong, row.teams) for row in page.rows] == [
        (11, "CONNECTED", True, False, 2),
        (12, "INFERRED", True, True, 0),
        (13, "UNMATCHED", True, False, 0),
        (14, "retired 2", False, False, 0),
        (15, "unknown NULL", False, False, 0),
    ]
    notes = " ".join(page.notes)
    assert "retired method 2" in notes
    assert "no known method" in notes
    assert "future" in notes
    assert [row.agent_id for row in rows(place.accounts.agents, 2)] == [11, 12, 13, 14, 15]


def test_wrong_agents_are_found_exactly_and_each_once(place: Place) -> None:
    for user in range(1, 31):
        place.auth(user, encrypted_refresh_token=None if user % 5 == 0 else "x")
    place.client(
        "zillow_agents",
        *(
            {"id": 100 + 2 * user + n, "account_id": ACCOUNT, "user_id": user, "resolution_method": 3 if n else 1}
            for user in range(1, 41)
            for n in (0, 1)
        ),
    )
    expected = [100 + 2 * user + 1 for user in range(1, 31) if user % 5]
    for limit in (1, 7, 100):
        read = rows(place.accounts.agents, limit, only_wrong=True)
        assert [row.agent_id for row in read] == expected
        assert all(row.is_wrong and row.has_token for row in read)


def test_agents_without_common_are_never_called_wrong(place: Place) -> None:
    place.client("zillow_agents", {"id": 1, "account_id": ACCOUNT, "user_id": 1, "resolution_method": 3})
    place.accounts.agents(ACCOUNT)
    with place.connect() as connection:
        connection.exec_driver_sql("DROP TABLE zillow_auth")
        connection.commit()
    page = place.accounts.agents(ACCOUNT)
    assert [(row.has_token, row.is_wrong) for row in page.rows] == [(None, False)]
    assert any("Who holds a token is not known" in note for note in page.notes)


def test_a_missing_team_table_leaves_teams_unknown(place: Place) -> None:
    place.client("zillow_agents", {"id": 1, "account_id": ACCOUNT, "user_id": 1, "resolution_method": 1})
    with place.connect_client() as connection:
        connection.exec_driver_sql("DROP TABLE zillow_agent_teams")
        connection.commit()
    page = place.accounts.agents(ACCOUNT)
    assert page.rows[0].teams is None
    assert any("Teams are not known" in note for note in page.notes)


def test_connections_page_by_user_with_those_of_nobody_first(place: Place) -> None:
    place.sync(None)
    place.sync(None, problem_at=ago(days=1))
    place.sync(5, lead_count=40)
    place.sync(5)
    place.sync(2, zillow_integration_id=None, zillow_integration_enabled=False)
    place.sync(9, connection_health_status="error")
    place.sync(10, connection_health_status="odd")
    place.auth(9)
    for limit in (1, 2, 100):
        assert [row.user_id for row in rows(place.accounts.connections, limit)] == [None, None, 2, 5, 5, 9, 10]
    read = rows(place.accounts.connections, 100)
    assert [row.state for row in read] == ["healthy", "error", "disabled", "healthy", "healthy", "error", "odd"]
    assert [row.migration for row in read] == ["MEDIUM", "MEDIUM", "skip", "HIGH", "MEDIUM", "", "MEDIUM"]
    wrong = [[row.user_id for row in rows(place.accounts.connections, limit, only_wrong=True)] for limit in (1, 100)]
    assert wrong == [[None, 9, 10], [None, 9, 10]]
    notes = " ".join(place.accounts.connections(ACCOUNT).notes)
    assert "2 connections on this page without a user" in notes
    assert "contradict themselves" in notes
    assert "an unknown state" in notes


def test_deals_come_newest_first_and_unsynced_ones_name_their_code(place: Place) -> None:
    deal = {"account_id": ACCOUNT, "name": "n", "stage": "s", "created_at": ago(days=1), "updated_at": ago(hours=1)}
    place.client(
        "deals",
        {**deal, "id": 1, "property_id": 7, "zillow_transaction_id": "z", "synced_at": ago(hours=2)},
        {**deal, "id": 2, "property_id": 7, "zillow_transaction_id": None, "synced_at": None},
        {**deal, "id": 3, "property_id": None, "zillow_transaction_id": None, "synced_at": None},
    )
    place.client(
        "deal_agents", {"deal_id": 3, "user_id": 1}, {"deal_id": 1, "user_id": 1}, {"deal_id": 1, "user_id": 2}
    )
    place.client("deals_contacts", {"deal_id": 2, "contact_id": 1}, {"deal_id": 3, "contact_id": 1})
    place.client("data_sync_systems", {"account_id": ACCOUNT, "system": "zillow", "is_active": True})
    place.users(1, 2)
    place.auth(1)
    place.sync(1)
    found = {row.deal_id: (row.agents, row.has_property, row.error_code) for row in rows(place.accounts.deals, 2)}
    assert list(found) == [3, 2, 1]
    assert found == {
        3: (1, False, "property_missing"),
        2: (0, True, "agent_verification_failed"),
        1: (2, True, ""),
    }
    assert [row.deal_id for row in rows(place.accounts.deals, 1, only_unsynced=True)] == [3, 2]


def test_history_is_newest_first_and_complete_where_moments_are_equal_or_missing(place: Place) -> None:
    change = {"account_id": ACCOUNT, "user_id": 1, "old_resolution": 1, "new_resolution": 3, "change_reason": "r"}
    place.common(
        "zillow_connection_logs",
        *({**change, "id": number, "created_at": ago(days=number // 3)} for number in range(1, 10)),
        {**change, "id": 20, "created_at": None},
        {**change, "id": 21, "created_at": None, "user_id": None, "old_resolution": None, "new_resolution": 2},
        {**change, "id": 30, "created_at": ahead(days=2)},
    )
    expected = [30, 2, 1, 5, 4, 3, 8, 7, 6, 9, 21, 20]
    for limit in (1, 2, 5, 100):
        assert [row.id for row in rows(place.accounts.history, limit)] == expected
    page = place.accounts.history(ACCOUNT)
    assert (page.rows[-2].old, page.rows[-2].new) == ("none", "retired 2")
    notes = " ".join(page.notes)
    assert all(word in notes for word in ("future", "without a date", "name no user", "retired method 2"))


@pytest.mark.parametrize("after", ["x", "1;DROP", "٣", "1" * 30, "", "'"])
def test_a_key_that_no_page_gave_is_refused(place: Place, after: str) -> None:
    for ask in (
        place.accounts.users,
        place.accounts.agents,
        place.accounts.connections,
        place.accounts.deals,
        place.accounts.history,
    ):
        with pytest.raises(UserError, match="not the key of a page"):
            ask(ACCOUNT, after)


def test_an_unknown_account_is_said_so_everywhere(place: Place) -> None:
    of = place.accounts
    asks: tuple[Callable[..., object], ...] = (
        of.summary, of.users, of.agents, of.connections, of.deals, of.history, of.behaviour, of.oauth,
    )  # fmt: skip
    for ask in asks:
        with pytest.raises(AccountUnknown):
            ask(424242)


def test_columns_that_are_only_welcome_may_be_missing(place: Place) -> None:
    place.sync(1)
    with place.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE zillow_sync_users DROP COLUMN lead_count")
        connection.commit()
    row = place.accounts.connections(ACCOUNT).rows[0]
    assert (row.leads, row.email, row.state) == (None, "", "healthy")
    assert place.accounts.users(ACCOUNT).rows[0].connection == "healthy"


def test_the_query_of_the_logs_tab_is_bound(place: Place) -> None:
    assert place.accounts.log_query(ACCOUNT) == f"@context.account_id:{ACCOUNT}"


def test_changes_of_one_user_are_found_behind_many_of_others_at_a_bounded_cost(place: Place) -> None:
    change = {"account_id": ACCOUNT, "old_resolution": 1, "new_resolution": 3, "change_reason": "r"}
    place.common(
        "zillow_connection_logs",
        *(
            {**change, "id": number, "user_id": 7 if number in {3, 600, 2_400} else 1, "created_at": ago(hours=number)}
            for number in range(1, 2_501)
        ),
    )
    first = place.accounts.history(ACCOUNT, user_id=7)
    assert [row.id for row in first.rows] == [3, 600]
    assert any("2,000 changes of the account were looked at" in note for note in first.notes)
    rest = place.accounts.history(ACCOUNT, first.after, user_id=7)
    assert ([row.id for row in rest.rows], rest.after) == ([2_400], None)
    for limit in (1, 2):
        assert [row.id for row in rows(place.accounts.history, limit, user_id=7)] == [3, 600, 2_400]


def test_a_connection_that_names_no_state_is_not_called_healthy(place: Place) -> None:
    place.sync(1, connection_health_status=None)
    page = place.accounts.connections(ACCOUNT, only_wrong=True)
    assert [row.state for row in page.rows] == ["unclear"]
    assert any("an unknown state" in note for note in page.notes)


def test_wrong_agents_are_found_where_a_batch_of_credentials_ends_among_those_of_one_user(place: Place) -> None:
    held = {"account_id": ACCOUNT, "encrypted_refresh_token": "x", "expires_at": ahead(days=2)}
    place.common(
        "zillow_auth",
        *({**held, "id": user, "user_id": user} for user in range(1, 500)),
        {**held, "id": 500, "user_id": 500, "encrypted_refresh_token": None},
        {**held, "id": 501, "user_id": 500},
    )
    place.client("zillow_agents", {"account_id": ACCOUNT, "user_id": 500, "resolution_method": 3})
    assert [row.user_id for row in rows(place.accounts.agents, 100, only_wrong=True)] == [500]
