"""The big number and how it went: share of healthy connections, its samples, and the sync events beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from diagnostics.checks.base import share
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import Job
from diagnostics.core.words import form, plural, sentence
from diagnostics.health.connections import HEALTHY, States, read_states
from diagnostics.health.figures import failed, figure
from diagnostics.models.figures import Course, CoursePoint, Figure
from diagnostics.models.health import HealthOverview
from diagnostics.models.status import Status
from diagnostics.store.identity import common_identity
from diagnostics.store.rollups import HourCount, SyncRollup
from diagnostics.store.samples import Samples

logger = logging.getLogger(__name__)

HEALTH = "health"
"""Name of the samples in the state store."""

DAY_S = 86_400
STEP_S = 3_600

SUCCEEDED = frozenset({"success", "succeeded"})
FAILED = frozenset({"failed", "failure", "error"})
"""Words of sync_status, lower case. Any other word is in no share, and is named."""

DEFINITION = (
    "Healthy connections ÷ connections with an integration id and a clear state; one with a problem or with the status "
    "warning is not healthy."
)


class Overview:
    """Keeps the rollup of sync events between questions. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._rollup: SyncRollup | None = None
        self._health: Samples | None = None
        self._is_widening = False
        self._widened_to: datetime | None = None
        """From where on counts were complete when the widening ended last."""

    def read(self) -> HealthOverview:
        """Health, its course and the sync events. Raises SourceFailure when connections cannot be counted.

        The state store and the sync events stand beside the big number: without them the rest is answered.
        """
        states = read_states(self._context)
        health = health_figure(self._context, states)
        samples, sample_problem = self._samples(states)
        hours: tuple[HourCount, ...] = ()
        try:
            rollup = self._refreshed()
            hours = rollup.hours(self._hour() - timedelta(seconds=DAY_S - STEP_S))
            sync = self._sync(rollup, hours)
            self._note_sync(sync)
        except SourceFailure as failure:
            rollup, sync = (
                None,
                failed("sync_events", self._context.catalogue.thresholds["sync_event_success"], failure),
            )
        return HealthOverview(
            health=health,
            course=self._course(samples, sample_problem, rollup, hours, health),
            sync=sync,
            sync_events=None if rollup is None else sum(_counts(self._recent(hours))[:2]),
        )

    def _samples(self, states: States) -> tuple[tuple[CoursePoint, ...], str]:
        """Note the present health and return the last 24 hours of it, one point an hour, and why it is not lasting."""
        try:
            samples = self.samples()
            samples.note(HEALTH, states.health, self._context.now())
            since = self._hour() - timedelta(seconds=DAY_S - STEP_S)
            return samples.course(HEALTH, since, step_s=STEP_S), self._context.state.problem
        except SourceFailure as failure:
            return (), failure.headline()

    def _note_sync(self, sync: Figure) -> None:
        if isinstance(sync.value, int | float) and sync.status is not Status.NO_DATA:
            with suppress(SourceFailure):
                self.samples().note(sync.id, float(sync.value), self._context.now())

    def samples(self) -> Samples:
        """What this console has seen of figures, step by step."""
        parts = self._context
        with self._lock:
            # One for all questions: it holds back what the store does not take at once.
            if self._health is None:
                self._health = Samples(parts.state, source=common_identity(parts.settings.databases))
            return self._health

    def _refreshed(self) -> SyncRollup:
        """The rollup with the newest rows in it; what lies further back is counted in the background.

        Once, and again whenever the counting has begun anew: another store, another table, a long absence.
        """

        with self._lock:
            rollup = self._rollup = self._rollup or SyncRollup(self._context)
        rollup.refresh()
        since = rollup.since
        with self._lock:
            done = self._widened_to is not None and since is not None and since <= self._widened_to
            start = not self._is_widening and not done
            self._is_widening = self._is_widening or start
        if start:
            threading.Thread(target=_widen, args=(rollup, self._widened), name="widening", daemon=True).start()
        return rollup

    def _widened(self, to: datetime | None) -> None:
        with self._lock:
            self._is_widening, self._widened_to = False, to

    def _sync(self, rollup: SyncRollup, hours: Iterable[HourCount]) -> Figure:
        """Success over the last complete hour and the present one."""
        rule = self._context.catalogue.thresholds["sync_event_success"]
        since = self._hour() - timedelta(seconds=STEP_S)
        good, bad, other = _counts(self._recent(hours))
        begins = max(since, rollup.since) if rollup.since is not None else since
        notes = [
            f"{plural(good + bad, 'event')} that succeeded or failed since {begins:%H:%M} UTC",
            "" if rollup.since is None else f"events are counted completely since {rollup.since:%d %b %H:%M} UTC",
            f"{plural(other, 'event')} with another status {form(other, 'is', 'are')} in no share" if other else "",
            *rollup.notes,
        ]
        found = figure(
            "sync_events",
            rule,
            share(good, good + bad),
            title="Sync events that succeeded",
            notes=notes,
            evidence=rollup.evidence,
        )
        # The evidence reaches back over several refreshes; the counts hold as of the newest.
        newest = max((part.started_at for part in rollup.evidence), default=None)
        return found.model_copy(update={"taken_at": newest})

    def _recent(self, hours: Iterable[HourCount]) -> list[HourCount]:
        """The last complete hour and the present one."""
        since = self._hour() - timedelta(seconds=STEP_S)
        return [hour for hour in hours if hour.hour >= since]

    def _course(
        self,
        samples: tuple[CoursePoint, ...],
        sample_problem: str,
        rollup: SyncRollup | None,
        hours: tuple[HourCount, ...],
        health: Figure,
    ) -> Course:
        """Health where it is known for at least as many hours as sync events are, else sync events."""
        first = self._hour() - timedelta(seconds=DAY_S - STEP_S)
        by_hour = _successes(hours, first)
        known = [point for point in samples if point.value is not None]
        counted = [point for point in by_hour if point.value is not None]
        if len(known) >= len(counted) and known:
            basis = (
                "Share of healthy connections as this console has seen it, one point an hour; hours in which nobody "
                "looked are empty."
            )
            return Course(
                title="Health, 24 h",
                unit="%",
                step_s=STEP_S,
                points=samples,
                basis=f"{basis} {sentence(sample_problem)}" if sample_problem else basis,
                since=known[0].at,
                evidence=health.evidence,
            )
        why = sample_problem or "this console has not seen health for as many hours"
        return Course(
            title="Sync success, 24 h",
            unit="%",
            step_s=STEP_S,
            points=by_hour if counted else (),
            basis=f"Share of sync events that succeeded, by hour; not health itself: {sentence(why)}",
            since=rollup.since if rollup is not None else None,
            evidence=rollup.evidence if rollup is not None else (),
        )

    def _hour(self) -> datetime:
        """Where the present hour begins."""
        return self._context.now().replace(minute=0, second=0, microsecond=0)


def health_figure(context: Context, states: States, *, status: Status | None = None) -> Figure:
    """The share of healthy connections against the baseline."""
    rule = context.catalogue.thresholds["system_health"]
    baseline = context.catalogue.baselines["system_health"].value
    value = states.health
    notes = [
        f"baseline {baseline:.2f} %",
        DEFINITION,
        "" if value is None else f"{states.counts[HEALTHY]:,} of {plural(states.judged, 'connection')}",
        *states.notes(),
        f"below {rule.escalate:g} %: {context.catalogue.contact.escalation}" if rule.is_escalation(value) else "",
    ]
    return figure("system_health", rule, value, status=status, notes=notes, evidence=(states.evidence,))


def _counts(hours: Iterable[HourCount]) -> tuple[int, int, int]:
    """Events that succeeded, that failed, and those of which the status says neither."""
    good = bad = other = 0
    for hour in hours:
        word = hour.status.strip().casefold()
        good += hour.rows if word in SUCCEEDED else 0
        bad += hour.rows if word in FAILED else 0
        other += hour.rows if word not in SUCCEEDED | FAILED else 0
    return good, bad, other


def _successes(hours: tuple[HourCount, ...], first: datetime) -> tuple[CoursePoint, ...]:
    points = []
    for step in range(DAY_S // STEP_S):
        at = first + timedelta(seconds=step * STEP_S)
        good, bad, _ = _counts(hour for hour in hours if hour.hour == at)
        points.append(CoursePoint(at=at, value=share(good, good + bad), rows=good + bad))
    return tuple(points)


def _widen(rollup: SyncRollup, ended: Callable[[datetime | None], None]) -> None:
    try:
        rollup.widen(Job())
        ended(rollup.since)
    except SourceFailure as failure:
        logger.info("sync events further back are not counted yet: %s", failure)
        ended(None)
    except Exception:  # a thread of its own: nobody else would say so; what is broken is not tried again
        logger.exception("counting sync events further back failed unexpectedly")
