"""Whether a journal is what it was: its chain computed again, and compared with what this machine has seen of it.

The chain tells what was altered, is missing, was put in or moved. Who rewrites all of it, end included, contradicts the
checkpoint: one small file in the console's own folder for each journal, with the number and hash of the newest entry
seen. It only ever moves forward, rarely, and only while the journal still has the entry that was seen before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.private import new_file, private_folder
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import Verification
from diagnostics.store import journal_rows
from diagnostics.store.failures import SOURCE
from diagnostics.store.journal_rows import NOTHING_BEFORE, JournalRow, NewestEntry

if TYPE_CHECKING:
    from diagnostics.store.store import StateStore

logger = logging.getLogger(__name__)

PAGE = 1_000
"""Entries read in one transaction."""

MOST_FLAWS = 200
"""Flaws that are named; the rest is counted."""

MOST_SUSPECTS = 400
"""Altered entries that are compared with each other, to tell those that were moved."""

KEEP_EVERY_S, KEEP_EVERY = 60.0, 200
"""Seconds, or entries, after which a checkpoint is written; an unchanged one never is."""

_ANCHOR = re.compile(r"(?:journal )?(?:(\d{1,18}):)?([0-9a-f]{12,64})")

QUERY = "SELECT * FROM warroom_journal ORDER BY seq; sha256 over the hash before and every column of each entry"


# ---- what this machine has seen


@dataclass(slots=True, frozen=True)
class Checkpoint:
    """The newest entry that a console of this machine saw."""

    seq: int
    hash: str
    at: str = ""
    """When, ISO 8601; empty when nobody knows."""


class CheckpointFile:
    """The file of one journal."""

    def __init__(self, folder: Path, place: str) -> None:
        mark = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:12]
        self.path = folder / f"journal-seen-{mark}.json"
        self.place = place

    def read(self) -> Checkpoint | None:
        """The checkpoint; None where nothing is known, or where the file cannot be read."""
        try:
            said: Any = json.loads(self.path.read_text(encoding="utf-8"))
            return Checkpoint(int(said["seq"]), str(said["hash"]), str(said.get("at", "")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            logger.warning("journal: %s cannot be read; the journal is not compared with it", self.path)
            return None

    def write(self, seen: Checkpoint) -> bool:
        """Replace it in one step; False where the folder takes no files."""
        said = {"place": self.place, "seq": seen.seq, "hash": seen.hash, "at": seen.at}
        try:
            private_folder(self.path.parent)
            name = f"{self.path}.{secrets.token_hex(8)}"
            descriptor = new_file(name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(said, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning("journal: what was seen of it cannot be kept (%s)", error.strerror)
            return False
        return True


class ChainGuard:
    """Keeps the newest entry seen of one journal as a checkpoint, compared with the one before. Thread-safe."""

    def __init__(self, state: StateStore, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._lock = threading.Lock()
        self._file: CheckpointFile | None = None
        self._seen: Checkpoint | None = None
        self._newest: Checkpoint | None = None
        self._look_at: float = 0.0
        self._contradiction = ""

    @property
    def problem(self) -> str:
        """How the journal contradicts what was seen of it; empty when it does not."""
        return self._contradiction

    def note(self, seq: int, mark: str) -> None:
        """Write down what was seen, now and then; raises nothing."""
        with self._lock:
            self._newest = Checkpoint(seq, mark)
            known = self._seen.seq if self._seen is not None else 0
            if time.monotonic() < self._look_at and abs(seq - known) < KEEP_EVERY:
                return
            self._look_at = time.monotonic() + KEEP_EVERY_S
        try:
            if self._state.is_lasting:
                self._compare(self._seen_now(seq, mark))
        except SourceFailure as failure:
            logger.info("journal: it was not compared with what was seen: %s", failure)

    def close(self) -> None:
        """Write down what was seen. Raises nothing."""
        with self._lock:
            newest, self._look_at = self._newest, 0.0
        if newest is not None and newest != self._seen:
            self.note(newest.seq, newest.hash)

    def verify(self, job: Job | None = None, against: str = "") -> Verification:
        """Read everything and compute every hash again; what was read is the checkpoint, where it is sound.

        `against` is the end of the journal as a notice, a tracking entry or an export has it. Raises UserError for
        what is none.
        """
        anchor = read_anchor(against) if against else None
        seen = self._file_now().read() if self._state.is_lasting else None
        found, newest = verify(self._state, seen, self._now, job, anchor)
        if found.is_sound and newest.seq:
            self._keep(self._seen_now(newest.seq, newest.hash))
        return found

    def _seen_now(self, seq: int, mark: str) -> Checkpoint:
        return Checkpoint(seq, mark, self._now().isoformat(timespec="seconds"))

    def _file_now(self) -> CheckpointFile:
        place = self._state.name
        with self._lock:
            if self._file is None or self._file.place != place:
                self._file, self._seen, self._look_at = CheckpointFile(self._state.folder, place), None, 0.0
                self._contradiction = ""
            return self._file

    def _compare(self, newest: Checkpoint) -> None:
        before = self._file_now().read()
        if before is not None and before.seq:
            with self._state.read(journal=True) as connection:
                found = journal_rows.hash_at(connection, before.seq)
            if found != before.hash:
                self._contradict(before, is_there=found is not None)
                return
            if newest.seq <= before.seq:
                with self._lock:
                    self._seen = before
                return
        if newest.seq:
            self._keep(newest)

    def _contradict(self, before: Checkpoint, *, is_there: bool) -> None:
        words = "is another one" if is_there else "is gone"
        with self._lock:
            self._seen = before
            self._contradiction = (
                f"The journal was changed: entry {before.seq:,}, which this machine has seen, {words}."
                " `warroom journal verify` tells more."
            )
        logger.warning("journal: %s", self._contradiction)

    def _keep(self, seen: Checkpoint) -> None:
        if not self._state.is_lasting:
            return
        self._file_now().write(seen)
        with self._lock:
            self._seen = seen
            self._contradiction = ""


# ---- what stands outside of it


@dataclass(slots=True, frozen=True)
class Anchor:
    """Where the journal ended once, as something outside of it says."""

    seq: int | None
    """None where only the hash was kept."""
    hash: str
    """Its beginning at least."""

    def is_met_by(self, row: JournalRow) -> bool:
        """Whether it speaks of this entry."""
        return row.hash.startswith(self.hash) and self.seq in {None, row.seq}

    def words(self) -> str:
        """As a flaw names it."""
        return self.hash if self.seq is None else f"{self.seq}:{self.hash}"


def read_anchor(text: str) -> Anchor:
    """`journal 214:9f86d081884c7d65`, or the hash alone. Raises UserError."""
    found = _ANCHOR.fullmatch(text.strip().lower())
    if found is None:
        raise UserError(
            f"{clean(text, limit=100)!r} is no end of a journal",
            accepted="NUMBER:HASH as under a notice, e.g. 214:9f86d081884c7d65, or at least 12 letters of HASH",
            next_step="copy it from a notice, a tracking entry, or `journal` in an export",
        )
    return Anchor(int(found[1]) if found[1] else None, found[2])


# ---- the whole chain


@dataclass(slots=True)
class _Progress:
    """State of a verification under way."""

    before: NewestEntry = field(default_factory=lambda: NewestEntry(0, NOTHING_BEFORE))
    """The entry before the next one, as it stands there."""
    entries: int = 0
    flaws: list[str] = field(default_factory=list)
    more: int = 0
    suspects: list[JournalRow] = field(default_factory=list)
    beyond: int = 0
    is_anchored: bool = False
    """The entry that something outside speaks of is there."""

    def tell(self, flaw: str) -> None:
        """Add a flaw."""
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(clean(flaw, limit=500))
        else:
            self.more += 1


def verify(
    state: StateStore,
    seen: Checkpoint | None,
    now: Callable[[], datetime],
    job: Job | None = None,
    anchor: Anchor | None = None,
) -> tuple[Verification, NewestEntry]:
    """Read everything, page by page; raises `SourceFailure`. `seen` is what this machine saw of it before.

    `anchor` is what something outside of it says of it.

    Entries that are appended meanwhile are left for the next time. Also returns the newest entry that was read.
    """
    job = job or Job()
    started_at, begin = now(), time.monotonic()
    with state.read(journal=True) as connection:
        head, last = journal_rows.head(connection), journal_rows.last(connection)
        found = None if seen is None else journal_rows.hash_at(connection, seen.seq)
    reading = _Progress()
    after: int | None = None
    while True:
        job.raise_if_cancelled(SOURCE)
        page, is_end = journal_rows.page_after(partial(state.read, journal=True), after, PAGE)
        rows = tuple(row for row in page if row.seq <= last.seq)
        for row in rows:
            _read(reading, row, head)
            reading.is_anchored = reading.is_anchored or (anchor is not None and anchor.is_met_by(row))
        job.report(reading.entries, max(last.seq, reading.entries), "entries")
        if is_end or len(rows) < len(page):
            break
        after = rows[-1].seq
    _tell_moved(reading)
    _compare_head(reading, head)
    _compare_seen(reading, seen, found)
    if anchor is not None and not reading.is_anchored:
        reading.tell(
            f"entry {anchor.words()}: not in this journal, although it ended there once: it was cut or rewritten since,"
            " or it is another journal"
        )
    if reading.more:
        reading.flaws.append(f"and {reading.more:,} more")
    evidence = Evidence(
        source=SOURCE,
        query=QUERY,
        window=f"entries 1 to {last.seq:,}" if last.seq else "no entries",
        started_at=started_at,
        took_ms=(time.monotonic() - begin) * 1_000,
        rows=reading.entries,
        caveat=_caveat(seen) if anchor is None or not reading.is_anchored else _anchored(anchor),
    )
    verification = Verification(
        entries=reading.entries, head=reading.before.hash, flaws=tuple(reading.flaws), evidence=evidence
    )
    return verification, reading.before


def _read(reading: _Progress, row: JournalRow, head: NewestEntry | None) -> None:
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
    reading.before = NewestEntry(row.seq, row.hash)


def _does_not_follow(row: JournalRow, before: NewestEntry) -> str:
    if row.previous == NOTHING_BEFORE:
        return (
            f"entry {row.seq}: does not follow entry {before.seq}: the head row had been removed before it was written"
        )
    return f"entry {row.seq}: does not follow entry {before.seq}: one of the two was replaced or inserted"


def _tell_moved(reading: _Progress) -> None:
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


def _compare_head(reading: _Progress, head: NewestEntry | None) -> None:
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


def _compare_seen(reading: _Progress, seen: Checkpoint | None, found: str | None) -> None:
    if seen is None or not seen.seq or found == seen.hash:
        return
    when = f" at {clean(seen.at, limit=40)}" if seen.at else ""
    if found is None:
        reading.tell(f"entry {seen.seq}: missing, and this machine has seen it{when}: the journal was cut or replaced")
    else:
        reading.tell(
            f"entry {seen.seq}: not the one that this machine has seen{when}: the journal was rewritten up to its end"
        )


def _anchored(anchor: Anchor) -> str:
    return f"What lies behind {anchor.words()} was held against nothing: somebody who rewrote only that is not found."


def _caveat(seen: Checkpoint | None) -> str:
    if seen is None or not seen.seq:
        return "This machine had seen nothing of it before: who rewrote everything, head row included, is not found."
    return f"Somebody who rewrote everything behind entry {seen.seq:,}, the newest this machine had seen, is not found."
