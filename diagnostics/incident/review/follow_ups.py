"""Follow-ups: what is to be looked at again after an incident; those that name a check are run by a console when due.

Several consoles may look at the same time: a run is claimed in the journal first, decided against the newest state of
the incident, so that one of them asks. A claim that was left behind by a console that ended is taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.checks.registry import CHECKS
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import advice
from diagnostics.incident.assess.criteria import UNANSWERED
from diagnostics.incident.incidents import LONGEST_NAME
from diagnostics.incident.records import CONSOLE, checked_text
from diagnostics.models import entries as said
from diagnostics.models.entries import Body
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import FollowUp, Incident
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.incident.assess.assessments import AssessmentService
    from diagnostics.incident.incidents import IncidentService

logger = logging.getLogger(__name__)

RUNNING = "running"
"""Status of a claim: a console is looking at it."""

LEFT_BEHIND = timedelta(minutes=10)
"""A claim without an outcome after so long belongs to a console that ended: longer than any check may take."""

ASK_AGAIN = timedelta(minutes=15)
GIVE_UP = timedelta(hours=24)
"""Where a source gave no answer it is asked again, until so long after the follow-up was due; then people are asked."""

OUTCOMES = tuple(Status)

LONGEST_TEXT = 500


def runnable_checks(catalogue: Catalogue, issue_type: str) -> tuple[str, ...]:
    """Names that a follow-up may give: the checks that need no deal, and the figures of the incident's issue type."""
    named = [check for issue in catalogue.issues.values() if "deal" not in issue.needs for check in issue.checks]
    issue = catalogue.issues.get(issue_type)
    return tuple(dict.fromkeys((*named, *(issue.figures if issue is not None else ()))))


def is_due(one: FollowUp, now: datetime) -> bool:
    """Whether a console should look at it now: it is due, names a check, and has no answer yet."""
    if not one.scheduled.check or one.scheduled.due_at > now:
        return False
    if one.run is None or one.run_at is None:
        return True
    if one.run.status == RUNNING:
        return now - one.run_at >= LEFT_BEHIND
    again_at = one.run_at + ASK_AGAIN
    return one.run.status in UNANSWERED and again_at <= now and again_at <= one.scheduled.due_at + GIVE_UP


class FollowUps:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`."""

    def __init__(self, context: Context, incidents: IncidentService, assessments: AssessmentService) -> None:
        self._context = context
        self._incidents = incidents
        self._assessments = assessments

    def schedule(self, incident_id: str, text: str, due_at: datetime, check: str = "", owner: str = "") -> Incident:
        """Something to look at again; `check` is one of `runnable_checks`, or empty for a person. Raises UserError."""
        wanted = checked_text(text, "follow-up", LONGEST_TEXT)
        if due_at.tzinfo is None:
            raise UserError("the moment has no time zone", accepted="a moment with its offset, such as one in UTC")
        name, who = check.strip(), clean(owner, limit=LONGEST_NAME).strip()

        def decision(incident: Incident) -> Sequence[Body]:
            accepted = runnable_checks(self._context.catalogue, incident.issue_type)
            if name and name not in accepted:
                raise UserError(
                    f"a follow-up cannot run {clean(check, limit=60)!r}",
                    accepted=", ".join(accepted),
                    next_step="leave the check out for something that a person looks at",
                )
            number = f"F{len(incident.follow_ups) + 1}"
            return (said.FollowUpScheduled(follow_up=number, check=name, text=wanted, due_at=due_at, owner=who),)

        return self._incidents.decide(incident_id, decision)

    def record(self, incident_id: str, follow_up: str, status: str, summary: str) -> Incident:
        """A person looked at it and says what there was; `status` is pass, warn, fail or no_data. Raises UserError."""
        if status not in OUTCOMES:
            raise UserError(f"a follow-up does not end as {clean(status, limit=60)!r}", accepted=", ".join(OUTCOMES))
        wanted = checked_text(summary, "summary", LONGEST_TEXT)

        def decision(incident: Incident) -> Sequence[Body]:
            found = _named(incident, follow_up)
            return (said.FollowUpRun(follow_up=found.scheduled.follow_up, status=status, summary=wanted),)

        return self._incidents.decide(incident_id, decision)

    def run_due(self, job: Job | None = None) -> int:
        """Run what is due, one after the other, each once over all consoles; how many this console ran.

        Raises SourceFailure where the journal does not answer; any other source's failure is an outcome.
        """
        ran = 0
        for line in self._incidents.lines():
            incident = self._incidents.get(line.id)
            for one in incident.follow_ups:
                if job is not None and job.is_over:
                    return ran
                if is_due(one, self._context.now()) and self._claimed(incident.id, one.scheduled.follow_up):
                    self._run(incident, one)
                    ran += 1
        return ran

    def _claimed(self, incident_id: str, follow_up: str) -> bool:
        """Whether this console is the one that looks at it now."""
        wins = False

        def decision(incident: Incident) -> Sequence[Body]:
            nonlocal wins
            one = _named(incident, follow_up)
            # Asked anew at each attempt: who was quicker has it, and this console finds its claim here.
            wins = is_due(one, self._context.now())
            summary = "a console is looking at it"
            return (said.FollowUpRun(follow_up=follow_up, status=RUNNING, summary=summary),) if wins else ()

        self._incidents.decide(incident_id, decision, actor=CONSOLE)
        return wins

    def _run(self, incident: Incident, one: FollowUp) -> None:
        status, summary, evidence = self._outcome(incident, one.scheduled.check)
        if status in UNANSWERED:
            again_at = self._context.now() + ASK_AGAIN
            if again_at <= one.scheduled.due_at + GIVE_UP:
                summary += f" It is asked again from {again_at:%d %b %H:%M} UTC on."
            else:
                summary += " It is not asked again by itself: a person has to look."
        body = said.FollowUpRun(
            follow_up=one.scheduled.follow_up, status=status, summary=clean(summary, limit=1_000), evidence=evidence
        )
        self._incidents.decide(incident.id, lambda _: (body,), actor=CONSOLE)

    def _outcome(self, incident: Incident, check: str) -> tuple[str, str, Evidence | None]:
        """Status, summary and evidence. A source that fails is an outcome too."""
        known = CHECKS.get(check)
        if known is not None:
            accounts = {one.name for one in incident.accounts}
            alone = next(iter(accounts)) if len(accounts) == 1 else ""
            request = TriageRequest(issue_type=incident.issue_type, account_id=int(alone) if alone.isdigit() else None)
            found = known.run(self._context, request)
            return found.status.value, found.summary, found.evidence
        try:
            figures = self._assessments.measure(incident.issue_type)
        except SourceFailure as failure:
            return Status.UNREACHABLE.value, f"{failure.headline()}. {advice(failure.remedy)}".strip(), None
        except Exception:  # the claim must not stay without an outcome; the log has the details
            logger.exception("the follow-up reading %s failed unexpectedly", check)
            return Status.NO_DATA.value, "It could not be measured: the console met an error of its own.", None
        figure = next((found for found in figures if found.id == check), None)
        if figure is None:
            return Status.NO_DATA.value, f"{check} is not measured for {incident.issue_type}.", None
        return figure.status, f"{figure.title} {figure.shown}.", figure.evidence


def _named(incident: Incident, name: str) -> FollowUp:
    wanted = name.strip().upper()
    found = next((one for one in incident.follow_ups if one.scheduled.follow_up == wanted), None)
    if found is None:
        raise UserError(
            f"{incident.id} has no follow-up {clean(name, limit=60)!r}",
            accepted=", ".join(one.scheduled.follow_up for one in incident.follow_ups) or "none: schedule one first",
        )
    return found
