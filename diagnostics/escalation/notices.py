"""What is said to whom, and opened where: proposed with fresh figures, confirmed by a person, delivered exactly once.

Proposing and confirming send nothing. Confirming writes the declaration and every delivery in one append, so that
either all of it was decided or none; the outbox carries it out from there, on whichever console comes first.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from diagnostics.escalation.notice_drafts import Drafts, is_missing
from diagnostics.escalation.notice_proposals import WORDS_BESIDE, Asked, Proposals
from diagnostics.escalation.outbox import Outbox
from diagnostics.escalation.rendering import aged
from diagnostics.failures import UserError
from diagnostics.models.entries import Audience, Body, BoundFigure, DeliveryConfirmed, Measured, Purpose
from diagnostics.models.notices import Draft, Proposal
from diagnostics.models.triage import Refusal, RefusalRule
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.assessments import AssessmentDesk
    from diagnostics.escalation.couriers import Courier
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.jobs import Job
    from diagnostics.models.incidents import Incident

__all__ = ["WORDS_BESIDE", "NoticeDesk"]


class NoticeDesk:
    """Blocking and thread-safe. Raises `SourceFailure` (of the journal only) and `UserError`."""

    def __init__(
        self,
        tools: Tools,
        incidents: IncidentDesk,
        assessments: AssessmentDesk,
        couriers: Sequence[Courier],
        *,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools = tools
        self._incidents = incidents
        self._couriers = tuple(couriers)
        self._drafts = Drafts(tools.parts.settings, tools.catalogue, couriers)
        self._proposals = Proposals(tools, incidents, assessments, self._drafts)
        self._outbox = Outbox(tools, incidents, couriers, steady=steady)
        self._confirming = threading.Lock()
        self._confirmed: dict[str, str] = {}
        """Key of each proposal that was confirmed here, and its incident."""

    @property
    def couriers(self) -> tuple[Courier, ...]:
        """The channels of this console, Slack first."""
        return self._couriers

    # ---- proposing

    def propose(
        self,
        *,
        issue_type: str | None = None,
        severity: str | None = None,
        incident: str | None = None,
        purpose: Purpose = Purpose.FIRST_NOTICE,
        audience: Audience = Audience.RESPONDERS,
        words: Mapping[str, str] | None = None,
        job: Job | None = None,
    ) -> Proposal:
        """What one confirmation would do, with figures measured now. Raises UserError outside the matrix.

        Without `incident` it declares one. `words` are what people wrote, by placeholder, with those of `WORDS_BESIDE`.
        What a source does not answer is told in the proposal, and raises nothing.
        """
        given = {name: clean(text, limit=4_000, multiline=True) for name, text in (words or {}).items()}
        asked = Asked(purpose, audience, given, uuid.uuid4().hex, job)
        if incident is not None:
            return self._proposals.about(self._incidents.get(incident), asked)
        return self._proposals.new(issue_type, severity, asked)

    def refresh(self, proposal: Proposal, job: Job | None = None) -> Proposal:
        """The same with figures measured anew; what people wrote is kept, and so is what confirming it twice means."""
        words = dict(proposal.words)
        if not proposal.incident and proposal.detected_at is not None:
            words.setdefault("detected_at", proposal.detected_at.isoformat())
        asked = Asked(proposal.purpose, proposal.audience, words, proposal.key, job)
        if proposal.incident:
            return self._proposals.about(self._incidents.get(proposal.incident), asked)
        return self._proposals.new(proposal.issue_type, proposal.severity, asked)

    # ---- confirming

    def confirm(self, proposal: Proposal, typed: str, accept_stale: frozenset[str] = frozenset()) -> Incident | Refusal:
        """Decide it: declare where there is no incident yet, and enqueue every draft that can go. Sends nothing.

        `accept_stale`: names of old figures that may be sent as they are. Confirming a proposal again changes nothing.
        Raises UserError: the word, stale figures, an incident declared meanwhile; SourceFailure: the journal.
        """
        with self._confirming:
            done = self._confirmed.get(proposal.key)
            if done is not None:
                return self._incidents.get(done)
            if typed.strip() != proposal.word:
                raise UserError(f"what was typed is not {proposal.word!r}: nothing was sent", accepted=proposal.word)
            refusal = self._not_permitted(proposal)
            if refusal is not None:
                return refusal
            self._check_figures(proposal, accept_stale)
            incident = (
                self._extend(proposal, accept_stale) if proposal.incident else self._begin(proposal, accept_stale)
            )
            self._confirmed[proposal.key] = incident.id
            return incident

    def _begin(self, proposal: Proposal, accept_stale: frozenset[str]) -> Incident:
        before = self._told_before(proposal)
        if before is not None:
            return before
        # Somebody at another console may have declared it while this one was being read.
        told = {note.partition(" ")[0] for note in proposal.notes}
        for note in self._proposals.already_open(proposal.issue_type):
            if note.partition(" ")[0] not in told:
                raise UserError(
                    f"meanwhile, {note}", next_step="refresh to see it here, then confirm to declare another one"
                )
        return self._incidents.declare(
            title=proposal.title,
            issue_type=proposal.issue_type,
            severity=proposal.severity,
            summary=proposal.summary,
            began_at=proposal.began_at,
            detected_at=proposal.detected_at,
            systems=proposal.systems,
            accounts=proposal.accounts,
            measured=proposal.measured,
            more=self._confirmations(proposal, proposal.sendable, 0, accept_stale),
            key=proposal.key,
        )

    def _told_before(self, proposal: Proposal) -> Incident | None:
        """The incident that this very proposal declared before its answer was lost."""
        for line in self._incidents.lines():
            if line.issue_type == proposal.issue_type and line.declared_at >= proposal.made_at - timedelta(days=1):
                incident = self._incidents.get(line.id)
                if any(one.token.startswith(proposal.key) for one in incident.deliveries):
                    return incident
        return None

    def _extend(self, proposal: Proposal, accept_stale: frozenset[str]) -> Incident:
        if not proposal.sendable:
            reasons = "; ".join(dict.fromkeys(one.problem for one in proposal.drafts)) or "everything is there already"
            raise UserError(
                f"nothing can be sent from here: {reasons}", next_step="copy the text, and paste it by hand"
            )

        def decision(incident: Incident) -> Sequence[Body]:
            if any(one.token.startswith(proposal.key) for one in incident.deliveries):
                return ()
            # Tracking that somebody else has confirmed meanwhile is not opened a second time.
            drafts = [
                one
                for one in proposal.sendable
                if one.purpose is not Purpose.TRACKING or is_missing(incident, one.channel)
            ]
            if not drafts:
                return ()
            confirmed = self._confirmations(proposal, drafts, len(incident.deliveries), accept_stale)
            figures = (Measured(occasion=proposal.purpose.value, figures=proposal.measured),)
            return (*(figures if proposal.measured else ()), *confirmed)

        return self._incidents.decide(proposal.incident, decision)

    def _confirmations(
        self, proposal: Proposal, drafts: Sequence[Draft], before: int, accept_stale: frozenset[str]
    ) -> tuple[DeliveryConfirmed, ...]:
        return tuple(
            DeliveryConfirmed(
                delivery=f"D{before + number}",
                token=f"{proposal.key}-{number}",
                channel=draft.channel,
                purpose=draft.purpose,
                audience=draft.audience,
                destination=draft.destination,
                title=draft.title,
                text=draft.text,
                fields=draft.fields,
                figures=tuple(map(self._now, draft.figures)),
                accepted_stale=tuple(
                    one.name for one in draft.figures if self._now(one).stale and one.name in accept_stale
                ),
            )
            for number, draft in enumerate(drafts, start=1)
        )

    def _now(self, figure: BoundFigure) -> BoundFigure:
        return aged(figure, now=self._tools.now(), good_s=self._tools.parts.settings.escalation.figures_good_s)

    def stale(self, proposal: Proposal) -> tuple[BoundFigure, ...]:
        """Figures that block sending at this moment: what was fresh when it was proposed may be old by now."""
        figures = {one.name: self._now(one) for draft in proposal.sendable for one in draft.figures}
        return tuple(one for one in figures.values() if one.stale)

    def _check_figures(self, proposal: Proposal, accept_stale: frozenset[str]) -> None:
        blocking = [one for one in self.stale(proposal) if one.name not in accept_stale]
        if blocking:
            named = "; ".join(f"{one.name} ({one.shown}): {one.stale}" for one in blocking[:5])
            more = f"; and {len(blocking) - 5} more" if len(blocking) > 5 else ""
            raise UserError(
                f"nothing was sent, because figures in the text are not fresh: {named}{more}",
                accepted="fresh figures, or each old one accepted by name",
                next_step="refresh, or accept them as they are",
            )

    def _not_permitted(self, proposal: Proposal) -> Refusal | None:
        """The refusal where the settings forbid what the proposal would send, or all that it could."""
        forbidden = [
            one
            for one in proposal.drafts
            if not self._drafts.permits(one.channel) and self._drafts.reachable(one.channel)
        ]
        if not any(one in proposal.sendable for one in forbidden) and (proposal.sendable or not forbidden):
            return None
        contact = self._tools.catalogue.contact
        settings = dict.fromkeys(
            "writes.notices" if one.channel.value == "slack" else "writes.tracking" for one in forbidden
        )
        return Refusal(
            rule=RefusalRule.SAFETY_CONCERN,
            issue_type=proposal.issue_type,
            severity=proposal.severity,
            missing=f"This would write to the outside world, and {' and '.join(settings)} is off.",
            accepted=tuple(f"{name} = true, in the configuration file" for name in settings),
            guidance=(
                "Nothing was declared and nothing was sent.",
                "Copy the text of the notice and paste it by hand; it is complete.",
                "Declare the incident without notices: warroom incident declare.",
                f"When in doubt, do not wait: {contact.line()}.",
            ),
            contact=contact.line(),
            taken_at=self._tools.now(),
        )

    # ---- delivering

    def deliver(self, job: Job | None = None) -> int:
        """One pass over what is due; returns how many deliveries were sent or looked for. Raises SourceFailure."""
        return self._outbox.deliver(job)

    def waiting(self) -> bool:
        """Whether something may be delivered without a person. Cheap, and raises nothing."""
        return self._outbox.waiting()

    def settle(self, incident_id: str, delivery: str, outcome: str, why: str = "") -> Incident:
        """A person decides about a delivery: "arrived", "send_again" or "given_up". Raises UserError."""
        return self._outbox.settle(incident_id, delivery, outcome, why)

    def close(self) -> None:
        """Close the couriers."""
        for courier in self._couriers:
            courier.close()
