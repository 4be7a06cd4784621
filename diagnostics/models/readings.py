"""Readings of live panes: a value with its freshness, never a bare number."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.status import Status

Value = TypeVar("Value")


class Freshness(StrEnum):
    """How much a shown value can be trusted now."""

    LOADING = "loading"
    FRESH = "fresh"
    STALE = "stale"
    """There is an older good value, and the newest attempt failed or is overdue."""
    FAILED = "failed"
    """There has never been a value, and the newest attempt failed."""
    PAUSED = "paused"


class Reading(Frozen, Generic[Value]):
    """The state of one live question at one moment."""

    key: str
    freshness: Freshness
    value: Value | None = None
    taken_at: datetime | None = None
    """When `value` was obtained."""
    failure: str = ""
    """Headline of the newest failure, empty when the newest attempt succeeded."""
    remedy: str = ""
    next_at: datetime | None = None
    """When it will be asked again."""
    sequence: int = 0
    """Rises with every change of the reading; a late message with a lower one is dropped."""


class Pulse(Frozen):
    """How much of one issue there is now, against what is usual. Source: Datadog log aggregates and `common`."""

    issue_type: str
    severity: str
    """A severity of the issue's matrix row, or "ok"."""
    status: Status
    count: int | None
    """Events in the window; None is no data."""
    window_s: int
    usual: float | None = None
    """Median count of the same window length over the baseline period."""
    ratio: float | None = None
    """count ÷ usual; None when nothing is usual."""
    per_minute: tuple[int, ...] = ()
    """Events a minute, oldest first, for the curve."""
    minutes_from: datetime | None = None
    """When the first of these minutes begins."""
    accounts: int | None = None
    """Distinct accounts in the window."""
    headline: str = ""
    """The figure a responder wants first, e.g. "backlog 212,631"."""
    reason: str = ""
    """Basis of the severity, in words: the count against the usual, or the backlog."""
    findings: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    log_failure: str = ""
    """Headline of the failure that kept the logs from answering; a count beside it is the last one known."""
    judging: bool = False
    """The count is here, and the status waits for what is usual, which is still being asked for."""
    ask_again_s: float | None = None
    """When asking again is worth it: soon while what is usual is on its way, later where the rate limit is small."""

    @property
    def asked_at(self) -> datetime | None:
        """When the count was asked for, or the backlog where there is no count. A shared answer keeps its moment."""
        return self.evidence[0].started_at if self.evidence else None


class SourceState(Frozen):
    """One source as the header shows it."""

    name: str
    status: Status
    latency_ms: float | None = None
    detail: str = ""
    """e.g. "3/3 per 10 s", "unreachable since 14:01:10"."""
    checked_at: datetime | None = None
    calls_left: int | None = None
    """Calls that the scarcest rate limit still allows; None where the source has none, or has not said."""
    calls: int | None = None
    """Calls that this limit allows in its period."""


class Budget(Frozen):
    """Remainder of one rate limit, as the service's own headers last said. Source: X-RateLimit-* headers."""

    name: str
    limit: int
    remaining: int
    period_s: float
    resets_at: datetime
    observed: bool
    """False while no header has been seen and the numbers are the cautious assumption."""
    operations: tuple[str, ...] = ()
    """The operations counted under this limit, e.g. "logs_search"; empty where the source does not tell."""
