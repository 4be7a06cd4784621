"""Bounds with a unit, such as `>2s`: turned into the number that logs carry where its unit is known, else refused.

Datadog's search has no units: `2s` would be compared as text, and select what nobody meant.
"""

from __future__ import annotations

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0}
_OTHERS = ("d", "b", "kb", "mb", "gb", "kib", "mib", "gib", "%")
"""Units that people write and that no attribute here is known to have."""

ATTRIBUTES = {"http.response_time": "ms", "database.query_time": "ms", "duration": "ns"}
"""The unit of an attribute's numbers. The first two as the team logs them, the last one is Datadog's standard attribute
"duration", in nanoseconds."""

_MAYBE = re.compile(r"(?:[<>]=?|[\[{]|\bTO)\s*-?\d+(?:\.\d+)?[a-zµ%]", re.IGNORECASE)
_WITH_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)([a-zµ%]{1,3})", re.IGNORECASE)


def has_unit(text: str) -> bool:
    """Whether a bound is a number with a unit behind it."""
    match = _WITH_UNIT.fullmatch(text)
    return match is not None and match[2].lower() in (*_SECONDS, *_OTHERS)


def without_units(query: str) -> str:
    """The query as it can be sent: bounds with a unit as numbers. What has none, or cannot be read, stays as it is."""
    if not _MAYBE.search(query):
        return query
    # The grammar is for the few queries that may hold a unit.
    from diagnostics.logs.errors import QuerySyntaxError  # noqa: PLC0415
    from diagnostics.logs.parser import parse  # noqa: PLC0415
    from diagnostics.logs.quoting import to_text  # noqa: PLC0415

    try:
        return to_text(parse(query))
    except QuerySyntaxError:
        return query


def in_unit_of(attribute: str, text: str) -> str | None:
    """The number that a bound with a unit is in the unit of this attribute; None where that is not known."""
    match, own = _WITH_UNIT.fullmatch(text), ATTRIBUTES.get(attribute)
    if match is None or own is None or match[2].lower() not in _SECONDS:
        return None
    return f"{round(float(match[1]) * _SECONDS[match[2].lower()] / _SECONDS[own], 6):.15g}"
