"""Models of the log explorer beside the lines: a histogram, facets, patterns, one correlation across services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnostics.models.events import LogEvent
from diagnostics.models.evidence import Evidence

LEVELS = ("error", "warn", "info")
"""The three classes into which Datadog's nine statuses are put, worst first."""

_LEVEL_OF = {
    "emergency": "error",
    "alert": "error",
    "critical": "error",
    "error": "error",
    "warn": "warn",
    "warning": "warn",
}


def level_of(status: str) -> str:
    """One of `LEVELS` for a status as events carry it; what nobody knows counts as info."""
    return _LEVEL_OF.get(status.casefold(), "info")


@dataclass(slots=True, frozen=True)
class Bin:
    """One step of a histogram."""

    start_ms: int
    """UTC, milliseconds since the epoch."""
    counts: Mapping[str, int]
    """Events by level; a level that is not named has none."""
    is_complete: bool = True
    """False where logs are late: what is not here may still come, and none found is no data."""

    @property
    def total(self) -> int:
        """Events of all levels."""
        return sum(self.counts.values())


@dataclass(slots=True, frozen=True)
class Histogram:
    """Events over time, every step of the range present. Source: Datadog log aggregates."""

    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    bins: tuple[Bin, ...]
    total: int
    evidence: Evidence
    partial: bool = False
    """The service answered for a part of its logs: the counts are lower bounds."""
    late: str = ""
    """How late its logs are, for a person: "logs of fub 2 min late"; empty where they are in time."""


@dataclass(slots=True, frozen=True)
class Facet:
    """The most frequent values of one attribute."""

    name: str
    """As a query writes it: "service", "@context.account_id"."""
    values: tuple[tuple[str, int], ...]
    """(value, events), most first."""
    of: int
    """Of loaded lines: how many were looked at, those without the attribute among them. Of a count by the service: the
    sum of `values`, because it names the largest ones only."""
    is_exact: bool
    """True when the service counted all events of the range, False when only loaded lines were."""
    evidence: Evidence | None = None
    partial: bool = False


@dataclass(slots=True, frozen=True)
class Pattern:
    """Messages that differ only in their variable parts."""

    template: str
    """Variable parts as `<number>`, `<id>`, `<address>`, `<text>` or `<*>`."""
    count: int
    level: str
    """The worst level among them."""
    services: tuple[str, ...]
    first_ms: int
    last_ms: int
    samples: tuple[LogEvent, ...]
    """The newest few."""


@dataclass(slots=True, frozen=True)
class Correlation:
    """Everything that one correlation id was named in, oldest first."""

    correlation_id: str
    query: str
    events: tuple[LogEvent, ...]
    services: tuple[str, ...]
    """In the order in which they were reached."""
    is_complete: bool
    """False when there are more events than were read."""
    evidence: tuple[Evidence, ...]


@dataclass(slots=True, frozen=True)
class Completion:
    """One way to go on with a query."""

    text: str
    """Replacement of the word under the cursor."""
    note: str = ""
    """How often it was seen, or what it means."""


@dataclass(slots=True, frozen=True)
class Completions:
    """Ways to go on at a cursor; `start` and `end` are the columns of the word they replace."""

    start: int
    end: int
    options: tuple[Completion, ...]


@dataclass(slots=True, frozen=True)
class SavedQuery:
    """A query that somebody gave a name."""

    name: str
    query: str
    window_s: int
    at: datetime


@dataclass(slots=True, frozen=True)
class LineGroup:
    """Log lines of one pattern, status and endpoint within a window, as far as they have been read."""

    key: str
    """The same for as long as the group is there."""
    template: str
    """The message with what varies masked."""
    status: str
    """HTTP status; empty where the lines carry none."""
    endpoint: str
    """Method and path; empty where the lines carry none."""
    count: int
    accounts: tuple[str, ...]
    """Accounts that the lines name, each once."""
    newest: LogEvent
