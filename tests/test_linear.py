"""What outside text costs: the expressions that see it look at each letter a bounded number of times.

Times are compared, never measured: the worst letters take about twice as long as half as many. An expression that looks
again from each letter takes four times as long, and minutes for a megabyte.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from diagnostics.core.failures import UserError
from diagnostics.core.masking import mask_secrets, mask_url
from diagnostics.core.sanitizer import MAX_LENGTH, clean
from diagnostics.explorer.patterns import _MASKS, MOST_LETTERS, masked
from diagnostics.incident.notices.texts import to_mrkdwn, to_plain
from diagnostics.logs import parse
from diagnostics.logs.highlight import highlight
from diagnostics.logs.scanner import MAX_QUERY_LENGTH

MEGABYTE = 1_000_000
MOST_TIMES = 3.2
"""Twice as many letters take twice as long; four times is the square."""

TRIES = 3
"""A busy machine may disturb a comparison; an expression that is not linear is so each time."""


def times_as_long(work: Callable[[str], object], letters: str, most: int) -> float:
    """How many times as long `work` takes over `most` letters as over half as many; the least of a few tries."""
    half, whole = (letters * (count // len(letters)) for count in (most // 2, most))
    found = []
    for _ in range(TRIES):
        took = []
        for text in (half, whole):
            began = time.thread_time()
            work(text)
            took.append(max(time.thread_time() - began, 1e-4))
        found.append(took[1] / took[0])
        if found[-1] <= MOST_TIMES:
            break
    return min(found)


SIZES = pytest.mark.parametrize("most", [MEGABYTE // 16, pytest.param(MEGABYTE, marks=pytest.mark.matrix)])
SECRETS = (
    "a-",
    "token_",
    "-----BEGIN PRIVATE KEY-----",
    "eyJaaaaaaaa-",
    "eyJaaaaaaaa.",
    "eyJaaaaaaaa.eyJaaaaaaaa-",
    "http://a:",
    "?token=",
    "bearer:",
    "xoxb-",
)
URLS = ("://a:", "a@", "?key=", "://")
SEQUENCES = ("\x1b", "\x1b[", "\x1b]", "\x90", "\u0301", "\U000e0020", "\x1b[0;")
MARKDOWN = ("# a ", "#  ", "# #", "**a **", "**a", "[a](http", "[", "`a", "```", "http://", " - ", "> ")


@pytest.mark.parametrize("letters", SECRETS)
@SIZES
def test_looking_for_secrets_is_linear(letters: str, most: int) -> None:
    assert times_as_long(mask_secrets, letters, most) <= MOST_TIMES


@pytest.mark.parametrize("letters", URLS)
@SIZES
def test_looking_for_passwords_in_addresses_is_linear(letters: str, most: int) -> None:
    assert times_as_long(mask_url, letters, most) <= MOST_TIMES


@pytest.mark.parametrize("letters", SEQUENCES)
@SIZES
def test_the_sanitizer_is_linear(letters: str, most: int) -> None:
    def whole(text: str) -> str:
        return clean(text, limit=2 * MEGABYTE, multiline=True)

    assert times_as_long(whole, letters, most) <= MOST_TIMES
    assert len(clean(letters * MAX_LENGTH)) <= MAX_LENGTH


@pytest.mark.parametrize(
    "letters", ["a", "a.", "a-", "a@", "a@a.", "1.", "1,", '"', "f1", "f", "-1", "a_1", "2025-11-"]
)
@SIZES
def test_every_mask_of_the_patterns_is_linear(letters: str, most: int) -> None:
    def all_of_it(text: str) -> None:
        for mask, word in _MASKS:
            mask.sub(word, text)

    assert times_as_long(all_of_it, letters, most) <= MOST_TIMES


def test_a_pattern_looks_at_the_beginning_of_a_message_only() -> None:
    assert masked("a " * MEGABYTE) == ("a " * MEGABYTE)[:MOST_LETTERS]
    assert masked("mail ana.li+x@mail.example.com now") == "mail <address> now"


@pytest.mark.parametrize("letters", MARKDOWN)
@SIZES
@pytest.mark.parametrize("work", [to_mrkdwn, to_plain])
def test_the_text_of_a_notice_is_written_in_linear_time(work: Callable[[str], str], letters: str, most: int) -> None:
    assert times_as_long(work, letters, most) <= MOST_TIMES


@pytest.mark.parametrize(
    "letters", ["a", '"a', '["', "[[ ", "a:", "@a:[1 TO ", "\\\\", "(a ", "a=", "-a ", "a*", "&&", "{", ">1a"]
)
@pytest.mark.parametrize("work", [parse, highlight])
def test_a_query_is_read_in_linear_time(work: Callable[[str], object], letters: str) -> None:
    def read(text: str) -> None:
        with suppress(UserError):
            work(text)

    assert times_as_long(read, letters, MAX_QUERY_LENGTH) <= MOST_TIMES
