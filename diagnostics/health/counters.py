"""The team's counters in Datadog's metrics over the last day, asked for in one request and shared.

Counters of one question are summed over the same buckets, so that a share is of things counted at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from diagnostics.checks.base import share
from diagnostics.core.context import Context
from diagnostics.core.words import span
from diagnostics.models.datadog import Series
from diagnostics.models.evidence import Evidence

DAY_S = 86_400
BUCKET_S = 300
"""288 buckets a day: as many points as the service gives without thinning them out."""
KEEP_S = 60.0

ASKED = (
    "token_requested",
    "token_refresh_failed",
    "transaction_created",
    "transaction_updated",
    "worker_started",
    "worker_failed",
)
"""Ids of the catalogue's metrics."""


@dataclass(slots=True, frozen=True)
class Counters:
    """Counts by bucket of each metric, None where nothing was reported all day."""

    series: dict[str, Series | None]
    end: datetime
    """Of which moment they are: now, or the end of the newest bucket where nothing has been reported since."""
    evidence: Evidence
    late: str = ""
    """How old the newest bucket is, for a person; empty while counters are in time. Then nothing is an all-clear."""

    def total(self, name: str, window_s: int, *, ending_s: int = 0) -> float | None:
        """Counts in the buckets of `window_s` seconds that end `ending_s` seconds before the end; None without any.

        Rounded to whole buckets, so the window is up to one bucket longer.
        """
        points = self.series.get(name)
        if points is None:
            return None
        end_ms = (self.end - timedelta(seconds=ending_s)).timestamp() * 1_000
        first_ms = end_ms - window_s * 1_000 - BUCKET_S * 1_000
        values = [value for at, value in points if first_ms < at <= end_ms]
        return sum(values) if values else None

    def failed_share(self, failed: str, attempted: str, window_s: int, *, ending_s: int = 0) -> float | None:
        """Failures among attempts, per cent; None where either is not reported."""
        failures = self.total(failed, window_s, ending_s=ending_s)
        attempts = self.total(attempted, window_s, ending_s=ending_s)
        if failures is None or not attempts:
            return None
        return share(round(failures), round(attempts))


def _in_time(series: dict[str, Series | None], now: datetime, evidence: Evidence) -> Counters:
    """The counters up to the newest bucket of any of them: what is newer is no data, and not nothing."""
    newest_ms = max((at for points in series.values() for at, _ in points or ()), default=None)
    if newest_ms is None:
        return Counters(series, now, evidence)
    end = datetime.fromtimestamp(newest_ms / 1_000 + BUCKET_S, UTC)
    age_s = (now - end).total_seconds()
    if age_s <= BUCKET_S:
        return Counters(series, now, evidence)
    late = f"the newest count of any counter is {span(age_s)} old"
    caveat = "; ".join(filter(None, (late, evidence.caveat)))
    return Counters(series, end, evidence.model_copy(update={"caveat": caveat, "newest_at": end}), late)


def read_counters(context: Context) -> Counters:
    """The counters of the last day. Raises SourceFailure."""
    names = context.catalogue.metrics

    def ask() -> Counters:
        end = context.now()
        queries = [f"sum:{names[name].metric}{{*}}.as_count().rollup(sum, {BUCKET_S})" for name in ASKED]
        answer = context.datadog.metrics(queries, start=end - timedelta(seconds=DAY_S), end=end)
        return _in_time(dict(zip(ASKED, answer.series, strict=True)), end, answer.evidence)

    return context.answers.get(("counters",), KEEP_S, ask)
