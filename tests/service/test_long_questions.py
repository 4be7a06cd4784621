"""Long questions beside quick ones."""

from __future__ import annotations

import threading

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, SingleFlight, StillAsking
from diagnostics.health.figures import failed
from diagnostics.models.status import Status
from tests.service.world import World

NOW = 0.0


def test_a_quick_answer_is_waited_for() -> None:
    assert SingleFlight().within("k", "all accounts", lambda _: 7, 5.0) == 7


def test_whoever_has_time_asks_in_their_own_thread() -> None:
    asked = SingleFlight().within("k", "all accounts", lambda _: threading.current_thread(), None)
    assert asked is threading.current_thread()


def test_a_long_question_is_asked_once_and_says_how_far_it_is() -> None:
    answers, go, reported, asked = SingleFlight(), threading.Event(), threading.Event(), []

    def ask(job: Job) -> int:
        asked.append(1)
        job.report(512, 6_864, "accounts")
        reported.set()
        assert go.wait(20)
        return 7

    with pytest.raises(StillAsking):
        answers.within("k", "all accounts", ask, NOW)
    assert reported.wait(20)
    with pytest.raises(StillAsking) as caught:
        answers.within("k", "all accounts", ask, NOW)
    assert caught.value.headline() == "all accounts: being asked, 512 of 6,864 accounts"
    go.set()
    assert answers.within("k", "all accounts", ask, 20.0) == 7
    assert len(asked) <= 2


def test_a_failure_reaches_whoever_waits_and_the_next_one_asks_again() -> None:
    answers = SingleFlight()

    def fails(_: Job) -> int:
        raise SourceFailure(FailureKind.TIMED_OUT, "client", "slow")

    with pytest.raises(SourceFailure, match="slow"):
        answers.within("k", "all accounts", fails, 5.0)
    assert answers.within("k", "all accounts", lambda _: 3, 5.0) == 3


def test_an_error_of_the_console_is_a_failure_and_no_hang() -> None:
    with pytest.raises(SourceFailure, match="an error of its own"):
        SingleFlight().within("k", "all accounts", lambda _: 1 // 0, 5.0)


def test_what_is_still_being_asked_is_no_data_and_not_a_lost_source(world: World) -> None:
    rule = world.catalogue.thresholds["resolution_accuracy"]
    figure = failed("resolution_accuracy", rule, StillAsking("all accounts", None))
    assert (figure.status, figure.value) == (Status.NO_DATA, None)
    assert figure.failure == "all accounts: being asked"
