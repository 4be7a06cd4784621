"""Steps that stand on each other: side by side, told in their order, and none of them ends the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step, examined


def passing(source: str, subject: str) -> Iterable[DoctorLine]:
    return (DoctorLine.of(source, subject, Status.PASS, "as it should be"),)


def step(subject: str, *needs: str, source: str = "a") -> Step:
    return Step(source, subject, lambda: passing(source, subject), tuple(("a", one) for one in needs))


def told(lines: Iterable[DoctorLine]) -> list[tuple[str, str, str]]:
    return [(line.subject, str(line.status), line.detail) for line in lines]


def test_steps_are_asked_at_the_same_time_and_told_in_their_order() -> None:
    # Each waits for both: one after the other they would wait for ever.
    both = threading.Barrier(2, timeout=5)

    def meet(subject: str) -> Iterable[DoctorLine]:
        both.wait()
        return passing("a", subject)

    lines = examined([Step("a", one, partial(meet, one)) for one in ("first", "second")])
    assert [line.subject for line in lines] == ["first", "second"]


def test_what_stands_on_a_failure_names_the_cause_and_not_what_lies_between() -> None:
    def refuse() -> Iterable[DoctorLine]:
        raise SourceFailure(FailureKind.DENIED, "a", "the login was refused", remedy="set a.token")

    steps = [Step("a", "login", refuse), step("project", "login"), step("type", "project"), step("clock")]
    assert told(examined(steps)) == [
        ("login", "fail", "the login was refused"),
        ("project", "no_data", "not asked: a login"),
        ("type", "no_data", "not asked: a login"),
        ("clock", "pass", "as it should be"),
    ]


def test_a_warning_stops_nothing_and_a_failing_line_among_passing_ones_does() -> None:
    def say(status: Status) -> Iterable[DoctorLine]:
        return (*passing("a", "table x"), DoctorLine.of("a", "table y", status, "odd"))

    for status, expected in ((Status.WARN, "as it should be"), (Status.FAIL, "not asked: a table y")):
        steps = [Step("a", "tables", partial(say, status)), step("indexes", "tables")]
        assert list(examined(steps))[-1].detail == expected


def test_a_step_may_hold_others_although_one_of_its_lines_failed() -> None:
    def sample() -> Iterable[DoctorLine]:
        return (*passing("client 1", "reachable"), DoctorLine.of("client 2", "reachable", Status.FAIL, "no"))

    def nobody_passed(lines: Sequence[DoctorLine]) -> bool:
        return not any(line.status is Status.PASS for line in lines)

    for judge, expected in ((None, "not asked: client 2 reachable"), (nobody_passed, "as it should be")):
        steps = [Step("a", "sample", sample, is_lost=judge), step("on it", "sample")]
        assert list(examined(steps))[-1].detail == expected


def test_a_need_that_is_not_examined_here_is_no_need() -> None:
    assert told(examined([step("alone", "elsewhere")])) == [("alone", "pass", "as it should be")]


def test_errors_of_people_and_of_the_console_are_lines_too() -> None:
    def mistaken() -> Iterable[DoctorLine]:
        raise UserError("there is no account 7", where="common.accounts", next_step="check the number")

    def broken() -> Iterable[DoctorLine]:
        raise ZeroDivisionError

    lines = list(examined([Step("a", "account", mistaken), Step("a", "b", broken), step("c", "b"), step("d")]))
    assert (lines[0].detail, lines[0].remedy) == ("there is no account 7 in common.accounts", "check the number")
    assert (str(lines[1].status), "log file" in lines[1].detail) == ("fail", True)
    assert [line.detail for line in lines[2:]] == ["not asked: a b", "as it should be"]


def test_a_step_that_does_not_end_is_told_when_the_time_is_up_and_holds_nobody() -> None:
    ended = threading.Event()

    def hang() -> Iterable[DoctorLine]:
        ended.wait(10)
        return ()

    started = time.monotonic()
    lines = told(examined([step("before"), Step("a", "hangs", hang), step("on it", "hangs")], longest_s=0.3))
    took_s = time.monotonic() - started
    ended.set()
    assert [one[:2] for one in lines] == [("before", "pass"), ("hangs", "unreachable"), ("on it", "no_data")]
    assert lines[2][2] == "not asked: a hangs"
    assert took_s < 5
