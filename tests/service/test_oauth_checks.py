"""Token status and the OAuth application, against real SQLite files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from diagnostics.core.time import utc_now
from diagnostics.models.triage import Finding, Status, TriageRequest
from tests.service.world import ACCOUNT, World, ago


def tokens(world: World, account_id: int | None = None, user_id: int | None = None) -> Finding:
    request = TriageRequest(issue_type="oauth_failure", account_id=account_id, user_id=user_id)
    return world.service.check("token_status", request)


def application(world: World) -> Finding:
    return world.service.check("oauth_application", TriageRequest(issue_type="oauth_failure"))


def test_valid_tokens_everywhere_pass_with_their_evidence(world: World) -> None:
    world.tokens(*({"user_id": user} for user in range(100)))
    finding = tokens(world)
    assert (finding.status, finding.value) == (Status.PASS, 0.0)
    assert finding.evidence is not None
    assert finding.evidence.source == "common"
    assert "zillow_auth" in finding.evidence.query
    assert "expired > 5 % warning, > 10 % critical" in finding.threshold


@pytest.mark.parametrize(("expired", "status"), [(5, Status.PASS), (6, Status.WARN), (11, Status.FAIL)])
def test_the_share_of_expired_tokens_is_held_against_the_catalogue(world: World, expired: int, status: Status) -> None:
    world.tokens(
        *({"user_id": user, "expires_at": ago(minutes=5)} for user in range(expired)),
        *({"user_id": user} for user in range(expired, 100)),
    )
    finding = tokens(world)
    assert finding.status is status
    assert f"{expired} of 100 tokens have expired" in finding.summary
    assert f"expired within the last hour: {expired}" in finding.details


def test_missing_tokens_are_counted_apart_from_expired_ones(world: World) -> None:
    world.tokens(
        *({"user_id": user, "encrypted_refresh_token": None, "expires_at": ago(days=1)} for user in range(10)),
        *({"user_id": user} for user in range(10, 100)),
    )
    finding = tokens(world)
    assert finding.status is Status.FAIL
    assert "0 of 90 tokens have expired" in finding.summary
    assert "10 of 100 credentials have no token (10.0 %)" in finding.summary
    assert "connect to Zillow again" in finding.next_step


def test_tokens_that_expire_within_a_day_are_announced(world: World) -> None:
    world.tokens({"user_id": 1}, {"user_id": 2, "expires_at": utc_now() + timedelta(days=3)})
    assert "expiring in the next 24 h: 1" in tokens(world).details


def test_an_empty_table_is_no_data_and_never_a_pass(world: World) -> None:
    finding = tokens(world)
    assert (finding.status, finding.value) == (Status.NO_DATA, None)
    assert finding.next_step


def test_one_account_is_told_user_by_user_with_the_worst_first(world: World) -> None:
    world.tokens(
        {"user_id": 1},
        {"user_id": 2, "expires_at": ago(hours=3), "updated_at": ago(hours=200)},
        {"user_id": 3, "encrypted_refresh_token": None},
        {"user_id": 9, "account_id": 999, "expires_at": ago(hours=9)},
    )
    finding = tokens(world, ACCOUNT)
    assert finding.status is Status.FAIL
    assert finding.details[0].startswith("user 3 (account 14009): no token: must connect again")
    assert finding.details[1].startswith("user 2 (account 14009): expired 3 h ago, updated 200 h ago")
    assert finding.details[2].startswith("user 1 (account 14009): valid for")
    assert not any("user 9" in line for line in finding.details)


def test_one_user_is_looked_at_alone(world: World) -> None:
    world.tokens({"user_id": 1}, {"user_id": 2, "expires_at": ago(hours=3)})
    assert tokens(world, ACCOUNT, 1).status is Status.PASS
    assert tokens(world, ACCOUNT, 2).status is Status.FAIL


def test_an_account_without_credentials_is_no_data(world: World) -> None:
    world.tokens({"user_id": 1, "account_id": 999})
    finding = tokens(world, ACCOUNT)
    assert finding.status is Status.NO_DATA
    assert "account 14009" in finding.summary


def test_no_token_ever_reaches_a_finding(world: World) -> None:
    world.tokens({"user_id": 1}, {"user_id": 2, "expires_at": ago(hours=3)})
    for finding in (tokens(world), tokens(world, ACCOUNT)):
        assert "secret-cipher" not in finding.model_dump_json()


def test_a_dead_database_is_unreachable_with_a_remedy(world: World) -> None:
    world.break_common()
    finding = tokens(world)
    assert finding.status is Status.UNREACHABLE
    assert finding.summary.startswith("common: ")


def test_an_active_application_with_redirect_and_scopes_passes(world: World) -> None:
    world.common(
        "oauth_applications",
        {"name": "Zillow", "client_id": "c", "redirect_uri": "https://x", "scopes": "leads", "is_active": True},
        {"name": "Zillow (old)", "client_id": "d", "redirect_uri": "", "scopes": "", "is_active": False},
        {"name": "Mailchimp", "client_id": "e", "redirect_uri": "", "scopes": "", "is_active": True},
    )
    finding = application(world)
    assert (finding.status, finding.value) == (Status.PASS, 1)
    assert len(finding.details) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"is_active": False, "redirect_uri": "https://x", "scopes": "leads"}, "is active"),
        ({"is_active": True, "redirect_uri": "", "scopes": "leads"}, "without redirect_uri"),
        ({"is_active": True, "redirect_uri": "https://x", "scopes": "  "}, "without scopes"),
    ],
)
def test_an_application_that_cannot_authorise_fails(world: World, row: dict[str, object], reason: str) -> None:
    world.common("oauth_applications", {"name": "Zillow", "client_id": "c", **row})
    finding = application(world)
    assert finding.status is Status.FAIL
    assert reason in finding.summary


def test_without_any_zillow_application_there_is_no_data(world: World) -> None:
    assert application(world).status is Status.NO_DATA


def test_hostile_names_in_rows_are_cleaned(world: World) -> None:
    world.common(
        "oauth_applications",
        {"name": "Zillow\x1b]52;c;aGk=\x07", "redirect_uri": "u", "scopes": "s", "is_active": True, "client_id": "c"},
    )
    assert "\x1b" not in application(world).model_dump_json()
    assert "\x1b" not in "".join(application(world).details)


def test_one_broken_token_among_many_of_an_account_is_a_warning(world: World) -> None:
    world.tokens(
        {"user_id": 1, "expires_at": ago(hours=3)},
        *({"user_id": user} for user in range(2, 101)),
    )
    assert tokens(world, ACCOUNT).status is Status.WARN
    assert tokens(world).status is Status.PASS


def test_one_missing_token_among_many_of_an_account_is_a_warning(world: World) -> None:
    world.tokens(
        {"user_id": 1, "encrypted_refresh_token": None},
        *({"user_id": user} for user in range(2, 101)),
    )
    assert tokens(world, ACCOUNT).status is Status.WARN


def test_all_tokens_broken_are_a_failure_whatever_the_catalogue_says_of_shares(world: World) -> None:
    rules = world.catalogue.thresholds
    for name in ("token_expiry_share", "token_missing_share"):
        rules[name] = rules[name].model_copy(update={"warning": None, "critical": None})
    world.tokens({"user_id": 1, "expires_at": ago(hours=3)}, {"user_id": 2, "encrypted_refresh_token": None})
    finding = tokens(world, ACCOUNT)
    assert finding.status is Status.FAIL
    assert "any of them warning, all critical" in finding.threshold


@pytest.mark.parametrize(
    ("hours", "status", "remark"),
    [
        (23, Status.PASS, "updated 23 h ago"),
        (25, Status.PASS, "updated 25 h ago (note: over 24 h)"),
        (169, Status.WARN, "updated 169 h ago (old: > 168 h warning)"),
    ],
)
def test_the_age_of_a_valid_token_is_noted_and_then_warned_about(
    world: World, hours: int, status: Status, remark: str
) -> None:
    world.tokens({"user_id": 1, "updated_at": ago(hours=hours)})
    finding = tokens(world, ACCOUNT, 1)
    assert finding.status is status
    assert finding.details[0].endswith(remark)
    assert bool(finding.next_step) is (status is Status.WARN)
    assert "age > 168 h warning" in finding.threshold
