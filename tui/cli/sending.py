"""From words to deliveries: a proposal, one confirmation, and what became of it. The same rules as in the console."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job
from diagnostics.models.entries import Audience, Channel, IncidentStatus, Purpose
from diagnostics.models.incidents import Criterion, Delivery, Incident
from diagnostics.models.notices import Proposal
from diagnostics.models.triage import Refusal
from tui.cli.output import Style, say
from tui.cli.renderers import incident as render

if TYPE_CHECKING:
    from diagnostics.incident.incidents import Ending
    from diagnostics.service import Diagnostics
    from tui.options import Options

LOOK_S = 0.5
"""Between two looks at what is being delivered."""

TEXT_IN = {Purpose.FIRST_NOTICE: "actions_taken", Purpose.UPDATE: "progress", Purpose.RESOLUTION: "steps"}
"""The placeholder of the templates that `--text` fills."""


class NotConfirmed(Exception):  # noqa: N818  # a state of the world
    """Nobody confirmed: nothing was written and nothing sent."""


def proposal_for(service: Diagnostics, options: Options, given: Namespace) -> Proposal:
    """The notice that the flags ask for, with figures measured now. Raises UserError, SourceFailure."""
    purpose, incident = purpose_of(given), getattr(given, "incident", None)
    if purpose is not Purpose.FIRST_NOTICE and incident is None:
        incident = open_incident(service).id
    issue, severity = (
        issue_and_severity(options, "a first notice", "or --incident") if incident is None else (None, None)
    )
    proposal = service.notices.propose(
        issue_type=issue,
        severity=severity,
        incident=incident,
        purpose=purpose,
        audience=Audience(given.audience),
        words=words_of(given, purpose),
    )
    return with_accounts(proposal, getattr(given, "account_id", ()))


def issue_and_severity(options: Options, what: str, otherwise: str = "") -> tuple[str, str]:
    """Issue type and severity from `--issue` and `--severity`. Raises UserError where one of them is missing."""
    if options.issue is None or options.severity is None:
        flags = "--issue and --severity out of the classification matrix"
        raise UserError(
            f"{what} needs an issue type and a severity",
            where="command line",
            accepted=f"{flags}, {otherwise}" if otherwise else flags,
            next_step="warroom guide quick-reference lists them",
        )
    return options.issue, options.severity


def with_accounts(proposal: Proposal, named: Iterable[int]) -> Proposal:
    """The accounts that a person named belong to the scope, whether or not a source sees them."""
    accounts = tuple(dict.fromkeys((*proposal.accounts, *named)))
    if proposal.incident or accounts == proposal.accounts:
        return proposal
    return proposal.model_copy(update={"accounts": accounts})


def purpose_of(given: Namespace) -> Purpose:
    """The purpose of the notice: as `--purpose` says, or as the command implies."""
    named = getattr(given, "purpose", None)
    if named is not None:
        return Purpose(named)
    if given.command == "notify":
        return Purpose.UPDATE if given.incident is not None else Purpose.FIRST_NOTICE
    return {"declare": Purpose.FIRST_NOTICE, "update": Purpose.UPDATE, "resolve": Purpose.RESOLUTION}[given.what]


def words_of(given: Namespace, purpose: Purpose) -> dict[str, str]:
    """A person's words by placeholder, out of `--fill` and the other flags. Raises UserError."""
    words: dict[str, str] = {}
    for one in given.fill:
        name, sign, text = one.partition("=")
        if not sign or not name.strip():
            raise UserError(
                f"--fill needs NAME=TEXT, not {clean(one, limit=60)!r}", where="command line", accepted="eta=22:00 UTC"
            )
        words[name.strip()] = text
    named: Mapping[str, str | None] = {
        TEXT_IN[purpose]: getattr(given, "text", None),
        "root_cause": getattr(given, "root_cause", None),
        "title": getattr(given, "title", None),
        "summary": getattr(given, "summary", None),
        "began_at": getattr(given, "began_at", None),
    }
    return words | {name: text for name, text in named.items() if text}


def open_incident(service: Diagnostics, named: str | None = None) -> Incident:
    """The incident of that name, or the only open one. Raises UserError naming the open ones."""
    if named is not None:
        return service.incidents.get(named)
    lines = [one for one in service.incidents.lines() if one.is_open]
    if len(lines) == 1:
        return service.incidents.get(lines[0].id)
    if not lines:
        raise UserError(
            "no incident is open",
            where="command line",
            accepted="--incident with the id of one that is over",
            next_step="warroom incident list, or warroom incident declare",
        )
    raise UserError(
        f"{len(lines)} incidents are open",
        where="command line",
        accepted="; ".join(f"--incident {one.id} ({one.title})" for one in lines[:10]),
    )


# ---- confirming


def confirmed(
    service: Diagnostics,
    given: Namespace,
    proposal: Proposal,
    unmet: tuple[Criterion, ...] = (),
    ending: Ending | None = None,
) -> Incident | Refusal:
    """Show it, have it confirmed, write it down, with what it ends. Raises `NotConfirmed`, UserError, SourceFailure."""
    if given.format == "text":
        say_proposal(proposal, unmet)
    typed = _asked(proposal, given)
    if utc_now() >= proposal.good_until:
        # A person may have thought about it for longer than the figures are good.
        proposal = with_accounts(service.notices.refresh(proposal), getattr(given, "account_id", ()))
        if not given.yes:
            say(["", "The figures had grown old meanwhile; they were measured again:", ""])
            say_proposal(proposal)
            typed = _asked(proposal, given)
    return service.notices.confirm(proposal, typed, frozenset(given.accept), ending)


def say_proposal(proposal: Proposal, unmet: Iterable[Criterion] = ()) -> None:
    """Print what would be sent, and the exit criteria that are not met."""
    say(render.proposal_lines(proposal, Style.of_stdout()))
    say(f"NOT MET  {one.title}: {one.shown}" for one in unmet)


def _asked(proposal: Proposal, given: Namespace) -> str:
    ask_to(proposal.word, given, "\nRead it, then type", "sends nothing")
    return proposal.word


def ask_to(word: str, given: Namespace, question: str, otherwise: str) -> None:
    """Have `word` typed, unless `--yes` was given. Raises `NotConfirmed`."""
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise NotConfirmed("nobody can be asked here: standard input is no terminal; --yes confirms it")
    sys.stderr.write(f"{question} {word!r} and enter; anything else {otherwise}: ")
    sys.stderr.flush()
    if sys.stdin.readline(1_000).strip() != word:
        raise NotConfirmed("that was not the word")


# ---- delivering


def new_deliveries(incident: Incident, before: frozenset[str]) -> tuple[Delivery, ...]:
    """Deliveries that this command put on their way: all but those of the names `before`."""
    return tuple(one for one in incident.deliveries if one.delivery not in before)


def delivered(service: Diagnostics, incident: Incident, before: frozenset[str], wait_s: float) -> tuple[Incident, str]:
    """Deliver until everything new is settled, or the time is up; also says what kept it from going on."""
    job, trouble = Job(limit_s=wait_s), ""
    while True:
        try:
            service.notices.deliver(job)
            incident, trouble = service.incidents.get(incident.id), ""
        except SourceFailure as failure:
            trouble = f"{failure.headline()}: {failure.reason}"
        left = [one for one in new_deliveries(incident, before) if not one.is_settled]
        if not left or job.is_over or (not trouble and not service.notices.waiting()):
            return incident, trouble
        time.sleep(min(LOOK_S, job.left_s(LOOK_S)))


def nobody_told(proposal: Proposal) -> bool:
    """True when the notice itself has no way to go from here."""
    return not any(one.channel is Channel.SLACK for one in proposal.sendable) and any(
        one.channel is Channel.SLACK for one in proposal.drafts
    )


def unmet_criteria(service: Diagnostics, incident: Incident) -> tuple[Criterion, ...]:
    """Exit criteria that are not met, or that nobody can tell of."""
    if incident.status is IncidentStatus.RESOLVED:
        return ()
    return tuple(one for one in service.assessments.assess(incident.id).criteria if not one.is_met)
