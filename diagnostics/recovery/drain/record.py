"""A drain as its entries in the journal tell it: the plan, what was handed over, what became of each event.

Nothing else is kept of it anywhere. Whoever carries it on, on whichever console, reads this.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from pydantic import ValidationError

from diagnostics.core.failures import UserError
from diagnostics.models.entries import Entry
from diagnostics.recovery.drain.entries import (
    BatchGiven,
    BatchIntended,
    DrainEnded,
    DrainPaused,
    DrainResumed,
    DrainStarted,
    DrainStopped,
    DrainThrottled,
    DrainUnpaused,
    EventsLeft,
    OutcomesHeard,
)
from diagnostics.recovery.drain.positions import unpacked
from diagnostics.recovery.members import seal_of_packed, unpack
from diagnostics.recovery.models import RecoveryPlan

RECENT = timedelta(minutes=1)
"""How far back it is counted how fast events end."""


class Stand(IntEnum):
    """How an event of the plan stands."""

    WAITING = 0
    """Not handed over yet."""
    INTENDED = 1
    """In a batch of which nobody has recorded whether it was handed over."""
    UNDER_WAY = 2
    MOVED = 3
    """Had moved on before its turn, and was left alone."""
    UNKNOWN = 4
    """Nobody can tell whether it was handed over."""
    DELIVERED = 5
    LIMITED = 6
    FAILED = 7
    LOST = 8
    UNHEARD = 9
    """Handed over, and not ended in time: lost in a worker, as far as anybody can tell."""


_STANDS = {
    "delivered": Stand.DELIVERED,
    "limited": Stand.LIMITED,
    "failed": Stand.FAILED,
    "lost": Stand.LOST,
    "unheard": Stand.UNHEARD,
}


@dataclass(slots=True, frozen=True)
class Planned:
    """One event of the plan."""

    event: int
    status: str
    attempts: int


class DrainRecord:
    """One drain, folded from its entries; `take` goes on with what was written since. Not safe from several threads."""

    def __init__(self, name: str, entries: Sequence[Entry]) -> None:
        """Raises UserError where they tell of no drain, or its plan is not what was confirmed."""
        if not entries or not isinstance(started := entries[0].body, DrainStarted):
            raise UserError(f"there is no drain {name}", next_step="warroom recover drains")
        self.name = name
        self.started = started
        self.started_by = entries[0].actor
        self.started_at = entries[0].at
        self.plan, self.events = _plan_of(name, started)
        self.token = started.token
        self.carried_by = (entries[0].actor, entries[0].console)
        self.paused: DrainPaused | None = None
        self.stopped: DrainStopped | None = None
        self.ended: DrainEnded | None = None
        self.throttle: float | None = None
        self.rate: float | None = None
        """Events a second that the pacer allowed when something was heard last; None before."""
        self.paused_until: datetime | None = None
        self.number = 0
        """Of the newest batch."""
        self.seq = 0
        self.last_at = entries[0].at
        self.stands = bytearray(len(self.events))
        self.causes: dict[int, str] = {}
        """Of events that ended otherwise than delivered, or were left alone."""
        self.marks: dict[int, str] = {}
        """Of events that are under way, or nobody knows of."""
        self.open: dict[int, tuple[int, ...]] = {}
        """Batches of which nobody has recorded whether they were handed over, by number: positions."""
        self._recent: deque[tuple[datetime, int, int]] = deque()
        """When something was heard: how many were delivered, how many answered 429."""
        self._next = 0
        self.take(entries)

    def take(self, entries: Iterable[Entry]) -> None:
        """Go on with these. Raises UserError for an entry that cannot be of this plan."""
        for entry in entries:
            try:
                self._fold(entry)
            except ValueError as error:
                raise UserError(
                    f"{self.name} cannot be read: entry {entry.seq} names events that its plan does not have ({error})",
                    next_step="warroom journal verify; find out who appended it; then plan again",
                ) from None
            self.seq, self.last_at = entry.seq, entry.at

    @property
    def total(self) -> int:
        """Events of the plan."""
        return len(self.events)

    @property
    def is_carried(self) -> bool:
        """False once it was stopped or has ended: nothing is handed over any more."""
        return self.stopped is None and self.ended is None

    def count(self, *stands: Stand) -> int:
        """Events that stand like this."""
        return sum(self.stands.count(stand) for stand in stands)

    def positions(self, *stands: Stand) -> Iterator[int]:
        """Their positions, in the order of the plan."""
        wanted = {int(stand) for stand in stands}
        return (position for position, stand in enumerate(self.stands) if stand in wanted)

    def waiting(self, most: int) -> list[int]:
        """The next events that have not been handed over, in the order of the plan."""
        found: list[int] = []
        at = self._next
        while len(found) < most and (at := self.stands.find(Stand.WAITING, at)) >= 0:
            found.append(at)
            at += 1
        return found

    def ending_per_s(self) -> float | None:
        """Events that were delivered a second over the minute before the newest entry; None without any."""
        self._forget()
        if not self._recent:
            return None
        delivered = sum(one[1] for one in self._recent)
        passed = (self.last_at - self._recent[0][0]).total_seconds()
        return delivered / passed if passed >= 1.0 and delivered else None

    @property
    def limited_share(self) -> float | None:
        """Of the events that ended in that minute, those answered 429; None where none ended."""
        self._forget()
        ended = sum(one[1] + one[2] for one in self._recent)
        return sum(one[2] for one in self._recent) / ended if ended else None

    # ---- inside

    def _forget(self) -> None:
        while self._recent and self._recent[0][0] < self.last_at - RECENT:
            self._recent.popleft()

    def _fold(self, entry: Entry) -> None:
        body = entry.body
        if isinstance(body, BatchIntended):
            self._intended(body)
        elif isinstance(body, BatchGiven):
            self._given(body)
        elif isinstance(body, EventsLeft):
            self._left(body.moved)
        elif isinstance(body, OutcomesHeard):
            self._heard(body, entry.at)
        elif isinstance(body, DrainResumed):
            self.token, self.carried_by = body.token, (entry.actor, entry.console)
            self.paused = None
        elif isinstance(body, DrainPaused):
            self.paused = body
        elif isinstance(body, DrainUnpaused):
            self.paused = None
        elif isinstance(body, DrainThrottled):
            self.throttle = body.rate
        elif isinstance(body, DrainStopped):
            self.stopped = body
        elif isinstance(body, DrainEnded):
            self.ended = body

    def _intended(self, body: BatchIntended) -> None:
        positions = tuple(unpacked(body.positions, self.total))
        if len(positions) != len(body.marks):
            raise ValueError("marks and events differ in number")
        self.number = max(self.number, body.number)
        self.open[body.number] = positions
        for position, mark in zip(positions, body.marks, strict=True):
            self.stands[position] = Stand.INTENDED
            self.marks[position] = mark

    def _given(self, body: BatchGiven) -> None:
        for position in self.open.pop(body.number, ()):
            self.stands[position] = Stand.UNDER_WAY
        self._left(body.moved)
        for position in unpacked(body.unknown, self.total):
            self.stands[position] = Stand.UNKNOWN
        for position in unpacked(body.not_given, self.total):
            self.stands[position] = Stand.WAITING
            self.marks.pop(position, None)
            self._next = min(self._next, position)
        self._next = max(0, self.stands.find(Stand.WAITING, self._next))

    def _left(self, moved: Mapping[str, str]) -> None:
        for what, positions in moved.items():
            for position in unpacked(positions, self.total):
                self.stands[position] = Stand.MOVED
                self.causes[position] = what
                self.marks.pop(position, None)

    def _heard(self, body: OutcomesHeard, at: datetime) -> None:
        delivered = limited = 0
        for name, text in body.ended.items():
            word, _, cause = name.partition(" ")
            stand = _STANDS.get(word)
            if stand is None:
                raise ValueError(f"{word!r} is no end of an event")
            for position in unpacked(text, self.total):
                self.stands[position] = stand
                self.causes.pop(position, None)
                if cause:
                    self.causes[position] = cause
                delivered += stand is Stand.DELIVERED
                limited += stand is Stand.LIMITED
        self._recent.append((at, delivered, limited))
        self.rate, self.paused_until = body.rate, body.paused_until

    @property
    def counts(self) -> dict[str, int]:
        """Events by how they stand."""
        found = Counter(self.stands)
        return {stand.name.lower(): found[stand] for stand in Stand if found[stand]}


def _plan_of(name: str, started: DrainStarted) -> tuple[RecoveryPlan, list[Planned]]:
    altered = UserError(
        f"{name} is not as it was confirmed: its hash or its seal does not fit",
        next_step="warroom journal verify; find out who appended it; then plan again",
    )
    try:
        plan = RecoveryPlan.model_validate(json.loads(started.plan))
        members = unpack(list(started.members))
    except (ValueError, ValidationError):
        raise altered from None
    if hashlib.sha256(started.plan.encode()).hexdigest() != started.digest or seal_of_packed(members) != plan.seal:
        raise altered
    return plan, [Planned(event, status, attempts) for event, (status, attempts) in members.items()]
