"""Questions to the table of sync events, which holds over 677 million rows: each touches a bounded range of its key.

A transaction may commit after one that began later, clocks may disagree, ids may leap, and rows may lack a moment or a
status. What is read here says so instead of smoothing it over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, case, extract, func, select

from diagnostics.text import clean

if TYPE_CHECKING:
    from sqlalchemy import Table

    from diagnostics.jobs import Job
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.databases import Databases, Rows

TABLE = "zillow_lead_events_log"
HOUR_S = 3_600
NO_HOUR = -1
"""Stands for the hour of rows without a readable moment."""

NO_STATUS, OTHER_STATUS = "(none)", "(other)"
_MOST_STATUSES = 24
"""Different words for a status in one chunk; the rarest beyond are counted together."""

_WITNESSES = 5
"""Rows asked for their moment where one is wanted: the middle one is believed, so that one wrong clock does no harm."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMITS = "rows are counted as they were committed by then; a transaction still open is counted when it ends"

Counts = dict[tuple[int, str], int]
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
class Counted:
    """The rows with ids above `low` and up to `high`."""

    low: int
    high: int
    counts: Counts = field(default_factory=dict)
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

    def count(self, low: int, high: int, *, begin: int | None = None, behind_s: int | None = None) -> Counted:
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
    ) -> Iterator[Counted]:
        """Count (low, high] in parts without a gap between them, at most `chunk` ids of rows each.

        Ends early, between two parts, when the job is over. A leap of the ids is jumped in one step.
        """
        while low < high and not (job is not None and job.is_over):
            top = min(low + chunk, high)
            counted = self.count(low, top, behind_s=behind_s)
            if not counted.counts and top < high:
                following = self.next_id(top, high)
                if following is None:
                    counted = Counted(low, high)
                else:
                    top = min(following - 1 + chunk, high)
                    counted = self.count(low, top, begin=following - 1, behind_s=behind_s)
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

    def next_id(self, above: int, high: int) -> int | None:
        """The lowest id above one and up to another."""
        key = self._table.c["id"]
        statement = select(key).where(key > above, key <= high).order_by(key).limit(1)
        return self._one_id(statement, f"the first id above {above:,}")

    def previous_id(self, most: int) -> int | None:
        """The highest id up to `most`."""
        key = self._table.c["id"]
        statement = select(key).where(key <= most).order_by(key.desc()).limit(1)
        return self._one_id(statement, f"the last id up to {most:,}")

    def witness(self, row_id: int) -> int | None:
        """The moment of one row, seconds since 1970: None where there is no such row, `NO_HOUR` where it has none."""
        columns = self._table.c
        statement = select(columns["id"], columns["created_at"]).where(columns["id"] == row_id)
        rows = self._ask(statement, f"the row {row_id:,}", limit=1).rows
        if not rows:
            return None
        found = rows[0]["created_at"]
        return seconds(found) if isinstance(found, datetime) else NO_HOUR

    def about(self, row_id: int) -> tuple[int, int | None] | None:
        """The first id from `row_id` on, and when rows thereabouts are dated; None where there are no further rows."""
        columns = self._table.c
        key = columns["id"]
        statement = select(key, columns["created_at"]).where(key >= row_id).order_by(key).limit(_WITNESSES)
        rows = self._ask(statement, f"{_WITNESSES} rows from id {row_id:,} on", limit=_WITNESSES).rows
        if not rows:
            return None
        moments = [seconds(row["created_at"]) for row in rows if isinstance(row["created_at"], datetime)]
        return _whole(rows[0]["id"]) or row_id, median_low(moments) if moments else None

    @property
    def _table(self) -> Table:
        return self._databases.table(TABLE)

    def _one_id(self, statement: Select[Any], window: str) -> int | None:
        rows = self._ask(statement, window, limit=1).rows
        return _whole(rows[0]["id"]) if rows else None

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


def _counted(low: int, high: int, rows: tuple[dict[str, object], ...]) -> Counted:
    counts: Counter[tuple[int, str]] = Counter()
    for row in rows:
        counts[_hour(row["hour"]), _status(row["status"])] += _whole(row["rows"]) or 0
    newest = [seconds(row["newest"]) for row in rows if isinstance(row["newest"], datetime)]
    return Counted(
        low,
        high,
        _few_statuses(counts),
        max((_whole(row["last"]) or 0 for row in rows), default=None),
        max(newest, default=None),
        sum(_whole(row.get("behind")) or 0 for row in rows),
    )


def _few_statuses(counts: Counter[tuple[int, str]]) -> Counts:
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
