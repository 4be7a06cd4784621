"""Behaviour of an account: its last 24 hours against its own days before, as one score.

Two signals can be had at a cost that does not grow: error logs an hour (Datadog keeps 15 days, 13 of them are compared
with) and resolution changes a day (`zillow_connection_logs`, by its index on account and time, 30 days). Of each, the
score is how many spreads the last 24 hours lie above the median day; the spread is the larger of the median absolute
deviation (times 1.4826), the square root of the median and 1, so that a quiet account is not called unusual for one
event. The worse signal is the score. Lead events carry no index by account, so they are left out, and that is said.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select, union_all

from diagnostics.checks.base import moment, number
from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import window_text
from diagnostics.core.words import plural
from diagnostics.logs import bind
from diagnostics.models.datadog import Compute
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import UNKNOWN, Coverage, Figure, Gap
from diagnostics.models.status import Status
from diagnostics.signals.counts import complete_buckets

if TYPE_CHECKING:
    from diagnostics.core.context import Context

DAY_S = 86_400
HOUR_MS = 3_600_000
CHANGE_DAYS = 30
LOG_DAYS = 13
"""Datadog keeps 15 days of logs: the last 24 hours and as many whole days before them as surely lie within."""

KEEP_S = 600.0
"""How long a score is kept: it compares days."""

LEFT_OUT = "Lead events are left out: their table has no index by account."


@dataclass(slots=True, frozen=True)
class Signal:
    """One thing that is counted a day."""

    name: str
    today: int | None
    days: tuple[int, ...]
    """The whole days before, newest first, as far back as anything is known."""
    evidence: tuple[Evidence, ...] = ()
    failure: str = ""

    @property
    def usual(self) -> float:
        """The median day."""
        return float(statistics.median(self.days)) if self.days else 0.0

    def score(self, fewest: float) -> float | None:
        """Spreads above the median day, 0 below it; None with fewer days than that to compare with."""
        if self.today is None or len(self.days) < max(1.0, fewest):
            return None
        usual = self.usual
        deviation = statistics.median(abs(day - usual) for day in self.days)
        spread = max(1.4826 * deviation, math.sqrt(usual), 1.0)
        return max(0.0, (self.today - usual) / spread)

    def words(self, fewest: float) -> str:
        """For a person: today against the usual day, or why that is not known."""
        if self.failure:
            return f"{self.name} not known ({self.failure})"
        score = self.score(fewest)
        if score is None:
            return f"{self.name}: not enough history ({plural(len(self.days), 'day')})"
        today = f"{self.today:,}" if self.today is not None else UNKNOWN
        return f"{self.name} {today}, usual {self.usual:,.0f} of {plural(len(self.days), 'day')} (score {score:.1f})"


def behaviour(context: Context, account_id: int) -> Figure:
    """The score. Raises AccountUnknown, and SourceFailure only where the account itself cannot be looked up."""
    context.databases.account(account_id)
    return context.answers.get(("behaviour", account_id), KEEP_S, lambda: _behaviour(context, account_id))


def _behaviour(context: Context, account_id: int) -> Figure:
    now = context.now()
    signals = (
        _asked("error logs", lambda: _errors(context, account_id, now)),
        _asked("resolution changes", lambda: _changes(context, account_id, now)),
    )
    rule = context.catalogue.thresholds["account_behaviour"]
    fewest = context.catalogue.thresholds["behaviour_history_days"].warning or 1.0
    scores = [score for signal in signals if (score := signal.score(fewest)) is not None]
    value = round(max(scores), 2) if scores else None
    failures = [signal.failure for signal in signals if signal.failure]
    status = rule.judge(value)
    if failures and status is Status.PASS:
        # What is known looks usual, and a source is silent: that is not an all-clear.
        status, value = Status.NO_DATA, None
    gaps = tuple(Gap(reason=signal.words(fewest), count=1) for signal in signals if signal.score(fewest) is None)
    told = "; ".join(signal.words(fewest) for signal in signals)
    return Figure(
        id="behaviour",
        title="Behaviour",
        value=value,
        shown=UNKNOWN if value is None else f"{value:.1f}",
        unit="score",
        status=status,
        threshold=f"≤ {rule.healthy or 0:g} healthy, {rule.rule()}",
        note=f"Last 24 h against the days before, in spreads above the median day: {told}. {LEFT_OUT}",
        failure=failures[0] if failures and value is None else "",
        taken_at=now,
        coverage=Coverage(answered=len(scores), asked=len(signals), unit="signals", gaps=gaps),
        evidence=tuple(one for signal in signals for one in signal.evidence),
    )


def _asked(name: str, ask: Callable[[], Signal]) -> Signal:
    try:
        return ask()
    except SourceFailure as failure:
        return Signal(name, None, (), failure=failure.headline())


def _errors(context: Context, account_id: int, now: datetime) -> Signal:
    """Errors in windows of 24 whole hours. Hours before the account's first log are no quiet ones."""
    query = bind(context.catalogue.queries["account_log_errors"].datadog, account_id=account_id)
    hours, evidence, partial = _hours(context, query, now)
    if partial:
        return Signal("error logs", None, (), (evidence,), failure="datadog: a part of the logs is missing")
    asked = [evidence]
    begin = next((place for place, count in enumerate(hours) if count), len(hours))
    if begin >= 24:
        # Only all logs together tell where they begin: an account may be old, and its first error new.
        all_logs = bind(context.catalogue.queries["account_logs"].datadog, account_id=account_id)
        known, evidence, _ = _hours(context, all_logs, now)
        asked.append(evidence)
        begin = next((place for place, count in enumerate(known) if count), len(known))
    # The hour in which the logs begin holds a part of itself only.
    usable = hours[begin + 1 if begin else 0 :]
    windows = _days(usable)
    return Signal("error logs", windows[0] if windows else None, windows[1:], tuple(asked))


def _hours(context: Context, query: str, now: datetime) -> tuple[tuple[int, ...], Evidence, bool]:
    start = now - timedelta(days=LOG_DAYS + 1, hours=1)
    answer = context.datadog.aggregate(query, start=start, end=now, computes=(Compute(interval_ms=HOUR_MS),))
    series = answer.buckets[0].values[0] if answer.buckets else ()
    return complete_buckets(series, start, now, HOUR_MS), answer.evidence, answer.partial


def _days(hours: Sequence[int]) -> tuple[int, ...]:
    """Sums of 24 hours, the newest first; hours that fill no day are left out."""
    return tuple(sum(hours[end - 24 : end]) for end in range(len(hours), 23, -24))


def _changes(context: Context, account_id: int, now: datetime) -> Signal:
    """Resolution changes in windows of 24 hours, counted in the index; days before the first one are no quiet days."""
    logs = context.table("zillow_connection_logs")
    first = (
        select(logs.c.created_at.label("first"))
        .where(logs.c.account_id == account_id, logs.c.created_at.is_not(None))
        .order_by(logs.c.created_at)
    )
    oldest = context.read_common(first, limit=1)
    begun = moment(oldest.rows[0], "first") if oldest.rows else None
    if begun is None:
        return Signal("resolution changes", None, (), (oldest.evidence,))
    known_days = min(CHANGE_DAYS + 1, int((now - begun).total_seconds() // DAY_S))
    if known_days < 1:
        return Signal("resolution changes", None, (), (oldest.evidence,))
    counted = [
        select(literal(day).label("day"), func.count().label("changes")).where(
            logs.c.account_id == account_id,
            logs.c.created_at > now - timedelta(days=day + 1),
            logs.c.created_at <= now - timedelta(days=day),
        )
        for day in range(known_days)
    ]
    window = window_text(now - timedelta(days=known_days), now)
    rows = context.read_common(union_all(*counted), window=window)
    by_day = {number(row, "day"): number(row, "changes") for row in rows.rows}
    days = tuple(by_day.get(day, 0) for day in range(known_days))
    return Signal("resolution changes", days[0], days[1:], (rows.evidence, oldest.evidence))
