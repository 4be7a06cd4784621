"""The questions of a preview to the service: prepare, grade, confirm. Blocking; called in threads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
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

    def begin(self, job: Job) -> PreparedNotice | NotPrepared:
        """The first proposal, of what is known at once. A resolution waits for its exit criteria, and is measured."""
        at_once = self.state.purpose is not Purpose.RESOLUTION
        return self._prepared(lambda: self._first(job, at_once=at_once), job, at_once=at_once)

    def prepare(self, fields: Collection[str], job: Job) -> PreparedNotice | NotPrepared:
        """The proposal with words for these fields only, measured, and what a resolution needs besides."""

        def proposal() -> Proposal:
            before = self.state.proposal
            if before is None:
                return self._first(job, at_once=False)
            return self.service.notices.refresh(self._in_words(before, fields), job)

        return self._prepared(proposal, job)

    def rewrite(self, prepared: PreparedNotice, fields: Collection[str]) -> PreparedNotice | NotPrepared:
        """The same with the words of now; nothing is measured for them."""
        try:
            proposal = self.service.notices.rewrite(self._in_words(prepared.proposal, fields))
        except SourceFailure as failure:
            return _not_prepared(failure)
        except UserError as problem:
            return NotPrepared(problem.problem, " ".join(problem.lines()[1:]))
        return replace(prepared, proposal=proposal)

    def _prepared(
        self, propose: Callable[[], Proposal], job: Job, *, at_once: bool = False
    ) -> PreparedNotice | NotPrepared:
        state, service = self.state, self.service
        try:
            incident = service.incidents.get(state.incident_id) if state.incident_id else None
            proposal = propose()
            unmet: tuple[Criterion, ...] = ()
            # Whoever resolved it has given the reason: it is not asked a second time to tell people.
            if incident is not None and incident.is_open and state.purpose is Purpose.RESOLUTION:
                found = service.assessments.assess(incident.id, job)
                unmet = tuple(one for one in found.criteria if not one.is_met)
        except SourceFailure as failure:
            if failure.kind is FailureKind.CANCELLED and job.is_cancelled:
                return NotPrepared("you ended the preparation; nothing was sent", "r prepares it again")
            return _not_prepared(failure)
        except UserError as problem:
            return NotPrepared(problem.problem, " ".join(problem.lines()[1:]))
        return PreparedNotice(proposal, incident, unmet, at_once)

    def _first(self, job: Job, *, at_once: bool) -> Proposal:
        state = self.state
        return self.service.notices.propose(
            issue_type=state.issue_type,
            severity=state.severity,
            incident=state.incident_id,
            purpose=state.purpose,
            audience=state.audience,
            words=dict(state.words),
            job=job,
            at_once=at_once,
        )

    def _in_words(self, before: Proposal, fields: Collection[str]) -> Proposal:
        """The same one in the words of now: it keeps its key, so that confirming it again sends nothing twice."""
        state = self.state
        gone = {name for name in fields if name not in state.words}
        words = {name: text for name, text in (before.words | state.words).items() if name not in gone}
        return before.model_copy(update={"words": words, "audience": state.audience})

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


def _not_prepared(failure: SourceFailure) -> NotPrepared:
    return NotPrepared(failure.headline(), f"{sentence(failure.reason)} {advice(failure.remedy)}".strip())


def headline_of(failure: SourceFailure | UserError) -> str:
    """A failure in a few words."""
    return failure.headline() if isinstance(failure, SourceFailure) else clean(failure.problem, limit=200)
