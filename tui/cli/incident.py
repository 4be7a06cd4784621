"""`warroom incident …`: the same journal and the same rules as the console, for scripts and for a bare shell."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.incident.incidents import Ending
from diagnostics.models.entries import IncidentStatus
from diagnostics.models.incidents import Criterion, Delivery, Incident
from diagnostics.models.notices import Proposal
from diagnostics.models.triage import Refusal
from diagnostics.triage.document import refusal_document
from tui.cli import journal, sending
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers import incident as render
from tui.cli.renderers import triage as triage_render
from tui.cli.renderers.document import as_text
from tui.cli.renderers.triage import json_text
from tui.cli.sending import NotConfirmed
from tui.opening import open_service

if TYPE_CHECKING:
    from diagnostics.service import Diagnostics
    from tui.options import Options

Answer = TypeVar("Answer")

NEWEST_LINES = 20
READS = frozenset({"list", "show", "export"})
DECLARE = "declare"


def run(options: Options, given: Namespace) -> int:
    """Run one of the commands; what the rules refuse is exit code 3, with nothing done."""
    if given.what == "verify":
        return journal.run(options, given)
    with open_service(options) as opened:
        service = opened.diagnostics
        if given.what not in READS:
            _must_last(service)
        try:
            return _RUNNERS[given.what](service, options, given)
        except SourceFailure as failure:
            if given.what in READS and given.format == "json":
                told = {"outcome": "not_known", "problem": failure.reason, "remedy": failure.remedy}
                say([json_text(told)])
            raise
        except NotConfirmed as why:
            _complain([f"refused: {why}", "Nothing was declared, written or sent."])
        except AgainstTheRules as why:
            _complain([*(line.replace("error: ", "refused: ", 1) for line in why.lines), "Nothing was done."])
        return ExitCode.REFUSED


def _must_last(service: Diagnostics) -> None:
    """A record that ends with this command would be worth nothing, and look as if it were there."""
    if not service.journal.is_lasting:
        why = "can only be read" if service.journal.may_be_read else "would end with this command"
        raise SourceFailure(
            FailureKind.UNREACHABLE,
            "state",
            f"nothing was done, because the journal {why}: {service.journal.problem}",
            remedy="make its place usable; to tell people at once, paste the text of `warroom notify --preview`",
        )


def _complain(lines: Iterable[str]) -> None:
    sys.stderr.write("".join(f"{clean(line, limit=2_000)}\n" for line in lines))
    sys.stderr.flush()


class AgainstTheRules(Exception):  # noqa: N818  # a state of the world
    """The rules of incidents refuse what was asked, and say why; bad usage of the command line is another matter."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(*lines[:1])
        self.lines = lines


def _by_the_rules(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except UserError as error:
        raise AgainstTheRules(error.lines()) from error


def _refused(refusal: Refusal, form: str) -> int:
    if form == "json":
        say([triage_render.as_json(refusal)])
    else:
        say(as_text([refusal_document(refusal)], Style.of_stdout()))
    return ExitCode.REFUSED


# ---- sending


def _declare(service: Diagnostics, options: Options, given: Namespace) -> int:
    if not given.no_notices:
        return _send(service, given, sending.proposal_for(service, options, given))
    issue, severity = sending.issue_and_severity(options, "an incident")
    what = f"This declares {issue}, {severity}: {clean(given.title, limit=200)}. Nobody is told.\nType"
    sending.ask_to(DECLARE, given, what, "does nothing")

    def work() -> Incident:
        return service.incidents.declare(
            title=given.title,
            issue_type=issue,
            severity=severity,
            summary=given.summary,
            began_at=given.began_at,
            accounts=tuple(getattr(given, "account_id", ())),
        )

    return _written(given, work, "is declared; nobody was told")


def _update(service: Diagnostics, options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    given.incident = incident.id
    _says_something(given)
    return _send(service, given, sending.proposal_for(service, options, given), incident)


def _says_something(given: Namespace) -> None:
    """An empty text would be found out only after people were told, or not at all."""
    if not clean(given.text, multiline=True).strip():
        raise AgainstTheRules(UserError("--text is empty", accepted="what was done, as free text").lines())


def _resolve(service: Diagnostics, options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    given.incident = incident.id
    _says_something(given)
    unmet = sending.unmet_criteria(service, incident)
    proposal = sending.proposal_for(service, options, given)

    ending = Ending(clean(given.text, limit=4_000, multiline=True), tuple(one.id for one in unmet))
    if proposal.sendable:
        return _send(service, given, proposal, incident, ending=ending, unmet=unmet)
    # Nobody can be told from here; the incident can be ended all the same.
    if given.format == "text":
        sending.say_proposal(proposal, unmet)
    what = f"{incident.id} is resolved without a notice: paste the text above by hand.\nType"
    sending.ask_to("resolve", given, what, "does nothing")
    return (
        _written(
            given,
            lambda: service.incidents.set_status(incident.id, IncidentStatus.RESOLVED, ending.why, ending.unmet),
            "is resolved; nobody was told from here",
        )
        or ExitCode.WARNING
    )


def _send(
    service: Diagnostics,
    given: Namespace,
    proposal: Proposal,
    incident: Incident | None = None,
    *,
    ending: Ending | None = None,
    unmet: tuple[Criterion, ...] = (),
) -> int:
    """Have it confirmed, deliver it, and say what became of it; `ending` is written with it.

    `incident` is as it was before; None where the notice declares one.
    """
    before = frozenset(one.delivery for one in incident.deliveries) if incident is not None else frozenset[str]()
    answer = _by_the_rules(lambda: sending.confirmed(service, given, proposal, unmet, ending))
    if isinstance(answer, Refusal):
        return _refused(answer, given.format)
    if given.format == "text":
        say(["", f"{answer.id}: confirmed, and written into the journal"])
    problems = []
    answer, trouble = sending.delivered(service, answer, before, given.wait)
    mine = sending.new_deliveries(answer, before)
    _say_sent(answer, mine, proposal, given.format)
    waits = [one for one in mine if one.state != "sent"]
    if waits:
        problems.append(f"{len(waits)} of {len(mine)} not sent; what waits is in the journal: an open console goes on")
    if sending.nobody_told(proposal):
        problems.append("nobody was told from here: paste the text of the notice by hand")
    problems += [trouble] if trouble else []
    _complain(problems)
    return ExitCode.WARNING if problems else ExitCode.HEALTHY


def _say_sent(incident: Incident, mine: tuple[Delivery, ...], proposal: Proposal, form: str) -> None:
    left_out = [(one.channel.value, one.problem) for one in proposal.drafts if one.problem]
    if form == "json":
        document = render.incident_document(incident)
        document["deliveries"] = [one.model_dump(mode="json") for one in mine]
        document["left_out"] = [{"channel": channel, "problem": problem} for channel, problem in left_out]
        say([json_text(document)])
        return
    style = Style.of_stdout()
    say(render.delivery_lines(mine, style))
    for channel, problem in left_out:
        say(style.block(f"{channel.replace('_', ' ')} left out: {problem}", indent=2))


# ---- writing


def _written(given: Namespace, work: Callable[[], Incident], said: str) -> int:
    answer = _by_the_rules(work)
    if given.format == "json":
        say([json_text(render.incident_document(answer))])
    else:
        say(Style.of_stdout().block(f"{answer.id}: {said}"))
    return ExitCode.HEALTHY


def _claim(service: Diagnostics, _options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)

    def work() -> Incident:
        return service.incidents.claim(incident.id, given.role, given.person, take_over=given.take_over)

    return _written(given, work, f"{given.person or service.incidents.person} is {given.role}")


def _note(service: Diagnostics, _options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    return _written(given, lambda: service.incidents.note(incident.id, given.text), "noted")


def _status(service: Diagnostics, _options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    status = IncidentStatus(given.to)
    unmet: tuple[str, ...] = ()
    if status is IncidentStatus.RESOLVED:
        unmet = tuple(one.id for one in sending.unmet_criteria(service, incident))

    def work() -> Incident:
        return service.incidents.set_status(incident.id, status, given.text, unmet)

    return _written(given, work, f"is {status.words}")


# ---- reading


def _list(service: Diagnostics, _options: Options, given: Namespace) -> int:
    lines = [one for one in service.incidents.lines() if one.is_open or not given.open]
    problem = service.journal.problem
    if given.format == "json":
        incidents = [{**one.model_dump(mode="json"), "is_open": one.is_open} for one in lines]
        say([json_text({"outcome": "incidents", "incidents": incidents, "problem": problem})])
    else:
        say(map(render.line, lines))
        if not lines:
            say(["no incident is open" if given.open else "no incident has been declared"])
    if problem:
        _complain([problem])
    return ExitCode.HEALTHY


def _show(service: Diagnostics, _options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    page = service.incidents.timeline(incident.id, most=NEWEST_LINES)
    due = service.incidents.next_update_at(incident)
    if given.format == "json":
        document = render.incident_document(incident)
        document["next_update_at"] = due.isoformat() if due is not None else None
        document["timeline"] = [
            {"seq": one.seq, "at": one.at.isoformat(), "actor": one.actor, "kind": one.kind, "text": one.text}
            for one in page.rows
        ]
        say([json_text(document)])
    else:
        say(render.incident_lines(incident, page.rows, due, Style.of_stdout()))
    return ExitCode.HEALTHY


def _export(service: Diagnostics, _options: Options, given: Namespace) -> int:
    incident = sending.open_incident(service, given.incident)
    reviews = service.reviews
    # Both have passed the sanitizer where they were made; lines stay lines.
    say([(reviews.export(incident.id) if given.format == "json" else reviews.review(incident.id)).rstrip("\n")])
    return ExitCode.HEALTHY


_RUNNERS: dict[str, Callable[[Diagnostics, Options, Namespace], int]] = {
    "declare": _declare,
    "update": _update,
    "resolve": _resolve,
    "claim": _claim,
    "note": _note,
    "status": _status,
    "list": _list,
    "show": _show,
    "export": _export,
}
