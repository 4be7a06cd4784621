"""Records of an incident: the hand-off note, the review, the export, and what is to be looked at again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from diagnostics.catalogue.conditions import criterion_words
from diagnostics.core.failures import SourceFailure
from diagnostics.incident.assess.checklists import steps_of
from diagnostics.incident.projection import project_incident
from diagnostics.incident.review.figures import Interval, Material, intervals
from diagnostics.incident.review.follow_ups import FollowUps
from diagnostics.incident.review.handoff import Present, handoff_markdown
from diagnostics.incident.review.review_text import review_markdown
from diagnostics.incident.sentences import names_of
from diagnostics.models.entries import Entry
from diagnostics.models.incidents import Assessment, Incident
from diagnostics.models.investigations import Investigation

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.incident.assess.assessments import AssessmentService
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.incident.investigations import InvestigationService
    from diagnostics.incident.journal import Journal
    from diagnostics.store.journal_rows import NewestEntry

FORMAT, VERSION = "warroom incident", 1
"""What the file of a record calls itself; it holds the record, every entry as it stands in the journal with its
hashes, its investigations, and the journal's head."""

RECENT = 200
"""Newest entries that the hand-off note is written from; the record itself is projected from all of them."""


class ReviewService:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state"), and `UserError` for an unknown incident."""

    def __init__(
        self,
        context: Context,
        incidents: IncidentService,
        assessments: AssessmentService,
        investigations: InvestigationService,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._assessments = assessments
        self._investigations = investigations
        self.follow_ups = FollowUps(context, incidents, assessments)

    @property
    def _journal(self) -> Journal:
        return self._context.journal

    def handoff(self, incident_id: str) -> str:
        """The note for the next commander, Markdown, one page.

        Criteria, steps and tier are asked now, which takes as long as an assessment; where they cannot be, the note
        says so and gives what the journal knows.
        """
        incident = self._incidents.get(incident_id)
        assessment, problem = self._assessed(incident)
        recent = self._journal.page(incident.id, None, RECENT)
        steps = steps_of(self._context.catalogue, incident.issue_type, incident.severity)
        present = Present(
            steps=steps,
            assessment=assessment,
            problem=problem,
            next_update_at=self._incidents.next_update_at(incident),
        )
        return handoff_markdown(self._material(incident, recent, self._investigations.lines(incident.id)), present)

    def review(self, incident_id: str) -> str:
        """The post-incident review, Markdown. Asks nothing but the journal."""
        material = self._whole(incident_id)
        catalogue = self._context.catalogue
        criteria = catalogue.exit_criteria.get(material.incident.issue_type)
        words = {} if criteria is None else criteria.criteria
        asked = {name: criterion_words(one, catalogue.thresholds) for name, one in words.items()}
        return review_markdown(material, asked, self._journal.head())

    def export(self, incident_id: str) -> str:
        """Everything as JSON: the record, every entry with its hashes, its investigations, the journal's head."""
        material = self._whole(incident_id)
        streams = {one.id: self._journal.stream(one.id) for one in material.investigations}
        return export_json(material, self._journal.head(), streams)

    def _whole(self, incident_id: str) -> Material:
        """The incident with all its entries, of one and the same moment."""
        known = self._incidents.get(incident_id)
        entries = self._journal.stream(known.id)
        incident = project_incident(entries) or known
        return self._material(incident, entries, self._linked(incident))

    def _material(
        self, incident: Incident, entries: tuple[Entry, ...], investigations: tuple[Investigation, ...]
    ) -> Material:
        catalogue = self._context.catalogue
        issue = catalogue.issues.get(incident.issue_type)
        return Material(
            incident=incident,
            entries=entries,
            investigations=investigations,
            issue_title=issue.title if issue is not None else incident.issue_type,
            roles={name: role.title for name, role in catalogue.roles.items()},
            written_at=self._context.now(),
            names=names_of(incident, catalogue),
        )

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


def export_json(material: Material, head: NewestEntry, investigation_entries: Mapping[str, Sequence[Entry]]) -> str:
    """The file as text, UTF-8, indented; moments in ISO 8601, hashes as the journal has them."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_at": material.written_at.isoformat(),
        "journal": {"seq": head.seq, "hash": head.hash},
        "incident": material.incident.model_dump(mode="json"),
        "times": [_interval(one) for one in intervals(material.entries)],
        "entries": [one.model_dump(mode="json") for one in material.entries],
        "investigations": [
            {
                "record": one.model_dump(mode="json"),
                "entries": [entry.model_dump(mode="json") for entry in investigation_entries[one.id]],
            }
            for one in material.investigations
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _interval(one: Interval) -> dict[str, object]:
    return {
        "title": one.title,
        "seconds": one.seconds,
        "from_entry": one.begins.seq if one.begins is not None else None,
        "to_entry": one.ends.seq if one.ends is not None else None,
        "basis": one.basis,
    }
