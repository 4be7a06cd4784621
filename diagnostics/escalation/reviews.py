"""What remains of an incident: the hand-off note, the review, the export, and what is to be looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.catalogue.conditions import criterion_words
from diagnostics.escalation.export import Exported, export_json
from diagnostics.escalation.fold import fold
from diagnostics.escalation.follow_ups import FollowUps
from diagnostics.escalation.handoff import HandoffMaterial, handoff_markdown
from diagnostics.escalation.review_text import ReviewMaterial, review_markdown
from diagnostics.failures import SourceFailure
from diagnostics.models.entries import Entry
from diagnostics.models.incidents import Assessment, Incident
from diagnostics.models.investigations import Investigation

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.assessments import AssessmentDesk
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.escalation.investigations import InvestigationDesk
    from diagnostics.escalation.journal import Journal

RECENT = 200
"""Newest entries that the hand-off note is written from; the record itself is folded from all of them."""


class ReviewDesk:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state"), and `UserError` for an unknown incident."""

    def __init__(
        self, tools: Tools, incidents: IncidentDesk, assessments: AssessmentDesk, investigations: InvestigationDesk
    ) -> None:
        self._tools = tools
        self._incidents = incidents
        self._assessments = assessments
        self._investigations = investigations
        self.follow_ups = FollowUps(tools, incidents, assessments)

    @property
    def _journal(self) -> Journal:
        return self._tools.parts.journal

    def handoff(self, incident_id: str) -> str:
        """The note for the next commander, Markdown, one page.

        Criteria, steps and tier are asked now, which takes as long as an assessment; where they cannot be, the note
        says so and gives what the journal knows.
        """
        incident = self._incidents.get(incident_id)
        assessment, problem = self._assessed(incident)
        catalogue = self._tools.catalogue
        return handoff_markdown(
            HandoffMaterial(
                incident=incident,
                recent=self._journal.page(incident.id, None, RECENT),
                investigations=self._investigations.lines(incident.id),
                issue_title=self._issue_title(incident),
                roles={name: role.title for name, role in catalogue.roles.items()},
                steps=self._steps(incident),
                assessment=assessment,
                assessment_problem=problem,
                next_update_at=self._incidents.next_update_at(incident),
                now=self._tools.now(),
            )
        )

    def review(self, incident_id: str) -> str:
        """The post-incident review, Markdown. Asks nothing but the journal."""
        incident, entries = self._whole(incident_id)
        head = self._journal.head()
        catalogue = self._tools.catalogue
        criteria = catalogue.exit_criteria.get(incident.issue_type)
        words = {} if criteria is None else criteria.criteria
        return review_markdown(
            ReviewMaterial(
                incident=incident,
                entries=entries,
                investigations=self._linked(incident),
                issue_title=self._issue_title(incident),
                roles={name: role.title for name, role in catalogue.roles.items()},
                criteria={name: criterion_words(one, catalogue.thresholds) for name, one in words.items()},
                head_seq=head.seq,
                head_hash=head.hash,
                written_at=self._tools.now(),
            )
        )

    def export(self, incident_id: str) -> str:
        """Everything as JSON: the record, every entry with its hashes, its investigations, the journal's head."""
        incident, entries = self._whole(incident_id)
        linked = self._linked(incident)
        streams = {one.id: self._journal.stream(one.id) for one in linked}
        head = self._journal.head()
        return export_json(
            Exported(
                incident=incident,
                entries=entries,
                investigations=linked,
                investigation_entries=streams,
                head_seq=head.seq,
                head_hash=head.hash,
                written_at=self._tools.now(),
            )
        )

    def _whole(self, incident_id: str) -> tuple[Incident, tuple[Entry, ...]]:
        """The incident and its entries, of one and the same moment."""
        known = self._incidents.get(incident_id)
        entries = self._journal.stream(known.id)
        return fold(entries) or known, entries

    def _linked(self, incident: Incident) -> tuple[Investigation, ...]:
        """Its investigations and those of its duplicates, oldest first."""
        found = {
            one.id: one for name in (incident.id, *incident.duplicates) for one in self._investigations.lines(name)
        }
        return tuple(sorted(found.values(), key=lambda one: (one.opened_at, one.id)))

    def _assessed(self, incident: Incident) -> tuple[Assessment | None, str]:
        try:
            return self._assessments.assess(incident.id), ""
        except SourceFailure as failure:
            return None, f"{failure.headline()}: {failure.reason}"

    def _steps(self, incident: Incident) -> dict[str, str]:
        from diagnostics.escalation.checklists import steps_of  # noqa: PLC0415  # it loads the models of checks

        steps = steps_of(self._tools.catalogue, incident.issue_type, incident.severity)
        return {name: step.text for name, step in steps.items()}

    def _issue_title(self, incident: Incident) -> str:
        issue = self._tools.catalogue.issues.get(incident.issue_type)
        return issue.title if issue is not None else incident.issue_type
