"""The log explorer's questions. Blocking and thread-safe; raise SourceFailure and UserError only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.waiting import Job
from diagnostics.explorer.completion import Completer, known_attributes
from diagnostics.explorer.export import write_export
from diagnostics.explorer.facets import FacetCounter
from diagnostics.logs import bind
from diagnostics.models.datadog import Compute, GroupBy, Series
from diagnostics.models.events import CORRELATION_PATHS, LogEvent, LogPage, correlation_of
from diagnostics.models.explorer import Bin, Correlation, Facet, Histogram, SavedQuery, level_of
from diagnostics.signals.counts import of_late_logs

if TYPE_CHECKING:
    from diagnostics.core.context import Context

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Lengths of a histogram's steps, seconds: ones that people read clocks by."""

MOST_STATUSES = 12
PAGE = 200
MOST_CORRELATED = 1_000
AROUND = timedelta(minutes=15)
"""How far before and after an event its correlation is followed; requests and their workers end well within."""

SAVED = "saved_query"
MOST_SAVED = 200
LONGEST_NAME = 80


def step_s(seconds: float, most_bins: int) -> int:
    """The shortest step with which `seconds` need at most `most_bins`."""
    return next((step for step in STEPS_S if seconds / step <= most_bins), STEPS_S[-1])


def around(events: Sequence[LogEvent]) -> tuple[datetime, datetime] | None:
    """The stretch of time that holds these events, a second more on either side; None for no events."""
    if not events:
        return None
    moments = [event.timestamp_ms for event in events]
    margin = timedelta(seconds=1)
    return (
        datetime.fromtimestamp(min(moments) / 1000, UTC) - margin,
        datetime.fromtimestamp(max(moments) / 1000, UTC) + margin,
    )


class ExplorerService:
    """Questions of the log explorer. Source: Datadog logs, and the console's own state for saved queries."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(
        self, query: str, *, start: datetime, end: datetime, cursor: str | None = None, limit: int = PAGE
    ) -> LogPage:
        """One page of events between two aware moments, newest first."""
        page = self._context.logs.search(query, start=start, end=end, limit=limit, cursor=cursor)
        self._context.deal_index.note(page.events)
        return page

    def histogram(self, query: str, *, start: datetime, end: datetime, most_bins: int = 120) -> Histogram:
        """Events over time by level, in one aggregate; steps without events are there with none."""
        step_ms = step_s((end - start).total_seconds(), max(1, most_bins)) * 1000
        answer = self._context.datadog.aggregate(
            query,
            start=start,
            end=end,
            computes=(Compute(), Compute(interval_ms=step_ms)),
            group_by=(GroupBy("status", limit=MOST_STATUSES),),
        )
        start_ms, end_ms = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
        first = start_ms - start_ms % step_ms
        counts: dict[int, dict[str, int]] = {moment: {} for moment in range(first, end_ms, step_ms)}
        total = 0
        for bucket in answer.buckets:
            level = level_of(bucket.by.get("status", ""))
            whole, points = bucket.values
            total += round(whole) if isinstance(whole, float | int) else 0
            series: Series = points if isinstance(points, tuple) else ()
            for moment, value in series:
                levels = counts.get(moment - moment % step_ms)
                if levels is not None:
                    levels[level] = levels.get(level, 0) + round(value)
        lag = self._context.logs.lag(query)
        complete_ms = end_ms if lag.newest is None or not lag.is_late else round(lag.newest.timestamp() * 1000)
        bins = tuple(
            Bin(moment, levels, min(moment + step_ms, end_ms) <= complete_ms) for moment, levels in counts.items()
        )
        reached = not bins or bins[-1].is_complete
        late = "" if not lag.is_late or (reached and lag.newest is not None) else lag.headline()
        evidence = of_late_logs(answer.evidence, lag, end) if late else answer.evidence
        return Histogram(query, start_ms, end_ms, step_ms, bins, total, evidence, answer.partial, late)

    def facet(self, query: str, name: str, *, start: datetime, end: datetime, most: int = 10) -> Facet:
        """The most frequent values of one attribute over all events of the range, in one aggregate."""
        answer = self._context.datadog.aggregate(
            query, start=start, end=end, computes=(Compute(),), group_by=(GroupBy(name, limit=most),)
        )
        values = [
            (bucket.by.get(name, ""), round(count))
            for bucket in answer.buckets
            if isinstance(count := bucket.values[0], float | int)
        ]
        lag = self._context.logs.lag(query)
        late = lag.is_late and (lag.newest is None or lag.newest < end)
        return Facet(
            name=name,
            values=tuple(values),
            of=sum(count for _, count in values),
            is_exact=True,
            evidence=of_late_logs(answer.evidence, lag, end) if late else answer.evidence,
            partial=answer.partial or late,
        )

    def follow(self, event: LogEvent, job: Job | None = None) -> Correlation:
        """Everything around an event that carries the same correlation id, over all services, oldest first.

        Raises UserError when the event carries none.
        """
        found = correlation_of(event)
        if found is None:
            raise UserError(
                "this line carries nothing that ties it to others",
                accepted=f"a line with one of {', '.join(f'@{name}' for name in CORRELATION_PATHS)}",
                next_step="choose another line, or filter by its account",
            )
        path, value = found
        query = bind(f"@{path}:{{value}}", value=value)
        job = job or Job()
        moment = datetime.fromtimestamp(event.timestamp_ms / 1000, self._context.now().tzinfo)
        start, end = moment - AROUND, moment + AROUND
        events: list[LogEvent] = []
        evidence = []
        cursor: str | None = None
        while len(events) < MOST_CORRELATED:
            job.raise_if_cancelled("datadog")
            page = self.page(query, start=start, end=end, cursor=cursor)
            events += page.events
            evidence.append(page.evidence)
            job.report(len(events), None, "lines")
            cursor = page.next_cursor
            if cursor is None or not page.events:
                break
        events.sort(key=lambda one: (one.timestamp_ms, one.id))
        services = tuple(dict.fromkeys(one.service for one in events))
        return Correlation(value, query, tuple(events), services, cursor is None, tuple(evidence))

    def completer(self, counter: FacetCounter) -> Completer:
        """Completion from the lines counted so far and from the catalogue's queries."""
        return Completer(counter, known_attributes(query.datadog for query in self._context.catalogue.queries.values()))

    def link(self, query: str, *, start: datetime, end: datetime) -> str:
        """The address of the same search in Datadog's web application."""
        return self._context.datadog.link(query, start=start, end=end)

    def export(self, events: Sequence[LogEvent], form: str, *, query: str = "") -> Path:
        """Write lines to a new file in the state folder's `exports`; returns its path."""
        folder = self._context.settings.state_dir / "exports"
        return write_export(folder, events, form, query=query, now=self._context.now())

    # Saved queries.

    def saved(self) -> tuple[SavedQuery, ...]:
        """Queries with a name, newest first; what somebody else has written there and is none is left out."""
        kept = self._context.state.recall(SAVED, MOST_SAVED)
        return tuple(
            SavedQuery(one.key, query, window, one.at)
            for one in kept
            if isinstance(query := one.payload.get("query"), str)
            and isinstance(window := one.payload.get("window_s"), int)
        )

    def save(self, name: str, query: str, window_s: int) -> None:
        """Give a query a name; one of the same name is replaced. Raises UserError for a name that is none."""
        wanted = " ".join(name.split())
        if not wanted or len(wanted) > LONGEST_NAME:
            raise UserError(
                "a saved query needs a name",
                accepted=f"1 to {LONGEST_NAME} characters",
                next_step="save 429s by account, for example",
            )
        self._context.state.remember(SAVED, wanted, {"query": query, "window_s": window_s}, MOST_SAVED)

    def forget(self, name: str) -> None:
        """Take a saved query's name away."""
        self._context.state.forget(SAVED, name)
