"""What has been counted so far, in the state store: every step is one transaction, and happens once or not at all.

Several consoles may count the same table into the same store. A step names the place it continues from; where another
console has gone on from there already, the step changes nothing and answers False.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Update, or_, select

from diagnostics.state.book_rows import (
    Correction,
    Entry,
    Mark,
    Standing,
    listed,
    part_values,
    read_entry,
    read_marks,
    read_standing,
    with_mark,
    written_marks,
)
from diagnostics.state.lead_events import NO_HOUR, Counted, Counts
from diagnostics.state.schema import COUNTS, LEDGER, ROLLUPS

if TYPE_CHECKING:
    from diagnostics.state.store import StateStore

SETTLED, TAIL = "settled", "tail"
NEWEST_AUDITED = 3


class Book:
    """The book of one source. Every method raises `SourceFailure` (state)."""

    def __init__(self, state: StateStore, source: str, *, entry_ids: int) -> None:
        self._state = state
        self._source = source
        self._entry_ids = entry_ids
        """Small steps are entered as one part up to so many ids."""

    # Reading.

    def standing(self) -> Standing | None:
        """How far it is; None before the first start."""
        with self._state.read() as connection:
            row = connection.execute(select(ROLLUPS).where(ROLLUPS.c.source == self._source)).first()
        return None if row is None else read_standing(row)

    def counts(self, since_s: int) -> Counts:
        """Settled and tail together, from an hour on."""
        table = COUNTS.c
        wanted = select(table.hour_s, table.status, table.total).where(
            table.source == self._source, table.part.in_((SETTLED, TAIL)), table.hour_s >= since_s
        )
        return self._sum(wanted)

    def remarkable(self, from_s: int, known: frozenset[str]) -> Counts:
        """Rows of hours from `from_s` on, of no hour, and of statuses that are not known."""
        table = COUNTS.c
        wanted = select(table.hour_s, table.status, table.total).where(
            table.source == self._source,
            table.part.in_((SETTLED, TAIL)),
            or_(table.hour_s >= from_s, table.hour_s == NO_HOUR, table.status.not_in(known)),
        )
        return self._sum(wanted)

    def newest(self, most_id: int) -> tuple[Entry, ...]:
        """The newest parts, none beyond `most_id`: where a late commit is most likely."""
        return self._entries(most_id, LEDGER.c.low_id.desc(), NEWEST_AUDITED)

    def longest_unseen(self, most_id: int) -> tuple[Entry, ...]:
        """The part that was not counted once more for longest, so that every part has its turn."""
        return self._entries(most_id, LEDGER.c.audited_s, 1)

    def anchors(self, most_id: int) -> tuple[tuple[int, int], ...]:
        """Rows that were there when they were counted (id, moment), highest first, up to an id; a few."""
        table = LEDGER.c
        wanted = (
            select(table.anchor_id, table.anchor_s)
            .where(table.source == self._source, table.anchor_id.is_not(None), table.anchor_id <= most_id)
            .order_by(table.low_id.desc())
            .limit(3)
        )
        with self._state.read() as connection:
            return tuple((int(row[0]), int(row[1])) for row in connection.execute(wanted))

    def behind(self, from_s: int) -> int:
        """Rows settled since a moment that were dated long before they arrived."""
        table = LEDGER.c
        wanted = select(table.behind).where(table.source == self._source, table.counted_s >= from_s, table.behind > 0)
        with self._state.read() as connection:
            return sum(int(row[0]) for row in connection.execute(wanted))

    def corrections(self, from_s: int) -> tuple[Correction, ...]:
        """Parts corrected since a moment, newest first, a few."""
        table = LEDGER.c
        wanted = (
            select(table.low_id, table.high_id, table.corrected, table.corrected_s)
            .where(table.source == self._source, table.corrected_s >= from_s)
            .order_by(table.corrected_s.desc(), table.low_id.desc())
            .limit(5)
        )
        with self._state.read() as connection:
            return tuple(Correction(*map(int, row)) for row in connection.execute(wanted))

    # Steps.

    def start(
        self, before: Standing | None, *, low_id: int, since_s: int, from_start: bool, now_s: int, restart: str
    ) -> bool:
        """Begin above `low_id` with nothing counted; what was counted before is dropped."""
        values = {
            "low_id": low_id,
            "high_id": low_id,
            "since_s": since_s,
            "from_start": int(from_start),
            "caught_up_s": None,
            "tail_id": low_id,
            "tail_behind": 0,
            "marks": "[]",
            "started_s": now_s,
            "restart": restart,
        }

        def work(connection: Connection) -> bool:
            if before is None:
                found = connection.execute(select(ROLLUPS.c.source).where(ROLLUPS.c.source == self._source)).first()
                if found is not None:
                    return False
                connection.execute(ROLLUPS.insert().values(source=self._source, generation=1, **values))
                return True
            step = self._step(before).values(generation=before.generation + 1, **values)
            if not _took(connection.execute(step)):
                return False
            for table in (COUNTS, LEDGER):
                connection.execute(table.delete().where(table.c.source == self._source))
            return True

        return self._state.transact(work)

    def settle(self, standing: Standing, counted: Counted, anchor: tuple[int, int] | None, now_s: int) -> bool:
        """Enter the part that follows the watermark, and move the watermark."""

        def work(connection: Connection) -> bool:
            step = self._step(standing, ROLLUPS.c.high_id == counted.low).values(high_id=counted.high)
            if not _took(connection.execute(step)):
                return False
            self._add(connection, SETTLED, counted.counts)
            self._enter(connection, counted, anchor, now_s, extend=True)
            return True

        return self._state.transact(work)

    def widen(
        self,
        standing: Standing,
        counted: Counted,
        anchor: tuple[int, int] | None,
        *,
        since_s: int,
        from_start: bool,
        now_s: int,
    ) -> bool:
        """Enter the part that lies before everything counted so far."""

        def work(connection: Connection) -> bool:
            values = {"low_id": counted.low, "since_s": since_s, "from_start": int(from_start)}
            step = self._step(standing, ROLLUPS.c.low_id == counted.high).values(values)
            if not _took(connection.execute(step)):
                return False
            self._add(connection, SETTLED, counted.counts)
            self._enter(connection, counted, anchor, now_s, extend=False)
            return True

        return self._state.transact(work)

    def set_tail(self, standing: Standing, counts: Counts, *, seen: Mark, behind: int, apart_s: float) -> bool:
        """Replace the tail, whose rows follow the watermark, and keep in mind what could be seen when."""
        table = ROLLUPS.c

        def work(connection: Connection) -> bool:
            step = self._step(
                standing,
                table.high_id == standing.high_id,
                or_(table.caught_up_s.is_(None), table.caught_up_s <= seen.at_s),
            ).values(caught_up_s=seen.at_s, tail_id=seen.id, tail_behind=behind)
            if not _took(connection.execute(step)):
                return False
            # Only now, with the row locked, can nobody else add to the marks.
            written = connection.execute(select(table.marks).where(table.source == self._source)).scalar()
            marks = with_mark(read_marks(str(written)), seen, standing.high_id, apart_s)
            connection.execute(ROLLUPS.update().where(table.source == self._source).values(marks=written_marks(marks)))
            connection.execute(COUNTS.delete().where(COUNTS.c.source == self._source, COUNTS.c.part == TAIL))
            self._add(connection, TAIL, counts)
            return True

        return self._state.transact(work)

    def audited(self, standing: Standing, found: dict[Entry, list[Counted]], now_s: int) -> int:
        """Enter what counting once more gave; returns how many parts were otherwise than they had been."""

        def work(connection: Connection) -> int:
            # Locks the book of this source, whatever its watermark is by now.
            if not _took(connection.execute(self._step(standing).values(generation=standing.generation))):
                return 0
            return sum(self._correct(connection, entry, parts, now_s) for entry, parts in found.items())

        return self._state.transact(work) if found else 0

    def prune(self, *, counts_before_s: int, entries_before_s: int) -> None:
        """Drop old hours, and entries that nobody needs to look at again; the newest stay."""
        table = LEDGER.c

        def work(connection: Connection) -> None:
            hours = COUNTS.c.hour_s
            connection.execute(
                COUNTS.delete().where(
                    COUNTS.c.source == self._source,
                    COUNTS.c.part == SETTLED,
                    hours >= 0,
                    hours < counts_before_s,
                )
            )
            newest = connection.execute(
                select(table.low_id).where(table.source == self._source).order_by(table.low_id.desc()).limit(8)
            ).all()
            if newest:
                connection.execute(
                    LEDGER.delete().where(
                        table.source == self._source,
                        table.counted_s < entries_before_s,
                        table.low_id < newest[-1][0],
                    )
                )

        self._state.transact(work)

    # Pieces of steps.

    def _step(self, standing: Standing, *conditions: ColumnElement[bool]) -> Update:
        return ROLLUPS.update().where(
            ROLLUPS.c.source == self._source, ROLLUPS.c.generation == standing.generation, *conditions
        )

    def _entries(self, most_id: int, order: ColumnElement[Any], most: int) -> tuple[Entry, ...]:
        table = LEDGER.c
        mine = (table.source == self._source, table.high_id <= most_id)
        with self._state.read() as connection:
            rows = connection.execute(select(LEDGER).where(*mine).order_by(order, table.low_id).limit(most)).all()
        return tuple(map(read_entry, rows))

    def _sum(self, wanted: Any) -> Counts:  # noqa: ANN401  # a select of hour, status and rows
        counts: Counter[tuple[int, str]] = Counter()
        with self._state.read() as connection:
            for hour, status, total in connection.execute(wanted):
                counts[int(hour), str(status)] += int(total)
        return {key: rows for key, rows in counts.items() if rows > 0}

    def _add(self, connection: Connection, part: str, counts: Counts) -> None:
        table = COUNTS.c
        for (hour_s, status), rows in sorted(counts.items()):
            here = (
                table.source == self._source,
                table.part == part,
                table.hour_s == hour_s,
                table.status == status,
            )
            if rows and not _took(connection.execute(COUNTS.update().where(*here).values(total=table.total + rows))):
                connection.execute(
                    COUNTS.insert().values(source=self._source, part=part, hour_s=hour_s, status=status, total=rows)
                )

    def _enter(
        self, connection: Connection, counted: Counted, anchor: tuple[int, int] | None, now_s: int, *, extend: bool
    ) -> None:
        table = LEDGER.c
        last = self._last_before(connection, counted) if extend else None
        row, step = anchor or (None, None), {"counted_s": now_s}
        if last is None:
            values = part_values(counted) | step
            values |= {"anchor_id": row[0], "anchor_s": row[1], "revision": 0, "audited_s": now_s, "corrected": 0}
            connection.execute(LEDGER.insert().values(source=self._source, low_id=counted.low, **values))
            return
        merged = Counter(last.counts)
        merged.update(counted.counts)
        values = {
            "high_id": counted.high,
            "total": sum(merged.values()),
            "counts": listed(merged),
            "behind": table.behind + counted.behind,
            "revision": table.revision + 1,
            **step,
        }
        if anchor is not None:
            values |= {"anchor_id": row[0], "anchor_s": row[1]}
        connection.execute(LEDGER.update().where(table.source == self._source, table.low_id == last.low).values(values))

    def _last_before(self, connection: Connection, counted: Counted) -> Entry | None:
        table = LEDGER.c
        row = connection.execute(
            select(LEDGER).where(table.source == self._source).order_by(table.low_id.desc()).limit(1)
        ).first()
        entry = None if row is None else read_entry(row)
        fits = entry is not None and entry.high == counted.low and counted.high - entry.low <= self._entry_ids
        return entry if fits else None

    def _correct(self, connection: Connection, entry: Entry, parts: list[Counted], now_s: int) -> bool:
        table = LEDGER.c
        now: Counter[tuple[int, str]] = Counter()
        for counted in parts:
            now.update(counted.counts)
        here = (table.source == self._source, table.low_id == entry.low, table.revision == entry.revision)
        change = {key: now[key] - entry.counts.get(key, 0) for key in {*now, *entry.counts}}
        differs = any(change.values())
        if not differs and len(parts) == 1:
            connection.execute(LEDGER.update().where(*here).values(audited_s=now_s))
            return False
        first, rest = parts[0], parts[1:]
        values: dict[str, Any] = {**part_values(first), "revision": table.revision + 1, "audited_s": now_s}
        del values["behind"]
        if differs:
            values |= {"corrected": table.corrected + sum(change.values()), "corrected_s": now_s}
        if rest:
            # The anchor belongs to the last of the parts now.
            values |= {"anchor_id": None, "anchor_s": None}
        if not _took(connection.execute(LEDGER.update().where(*here).values(values))):
            return False
        for number, counted in enumerate(rest, 1):
            anchor = (entry.anchor_id, entry.anchor_s or 0) if number == len(rest) and entry.anchor_id else None
            self._enter(connection, counted, anchor, now_s, extend=False)
        self._add(connection, SETTLED, change)
        return differs


def _took(result: CursorResult[Any]) -> bool:
    # Rows that were found, changed or not: the driver is asked to count so.
    return result.rowcount == 1
