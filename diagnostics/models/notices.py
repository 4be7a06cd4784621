"""Messages before they are sent: what would be said to whom, with every number bound to its reading."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from diagnostics.models.entries import Audience, BoundFigure, Channel, MeasuredFigure, Purpose
from diagnostics.models.evidence import Frozen


class Draft(Frozen):
    """One delivery as it would be confirmed."""

    channel: Channel
    purpose: Purpose
    audience: Audience = Audience.RESPONDERS
    destination: str
    """Shown to people; never a secret."""
    title: str = ""
    text: str
    fields: dict[str, str]
    figures: tuple[BoundFigure, ...] = ()
    problem: str = ""
    """Why this one cannot be sent from here, with the remedy; it is left out then. Empty when it can."""
    notes: tuple[str, ...] = ()
    """Remarks for the reader of this text, e.g. that the team's template could not be filled."""

    @property
    def stale(self) -> tuple[BoundFigure, ...]:
        """Figures that block sending until they are refreshed or accepted."""
        return tuple(one for one in self.figures if one.stale)


class Proposal(Frozen):
    """Everything one confirmation would do: declare, tell, track. Nothing of it has happened."""

    issue_type: str
    severity: str
    title: str
    incident: str = ""
    """The incident it is about; empty when confirming declares one."""
    summary: str = ""
    began_at: datetime | None = None
    detected_at: datetime | None = None
    systems: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()
    drafts: tuple[Draft, ...]
    measured: tuple[MeasuredFigure, ...] = ()
    notes: tuple[str, ...] = ()
    """Remarks for the reader: sources that did not answer, an open incident that this may be part of."""
    made_at: datetime
    good_until: datetime
    """After this, its figures are old."""
    word: str = "send"
    """The word that is typed to confirm it."""
    purpose: Purpose = Purpose.FIRST_NOTICE
    audience: Audience = Audience.RESPONDERS
    words: dict[str, str] = Field(default_factory=dict)
    """Words of people, by placeholder: kept when the figures are measured anew."""
    key: str = ""
    """Unique for ever: confirming the same proposal twice declares, and sends, once."""

    @property
    def sendable(self) -> tuple[Draft, ...]:
        """The drafts that have a way to go."""
        return tuple(one for one in self.drafts if not one.problem)

    @property
    def fallback(self) -> str:
        """The text for people to paste by hand where nothing can be sent."""
        return next((one.text for one in self.drafts if one.channel is Channel.SLACK), "")
