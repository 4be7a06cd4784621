"""Answers that are larger than is read: asked for again in smaller parts, and never taken for all there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.live.tail import Tail
from diagnostics.models.datadog import Compute
from diagnostics.models.events import LogPage
from diagnostics.sources.datadog import Datadog
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import DatadogServer, Reply, log

BOUND = 60_000


@pytest.fixture
def bounded(server: DatadogServer, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Datadog:
    """A source that reads 60 kB of an answer instead of 16 MiB, and knows of a rate limit that keeps nobody waiting."""
    monkeypatch.setattr("diagnostics.sources.datadog.connection.MAX_BODY_BYTES", BOUND)
    server.limit = (1_000, 10)
    source = connect()
    source.search("*", start=START, end=END, limit=1)
    server.seen.clear()
    return source


def long_lines(count: int, length: int) -> list[dict[str, object]]:
    moment = datetime(2025, 11, 17, 14, 3, tzinfo=UTC)
    return [
        {**log(message="x" * length, timestamp=(moment - timedelta(seconds=at)).isoformat()), "id": f"line-{at}"}
        for at in range(count)
    ]


def sizes(server: DatadogServer) -> list[int]:
    return [seen.body["page"]["limit"] for seen in server.seen if seen.path.endswith("events/search")]


@pytest.mark.honesty("a page of logs that is larger than 16 MiB", "fewer at a time; the evidence says so")
def test_a_page_that_is_too_large_is_asked_for_again_smaller_and_every_line_is_read(
    server: DatadogServer, bounded: Datadog
) -> None:
    server.events = long_lines(100, 1_000)
    page = bounded.search("*", start=START, end=END, limit=100)
    assert sizes(server) == [100, 12], "an eighth of 100 kB fits into 60"
    assert (len(page.events), page.cut) == (12, True)
    assert "read 12 at a time" in page.evidence.caveat
    read = list(page.events)
    while page.next_cursor is not None:
        page = bounded.search("*", start=START, end=END, limit=100, cursor=page.next_cursor)
        read += page.events
    assert [one.id for one in read] == [f"line-{at}" for at in range(100)]
    assert 100 not in sizes(server)[1:], "for a while pages stay small"
    server.events = long_lines(10, 10)
    assert bounded.search("*", start=START, end=END, limit=10).cut is False


def test_one_line_that_is_too_large_alone_is_told_with_what_to_do(server: DatadogServer, bounded: Datadog) -> None:
    server.events = long_lines(3, BOUND + 1)
    with pytest.raises(SourceFailure) as caught:
        bounded.search("*", start=START, end=END, limit=3)
    assert (caught.value.kind, sizes(server)) == (FailureKind.MALFORMED, [3, 1])
    assert "larger than" in caught.value.reason
    assert caught.value.remedy == "Narrow the window or the query."


def test_monitors_that_are_too_large_at_once_are_all_read_in_parts(server: DatadogServer, bounded: Datadog) -> None:
    server.monitors = [
        {"id": at, "name": "x" * 300, "overall_state": "OK", "query": "logs", "tags": ["team:zyno"]}
        for at in range(300)
    ]
    assert [one.id for one in bounded.monitors("team:zyno")] == list(range(300))
    asked = [seen.parameters["page_size"] for seen in server.seen if seen.path == "/api/v1/monitor"]
    assert asked[0] == ["1000"]
    assert asked[1:] == [["125"]] * 3


def test_a_total_that_is_too_large_cannot_be_asked_for_in_parts(server: DatadogServer, bounded: Datadog) -> None:
    server.buckets = [{"by": {"service": "x" * BOUND}, "computes": {"c0": 1}}]
    with pytest.raises(SourceFailure) as caught:
        bounded.aggregate("*", start=START, end=END, computes=(Compute("count"),))
    assert "narrow" in caught.value.remedy.lower()


def test_a_first_page_that_was_cut_has_not_read_its_whole_window(server: DatadogServer, bounded: Datadog) -> None:
    server.events = long_lines(100, 1_000)

    class Source:
        def logs(
            self,
            query: str,
            *,
            window_s: int,
            end: datetime | None = None,
            cursor: str | None = None,
            limit: int = 100,
        ) -> LogPage:
            last = end or END
            return bounded.search(query, start=last - timedelta(seconds=window_s), end=last, limit=limit, cursor=cursor)

        def known_lag_s(self, _query: str) -> float:
            return 0.0

    tail = Tail(Source(), "*", window_s=900, page=100)
    read = {one.id for one in tail.newest().events}
    assert len(read) == 12
    assert tail.has_older
    while (older := tail.older()) is not None:
        read |= {one.id for one in older.events}
    assert len(read) == 100
    assert not tail.came_late(), "what stands behind a page that was cut did not come late"


@pytest.mark.honesty("a page of logs with more values than are read at once", "fewer at a time; the evidence says so")
def test_a_page_of_too_many_values_is_asked_for_again_smaller(server: DatadogServer, connect: Connect) -> None:
    server.limit = (1_000, 10)
    for event in long_lines(100, 1):
        event["attributes"]["attributes"] = {"many": [0] * 10_000}  # type: ignore[index]  # as the server writes it
        server.events.append(event)
    page = connect().search("*", start=START, end=END, limit=100)
    assert sizes(server) == [100, 12], "a million values, then 120,000"
    assert (len(page.events), page.cut) == (12, True)


@pytest.mark.honesty("more lines than were asked for", "those asked for, and the page says that more came")
def test_lines_beyond_those_asked_for_are_left_out_and_said(server: DatadogServer, connect: Connect) -> None:
    server.always = Reply({"data": long_lines(30, 5), "meta": {"page": {"after": "30"}}})
    page = connect().search("*", start=START, end=END, limit=10)
    assert [one.id for one in page.events] == [f"line-{at}" for at in range(10)]
    assert page.partial
    assert "20 more events than were asked for" in page.evidence.caveat


def test_monitors_that_were_not_all_read_are_said_to_be_cut(server: DatadogServer, connect: Connect) -> None:
    good = {"id": 1, "name": "deals", "overall_state": "OK", "query": "logs", "tags": ["team:zyno"]}
    server.monitors = [good]
    assert not connect().monitors("team:zyno").evidence.is_cut
    server.monitors = [good, {"id": "no number"}]
    assert connect().monitors("team:zyno").evidence.is_cut, "the one that cannot be read may be the one that alerts"
    server.monitors = [good | {"id": at} for at in range(1_000)]
    assert connect().monitors("team:zyno").evidence.is_cut
