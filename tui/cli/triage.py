"""`warroom triage`: one question, one answer, one exit code."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.core.document import Fact, Text
from diagnostics.core.failures import UserError
from diagnostics.core.words import listed
from diagnostics.models.triage import Refusal, TriageRequest
from diagnostics.triage.document import answer_document, brief, verdict
from tui.cli import exit_codes
from tui.cli.output import Style, say
from tui.cli.renderers import triage as render
from tui.cli.renderers.document import as_markdown, as_text
from tui.opening import open_service
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Triage and print. Raises UserError without an issue type."""
    if given.brief and given.format != "text":
        raise UserError(
            f"--brief is one line of text, not {given.format}", where="command line", next_step="leave one of them out"
        )
    if options.issue is None:
        catalogue = load_catalogue(load_settings(options.config, {"catalogue": options.catalogue}).settings.catalogue)
        rows = (f"{one.name} ({', '.join(one.severities)})" for one in catalogue.issues.values())
        raise UserError(
            "triage needs an issue type",
            where="command line",
            accepted=f"--issue with one of {listed(rows, 'or')}",
            next_step="warroom guide quick-reference says what each means",
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
    if given.brief:
        say([brief(answer)])
    elif given.format == "json":
        say([render.as_json(answer)])
    elif given.format == "markdown":
        say(as_markdown([answer_document(answer, contact)]))
    else:
        said, step = verdict(answer)
        lead = [Text(said, "strong"), *([Fact("next", step)] if step else [])]
        document = answer_document(answer, contact)
        if isinstance(answer, Refusal):
            # What was missing stands there already; what to do first is its own list.
            lead = []
        whole = replace(document, blocks=[*lead, *document.blocks])
        say(as_text([whole], Style.of_stdout(), evidence=given.evidence))
    return exit_codes.of_answer(answer)
