"""`warroom recover`: the backlog and where it goes; plans for it; drains, which carry a plan out."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job, Progress
from diagnostics.recovery.document import backlog_document, plan_document
from diagnostics.recovery.models import BacklogReport, PlanState, Trend
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers.document import as_text
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.core.document import Document
    from diagnostics.recovery.drain.report import DrainReport, DrainView
    from diagnostics.recovery.drain.service import DrainService
    from diagnostics.recovery.models import PlanView
    from diagnostics.service import Diagnostics

PLAN_CODES = {PlanState.READY: ExitCode.HEALTHY, PlanState.UNCHECKED: ExitCode.UNREACHABLE}

BELONGS: Final[Mapping[str, tuple[str, frozenset[str], str]]] = {
    "rate": ("--rate", frozenset({"plan", "throttle"}), "warroom recover plan --rate 20 --live-share 0.5"),
    "live_share": ("--live-share", frozenset({"plan"}), "warroom recover plan --rate 20 --live-share 0.5"),
    "carrier": ("--carrier", frozenset({"plan"}), "warroom recover plan --carrier flip"),
    "again": ("--from", frozenset({"plan"}), "warroom recover plan --carrier flip --from DRN-1 --list failed"),
    "listed": ("--list", frozenset({"plan", "report"}), "warroom recover report DRN-1 --list failed"),
    "confirm": ("--confirm", frozenset({"apply", "resume"}), "warroom recover apply"),
    "why": ("--why", frozenset({"pause", "stop"}), "warroom recover pause DRN-1 --why TEXT"),
}
"""Options, and the verbs that take them."""

NAMELESS = frozenset({"backlog", "plan", "drains"})
NAMED = frozenset({"resume", "pause", "throttle", "stop"})


def run(options: Options, given: Namespace) -> int:
    """Ask and print. Raises SourceFailure where events cannot be read, UserError for what makes no sense together."""
    _check(given)
    with open_service(options) as opened:
        service = opened.diagnostics
        if given.what in {"backlog", "plan", "show"}:
            return _read(service, given)
        return _VERBS[given.what](service.recovery.drains, service, given)


def _check(given: Namespace) -> None:
    if given.plan is not None and given.what in NAMELESS:
        raise UserError(f"{given.what} takes no plan", where="command line", next_step="warroom recover show PLAN")
    if given.plan is None and given.what in NAMED:
        raise UserError(f"{given.what} what?", accepted="a drain, DRN-N", next_step="warroom recover drains")
    for name, (option, verbs, example) in BELONGS.items():
        if getattr(given, name) not in {None, ""} and given.what not in verbs:
            what = "a plan that is made" if verbs == {"plan"} or name == "rate" else " and ".join(sorted(verbs))
            raise UserError(f"{option} belongs to {what}", where="command line", next_step=example)
    if (given.again is None) != (given.listed is None) and given.what == "plan":
        raise UserError("--from and --list belong together", next_step=BELONGS["again"][2])


def _read(service: Diagnostics, given: Namespace) -> int:
    answer, code = _answer(service, given)
    if given.format == "json":
        outcome = "backlog" if isinstance(answer, BacklogReport) else "plan"
        say([json_text({"outcome": outcome, **answer.model_dump(mode="json")})])
    else:
        say(as_text([_document(answer)], Style.of_stdout()))
    return code


def _answer(service: Diagnostics, given: Namespace) -> tuple[BacklogReport | PlanView, ExitCode]:
    if given.what == "backlog":
        report = service.recovery.backlog()
        limit = service.catalogue.thresholds["webhook_backlog"]
        return report, _exit_code(report, str(limit.judge(float(report.waiting or 0))))
    view = (
        service.recovery.plan(
            rate=given.rate,
            live_share=given.live_share or 0.0,
            carrier=given.carrier or "",
            again=None if given.again is None else (given.again, given.listed),
        )
        if given.what == "plan"
        else service.recovery.show(given.plan)
    )
    # A plan that must not be used any more is refused; it is shown all the same.
    return view, PLAN_CODES.get(view.state, ExitCode.REFUSED)


def _document(answer: BacklogReport | PlanView) -> Document:
    return backlog_document(answer) if isinstance(answer, BacklogReport) else plan_document(answer)


def _exit_code(report: BacklogReport, status: str) -> ExitCode:
    """By the count against the catalogue's limits; a backlog that is not known is a silent source."""
    if report.waiting is None or report.trend is Trend.NOT_KNOWN:
        return ExitCode.UNREACHABLE
    return {"fail": ExitCode.CRITICAL, "warn": ExitCode.WARNING}.get(status, ExitCode.HEALTHY)


# ---- drains


def _apply(drains: DrainService, service: Diagnostics, given: Namespace) -> int:
    return _carried(drains, given, lambda job: drains.apply(given.plan, _words(drains, service, given), job))


def _resume(drains: DrainService, service: Diagnostics, given: Namespace) -> int:
    return _carried(drains, given, lambda job: drains.resume(given.plan, _words(drains, service, given), job))


def _pause(drains: DrainService, _service: Diagnostics, given: Namespace) -> int:
    return _said(drains, given, drains.pause(given.plan, given.why))


def _throttle(drains: DrainService, _service: Diagnostics, given: Namespace) -> int:
    return _said(drains, given, drains.throttle(given.plan, given.rate))


def _stop(drains: DrainService, _service: Diagnostics, given: Namespace) -> int:
    return _said(drains, given, drains.stop(given.plan, given.why))


def _report(drains: DrainService, _service: Diagnostics, given: Namespace) -> int:
    report = drains.report(given.plan)
    if given.listed is None:
        _show(drains, report, given)
        return _code(report.view)
    lists = {one.name: one for one in report.lists}
    if report.failed_anew is not None:
        lists["failed_anew"] = report.failed_anew
    if given.listed not in lists:
        raise UserError(f"there is no list {given.listed!r}", accepted=", ".join(lists), where="--list")
    found = lists[given.listed]
    if given.format == "json":
        say([json_text({"outcome": "drain_list", "drain": report.view.name, **found.model_dump(mode="json")})])
    else:
        say([str(event) for event in found.ids])
    return ExitCode.HEALTHY


def _drains(drains: DrainService, _service: Diagnostics, given: Namespace) -> int:
    from diagnostics.recovery.drain.document import headline  # noqa: PLC0415  # with the first drain

    seen = [drains.show(name) for name in drains.drains()]
    if given.format == "json":
        say([json_text([_fields(one) for one in seen])])
    else:
        say([headline(one) for one in seen] or ["nothing was carried out yet"])
    return ExitCode.HEALTHY


_VERBS = {
    "apply": _apply,
    "resume": _resume,
    "pause": _pause,
    "throttle": _throttle,
    "stop": _stop,
    "report": _report,
    "drains": _drains,
}


def _words(drains: DrainService, service: Diagnostics, given: Namespace) -> str:
    """The confirmation: given, or typed by whoever has seen the plan. Raises UserError where nobody can be asked."""
    if given.confirm is not None:
        return str(given.confirm)
    environment = service.context.settings.environment
    if given.what == "apply":
        view = service.recovery.show(given.plan)
        wanted, shown = f"{view.plan.events} {environment}", plan_document(view)
    else:
        report = drains.report(given.plan)
        wanted, shown = f"{report.view.events} {environment}", _drain_document(drains, report)
    if not sys.stdin.isatty() or not drains.may_write:
        raise UserError(
            "nobody can be asked here, and nothing was confirmed: nothing was sent",
            where="command line",
            accepted=f'--confirm "{wanted}"',
            next_step=f"warroom recover {'show' if given.what == 'apply' else 'report'} {given.plan or ''}".rstrip(),
        )
    say(as_text([shown], Style.of_stdout()))
    sys.stdout.write(f'\nType "{wanted}" to have these events delivered; anything else sends nothing: ')
    sys.stdout.flush()
    return sys.stdin.readline().strip()


def _carried(drains: DrainService, given: Namespace, carry: Callable[[Job], DrainView]) -> int:
    job = Job(_progress if sys.stderr.isatty() else None)
    try:
        seen = carry(job)
    except KeyboardInterrupt:
        job.cancel()
        raise
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    return _said(drains, given, seen)


def _said(drains: DrainService, given: Namespace, seen: DrainView) -> int:
    _show(drains, drains.report(seen.name), given)
    return _code(seen)


def _show(drains: DrainService, report: DrainReport, given: Namespace) -> None:
    if given.format == "json":
        fields = report.model_dump(mode="json")
        say([json_text({"outcome": "drain", **fields, "view": _fields(report.view)})])
    else:
        say(as_text([_drain_document(drains, report)], Style.of_stdout()))


def _drain_document(drains: DrainService, report: DrainReport) -> Document:
    from diagnostics.recovery.drain.document import drain_document  # noqa: PLC0415  # with the first drain

    return drain_document(report, utc_now(), may_write=drains.may_write)


def _fields(seen: DrainView) -> dict[str, Any]:
    return {**seen.model_dump(mode="json"), "is_over": seen.is_over}


def _code(seen: DrainView) -> int:
    return ExitCode.HEALTHY if set(seen.counts) <= {"delivered"} else ExitCode.WARNING


def _progress(progress: Progress) -> None:
    sys.stderr.write(f"\r\x1b[K{progress.done:,} of {progress.total or 0:,} {progress.unit} handed over")
    sys.stderr.flush()
