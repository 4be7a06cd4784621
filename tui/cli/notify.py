"""`warroom notify --preview`: what a notice would say, with figures measured now. Nothing is sent."""

from __future__ import annotations

from argparse import Namespace

from diagnostics.core.failures import UserError
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers import incident as render
from tui.cli.renderers.triage import json_text
from tui.cli.sending import proposal_for
from tui.opening import open_service
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Print the proposal; exit code 2 where old figures, or a channel that cannot be used, stand in its way."""
    if not given.preview:
        raise UserError(
            "notify only shows what would be sent",
            where="command line",
            accepted="warroom notify --preview",
            next_step="to send: warroom incident declare, update or resolve",
        )
    with open_service(options) as opened:
        proposal = proposal_for(opened.diagnostics, options, given)
    if given.format == "json":
        say([json_text({"outcome": "proposal", "proposal": proposal.model_dump(mode="json")})])
    else:
        say(render.proposal_lines(proposal, Style.of_stdout()))
    blocked = any(draft.stale for draft in proposal.sendable) or not proposal.sendable
    return ExitCode.WARNING if blocked else ExitCode.HEALTHY
