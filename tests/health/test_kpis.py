"""The KPI table: every figure judged by the catalogue, failing alone, and never 0 for what nobody knows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from diagnostics.core.failures import SourceFailure
from diagnostics.models.figures import UNKNOWN, Figure
from diagnostics.models.status import Status
from diagnostics.service import Diagnostics
from tests.service.world import World, unreachable

ORDER = ("token_success", "transaction_sync_success", "api_p95", "webhook_latency_p95", "resolution_accuracy")


def kpis(service: Diagnostics) -> dict[str, Figure]:
    figures = service.health.kpis()
    assert tuple(figure.id for figure in figures) == ORDER
    return {figure.id: figure for figure in figures}


def counters(world: World, **counts: float) -> None:
    """Counts a bucket of five minutes, by the catalogue's ids."""
    world.datadog.counters = {world.catalogue.metrics[name].metric: count for name, count in counts.items()}


def test_token_success_is_refreshes_that_succeeded_among_tokens_requested(world: World) -> None:
    counters(world, token_requested=1_000, token_refresh_failed=15)
    figure = kpis(world.service)["token_success"]
    assert (figure.value, figure.status) == (98.5, Status.WARN)
    assert figure.shown == "98.50 %"
    assert figure.evidence


def test_a_counter_that_reports_nothing_is_no_data_and_named(world: World) -> None:
    counters(world, token_requested=1_000)
    figure = kpis(world.service)["token_success"]
    assert (figure.value, figure.shown, figure.status) == (None, UNKNOWN, Status.NO_DATA)
    assert "fubweb.zillowSync.accessToken.refreshFailed" in figure.note


def test_no_requests_at_all_are_no_data_and_no_division(world: World) -> None:
    counters(world, token_requested=0, token_refresh_failed=0)
    assert kpis(world.service)["token_success"].status is Status.NO_DATA


def test_transaction_sync_success_weighs_counters_against_failed_syncs_in_the_logs(world: World) -> None:
    counters(world, transaction_created=10, transaction_updated=38)
    world.datadog.about(world.query("transaction_sync_failed")).total = 24
    figure = kpis(world.service)["transaction_sync_success"]
    # 12 or 13 whole buckets lie in the hour: 576 or 624 transactions against 24 failures.
    assert isinstance(figure.value, float)
    assert 95.9 < figure.value < 96.4
    assert figure.status is Status.WARN


def test_a_partial_answer_of_the_logs_is_never_an_all_clear(world: World) -> None:
    counters(world, transaction_created=10, transaction_updated=38)
    world.datadog.about(world.query("transaction_sync_failed")).partial = True
    told = world.datadog.about(world.query("api_requests"))
    told.p95, told.partial = 300.0, True
    figures = kpis(world.service)
    assert figures["transaction_sync_success"].status is Status.NO_DATA
    assert (figures["api_p95"].value, figures["api_p95"].status) == (300.0, Status.NO_DATA)


@pytest.mark.parametrize(
    ("p95", "status"), [(480.0, Status.PASS), (1_000.0, Status.PASS), (1_400.0, Status.WARN), (2_600.0, Status.FAIL)]
)
def test_the_api_is_judged_by_its_95th_percentile(world: World, p95: float, status: Status) -> None:
    world.datadog.about(world.query("api_requests")).p95 = p95
    figure = kpis(world.service)["api_p95"]
    assert (figure.value, figure.status, figure.unit) == (p95, status, "ms")


def test_with_datadog_dead_the_database_figures_stand(world: World) -> None:
    world.datadog.failure = unreachable()
    figures = kpis(world.service)
    for name in ("token_success", "transaction_sync_success", "api_p95"):
        assert (figures[name].value, figures[name].status) == (None, Status.UNREACHABLE)
        assert figures[name].failure == "datadog: unreachable"
    assert figures["webhook_latency_p95"].status is Status.NO_DATA


def test_a_number_that_was_known_is_kept_with_its_age_and_is_no_all_clear(world: World) -> None:
    api, tokens = world.datadog.about(world.query("api_requests")), "token_success"
    api.p95 = 480.0
    counters(world, token_requested=1_000, token_refresh_failed=15)
    kpis(world.service)
    world.datadog.failure = unreachable()
    world.service.forget_answers()
    figures = kpis(world.service)
    assert (figures["api_p95"].value, figures["api_p95"].status) == (480.0, Status.UNREACHABLE)
    assert figures["api_p95"].failure == "datadog: unreachable"
    assert figures["api_p95"].note.startswith("As of ")
    # What was grave stays grave.
    assert (figures[tokens].value, figures[tokens].status) == (98.5, Status.WARN)


def test_with_every_source_dead_every_figure_is_a_dash(world: World) -> None:
    world.datadog.failure = unreachable()
    world.break_common()
    assert {figure.shown for figure in kpis(world.service).values()} == {UNKNOWN}
    with pytest.raises(SourceFailure):
        world.service.health.overview()


@pytest.mark.parametrize(
    ("scenario", "statuses"),
    [
        ("healthy", {"token_success": Status.PASS, "transaction_sync_success": Status.PASS}),
        ("nov17", {"token_success": Status.FAIL, "webhook_latency_p95": Status.FAIL}),
        ("oauth_cascade", {"token_success": Status.FAIL, "transaction_sync_success": Status.WARN}),
    ],
)
def test_the_figures_of_each_story(
    opened: Callable[..., Diagnostics], scenario: str, statuses: dict[str, Status]
) -> None:
    figures = kpis(opened(scenario))
    assert {name: figures[name].status for name in statuses} == statuses
    assert figures["api_p95"].status is Status.PASS
    assert all(figure.evidence for name, figure in figures.items() if name != "resolution_accuracy")


@pytest.mark.honesty(
    "metrics: the newest count of any counter is 25 min old", "no data, with its age, and of the moment it is of"
)
def test_counters_that_are_late_are_no_all_clear(world: World) -> None:
    counters(world, token_requested=1_000, token_refresh_failed=3, transaction_created=10, transaction_updated=38)
    world.datadog.counters_late_s = 1_500
    for name in ("token_success", "transaction_sync_success"):
        found = kpis(world.service)[name]
        assert (found.status, found.value is not None) == (Status.NO_DATA, True), name
        assert re.search(r"newest count of any counter is 2\d min( \d+ s)? old", found.note), found.note
        evidence = found.evidence[0]
        assert evidence.newest_at is not None
        assert 1_200 <= (evidence.started_at - evidence.newest_at).total_seconds() <= 1_801
