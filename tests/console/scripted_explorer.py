"""Written answers for the log explorer; completion, patterns and export are the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from diagnostics.core.waiting import Job
from diagnostics.explorer.completion import Completer, known_attributes
from diagnostics.explorer.export import write_export
from diagnostics.explorer.facets import FacetCounter
from diagnostics.explorer.service import step_s
from diagnostics.models.events import LogEvent, LogPage
from diagnostics.models.explorer import Bin, Correlation, Facet, Histogram, SavedQuery
from tests.console.scripted import NOW, ScriptedService, evidence


@dataclass
class ScriptedExplorer:
    """Answers over the same lines as the scripted service."""

    service: ScriptedService
    folder: Path = Path("/nonexistent")
    kept: dict[str, SavedQuery] = field(default_factory=dict)
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def page(
        self, query: str, *, start: datetime, end: datetime, cursor: str | None = None, limit: int = 200
    ) -> LogPage:
        self.asked.append((query, start, end))
        return self.service.logs(query, window_s=int((end - start).total_seconds()), end=end, cursor=cursor)

    def histogram(self, query: str, *, start: datetime, end: datetime, most_bins: int = 120) -> Histogram:
        self.service._fail("logs:histogram")
        step = step_s((end - start).total_seconds(), most_bins) * 1000
        first = int(start.timestamp() * 1000)
        first -= first % step
        count = max(1, (int(end.timestamp() * 1000) - first) // step)
        bins = tuple(
            Bin(
                first + number * step,
                {}
                if self.service.quiet or number % 17 == 5
                else {"error": (number * 7) % 23 + number, "warn": number % 5, "info": (number * 3) % 11},
            )
            for number in range(count)
        )
        total = sum(one.total for one in bins)
        found = evidence("datadog", query, len(bins))
        return Histogram(query, first, first + count * step, step, bins, total, found)

    def facet(self, query: str, name: str, *, start: datetime, end: datetime, most: int = 10) -> Facet:
        return Facet(name, (("75172", 9_120), ("14009", 8_004)), 17_124, True, evidence("datadog", query, 2))

    def follow(self, event: LogEvent, job: Job | None = None) -> Correlation:
        events = tuple(
            LogEvent(
                id=f"c{number}",
                timestamp_ms=event.timestamp_ms + number * 400,
                service=service,
                status="error" if number == 2 else "info",
                message=text,
                attributes={"correlation_id": "c-000059"},
            )
            for number, (service, text) in enumerate(
                (
                    ("fub-api", "POST /v1/deals/12345/sync accepted"),
                    ("fub-worker", "ZillowSyncWorker started"),
                    ("fub", "HTTP 429 Too Many Requests POST /v1/transactions"),
                )
            )
        )
        services = tuple(one.service for one in events)
        query = "@correlation_id:c-000059"
        return Correlation("c-000059", query, events, services, True, (evidence("datadog", query, 3),))

    def completer(self, counter: FacetCounter) -> Completer:
        return Completer(counter, known_attributes(query.datadog for query in self.service.catalogue.queries.values()))

    def link(self, query: str, *, start: datetime, end: datetime) -> str:
        return self.service.log_link(query, window_s=900)

    def export(self, events: Sequence[LogEvent], form: str, *, query: str = "") -> Path:
        return write_export(self.folder, events, form, query=query, now=NOW)

    def saved(self) -> tuple[SavedQuery, ...]:
        return tuple(self.kept.values())

    def save(self, name: str, query: str, window_s: int) -> None:
        self.kept[name] = SavedQuery(name, query, window_s, datetime.now(UTC) - timedelta(0))
