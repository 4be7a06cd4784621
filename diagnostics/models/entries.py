"""Entries of the journal: one model for each kind. An incident is nothing but its entries, read in order.

A kind is never changed in meaning once entries of it may exist, and its fields only grow, with defaults: yesterday's
journal is read by tomorrow's console. What a newer console wrote is kept as `Unknown`, and shown as such.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.repairs import RepairEnded, RepairPlanned, RepairResumed, RepairStarted, RowImaged, RowSettled
from diagnostics.recovery.drain.entries import (
    BatchGiven,
    BatchIntended,
    DrainEnded,
    DrainPaused,
    DrainResumed,
    DrainStarted,
    DrainStopped,
    DrainThrottled,
    DrainUnpaused,
    EventsLeft,
    OutcomesHeard,
)


class IncidentStatus(StrEnum):
    """How far an incident is. Every step forward is allowed; a step back, and the end, need a reason."""

    DECLARED = "declared"
    INVESTIGATING = "investigating"
    IN_PROGRESS = "in_progress"
    MONITORING = "monitoring"
    RESOLVED = "resolved"

    @property
    def words(self) -> str:
        """As people write it."""
        return self.value.replace("_", " ")


class EvidenceLabel(StrEnum):
    """The kind of a piece of evidence."""

    DIRECT = "direct"
    CIRCUMSTANTIAL = "circumstantial"
    STATISTICAL = "statistical"
    EXPERIMENTAL = "experimental"


class Channel(StrEnum):
    """Where a delivery goes."""

    SLACK = "slack"
    DATADOG_INCIDENT = "datadog_incident"
    JIRA = "jira"


class Purpose(StrEnum):
    """The purpose of a delivery."""

    FIRST_NOTICE = "first_notice"
    UPDATE = "update"
    RESOLUTION = "resolution"
    TRACKING = "tracking"
    """Opening the incident or issue in a tracking service."""
    NOTE = "note"
    """A later note, or a change of state, on something that was opened before."""


def delivery_name(purpose: Purpose, channel: Channel, destination: str) -> str:
    """A delivery as people speak of it: what it is, and to whom. Two of one kind bear the same name."""
    return f"{purpose.value.replace('_', ' ')} to {destination or channel.value.replace('_', ' ')}"


class Audience(StrEnum):
    """Whom a text is for: how much of it they need."""

    RESPONDERS = "responders"
    STAKEHOLDERS = "stakeholders"
    EXECUTIVES = "executives"


class BoundFigure(Frozen):
    """One number in a message, and the reading that it was taken from."""

    name: str
    """The placeholder, or the id of the figure."""
    shown: str
    """As it stands in the text; the dash for no data."""
    reading: str = ""
    """Key or name of what was asked; empty for what is no measurement, such as the time since the start."""
    taken_at: datetime | None = None
    stale: str = ""
    """Why it must not be sent as it is; empty when it is fresh."""
    evidence: Evidence | None = None


class MeasuredFigure(Frozen):
    """A number as it was at one moment of an incident, kept for the review."""

    id: str
    """Stable, e.g. "health", "webhook_backlog", "rate_limited_per_minute", "events_lost"."""
    title: str
    value: float | int | str | None
    shown: str
    unit: str = ""
    status: str = "no_data"
    taken_at: datetime | None = None
    evidence: Evidence | None = None


class Declared(Frozen):
    """First entry of an incident."""

    kind: Literal["declared"] = "declared"
    title: str
    issue_type: str
    severity: str
    summary: str = ""
    began_at: datetime | None = None
    """When the trouble began, as far as anybody knows."""
    detected_at: datetime | None = None
    """When somebody or something noticed."""
    environment: str = ""


class Edited(Frozen):
    """A field was set anew; the old value stays in the entry before."""

    kind: Literal["edited"] = "edited"
    field: Literal["title", "severity", "issue_type", "summary", "began_at", "detected_at"]
    value: str
    """Moments in ISO 8601."""
    why: str = ""


class StatusChanged(Frozen):
    """One step, forward or back."""

    kind: Literal["status_changed"] = "status_changed"
    status: IncidentStatus
    why: str = ""
    unmet: tuple[str, ...] = ()
    """Exit criteria that were not met when it was resolved, and overruled by `why`."""


class RoleClaimed(Frozen):
    """Somebody takes a role; whoever held it is relieved by this entry."""

    kind: Literal["role_claimed"] = "role_claimed"
    role: str
    """Name in the catalogue, e.g. "incident_commander"."""
    person: str
    relieves: str = ""


class RoleReleased(Frozen):
    """A role is free again."""

    kind: Literal["role_released"] = "role_released"
    role: str
    person: str


class TaskAdded(Frozen):
    """A task of the incident."""

    kind: Literal["task_added"] = "task_added"
    task: str
    """"T1", "T2", … within the incident."""
    text: str
    owner: str = ""
    due_at: datetime | None = None


class TaskChanged(Frozen):
    """A task changed hands, time or words, or was done."""

    kind: Literal["task_changed"] = "task_changed"
    task: str
    field: Literal["owner", "due_at", "text", "done"]
    value: str
    """"yes" or "no" for done; ISO 8601 or empty for due_at."""


class ScopeEntered(Frozen):
    """A system or an account is affected, from a moment on."""

    kind: Literal["scope_entered"] = "scope_entered"
    what: Literal["system", "account"]
    name: str
    """Name of the system, or id of the account."""
    since: datetime
    why: str = ""


class ScopeLeft(Frozen):
    """It is not affected any more."""

    kind: Literal["scope_left"] = "scope_left"
    what: Literal["system", "account"]
    name: str
    until: datetime
    why: str = ""


class EvidencePinned(Frozen):
    """Something worth keeping for the review."""

    kind: Literal["evidence_pinned"] = "evidence_pinned"
    pin: str
    """"E1", "E2", … within the incident."""
    title: str
    text: str = ""
    label: EvidenceLabel = EvidenceLabel.DIRECT
    inferred: bool = False
    evidence: Evidence | None = None


class EvidenceUnpinned(Frozen):
    """It was of no use after all."""

    kind: Literal["evidence_unpinned"] = "evidence_unpinned"
    pin: str
    why: str = ""


class Noted(Frozen):
    """A line for the timeline."""

    kind: Literal["noted"] = "noted"
    text: str


class Corrected(Frozen):
    """An earlier entry was wrong: this stands beside it, and nothing is overwritten."""

    kind: Literal["corrected"] = "corrected"
    seq: int
    text: str


class Merged(Frozen):
    """This incident goes on in another one."""

    kind: Literal["merged"] = "merged"
    into: str
    why: str = ""


class DuplicateFound(Frozen):
    """Another incident was the same as this one, and was merged into it."""

    kind: Literal["duplicate_found"] = "duplicate_found"
    other: str
    why: str = ""


class Measured(Frozen):
    """Figures as they were: at declaration, with each update, at every change of state."""

    kind: Literal["measured"] = "measured"
    occasion: str
    figures: tuple[MeasuredFigure, ...]


class StepDone(Frozen):
    """A step of the checklist is done: by a person, or seen by the console."""

    kind: Literal["step_done"] = "step_done"
    step: str
    by_console: bool = False
    text: str = ""
    evidence: Evidence | None = None


class StepUndone(Frozen):
    """A step has to be done again."""

    kind: Literal["step_undone"] = "step_undone"
    step: str
    why: str = ""


class CriterionMet(Frozen):
    """An exit criterion holds from this moment on."""

    kind: Literal["criterion_met"] = "criterion_met"
    criterion: str
    shown: str
    since: datetime
    evidence: Evidence | None = None


class CriterionBroken(Frozen):
    """It does not hold any more, or nobody can tell any more."""

    kind: Literal["criterion_broken"] = "criterion_broken"
    criterion: str
    shown: str
    why: str = ""


class CriterionWaived(Frozen):
    """A person decided to do without it."""

    kind: Literal["criterion_waived"] = "criterion_waived"
    criterion: str
    why: str


class CadenceSet(Frozen):
    """How often updates are promised."""

    kind: Literal["cadence_set"] = "cadence_set"
    minutes: int


class Snoozed(Frozen):
    """Nobody is to be reminded of the update before this moment."""

    kind: Literal["snoozed"] = "snoozed"
    until: datetime
    why: str = ""


class Proof(Frozen):
    """What is checked of an entry that makes something leave the console."""

    basis: str
    """Hash of everything that it says."""
    mark: str
    """Tells the process that wrote it that it did."""
    signature: str = ""
    signed_with: str = ""


class Signed(Frozen):
    """An entry that makes something leave the console. The signature is put in when it is written."""

    signature: str = ""
    """HMAC-SHA256 over everything else, hexadecimal; empty where the console that wrote it had no secret."""
    signed_with: str = ""
    """Id of the secret, which tells nothing about it."""

    @model_serializer(mode="wrap")
    def _without_signature(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without one the fields are left out, so that bytes stay as they were before there were any."""
        written: dict[str, Any] = dump(self)
        return {name: value for name, value in written.items() if value or name not in {"signature", "signed_with"}}


class DeliveryConfirmed(Signed):
    """A person saw this text and said: send it. From here on it is sent exactly once, or shown as not sent."""

    kind: Literal["delivery_confirmed"] = "delivery_confirmed"
    delivery: str
    """"D1", "D2", … within the incident."""
    token: str
    """Our own key, unique for ever: how it is found again where an attempt ended without an answer."""
    channel: Channel
    purpose: Purpose
    audience: Audience = Audience.RESPONDERS
    destination: str = ""
    """Shown to people, e.g. "#fub-zyno-support"; never a secret, such as a webhook's address."""
    title: str = ""
    text: str
    """Markdown for Slack, plain text elsewhere: exactly what was seen in the preview."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Further data for the channel: severity, state, the number of the thing that a note is for."""
    figures: tuple[BoundFigure, ...] = ()
    accepted_stale: tuple[str, ...] = ()
    """Figures that were old, and accepted by the person who confirmed."""


class DeliveryAttempted(Frozen):
    """Written before anything is sent, so that a console that dies in between leaves a trace."""

    kind: Literal["delivery_attempted"] = "delivery_attempted"
    delivery: str
    attempt: int
    way: str = ""
    """How it was sent where a channel has several ways: what one of them sent, another may not be able to find."""


class DeliverySent(Frozen):
    """A delivery arrived."""

    kind: Literal["delivery_sent"] = "delivery_sent"
    delivery: str
    attempt: int
    receipt: str = ""
    """The service's own name for it, e.g. a message's time stamp, "ZYN-482"."""
    link: str = ""
    found_again: bool = False
    """True when an attempt had ended without an answer, and it was found at the service by its token."""


class DeliveryFailed(Frozen):
    """It did not arrive, or nobody knows."""

    kind: Literal["delivery_failed"] = "delivery_failed"
    delivery: str
    attempt: int
    outcome: Literal["definite", "ambiguous", "permanent"]
    """definite: it was not taken, try again; ambiguous: it may have been; permanent: trying again is no use."""
    reason: str
    remedy: str = ""
    retry_at: datetime | None = None


class DeliverySettled(Signed):
    """A person decided about a delivery that the console could not."""

    kind: Literal["delivery_settled"] = "delivery_settled"
    delivery: str
    outcome: Literal["arrived", "given_up", "send_again"]
    why: str = ""


class FollowUpScheduled(Frozen):
    """Something to look at again, after the incident."""

    kind: Literal["follow_up_scheduled"] = "follow_up_scheduled"
    follow_up: str
    """"F1", "F2", … within the incident."""
    check: str = ""
    """A check of the catalogue that the console runs itself when it is due; empty for one that a person does."""
    text: str
    due_at: datetime
    owner: str = ""


class FollowUpRun(Frozen):
    """A follow-up was run, with its outcome."""

    kind: Literal["follow_up_run"] = "follow_up_run"
    follow_up: str
    status: str
    summary: str
    evidence: Evidence | None = None


class LessonNoted(Frozen):
    """A lesson: people say it, the console does not guess."""

    kind: Literal["lesson_noted"] = "lesson_noted"
    side: Literal["well", "badly", "prevention"]
    text: str


class InvestigationOpened(Frozen):
    """First entry of an investigation record."""

    kind: Literal["investigation_opened"] = "investigation_opened"
    question: str
    incident: str = ""
    account_id: int | None = None


class HypothesisAdded(Frozen):
    """A possible cause."""

    kind: Literal["hypothesis_added"] = "hypothesis_added"
    hypothesis: str
    """"H1", "H2", … within the investigation."""
    statement: str
    overturned_by: str
    """The observation that would show that it is wrong."""


class HypothesisChanged(Frozen):
    """Its words, its standing, or what would overturn it."""

    kind: Literal["hypothesis_changed"] = "hypothesis_changed"
    hypothesis: str
    field: Literal["statement", "overturned_by", "standing"]
    value: str
    """For the standing: "open", "rejected" or "root_cause"."""
    why: str = ""


class EvidenceWeighed(Frozen):
    """Something that speaks for or against a hypothesis."""

    kind: Literal["evidence_weighed"] = "evidence_weighed"
    item: str
    """"V1", "V2", … within the investigation."""
    hypothesis: str
    side: Literal["for", "against"]
    label: EvidenceLabel
    inferred: bool = False
    text: str
    source: str
    """Where it comes from, e.g. "datadog", "common", "client 14009", "a customer": sources are counted once each."""
    evidence: Evidence | None = None


class EvidenceWithdrawn(Frozen):
    """It turned out not to be evidence."""

    kind: Literal["evidence_withdrawn"] = "evidence_withdrawn"
    item: str
    why: str = ""


class InvestigationClosed(Frozen):
    """The record is closed, with a conclusion."""

    kind: Literal["investigation_closed"] = "investigation_closed"
    conclusion: str


Body = Annotated[
    Declared
    | Edited
    | StatusChanged
    | RoleClaimed
    | RoleReleased
    | TaskAdded
    | TaskChanged
    | ScopeEntered
    | ScopeLeft
    | EvidencePinned
    | EvidenceUnpinned
    | Noted
    | Corrected
    | Merged
    | DuplicateFound
    | Measured
    | StepDone
    | StepUndone
    | CriterionMet
    | CriterionBroken
    | CriterionWaived
    | CadenceSet
    | Snoozed
    | DeliveryConfirmed
    | DeliveryAttempted
    | DeliverySent
    | DeliveryFailed
    | DeliverySettled
    | FollowUpScheduled
    | FollowUpRun
    | LessonNoted
    | InvestigationOpened
    | HypothesisAdded
    | HypothesisChanged
    | EvidenceWeighed
    | EvidenceWithdrawn
    | InvestigationClosed
    | RepairPlanned
    | RepairStarted
    | RepairResumed
    | RowImaged
    | RowSettled
    | RepairEnded
    | DrainStarted
    | DrainResumed
    | BatchIntended
    | BatchGiven
    | EventsLeft
    | OutcomesHeard
    | DrainPaused
    | DrainUnpaused
    | DrainThrottled
    | DrainStopped
    | DrainEnded,
    Field(discriminator="kind"),
]
"""Everything that can be written."""


class Unknown(Frozen):
    """An entry of a kind that this version does not know, or whose fields it cannot read: kept, shown, not obeyed."""

    kind: str
    text: str
    """The body as it was written, cleaned and bounded."""


class Entry(Frozen):
    """One entry as it stands in the journal."""

    seq: int
    """1, 2, 3, … over all streams, without gaps."""
    stream: str
    """"INC-7", "INV-3"."""
    at: datetime
    """When it was appended, by the clock of the console that wrote it. The order is that of `seq`."""
    actor: str
    """The person, e.g. "cl.nolen"; "console" for what the console saw by itself."""
    console: str
    """Which console wrote it: host and process."""
    key: str
    """Unique for ever: an append that ended without an answer is recognised by it."""
    body: Body | Unknown
    previous: str
    """Hash of the entry before, hexadecimal."""
    hash: str
    proof: Proof | None = Field(default=None, exclude=True)
    """Of an entry that makes something leave the console."""
