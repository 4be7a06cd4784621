"""How late logs arrive: up to which moment they can be complete. What is newer is no data, and never 0.

A log carries the moment at which it was written and is found only once it has been ingested, seconds later on a good
day and half an hour later on a bad one. Three signs tell: the newest log of any kind, per service; minutes that hold
more events when they are counted again than when they were read, which tells that one stream is late while its service
is not; and a window without any event after a time that held many.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import span
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

ANY_LOG = "*"

SETTLE_S = 15.0
"""Two readings are so far apart where the later is to tell whether the earlier was complete."""

FEWEST_EXPECTED = 5.0
"""Where so many events were to be expected, none comes about by chance once in 150 times."""

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
    at_most: bool = False
    """It may be less: what is known is only in which window the newest event lies."""

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
            f"{self.whose} are {'up to ' if self.at_most else ''}{span(self.seconds)} late (limit {self.rule}): "
            f"nothing newer than {self.newest:%H:%M:%S} UTC can be complete"
        )


IN_TIME = Lag(0.0, None, "logs", "", Status.PASS)


@dataclass(slots=True, frozen=True)
class Read:
    """One reading of a query's events per minute."""

    at: datetime
    per_minute: Mapping[int, int]
    """Events by the minute's beginning, epoch milliseconds."""
    doubted: bool = False
    """It was of logs that are late, or may be."""

    def is_settled(self, at: datetime) -> bool:
        """Whether it is so old at `at` that events on their way would have made it grow."""
        return (at - self.at).total_seconds() >= SETTLE_S


@dataclass(slots=True, frozen=True)
class Windows:
    """Counts of the complete windows of the day before, oldest first."""

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

    def first_grown(self, now: Windows) -> int | None:
        """Where the first of these windows begins that holds more `now`, or the first that came after them and holds
        any, epoch milliseconds; None where nothing has come.
        """
        held = {self.first_ms + place * self.length_ms: count for place, count in enumerate(self.counts)}
        for place, count in enumerate(now.counts):
            begin_ms = now.first_ms + place * now.length_ms
            if count > held.get(begin_ms, 0):
                return begin_ms
        return None


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

    def before(self, query: str) -> Read | None:
        """The reading to compare with; None for the first one."""
        with self._lock:
            return self._read.get(query)

    def keep(self, query: str, now: Read) -> None:
        """Have `now` compared with the next one; readings that follow at once do not replace each other."""
        with self._lock:
            before = self._read.get(query)
            if before is None or before.is_settled(now.at):
                self._read[query] = now
            elif now.doubted:
                self._read[query] = replace(before, doubted=True)


def first_grown(before: Read, now: Read, rules: LagRules) -> int | None:
    """The first minute that was to be complete at the reading before, and has grown beyond the share since.

    It and every minute after it is incomplete: what is as young now as it was then may grow as much.
    """
    for minute, held, holds in _settled(before, now, rules):
        if holds > held and rules.growth.judge(100.0 * (holds - held) / max(1, held)) is not Status.PASS:
            return minute
    return None


def has_shrunk(before: Read, now: Read, rules: LagRules) -> bool:
    """Whether a minute that was complete at the reading before holds less: then this one does not see everything."""
    return any(
        held > holds and rules.growth.judge(100.0 * (held - holds) / held) is not Status.PASS
        for minute, held, holds in _settled(before, now, rules)
        if minute in now.per_minute
    )


def _settled(before: Read, now: Read, rules: LagRules) -> Iterator[tuple[int, int, int]]:
    """(minute, events then, events now), oldest first; younger ones than the limit of the lag are expected to grow."""
    settled_ms = round((before.at.timestamp() - (rules.lag.warning or 0.0)) * 1_000)
    for minute in sorted(before.per_minute):
        if minute + MINUTE_MS <= settled_ms:
            yield minute, before.per_minute[minute], now.per_minute.get(minute, 0)


def unexplained_silence(windows: Windows, at: datetime) -> float | None:
    """How long nothing has been found, seconds, where so much came before that this is not usual; else None.

    The window that ends at `at` holds nothing. It is usual where the day before was silent as long after as much; after
    the look-back, late events would be no news.
    """
    counts, length_s = windows.counts, windows.length_ms / 1_000
    newest = next((place for place in range(len(counts) - 1, -1, -1) if counts[place]), None)
    if newest is None:
        return None
    ended_s = (windows.first_ms + (newest + 1) * windows.length_ms) / 1_000
    silent_s = max(length_s, at.timestamp() - ended_s)
    before = _busier(counts, newest)
    if silent_s > LOOK_BACK_S or before * silent_s / length_s < FEWEST_EXPECTED:
        return None
    fewest = max(1, round(silent_s / length_s))
    filled = [place for place, count in enumerate(counts) if count]
    usual = any(later - earlier > fewest and _busier(counts, earlier) >= before for earlier, later in pairwise(filled))
    return None if usual else silent_s


def _busier(counts: tuple[int, ...], place: int) -> int:
    """The count at a place or the one before it: one of them is of a whole window."""
    return max(counts[max(0, place - 1) : place + 1])


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


def unknown_after_silence(silent_s: float, rules: LagRules) -> Lag:
    """The lag of events of which one reading found none in the newest `silent_s` seconds; see `fell_silent`."""
    why = f"nothing in {span(silent_s)} after many, late or over cannot be told before the next reading"
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
