"""The stories: their exact figures in logs and rows."""

from __future__ import annotations

from collections import Counter
from statistics import median

import pytest

from tests.sandbox.api import QUERIES, RATE_LIMITED, Api

OAUTH, ZERO_AGENT = QUERIES[0], QUERIES[1]
MINUTE_MS = 60_000
SCENARIOS = ("nov17", "healthy", "cascade")


@pytest.fixture(params=SCENARIOS)
def any_story(request: pytest.FixtureRequest) -> Api:
    """Each of the scenarios."""
    found: Api = request.getfixturevalue(request.param)
    return found


def _usual(api: Api, query: str) -> float:
    """Median count of the quarters of an hour of the day before the incident."""
    border = api.anchor_ms - 60 * MINUTE_MS
    return median(api.count(query, border - (n + 1) * 15 * MINUTE_MS, border - n * 15 * MINUTE_MS) for n in range(96))


def _last_quarter(api: Api, query: str) -> int:
    # Events are made minute by minute; only a quarter of whole minutes has the exact number of them.
    end = api.anchor_ms // MINUTE_MS * MINUTE_MS
    return api.count(query, end - 15 * MINUTE_MS, end)


def test_nov17_has_exactly_212_631_undelivered_webhook_events_and_two_lost(nov17: Api) -> None:
    states = dict(nov17.rows("SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"))
    assert states["pending"] + states["processing"] + states["failed"] == 212_631
    assert states["lost"] == 2
    assert states["delivered"] > 10_000


def test_nov17_holds_events_of_the_last_55_minutes(nov17: Api) -> None:
    waiting = "status IN ('pending', 'processing', 'failed')"
    ((oldest, newest),) = nov17.rows(
        f"SELECT (julianday('now') - julianday(MIN(received_at))) * 1440, "  # noqa: S608  # a constant of this test
        f"(julianday('now') - julianday(MAX(received_at))) * 1440 FROM zillow_webhook_events WHERE {waiting}"
    )
    assert 41 <= oldest <= 56
    assert newest < 10


def test_nov17_arrivals_run_far_ahead_of_the_drain(nov17: Api) -> None:
    recent = "(julianday('now') - julianday({})) * 1440 BETWEEN 5 AND 35"
    ((arrived,),) = nov17.rows(f"SELECT COUNT(*) FROM zillow_webhook_events WHERE {recent.format('received_at')}")  # noqa: S608
    ((drained,),) = nov17.rows(f"SELECT COUNT(*) FROM zillow_webhook_events WHERE {recent.format('processed_at')}")  # noqa: S608
    assert arrived > 20 * drained > 0


def test_nov17_sees_about_1_200_rate_limits_a_minute_over_61_accounts(nov17: Api) -> None:
    end = nov17.anchor_ms // MINUTE_MS * MINUTE_MS
    compute = [
        {"aggregation": "count", "type": "timeseries", "interval": "1m"},
        {"aggregation": "cardinality", "metric": "@context.account_id"},
        {"aggregation": "min", "metric": "@context.retry_after"},
    ]
    (bucket,) = nov17.aggregate(RATE_LIMITED, compute, None, end - 15 * MINUTE_MS, end)
    counts = [point["value"] for point in bucket["computes"]["c0"]]
    assert len(counts) == 15
    assert all(1_150 <= count <= 1_250 for count in counts)
    assert bucket["computes"]["c1"] == 61
    assert bucket["computes"]["c2"] == 30
    groups = nov17.aggregate(RATE_LIMITED, [{"aggregation": "count"}], [{"facet": "@context.account_id", "limit": 100}])
    assert {"75172", "14009", "148261"} <= {group["by"]["@context.account_id"] for group in groups}


def test_nov17_oauth_failures_are_nine_times_the_usual_and_the_exclusion_matters(nov17: Api) -> None:
    assert _usual(nov17, OAUTH) == 45
    assert 390 <= _last_quarter(nov17, OAUTH) <= 430
    without_exclusion = OAUTH.replace(" -@message:*rate*limit*", "")
    assert _last_quarter(nov17, without_exclusion) - _last_quarter(nov17, OAUTH) > 100


def test_what_is_usual_is_the_same_in_every_story(any_story: Api) -> None:
    assert _usual(any_story, RATE_LIMITED) == 12
    assert _usual(any_story, OAUTH) == 45
    assert _usual(any_story, ZERO_AGENT) == 3


def test_a_quiet_day_stays_at_the_usual(healthy: Api) -> None:
    for query, usual in ((RATE_LIMITED, 12), (OAUTH, 45), (ZERO_AGENT, 3)):
        assert abs(_last_quarter(healthy, query) - usual) <= 1


def test_the_cascade_is_loud_in_oauth_and_quiet_in_rate_limits(cascade: Api) -> None:
    assert 8.5 <= _last_quarter(cascade, OAUTH) / _usual(cascade, OAUTH) <= 9.5
    assert _last_quarter(cascade, RATE_LIMITED) == 12
    states = dict(cascade.rows("SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"))
    assert states["pending"] + states["processing"] + states["failed"] == 164


def test_the_cascade_runs_from_tokens_to_agents_to_sync_users(cascade: Api) -> None:
    expired = cascade.rows(
        "SELECT account_id, MIN(expires_at), COUNT(*) FROM zillow_auth "
        "WHERE julianday('now') - julianday(expires_at) BETWEEN 0 AND 0.05 GROUP BY account_id"
    )
    flipped = dict(
        cascade.rows(
            "SELECT account_id, MIN(problem_at) FROM zillow_sync_users "
            "WHERE problem_msg = 'Zillow OAuth Refresh token invalid' GROUP BY account_id"
        )
    )
    moved = dict(
        cascade.rows(
            "SELECT account_id, MIN(created_at) FROM zillow_connection_logs "
            "WHERE change_reason LIKE 'token expired%' GROUP BY account_id"
        )
    )
    assert len(expired) == 38
    assert sum(count for _, _, count in expired) == 612
    assert len(flipped) > 20
    assert moved
    for account, first, _ in expired:
        assert first < min(flipped.get(account, "9"), moved.get(account, "9"))
        if account in flipped and account in moved:
            assert moved[account] < flipped[account]
    assert cascade.rows("SELECT COUNT(*) FROM oauth_applications WHERE is_active") == [(1,)]


@pytest.mark.parametrize(("story", "healthy_share"), [("nov17", 94.2), ("healthy", 98.8), ("cascade", 70.2)])
def test_the_share_of_healthy_connections_is_the_scenarios(
    request: pytest.FixtureRequest, story: str, healthy_share: float
) -> None:
    api: Api = request.getfixturevalue(story)
    for condition in ("zillow_integration_id IS NOT NULL", "1 = 1"):
        ((good, every),) = api.rows(
            "SELECT SUM(connection_health_status = 'healthy'), COUNT(*) "  # noqa: S608  # a constant of this test
            f"FROM zillow_sync_users WHERE {condition}"
        )
        assert 100 * good / every == pytest.approx(healthy_share)
    assert api.rows(
        "SELECT COUNT(*) FROM zillow_sync_users WHERE problem_at IS NOT NULL AND connection_health_status <> 'error'"
    ) == [(0,)]


@pytest.mark.parametrize(("story", "failed"), [("nov17", 29), ("healthy", 6), ("cascade", 47)])
def test_lead_success_over_the_last_hour_is_the_scenarios(
    request: pytest.FixtureRequest, story: str, failed: int
) -> None:
    api: Api = request.getfixturevalue(story)
    latest = "SELECT sync_status FROM zillow_lead_events_log ORDER BY id DESC LIMIT 500"
    assert Counter(state for (state,) in api.rows(latest)) == {"success": 500 - failed, "failed": failed}


def test_resolution_shares_are_the_baseline(nov17: Api) -> None:
    methods: Counter[int] = Counter()
    for database in nov17.clients():
        statement = "SELECT resolution_method, COUNT(*) FROM zillow_agents GROUP BY resolution_method"
        methods.update(dict(nov17.rows(statement, database=database)))
    assert len(nov17.clients()) == 64
    assert methods.pop(2) > 0
    assert {method: count / methods.total() for method, count in methods.items()} == {1: 0.4672, 3: 0.1599, 4: 0.3729}


def test_account_14009_has_47_inferred_agents_whose_users_hold_a_token(any_story: Api) -> None:
    inferred = any_story.rows(
        "SELECT user_id FROM zillow_agents WHERE resolution_method = 3", database="warroom_client_14009"
    )
    holders = any_story.rows(
        "SELECT user_id FROM zillow_auth WHERE account_id = 14009 AND encrypted_refresh_token <> ''"
    )
    assert len(inferred) == 47
    assert set(inferred) <= set(holders)


def test_account_148261_is_switched_off_although_its_tokens_are_valid(any_story: Api) -> None:
    rows = any_story.rows(
        "SELECT s.zillow_integration_enabled, s.connection_health_status, s.zillow_integration_id IS NOT NULL, "
        "a.encrypted_refresh_token IS NOT NULL, a.expires_at > datetime('now') "
        "FROM zillow_sync_users s JOIN zillow_auth a ON a.zillow_sync_user_id = s.id "
        "WHERE s.account_id = 148261 AND s.problem_msg LIKE 'OAuth credentials valid, but integration disabled'"
    )
    assert rows == [(0, "error", 1, 1, 1)] * 6


def test_account_75172_waits_for_its_installation(any_story: Api) -> None:
    rows = any_story.rows(
        "SELECT problem_msg FROM zillow_sync_users WHERE account_id = 75172 AND zillow_integration_id IS NULL"
    )
    assert sum("installation incomplete" in str(message) for (message,) in rows) == 3


def test_accounts_have_3_to_4_000_users_and_a_database_each(any_story: Api) -> None:
    accounts = any_story.rows("SELECT id, user_count, db_database FROM accounts")
    assert len(accounts) == 64
    assert {14009, 75172, 148261, 12345} <= {account for account, _, _ in accounts}
    assert (min(size for _, size, _ in accounts), max(size for _, size, _ in accounts)) == (3, 4_000)
    assert sorted(database for _, _, database in accounts) == any_story.clients()
    account, size, database = max(accounts, key=lambda row: row[1])
    assert any_story.rows("SELECT COUNT(*), MIN(account_id) FROM users", database=database) == [(size, account)]
    assert any_story.rows("SELECT COUNT(*) FROM zillow_auth") == [(2_000,)]


def test_deal_12345_has_nobody_and_deal_12346_has_one_agent_by_each_path(any_story: Api) -> None:
    def rows(statement: str, *values: object) -> list[tuple[object, ...]]:
        return any_story.rows(statement, *values, database="warroom_client_14009")

    assert rows("SELECT COUNT(*) FROM deal_agents WHERE deal_id = 12345") == [(0,)]
    assert rows("SELECT property_id IS NOT NULL, synced_at IS NULL FROM deals WHERE id = 12345") == [(1, 1)]
    assert rows("SELECT property_id IS NOT NULL, synced_at IS NULL FROM deals WHERE id = 12346") == [(1, 0)]
    agents = [user for (user,) in rows("SELECT user_id FROM deal_agents WHERE deal_id = 12346")]
    paths = []
    for user in agents:
        legacy = rows("SELECT COUNT(*) FROM users WHERE id = ? AND zillow_profile_id IS NOT NULL", user)
        token = any_story.rows("SELECT COUNT(*) FROM zillow_auth WHERE user_id = ?", user)
        modern = rows("SELECT COUNT(*) FROM zillow_agents WHERE user_id = ? AND encrypted_zuid IS NOT NULL", user)
        old = rows("SELECT COUNT(*) FROM zillow_sync_agents WHERE user_id = ?", user)
        paths.append((legacy[0][0], token[0][0], modern[0][0], old[0][0]))
    assert sorted(paths) == [(0, 0, 0, 1), (0, 0, 1, 0), (0, 1, 0, 0), (1, 0, 0, 0)]


def test_deal_777_exists_in_two_accounts_and_the_logs_of_both_name_it(any_story: Api) -> None:
    holders = [
        name for name in any_story.clients() if any_story.rows("SELECT 1 FROM deals WHERE id = 777", database=name)
    ]
    assert holders == ["warroom_client_30511", "warroom_client_75172"]
    groups = any_story.aggregate(
        "@context.deal_id:777", [{"aggregation": "count"}], [{"facet": "@context.account_id"}], "now-24h"
    )
    assert {group["by"]["@context.account_id"] for group in groups} == {"30511", "75172"}


def test_logs_of_the_last_quarter_name_deal_12345_and_its_account(any_story: Api) -> None:
    groups = any_story.aggregate(
        "@context.deal_id:12345", [{"aggregation": "count"}], [{"facet": "@context.account_id"}]
    )
    assert [group["by"]["@context.account_id"] for group in groups] == ["14009"]


def test_no_triage_query_is_empty_in_the_last_quarter(any_story: Api) -> None:
    assert all(_last_quarter(any_story, query) > 0 for query in QUERIES)


def test_all_services_log_ordinary_traffic(any_story: Api) -> None:
    groups = any_story.aggregate("-status:error", [{"aggregation": "count"}], [{"facet": "service", "limit": 20}])
    services = {group["by"]["service"] for group in groups}
    assert services == {"fub", "fub-api", "fub-csd", "fub-richdesk", "fub-worker", "fub-resque", "fub-spa"}
    a_second = sum(group["computes"]["c0"] for group in groups) / 900
    assert 1 <= a_second <= 3
