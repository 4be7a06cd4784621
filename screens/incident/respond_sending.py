"""The questions of a preview to the service: prepare, grade, confirm. Blocking; called in threads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import advice, sentence
from diagnostics.incident.incidents import Ending
from diagnostics.models.entries import Purpose
from diagnostics.models.incidents import Incident
from screens.incident.respond_state import NotPrepared, PreparedNotice

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.models.incidents import Criterion
    from diagnostics.models.notices import Proposal
    from diagnostics.models.triage import Refusal
    from diagnostics.service import Diagnostics
    from screens.incident.respond_state import RespondState


@dataclass(slots=True, frozen=True)
class Sending:
    """One notice on its way from the wish to the journal; from there the console delivers it."""

    service: Diagnostics
    state: RespondState

    # ---- preparing

    def prepare(self, fields: Collection[str], job: Job) -> PreparedNotice | NotPrepared:
        """The proposal with words for these fields only, and what a resolution needs besides."""
        state, service = self.state, self.service
        try:
            incident = service.incidents.get(state.incident_id) if state.incident_id else None
            proposal = self._proposal(fields, job)
            unmet: tuple[Criterion, ...] = ()
            # Whoever resolved it has given the reason: it is not asked a second time to tell people.
            if incident is not None and incident.is_open and state.purpose is Purpose.RESOLUTION:
                found = service.assessments.assess(incident.id, job)
                unmet = tuple(one for one in found.criteria if not one.is_met)
        except SourceFailure as failure:
            if failure.kind is FailureKind.CANCELLED and job.is_cancelled:
                return NotPrepared("you ended the preparation; nothing was sent", "r prepares it again")
            return NotPrepared(failure.headline(), f"{sentence(failure.reason)} {advice(failure.remedy)}".strip())
        except UserError as problem:
            return NotPrepared(problem.problem, " ".join(problem.lines()[1:]))
        return PreparedNotice(proposal, incident, unmet)

    def _proposal(self, fields: Collection[str], job: Job) -> Proposal:
        """The first one, or the same one anew: it keeps its key, so that confirming it again sends nothing twice."""
        state, before, notices = self.state, self.state.proposal, self.service.notices
        if before is None:
            return notices.propose(
                issue_type=state.issue_type,
                severity=state.severity,
                incident=state.incident_id,
                purpose=state.purpose,
                audience=state.audience,
                words=dict(state.words),
                job=job,
            )
        gone = {name for name in fields if name not in state.words}
        words = {name: text for name, text in (before.words | state.words).items() if name not in gone}
        return notices.refresh(before.model_copy(update={"words": words, "audience": state.audience}), job)

    # ---- grading

    def rank(self, proposal: Proposal) -> tuple[str, ...]:
        """Tier and impact in words. What cannot be told says so."""
        assessments = self.service.assessments
        impact = None
        try:
            impact = assessments.impact(proposal.issue_type, proposal.severity)
            weight = clean(impact.words, limit=300)
        except (SourceFailure, UserError) as failure:
            weight = f"impact — ({headline_of(failure)})"
        try:
            tier = assessments.tier(proposal.issue_type, proposal.severity, impact, proposal.measured)
            # A rule that fires names its tier itself.
            own = f"tier {tier.tier}: "
            return clean(f"{own}{tier.rule.removeprefix(own)}", limit=300), weight
        except (SourceFailure, UserError) as failure:
            return f"tier — ({headline_of(failure)})", weight

    # ---- confirming

    def confirm(self, proposal: Proposal, word: str, accepted: frozenset[str]) -> Incident | Refusal:
        """Into the journal, in one step with the end that it tells. Raises SourceFailure, UserError."""
        state = self.state
        if state.purpose is not Purpose.RESOLUTION:
            return self.service.notices.confirm(proposal, word, accepted)
        unmet = tuple(one.id for one in state.prepared.unmet) if state.prepared is not None else ()
        why = state.overruled or clean(state.words.get("verification", ""), limit=400)
        return self.service.notices.confirm(proposal, word, accepted, Ending(why, unmet))


def headline_of(failure: SourceFailure | UserError) -> str:
    """A failure in a few words."""
    return failure.headline() if isinstance(failure, SourceFailure) else clean(failure.problem, limit=200)
