"""A journal with a clock that tests move, and the services that write records from it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.incident.assess.assessments import AssessmentService
from diagnostics.incident.incidents import IncidentService
from diagnostics.incident.investigations import InvestigationService
from diagnostics.incident.journal import Journal
from diagnostics.incident.review.reviews import ReviewService
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import Assessment
from tests.console.incident_rooms import IncidentWorld, incident_world


@dataclass
class ToldAssessments:
    """Answers what a test tells it, and fails as a source would while it was told nothing."""

    figures: tuple[MeasuredFigure, ...] | None = None
    assessment: Assessment | None = None
    measured: list[str] = field(default_factory=list)

    def measure(self, issue_type: str, job: object = None) -> tuple[MeasuredFigure, ...]:
        self.measured.append(issue_type)
        if self.figures is None:
            raise SourceFailure(FailureKind.UNREACHABLE, "datadog", "connection refused", remedy="try again later")
        return self.figures

    def assess(self, incident_id: str, job: object = None) -> Assessment:
        if self.assessment is None:
            raise SourceFailure(FailureKind.UNREACHABLE, "datadog", "connection refused")
        return self.assessment


@dataclass
class Room:
    """One journal, and the services of the person at this console."""

    world: IncidentWorld
    assessments: ToldAssessments

    def __post_init__(self) -> None:
        self.incidents = self.world.incidents
        self.investigations = InvestigationService(self.world.context(), self.incidents)
        told = cast("AssessmentService", self.assessments)
        self.reviews = ReviewService(self.world.context(), self.incidents, told, self.investigations)

    def other(self, person: str) -> ReviewService:
        """The reviews of somebody else's console on the same journal."""
        world = self.world
        journal = Journal(world.state, person=person, console=f"bastion-2:{person}", now=world.clock)
        members = types.SimpleNamespace(
            settings=world.settings, catalogue=world.catalogue, state=world.state, journal=journal, now=world.clock
        )
        context = cast("Context", members)
        incidents = IncidentService(context)
        told = cast("AssessmentService", self.assessments)
        return ReviewService(context, incidents, told, InvestigationService(context, incidents))

    def figure(self, name: str, value: float | str | None, *, status: str = "fail", title: str = "") -> MeasuredFigure:
        """A figure as it is now."""
        at = self.world.clock.now
        return MeasuredFigure(
            id=name,
            title=title or name.replace("_", " "),
            value=value,
            shown="—" if value is None else f"{value:,}" if not isinstance(value, str) else value,
            status="no_data" if value is None else status,
            taken_at=at,
            evidence=Evidence(source="common", query=f"SELECT {name} | all", started_at=at, took_ms=2.0),
        )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    world = incident_world(tmp_path)
    yield Room(world, ToldAssessments())
    world.close()
