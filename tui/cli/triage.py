"""`warroom triage`: one question, one answer, one exit code."""

from __future__ import annotations

from argparse import Namespace

from diagnostics.core.failures import UserError
from diagnostics.models.triage import TriageRequest
from diagnostics.triage.document import answer_document
from tui.cli import exit_codes
from tui.cli.output import Style, say
from tui.cli.renderers import triage as render
from tui.cli.renderers.document import as_markdown, as_text
from tui.opening import open_service
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Triage and print. Raises UserError without an issue type."""
    if options.issue is None:
        raise UserError(
            "triage needs an issue type",
            where="command line",
            accepted="--issue with a name of the classification matrix",
            next_step="warroom guide quick-reference lists them",
        )
    request = TriageRequest(
        issue_type=options.issue,
        severity=options.severity,
        account_id=options.account_id,
        deal_id=options.deal_id,
        user_id=options.user_id,
        preventive=options.preventive,
    )
    with open_service(options) as opened:
        answer = opened.diagnostics.triage(request)
        contact = opened.diagnostics.catalogue.contact.line()
    if given.format == "json":
        say([render.as_json(answer)])
    elif given.format == "markdown":
        say(as_markdown([answer_document(answer, contact)]))
    else:
        say(as_text([answer_document(answer, contact)], Style.of_stdout()))
    return exit_codes.of_answer(answer)
