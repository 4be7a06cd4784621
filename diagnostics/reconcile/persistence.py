"""Two readings of one scope: only what stands in both, with the same cells, is a finding.

A resolution, a refresh or a sync that is under way leaves rows half done for seconds; a difference counts when it is
still the same at least `APART_S` later. What came, went or changed between the two says how loud that noise is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from diagnostics.core.words import plural, span
from diagnostics.models.reconcile import Difference, Passing, ReconcileReport, Snapshot
from diagnostics.reconcile.differences import PART_OF

APART_S = 60.0
"""Seconds between two readings at least."""

KEPT = 2
"""Readings of one scope that are kept: the newest may be too young, and the one before it is then not lost."""

MOST_DIGITS = 20
"""Of an id in what was kept; more is no id that a console wrote."""

OLDEST_S = 3_600.0
"""Seconds after which an earlier reading says nothing any more about now."""


@dataclass(slots=True, frozen=True)
class Marks:
    """What is kept of a reading: enough to know a difference again."""

    taken_at: datetime
    of: dict[str, str]
    """Key of each difference, and a hash of its cells."""
    unread: tuple[str, ...]

    @classmethod
    def taken(cls, snapshot: Snapshot) -> Marks:
        """The marks of a reading."""
        return cls(snapshot.taken_at, {one.key: mark(one) for one in snapshot.differences}, snapshot.unread)

    def as_payload(self) -> dict[str, object]:
        """As the state store keeps them."""
        return {"taken_at": self.taken_at.isoformat(), "of": self.of, "unread": list(self.unread)}

    @classmethod
    def from_payload(cls, payload: object) -> Marks | None:
        """Read back; None for what no console has written."""
        if not isinstance(payload, dict):
            return None
        of, unread, at = payload.get("of"), payload.get("unread"), payload.get("taken_at")
        if not isinstance(of, dict) or not isinstance(unread, list) or not isinstance(at, str):
            return None
        try:
            taken_at = datetime.fromisoformat(at)
        except ValueError:
            return None
        if taken_at.tzinfo is None:
            return None
        return cls(taken_at, {str(key): str(value) for key, value in of.items()}, tuple(map(str, unread)))

    def age_s(self, now: datetime) -> float:
        """Seconds since the reading; negative where a clock was set back."""
        return (now - self.taken_at).total_seconds()


def readings_of(payload: dict[str, object]) -> tuple[Marks, ...]:
    """Readings that were kept of one scope, the newest last."""
    kept = payload.get("readings")
    found = (Marks.from_payload(one) for one in (kept if isinstance(kept, list) else ()))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.taken_at))


def payload_of(readings: Sequence[Marks]) -> dict[str, object]:
    """The newest `KEPT` of them, as the state store keeps them."""
    return {"readings": [one.as_payload() for one in readings[-KEPT:]]}


def earlier(readings: Sequence[Marks], at: datetime) -> Marks | None:
    """The reading to hold one of that moment against: the newest that is old enough, else the newest there is."""
    fit = [one for one in readings if one.age_s(at) >= APART_S]
    return fit[-1] if fit else readings[-1] if readings else None


def mark(difference: Difference) -> str:
    """A hash of the cells that a difference rests on."""
    cells = json.dumps(difference.cells, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(cells.encode()).hexdigest()[:16]


def compare(snapshot: Snapshot, earlier: Marks | None, environment: str) -> ReconcileReport:
    """Hold a reading against an earlier one, or against none where that is too young, too old or not there."""
    notes: list[str] = []
    usable = earlier
    if earlier is not None:
        age_s = earlier.age_s(snapshot.taken_at)
        if age_s < 0:
            notes.append("The earlier reading lies in the future: a clock was set back, and it does not count.")
            usable = None
        elif age_s > OLDEST_S:
            usable = None
        elif age_s < APART_S:
            notes.append(f"The earlier reading is only {span(age_s)} old.")
            usable = None
    if usable is None:
        since = earlier.taken_at if earlier and 0 <= earlier.age_s(snapshot.taken_at) < APART_S else snapshot.taken_at
        return _report(
            snapshot,
            environment,
            again_at=since + timedelta(seconds=APART_S),
            unconfirmed=snapshot.differences,
            notes=notes,
        )
    now = {one.key: mark(one) for one in snapshot.differences}
    persistent = tuple(one for one in snapshot.differences if usable.of.get(one.key) == now[one.key])
    others = tuple(one for one in snapshot.differences if usable.of.get(one.key) != now[one.key])
    # What could not be read in one of the two readings has neither come nor gone.
    before, after = _unread_parts(usable.unread), _unread_parts(snapshot.unread)
    passing = [
        Passing(key=one.key, what="changed" if one.key in usable.of else "came")
        for one in others
        if one.key in usable.of or not _is_unread(before, PART_OF[one.kind], one.account_id)
    ]
    part_of = {kind.value: part for kind, part in PART_OF.items()}
    passing += [
        Passing(key=key, what="went")
        for key in sorted(usable.of)
        if key not in now and not _is_unread(after, part_of.get(key.partition(" ")[0], ""), _account_of(key))
    ]
    unread = tuple(dict.fromkeys((*snapshot.unread, *(f"{one} (earlier reading)" for one in usable.unread))))
    return _report(
        snapshot,
        environment,
        earlier_at=usable.taken_at,
        persistent=persistent,
        unconfirmed=others,
        passing=tuple(passing),
        unread=unread,
        notes=notes,
    )


def noise_words(report: ReconcileReport) -> str:
    """The noise floor as a sentence; empty without two readings."""
    if report.earlier_at is None:
        return ""
    apart = span((report.taken_at - report.earlier_at).total_seconds())
    seen = len(report.persistent) + len(report.passing)
    moved = plural(len(report.passing), "difference")
    return f"{moved} of {seen:,} came, went or changed between two readings {apart} apart"


def _is_unread(unread: set[str], part: str, account_id: int) -> bool:
    return part in unread or f"{part}, account {account_id}" in unread


def _account_of(key: str) -> int:
    digits = key.rpartition(" ")[2]
    return int(digits) if digits.isdecimal() and len(digits) < MOST_DIGITS else 0


def _unread_parts(unread: tuple[str, ...]) -> set[str]:
    return {text.partition(":")[0] for text in unread}


def _report(
    snapshot: Snapshot,
    environment: str,
    *,
    earlier_at: datetime | None = None,
    again_at: datetime | None = None,
    persistent: tuple[Difference, ...] = (),
    unconfirmed: tuple[Difference, ...] = (),
    passing: tuple[Passing, ...] = (),
    unread: tuple[str, ...] | None = None,
    notes: list[str],
) -> ReconcileReport:
    return ReconcileReport(
        scope=snapshot.scope,
        environment=environment,
        taken_at=snapshot.taken_at,
        earlier_at=earlier_at,
        again_at=again_at,
        persistent=persistent,
        unconfirmed=unconfirmed,
        passing=passing,
        looked_at=snapshot.looked_at,
        unread=snapshot.unread if unread is None else unread,
        notes=tuple(notes),
        evidence=snapshot.evidence,
    )
