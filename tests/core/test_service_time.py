"""A machine whose clock is wrong: the services' Date tells, and the console's time is theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from diagnostics.core.time import ServiceTime, dated

ASKED = datetime(2025, 11, 17, 14, 0, tzinfo=UTC)


def told(*ahead_s: float, took_s: float = 0.2) -> ServiceTime:
    """What answers that were dated so far ahead tell."""
    time = ServiceTime()
    for ahead in ahead_s:
        dated = (ASKED + timedelta(seconds=ahead)).replace(microsecond=0)
        time.note(format_datetime(dated, usegmt=True), ASKED, took_s)
    return time


@pytest.mark.parametrize("ahead_s", [-86_400, -1_200, -60, 60, 7_200, 86_400])
def test_the_first_answer_tells_how_wrong_the_clock_is(ahead_s: int) -> None:
    time = told(ahead_s)
    assert abs(time.skew_s - ahead_s) <= 1
    assert time.correction == timedelta(seconds=time.skew_s)
    assert ("behind" if ahead_s > 0 else "ahead of") in time.doubt(30.0)


def test_seconds_are_noise_and_no_warning() -> None:
    time = told(3)
    assert (time.skew_s, time.doubt(30.0), time.is_known) == (0.0, "", True)
    assert (told().skew_s, told().is_known) == (0.0, False)


def test_less_than_the_limit_is_corrected_without_a_word() -> None:
    time = told(20)
    assert time.skew_s > 15
    assert time.doubt(30.0) == ""


def test_one_answer_that_is_dated_wrongly_moves_nothing() -> None:
    assert told(0, 0, -90_000).skew_s == 0.0
    assert told(60, 60, 60, 0).skew_s > 55


def test_a_clock_that_is_set_right_is_believed_after_a_few_answers() -> None:
    assert told(1_200, 1_200, 1_200, 1_200, 1_200, 0, 0, 0).skew_s == 0.0


def test_what_cannot_be_a_clock_is_said_and_not_believed() -> None:
    time = told(-86_400 * 20_000)
    assert time.correction == timedelta()
    assert time.doubt(30.0)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2025 14:00:00 GMT"])
def test_an_answer_without_a_readable_date_tells_nothing(date: str) -> None:
    time = ServiceTime()
    time.note(date, ASKED, 0.1)
    assert not time.is_known


def test_an_answer_that_took_long_tells_nothing() -> None:
    assert not told(60, took_s=30).is_known


@pytest.mark.honesty("a timeline over midnight", "the day stands where it changes")
def test_a_moment_of_another_day_than_its_neighbour_bears_its_day() -> None:
    late, early = datetime(2025, 11, 17, 23, 58, tzinfo=UTC), datetime(2025, 11, 18, 0, 3, tzinfo=UTC)
    assert dated(early, early) == "00:03"
    assert dated(late, early) == "17 Nov 23:58"
    assert dated(late, late, "%H:%M:%S") == "23:58:00"
