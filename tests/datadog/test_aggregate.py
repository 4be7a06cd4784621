"""Log aggregates: totals, cardinality, time series, by facet."""

from __future__ import annotations

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.datadog import Compute, GroupBy
from diagnostics.sources.datadog import Datadog
from tests.datadog.conftest import END, START
from tests.datadog.server import DatadogServer, Reply

ACCOUNT = "@context.account_id"


def test_an_aggregate_sends_computes_groups_and_window(server: DatadogServer, datadog: Datadog) -> None:
    datadog.aggregate(
        "status:error",
        start=START,
        end=END,
        computes=(
            Compute(),
            Compute("cardinality", ACCOUNT),
            Compute(interval_ms=60_000),
            Compute("pc95", "@http.response_time", 90_000),
        ),
        group_by=(GroupBy(ACCOUNT, limit=5),),
    )
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/v2/logs/analytics/aggregate")
    assert seen.body == {
        "filter": {
            "query": "status:error",
            "from": "2025-11-17T13:48:22.000Z",
            "to": "2025-11-17T14:03:22.000Z",
            "storage_tier": "indexes",
        },
        "compute": [
            {"aggregation": "count", "type": "total"},
            {"aggregation": "cardinality", "type": "total", "metric": ACCOUNT},
            {"aggregation": "count", "type": "timeseries", "interval": "1m"},
            {"aggregation": "pc95", "type": "timeseries", "metric": "@http.response_time", "interval": "90s"},
        ],
        "group_by": [
            {"facet": ACCOUNT, "limit": 5, "sort": {"type": "measure", "aggregation": "count", "order": "desc"}}
        ],
    }


def test_totals_and_series_come_back_in_the_order_asked(server: DatadogServer, datadog: Datadog) -> None:
    series = [{"time": "2025-11-17T14:01:00.000Z", "value": 5}, {"time": "2025-11-17T14:00:00.000Z", "value": 3.5}]
    server.buckets = [{"by": {}, "computes": {"c0": 8, "c1": 2, "c2": series}}]
    answer = datadog.aggregate(
        "*", start=START, end=END, computes=(Compute(), Compute("cardinality", ACCOUNT), Compute(interval_ms=60_000))
    )
    (bucket,) = answer.buckets
    assert bucket.by == {}
    assert bucket.values == (8.0, 2.0, ((1_763_388_000_000, 3.5), (1_763_388_060_000, 5.0)))
    assert answer.evidence.caveat == "distinct counts are Datadog's estimates"
    assert answer.evidence.rows == 1


def test_groups_keep_the_services_order_and_a_full_list_says_that_it_is_cut(
    server: DatadogServer, datadog: Datadog
) -> None:
    server.buckets = [
        {"by": {ACCOUNT: 75172}, "computes": {"c0": 9}},
        {"by": {ACCOUNT: "14009"}, "computes": {"c0": 4}},
    ]
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),), group_by=(GroupBy(ACCOUNT, 2),))
    assert [(bucket.by[ACCOUNT], bucket.values) for bucket in answer.buckets] == [("75172", (9.0,)), ("14009", (4.0,))]
    assert answer.evidence.caveat == f"only the 2 largest groups of {ACCOUNT}"


def test_an_ungrouped_aggregate_over_nothing_is_one_bucket_of_zeroes(server: DatadogServer, datadog: Datadog) -> None:
    computes = (Compute(), Compute("cardinality", ACCOUNT), Compute(interval_ms=60_000), Compute("avg", "@d"))
    answer = datadog.aggregate("*", start=START, end=END, computes=computes)
    assert [bucket.values for bucket in answer.buckets] == [(0.0, 0.0, (), None)]


def test_a_grouped_aggregate_over_nothing_has_no_bucket(datadog: Datadog) -> None:
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),), group_by=(GroupBy(ACCOUNT),))
    assert answer.buckets == ()


def test_values_that_are_absent_or_no_numbers_are_none_and_not_zero(server: DatadogServer, datadog: Datadog) -> None:
    server.buckets = [{"by": {}, "computes": {"c0": None, "c1": None, "c2": "many", "c3": True}}]
    computes = (Compute("cardinality", ACCOUNT), Compute("avg", "@d"), Compute("max", "@d"), Compute("min", "@d"))
    answer = datadog.aggregate("*", start=START, end=END, computes=computes)
    assert answer.buckets[0].values == (None, None, None, None)


def test_an_aggregate_that_timed_out_inside_the_service_is_partial(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"data": {"buckets": []}, "meta": {"status": "timeout"}}))
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    assert answer.partial
    assert "timed out" in answer.evidence.caveat


WARNINGS = [
    {"code": "unknown_index", "detail": "indexes: foo, bar", "title": "One or several indexes are missing"},
    {"title": "One or several indexes are missing"},
    {},
    "partial",
]
"""The first as the API's own documentation has it; each field of a warning is optional there."""


@pytest.mark.honesty(
    "partial answers: Datadog's meta.warnings",
    "the figures are lower bounds, the warning's words are in the evidence, and no check passes",
)
@pytest.mark.parametrize("warning", WARNINGS)
@pytest.mark.parametrize("buckets", [[], [{"by": {}, "computes": {"c0": 3}}]])
def test_an_answer_with_a_warning_is_partial(
    server: DatadogServer, datadog: Datadog, warning: object, buckets: list[object]
) -> None:
    server.next.append(Reply({"data": {"buckets": buckets}, "meta": {"status": "done", "warnings": [warning]}}))
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    assert answer.partial
    assert answer.evidence.caveat


@pytest.mark.honesty(
    "partial answers: an aggregate that does not say that it is done (no meta)",
    "the figures are lower bounds, and no check passes",
)
@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": []}, {"meta": {"elapsed": 3}}])
def test_an_aggregate_that_does_not_say_that_it_is_done_is_partial(
    server: DatadogServer, datadog: Datadog, meta: dict[str, object]
) -> None:
    server.next.append(Reply({"data": {"buckets": []}} | meta))
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    assert (answer.partial, answer.evidence.caveat) == (True, "the answer does not say that it is done")


def test_an_aggregate_over_nothing_as_recorded_is_whole(server: DatadogServer, datadog: Datadog) -> None:
    """Datadog's own client, cassette test_aggregate_compute_events_returns_ok_response."""
    meta = {"elapsed": 165, "request_id": "pddv1ChY3VUd0WGZFS1IzNkpzaENGMDQ5dVlR", "status": "done"}
    server.next.append(Reply({"meta": meta, "data": {"buckets": []}}))
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(interval_ms=300_000),))
    assert (answer.partial, answer.buckets[0].values) == (False, ((),))


POINT = {"time": "2025-11-17T14:01:00.000Z", "value": 5}
WITHOUT_A_FIGURE: list[object] = [
    {},
    {"buckets": None},
    {"buckets": [{}]},
    {"buckets": [{"by": {}, "computes": {}}]},
    {"buckets": [{"by": {}, "computes": {"c0": None, "c1": [POINT]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": "many", "c1": [POINT]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": True, "c1": [POINT]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": -1, "c1": [POINT]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 10**400, "c1": [POINT]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 5}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 5, "c1": None}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 5, "c1": [{"time": POINT["time"], "value": None}]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 5, "c1": [{"time": POINT["time"], "value": -5}]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 5, "c1": [{"value": 5}]}}]},
    {"buckets": [{"by": {}, "computes": {"c0": 17_991, "c1": []}}]},
]


@pytest.mark.honesty(
    "partial answers: a 200 without its figure (no bucket, c0 null, text, infinite, negative)",
    "datadog: no figure; the count is not known, never 0",
)
@pytest.mark.parametrize("data", WITHOUT_A_FIGURE)
def test_an_answer_without_its_figure_is_no_zero(server: DatadogServer, datadog: Datadog, data: object) -> None:
    server.next.append(Reply({"data": data, "meta": {"status": "done"}}))
    with pytest.raises(SourceFailure) as failed:
        datadog.aggregate("*", start=START, end=END, computes=(Compute(), Compute(interval_ms=60_000)))
    assert failed.value.headline() == "datadog: no figure"
    assert failed.value.is_transient


def test_a_total_of_nothing_agrees_with_minutes_of_nothing(server: DatadogServer, datadog: Datadog) -> None:
    server.buckets = [{"by": {}, "computes": {"c0": 0, "c1": [{"time": POINT["time"], "value": 0}]}}]
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(), Compute(interval_ms=60_000)))
    assert answer.buckets[0].values[0] == 0.0


@pytest.mark.parametrize(
    "document",
    [[], {"data": []}, {"data": {"buckets": {}}}, {"data": {"buckets": [3]}}, {"data": {"buckets": [1, {"by": []}]}}],
)
def test_another_shape_is_malformed(server: DatadogServer, datadog: Datadog, document: object) -> None:
    server.next.append(Reply(document))
    with pytest.raises(SourceFailure) as failed:
        datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    assert failed.value.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("wrong", [{"aggregation": "avg"}, {"interval_ms": 1_500}, {"interval_ms": 0}])
def test_a_compute_the_service_would_refuse_costs_no_request(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs a metric|multiple of 1,000"):
        Compute(**wrong)  # type: ignore[arg-type]
