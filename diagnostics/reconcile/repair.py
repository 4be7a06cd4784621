"""Carrying out a plan: image, compare and set, read back, audit, journal. Killed anywhere, it goes on where it was.

Three servers are involved (client database, `common`, state), so no transaction spans them. The order makes up for it:
the image of a row is in the journal before the row is written; the row is written only where every planned cell still
stands, in one transaction with its being read back; the audit row names plan and row, and is looked for before it is
written; the outcome comes last. Whoever goes on reads the row, completes what is missing, and never writes it twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, and_, select, update

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.waiting import Job
from diagnostics.incident.journal import Conflict
from diagnostics.models.reconcile import Cell
from diagnostics.models.repairs import PlannedRow, RepairEnded, RowImaged, RowSettled
from diagnostics.reconcile.differences import iso
from diagnostics.reconcile.plans import REPAIRS, Repair, RepairRecord, record_of
from diagnostics.signals.data_age import OWN_REASON
from diagnostics.sources.mysql.tables import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy import Table

    from diagnostics.core.context import Context
    from diagnostics.models.entries import Body
    from diagnostics.models.reconcile import DifferenceKind
    from diagnostics.sources.mysql.writer import Writer

CHUNK_S: Final = 0.5
"""Seconds that one transaction should take: pt-table-checksum's measure."""

FIRST_CHUNK, LARGEST_CHUNK = 10, 500
"""Rows of a transaction, at first and at most."""

CLOCKS_APART: Final = timedelta(hours=1)
"""How far the clocks of two consoles may be apart that carry one plan."""

BUSY_WAIT_S: Final = 2.0
"""Seconds between two looks at a server that is busy."""


class RepairRun:
    """One going through a plan, by this console."""

    def __init__(
        self, context: Context, writer: Writer, record: RepairRecord, kind: DifferenceKind, job: Job | None = None
    ) -> None:
        self._context = context
        self._writer = writer
        self._record = record
        self._repair: Repair = REPAIRS[kind]
        self._job = job or Job()
        self._seq = record.seq
        self._chunk = FIRST_CHUNK
        self._place = context.databases.account(record.plan.account_id)

    def go_on(self, still_differs: frozenset[int] | None) -> RepairRecord:
        """Settle every row that has no outcome; returns the repair as it stands then.

        `still_differs`: rows that a fresh reading found to be in need of it; those that it did not are left as they
        are. None where that does not matter. Ends early, with everything recorded, when the job is cancelled. Raises
        SourceFailure and UserError; what was done until then is recorded, and can be gone on with.
        """
        rows = list(self._record.left)
        total, done = len(self._record.plan.rows), len(self._record.outcomes)
        while rows and not self._job.is_over:
            self._wait_while_busy()
            chunk, rows = rows[: self._chunk], rows[self._chunk :]
            began = time.monotonic()
            self._settle(chunk, still_differs)
            self._resize(len(chunk), time.monotonic() - began)
            done += len(chunk)
            self._job.report(done, total, "rows")
        record = self._read()
        if not record.left and record.ended is None:
            self._append([RepairEnded(counts={str(key): value for key, value in record.counts.items()})], ["ended"])
            record = self._read()
        return record

    def _settle(self, rows: Sequence[PlannedRow], still_differs: frozenset[int] | None) -> None:
        outcomes: dict[int, RowSettled] = {}
        # A row whose image is there may have been written already: it is read, whatever a reading says of it now.
        chosen = [
            row for row in rows if still_differs is None or row.row in still_differs or row.row in self._record.images
        ]
        for row in rows:
            if row not in chosen:
                outcomes[row.row] = RowSettled(row=row.row, outcome="no_longer_differs")
        if chosen:
            images = self._imaged(chosen)
            with self._writer.begin(self._place) as connection:
                for row in chosen:
                    outcomes[row.row] = self._write(connection, images[row.row])
            written = [row for row in chosen if outcomes[row.row].outcome == "mended"]
            if written:
                self._audit(written)
        settled = [outcomes[row.row] for row in rows]
        self._append(settled, [f"row-{one.row}" for one in settled])

    def _imaged(self, rows: Sequence[PlannedRow]) -> dict[int, RowImaged]:
        """The images of these rows, which are in the journal when this returns."""
        at = iso(self._context.now().astimezone(UTC).replace(microsecond=0))
        images = dict(self._record.images)
        missing: list[RowImaged] = []
        for row in rows:
            if row.row not in images:
                after = {**row.before, **row.after}
                if self._repair.touched not in row.after:
                    after[self._repair.touched] = at
                images[row.row] = RowImaged(row=row.row, before=row.before, after=after)
                missing.append(images[row.row])
        if missing:
            self._append(missing, [f"image-{one.row}" for one in missing])
            self._record = self._read()
        return {row.row: self._record.images[row.row] for row in rows}

    # ---- the client database

    def _write(self, connection: Connection, image: RowImaged) -> RowSettled:
        """Compare, set and read back one row, within the transaction."""
        table = self._context.table(self._repair.table)
        found = self._read_row(connection, table, image, locks=True)
        if found is None:
            return RowSettled(row=image.row, outcome="gone")
        if found == image.after:
            # By an earlier run, whose record did not get this far. Written once is written.
            return RowSettled(row=image.row, outcome="mended")
        if found != image.before:
            return RowSettled(row=image.row, outcome="changed_since", found=found)
        changed = {name: cell for name, cell in image.after.items() if image.before[name] != cell}
        statement = (
            update(table)
            .where(table.c.id == image.row, *_stands(table, image.before))
            .values({table.c[name]: _bound(table, name, cell) for name, cell in changed.items()})
            .prefix_with(f"/* warroom plan={self._record.name} row={image.row} */")
        )
        result = connection.execute(statement)
        if result.rowcount != 1:
            return RowSettled(row=image.row, outcome="changed_since", found=found)
        now = self._read_row(connection, table, image, locks=False)
        if now != image.after:
            raise SourceFailure(
                FailureKind.REJECTED,
                f"client {self._record.plan.account_id}",
                f"row {image.row} of {self._repair.table} does not read back as it was written, so its transaction was"
                " undone: a trigger, or a column of another type",
                remedy="look at the table's triggers and at warroom doctor before you resume",
            )
        return RowSettled(row=image.row, outcome="mended")

    def _read_row(
        self, connection: Connection, table: Table, image: RowImaged, *, locks: bool
    ) -> dict[str, Cell] | None:
        statement = select(*(table.c[name].label(name) for name in image.before)).where(table.c.id == image.row)
        if locks:
            statement = statement.with_for_update()
        row = connection.execute(statement).mappings().first()
        return None if row is None else {name: cell_of(row[name]) for name in image.before}

    # ---- common

    def _audit(self, rows: Sequence[PlannedRow]) -> None:
        """One row of zillow_connection_logs for each written one, unless it is there."""
        logs = self._context.table("zillow_connection_logs")
        plan = self._record.plan
        with self._writer.begin(None) as connection:
            for row in rows:
                image = self._record.images[row.row]
                reason = f"{OWN_REASON}{self._record.name} agent {row.row}"
                there = connection.execute(
                    select(logs.c.id)
                    .where(
                        and_(
                            logs.c.account_id == plan.account_id,
                            logs.c.user_id == row.user_id,
                            # A million rows a year and no index on the reason: only those since it was planned.
                            logs.c.created_at >= self._record.planned_at - CLOCKS_APART,
                            logs.c.change_reason == reason,
                        )
                    )
                    .limit(1)
                ).first()
                if there is None:
                    connection.execute(
                        logs.insert().values(
                            {
                                logs.c.account_id: plan.account_id,
                                logs.c.user_id: row.user_id,
                                logs.c.old_resolution: image.before[self._repair.column],
                                logs.c.new_resolution: image.after[self._repair.column],
                                logs.c.change_reason: reason,
                                logs.c.created_at: self._context.now(),
                            }
                        )
                    )

    # ---- the journal

    def _append(self, bodies: Sequence[Body], names: Sequence[str]) -> None:
        name = self._record.name
        try:
            written = self._context.journal.append(
                name, bodies, expect=self._seq, keys=[f"{name}:{part}" for part in names]
            )
        except Conflict as conflict:
            others = [entry for entry in conflict.entries_since if entry.console != self._context.journal.console]
            who = f"{others[-1].actor} ({others[-1].console})" if others else "another console"
            raise UserError(
                f"{who} carries on with {name}: this console has stopped, and has written nothing twice",
                next_step=f"warroom reconcile show {name}",
            ) from None
        self._seq = max(self._seq, *(entry.seq for entry in written))

    def _read(self) -> RepairRecord:
        return record_of(self._record.name, self._context.journal.stream(self._record.name))

    # ---- pace

    def _wait_while_busy(self) -> None:
        while (why := self._writer.is_busy(self._place)) and not self._job.is_over:
            self._job.report(len(self._record.outcomes), len(self._record.plan.rows), f"rows; waiting, {why}")
            self._job.wait(BUSY_WAIT_S)

    def _resize(self, rows: int, took_s: float) -> None:
        if rows == self._chunk:
            wanted = rows * CHUNK_S / max(took_s, 0.001)
            self._chunk = max(1, min(LARGEST_CHUNK, 2 * rows, round(wanted)))


def _stands(table: Table, before: dict[str, Cell]) -> Iterator[Any]:
    for name, cell in before.items():
        column = table.c[name]
        yield column.is_(None) if cell is None else column == _bound(table, name, cell)


def _bound(table: Table, name: str, cell: Cell) -> object:
    """A cell as it is bound: moments were kept as text."""
    if isinstance(cell, str) and isinstance(table.c[name].type, UtcDateTime):
        return datetime.fromisoformat(cell)
    return cell


def cell_of(value: object) -> Cell:
    """A cell as it is compared and kept."""
    if isinstance(value, datetime):
        return iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)
