"""`/api/v2/logs/analytics/aggregate`: counts and measures, in total or over time, by nested facets."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.server.conventions import Rejected, interval_ms, invalid, iso
from sandbox.server.log_search import QueryCache, check_tier, section, selected, tells_events_apart, window
from sandbox.stories.timeline import Timeline

PERCENTILES = {"median": 50.0, "pc75": 75.0, "pc90": 90.0, "pc95": 95.0, "pc98": 98.0, "pc99": 99.0}
AGGREGATIONS = ("count", "cardinality", "sum", "min", "max", "avg", *PERCENTILES)

Units = Counter[int]
"""How many events of each unit: a prototype, or minus one minus a position where events must be told apart."""


class Fields:
    """Reads facets and measures of units."""

    def __init__(self, timeline: Timeline, names: list[str]) -> None:
        self._timeline = timeline
        self._by_event = any(tells_events_apart(name) for name in names)
        self.values: Callable[[int, str], tuple[Any, ...]] = lru_cache(maxsize=200_000)(self._read)

    def count(self, positions: Any) -> Units:  # noqa: ANN401  # array[int] is no runtime type on 3.11
        """Return how many events of each unit stand at these positions."""
        if self._by_event:
            return Counter(-1 - position for position in positions)
        return Counter(map(self._timeline.kinds.__getitem__, positions))

    def _read(self, unit: int, name: str) -> tuple[Any, ...]:
        timeline = self._timeline
        prototype = timeline.prototypes[unit if unit >= 0 else timeline.kinds[-1 - unit]]
        if name.startswith("@"):
            attributes = prototype.attributes if unit >= 0 else timeline.attributes(-1 - unit)
            return tuple(_leaves(attributes, name[1:]))
        if name in {"service", "status", "host"}:
            return (getattr(prototype, name),)
        prefix = name + ":"
        return tuple(tag[len(prefix) :] for tag in prototype.tags if tag.startswith(prefix))


def _leaves(node: object, path: str) -> Iterator[Any]:
    """Yield the values at a dotted path; an array gives each of its elements."""
    if isinstance(node, list | tuple):
        for element in node:
            yield from _leaves(element, path)
    elif not path:
        if node is not None and not isinstance(node, Mapping):
            yield node
    elif isinstance(node, Mapping):
        name, _, rest = path.partition(".")
        if name in node:
            yield from _leaves(node[name], rest)


def label(value: object) -> str:
    """Return a facet's value as buckets name it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def reduce(aggregation: str, metric: str | None, units: Mapping[int, int], fields: Fields) -> float | None:
    """Return one computed value; None where there is nothing to compute from, as for the average of no numbers."""
    if aggregation == "count":
        return sum(units.values())
    name = metric or ""
    if aggregation == "cardinality":
        return len({label(value) for unit in units for value in fields.values(unit, name)})
    weights: Counter[float] = Counter()
    for unit, weight in units.items():
        for value in fields.values(unit, name):
            number = _number(value)
            if number is not None:
                weights[number] += weight
    if not weights:
        return None
    return _computed(aggregation, weights)


def _computed(aggregation: str, weights: Counter[float]) -> float:
    if aggregation in PERCENTILES:
        return _percentile(weights, PERCENTILES[aggregation])
    if aggregation == "min":
        return min(weights)
    if aggregation == "max":
        return max(weights)
    total = math.fsum(number * weight for number, weight in weights.items())
    return total if aggregation == "sum" else total / weights.total()


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return None


def _percentile(weights: Counter[float], share: float) -> float:
    """Return the smallest number at or below which `share` percent of the events lie (nearest rank).

    The real service answers from a sketch that is right within 1 %; this one is exact.
    """
    rank = math.ceil(share / 100 * weights.total())
    seen = 0
    for number in sorted(weights):
        seen += weights[number]
        if seen >= rank:
            return number
    return max(weights)


POINTS = 150
"""Points of a time series whose interval is left open."""
MOST_POINTS = 11_000
MOST_GROUPS = 1_000


@dataclass(slots=True, frozen=True)
class Measure:
    """One compute: an aggregation, in total or in intervals."""

    aggregation: str
    metric: str | None
    interval: int | None
    """Milliseconds; None computes one total."""


@dataclass(slots=True, frozen=True)
class Grouping:
    """One level of grouping."""

    name: str
    limit: int
    descending: bool
    sort: Measure | None
    """None sorts by the facet's values."""
    missing: str | None


@dataclass(slots=True, frozen=True)
class AggregateRequest:
    """A checked request."""

    query: str
    low_ms: int
    high_ms: int
    measures: tuple[Measure, ...]
    facets: tuple[Grouping, ...]

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> AggregateRequest:
        """Read the JSON body; raises `Rejected` (400)."""
        filters = section(body, "filter")
        query = filters.get("query", "*")
        if not isinstance(query, str):
            raise invalid("filter.query", "expected a string")
        check_tier(filters.get("storage_tier"))
        low, high = window(filters.get("from", "now-15m"), filters.get("to", "now"))
        measures = tuple(_measure(item, high - low) for item in _items(body, "compute"))
        if not measures:
            raise invalid("compute", "at least one compute is required")
        return cls(query, low, high, measures, tuple(_facet(item) for item in _items(body, "group_by")))

    def names(self) -> list[str]:
        """Every attribute that the request reads."""
        sorts = [facet.sort for facet in self.facets if facet.sort]
        metrics = [measure.metric for measure in (*self.measures, *sorts) if measure.metric]
        return [*metrics, *(facet.name for facet in self.facets)]


def _items(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise invalid(name, "expected a list of objects")
    return found


def _measure(item: Mapping[str, Any], window_ms: int) -> Measure:
    aggregation, metric, kind = item.get("aggregation"), item.get("metric"), item.get("type", "total")
    if aggregation not in AGGREGATIONS:
        raise invalid("aggregation", f"expected one of {', '.join(AGGREGATIONS)}")
    if metric is not None and not isinstance(metric, str):
        raise invalid("metric", "expected a string")
    if aggregation != "count" and not metric:
        raise invalid("metric", f"{aggregation} needs a metric")
    if kind not in {"total", "timeseries"}:
        raise invalid("type", "expected one of total, timeseries")
    if kind == "total":
        return Measure(aggregation, metric, None)
    given = item.get("interval")
    interval = max(1_000, window_ms // POINTS) if given is None else interval_ms(given, "interval")
    if window_ms / interval > MOST_POINTS:
        raise invalid("interval", "too many points for the time range")
    return Measure(aggregation, metric, interval)


def _facet(item: Mapping[str, Any]) -> Grouping:
    name, limit, missing = item.get("facet"), item.get("limit", 10), item.get("missing")
    if not isinstance(name, str) or not name:
        raise invalid("facet", "expected the name of a facet")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_GROUPS:
        raise invalid("limit", f"must be between 1 and {MOST_GROUPS}")
    sort = section(item, "sort")
    order = sort.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise invalid("order", "expected one of asc, desc")
    by_measure = not sort or sort.get("type", "alphabetical") == "measure"
    if not by_measure and "aggregation" in sort:
        # The service's quirk: the default type of a sort is alphabetical, and that one knows no aggregation.
        raise invalid("aggregation", "Unrecognized parameter")
    measure = _measure({"aggregation": "count", **{k: sort[k] for k in ("aggregation", "metric") if k in sort}}, 0)
    return Grouping(name, limit, order == "desc", measure if by_measure else None, _text(missing))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def aggregate(timeline: Timeline, cache: QueryCache, asked: AggregateRequest) -> dict[str, Any]:
    """Return the answer in the service's shape."""
    began = time.perf_counter()
    positions = selected(cache, timeline, asked.query, asked.low_ms, asked.high_ms)
    fields = Fields(timeline, asked.names())
    groups = list(_groups(fields.count(positions), asked.facets, fields))
    if len(groups) > MOST_GROUPS * 10:
        raise Rejected(400, "input_validation_error(Field 'group_by' is invalid: too many groups)")
    columns = [_column(measure, groups, positions, timeline, fields) for measure in asked.measures]
    buckets = [
        {
            "by": {facet.name: value for facet, value in zip(asked.facets, key, strict=True)},
            "computes": {f"c{number}": column[row] for number, column in enumerate(columns)},
        }
        for row, (key, _) in enumerate(groups)
        if len(positions) or any(not isinstance(column[row], list) for column in columns)
    ]
    elapsed = time.perf_counter() - began
    meta = {"elapsed": round(elapsed * 1000), "request_id": f"pddv1{int(began * 1e6):x}", "status": "done"}
    return {"meta": meta, "data": {"buckets": buckets}}


def _groups(units: Units, facets: tuple[Grouping, ...], fields: Fields) -> Iterator[tuple[tuple[str, ...], Units]]:
    """Yield each group's key and events; a limit counts within its parent group, as the service does it."""
    if not facets:
        yield (), units
        return
    facet, rest = facets[0], facets[1:]
    parts: dict[str, Units] = defaultdict(Counter)
    for unit, weight in units.items():
        values = {label(value) for value in fields.values(unit, facet.name)}
        for value in values or ({facet.missing} if facet.missing is not None else ()):
            parts[str(value)][unit] += weight
    for value in _ordered(parts, facet, fields)[: facet.limit]:
        for key, leaf in _groups(parts[value], rest, fields):
            yield (value, *key), leaf


def _ordered(parts: Mapping[str, Units], facet: Grouping, fields: Fields) -> list[str]:
    """Return the values of a facet in the order asked for; equals are in alphabetical order, so answers repeat."""
    names = sorted(parts)
    if facet.sort is None:
        return names[::-1] if facet.descending else names
    sort = facet.sort
    sign = -1 if facet.descending else 1
    weights = {name: reduce(sort.aggregation, sort.metric, parts[name], fields) for name in names}
    return sorted(names, key=lambda name: (weights[name] is None, sign * (weights[name] or 0)))


def _column(
    measure: Measure,
    groups: list[tuple[tuple[str, ...], Units]],
    positions: Any,  # noqa: ANN401  # array[int] is no runtime type on 3.11
    timeline: Timeline,
    fields: Fields,
) -> list[Any]:
    """Return one compute for every group, in the order of the groups."""
    if measure.interval is None:
        return [reduce(measure.aggregation, measure.metric, units, fields) for _, units in groups]
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row, (_, units) in enumerate(groups):
        for unit in units:
            rows_of[unit].append(row)
    series: list[list[dict[str, Any]]] = [[] for _ in groups]
    for moment, part in _intervals(positions, timeline, measure.interval):
        split: dict[int, Units] = defaultdict(Counter)
        for unit, weight in fields.count(part).items():
            for row in rows_of.get(unit, ()):
                split[row][unit] += weight
        for row, units in split.items():
            value = reduce(measure.aggregation, measure.metric, units, fields)
            if value is not None:
                series[row].append({"time": iso(moment), "value": value})
    return series


def _intervals(positions: Any, timeline: Timeline, interval: int) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    """Yield the start of each interval that holds events, aligned to the epoch, with its events."""
    low = 0
    while low < len(positions):
        start = timeline.moments[positions[low]] // interval * interval
        border = bisect_left(timeline.moments, start + interval)
        high = bisect_left(positions, border, low)
        yield start, positions[low:high]
        low = high
