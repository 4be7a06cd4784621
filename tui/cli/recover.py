"""`warroom recover`: the backlog and where it goes. It only reads."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from diagnostics.models.recovery import Trend
from diagnostics.recovery.document import backlog_document
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers.document import as_text
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from diagnostics.models.recovery import BacklogReport


def run(options: Options, given: Namespace) -> int:
    """Ask and print. Raises SourceFailure where the backlog cannot be counted."""
    with open_service(options) as opened:
        report = opened.diagnostics.recovery.backlog()
        limit = opened.diagnostics.catalogue.thresholds["webhook_backlog"]
    if given.format == "json":
        say([json_text({"outcome": "backlog", **report.model_dump(mode="json")})])
    else:
        say(as_text([backlog_document(report)], Style.of_stdout()))
    return _exit_code(report, str(limit.judge(float(report.waiting or 0))))


def _exit_code(report: BacklogReport, status: str) -> ExitCode:
    """By the count against the catalogue's limits; a backlog that is not known is a silent source."""
    if report.waiting is None or report.trend is Trend.NOT_KNOWN:
        return ExitCode.UNREACHABLE
    return {"fail": ExitCode.CRITICAL, "warn": ExitCode.WARNING}.get(status, ExitCode.HEALTHY)
