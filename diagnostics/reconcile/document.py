"""A report and a repair as documents: what a person reads before, while and after rows are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.document import Asked, Block, Cell, Document, Fact, Heading, Line, Note, Result, Text
from diagnostics.core.time import dated
from diagnostics.core.words import form, plural
from diagnostics.models.reconcile import Difference, DifferenceKind, Scope
from diagnostics.models.repairs import OUTCOME_WORDS
from diagnostics.models.status import Status
from diagnostics.oauth.client_side import method_name
from diagnostics.reconcile.persistence import noise_words
from diagnostics.reconcile.plans import REPAIRS, confirmation

if TYPE_CHECKING:
    from diagnostics.models.reconcile import Cell as Value
    from diagnostics.models.reconcile import ReconcileReport
    from diagnostics.models.repairs import PlannedRow
    from diagnostics.reconcile.plans import RepairRecord

MOST_UNREAD = 20
"""Parts that could not be read, a line each: of a system they may be as many as accounts."""

MOST_LINES = 200
"""Rows of one list; the one behind the last says how many were left out. JSON has them all."""


def report_document(report: ReconcileReport, now: datetime) -> Document:
    """The differences of a scope: those that persist first, what is not known, and how loud the noise is."""
    return Document(
        title=f"{report.scope.words}: data that disagrees",
        blocks=tuple(_report(report, now)),
        place=f"reconcile {report.scope.line}",
        about=("warroom reconcile", f"{report.scope.words} · {report.environment}"),
        taken_at=report.taken_at,
    )


def _report(report: ReconcileReport, now: datetime) -> Iterator[Block]:
    yield _verdict(report)
    if report.again_at is not None and report.unconfirmed:
        yield Fact("read again", f"from {dated(report.again_at, now, '%H:%M:%S')} UTC on", "accent")
    yield Fact("compared", f"{plural(report.looked_at, 'row')}")
    if report.earlier_at is not None:
        yield Fact("noise", noise_words(report))
    for text in report.unread[:MOST_UNREAD]:
        yield Result(Status.NO_DATA, f"not known: {text}")
    if len(report.unread) > MOST_UNREAD:
        more = len(report.unread) - MOST_UNREAD
        yield Result(Status.NO_DATA, f"not known: {more:,} more; --format json has them all")
    yield from (Note(text) for text in report.notes)
    for kind in DifferenceKind:
        yield from _of_kind(report.scope, kind, [one for one in report.persistent if one.kind is kind], "persist")
    for kind in DifferenceKind:
        once = [one for one in report.unconfirmed if one.kind is kind]
        yield from _of_kind(report.scope, kind, once, "seen once, not known to persist")
    went = Counter(one.what for one in report.passing)
    if went:
        yield Heading("between the two readings")
        yield from (Text(f"{count:,} {what}", indent=2) for what, count in went.items())
    yield Asked(report.evidence)


def _verdict(report: ReconcileReport) -> Block:
    if report.earlier_at is None:
        count = plural(len(report.unconfirmed), "difference")
        what = f"{count} seen once; whether {form(len(report.unconfirmed), 'it', 'they')} will last is not known yet"
        if report.unconfirmed:
            return Result(Status.NO_DATA, what)
        some = "not everything was read" if report.unread else "no difference in one reading"
        return Result(
            Status.NO_DATA, f"{some}, and one reading is not enough" if report.looked_at else "nothing was read"
        )
    if report.persistent:
        repairable = sum(one.kind in REPAIRS for one in report.persistent)
        return Result(
            Status.FAIL,
            f"{plural(len(report.persistent), 'difference')} {form(len(report.persistent), 'persists', 'persist')}; "
            f"a repair is approved for {repairable:,}",
            remedy=f"warroom reconcile plan {report.scope.flags}" if repairable else "",
        )
    if report.unread:
        return Result(Status.NO_DATA, "nothing persists in what was read, and not everything was read")
    return Result(Status.PASS, "nothing that was compared disagrees")


def _of_kind(scope: Scope, kind: DifferenceKind, found: Sequence[Difference], how: str) -> Iterator[Block]:
    if not found:
        return
    repair = "" if kind in REPAIRS else "; no repair is approved: for people"
    yield Heading(f"{len(found):,} × {kind.words} ({how}{repair})")
    for one in found[:MOST_LINES]:
        whose = f"user {one.user_id}" if one.user_id is not None else ""
        where = (Cell(f"account {one.account_id}", "", 16),) if scope.system else ()
        yield Line(
            (
                *where,
                Cell(f"{one.table} {one.row}", "", 26),
                Cell(whose, "muted", 14),
                Cell(f"{one.column}: {cell_words(one.column, one.found)}", "", 36),
                Cell(one.because, "muted"),
            ),
            key=f"{kind.value}:{one.account_id}:{one.row}" if scope.system else f"{kind.value}:{one.row}",
        )
    if len(found) > MOST_LINES:
        yield Text(f"… and {len(found) - MOST_LINES:,} more; --format json has them all", "muted")


def repair_document(record: RepairRecord, now: datetime, *, may_write: bool) -> Document:
    """A repair: what it is about to write, or what became of each row."""
    plan = record.plan
    what = f"takes {plan.undoes} back" if plan.undoes else DifferenceKind(plan.difference).words
    return Document(
        title=f"{record.name}: {plural(len(plan.rows), 'row')} of account {plan.account_id}",
        blocks=tuple(_repair(record, now, what, may_write=may_write)),
        place=f"repair {record.name}",
        about=(record.name, f"{plan.environment} · account {plan.account_id} · {plan.table}"),
        taken_at=record.planned_at,
    )


def _repair(record: RepairRecord, now: datetime, what: str, *, may_write: bool) -> Iterator[Block]:
    plan = record.plan
    yield Fact("state", record.standing(now), "strong")
    yield Fact("what", what)
    if plan.undoes:
        yield Fact("", "the moment of change goes back to what it was, too")
    yield Fact("planned", f"by {record.planned_by} at {dated(record.planned_at, now)} UTC")
    yield Fact("rests on", ", ".join(f"{dated(at, now, '%H:%M:%S')} UTC" for at in plan.rests_on))
    if record.started is None:
        yield Fact("expires", f"{dated(plan.expires_at, now)} UTC")
    else:
        yield Fact("started", f"by {record.started.actor} at {dated(record.started.at, now)} UTC")
    yield Fact("seal", plan.seal[:16])
    if record.outcomes:
        yield Heading("outcome")
        for outcome, count in record.counts.items():
            words = "restored" if outcome == "mended" and plan.undoes else OUTCOME_WORDS[outcome]
            status = Status.PASS if outcome == "mended" else Status.WARN
            yield Result(status, f"{plural(count, 'row')} {words}")
    column = REPAIRS[DifferenceKind(plan.difference)].column
    yield Heading(f"{plural(len(plan.rows), 'row')}, {column} old → new")
    for row in plan.rows[:MOST_LINES]:
        yield _row(record, row, column)
    if len(plan.rows) > MOST_LINES:
        yield Text(f"… and {len(plan.rows) - MOST_LINES:,} more; --format json has them all", "muted")
    if plan.left_out:
        yield Heading(f"{plural(len(plan.left_out), 'row')} left out")
        yield from (Text(text, indent=2) for text in plan.left_out[:MOST_LINES])
    yield from _next(record, now, may_write=may_write)


def _row(record: RepairRecord, row: PlannedRow, column: str) -> Line:
    change = f"{cell_words(column, row.before.get(column))} → {cell_words(column, row.after.get(column))}"
    outcome = record.outcomes.get(row.row)
    settled = "" if outcome is None else f"  {OUTCOME_WORDS[outcome.outcome]}"
    whose = f"user {row.user_id}" if row.user_id is not None else ""
    return Line(
        (Cell(str(row.row), "", 12), Cell(whose, "muted", 14), Cell(change, "", 30), Cell(settled, "muted")),
        key=f"row:{row.row}",
    )


def _next(record: RepairRecord, now: datetime, *, may_write: bool) -> Iterator[Block]:
    if record.ended is not None:
        if any(one.outcome == "mended" for one in record.outcomes.values()) and not record.plan.undoes:
            yield Fact("take back", f"warroom reconcile undo {record.name}", "accent")
        return
    if not may_write:
        yield Note("this console has no writer: the plan can be read, and carried out where one is configured")
        return
    verb = "resume" if record.started is not None else "apply"
    if record.started is not None or now < record.plan.expires_at:
        yield Fact("next", f'warroom reconcile {verb} {record.name} --confirm "{confirmation(record.plan)}"', "accent")


def cell_words(column: str, cell: Value) -> str:
    """A cell for people: methods by their names, nothing as null."""
    if cell is None:
        return "null"
    if column == "resolution_method" and isinstance(cell, int):
        return f"{method_name(cell)} ({cell})"
    return str(cell)
