"""State of a preview, and the obstacles to sending it. No widget, no thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import plural
from diagnostics.models.entries import Audience, BoundFigure, Channel, Purpose
from diagnostics.models.figures import NOT_KNOWN_YET
from screens.incident.base import unmet_words

if TYPE_CHECKING:
    from diagnostics.models.incidents import Criterion, Delivery, Incident
    from diagnostics.models.notices import Draft, Proposal

Fields = tuple[tuple[str, str, str], ...]
"""Name, label, meaning."""

WORDS: Mapping[Purpose, Fields] = {
    Purpose.FIRST_NOTICE: (
        ("actions_taken", "done so far", "what has been done already"),
        ("eta", "ETA", "when you expect it to be over, if anybody knows"),
    ),
    Purpose.UPDATE: (
        ("progress", "progress", "what has been done since the last update, and what is next"),
        ("degradation", "degradation", "what works badly or not at all for customers"),
        ("eta", "ETA", "when you expect it to be over, if anybody knows"),
    ),
    Purpose.RESOLUTION: (
        ("root_cause", "root cause", "what caused it; say so if it is not known yet"),
        ("confidence", "confidence", "strict, standard or preliminary: how many independent sources say so"),
        ("steps", "what was done", "the steps that fixed it"),
        ("verification", "verified by", "how it was seen that they did"),
        ("prevention", "prevention", "what is done so that it does not return"),
    ),
}
"""Words of people in each kind of notice: placeholders of the templates that no reading can fill."""


@dataclass(slots=True)
class PreparedNotice:
    """Result of one preparation."""

    proposal: Proposal
    incident: Incident | None = None
    unmet: tuple[Criterion, ...] = ()
    """Exit criteria that are not met; asked for a resolution only."""
    at_once: bool = False
    """Made of what was known at once: it is still to be measured."""


@dataclass(slots=True, frozen=True)
class NotPrepared:
    """Why there is no preview."""

    headline: str
    remedy: str = ""


@dataclass(slots=True)
class RespondState:
    """One preview, from the first question to the last delivery."""

    issue_type: str | None
    severity: str | None
    incident_id: str | None
    purpose: Purpose
    audience: Audience
    words: dict[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()
    prepared: PreparedNotice | None = None
    problem: NotPrepared | None = None
    rank: tuple[str, ...] = ()
    """Tier and impact, as lines."""
    aged: dict[str, BoundFigure] = field(default_factory=dict)
    """Numbers that are old at this moment, although some were fresh when they were measured."""
    accepted: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    """Old figures that a person accepted: name, and which value of it."""
    overruled: str = ""
    """Why it is resolved although exit criteria are not met."""
    seen: bool = False
    """The whole preview has been painted since it was prepared."""
    confirming: bool = False
    declared: Incident | None = None
    """The incident after the confirmation; None before it."""
    sent: tuple[str, ...] = ()
    """Names of the deliveries that this confirmation put on their way."""
    copied: bool = False

    @property
    def proposal(self) -> Proposal | None:
        """The notice as it would be sent; None before the first preparation."""
        return self.prepared.proposal if self.prepared is not None else None

    def take(self, prepared: PreparedNotice) -> None:
        """A new preview. Acceptances hold for the very value that was accepted, not for another one."""
        proposal = prepared.proposal
        systems = tuple(dict.fromkeys((*proposal.systems, *self.systems)))
        accounts = tuple(dict.fromkeys((*proposal.accounts, *self.accounts)))
        if (systems, accounts) != (proposal.systems, proposal.accounts) and not proposal.incident:
            # What a person named belongs to the scope, whether or not a source sees it.
            proposal = proposal.model_copy(update={"systems": systems, "accounts": accounts})
        self.prepared = replace(prepared, proposal=proposal)
        self.problem = None
        self.seen = False
        self.aged = {}
        values = {one.name: (one.shown, one.taken_at) for one in self.figures}
        self.accepted = {name: value for name, value in self.accepted.items() if values.get(name) == value}

    @property
    def unread(self) -> tuple[BoundFigure, ...]:
        """Numbers of the texts that are not known yet."""
        return tuple(one for one in self.figures if one.shown == NOT_KNOWN_YET)

    @property
    def figures(self) -> tuple[BoundFigure, ...]:
        """Each number of the texts that can go, once; the stale ones first."""
        proposal = self.proposal
        if proposal is None:
            return ()
        found: dict[str, BoundFigure] = {}
        for draft in proposal.sendable:
            for one in draft.figures:
                if one.name not in found or (one.stale and not found[one.name].stale):
                    found[one.name] = self.aged.get(one.name, one)
        return tuple(sorted(found.values(), key=lambda one: not one.stale))

    @property
    def blocking(self) -> tuple[BoundFigure, ...]:
        """Old numbers that nobody has accepted."""
        return tuple(one for one in self.figures if one.stale and one.name not in self.accepted)

    def accept(self, name: str) -> bool:
        """Accept one old number as it is; False when there is none of that name."""
        found = next((one for one in self.figures if one.name == name and one.stale), None)
        if found is None:
            return False
        self.accepted[name] = (found.shown, found.taken_at)
        return True

    def age(self, old: Sequence[BoundFigure]) -> None:
        """Which numbers are old by now, as the service says."""
        self.aged = {one.name: one for one in old}

    def is_old(self, now: datetime) -> bool:
        """True once the preview as a whole has to be measured again. Where single numbers are old, they say so."""
        if self.proposal is None or now < self.proposal.good_until:
            return False
        return not any(one.stale for one in self.figures)

    def unreasoned(self) -> tuple[Criterion, ...]:
        """Exit criteria that are not met and that nobody has overruled yet."""
        return self.prepared.unmet if self.prepared is not None and not self.overruled else ()

    def obstacle(self, now: datetime) -> str:
        """Why it cannot be sent now, and the key that helps; empty when it can."""
        if self.proposal is None:
            return "the preview is not there yet"
        if self.is_old(now):
            return "the preview is old: r measures again"
        if self.blocking:
            names = ", ".join(one.name.replace("_", " ") for one in self.blocking)
            amount = plural(len(self.blocking), "old number")
            # What to do comes first: where the line is cut, it is the names that go.
            return f"{amount}: r measures again, A accepts the one under the cursor: {names}"
        if self.unreasoned():
            return f"{unmet_words(len(self.unreasoned()))}: a reason is needed"
        return ""

    @property
    def slack_draft(self) -> Draft | None:
        """The text for the team."""
        proposal = self.proposal
        if proposal is None:
            return None
        return next((one for one in proposal.drafts if one.channel is Channel.SLACK), None)

    def confirmed(self, incident: Incident) -> None:
        """It stands in the journal: from here on its deliveries are followed."""
        key = self.proposal.key if self.proposal is not None else ""
        self.confirming = False
        self.incident_id = incident.id
        # Others may have confirmed something since, and tracking that they opened was left out of this confirmation.
        self.sent = tuple(one.delivery for one in incident.deliveries if key and one.token.startswith(f"{key}-"))
        self.declared = incident

    def followed(self, incident: Incident) -> bool:
        """A newer state of the incident; False when it is another one, or nothing has changed."""
        before = self.declared
        if before is None or incident.id != before.id or incident.last_seq <= before.last_seq:
            return False
        self.declared = incident
        return True

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The deliveries of this confirmation as they are now."""
        if self.declared is None:
            return ()
        return tuple(one for one in self.declared.deliveries if one.delivery in self.sent)
