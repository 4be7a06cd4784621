"""Datadog: log search, log aggregates, metrics, monitors, keys. Blocking, thread-safe, and never without an end.

It reads, except for `create_monitor` and what `incidents` writes: these are sent once, never repeated by themselves.

Importing this module is cheap; the official client and httpcore are imported with the first request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import window_text
from diagnostics.logs.units import without_units
from diagnostics.models.datadog import Aggregate, Compute, DatadogIncident, GroupBy, Metrics, Monitor, Monitors
from diagnostics.models.events import LogPage
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Budget
from diagnostics.sources.budgets import Budgets
from diagnostics.sources.datadog import decode
from diagnostics.sources.datadog.failures import (
    SOURCE,
    AnswerTooLarge,
    Operation,
    cancelled,
    malformed,
    no_figure,
)
from diagnostics.sources.datadog.tiers import ASKED, WAIT_S, FlexTier, Tiers

if TYPE_CHECKING:
    from diagnostics.config.settings import DatadogSettings
    from diagnostics.sources.datadog.connection import Connection, DatadogAnswer
    from diagnostics.sources.doctor.steps import Step
    from diagnostics.sources.proxies import Route

Value = TypeVar("Value")

LARGEST_PAGE = 1_000
"""Events of one search page, the service's own maximum; also the monitors asked for at most."""

ASSUMED_MONITOR_TAG = "team:zyno"
ASSUMED_CLOCK_SKEW_S = 30.0
"""Beyond this, "the last 15 minutes" of this machine and of Datadog are visibly not the same."""

SEARCH = Operation("logs_search", "log search", "logs_read_data", "v2.logs_api.LogsApi.list_logs")
AGGREGATE = Operation("logs_aggregate", "log aggregate", "logs_read_data", "v2.logs_api.LogsApi.aggregate_logs")
MONITORS = Operation("monitors", "the list of monitors", "monitors_read", "v1.monitors_api.MonitorsApi.list_monitors")
CREATE_MONITOR = Operation(
    "create_monitor",
    "the creation of a monitor",
    "monitors_write",
    "v1.monitors_api.MonitorsApi.create_monitor",
    writes=True,
)
METRICS = Operation("metrics_query", "metric query", "timeseries_query", "v1.metrics_api.MetricsApi.query_metrics")
INDEXES = Operation(
    "logs_indexes",
    "the index configuration",
    "logs_read_config",
    "v1.logs_indexes_api.LogsIndexesApi.list_log_indexes",
    longest_s=3.0,
)
"""A remark hangs on it and a figure waits for it: it may not take long."""
VALIDATE = Operation("validate", "key validation", "", "v1.authentication_api.AuthenticationApi.validate")

_ABSENT = (
    "Incident Management is not enabled for this organisation, or not at this address: enable it in Datadog, or set "
    "escalation.datadog_incidents to false."
)
CREATE_INCIDENT = Operation(
    "incidents_create",
    "the creation of an incident",
    "incident_write",
    "v2.incidents_api.IncidentsApi.create_incident",
    _ABSENT,
    writes=True,
)
GET_INCIDENT = Operation(
    "incidents_get", "reading an incident", "incident_read", "v2.incidents_api.IncidentsApi.get_incident", _ABSENT
)
UPDATE_INCIDENT = Operation(
    "incidents_update",
    "the change of an incident",
    "incident_write",
    "v2.incidents_api.IncidentsApi.update_incident",
    _ABSENT,
    writes=True,
)
SEARCH_INCIDENTS = Operation(
    "incidents_search",
    "the search for incidents",
    "incident_read",
    "v2.incidents_api.IncidentsApi.search_incidents",
    _ABSENT,
)

EVERY_STATE = "state:(active OR stable OR resolved OR completed)"
"""A query is required; this one leaves nothing out."""
SMALLER_FOR_S = 60.0
"""How long pages stay small after one that was too large, seconds."""
PAGE = 100
MOST_PAGES = 5
LONGEST_TITLE, LONGEST_CELL = 250, 20_000

# Observed at Datadog for log search and log aggregates; held to until the first answer's headers say otherwise.
_ASSUMED = {SEARCH.name: (3, 10.0), AGGREGATE.name: (2, 10.0)}


class Datadog:
    """One Datadog organisation. Raises SourceFailure only; `close` ends every call under way with CANCELLED."""

    def __init__(self, settings: DatadogSettings, route: Route | None = None) -> None:
        self._settings = settings
        self._route = route
        self._budgets = Budgets(SOURCE, _ASSUMED)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False
        self._sizes = _Sizes()
        self._tiers = Tiers(self._flex_tier, settings.flex_tier)

    def __repr__(self) -> str:
        return "Datadog()"

    def search(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        limit: int = 100,
        cursor: str | None = None,
    ) -> LogPage:
        """One page of events that match `query` between `start` and `end` (aware), the newest first.

        `limit` is 1 to 1,000 events: a page is decoded in one go under the interpreter lock, so small pages keep the
        console quick. A page that is larger than is read is asked for again with fewer events, and says so. `cursor` is
        the previous page's `next_cursor`.
        Source: POST /api/v2/logs/events/search.
        """
        query = without_units(query)
        asked = min(max(1, limit), LARGEST_PAGE)
        size = self._sizes.fitting(SEARCH, asked)
        while True:
            page: dict[str, Any] = {"limit": size}
            if cursor is not None:
                page["cursor"] = cursor
            body = {"filter": _filter(query, start, end), "page": page, "sort": "-timestamp"}
            try:
                answer = self._connected().ask(SEARCH, body=body)
                break
            except AnswerTooLarge:
                if size == 1:
                    raise
                size = self._sizes.smaller(SEARCH, size)
        tier = self._tiers.flex(WAIT_S).caveat(start)
        found = _decoded(SEARCH, lambda: _page(answer, query, window_text(start, end), size, tier=tier))
        return found if size == asked else _cut(found, asked, size)

    def aggregate(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        computes: tuple[Compute, ...],
        group_by: tuple[GroupBy, ...] = (),
    ) -> Aggregate:
        """Totals or time series over the events that match `query` between `start` and `end` (aware), by facet.

        Groups come largest first by the first compute. Source: POST /api/v2/logs/analytics/aggregate.
        """
        query = without_units(query)
        body: dict[str, Any] = {
            "filter": _filter(query, start, end),
            "compute": [_compute(compute) for compute in computes],
        }
        if group_by:
            body["group_by"] = [_group(group, computes[0]) for group in group_by]
        answer = self._connected().ask(AGGREGATE, body=body)
        tier = self._tiers.flex(WAIT_S).caveat(start)
        return _decoded(
            AGGREGATE, lambda: _aggregate(answer, query, window_text(start, end), computes, group_by, tier=tier)
        )

    def monitors(self, tags: str | Iterable[str]) -> Monitors:
        """Monitors that carry all of `tags`, such as "team:zyno". Source: GET /api/v1/monitor."""
        wanted = clean(tags if isinstance(tags, str) else ",".join(tags))
        size = self._sizes.fitting(MONITORS, LARGEST_PAGE)
        while True:
            try:
                return self._monitors(wanted, size)
            except AnswerTooLarge:
                if size == 1:
                    raise
                size = self._sizes.smaller(MONITORS, size)

    def _monitors(self, wanted: str, size: int) -> Monitors:
        """At most `LARGEST_PAGE` monitors, so many at a time."""
        found: list[Monitor] = []
        unreadable = 0
        for page in range(LARGEST_PAGE // size):
            answer = self._connected().ask(MONITORS, monitor_tags=wanted, page=page, page_size=size)
            monitors, lost = _decoded(MONITORS, partial(decode.monitors, answer.body))
            found += monitors
            unreadable += lost
            if len(monitors) + lost < size or len(found) + unreadable >= LARGEST_PAGE:
                break
        full = f"only the first {LARGEST_PAGE:,}" if len(found) + unreadable >= LARGEST_PAGE else ""
        evidence = _evidence(
            answer,
            f"GET /api/v1/monitor?monitor_tags={wanted}",
            rows=len(found),
            caveats=(_unreadable(unreadable, "monitor"), full),
        )
        # One that was not read may be the one that alerts, or the one that is looked for.
        return Monitors(tuple(found), evidence.model_copy(update={"is_cut": bool(full or unreadable)}))

    def create_monitor(
        self, *, name: str, kind: str, query: str, message: str, tags: Sequence[str], options: dict[str, Any]
    ) -> tuple[Monitor, Evidence]:
        """Create one monitor. Sent once: whoever meets a failure that is transient looks whether it exists now.

        Source: POST /api/v1/monitor.
        """
        body = {
            "name": clean(name),
            "type": clean(kind),
            "query": clean(query),
            "message": message,
            "tags": [clean(tag) for tag in tags],
            "options": options,
        }
        answer = self._connected().ask(CREATE_MONITOR, body=body)
        return _decoded(CREATE_MONITOR, lambda: _created(answer, query))

    @property
    def incidents(self) -> DatadogIncidents:
        """Datadog's own incidents, over the same connection and within the same limits."""
        return DatadogIncidents(self._connected)

    def metrics(self, queries: Sequence[str], *, start: datetime, end: datetime) -> Metrics:
        """The series of metric queries between `start` and `end` (aware), in one request.

        Each query yields one series: none may group by a tag. Source: GET /api/v1/query.
        """
        asked = clean(", ".join(queries))
        start_s, end_s = int(start.timestamp()), int(end.timestamp())
        answer = self._connected().ask(METRICS, _from=start_s, to=end_s, query=asked)
        return _decoded(METRICS, lambda: _metrics(answer, asked, len(queries), window_text(start, end)))

    def validate(self) -> Evidence:
        """Whether the API key is valid; DENIED when it is not. Says nothing about the application key.

        Source: GET /api/v1/validate.
        """
        answer = self._connected().ask(VALIDATE)
        if not _decoded(VALIDATE, lambda: _is_valid(answer)):
            raise SourceFailure(
                FailureKind.DENIED,
                SOURCE,
                "the API key is not valid",
                remedy="Check datadog.api_key (DD_API_KEY), and that datadog.api_url is the site the key belongs to.",
            )
        return _evidence(answer, "GET /api/v1/validate")

    def budgets(self) -> tuple[Budget, ...]:
        """What is left of each rate limit: log search first, log aggregates second, others once they are seen."""
        return self._budgets.budgets()

    def link(self, query: str, *, start: datetime, end: datetime) -> str:
        """The web application's address of the same search over the same window."""
        parameters = {
            "query": clean(query),
            "from_ts": str(_milliseconds(start)),
            "to_ts": str(_milliseconds(end)),
            "live": "false",
        }
        return f"{self._settings.web_url.rstrip('/')}/logs?{urlencode(parameters, quote_via=quote, safe='')}"

    def examination(
        self,
        *,
        monitor_tag: str = ASSUMED_MONITOR_TAG,
        clock_skew_s: float = ASSUMED_CLOCK_SKEW_S,
        incidents: bool = False,
        metric: str = "",
    ) -> list[Step]:
        """What the doctor asks of this source.

        `monitor_tag` is what the team's monitors carry; clocks that differ by more than `clock_skew_s` seconds are a
        warning; `incidents` asks whether incidents can be read, and creates none; `metric` is a query that is tried.
        The defaults are assumed.
        """
        from diagnostics.sources.datadog.doctor import steps  # noqa: PLC0415

        return steps(
            self,
            self._settings,
            monitor_tag=monitor_tag,
            clock_skew_s=clock_skew_s,
            incidents=incidents,
            metric=metric,
        )

    def flex_tier(self) -> FlexTier:
        """Whether logs may be in a flex tier, which no question here asks. Raises nothing.

        Source: GET /api/v1/logs/config/indexes, at most once an hour; else the setting `datadog.flex_tier`.
        """
        return self._tiers.flex()

    def _flex_tier(self) -> FlexTier:
        answer = self._connected().ask(INDEXES)
        return _decoded(INDEXES, lambda: decode.flex_tier(decode.document(answer.body)))

    def close(self) -> None:
        """End every call under way, and refuse further ones."""
        with self._lock:
            self._closed = True
            connection = self._connection
        self._budgets.close()
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        with self._lock:
            if self._closed:
                raise cancelled()
            if self._connection is None:
                from diagnostics.sources.datadog.connection import Connection  # noqa: PLC0415  # the client is heavy

                self._connection = Connection(self._settings, self._budgets, self._route)
            return self._connection


class DatadogIncidents:
    """Datadog's incidents: created once, found again, read, moved on. An unstable part of its API.

    Blocking and thread-safe, within the limits of the connection that it is given. Raises SourceFailure. What Datadog's
    API cannot do: a line of the incident's timeline can be written only while the incident is created, so that later
    notes change fields and nothing else; and the search knows facets, not words of the title, so that our own incidents
    are recognised by exact comparison.
    """

    def __init__(self, connected: Callable[[], Connection]) -> None:
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
        answer = self._connected().ask(CREATE_INCIDENT, body=body)
        return _incident(CREATE_INCIDENT, answer), _evidence(answer, "POST /api/v2/incidents", rows=1)

    def get(self, identity: str) -> tuple[DatadogIncident, Evidence]:
        """One incident by Datadog's id of it (a UUID). Source: GET /api/v2/incidents/{id}."""
        wanted = clean(identity, limit=64)
        answer = self._connected().ask(GET_INCIDENT, incident_id=wanted)
        return _incident(GET_INCIDENT, answer), _evidence(answer, f"GET /api/v2/incidents/{wanted}", rows=1)

    def update(self, identity: str, *, severity: str = "", state: str = "") -> tuple[DatadogIncident, Evidence]:
        """Set severity and state; what is empty stays as it is. Sent once; the same again changes nothing further.

        Source: PATCH /api/v2/incidents/{id}.
        """
        wanted = clean(identity, limit=64)
        attributes = {"fields": _fields(severity, state)}
        body = {"data": {"type": "incidents", "id": wanted, "attributes": attributes}}
        answer = self._connected().ask(UPDATE_INCIDENT, incident_id=wanted, body=body)
        return _incident(UPDATE_INCIDENT, answer), _evidence(answer, f"PATCH /api/v2/incidents/{wanted}", rows=1)

    def created_since(self, moment: datetime) -> Iterator[DatadogIncident]:
        """Every incident created at `moment` (aware) or later, the newest first, page after page while it is read.

        Raises SourceFailure, also (REJECTED) when there are more than the pages that are read.
        Source: GET /api/v2/incidents/search, sorted by creation.
        """
        size, offset = PAGE, 0
        while offset < MOST_PAGES * PAGE:
            try:
                _, found = self._search(size, offset)
            except AnswerTooLarge:
                if size == 1:
                    raise
                size = max(1, size // 8)
                continue
            for one in found:
                if one.created is not None and one.created < moment:
                    return
                yield one
            if len(found) < size:
                return
            offset += size
        raise SourceFailure(
            FailureKind.REJECTED,
            SOURCE,
            f"more than {MOST_PAGES * PAGE} incidents were created since {moment:%Y-%m-%d %H:%M} UTC",
            remedy="Look in Datadog yourself.",
        )

    def newest(self) -> datetime | None:
        """When the newest incident was created that the search shows; None: it shows none. Raises SourceFailure."""
        _, found = self._search(1, 0)
        return max((one.created for one in found if one.created is not None), default=None)

    def probe(self) -> Evidence:
        """Whether incidents can be read: asks for one. Changes nothing. Source: GET /api/v2/incidents/search."""
        answer, found = self._search(1, 0)
        return _evidence(answer, f"GET /api/v2/incidents/search?query={EVERY_STATE}", rows=len(found))

    def _search(self, size: int, offset: int) -> tuple[DatadogAnswer, tuple[DatadogIncident, ...]]:
        answer = self._connected().ask(
            SEARCH_INCIDENTS, query=EVERY_STATE, sort="-created", page_size=size, page_offset=offset
        )
        return answer, _decoded(SEARCH_INCIDENTS, lambda: decode.incidents_found(decode.document(answer.body)))


def _decoded(operation: Operation, read: Callable[[], Value]) -> Value:
    """What `read` makes of an answer; raises SourceFailure for its ValueError: NO_FIGURE, else MALFORMED."""
    try:
        return read()
    except decode.NoFigure as error:
        raise no_figure(operation, str(error)) from None
    except (ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, decode.WrongShape) else "is not readable JSON"
    raise malformed(operation, what)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _filter(query: str, start: datetime, end: datetime) -> dict[str, str]:
    # The gate first, so that evidence, which passes it too, states exactly what was asked.
    return {"query": clean(query), "from": _iso(start), "to": _iso(end), "storage_tier": ASKED}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _compute(compute: Compute) -> dict[str, str]:
    asked = {"aggregation": compute.aggregation, "type": "total"}
    if compute.metric is not None:
        asked["metric"] = compute.metric
    if compute.interval_ms is not None:
        asked |= {"type": "timeseries", "interval": _interval(compute.interval_ms)}
    return asked


def _interval(interval_ms: int) -> str:
    seconds = interval_ms // 1_000
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _group(group: GroupBy, by: Compute) -> dict[str, Any]:
    sort = {"type": "measure", "aggregation": by.aggregation, "order": "desc"}
    if by.metric is not None:
        sort["metric"] = by.metric
    asked = {"facet": group.facet, "limit": group.limit, "sort": sort}
    return asked | {"missing": group.missing} if group.missing else asked


def _evidence(
    answer: DatadogAnswer, query: str, *, window: str = "", rows: int | None = None, caveats: Iterable[str] = ()
) -> Evidence:
    return Evidence(
        source=SOURCE,
        query=clean(query),
        window=window,
        started_at=answer.started_at,
        took_ms=answer.took_ms,
        rows=rows,
        caveat="; ".join(caveat for caveat in caveats if caveat),
    )


def _page(answer: DatadogAnswer, query: str, window: str, most: int, *, tier: str) -> LogPage:
    document = decode.document(answer.body)
    events, unreadable, left_out = decode.events(document, most)
    said = (
        f"Datadog sent {left_out} more events than were asked for, and these are left out" if left_out else "",
        _unreadable(unreadable, "event"),
    )
    caveats = (*decode.missing(document), *filter(None, said))
    evidence = _evidence(answer, query, window=window, rows=len(events), caveats=(*caveats, tier))
    return LogPage(events, decode.next_cursor(document), evidence, bool(caveats))


def _aggregate(
    answer: DatadogAnswer,
    query: str,
    window: str,
    computes: tuple[Compute, ...],
    group_by: tuple[GroupBy, ...],
    *,
    tier: str,
) -> Aggregate:
    document = decode.document(answer.body)
    buckets = decode.buckets(document, computes, grouped=bool(group_by))
    missing = decode.missing(document, says_done=True)
    estimated = any(compute.aggregation == "cardinality" for compute in computes)
    full = [group for group in group_by if len({bucket.by.get(group.facet) for bucket in buckets}) >= group.limit]
    caveats = (
        *missing,
        "distinct counts are Datadog's estimates" if estimated else "",
        *(f"only the {group.limit} largest groups of {group.facet}" for group in full),
        tier,
    )
    evidence = _evidence(answer, query, window=window, rows=len(buckets), caveats=caveats)
    return Aggregate(buckets, evidence, bool(missing))


def _cut(page: LogPage, asked: int, size: int) -> LogPage:
    """The page with the remark that it holds fewer events than were asked for, and that this says nothing."""
    remark = f"read {size} at a time: {asked:,} were larger than is read of one answer"
    caveat = "; ".join(part for part in (page.evidence.caveat, remark) if part)
    return replace(page, cut=True, evidence=page.evidence.model_copy(update={"caveat": caveat}))


class _Sizes:
    """How many items of an answer are asked for at once: fewer for a while, where more did not fit. Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fitting: dict[str, tuple[float, int]] = {}

    def fitting(self, operation: Operation, wanted: int) -> int:
        """As many as are wanted, or as fitted lately."""
        until, size = self._fitting.get(operation.name, (0.0, wanted))
        return min(wanted, size) if self._clock() < until else wanted

    def smaller(self, operation: Operation, size: int) -> int:
        """How many to ask for where `size` were too many."""
        # In few steps: each costs a turn under the rate limit.
        fewer = max(1, size // 8)
        self._fitting[operation.name] = self._clock() + SMALLER_FOR_S, fewer
        return fewer


def _created(answer: DatadogAnswer, query: str) -> tuple[Monitor, Evidence]:
    return decode.monitor(answer.body), _evidence(answer, f"POST /api/v1/monitor, query {query}", rows=1)


def _metrics(answer: DatadogAnswer, query: str, count: int, window: str) -> Metrics:
    series = decode.metric_series(decode.document(answer.body), count)
    points = sum(len(one) for one in series if one is not None)
    return Metrics(series, _evidence(answer, query, window=window, rows=points))


def _is_valid(answer: DatadogAnswer) -> bool:
    valid = decode.document(answer.body).get("valid")
    if not isinstance(valid, bool):
        raise decode.WrongShape("does not say whether the key is valid")
    return valid


def _unreadable(count: int, noun: str) -> str:
    return f"{count} unreadable {noun}{'s' if count != 1 else ''} left out" if count else ""


def _incident(operation: Operation, answer: DatadogAnswer) -> DatadogIncident:
    return _decoded(operation, lambda: decode.incident(decode.document(answer.body)))


def _fields(severity: str, state: str) -> dict[str, dict[str, str]]:
    given = {"severity": severity, "state": state}
    return {name: {"type": "dropdown", "value": value} for name, value in given.items() if value}
