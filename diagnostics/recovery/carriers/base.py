"""What a carrier is, to the engine that feeds it. The engine knows no table, queue or address; a carrier knows no pace.

A batch goes like this, and may be cut short by `kill -9` between any two:

1. `prepare` reads, writes nothing, and gives each event its mark: what the carrier needs to recognise its own deed.
2. The engine has the batch with its marks in the journal.
3. `give` hands the batch over; an event that is no longer as it was planned is left alone, and said.
4. The engine has in the journal which events were given.
5. `look` says, again and again, which of them have ended, and how.

Where 4 is missing, `find_out` says what became of the batch, from the marks. It decides whether an event may be given
once more, so it must be right: `NOT_GIVEN` is a promise that giving it has no second effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(slots=True, frozen=True)
class Traits:
    """What a carrier declares. Shown to whoever confirms a plan."""

    name: str
    """As commands and settings write it: "flip"."""
    title: str
    takes: frozenset[str]
    """Statuses of `zillow_webhook_events` that it can carry; a plan leaves others alone."""
    leaves_due: bool
    """Whether pending events that are due within the plan's hour are left to the poller, which takes them by itself."""
    has_key: bool
    """Whether whoever receives an event twice under one key has one effect."""
    confirms: bool
    """Whether giving an event tells that it was delivered; otherwise only `look` does."""
    limit_of: str
    """Whose rate limit the events meet, in words."""
    signal: str
    """Where outcomes are read, in words. Never logs: they come late."""
    delay_s: float
    """How late outcomes are usually seen: what a rehearsal reckons with. The pacer measures the true delay."""
    look_every_s: float
    """Seconds between two looks while events are under way."""
    ahead_s: float
    """Events are given so many seconds before their moment at most; 0 for a carrier that delivers while it gives."""
    unheard_s: float
    """An event that has not ended so long after its moment is named: lost in a worker, as far as anybody can tell."""
    attempts: str
    """What happens to the counter of attempts, in words."""
    most: int
    """Events of one batch at most: what one transaction or call should hold."""


def declared(traits: Traits) -> tuple[tuple[str, str], ...]:
    """What a carrier declares, in words: a label and a text each."""
    return (
        ("carrier", traits.title),
        ("rate limit", traits.limit_of),
        ("confirms", "each delivery" if traits.confirms else "nothing: outcomes are read back"),
        ("outcomes", f"{traits.signal}, about {traits.delay_s:.0f} s late"),
        ("key", "taken: twice has one effect" if traits.has_key else "none: no event is sent twice"),
        ("attempts", traits.attempts),
    )


@dataclass(slots=True, frozen=True)
class Item:
    """One event of a batch."""

    position: int
    """In the plan's order, from 0."""
    event: int
    """Its id."""
    status: str
    attempts: int
    """Status and attempts as the plan has sealed them."""
    mark: str = ""
    """What `prepare` said of it, as the journal has it. At most 200 printable ASCII characters."""
    due: datetime | None = None
    """When it should go, UTC. Known to `give` alone."""


@dataclass(slots=True, frozen=True)
class Prepared:
    """An answer of `prepare`: each event is in one of the two, by position."""

    marks: Mapping[int, str]
    moved: Mapping[int, str]
    """Events that are no longer as planned, and what they are now: "delivered", "gone", …. They are not given."""


class Fate(StrEnum):
    """What became of an event whose batch was cut short."""

    GIVEN = "given"
    NOT_GIVEN = "not_given"
    """It was not, or giving it again has no second effect (a key that has not expired)."""
    UNKNOWN = "unknown"
    """Nobody can tell: it is not given again, and a person decides."""


class End(StrEnum):
    """How an event ended."""

    DELIVERED = "delivered"
    LIMITED = "limited"
    """Answered HTTP 429: it had no effect."""
    FAILED = "failed"
    LOST = "lost"
    """Ended for good without being delivered: its attempts are used up."""


@dataclass(slots=True, frozen=True)
class Sight:
    """The end of one event, as the carrier reads it."""

    end: End
    cause: str = ""
    """Of one that was not delivered, short: "HTTP 500"."""
    retry_after_s: float | None = None
    """Of a 429."""


class Carrier(Protocol):
    """One carrier for one drain. Blocking; called by one thread.

    Each method raises `SourceFailure` where it could not do its work *now*: the engine waits and asks again, and after
    a `give` that failed it first asks `find_out`. It raises `UserError` where a person has to do something: the engine
    pauses, and shows what it says.
    """

    @property
    def traits(self) -> Traits:
        """What it declares."""
        ...

    def check(self) -> None:
        """Raise unless it can carry here and now: nobody listens, a login without rights. Writes nothing."""
        ...

    def room(self) -> int:
        """How many events it takes now; 0 while enough wait at the other end."""
        ...

    def prepare(self, items: Sequence[Item]) -> Prepared:
        """Read the events as they stand, and mark those that are as planned. Writes nothing."""
        ...

    def give(self, items: Sequence[Item]) -> Mapping[int, str]:
        """Hand marked events over, each only if it is still as it was marked; those that were not, by position: why."""
        ...

    def find_out(self, items: Sequence[Item]) -> Mapping[int, Fate]:
        """What became of marked events whose `give` was cut short, by position."""
        ...

    def look(self, items: Sequence[Item]) -> Mapping[int, Sight]:
        """Those of the events given that have ended, by position."""
        ...

    def close(self) -> None:
        """Give back what is open. Raises nothing."""
        ...
