"""The distribution of all accounts: coverage stated, outliers named, partial answers that pass only where they may."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.health.resolution import MethodCounts, counted, distribution, outliers
from diagnostics.health.stale import _of_both
from diagnostics.models.figures import Coverage, Gap
from diagnostics.models.status import Status
from diagnostics.service import Diagnostics
from tests.health.test_checks import agents
from tests.service.world import ACCOUNT, World, ago

EVEN = MethodCounts({1: 4_672, 3: 1_599, 4: 3_729}, 0, 0)


def lost_account(world: World, account_id: int) -> None:
    """An account whose client database is not there."""
    row = {"id": account_id, "name": "Gone", "db_host": "h", "db_database": f"gone_{account_id}", "db_user": "u"}
    world.common("accounts", row)


@pytest.mark.parametrize("method", [None, 2, 9, "2", "resolved", ""])
def test_methods_out_of_use_are_in_no_share(method: object) -> None:
    found = counted([(1, 3), (method, 4), ("3", 2), ("UNMATCHED", 1)])
    assert (found.total, found.retired + found.unclear) == (6, 4)


@pytest.mark.parametrize(
    ("shift", "status"), [(0, Status.PASS), (500, Status.PASS), (501, Status.WARN), (1_001, Status.FAIL)]
)
def test_each_share_is_judged_by_its_distance_from_the_baseline(world: World, shift: int, status: Status) -> None:
    found = distribution(
        world.service.context,
        MethodCounts({1: 4_672 - shift, 3: 1_599, 4: 3_729 + shift}, 0, 0),
        origin="told",
        evidence=(),
    )
    assert found.status is status
    assert found.drift is not None
    assert found.drift.value == pytest.approx(shift / 100, abs=1e-9)


@pytest.mark.parametrize(
    ("answered", "status"), [(100, Status.PASS), (98, Status.PASS), (90, Status.WARN), (0, Status.NO_DATA)]
)
def test_a_pass_stands_only_where_the_missing_accounts_could_not_overturn_it(
    world: World, answered: int, status: Status
) -> None:
    coverage = Coverage(answered=answered, asked=100)
    found = distribution(world.service.context, EVEN, origin="told", evidence=(), coverage=coverage)
    assert found.status is status
    assert any("rests on" in note for note in found.notes) is (answered < 100)


@pytest.mark.honesty(
    "contradictions on one screen: a small account beyond a limit that only chance explains",
    "the distance, how much of it may be chance, and a rule that says so",
)
def test_the_rule_of_one_account_says_that_chance_is_left_out(world: World) -> None:
    # 100 agents, 5.28 points beyond the baseline of 46.72 %: more than the 5 of the rule, and within chance.
    few = MethodCounts({1: 52, 3: 13, 4: 35}, 0, 0)
    alone = distribution(world.service.context, few, origin="told", evidence=(), of_one=True)
    assert alone.drift is not None
    assert alone.drift.value == pytest.approx(5.28)
    assert alone.drift.status is Status.PASS
    assert alone.drift.threshold.endswith("> 5 points warning, > 10 points critical, beyond chance")
    assert alone.drift.shown.startswith("CONNECTED +5.28 points, ")
    assert "may be chance" in alone.drift.shown
    everybody = distribution(world.service.context, few, origin="told", evidence=())
    assert everybody.drift is not None
    assert (everybody.drift.status, "chance" in everybody.drift.threshold) == (Status.WARN, False)


def test_no_agents_are_no_data(world: World) -> None:
    found = distribution(world.service.context, MethodCounts({1: 0, 3: 0, 4: 0}, 3, 0), origin="told", evidence=())
    assert found.status is Status.NO_DATA
    assert {share.share for share in found.shares} == {None}
    assert "3 agents with the retired method 2, and no other" in found.notes


def test_outliers_lie_beyond_chance_and_large_accounts_stand_first(world: World) -> None:
    world.account(7)
    by_account = {
        ACCOUNT: MethodCounts({1: 950, 3: 30, 4: 20}, 0, 0),
        7: MethodCounts({1: 400, 3: 400, 4: 200}, 0, 0),
        8: MethodCounts({1: 3, 3: 0, 4: 0}, 0, 0),
        9: MethodCounts({1: 467, 3: 160, 4: 373}, 0, 0),
    }
    found = outliers(world.service.context, by_account)
    assert [(one.account_id, one.method, one.agents) for one in found] == [
        (ACCOUNT, "CONNECTED", 1_000),
        (7, "INFERRED", 1_000),
    ]
    assert found[0].account_name == "Harbor"


def test_an_account_without_its_database_is_a_gap_and_no_zero(world: World) -> None:
    agents(world, *[1] * 47, *[3] * 16, *[4] * 37)
    lost_account(world, 20)
    found = world.service.health.resolution()
    assert found.total == 100
    assert found.coverage is not None
    assert (found.coverage.answered, found.coverage.asked) == (1, 2)
    assert found.status is Status.WARN
    assert any("1 of 2 accounts" in note for note in found.notes)


def test_accuracy_counts_agents_whose_user_holds_a_valid_token(world: World) -> None:
    agents(world, *[1] * 96, 3, 3, 4, 4)
    world.tokens(
        {"id": 1, "user_id": 97},
        {"id": 2, "user_id": 98, "encrypted_refresh_token": None},
        {"id": 3, "user_id": 99},
        {"id": 4, "user_id": 99, "account_id": 8},
        {"id": 5, "user_id": 100, "account_id": 8},
        {"id": 6, "user_id": 100, "expires_at": ago(hours=1)},
    )
    figure = next(one for one in world.service.health.kpis() if one.id == "resolution_accuracy")
    assert (figure.value, figure.status) == (98.0, Status.WARN)
    assert "2 agents of 100 could be CONNECTED" in figure.note
    assert figure.coverage is not None


def test_the_stories_have_the_baseline_shares(opened: Callable[..., Diagnostics]) -> None:
    found = opened("healthy").health.resolution()
    assert [share.share for share in found.shares] == pytest.approx([46.72, 15.99, 37.29])
    assert (found.retired, found.total, found.status) == (12, 10_000, Status.PASS)
    assert found.coverage is not None
    assert found.coverage.is_complete
    assert found.evidence


def test_accuracy_covers_only_accounts_that_answered_both_questions() -> None:
    gap = Gap(reason="timed out", count=2)
    counts, candidates = Coverage(answered=8, asked=10, gaps=(gap,)), Coverage(answered=10, asked=10)
    assert _of_both(counts, candidates, 8) == counts
    apart = _of_both(counts, candidates, 7)
    assert (apart.answered, apart.asked, sum(one.count for one in apart.gaps)) == (7, 10, 3)


def test_an_account_far_from_the_baseline_is_named_by_the_service(opened: Callable[..., Diagnostics]) -> None:
    found = opened("account_14009").health.resolution()
    rule = load_catalogue().thresholds["resolution_share"]
    assert found.outliers
    assert all(rule.judge(abs(one.drift)) is not Status.PASS for one in found.outliers)
