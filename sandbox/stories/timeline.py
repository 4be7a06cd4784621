"""The log events of a story in time order, made as time passes: a pure function of seed, scenario and minute.

An event is two numbers, its moment and its prototype. The data set at any moment is therefore enumerable, a minute can
be made without the minutes before it, and 300,000 events weigh a few megabytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import random
import struct
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.core.failures import UserError
from diagnostics.models.events import LogEvent
from sandbox.stories.clock import now_ms
from sandbox.stories.prototypes import Prototype
from sandbox.stories.special_streams import EventStream
from sandbox.stories.story import Story
from sandbox.stories.streams import streams

MINUTE_MS = 60_000
RAMP_MIN = 4.0
"""Minutes from the first sign of an incident to its plateau (chosen)."""


SAMPLE_CORRELATION = "00000000-0000-0000-0000-000000000000"


class Timeline:
    """All events of one story up to the present. Positions count from 0, oldest first, and never change."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.streams = streams(story)
        self.prototypes: list[Prototype] = [prototype for stream in self.streams for prototype in stream.prototypes]
        self.moments = array("q")
        """Milliseconds since the epoch, ascending."""
        self.kinds = array("H")
        """Index into `prototypes`, parallel to `moments`."""
        self._starts: dict[int, int] = {}
        self._first_minute = (story.anchor - story.scenario.history_s) // 60
        self._next_minute = self._first_minute
        self._lock = threading.Lock()
        self._delays: tuple[int, ...] = ()
        """How late the events of each prototype are found, milliseconds; empty where all are found at once."""
        self._key = f"{story.name}:{story.seed}".encode()

    def extend(self, until_ms: int | None = None) -> int:
        """Make every minute up to `until_ms` (the present); return how many positions are not after that moment."""
        until_ms = now_ms() if until_ms is None else until_ms
        with self._lock:
            while self._next_minute * MINUTE_MS <= until_ms:
                self._append(self._next_minute)
                self._next_minute += 1
        return bisect_right(self.moments, until_ms)

    def span(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        """Return the half-open range of positions whose moment is at or after `from_ms` and before `to_ms`."""
        present = self.extend()
        low = min(bisect_left(self.moments, from_ms), present)
        return low, max(low, min(bisect_left(self.moments, to_ms), present))

    def delayed(self, delays: Mapping[str, float]) -> tuple[int, ...]:
        """How late the events of each prototype are found, milliseconds, where services and streams are late.

        `delays` are seconds by name; a stream's own goes before its service's, and "" concerns all that are not named.
        Raises `UserError` for a name that nothing here has.
        """
        named = [(stream.name, prototype.service) for stream in self.streams for prototype in stream.prototypes]
        known = sorted({name for names in named for name in names})
        for name in delays:
            if name and name not in known:
                raise UserError(
                    f"no logs here are of {name!r}", where="--fault late:SECONDS/NAME", accepted=", ".join(known)
                )
        usual = delays.get("", 0.0)
        return tuple(round(1_000 * delays.get(name, delays.get(of, usual))) for name, of in named)

    def delay(self, delays: Mapping[str, float]) -> None:
        """From now on, let events be found so late; see `delayed`."""
        self._delays = self.delayed(delays) if delays else ()

    def found(self, positions: array[int]) -> array[int]:
        """Those of these positions, ascending, that a search finds by now: the others have not been ingested yet."""
        delays = self._delays
        if not delays:
            return positions
        now = now_ms()
        ingested = bisect_left(positions, bisect_left(self.moments, now - max(delays)))
        late = (at for at in positions[ingested:] if self.moments[at] + delays[self.kinds[at]] <= now)
        return positions[:ingested] + array("I", late)

    def _append(self, minute: int) -> None:
        self._starts[minute] = len(self.moments)
        for moment, kind in sorted(_minute_of(self.story, self.streams, minute)):
            self.moments.append(moment)
            self.kinds.append(kind)

    def identity(self, position: int) -> str:
        """Return the event's id, shaped as Datadog's: the moment stands in it, and it is the same after a restart."""
        moment = self.moments[position]
        within = position - self._starts[moment // MINUTE_MS]
        digest = hashlib.blake2b(struct.pack(">qI", moment, within), key=self._key, digest_size=14).digest()
        packed = b"\x01" + struct.pack(">q", moment) + struct.pack(">I", within) + digest
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def position(self, identity: str) -> int:
        """Return where the event with this id stands; raises ValueError when no event has it."""
        try:
            packed = base64.urlsafe_b64decode(identity + "=" * (-len(identity) % 4))
            moment, within = struct.unpack(">qI", packed[1:13])
            position = int(self._starts[moment // MINUTE_MS] + within)
            known = self.moments[position] == moment
        except (ValueError, struct.error, KeyError, IndexError):
            known = False
        if not known or self.identity(position) != identity:
            raise ValueError(identity)
        return position

    def attributes(self, position: int) -> dict[str, Any]:
        """Return the custom attributes of one event, its own correlation id included."""
        return self._attributes(position, self.identity(position))

    def _attributes(self, position: int, identity: str) -> dict[str, Any]:
        prototype = self.prototypes[self.kinds[position]]
        if not prototype.request_scoped:
            return dict(prototype.attributes)
        text = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
        return {
            **prototype.attributes,
            "correlation_id": f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}",
        }

    def event(self, position: int) -> LogEvent:
        """Return one event as the query evaluator sees it."""
        prototype = self.prototypes[self.kinds[position]]
        identity = self.identity(position)
        return _event(prototype, identity, self.moments[position], self._attributes(position, identity))

    def samples(self) -> Iterator[LogEvent]:
        """Yield one event per prototype, in order; what is an event's own holds a value no real event has."""
        for prototype in self.prototypes:
            own = {"correlation_id": SAMPLE_CORRELATION} if prototype.request_scoped else {}
            yield _event(prototype, "", 0, {**prototype.attributes, **own})


def _event(prototype: Prototype, identity: str, moment: int, attributes: dict[str, Any]) -> LogEvent:
    return LogEvent(
        id=identity,
        timestamp_ms=moment,
        service=prototype.service,
        status=prototype.status,
        message=prototype.message,
        host=prototype.host,
        tags=prototype.tags,
        attributes=attributes,
    )


def _minute_of(story: Story, kinds: tuple[EventStream, ...], minute: int) -> Iterator[tuple[int, int]]:
    """Yield moment and prototype of every event in one minute, in no order."""
    rng = random.Random(f"{story.name}:{story.seed}:{minute}")
    start_ms = minute * MINUTE_MS
    into_incident = (start_ms / 1000 + 30 - story.incident_start) / 60
    tick = minute - story.incident_start // 60
    base = 0
    for stream in kinds:
        yield from _singles(stream, story, start_ms, base)
        rate = _rate(stream, story, into_incident, minute, rng)
        # Counting whole events by a running total keeps slow streams regular: 0.2 a minute is one every fifth minute.
        first = math.floor(tick * rate)
        count = math.floor((tick + 1) * rate) - first
        size = len(stream.prototypes)
        for number in range(count):
            moment = start_ms + int(rng.random() * MINUTE_MS)
            kind = (first + number) % size if stream.cycle else int(rng.random() * size)
            yield moment, base + kind
        base += size


def _singles(stream: EventStream, story: Story, start_ms: int, base: int) -> Iterator[tuple[int, int]]:
    """Yield the single events of a stream in one minute."""
    if not stream.moments:
        return
    start = start_ms / 1000 - story.anchor
    low = bisect_left(stream.moments, (start, 0))
    high = bisect_left(stream.moments, (start + MINUTE_MS / 1000, 0))
    for moment, kind in stream.moments[low:high]:
        yield round((story.anchor + moment) * 1000), base + kind


def _rate(stream: EventStream, story: Story, into_incident: float, minute: int, rng: random.Random) -> float:
    """Events in this minute: the usual number until the incident, then a ramp to the scenario's plateau."""
    if stream.since_s is not None and minute * 60 < story.anchor - stream.since_s:
        return 0.0
    plateau = story.scenario.rates.get(stream.name, stream.usual)
    share = min(1.0, max(0.0, into_incident / RAMP_MIN))
    rate = stream.usual + (plateau - stream.usual) * share
    if stream.daily:
        hour = minute / 60 % 24
        return rate * (1 + 0.15 * math.sin(2 * math.pi * (hour - 15) / 24))
    # A real plateau is never flat; slow streams keep their exact pace.
    return rate * (1 + 0.025 * (2 * rng.random() - 1)) if rate > 20 else rate
