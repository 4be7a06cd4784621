"""The course of a figure: what was noted, and None where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, select

from diagnostics.config.settings import DatabaseSettings, StateSettings
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.store.identity import common_identity
from diagnostics.store.samples import KEEP_S, MOST_POINTS, Samples
from diagnostics.store.schema import SAMPLES
from diagnostics.store.store import StateStore
from tests.state.events import EventsWorld

Result = TypeVar("Result")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at_noon() -> datetime:
    return NOON + timedelta(minutes=59)


def test_a_course_has_a_point_for_every_step_and_none_where_nothing_is_known(world: EventsWorld) -> None:
    samples = Samples(world.context().state, now=at_noon)
    samples.note("health", 98.0, NOON - timedelta(hours=3))
    samples.note("health", 99.0, NOON - timedelta(hours=3, minutes=-30))
    samples.note("health", 97.5, NOON)
    samples.note("another", 1.0, NOON - timedelta(hours=2))
    course = samples.course("health", NOON - timedelta(hours=4))
    assert [point.value for point in course] == [None, 98.5, None, None, 97.5]
    assert [point.rows for point in course] == [None, 2, None, None, 1]
    assert [point.at for point in course] == [NOON - timedelta(hours=hours) for hours in (4, 3, 2, 1, 0)]
    fine = samples.course("health", NOON, 300)
    assert (len(fine), fine[0].value, {point.value for point in fine[1:]}) == (12, 97.5, {None})


def test_samples_of_the_same_minutes_are_one_whoever_notes_them(world: EventsWorld) -> None:
    consoles = [Samples(world.context().state, now=at_noon) for _ in range(2)]
    for console, value in zip(consoles, (90.0, 100.0), strict=True):
        console.note("health", value, NOON)
    consoles[0].note("health", 50.0, NOON + timedelta(minutes=5))
    (point,) = consoles[1].course("health", NOON)
    # The mean of two slots, not of three notes: who asks more often does not weigh more.
    assert (point.value, point.rows) == (72.5, 3)


def test_no_data_leaves_no_trace(world: EventsWorld) -> None:
    samples = Samples(world.context().state, now=at_noon)
    for value in (None, float("nan"), float("inf")):
        samples.note("health", value, NOON)
    assert samples.course("health", NOON)[0].value is None


def test_old_samples_are_dropped(world: EventsWorld) -> None:
    store = world.context().state
    samples = Samples(store, now=at_noon)
    samples.note("health", 1.0, NOON - timedelta(seconds=KEEP_S + 7_200))
    samples.note("health", 2.0, NOON - timedelta(seconds=KEEP_S - 7_200))
    samples.note("health", 3.0, NOON)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(SAMPLES)).scalar() == 2


def test_systems_that_share_a_store_do_not_share_their_courses(world: EventsWorld) -> None:
    store = world.context().state
    here, there = (Samples(store, source=source, now=at_noon) for source in ("one", "two"))
    here.note("health", 98.0, NOON)
    assert there.course("health", NOON)[0].value is None
    assert here.course("health", NOON)[0].value == 98.0


def test_steps_and_lengths_are_bounded(world: EventsWorld) -> None:
    samples = Samples(world.context().state, now=at_noon)
    assert len(samples.course("health", NOON - timedelta(days=4_000))) == MOST_POINTS
    assert samples.course("health", NOON + timedelta(days=1)) == ()
    for step in (0, 60, 301, -300):
        with pytest.raises(UserError):
            samples.course("health", NOON, step)
    with pytest.raises(UserError):
        samples.note("", 1.0, NOON)


class Failing(StateStore):
    """Takes nothing while `down`."""

    down = False

    def transact(self, work: Callable[[Connection], Result], *, journal: bool = False) -> Result:
        if self.down:
            raise SourceFailure(FailureKind.UNREACHABLE, "state", "away")
        return super().transact(work, journal=journal)


def test_what_the_store_does_not_take_is_written_with_the_next_one(tmp_path: Path) -> None:
    store = Failing(StateSettings(), tmp_path)
    samples = Samples(store, now=at_noon)
    store.down = True
    samples.note("health", 98.0, NOON)
    store.down = False
    assert samples.course("health", NOON)[0].value is None
    samples.note("health", 96.0, NOON + timedelta(minutes=10))
    assert samples.course("health", NOON)[0].value == 97.0


def test_a_database_is_known_by_where_it_is_and_not_by_who_asks() -> None:
    def identity(url: str) -> str:
        return common_identity(DatabaseSettings(common_url=url), "events")

    one = identity("mysql+pymysql://reader:secret@DB.example/fub")
    assert one == identity("mariadb://other@db.example:3306/fub?charset=utf8mb4")
    others = ("mysql://reader@db2.example/fub", "mysql://reader@db.example:3307/fub", "mysql://reader@db.example/fub2")
    assert len({one, *map(identity, others), identity("sqlite:////a.db"), identity("sqlite:////b.db")}) == 6
    assert "secret" not in one
    with pytest.raises(SourceFailure):
        common_identity(DatabaseSettings())
