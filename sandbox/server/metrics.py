"""`GET /api/v1/query`: the team's counters, whose rates follow the story.

Counters are a pure function of the story and the minute, so that two questions about the same minute agree. Chosen: all
rates. The failures of token refreshes are those of the log stream `oauth_failures`; of worker jobs, of
`sync_worker_errors`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.server.conventions import invalid
from sandbox.stories.story import Story

MOST_POINTS = 1_500
"""The service thins out longer answers; a question for more is refused here, so that nobody relies on it."""

_EXPRESSION = re.compile(r"sum:(?P<metric>[A-Za-z][\w.]*)\{\*\}\.as_count\(\)(?:\.rollup\(sum, ?(?P<seconds>\d+)\))?")


@dataclass(slots=True, frozen=True)
class Counter:
    """One counter: counts a minute on a quiet day, and by scenario once the incident has begun."""

    usual: float
    rates: Mapping[str, float]


_COUNTERS = {
    "fubweb.zillowSync.accessToken.fromCache": Counter(5_400.0, {}),
    "fubweb.zillowSync.accessToken.requested": Counter(900.0, {}),
    "fubweb.zillowSync.accessToken.refreshFailed": Counter(3.0, {"nov17": 35.5, "oauth_cascade": 27.0}),
    "fubweb.zillowSync.transaction.created": Counter(4.0, {"nov17": 1.2, "oauth_cascade": 2.2}),
    "fubweb.zillowSync.transaction.updated": Counter(16.0, {"nov17": 4.8, "oauth_cascade": 8.8}),
    "fubweb.create_zillow_transaction.missing_ztid": Counter(0.1, {}),
    "fubweb.zillowSync.worker.started": Counter(40.0, {"nov17": 44.0}),
    "fubweb.zillowSync.worker.completed": Counter(39.4, {"nov17": 30.0, "oauth_cascade": 37.0}),
    "fubweb.zillowSync.worker.failed": Counter(8 / 15, {"nov17": 14.0, "oauth_cascade": 3.0}),
    "fubweb.bishop.request.count": Counter(120.0, {}),
    "fubweb.bishop.error.count": Counter(0.4, {}),
}


def query(story: Story, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer in the service's shape; raises `Rejected` (400)."""
    start, end = _seconds(given, "from"), _seconds(given, "to")
    asked = given.get("query", "")
    if end <= start:
        raise invalid("to", "expected a moment after from")
    expressions = [_EXPRESSION.fullmatch(part.strip()) for part in re.split(r",(?![^()]*\))", asked)]
    series = []
    for index, expression in enumerate(expressions):
        if expression is None:
            raise invalid("query", "expected sum:METRIC{*}.as_count(), with .rollup(sum, SECONDS) or without")
        counter = _COUNTERS.get(expression["metric"])
        if counter is None:
            # The service has no word for an unknown metric: it answers without a series.
            continue
        series.append(_series(story, counter, expression, index, (start, end)))
    return {
        "status": "ok",
        "res_type": "time_series",
        "resp_version": 1,
        "query": asked,
        "from_date": start * 1_000,
        "to_date": end * 1_000,
        "series": series,
        "values": [],
        "times": [],
        "message": "",
        "group_by": [],
    }


def _seconds(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "")
    if not text.isdigit():
        raise invalid(name, "expected seconds since the epoch")
    return int(text)


def _series(
    story: Story, counter: Counter, expression: re.Match[str], index: int, window: tuple[int, int]
) -> dict[str, Any]:
    start, end = window
    interval = int(expression["seconds"] or max(20, (end - start) // 300))
    if not interval or (end - start) / interval > MOST_POINTS:
        raise invalid("query", "too many points for the time range")
    first = start - start % interval
    points = [
        [at * 1_000.0, float(_count(story, counter, max(at, start), min(at + interval, end)))]
        for at in range(first, end, interval)
    ]
    return {
        "metric": expression["metric"],
        "display_name": expression["metric"],
        "query_index": index,
        "aggr": "sum",
        "expression": expression[0],
        "scope": "*",
        "tag_set": [],
        "unit": None,
        "interval": interval,
        "length": len(points),
        "start": start * 1_000,
        "end": end * 1_000 - 1,
        "pointlist": points,
    }


def _count(story: Story, counter: Counter, start: int, end: int) -> int:
    """Return the counts between two moments, so that adjoining intervals add up to the whole."""
    return round(_total(story, counter, end)) - round(_total(story, counter, start))


def _total(story: Story, counter: Counter, until: int) -> float:
    """Return all counts from the epoch of the story on, at an even rate before the incident and another one in it."""
    calm = min(until, story.incident_start) - story.incident_start
    tense = max(0, until - story.incident_start)
    return counter.usual * calm / 60 + counter.rates.get(story.name, counter.usual) * tense / 60
