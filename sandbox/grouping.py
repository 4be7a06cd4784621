"""Facets, measures and the arithmetic of log aggregates, over events counted by kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sandbox.matching import tells_events_apart
from sandbox.timeline import Timeline

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
    return _measure(aggregation, weights)


def _measure(aggregation: str, weights: Counter[float]) -> float:
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
