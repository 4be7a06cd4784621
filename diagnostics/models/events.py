"""Log events as the console holds them: slotted, cleaned, cheap by the hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnostics.models.evidence import Evidence


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
