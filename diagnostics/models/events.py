"""Log events as the console holds them: slotted, cleaned, cheap by the hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnostics.models.evidence import Evidence

CORRELATION_PATHS = ("correlation_id", "correlationId", "request_id", "trace_id")
"""Names under which an event carries what ties it to others, best first."""

TELLING_PATHS: Mapping[str, tuple[str, ...]] = {
    "error": ("context.error_message", "error.message", "error_message", "context.error", "error", "error.kind"),
    "http status": ("http.status_code", "context.status_code", "status_code", "context.http_status"),
    "endpoint": ("http.url_details.path", "http.route", "http.url", "context.endpoint", "context.url", "endpoint"),
    "account": ("context.account_id", "account_id", "context.account"),
}
"""What a responder reads of an event first, and the attributes that may hold it, best first."""


@dataclass(slots=True, frozen=True)
class LogEvent:
    """One log event. Every string has passed the sanitizer. Source: Datadog log search."""

    id: str
    timestamp_ms: int
    """UTC, milliseconds since the epoch."""
    service: str
    status: str
    """Lower case: emergency, alert, critical, error, warn, notice, info, debug, ok."""
    message: str
    """The reserved message, not the attribute `@message`."""
    host: str = ""
    tags: tuple[str, ...] = ()
    """`key:value` pairs and bare tags, as sent."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """The nested custom attributes, what `@path` addresses. JSON types only."""


@dataclass(slots=True, frozen=True)
class LogPage:
    """One page of a log search, newest first unless the query asked otherwise."""

    events: tuple[LogEvent, ...]
    next_cursor: str | None
    """Hand it back to read the page after this one; None at the end."""
    evidence: Evidence
    partial: bool = False
    """The service timed out inside or warned, or lines could not be read: this is not everything it holds, and what is
    not here may be there. The evidence's caveat says why."""
    cut: bool = False
    """It holds fewer events than were asked for because more would have been too large: more may stand behind it."""


def attribute(event: LogEvent, path: str) -> str | int | float | None:
    """The value at a dotted path of an event's attributes; None where there is none, or it is no single value."""
    value: Any = event.attributes
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    is_single = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_single and str(value) else None


def correlation_of(event: LogEvent) -> tuple[str, str] | None:
    """(attribute path, value) of what ties an event to others, or None."""
    for name in CORRELATION_PATHS:
        for path in (name, f"context.{name}"):
            value = attribute(event, path)
            if value is not None and not isinstance(value, float):
                return path, str(value)
    return None


def telling(event: LogEvent) -> tuple[tuple[str, str, str | int | float], ...]:
    """(label, attribute path, value) of what is read first: error, status, endpoint, account, correlation id.

    What an event does not carry is left out.
    """
    found: list[tuple[str, str, str | int | float]] = []
    for label, paths in TELLING_PATHS.items():
        held = ((path, value) for path in paths if (value := attribute(event, path)) is not None)
        first = next(held, None)
        if first is not None:
            found.append((label, *first))
    tied = correlation_of(event)
    return (*found, ("correlation id", *tied)) if tied is not None else tuple(found)
