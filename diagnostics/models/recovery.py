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
