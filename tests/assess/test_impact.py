"""The impact score: explained account by account, bounded, and never small for want of data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.failures import UserError
from diagnostics.incident.assess.impact import Account, Named, Shares, score
from diagnostics.models.incidents import Impact
from tests.shipped import shipped_catalogue

RULES = shipped_catalogue().impact


def impact(accounts: list[Account], shares: Shares | None = None, total: int | None = None) -> Impact:
    ids = tuple(one.account_id for one in accounts)
    named = Named(ids, len(ids) if total is None else total, "named by logs", ())
    return score(RULES, "critical", named, {one.account_id: one for one in accounts}, shares or Shares())


def test_size_times_severity_times_share_is_said_in_words() -> None:
    shares = Shares(of={1: 0.25}, words={1: "10 of 40 credentials without a valid token"})
    found = impact([Account(1, "Acme", 1_200)], shares)
    assert found.score == 50.0
    assert found.accounts[0].why == (
        "1,200 users, large 20 × critical 10 × 0.25 affected (10 of 40 credentials without a valid token) = 50.0"
    )


def test_an_unknown_share_is_the_whole_account_and_an_unknown_size_has_its_stand_in() -> None:
    found = impact([Account(1)])
    assert found.accounts[0].share is None
    assert found.accounts[0].size is None
    assert found.score == RULES.sizes[RULES.unknown_size].weight * 10 * RULES.unknown_share
    assert "size not known, taken for small" in found.accounts[0].why
    assert any("is not known" in note for note in found.notes)


def test_above_the_limit_a_commander_is_proposed() -> None:
    few = impact([Account(number, "", 5_000) for number in range(1)])
    many = impact([Account(number, "", 5_000) for number in range(2)])
    assert (few.proposes_command, many.proposes_command) == (False, True)
    assert "above 1,000: an incident commander is needed" in many.words


def test_accounts_that_are_not_weighed_are_counted_and_the_score_is_called_at_least() -> None:
    found = impact([Account(1, "", 10)], total=312)
    assert found.coverage.words() == "1 of 312 accounts"
    assert (
        found.words
        == "impact at least 10 over 1 account (1 of 312 accounts weighed), not above 1,000, as far as is known"
    )


def test_nobody_knowing_who_is_affected_is_not_nobody() -> None:
    nobody = score(RULES, "critical", Named((), 0, "named by logs", ()), {}, Shares())
    unknown = score(RULES, "critical", Named((), None, "named by logs", ()), {}, Shares())
    assert nobody.words == "no account is named by logs"
    assert unknown.words == "which accounts are affected is not known"


def test_a_severity_without_a_weight_is_refused() -> None:
    with pytest.raises(UserError, match="no weight"):
        score(RULES, "urgent", Named((), 0, "", ()), {}, Shares())


accounts = st.lists(
    st.builds(Account, st.integers(1, 10_000), st.just(""), st.none() | st.integers(0, 20_000)),
    max_size=30,
    unique_by=lambda one: one.account_id,
)


@given(accounts, st.dictionaries(st.integers(1, 10_000), st.floats(0, 1)))
def test_the_score_is_the_sum_of_its_parts_and_each_part_is_within_its_account(
    given_: list[Account], shares: dict[int, float]
) -> None:
    found = impact(given_, Shares(of=shares))
    assert found.score == pytest.approx(sum(one.score for one in found.accounts), abs=0.05 + 0.01 * len(given_))
    whole = impact(given_)
    assert found.score <= whole.score + 0.1
    assert list(found.accounts) == sorted(found.accounts, key=lambda one: (-one.score, one.account_id))


@given(st.integers(0, 50_000), st.integers(0, 50_000))
def test_a_larger_account_never_weighs_less(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert impact([Account(1, "", small)]).score <= impact([Account(1, "", large)]).score
