"""How spans, ages, counts and remedies are worded."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.words import about, advice, age, form, listed, percent, plural, sentence, short, span, stepped

NOON = datetime(2025, 11, 17, 12, 0, tzinfo=UTC)
YEAR_S = 366 * 86_400
UNITS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}

spans = st.integers(min_value=0, max_value=YEAR_S)


def grown(seconds: float) -> str:
    return age(NOON - timedelta(seconds=seconds), NOON)


def length(words: str) -> int:
    """The seconds that a wording names."""
    parts = re.findall(r"(\d+) ?(min|[smhd])", words)
    assert "".join(number + unit for number, unit in parts) == words.replace(" ", "")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


@pytest.mark.parametrize(
    ("seconds", "long", "small", "old"),
    [
        (-5, "0 s", "0s", "0s"),
        (0, "0 s", "0s", "0s"),
        (4, "4 s", "4s", "0s"),
        (59, "59 s", "59s", "55s"),
        (60, "1 min", "1m", "1m"),
        (61, "61 s", "61s", "1m"),
        (90, "90 s", "90s", "1m"),
        (119, "119 s", "119s", "1m"),
        (120, "2 min", "2m", "2m"),
        (900, "15 min", "15m", "15m"),
        (3_599, "59 min 59 s", "59m59s", "59m"),
        (3_600, "1 h", "1h", "1h"),
        (3_661, "1 h 1 min 1 s", "1h01m01s", "1h01m"),
        (3_900, "1 h 5 min", "1h05m", "1h05m"),
        (11_100, "3 h 5 min", "3h05m", "3h05m"),
        (14_400, "4 h", "4h", "4h"),
        (86_399, "23 h 59 min 59 s", "23h59m59s", "23h59m"),
        (86_400, "24 h", "24h", "24h"),
        (172_799, "47 h 59 min 59 s", "47h59m59s", "47h59m"),
        (172_800, "2 d", "2d", "2d"),
        (190_800, "53 h", "2d 5h", "2d 5h"),
        (1_296_000, "15 d", "15d", "15d"),
    ],
)
def test_a_span_has_a_long_wording_and_a_short_one(seconds: int, long: str, small: str, old: str) -> None:
    assert (span(seconds), short(seconds), grown(seconds)) == (long, small, old)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (119, "119 s"),
        (150, "2 min"),
        (3_599, "59 min"),
        (3_660, "1 h 1 min"),
        (172_799, "47 h 59 min"),
        (176_400, "49 h"),
        (864_000, "10 d"),
    ],
)
def test_a_rounded_span_names_the_unit_that_matters(seconds: int, words: str) -> None:
    assert about(seconds) == words


@given(spans)
def test_one_instant_has_one_age_in_a_sentence_and_on_a_pane(seconds: int) -> None:
    if seconds >= 120:
        assert length(about(seconds)) == length(grown(seconds))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "0 s"),
        (47, "45 s"),
        (60, "1 min"),
        (119, "1 min"),
        (3_599, "59 min"),
        (11_100, "3 h 5 min"),
        (176_400, "2 d 1 h"),
    ],
)
def test_a_span_that_is_watched_moves_in_steps(seconds: int, words: str) -> None:
    assert stepped(seconds) == words


@given(spans)
@pytest.mark.parametrize("words", [span, short])
def test_an_exact_wording_names_every_second(words: Callable[[float], str], seconds: int) -> None:
    assert length(words(seconds)) == seconds


@given(spans, spans)
@pytest.mark.parametrize("words", [about, grown, stepped])
def test_a_longer_span_never_reads_as_a_shorter_one(words: Callable[[float], str], one: int, other: int) -> None:
    assert length(words(min(one, other))) <= length(words(max(one, other)))


@given(spans)
def test_an_age_is_never_more_than_has_passed_and_lags_by_less_than_a_step(seconds: int) -> None:
    step = 5 if seconds < 60 else 60 if seconds < 172_800 else 3_600
    assert 0 <= seconds - length(grown(seconds)) < step


def test_what_never_was_has_no_age() -> None:
    assert age(None, NOON) == "never"


def test_counts_agree_with_their_noun() -> None:
    assert [plural(count, "event") for count in (0, 1, 2, 1_204)] == ["0 events", "1 event", "2 events", "1,204 events"]
    assert plural(3, "mutex", "mutexes") == "3 mutexes"
    assert [f"1 {form(1, 'is', 'are')}", f"0 {form(0, 'is', 'are')}"] == ["1 is", "0 are"]
    assert (percent(None), percent(12.34)) == ("—", "12.3 %")


def test_a_list_names_its_last_item_by_a_word() -> None:
    assert [listed("abc"[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed(iter(("common", "client")), "or") == "common or client"


def test_sentences_end_and_remedies_begin_as_sentences_do() -> None:
    assert (sentence(""), sentence("it failed"), sentence("it failed!")) == ("", "it failed.", "it failed!")
    assert advice("check the network") == "Check the network."
    assert advice("warroom doctor") == "warroom doctor."
    assert advice("slack.bot_token is wrong") == "slack.bot_token is wrong."
