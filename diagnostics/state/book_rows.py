"""The rows of the book, as types: how far the counting is, which parts were entered, what was corrected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.state.failures import SOURCE
from diagnostics.state.lead_events import Counted, Counts

MOST_MARKS = 16


@dataclass(slots=True, frozen=True)
class Mark:
    """The highest id that could be seen at a moment of the database's clock."""

    at_s: int
    id: int


@dataclass(slots=True, frozen=True)
class Standing:
    """How far the counting is."""

    generation: int
    """Rises when the counting starts again."""
    low_id: int
    high_id: int
    """The watermark: ids above `low_id` and up to here are settled."""
    since_s: int
    from_start: bool
    """Nothing lies before `low_id`."""
    caught_up_s: int | None
    """When the tail was counted last; None before the first time."""
    tail_id: int
    tail_behind: int
    marks: tuple[Mark, ...]
    started_s: int
    restart: str
    """Why it started again; empty for the first start."""


@dataclass(slots=True, frozen=True, eq=False)
class Entry:
    """One settled part, as it was counted last."""

    low: int
    high: int
    counts: Counts
    anchor_id: int | None
    anchor_s: int | None
    revision: int


@dataclass(slots=True, frozen=True)
class Correction:
    """A settled part that was found to be otherwise when it was counted once more."""

    low: int
    high: int
    rows: int
    """By how many rows its total changed, over all corrections."""
    at_s: int


def part_values(counted: Counted) -> dict[str, Any]:
    """A part's columns."""
    return {
        "high_id": counted.high,
        "total": counted.total,
        "counts": listed(counted.counts),
        "behind": counted.behind,
    }


def listed(counts: Counts) -> str:
    """Counts as JSON."""
    return json.dumps([[hour, status, rows] for (hour, status), rows in sorted(counts.items()) if rows])


def read_entry(row: Row[Any]) -> Entry:
    """An entry's row."""
    counts = {(hour, status): rows for hour, status, rows in _parsed(row.counts, (int, str, int))}
    return Entry(row.low_id, row.high_id, counts, row.anchor_id, row.anchor_s, row.revision)


def read_standing(row: Row[Any]) -> Standing:
    """The row of a source."""
    return Standing(
        generation=row.generation,
        low_id=row.low_id,
        high_id=row.high_id,
        since_s=row.since_s,
        from_start=bool(row.from_start),
        caught_up_s=row.caught_up_s,
        tail_id=row.tail_id,
        tail_behind=row.tail_behind,
        marks=read_marks(row.marks),
        started_s=row.started_s,
        restart=row.restart,
    )


def read_marks(written: str) -> tuple[Mark, ...]:
    """Marks from JSON."""
    return tuple(Mark(at_s, row_id) for at_s, row_id in _parsed(written, (int, int)))


def written_marks(marks: tuple[Mark, ...]) -> str:
    """Marks as JSON."""
    return json.dumps([[mark.at_s, mark.id] for mark in marks])


def with_mark(marks: tuple[Mark, ...], seen: Mark, high_id: int, apart_s: float) -> tuple[Mark, ...]:
    """The marks that are still of use, and `seen` unless one of just now says nearly the same."""
    # A clock that was set back leaves marks of a time that has not come yet.
    kept = [mark for mark in marks if mark.at_s <= seen.at_s]
    if not kept or kept[-1].id <= high_id or seen.at_s - kept[-1].at_s >= apart_s:
        kept.append(seen)
    # Of those at or below the watermark the newest says since when everything above it has arrived.
    below = [mark for mark in kept if mark.id <= high_id]
    above = [mark for mark in kept if mark.id > high_id]
    return (*below[-1:], *above[-MOST_MARKS:])


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
