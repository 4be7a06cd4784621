"""How late the logs of each query are, found out with the fewest questions.

A count's own newest events prove that the logs of its service come in time, for every query of that service. Where no
count proves it, one line of that service may; searches are not as scarce as aggregates. Only then the newest log of
every service is asked for: one aggregate a minute, for everybody. A stream
may be late alone, and then by more than the window that is counted: where a window holds nothing, the day before tells
whether nothing is usual, and a second look at it whether it is still filling.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.models.status import Status
from diagnostics.signals.lag import (
    ANY_LOG,
    IN_TIME,
    Lag,
    LagRules,
    Newest,
    Read,
    Readings,
    Windows,
    fell_silent,
    first_grown,
    has_shrunk,
    lag_of,
    services_named,
    unexplained_silence,
    unknown_after_silence,
    unknown_lag,
    with_growth,
)

if TYPE_CHECKING:
    from diagnostics.core.waiting import SingleFlight

KEEP_S = 60.0
"""One extra aggregate in this time, for all panes and checks together; so long a proof stands."""

GOOD_S = 180.0
"""How long the lag measured last stands for the present one while it cannot be asked for."""

LOOK_AGAIN_S = 60.0
"""After so long, a stream that is still coming has filled more of the day before."""


@dataclass(slots=True)
class Look:
    """The day before, where a window of a query held nothing."""

    at: datetime
    windows: Windows
    grown_ms: int | None = None
    """The first window that has grown since the look before, epoch milliseconds: these events are late."""
    over: bool = False
    """Two looks found the same: nothing more comes."""


@dataclass(slots=True)
class Lateness:
    """Answers how late the logs of a query are; remembers what proves it. Thread-safe; raises nothing."""

    answers: SingleFlight
    rules: LagRules
    newest: Callable[[], Newest]
    """Asks for the newest log of every service. Raises SourceFailure."""
    newest_line: Callable[[str], int | None]
    """(service): its newest log within the limit of the lag, epoch milliseconds. Raises SourceFailure."""
    windows: Callable[[str, int, float], Windows]
    """(query, window in seconds, how old it may be): the complete windows of the day before. Raises SourceFailure."""
    now: Callable[[], datetime]
    _newest: Newest | None = None
    _forgotten: bool = False
    """The newest log known is to be asked for again."""
    _extra_at: datetime | None = None
    """When an aggregate that only tells the lag was asked for last."""
    _proved: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """By service: its newest log that a count has found, epoch milliseconds, and when."""
    _readings: Readings = field(default_factory=Readings)
    _looks: dict[tuple[str, int], Look] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, query: str) -> Lag:
        """The lag of a query; asks for the newest log where nothing proves it, and is not known where that fails."""
        known = self.without_asking(query) or self._by_a_line(query)
        if known is not None:
            return known
        try:
            newest = self.answers.get(("newest logs",), KEEP_S, self._ask_newest)
        except SourceFailure as failure:
            recent = self._recent(GOOD_S)
            return unknown_lag(failure, self.rules) if recent is None else lag_of(recent, query, self.rules)
        return lag_of(newest, query, self.rules)

    def _by_a_line(self, query: str) -> Lag | None:
        """The lag of a query that names one service, where one line shows that it is in time; None elsewhere."""
        named = services_named(query)
        if len(named) != 1 or self.is_to_be_asked:
            return None
        try:
            newest_ms = self.answers.get(("newest line", named[0]), KEEP_S, lambda: self.newest_line(named[0]))
        except SourceFailure:
            return None
        self.prove(query, newest_ms)
        return self._proof(query)

    def without_asking(self, query: str) -> Lag | None:
        """The lag of a query where it is known already; None where it must be asked for."""
        recent, proved = None if self._forgotten else self._recent(KEEP_S), self._proof(query)
        if recent is not None and (proved is None or lag_of(recent, ANY_LOG, self.rules).is_late):
            return lag_of(recent, query, self.rules)
        if proved is not None and not self.is_to_be_asked:
            return proved
        # The turn of this minute was taken by a second look.
        older = None if self._extra_is_due() else self._recent(GOOD_S)
        return None if older is None else lag_of(older, query, self.rules)

    @property
    def is_to_be_asked(self) -> bool:
        """Whether some logs were late when last asked for: until they are not, it is asked every minute."""
        return self._newest is not None and lag_of(self._newest, ANY_LOG, self.rules).is_late

    def forget(self) -> None:
        """Have the next asker prove it anew; what was read before is still compared with."""
        with self._lock:
            self._proved.clear()
        self._forgotten, self._extra_at = True, None

    def known(self, query: str) -> Lag | None:
        """The lag when it was last asked for; None while nobody has. Asks nothing."""
        return None if self._newest is None else lag_of(self._newest, query, self.rules)

    def prove(self, query: str, newest_ms: int | None) -> None:
        """Remember the newest event of a count that reached to the present, epoch milliseconds.

        It proves something of a service only where the query names that one alone.
        """
        named = services_named(query)
        if newest_ms is None or len(named) != 1:
            return
        at = self.now()
        if self.rules.lag.judge(at.timestamp() - newest_ms / 1_000) is Status.PASS:
            with self._lock:
                self._proved[named[0]] = (newest_ms, at)

    def look_again(self, query: str, window_s: int) -> None:
        """Look a second time at the day before of a query that is in doubt, once in a while."""
        look = self._looks.get((query, window_s))
        at = self.now()
        if look is None or look.over or (at - look.at).total_seconds() < LOOK_AGAIN_S or not self._extra_is_due():
            return
        self._extra_at = at
        try:
            windows = self.windows(query, window_s, 0.0)
        except SourceFailure:
            return
        grown_ms = look.windows.first_grown(windows)
        again = Look(at, windows, grown_ms=grown_ms, over=grown_ms is None)
        self._looks[query, window_s] = again

    def judge(self, query: str, window_s: int, lag: Lag, read: Read, total: int) -> Lag:
        """The lag of what a reading found, `total` events, as what was read before and the day before tell it."""
        before = self._readings.before(query)
        grown_ms = None if before is None else first_grown(before, read, self.rules)
        lag = with_growth(lag, grown_ms, read.at, self.rules)
        if not lag.is_late:
            lag = self._doubt(query, window_s, read, total, before) or lag
        self._readings.keep(query, replace(read, doubted=lag.is_late))
        return lag

    def _doubt(self, query: str, window_s: int, read: Read, total: int, before: Read | None) -> Lag | None:
        """Why what a reading did not find may only be late; None where nothing speaks for that."""
        if total:
            self._looks.pop((query, window_s), None)
        overlapping = before if before is not None and (read.at - before.at).total_seconds() < window_s else None
        shrunk = overlapping is not None and has_shrunk(overlapping, read, self.rules)
        if overlapping is not None and not overlapping.doubted and not shrunk:
            # It was watched while it fell silent, and what was read then has not grown.
            return None
        if total == 0:
            return self._silence(query, window_s, read.at)
        silent = fell_silent(tuple(count for _, count in sorted(read.per_minute.items())))
        is_settled = overlapping is not None and not shrunk and overlapping.is_settled(read.at)
        return unknown_after_silence(silent * 60.0, self.rules) if silent and not is_settled else None

    def _silence(self, query: str, window_s: int, at: datetime) -> Lag | None:
        look = self._looks.get((query, window_s))
        if look is None or (at - look.at).total_seconds() > max(window_s, GOOD_S):
            try:
                look = Look(at, self.windows(query, window_s, KEEP_S))
            except SourceFailure as failure:
                return replace(unknown_lag(failure, self.rules), whose="these events")
            self._looks[query, window_s] = look
        if look.over:
            return None
        if look.grown_ms is not None:
            return replace(with_growth(IN_TIME, look.grown_ms, at, self.rules), at_most=True)
        silent_s = unexplained_silence(look.windows, at)
        return None if silent_s is None else unknown_after_silence(silent_s, self.rules)

    def _ask_newest(self) -> Newest:
        self._extra_at = self.now()
        self._newest = self.newest()
        self._forgotten = False
        return self._newest

    def _recent(self, within_s: float) -> Newest | None:
        newest = self._newest
        return newest if newest is not None and self._age_s(newest.at) <= within_s else None

    def _proof(self, query: str) -> Lag | None:
        named = services_named(query)
        with self._lock:
            proofs = [self._proved.get(service) for service in named]
        good = [proof for proof in proofs if proof is not None and self._age_s(proof[1]) <= KEEP_S]
        if not named or len(good) < len(named):
            return None
        newest_ms, at = min(good)
        seconds = max(0.0, at.timestamp() - newest_ms / 1_000)
        known = datetime.fromtimestamp(newest_ms / 1_000, UTC)
        return Lag(seconds, known, f"logs of {', '.join(named)}", self.rules.lag.rule(), Status.PASS)

    def _extra_is_due(self) -> bool:
        return self._extra_at is None or self._age_s(self._extra_at) >= KEEP_S

    def _age_s(self, at: datetime) -> float:
        return (self.now() - at).total_seconds()
