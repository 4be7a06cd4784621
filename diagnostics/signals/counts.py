"""The questions that pulses, checks and triage ask of the logs, shared so that equal ones cost one request."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now, window_ending
from diagnostics.core.waiting import SingleFlight
from diagnostics.core.words import span
from diagnostics.models.datadog import Aggregate, Compute, GroupBy, MeasuredValue, Series
from diagnostics.models.events import LogPage
from diagnostics.models.evidence import Evidence
from diagnostics.signals.baselines import Baselines
from diagnostics.signals.deal_index import positive_id

if TYPE_CHECKING:
    from diagnostics.sources.datadog import Datadog

T = TypeVar("T")

MINUTE_MS = 60_000
DAY_S = 86_400

KEEP_S = 5.0
"""How long panes and checks share an answer: shorter than any refresh interval, longer than one burst of asking."""

KEEP_COUNTS_S = 20.0
"""A check takes the count that the issue's pulse has just asked for: aggregates are the scarcest of all requests."""

KEEP_SAMPLES_S = 20.0
"""Log lines read for one detail (a Retry-After, an example) may be older than a count: searches are scarce."""

KEEP_WINDOWS_S = 60.0
"""A baseline that waits for the second of its two questions keeps the answer to the first."""

LONGEST_BASELINE_S = 14 * DAY_S
"""Within the 15 days that logs are kept."""

FEWEST_WINDOWS = 3
"""Below this, a median is a guess, and what is usual is not known."""

ANY_LOG = "*"

ACCOUNT_FACET = "@context.account_id"


@dataclass(slots=True, frozen=True)
class Counts:
    """How many events matched in one window."""

    count: int
    per_minute: tuple[int, ...]
    """Events in each complete minute of the window, oldest first."""
    accounts: int | None
    """Distinct accounts, approximate as Datadog counts them."""
    evidence: Evidence
    partial: bool
    """The source answered for a part of its logs: the figures are lower bounds, and never an all-clear."""

    @property
    def recent_minute(self) -> int | None:
        """Events in the busier of the last two complete minutes; None when the window holds no complete one.

        Logs are indexed some seconds after they were written, so the newest complete minute alone may still fill.
        """
        return max(self.per_minute[-2:], default=None)


@dataclass(slots=True, frozen=True)
class Usual:
    """The median count of a window of this length."""

    count: float
    windows: int
    """How many windows the median is taken over."""
    evidence: Evidence


@dataclass(slots=True, frozen=True)
class Accounts:
    """Accounts that matching events name, most events first."""

    ids: tuple[int, ...]
    evidence: Evidence
    partial: bool
    """There may be further accounts."""


@dataclass(slots=True, frozen=True)
class _Windows:
    """Counts of the complete windows of a baseline, oldest first."""

    first_ms: int
    """Where the oldest one begins, epoch milliseconds."""
    length_ms: int
    counts: tuple[int, ...]
    evidence: Evidence

    def without_logs(self, from_ms: int) -> int:
        """These being of all logs: how many windows from `from_ms` on begin before the oldest log."""
        empty = next((position for position, count in enumerate(self.counts) if count), len(self.counts))
        # The window in which the logs begin holds a part of itself only.
        begin_ms = self.first_ms + (empty + 1 if empty else 0) * self.length_ms
        return max(0, (begin_ms - from_ms) // self.length_ms)


class LogQuestions:
    """Questions to Datadog with a few seconds of shared memory. Raises SourceFailure only."""

    def __init__(self, datadog: Datadog, answers: SingleFlight, *, baseline_s: float) -> None:
        self._datadog = datadog
        self._answers = answers
        self._baseline_s = baseline_s
        self.baselines = Baselines(self._usual, keep_s=baseline_s)
        self.last: Evidence | SourceFailure | None = None
        """The newest evidence that the source answers, or the newest failure that says it does not."""
        self.failed_at: datetime | None = None

    def counts(self, query: str, window_s: int, *, fresh_s: float = KEEP_COUNTS_S) -> Counts:
        """Total, events per minute and distinct accounts of the last `window_s` seconds, in one request.

        An answer not older than `fresh_s` seconds is good enough.
        """
        return self._answers.get(("counts", query, window_s), fresh_s, lambda: self._counts(query, window_s))

    def search(self, query: str, *, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> LogPage:
        """One page of events, newest first, straight from the source."""
        page = self._noted(lambda: self._datadog.search(query, start=start, end=end, limit=limit, cursor=cursor))
        self.last = page.evidence
        return page

    def accounts(self, query: str, window_s: int, most: int = 10) -> Accounts:
        """Accounts with matching events, most events first, at most `most`."""
        return self._answers.get(
            ("accounts", query, window_s, most), KEEP_SAMPLES_S, lambda: self._accounts(query, window_s, most)
        )

    def newest(self, query: str, window_s: int, limit: int = 50) -> LogPage:
        """The newest matching events."""

        def ask() -> LogPage:
            start, end = window_ending(window_s)
            return self.search(query, start=start, end=end, limit=limit)

        return self._answers.get(("newest", query, window_s, limit), KEEP_SAMPLES_S, ask)

    def _counts(self, query: str, window_s: int) -> Counts:
        start, end = window_ending(window_s)
        answer = self._aggregate(
            query,
            start=start,
            end=end,
            computes=(
                Compute(),
                Compute(interval_ms=MINUTE_MS),
                Compute(aggregation="cardinality", metric=ACCOUNT_FACET),
            ),
        )
        values: Sequence[MeasuredValue] = answer.buckets[0].values if answer.buckets else (0.0, (), 0.0)
        total, series, accounts = values
        return Counts(
            count=_whole(total) or 0,
            per_minute=complete_buckets(series, start, end, MINUTE_MS),
            accounts=_whole(accounts),
            evidence=answer.evidence,
            partial=answer.partial,
        )

    def _aggregate(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        computes: tuple[Compute, ...],
        group_by: tuple[GroupBy, ...] = (),
    ) -> Aggregate:
        answer = self._noted(
            lambda: self._datadog.aggregate(query, start=start, end=end, computes=computes, group_by=group_by)
        )
        self.last = answer.evidence
        return answer

    def _noted(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except SourceFailure as failure:
            # A query it cannot read, a turn not come yet and a console that closes say nothing about the source.
            silent = failure.kind in {FailureKind.REJECTED, FailureKind.CANCELLED} or isinstance(failure, TurnAwaited)
            if not silent:
                self.last = failure
                self.failed_at = utc_now()
            raise

    def _usual(self, query: str, window_s: int) -> Usual | None:
        """Median count of windows of this length over a day or eight windows; None when too few hold logs.

        The median is not moved by an incident of a few hours, so the present one need not be cut out. A window before
        the oldest log says nothing, and is not one in which nothing happened. A partial answer would make the usual too
        small for as long as it is kept, so it counts as a failure.
        """
        asked = self._windows(query, window_s, min(KEEP_WINDOWS_S, self._baseline_s))
        windows = asked.counts
        if windows and not windows[0]:
            # Only all logs together tell where logs begin: an issue may be new while the logs are old.
            all_logs = self._windows(ANY_LOG, window_s, self._baseline_s)
            windows = windows[all_logs.without_logs(asked.first_ms) :]
        if len(windows) < FEWEST_WINDOWS:
            return None
        evidence = asked.evidence
        basis = f"median of {len(windows)} windows of {span(window_s)}"
        caveat = f"{basis}; {evidence.caveat}" if evidence.caveat else basis
        return Usual(float(statistics.median(windows)), len(windows), evidence.model_copy(update={"caveat": caveat}))

    def _windows(self, query: str, window_s: int, fresh_s: float) -> _Windows:
        def ask() -> _Windows:
            start, end = window_ending(min(LONGEST_BASELINE_S, max(DAY_S, 8 * window_s)))
            interval_ms = window_s * 1_000
            answer = self._aggregate(query, start=start, end=end, computes=(Compute(interval_ms=interval_ms),))
            if answer.partial:
                raise SourceFailure(
                    FailureKind.TIMED_OUT, "datadog", "a part of the day before is missing from the answer"
                )
            series = answer.buckets[0].values[0] if answer.buckets else ()
            counts = complete_buckets(series, start, end, interval_ms)
            return _Windows(_first_complete(start, interval_ms), interval_ms, counts, answer.evidence)

        return self._answers.get(("windows", query, window_s), fresh_s, ask)

    def _accounts(self, query: str, window_s: int, most: int) -> Accounts:
        start, end = window_ending(window_s)
        answer = self._aggregate(
            query, start=start, end=end, computes=(Compute(),), group_by=(GroupBy(ACCOUNT_FACET, limit=most),)
        )
        named = (positive_id(bucket.by.get(ACCOUNT_FACET)) for bucket in answer.buckets)
        return Accounts(tuple(name for name in named if name is not None), answer.evidence, answer.partial)


def complete_buckets(series: MeasuredValue, start: datetime, end: datetime, interval_ms: int) -> tuple[int, ...]:
    """The values of the buckets that lie wholly inside the window, oldest first, absent ones as 0.

    Datadog aligns buckets to multiples of the interval and leaves out empty ones; the first and the last bucket of an
    unaligned window hold only part of their interval, and would read as a dip that is not there.
    """
    points: Series = series if isinstance(series, tuple) else ()
    by_start = {moment - moment % interval_ms: value for moment, value in points}
    end_ms = round(end.timestamp() * 1_000)
    first = _first_complete(start, interval_ms)
    return tuple(round(by_start.get(moment, 0.0)) for moment in range(first, end_ms - interval_ms + 1, interval_ms))


def _first_complete(start: datetime, interval_ms: int) -> int:
    """Epoch milliseconds of the first bucket that begins at or after `start`."""
    return -(-round(start.timestamp() * 1_000) // interval_ms) * interval_ms


def _whole(value: MeasuredValue) -> int | None:
    return None if value is None or isinstance(value, tuple) else round(value)
