"""Incidents: declared, followed and changed through the journal, which several consoles share.

Each change is decided against the newest state and gives the new one; see `Records.decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.incident.projection import project_incident
from diagnostics.incident.records import LONGEST_TEXT, RecordKind, Records, checked_moment, checked_text
from diagnostics.incident.sentences import names_of, sentence
from diagnostics.models import entries as said
from diagnostics.models.entries import Body, EvidenceLabel, IncidentStatus, MeasuredFigure
from diagnostics.models.evidence import Evidence, shared_fields
from diagnostics.models.figures import Page
from diagnostics.models.incidents import Following, Incident, IncidentLine, Task, TimelineLine

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.context import Context

INCIDENTS = RecordKind(
    prefix="INC",
    project=project_incident,
    noun="incident",
    none_yet="none has been declared yet",
    next_step=":incidents lists them",
)

EDITABLE = ("title", "severity", "issue_type", "summary", "began_at", "detected_at")
TASK_FIELDS = ("owner", "due_at", "text", "done")
LONGEST_TITLE, LONGEST_NAME = 200, 120
LONGEST_SNOOZE_MINUTES, LONGEST_CADENCE_MINUTES = 240, 1_440

What = Literal["system", "account"]


@dataclass(slots=True, frozen=True)
class Ending:
    """That an incident is resolved, said in one step with the notice that tells it."""

    why: str = ""
    unmet: tuple[str, ...] = ()
    """Ids of the exit criteria that are not met."""


def status_changes(
    incident: Incident, status: IncidentStatus, why: str = "", unmet: Sequence[str] = ()
) -> tuple[Body, ...]:
    """What moving an incident on or back writes; nothing where it stands there. Raises UserError."""
    steps = list(IncidentStatus)
    reason = clean(why, limit=LONGEST_TEXT, multiline=True).strip()
    _living(incident)
    if incident.status is status:
        return ()
    backwards = steps.index(status) < steps.index(incident.status)
    if backwards and not reason:
        raise UserError(
            f"going back from {incident.status.words} to {status.words} needs a reason", accepted="one sentence why"
        )
    if status is IncidentStatus.RESOLVED and unmet and not reason:
        raise UserError(
            f"{plural(len(unmet), 'exit criterion is', 'exit criteria are')} not met: {', '.join(unmet)}",
            accepted="a reason why it is resolved all the same",
        )
    kept = tuple(unmet) if status is IncidentStatus.RESOLVED else ()
    return (said.StatusChanged(status=status, why=reason, unmet=kept),)


class IncidentService:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._records = Records(context, INCIDENTS, self._journal_moved)
        self._chosen: str | None = None

    @property
    def person(self) -> str:
        """Who sits at this console."""
        return self._records.journal.person

    # ---- reading

    def get(self, incident_id: str) -> Incident:
        """One incident as it is now. Raises UserError naming those that exist."""
        return self._records.get(incident_id)

    def lines(self, most: int = 200) -> tuple[IncidentLine, ...]:
        """The `most` newest incidents, newest first."""
        return tuple(map(_line, self._records.newest(most)))

    def choose(self, incident_id: str | None) -> None:
        """Which incident this console has in view; None is the gravest that is open."""
        self._chosen = incident_id if incident_id is None else self.get(incident_id).id

    def following(self) -> Following:
        """News of other consoles, and the incident in view. One row read where nothing is new."""
        head, known = self._records.follow()
        newest_first = sorted(known, key=lambda one: one.declared_at, reverse=True)
        opened = [one for one in newest_first if one.is_open]
        return Following(
            seq=head,
            incident=self._in_view(opened),
            open=tuple(map(_line, opened)),
            problem=self._records.journal.problem,
        )

    def timeline(self, incident_id: str, before: int | None = None, most: int = 100) -> Page[TimelineLine]:
        """Entries as people read them, newest first; `after` of the page is the `before` of the next one, as text."""
        entries = self._records.journal.page(incident_id, before, most)
        names = names_of(self.get(incident_id), self._context.catalogue)
        rows = tuple(
            TimelineLine(
                seq=one.seq, at=one.at, actor=one.actor, kind=one.body.kind, text=sentence(one, names), entry=one
            )
            for one in entries
        )
        more = len(entries) == most and not isinstance(entries[-1].body, said.Declared)
        return Page(rows=rows, after=str(rows[-1].seq) if more else None)

    def next_update_at(self, incident: Incident) -> datetime | None:
        """When the next update is promised; None where none is due any more."""
        return next_update_at(incident, self._context.catalogue)

    def _journal_moved(self) -> None:
        if self._chosen is not None:
            self._chosen = self._records.journal.take_renames().get(self._chosen, self._chosen)

    def _in_view(self, opened: Sequence[Incident]) -> Incident | None:
        chosen = None if self._chosen is None else self._records.known(self._chosen)
        return min(opened, key=self._gravity, default=None) if chosen is None else chosen

    def _gravity(self, incident: Incident) -> tuple[int, float]:
        issue = self._context.catalogue.issues.get(incident.issue_type)
        severities = issue.severities if issue is not None else ()
        rank = severities.index(incident.severity) if incident.severity in severities else len(severities)
        return rank, -incident.declared_at.timestamp()

    # ---- writing

    def declare(
        self,
        *,
        title: str,
        issue_type: str,
        severity: str,
        summary: str = "",
        began_at: datetime | str | None = None,
        detected_at: datetime | None = None,
        systems: Sequence[str] = (),
        accounts: Sequence[int] = (),
        measured: Sequence[MeasuredFigure] = (),
        more: Sequence[Body] = (),
        key: str | None = None,
    ) -> Incident:
        """A new incident, which this console has in view from then on. Raises UserError outside the matrix.

        `began_at` may be text, ISO 8601 with its offset; both moments are held against the clock (UserError).

        Raises SourceFailure where the journal cannot be read: it may have been declared already.

        `more` is written with it, all or none. The same `key` given twice declares one incident.
        """
        check_severity(issue_named(self._context.catalogue, issue_type), severity)
        self._records.check_known()
        now = self._context.now()
        began = checked_moment(began_at, "began_at", now) if began_at else None
        detected = checked_moment(detected_at, "detected_at", now) if detected_at is not None else now
        bodies: list[Body] = [
            said.Declared(
                title=checked_text(title, "title", LONGEST_TITLE),
                issue_type=issue_type,
                severity=severity,
                summary=clean(summary, limit=LONGEST_TEXT, multiline=True),
                began_at=began,
                detected_at=detected,
                environment=self._context.settings.environment,
            )
        ]
        since = began or now
        bodies += [said.ScopeEntered(what="system", name=name, since=since, why="when declared") for name in systems]
        bodies += [
            said.ScopeEntered(what="account", name=str(one), since=since, why="when declared") for one in accounts
        ]
        if measured:
            bodies.append(said.Measured(occasion="declared", figures=tuple(measured)))
        bodies += more
        keys = None if key is None else [f"{key}:{number}" for number in range(len(bodies))]
        entries = self._records.journal.open(INCIDENTS.prefix, bodies, keys=keys)
        incident = self.get(entries[0].stream)
        self._chosen = incident.id
        return incident

    def decide(
        self, incident_id: str, decision: Callable[[Incident], Sequence[Body]], *, actor: str | None = None
    ) -> Incident:
        """Write what `decision` says about the newest state; it is asked again when somebody else was quicker.

        An empty answer writes nothing. Raises what `decision` raises.
        """
        return self._records.decide(incident_id, decision, actor=actor)

    # ---- state

    def set_status(
        self, incident_id: str, status: IncidentStatus, why: str = "", unmet: Sequence[str] = ()
    ) -> Incident:
        """Move it on, or back. A step back, and an end with exit criteria unmet, need a reason (UserError)."""
        return self.decide(incident_id, lambda incident: status_changes(incident, status, why, unmet))

    def edit(self, incident_id: str, field: str, value: str, why: str = "") -> Incident:
        """Set one of `EDITABLE` anew; moments in ISO 8601 with their offset. Raises UserError."""
        if field not in EDITABLE:
            raise UserError(f"an incident has no field {field!r} to edit", accepted=", ".join(EDITABLE))
        if field in {"began_at", "detected_at"}:
            text = checked_moment(value, field, self._context.now()).isoformat()
        else:
            text = checked_text(value, field.replace("_", " "), LONGEST_TITLE if field == "title" else LONGEST_TEXT)

        def decision(incident: Incident) -> Sequence[Body]:
            _living(incident)
            if field == "severity":
                check_severity(issue_named(self._context.catalogue, incident.issue_type), text)
            elif field == "issue_type":
                check_severity(issue_named(self._context.catalogue, text), incident.severity)
            if str(getattr(incident, field)) == text:
                return ()
            return (said.Edited(field=field, value=text, why=clean(why, limit=LONGEST_TEXT)),)

        return self.decide(incident_id, decision)

    def merge(self, incident_id: str, into: str, why: str = "") -> Incident:
        """It was the same as another one, and goes on there. Raises UserError; the other one is told."""
        target = self.get(into)
        reason = clean(why, limit=LONGEST_TEXT)
        if target.id == self.get(incident_id).id:
            raise UserError("an incident cannot be merged into itself", accepted="the id of another incident")
        if target.merged_into:
            raise UserError(f"{target.id} itself goes on in {target.merged_into}", accepted=target.merged_into)
        merged = self.decide(
            incident_id,
            lambda incident: () if incident.merged_into else (said.Merged(into=target.id, why=reason),),
        )
        if merged.merged_into != target.id:
            raise UserError(f"{merged.id} already goes on in {merged.merged_into}", accepted="an incident of its own")
        self.decide(
            target.id,
            lambda incident: (
                () if merged.id in incident.duplicates else (said.DuplicateFound(other=merged.id, why=reason),)
            ),
        )
        return merged

    # ---- people

    def claim(self, incident_id: str, role: str, person: str | None = None, *, take_over: bool = False) -> Incident:
        """Take a role, or give it to somebody. Raises UserError naming who holds it, unless `take_over`."""
        name = self._role(role)
        who = self.person if person is None else clean(person, limit=LONGEST_NAME).strip()
        if not who:
            raise UserError("the name is empty", accepted="whoever takes the role; left out, it is you")

        def decision(incident: Incident) -> Sequence[Body]:
            _living(incident)
            held = next((one for one in incident.roles if one.role == name and one.until is None), None)
            if held is not None and held.person == who:
                return ()
            if held is not None and not take_over:
                raise UserError(
                    f"{held.person} is {name.replace('_', ' ')} since {held.since:%H:%M:%S} UTC",
                    accepted="another role, or taking it over on purpose",
                    next_step="talk to them first; taking over is written into the timeline",
                )
            return (said.RoleClaimed(role=name, person=who, relieves=held.person if held is not None else ""),)

        return self.decide(incident_id, decision)

    def release(self, incident_id: str, role: str) -> Incident:
        """Whoever holds a role gives it back."""
        name = self._role(role)

        def decision(incident: Incident) -> Sequence[Body]:
            holder = incident.holder(name)
            return (said.RoleReleased(role=name, person=holder),) if holder else ()

        return self.decide(incident_id, decision)

    def _role(self, role: str) -> str:
        name = role.strip().lower().replace(" ", "_").replace("-", "_")
        roles = tuple(self._context.catalogue.roles)
        matches = [one for one in roles if one == name or one.startswith(name) or name in one.split("_")]
        if name and len(matches) == 1:
            return matches[0]
        raise UserError(f"there is no role {clean(role, limit=60)!r}", accepted=", ".join(roles))

    # ---- tasks, steps

    def add_task(self, incident_id: str, text: str, owner: str = "", due_at: datetime | None = None) -> Incident:
        """A task of the incident."""
        wanted = checked_text(text, "task", 500)
        who = clean(owner, limit=LONGEST_NAME).strip()
        due = checked_moment(due_at, "due_at", self._context.now(), ahead=True) if due_at is not None else None
        return self.decide(
            incident_id,
            lambda incident: (said.TaskAdded(task=f"T{len(incident.tasks) + 1}", text=wanted, owner=who, due_at=due),),
        )

    def change_task(self, incident_id: str, task: str, field: str, value: str) -> Incident:
        """Set one of `TASK_FIELDS`: "yes" or "no" for done, ISO 8601 or nothing for due_at. Raises UserError."""
        if field not in TASK_FIELDS:
            raise UserError(f"a task has no field {field!r}", accepted=", ".join(TASK_FIELDS))
        if field == "done" and value not in {"yes", "no"}:
            raise UserError(f"done cannot be {value!r}", accepted="yes or no")
        if field == "due_at" and value:
            checked_moment(value, field, self._context.now(), ahead=True)
        text = checked_text(value, "task", 500) if field == "text" else clean(value, limit=LONGEST_NAME)

        def decision(incident: Incident) -> Sequence[Body]:
            found = next((one for one in incident.tasks if one.task == task.upper()), None)
            if found is None:
                names = ", ".join(one.task for one in incident.tasks)
                raise UserError(f"there is no task {task!r}", accepted=names or "none: add one first")
            if _same(found, field, text):
                return ()
            return (said.TaskChanged(task=found.task, field=field, value=text),)

        return self.decide(incident_id, decision)

    def tick(self, incident_id: str, step: str, text: str = "") -> Incident:
        """A step of the checklist is done; ticked twice it stays with who was first."""
        said_text = clean(text, limit=500)
        return self.decide(
            incident_id,
            lambda incident: (
                ()
                if any(one.step == step for one in incident.steps)
                else (said.StepDone(step=clean(step, limit=LONGEST_NAME), text=said_text),)
            ),
        )

    def untick(self, incident_id: str, step: str, why: str = "") -> Incident:
        """A step has to be done again."""
        reason = clean(why, limit=500)
        return self.decide(
            incident_id,
            lambda incident: (
                (said.StepUndone(step=step, why=reason),) if any(one.step == step for one in incident.steps) else ()
            ),
        )

    # ---- scope, evidence, words

    def enter_scope(
        self, incident_id: str, what: What, name: str, since: datetime | None = None, why: str = ""
    ) -> Incident:
        """A system or an account is affected."""
        among = _scope_kind(what)
        wanted = checked_text(name, what, LONGEST_NAME)

        def decision(incident: Incident) -> Sequence[Body]:
            if any(one.name == wanted and one.until is None for one in getattr(incident, among)):
                return ()
            return (
                said.ScopeEntered(
                    what=what, name=wanted, since=since or self._context.now(), why=clean(why, limit=500)
                ),
            )

        return self.decide(incident_id, decision)

    def leave_scope(
        self, incident_id: str, what: What, name: str, until: datetime | None = None, why: str = ""
    ) -> Incident:
        """It is not affected any more."""
        among = _scope_kind(what)

        def decision(incident: Incident) -> Sequence[Body]:
            if not any(one.name == name and one.until is None for one in getattr(incident, among)):
                return ()
            return (
                said.ScopeLeft(what=what, name=name, until=until or self._context.now(), why=clean(why, limit=500)),
            )

        return self.decide(incident_id, decision)

    def pin(
        self,
        incident_id: str,
        title: str,
        text: str = "",
        label: EvidenceLabel = EvidenceLabel.DIRECT,
        *,
        inferred: bool = False,
        evidence: Evidence | None = None,
    ) -> Incident:
        """Keep something for the review."""
        head = checked_text(title, "title", LONGEST_TITLE)
        body = clean(text, limit=LONGEST_TEXT, multiline=True)
        return self.decide(
            incident_id,
            lambda incident: (
                said.EvidencePinned(
                    pin=f"E{incident.pinned_ever + 1}",
                    title=head,
                    text=body,
                    label=label,
                    inferred=inferred,
                    evidence=evidence,
                ),
            ),
        )

    def note(self, incident_id: str, text: str) -> Incident:
        """A line for the timeline."""
        wanted = checked_text(text, "note")
        return self.decide(incident_id, lambda _: (said.Noted(text=wanted),))

    def correct(self, incident_id: str, seq: int, text: str) -> Incident:
        """An earlier entry was wrong: say how it was. The entry itself stays."""
        wanted = checked_text(text, "correction")

        def decision(incident: Incident) -> Sequence[Body]:
            if not 0 < seq <= incident.last_seq:
                raise UserError(f"{incident.id} has no entry {seq}", accepted="the number of one of its entries")
            return (said.Corrected(seq=seq, text=wanted),)

        return self.decide(incident_id, decision)

    def lesson(self, incident_id: str, side: str, text: str) -> Incident:
        """Note a lesson: something that went well or badly, or that keeps it from returning."""
        sides = get_args(said.LessonNoted.model_fields["side"].annotation)
        if side not in sides:
            raise UserError(f"a lesson is not {side!r}", accepted=", ".join(sides))
        wanted = checked_text(text, "lesson")
        return self.decide(incident_id, lambda _: (said.LessonNoted(side=side, text=wanted),))

    # ---- criteria and clock

    def waive(self, incident_id: str, criterion: str, why: str) -> Incident:
        """Do without an exit criterion; the reason is kept for the review."""
        reason = checked_text(why, "reason", 500)
        return self.decide(incident_id, lambda _: (said.CriterionWaived(criterion=criterion, why=reason),))

    def set_cadence(self, incident_id: str, minutes: int) -> Incident:
        """How often updates are promised, 1 to 1,440 minutes."""
        if not 1 <= minutes <= LONGEST_CADENCE_MINUTES:
            raise UserError(plural(minutes, "minute"), accepted=f"1 to {plural(LONGEST_CADENCE_MINUTES, 'minute')}")
        return self.decide(
            incident_id,
            lambda incident: () if incident.cadence_minutes == minutes else (said.CadenceSet(minutes=minutes),),
        )

    def snooze(self, incident_id: str, minutes: int, why: str = "") -> Incident:
        """No reminders for 1 to 240 minutes; the promise itself stays as it is."""
        if not 1 <= minutes <= LONGEST_SNOOZE_MINUTES:
            raise UserError(plural(minutes, "minute"), accepted=f"1 to {plural(LONGEST_SNOOZE_MINUTES, 'minute')}")
        until = self._context.now() + timedelta(minutes=minutes)
        return self.decide(incident_id, lambda _: (said.Snoozed(until=until, why=clean(why, limit=500)),))


def issue_named(catalogue: Catalogue, issue_type: str) -> IssueType:
    """The row of the matrix. Raises UserError."""
    issue = catalogue.issues.get(issue_type)
    if issue is None:
        raise UserError(f"there is no issue type {clean(issue_type, limit=60)!r}", accepted=", ".join(catalogue.issues))
    return issue


def check_severity(issue: IssueType, severity: str) -> None:
    """Raises UserError for a severity that the matrix does not give the issue."""
    if severity not in issue.severities:
        raise UserError(
            f"{issue.name} has no severity {clean(severity, limit=60)!r}", accepted=", ".join(issue.severities)
        )


def cadence_minutes(incident: Incident, catalogue: Catalogue) -> int | None:
    """Minutes between two updates; None for a severity that the catalogue does not know any more."""
    if incident.cadence_minutes is not None:
        return incident.cadence_minutes
    rule = catalogue.cadence.get(incident.severity)
    return None if rule is None else rule.minutes


def next_update_at(incident: Incident, catalogue: Catalogue) -> datetime | None:
    """When the next notice is due; None once nothing is promised any more. A snooze silences reminders, no promise.

    Until the first notice it is the severity's time for that, counted from the declaration.
    """
    if not incident.is_open:
        return None
    if incident.last_update_at is None:
        rule = catalogue.cadence.get(incident.severity)
        minutes = None if rule is None else rule.first_minutes
        if incident.cadence_minutes is not None:
            minutes = incident.cadence_minutes if minutes is None else min(minutes, incident.cadence_minutes)
        return None if minutes is None else incident.declared_at + timedelta(minutes=minutes)
    every = cadence_minutes(incident, catalogue)
    return None if every is None else incident.last_update_at + timedelta(minutes=every)


def _line(incident: Incident) -> IncidentLine:
    return IncidentLine(**shared_fields(incident, IncidentLine), commander=incident.holder("incident_commander"))


def _living(incident: Incident) -> None:
    if incident.merged_into:
        raise UserError(
            f"{incident.id} goes on in {incident.merged_into}", accepted=f"changes to {incident.merged_into}"
        )


def _scope_kind(what: str) -> str:
    if what not in {"system", "account"}:
        raise UserError(f"the scope has no {what!r}", accepted="system, account")
    return "systems" if what == "system" else "accounts"


def _same(task: Task, field: str, value: str) -> bool:
    if field == "done":
        return (task.done_at is not None) == (value == "yes")
    if field == "due_at":
        return (task.due_at.isoformat() if task.due_at else "") == value
    return str(getattr(task, field)) == value
