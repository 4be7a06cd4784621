"""Questions to the table of sync events, which holds over 677 million rows: each touches a bounded range of its key.

A transaction may commit after one that began later, clocks may disagree, ids may leap, and rows may lack a moment or a
status. What is read here says so instead of smoothing it over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, case, extract, func, select

from diagnostics.core.sanitizer import clean

if TYPE_CHECKING:
    from sqlalchemy import Table

    from diagnostics.core.waiting import Job
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Databases, Rows

TABLE = "zillow_lead_events_log"
HOUR_S = 3_600
NO_HOUR = -1
"""Stands for the hour of rows without a readable moment."""

NO_STATUS, OTHER_STATUS = "(none)", "(other)"
_MOST_STATUSES = 24
"""Different words for a status in one chunk; the rarest beyond are counted together."""

_MOST_QUESTIONS = 90
"""Ids of 64 bits need no more to find one; without the bound, rows that contradict each other might."""

_DATED_BY = 5
"""Rows asked for their moment where one is wanted: the middle one is believed, so that one wrong clock does no harm."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMITS = "rows are counted as they were committed by then; a transaction still open is counted when it ends"

HourCounts = dict[tuple[int, str], int]
"""(start of the hour, seconds since 1970; status) to rows."""


@dataclass(slots=True, frozen=True)
class Ends:
    """Where the table begins and ends now."""

    first: int
    last: int
    """0 for both in an empty table."""
    now_s: int
    """The database's own clock, seconds since 1970."""
    ahead_s: float
    """How far that clock is ahead of this machine's."""


@dataclass(slots=True, frozen=True)
class CountedRows:
    """The rows with ids above `low` and up to `high`."""

    low: int
    high: int
    counts: HourCounts = field(default_factory=dict)
    last_id: int | None = None
    """The highest id that exists there."""
    newest_s: int | None = None
    """The latest moment of any row."""
    behind: int = 0
    """Rows dated before the moment that the question named."""

    @property
    def total(self) -> int:
        """Rows in all."""
        return sum(self.counts.values())


class LeadEvents:
    """Sends the questions; `heard` gets the evidence of each."""

    def __init__(self, databases: Databases, heard: Callable[[Evidence], None]) -> None:
        self._databases = databases
        self._heard = heard

    @property
    def name(self) -> str:
        """The table as the database calls it."""
        return str(self._table.name)

    def ends(self) -> Ends:
        """First and last id, and the database's clock; one statement over both ends of the key."""
        key = self._table.c["id"]
        # Each end as a question of its own: SQLite reads everything when both are asked for at once.
        statement: Select[Any] = select(
            select(func.min(key)).scalar_subquery().label("first"),
            select(func.max(key)).scalar_subquery().label("last"),
            func.current_timestamp().label("now"),
        )
        answer = self._ask(statement, "both ends of the primary key")
        row, ours = answer.rows[0], answer.evidence.started_at + timedelta(milliseconds=answer.evidence.took_ms / 2)
        theirs = row["now"] if isinstance(row["now"], datetime) else ours
        # Their clock shows whole seconds: half of one is the best guess at the rest.
        ahead_s = (theirs - ours).total_seconds() + 0.5
        return Ends(_whole(row["first"]) or 0, _whole(row["last"]) or 0, seconds(theirs), ahead_s)

    def count(self, low: int, high: int, *, begin: int | None = None, behind_s: int | None = None) -> CountedRows:
        """Count by hour and status; `begin` is a higher start where nothing lies between `low` and it.

        The caller keeps the range bounded: one chunk of the key.
        """
        columns, start = self._table.c, low if begin is None else begin
        moment, status = columns["created_at"], columns["sync_status"]
        hour = _hour_number(moment).label("hour")
        wanted = [
            hour,
            status.label("status"),
            func.count().label("rows"),
            func.max(columns["id"]).label("last"),
            func.max(moment).label("newest"),
        ]
        if behind_s is not None:
            wanted.append(func.sum(case((moment < moment_of(behind_s), 1), else_=0)).label("behind"))
        statement: Select[Any] = (
            select(*wanted).where(columns["id"] > start, columns["id"] <= high).group_by(hour, status)
        )
        # As many groups as rows, at worst: a cut answer would be a wrong number.
        answer = self._ask(statement, f"ids {start + 1:,} to {high:,}", limit=max(1, high - start))
        return _counted(low, high, answer.rows)

    def walk(
        self, low: int, high: int, chunk: int, *, job: Job | None = None, behind_s: int | None = None
    ) -> Iterator[CountedRows]:
        """Count (low, high] in parts without a gap between them, at most `chunk` ids of rows each.

        Ends early, between two parts, when the job is over. A leap of the ids is jumped in one step.
        """
        while low < high and not (job is not None and job.is_over):
            top = min(low + chunk, high)
            counted = self.count(low, top, behind_s=behind_s)
            if not counted.counts and top < high:
                following = self._from(top + 1, 1)
                if not following or following[0][0] > high:
                    counted = CountedRows(low, high)
                else:
                    begin = following[0][0] - 1
                    counted = self.count(low, min(begin + chunk, high), begin=begin, behind_s=behind_s)
            yield counted
            low = counted.high

    def rows(self, low: int, high: int) -> int:
        """How many rows there are with ids above `low` and up to `high`: a bounded range, as for `count`."""
        columns = self._table.c
        key = columns["id"]
        # With nothing but the key to read, a server may prefer to read the whole of some smaller index.
        others: list[ColumnElement[Any]] = [func.count(columns["sync_status"]), func.max(columns["created_at"])]
        statement: Select[Any] = select(func.count().label("rows"), *others).where(key > low, key <= high)
        return _whole(self._ask(statement, f"ids {low + 1:,} to {high:,}").rows[0]["rows"]) or 0

    def count_below(self, high: int, first: int, chunk: int) -> CountedRows:
        """Count up to `chunk` ids that end at `high`, none below `first`; a leap of the ids is jumped in one step."""
        low = max(first - 1, high - chunk)
        counted = self.count(low, high)
        if counted.counts or low < first:
            return counted
        key = self._table.c["id"]
        below = select(key).where(key <= low).order_by(key.desc()).limit(1)
        rows = self._ask(below, f"the last id up to {low:,}", limit=1).rows
        if not rows:
            return CountedRows(first - 1, high)
        last = _whole(rows[0]["id"]) or low
        return replace(self.count(max(first - 1, last - chunk), last), high=high)

    def moment_of(self, row_id: int) -> int | None:
        """The moment of one row, seconds since 1970: None where there is no such row, `NO_HOUR` where it has none."""
        found = self._from(row_id, 1)
        if not found or found[0][0] != row_id:
            return None
        return NO_HOUR if found[0][1] is None else found[0][1]

    def dated(self, row_id: int) -> int | None:
        """When the rows from `row_id` on are dated, seconds since 1970; None where there are none, or none is dated."""
        moments = [at_s for _, at_s in self._from(row_id, _DATED_BY) if at_s is not None]
        return median_low(moments) if moments else None

    def id_before(self, moment_s: int, ends: Ends, chunk: int) -> int:
        """An id whose rows are dated before a moment, and not much further back than needed; below the first if none.

        Ids rise with time, roughly. Rows that are not dated tell nothing, and count as later.
        """

        def is_older(row_id: int) -> bool:
            at_s = self.dated(row_id)
            return at_s is not None and at_s < moment_s

        newer, older, step, asked = ends.last, ends.first - 1, max(1, chunk // 4), 0
        while newer - step > ends.first and asked < _MOST_QUESTIONS:
            asked += 1
            if is_older(newer - step):
                older = newer - step
                break
            newer, step = newer - step, step * 4
        while newer - older > max(1, chunk // 16) and asked < _MOST_QUESTIONS:
            asked += 1
            middle = (older + newer) // 2
            if middle < ends.first or not is_older(middle):
                newer = middle
            else:
                older = middle
        return older

    @property
    def _table(self) -> Table:
        return self._databases.table(TABLE)

    def _from(self, row_id: int, most: int) -> list[tuple[int, int | None]]:
        """The first rows from an id on: id, and moment where there is one."""
        key, moment = self._table.c["id"], self._table.c["created_at"]
        statement = select(key, moment).where(key >= row_id).order_by(key).limit(most)
        rows = self._ask(statement, f"the first rows from id {row_id:,} on, {most} at most", limit=most).rows
        return [
            (_whole(row["id"]) or row_id, seconds(at) if isinstance(at := row["created_at"], datetime) else None)
            for row in rows
        ]

    def _ask(self, statement: Select[Any], window: str, *, limit: int | None = None) -> Rows:
        answer = self._databases.read_common(statement, window=window, caveat=_COMMITS, limit=limit)
        self._heard(answer.evidence)
        return answer


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware moment."""
    return int((moment - _EPOCH).total_seconds() // 1)


def moment_of(at_s: int) -> datetime:
    """The aware moment of whole seconds since 1970."""
    return _EPOCH + timedelta(seconds=at_s)


def hour_start(at_s: int) -> int:
    """The beginning of the hour."""
    return at_s // HOUR_S * HOUR_S


def _counted(low: int, high: int, rows: tuple[dict[str, object], ...]) -> CountedRows:
    counts: Counter[tuple[int, str]] = Counter()
    for row in rows:
        counts[_hour(row["hour"]), _status(row["status"])] += _whole(row["rows"]) or 0
    newest = [seconds(row["newest"]) for row in rows if isinstance(row["newest"], datetime)]
    return CountedRows(
        low,
        high,
        _few_statuses(counts),
        max((_whole(row["last"]) or 0 for row in rows), default=None),
        max(newest, default=None),
        sum(_whole(row.get("behind")) or 0 for row in rows),
    )


def _few_statuses(counts: Counter[tuple[int, str]]) -> HourCounts:
    by_status: Counter[str] = Counter()
    for (_, status), rows in counts.items():
        by_status[status] += rows
    if len(by_status) <= _MOST_STATUSES:
        return dict(counts)
    ranked = sorted(by_status, key=lambda status: (-by_status[status], status))
    kept = frozenset(ranked[:_MOST_STATUSES])
    folded: Counter[tuple[int, str]] = Counter()
    for (hour, status), rows in counts.items():
        folded[hour, status if status in kept else OTHER_STATUS] += rows
    return dict(folded)


def _hour_number(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The hour as digits, 2026112319: in half the time that any database needs for writing it as text."""
    # Both kinds of database know these parts of a moment, and answer with NULL where it is none.
    year, month, day, hour = (extract(part, moment) for part in ("year", "month", "day", "hour"))
    return year * 1_000_000 + month * 10_000 + day * 100 + hour


def _hour(value: object) -> int:
    number = _whole(value) or 0
    try:
        return seconds(
            datetime(number // 1_000_000, number // 10_000 % 100, number // 100 % 100, number % 100, tzinfo=UTC)
        )
    except ValueError:
        return NO_HOUR


def _status(value: object) -> str:
    # One of the two kinds of database tells capitals and trailing blanks apart, and the other does not.
    word = "" if value is None else clean(str(value), limit=60).strip().lower()
    return word or NO_STATUS


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
