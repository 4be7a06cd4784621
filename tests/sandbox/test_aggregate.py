"""Log aggregates: equal to a count by hand over the whole data set."""

from __future__ import annotations

import math
import time
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from diagnostics.logs import compile_query
from diagnostics.models.events import LogEvent
from tests.sandbox.api import QUERIES, RATE_LIMITED, Api

COUNT = {"aggregation": "count"}


@pytest.fixture(scope="module")
def window(nov17: Api) -> tuple[int, int]:
    """The quarter of an hour before the present, fixed for the module."""
    end = int(time.time() * 1000)
    assert nov17.state()["ready"]
    return end - 900_000, end


@pytest.fixture(scope="module")
def events(nov17: Api, window: tuple[int, int]) -> list[LogEvent]:
    """The whole data set of the window."""
    return nov17.everything(*window)


def _account(event: LogEvent) -> int:
    return int(event.attributes["context"]["account_id"])


@pytest.mark.parametrize("query", QUERIES)
def test_a_count_equals_the_count_by_hand(
    nov17: Api, window: tuple[int, int], events: list[LogEvent], query: str
) -> None:
    chosen = compile_query(query)
    assert nov17.count(query, *window) == sum(map(chosen, events)) > 0


def test_an_aggregate_has_the_shape_of_the_real_service(nov17: Api) -> None:
    body = {"filter": {"query": RATE_LIMITED}, "compute": [COUNT], "group_by": [{"facet": "service"}]}
    answer = nov17.http.post("/api/v2/logs/analytics/aggregate", json=body).json()
    assert set(answer) == {"meta", "data"}
    assert set(answer["meta"]) == {"elapsed", "request_id", "status"}
    (bucket,) = answer["data"]["buckets"]
    assert set(bucket) == {"by", "computes"}
    assert bucket["by"] == {"service": "fub"}
    assert isinstance(bucket["computes"]["c0"], int)


def test_groups_equal_a_counter_and_keep_its_order(nov17: Api, window: tuple[int, int], events: list[LogEvent]) -> None:
    chosen = compile_query(RATE_LIMITED)
    by_hand = Counter(str(_account(event)) for event in events if chosen(event))
    buckets = nov17.aggregate(RATE_LIMITED, [COUNT], [{"facet": "@context.account_id", "limit": 1000}], *window)
    assert {bucket["by"]["@context.account_id"]: bucket["computes"]["c0"] for bucket in buckets} == by_hand
    counts = [bucket["computes"]["c0"] for bucket in buckets]
    assert counts == sorted(counts, reverse=True)
    top = nov17.aggregate(RATE_LIMITED, [COUNT], [{"facet": "@context.account_id", "limit": 5}], *window)
    assert top == buckets[:5]


def test_nested_groups_limit_within_their_parent(nov17: Api, window: tuple[int, int], events: list[LogEvent]) -> None:
    buckets = nov17.aggregate(
        "*", [COUNT], [{"facet": "service", "limit": 3}, {"facet": "status", "limit": 2}], *window
    )
    by_hand = Counter((event.service, event.status) for event in events)
    services = [name for name, _ in Counter(event.service for event in events).most_common(3)]
    assert list(dict.fromkeys(bucket["by"]["service"] for bucket in buckets)) == services
    for bucket in buckets:
        assert bucket["computes"]["c0"] == by_hand[bucket["by"]["service"], bucket["by"]["status"]]
    assert max(Counter(bucket["by"]["service"] for bucket in buckets).values()) <= 2


def test_groups_sort_by_a_measure_or_by_name(nov17: Api, window: tuple[int, int]) -> None:
    slowest = {"type": "measure", "aggregation": "pc95", "metric": "@http.response_time", "order": "asc"}
    compute = [{"aggregation": "pc95", "metric": "@http.response_time"}]
    ordered = nov17.aggregate("@http.status_code:*", compute, [{"facet": "service", "sort": slowest}], *window)
    values = [bucket["computes"]["c0"] for bucket in ordered]
    assert values == sorted(values)
    named = [{"facet": "service", "sort": {"type": "alphabetical", "order": "asc"}}]
    names = [bucket["by"]["service"] for bucket in nov17.aggregate("*", [COUNT], named, *window)]
    assert names == sorted(names)


def test_a_facet_that_an_event_lacks_leaves_it_out_unless_it_is_given_a_name(
    nov17: Api, window: tuple[int, int], events: list[LogEvent]
) -> None:
    with_code = sum("http" in event.attributes for event in events)
    buckets = nov17.aggregate("*", [COUNT], [{"facet": "@http.status_code", "limit": 1000}], *window)
    assert sum(bucket["computes"]["c0"] for bucket in buckets) == with_code < len(events)
    named = [{"facet": "@http.status_code", "limit": 1000, "missing": "none"}]
    buckets = nov17.aggregate("*", [COUNT], named, *window)
    assert sum(bucket["computes"]["c0"] for bucket in buckets) == len(events)
    assert "none" in {bucket["by"]["@http.status_code"] for bucket in buckets}


def test_measures_equal_the_arithmetic_by_hand(nov17: Api, window: tuple[int, int], events: list[LogEvent]) -> None:
    times = sorted(event.attributes["http"]["response_time"] for event in events if "http" in event.attributes)
    names = ("sum", "avg", "min", "max", "median", "pc75", "pc90", "pc95", "pc98", "pc99")
    compute = [{"aggregation": name, "metric": "@http.response_time"} for name in names]
    compute.append({"aggregation": "cardinality", "metric": "@context.account_id"})
    (bucket,) = nov17.aggregate("*", compute, None, *window)
    shares = {"median": 50, **{name: int(name[2:]) for name in names[5:]}}
    expected = {"sum": sum(times), "avg": sum(times) / len(times), "min": times[0], "max": times[-1]}
    expected |= {name: times[math.ceil(share / 100 * len(times)) - 1] for name, share in shares.items()}
    for number, name in enumerate(names):
        assert bucket["computes"][f"c{number}"] == pytest.approx(expected[name])
    assert bucket["computes"]["c10"] == len({_account(event) for event in events})


@pytest.mark.parametrize(("interval", "step"), [("1m", 60_000), ("60000", 60_000), ("5m", 300_000), ("10s", 10_000)])
def test_a_time_series_sums_to_its_total(
    nov17: Api, window: tuple[int, int], events: list[LogEvent], interval: str, step: int
) -> None:
    compute = [COUNT, {"aggregation": "count", "type": "timeseries", "interval": interval}]
    chosen = compile_query(RATE_LIMITED)
    by_hand = Counter(event.timestamp_ms // step * step for event in events if chosen(event))
    (bucket,) = nov17.aggregate(RATE_LIMITED, compute, None, *window)
    series = {_ms(point["time"]): point["value"] for point in bucket["computes"]["c1"]}
    assert series == by_hand
    assert sum(series.values()) == bucket["computes"]["c0"]


def test_the_series_of_groups_sum_to_the_whole(nov17: Api, window: tuple[int, int], events: list[LogEvent]) -> None:
    compute = [{"aggregation": "count", "type": "timeseries", "interval": "1m"}]
    buckets = nov17.aggregate("*", compute, [{"facet": "service", "limit": 100}], *window)
    total: Counter[int] = Counter()
    for bucket in buckets:
        total.update({_ms(point["time"]): point["value"] for point in bucket["computes"]["c0"]})
    assert total == Counter(event.timestamp_ms // 60_000 * 60_000 for event in events)


def test_a_series_of_a_measure_covers_its_own_interval_only(
    nov17: Api, window: tuple[int, int], events: list[LogEvent]
) -> None:
    compute = [{"aggregation": "max", "metric": "@http.response_time", "type": "timeseries", "interval": "5m"}]
    (bucket,) = nov17.aggregate("*", compute, None, *window)
    highest: dict[int, int] = {}
    for event in events:
        if "http" in event.attributes:
            slot = event.timestamp_ms // 300_000 * 300_000
            highest[slot] = max(highest.get(slot, 0), event.attributes["http"]["response_time"])
    assert {_ms(point["time"]): point["value"] for point in bucket["computes"]["c0"]} == highest


def test_an_open_interval_gives_about_150_points(nov17: Api) -> None:
    (bucket,) = nov17.aggregate("*", [{"aggregation": "count", "type": "timeseries"}], None, "now-24h")
    assert 140 <= len(bucket["computes"]["c0"]) <= 152


def test_nothing_found_is_zero_in_total_and_no_bucket_over_time(nov17: Api) -> None:
    assert nov17.count("service:nowhere") == 0
    assert nov17.aggregate("service:nowhere", [{"aggregation": "count", "type": "timeseries", "interval": "1m"}]) == []
    assert nov17.aggregate("service:nowhere", [COUNT], [{"facet": "status"}]) == []
    (bucket,) = nov17.aggregate("service:nowhere", [{"aggregation": "avg", "metric": "@http.response_time"}])
    assert bucket["computes"]["c0"] is None


def test_groups_by_what_only_single_events_have(nov17: Api, window: tuple[int, int]) -> None:
    start = window[1] - 5_000
    buckets = nov17.aggregate(RATE_LIMITED, [COUNT], [{"facet": "@correlation_id", "limit": 1000}], start, window[1])
    assert len(buckets) == nov17.count(RATE_LIMITED, start, window[1]) > 10
    assert {bucket["computes"]["c0"] for bucket in buckets} == {1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"compute": []}, "compute"),
        ({"compute": [{"aggregation": "mean"}]}, "aggregation"),
        ({"compute": [{"aggregation": "sum"}]}, "metric"),
        ({"compute": [{"aggregation": "count", "type": "heatmap"}]}, "type"),
        ({"compute": [{"aggregation": "count", "type": "timeseries", "interval": "soon"}]}, "interval"),
        ({"compute": [{"aggregation": "count", "type": "timeseries", "interval": "1ms"}]}, "interval"),
        ({"compute": [COUNT], "group_by": [{"facet": ""}]}, "facet"),
        ({"compute": [COUNT], "group_by": [{"facet": "service", "limit": 0}]}, "limit"),
        # The real service's quirk: without a type the sort is alphabetical and knows no aggregation.
        ({"compute": [COUNT], "group_by": [{"facet": "service", "sort": {"aggregation": "count"}}]}, "aggregation"),
        ({"compute": [COUNT], "filter": {"query": "status:["}}, "filter.query"),
        ({"compute": "count"}, "compute"),
        ({"compute": [COUNT], "filter": {"storage_tier": "cold"}}, "filter.storage_tier"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_the_words_of_the_service(
    nov17: Api, body: dict[str, Any], field: str
) -> None:
    answer = nov17.http.post("/api/v2/logs/analytics/aggregate", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith(f"input_validation_error(Field '{field}' is invalid: ")


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
