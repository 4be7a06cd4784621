"""Connections by state: what counts as healthy, what contradicts itself, and the pages of problems."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import utc_now
from diagnostics.health.connections import read_states
from diagnostics.models.health import ConnectionHealth
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.service import Diagnostics
from tests.service.world import ACCOUNT, World, ago


def connection(world: World, number: int, **values: object) -> None:
    row: dict[str, object] = {
        "id": number,
        "account_id": ACCOUNT,
        "user_id": number,
        "zillow_integration_id": "zim",
        "zillow_integration_enabled": True,
        "connection_health_status": "healthy",
        "problem_at": None,
    }
    world.common("zillow_sync_users", row | values)


def counted(health: ConnectionHealth) -> dict[str, object]:
    return {figure.id: figure.value for figure in health.counts}


def test_each_row_has_one_state(world: World) -> None:
    connection(world, 1)
    connection(world, 2, connection_health_status="warning")
    connection(world, 3, connection_health_status="healthy", problem_at=ago(hours=3))
    connection(world, 4, zillow_integration_id=None, problem_at=ago(hours=2))
    assert counted(world.service.health.connections()) == {"healthy": 1, "warning": 1, "error": 1, "disabled": 1}


@pytest.mark.parametrize("said", [None, "", "error", "sideways"])
def test_a_row_that_contradicts_itself_is_in_no_share_and_its_effect_is_named(world: World, said: str | None) -> None:
    for number in range(9):
        connection(world, number + 1)
    connection(world, 10, connection_health_status=said)
    overview = world.service.health.connections()
    assert counted(overview)["unclear"] == 1
    states = read_states(world.service.context)
    assert states.health == 100.0
    assert "health lies between 90.00 and 100.00 %" in overview.notes[0]


def test_nothing_at_all_is_no_data_and_not_a_hundred_per_cent(world: World) -> None:
    health = world.service.health.connections()
    assert {figure.status for figure in health.counts if figure.id in {"healthy", "warning", "error"}} == {
        Status.NO_DATA
    }
    finding = world.service.check("health_baseline", TriageRequest(issue_type="connection_health"))
    assert finding.status is Status.NO_DATA


def test_a_problem_in_the_future_is_named_and_is_not_new(world: World) -> None:
    connection(world, 1, problem_at=utc_now() + timedelta(hours=5))
    connection(world, 2, problem_at=ago(minutes=5))
    health = world.service.health.connections()
    assert counted(health)["error"] == 2
    assert any("in the future" in note and "clocks disagree" in note for note in health.notes)
    states = read_states(world.service.context)
    assert (states.new, states.ahead) == (1, 1)


def test_connections_without_an_account_are_counted_and_named(world: World) -> None:
    connection(world, 1, account_id=999, problem_at=ago(minutes=5))
    health = world.service.health.connections()
    assert any("Not in common.accounts: 999" in note for note in health.notes)
    assert any("common.accounts does not hold" in note for note in health.notes)


@pytest.mark.parametrize("order", ["newest", "longest"])
def test_pages_of_problems_meet_every_row_once_in_order(world: World, order: str) -> None:
    same = ago(hours=1)
    for number in range(1, 24):
        # Several share one moment, so that the key has to tell them apart.
        connection(world, number, problem_at=same - timedelta(minutes=number // 4))
    seen: list[int] = []
    after: str | None = None
    while True:
        page = world.service.health.problems(order, after, limit=5)  # type: ignore[arg-type]
        assert len(page.rows) <= 5
        seen += [row.sync_user_id for row in page.rows]
        after = page.after
        if after is None:
            break
    moments = {number: same - timedelta(minutes=number // 4) for number in range(1, 24)}
    expected = sorted(moments, key=lambda number: (moments[number], number), reverse=order == "newest")
    assert seen == expected


def test_a_place_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(UserError, match="not a place"):
        world.service.health.problems("newest", "yesterday")


def test_without_the_shared_database_there_is_a_failure_and_no_number(world: World) -> None:
    world.break_common()
    with pytest.raises(SourceFailure):
        world.service.health.connections()


@pytest.mark.parametrize(
    ("scenario", "figures"),
    [("healthy", (988, 4, 8)), ("nov17", (942, 21, 37)), ("oauth_cascade", (702, 38, 260))],
)
def test_the_figures_of_each_story(
    opened: Callable[..., Diagnostics], scenario: str, figures: tuple[int, int, int]
) -> None:
    health = opened(scenario).health.connections()
    found = counted(health)
    assert (found["healthy"], found["warning"], found["error"], found["disabled"]) == (*figures, 500)
    assert all(row.account_name for row in (*health.newest, *health.longest))
    assert health.newest[0].problem_at >= health.newest[-1].problem_at  # type: ignore[operator]
    assert health.longest[0].problem_at <= health.longest[-1].problem_at  # type: ignore[operator]
