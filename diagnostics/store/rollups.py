"""Sync events by hour and status, at a cost that does not grow with the table: 677 million rows are never read twice.

Counts and a watermark over the primary key are kept in the state store, and committed together. A refresh counts what
lies beyond the watermark, the tail, and holds it apart; it settles ids in parts, and only those that could be seen for
longer than a grace time, because a transaction may commit after one with higher ids. At each refresh the rows of the
newest settled parts are numbered once more, and one part in turn is counted anew in full, so that a commit that was
later still, or a row that was changed, is found and corrected.

Several consoles may count the same table into the same store. A step is one transaction and names the place it
continues from; where another console has gone on from there already, it changes nothing.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, CursorResult, Update, or_, select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.words import plural, span
from diagnostics.store.failures import SOURCE
from diagnostics.store.identity import common_identity
from diagnostics.store.lead_events import (
    HOUR_S,
    NO_HOUR,
    NO_STATUS,
    CountedRows,
    Ends,
    HourCounts,
    LeadEvents,
    hour_start,
    moment_of,
    seconds,
)
from diagnostics.store.schema import COUNTS, LEDGER, ROLLUPS

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.evidence import Evidence
    from diagnostics.store.store import StateStore

KNOWN_STATUSES = frozenset({"success", "failed"})
"""Known statuses of a sync event; assumed, no source lists them."""

DAY_S = 86_400
MOST_EVIDENCE = 24
MOST_MARKS = 16
NEWEST_AUDITED = 3
_ATTEMPTS = 20
"""How often a refresh begins anew because another console has just counted the same rows."""

_SETTLED, _TAIL = "settled", "tail"


@dataclass(slots=True, frozen=True)
class RollupLimits:
    """How the counting is done. Seconds and ids; all assumed, to be measured against the real table."""

    chunk: int = 20_000
    """Ids of one statement."""
    entry_ids: int = 5_000
    """Ids that the tail grows to before it is settled."""
    grace_s: int = 120
    """How long an id must have been visible before it is settled: no usual transaction is open for longer."""
    first_s: int = 4 * HOUR_S
    """How far back the first count reaches; further to the beginning of the hour."""
    margin_s: int = 600
    """How far ids and moments may be out of step at the beginning of what was counted."""
    late_s: int = HOUR_S
    """A row that arrives dated earlier by more is named."""
    absent_s: int = DAY_S
    """Nobody having counted for longer, it starts again with the recent hours."""
    keep_s: int = 35 * DAY_S
    """How long hours are kept."""
    entries_s: int = 2 * DAY_S
    """How long settled parts are looked at again."""


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

    Opening it asks nothing. What the store knows is read by `hours`, `since` and `notes`; only `refresh` and
    `widen` ask the shared database.
    """

    def __init__(
        self, context: Context, *, limits: RollupLimits | None = None, known: frozenset[str] = KNOWN_STATUSES
    ) -> None:
        self._context = context
        self._limits = limits or RollupLimits()
        self._known = known
        self._heard: deque[Evidence] = deque(maxlen=MOST_EVIDENCE)
        self._events = LeadEvents(context.databases, self._heard.appendleft)
        self._lock = threading.Lock()
        self._widening = threading.Lock()
        self._made: _Store | None = None
        self._seen: _Look | None = None
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
        standing = self._store.standing()
        if standing is None or standing.caught_up_s is None:
            return None
        return moment_of(max(standing.since_s, hour_start(standing.caught_up_s - self._limits.keep_s)))

    @property
    def notes(self) -> tuple[str, ...]:
        """Biases of the counts, a sentence each. Raises `SourceFailure` (state, common)."""
        state = self._context.state
        standing = self._store.standing()
        return (*([] if state.is_lasting else [state.problem]), *(self._bent(standing) if standing is not None else ()))

    def hours(self, since: datetime) -> tuple[HourCount, ...]:
        """Counts of every hour from the one of `since` on, oldest first; none before `self.since`.

        The present hour is as far as the newest count. An hour without rows has no entry. Raises `SourceFailure`.
        """
        complete = self.since
        if complete is None:
            return ()
        counts = self._store.counts(COUNTS.c.hour_s >= max(hour_start(seconds(since)), seconds(complete)))
        return tuple(HourCount(moment_of(hour), status, rows) for (hour, status), rows in sorted(counts.items()))

    def refresh(self, job: Job | None = None) -> None:
        """Count what is new; the first time, the recent hours.

        Ends early when the job is over. Raises `SourceFailure` (common, state). In both cases what was committed by
        then stays, and the next refresh goes on from there.
        """
        with self._lock:
            ends = self._events.ends()
            for _ in range(_ATTEMPTS):
                standing = self._begun(ends)
                missing = max(standing.high_id, self._visible_long(standing, ends)) - ends.last
                if missing > 0:
                    self._look(ends, missing=missing)
                    return
                if self._forward(standing, ends, job):
                    break
            else:
                reason = "other consoles count the same rows at the same moment"
                raise SourceFailure(FailureKind.TIMED_OUT, SOURCE, reason, remedy="ask again")
            if standing.caught_up_s is not None:
                self._audit(standing, ends, job)
            if ends.now_s - self._pruned_s >= HOUR_S:
                self._store.prune(ends.now_s - self._limits.keep_s, ends.now_s - self._limits.entries_s)
                self._pruned_s = ends.now_s

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
    def _store(self) -> _Store:
        if self._made is None:
            source = common_identity(self._context.settings.databases, self._events.name)
            self._made = _Store(self._context.state, source)
        return self._made

    def _look(self, ends: Ends, *, missing: int = 0, waiting: int = 0) -> None:
        self._seen = _Look(ends.now_s, ends.ahead_s, missing, waiting)

    # Starting, and starting again.

    def _begun(self, ends: Ends) -> _Standing:
        """How far the counting is, begun or begun again where needed."""
        standing = self._store.standing()
        restart = "" if standing is None else self._restart(standing, ends)
        if standing is None or restart:
            self._start(standing, ends, restart)
            standing = self._store.standing()
        if standing is None:
            raise SourceFailure(FailureKind.MALFORMED, SOURCE, "what was written is not there", remedy="ask again")
        return standing

    def _restart(self, standing: _Standing, ends: Ends) -> str:
        """Why what was counted is no longer about this table, as a sentence; empty when it is."""
        at = f"{moment_of(ends.now_s):%Y-%m-%d %H:%M} UTC"
        absent_s = ends.now_s - (standing.caught_up_s or standing.started_s)
        if absent_s > self._limits.absent_s:
            return f"Nobody had counted for {absent_s // HOUR_S} h: the counting started again at {at}."
        why = self._replaced(standing, ends)
        if not why:
            return ""
        return f"{self._events.name} was emptied or replaced: the counting started again at {at}, because {why}."

    def _replaced(self, standing: _Standing, ends: Ends) -> str:
        """How the table shows that it is another one than was counted; empty when it is the same."""
        if not ends.last:
            return "there are no rows in it" if standing.tail_id or standing.low_id else ""
        anchors = self._store.anchors(ends.last)
        for row_id, moment_s in anchors:
            found = self._events.moment_of(row_id)
            if found is not None:
                return "" if found == moment_s else f"id {row_id:,} is now another row"
        # One row that is gone may have been deleted; the audit corrects its part.
        if len(anchors) > 1:
            return "rows that were counted are gone"
        before = max(standing.high_id, self._visible_long(standing, ends))
        return f"its ids went back from {before:,} to {ends.last:,}" if ends.last < before else ""

    def _start(self, before: _Standing | None, ends: Ends, restart: str) -> None:
        limits = self._limits
        since_s = hour_start(ends.now_s - limits.first_s)
        low, from_start = max(0, ends.first - 1), True
        self._first_s = None
        if ends.last:
            low = self._events.id_before(since_s - limits.margin_s, ends, limits.chunk)
            from_start = low < ends.first
        if from_start and ends.last:
            self._first_s = self._events.dated(ends.first)
            since_s = min(since_s, hour_start(self._first_s or since_s))
        reach = {"low_id": low, "high_id": low, "tail_id": low, "since_s": since_s, "from_start": int(from_start)}
        self._store.start(before, reach, ends.now_s, restart)

    # Beyond the watermark.

    def _forward(self, standing: _Standing, ends: Ends, job: Job | None) -> bool:
        """Settle what may be settled and count the tail; False where another console was faster."""
        if standing.caught_up_s is not None and standing.caught_up_s > ends.now_s:
            return True  # by a console that looked later than this one
        limits, low, tail = self._limits, standing.high_id, list[CountedRows]()
        visible = self._visible_long(standing, ends)
        settled_to = visible if visible - low >= limits.entry_ids else low
        # First up to where the ids are old enough, so that no part lies on both sides.
        for goal in (settled_to, ends.last):
            for counted in self._events.walk(low, goal, limits.chunk, job=job, behind_s=self._arrived_since(standing)):
                low = counted.high
                if tail or not (low <= settled_to or self._is_old(counted, ends)):
                    tail.append(counted)
                elif not self._settle(standing, counted, ends, high_id=counted.high):
                    return False
        if low < ends.last:
            self._look(ends, waiting=ends.last - low)
            return True
        is_done = self._store.set_tail(standing, tail, _Mark(ends.now_s, ends.last), self._limits.grace_s / 6)
        if is_done:
            self._look(ends)
        return is_done

    def _settle(self, standing: _Standing, counted: CountedRows, ends: Ends, **moved: int) -> bool:
        entry: dict[str, int | None] = {"revision": 0, "counted_s": ends.now_s, "audited_s": ends.now_s, "corrected": 0}
        moment_s = None if counted.last_id is None else self._events.moment_of(counted.last_id)
        if moment_s is not None:
            entry |= {"anchor_id": counted.last_id, "anchor_s": moment_s}
        return self._store.settle(standing, counted, entry, moved)

    def _visible_long(self, standing: _Standing, ends: Ends) -> int:
        """The highest id that could be seen a grace time ago, as far as anybody has looked."""
        old = (mark.id for mark in standing.marks if mark.at_s <= ends.now_s - self._limits.grace_s)
        return max(old, default=standing.high_id)

    def _is_old(self, counted: CountedRows, ends: Ends) -> bool:
        """A whole part whose newest row is older than the grace time, where nobody has looked for so long.

        By the rows' own moments, which may be wrong: the marks go first, and what comes late is found by the audit.
        """
        is_whole = counted.high < ends.last
        return is_whole and counted.newest_s is not None and counted.newest_s < ends.now_s - self._limits.grace_s

    def _arrived_since(self, standing: _Standing) -> int | None:
        """Rows beyond the watermark that are dated before this are dated long before they arrived."""
        seen = [mark.at_s for mark in standing.marks if mark.id <= standing.high_id]
        return seen[-1] - self._limits.late_s if seen else None

    # Behind the watermark.

    def _audit(self, standing: _Standing, ends: Ends, job: Job | None) -> None:
        """Look again at what was settled: the newest parts by their number of rows, and one part in turn in full."""
        entries = self._store.entries
        suspects = {entry.low: entry for entry in entries(ends.last, LEDGER.c.audited_s, 1)}
        for entry in entries(ends.last, LEDGER.c.low_id.desc(), NEWEST_AUDITED):
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
        self._store.audited(standing, found, ends.now_s)

    def _widen(self, job: Job | None, most_s: int) -> None:
        ends = self._events.ends()
        goal = hour_start(ends.now_s - min(most_s, self._limits.keep_s))
        begun: int | None = None
        while True:
            standing = self._store.standing()
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

    def _widen_once(self, standing: _Standing, ends: Ends) -> None:
        counted = self._events.count_below(standing.low_id, ends.first, self._limits.chunk)
        since_s, from_start = standing.since_s, counted.low < ends.first
        dated = self._events.dated(counted.low + 1)
        if dated is not None:
            since_s = min(since_s, hour_start(dated if from_start else dated + self._limits.margin_s + HOUR_S - 1))
        if from_start:
            self._first_s = self._events.dated(ends.first)
        # Where another console was faster, the next round goes on from there.
        self._settle(standing, counted, ends, low_id=counted.low, since_s=since_s, from_start=int(from_start))

    # What bends the counts.

    def _bent(self, standing: _Standing) -> Iterator[str]:
        """The sentences, most important first: each names the rows and the effect on the number."""
        skew = self._context.catalogue.thresholds.get("clock_skew_seconds")
        skew_s = None if skew is None else skew.warning
        seen = self._seen
        now_s = seen.now_s if seen is not None else standing.caught_up_s or standing.started_s
        # A correction or a restart stays worth saying for a day.
        if standing.restart and now_s - standing.started_s < DAY_S:
            yield standing.restart
        if seen is not None:
            yield from seen.sentences(skew_s)
        if standing.from_start and self._first_s is not None:
            yield f"The table begins at {_time(self._first_s)}: before that there is nothing to count."
        # From the hour after the present one on; a clock that is a little ahead is no reason to name rows.
        ahead_s = hour_start(now_s + int(skew_s or 0)) + HOUR_S
        table = COUNTS.c
        odd = or_(table.hour_s >= ahead_s, table.hour_s == NO_HOUR, table.status.not_in(self._known))
        yield from _bad_rows(self._store.counts(odd), ahead_s, self._known)
        behind = self._store.behind(now_s - DAY_S) + standing.tail_behind
        if behind:
            yield (
                f"{plural(behind, 'row')} of the last {span(DAY_S)} arrived dated more than "
                f"{span(self._limits.late_s)} earlier: they count in the hours that they name, which were lower before."
            )
        for low, high, rows, at_s in self._store.corrections(now_s - DAY_S):
            yield (
                f"Ids {low + 1:,} to {high:,}, counted once more at {_time(at_s)}, {_changed(rows)}; the hours are"
                " corrected."
            )


@dataclass(slots=True, frozen=True)
class _Look:
    """Facts of the newest look at the table beside its rows."""

    now_s: int
    ahead_s: float
    """The database's clock against this machine's."""
    missing: int
    """Ids at the end of what was counted that the answering server does not have."""
    waiting: int
    """Ids that could not be counted yet, because the question was ended."""

    def sentences(self, skew_s: float | None) -> Iterator[str]:
        """Biases that follow from it, a sentence each."""
        if self.missing:
            yield (
                f"The database answers without the newest {self.missing:,} ids that were counted before: a replica that"
                " lags, or rows that were deleted. The counts stay as they were."
            )
        if self.waiting:
            yield f"About {self.waiting:,} ids are not counted yet: the newest hours are too low until they are."
        if skew_s is not None and abs(self.ahead_s) > skew_s:
            side = "ahead of" if self.ahead_s > 0 else "behind"
            yield (
                f"The database's clock is {span(abs(self.ahead_s))} {side} this machine's; hours and ages here go by"
                " the database's."
            )


def _bad_rows(counts: HourCounts, ahead_s: int, known: frozenset[str]) -> Iterator[str]:
    undated = sum(rows for (hour, _), rows in counts.items() if hour == NO_HOUR)
    if undated:
        yield f"{plural(undated, 'row')} without a readable created_at count in no hour: all hours together lack them."
    future = [(hour, rows) for (hour, _), rows in counts.items() if hour >= ahead_s]
    if future:
        yield (
            f"{plural(sum(rows for _, rows in future), 'row')} dated in the future, up to the hour of "
            f"{_time(max(future)[0])}: they count in the hours that they name, and the hours they belong to lack them."
        )
    strange: Counter[str] = Counter()
    for (hour, status), rows in counts.items():
        if status not in known and hour != NO_HOUR:
            strange[status] += rows
    for status, rows in sorted(strange.items(), key=lambda item: (-item[1], item[0]))[:5]:
        named = "no status" if status == NO_STATUS else f"the status {status}, which is not known"
        yield f"{plural(rows, 'row')} with {named}: in the total, and in neither success nor failure."
    if len(strange) > 5:
        yield f"{len(strange) - 5:,} further statuses are not known either."


def _changed(rows: int) -> str:
    if rows > 0:
        return f"held {plural(rows, 'row')} more, committed late"
    return f"held {plural(-rows, 'row')} fewer, deleted since" if rows else "held rows that had changed since"


def _time(at_s: int) -> str:
    return f"{moment_of(at_s):%Y-%m-%d %H:%M} UTC"


class _Mark(NamedTuple):
    """The highest id that could be seen at a moment of the database's clock."""

    at_s: int
    id: int


@dataclass(slots=True, frozen=True)
class _Standing:
    """How far the counting is: the row of a source in `warroom_rollups`."""

    generation: int
    """Rises when the counting starts again."""
    low_id: int
    high_id: int
    """The watermark: ids above `low_id` and up to here are settled."""
    since_s: int
    from_start: int
    """1 where nothing lies before `low_id`."""
    caught_up_s: int | None
    """When the tail was counted last; None before the first time."""
    tail_id: int
    tail_behind: int
    marks: tuple[_Mark, ...]
    started_s: int
    restart: str
    """Why it started again; empty for the first start."""


@dataclass(slots=True, frozen=True, eq=False)
class _Entry:
    """One settled part, as it was counted last: a row of `warroom_rollup_ledger`."""

    row: Mapping[str, Any]
    counts: HourCounts

    @property
    def low(self) -> int:
        """The part holds the ids above this one."""
        return int(self.row["low_id"])

    @property
    def high(self) -> int:
        """And up to this one."""
        return int(self.row["high_id"])


class _Store:
    """Counts of one source in the state store. Every method raises `SourceFailure` (state).

    A step returns False, and has changed nothing, where another console has gone on from the same place before.
    """

    def __init__(self, state: StateStore, source: str) -> None:
        self._state = state
        self._source = source

    def standing(self) -> _Standing | None:
        """How far it is; None before the first start."""
        rows = self._all(select(ROLLUPS).where(ROLLUPS.c.source == self._source))
        if not rows:
            return None
        values = {name: value for name, value in rows[0]._mapping.items() if name != "source"}
        return _Standing(**values | {"marks": _read_marks(values["marks"])})

    def counts(self, which: ColumnElement[bool]) -> HourCounts:
        """Settled and tail together."""
        table = COUNTS.c
        mine = (table.source == self._source, table.part.in_((_SETTLED, _TAIL)))
        counts: Counter[tuple[int, str]] = Counter()
        for hour, status, total in self._all(select(table.hour_s, table.status, table.total).where(*mine, which)):
            counts[int(hour), str(status)] += int(total)
        return {key: rows for key, rows in counts.items() if rows > 0}

    def entries(self, most_id: int, order: ColumnElement[Any], most: int) -> list[_Entry]:
        """Settled parts that end at `most_id` at the latest."""
        table = LEDGER.c
        mine = select(LEDGER).where(table.source == self._source, table.high_id <= most_id)
        rows = self._all(mine.order_by(order, table.low_id).limit(most))
        return [_Entry(row._mapping, _read_counts(row.counts)) for row in rows]

    def anchors(self, most_id: int) -> list[tuple[int, int]]:
        """Rows that were there when they were counted (id, moment), highest first, up to an id; a few."""
        table = LEDGER.c
        mine = (table.source == self._source, table.anchor_id.is_not(None), table.anchor_id <= most_id)
        wanted = select(table.anchor_id, table.anchor_s).where(*mine).order_by(table.low_id.desc()).limit(3)
        return [(int(row[0]), int(row[1])) for row in self._all(wanted)]

    def behind(self, from_s: int) -> int:
        """Rows settled since a moment that were dated long before they arrived."""
        table = LEDGER.c
        mine = (table.source == self._source, table.counted_s >= from_s, table.behind > 0)
        return sum(int(row[0]) for row in self._all(select(table.behind).where(*mine)))

    def corrections(self, from_s: int) -> list[tuple[int, ...]]:
        """Parts corrected since a moment, newest first, a few: low, high, by how many rows in all, and when."""
        table = LEDGER.c
        wanted = (
            select(table.low_id, table.high_id, table.corrected, table.corrected_s)
            .where(table.source == self._source, table.corrected_s >= from_s)
            .order_by(table.corrected_s.desc(), table.low_id.desc())
            .limit(5)
        )
        return [tuple(map(int, row)) for row in self._all(wanted)]

    def start(self, before: _Standing | None, reach: Mapping[str, int], now_s: int, restart: str) -> None:
        """Begin at `reach` with nothing counted; what was counted before is dropped."""
        fresh = {"caught_up_s": None, "tail_behind": 0, "marks": "[]", "started_s": now_s, "restart": restart}
        values = {**reach, **fresh}

        def work(connection: Connection) -> None:
            if before is None:
                found = connection.execute(select(ROLLUPS.c.source).where(ROLLUPS.c.source == self._source)).first()
                if found is None:
                    connection.execute(ROLLUPS.insert().values(source=self._source, generation=1, **values))
            elif _took(connection.execute(self._step(before).values(generation=before.generation + 1, **values))):
                for table in (COUNTS, LEDGER):
                    connection.execute(table.delete().where(table.c.source == self._source))

        self._state.transact(work)

    def settle(
        self, standing: _Standing, counted: CountedRows, entry: Mapping[str, int | None], moved: Mapping[str, int]
    ) -> bool:
        """Enter a part that lies next to all that is settled, before or behind it, and move that end."""
        table = ROLLUPS.c
        continues = table.high_id == counted.low if "high_id" in moved else table.low_id == counted.high

        def work(connection: Connection) -> bool:
            if not _took(connection.execute(self._step(standing, continues).values(dict(moved)))):
                return False
            self._add(connection, _SETTLED, counted.counts)
            connection.execute(LEDGER.insert().values({**entry, **self._part(counted)}))
            return True

        return self._state.transact(work)

    def set_tail(self, standing: _Standing, tail: list[CountedRows], seen: _Mark, apart_s: float) -> bool:
        """Replace the tail, which begins at the watermark, and keep in mind what could be seen when."""
        table, high = ROLLUPS.c, tail[0].low if tail else seen.id

        def work(connection: Connection) -> bool:
            is_newer = or_(table.caught_up_s.is_(None), table.caught_up_s <= seen.at_s)
            behind = sum(counted.behind for counted in tail)
            step = self._step(standing, table.high_id == high, is_newer)
            if not _took(connection.execute(step.values(caught_up_s=seen.at_s, tail_id=seen.id, tail_behind=behind))):
                return False
            # Only now, with the row locked, can nobody else add to the marks.
            written = connection.execute(select(table.marks).where(table.source == self._source)).scalar()
            marks = json.dumps(_with_mark(_read_marks(str(written)), seen, high, apart_s))
            connection.execute(ROLLUPS.update().where(table.source == self._source).values(marks=marks))
            connection.execute(COUNTS.delete().where(COUNTS.c.source == self._source, COUNTS.c.part == _TAIL))
            self._add(connection, _TAIL, _sum(tail))
            return True

        return self._state.transact(work)

    def audited(self, standing: _Standing, found: Mapping[_Entry, list[CountedRows]], now_s: int) -> None:
        """Enter what counting settled parts once more gave; each may have become several."""

        def work(connection: Connection) -> None:
            # Locks all that was counted of this source, whatever its watermark is by now.
            if _took(connection.execute(self._step(standing).values(generation=standing.generation))):
                for entry, parts in found.items():
                    self._correct(connection, entry, parts, now_s)

        if found:
            self._state.transact(work)

    def prune(self, counts_before_s: int, entries_before_s: int) -> None:
        """Drop old hours, and entries that nobody needs to look at again; the newest stay."""
        hours, ledger = COUNTS.c, LEDGER.c
        mine = ledger.source == self._source

        def work(connection: Connection) -> None:
            connection.execute(
                COUNTS.delete().where(
                    hours.source == self._source,
                    hours.part == _SETTLED,
                    hours.hour_s >= 0,
                    hours.hour_s < counts_before_s,
                )
            )
            newest = connection.execute(select(ledger.low_id).where(mine).order_by(ledger.low_id.desc()).limit(8)).all()
            if newest:
                is_old = (ledger.counted_s < entries_before_s, ledger.low_id < newest[-1][0])
                connection.execute(LEDGER.delete().where(mine, *is_old))

        self._state.transact(work)

    def _all(self, wanted: Any) -> list[Any]:  # noqa: ANN401  # any select, and its rows
        with self._state.read() as connection:
            return list(connection.execute(wanted))

    def _step(self, standing: _Standing, *conditions: ColumnElement[bool]) -> Update:
        mine = (ROLLUPS.c.source == self._source, ROLLUPS.c.generation == standing.generation)
        return ROLLUPS.update().where(*mine, *conditions)

    def _add(self, connection: Connection, part: str, counts: HourCounts) -> None:
        table = COUNTS.c
        for (hour_s, status), rows in sorted(counts.items()):
            key = {"source": self._source, "part": part, "hour_s": hour_s, "status": status}
            here = (table[name] == value for name, value in key.items())
            if rows and not _took(connection.execute(COUNTS.update().where(*here).values(total=table.total + rows))):
                connection.execute(COUNTS.insert().values(total=rows, **key))

    def _correct(self, connection: Connection, entry: _Entry, parts: list[CountedRows], now_s: int) -> None:
        table, now = LEDGER.c, _sum(parts)
        here = (table.source == self._source, table.low_id == entry.low, table.revision == entry.row["revision"])
        if not _took(connection.execute(LEDGER.delete().where(*here))):
            return
        change = {key: now.get(key, 0) - entry.counts.get(key, 0) for key in {*now, *entry.counts}}
        values = {**entry.row, "revision": entry.row["revision"] + 1, "audited_s": now_s}
        if any(change.values()):
            values |= {"corrected": values["corrected"] + sum(change.values()), "corrected_s": now_s}
        for counted in parts:
            # What is known of the whole stays with the first of the parts, and the anchor belongs to the last.
            rest = {} if counted is parts[0] else {"corrected": 0, "corrected_s": None, "behind": 0}
            loose = {} if counted is parts[-1] else {"anchor_id": None, "anchor_s": None}
            part = self._part(counted) | {"behind": values["behind"]}
            connection.execute(LEDGER.insert().values(values | part | rest | loose))
        self._add(connection, _SETTLED, change)

    def _part(self, counted: CountedRows) -> dict[str, Any]:
        """The columns that say what was counted."""
        written = json.dumps([[hour, status, rows] for (hour, status), rows in sorted(counted.counts.items()) if rows])
        return {
            "source": self._source,
            "low_id": counted.low,
            "high_id": counted.high,
            "total": counted.total,
            "counts": written,
            "behind": counted.behind,
        }


def _took(result: CursorResult[Any]) -> bool:
    # Rows that were found, changed or not: the driver is asked to count so.
    return result.rowcount == 1


def _sum(parts: Iterable[CountedRows]) -> HourCounts:
    counts: Counter[tuple[int, str]] = Counter()
    for counted in parts:
        counts.update(counted.counts)
    return dict(counts)


def _with_mark(marks: tuple[_Mark, ...], seen: _Mark, high_id: int, apart_s: float) -> tuple[_Mark, ...]:
    """The marks that are still of use, and `seen` unless one of just now says nearly the same."""
    # A clock that was set back leaves marks of a time that has not come yet.
    kept = [mark for mark in marks if mark.at_s <= seen.at_s]
    if not kept or kept[-1].id <= high_id or seen.at_s - kept[-1].at_s >= apart_s:
        kept.append(seen)
    # Of those at or below the watermark the newest says since when everything above it has arrived.
    below = [mark for mark in kept if mark.id <= high_id]
    above = [mark for mark in kept if mark.id > high_id]
    return (*below[-1:], *above[-MOST_MARKS:])


def _read_marks(written: str) -> tuple[_Mark, ...]:
    return tuple(_Mark(at_s, row_id) for at_s, row_id in _parsed(written, (int, int)))


def _read_counts(written: str) -> HourCounts:
    return {(hour, status): rows for hour, status, rows in _parsed(written, (int, str, int))}


def _parsed(written: str, types: tuple[type, ...]) -> list[list[Any]]:
    """A list of short lists of these types; raises `SourceFailure` where somebody else has written something there."""
    try:
        found = json.loads(written)
    except ValueError:
        found = None
    if isinstance(found, list) and all(
        isinstance(item, list) and len(item) == len(types) and all(map(isinstance, item, types)) for item in found
    ):
        return found
    raise SourceFailure(
        FailureKind.MALFORMED,
        SOURCE,
        "the counts of sync events in it cannot be read",
        remedy="empty the tables warroom_rollups, warroom_rollup_counts and warroom_rollup_ledger: they fill again",
    )
