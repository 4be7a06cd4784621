"""A repair's plan: which rows, from what to what, sealed; and the repair as its entries in the journal tell it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.time import dated
from diagnostics.core.words import plural
from diagnostics.models.entries import Entry
from diagnostics.models.reconcile import Difference, DifferenceKind, ReconcileReport
from diagnostics.models.repairs import (
    Outcome,
    PlannedRow,
    RepairEnded,
    RepairPlanned,
    RepairResumed,
    RepairStarted,
    RowImaged,
    RowSettled,
)
from diagnostics.reconcile.differences import PART_OF
from diagnostics.store.journal_rows import canonical
from diagnostics.sync.resolution import WEAK_METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD_FOR = timedelta(minutes=30)
"""How long a plan may be started. The world goes on meanwhile; each row is compared once more before it is written."""

MOST_ROWS = 5_000
"""Rows of one plan: what a person can be asked to confirm, and an entry of the journal can hold."""


@dataclass(slots=True, frozen=True)
class Repair:
    """One allow-listed way of mending a kind of difference. Nothing else is ever written."""

    table: str
    """In the client database, by the console's name; rows are found by `id`."""
    column: str
    value: int
    touched: str
    """The column that says when a row was written, set along with it."""


REPAIRS: Mapping[DifferenceKind, Repair] = {
    DifferenceKind.STALE_AGENT: Repair("zillow_agents", "resolution_method", 1, "updated_at"),
}


@dataclass(slots=True, frozen=True)
class RepairRecord:
    """A repair as the journal has it."""

    name: str
    """ "REP-3"."""
    plan: RepairPlanned
    planned_by: str
    planned_at: datetime
    seq: int
    """Newest entry that was read."""
    started: Entry | None
    ended: RepairEnded | None
    images: Mapping[int, RowImaged]
    outcomes: Mapping[int, RowSettled]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Rows by outcome."""
        return dict(Counter(one.outcome for one in self.outcomes.values()))

    @property
    def left(self) -> tuple[PlannedRow, ...]:
        """Rows whose outcome is not known."""
        return tuple(row for row in self.plan.rows if row.row not in self.outcomes)

    def standing(self, now: datetime) -> str:
        """How far it is, in words."""
        if self.ended is not None:
            return "done"
        if self.started is not None:
            return f"begun and not finished, {plural(len(self.left), 'row')} left"
        return "expired" if now >= self.plan.expires_at else "planned, not started"


def record_of(name: str, entries: Sequence[Entry]) -> RepairRecord:
    """The repair that these entries tell of. Raises UserError where they tell of none."""
    if not entries or not isinstance(plan := entries[0].body, RepairPlanned):
        raise UserError(f"there is no repair {name}", next_step="warroom reconcile list")
    started: Entry | None = None
    ended: RepairEnded | None = None
    images: dict[int, RowImaged] = {}
    outcomes: dict[int, RowSettled] = {}
    for entry in entries[1:]:
        body = entry.body
        if isinstance(body, RepairStarted | RepairResumed):
            started = started or entry
        elif isinstance(body, RowImaged):
            images.setdefault(body.row, body)
        elif isinstance(body, RowSettled):
            outcomes.setdefault(body.row, body)
        elif isinstance(body, RepairEnded):
            ended = body
    return RepairRecord(name, plan, entries[0].actor, entries[0].at, entries[-1].seq, started, ended, images, outcomes)


def plan_of(report: ReconcileReport, kind: DifferenceKind, account_id: int, now: datetime) -> RepairPlanned:
    """The plan for every persistent difference of a kind in one account. Raises UserError where none can be made."""
    if report.earlier_at is None:
        raise UserError(
            "a repair rests on two readings at least a minute apart, and there is one",
            next_step=f"ask again from {dated(report.again_at or now, now, '%H:%M:%S')} UTC on, or with --wait",
        )
    if kind not in REPAIRS:
        raise UserError(
            f"no repair is approved for: {kind.words}",
            accepted=", ".join(one.value for one in REPAIRS),
            next_step="export the report and hand it to whoever owns these rows",
        )
    # Of a system, what another account did not answer keeps no plan back.
    mine = (f"{PART_OF[kind]}:", f"{PART_OF[kind]}, account {account_id}:")
    unread = [text for text in report.unread if text.startswith(mine)]
    if unread:
        raise UserError(f"not all of it was read, so nothing is planned: {unread[0]}", next_step="ask again")
    chosen = [one for one in report.persistent if one.kind is kind and one.account_id == account_id]
    if not chosen:
        raise UserError(f"{report.scope.words}: no persistent difference of the kind {kind.value}")
    if len(chosen) > MOST_ROWS:
        raise UserError(
            f"{plural(len(chosen), 'row')} are more than one plan may write",
            accepted=f"{MOST_ROWS:,} rows",
            next_step="so many stale rows have one cause: fix the sync that writes them first",
        )
    return sealed(
        RepairPlanned(
            environment=report.environment,
            account_id=account_id,
            difference=kind.value,
            table=REPAIRS[kind].table,
            rows=tuple(map(_planned, chosen)),
            rests_on=(report.earlier_at, report.taken_at),
            expires_at=now + GOOD_FOR,
            seal="",
        )
    )


def _planned(difference: Difference) -> PlannedRow:
    repair = REPAIRS[difference.kind]
    return PlannedRow(
        row=int(difference.row),
        user_id=difference.user_id,
        before=difference.cells,
        after={repair.column: repair.value},
    )


def sealed(plan: RepairPlanned) -> RepairPlanned:
    """The plan with its seal."""
    return plan.model_copy(update={"seal": seal_of(plan)})


def seal_of(plan: RepairPlanned) -> str:
    """What the seal of a plan has to be."""
    body = plan.model_dump(mode="json", exclude={"seal"})
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def confirmation(plan: RepairPlanned) -> str:
    """The words that confirm a plan: how many rows, and where."""
    return f"{len(plan.rows)} {plan.environment}"


def refuse_start(record: RepairRecord, environment: str, confirmed: str, now: datetime) -> None:
    """Raise UserError, nothing done, unless this plan may be started here and now with these words."""
    plan = record.plan
    if seal_of(plan) != plan.seal:
        raise UserError(
            f"{record.name} is not as it was planned: its seal does not fit",
            next_step="warroom journal verify; then plan again",
        )
    refuse_other_changes(record)
    if plan.environment != environment:
        raise UserError(f"{record.name} was planned for {plan.environment}, and this console is set to {environment}")
    if record.ended is not None:
        raise UserError(f"{record.name} is done; a plan is used once", next_step="warroom reconcile plan")
    if record.started is not None:
        who, at = record.started.actor, record.started.at
        raise UserError(
            f"{record.name} was started by {who} at {dated(at, now)} UTC; a plan is used once",
            next_step=f"warroom reconcile resume {record.name}, if that console is gone",
        )
    if now >= plan.expires_at:
        raise UserError(
            f"{record.name} has expired at {dated(plan.expires_at, now)} UTC",
            next_step=f"warroom reconcile plan --account-id {plan.account_id}",
        )
    if plan.rests_on and now < max(plan.rests_on):
        raise UserError(f"{record.name} rests on a reading of the future: a clock was set back", next_step="plan again")
    refuse_words(plan, confirmed)


def refuse_other_changes(record: RepairRecord) -> None:
    """Raise UserError unless plan and images write what the repair of their kind may write, and nothing else.

    The journal is a record and no authority: whoever may write to its database can append a plan with a fitting seal.
    """
    plan = record.plan
    repair = next((one for kind, one in REPAIRS.items() if kind.value == plan.difference), None)
    rows = {row.row: row for row in plan.rows}
    images = all(one.row in rows and _is_image_of(one, rows[one.row], repair) for one in record.images.values())
    if (
        repair is None
        or plan.table != repair.table
        or len(rows) != len(plan.rows)
        or not images
        or not all(_may_write(row, repair, undoes=bool(plan.undoes)) for row in plan.rows)
    ):
        raise UserError(
            f"{record.name} would write something that no approved repair writes: nothing was written",
            accepted=", ".join(f"{one.table}.{one.column} := {one.value}" for one in REPAIRS.values()),
            next_step="warroom journal verify; find out who appended it; then plan again",
        )


def _may_write(row: PlannedRow, repair: Repair, *, undoes: bool) -> bool:
    if set(row.before) != {"user_id", repair.column, repair.touched}:
        return False
    if not undoes:
        return row.after == {repair.column: repair.value}
    same = {name for name in row.before if row.before[name] == row.after.get(name)}
    return (
        set(row.after) == set(row.before)
        and set(row.before) - same <= {repair.column, repair.touched}
        and row.before[repair.column] == repair.value
        and row.after[repair.column] in WEAK_METHODS
    )


def _is_image_of(image: RowImaged, row: PlannedRow, repair: Repair | None) -> bool:
    if repair is None or image.before != row.before or set(image.after) != set(image.before):
        return False
    planned = {**row.before, **row.after}
    return all(image.after[name] == cell for name, cell in planned.items() if name != repair.touched)


def refuse_words(plan: RepairPlanned, confirmed: str) -> None:
    """Raise UserError unless the words are those that confirm the plan."""
    if confirmed.strip() != confirmation(plan):
        raise UserError(
            "nothing was written: the words of the confirmation are not those of the plan",
            accepted=f'"{confirmation(plan)}", the number of rows and the environment',
        )


def settled_rows(record: RepairRecord) -> Iterable[RowImaged]:
    """Rows that it has written, as they stood before and after."""
    for row, outcome in record.outcomes.items():
        if outcome.outcome == "mended" and row in record.images:
            yield record.images[row]
