"""`warroom diagnose`: one specialist's answer about an account, a user or a deal, and one exit code."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers import diagnosis as render
from tui.cli.renderers.document import as_markdown, as_text
from tui.opening import open_service
from tui.options import Options

if TYPE_CHECKING:
    from diagnostics.models.conclusions import Conclusion
    from diagnostics.models.triage import Finding
    from diagnostics.service import Diagnostics

WELL = frozenset({"consistent", "legacy_only", "eligible", "already_synced", "agents_consistent"})
"""Codes of conclusions with which nothing has to be done."""


def run(options: Options, given: Namespace) -> int:
    """Diagnose and print. Raises UserError without an account, SourceFailure where the account cannot be read."""
    what: str = given.what
    if options.account_id is None:
        raise UserError(
            f"diagnose {what} needs an account",
            where="command line",
            accepted="--account-id with the id of an account"
            + (", and --user-id for one of its users" if what == "oauth" else ", and --deal-id for one of its deals"),
            next_step=f"warroom diagnose {what} --account-id ID",
        )
    with open_service(options) as opened:
        answers = _answers(opened.diagnostics, options, options.account_id, what)
    if given.format == "json":
        say([render.as_json(answers)])
    elif given.format == "markdown":
        say(as_markdown(map(render.document, answers)))
    else:
        say(as_text(map(render.document, answers), Style.of_stdout()))
    return exit_code(answers)


def _answers(service: Diagnostics, options: Options, account_id: int, what: str) -> tuple[render.Diagnosis, ...]:
    if what == "oauth":
        return (service.accounts.oauth(account_id, options.user_id),)
    if options.deal_id is not None:
        return (service.deals.diagnose(options.deal_id, account_id),)
    # Of a whole account: the deals that do not sync, then the identity of its agents, on which they depend.
    return service.deals.unsynced(account_id), service.deals.resolution(account_id)


def exit_code(answers: Iterable[render.Diagnosis]) -> ExitCode:
    """The worst of the answers: broken, then a silent source, then something to look at."""
    codes = {_of(answer) for answer in answers}
    for code in (ExitCode.CRITICAL, ExitCode.UNREACHABLE, ExitCode.WARNING):
        if code in codes:
            return code
    return ExitCode.HEALTHY


def _of(answer: render.Diagnosis) -> ExitCode:
    conclusion: Conclusion | None = getattr(answer, "conclusion", None)
    findings: tuple[Finding, ...] = getattr(answer, "findings", ())
    if conclusion is None:
        # Deals that do not sync, and no conclusion about all of them: there is something to look at, or there is not.
        return ExitCode.WARNING if getattr(answer, "total", 0) else ExitCode.HEALTHY
    if conclusion.code in WELL:
        return ExitCode.HEALTHY
    if conclusion.code == "not_known":
        silent = any(finding.status == "unreachable" for finding in findings)
        return ExitCode.UNREACHABLE if silent else ExitCode.WARNING
    return ExitCode.CRITICAL
