"""State of level 2 after readings: next failure, order, limits, and the end of a long question."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job
from diagnostics.models.figures import Coverage
from diagnostics.models.health import Resolution
from diagnostics.models.readings import Freshness, Reading
from diagnostics.models.status import Status
from screens.health import state as known
from screens.health.state import HealthState, health_scale, limits_in, short_limits
from screens.held_readings import SYSTEMS, ResolutionFanOut, resolution_bands
from tests.console.scripted import NOW
from tests.console.scripted_health import ScriptedHealth, figure
from tests.shipped import shipped_catalogue


def reading(key: str, value: object, *, failure: str = "", sequence: int = 1) -> Reading[Any]:
    freshness = Freshness.FRESH if not failure else Freshness.STALE if value is not None else Freshness.FAILED
    return Reading[Any](key=key, freshness=freshness, value=value, taken_at=NOW, failure=failure, sequence=sequence)


def state_of(health: ScriptedHealth) -> HealthState:
    state = HealthState()
    state.take(reading(SYSTEMS, health.systems()))
    state.take(reading(known.LEADING, health.leading()))
    state.take(reading(known.OVERVIEW, health.overview()))
    return state


def test_a_failing_system_is_named_with_everything_that_fails_after_it() -> None:
    found = state_of(ScriptedHealth()).next_to_fail()
    assert found.text == "ZillowAuth FAILS → ZillowAgent → ZillowSyncUser → transaction sync"
    assert found.word == "FAIL"


def test_without_a_failing_system_the_worst_leading_indicator_is_next() -> None:
    state = state_of(ScriptedHealth())
    state.take(reading(SYSTEMS, ScriptedHealth(quiet=True).systems(), sequence=2))
    found = state.next_to_fail()
    assert found.text.startswith("Tokens expiring within 24 h: 1,204, warn (> 25 % warning")
    assert found.tone == "warn"


def test_a_warning_that_a_part_of_the_accounts_gives_says_so_and_blind_systems_are_counted() -> None:
    state = state_of(ScriptedHealth())
    unknown = [one.model_copy(update={"status": Status.UNREACHABLE}) for one in ScriptedHealth().systems()]
    drift = figure("resolution_drift", "Resolution drift", 0.32, "0.32 pt", Status.WARN, "> 5 points warning")
    partial = drift.model_copy(update={"coverage": Coverage(answered=48, asked=64)})
    state.take(reading(SYSTEMS, tuple(unknown), sequence=2))
    state.take(reading(known.LEADING, (partial,), sequence=2))
    said = state.next_to_fail().text
    assert said == "6 of 6 systems not known; Resolution drift: 0.32 pt, warn (rests on 48 of 64 accounts)"


def test_all_well_is_said_only_when_everything_has_answered_and_is_well() -> None:
    assert state_of(ScriptedHealth(quiet=True)).next_to_fail().word == "ok"
    partly = state_of(ScriptedHealth(quiet=True, partial=True)).next_to_fail()
    assert partly.word == "not known"
    assert "2 of 13 signs are not known" in partly.text


def test_a_silent_source_is_not_well() -> None:
    state = HealthState()
    assert state.next_to_fail().word == "asking"
    state.take(reading(SYSTEMS, None, failure="common: unreachable"))
    state.take(reading(known.LEADING, None, failure="common: unreachable"))
    found = state.next_to_fail()
    assert found.word == "not known"
    assert "no answer about the systems and the leading indicators" in found.text


def test_an_old_answer_is_called_one() -> None:
    state = state_of(ScriptedHealth())
    state.take(reading(SYSTEMS, ScriptedHealth().systems(), failure="common: timed out", sequence=2))
    found = state.next_to_fail()
    assert found.text.startswith("stale: ZillowAuth FAILS")
    assert found.tone == "muted"


def test_an_older_reading_and_a_strangers_are_not_taken() -> None:
    state = HealthState()
    assert state.take(reading(known.KPIS, (), sequence=5))
    assert not state.take(reading(known.KPIS, (), sequence=4))
    assert not state.take(reading("pulse:rate_limiting", None))


def test_indicators_are_listed_by_urgency_and_keep_their_order_until_they_are_sorted_again() -> None:
    state = state_of(ScriptedHealth(worst_indicator="deals_unsynced"))
    state.reorder()
    assert [one.id for one in state.leading][:2] == ["deals_unsynced", "tokens_expiring_24h"]
    state.take(reading(known.LEADING, ScriptedHealth(worst_indicator="webhook_lag").leading(), sequence=2))
    assert state.leading[0].id == "deals_unsynced"
    state.reorder()
    assert state.leading[0].id == "webhook_lag"


def test_sync_events_without_an_overview_are_a_dash_and_never_nothing() -> None:
    state = HealthState()
    assert state.sync.status is Status.NO_DATA
    state.take(reading(known.OVERVIEW, None, failure="common: unreachable"))
    assert (state.sync.value, state.sync.status, state.sync.failure) == (
        None,
        Status.UNREACHABLE,
        "common: unreachable",
    )


@pytest.mark.parametrize(
    ("rule", "unit", "wordings"),
    [
        ("< 99 % warning, < 98 % critical", "%", ("warn < 99, crit < 98", "< 99 / 98")),
        ("> 1,000 ms warning, > 2,000 ms critical", "ms", ("warn > 1000, crit > 2000", "> 1000 / 2000")),
        ("> 25 % warning, > 50 % critical", "tokens", ("warn > 25 %, crit > 50 %", "> 25 / 50 %")),
        ("> 2.5 warning", "", ("warn > 2.5", "> 2.5")),
        ("< 97 % warning, < 95 % critical, < 90 % escalate at once", "%", ("warn < 97, crit < 95", "< 97 / 95")),
        ("", "", ()),
        ("more than usual", "", ()),
    ],
)
def test_limits_are_read_from_the_rule_and_keep_a_unit_that_is_not_the_figures(
    rule: str, unit: str, wordings: tuple[str, ...]
) -> None:
    assert short_limits(figure("x", "X", 1.0, "1", Status.PASS, rule, unit=unit)) == wordings


def test_every_threshold_of_the_catalogue_can_be_written_short() -> None:
    for threshold in shipped_catalogue().thresholds.values():
        limits = limits_in(threshold.rule())
        assert (limits.warning, limits.critical) == (threshold.warning, threshold.critical)


def test_the_course_is_drawn_with_the_limits_of_what_it_is_a_course_of() -> None:
    catalogue, overview = shipped_catalogue(), ScriptedHealth().overview()
    scale = health_scale(catalogue, overview)
    assert (scale.usual, scale.warning, scale.critical) == (98.8, 97.0, 95.0)
    assert scale.low <= 94.1
    other = overview.course.model_copy(update={"title": "Sync success, 24 h"})
    of_events = health_scale(catalogue, overview.model_copy(update={"course": other}))
    assert of_events.usual is None


def test_bands_come_from_the_catalogue() -> None:
    bands = resolution_bands(shipped_catalogue())
    assert (bands.healthy, bands.warning, bands.critical) == (2.0, 5.0, 10.0)


class Client:
    """A question over many databases that stands still until it is cancelled."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.times = 0

    def ask(self, job: Job) -> Resolution:
        self.times += 1
        job.report(1, 3, "accounts")
        self.began.set()
        if self.times == 1:
            while not job.wait(0.01):
                pass
            job.raise_if_cancelled("client hosts")
        return ScriptedHealth(quiet=True).resolution()


def how_far(fan_out: ResolutionFanOut) -> tuple[bool, int | None, int | None]:
    progress = fan_out.progress
    return fan_out.is_running, progress.done if progress else None, progress.total if progress else None


def test_a_long_question_reports_ends_when_told_and_is_not_asked_again_until_told() -> None:
    client, moved, caught = Client(), threading.Event(), []
    fan_out = ResolutionFanOut(client.ask, moved.set, refresh_s=600.0)
    assert not fan_out.cancel()

    def run() -> None:
        try:
            fan_out.ask()
        except SourceFailure as failure:
            caught.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    assert client.began.wait(5)
    assert how_far(fan_out) == (True, 1, 3)
    assert fan_out.cancel()
    thread.join(5)
    assert [failure.kind for failure in caught] == [FailureKind.CANCELLED]
    assert caught[0].retry_after == 600.0
    assert how_far(fan_out) == (False, None, None)
    assert moved.is_set()
    with pytest.raises(SourceFailure, match="ended because you asked for it"):
        fan_out.ask()
    assert client.times == 1
    fan_out.again()
    assert fan_out.ask().coverage is not None


def test_what_a_cancelled_question_has_found_so_far_is_an_answer() -> None:
    def partial(job: Job) -> Resolution:
        job.cancel()
        return ScriptedHealth().resolution()

    assert ResolutionFanOut(partial, lambda: None, refresh_s=1.0).ask().coverage is not None
