"""Entries of a drain: a plan that was confirmed, what was handed over batch by batch, and what became of it.

Events are named by their position in the plan's order, from 0; many of them as text: "0-19,25".
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from diagnostics.models.evidence import Frozen


class DrainStarted(Frozen):
    """First entry of a drain: a person confirmed a plan. It is used by this, and cannot be started again."""

    kind: Literal["drain_started"] = "drain_started"
    plan: str
    """The plan as canonical JSON; its SHA-256 is `digest`."""
    digest: str
    members: tuple[str, ...]
    """The events, packed as the plan keeps them."""
    carrier: str
    environment: str
    """Name of the environment that was typed."""
    confirmed: str
    token: str
    """Names the going through it: whoever resumes has another."""


class DrainResumed(Frozen):
    """A person had it carried on, here; whoever carried it until then stops."""

    kind: Literal["drain_resumed"] = "drain_resumed"
    confirmed: str
    token: str


class BatchIntended(Frozen):
    """A batch that is about to be handed over. Without this entry none of it is."""

    kind: Literal["batch_intended"] = "batch_intended"
    number: int
    """1, 2, 3, …"""
    positions: str
    """In the order of the plan."""
    marks: tuple[str, ...]
    """One for each position: what the carrier recognises its deed by."""


class BatchGiven(Frozen):
    """What was handed over of a batch: all of it but those that are named."""

    kind: Literal["batch_given"] = "batch_given"
    number: int
    moved: dict[str, str] = Field(default_factory=dict)
    """Left alone, because no longer as planned: what they are now, and which."""
    not_given: str = ""
    """Cut short before they were handed over; they are given with a later batch."""
    unknown: str = ""
    """Nobody can tell whether they were handed over: a person decides."""


class EventsLeft(Frozen):
    """Events that were not handed over, because they had moved on before their turn."""

    kind: Literal["events_left"] = "events_left"
    moved: dict[str, str]
    """What they are now, and which."""


class OutcomesHeard(Frozen):
    """How events ended that were handed over, and the pace at that moment."""

    kind: Literal["outcomes_heard"] = "outcomes_heard"
    ended: dict[str, str]
    """"delivered", "limited HTTP 429", "failed HTTP 500", "lost HTTP 429", "unheard" (not ended in time), and which."""
    rate: float
    """Events a second."""
    paused_until: datetime | None = None
    """As a server's Retry-After says."""


class DrainPaused(Frozen):
    """Nothing more is handed over until somebody resumes."""

    kind: Literal["drain_paused"] = "drain_paused"
    why: str = ""
    by_itself: bool = False
    """True where the console paused it: a rung failed, or a person has to do something first."""


class DrainUnpaused(Frozen):
    """It goes on where it is."""

    kind: Literal["drain_unpaused"] = "drain_unpaused"


class DrainThrottled(Frozen):
    """The most events a second from now on; None takes the limit away."""

    kind: Literal["drain_throttled"] = "drain_throttled"
    rate: float | None


class DrainStopped(Frozen):
    """A person ended it: nothing more is handed over, what was is waited for."""

    kind: Literal["drain_stopped"] = "drain_stopped"
    why: str = ""


class DrainEnded(Frozen):
    """Every event that was handed over has ended, or is named."""

    kind: Literal["drain_ended"] = "drain_ended"
    counts: dict[str, int]
