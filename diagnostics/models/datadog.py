"""Requests to Datadog's aggregates and monitors, and their answers. Log events have their own module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnostics.models.evidence import Evidence

Series = tuple[tuple[int, float], ...]
"""Points of one time series, oldest first: (start of the bucket in epoch milliseconds UTC, value)."""

MeasuredValue = float | Series | None
"""A total, a time series, or None when the service had no value to give."""


@dataclass(slots=True, frozen=True)
class Compute:
    """One figure to compute over the matching events."""

    aggregation: str = "count"
    """count, cardinality, sum, avg, min, max, median, pc75, pc90, pc95, pc98, pc99."""
    metric: str | None = None
    """The facet or measure, e.g. "@context.account_id"; needed by everything except count."""
    interval_ms: int | None = None
    """Length of one bucket of a time series, a multiple of 1,000; None asks for one total."""

    def __post_init__(self) -> None:
        """Reject what the service would reject, before it costs a request."""
        if self.metric is None and self.aggregation != "count":
            raise ValueError(f"aggregation {self.aggregation} needs a metric")
        if self.interval_ms is not None and (self.interval_ms <= 0 or self.interval_ms % 1_000):
            raise ValueError(f"interval_ms {self.interval_ms} is not a positive multiple of 1,000")

    @property
    def of_nothing(self) -> MeasuredValue:
        """The value over no events at all: 0 for counts, an empty series, None where nothing can be said."""
        if self.interval_ms is not None:
            return ()
        return 0.0 if self.aggregation in {"count", "cardinality"} else None


@dataclass(slots=True, frozen=True)
class GroupBy:
    """One facet to split the figures by, largest groups first."""

    facet: str
    limit: int = 10
    missing: str = ""
    """Name of the group of events without the facet; empty leaves them out."""


@dataclass(slots=True, frozen=True)
class Bucket:
    """The figures of one group."""

    by: Mapping[str, str]
    """Facet → value, cleaned; empty when nothing was grouped."""
    values: tuple[MeasuredValue, ...]
    """One per compute, in the order asked. A count is always one: an answer without it is a failure, NO_FIGURE."""


@dataclass(slots=True, frozen=True)
class Aggregate:
    """The answer to one aggregate. Without a `group_by` there is always exactly one bucket."""

    buckets: tuple[Bucket, ...]
    evidence: Evidence
    partial: bool = False
    """The service timed out inside, warned, or did not say that it was done: the figures are lower bounds, and no check
    passes on them. The evidence's caveat says why."""


@dataclass(slots=True, frozen=True)
class Monitor:
    """One Datadog monitor as it stands. Source: GET /api/v1/monitor."""

    id: int
    name: str
    state: str
    """Datadog's own word: Alert, Warn, No Data, OK, Ignored, Skipped, Unknown."""
    query: str
    tags: tuple[str, ...] = ()
    message: str = ""


@dataclass(slots=True, frozen=True)
class DatadogIncident:
    """One of Datadog's incidents as it stands. Source: /api/v2/incidents."""

    id: str
    """Datadog's id, a UUID: what it is read and changed by."""
    number: int | None
    """The number that people see; None where the service sent none."""
    title: str
    severity: str
    """UNKNOWN, SEV-0 to SEV-5."""
    state: str
    """active, stable, resolved, completed."""
    created: datetime | None = None


@dataclass(slots=True, frozen=True)
class Monitors:
    """Monitors that carry the tags asked for, in the service's order."""

    monitors: tuple[Monitor, ...]
    evidence: Evidence

    def __iter__(self) -> Iterator[Monitor]:
        """The monitors, one by one."""
        return iter(self.monitors)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.monitors)


@dataclass(slots=True, frozen=True)
class Metrics:
    """The answer to one or several metric queries."""

    series: tuple[Series | None, ...]
    """One per query, in the order asked; None where the service reported nothing at all."""
    evidence: Evidence
