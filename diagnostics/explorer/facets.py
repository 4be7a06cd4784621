"""Which attributes loaded events have, and their most frequent values. Pure counting; asks nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from diagnostics.models.events import LogEvent
from diagnostics.models.explorer import Facet

RESERVED = ("service", "status", "host")
"""Fields that every event has outside its attributes."""

DEEPEST = 6
MOST_ATTRIBUTES = 400
MOST_VALUES = 10
LONGEST_VALUE = 120


def leaves(attributes: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """(path, scalar) of every leaf, arrays by their elements, to a bounded depth."""
    pending: list[tuple[str, object, int]] = [("", attributes, 0)]
    while pending:
        path, node, depth = pending.pop()
        if isinstance(node, Mapping):
            if depth < DEEPEST:
                pending += [(f"{path}.{key}" if path else str(key), value, depth + 1) for key, value in node.items()]
        elif isinstance(node, list | tuple):
            pending += [(path, value, depth + 1) for value in node[:20] if depth < DEEPEST]
        elif node is not None:
            yield path, node


def value_text(value: object) -> str:
    """A scalar as a query writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class FacetCounter:
    """Counts while events come in, so that a growing page is not counted twice. Threads may add and read."""

    def __init__(self) -> None:
        self.events = 0
        self._lock = threading.Lock()
        self._values: dict[str, Counter[str]] = {}

    def add(self, events: Iterable[LogEvent]) -> None:
        """Count these events too."""
        for event in events:
            found = [(name, str(getattr(event, name))) for name in RESERVED]
            found += [(f"@{path}", value_text(value)) for path, value in leaves(event.attributes)]
            with self._lock:
                self.events += 1
                for name, value in found:
                    self._count(name, value)

    def _count(self, name: str, value: str) -> None:
        counter = self._values.get(name)
        if counter is None:
            if len(self._values) >= MOST_ATTRIBUTES:
                return
            counter = self._values[name] = Counter()
        if value and len(value) <= LONGEST_VALUE:
            counter[value] += 1

    def names(self) -> tuple[str, ...]:
        """Attributes seen: the reserved ones first, then those whose values repeat most."""
        with self._lock:
            weights = {name: self._weight(name) for name in self._values}
        return (
            *(name for name in RESERVED if name in weights),
            *sorted(weights.keys() - set(RESERVED), key=lambda name: (-weights[name], name)),
        )

    def _weight(self, name: str) -> float:
        """How well an attribute divides events into few groups: ids of single events are worth nothing."""
        counter = self._values[name]
        total = counter.total()
        return total / len(counter) if len(counter) > 1 else (1.5 if total > 1 else 0.0)

    def facet(self, name: str, most: int = MOST_VALUES) -> Facet:
        """The most frequent values of one attribute among the events counted."""
        with self._lock:
            values = self._values.get(name, Counter[str]()).most_common(most)
            return Facet(name, tuple(values), of=self.events, is_exact=False)

    def facets(self, names: Sequence[str], most: int = MOST_VALUES) -> tuple[Facet, ...]:
        """Facets of several attributes."""
        return tuple(self.facet(name, most) for name in names)

    def values(self, name: str) -> tuple[tuple[str, int], ...]:
        """All values of an attribute, most frequent first, for completion."""
        with self._lock:
            return tuple(self._values.get(name, Counter[str]()).most_common())
