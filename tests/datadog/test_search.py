"""Log search: what is sent, what comes back, and paging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.events import LogEvent
from diagnostics.sources.datadog import Datadog
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import API_KEY, APP_KEY, DatadogServer, Reply, log

QUERY = "service:fub @context.error_message:*429* @context.service:zillow"


def test_a_search_sends_the_query_window_size_order_and_both_keys(server: DatadogServer, datadog: Datadog) -> None:
    datadog.search(QUERY, start=START, end=END, limit=25)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/v2/logs/events/search")
    assert seen.body == {
        "filter": {
            "query": QUERY,
            "from": "2025-11-17T13:48:22.000Z",
            "to": "2025-11-17T14:03:22.000Z",
            "storage_tier": "indexes",
        },
        "page": {"limit": 25},
        "sort": "-timestamp",
    }
    assert seen.headers["DD-API-KEY"] == API_KEY
    assert seen.headers["DD-APPLICATION-KEY"] == APP_KEY


def test_a_window_in_another_zone_is_sent_in_utc(server: DatadogServer, datadog: Datadog) -> None:
    local = datetime(2025, 11, 17, 9, 3, 22, 500_000, tzinfo=timezone(timedelta(hours=-5)))
    datadog.search("*", start=local - timedelta(minutes=1), end=local)
    assert server.seen[0].body["filter"]["to"] == "2025-11-17T14:03:22.500Z"


def test_an_event_arrives_as_the_console_holds_it(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log(7, status="ERROR")]
    page = datadog.search(QUERY, start=START, end=END)
    assert page.events == (
        LogEvent(
            id="AQ000007",
            timestamp_ms=1_763_388_202_123,
            service="fub",
            status="error",
            message="HTTP 429 Too Many Requests POST /v1/leads",
            host="web-1",
            tags=("env:prod", "team:zyno"),
            attributes={"context": {"account_id": 75172, "error_message": "429"}},
        ),
    )
    assert page.next_cursor is not None, "as recorded, although nothing is behind it"
    assert not page.partial


def test_evidence_states_query_window_rows_and_duration(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log(1), log(2)]
    evidence = datadog.search(QUERY, start=START, end=END).evidence
    assert evidence.source == "datadog"
    assert evidence.query == QUERY
    assert evidence.window == "last 15 min, to 2025-11-17 14:03:22 UTC"
    assert evidence.rows == 2
    assert evidence.took_ms > 0
    assert evidence.caveat == ""


def test_pages_join_without_gap_or_repeat(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log(number, timestamp=f"2025-11-17T14:00:00.{number:03}Z") for number in range(250)]
    server.limit = (100, 10)
    found: list[str] = []
    cursor = None
    while True:
        page = datadog.search(QUERY, start=START, end=END, limit=100, cursor=cursor)
        found += [event.id for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [f"AQ{number:06}" for number in reversed(range(250))]
    assert [seen.body["page"].get("cursor") for seen in server.seen] == [None, "100", "200", "300"]


def test_an_empty_page_ends_the_reading_whatever_it_carries(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"data": [], "meta": {"page": {"after": "eyJhZnRlciI6"}}}))
    assert datadog.search("*", start=START, end=END).next_cursor is None


def test_a_page_is_never_larger_than_the_services_maximum(server: DatadogServer, datadog: Datadog) -> None:
    datadog.search("*", start=START, end=END)
    datadog.search("*", start=START, end=END, limit=5_000)
    datadog.search("*", start=START, end=END, limit=0)
    assert [seen.body["page"]["limit"] for seen in server.seen] == [100, 1_000, 1]


@pytest.mark.parametrize(
    "absurd", [10**18, -1, -(10**15), 1e300, 253_402_300_800_000, "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
)
def test_an_event_of_a_time_that_no_calendar_has_is_unreadable(
    server: DatadogServer, datadog: Datadog, absurd: str | float
) -> None:
    latest = 253_370_764_799_999
    server.next.append(Reply({"data": [log(1, timestamp=form) for form in (absurd, 0, latest)]}))  # type: ignore[arg-type]
    page = datadog.search("*", start=START, end=END)
    assert [event.timestamp_ms for event in page.events] == [0, latest]
    assert [datetime.fromtimestamp(event.timestamp_ms / 1_000, UTC).year for event in page.events] == [1970, 9998]
    assert page.partial
    assert page.evidence.caveat == "1 unreadable event left out"


def test_timestamps_are_read_in_every_form_the_service_uses(server: DatadogServer, datadog: Datadog) -> None:
    forms = ["2025-11-17T14:03:22.123Z", "2025-11-17T09:03:22.123-05:00", "2025-11-17T14:03:22.123", 1_763_388_202_123]
    server.next.append(Reply({"data": [log(timestamp=form) for form in forms]}))  # type: ignore[arg-type]
    page = datadog.search("*", start=START, end=END)
    assert {event.timestamp_ms for event in page.events} == {1_763_388_202_123}
    assert len(page.events) == 4


def test_a_search_that_timed_out_inside_the_service_says_so(server: DatadogServer, datadog: Datadog) -> None:
    warning = {"code": "unknown_index", "detail": "indexes: foo, bar", "title": "One or several indexes are missing"}
    server.next.append(Reply({"data": [log()], "meta": {"status": "timeout", "warnings": [warning]}}))
    page = datadog.search("*", start=START, end=END)
    assert page.partial
    assert page.evidence.caveat == "Datadog timed out inside: not everything it holds; unknown_index: indexes: foo, bar"


def test_an_empty_answer_is_no_events_and_no_failure(server: DatadogServer, datadog: Datadog) -> None:
    """As recorded by Datadog's own client (cassette test_search_logs_returns_ok_response)."""
    server.next.append(Reply({"data": []}))
    page = datadog.search("*", start=START, end=END)
    assert (page.events, page.next_cursor, page.evidence.rows, page.partial) == ((), None, 0, False)


@pytest.mark.honesty(
    "partial answers: an empty page of logs with a warning (unknown_index)",
    "the page is partial, its caveat names the warning; no search that found nothing is called complete",
)
def test_an_empty_page_with_a_warning_is_partial(server: DatadogServer, datadog: Datadog) -> None:
    warning = {"code": "unknown_index", "detail": "indexes: foo, bar", "title": "One or several indexes are missing"}
    server.next.append(Reply({"data": [], "meta": {"status": "done", "warnings": [warning]}}))
    page = datadog.search("*", start=START, end=END)
    assert (page.events, page.partial, page.evidence.caveat) == ((), True, "unknown_index: indexes: foo, bar")


@pytest.mark.parametrize("document", [{}, {"meta": {"elapsed": 3}}, {"data": None}])
def test_a_page_without_a_list_of_events_does_not_say_that_there_are_none(
    server: DatadogServer, datadog: Datadog, document: object
) -> None:
    server.next.append(Reply(document))
    with pytest.raises(SourceFailure) as failed:
        datadog.search("*", start=START, end=END)
    assert failed.value.kind is FailureKind.MALFORMED


def test_the_link_opens_the_same_question_in_the_web_application(connect: Connect) -> None:
    datadog = connect(web_url="https://fub.datadoghq.com/")
    link = datadog.link('service:fub @a:"x & y" +#é', start=START, end=END)
    assert link == (
        "https://fub.datadoghq.com/logs?query=service%3Afub%20%40a%3A%22x%20%26%20y%22%20%2B%23%C3%A9"
        "&from_ts=1763387302000&to_ts=1763388202000&live=false"
    )
