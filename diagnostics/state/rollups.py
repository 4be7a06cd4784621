"""Sync events by hour and status, at a cost that does not grow with the table: 677 million rows are never read twice.

Counts and a watermark over the primary key are kept in the state store, and committed together. A refresh counts what
lies beyond the watermark; it moves the watermark only over ids that could be seen for longer than a grace time, because
a transaction may commit after one with higher ids. What is younger is the tail, counted anew each time and held apart.
At each refresh the rows of the newest settled parts are numbered once more, and one part in turn is counted anew in
full, so that a commit that was later still, or a row that was changed, is found and corrected.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.state.book import Book
from diagnostics.state.book_rows import Mark, Standing
from diagnostics.state.identity import common_identity
from diagnostics.state.lead_events import (
    HOUR_S,
    Counted,
    Counts,
    Ends,
    LeadEvents,
    hour_start,
    moment_of,
    seconds,
)
from diagnostics.state.rollup_limits import DAY_S, RollupLimits
from diagnostics.state.rollup_notes import Seen, rollup_notes
from diagnostics.state.search import id_before

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.jobs import Job
    from diagnostics.models.evidence import Evidence

KNOWN_STATUSES = frozenset({"success", "failed"})
"""What a sync event's status is known to be; assumed, no source lists them."""

MOST_EVIDENCE = 24
_ATTEMPTS = 20
"""How often a refresh goes on from where another console has just brought the watermark."""


@dataclass(slots=True, frozen=True)
class HourCount:
    """Sync events of one status in one hour."""

    hour: datetime
    """Where the hour begins, aware UTC."""
    status: str
    """In small letters; "(none)" where a row has none, "(other)" for the rarest of very many."""
    rows: int


class SyncRollup:
    """The counts of one shared database. Thread-safe; any number of them may share one store, in any processes.

    Opening it asks nothing. What the store knows is read by `hours`, `since`, `until` and `notes`; only `refresh` and
    `widen` ask the shared database.
    """

    def __init__(
        self, tools: Tools, *, limits: RollupLimits | None = None, known: frozenset[str] = KNOWN_STATUSES
    ) -> None:
        self._tools = tools
        self._limits = limits or RollupLimits()
        self._known = known
        self._heard: deque[Evidence] = deque(maxlen=MOST_EVIDENCE)
        self._events = LeadEvents(tools.databases, self._heard.appendleft)
        self._lock = threading.Lock()
        self._widening = threading.Lock()
        self._made: Book | None = None
        self._seen: Seen | None = None
        self._pruned_s = 0
        self._first_s: int | None = None
        """When the table begins, once the counting has reached its beginning."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The newest statements sent to the shared database, newest first, 24 at most."""
        return tuple(self._heard)

    @property
    def since(self) -> datetime | None:
        """The beginning of the hour from which on the counts are complete; None before the first count has ended.

        Raises `SourceFailure` (state, common).
        """
        standing = self._book.standing()
        if standing is None or standing.caught_up_s is None:
            return None
        return moment_of(max(standing.since_s, hour_start(standing.caught_up_s - self._limits.keep_s)))

    @property
    def until(self) -> datetime | None:
        """When the newest rows were counted last, by the database's clock; None before the first count has ended.

        Raises `SourceFailure` (state, common).
        """
        standing = self._book.standing()
        return None if standing is None or standing.caught_up_s is None else moment_of(standing.caught_up_s)

    @property
    def notes(self) -> tuple[str, ...]:
        """What bends the counts, a sentence each. Raises `SourceFailure` (state, common)."""
        notes = [self._tools.parts.state.problem] if not self._tools.parts.state.is_lasting else []
        standing = self._book.standing()
        if standing is not None:
            skew = self._tools.catalogue.thresholds.get("clock_skew_seconds")
            notes += rollup_notes(
                self._book,
                standing,
                self._seen,
                known=self._known,
                late_s=self._limits.late_s,
                skew_s=None if skew is None else skew.warning,
                first_s=self._first_s,
            )
        return tuple(notes)

    def hours(self, since: datetime) -> tuple[HourCount, ...]:
        """Counts of every hour from the one of `since` on, oldest first; none before `self.since`.

        The present hour is as far as `until`. An hour without rows has no entry. Raises `SourceFailure`.
        """
        complete = self.since
        if complete is None:
            return ()
        counts = self._book.counts(max(hour_start(seconds(since)), seconds(complete)))
        return tuple(HourCount(moment_of(hour), status, rows) for (hour, status), rows in sorted(counts.items()))

    # Counting.

    def refresh(self, job: Job | None = None) -> None:
        """Count what is new; the first time, the recent hours.

        Ends early when the job is over. Raises `SourceFailure` (common, state). In both cases what was committed by
        then stays, and the next refresh goes on from there.
        """
        with self._lock:
            ends = self._events.ends()
            standing = self._begun(ends)
            is_first = standing.caught_up_s is None
            if ends.last < standing.high_id:
                self._look(ends, missing=standing.high_id - ends.last)
                return
            standing = self._settle(standing, ends, job)
            if not is_first:
                self._audit(standing, ends, job)
            self._prune(ends)

    def widen(self, job: Job | None = None, most_s: int = DAY_S) -> None:
        """Count backwards until the counts are complete for the last `most_s` seconds, or the table's beginning.

        Reports hours to the job, and ends when it is over; what was counted stays. One caller at a time: a second one
        returns at once. Raises `SourceFailure` (common, state).
        """
        if not self._widening.acquire(blocking=False):
            return
        try:
            if self.since is None:
                self.refresh(job)
            self._widen(job, most_s)
        finally:
            self._widening.release()

    @property
    def _book(self) -> Book:
        if self._made is None:
            source = common_identity(self._tools.parts.settings.databases, self._events.name)
            self._made = Book(self._tools.parts.state, source, entry_ids=self._limits.entry_ids)
        return self._made

    def _look(self, ends: Ends, *, missing: int = 0, waiting: int = 0) -> None:
        self._seen = Seen(ends.now_s, ends.ahead_s, missing, waiting)

    # Starting, and starting again.

    def _begun(self, ends: Ends) -> Standing:
        """How far the counting is, begun or begun again where needed."""
        standing = self._book.standing()
        restart = "" if standing is None else self._restart(standing, ends)
        if standing is not None and not restart:
            return standing
        self._first_s = None
        self._start(standing, ends, restart)
        begun = self._book.standing()
        if begun is None:
            raise SourceFailure(FailureKind.MALFORMED, "state", "what was written is not there", remedy="ask again")
        return begun

    def _restart(self, standing: Standing, ends: Ends) -> str:
        """Why what was counted is no longer about this table, as a sentence; empty when it is."""
        at = f"{moment_of(ends.now_s):%Y-%m-%d %H:%M} UTC"
        absent_s = ends.now_s - (standing.caught_up_s or standing.started_s)
        if absent_s > self._limits.absent_s:
            return f"Nobody had counted for {absent_s // HOUR_S} h: the counting started again at {at}."
        why = self._replaced(standing, ends)
        if not why:
            return ""
        return f"{self._events.name} was emptied or replaced: the counting started again at {at}, because {why}."

    def _replaced(self, standing: Standing, ends: Ends) -> str:
        """How the table shows that it is another one than was counted; empty when it is the same."""
        if not ends.last:
            return "there are no rows in it" if standing.tail_id or standing.low_id else ""
        anchors = self._book.anchors(ends.last)
        for row_id, moment_s in anchors:
            found = self._events.witness(row_id)
            if found is not None:
                return "" if found == moment_s else f"id {row_id:,} is now another row"
        if anchors:
            return "rows that were counted are gone"
        gone_back = ends.last < standing.high_id
        return f"its ids went back from {standing.high_id:,} to {ends.last:,}" if gone_back else ""

    def _start(self, before: Standing | None, ends: Ends, restart: str) -> None:
        limits = self._limits
        since_s = hour_start(ends.now_s - limits.first_s)
        low, from_start = max(0, ends.first - 1), True
        if ends.last:
            low = id_before(self._events, since_s - limits.margin_s, ends, limits.chunk)
            from_start = low < ends.first
        if from_start and ends.last:
            self._note_beginning(ends)
            since_s = min(since_s, hour_start(self._first_s or since_s))
        self._book.start(before, low_id=low, since_s=since_s, from_start=from_start, now_s=ends.now_s, restart=restart)

    # Beyond the watermark.

    def _settle(self, standing: Standing, ends: Ends, job: Job | None) -> Standing:
        """Move the watermark as far as it may go, and count the tail; answers with the new standing."""
        for _ in range(_ATTEMPTS):
            moved = self._settle_once(standing, ends, job)
            if moved is not None:
                return moved
            again = self._book.standing()
            if again is None or again.generation != standing.generation or again.high_id >= ends.last:
                # Another console has done all of it, or has started again.
                return again or standing
            standing = again
        raise SourceFailure(
            FailureKind.TIMED_OUT, "state", "other consoles count the same rows at the same moment", remedy="ask again"
        )

    def _settle_once(self, standing: Standing, ends: Ends, job: Job | None) -> Standing | None:
        """None where another console was faster."""
        limits, behind_s = self._limits, self._arrived_since(standing)
        tail: list[Counted] = []
        settled_to = self._settled_to(standing, ends)
        low = standing.high_id
        while low < ends.last and not (job is not None and job.is_over):
            # First up to where the ids are old enough, so that no part lies on both sides.
            goal = settled_to if low < settled_to else ends.last
            for counted in self._events.walk(low, goal, limits.chunk, job=job, behind_s=behind_s):
                low = counted.high
                if tail or not (low <= settled_to or self._is_old(counted, ends)):
                    tail.append(counted)
                elif not self._book.settle(standing, counted, self._anchor(counted), ends.now_s):
                    return None
        now = self._book.standing()
        if now is None or now.generation != standing.generation:
            return None
        if low < ends.last:
            self._look(ends, waiting=ends.last - low)
            return now
        return self._close(now, standing, tail, ends)

    def _close(self, now: Standing, before: Standing, tail: list[Counted], ends: Ends) -> Standing | None:
        begins = tail[0].low if tail else ends.last
        if now.high_id != begins:
            return None
        done = self._book.set_tail(
            now,
            _sum(tail),
            seen=Mark(ends.now_s, ends.last),
            behind=sum(counted.behind for counted in tail),
            apart_s=self._limits.grace_s / 6,
        )
        if not done and not self._is_newer_than(ends):
            return None
        self._look(ends)
        return self._book.standing() or before

    def _is_newer_than(self, ends: Ends) -> bool:
        standing = self._book.standing()
        return standing is not None and standing.caught_up_s is not None and standing.caught_up_s > ends.now_s

    def _settled_to(self, standing: Standing, ends: Ends) -> int:
        old = [mark.id for mark in standing.marks if mark.at_s <= ends.now_s - self._limits.grace_s]
        return min(ends.last, max(old, default=standing.high_id))

    def _is_old(self, counted: Counted, ends: Ends) -> bool:
        """A whole part whose newest row is older than the grace time, where nobody has looked for so long.

        By the rows' own moments, which may be wrong: the marks go first, and what comes late is found by the audit.
        """
        is_whole = counted.high < ends.last
        return is_whole and counted.newest_s is not None and counted.newest_s < ends.now_s - self._limits.grace_s

    def _arrived_since(self, standing: Standing) -> int | None:
        """Rows beyond the watermark that are dated before this are dated long before they arrived."""
        seen = [mark.at_s for mark in standing.marks if mark.id <= standing.high_id]
        return seen[-1] - self._limits.late_s if seen else None

    def _anchor(self, counted: Counted) -> tuple[int, int] | None:
        if counted.last_id is None:
            return None
        found = self._events.witness(counted.last_id)
        return None if found is None else (counted.last_id, found)

    # Behind the watermark.

    def _audit(self, standing: Standing, ends: Ends, job: Job | None) -> None:
        """Look again at what was settled: the newest parts by their number of rows, and one part in turn in full."""
        most = min(ends.last, standing.high_id)
        suspects = {entry.low: entry for entry in self._book.longest_unseen(most)}
        for entry in self._book.newest(most):
            # A wide part has a leap of ids in it, where any number of rows may have come by now.
            is_wide = entry.high - entry.low > 2 * self._limits.chunk
            if is_wide or self._events.rows(entry.low, entry.high) != sum(entry.counts.values()):
                suspects[entry.low] = entry
        found = {}
        for entry in suspects.values():
            parts = list(self._events.walk(entry.low, entry.high, self._limits.chunk, job=job))
            if not parts or parts[-1].high != entry.high:
                return
            found[entry] = parts
        self._book.audited(standing, found, ends.now_s)

    def _prune(self, ends: Ends) -> None:
        if ends.now_s - self._pruned_s < HOUR_S:
            return
        self._book.prune(
            counts_before_s=ends.now_s - self._limits.keep_s, entries_before_s=ends.now_s - self._limits.entries_s
        )
        self._pruned_s = ends.now_s

    def _widen(self, job: Job | None, most_s: int) -> None:
        ends = self._events.ends()
        goal = hour_start(ends.now_s - min(most_s, self._limits.keep_s))
        begun: int | None = None
        while True:
            standing = self._book.standing()
            if standing is None or standing.caught_up_s is None:
                return
            begun = standing.since_s if begun is None else begun
            total = max(0, begun - goal) // HOUR_S
            done = total if standing.from_start else max(0, begun - standing.since_s) // HOUR_S
            if job is not None:
                job.report(min(done, total), total, "hours")
            if standing.from_start or standing.since_s <= goal or (job is not None and job.is_over):
                return
            self._widen_once(standing, ends)

    def _widen_once(self, standing: Standing, ends: Ends) -> None:
        first, high = ends.first - 1, standing.low_id
        low = max(first, high - self._limits.chunk)
        counted = self._events.count(low, high)
        if not counted.counts and low > first:
            # The ids leap here: on to the next lower one that exists.
            counted = self._below_leap(first, low, high)
            low = counted.low
        about = self._events.about(low + 1)
        since_s, from_start = standing.since_s, low <= first
        if about is not None and about[1] is not None:
            dated = about[1] if from_start else about[1] + self._limits.margin_s + HOUR_S - 1
            since_s = min(since_s, hour_start(dated))
        if from_start:
            self._note_beginning(ends)
        # Where another console was faster, the next round goes on from there.
        self._book.widen(
            standing, counted, self._anchor(counted), since_s=since_s, from_start=from_start, now_s=ends.now_s
        )

    def _below_leap(self, first: int, top: int, high: int) -> Counted:
        last = self._events.previous_id(top)
        if last is None:
            return Counted(first, high)
        found = self._events.count(max(first, last - self._limits.chunk), last)
        return Counted(found.low, high, found.counts, found.last_id, found.newest_s, found.behind)

    def _note_beginning(self, ends: Ends) -> None:
        found = self._events.about(ends.first)
        self._first_s = None if found is None else found[1]


def _sum(parts: list[Counted]) -> Counts:
    counts: Counter[tuple[int, str]] = Counter()
    for counted in parts:
        counts.update(counted.counts)
    return dict(counts)
