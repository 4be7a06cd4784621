"""Incidents as screens and commands see them: projected from the journal, and assessed against the live world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from diagnostics.core.words import plural
from diagnostics.models.entries import (
    Audience,
    BoundFigure,
    Channel,
    Entry,
    EvidencePinned,
    FollowUpRun,
    FollowUpScheduled,
    IncidentStatus,
    LessonNoted,
    Measured,
    Proof,
    Purpose,
    delivery_name,
)
from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.figures import Coverage
from diagnostics.models.status import Status


class RoleHolding(Frozen):
    """Who held a role, from when until when."""

    role: str
    person: str
    since: datetime
    until: datetime | None = None
    """None while it is held."""


class Task(Frozen):
    """Something to do, as it stands now."""

    task: str
    text: str
    owner: str = ""
    due_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str = ""
    added_at: datetime
    added_by: str


class Affected(Frozen):
    """A system or an account within the scope; it may come and go several times."""

    name: str
    since: datetime
    until: datetime | None = None
    why: str = ""
    by: str = ""


class StepRecord(Frozen):
    """That a step of the checklist was done."""

    step: str
    at: datetime
    by: str
    by_console: bool = False
    text: str = ""
    evidence: Evidence | None = None


class Delivery(Frozen):
    """One thing that was confirmed to be sent, and what became of it."""

    delivery: str
    token: str
    channel: Channel
    purpose: Purpose
    audience: Audience
    destination: str
    title: str
    text: str
    fields: dict[str, str]
    figures: tuple[BoundFigure, ...] = ()
    confirmed_at: datetime
    confirmed_by: str
    attempts: int = 0
    attempted_at: datetime | None = None
    attempted_by: str = ""
    """Console of the newest attempt."""
    way: str = ""
    """How the newest attempt was sent, where the channel has several ways."""
    state: str = "queued"
    """queued, sending, sent, retrying, uncertain, failed, given_up."""
    reason: str = ""
    remedy: str = ""
    retry_at: datetime | None = None
    sent_at: datetime | None = None
    receipt: str = ""
    link: str = ""
    found_again: bool = False
    proofs: tuple[Proof, ...] = Field(default=(), exclude=True)
    """Of the entries that let it leave: its confirmation, and each "send it again"."""

    @property
    def is_settled(self) -> bool:
        """True when nothing further will be tried."""
        return self.state in {"sent", "failed", "given_up"}

    @property
    def named(self) -> str:
        """The delivery as people speak of it: what it is, and to whom. Two of one kind bear the same name."""
        return delivery_name(self.purpose, self.channel, self.destination)

    @property
    def called(self) -> str:
        """The name that people give the thing that arrived: "#214", "ZYN-482"; empty for a message, which has no name.

        Datadog's receipt is an id for machines; the number that people use stands at the end of its link.
        """
        if self.channel is Channel.SLACK:
            return ""
        last = self.link.split("?", 1)[0].rstrip("/").rpartition("/")[2]
        if self.channel is Channel.DATADOG_INCIDENT and last.isascii() and last.isdigit():
            return f"#{last}"
        return self.receipt


class CriterionRecord(Frozen):
    """An exit criterion as the journal knows it."""

    criterion: str
    met_since: datetime | None = None
    shown: str = ""
    waived_by: str = ""
    waived_why: str = ""


class FollowUp(Frozen):
    """Something to look at again."""

    scheduled: FollowUpScheduled
    scheduled_by: str
    run: FollowUpRun | None = None
    run_at: datetime | None = None


class TimelineLine(Frozen):
    """One entry as people read it."""

    seq: int
    at: datetime
    actor: str
    kind: str
    text: str
    """One sentence; a correction of it is appended in words."""
    entry: Entry


class MeasuredAt(Frozen):
    """Figures and when they were taken down."""

    at: datetime
    measured: Measured


class Pin(Frozen):
    """Evidence that is kept, by whom and when."""

    pinned: EvidencePinned
    at: datetime
    by: str


class Lesson(Frozen):
    """A lesson, with who noted it and when."""

    lesson: LessonNoted
    at: datetime
    by: str


class Incident(Frozen):
    """One incident, as its entries up to `last_seq` tell it. Nothing in it is asked from a source."""

    id: str
    title: str
    issue_type: str
    severity: str
    summary: str = ""
    status: IncidentStatus
    environment: str = ""
    declared_at: datetime
    declared_by: str
    began_at: datetime | None = None
    detected_at: datetime | None = None
    status_since: datetime
    responded_at: datetime | None = None
    """When it left "declared": somebody began to work on it."""
    mitigated_at: datetime | None = None
    """When it last came to "monitoring"."""
    resolved_at: datetime | None = None
    resolved_why: str = ""
    unmet: tuple[str, ...] = ()
    merged_into: str = ""
    duplicates: tuple[str, ...] = ()
    roles: tuple[RoleHolding, ...] = ()
    """In the order in which they were claimed; several of one role follow each other."""
    tasks: tuple[Task, ...] = ()
    systems: tuple[Affected, ...] = ()
    accounts: tuple[Affected, ...] = ()
    pins: tuple[Pin, ...] = ()
    pinned_ever: int = 0
    """Pins that were taken out again are counted too: their numbers are not given a second time."""
    steps: tuple[StepRecord, ...] = ()
    criteria: tuple[CriterionRecord, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    measured: tuple[MeasuredAt, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    cadence_minutes: int | None = None
    """None while nobody has set it: the catalogue's for this severity holds."""
    last_update_at: datetime | None = None
    """When the newest notice was confirmed: the promise counts from there."""
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    """Who asked not to be reminded before that."""
    entries: int = 0
    last_seq: int = 0
    last_at: datetime
    severities: tuple[tuple[datetime, str], ...] = ()
    """Each severity with the moment from which it held."""
    statuses: tuple[tuple[datetime, IncidentStatus, str], ...] = ()
    """Each status with its moment and who set it."""

    @property
    def is_open(self) -> bool:
        """False once it is resolved or merged."""
        return self.status is not IncidentStatus.RESOLVED and not self.merged_into

    def holder(self, role: str) -> str:
        """Who holds a role now; empty when nobody does."""
        return next((one.person for one in self.roles if one.role == role and one.until is None), "")

    @property
    def notified_at(self) -> datetime | None:
        """When the first notice arrived."""
        return min(
            (one.sent_at for one in self.deliveries if one.channel is Channel.SLACK and one.sent_at), default=None
        )

    @property
    def tracked(self) -> tuple[Delivery, ...]:
        """Deliveries that opened something in a tracking service."""
        return tuple(one for one in self.deliveries if one.purpose is Purpose.TRACKING and one.state == "sent")


class IncidentLine(Frozen):
    """One incident in a list."""

    id: str
    title: str
    issue_type: str
    severity: str
    status: IncidentStatus
    declared_at: datetime
    resolved_at: datetime | None = None
    commander: str = ""
    merged_into: str = ""
    environment: str = ""

    @property
    def is_open(self) -> bool:
        """False once it is resolved or merged."""
        return self.status is not IncidentStatus.RESOLVED and not self.merged_into


class Following(Frozen):
    """Answer to a console that follows the journal."""

    seq: int
    """Newest entry of the journal."""
    incident: Incident | None
    """The one in view: chosen by a person, or the gravest that is open."""
    open: tuple[IncidentLine, ...]
    problem: str = ""
    """The trouble with the journal or its place, e.g. that it ends with this console; empty when all is well."""


class Criterion(Frozen):
    """An exit criterion, and how far it is."""

    id: str
    title: str
    """e.g. "health at least 98.80 % for 30 min, at least 500 events"."""
    status: Status
    """pass: held long enough; warn: holds, not yet long enough; fail: does not hold; no data, unreachable."""
    shown: str
    """The present value."""
    held_s: float | None = None
    needs_s: float = 0.0
    since: datetime | None = None
    """It has held since this moment, with somebody looking all the time."""
    note: str = ""
    waived_by: str = ""
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_met(self) -> bool:
        """True when nothing more is needed of it."""
        return self.status is Status.PASS or bool(self.waived_by)


class Step(Frozen):
    """A step of the quick-response checklist of an issue type."""

    id: str
    title: str = ""
    """In a few words, never cut; empty where the catalogue names none."""
    text: str
    """All of it."""
    rule: str = ""
    """How the console sees by itself that it has happened; empty for one that only people can tick.

    One that begins with `check:` names a reading that informs it, and is ticked by people.
    """
    minutes: int | None = None
    """Within so many minutes of the declaration."""
    record: StepRecord | None = None
    status: Status = Status.NO_DATA
    """pass: done; warn: open; fail: open and overdue."""
    note: str = ""
    """Why the console cannot tick it now, e.g. that a source does not answer."""

    @property
    def named(self) -> str:
        """What a line calls it: its title, or the text where it has none."""
        return self.title or self.text


class Tier(Frozen):
    """The alert tier, 1 to 4, and the rule that decided."""

    tier: int
    rule: str
    """The rule in words with the number that met it."""
    answer: str
    """The response that the tier asks for, from the catalogue."""
    others: tuple[str, ...] = ()
    """Rules that were looked at and did not decide, each with its number or that there is none."""
    evidence: tuple[Evidence, ...] = ()


class AccountImpact(Frozen):
    """One account's part of the impact score."""

    account_id: int
    name: str = ""
    size: int | None = None
    """Users; None is no data."""
    size_weight: float
    severity_weight: float
    share: float | None = None
    """Part of the account that is affected, 0 to 1; None is no data, and the catalogue's stand-in was used."""
    score: float
    why: str
    """The multiplication in words, with what was assumed."""


class Impact(Frozen):
    """The multi-account impact score."""

    score: float
    limit: float
    accounts: tuple[AccountImpact, ...]
    """Largest score first."""
    coverage: Coverage
    proposes_command: bool
    """The score is above the limit: an incident commander is needed."""
    words: str
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class AffectedAccount:
    """One account and one issue. None is "not known" everywhere, and never 0."""

    issue: str
    account_id: int
    impact: float
    """Size × severity × part affected, as the catalogue weighs them."""
    why: str
    """The multiplication in words, with what was assumed."""
    name: str = ""
    size: int | None = None
    """Users."""
    exists: bool | None = None
    """Whether `common.accounts` has it."""
    events: int | None = None
    """Log events of the issue in the window; None where the issue is not read from logs."""
    share: float | None = None
    """Part of the account that is affected, 0 to 1."""
    share_words: str = ""
    """How the part was counted: "12 of 47 agents that could be CONNECTED"."""
    first_seen: datetime | None = None
    """First event of the window, to one step of `AffectedAccounts.step_s`, UTC."""
    last_seen: datetime | None = None
    began_before: bool = False
    """The first event lies in the first step of the window: it may have begun before."""
    kinds: tuple[tuple[str, int], ...] = ()
    """Kinds of failure with their events, most frequent first."""
    connections: int | None = None
    """Sync connections of the account."""
    syncing: int | None = None
    """Those of them that are enabled and healthy."""

    @property
    def synced(self) -> str:
        """ "yes", "no", "3 of 47"; empty where it is not known, "none" where the account has no sync connection."""
        if self.connections is None or self.syncing is None:
            return ""
        if not self.connections:
            return "none"
        if self.syncing == self.connections:
            return "yes"
        return "no" if not self.syncing else f"{self.syncing:,} of {self.connections:,}"

    @property
    def kind_words(self) -> str:
        """Kinds of failure for a person: "pushLead 512, fetchUserInfo 400"; empty where none is known."""
        return ", ".join(f"{kind} {events:,}" for kind, events in self.kinds)

    def record(self) -> Mapping[str, object]:
        """All of it by name, with JSON types only."""
        return {
            "issue": self.issue,
            "account_id": self.account_id,
            "name": self.name or None,
            "users": self.size,
            "in_common_accounts": self.exists,
            "impact": self.impact,
            "why": self.why,
            "share": None if self.share is None else round(self.share, 4),
            "share_counted": self.share_words or None,
            "events": self.events,
            "first_seen": _iso(self.first_seen),
            "began_before_window": self.began_before,
            "last_seen": _iso(self.last_seen),
            "kinds": [{"kind": kind, "events": events} for kind, events in self.kinds],
            "synced": self.synced or None,
            "connections": self.connections,
            "connections_syncing": self.syncing,
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@dataclass(slots=True, frozen=True)
class AffectedAccounts:
    """Accounts that one issue affects, those that weigh most first, and how whole the list is."""

    issue: str
    severity: str
    """Whose weight the impact has."""
    window_s: int
    rows: tuple[AffectedAccount, ...]
    total: int | None
    """How many there are in all; None where nobody knows."""
    at_least: bool
    """There may be further ones."""
    basis: str
    """Where they come from: "named by logs of the last 15 min"."""
    taken_at: datetime
    step_s: int = 60
    notes: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """Parts that were asked for and have not answered yet: "sizes", "kinds of failure"."""
    evidence: tuple[Evidence, ...] = ()

    def words(self) -> str:
        """How many: "61 accounts", "at least 61 accounts", "200 of 812 accounts", "accounts affected: not known"."""
        if self.total is None:
            return "accounts affected: not known"
        if self.total > len(self.rows):
            return f"{len(self.rows):,} of {'at least ' if self.at_least else ''}{plural(self.total, 'account')}"
        return f"{'at least ' if self.at_least else ''}{plural(self.total, 'account')}"

    def heaviest(self, most: int) -> str:
        """Those that weigh most, for a notice: "20 of 61, those that weigh most"; "all 12" where they all fit."""
        if self.total is None:
            return "not known"
        shown, at_least = min(most, len(self.rows)), "at least " if self.at_least else ""
        if shown >= self.total:
            return f"{'all that are known of ' if self.at_least else 'all '}{at_least}{self.total:,}"
        return f"{shown:,} of {at_least}{self.total:,}, those that weigh most"


class ScopeProposal(Frozen):
    """A system or account that seems to belong to the scope and is not in it."""

    what: str
    """"system" or "account"."""
    name: str
    why: str
    evidence: tuple[Evidence, ...] = ()


class Assessment(Frozen):
    """Everything about an incident that has to be asked from the live world."""

    incident: str
    criteria: tuple[Criterion, ...]
    steps: tuple[Step, ...]
    tier: Tier
    impact: Impact | None
    proposals: tuple[ScopeProposal, ...]
    next_update_at: datetime | None
    taken_at: datetime
    failures: tuple[str, ...] = ()
    """Questions without an answer, one headline each."""


class Verification(Frozen):
    """Findings of a reading of the whole journal."""

    entries: int
    head: str
    """Hash of the newest entry."""
    flaws: tuple[str, ...]
    """Each names its entry and what is wrong with it."""
    evidence: Evidence

    @property
    def is_sound(self) -> bool:
        """True when nothing was altered, is missing or was put in."""
        return not self.flaws
