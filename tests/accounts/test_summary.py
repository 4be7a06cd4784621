"""The first look at an account: findings worst first, bounded counts, and nothing invented where a source is silent."""

from __future__ import annotations

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.accounts import AccountSummary
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.status import Status
from tests.accounts.places import ACCOUNT, OTHER, Place, ago, ahead

GRAVITY = ("fail", "unreachable", "warn", "no_data", "pass")


def figures(summary: AccountSummary) -> dict[str, tuple[object, str]]:
    """Value and shown text of each figure."""
    return {figure.id: (figure.value, figure.shown) for figure in summary.figures}


def statuses(summary: AccountSummary) -> dict[str, str]:
    """Status of each finding."""
    return {finding.check: finding.status.value for finding in summary.findings}


def test_a_mixed_account_is_told_worst_first(place: Place) -> None:
    place.users(*range(1, 9))
    place.auth(1)
    place.auth(2, encrypted_refresh_token=None)
    place.auth(3, expires_at=ago(hours=1))
    place.auth(4, updated_at=ahead(days=1))
    place.auth(5, created_at=ago(hours=5))
    place.sync(1, zillow_integration_enabled=False)
    place.sync(2)
    place.sync(3, problem_at=ago(days=3), connection_health_status="error")
    place.sync(4, connection_health_status="warning")
    place.sync(6, zillow_integration_id=None, problem_msg="ZIM installation incomplete")
    agent = {"account_id": ACCOUNT}
    place.client("zillow_agents", *({**agent, "user_id": 4, "resolution_method": method} for method in (1, 2, 3, 4, 4)))
    place.client("deals", {"id": 1, "account_id": ACCOUNT}, {"id": 2, "account_id": ACCOUNT, "synced_at": ago(days=1)})
    found = place.accounts.summary(ACCOUNT)
    assert statuses(found) == {
        "account_integration": "fail",
        "account_installation": "fail",
        "account_connections": "fail",
        "account_agents": "fail",
        "account_tokens": "warn",
        "account_clocks": "warn",
        "account_stuck": "warn",
        "account_deals": "warn",
    }
    order = [GRAVITY.index(finding.status.value) for finding in found.findings]
    assert order == sorted(order)
    shown = figures(found)
    assert {name: shown[name][0] for name in shown if shown[name][0]} == {
        "users": 3, "credentials": 5, "tokens_missing": 1, "tokens_expired": 1, "tokens_soon": 3,
        "connections_healthy": 2, "connections_warning": 1, "connections_error": 1, "connections_disabled": 1,
        "agents_connected": 1, "agents_retired_2": 1, "agents_inferred": 1, "agents_unmatched": 2, "deals_unsynced": 1,
    }  # fmt: skip
    assert found.header.unhealthy_since is not None
    assert (found.header.name, found.header.status) == ("Summit Ridge Group", "active")
    assert all(finding.evidence for finding in found.findings)


def test_an_empty_account_has_no_data_and_no_green_tokens(place: Place) -> None:
    found = place.accounts.summary(ACCOUNT)
    assert statuses(found)["account_tokens"] == "no_data"
    assert statuses(found)["account_connections"] == "no_data"
    assert figures(found)["behaviour"] == (None, UNKNOWN)


def test_a_suspended_account_is_said_to_be(place: Place) -> None:
    place.account(OTHER, status="suspended")
    assert statuses(place.accounts.summary(OTHER))["account_status"] == "warn"


def test_without_the_client_database_its_numbers_are_unknown_and_never_0(place: Place) -> None:
    place.auth(1)
    place.without_client()
    found = place.accounts.summary(ACCOUNT)
    assert statuses(found)["account_client"] == "unreachable"
    assert "account_deals" not in statuses(found)
    shown = figures(found)
    assert {shown[name] for name in shown if name.startswith("agents") or name == "deals_unsynced"} == {(None, UNKNOWN)}
    assert shown["credentials"] == (1, "1")
    assert all(figure.failure for figure in found.figures if figure.id == "deals_unsynced")


def test_with_a_table_of_common_missing_the_rest_is_still_told(place: Place) -> None:
    place.sync(1)
    with place.connect() as connection:
        connection.exec_driver_sql("DROP TABLE zillow_auth")
        connection.commit()
    found = place.accounts.summary(ACCOUNT)
    assert statuses(found)["account_tokens"] == "unreachable"
    assert figures(found)["tokens_expired"] == (None, UNKNOWN)
    assert figures(found)["connections_healthy"] == (1, "1")


def test_a_large_account_is_counted_to_a_bound_that_is_shown(place: Place) -> None:
    place.common(
        "zillow_auth",
        *(
            {"account_id": ACCOUNT, "user_id": user, "encrypted_refresh_token": "x", "expires_at": ahead(days=2)}
            for user in range(1, 701)
        ),
    )
    place.client(
        "zillow_agents",
        *({"account_id": ACCOUNT, "user_id": user, "resolution_method": 1} for user in range(1, 1_201)),
    )
    place.client("deals", *({"id": number, "account_id": ACCOUNT} for number in range(1, 1_101)))
    found = place.accounts.summary(ACCOUNT)
    shown = figures(found)
    assert shown["credentials"] == (250, "250+")
    assert shown["agents_connected"] == (1_000, "1,000+")
    assert shown["deals_unsynced"] == (1_000, "1,000+")
    notes = {figure.id: figure.note for figure in found.figures}
    assert notes["tokens_expired"] == "of the first 250 only"
    assert any("more than 250 credentials" in note for note in found.notes)


def test_behaviour_is_shown_once_it_has_been_asked_for(place: Place) -> None:
    assert not place.datadog.asked
    place.accounts.summary(ACCOUNT)
    assert not place.datadog.asked, "the first look at an account does not wait for Datadog"
    place.accounts.behaviour(ACCOUNT)
    behaviour = next(figure for figure in place.accounts.summary(ACCOUNT).figures if figure.id == "behaviour")
    assert "Last 24 h" in behaviour.note
    assert behaviour.status is not None
    assert isinstance(behaviour.status, Status)


def test_a_client_host_that_is_silent_is_asked_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def silent(account_id: int, *_: object, **__: object) -> None:
        asked.append(account_id)
        raise SourceFailure(FailureKind.UNREACHABLE, f"client {account_id}", "no answer")

    monkeypatch.setattr(place.service.context.databases, "read_client", silent)
    assert statuses(place.accounts.summary(ACCOUNT))["account_client"] == "unreachable"
    assert asked == [ACCOUNT]


def test_what_rests_on_a_part_of_the_account_is_no_all_clear(place: Place) -> None:
    for table in ("zillow_auth", "zillow_sync_users"):
        held = {"encrypted_refresh_token": "x", "expires_at": ahead(days=2)} if table == "zillow_auth" else {}
        linked = {"zillow_integration_id": "i", "connection_health_status": "healthy"}
        row = {"account_id": ACCOUNT, **(held or linked)}
        place.common(table, *({**row, "user_id": user} for user in range(1, 301)))
    found = place.accounts.summary(ACCOUNT)
    told = statuses(found)
    assert (told["account_tokens"], told["account_connections"]) == ("no_data", "no_data")
    assert told["account_agents"] == "no_data", "only the first holders of a token were looked at"
    shown = {figure.id: figure.status.value for figure in found.figures}
    assert (shown["tokens_expired"], shown["connections_error"]) == ("no_data", "no_data")


def test_where_there_is_nothing_to_judge_nothing_is_green(place: Place) -> None:
    place.users(1)
    place.auth(1, encrypted_refresh_token=None)
    place.sync(1, zillow_integration_id=None)
    found = place.accounts.summary(ACCOUNT)
    told = statuses(found)
    assert (told["account_agents"], told["account_deals"]) == ("no_data", "no_data")
    assert told["account_connections"] == "no_data", "a disabled connection cannot be healthy"
    assert any("There are no deals" in one.summary for one in found.findings)


def test_a_connection_in_a_state_that_nobody_knows_is_no_all_clear(place: Place) -> None:
    place.sync(1)
    place.sync(2, connection_health_status=None)
    place.sync(3, connection_health_status="odd")
    found = place.accounts.summary(ACCOUNT)
    assert statuses(found)["account_connections"] == "warn"
    assert figures(found)["connections_healthy"] == (1, "1")


def test_stale_agents_are_told_apart_from_those_whose_users_token_has_expired(place: Place) -> None:
    place.users(1, 2)
    place.auth(1)
    place.auth(2, expires_at=ago(hours=1))
    agent = {"account_id": ACCOUNT, "resolution_method": 3}
    place.client("zillow_agents", {**agent, "user_id": 1}, {**agent, "user_id": 2})
    told = next(one for one in place.accounts.summary(ACCOUNT).findings if one.check == "account_agents")
    assert (told.value, "users with an expired one are not counted" in told.summary) == (1, True)
