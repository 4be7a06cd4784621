"""Quick responses: which steps are done, by whom, and which the console can see to have happened, with what it saw.

A reading is no deed. What a check reads stands beside its step ("read: 212,631 webhook events wait"), and whoever has
done what the step asks for ticks it. By itself the console ticks what it can see to have happened: an act that is
recorded in the journal, a notice that has arrived, a role that somebody holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.checks.registry import CHECKS
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import ask_together
from diagnostics.models.entries import Channel, Purpose, StepDone
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import Step
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding, TriageRequest
from diagnostics.triage.subject import newest_reported_deal

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.response import ChecklistStep
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.incidents import Incident, StepRecord

ANSWERED = frozenset({Status.PASS, Status.WARN, Status.FAIL})
"""A check without data, or whose source does not answer, has not answered."""

CHECK, ROLE = "check:", "role:"
HAND_OVER = "hand_over"
"""The step that a person ticks once the specialist has accepted."""


@dataclass(slots=True, frozen=True)
class Sight:
    """Whether one step is seen to be done."""

    done: bool
    text: str
    """The proof that it is done; or what is still missing."""
    evidence: Evidence | None = None


def steps_of(catalogue: Catalogue, issue_type: str, severity: str) -> dict[str, ChecklistStep]:
    """The steps of an issue type at one severity, in order; none for an issue type without a checklist."""
    checklist = catalogue.checklists.get(issue_type)
    steps = {} if checklist is None else checklist.steps
    return {name: step for name, step in steps.items() if not step.severities or severity in step.severities}


def minutes_of(catalogue: Catalogue, step: ChecklistStep, severity: str) -> int | None:
    """When a step is due, minutes after the declaration; a notice without a time of its own by the cadence."""
    if step.minutes is None and step.rule == "notice_sent" and severity in catalogue.cadence:
        return catalogue.cadence[severity].first_minutes
    return step.minutes


def happened(record: StepRecord, step: ChecklistStep | None) -> str:
    """The event, and who did it or how it was seen. A request is no fact, and is not repeated as one."""
    if step is not None and step.rule.startswith(CHECK) and record.by_console:
        # Earlier consoles ticked what they had read.
        return f"read: {record.text.rstrip('.')}"
    asked = step.named if step is not None else record.step.replace("_", " ")
    what = step.done if step is not None and step.done else f'ticked as done: "{asked}"'
    who = f"seen by the console: {record.text}" if record.by_console else record.by
    begins = what[:1] if what[1:2].isupper() else what[:1].lower()
    return f"{begins}{what[1:].rstrip('.')} ({who.rstrip('.')})"


def plan(catalogue: Catalogue, issue_type: str, severity: str) -> tuple[Step, ...]:
    """The checklist before anything is declared: what to do, and nothing of it done."""
    return tuple(
        Step(
            id=name,
            title=step.title,
            text=step.text,
            rule=step.rule,
            minutes=minutes_of(catalogue, step, severity),
            note=step.people,
        )
        for name, step in steps_of(catalogue, issue_type, severity).items()
    )


def open_checks(catalogue: Catalogue, incident: Incident) -> tuple[str, ...]:
    """Checks whose answers inform a step that nobody has ticked yet."""
    done = {one.step for one in incident.steps}
    steps = steps_of(catalogue, incident.issue_type, incident.severity)
    return tuple(
        dict.fromkeys(
            step.rule.removeprefix(CHECK)
            for name, step in steps.items()
            if step.rule.startswith(CHECK) and name not in done
        )
    )


def run_checks(
    context: Context, incident: Incident, checks: tuple[str, ...], limit_s: float, job: Job | None = None
) -> dict[str, Finding | SourceFailure]:
    """Ask these checks: of the account in scope where there is one alone, of the deal that logs reported last."""
    asks: dict[str, Callable[[], Finding]] = {name: partial(_answer, context, incident, name) for name in checks}
    return ask_together(asks, limit_s, job)


def _answer(context: Context, incident: Incident, name: str) -> Finding:
    issue = context.catalogue.issues[incident.issue_type]
    accounts = [one.name for one in incident.accounts if one.until is None]
    account = int(accounts[0]) if len(accounts) == 1 and accounts[0].isdecimal() else None
    request = TriageRequest(issue_type=issue.name, account_id=account)
    if "deal" in issue.needs and name in issue.checks:
        deal = newest_reported_deal(context, context.catalogue.queries[issue.query].datadog)
        if deal is not None:
            request = request.model_copy(update={"account_id": deal.account_id, "deal_id": deal.deal_id})
    return CHECKS[name].answer(context, request)


def judge_steps(
    catalogue: Catalogue, incident: Incident, answers: Mapping[str, Finding | SourceFailure], now: datetime
) -> tuple[tuple[Step, ...], dict[str, Sight]]:
    """The checklist as it stands, and what the console sees to be done that the journal does not hold yet."""
    records = {one.step: one for one in incident.steps}
    judged: list[Step] = []
    seen: dict[str, Sight] = {}
    for name, step in steps_of(catalogue, incident.issue_type, incident.severity).items():
        minutes = minutes_of(catalogue, step, incident.severity)
        made = Step(
            id=name, title=step.title, text=step.text, rule=step.rule, minutes=minutes, record=records.get(name)
        )
        if made.record is not None:
            judged.append(made.model_copy(update={"status": Status.PASS}))
            continue
        look = _look(catalogue, incident, step, answers)
        if look is not None and look.done:
            seen[name] = look
        overdue = minutes is not None and now > incident.declared_at + timedelta(minutes=minutes)
        note = step.people if look is None else f"seen: {look.text}" if look.done else look.text
        status = Status.FAIL if overdue and incident.is_open else Status.WARN
        judged.append(made.model_copy(update={"status": status, "note": note}))
    return tuple(judged), seen


def ticked(steps: Mapping[str, Sight]) -> dict[str, StepDone]:
    """Journal entries for steps that were seen to be done, by step."""
    return {
        name: StepDone(step=name, by_console=True, text=look.text, evidence=look.evidence)
        for name, look in steps.items()
    }


def _look(
    catalogue: Catalogue, incident: Incident, step: ChecklistStep, answers: Mapping[str, Finding | SourceFailure]
) -> Sight | None:
    """Whether one step is seen to be done; None for one that only people can tick."""
    if not step.rule:
        return None
    if step.rule.startswith(CHECK):
        return _of_check(step.rule.removeprefix(CHECK), answers)
    if step.rule.startswith(ROLE):
        role = step.rule.removeprefix(ROLE)
        title, person = catalogue.roles[role].title.lower(), incident.holder(role)
        return Sight(bool(person), f"{person} is {title}" if person else f"nobody is {title} yet")
    return _RULES[step.rule](incident)


def _of_check(name: str, answers: Mapping[str, Finding | SourceFailure]) -> Sight:
    answer = answers.get(name)
    if answer is None:
        return Sight(False, f"the check {name} has not been asked yet")
    if isinstance(answer, SourceFailure):
        return Sight(False, f"the check {name} does not answer: {answer.headline()}")
    if answer.status not in ANSWERED:
        return Sight(False, f"the check {name} has no answer: {answer.summary}")
    return Sight(False, f"read: {answer.summary}", answer.evidence)


def _notice_sent(incident: Incident) -> Sight:
    sent = [one for one in incident.deliveries if one.channel is Channel.SLACK and one.state == "sent"]
    if sent:
        first = min(sent, key=lambda one: one.sent_at or one.confirmed_at)
        at = first.sent_at or first.confirmed_at
        return Sight(True, f"{first.purpose.value.replace('_', ' ')} to {first.destination} at {at:%H:%M:%S} UTC")
    waiting = next((one for one in incident.deliveries if one.channel is Channel.SLACK), None)
    if waiting is None:
        return Sight(False, "no notice has been confirmed yet")
    reason = f": {waiting.reason}" if waiting.reason else ""
    return Sight(False, f"the notice to {waiting.destination} is {waiting.state.replace('_', ' ')}{reason}")


def _tracking_opened(incident: Incident) -> Sight:
    if incident.tracked:
        named = (f"{one.destination} {one.called}".strip() for one in incident.tracked)
        return Sight(True, f"opened: {', '.join(named)}")
    waiting = next((one for one in incident.deliveries if one.purpose is Purpose.TRACKING), None)
    if waiting is None:
        return Sight(False, "nothing has been opened in a tracking service yet")
    return Sight(
        False, f"{waiting.destination} is {waiting.state.replace('_', ' ')}: {waiting.reason or 'no answer yet'}"
    )


def _update_promised(incident: Incident) -> Sight:
    if incident.last_update_at is None:
        return Sight(False, "no notice with the time of the next update has been confirmed yet")
    told = _notice_sent(incident)
    return Sight(told.done, f"it stands in the {told.text}" if told.done else told.text)


def _scope_named(incident: Incident) -> Sight:
    systems, accounts = incident.systems, incident.accounts
    if not systems and not accounts:
        return Sight(False, "neither a system nor an account is in the scope yet")
    return Sight(True, f"in scope: systems {len(systems)}, accounts {len(accounts)}")


def _figures_taken(incident: Incident) -> Sight:
    if not incident.measured:
        return Sight(False, "no figures have been recorded yet")
    first = incident.measured[0]
    known = sum(1 for one in first.measured.figures if one.value is not None)
    return Sight(bool(known), f"{known} of {len(first.measured.figures)} figures recorded at {first.at:%H:%M:%S} UTC")


def _evidence_pinned(incident: Incident) -> Sight:
    if not incident.pins:
        return Sight(False, "nothing has been pinned yet")
    return Sight(True, f"pinned: {incident.pins[0].pinned.title}", incident.pins[0].pinned.evidence)


def _work_begun(incident: Incident) -> Sight:
    if incident.responded_at is None:
        return Sight(False, "it is still declared only")
    return Sight(True, f"begun at {incident.responded_at:%H:%M:%S} UTC")


_RULES: dict[str, Callable[[Incident], Sight]] = {
    "notice_sent": _notice_sent,
    "tracking_opened": _tracking_opened,
    "update_promised": _update_promised,
    "scope_named": _scope_named,
    "figures_taken": _figures_taken,
    "evidence_pinned": _evidence_pinned,
    "work_begun": _work_begun,
}
