"""How a figure went: samples of it in the state store, kept in slots of five minutes."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import utc_now
from diagnostics.models.figures import CoursePoint
from diagnostics.store.schema import MOST_NAME, SAMPLES

if TYPE_CHECKING:
    from diagnostics.store.store import StateStore

SLOT_S = 300
"""Samples nearer to each other are one: their mean."""

KEEP_S = 35 * 86_400
MOST_POINTS = 2_000
_MOST_WAITING = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Samples:
    """Blocking and thread-safe. `source` tells figures of different systems apart that share one store."""

    def __init__(self, state: StateStore, *, source: str = "", now: Callable[[], datetime] = utc_now) -> None:
        self._state = state
        self._source = source
        self._now = now
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, int, float]] = deque(maxlen=_MOST_WAITING)
        """Noted and not yet written, because the store did not take it."""
        self._pruned_s = 0

    def note(self, name: str, value: float | None, at: datetime) -> None:
        """Keep one sample. None and not-a-number are no data and leave no trace; never raises a `SourceFailure`.

        What a failing store does not take waits in memory, 500 samples at most, and is written with the next one.
        """
        self.note_all({name: value}, at)

    def note_all(self, values: Mapping[str, float | None], at: datetime) -> None:
        """As `note`, of several figures of one moment: they are written together."""
        slot = _seconds(at) // SLOT_S * SLOT_S
        noted = [(name, value) for name, value in values.items() if value is not None and math.isfinite(value)]
        if not noted:
            return
        with self._lock:
            self._waiting.extend((self._named(name), slot, float(value)) for name, value in noted)
            waiting = tuple(self._waiting)
            try:
                self._state.transact(lambda connection: self._write(connection, waiting))
            except SourceFailure:
                return
            self._waiting.clear()

    def course(self, name: str, since: datetime, step_s: int = 3_600) -> tuple[CoursePoint, ...]:
        """One point a step from `since` to now, oldest first: the mean of the step's slots, None where there is none.

        `rows` is how many samples a point rests on. Steps are whole slots of five minutes, 2,000 at most: the newest.
        Raises `SourceFailure`, and `UserError` for a step that is no whole number of slots.
        """
        if step_s < SLOT_S or step_s % SLOT_S:
            raise UserError(f"steps of {step_s} s are not kept", accepted=f"multiples of {SLOT_S} s")
        last = _seconds(self._now()) // step_s * step_s
        first = max(_seconds(since) // step_s * step_s, last - (MOST_POINTS - 1) * step_s)
        table = SAMPLES.c
        wanted = select(table.slot_s, table.total, table.notes).where(
            table.name == self._named(name), table.slot_s >= first, table.slot_s < last + step_s
        )
        with self._state.read() as connection:
            rows = connection.execute(wanted).all()
        steps: dict[int, list[tuple[float, int]]] = {}
        for slot, total, notes in rows:
            steps.setdefault(slot // step_s * step_s, []).append((total / notes, notes))
        return tuple(_point(at, steps.get(at, [])) for at in range(first, last + 1, step_s))

    def _named(self, name: str) -> str:
        full = f"{self._source}:{name}" if self._source else name
        if not name or len(full) > MOST_NAME:
            raise UserError("a figure of such a name is not kept", accepted=f"1 to {MOST_NAME} characters")
        return full

    def _write(self, connection: Connection, waiting: tuple[tuple[str, int, float], ...]) -> None:
        table = SAMPLES.c
        for name, slot, value in waiting:
            changed = connection.execute(
                SAMPLES.update()
                .where(table.name == name, table.slot_s == slot)
                .values(total=table.total + value, notes=table.notes + 1)
            )
            if not changed.rowcount:
                connection.execute(SAMPLES.insert().values(name=name, slot_s=slot, total=value, notes=1))
        newest = max(slot for _, slot, _ in waiting)
        if newest - self._pruned_s >= 3_600:
            # By the names at hand, because only a name and its slots are an index.
            for name in {name for name, _, _ in waiting}:
                connection.execute(SAMPLES.delete().where(table.name == name, table.slot_s < newest - KEEP_S))
            self._pruned_s = newest


def _seconds(at: datetime) -> int:
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return int((aware - _EPOCH).total_seconds())


def _point(at: int, slots: list[tuple[float, int]]) -> CoursePoint:
    moment = _EPOCH + timedelta(seconds=at)
    if not slots:
        return CoursePoint(at=moment, value=None)
    return CoursePoint(at=moment, value=sum(mean for mean, _ in slots) / len(slots), rows=sum(n for _, n in slots))
