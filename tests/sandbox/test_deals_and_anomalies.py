"""One deal for every error code, and the bad rows: what they are in every story, and that no figure moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.stories import anomalies
from sandbox.stories.account_list import ERROR_CODE_DEALS, account_of
from sandbox.stories.anomalies import find_anomalies, numeric_zuid
from sandbox.stories.population import populate
from sandbox.stories.scenario import SCENARIOS
from sandbox.stories.story import DEFAULT_SEED, Story
from tests.sampling import sampled
from tests.sandbox.api import Api

Of = Callable[[str], Api]


def _verdict(api: Api, account_id: int, deal_id: int) -> str:
    """The code of the first gate that fails, straight from the rows."""
    database = f"warroom_client_{account_id}"

    def client(statement: str, *values: object) -> list[tuple[object, ...]]:
        return api.rows(statement, *values, database=database)

    deals = client("SELECT property_id, synced_at, zillow_transaction_id FROM deals WHERE id = ?", deal_id)
    if not deals:
        return "deal_id_missing"
    ((place, synced_at, transaction),) = deals
    if place is None:
        return "property_missing"
    users = [user for (user,) in client("SELECT user_id FROM deal_agents WHERE deal_id = ?", deal_id)]
    paths = (
        lambda user: client("SELECT 1 FROM users WHERE id = ? AND zillow_profile_id <> ''", user),
        lambda user: api.rows("SELECT 1 FROM zillow_auth WHERE user_id = ? AND account_id = ?", user, account_id),
        lambda user: client("SELECT 1 FROM zillow_agents WHERE user_id = ? AND encrypted_zuid <> ''", user),
        lambda user: client("SELECT 1 FROM zillow_sync_agents WHERE user_id = ?", user),
    )
    if not any(path(user) for user in users for path in paths):
        return "agent_verification_failed"
    active = "SELECT 1 FROM zillow_sync_users WHERE account_id = ? AND zillow_integration_enabled"
    if not client("SELECT 1 FROM deals_contacts WHERE deal_id = ?", deal_id) or not api.rows(active, account_id):
        return "contact_sync_missing"
    if not client("SELECT 1 FROM data_sync_systems WHERE system = 'zillow' AND is_active"):
        return "sync_system_missing"
    return "zillow_transaction_id_missing" if synced_at and not transaction else ""


@pytest.mark.parametrize("name", sampled(list(SCENARIOS), 3))
def test_each_example_fails_with_its_code_and_no_earlier_one(sandbox: Of, name: str) -> None:
    api = sandbox(name)
    verdicts = {code: _verdict(api, *place) for code, place in ERROR_CODE_DEALS.items()}
    assert verdicts == {code: code for code in ERROR_CODE_DEALS}
    assert _verdict(api, 14009, 12345) == "agent_verification_failed"
    assert _verdict(api, 14009, 12346) == ""


@pytest.mark.parametrize("name", sampled(list(SCENARIOS), 3))
def test_the_agent_of_a_good_gate_has_a_valid_token_and_a_healthy_connection(sandbox: Of, name: str) -> None:
    api = sandbox(name)
    for code in ("property_missing", "sync_system_missing", "zillow_transaction_id_missing"):
        account_id, deal_id = ERROR_CODE_DEALS[code]
        ((user,),) = api.rows(
            "SELECT user_id FROM deal_agents WHERE deal_id = ?", deal_id, database=f"warroom_client_{account_id}"
        )
        assert api.rows(
            "SELECT a.expires_at > datetime('now'), s.connection_health_status FROM zillow_auth a "
            "JOIN zillow_sync_users s ON s.id = a.zillow_sync_user_id WHERE a.user_id = ?",
            user,
        ) == [(1, "healthy")]


def test_failures_of_transaction_sync_in_the_logs_name_the_examples(healthy: Api) -> None:
    groups = healthy.aggregate(
        "@event:transaction_sync_failed",
        [{"aggregation": "count"}],
        [{"facet": "@context.deal_id", "limit": 50}, {"facet": "@context.errorCode", "limit": 50}],
        "now-6h",
    )
    logged = {(group["by"]["@context.errorCode"], int(group["by"]["@context.deal_id"])) for group in groups}
    assert {(code, deal_id) for code, (_, deal_id) in ERROR_CODE_DEALS.items()} <= logged


@pytest.mark.parametrize("name", sampled(list(SCENARIOS), 3))
def test_the_bad_rows_are_where_they_are_listed(sandbox: Of, name: str) -> None:
    api = sandbox(name)
    odd = populate(Story(name, DEFAULT_SEED, api.anchor_ms // 1000)).anomalies
    database = f"warroom_client_{odd.account_id}"

    def auth(user: int, columns: str) -> list[tuple[object, ...]]:
        return api.rows(f"SELECT {columns} FROM zillow_auth WHERE user_id = ?", user)  # noqa: S608

    def sync(user: int, columns: str) -> list[tuple[object, ...]]:
        return api.rows(f"SELECT {columns} FROM zillow_sync_users WHERE user_id = ?", user)  # noqa: S608

    assert api.rows("SELECT COUNT(*) FROM users WHERE id = ?", odd.deleted_user, database=database) == [(0,)]
    assert auth(odd.deleted_user, "encrypted_refresh_token IS NOT NULL") == [(1,)]
    assert auth(odd.dangling, "zillow_sync_user_id") == [(anomalies.DANGLING_SYNC_USER,)]
    assert api.rows("SELECT 1 FROM zillow_sync_users WHERE id = ?", anomalies.DANGLING_SYNC_USER) == []
    assert auth(odd.auth_without_zuid, "zuid") == [(None,)]
    assert sync(odd.sync_without_zuid, "zuid") == [(None,)]
    for user, in_auth, in_sync in (
        (odd.numeric_auth, True, False),
        (odd.numeric_sync, False, True),
        (odd.numeric_both, True, True),
    ):
        assert (auth(user, "zuid")[0][0] == numeric_zuid(user)) is in_auth
        assert (sync(user, "zuid")[0][0] == numeric_zuid(user)) is in_sync
    assert auth(odd.refreshed_tomorrow, "updated_at > datetime('now', '+1 hour')") == [(1,)]
    ahead = "SELECT user_id FROM zillow_connection_logs WHERE created_at > datetime('now', '+1 hour')"
    assert api.rows(ahead) == [(odd.changed_tomorrow,)]
    unclaimed = "SELECT resolution_method FROM zillow_agents WHERE user_id IS NULL AND resolution_method NOT IN (2, 4)"
    assert api.rows(unclaimed, database=database) == [(1,)]


def test_the_odd_deals_are_where_they_are_listed(healthy: Api) -> None:
    def rows(statement: str, deal: tuple[int, int]) -> list[tuple[object, ...]]:
        return healthy.rows(statement, deal[1], database=f"warroom_client_{deal[0]}")

    on_deal = "SELECT user_id FROM deal_agents WHERE deal_id = ?"
    assert rows("SELECT property_id FROM deals WHERE id = ?", anomalies.DEAL_BARE) == [(None,)]
    assert rows(on_deal, anomalies.DEAL_BARE) == []
    assert rows(on_deal, anomalies.DEAL_OF_NOBODY) == [(anomalies.MISSING_USER,)]
    assert all(
        healthy.rows("SELECT 1 FROM users WHERE id = ?", anomalies.MISSING_USER, database=database) == []
        for database in healthy.clients()
    )
    ahead = "SELECT created_at > datetime('now', '+1 hour') FROM deals WHERE id = ?"
    assert rows(ahead, anomalies.DEAL_OF_TOMORROW) == [(1,)]
    retired = sum(
        healthy.rows("SELECT COUNT(*) FROM zillow_agents WHERE resolution_method = 2", database=database)[0][0]
        for database in healthy.clients()
    )
    assert retired == 12


@pytest.mark.parametrize("seed", [1, 7, 99, 4242])
@pytest.mark.parametrize("name", ["healthy", "oauth_cascade", "account_75172", "account_148261", "resolution_drift"])
def test_every_seed_has_all_of_it(name: str, seed: int) -> None:
    population = populate(Story(name, seed, 1_795_450_000))
    odd = find_anomalies(population)
    chosen = [getattr(odd, field) for field in odd.__dataclass_fields__]
    assert all(chosen)
    assert len(set(chosen)) == len(chosen)
    assert account_of(seed, odd.account_id).users > 1_000
    people = population.everyone()
    assert sum(person.token for person in people) == 2_000
    assert sum(person.sync_user_id is not None for person in people) == 1_500
    assert not any(person.integrated for person in population.by_account[75172])
    secured = [person for person in people if person.secured]
    assert {person.account.id for person in secured} == {12345, 30511, 14009}
    assert all(p.token and p.integrated and p.enabled and p.health == "healthy" and not p.expired_s for p in secured)
