"""What is said about a query while it is typed."""

from __future__ import annotations

import pytest

from widgets.log.query_input import judge


@pytest.mark.honesty(
    "query language: a mistake while the query is typed", "the mistake and its remedy, with a caret under the place"
)
@pytest.mark.parametrize(
    ("query", "column", "remedy"),
    [
        ("zillow @a!=5", 7, "write -@a:5"),
        ("_exists_:service", 0, "write service:*"),
        ("@a:>2s", 0, "write the number as the logs carry it, such as @a:>2000"),
        ("a )", 2, r"open it earlier, remove it, or write \) for the character"),
    ],
)
def test_the_remedy_stands_beside_the_mistake(query: str, column: int, remedy: str) -> None:
    verdict = judge(query)
    assert (verdict.valid, verdict.column) == (False, column)
    assert verdict.text.endswith(remedy)


def test_a_dash_across_a_space_is_read_and_remarked_on() -> None:
    verdict = judge("rate - limit")
    assert (verdict.valid, verdict.column) == (True, 5)
    assert verdict.text == "the dash excludes what follows it, also across a space"
