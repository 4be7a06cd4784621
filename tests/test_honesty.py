"""The page of kinds of dishonest data is what the tests that prove them say."""

from __future__ import annotations

from tests import honesty


def test_the_page_is_written_from_the_tests() -> None:
    assert honesty.DOCUMENT.read_text(encoding="utf-8") == honesty.document(), "run: python -m tests.honesty"


def test_every_case_says_what_happens_and_what_is_shown() -> None:
    assert all(case.kind.strip() and case.shows.strip() for case in honesty.cases())
    assert len({case.test for case in honesty.cases()}) == len(honesty.cases()), "one test, one line"
