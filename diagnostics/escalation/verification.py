"""Reading the whole journal and computing every hash again: what was altered, is missing, was put in or moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.jobs import Job
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import Verification
from diagnostics.state import journal_rows
from diagnostics.state.failures import SOURCE
from diagnostics.state.journal_rows import NOTHING_BEFORE, Newest, Row
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.escalation.witness import Seen
    from diagnostics.state.store import StateStore

PAGE = 1_000
MOST_FLAWS = 200
"""Flaws that are named; the rest is counted."""

MOST_SUSPECTS = 400
"""Altered entries that are compared with each other, to tell those that were moved."""

QUERY = "SELECT * FROM warroom_journal ORDER BY seq; sha256 over the hash before and every column of each entry"


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    before: Newest = field(default_factory=lambda: Newest(0, NOTHING_BEFORE))
    """The entry before the next one, as it stands there."""
    entries: int = 0
    flaws: list[str] = field(default_factory=list)
    more: int = 0
    suspects: list[Row] = field(default_factory=list)
    beyond: int = 0

    def tell(self, flaw: str) -> None:
        """One more flaw."""
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(clean(flaw, limit=500))
        else:
            self.more += 1


def verify(
    state: StateStore, seen: Seen | None, now: Callable[[], datetime], job: Job | None = None
) -> tuple[Verification, Newest]:
    """Read everything, page by page; raises `SourceFailure`. `seen` is what this machine saw of it before.

    Entries that are appended meanwhile are left for the next time. Also returns the newest entry that was read.
    """
    job = job or Job()
    started_at, begin = now(), time.monotonic()
    with state.read() as connection:
        head, last = journal_rows.head(connection), journal_rows.last(connection)
        found = None if seen is None else journal_rows.hash_at(connection, seen.seq)
    reading = _Reading()
    after: int | None = None
    while True:
        job.raise_if_cancelled(SOURCE)
        with state.read() as connection:
            rows = journal_rows.after(connection, after, PAGE)
        rows = tuple(row for row in rows if row.seq <= last.seq)
        for row in rows:
            _read(reading, row, head)
        job.report(reading.entries, max(last.seq, reading.entries), "entries")
        if len(rows) < PAGE:
            break
        after = rows[-1].seq
    _tell_moved(reading)
    _compare_head(reading, head)
    _compare_seen(reading, seen, found)
    if reading.more:
        reading.flaws.append(f"and {reading.more:,} more")
    evidence = Evidence(
        source=SOURCE,
        query=QUERY,
        window=f"entries 1 to {last.seq:,}" if last.seq else "no entries",
        started_at=started_at,
        took_ms=(time.monotonic() - begin) * 1_000,
        rows=reading.entries,
        caveat=_caveat(seen),
    )
    verification = Verification(
        entries=reading.entries, head=reading.before.hash, flaws=tuple(reading.flaws), evidence=evidence
    )
    return verification, reading.before


def _read(reading: _Reading, row: Row, head: Newest | None) -> None:
    before = reading.before
    reading.entries += 1
    if head is not None and row.seq > head.seq:
        reading.beyond += 1
        reading.tell(f"entry {row.seq}: inserted behind the newest entry that the head row knows, {head.seq}")
    if row.seq < 1:
        reading.tell(f"entry {row.seq}: inserted, numbers begin with 1")
        return
    missing = row.seq - before.seq - 1
    if missing:
        first = before.seq + 1
        reading.tell(
            f"entry {first}: missing"
            if missing == 1
            else f"entries {first} to {row.seq - 1}: missing, {missing:,} of them"
        )
    if row.digest() != row.hash:
        reading.suspects.append(row)
    elif row.previous != before.hash and not missing:
        reading.tell(_does_not_follow(row, before))
    reading.before = Newest(row.seq, row.hash)


def _does_not_follow(row: Row, before: Newest) -> str:
    if row.previous == NOTHING_BEFORE:
        return (
            f"entry {row.seq}: does not follow entry {before.seq}: the head row had been removed before it was written"
        )
    return f"entry {row.seq}: does not follow entry {before.seq}: one of the two was replaced or inserted"


def _tell_moved(reading: _Reading) -> None:
    """Say of each entry whose hash is wrong whether it is right under another number."""
    suspects, rest = reading.suspects[:MOST_SUSPECTS], reading.suspects[MOST_SUSPECTS:]
    numbers = [row.seq for row in suspects]
    for row in suspects:
        # Swapped with another one, or pushed on by one that was put in before or taken out.
        places = (row.seq - 1, row.seq + 1, *numbers)
        other = next((seq for seq in places if seq > 0 and row.digest(seq) == row.hash), None)
        if other is None:
            reading.tell(f"entry {row.seq}: altered, its hash is not that of what it says")
        else:
            reading.tell(f"entry {row.seq}: reordered, it was written as entry {other}")
    for row in rest:
        reading.tell(f"entry {row.seq}: altered, its hash is not that of what it says")


def _compare_head(reading: _Reading, head: Newest | None) -> None:
    last = reading.before
    if head is None:
        reading.tell("head row: missing; whether the newest entries were cut off cannot be told from it")
    elif head.seq > last.seq:
        first = last.seq + 1
        cut = f"entry {first}" if head.seq == first else f"entries {first} to {head.seq}"
        reading.tell(f"{cut}: missing, cut off at the end (or the head row was changed, which names entry {head.seq})")
    elif head.seq < last.seq and not reading.beyond:
        reading.tell(f"head row: changed, it names entry {head.seq} and the newest is {last.seq}")
    elif head.seq == last.seq and head.hash != last.hash:
        reading.tell(f"head row: changed, or entry {last.seq} was replaced: their hashes differ")


def _compare_seen(reading: _Reading, seen: Seen | None, found: str | None) -> None:
    if seen is None or not seen.seq or found == seen.hash:
        return
    when = f" at {clean(seen.at, limit=40)}" if seen.at else ""
    if found is None:
        reading.tell(f"entry {seen.seq}: missing, and this machine has seen it{when}: the journal was cut or replaced")
    else:
        reading.tell(
            f"entry {seen.seq}: not the one that this machine has seen{when}: the journal was rewritten up to its end"
        )


def _caveat(seen: Seen | None) -> str:
    if seen is None or not seen.seq:
        return "This machine had seen nothing of it before: who rewrote everything, head row included, is not found."
    return f"Somebody who rewrote everything behind entry {seen.seq:,}, the newest this machine had seen, is not found."
