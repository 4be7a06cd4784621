"""Carrying out a plan: which events go now, recorded before and after; what became of them, heard and recorded.

The engine may be killed at any point. What is certain then is what the journal has: a batch that is not in it was not
handed over; one whose end is not in it is asked after (`Carrier.find_out`) before anything else happens; events that
were handed over are looked at until they end. Several consoles cannot carry one drain: each entry names the one before
it, and who resumes takes over.

Pace is in the seconds of a clock that never jumps. The wall clock is read once, at the beginning, for the moments at
which events are due: one that jumps later, or is set right, moves none of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import plural
from diagnostics.incident.journal import Conflict
from diagnostics.recovery.carriers.base import End, Fate, Item
from diagnostics.recovery.drain.entries import (
    BatchGiven,
    BatchIntended,
    DrainEnded,
    DrainPaused,
    DrainResumed,
    EventsLeft,
    OutcomesHeard,
)
from diagnostics.recovery.drain.positions import packed
from diagnostics.recovery.drain.record import Stand
from diagnostics.recovery.feeding import Feeding
from diagnostics.recovery.ladder import RUNGS
from diagnostics.recovery.pacer import Answer, Outcome
from diagnostics.recovery.rehearsal import pace_of

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.incident.journal import Journal
    from diagnostics.models.entries import Body, Entry
    from diagnostics.recovery.carriers.base import Carrier, Sight
    from diagnostics.recovery.drain.record import DrainRecord

Answered = TypeVar("Answered")

STEP_S: Final = 0.5
"""Seconds between two batches, and between two looks into the journal, at least."""

LISTEN_S: Final = 1.0
"""Seconds between two looks at what others say of this drain: pause, throttle, stop."""

BACK_OFF_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until a source that did not answer is asked again."""

CAUSE: Final = 100
"""Characters of a cause; what differs beyond is one cause."""


@dataclass(slots=True)
class Flight:
    """An event that was handed over and has not ended."""

    item: Item
    sent_at: float
    is_own: bool
    """Handed over by this going through, so that pacer, breaker and ladder hear of it."""


@dataclass(slots=True)
class Now:
    """What a going through knows that no journal has; read by other threads, a field at a time."""

    rate: float = 0.0
    paused_until: datetime | None = None
    broken_until: datetime | None = None
    """While the breaker is open."""
    rung: int | None = 0
    """Of the first events; None once all have been climbed."""
    under_way: int = 0
    trouble: str = ""
    """Why nothing goes at this moment, where that is a source's fault."""
    notes: list[str] = field(default_factory=list)


class DrainRun:
    """One going through a drain, by one console; `go_on` is called once, by one thread."""

    def __init__(
        self,
        record: DrainRecord,
        carrier: Carrier,
        journal: Journal,
        job: Job,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self.now = Now()
        self._record = record
        self._carrier = carrier
        self._journal = journal
        self._job = job
        self._token = record.token
        self._wall = now
        self._clock = clock
        self._wait = wait or job.wait
        self._feeding = self._anew()
        self._flying: dict[int, Flight] = {}
        self._listen_at = self._look_at = self._feed_at = self._retry_at = -math.inf
        self._capped_at = -math.inf
        """With a throttle: when the next event may go."""
        self._failures = 0
        self._began = (now(), clock())
        self._apart = self._began[0].timestamp() - self._began[1]

    def go_on(self) -> None:
        """Carry on until every event is handed over and has ended, or the job is cancelled.

        Raises SourceFailure where the journal cannot be written, UserError where another console took over. Whatever it
        raises, and however it ends: nothing is lost by it, and resuming goes on.
        """
        record = self._record
        for position in record.positions(Stand.UNDER_WAY):
            self._flying[position] = Flight(self._item(position), self._clock(), is_own=False)
        while not self._job.is_over:
            now = self._clock()
            self._watch_the_clock()
            if now >= self._listen_at:
                self._listen_at = now + LISTEN_S
                self._listen()
            if record.ended is not None:
                return
            if now >= self._retry_at:
                if record.open:
                    self._settle()
                elif self._flying and now >= self._look_at:
                    self._look()
                elif not self._flying and self._is_at_its_end():
                    self._end()
                    continue
                elif self._may_feed() and now >= self._feed_at:
                    self._feed()
            self._tell()
            self._rest()

    # ---- what others say

    def _listen(self) -> None:
        self._take(self._journal.stream(self._record.name, self._record.seq))

    def _take(self, entries: Sequence[Entry]) -> None:
        was_paused = self._record.paused is not None
        self._record.take(entries)
        if self._record.token != self._token or any(
            isinstance(one.body, DrainResumed) and one.body.token != self._token for one in entries
        ):
            who, console = self._record.carried_by
            raise UserError(
                f"{who} ({console}) carries on with {self._record.name}: this console has stopped, and sends nothing",
                next_step=f"warroom recover report {self._record.name}",
            )
        if was_paused and self._record.paused is None:
            # After a pause nobody knows what holds: from the first rung on.
            self._feeding = self._anew()
            for flight in self._flying.values():
                flight.is_own = False

    def _write(self, *bodies: Body) -> None:
        """Append, and fold what stands there then. What others said meanwhile is taken in first."""
        while True:
            try:
                entries = self._journal.append(self._record.name, bodies, expect=self._record.seq)
            except Conflict as conflict:
                if not conflict.entries_since:
                    raise UserError(
                        "the journal is another one than before: this console has stopped, and sends nothing",
                        next_step="warroom journal verify; then warroom recover resume",
                    ) from None
                was = (self._record.paused, self._record.stopped)
                self._take(conflict.entries_since)
                if was != (self._record.paused, self._record.stopped) and any(
                    isinstance(one, BatchIntended) for one in bodies
                ):
                    # Paused or stopped in this very moment: the batch is not handed over.
                    raise _Held from None
                continue
            self._record.take(entries)
            return

    # ---- handing over

    def _may_feed(self) -> bool:
        record = self._record
        return (
            record.paused is None
            and record.is_carried
            and bool(record.waiting(1))
            # Those that somebody else handed over end first: the first rung must not hear of them.
            and not any(not flight.is_own for flight in self._flying.values())
        )

    def _feed(self) -> None:
        ladder = self._feeding.ladder
        if ladder.failed_rung is not None:
            self._write(DrainPaused(by_itself=True, why=self._why_the_rung_failed()))
            return
        at, traits = self._clock(), self._carrier.traits
        self._feed_at = at + max(STEP_S, traits.ahead_s / 2)
        due = self._due(at)
        if due is None or due > at + traits.ahead_s:
            self._feed_at = at + (STEP_S if due is None else min(due - at - traits.ahead_s, 1.0))
            return
        room = self._tried(self._carrier.room)
        if not room:
            return
        wanted = min(
            room, traits.most, max(1, math.ceil(self._feeding.pacer.rate(at) * max(traits.ahead_s, STEP_S)) + 1)
        )
        ready, moved = self._prepared(wanted)
        if ready is None:
            return
        items, sent = self._timed(ready, at)
        bodies: list[Body] = [EventsLeft(moved=moved)] if moved else []
        number = self._record.number + 1
        if items:
            positions = [item.position for item in items]
            bodies.append(
                BatchIntended(number=number, positions=packed(positions), marks=tuple(item.mark for item in items))
            )
        if not bodies:
            return
        try:
            self._write(*bodies)
        except _Held:
            self._withdraw(len(items))
            return
        if items:
            self._give(number, items, sent)

    def _prepared(self, wanted: int) -> tuple[list[Item] | None, dict[str, str]]:
        """The next events that are as planned, and those that are not; None where they could not be read."""
        moved: dict[str, list[int]] = {}
        ready: list[Item] = []
        seen = 0
        while len(ready) < wanted and seen < 10 * self._carrier.traits.most:
            missing = wanted - len(ready)
            items = [self._item(position) for position in self._record.waiting(seen + missing)[seen:]]
            if not items:
                break
            seen += len(items)
            prepared = self._tried(lambda items=items: self._carrier.prepare(items))  # type: ignore[misc]  # a default
            if prepared is None:
                return None, {}
            for item in items:
                if item.position in prepared.marks:
                    ready.append(replace(item, mark=prepared.marks[item.position]))
                else:
                    moved.setdefault(prepared.moved[item.position][:CAUSE], []).append(item.position)
        return ready, {what: packed(positions) for what, positions in moved.items()}

    def _timed(self, ready: Sequence[Item], now: float) -> tuple[list[Item], dict[int, float]]:
        """As many as may go now, each at its moment."""
        horizon, at = now + self._carrier.traits.ahead_s, now
        wall, began = self._began
        items: list[Item] = []
        sent: dict[int, float] = {}
        for item in ready:
            due = self._due(at)
            if due is None or due > horizon:
                break
            at = max(at, due)
            self._feeding.sent(at)
            if self._record.throttle:
                self._capped_at = max(self._capped_at, at) + 1.0 / self._record.throttle
            sent[item.position] = at
            items.append(replace(item, due=wall + timedelta(seconds=at - began)))
        return items, sent

    def _give(self, number: int, items: Sequence[Item], sent: Mapping[int, float]) -> None:
        missed = self._tried(lambda: self._carrier.give(items))
        if missed is None:
            # It is asked after before anything else; what goes then is counted then.
            self._withdraw(len(items))
            return
        moved: dict[str, list[int]] = {}
        for position, why in missed.items():
            moved.setdefault(why[:CAUSE], []).append(position)
        self._write(BatchGiven(number=number, moved={why: packed(which) for why, which in moved.items()}))
        self._withdraw(len(missed))
        for item in items:
            if item.position not in missed:
                self._flying[item.position] = Flight(item, sent[item.position], is_own=True)

    def _settle(self) -> None:
        """Find out what became of batches that were cut short. Nothing goes before that is known."""
        for number, positions in list(self._record.open.items()):
            items = [self._item(position) for position in positions]
            fates = self._tried(lambda items=items: self._carrier.find_out(items))  # type: ignore[misc]  # a default
            if fates is None:
                return
            by_fate = {fate: [one for one in positions if fates.get(one, Fate.UNKNOWN) is fate] for fate in Fate}
            self._write(
                BatchGiven(
                    number=number, not_given=packed(by_fate[Fate.NOT_GIVEN]), unknown=packed(by_fate[Fate.UNKNOWN])
                )
            )
            for position in by_fate[Fate.GIVEN]:
                self._flying[position] = Flight(self._item(position), self._clock(), is_own=False)

    # ---- hearing

    def _look(self) -> None:
        traits = self._carrier.traits
        self._look_at = self._clock() + traits.look_every_s
        flights = list(self._flying.values())
        sights = self._tried(lambda: self._carrier.look([one.item for one in flights]))
        if sights is None:
            return
        now = self._clock()
        ended: dict[str, list[int]] = {}
        for flight in flights:
            sight = sights.get(flight.item.position)
            if sight is None and now - flight.sent_at < traits.unheard_s:
                continue
            ended.setdefault(_named(sight), []).append(flight.item.position)
            del self._flying[flight.item.position]
            if flight.is_own:
                answer = _ANSWERS[sight.end] if sight is not None else Answer.FAILED
                wait = None if sight is None else sight.retry_after_s
                self._feeding.heard(Outcome(flight.sent_at, max(now, flight.sent_at), answer, wait))
        if ended:
            self._write(self._heard(ended))

    def _heard(self, ended: Mapping[str, Sequence[int]]) -> OutcomesHeard:
        pacer = self._feeding.pacer
        return OutcomesHeard(
            ended={name: packed(positions) for name, positions in ended.items()},
            rate=round(pacer.rate(self._clock()), 3),
            paused_until=self._moment_of(pacer.paused_until),
        )

    # ---- the end

    def _is_at_its_end(self) -> bool:
        return not self._record.open and (not self._record.is_carried or not self._record.waiting(1))

    def _end(self) -> None:
        """Look once more at those that had not ended well: some have by now. Then it is over."""
        late = [
            self._item(position) for position in self._record.positions(Stand.LIMITED, Stand.UNHEARD, Stand.UNKNOWN)
        ]
        if late:
            sights = self._tried(lambda: self._carrier.look(late))
            if sights is None:
                return
            changed: dict[str, list[int]] = {}
            for position, sight in sights.items():
                if sight.end is not End.LIMITED:
                    changed.setdefault(_named(sight), []).append(position)
            if changed:
                self._write(self._heard(changed))
        self._write(DrainEnded(counts=self._record.counts))

    # ---- inside

    def _anew(self) -> Feeding:
        return Feeding(pace_of(self._record.plan), self._clock())

    def _due(self, at: float) -> float | None:
        due = self._feeding.due(at)
        return due if due is None or not self._record.throttle else max(due, self._capped_at)

    def _withdraw(self, events: int) -> None:
        for _ in range(events):
            self._feeding.withdrawn()

    def _item(self, position: int) -> Item:
        planned = self._record.events[position]
        mark = self._record.marks.get(position, "")
        return Item(position, planned.event, planned.status, planned.attempts, mark)

    def _tried(self, work: Callable[[], Answered]) -> Answered | None:
        """What the carrier says; None where it could not say it now: it is asked again, or a person is needed."""
        try:
            answer = work()
        except SourceFailure as failure:
            if not failure.is_transient:
                self._pause_for(f"{failure.headline()}: {failure.reason}")
                return None
            self.now.trouble = f"{failure.headline()}: {failure.reason}"
            self._retry_at = self._clock() + BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
            self._failures += 1
            return None
        except UserError as error:
            self._pause_for(error.problem)
            return None
        self.now.trouble = ""
        self._failures = 0
        return answer

    def _pause_for(self, why: str) -> None:
        # Whoever resumes has done something about it; until then it is asked again seldom, so that looks go on.
        self._retry_at = self._clock() + BACK_OFF_S[-1]
        self.now.trouble = why
        if self._record.paused is None and self._record.is_carried:
            self._write(DrainPaused(by_itself=True, why=why[:500]))

    def _why_the_rung_failed(self) -> str:
        rung = self._feeding.ladder.failed_rung or 0
        causes = sorted({self._record.causes.get(one, "not ended in time") for one in self._bad()})
        return f"{plural(RUNGS[rung], 'event')} went, and a tenth of them or more failed: {'; '.join(causes[:3])}"

    def _bad(self) -> list[int]:
        return list(self._record.positions(Stand.FAILED, Stand.LOST, Stand.UNHEARD))[-max(RUNGS) :]

    def _watch_the_clock(self) -> None:
        apart = self._wall().timestamp() - self._clock()
        if abs(apart - self._apart) > 2.0:
            self.now.notes = [*self.now.notes[-4:], f"the clock jumped by {apart - self._apart:+,.0f} s"]
            self._apart = apart

    def _moment_of(self, at: float | None) -> datetime | None:
        return None if at is None else self._wall() + timedelta(seconds=at - self._clock())

    def _tell(self) -> None:
        pacer, ladder, now = self._feeding.pacer, self._feeding.ladder, self._clock()
        self.now.rate = min(pacer.rate(now), self._record.throttle or math.inf)
        until = pacer.paused_until
        self.now.paused_until = self._moment_of(until) if until is not None and until > now else None
        broken = self._feeding.breaker.open_until
        self.now.broken_until = self._moment_of(broken) if broken is not None else None
        self.now.rung = None if ladder.climbed else ladder.rung
        self.now.under_way = len(self._flying)
        self._job.report(self._record.total - self._record.count(Stand.WAITING), self._record.total, "events")

    def _rest(self) -> None:
        """Until there is something to do, a second at most."""
        now = self._clock()
        if now < self._retry_at:
            self._wait(max(0.05, min(self._retry_at, self._listen_at) - now))
            return
        if self._record.open or (not self._flying and self._is_at_its_end()):
            return
        until = [self._listen_at, now + LISTEN_S]
        if self._flying:
            until.append(self._look_at)
        if self._may_feed():
            until.append(self._feed_at)
        self._wait(max(0.02, min(until) - now))


class _Held(Exception):  # noqa: N818  # a state of the world
    """Paused or stopped before the batch was handed over."""


_ANSWERS = {
    End.DELIVERED: Answer.ACCEPTED,
    End.LIMITED: Answer.LIMITED,
    End.FAILED: Answer.FAILED,
    End.LOST: Answer.FAILED,
}


def _named(sight: Sight | None) -> str:
    """How an end is named in the journal: a word, then its cause."""
    return "unheard" if sight is None else f"{sight.end.value} {sight.cause[:CAUSE]}".rstrip()
