"""The `:` lines that ask for one account, one deal or one triage; the triage that the command line asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.ids import ACCEPTED, id_of
from diagnostics.core.sanitizer import clean
from screens import addresses as to
from tui.commands.verb import CommandApp, Verb

if TYPE_CHECKING:
    from diagnostics.models.triage import Refusal, Triage, TriageRequest
    from screens.base import ScreenHost
    from tui.options import Options


def _number(name: str, word: str) -> int:
    value = id_of(word)
    if value is None:
        raise UserError(
            f"{name} {clean(word, limit=40)!r} is not an id", accepted=ACCEPTED, next_step=f"{name} 14009, for example"
        )
    return value


def _account(app: CommandApp, rest: str) -> None:
    words = rest.split()
    if len(words) != 1:
        raise UserError("which account?", accepted="account ID", next_step="account 14009, for example")
    app.navigate(to.AccountAt(_number("account", words[0])))


def _deal(app: CommandApp, rest: str) -> None:
    words = rest.split()
    if len(words) not in {1, 2}:
        raise UserError("which deal?", accepted="deal ID [ACCOUNT]", next_step="deal 12345 14009, for example")
    deal = _number("deal", words[0])
    if len(words) == 2:
        app.navigate(to.DealAt(deal, _number("account", words[1])))
        return
    from screens.account.deal_finding import find_deal  # noqa: PLC0415  # with the screen of a deal, after the first paint

    find_deal(app, deal)


def _triage(app: CommandApp, rest: str) -> None:
    from diagnostics.models.triage import TriageRequest  # noqa: PLC0415  # after the first paint

    issue, *others = rest.split() or [""]
    if not issue:
        raise UserError(
            "which issue?",
            accepted="triage ISSUE [SEVERITY] [account=ID] [deal=ID]",
            next_step="triage rate_limiting incident, for example",
        )
    severity, ids = None, dict[str, int]()
    for word in others:
        name, equals, value = word.partition("=")
        if not equals:
            severity = word
        elif name in {"account", "deal"}:
            ids[name] = _number(name, value)
        else:
            raise UserError(f"unknown argument {word!r}", accepted="SEVERITY, account=ID, deal=ID")
    show_triage(
        app,
        TriageRequest(issue_type=issue, severity=severity, account_id=ids.get("account"), deal_id=ids.get("deal")),
    )


def triage_asked_for(host: ScreenHost, issue: str, options: Options) -> None:
    """Open the triage that the command line asked for."""
    from diagnostics.models.triage import TriageRequest  # noqa: PLC0415  # after the first paint

    request = TriageRequest(
        issue_type=issue,
        severity=options.severity,
        account_id=options.account_id,
        deal_id=options.deal_id,
        user_id=options.user_id,
        preventive=options.preventive,
    )
    show_triage(host, request)


def show_triage(host: ScreenHost, request: TriageRequest) -> None:
    """Run a triage in a thread and show its document, or the refusal."""
    service = host.service
    if service is None:
        host.say("the sources are still opening; try again in a moment", "warn")
        return

    def show(answer: Triage | Refusal) -> None:
        from diagnostics.models.triage import Triage  # noqa: PLC0415  # after the first paint
        from diagnostics.triage.document import triage_document  # noqa: PLC0415

        if isinstance(answer, Triage):
            host.open_document(triage_document(answer))
        else:
            host.navigate(to.RefusalAt(answer))

    host.ask(lambda: service.triage(request), show, doing=f"triage of {request.issue_type.replace('_', ' ')}")


def _reconcile(app: CommandApp, rest: str) -> None:
    from diagnostics.models.reconcile import SYSTEM_KINDS  # noqa: PLC0415  # after the first paint

    words = rest.split()
    system = next((name for name in SYSTEM_KINDS if [name.casefold()] == [word.casefold() for word in words]), "")
    if system:
        app.navigate(to.ReconcileAt(None, system=system))
    elif len(words) == 3 and words[1] == "deal":
        app.navigate(to.ReconcileAt(_number("account", words[0]), _number("deal", words[2])))
    elif len(words) == 1 and words[0].isdecimal():
        app.navigate(to.ReconcileAt(_number("account", words[0])))
    else:
        raise UserError(
            "which account, deal or system?",
            accepted=f"reconcile ACCOUNT [deal ID], or one of {', '.join(SYSTEM_KINDS)}",
            next_step="reconcile 14009, for example",
        )


def _repair(app: CommandApp, rest: str) -> None:
    words = rest.split()
    if len(words) != 1:
        raise UserError("which repair?", accepted="repair REP-N", next_step="repair REP-1, for example")
    app.navigate(to.RepairAt(words[0].upper()))


VERBS = (
    Verb("account ", "one account: what is wrong, users, agents, connections, deals, logs: account 14009", _account),
    Verb("deal ", "why a deal does not sync, by id: deal 12345, or with its account: deal 12345 14009", _deal),
    Verb(
        "reconcile ",
        "data that disagrees, and its repair: reconcile 14009 [deal ID], or of a system: reconcile ZillowAgent",
        _reconcile,
    ),
    Verb("repair ", "a repair that was planned, by its name: repair REP-1", _repair),
    Verb("triage ", "a triage by name: triage rate_limiting incident", _triage),
)
