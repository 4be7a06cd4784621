"""The big number, its course, and the sync events beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from diagnostics.models.status import Status
from diagnostics.service import Diagnostics
from diagnostics.store.rollups import SyncRollup
from tests.health.test_connections import connection
from tests.service.world import World, ago

Open = Callable[..., Diagnostics]


@pytest.mark.parametrize(
    ("scenario", "health", "status"),
    [("healthy", 98.8, Status.PASS), ("nov17", 94.2, Status.FAIL), ("oauth_cascade", 70.2, Status.FAIL)],
)
def test_health_is_that_of_the_story(opened: Open, scenario: str, health: float, status: Status) -> None:
    overview = opened(scenario).health.overview()
    assert overview.health.value == pytest.approx(health)
    assert (overview.health.status, overview.health.shown) == (status, f"{health:.2f} %")
    assert overview.health.evidence
    assert "baseline 98.80 %" in overview.health.note.lower()


def test_far_below_the_baseline_people_are_called_at_once(opened: Open) -> None:
    assert "Below 90 %" in opened("oauth_cascade").health.overview().health.note


def test_sync_events_say_since_when_they_are_counted(opened: Open) -> None:
    sync = opened("healthy").health.overview().sync
    assert isinstance(sync.value, float)
    assert 98 < sync.value <= 100
    assert "since" in sync.note
    assert sync.evidence


def test_the_course_of_a_new_console_is_of_sync_events_and_says_so(opened: Open) -> None:
    course = opened("healthy").health.overview().course
    assert course.title.startswith("Sync success")
    assert "not health itself" in course.basis
    assert len(course.points) == 24
    assert course.points[-1].at - course.points[0].at == timedelta(hours=23)


def test_once_health_was_seen_for_as_many_hours_the_course_is_health(world: World) -> None:
    connection(world, 1)
    connection(world, 2, problem_at=ago(minutes=5))
    course = world.service.health.overview().course
    assert course.title == "Health, 24 h"
    assert [point.value for point in course.points if point.value is not None] == [50.0]
    assert course.points[-1].value == 50.0


def test_without_sync_events_there_is_no_data_and_no_hundred_per_cent(world: World) -> None:
    connection(world, 1)
    sync = world.service.health.overview().sync
    assert (sync.value, sync.status) == (None, Status.NO_DATA)


def test_a_status_that_nobody_knows_is_in_no_share_and_named(world: World) -> None:
    connection(world, 1)
    events = [("success", 8), ("failed", 2), ("skipped", 5)]
    number = 0
    for status, count in events:
        for _ in range(count):
            number += 1
            row = {"id": number, "sync_user_id": 1, "event_type": "lead.created", "sync_status": status}
            world.common("zillow_lead_events_log", row | {"created_at": ago(seconds=60)})
    sync = world.service.health.overview().sync
    assert sync.value == pytest.approx(80.0)
    assert "5 events with another status are in no share" in sync.note


def test_counting_that_began_anew_is_widened_again_and_one_that_did_not_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    since, widened = [ago(hours=30)], []
    monkeypatch.setattr(SyncRollup, "since", property(lambda _: since[0]))
    monkeypatch.setattr(SyncRollup, "widen", lambda *_: widened.append(since[0]))

    def looked() -> int:
        world.service.health.overview()
        for thread in threading.enumerate():
            if thread.name == "widening":
                thread.join(10)
        return len(widened)

    connection(world, 1)
    assert [looked(), looked()] == [1, 1]
    since[0] = ago(hours=4)
    assert [looked(), looked()] == [2, 2]
