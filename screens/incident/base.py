"""Base of the screens about one incident: they show it as it is now, whoever changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on

from diagnostics.core.words import plural
from screens.base import ReadingArrived
from screens.incident.writer import IncidentWriter
from screens.incident_follower import IncidentFollower
from screens.list_screen import ListScreen
from widgets.row import Row, row

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident

ASKED_ONCE = "Asked once, for the timeline and the review; telling people does not ask for it again."
"""Below the line that asks why an incident is resolved all the same."""


def unmet_words(count: int) -> str:
    """How many exit criteria are not met, in words."""
    return f"{plural(count, 'exit criterion is', 'exit criteria are')} not met"


READING_AGAIN = "reading the journal again; what stands here stays until then"
"""Said where somebody asks for it: what has not changed looks as before."""


class IncidentScreen(ListScreen):
    """Rows of the incident in view, or of one that is named."""

    what = ""
    """Part of the incident that is shown, for title and breadcrumbs."""

    def __init__(self, incident_id: str = "") -> None:
        super().__init__()
        self.follower = IncidentFollower(self.host, self.draw, incident_id)

    def read(self) -> None:
        """The first frame shows everything that is known already."""
        self.follower.begin()

    @property
    def incident(self) -> Incident | None:
        """The incident as it is now; None while it is not known."""
        return self.follower.incident

    def writer(self) -> IncidentWriter | None:
        """Writes into the incident's journal; None while it is not known."""
        service, incident = self.host.service, self.incident
        if service is None or incident is None:
            return None
        return IncidentWriter(self.host, service.incidents, incident.id, self.follower.keep)

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on."""
        if self.follower.take(message.reading):
            self.draw()

    def tick(self) -> None:
        self.draw()

    def crumb(self) -> str:
        """Part of the incident that is shown."""
        return self.what

    def issue_in_view(self) -> tuple[str, str] | None:
        """Issue and severity of the incident."""
        incident = self.incident
        return (incident.issue_type, incident.severity) if incident is not None else None

    # ---- drawing

    def heading(self) -> str:
        incident = self.incident
        return f"{self.what} · {incident.id} · {incident.title}" if incident is not None else self.what

    def rows(self, width: int) -> Sequence[Row]:
        """The incident, or why there is none."""
        if self.incident is not None:
            return self.incident_rows(self.incident, width)
        if self.follower.incident_id:
            return [row((self.follower.unread or "reading the journal", "fail" if self.follower.unread else "muted"))]
        missing = self.follower.problem() or "no incident is in view; n declares one and tells the team"
        return [row((self.host.glyphs.text(missing), "muted"))]

    def incident_rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """The incident in rows, each at most `width` cells wide."""
        raise NotImplementedError

    def act_refresh(self) -> None:
        """Look at the journal now."""
        if self.host.live is not None:
            self.host.live.refresh("incident")
            self.host.say(READING_AGAIN)
