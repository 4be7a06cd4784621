"""No incident at all: what most screens are looked at with. `incident_rooms` has real services over a real journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from diagnostics.models.incidents import Following


@dataclass
class ScriptedIncidents:
    """A journal in which nothing has been written."""

    person: str = "cl.nolen"

    def following(self) -> Following:
        return Following(seq=0, incident=None, open=())


@dataclass
class ScriptedNotices:
    """Nothing was ever confirmed."""

    def waiting(self) -> bool:
        return False

    def report_twins(self) -> None:
        """Nothing was sent, so nothing was sent twice."""


@dataclass
class ScriptedFollowUps:
    """Nothing is due."""

    def run_due(self, _job: object = None) -> int:
        return 0


@dataclass
class ScriptedReviews:
    """Nothing is due."""

    follow_ups: ScriptedFollowUps = field(default_factory=ScriptedFollowUps)
