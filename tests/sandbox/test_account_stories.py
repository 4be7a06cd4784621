"""The stories about one account or one share: their exact figures in rows and logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from sandbox.stories.scenario import SCENARIOS
from tests.sampling import sampled
from tests.sandbox.api import Api

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
CLIENT = "warroom_client_{}"
STORIES = ("account_14009", "account_75172", "account_148261", "resolution_drift")

Of = Callable[[str], Api]


def _resolutions(api: Api) -> Counter[int]:
    methods: Counter[int] = Counter()
    for database in api.clients():
        statement = "SELECT resolution_method, COUNT(*) FROM zillow_agents GROUP BY resolution_method"
        methods.update(dict(api.rows(statement, database=database)))
    return methods


@pytest.mark.parametrize("name", sampled(STORIES, 2))
def test_all_else_is_a_quiet_day(sandbox: Of, name: str) -> None:
    api = sandbox(name)
    states = dict(api.rows("SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"))
    assert states["pending"] + states["processing"] + states["failed"] == 24
    for condition in ("zillow_integration_id IS NOT NULL", "1 = 1"):
        ((good, every),) = api.rows(
            "SELECT SUM(connection_health_status = 'healthy'), COUNT(*) "  # noqa: S608  # a constant of this test
            f"FROM zillow_sync_users WHERE {condition}"
        )
        assert 100 * good / every == pytest.approx(98.8)
    assert api.rows("SELECT COUNT(*) FROM zillow_auth") == [(2_000,)]
    if name != "resolution_drift":
        methods = _resolutions(api)
        assert [methods[method] for method in (1, 3, 4)] == [4_672, 1_599, 3_729]


@pytest.mark.parametrize("name", ["healthy", *sampled(STORIES, 1)])
def test_the_47_of_account_14009_hold_valid_tokens_where_no_token_runs_out(sandbox: Of, name: str) -> None:
    api = sandbox(name)
    inferred = api.rows(
        "SELECT user_id FROM zillow_agents WHERE resolution_method IN (3, 4) AND user_id IS NOT NULL",
        database=CLIENT.format(14009),
    )
    valid = api.rows(
        "SELECT user_id FROM zillow_auth WHERE account_id = 14009 AND encrypted_refresh_token <> '' "
        "AND expires_at > datetime('now')"
    )
    assert len(inferred) == 47
    assert set(inferred) <= set(valid)


def test_account_14009_went_stale_two_days_ago_and_the_logs_show_it(sandbox: Of) -> None:
    api = sandbox("account_14009")
    stale = {
        user
        for (user,) in api.rows(
            "SELECT user_id FROM zillow_agents WHERE resolution_method = 3", database=CLIENT.format(14009)
        )
    }
    changes = api.rows(
        "SELECT user_id, old_resolution, new_resolution, change_reason, julianday('now') - julianday(created_at) "
        "FROM zillow_connection_logs WHERE account_id = 14009 AND change_reason LIKE 'stale%'"
    )
    assert {change[0] for change in changes} == stale
    assert {change[1:4] for change in changes} == {(1, 3, "stale zillow_agents row kept")}
    assert all(1.9 < change[4] < 2.1 for change in changes)
    happened = api.search_all("@context.account_id:14009 @message:*stale*kept*", "now-51h", "now")
    users = Counter(event["attributes"]["attributes"]["context"]["user_id"] for event in happened)
    assert set(users) == stale
    assert set(users.values()) == {1}
    moments = [event["attributes"]["timestamp"] for event in happened]
    assert len(set(moments)) == 47


def test_account_14009_is_resolved_wrongly_every_hour_since(sandbox: Of) -> None:
    api = sandbox("account_14009")
    end = api.anchor_ms // MINUTE_MS * MINUTE_MS
    query = "@context.account_id:14009 @correlation_id:zillow-agent-resolution @context.is_stale:true"
    for hour in (0, 20, 45):
        assert api.count(query, end - (hour + 1) * HOUR_MS, end - hour * HOUR_MS) == 47
    assert api.count(query, end - 52 * HOUR_MS, end - 48 * HOUR_MS) == 0
    groups = api.aggregate(query, [{"aggregation": "count"}], [{"facet": "@resolution_method"}], "now-1h")
    assert [group["by"]["@resolution_method"] for group in groups] == ["INFERRED"]


def test_account_75172_was_authorised_before_its_installation_existed(sandbox: Of) -> None:
    api = sandbox("account_75172")
    rows = api.rows(
        "SELECT a.user_id, a.zillow_sync_user_id, a.encrypted_refresh_token IS NOT NULL, "
        "a.expires_at > datetime('now'), s.id IS NOT NULL, s.zillow_integration_id, s.problem_msg, "
        "(julianday(s.created_at) - julianday(a.created_at)) * 86400 FROM zillow_auth a LEFT JOIN zillow_sync_users s "
        "ON s.account_id = a.account_id AND s.user_id = a.user_id WHERE a.account_id = 75172 ORDER BY a.user_id"
    )
    assert len(rows) == 3
    assert all(row[1:4] == (None, 1, 1) for row in rows)
    assert [row[4] for row in rows] == [0, 1, 1]
    assert all(row[5] is None and "installation incomplete" in row[6] for row in rows[1:])
    assert all(row[7] == pytest.approx(6, abs=0.01) for row in rows[1:])
    users = [row[0] for row in rows]
    agents = {user for (user,) in api.rows("SELECT user_id FROM zillow_agents", database=CLIENT.format(75172))}
    assert agents & set(users) == set(users[:2])


def test_three_point_two_per_cent_of_the_completions_meet_the_race(sandbox: Of) -> None:
    api = sandbox("account_75172")
    start, end = api.anchor_ms - 24 * HOUR_MS, api.anchor_ms
    completed = api.count('@event:zim_onboarding @message:"Zillow OAuth completed"', start, end)
    raced = api.aggregate(
        "@event:zim_onboarding @context.attempt:1 @context.errorCode:zim_installation_missing",
        [{"aggregation": "cardinality", "metric": "@context.user_id"}],
        None,
        start,
        end,
    )[0]["computes"]["c0"]
    assert (completed, raced) == (250, 8)
    assert 100 * raced / completed == pytest.approx(3.2)
    day_ago = api.anchor_ms // 1000 - 86_400
    recent = f"SELECT COUNT(*) FROM zillow_auth WHERE created_at > datetime({day_ago}, 'unixepoch')"  # noqa: S608
    assert api.rows(recent) == [(250,)]


def test_attempts_with_backoff_mend_the_race_and_quick_ones_do_not(sandbox: Of) -> None:
    api = sandbox("account_75172")
    events = api.search_all("@event:zim_onboarding @context.attempt:>0", "now-26h", "now")
    by_user: dict[int, list[tuple[int, object]]] = {}
    accounts: dict[int, int] = {}
    for event in events:
        body = event["attributes"]["attributes"]
        context = body["context"]
        accounts[context["user_id"]] = context["account_id"]
        by_user.setdefault(context["user_id"], []).append((context["attempt"], context.get("retry_delay_s")))
        assert body["correlation_id"] == f"zim-onboarding-{context['account_id']}-{context['user_id']}"
    raced = {user: tried for user, tried in by_user.items() if len(tried) > 1}
    lost = {user: tried for user, tried in raced.items() if accounts[user] == 75172}
    assert (len(raced), len(lost)) == (8, 3)
    assert set(map(tuple, lost.values())) == {((1, 1), (2, 1), (3, None))}
    for user, tried in raced.items():
        if user not in lost:
            delays = [delay for _, delay in tried]
            assert delays[:-1] == [2**n for n in range(len(tried) - 1)]
            assert delays[-1] is None
    assert api.count("@context.account_id:75172 @context.errorCode:zim_installation_race status:error", "now-3h") == 3
    mended = api.rows(
        "SELECT COUNT(*) FROM zillow_auth a JOIN zillow_sync_users s ON s.id = a.zillow_sync_user_id "
        "WHERE s.created_at > a.created_at AND s.zillow_integration_id IS NOT NULL "
        "AND (julianday(s.created_at) - julianday(a.created_at)) * 86400 < 20"
    )
    assert mended == [(5,)]


@pytest.mark.parametrize("name", sampled(list(SCENARIOS), 3))
def test_account_75172_has_no_active_connection_in_any_story(sandbox: Of, name: str) -> None:
    active = "SELECT COUNT(*) FROM zillow_sync_users WHERE account_id = 75172 AND zillow_integration_enabled"
    assert sandbox(name).rows(active) == [(0,)]


def test_account_148261_has_lost_everything_that_syncs(sandbox: Of) -> None:
    api = sandbox("account_148261")
    rows = api.rows(
        "SELECT s.zillow_integration_id IS NOT NULL, s.zillow_integration_enabled, s.connection_health_status, "
        "s.problem_msg, a.encrypted_refresh_token IS NOT NULL, a.expires_at > datetime('now'), "
        "julianday('now') - julianday(a.updated_at) < 0.5, ROUND((julianday('now') - julianday(s.problem_at)) * 24) "
        "FROM zillow_sync_users s JOIN zillow_auth a ON a.zillow_sync_user_id = s.id WHERE s.account_id = 148261"
    )
    assert rows == [(1, 0, "error", "OAuth credentials valid, but integration disabled", 1, 1, 1, 26)] * 6
    for table in ("zillow_auth", "zillow_sync_users"):
        assert api.rows(f"SELECT COUNT(*) FROM {table} WHERE account_id = 148261") == [(6,)]  # noqa: S608
    changes = api.rows(
        "SELECT old_resolution, new_resolution, change_reason FROM zillow_connection_logs "
        "WHERE account_id = 148261 AND change_reason LIKE 'OAuth credentials valid%'"
    )
    assert len(changes) == 6


def test_account_148261_refreshes_its_tokens_and_is_refused(sandbox: Of) -> None:
    api = sandbox("account_148261")
    refused = "@context.account_id:148261 @context.errorCode:integration_disabled @http.status_code:403"
    refreshed = '@context.account_id:148261 @message:"Zillow access token refreshed" @http.status_code:200'
    end = api.anchor_ms // MINUTE_MS * MINUTE_MS
    assert api.count(refused, end - HOUR_MS, end) == 48
    assert api.count(refreshed, end - HOUR_MS, end) == 24
    assert api.count(refused, end - 30 * HOUR_MS, end - 27 * HOUR_MS) == 0
    assert api.count(refreshed, end - 30 * HOUR_MS, end - 27 * HOUR_MS) == 72
    users = api.aggregate(
        refused, [{"aggregation": "cardinality", "metric": "@context.user_id"}], None, end - HOUR_MS, end
    )
    assert users[0]["computes"]["c0"] == 6
    (event, *_) = api.search(refused, "now-1h", limit=1)["data"]
    assert event["attributes"]["message"] == "OAuth credentials valid, but integration disabled"
    assert event["attributes"]["attributes"]["context"]["connection_health_status"] == "error"


def test_the_drift_puts_one_share_beyond_ten_points_and_two_beyond_five(sandbox: Of) -> None:
    methods = _resolutions(sandbox("resolution_drift"))
    assert methods.pop(2) == 12
    shares = {method: 100 * count / methods.total() for method, count in methods.items()}
    assert shares == pytest.approx({1: 35.92, 3: 21.49, 4: 42.59})
    away = {method: shares[method] - usual for method, usual in ((1, 46.72), (3, 15.99), (4, 37.29))}
    assert away[1] < -10
    assert 5 < away[3] < 10
    assert 5 < away[4] < 10


def test_the_cause_of_the_drift_stands_in_rows_and_logs(sandbox: Of) -> None:
    api = sandbox("resolution_drift")
    changes = api.rows(
        "SELECT old_resolution, new_resolution, COUNT(*), COUNT(DISTINCT user_id) FROM zillow_connection_logs "
        "WHERE change_reason LIKE 'userInfo without encoded ZUID%' GROUP BY 1, 2"
    )
    assert changes == [(1, 3, 550, 550), (1, 4, 530, 530)]
    query = '@context.change_reason:"userInfo without encoded ZUID" @correlation_id:zillow-agent-resolution'
    groups = api.aggregate(query, [{"aggregation": "count"}], [{"facet": "@resolution_method"}], "now-29h", "now")
    counts = {group["by"]["@resolution_method"]: group["computes"]["c0"] for group in groups}
    assert counts == {"INFERRED": 550, "UNMATCHED": 530}
    moments = dict(
        api.rows("SELECT user_id, created_at FROM zillow_connection_logs WHERE change_reason LIKE 'userInfo without%'")
    )
    updated: dict[int, str] = {}
    for database in api.clients():
        updated |= dict(api.rows("SELECT user_id, updated_at FROM zillow_agents", database=database))
    assert all(updated[user] == moment for user, moment in moments.items())
    event = api.search(query, "now-29h", limit=1)["data"][0]["attributes"]["attributes"]
    assert event["http"]["url_details"]["path"] == "/v1/userInfo"
