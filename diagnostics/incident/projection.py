"""From entries to an incident: each entry changes the record in one way, in the order of the journal.

Entries that make no sense any more (a role released that nobody holds, a task that was never added) change nothing:
they stay in the timeline, where people can see them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from diagnostics.models import entries as said
from diagnostics.models.entries import Entry, IncidentStatus, Purpose
from diagnostics.models.evidence import shared_fields
from diagnostics.models.incidents import (
    Affected,
    CriterionRecord,
    Delivery,
    FollowUp,
    Incident,
    Lesson,
    MeasuredAt,
    Pin,
    RoleHolding,
    StepRecord,
    Task,
)

JsonRecord = dict[str, Any]
"""Fields of `Incident`, with lists where it has tuples."""

_LISTS = tuple(name for name, field in Incident.model_fields.items() if str(field.annotation).startswith("tuple["))


def project_incident(entries: Iterable[Entry], onto: Incident | None = None) -> Incident | None:
    """The incident after these entries, which follow those that `onto` was projected from; None before it is declared.

    Entries are of one stream, in its order. Raises nothing: what is unknown is counted and not obeyed.
    """
    record: JsonRecord | None = None if onto is None else _thawed(onto)
    changed = False
    for entry in entries:
        if record is None:
            if not isinstance(entry.body, said.Declared):
                continue
            record = _declared(entry, entry.body)
        else:
            _apply(record, entry)
        changed = True
        record["entries"] += 1
        record["last_seq"], record["last_at"] = entry.seq, entry.at
    if record is None:
        return None
    return onto if onto is not None and not changed else _frozen(record)


def _thawed(incident: Incident) -> JsonRecord:
    record = {name: getattr(incident, name) for name in Incident.model_fields}
    for name in _LISTS:
        record[name] = list(record[name])
    return record


def _frozen(record: JsonRecord) -> Incident:
    return Incident(**{name: tuple(value) if isinstance(value, list) else value for name, value in record.items()})


def _declared(entry: Entry, body: said.Declared) -> JsonRecord:
    incident = Incident(
        **shared_fields(body, Incident),
        id=entry.stream,
        status=IncidentStatus.DECLARED,
        declared_at=entry.at,
        declared_by=entry.actor,
        status_since=entry.at,
        last_seq=entry.seq,
        last_at=entry.at,
        severities=((entry.at, body.severity),),
        statuses=((entry.at, IncidentStatus.DECLARED, entry.actor),),
    )
    return _thawed(incident)


def _apply(record: JsonRecord, entry: Entry) -> None:
    handler = _HANDLERS.get(entry.body.kind)
    if handler is not None and not isinstance(entry.body, said.Unknown):
        handler(record, entry, entry.body)


# ---- state


def _edited(record: JsonRecord, entry: Entry, body: said.Edited) -> None:
    if body.field in {"began_at", "detected_at"}:
        record[body.field] = moment(body.value) or record[body.field]
        return
    record[body.field] = body.value
    if body.field == "severity":
        record["severities"].append((entry.at, body.value))


def _status(record: JsonRecord, entry: Entry, body: said.StatusChanged) -> None:
    record["status"], record["status_since"] = body.status, entry.at
    record["statuses"].append((entry.at, body.status, entry.actor))
    if body.status is not IncidentStatus.DECLARED and record["responded_at"] is None:
        record["responded_at"] = entry.at
    if body.status is IncidentStatus.MONITORING:
        record["mitigated_at"] = entry.at
    if body.status is IncidentStatus.RESOLVED:
        # What went straight to its end was mended at the latest then.
        record["mitigated_at"] = record["mitigated_at"] or entry.at
        record["resolved_at"], record["resolved_why"], record["unmet"] = entry.at, body.why, list(body.unmet)
    else:
        record["resolved_at"], record["resolved_why"], record["unmet"] = None, "", []


def _merged(record: JsonRecord, entry: Entry, body: said.Merged) -> None:
    record["merged_into"], record["resolved_at"] = body.into, entry.at


def _duplicate(record: JsonRecord, _entry: Entry, body: said.DuplicateFound) -> None:
    if body.other not in record["duplicates"]:
        record["duplicates"].append(body.other)


# ---- people and work


def _role_claimed(record: JsonRecord, entry: Entry, body: said.RoleClaimed) -> None:
    _end_role(record, body.role, entry.at)
    record["roles"].append(RoleHolding(role=body.role, person=body.person, since=entry.at))


def _role_released(record: JsonRecord, entry: Entry, body: said.RoleReleased) -> None:
    _end_role(record, body.role, entry.at, person=body.person)


def _end_role(record: JsonRecord, role: str, at: datetime, *, person: str | None = None) -> None:
    _change(
        record["roles"],
        lambda held: held.role == role and held.until is None and person in {None, held.person},
        {"until": at},
    )


def _task_added(record: JsonRecord, entry: Entry, body: said.TaskAdded) -> None:
    record["tasks"].append(Task(**shared_fields(body, Task), added_at=entry.at, added_by=entry.actor))


def _task_changed(record: JsonRecord, entry: Entry, body: said.TaskChanged) -> None:
    changes: dict[str, object] = {body.field: body.value}
    if body.field == "due_at":
        changes = {"due_at": moment(body.value)}
    elif body.field == "done":
        done = body.value == "yes"
        changes = {"done_at": entry.at if done else None, "done_by": entry.actor if done else ""}
    _change(record["tasks"], lambda task: task.task == body.task, changes)


def _step_done(record: JsonRecord, entry: Entry, body: said.StepDone) -> None:
    if not any(one.step == body.step for one in record["steps"]):
        record["steps"].append(StepRecord(**shared_fields(body, StepRecord), at=entry.at, by=entry.actor))


def _step_undone(record: JsonRecord, _entry: Entry, body: said.StepUndone) -> None:
    record["steps"] = [one for one in record["steps"] if one.step != body.step]


# ---- scope and evidence


def _scope_entered(record: JsonRecord, entry: Entry, body: said.ScopeEntered) -> None:
    among = record["systems" if body.what == "system" else "accounts"]
    if not any(one.name == body.name and one.until is None for one in among):
        among.append(Affected(name=body.name, since=body.since, why=body.why, by=entry.actor))


def _scope_left(record: JsonRecord, _entry: Entry, body: said.ScopeLeft) -> None:
    among = record["systems" if body.what == "system" else "accounts"]
    _change(among, lambda one: one.name == body.name and one.until is None, {"until": body.until})


def _pinned(record: JsonRecord, entry: Entry, body: said.EvidencePinned) -> None:
    record["pinned_ever"] += 1
    record["pins"].append(Pin(pinned=body, at=entry.at, by=entry.actor))


def _unpinned(record: JsonRecord, _entry: Entry, body: said.EvidenceUnpinned) -> None:
    record["pins"] = [one for one in record["pins"] if one.pinned.pin != body.pin]


def _measured(record: JsonRecord, entry: Entry, body: said.Measured) -> None:
    record["measured"].append(MeasuredAt(at=entry.at, measured=body))


def _lesson(record: JsonRecord, entry: Entry, body: said.LessonNoted) -> None:
    record["lessons"].append(Lesson(lesson=body, at=entry.at, by=entry.actor))


# ---- criteria, cadence, follow-ups


def _criterion(record: JsonRecord, name: str, changes: dict[str, object]) -> None:
    among = record["criteria"]
    if not any(one.criterion == name for one in among):
        among.append(CriterionRecord(criterion=name))
    _change(among, lambda one: one.criterion == name, changes)


def _criterion_met(record: JsonRecord, _entry: Entry, body: said.CriterionMet) -> None:
    _criterion(record, body.criterion, {"met_since": body.since, "shown": body.shown})


def _criterion_broken(record: JsonRecord, _entry: Entry, body: said.CriterionBroken) -> None:
    _criterion(record, body.criterion, {"met_since": None, "shown": body.shown})


def _criterion_waived(record: JsonRecord, entry: Entry, body: said.CriterionWaived) -> None:
    _criterion(record, body.criterion, {"waived_by": entry.actor, "waived_why": body.why})


def _cadence(record: JsonRecord, _entry: Entry, body: said.CadenceSet) -> None:
    record["cadence_minutes"] = body.minutes


def _snoozed(record: JsonRecord, entry: Entry, body: said.Snoozed) -> None:
    record["snoozed_until"], record["snoozed_by"] = body.until, entry.actor


def _follow_up(record: JsonRecord, entry: Entry, body: said.FollowUpScheduled) -> None:
    record["follow_ups"].append(FollowUp(scheduled=body, scheduled_by=entry.actor))


def _follow_up_run(record: JsonRecord, entry: Entry, body: said.FollowUpRun) -> None:
    changes: dict[str, object] = {"run": body, "run_at": entry.at}
    _change(record["follow_ups"], lambda one: one.scheduled.follow_up == body.follow_up, changes)


# ---- deliveries


_NOTICES = frozenset({Purpose.FIRST_NOTICE, Purpose.UPDATE, Purpose.RESOLUTION})
_SETTLED_AS = {"arrived": "sent", "given_up": "given_up", "send_again": "queued"}
_FAILED_AS = {"definite": "retrying", "ambiguous": "uncertain", "permanent": "failed"}


def _delivery_confirmed(record: JsonRecord, entry: Entry, body: said.DeliveryConfirmed) -> None:
    if any(one.delivery == body.delivery or one.token == body.token for one in record["deliveries"]):
        # Confirmed once: the same again, under whatever key, sends nothing again.
        return
    proofs = (entry.proof,) if entry.proof is not None else ()
    confirmed = Delivery(
        **shared_fields(body, Delivery), confirmed_at=entry.at, confirmed_by=entry.actor, proofs=proofs
    )
    record["deliveries"].append(confirmed)
    if body.purpose in _NOTICES:
        # A promise is kept by what a person confirmed; whether it arrived is shown beside it.
        record["last_update_at"], record["snoozed_until"] = entry.at, None


def _attempted(record: JsonRecord, entry: Entry, body: said.DeliveryAttempted) -> None:
    _change(
        record["deliveries"],
        lambda one: one.delivery == body.delivery,
        lambda one: {
            "state": "sending",
            "attempts": max(one.attempts, body.attempt),
            "attempted_at": entry.at,
            "attempted_by": entry.console,
            "way": body.way,
            "retry_at": None,
        },
    )


def _sent(record: JsonRecord, entry: Entry, body: said.DeliverySent) -> None:
    _change(
        record["deliveries"],
        lambda one: one.delivery == body.delivery,
        lambda one: {
            "state": "sent",
            # Found twice is still there once: the first finding stays.
            "sent_at": one.sent_at or entry.at,
            "receipt": body.receipt,
            "link": body.link,
            "found_again": body.found_again,
            "reason": "",
            "remedy": "",
            "retry_at": None,
        },
    )


def _failed(record: JsonRecord, _entry: Entry, body: said.DeliveryFailed) -> None:
    changes = {
        "state": _FAILED_AS[body.outcome],
        "reason": body.reason,
        "remedy": body.remedy,
        "retry_at": body.retry_at,
    }
    _change_unless_sent(record, body.delivery, changes)


def _settled(record: JsonRecord, entry: Entry, body: said.DeliverySettled) -> None:
    changes: dict[str, object] = {"state": _SETTLED_AS[body.outcome], "retry_at": None}
    if body.outcome == "arrived":
        changes["sent_at"] = entry.at
    if body.outcome != "send_again":
        _change_unless_sent(record, body.delivery, changes)
        return
    # Whoever says "send it again" has to prove it as much as whoever said "send it".
    proof = (entry.proof,) if entry.proof is not None else ()
    _change_unless_sent(record, body.delivery, lambda one: {**changes, "proofs": (*one.proofs, *proof)})


def _change_unless_sent(
    record: JsonRecord, name: str, changes: Mapping[str, object] | Callable[[Any], Mapping[str, object]]
) -> None:
    _change(record["deliveries"], lambda one: one.delivery == name and one.state != "sent", changes)


# ---- one of many


def _change(
    among: list[Any],
    which: Callable[[Any], bool],
    changes: Mapping[str, object] | Callable[[Any], Mapping[str, object]],
) -> None:
    for place, one in enumerate(among):
        if which(one):
            among[place] = one.model_copy(update=changes(one) if callable(changes) else changes)


def moment(text: str) -> datetime | None:
    """A moment in ISO 8601; None for what is none, or has no offset."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


_HANDLERS: dict[str, Callable[[JsonRecord, Entry, Any], None]] = {
    "edited": _edited,
    "status_changed": _status,
    "merged": _merged,
    "duplicate_found": _duplicate,
    "role_claimed": _role_claimed,
    "role_released": _role_released,
    "task_added": _task_added,
    "task_changed": _task_changed,
    "step_done": _step_done,
    "step_undone": _step_undone,
    "scope_entered": _scope_entered,
    "scope_left": _scope_left,
    "evidence_pinned": _pinned,
    "evidence_unpinned": _unpinned,
    "measured": _measured,
    "lesson_noted": _lesson,
    "criterion_met": _criterion_met,
    "criterion_broken": _criterion_broken,
    "criterion_waived": _criterion_waived,
    "cadence_set": _cadence,
    "snoozed": _snoozed,
    "follow_up_scheduled": _follow_up,
    "follow_up_run": _follow_up_run,
    "delivery_confirmed": _delivery_confirmed,
    "delivery_attempted": _attempted,
    "delivery_sent": _sent,
    "delivery_failed": _failed,
    "delivery_settled": _settled,
}
