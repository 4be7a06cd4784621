"""A plan is carried out by the status flip: each event has one effect, or is named; whatever dies meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from diagnostics.core.document import Fact
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.incident.journal import Journal
from diagnostics.recovery.drain.document import drain_document
from diagnostics.recovery.drain.entries import BatchIntended, DrainStarted, DrainUnpaused, OutcomesHeard
from diagnostics.recovery.drain.positions import unpacked
from diagnostics.recovery.drain.report import DrainReport
from diagnostics.recovery.models import PlanState
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sources.mysql.writer import Writer
from sandbox.recovery.poller import Poller
from sandbox.recovery.zillow import Limit
from tests.mariadb import MariaDB
from tests.recovery.drained import Backlog, in_the_tests_time


def listed(report: DrainReport) -> dict[str, int]:
    """Events by list, without those that are empty."""
    return {one.name: one.events for one in report.lists if one.events}


# ---- what it is for


def test_a_plan_is_carried_out_and_each_event_is_delivered_once(backlog: Backlog) -> None:
    seen = backlog.apply()
    assert (seen.standing, seen.counts) == ("done", {"delivered": 60})
    assert backlog.zillow.effects == dict.fromkeys(range(1, 61), 1)
    assert listed(backlog.recovery.drains.report()) == {"delivered": 60}
    # Oldest first, as they were received.
    assert list(backlog.zillow.effects) == list(range(1, 61))


def test_a_rate_that_was_seen_is_called_no_limit_and_a_drain_that_just_began_has_no_rate_yet(backlog: Backlog) -> None:
    backlog.apply()
    report = backlog.recovery.drains.report()
    just_began = report.view.model_copy(
        update={"delivered_per_s": None, "limit": 1.45, "limit_is_named": False, "standing": "carried"}
    )
    long_ago = just_began.model_copy(update={"limit_is_named": True, "limit": 20.0})
    for view, later_s, words in (
        (just_began, 5, ("too soon to say how many a second", "(most seen 1.4/s)")),
        (long_ago, 300, ("nothing was delivered in the last minute", "(limit 20.0/s)")),
    ):
        now = view.started_at + timedelta(seconds=later_s)
        shown = drain_document(report.model_copy(update={"view": view}), now, may_write=True)
        rate = next(one.text for one in shown.blocks if isinstance(one, Fact) and one.label == "rate")
        assert all(one in rate for one in words), rate


def test_the_first_events_go_in_rungs_that_wait_for_the_outcomes(backlog: Backlog) -> None:
    backlog.apply()
    sent = heard = 0
    for entry in backlog.context.journal.stream("DRN-1"):
        if isinstance(entry.body, OutcomesHeard):
            heard += sum(len(unpacked(which, 60)) for which in entry.body.ended.values())
        if isinstance(entry.body, BatchIntended):
            # Rungs of 1, 2, 5 and 20 end here: all before one have ended, and no batch reaches beyond one.
            assert heard >= max(end for end in (0, 1, 3, 8, 28) if end <= sent)
            sent += len(entry.body.marks)
            assert sent <= min(end for end in (1, 3, 8, 28, 78) if end > sent - len(entry.body.marks))
    assert (sent, heard) == (60, 60)


@pytest.mark.mariadb
def test_on_mariadb_too_with_the_rights_that_the_writer_needs_and_no_others(
    mariadb: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlog = Backlog(tmp_path, 300, server=mariadb)
    in_the_tests_time(backlog, monkeypatch)
    try:
        assert backlog.apply().counts == {"delivered": 300}
        assert backlog.zillow.effects == dict.fromkeys(range(1, 301), 1)
        mariadb.execute(f"REVOKE UPDATE ON `{backlog.shelf.name_of('common')}`.* FROM '{backlog.user}'@'%'")
        backlog.shelf.common("zillow_webhook_events", backlog.row(301))
        plan = backlog.planned().plan
        with pytest.raises(SourceFailure) as refused:
            backlog.console().apply(plan.plan_id, backlog.words(1))
        assert refused.value.kind is FailureKind.DENIED
        assert backlog.console().drains() == ("DRN-1",)
    finally:
        backlog.close()


# ---- doors that stay shut


@pytest.mark.parametrize("words", ["", "yes", "60", "PROD", "59 PROD", "60 STAGING", "60 prod"])
def test_other_words_confirm_nothing(backlog: Backlog, words: str) -> None:
    plan = backlog.planned().plan
    with pytest.raises(UserError, match="confirmation"):
        backlog.recovery.drains.apply(plan.plan_id, words)
    assert (backlog.statuses(), backlog.recovery.drains.drains()) == ({"failed": 60}, ())


def test_a_plan_is_used_once(backlog: Backlog) -> None:
    plan = backlog.planned().plan
    other = backlog.console()
    backlog.recovery.drains.apply(plan.plan_id, backlog.words())
    with pytest.raises(UserError, match="used by DRN-1"):
        other.apply(plan.plan_id, backlog.words())
    assert backlog.recovery.show(plan.plan_id).state is PlanState.USED
    assert max(backlog.zillow.requests.values()) == 1


def test_a_stale_plan_is_refused_says_what_moved_and_stays_readable(backlog: Backlog) -> None:
    plan = backlog.planned().plan
    backlog.shelf.execute("common", "UPDATE zillow_webhook_events SET status = 'delivered' WHERE id = 7")
    backlog.shelf.execute("common", "UPDATE zillow_webhook_events SET attempts = 9 WHERE id IN (8, 9)")
    with pytest.raises(UserError, match="moved on") as refused:
        backlog.recovery.drains.apply(plan.plan_id, backlog.words())
    assert "1 not waiting any more" in refused.value.accepted
    assert "2 tried again" in refused.value.accepted
    assert backlog.recovery.show(plan.plan_id).plan == plan


def test_an_expired_plan_is_refused(backlog: Backlog) -> None:
    plan = backlog.planned().plan
    backlog.jumped_s = 3_600.0
    with pytest.raises(UserError, match="ended at"):
        backlog.recovery.drains.apply(plan.plan_id, backlog.words())


def test_a_plan_without_a_carrier_is_refused(backlog: Backlog) -> None:
    plan = backlog.recovery.plan(rate=400.0).plan
    with pytest.raises(UserError, match="names no carrier"):
        backlog.recovery.drains.apply(plan.plan_id, backlog.words())


@pytest.mark.parametrize("lacks", ["permission", "login", "journal"])
def test_without_writer_or_a_journal_that_lasts_nothing_is_sent(backlog: Backlog, lacks: str) -> None:
    settings = backlog.settings()
    if lacks == "permission":
        settings = settings.model_copy(update={"writes": settings.writes.model_copy(update={"recovery": False})})
    elif lacks == "login":
        settings = settings.model_copy(update={"databases": settings.databases.model_copy(update={"writer": None})})
    else:
        (backlog.folder / "a file").touch()
        settings = settings.model_copy(update={"state_dir": backlog.folder / "a file"})
    plan = backlog.planned().plan
    drains = backlog.console_of(settings)
    assert drains.may_write is (lacks == "journal")
    doors: list[Callable[[], object]] = [
        lambda: drains.apply(plan.plan_id, backlog.words()),
        lambda: drains.resume("DRN-1", backlog.words()),
        lambda: drains.pause("DRN-1"),
        lambda: drains.unpause("DRN-1"),
        lambda: drains.throttle("DRN-1", 5.0),
        lambda: drains.stop("DRN-1"),
    ]
    for door in doors:
        with pytest.raises(UserError, match=r"no writer|ends with this console"):
            door()
    assert backlog.statuses() == {"failed": 60}


@pytest.mark.parametrize("part", ["plan", "members", "digest"])
def test_a_drain_that_somebody_forged_is_not_carried_on(backlog: Backlog, part: str) -> None:
    backlog.apply()
    started = backlog.context.journal.stream("DRN-1")[0].body
    assert isinstance(started, DrainStarted)
    changed: dict[str, object] = {"digest": "0" * 64}
    if part == "plan":
        changed = {"plan": started.plan.replace('"events":60', '"events":61')}
    elif part == "members":
        changed = {"members": started.members[:-1]}
    backlog.context.journal.open("DRN", [started.model_copy(update=changed)])
    with pytest.raises(UserError, match="not as it was confirmed"):
        backlog.recovery.drains.resume("DRN-2", backlog.words())


def test_an_entry_about_events_that_the_plan_does_not_have_is_not_obeyed(backlog: Backlog) -> None:
    backlog.apply()
    backlog.context.journal.append("DRN-1", [BatchIntended(number=99, positions="60-4000000000", marks=("-",))])
    with pytest.raises(UserError, match="events that its plan does not have"):
        backlog.recovery.drains.report("DRN-1")


# ---- people


def test_paused_nothing_more_goes_and_resumed_it_goes_on(backlog: Backlog) -> None:
    drains = backlog.recovery.drains
    seen: list[int] = []

    def people() -> None:
        if not seen and len(backlog.zillow.effects) >= 8:
            drains.pause("DRN-1", "look first")
            seen.append(0)
        elif seen and backlog.clock_s % 10 < 0.01:
            seen.append(len(backlog.zillow.effects))
            if len(seen) == 6:
                assert drains.show().standing == "paused"
                assert drains.show().why == "by a person: look first"
                drains.unpause("DRN-1")

    backlog.on_wait = people
    assert backlog.apply(backlog.recovery.drains).counts == {"delivered": 60}
    # What was handed over in that second is delivered; then half a minute of nothing.
    assert len(set(seen[2:6])) == 1
    assert seen[2] < 60


def test_throttled_it_keeps_below_the_rate(backlog: Backlog) -> None:
    at: list[int] = []

    def people() -> None:
        if backlog.zillow.effects:
            if not at:
                backlog.recovery.drains.throttle("DRN-1", 2.0)
            at.append(len(backlog.zillow.effects))

    backlog.on_wait = people
    backlog.apply()
    # A look every quarter of a second: in any ten seconds, 20 events and those of the second in which it was said.
    assert max(later - now for now, later in zip(at[12:], at[52:], strict=False)) <= 23
    assert backlog.clock_s > 20


def test_stopped_it_names_what_was_never_sent_and_that_can_be_planned_again(backlog: Backlog) -> None:
    def people() -> None:
        if 8 <= len(backlog.zillow.effects) < 28:
            backlog.recovery.drains.stop("DRN-1", "enough")

    backlog.on_wait = people
    seen = backlog.apply()
    assert seen.standing == "stopped"
    lists = listed(backlog.recovery.drains.report())
    assert lists["delivered"] + lists["never_sent"] == 60
    assert lists["never_sent"] >= 32
    backlog.on_wait = lambda: None
    plan = backlog.recovery.plan(rate=400.0, carrier="flip", again=("DRN-1", "never_sent")).plan
    assert (plan.events, plan.again) == (lists["never_sent"], "DRN-1 never_sent")
    assert backlog.recovery.drains.apply(plan.plan_id, backlog.words(plan.events)).standing == "done"
    assert backlog.zillow.effects == dict.fromkeys(range(1, 61), 1)


def test_who_resumes_takes_over_and_the_other_console_stops(backlog: Backlog) -> None:
    other = backlog.console()
    took: list[str] = []

    def people() -> None:
        if len(backlog.zillow.effects) >= 8:
            backlog.on_wait = lambda: None
            took.append(other.resume("DRN-1", backlog.words()).standing)

    backlog.on_wait = people
    with pytest.raises(UserError, match="carries on with DRN-1"):
        backlog.apply()
    assert took == ["done"]
    assert backlog.zillow.effects == dict.fromkeys(range(1, 61), 1)


# ---- what the world does


def test_events_that_moved_on_before_their_turn_are_left_alone_and_named(backlog: Backlog) -> None:
    def somebody() -> None:
        backlog.on_wait = lambda: None
        backlog.shelf.execute("common", "UPDATE zillow_webhook_events SET status = 'delivered' WHERE id > 50")
        backlog.shelf.execute("common", "UPDATE zillow_webhook_events SET attempts = 4 WHERE id = 50")

    backlog.on_wait = somebody
    backlog.apply()
    report = backlog.recovery.drains.report()
    assert listed(report) == {"delivered": 49, "moved_on": 11}
    moved = next(one for one in report.lists if one.name == "moved_on")
    assert {one.cause: one.events for one in moved.causes} == {
        "delivered meanwhile": 10,
        "tried again by somebody else": 1,
    }
    assert set(backlog.zillow.requests) == set(range(1, 50))


def test_a_counter_that_is_nearly_used_up_is_lowered_so_that_no_event_dies_of_the_drain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlog = Backlog(tmp_path, 10, attempts=11, limit=Limit(rate=500.0, burst=1.0, live=0.0))
    in_the_tests_time(backlog, monkeypatch)
    lost = backlog.row(99, 12, "lost", processed_at=backlog.row(1)["received_at"])
    backlog.shelf.common("zillow_webhook_events", lost)
    try:
        plan = backlog.planned(None).plan
        assert (plan.events, plan.exhausted) == (10, 12)
        backlog.zillow.is_down = True
        backlog.on_wait = partial(backlog.recovery.drains.stop, "DRN-1")
        backlog.recovery.drains.apply(plan.plan_id, backlog.words())
        attempts = backlog.shelf.execute("common", "SELECT status, attempts FROM zillow_webhook_events WHERE id = 1")
        # From 11 to 9, and one more that failed: with 12 it would be lost.
        assert attempts == [("failed", 10)]
    finally:
        backlog.close()


def test_a_rung_that_fails_pauses_the_drain_and_says_of_what(backlog: Backlog) -> None:
    backlog.zillow.is_down = True
    said: list[str] = []

    def people() -> None:
        seen = backlog.recovery.drains.show()
        if seen.standing == "paused":
            said.append(seen.why)
            backlog.recovery.drains.stop("DRN-1")

    backlog.on_wait = people
    backlog.apply()
    assert "HTTP 503" in said[0]
    report = backlog.recovery.drains.report()
    assert listed(report) == {"failed": 1, "never_sent": 59}
    # It can be planned again: it had no effect, and a person decides.
    backlog.zillow.is_down = False
    backlog.on_wait = lambda: None
    again = backlog.recovery.plan(rate=400.0, carrier="flip", again=("DRN-1", "failed")).plan
    backlog.recovery.drains.apply(again.plan_id, backlog.words(1))
    assert backlog.zillow.effects == {1: 1}


def test_without_a_poller_the_first_event_is_named_and_nothing_more_is_sent(backlog: Backlog) -> None:
    backlog.polls = False

    def people() -> None:
        if backlog.clock_s % 20 < 0.01 and backlog.recovery.drains.show().standing == "paused":
            backlog.recovery.drains.stop("DRN-1")

    backlog.on_wait = people
    backlog.apply()
    assert listed(backlog.recovery.drains.report()) == {"lost_in_worker": 1, "never_sent": 59}
    assert backlog.statuses() == {"failed": 59, "pending": 1}


def test_a_429_is_heard_of_waited_for_as_the_server_says_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlog = Backlog(tmp_path, 400, limit=Limit(rate=20.0, burst=5.0, live=0.0, retry_after_s=10))
    in_the_tests_time(backlog, monkeypatch)
    seen: list[float] = []

    def watch() -> None:
        if backlog.clock_s % 2:
            return
        until = backlog.recovery.drains.show().paused_until
        if until is not None:
            seen.append((until - backlog.now()).total_seconds())

    backlog.on_wait = watch
    try:
        backlog.apply(rate=None)
        report = backlog.recovery.drains.report()
        lists = listed(report)
        assert lists["delivered"] + lists["failed"] == 400
        failed = next(one for one in report.lists if one.name == "failed")
        assert [one.cause for one in failed.causes] == ["HTTP 429"]
        assert 0 < max(seen) <= 10
        assert backlog.zillow.limited < 0.10 * 400
        backlog.is_exactly_once_or_named(report)
    finally:
        backlog.close()


# ---- killed anywhere


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """Everything that lasts: writing to the journal, and to the database. Ends the process at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0
        self.kill_at: int | None = None
        append, begin = Journal.append, Writer.begin

        def appending(journal: Journal, *given: object, **named: object) -> object:
            self.step()
            written = append(journal, *given, **named)  # type: ignore[arg-type]  # handed on as it came
            self.step()
            return written

        @contextmanager
        def beginning(writer: Writer, place: AccountPlace | None) -> Iterator[Connection]:
            self.step()
            with begin(writer, place) as connection:
                yield connection
                self.step()
            self.step()

        monkeypatch.setattr(Journal, "append", appending)
        monkeypatch.setattr(Writer, "begin", beginning)

    def step(self) -> None:
        """One more; perhaps the last."""
        self.passed += 1
        if self.passed == self.kill_at:
            raise Killed


def killed_at_each(backlog: Backlog, monkeypatch: pytest.MonkeyPatch, points: Iterator[int]) -> tuple[DrainReport, int]:
    """Killed at the first of these steps, resumed, killed at the next, … until it comes to its end."""
    steps = Steps(monkeypatch)
    plan = backlog.planned().plan
    kills = 0
    while True:
        console = backlog.console()
        names = console.drains()
        if names and console.show(names[0]).is_over:
            return console.report(), kills
        steps.passed, steps.kill_at = 0, next(points, None)
        try:
            if names:
                console.resume(names[0], backlog.words())
            else:
                console.apply(plan.plan_id, backlog.words())
        except Killed:
            kills += 1
            backlog.jumped_s = 0.0
            steps.kill_at = None
            backlog.wait(1.0)


def test_killed_at_any_step_it_goes_on_and_sends_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog(tmp_path, 12)
    in_the_tests_time(backlog, monkeypatch)
    try:
        report, kills = killed_at_each(backlog, monkeypatch, iter(range(1, 30)))
        assert kills >= 16
        assert listed(report) == {"delivered": 12}
        assert backlog.zillow.requests == dict.fromkeys(range(1, 13), 1)
    finally:
        backlog.close()


@pytest.mark.matrix
@pytest.mark.parametrize("first", range(1, 24))
def test_killed_at_every_pair_of_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    backlog = Backlog(tmp_path, 40)
    in_the_tests_time(backlog, monkeypatch)
    try:
        report, _ = killed_at_each(backlog, monkeypatch, iter([first, *range(1, 40)]))
        assert listed(report) == {"delivered": 40}
        assert backlog.zillow.requests == dict.fromkeys(range(1, 41), 1)
    finally:
        backlog.close()


class MortalPoller(Poller):
    """The poller, killed now and then between claiming events and writing their answers down."""

    draw: random.Random
    deaths = 0
    """How many times it is killed yet."""
    begun: Callable[[], bool]

    def step(self, now: float) -> int:
        """One look; perhaps its last: some of what it claimed is delivered, and nothing is written down."""
        if not self.deaths or not self.begun() or self.draw.random() > 0.1:
            return super().step(now)
        taken = self.claim(now)
        for event, attempts, due in taken[: self.draw.randrange(len(taken) + 1)]:
            self.deliver(event, attempts, max(due, min(now, due + 0.25)))
        self.deaths -= bool(taken)
        return len(taken)


NEVER_FED = range(5_001, 5_035)
"""32 events that a poller has in hand, and 2 that are lost: none of a plan's business."""


@pytest.mark.parametrize(
    ("seed", "deaths"), [(17, 0), *(pytest.param(seed, 3, marks=pytest.mark.matrix) for seed in range(20))]
)
def test_2000_events_with_consoles_and_pollers_killed_the_endpoint_down_for_a_while_and_a_clock_that_jumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, deaths: int
) -> None:
    draw = random.Random(seed)  # noqa: S311  # a reproducible story, no secret
    backlog = Backlog(tmp_path, 2_000)
    in_the_tests_time(backlog, monkeypatch)
    # What a dead poller held is waited for, five minutes each time.
    monkeypatch.setattr("tests.recovery.drained.LONGEST_S", 6_000.0)
    in_hand = [backlog.row(event, 1, "processing") for event in NEVER_FED[2:]]
    backlog.shelf.common("zillow_webhook_events", *in_hand)
    backlog.shelf.common("zillow_webhook_events", *(backlog.row(event, 12, "lost") for event in NEVER_FED[:2]))
    poller = MortalPoller(cast("Any", backlog), backlog.zillow.take, backlog.real)
    poller.draw, poller.begun, poller.deaths = draw, lambda: len(backlog.zillow.effects) > 200, deaths
    backlog.poller = poller
    down_at = draw.uniform(600, 1_400)

    def world() -> None:
        done = len(backlog.zillow.effects)
        backlog.zillow.is_down = down_at <= done and backlog.clock_s < down_until[0]
        if down_at <= done and down_until[0] == 0:
            down_until[0] = backlog.clock_s + 3.0
            backlog.jumped_s = draw.choice([-3_600.0, 3_600.0])
        # What a pause of the breaker or of a rung needs: somebody who looks and goes on.
        if (names := backlog.recovery.drains.drains()) and backlog.clock_s % 5 < 0.3:
            seen = backlog.recovery.drains.show(names[0])
            if seen.standing == "paused":
                backlog.context.journal.append(names[0], [DrainUnpaused()])

    down_until = [0.0]
    backlog.on_wait = world
    try:
        points = iter([draw.randrange(1, 60) for _ in range(6)])
        report, kills = killed_at_each(backlog, monkeypatch, points)
        assert kills >= 3
        assert poller.deaths < max(1, deaths)
        backlog.is_exactly_once_or_named(report)
        lists = listed(report)
        assert set(lists) <= {"delivered", "failed", "lost_in_worker"}
        # A poller that dies takes a page of 200 events with it at most.
        assert lists["delivered"] >= 1_500 - 200 * deaths
        assert not [event for event in NEVER_FED if backlog.zillow.requests[event]]
        told = next(one for one in report.lists if one.name == "lost_in_worker")
        delivered = {event for one in report.lists if one.name == "delivered" for event in one.ids}
        undelivered = [event for event in backlog.zillow.effects if event not in delivered]
        # What had its effect, and whose poller died before it said so, is named: nobody feeds it by itself.
        assert set(undelivered) <= set(told.ids)
    finally:
        backlog.close()


def test_without_its_entry_in_the_journal_no_batch_is_handed_over(
    backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal.append

    def full(journal: Journal, stream: str, bodies: object, **named: object) -> object:
        if any(isinstance(body, BatchIntended) for body in bodies):  # type: ignore[attr-defined]  # bodies of entries
            raise SourceFailure(FailureKind.UNREACHABLE, "state", "no space left on the disk")
        return append(journal, stream, bodies, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(SourceFailure, match="no space"):
        backlog.apply()
    assert backlog.statuses() == {"failed": 60}


def test_a_database_that_is_gone_for_a_while_is_waited_for(backlog: Backlog, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Writer.begin
    fails = [3]

    @contextmanager
    def broken(writer: Writer, place: AccountPlace | None) -> Iterator[Connection]:
        with begin(writer, place) as connection:
            yield connection
            if backlog.zillow.effects and fails[0]:
                fails[0] -= 1
                raise SourceFailure(FailureKind.UNREACHABLE, "common (writer)", "the server went away")

    monkeypatch.setattr(Writer, "begin", broken)
    assert backlog.apply().counts == {"delivered": 60}
    assert backlog.zillow.requests == dict.fromkeys(range(1, 61), 1)
    assert fails == [0]
