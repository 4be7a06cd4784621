"""The stand-in's counters: they add up, follow the story and know what they do not know."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.server.conventions import Rejected
from sandbox.server.metrics import query
from sandbox.stories.story import Story

FAILED = "fubweb.zillowSync.accessToken.refreshFailed"
ANCHOR = 1_763_388_120


def ask(expression: str, start: int, end: int, story: str = "nov17") -> dict[str, Any]:
    asked = {"from": str(start), "to": str(end), "query": expression}
    return query(Story(name=story, seed=1, anchor=ANCHOR), asked)


def total(start: int, end: int, seconds: int, story: str = "nov17") -> float:
    (series,) = ask(f"sum:{FAILED}{{*}}.as_count().rollup(sum, {seconds})", start, end, story)["series"]
    return float(sum(value for _, value in series["pointlist"]))


@pytest.mark.parametrize("seconds", [60, 300, 3_600])
def test_the_counts_of_an_hour_do_not_depend_on_the_interval(seconds: int) -> None:
    assert total(ANCHOR - 3_600, ANCHOR, seconds) == total(ANCHOR - 3_600, ANCHOR, 20)


def test_failures_rise_with_the_incident_and_only_there() -> None:
    before, within = (ANCHOR - 7_200, ANCHOR - 6_300), (ANCHOR - 900, ANCHOR)
    assert total(*before, 300) == 45
    assert total(*within, 300) > 10 * total(*before, 300)
    assert total(*within, 300, "healthy") == 45


def test_several_questions_are_told_apart_by_their_index_and_an_unknown_metric_has_no_series() -> None:
    names = ("fubweb.nobody.knows", FAILED)
    answer = ask(", ".join(f"sum:{name}{{*}}.as_count().rollup(sum, 300)" for name in names), ANCHOR - 900, ANCHOR)
    assert [series["query_index"] for series in answer["series"]] == [1]


@pytest.mark.parametrize(
    ("expression", "start"),
    [("avg:system.load{*}", ANCHOR - 900), ("", ANCHOR - 900), (f"sum:{FAILED}{{*}}.as_count()", ANCHOR + 900)],
)
def test_what_the_stand_in_cannot_answer_is_refused(expression: str, start: int) -> None:
    with pytest.raises(Rejected):
        ask(expression, start, ANCHOR)


def test_the_present_is_within_what_can_be_asked() -> None:
    now = int(time.time())
    asked = f"sum:{FAILED}{{*}}.as_count().rollup(sum, 300)"
    assert ask(asked, now - 86_400, now)["series"][0]["length"] in {288, 289}
