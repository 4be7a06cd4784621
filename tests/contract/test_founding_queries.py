"""The stand-ins return over the wire exactly what the evaluator selects from the whole data set."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.logs import compile_query
from diagnostics.models.datadog import Compute
from diagnostics.models.events import LogEvent
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.datadog.decode import events as decoded
from sandbox.launch import SandboxProcess, start_sandbox
from tests.shipped import shipped_catalogue

UNLIMITED = ("search=1000000/1", "aggregate=1000000/1")
QUERIES = {query.id: query.datadog for query in shipped_catalogue().queries.values() if "{" not in query.datadog}
FOUNDING = ("oauth_failures", "zero_agent_deals", "rate_limited", "connection_errors", "agent_resolution")


@pytest.fixture(scope="module")
def world() -> Iterator[SandboxProcess]:
    with start_sandbox("nov17_logs", rate_limits=UNLIMITED) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def window() -> tuple[datetime, datetime]:
    """The half hour that ended a little while ago: complete, and the same for every question."""
    end = (datetime.now(UTC) - timedelta(seconds=5)).replace(microsecond=0)
    return end - timedelta(minutes=30), end


@pytest.fixture(scope="module")
def everything(world: SandboxProcess, window: tuple[datetime, datetime]) -> list[LogEvent]:
    """The whole data set of the window, from the stand-in's own enumeration."""
    start, end = (int(moment.timestamp() * 1000) for moment in window)
    asked = urllib.request.Request(f"{world.url}/sandbox/events?from={start}&to={end}", headers=world.controls)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        rows: list[dict[str, Any]] = [json.loads(line) for line in answer.read().splitlines() if line]
    events, skipped, _ = decoded({"data": rows}, len(rows))
    assert skipped == 0
    assert len(events) > 20_000
    return list(events)


@pytest.fixture(scope="module")
def datadog(world: SandboxProcess) -> Iterator[Datadog]:
    source = Datadog(load_settings(flags=world.flags(), environ={}).settings.datadog)
    yield source
    source.close()


def all_pages(datadog: Datadog, query: str, window: tuple[datetime, datetime]) -> list[LogEvent]:
    found: list[LogEvent] = []
    cursor = None
    while True:
        page = datadog.search(query, start=window[0], end=window[1], limit=1000, cursor=cursor)
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_the_founding_queries_are_in_the_catalogue() -> None:
    assert set(FOUNDING) <= set(QUERIES)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_returns_exactly_the_events_that_the_evaluator_selects(
    datadog: Datadog, window: tuple[datetime, datetime], everything: list[LogEvent], name: str
) -> None:
    passes = compile_query(QUERIES[name])
    expected = {event.id for event in everything if passes(event)}
    found = [event.id for event in all_pages(datadog, QUERIES[name], window)]
    assert len(found) == len(set(found))
    assert set(found) == expected
    if name in FOUNDING:
        assert expected


@pytest.mark.parametrize("name", FOUNDING)
def test_counts_and_courses_agree_with_the_events(
    datadog: Datadog, window: tuple[datetime, datetime], everything: list[LogEvent], name: str
) -> None:
    passes = compile_query(QUERIES[name])
    expected = sum(1 for event in everything if passes(event))
    answer = datadog.aggregate(
        QUERIES[name], start=window[0], end=window[1], computes=(Compute(), Compute(interval_ms=60_000))
    )
    count, series = answer.buckets[0].values
    assert count == expected
    assert isinstance(series, tuple)
    assert sum(value for _, value in series) == expected
