"""Log search: shapes, order, paging, moments, and agreement with the evaluator over the whole data set."""

from __future__ import annotations

import time
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from diagnostics.logs import compile_query
from tests.sandbox.api import QUERIES, RATE_LIMITED, Api


@pytest.fixture(scope="module")
def window(nov17: Api) -> tuple[int, int]:
    """The ten minutes before the present, fixed for the module."""
    end = int(time.time() * 1000)
    assert nov17.state()["ready"]
    return end - 600_000, end


def test_a_page_has_the_shape_of_the_real_service(nov17: Api) -> None:
    page = nov17.search(RATE_LIMITED, limit=2)
    assert set(page) == {"meta", "data", "links"}
    assert set(page["meta"]) == {"page"}
    event = page["data"][0]
    assert set(event) == {"id", "type", "attributes"}
    assert event["type"] == "log"
    assert set(event["attributes"]) == {"service", "status", "message", "host", "timestamp", "tags", "attributes"}
    assert event["attributes"]["timestamp"].endswith("Z")
    assert "team:zyno" in event["attributes"]["tags"]
    own = event["attributes"]["attributes"]
    assert own["message"] == event["attributes"]["message"]
    assert own["context"]["retry_after"] == 30
    assert own["http"]["status_code"] == 429


def test_the_newest_comes_first_unless_asked_otherwise(nov17: Api, window: tuple[int, int]) -> None:
    newest = [event["attributes"]["timestamp"] for event in nov17.search("*", *window, limit=50)["data"]]
    oldest = [
        event["attributes"]["timestamp"] for event in nov17.search("*", *window, limit=50, sort="timestamp")["data"]
    ]
    assert newest == sorted(newest, reverse=True)
    assert oldest == sorted(oldest)
    assert newest[0] > oldest[-1]


@pytest.mark.parametrize("sort", ["timestamp", "-timestamp"])
@pytest.mark.parametrize("limit", [7, 333, 1000])
def test_paging_neither_loses_nor_repeats_an_event(nov17: Api, window: tuple[int, int], sort: str, limit: int) -> None:
    start = window[1] - 30_000
    found = [event["id"] for event in nov17.search_all("service:fub", start, window[1], sort=sort, limit=limit)]
    service = [event.id for event in nov17.everything(start, window[1]) if event.service == "fub"]
    assert len(found) > 300
    assert found == (service if sort == "timestamp" else service[::-1])


def test_paging_relative_to_now_does_not_slide_while_events_arrive(nov17: Api) -> None:
    first = nov17.search("*", "now-30s", "now", limit=20)
    link = parse_qs(urlsplit(first["links"]["next"]).query)
    assert link["page[cursor]"] == [first["meta"]["page"]["after"]]
    second = nov17.http.get(first["links"]["next"]).json()
    moments = [event["attributes"]["timestamp"] for event in (*first["data"], *second["data"])]
    assert moments == sorted(moments, reverse=True)
    assert len({event["id"] for event in (*first["data"], *second["data"])}) == 40


def test_a_page_that_is_not_full_has_a_cursor_and_behind_it_is_nothing(nov17: Api, window: tuple[int, int]) -> None:
    """As recorded by Datadog's own client, cassette test_get_a_list_of_logs_returns_ok_response_with_pagination."""
    page = nov17.search("@context.agentCount:0", *window, limit=1000)
    assert 0 < len(page["data"]) < 1000
    assert set(page["links"]) == {"next"}
    after = nov17.search("@context.agentCount:0", *window, limit=1000, cursor=page["meta"]["page"]["after"])
    assert after == {"data": []}


def test_both_methods_give_the_same_answer(nov17: Api, window: tuple[int, int]) -> None:
    posted = nov17.search(RATE_LIMITED, *window, limit=5, sort="timestamp")
    parameters = {
        "filter[query]": RATE_LIMITED,
        "filter[from]": str(window[0]),
        "filter[to]": str(window[1]),
        "page[limit]": "5",
        "sort": "timestamp",
    }
    got = nov17.http.get("/api/v2/logs/events", params=parameters).json()
    assert got["data"] == posted["data"]
    assert got["meta"]["page"] == posted["meta"]["page"]


def test_moments_may_be_dates_milliseconds_or_date_math(nov17: Api, window: tuple[int, int]) -> None:
    iso = ["2100-01-01T00:00:00Z", "2100-01-01T01:00:00+01:00", "4102444800000", 4_102_444_800_000, "now+1d"]
    counts = {nov17.count("@context.agentCount:0", window[0], end) for end in iso}
    assert len(counts) == 1
    assert nov17.count("*", "now-1h-30m", "now") > nov17.count("*", "now-15m", "now") > 0


@pytest.mark.parametrize("query", QUERIES)
def test_a_triage_query_returns_exactly_what_the_evaluator_selects(
    nov17: Api, window: tuple[int, int], query: str
) -> None:
    chosen = compile_query(query)
    expected = [event.id for event in nov17.everything(*window) if chosen(event)]
    assert expected, "no triage query is trivially empty"
    assert [event["id"] for event in nov17.search_all(query, *window)] == expected


@pytest.mark.parametrize(
    "query",
    [
        "@correlation_id:*a1* service:fub",
        "*:*429*",
        "status:(warn OR error) -service:fub",
        "rate limit",
        "@http.response_time:>=300 env:production",
        "-@correlation_id:zillow-agent-resolution service:fub-worker",
        "@context.account_id:[14009 TO 75172]",
    ],
)
def test_any_query_returns_exactly_what_the_evaluator_selects(nov17: Api, window: tuple[int, int], query: str) -> None:
    start = window[1] - 120_000
    chosen = compile_query(query)
    expected = [event.id for event in nov17.everything(start, window[1]) if chosen(event)]
    assert [event["id"] for event in nov17.search_all(query, start, window[1])] == expected


def test_one_correlation_id_leads_to_one_event(nov17: Api, window: tuple[int, int]) -> None:
    event = nov17.search(RATE_LIMITED, *window, limit=1)["data"][0]
    correlation = event["attributes"]["attributes"]["correlation_id"]
    assert [found["id"] for found in nov17.search_all(f"@correlation_id:{correlation}", *window)] == [event["id"]]


def test_events_go_on_being_made_up_to_the_present(nov17: Api) -> None:
    before = nov17.search("*", limit=1)["data"][0]
    deadline = time.monotonic() + 20
    while (after := nov17.search("*", limit=1)["data"][0])["id"] == before["id"]:
        assert time.monotonic() < deadline
    assert after["attributes"]["timestamp"] > before["attributes"]["timestamp"]


def test_events_are_in_order_and_each_has_an_id_of_its_own(nov17: Api, window: tuple[int, int]) -> None:
    events = nov17.everything(*window)
    assert all(one.timestamp_ms <= other.timestamp_ms for one, other in pairwise(events))
    assert len({event.id for event in events}) == len(events)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {"query": "service:(fub"}}, "filter.query"),
        ({"filter": {"query": 7}}, "filter.query"),
        ({"filter": {"storage_tier": "cold"}}, "filter.storage_tier"),
        ({"filter": {"from": "yesterday"}}, "filter.from"),
        ({"filter": {"from": "now", "to": "now-1h"}}, "filter.from"),
        ({"page": {"limit": 0}}, "page.limit"),
        ({"page": {"limit": 1001}}, "page.limit"),
        ({"page": {"limit": "ten"}}, "page.limit"),
        ({"page": {"cursor": "bm9uc2Vuc2U"}}, "page.cursor"),
        ({"sort": "status"}, "sort"),
        ({"filter": []}, None),
        ({"filter": [1]}, "filter"),
        ([], "input"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_the_words_of_the_service(
    nov17: Api, body: object, field: str | None
) -> None:
    answer = nov17.http.post("/api/v2/logs/events/search", json=body)
    if field is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith(f"input_validation_error(Field '{field}' is invalid: ")


def test_a_body_that_is_no_json_is_refused(nov17: Api) -> None:
    answer = nov17.http.post("/api/v2/logs/events/search", content=b'{"filter"')
    assert answer.status_code == 400
    assert answer.json() == {"errors": ["input_validation_error(Field 'input' is invalid: invalid JSON)"]}


def test_a_cursor_of_another_query_is_refused(nov17: Api) -> None:
    cursor = nov17.search(RATE_LIMITED, limit=1)["meta"]["page"]["after"]
    body = {"filter": {"query": "*"}, "page": {"cursor": cursor}}
    assert nov17.http.post("/api/v2/logs/events/search", json=body).status_code == 400


def test_an_unknown_path_is_not_found(nov17: Api) -> None:
    answer = nov17.http.get("/api/v2/teams")
    assert answer.status_code == 404
    assert answer.json() == {"errors": ["Not found"]}
