"""Conditions of the catalogue in words, and the numbers they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from diagnostics.catalogue.response import COMPARISONS, ExitCriterion, TierCondition
from diagnostics.core.words import listed

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold


def limit_of(condition: TierCondition, thresholds: Mapping[str, Threshold]) -> float | None:
    """The number that a condition is held against, looked up where it names a threshold; None for words."""
    if not condition.threshold:
        return condition.limit
    name, _, limit = condition.threshold.partition(".")
    found = getattr(thresholds[name], limit)
    return None if found is None else float(found)


def condition_words(condition: TierCondition, thresholds: Mapping[str, Threshold]) -> str:
    """Such as "health at least 98.8 %"."""
    if not condition.reading:
        return f"{condition.title}: people say so"
    if condition.comparison == "is":
        return f"{condition.title}: {listed(condition.values, 'or')}"
    limit = limit_of(condition, thresholds)
    said = "—" if limit is None else quantity_words(limit, condition.unit)
    return f"{condition.title} {COMPARISONS[condition.comparison]} {said}"


def quantity_words(value: float, unit: str) -> str:
    """A limit with its unit, such as "98.8 %", "10/min", "1,000 events"."""
    number = f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}".rstrip()


def criterion_words(criterion: ExitCriterion, thresholds: Mapping[str, Threshold]) -> str:
    """Such as "health at least 98.8 % for 30 min, at least 500 sync events"."""
    words = condition_words(criterion, thresholds)
    words += f" for {criterion.hold_minutes:g} min" if criterion.hold_minutes else ""
    if criterion.minimum_events:
        words += f", at least {criterion.minimum_events:,} {criterion.events.replace('_', ' ')}"
    return words
