"""Behaviour: the last 24 hours of an account against its own days before, or no data, never a comfortable number."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.accounts.behaviour import Signal
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.status import Status
from tests.accounts.places import ACCOUNT, Place, ago

ERRORS = f"@context.account_id:{ACCOUNT} status:error"


def changes(place: Place, per_day: Sequence[int]) -> None:
    """Resolution changes: how many in each of the 24-hour windows, the newest first."""
    place.common(
        "zillow_connection_logs",
        *(
            {"account_id": ACCOUNT, "user_id": 1, "created_at": ago(days=day, hours=1, minutes=number)}
            for day, count in enumerate(per_day)
            for number in range(count)
        ),
    )


def test_a_day_like_the_others_scores_low(place: Place) -> None:
    changes(place, [4, 3, 5, 4, 4, 6, 3, 4, 5, 4, 4, 3])
    place.datadog.about(ERRORS).usual = 2
    figure = place.accounts.behaviour(ACCOUNT)
    assert figure.status is Status.PASS
    assert isinstance(figure.value, float)
    assert figure.value <= 2.0
    assert figure.coverage is not None
    assert figure.coverage.words() == "2 of 2 signals"
    assert {evidence.source for evidence in figure.evidence} == {"datadog", "common"}


def test_a_day_far_above_the_others_is_over_the_threshold(place: Place) -> None:
    changes(place, [47, 3, 5, 4, 4, 6, 3, 4, 5, 4, 4, 3])
    place.datadog.about(ERRORS).usual = 2
    figure = place.accounts.behaviour(ACCOUNT)
    assert figure.status is Status.WARN
    assert isinstance(figure.value, float)
    assert figure.value > 10
    assert "resolution changes 47, usual 4 of" in figure.note
    assert "no index by account" in figure.note
    assert "> 2 warning" in figure.threshold


def test_too_little_history_is_no_data(place: Place) -> None:
    changes(place, [9, 1, 1])
    figure = place.accounts.behaviour(ACCOUNT)
    assert (figure.value, figure.shown, figure.status) == (None, UNKNOWN, Status.NO_DATA)
    assert "not enough history" in figure.note


def test_no_history_at_all_is_no_data(place: Place) -> None:
    figure = place.accounts.behaviour(ACCOUNT)
    assert (figure.value, figure.status) == (None, Status.NO_DATA)


def test_a_silent_source_is_no_all_clear(place: Place) -> None:
    changes(place, [4] * 12)
    place.datadog.failure = SourceFailure(FailureKind.UNREACHABLE, "datadog", "no answer")
    figure = place.accounts.behaviour(ACCOUNT)
    assert (figure.value, figure.status) == (None, Status.NO_DATA)
    assert "datadog: unreachable" in figure.failure + figure.note


def test_what_is_unusual_stays_unusual_with_a_source_silent(place: Place) -> None:
    changes(place, [60] + [4] * 12)
    place.datadog.failure = SourceFailure(FailureKind.UNREACHABLE, "datadog", "no answer")
    assert place.accounts.behaviour(ACCOUNT).status is Status.WARN


def test_a_partial_answer_of_the_logs_counts_as_none(place: Place) -> None:
    place.datadog.about(ERRORS).usual = 2
    place.datadog.about(ERRORS).partial_usual = True
    figure = place.accounts.behaviour(ACCOUNT)
    assert figure.value is None
    assert "a part of the logs is missing" in figure.note


def test_days_before_the_first_log_are_not_quiet_days(place: Place) -> None:
    place.datadog.about(ERRORS).usual = 5
    place.datadog.history_s = 3 * 86_400
    figure = place.accounts.behaviour(ACCOUNT)
    assert "error logs: not enough history" in figure.note


def test_the_score_is_kept_so_that_a_screen_may_ask_often(place: Place) -> None:
    place.datadog.about(ERRORS).usual = 2
    place.accounts.behaviour(ACCOUNT)
    asked = len(place.datadog.asked)
    place.accounts.behaviour(ACCOUNT)
    assert len(place.datadog.asked) == asked


@pytest.mark.parametrize(("today", "days", "score"), [(0, (0,) * 10, 0.0), (1, (0,) * 10, 1.0), (9, (4,) * 10, 2.5)])
def test_a_quiet_account_is_not_unusual_for_one_event(today: int, days: tuple[int, ...], score: float) -> None:
    assert Signal("s", today, days).score(7) == pytest.approx(score)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=7, max_size=30))
def test_a_score_is_never_negative_and_rises_with_today(today: int, days: list[int]) -> None:
    lower, higher = (Signal("s", value, tuple(days)).score(7) for value in (today, today + 1_000))
    assert lower is not None
    assert higher is not None
    assert 0 <= lower <= higher
