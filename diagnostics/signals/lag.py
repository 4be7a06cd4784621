"""How late logs arrive: up to which moment they can be complete. What is newer is no data, and never 0.

A log carries the moment at which it was written and is found only once it has been ingested, seconds later on a good
day and half an hour later on a bad one. Two signs tell: the newest log of any kind, per service, in one aggregate a
minute for everybody; and minutes that hold more events when they are counted again than when they were read, which
tells that one stream is late while its service is not.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import plural, span
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold
    from diagnostics.models.datadog import Aggregate

MINUTE_MS = 60_000

LOOK_BACK_S = 3_600
"""How far back the newest log is looked for; what is later than that is late without a number."""

STEP_MS = 10_000
"""The newest log is known to this length: shorter than any limit on a lag that is worth a warning."""

KEEP_S = 60.0
"""One aggregate in this time, for all panes and checks together."""

MOST_SERVICES = 50

FEWEST_SILENT = 2
BUSY_A_MINUTE = 5.0
"""At so many events a minute, two minutes without any come about by chance once in 20,000 times."""

SERVICE = "service"

_NAMED = re.compile(r'(?<![\w@.*-])(-?)service:(?:"([^"]+)"|([\w.*?-]+)|\(([^()]*)\))')


@dataclass(slots=True, frozen=True)
class Stream:
    """The logs of one service within the look-back, or of all."""

    newest_ms: int
    """Epoch milliseconds at which its newest step with a log begins: everything before it can be complete."""
    gap_s: float
    """The longest time within which it usually logs nothing, seconds; 0 where every step holds a log."""


@dataclass(slots=True, frozen=True)
class Newest:
    """The newest log of any kind, as one asking found it."""

    at: datetime
    every: Stream | None
    """All services together; None when there is no log at all within the look-back."""
    of: Mapping[str, Stream]
    """By service."""
    evidence: Evidence


@dataclass(slots=True, frozen=True)
class Lag:
    """How late the logs are that a query draws from."""

    seconds: float | None
    """Measured when it was asked for; None when it is not known."""
    newest: datetime | None
    """Up to here they can be complete; None when that is not known."""
    whose: str
    """For a person: "logs of fub"."""
    rule: str
    """The limits, from the catalogue."""
    status: Status
    """The lag held against its limits; no data where it is not known."""
    why: str = ""
    """Why it is not known."""

    @property
    def is_late(self) -> bool:
        """True unless the logs are known to be in time: then nothing that is counted from them is an all-clear."""
        return self.status is not Status.PASS

    @property
    def ends(self) -> datetime | None:
        """Where a window ends that is to be complete: the newest log where they are late, else None, the present."""
        return self.newest if self.is_late else None

    def headline(self) -> str:
        """A few words: "logs of fub 2 min late"."""
        return f"lag of {self.whose} not known" if self.seconds is None else f"{self.whose} {span(self.seconds)} late"

    def words(self) -> str:
        """One sentence without its full stop; empty while the logs are in time."""
        if not self.is_late:
            return ""
        if self.seconds is None or self.newest is None:
            return f"how late {self.whose} are is not known: {self.why}"
        return (
            f"{self.whose} are {span(self.seconds)} late (limit {self.rule}): "
            f"nothing newer than {self.newest:%H:%M:%S} UTC can be complete"
        )


IN_TIME = Lag(0.0, None, "logs", "", Status.PASS)


@dataclass(slots=True, frozen=True)
class Read:
    """One reading of a query's events per minute."""

    at: datetime
    per_minute: Mapping[int, int]
    """Events by the minute's beginning, epoch milliseconds."""


@dataclass(slots=True)
class LagRules:
    """The catalogue's limits."""

    lag: Threshold
    growth: Threshold
    """From which per cent on a minute that holds more events than when it was read was not complete then."""


@dataclass(slots=True)
class Readings:
    """What was counted before, by query, so that the next count can tell whether it was complete. Thread-safe."""

    _read: dict[str, Read] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, query: str, now: Read) -> Read | None:
        """Remember `now`; the reading before it, None for the first one."""
        with self._lock:
            before = self._read.get(query)
            if before is None or now.at > before.at:
                self._read[query] = now
        return before


def first_grown(before: Read, now: Read, rules: LagRules) -> int | None:
    """The first minute that was to be complete at the reading before, and has grown beyond the share since.

    It and every minute after it is incomplete: what is as young now as it was then may grow as much. Minutes younger
    than the limit of the lag are expected to grow.
    """
    settled_ms = round((before.at.timestamp() - (rules.lag.warning or 0.0)) * 1_000)
    for minute in sorted(before.per_minute):
        held, holds = before.per_minute[minute], now.per_minute.get(minute, 0)
        grown = minute + MINUTE_MS <= settled_ms and holds > held
        if grown and rules.growth.judge(100.0 * (holds - held) / max(1, held)) is not Status.PASS:
            return minute
    return None


def fell_silent(per_minute: tuple[int, ...]) -> int:
    """How many minutes at the end hold nothing, at least two, after minutes that held too much for that; else 0.

    One reading cannot tell whether it is over or whether this stream alone is late: a second one can.
    """
    silent = next((place for place, count in enumerate(reversed(per_minute)) if count), len(per_minute))
    before = per_minute[: len(per_minute) - silent]
    busy = bool(before) and sum(before) / len(before) >= BUSY_A_MINUTE
    return silent if silent >= FEWEST_SILENT and busy else 0


def newest_logs(answer: Aggregate, at: datetime) -> Newest:
    """The newest log by service, from one aggregate in steps that was asked for at `at`."""
    steps: dict[str, list[int]] = {}
    for bucket in answer.buckets:
        points = bucket.values[0]
        series = points if isinstance(points, tuple) else ()
        filled = sorted(moment for moment, count in series if count > 0)
        if filled:
            steps[bucket.by.get(SERVICE, "")] = filled
    every = sorted({moment for filled in steps.values() for moment in filled})
    return Newest(
        at=at,
        every=_stream(every) if every else None,
        of={service: _stream(filled) for service, filled in steps.items()},
        evidence=answer.evidence,
    )


def _stream(filled: list[int]) -> Stream:
    gaps = [later - earlier - STEP_MS for earlier, later in pairwise(filled)]
    return Stream(filled[-1], max(gaps, default=0) / 1_000)


def lag_of(newest: Newest, query: str, rules: LagRules) -> Lag:
    """How late the logs are that `query` draws from: those of the services it names, or of all.

    A service that often logs nothing for minutes is late only when it has been silent for longer than that; the
    latest of several counts.
    """
    named = services_named(query)
    whose = f"logs of {', '.join(named)}" if named else "logs"
    if newest.every is None:
        why = f"no log at all in the last {span(LOOK_BACK_S)}"
        return Lag(None, None, whose, rules.lag.rule(), Status.NO_DATA, why)
    missing = [service for service in named if service not in newest.of]
    if missing:
        why = f"no log of {', '.join(missing)} in the last {span(LOOK_BACK_S)}"
        return Lag(None, None, whose, rules.lag.rule(), Status.NO_DATA, why)
    streams = [("", newest.every), *((one, newest.of[one]) for one in named or sorted(newest.of))]
    late = [(name, stream) for name, stream in streams if _is_late(stream, newest.at, rules)]
    name, stream = min(late, key=lambda one: one[1].newest_ms) if late else streams[0]
    known = datetime.fromtimestamp(stream.newest_ms / 1_000, UTC)
    seconds = max(0.0, (newest.at - known).total_seconds())
    status = rules.lag.judge(seconds) if late else Status.PASS
    return Lag(seconds, known, f"logs of {name}" if name else "logs", rules.lag.rule(), status)


def _is_late(stream: Stream, at: datetime, rules: LagRules) -> bool:
    silent_s = at.timestamp() - stream.newest_ms / 1_000
    return rules.lag.judge(silent_s - stream.gap_s) is not Status.PASS


def with_growth(lag: Lag, grown_ms: int | None, at: datetime, rules: LagRules) -> Lag:
    """The lag where the query's own minutes have grown: they are late, whatever the other logs of the service are."""
    if grown_ms is None:
        return lag
    first = datetime.fromtimestamp(grown_ms / 1_000, UTC)
    if lag.newest is not None and lag.is_late and lag.newest <= first:
        return lag
    seconds = (at - first).total_seconds()
    status = rules.lag.judge(seconds)
    return Lag(seconds, first, "these events", rules.lag.rule(), Status.WARN if status is Status.PASS else status)


def unknown_lag(failure: SourceFailure, rules: LagRules) -> Lag:
    """The lag that could not be asked for."""
    return Lag(None, None, "logs", rules.lag.rule(), Status.NO_DATA, failure.headline())


def unknown_after_silence(minutes: int, rules: LagRules) -> Lag:
    """The lag of events of which one reading found none in the newest `minutes`; see `fell_silent`."""
    why = f"nothing in {plural(minutes, 'minute')} after many, late or over cannot be told before the next reading"
    return Lag(None, None, "these events", rules.lag.rule(), Status.NO_DATA, why)


def services_named(query: str) -> tuple[str, ...]:
    """The services that a query names and does not exclude; empty where it may draw from all."""
    names: list[str] = []
    for negated, quoted, word, group in _NAMED.findall(query):
        if not negated:
            listed = [one for one in group.split() if one not in {"OR", "AND"}]
            names += [quoted or word] if quoted or word else listed
    return () if any(set(name) & set("*?") for name in names) else tuple(dict.fromkeys(names))


def look_back(now: datetime) -> tuple[datetime, datetime]:
    """The window in which the newest log is looked for."""
    return now - timedelta(seconds=LOOK_BACK_S), now
