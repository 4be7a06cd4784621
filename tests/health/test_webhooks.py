"""Webhook latency: a backlog cannot hide behind the events that get through, and wrong clocks are named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from diagnostics.health.kpis import percentile, read_latency
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from tests.service.world import World, ago


def latency(world: World) -> Figure:
    return next(figure for figure in world.service.health.kpis() if figure.id == "webhook_latency_p95")


def delivered(world: World, took_s: float, count: int = 1, *, minutes_ago: float = 5) -> None:
    processed = ago(minutes=minutes_ago)
    world.webhooks("delivered", count, received=processed - timedelta(seconds=took_s), processed=processed)


@pytest.mark.parametrize(
    ("latencies", "delivered", "ages", "expected"),
    [
        ((), 0, {}, (None, False)),
        ((), 0, {30.0: 5}, (30.0, True)),
        (tuple(float(n) for n in range(1, 101)), 100, {}, (95.0, False)),
        ((1.0,) * 100, 100, {30.0: 5}, (1.0, False)),
        ((1.0,) * 100, 100, {30.0: 6}, (30.0, True)),
        # A sample of a tenth stands for all that was delivered.
        ((1.0,) * 100, 1_000, {30.0: 6}, (1.0, False)),
        ((1.0,) * 10, 10, {30.0: 0, 3_600.0: 90}, (3_600.0, True)),
    ],
)
def test_the_percentile_is_of_delivered_and_waiting_events_together(
    latencies: tuple[float, ...], delivered: int, ages: dict[float, int], expected: tuple[float | None, bool]
) -> None:
    assert percentile(latencies, delivered, ages) == expected


def test_events_that_take_half_a_minute_are_healthy(world: World) -> None:
    delivered(world, 20, 40)
    figure = latency(world)
    assert (figure.value, figure.status, figure.shown) == (20.0, Status.PASS, "20 s")
    assert len(figure.evidence) == 3


def test_a_backlog_is_the_latency_even_while_a_few_events_get_through(world: World) -> None:
    delivered(world, 10, 10)
    world.webhooks("pending", 90, received=ago(minutes=40))
    figure = latency(world)
    assert (figure.value, figure.status, figure.shown) == (1_800.0, Status.FAIL, "> 1,800 s")
    assert "90 events still wait" in figure.note


def test_a_lower_bound_on_a_limit_lies_beyond_it(world: World) -> None:
    delivered(world, 10, 10)
    world.webhooks("failed", 90, received=ago(seconds=125))
    assert latency(world).status is Status.FAIL


def test_an_event_processed_before_it_was_received_is_left_out_and_named(world: World) -> None:
    delivered(world, 20, 10)
    delivered(world, -90, 2)
    figure = latency(world)
    assert figure.value == 20.0
    assert "2 events processed before they were received: clocks disagree" in figure.note


def test_no_event_at_all_is_no_data(world: World) -> None:
    figure = latency(world)
    assert (figure.value, figure.shown, figure.status) == (None, "—", Status.NO_DATA)


def test_events_of_another_day_are_not_read(world: World) -> None:
    delivered(world, 20, 3, minutes_ago=60)
    rule = world.catalogue.thresholds["webhook_latency_p95"]
    assert read_latency(world.service.context, rule).seconds is None
