"""`warroom recover`: the backlog and where it goes; plans for it. It reads, rehearses and keeps, and sends nothing."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.recovery.document import backlog_document, plan_document
from diagnostics.recovery.models import BacklogReport, PlanState, Trend
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers.document import as_text
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from diagnostics.core.document import Document
    from diagnostics.recovery.models import PlanView
    from diagnostics.service import Diagnostics

PLAN_CODES = {PlanState.READY: ExitCode.HEALTHY, PlanState.UNCHECKED: ExitCode.UNREACHABLE}


def run(options: Options, given: Namespace) -> int:
    """Ask and print. Raises SourceFailure where events cannot be read, UserError for what makes no sense together."""
    if given.plan is not None and given.what != "show":
        raise UserError(f"{given.what} takes no plan", where="command line", next_step="warroom recover show PLAN")
    if given.what != "plan" and (given.rate is not None or given.live_share is not None):
        raise UserError(
            "--rate and --live-share belong to a plan that is made",
            where="command line",
            next_step="warroom recover plan --rate 20 --live-share 0.5",
        )
    with open_service(options) as opened:
        answer, code = _answer(opened.diagnostics, given)
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
        service.recovery.plan(rate=given.rate, live_share=given.live_share or 0.0)
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
