"""zillow-oauth-diagnosis over rows in real databases: every combination, every silent source, and never a guess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, Progress
from diagnostics.models.conclusions import Confidence
from diagnostics.models.events import LogPage
from diagnostics.models.triage import Finding, Status
from diagnostics.oauth.log_indicators import query_of
from tests.accounts.places import ACCOUNT, OTHER, Place, ago, ahead
from tests.service.world import event

MISSING: dict[str, object] = {"encrypted_refresh_token": None}
EXPIRED: dict[str, object] = {"expires_at": ago(hours=3)}
OFF: dict[str, object] = {"zillow_integration_enabled": False}
BARE: dict[str, object] = {"zillow_integration_id": None, "zillow_integration_enabled": False}
PROBLEM: dict[str, object] = {"problem_at": ago(hours=4), "connection_health_status": "error"}
NEW: dict[str, object] = {"created_at": ago(hours=4)}


def said(text: str) -> dict[str, object]:
    """A connection with this problem."""
    return {**PROBLEM, "problem_msg": text}


Seed = Mapping[str, object] | None

TABLE: tuple[tuple[str, Seed, Seed, str, str], ...] = (
    # name, credentials, connection, pattern, verdict
    ("both, valid, enabled", {}, {}, "both", "consistent"),
    ("both, valid, disabled", {}, OFF, "both", "integration_disabled"),
    ("both, valid, no integration", {}, BARE, "both", "not_integrated"),
    ("both, valid, enabled and says off", {}, said("OAuth credentials valid, but integration disabled"), "both",
     "integration_disabled"),
    ("both, valid, problem", {}, PROBLEM, "both", "connection_error"),
    ("both, valid, refused", {}, said("Zillow OAuth Refresh token invalid"), "both", "refresh_refused"),
    ("both, valid, no access token", {}, said("CANNOT_RETRIEVE_ACCCESS_TOKEN"), "both", "rate_limited"),
    ("both, valid, 429", {}, said("HTTP 429 Too Many Requests"), "both", "rate_limited"),
    ("both, expired, enabled", EXPIRED, {}, "both", "token_expired"),
    ("both, expired, disabled", EXPIRED, OFF, "both", "token_expired"),
    ("both, missing, enabled", MISSING, {}, "both", "token_missing"),
    ("both, missing, disabled", MISSING, OFF, "both", "token_missing"),
    ("both, missing, no integration", MISSING, BARE, "both", "token_missing"),
    ("both, no expiry, enabled", {"expires_at": None}, {}, "both", "expiry_unknown"),
    ("both, in the refresh margin", {"expires_at": lambda: ahead(seconds=25)}, {}, "both", "consistent"),
    ("both, ZUIDs differ", {"zuid": "X1-ZU7"}, {"zuid": "X1-ZU8"}, "both", "zuid_mismatch"),
    ("both, ZUIDs of two types", {"zuid": "7"}, {"zuid": "X1-ZU0007"}, "both", "consistent"),
    ("both, ZUIDs of types that do not compare", {"zuid": "7"}, {"zuid": "X1-ZUqq"}, "both", "zuid_unclear"),
    ("both, ZUID missing on one side", {"zuid": None}, {}, "both", "zuid_missing"),
    ("both, link dangling", {"zillow_sync_user_id": 987_654}, {}, "both", "link_dangling"),
    ("both, installed a moment ago", {"created_at": lambda: ago(minutes=5)}, BARE, "both", "not_integrated"),
    ("both, installation stuck", NEW, BARE, "both", "installation_race"),
    ("both, row says so", {}, {**BARE, "problem_msg": "ZIM installation incomplete: waits"}, "both",
     "installation_race"),
    ("auth only, valid", {}, None, "auth only", "consistent"),
    ("auth only, valid, new", NEW, None, "auth only", "installation_race"),
    ("auth only, expired", EXPIRED, None, "auth only", "token_expired"),
    ("auth only, missing", MISSING, None, "auth only", "token_missing"),
    ("auth only, no ZUID", {"zuid": None}, None, "auth only", "zuid_missing"),
    ("sync only, enabled", None, {}, "sync only", "legacy_only"),
    ("sync only, disabled", None, OFF, "sync only", "legacy_only"),
    ("sync only, no integration", None, BARE, "sync only", "legacy_only"),
    ("sync only, problem", None, PROBLEM, "sync only", "connection_error"),
    ("none", None, None, "none", "not_known"),
)  # fmt: skip


def seed(place: Place) -> dict[str, int]:
    """Every row of the table as one user; names to user ids."""
    users = {}
    for user, (name, auth, sync, _, _) in enumerate(TABLE, start=1):
        users[name] = user
        if auth is not None:
            # Seconds and minutes count from the moment of the seeding, not from that of the import.
            place.auth(user, **{key: value() if callable(value) else value for key, value in auth.items()})
        if sync is not None:
            place.sync(user, **sync)
    place.users(*users.values())
    return users


def checks(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    """Findings by check."""
    return {finding.check: finding for finding in findings}


def test_every_combination_of_records_gets_the_verdict_it_was_built_for(place: Place) -> None:
    users = seed(place)
    found = {}
    for name, user in users.items():
        answer = place.accounts.oauth(ACCOUNT, user)
        pattern = checks(answer.findings)["oauth_pattern"].value
        found[name] = (pattern, answer.conclusion.code)
    assert found == {name: (pattern, verdict) for name, _, _, pattern, verdict in TABLE}


def test_the_account_wide_report_counts_the_same_verdicts(place: Place) -> None:
    seed(place)
    answer = place.accounts.oauth(ACCOUNT)
    expected = Counter(verdict for _, _, _, pattern, verdict in TABLE if pattern != "none")
    shown = {
        figure.id.removeprefix("verdict_"): figure.value for figure in answer.consistency if "verdict" in figure.id
    }
    assert shown == dict(expected)
    patterns = Counter(pattern for _, _, _, pattern, _ in TABLE if pattern != "none")
    assert {one.title: one.value for one in answer.consistency if "pattern" in one.id} == dict(patterns)
    assert answer.users_in_all == sum(patterns.values())
    wrong = [user.verdict for user in answer.users]
    assert wrong == sorted(wrong, key=["token_missing", "token_expired", "refresh_refused", "integration_disabled",
        "installation_race", "rate_limited", "connection_error", "expiry_unknown", "link_dangling", "zuid_mismatch",
        "zuid_unclear", "zuid_missing"].index)  # fmt: skip
    assert all(figure.evidence for figure in answer.consistency)
    assert all(finding.evidence for finding in answer.findings if finding.status in {Status.PASS, Status.FAIL})


def test_users_page_and_diagnosis_agree(place: Place) -> None:
    seed(place)
    wrong = {row.user_id for row in place.accounts.users(ACCOUNT, only_wrong=True).rows}
    assert wrong == {user.user_id for user in place.accounts.oauth(ACCOUNT).users}


def test_valid_tokens_with_the_integration_off_conclude_that_it_is_disabled_in_premier_agent(place: Place) -> None:
    place.users(*range(1, 11))
    for user in range(1, 11):
        off = {**OFF, **said("OAuth credentials valid, but integration disabled")} if user <= 6 else {}
        place.auth(user, **({"zuid": "X1-ZU1"} if user > 8 else {}))
        place.sync(user, **off)
    agents = ({"account_id": ACCOUNT, "user_id": user, "resolution_method": 1} for user in range(1, 11))
    place.client("zillow_agents", *agents)
    query = query_of(place.catalogue, ACCOUNT, None)
    problem = {"account_id": ACCOUNT, "problem": "OAuth credentials valid, but integration disabled"}
    place.datadog.about(query).events = (event(1, problem),)
    conclusion = place.accounts.oauth(ACCOUNT).conclusion
    assert conclusion.code == "integration_disabled"
    assert "6 of 10 users of account 148261: integration disabled in Premier Agent" in conclusion.sentence
    assert "2 ZUIDs differ" in conclusion.sentence
    assert conclusion.confidence is Confidence.STRICT
    assert conclusion.sources == ("common", f"client {ACCOUNT}", "datadog")
    assert conclusion.overturned_by
    assert "Premier Agent" in conclusion.next_step
    assert not conclusion.is_inference


def test_a_race_that_only_timing_tells_is_an_inference_and_one_that_the_logs_name_is_not(place: Place) -> None:
    place.users(1, 2)
    place.auth(1, **NEW)
    place.auth(2, **NEW)
    place.sync(2, **BARE)
    inferred = place.accounts.oauth(ACCOUNT).conclusion
    assert (inferred.code, inferred.is_inference, inferred.confidence) == (
        "installation_race", True, Confidence.PRELIMINARY,
    )  # fmt: skip
    query = query_of(place.catalogue, ACCOUNT, None)
    place.datadog.about(query).events = (event(1, {"user_id": 1}, "ZIM onboarding incomplete: nothing retries"),)
    place.reopen()
    named = place.accounts.oauth(ACCOUNT).conclusion
    assert (named.is_inference, named.sources) == (False, ("common", "datadog"))


def test_nothing_stored_is_not_known_and_never_a_guess(place: Place) -> None:
    for answer in (place.accounts.oauth(ACCOUNT), place.accounts.oauth(ACCOUNT, 77)):
        assert (answer.conclusion.code, answer.conclusion.confidence) == ("not_known", Confidence.NONE)
        assert "Not known" in answer.conclusion.sentence
        assert not answer.conclusion.sources


def test_a_token_within_the_refresh_margin_is_about_to_be_refreshed_not_expired(place: Place) -> None:
    place.users(1, 2)
    place.auth(1, expires_at=ahead(seconds=200))
    place.auth(2, expires_at=ahead(seconds=25))
    found = checks(place.accounts.oauth(ACCOUNT).findings)["oauth_expiry"]
    assert (found.status, found.value) == (Status.PASS, 0)
    assert "1 are within the refresh margin" in found.summary
    assert "30 s before" in found.threshold


@pytest.mark.parametrize(
    ("hours", "status", "words"), [(2, "pass", "0 worth"), (30, "pass", "1 worth"), (200, "warn", "1 old token")]
)
def test_age_of_a_token_is_noted_after_a_day_and_a_warning_after_a_week(
    place: Place, hours: int, status: str, words: str
) -> None:
    place.auth(1, updated_at=ago(hours=hours))
    found = checks(place.accounts.oauth(ACCOUNT, 1).findings)["oauth_age"]
    assert found.status == status
    assert words in found.summary


def test_cache_keys_name_account_user_and_row_and_no_secret(place: Place) -> None:
    place.auth(5, id=900)
    place.sync(5, id=70)
    answer = place.accounts.oauth(ACCOUNT, 5)
    keys = checks(answer.findings)["oauth_cache_keys"]
    assert f"zillow-auth-token-{ACCOUNT}-5-900" in keys.summary
    assert f"zillow-token-{ACCOUNT}-5-70" in keys.summary
    assert keys.status is Status.NO_DATA
    assert "secret-cipher" not in answer.model_dump_json()


@pytest.mark.parametrize(
    ("leads", "values", "priority"),
    [
        (11, {}, "HIGH"),
        (11, PROBLEM, "MEDIUM"),
        (10, {}, "MEDIUM"),
        (1, {}, "MEDIUM"),
        (0, {}, "LOW"),
        (None, {}, "LOW"),
        (40, OFF, "skip"),
    ],
)
def test_migration_priority_of_a_sync_only_user(
    place: Place, leads: int | None, values: dict[str, object], priority: str
) -> None:
    place.sync(1, lead_count=leads, **values)
    summary = checks(place.accounts.oauth(ACCOUNT, 1).findings)["oauth_migration"].summary
    assert f"1 {priority}" in summary
    assert place.accounts.connections(ACCOUNT).rows[0].migration == priority


def test_a_refusal_in_the_logs_that_is_newer_than_the_token_overrides_rows_that_look_well(place: Place) -> None:
    place.users(1, 2)
    place.auth(1, updated_at=ago(hours=5))
    query = query_of(place.catalogue, ACCOUNT, 1)
    place.datadog.about(query).events = (event(1, {"user_id": 1}, "Zillow OAuth Refresh token invalid"),)
    conclusion = place.accounts.oauth(ACCOUNT, 1).conclusion
    assert (conclusion.code, conclusion.sources) == ("refresh_refused", ("datadog",))
    assert conclusion.confidence is Confidence.PRELIMINARY
    place.auth(2, updated_at=ahead(hours=1))
    query = query_of(place.catalogue, ACCOUNT, 2)
    place.datadog.about(query).events = (event(1, {"user_id": 2}, "Zillow OAuth Refresh token invalid"),)
    assert place.accounts.oauth(ACCOUNT, 2).conclusion.code == "consistent"


def test_with_datadog_silent_the_diagnosis_stands_on_the_rows(place: Place) -> None:
    place.users(1)
    place.auth(1)
    place.datadog.failure = SourceFailure(FailureKind.UNREACHABLE, "datadog", "no answer", remedy="look at it")
    answer = place.accounts.oauth(ACCOUNT)
    assert answer.conclusion.code == "consistent"
    assert answer.conclusion.sources == ("common",)
    assert any("logs, which were not read" in doubt for doubt in answer.conclusion.overturned_by)
    found = checks(answer.findings)
    assert {found[name].status for name in ("oauth_logs", "oauth_refresh_metrics")} == {Status.UNREACHABLE}


def test_with_the_client_database_gone_orphans_are_unknown_and_the_rest_stands(place: Place) -> None:
    place.auth(1, **MISSING)
    place.without_client()
    answer = place.accounts.oauth(ACCOUNT)
    assert answer.conclusion.code == "token_missing"
    assert checks(answer.findings)["oauth_client"].status is Status.UNREACHABLE
    assert any("was not checked" in note for note in answer.notes)


def test_an_account_without_a_client_database_is_diagnosed_from_common(place: Place) -> None:
    place.account(OTHER, database="")
    place.auth(1, account_id=OTHER)
    answer = place.accounts.oauth(OTHER)
    assert answer.conclusion.code == "consistent"
    assert any("names no client database" in note for note in answer.notes)


def test_with_the_tables_of_common_gone_nothing_is_known_and_the_logs_are_still_read(place: Place) -> None:
    place.accounts.oauth(ACCOUNT)
    with place.connect() as connection:
        connection.exec_driver_sql("DROP TABLE zillow_auth")
        connection.commit()
    place.reopen()
    answer = place.accounts.oauth(ACCOUNT)
    assert (answer.conclusion.code, answer.conclusion.confidence) == ("not_known", Confidence.NONE)
    found = checks(answer.findings)
    assert found["oauth_records"].status is Status.UNREACHABLE
    assert found["oauth_logs"].status is Status.PASS
    assert all(figure.value is None for figure in answer.consistency)
    assert answer.users_in_all is None


def test_orphans_and_rows_of_nobody_are_named(place: Place) -> None:
    place.users(1)
    place.auth(1)
    place.auth(2)
    place.auth(None)
    answer = place.accounts.oauth(ACCOUNT)
    found = checks(answer.findings)
    assert found["oauth_client"].value == 1
    assert any("user 2" in line for line in found["oauth_client"].details)
    assert "1 row without a user" in found["oauth_rows"].summary
    assert answer.conclusion.code == "orphan"
    assert place.accounts.oauth(ACCOUNT, 2).conclusion.code == "orphan"


def test_duplicates_and_clocks_that_disagree_are_named(place: Place) -> None:
    place.users(1, 2)
    place.auth(1, expires_at=ago(hours=5))
    place.auth(1)
    place.auth(2, updated_at=ahead(hours=6))
    answer = place.accounts.oauth(ACCOUNT)
    rows = checks(answer.findings)["oauth_rows"]
    assert rows.status is Status.WARN
    assert "1 user with more than one row; 1 row dated in the future" in rows.summary
    assert answer.conclusion.code == "consistent"


def test_a_link_to_somebody_elses_connection_is_dangling_for_this_user(place: Place) -> None:
    place.users(1, 2)
    place.sync(2, id=55)
    place.auth(1, zillow_sync_user_id=55)
    found = checks(place.accounts.oauth(ACCOUNT, 1).findings)["oauth_link"]
    assert found.status is Status.WARN
    assert "elsewhere" in found.summary


def test_hostile_text_in_problems_and_logs_arrives_harmless(place: Place) -> None:
    place.users(1)
    place.auth(1, zuid="\x1b]52;c;ZXZpbA==\x07")
    place.sync(1, **said("\x1b[2J\u202eintegration gone\x00\r\n"))
    answer = place.accounts.oauth(ACCOUNT, 1)
    texts = [
        answer.conclusion.sentence,
        *(line for finding in answer.findings for line in (finding.summary, *finding.details)),
    ]
    assert all(character.isprintable() for text in texts for character in text)


def many(place: Place, count: int) -> None:
    """Credentials of many users."""
    rows: list[dict[str, Any]] = [
        {
            "account_id": ACCOUNT, "user_id": user, "zuid": str(user), "encrypted_refresh_token": "x",
            "expires_at": ahead(hours=9), "created_at": ago(days=90), "updated_at": ago(hours=2),
        }
        for user in range(1, count + 1)
    ]  # fmt: skip
    place.common("zillow_auth", *rows)
    place.users(*range(1, count + 1))


def test_a_large_account_is_read_in_steps_that_report_and_can_be_cancelled(place: Place) -> None:
    many(place, 1_800)
    seen: list[Progress] = []
    job = Job(seen.append)
    whole = place.accounts.oauth(ACCOUNT, job=job)
    assert whole.users_in_all == 1_800
    assert [progress.done for progress in seen] == [500, 1_000, 1_500, 1_800]
    assert seen[-1].total == 1_800

    stopping = Job(lambda _: stopping.cancel())
    part = place.accounts.oauth(ACCOUNT, job=stopping)
    assert part.users_in_all is None
    assert part.conclusion.confidence is Confidence.PRELIMINARY
    assert "Only the first 500 users were read" in part.conclusion.sentence
    assert all("first 500 users" in figure.note for figure in part.consistency)


def test_a_day_of_logs_that_was_read_in_part_is_no_all_clear(place: Place) -> None:
    place.users(1)
    place.auth(1)
    place.sync(1)
    query = query_of(place.catalogue, ACCOUNT, None)
    place.datadog.about(query).events = (event(1, {"user_id": 1}, "token refreshed"),)
    place.datadog.about(query).more = True
    found = checks(place.accounts.oauth(ACCOUNT).findings)["oauth_logs"]
    assert "Only the newest 100 were read" in found.summary
    assert found.status is Status.NO_DATA


@pytest.mark.honesty(
    "cursors: all OAuth events of a day fit on one page, which carries a cursor",
    "everything is said to be read",
)
def test_a_cursor_with_nothing_behind_it_leaves_nothing_unread(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.users(1)
    place.auth(1)
    place.sync(1)
    query = query_of(place.catalogue, ACCOUNT, None)
    place.datadog.about(query).events = (event(1, {"user_id": 1}, "token refreshed"),)
    told = place.datadog.search

    def search(query: str, *, cursor: str | None = None, **asked: Any) -> LogPage:  # noqa: ANN401  # handed on
        page = told(query, **asked)
        return replace(page, events=(), next_cursor=None) if cursor else replace(page, next_cursor="after")

    monkeypatch.setattr(place.datadog, "search", search)
    found = checks(place.accounts.oauth(ACCOUNT).findings)["oauth_logs"]
    assert (found.status, found.value) == (Status.PASS, 0)
    assert "Only" not in found.summary


@pytest.mark.honesty(
    "partial answers: the log search of an OAuth diagnosis is partial",
    "no data, and that there may be more; never a pass",
)
def test_a_partial_page_of_oauth_events_is_no_all_clear(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.users(1)
    place.auth(1)
    place.sync(1)
    told = place.datadog.search
    monkeypatch.setattr(place.datadog, "search", lambda query, **asked: replace(told(query, **asked), partial=True))
    found = checks(place.accounts.oauth(ACCOUNT).findings)["oauth_logs"]
    assert found.status is Status.NO_DATA
    assert "partial answer" in found.summary


def test_known_messages_in_the_logs_are_counted_event_by_event(place: Place) -> None:
    place.users(1)
    place.auth(1)
    place.sync(1)
    told = (
        "Zillow OAuth Refresh token invalid",
        "ZIM onboarding incomplete: once",
        "Zillow OAuth Refresh token invalid",
    )
    events = tuple(event(number, {"user_id": 1}, text) for number, text in enumerate((*told, "token refreshed"), 1))
    place.datadog.about(query_of(place.catalogue, ACCOUNT, None)).events = events
    found = checks(place.accounts.oauth(ACCOUNT).findings)["oauth_logs"]
    assert (found.status, found.value) == (Status.WARN, 3)
    assert found.summary.startswith("4 OAuth or connection events of this account")
    assert '2 × "' in found.summary
    assert '1 × "' in found.summary


@pytest.mark.mariadb
@pytest.mark.honesty("six tokens whose integration is switched off, in a BIT(1)", "FAIL, 6 token but disabled")
@pytest.mark.parametrize(
    ("kind", "off", "status", "value"),
    [
        ("BIT(1)", "b'0'", Status.FAIL, 6),
        ("CHAR(1)", "'N'", Status.FAIL, 6),
        ("CHAR(1)", "'?'", Status.NO_DATA, None),
    ],
)
def test_a_switch_of_another_type_is_never_taken_for_on(
    place: Place, kind: str, off: str, status: Status, value: int | None
) -> None:
    if place.kind != "mariadb":
        return  # SQLite has no such types
    for user in range(1, 7):
        place.users(user)
        place.auth(user)
        place.sync(user)
    with place.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE zillow_sync_users MODIFY zillow_integration_enabled {kind}")
        connection.exec_driver_sql(f"UPDATE zillow_sync_users SET zillow_integration_enabled = {off}")  # noqa: S608  # of this test
        connection.commit()
    enablement = next(one for one in place.accounts.oauth(ACCOUNT).findings if one.check == "oauth_enablement")
    assert (enablement.status, enablement.value) == (status, value)
    summary = {one.check: one for one in place.accounts.summary(ACCOUNT).findings}
    assert summary["account_integration"].status is status
