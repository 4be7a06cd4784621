"""Alert tiers: the highest rule that fires decides, and what is not known never counts as small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.incident.assess.assessments import decide_tier
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.incidents import Tier
from tests.shipped import shipped_catalogue

CATALOGUE = shipped_catalogue()

CALM: dict[str, float | str | None] = {
    "health": 98.9,
    "deviation": 0.0,
    "events_lost": 0,
    "data_loss_risk": "low",
    "accounts_affected": 1,
    "users_affected": 40,
    "token_success": 99.8,
    "transaction_sync_success": 99.0,
    "performance_loss": 0.0,
}


def figures(values: dict[str, float | str | None], status: str = "pass") -> tuple[MeasuredFigure, ...]:
    return tuple(
        MeasuredFigure(
            id=name,
            title=name.replace("_", " "),
            value=value,
            shown="—" if value is None else str(value),
            status="no_data" if value is None else status,
        )
        for name, value in values.items()
    )


def tier(severity: str = "high", /, **changed: float | str | None) -> Tier:
    return decide_tier(CATALOGUE, "connection_health", severity, None, figures({**CALM, **changed}))


@pytest.mark.parametrize(
    ("changed", "number", "because"),
    [
        ({}, 1, "no rule of a higher tier fires"),
        ({"deviation": 2.0}, 2, "deviation from the baseline at least 2 %; it is 2.0"),
        ({"deviation": 5.0}, 2, "deviation from the baseline at least 2 %; it is 5.0"),
        ({"deviation": 5.1}, 3, "deviation from the baseline above 5 %; it is 5.1"),
        ({"accounts_affected": 2}, 2, "accounts affected above 1; it is 2"),
        ({"accounts_affected": 10}, 2, "accounts affected above 1; it is 10"),
        ({"accounts_affected": 11}, 3, "accounts affected above 10; it is 11"),
        ({"users_affected": 100}, 2, "users of the accounts affected at least 100 users; it is 100"),
        ({"performance_loss": 15.0}, 2, "loss of performance at least 10 %; it is 15.0"),
        ({"performance_loss": 21.0}, 3, "loss of performance above 20 %; it is 21.0"),
        ({"data_loss_risk": "medium"}, 3, "risk of data loss: medium or high; it is medium"),
        ({"health": 89.9}, 3, "health, to escalate at once below 90 %; it is 89.9"),
        ({"events_lost": 100}, 1, "no rule of a higher tier fires"),
        ({"events_lost": 101}, 4, "records lost for good above 100 records; it is 101"),
        ({"health": 49.0}, 4, "health, for complete failure below 50 %; it is 49.0"),
        ({"token_success": 10.0}, 4, "OAuth token success, for complete failure below 50 %; it is 10.0"),
    ],
)
def test_the_rule_that_decides_is_said_with_its_number(
    changed: dict[str, float | str | None], number: int, because: str
) -> None:
    found = tier(**changed)
    assert found.tier == number
    assert because in found.rule
    assert found.answer == next(one.answer for one in CATALOGUE.tiers.values() if one.tier == number)


@pytest.mark.parametrize("severity", ["critical", "incident"])
def test_severities_that_call_people_are_at_least_tier_three(severity: str) -> None:
    assert tier(severity).tier == 3


@pytest.mark.parametrize("name", CALM)
def test_a_reading_without_data_is_said_and_never_counts_as_small(name: str) -> None:
    found = tier(**{name: None})
    assert found.tier == 2
    assert found.rule.startswith("not known, so not taken for small: ")
    assert any("it is — (no data)" in line for line in found.others)


def test_a_lower_bound_may_fire_a_rule_and_clears_none() -> None:
    bound = figures({"accounts_affected": 11}, status="no_data")
    assert decide_tier(CATALOGUE, "connection_health", "high", None, (*figures({**CALM}), *bound)).tier == 3
    bound = figures({"accounts_affected": 1}, status="no_data")
    found = decide_tier(CATALOGUE, "connection_health", "high", None, (*figures(CALM), *bound))
    assert found.tier == 2
    assert any("which may be too low" in line for line in found.others)


def test_every_rule_is_listed_once_and_those_for_people_say_so() -> None:
    found = tier(deviation=3.0)
    rules = sum(len(one.rules) for one in CATALOGUE.tiers.values())
    assert len(found.others) == rules - 1
    assert any("only people can say so" in line.lower() for line in found.others)


values = st.fixed_dictionaries(
    {
        "health": st.none() | st.floats(0, 100),
        "deviation": st.none() | st.floats(0, 100),
        "events_lost": st.none() | st.integers(0, 1_000),
        "data_loss_risk": st.none() | st.sampled_from(["low", "medium", "high"]),
        "accounts_affected": st.none() | st.integers(0, 100),
        "users_affected": st.none() | st.integers(0, 10_000),
        "token_success": st.none() | st.floats(0, 100),
        "transaction_sync_success": st.none() | st.floats(0, 100),
        "performance_loss": st.none() | st.floats(0, 300),
    }
)
WORSE = {"events_lost", "accounts_affected", "users_affected", "deviation", "performance_loss"}


@given(values, st.sampled_from(sorted(WORSE)), st.integers(1, 500))
def test_a_worse_number_never_lowers_the_tier(given_: dict[str, float | str | None], name: str, more: int) -> None:
    before = decide_tier(CATALOGUE, "connection_health", "high", None, figures(given_)).tier
    value = given_[name]
    worse = {**given_, name: more if value is None else float(value) + more}
    if value is None:
        # What was not known is known now, and may turn out small.
        assert decide_tier(CATALOGUE, "connection_health", "high", None, figures(worse)).tier >= 1
        return
    assert decide_tier(CATALOGUE, "connection_health", "high", None, figures(worse)).tier >= before


@given(values, st.sampled_from(sorted(set(CALM) - {"transaction_sync_success"})))
def test_losing_a_reading_never_makes_it_tier_one(given_: dict[str, float | str | None], name: str) -> None:
    assert decide_tier(CATALOGUE, "connection_health", "high", None, figures({**given_, name: None})).tier >= 2


@given(values, st.sampled_from(["critical", "incident", "high", "normal", "monitoring", "preventive"]))
def test_any_figures_make_a_tier_with_a_rule_and_an_answer(
    given_: dict[str, float | str | None], severity: str
) -> None:
    found = decide_tier(CATALOGUE, "connection_health", severity, None, figures(given_))
    assert 1 <= found.tier <= 4
    assert found.rule
    assert found.answer


def test_without_any_figure_nothing_is_called_small() -> None:
    found = decide_tier(CATALOGUE, "connection_health", "high", None, ())
    assert found.tier == 2


def test_what_is_not_measured_for_an_issue_is_said_and_is_no_doubt() -> None:
    calm = {name: value for name, value in CALM.items() if name != "transaction_sync_success"}
    found = decide_tier(CATALOGUE, "rate_limiting", "high", None, figures(calm))
    assert found.tier == 1
    assert any("not measured for this issue" in line for line in found.others)
