"""The six systems: a state each from real readings, and what a failing one takes with it."""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.health.systems import downstream
from diagnostics.models.health import SystemState
from diagnostics.models.status import Status
from diagnostics.service import Diagnostics
from tests.health.test_connections import connection
from tests.health.test_resolution import lost_account
from tests.service.world import ACCOUNT, World, ago

Open = Callable[..., Diagnostics]


def systems(service: Diagnostics) -> dict[str, SystemState]:
    return {system.name: system for system in service.health.systems()}


def test_the_systems_stand_in_the_order_of_the_catalogue_with_where_they_live(opened: Open) -> None:
    service = opened("healthy")
    found = systems(service)
    assert list(found) == list(service.catalogue.systems)
    assert {system.status for system in found.values()} == {Status.PASS}
    assert "tables: common.zillow_auth" in found["ZillowAuth"].where
    assert any(line.startswith("query oauth_failures: service:fub") for line in found["ZillowAuth"].where)
    assert any("fubweb.zillowSync.accessToken.requested" in line for line in found["ZillowAuth"].where)
    assert all(system.figures and system.figures[0].evidence for system in found.values())


def test_a_cascade_is_followed_to_its_end(opened: Open) -> None:
    catalogue = opened("healthy").catalogue
    assert downstream(catalogue.systems, "ZillowAuth") == ("ZillowAgent", "ZillowSyncUser", "transaction sync")
    assert downstream(catalogue.systems, "ZillowSyncTeam") == ()


def test_a_ring_in_a_catalogue_ends(world: World) -> None:
    ring = world.catalogue.systems["ZillowSyncUser"].model_copy(update={"feeds": ("ZillowAuth",)})
    ringed = {**world.catalogue.systems, "ZillowSyncUser": ring}
    assert downstream(ringed, "ZillowAuth") == ("ZillowAgent", "ZillowSyncUser")


def test_the_cascade_of_expired_tokens_threatens_everything_after_it(opened: Open) -> None:
    found = systems(opened("oauth_cascade"))
    assert found["ZillowAuth"].status is Status.FAIL
    assert found["ZillowAuth"].threatens == ("ZillowAgent", "ZillowSyncUser", "transaction sync")
    assert found["ZillowSyncUser"].status is Status.FAIL
    assert found["ZillowSyncUser"].threatened_by == ("ZillowAuth",)
    assert found["ZillowAgent"].threatened_by == ("ZillowAuth",)
    assert found["ZillowTeam"].threatened_by == ()
    assert found["ZillowTeam"].threatens == ()


def test_without_credentials_there_is_no_data_and_nothing_threatens(world: World) -> None:
    found = systems(world.service)
    assert found["ZillowAuth"].status is Status.NO_DATA
    assert found["ZillowSyncUser"].status is Status.NO_DATA
    assert all(system.threatens == () for system in found.values())


def test_credentials_that_all_lost_their_token_are_a_failure(world: World) -> None:
    world.tokens({"user_id": 1, "encrypted_refresh_token": None})
    assert systems(world.service)["ZillowAuth"].status is Status.FAIL


def test_orphans_in_the_sample_are_named(world: World) -> None:
    world.client(ACCOUNT, "zillow_teams", {"id": 1, "zillow_team_id": "t", "name": "T"})
    world.client(ACCOUNT, "zillow_agents", {"id": 5, "account_id": ACCOUNT, "resolution_method": 1})
    world.client(ACCOUNT, "zillow_agent_teams", {"agent_id": 5, "team_id": 1}, {"agent_id": 6, "team_id": 1})
    team = systems(world.service)["ZillowTeam"]
    assert team.status is Status.FAIL
    assert "33.33 % orphans" in team.headline
    assert "1 of 3 rows are orphans" in team.figures[0].note


def test_a_sampled_database_that_does_not_answer_is_a_gap(world: World) -> None:
    world.client(ACCOUNT, "zillow_sync_teams", {"id": 1, "zillow_team_id": None})
    lost_account(world, 20)
    legacy = systems(world.service)["ZillowSyncTeam"]
    assert legacy.status is Status.WARN
    assert "1 of 2 sampled databases" in legacy.headline
    assert "account 20" in legacy.figures[0].note


def test_tables_that_are_empty_everywhere_say_nothing(world: World) -> None:
    assert systems(world.service)["ZillowSyncAgent"].status is Status.NO_DATA


def test_with_the_shared_database_dead_every_system_is_out_of_reach(world: World) -> None:
    connection(world, 1, problem_at=ago(minutes=3))
    world.break_common()
    assert {system.status for system in systems(world.service).values()} == {Status.UNREACHABLE}
