"""Entries as people read them: one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from diagnostics.models import entries as said
from diagnostics.models.entries import Entry

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.incidents import Incident


NO_NAMES: Mapping[str, str] = MappingProxyType({})


def names_of(incident: Incident, catalogue: Catalogue) -> dict[str, str]:
    """What people call the deliveries and steps of an incident, by their ids in its entries."""
    checklist = catalogue.checklists.get(incident.issue_type)
    steps = {} if checklist is None else checklist.steps
    told = {one.delivery: one.named for one in incident.deliveries}
    return {name: step.title for name, step in steps.items() if step.title} | told


def sentence(entry: Entry, names: Mapping[str, str] = NO_NAMES) -> str:
    """One sentence about one entry, without its moment and its actor; `names` are those of `names_of`."""
    body = entry.body
    if isinstance(body, _OF_DELIVERIES):
        return _DELIVERIES[body.kind](body, names.get(body.delivery, body.delivery))
    if isinstance(body, said.StepDone | said.StepUndone):
        return _step(body, names.get(body.step) or body.step.replace("_", " "))
    if isinstance(body, said.Unknown):
        return f"written by a newer console ({body.kind}): {body.text}"
    write = _SENTENCES.get(body.kind)
    return write(body) if write is not None else body.kind.replace("_", " ")


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _at(moment: datetime | None) -> str:
    return f"{moment:%H:%M} UTC" if moment is not None else ""


def _role(name: str) -> str:
    return name.replace("_", " ")


def _declared(body: said.Declared) -> str:
    return f"declared, {body.severity}: {body.title}"


def _edited(body: said.Edited) -> str:
    return f"{body.field.replace('_', ' ')} is now {body.value}{_because(body.why)}"


def _status(body: said.StatusChanged) -> str:
    unmet = f" (although not met: {', '.join(body.unmet)})" if body.unmet else ""
    return f"{body.status.words}{unmet}{_because(body.why)}"


def _claimed(body: said.RoleClaimed) -> str:
    relieves = f", relieving {body.relieves}" if body.relieves else ""
    return f"{body.person} is {_role(body.role)}{relieves}"


def _task_added(body: said.TaskAdded) -> str:
    owner = f", for {body.owner}" if body.owner else ""
    due = f", due {_at(body.due_at)}" if body.due_at else ""
    return f"task {body.task}: {body.text}{owner}{due}"


def _task_changed(body: said.TaskChanged) -> str:
    if body.field == "done":
        return f"task {body.task} {'done' if body.value == 'yes' else 'open again'}"
    return f"task {body.task}, {body.field.replace('_', ' ')}: {body.value or 'none'}"


def _scope(verb: str) -> Callable[[Any], str]:
    def write(body: said.ScopeEntered | said.ScopeLeft) -> str:
        return f"{body.what} {body.name} {verb}{_because(body.why)}"

    return write


def _measured(body: said.Measured) -> str:
    shown = "; ".join(f"{one.title} {one.shown}" for one in body.figures[:6])
    more = f"; and {len(body.figures) - 6} more" if len(body.figures) > 6 else ""  # as sliced above
    return f"figures ({body.occasion.replace('_', ' ')}): {shown}{more}"


def _pinned(body: said.EvidencePinned) -> str:
    inferred = ", inferred" if body.inferred else ""
    return f"evidence {body.pin} ({body.label}{inferred}): {body.title}"


def _weighed(body: said.EvidenceWeighed) -> str:
    inferred = ", inferred" if body.inferred else ""
    return f"{body.item} speaks {body.side} {body.hypothesis} ({body.label}{inferred}): {body.text}"


def _step(body: said.StepDone | said.StepUndone, name: str) -> str:
    if isinstance(body, said.StepUndone):
        return f"step open again: {name}{_because(body.why)}"
    return f"step {'seen to be done' if body.by_console else 'done'}: {name}{f' ({body.text})' if body.text else ''}"


def _confirmed(body: said.DeliveryConfirmed, _name: str) -> str:
    stale = f"; accepted as old: {', '.join(body.accepted_stale)}" if body.accepted_stale else ""
    name = said.delivery_name(body.purpose, body.channel, body.destination)
    return f"{name} confirmed{stale}"


def _sent(body: said.DeliverySent, name: str) -> str:
    found = " (found there after an attempt without answer)" if body.found_again else ""
    # Slack's receipt is a moment in digits, which names nothing to a person.
    receipt = "" if body.receipt.replace(".", "").isdecimal() else _because(body.receipt)
    return f"{name} arrived{found}{receipt}"


def _failed(body: said.DeliveryFailed, name: str) -> str:
    words = {"definite": "not taken", "ambiguous": "unclear whether it arrived", "permanent": "refused"}
    retry = f"; next attempt {body.retry_at:%H:%M:%S} UTC" if body.retry_at else ""
    return f"{name} {words[body.outcome]}: {body.reason}{retry}"


_OF_DELIVERIES = (
    said.DeliveryConfirmed,
    said.DeliveryAttempted,
    said.DeliverySent,
    said.DeliveryFailed,
    said.DeliverySettled,
)

_DELIVERIES: dict[str, Callable[[Any, str], str]] = {
    "delivery_confirmed": _confirmed,
    "delivery_attempted": lambda body, name: f"{name}: attempt {body.attempt}",
    "delivery_sent": _sent,
    "delivery_failed": _failed,
    "delivery_settled": lambda body, name: f"{name} settled as {body.outcome.replace('_', ' ')}{_because(body.why)}",
}


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "declared": _declared,
    "edited": _edited,
    "status_changed": _status,
    "role_claimed": _claimed,
    "role_released": lambda body: f"{body.person} is no longer {_role(body.role)}",
    "task_added": _task_added,
    "task_changed": _task_changed,
    "scope_entered": _scope("affected"),
    "scope_left": _scope("no longer affected"),
    "evidence_pinned": _pinned,
    "evidence_unpinned": lambda body: f"evidence {body.pin} taken out{_because(body.why)}",
    "noted": lambda body: str(body.text),
    "corrected": lambda body: f"correction of entry {body.seq}: {body.text}",
    "merged": lambda body: f"goes on in {body.into}{_because(body.why)}",
    "duplicate_found": lambda body: f"{body.other} was the same and goes on here{_because(body.why)}",
    "measured": _measured,
    "criterion_met": lambda body: f"exit criterion {body.criterion.replace('_', ' ')} holds: {body.shown}",
    "criterion_broken": lambda body: (
        f"exit criterion {body.criterion.replace('_', ' ')} does not hold: {body.shown}{_because(body.why)}"
    ),
    "criterion_waived": lambda body: f"exit criterion {body.criterion.replace('_', ' ')} waived: {body.why}",
    "cadence_set": lambda body: f"updates every {body.minutes} min",
    "snoozed": lambda body: f"reminder off until {_at(body.until)}{_because(body.why)}",
    "follow_up_scheduled": lambda body: f"follow-up {body.follow_up}, {body.due_at:%d %b %H:%M} UTC: {body.text}",
    "follow_up_run": lambda body: f"follow-up {body.follow_up}: {body.status}, {body.summary}",
    "lesson_noted": lambda body: f"lesson ({'went well' if body.side == 'well' else body.side}): {body.text}",
    "investigation_opened": lambda body: f"investigation: {body.question}",
    "hypothesis_added": lambda body: f"hypothesis {body.hypothesis}: {body.statement}",
    "hypothesis_changed": lambda body: f"hypothesis {body.hypothesis}, {body.field}: {body.value}{_because(body.why)}",
    "evidence_weighed": _weighed,
    "evidence_withdrawn": lambda body: f"{body.item} withdrawn{_because(body.why)}",
    "investigation_closed": lambda body: f"closed: {body.conclusion}",
}
