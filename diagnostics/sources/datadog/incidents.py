"""Datadog's incidents: created once, found again, read, moved on. An unstable part of its API.

Creating and updating are sent once and never repeated by themselves. What Datadog's API cannot do: a line of the
incident's timeline can be written only while the incident is created, so that later notes change fields and nothing
else; and the search knows facets, not words of the title, so that our own incidents are recognised here, by exact
comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.models.datadog import DatadogIncident
from diagnostics.models.evidence import Evidence
from diagnostics.sources.datadog.failures import SOURCE, Operation, decoded
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.sources.datadog.wire import Answer, Wire

_ABSENT = (
    "Incident Management is not enabled for this organisation, or not at this address: enable it in Datadog, or set "
    "escalation.datadog_incidents to false."
)
CREATE = Operation("incidents_create", "the creation of an incident", "incident_write", _ABSENT)
GET = Operation("incidents_get", "reading an incident", "incident_read", _ABSENT)
UPDATE = Operation("incidents_update", "the change of an incident", "incident_write", _ABSENT)
SEARCH = Operation("incidents_search", "the search for incidents", "incident_read", _ABSENT)

EVERY_STATE = "state:(active OR stable OR resolved OR completed)"
"""A query is required; this one leaves nothing out."""
PAGE = 100
MOST_PAGES = 5
LONGEST_TITLE, LONGEST_CELL = 250, 20_000


class DatadogIncidents:
    """Blocking and thread-safe, within the limits of the connection that it is given. Raises SourceFailure."""

    def __init__(self, connected: Callable[[], Wire]) -> None:
        self._connected = connected

    def create(
        self, *, title: str, severity: str, state: str = "active", impact: str = "", cell: str = ""
    ) -> tuple[DatadogIncident, Evidence]:
        """Open one incident. Sent once: whoever meets a failure looks with `created_since` whether it exists.

        `severity` is UNKNOWN or SEV-0 to SEV-5, `state` active, stable, resolved or completed. `impact` says what
        customers notice; empty is no impact on them. `cell` becomes the first line of its timeline, Markdown.
        Source: POST /api/v2/incidents.
        """
        attributes: dict[str, Any] = {
            "title": clean(title, limit=LONGEST_TITLE),
            "customer_impacted": bool(impact),
            "fields": _fields(severity, state),
        }
        if impact:
            attributes["customer_impact_scope"] = clean(impact, limit=2_000, multiline=True)
        if cell:
            content = {"content": clean(cell, limit=LONGEST_CELL, multiline=True), "important": True}
            attributes["initial_cells"] = [{"cell_type": "markdown", "content": content}]
        body = {"data": {"type": "incidents", "attributes": attributes}}
        answer = self._connected().ask(CREATE, lambda client: client.create_incident(body), attempts=1)
        return _one(CREATE, answer), _evidence(answer, "POST /api/v2/incidents", 1)

    def get(self, identity: str) -> tuple[DatadogIncident, Evidence]:
        """One incident by Datadog's id of it (a UUID). Source: GET /api/v2/incidents/{id}."""
        wanted = clean(identity, limit=64)
        answer = self._connected().ask(GET, lambda client: client.get_incident(wanted))
        return _one(GET, answer), _evidence(answer, f"GET /api/v2/incidents/{wanted}", 1)

    def update(self, identity: str, *, severity: str = "", state: str = "") -> tuple[DatadogIncident, Evidence]:
        """Set severity and state; what is empty stays as it is. Sent once; the same again changes nothing further.

        Source: PATCH /api/v2/incidents/{id}.
        """
        wanted = clean(identity, limit=64)
        attributes = {"fields": _fields(severity, state)}
        body = {"data": {"type": "incidents", "id": wanted, "attributes": attributes}}
        answer = self._connected().ask(UPDATE, lambda client: client.update_incident(wanted, body), attempts=1)
        return _one(UPDATE, answer), _evidence(answer, f"PATCH /api/v2/incidents/{wanted}", 1)

    def created_since(self, moment: datetime) -> Iterator[DatadogIncident]:
        """Every incident created at `moment` (aware) or later, the newest first, page after page while it is read.

        Raises SourceFailure, also (REJECTED) when there are more than the pages that are read.
        Source: GET /api/v2/incidents/search, sorted by creation.
        """
        for page in range(MOST_PAGES):
            found = self._page(page * PAGE)
            for one in found:
                if one.created is not None and one.created < moment:
                    return
                yield one
            if len(found) < PAGE:
                return
        raise SourceFailure(
            FailureKind.REJECTED,
            SOURCE,
            f"more than {MOST_PAGES * PAGE} incidents were created since {moment:%Y-%m-%d %H:%M} UTC",
            remedy="Look in Datadog yourself.",
        )

    def probe(self) -> Evidence:
        """Whether incidents can be read: asks for one. Changes nothing. Source: GET /api/v2/incidents/search."""
        answer = self._connected().ask(SEARCH, lambda client: client.search_incidents(EVERY_STATE, 1, 0))
        return _evidence(answer, f"GET /api/v2/incidents/search?query={EVERY_STATE}", len(_many(answer)))

    def _page(self, offset: int) -> tuple[DatadogIncident, ...]:
        answer = self._connected().ask(SEARCH, lambda client: client.search_incidents(EVERY_STATE, PAGE, offset))
        return _many(answer)


def _fields(severity: str, state: str) -> dict[str, dict[str, str]]:
    given = {"severity": severity, "state": state}
    return {name: {"type": "dropdown", "value": value} for name, value in given.items() if value}


def _one(operation: Operation, answer: Answer) -> DatadogIncident:
    from diagnostics.sources.datadog import decode  # noqa: PLC0415  # with the first answer

    return decoded(operation, lambda: decode.incident(decode.document(answer.body)))


def _many(answer: Answer) -> tuple[DatadogIncident, ...]:
    from diagnostics.sources.datadog import decode  # noqa: PLC0415  # with the first answer

    return decoded(SEARCH, lambda: decode.incidents_found(decode.document(answer.body)))


def _evidence(answer: Answer, query: str, rows: int) -> Evidence:
    return Evidence(source=SOURCE, query=query, started_at=answer.started_at, took_ms=answer.took_ms, rows=rows)
