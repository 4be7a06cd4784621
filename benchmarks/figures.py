"""Results of benchmarks: figures, each with the yardstick's beside it and the target it is held to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


class NotAvailable(Exception):  # noqa: N818  # says what is the case; it is no error of the benchmark
    """A piece that a benchmark needs is not there, or does not run here; the text says which and why."""


@dataclass(slots=True, frozen=True)
class Target:
    """The most a figure may be; the least where `at_least`. With `ratio` it holds for value divided by yardstick."""

    limit: float
    ratio: bool = False
    at_least: bool = False

    def words(self, unit: str) -> str:
        """The target as people write it."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g} × beside" if self.ratio else f"{sign} {self.limit:,g} {unit}"


@dataclass(slots=True, frozen=True)
class Figure:
    """One measured value."""

    name: str
    unit: str
    value: float
    beside: float | None = None
    """The same of the minimal application, or of what `name` compares with, in the same run."""
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value divided by the yardstick's, or None where there is none."""
        return self.value / self.beside if self.beside else None

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without one, or without the yardstick that it needs."""
        if self.target is None:
            return None
        compared = self.ratio if self.target.ratio else self.value
        if compared is None:
            return None
        return compared >= self.target.limit if self.target.at_least else compared <= self.target.limit

    def plain(self) -> dict[str, Any]:
        """The figure as JSON types."""
        return {**asdict(self), "ratio": self.ratio, "passed": self.passed}


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The value that 95 % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-95 * len(ordered) // 100) - 1))]
