"""The status flip: events are set to `pending`, each at its moment, and the team's own poller delivers them.

An event is locked, compared with everything that was read of it before (status, attempts, next attempt) and set, in one
transaction. So it is set once, whoever else writes, and whoever goes on after a `kill -9` can tell from the row whether
it was. Outcomes are read from the same row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, update

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.words import listed, plural
from diagnostics.recovery.carriers.base import End, Fate, Item, Prepared, Sight, Traits
from diagnostics.recovery.carriers.events import (
    NEEDED,
    PAGE,
    TOO_MANY,
    Row,
    cause_of,
    inside,
    retry_after_of,
    rows_of,
    what_now,
)

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.sources.mysql.writer import Writer

ROOM_LEFT: Final = 3
"""An event that is set anew has at least so many attempts before the poller gives it up."""


def traits(exhausted: int | None) -> Traits:
    """`exhausted`: the attempts at which the poller gives an event up; None where nothing tells."""
    kept = f"; where fewer than {ROOM_LEFT} are left, it is lowered to {max(0, (exhausted or 0) - ROOM_LEFT)}"
    limit = (
        f"kept{kept}, because the poller gives an event up at {exhausted} (fewest of those that were lost)"
        if exhausted is not None
        else "kept: nothing recorded tells at how many the poller gives an event up, and one near it dies at once"
    )
    return Traits(
        name="flip",
        title="status flip",
        takes=frozenset({"failed", "pending"}),
        leaves_due=True,
        has_key=False,
        confirms=False,
        limit_of="the poller's: it delivers with its own credentials, to an endpoint that live traffic shares",
        signal="status, http_status and processed_at of zillow_webhook_events",
        delay_s=5.0,
        look_every_s=1.0,
        ahead_s=1.0,
        unheard_s=300.0,
        attempts=limit,
        most=500,
    )


class StatusFlip:
    """A carrier; see `base.Carrier`. `drain` names it in the statements that it sends."""

    def __init__(self, context: Context, writer: Writer, drain: str, exhausted: int | None) -> None:
        self.traits = traits(exhausted)
        self._context = context
        self._writer = writer
        self._drain = drain
        self._most_attempts = None if exhausted is None else max(0, exhausted - ROOM_LEFT)

    def check(self) -> None:
        """Raise where a column is not mapped, or the writer may not set it. An UPDATE of no row proves the right."""
        table = self._context.table("zillow_webhook_events")
        missing = [name for name in NEEDED if name not in table.c]
        if missing:
            raise UserError(
                f"the status flip needs {listed(missing)} of zillow_webhook_events, and the schema map has no column",
                where="schema map",
                next_step="map the columns: warroom doctor",
            )
        with self._writer.begin(None) as connection:
            connection.execute(update(table).where(table.c.id == -1).values({table.c.status: "pending"}))

    def room(self) -> int:
        """The table takes as many as one transaction should hold."""
        return self.traits.most

    def prepare(self, items: Sequence[Item]) -> Prepared:
        rows = rows_of(self._context, items, self._read)
        marks: dict[int, str] = {}
        moved: dict[int, str] = {}
        for item in items:
            row = rows.get(item.event)
            if row is not None and (row.status, row.attempts) == (item.status, item.attempts):
                marks[item.position] = "-" if row.next_at is None else str(row.next_at)
            else:
                moved[item.position] = what_now(item, row)
        return Prepared(marks, moved)

    def give(self, items: Sequence[Item]) -> Mapping[int, str]:
        table = self._context.table("zillow_webhook_events")
        statement = (
            update(table)
            .where(
                and_(
                    table.c.id == bindparam("event"),
                    table.c.status == bindparam("was"),
                    table.c.attempts == bindparam("tried"),
                )
            )
            .values(
                {
                    table.c.status: "pending",
                    table.c.next_attempt_at: bindparam("due"),
                    table.c.attempts: bindparam("counts"),
                }
            )
            .prefix_with(f"/* warroom plan={self._drain} */")
        )
        with self._writer.begin(None) as connection:
            # Locked until the end: what is compared here is what is written over.
            rows = rows_of(self._context, items, inside(connection, locks=True))
            chosen = [item for item in items if self._fate(item, rows.get(item.event)) is Fate.NOT_GIVEN]
            bound = [
                {
                    "event": item.event,
                    "was": item.status,
                    "tried": item.attempts,
                    "due": item.due,
                    "counts": self._attempts(item),
                }
                for item in chosen
            ]
            if bound and (written := connection.execute(statement, bound).rowcount) != len(bound):
                raise SourceFailure(
                    FailureKind.REJECTED,
                    "common (writer)",
                    f"{written} of {plural(len(bound), 'event')} were set although all were locked, so none was:"
                    " a trigger, or a proxy that splits reading from writing",
                    remedy="look at the table's triggers and at what stands before the server before you resume",
                )
        given = {item.position for item in chosen}
        return {item.position: what_now(item, rows.get(item.event)) for item in items if item.position not in given}

    def find_out(self, items: Sequence[Item]) -> Mapping[int, Fate]:
        """Read with a lock: what a console that died a moment ago has committed is waited for."""
        with self._writer.begin(None) as connection:
            rows = rows_of(self._context, items, inside(connection, locks=True))
        return {item.position: self._fate(item, rows.get(item.event)) for item in items}

    def look(self, items: Sequence[Item]) -> Mapping[int, Sight]:
        rows = rows_of(self._context, items, self._read)
        seen = ((item.position, self._sight(item, rows.get(item.event))) for item in items)
        return {position: sight for position, sight in seen if sight is not None}

    def close(self) -> None:
        """Nothing is kept open between two calls."""

    # ---- rows

    def _attempts(self, item: Item) -> int:
        """The counter that an event is set anew with."""
        return item.attempts if self._most_attempts is None else min(item.attempts, self._most_attempts)

    def _fate(self, item: Item, row: Row | None) -> Fate:
        """An event that stands as it stood before was not given. Any other was, or has moved on: never once more."""
        as_before = row is not None and (row.status, row.attempts, row.next_at) == (
            item.status,
            item.attempts,
            None if item.mark == "-" else int(item.mark),
        )
        return Fate.NOT_GIVEN if as_before else Fate.GIVEN

    def _sight(self, item: Item, row: Row | None) -> Sight | None:
        if row is None:
            return Sight(End.LOST, "not there any more")
        if row.status == "delivered":
            return Sight(End.DELIVERED)
        if row.status == "lost":
            return Sight(End.LOST, cause_of(row))
        if row.http_status == TOO_MANY and row.attempts > self._attempts(item) and row.status in {"failed", "pending"}:
            put_off = ", the poller tries again" if row.status == "pending" else ""
            return Sight(End.LIMITED, f"{cause_of(row)}{put_off}", retry_after_of(row))
        return Sight(End.FAILED, cause_of(row)) if row.status == "failed" else None

    def _read(self, statement: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401  # a Select
        return self._context.databases.read_common(statement, limit=PAGE).rows
