"""The backlog of webhook events, as it is and as it goes on. Source: common."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from diagnostics.models.evidence import Evidence, Frozen


class Trend(StrEnum):
    """Where a backlog goes, by itself over the last minutes."""

    BETTER = "better"
    WORSE = "worse"
    STANDS = "stands"
    EMPTY = "empty"
    NOT_KNOWN = "not_known"
    """The rows are old, or nothing was received that could tell."""


class Outlook(StrEnum):
    """Whether a backlog ends."""

    DRAINING = "draining"
    NOT_DRAINING = "not_draining"
    """No more is delivered than arrives: it never empties."""
    EMPTY = "empty"
    NOT_KNOWN = "not_known"


class Part(Frozen):
    """A part of the waiting events."""

    name: str
    """e.g. "account 14009", "HTTP 429", "15 to 30 min"."""
    events: int


class Split(Frozen):
    """The waiting events by one of their traits."""

    by: str
    """age, attempts, account, type or cause."""
    parts: tuple[Part, ...] = ()
    """Ages and attempts in their order, the others by events, most first."""
    others: int = 0
    """Events of parts that are not named."""
    failure: str = ""
    """Why it is not known; empty where it is."""


class LostEvents(Frozen):
    """Events past saving, by what they failed of last."""

    events: int
    reason: str


class BacklogPoint(Frozen):
    """The backlog at one moment, and what came and went in the step that ends with it."""

    at: datetime
    waiting: int | None
    """None where it is not known."""
    arrived: int | None = None
    ended: int | None = None
    """Delivered, or lost."""


class BacklogReport(Frozen):
    """How many webhook events of the last 24 hours wait, how they came to wait, and whether that ends."""

    taken_at: datetime
    waiting: int | None
    """None where nothing at all was received in 24 hours: then an empty backlog means nothing."""
    by_status: dict[str, int]
    lost: tuple[LostEvents, ...] = ()
    lost_total: int = 0
    oldest_at: datetime | None = None
    oldest_age_s: float | None = None
    """None where none waits, or one of the clocks is wrong."""
    arriving_per_min: float | None = None
    draining_per_min: float | None = None
    """Delivered over the last five minutes: what there is of capacity. None where it is not known."""
    outlook: Outlook = Outlook.NOT_KNOWN
    empty_in_s: float | None = None
    """Backlog / (capacity - arrival); None where it does not empty, or nobody knows."""
    trend: Trend = Trend.NOT_KNOWN
    change: int | None = None
    """Events more than `change_s` ago."""
    change_s: int = 0
    course: tuple[BacklogPoint, ...] = ()
    """Oldest first; computed from when events were received and when they ended."""
    forecast: tuple[BacklogPoint, ...] = ()
    """From now on, at the rates of the last five minutes."""
    splits: tuple[Split, ...] = ()
    doubts: tuple[str, ...] = ()
    """What a number does not cover, or why it is not known."""
    evidence: tuple[Evidence, ...] = ()


class SetAside(Frozen):
    """Waiting events that a plan leaves alone, and why."""

    cause: str
    events: int
    examples: tuple[int, ...] = ()
    """Ids of a few."""


class Rehearsal(Frozen):
    """What the pace of a plan does against the limit, as it was recorded or as a person named it. Nothing is sent."""

    limit_per_s: float | None
    """None where nothing tells: then there is no rehearsal."""
    limit_from: str
    """Where the limit comes from, one sentence."""
    live_per_s: float = 0.0
    """Live traffic beside it: what arrives."""
    retry_after_s: float | None = None
    """As the newest answers named it; None where none did."""
    delay_s: float = 0.0
    """How late the outcome of an event is seen."""
    start_rate: float | None = None
    """Events a second that the ramp begins with; None is the pacer's own."""
    seconds: float | None = None
    """Until the last event is accepted; None where it does not end."""
    sent: int = 0
    limited_share: float | None = None
    """Of what is sent, answered 429; 0 to 1."""
    live_limited_share: float | None = None
    """Of live traffic, answered 429 meanwhile."""
    note: str = ""


class RecoveryPlan(Frozen):
    """Which waiting events would be delivered again, in which order and at which pace. Holds no right to do it."""

    plan_id: str
    made_at: datetime
    expires_at: datetime
    made_by: str
    environment: str
    """Stands for the shared database that the events are of."""
    events: int
    accounts: int
    seal: str
    """SHA-256 over the events, in their order, each with its status and attempts."""
    first_received_at: datetime | None = None
    set_aside: tuple[SetAside, ...] = ()
    collapsed: str = ""
    """What was left out because a later event says the same, or why nothing was."""
    live_share: float = 0.0
    expected_losses: str = ""
    collateral: str = ""
    rehearsal: Rehearsal
    doubts: tuple[str, ...] = ()
    carrier: str = ""
    """What carries it out; empty for a plan that is only read."""
    named_rate: float | None = None
    """The limit as a person named it, events a second."""
    exhausted: int | None = None
    """The fewest attempts that a lost event had; None where nothing tells."""
    again: str = ""
    """The list of an earlier drain that it is made of, such as "DRN-1 failed"; empty for all that waits."""


class PlanState(StrEnum):
    """Whether a plan may still be used. It can be read in any state."""

    READY = "ready"
    EXPIRED = "expired"
    STALE = "stale"
    """The events have moved on since."""
    ALTERED = "altered"
    """It is not what was saved: its hash differs."""
    ELSEWHERE = "elsewhere"
    """It is about another database."""
    UNCHECKED = "unchecked"
    """The events cannot be read now."""
    USED = "used"
    """It was carried out, or is being carried out: once is all."""


class PlanView(Frozen):
    """A plan and how it stands now."""

    plan: RecoveryPlan
    digest: str
    """SHA-256 over the plan: its name in the record."""
    state: PlanState
    moved: tuple[Part, ...] = ()
    """What changed since, by what it is: ended, tried again, not there any more, new."""
    declares: tuple[tuple[str, str], ...] = ()
    """What the carrier declares: label and text each; none for a plan without a carrier."""
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
