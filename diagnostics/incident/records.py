"""Records of a journal: projected from their entries, remembered, and changed by decisions that others may overtake.

Every change is decided against the newest state, and decided again when somebody else was quicker: nothing is lost, and
who comes second is told so instead of overwriting.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.masking import mask_secrets
from diagnostics.core.sanitizer import clean
from diagnostics.incident.journal import Conflict
from diagnostics.incident.projection import moment

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.incident.journal import Journal
    from diagnostics.models.entries import Body, Entry

ATTEMPTS = 30
"""How often a change is decided anew because somebody else was quicker."""

PAGE, MOST_FOLLOWED = 1_000, 200
"""Entries read of what is new, and records that are read when there is more than that."""

LONGEST_TEXT = 4_000
LONGEST_AGO, LONGEST_AHEAD = timedelta(days=366), timedelta(days=366)
CLOCKS_DIFFER = timedelta(minutes=1)

CONSOLE = "console"
"""Actor of entries that no person wrote."""


class _Record(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def last_seq(self) -> int: ...


Record = TypeVar("Record", bound=_Record)


@dataclass(slots=True, frozen=True)
class RecordKind(Generic[Record]):
    """One kind of record: where its streams are, how entries become one, and how it is talked about."""

    prefix: Literal["INC", "INV"]
    project: Callable[[Iterable[Entry], Record | None], Record | None]
    noun: str
    none_yet: str
    next_step: str
    """For somebody who asked for one that does not exist."""


class Records(Generic[Record]):
    """The records of one kind. Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`.

    `moved` is called when the journal went to another place, such as back from memory: names may differ there.
    """

    def __init__(self, context: Context, kind: RecordKind[Record], moved: Callable[[], None] = lambda: None) -> None:
        self._context = context
        self._kind = kind
        self._moved = moved
        self._lock = threading.RLock()
        self._known: dict[str, Record] = {}
        self._generation = -1
        """Of the journal that `_known` was read from."""
        self._seq = -1
        """Newest entry of the journal that `_known` has seen; -1 before the first look."""

    @property
    def journal(self) -> Journal:
        """The journal that holds the entries."""
        return self._context.journal

    def get(self, record_id: str) -> Record:
        """One record as it is now. Raises UserError naming those that exist."""
        record = self._read(record_id.strip().upper())
        if record is None:
            self.check_known()
            names = self.journal.streams(self._kind.prefix)
            raise UserError(
                f"there is no {self._kind.noun} called {clean(record_id, limit=60)!r}",
                accepted=", ".join(names[:10]) or self._kind.none_yet,
                next_step=self._kind.next_step,
            )
        return record

    def known(self, name: str) -> Record | None:
        """The record as it was read last; asks nothing."""
        with self._lock:
            return self._known.get(name)

    def newest(self, most: int) -> tuple[Record, ...]:
        """The `most` newest records as they are now, newest first."""
        names = self.journal.streams(self._kind.prefix)[:most]
        found = tuple(one for one in map(self._read, names) if one is not None)
        if not found:
            self.check_known()
        return found

    def check_known(self) -> None:
        """Raises the `SourceFailure` of a journal that cannot be read: no record here is not "there is none"."""
        unread = self.journal.unread
        if unread is not None:
            raise unread

    def follow(self) -> tuple[int, tuple[Record, ...]]:
        """Read what others wrote meanwhile: the journal's newest entry, and all records that are known by then."""
        while True:
            generation = self._check_place()
            with self._lock:
                seen = self._seq
            head = self.journal.head().seq
            for name in self._moved_on(seen, head):
                self._read(name)
            with self._lock:
                if self._generation == generation == self.journal.generation:
                    self._seq = head
                    found = tuple(self._known.values())
                    break
        if not found:
            self.check_known()
        return head, found

    def decide(
        self, record_id: str, decision: Callable[[Record], Sequence[Body]], *, actor: str | None = None
    ) -> Record:
        """Write what `decision` says about the newest state; it is asked again when somebody else was quicker.

        An empty answer writes nothing. Raises what `decision` raises.
        """
        for attempt in range(ATTEMPTS):
            record = self.get(record_id)
            bodies = decision(record)
            if not bodies:
                return record
            try:
                self.journal.append(record.id, bodies, expect=record.last_seq, actor=actor)
            except Conflict as conflict:
                if not conflict.entries_since:
                    # The stream is shorter than it was: it has to be read anew, or no change would ever fit it.
                    with self._lock:
                        self._known.pop(record.id, None)
                time.sleep(random.uniform(0.0, 0.01) * (attempt + 1))  # noqa: S311  # apart from the other writer
                continue
            return self.get(record.id)
        raise SourceFailure(
            FailureKind.TIMED_OUT,
            "state",
            f"other consoles write to this {self._kind.noun} at the same moment",
            remedy="try it once more; what you typed is kept",
        )

    def _read(self, name: str) -> Record | None:
        """The record as it is now; None for a stream that begins none, which a stranger may have written."""
        while True:
            generation = self._check_place()
            before = self.known(name)
            entries = self.journal.stream(name, after=before.last_seq if before is not None else 0)
            if self.journal.generation == generation:
                break
            # The journal moved in between: these entries may be of another record of the same number.
        record = self._kind.project(entries, before)
        if record is not None:
            with self._lock:
                newer = self._known.get(name)
                if self._generation == generation and (newer is None or newer.last_seq <= record.last_seq):
                    self._known[name] = record
        return record

    def _moved_on(self, seen: int, head: int) -> tuple[str, ...]:
        """Streams of this kind that may have entries which `_known` lacks."""
        if head == seen:
            return ()
        with self._lock:
            if head < seen:
                # Somebody has cut the journal: what was read of it is not what stands there.
                self._known.clear()
            known = tuple(self._known)
        prefix = self._kind.prefix
        if 0 <= seen <= head <= seen + PAGE:
            fresh = dict.fromkeys(entry.stream for entry in self.journal.since(seen, most=PAGE))
            return tuple(one for one in fresh if one.startswith(f"{prefix}-"))
        # The first look, or more than one page behind: others may have begun some meanwhile.
        return tuple(dict.fromkeys((*self.journal.streams(prefix)[:MOST_FOLLOWED], *known)))

    def _check_place(self) -> int:
        """The generation of the journal. Where it has moved, what was read of it is void."""
        generation = self.journal.generation
        with self._lock:
            if generation <= self._generation:
                return generation
            is_first = self._generation < 0
            self._known.clear()
            self._seq, self._generation = -1, generation
            if not is_first:
                self._moved()
            return generation


def checked_moment(given: str | datetime, what: str, now: datetime, *, ahead: bool = False) -> datetime:
    """A moment of an incident, in UTC: not later than now, or within the next year for what is still to come (`ahead`).

    Text is ISO 8601 with its offset. Raises UserError with what is accepted; clocks may differ by a minute.
    """
    at = moment(given.strip()) if isinstance(given, str) else given
    accepted = f"ISO 8601 with its offset, such as {now:%Y-%m-%dT%H:%M}Z"
    if at is None:
        raise UserError(f"{what} is not a moment: {clean(str(given), limit=60)!r}", accepted=accepted)
    earliest, latest = now - LONGEST_AGO, now + (LONGEST_AHEAD if ahead else CLOCKS_DIFFER)
    if earliest <= at <= latest:
        return at.astimezone(UTC)
    shown = clean(str(given), limit=60)
    if at > latest and not ahead:
        raise UserError(f"{what} is in the future: {shown}", accepted=f"{accepted}, not after now")
    raise UserError(
        f"{what} is {'after' if at > latest else 'before'} anything that can be meant: {shown}",
        accepted=f"{accepted}, from {earliest:%Y-%m-%d} to {latest:%Y-%m-%d}",
    )


def checked_text(text: str, what: str, most: int = LONGEST_TEXT) -> str:
    """`text` cleaned, secrets masked. Raises UserError where nothing is left, or it is too long to be kept whole."""
    cleaned = clean(text, limit=most + 1, multiline=True).strip()
    if not cleaned:
        raise UserError(f"the {what} is empty", accepted=f"1 to {most:,} characters")
    if len(text.strip()) > most:
        raise UserError(f"the {what} has {len(text.strip()):,} characters", accepted=f"1 to {most:,} characters")
    return mask_secrets(cleaned)[0]
