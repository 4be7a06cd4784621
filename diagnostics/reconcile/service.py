"""Reconciliation, as screens and commands ask for it: report, plan, apply, undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from diagnostics.checks.base import number
from diagnostics.core.failures import UserError
from diagnostics.core.waiting import Job
from diagnostics.core.words import plural
from diagnostics.incident.journal import Conflict
from diagnostics.models.reconcile import Cell, DifferenceKind, ReconcileReport, Scope
from diagnostics.models.repairs import (
    OUTCOME_WORDS,
    PlannedRow,
    RepairPlanned,
    RepairResumed,
    RepairStarted,
    RowImaged,
)
from diagnostics.reconcile.differences import PART_OF, read_account, read_scope
from diagnostics.reconcile.persistence import APART_S, Marks, compare, earlier, payload_of, readings_of
from diagnostics.reconcile.plans import (
    GOOD_FOR,
    REPAIRS,
    RepairRecord,
    plan_of,
    record_of,
    refuse_other_changes,
    refuse_start,
    refuse_words,
    sealed,
    settled_rows,
)
from diagnostics.reconcile.repair import RepairRun, cell_of
from diagnostics.sync.deals import Asking

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.entries import Body
    from diagnostics.sources.mysql.writer import Writer

READINGS = "reconcile reading of a scope"
PREFIX: Final = "REP"
MOST_READINGS = 200

MOST_PLANS = 20
"""Accounts of a system that are planned at once: each is confirmed by itself."""

WITHOUT_WRITER = "set writes.repairs to true and databases.writer to a login that may write; without them it only reads"


class ReconcileService:
    """Blocking and thread-safe. Every method raises SourceFailure and UserError."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # ---- reading

    def report(self, scope: Scope | int, job: Job | None = None) -> ReconcileReport:
        """Differences of a scope, or of the account of this id, held against the reading before, a minute old at least.

        The reading is kept for the next report. Raises AccountUnknown.
        """
        asked = _scope(scope)
        snapshot = read_scope(self._context, asked, job)
        state, environment = self._context.state, self._context.settings.environment
        key = f"{environment} {asked.words}"
        kept = state.recall_one(READINGS, key)
        before = () if kept is None else readings_of(kept.payload)
        report = compare(snapshot, earlier(before, snapshot.taken_at), environment)
        if not before or not 0 <= before[-1].age_s(snapshot.taken_at) < APART_S:
            state.remember(READINGS, key, payload_of((*before, Marks.taken(snapshot))), MOST_READINGS)
        return report

    def report_twice(self, scope: Scope | int, job: Job | None = None) -> ReconcileReport:
        """The same, waiting for a second reading where none is old enough; cancelled, the first one stands."""
        work = job or Job()
        report = self.report(scope, work)
        while report.again_at is not None and not work.is_over:
            left_s = (report.again_at - self._context.now()).total_seconds()
            if left_s > 0:
                work.report(round(APART_S - left_s), round(APART_S), "s until the second reading")
                work.wait(min(1.0, left_s))
                continue
            report = self.report(scope, work)
        return report

    def deal(self, deal_id: int) -> Scope:
        """A deal whose account was not given, in the one account where it was met. Raises UserError for none, or more.

        Logs of the last day are asked, and what this console has seen.
        """
        from diagnostics.triage.subject import sightings  # noqa: PLC0415  # only where the account was left out

        met = sightings(self._context, deal_id)
        if len(met.accounts) != 1 or met.partial:
            why = f" ({met.failure.headline()})" if met.failure else ""
            raise UserError(
                f"the account of deal {deal_id} is not known{why}",
                accepted=", ".join(f"--account-id {one}" for one in met.accounts) or "--account-id ID",
                next_step="give the account that holds it beside --deal-id",
            )
        return Scope(account_id=met.accounts[0], deal_id=deal_id)

    # ---- plans

    def plan(self, scope: Scope | int, kind: DifferenceKind, job: Job | None = None) -> RepairRecord:
        """Seal a plan for every persistent difference of a kind in an account or a deal. Writes to the journal only."""
        asked = _scope(scope)
        if asked.account_id is None:
            raise UserError(
                "a plan writes to one client database, and a system is all of them",
                next_step="plan account by account: --account-id ID",
            )
        return self._open(plan_of(self.report(asked, job), kind, asked.account_id, self._context.now()))

    def plan_system(self, system: str, kind: DifferenceKind, job: Job | None = None) -> tuple[RepairRecord, ...]:
        """Seal one plan for each account with persistent differences of a kind, those with the fewest rows first.

        A client database is a server of its own: each plan is confirmed, carried out and taken back by itself. Writes
        to the journal only. Raises UserError where none can be made, or there are too many for a person to confirm.
        """
        report = self.report(Scope(system=system), job)
        now = self._context.now()
        counts = Counter(one.account_id for one in report.persistent if one.kind is kind)
        if not counts or kind not in REPAIRS:
            # Refused in the words of a plan for one account: two readings, no repair, or nothing that persists.
            plan_of(report, kind, 0, now)
        if len(counts) > MOST_PLANS:
            raise UserError(
                f"{plural(len(counts), 'account')} are more than one person can confirm",
                accepted=f"{MOST_PLANS} accounts",
                next_step="so many have one cause: fix the sync that writes them first, or plan account by account",
            )
        fewest = sorted(counts, key=lambda account: (counts[account], account))
        return tuple(self._open(plan_of(report, kind, account, now)) for account in fewest)

    def show(self, name: str) -> RepairRecord:
        """A repair as it stands, also one that is stale, used or of another environment."""
        return record_of(name, self._context.journal.stream(_checked(name)))

    def repairs(self) -> tuple[RepairRecord, ...]:
        """All repairs, the newest first."""
        return tuple(self.show(name) for name in self._context.journal.streams(PREFIX))

    # ---- writing

    @property
    def may_write(self) -> bool:
        """Whether this console has a writer; without one nothing that writes is offered."""
        return self._context.settings.writes.repairs and self._context.settings.databases.writer is not None

    def apply(self, name: str, confirmed: str, job: Job | None = None) -> RepairRecord:
        """Start a plan, once, with the words that confirm it, and carry it out. Raises UserError, nothing done."""
        writer, record = self._writer(), self.show(name)
        plan = record.plan
        refuse_start(record, self._context.settings.environment, confirmed, self._context.now())
        still = None if plan.undoes else self._still(plan, job)
        try:
            self._append(record, RepairStarted(seal=plan.seal, confirmed=confirmed.strip()), "started")
        except Conflict:
            # Somebody was quicker; the refusal says who.
            refuse_start(self.show(name), self._context.settings.environment, confirmed, self._context.now())
            raise
        return RepairRun(self._context, writer, self.show(name), DifferenceKind(plan.difference), job).go_on(still)

    def resume(self, name: str, confirmed: str, job: Job | None = None) -> RepairRecord:
        """Go on with a repair that was started and has not ended, on whichever console. Raises UserError."""
        writer, record = self._writer(), self.show(name)
        plan = record.plan
        if record.started is None or record.ended is not None:
            raise UserError(f"{name} is {record.standing(self._context.now())}: there is nothing to go on with")
        refuse_other_changes(record)
        if plan.environment != self._context.settings.environment:
            raise UserError(f"{name} was planned for {plan.environment}")
        refuse_words(plan, confirmed)
        still = None if plan.undoes else self._still(plan, job)
        self._append(record, RepairResumed(confirmed=confirmed.strip()), None)
        return RepairRun(self._context, writer, self.show(name), DifferenceKind(plan.difference), job).go_on(still)

    def plan_undo(self, name: str) -> RepairRecord:
        """Seal a plan that takes a repair back, row by row. What changed since, or is gone, is left out and said."""
        record = self.show(name)
        images = tuple(settled_rows(record))
        if not images:
            raise UserError(f"{name} has written no row: there is nothing to take back")
        for other in self.repairs():
            if other.plan.undoes == name and other.started is not None:
                raise UserError(
                    f"{name} was taken back by {other.name}", next_step=f"warroom reconcile show {other.name}"
                )
        users = {row.row: row.user_id for row in record.plan.rows}
        now, there = self._context.now(), self._cells_now(record.plan, images)
        chosen = [one for one in images if there.get(one.row) == one.after]
        left_out = [
            f"{one.row}: {OUTCOME_WORDS['changed_since' if one.row in there else 'gone']}"
            for one in images
            if one not in chosen
        ]
        if not chosen:
            raise UserError(
                f"no row of {name} stands as it was written: nothing can be taken back",
                accepted="; ".join(left_out[:10]),
            )
        return self._open(
            sealed(
                RepairPlanned(
                    environment=record.plan.environment,
                    account_id=record.plan.account_id,
                    difference=record.plan.difference,
                    table=record.plan.table,
                    rows=tuple(
                        PlannedRow(row=one.row, user_id=users.get(one.row), before=one.after, after=one.before)
                        for one in chosen
                    ),
                    undoes=name,
                    left_out=tuple(left_out),
                    rests_on=(now,),
                    expires_at=now + GOOD_FOR,
                    seal="",
                )
            )
        )

    # ---- inside

    def _writer(self) -> Writer:
        from diagnostics.sources.mysql.writer import Writer  # noqa: PLC0415  # only who writes needs it

        secret = self._context.settings.databases.writer
        if not self.may_write or secret is None:
            raise UserError("this console has no writer: nothing can be written", next_step=WITHOUT_WRITER)
        journal = self._context.journal
        if not journal.is_lasting:
            # An image that ends with this process is none: killed in between, nobody would know what stood there.
            raise UserError(
                "nothing was written: the journal that keeps each row before it is written ends with this console",
                accepted=journal.problem,
                next_step="make its place usable (state_dir or state.url), then start again",
            )
        return Writer(self._context.databases, secret)

    def _cells_now(self, plan: RepairPlanned, images: Iterable[RowImaged]) -> dict[int, dict[str, Cell]]:
        """Rows of the plan as they stand, read with the login that only reads. Raises SourceFailure."""
        table = self._context.table(plan.table)
        names = {name for one in images for name in one.after}
        columns = [table.c[name].label(name) for name in ("id", *sorted(names - {"id"}))]
        rows, _ = Asking(self._context, plan.account_id).batches(
            "rows of a repair",
            (one.row for one in images),
            lambda ids: select(*columns).where(table.c.id.in_(ids)),
        )
        return {number(row, "id"): {name: cell_of(row[name]) for name in names} for row in rows}

    def _open(self, plan: RepairPlanned) -> RepairRecord:
        journal = self._context.journal
        if journal.unread is not None:
            raise journal.unread
        entries = journal.open(PREFIX, [plan], keys=[f"plan {plan.seal}"])
        return record_of(entries[0].stream, entries)

    def _append(self, record: RepairRecord, body: Body, key: str | None) -> None:
        keys = None if key is None else [f"{record.name}:{key}"]
        self._context.journal.append(record.name, [body], expect=record.seq, keys=keys)

    def _still(self, plan: RepairPlanned, job: Job | None) -> frozenset[int]:
        """Rows of the plan that a fresh reading finds to be in need of it. Raises UserError where it is not whole."""
        kind = DifferenceKind(plan.difference)
        snapshot = read_account(self._context, plan.account_id, job, only=PART_OF[kind])
        if snapshot.unread:
            raise UserError(f"nothing was written: {snapshot.unread[0]}", next_step="try again once it can be read")
        return frozenset(int(one.row) for one in snapshot.differences if one.kind is kind)


def _scope(scope: Scope | int) -> Scope:
    return Scope(account_id=scope) if isinstance(scope, int) else scope


def _checked(name: str) -> str:
    prefix, _, number = name.partition("-")
    if prefix != PREFIX or not number.isdecimal() or len(number) > 9 or number.startswith("0"):  # digits
        raise UserError(f"{name!r} is no name of a repair", accepted="REP- and its number", next_step="reconcile list")
    return name
