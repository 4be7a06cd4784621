"""`warroom reconcile`: what disagrees in an account, a deal or a system; repairs, confirmed and taken back."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job, Progress
from diagnostics.core.words import plural
from diagnostics.models.reconcile import DifferenceKind, ReconcileReport, Scope
from diagnostics.reconcile.document import repair_document, report_document
from diagnostics.reconcile.plans import RepairRecord, confirmation
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers.document import as_text
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from diagnostics.reconcile.service import ReconcileService


def run(options: Options, given: Namespace) -> int:
    """Run one of its verbs. Raises UserError, SourceFailure."""
    with open_service(options) as opened:
        service, job = opened.diagnostics.reconcile, Job(_progress if sys.stderr.isatty() else None)
        try:
            return _VERBS[given.what](service, options, given, job)
        except KeyboardInterrupt:
            job.cancel()
            raise
        finally:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")


# ---- verbs


def _report(service: ReconcileService, options: Options, given: Namespace, job: Job) -> int:
    report = (service.report_twice if given.wait else service.report)(_scope(service, options, given), job)
    if given.format == "json":
        say([json_text({"outcome": "reconcile_report", **_report_fields(report)})])
    else:
        say(as_text([report_document(report, utc_now())], Style.of_stdout()))
    if report.persistent:
        return ExitCode.WARNING
    return ExitCode.HEALTHY if report.is_complete else ExitCode.UNREACHABLE


def _plan(service: ReconcileService, options: Options, given: Namespace, job: Job) -> int:
    scope, kind = _scope(service, options, given), DifferenceKind(given.kind)
    if given.wait:
        service.report_twice(scope, job)
    if scope.system:
        return _show(service.plan_system(scope.system, kind, job), service, given)
    return _show([service.plan(scope, kind, job)], service, given)


def _list(service: ReconcileService, _options: Options, given: Namespace, _job: Job) -> int:
    records = service.repairs()
    if given.format == "json":
        say([json_text([_record_fields(one) for one in records])])
        return ExitCode.HEALTHY
    now = utc_now()
    say(
        [
            f"{one.name}  {one.standing(now)}  account {one.plan.account_id}  {plural(len(one.plan.rows), 'row')}"
            f"  {one.plan.environment}  by {one.planned_by}"
            for one in records
        ]
        or ["no repair has been planned"]
    )
    return ExitCode.HEALTHY


def _shown(service: ReconcileService, _options: Options, given: Namespace, _job: Job) -> int:
    return _show([service.show(given.repair)], service, given)


def _apply(service: ReconcileService, _options: Options, given: Namespace, job: Job) -> int:
    return _written(service, given, service.apply(given.repair, _words(service, given), job))


def _resume(service: ReconcileService, _options: Options, given: Namespace, job: Job) -> int:
    return _written(service, given, service.resume(given.repair, _words(service, given), job))


def _undo(service: ReconcileService, _options: Options, given: Namespace, _job: Job) -> int:
    return _show([service.plan_undo(given.repair)], service, given)


_VERBS = {
    "report": _report,
    "plan": _plan,
    "list": _list,
    "show": _shown,
    "apply": _apply,
    "resume": _resume,
    "undo": _undo,
}


# ---- inside


def _scope(service: ReconcileService, options: Options, given: Namespace) -> Scope:
    account, deal, system = options.account_id, options.deal_id, given.system
    if system is not None and (account, deal) == (None, None):
        return Scope(system=system)
    if system is None and account is None and deal is not None:
        return service.deal(deal)
    if system is not None or account is None:
        raise UserError(
            "this needs one scope: an account, a deal or a system",
            where="command line",
            accepted="--account-id N; --deal-id N, with --account-id N where it is known; or --system NAME alone",
            next_step="warroom reconcile report --account-id ID",
        )
    return Scope(account_id=account, deal_id=deal)


def _words(service: ReconcileService, given: Namespace) -> str:
    """The confirmation: given, or typed by whoever has seen the plan. Raises UserError where nobody can be asked."""
    if given.confirm is not None:
        return str(given.confirm)
    record = service.show(given.repair)
    wanted = confirmation(record.plan)
    if not sys.stdin.isatty():
        raise UserError(
            "nobody can be asked here, and nothing was confirmed: nothing was written",
            where="command line",
            accepted=f'--confirm "{wanted}"',
            next_step=f"warroom reconcile show {given.repair}",
        )
    say(as_text([repair_document(record, utc_now(), may_write=service.may_write)], Style.of_stdout()))
    sys.stdout.write(
        f'\nType "{wanted}" to write {plural(len(record.plan.rows), "row")}; anything else writes nothing: '
    )
    sys.stdout.flush()
    return sys.stdin.readline().strip()


def _written(service: ReconcileService, given: Namespace, record: RepairRecord) -> int:
    _show([record], service, given)
    if record.ended is None:
        return ExitCode.WARNING
    return ExitCode.HEALTHY if set(record.counts) <= {"mended"} else ExitCode.WARNING


def _show(records: Sequence[RepairRecord], service: ReconcileService, given: Namespace) -> int:
    if given.format == "json":
        say([json_text(_record_fields(one)) for one in records])
    else:
        now = utc_now()
        say(as_text([repair_document(one, now, may_write=service.may_write) for one in records], Style.of_stdout()))
    return ExitCode.HEALTHY


def _report_fields(report: ReconcileReport) -> dict[str, Any]:
    fields = report.model_dump(mode="json")
    return {**fields, "noise": report.noise, "is_complete": report.is_complete}


def _record_fields(record: RepairRecord) -> dict[str, Any]:
    started, plan = record.started, record.plan
    return {
        "outcome": "repair",
        "name": record.name,
        "standing": record.standing(utc_now()),
        "planned_by": record.planned_by,
        "planned_at": record.planned_at.isoformat(),
        "started_by": None if started is None else started.actor,
        "started_at": None if started is None else started.at.isoformat(),
        "is_done": record.ended is not None,
        "confirmation": confirmation(plan),
        "plan": plan.model_dump(mode="json"),
        "counts": record.counts,
        "rows": [one.model_dump(mode="json") for one in record.outcomes.values()],
    }


def _progress(progress: Progress) -> None:
    sys.stderr.write(f"\r\x1b[K{progress.done:,} of {progress.total or 0:,} {progress.unit}")
    sys.stderr.flush()
