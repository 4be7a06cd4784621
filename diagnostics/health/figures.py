"""How a number becomes a figure: judged by a threshold of the catalogue, or honestly without a value."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import StillAsking
from diagnostics.core.words import capital, sentence
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import UNKNOWN, Coverage, Figure
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold


PENDING = "being asked"
"""Failure of a figure that is under way while others beside it are there."""


def figure(
    name: str,
    rule: Threshold,
    value: float | None,
    *,
    title: str = "",
    shown: str = "",
    status: Status | None = None,
    judged: float | None = None,
    judged_words: str = "",
    unit: str | None = None,
    notes: Iterable[str] = (),
    evidence: Iterable[Evidence] = (),
    coverage: Coverage | None = None,
) -> Figure:
    """A figure held against `rule`. `judged` is what is held against it where that is not `value` itself, and
    `judged_words` says what that is.

    `status` overrides the judgement: a partial answer is no all-clear, and only its asker knows.
    """
    parts = tuple(evidence)
    in_unit = rule.unit if unit is None else unit
    judgement = status if status is not None else rule.judge(value if judged is None else judged)
    return Figure(
        id=name,
        title=title or rule.title,
        value=value,
        shown=UNKNOWN if value is None else shown or quantity(value, in_unit),
        unit=in_unit,
        status=unless_old(judgement, parts),
        threshold=rule.rule(),
        judged=judged_words,
        note=remarks(notes),
        taken_at=taken_at(parts),
        coverage=coverage,
        evidence=parts,
    )


def plain(
    name: str,
    title: str,
    value: int | None,
    status: Status,
    *,
    unit: str = "",
    notes: Iterable[str] = (),
    evidence: Iterable[Evidence] = (),
) -> Figure:
    """A whole number that no threshold judges."""
    parts = tuple(evidence)
    return Figure(
        id=name,
        title=title,
        value=value,
        shown=UNKNOWN if value is None else f"{value:,}",
        unit=unit,
        status=unless_old(status, parts),
        note=remarks(notes),
        taken_at=taken_at(parts),
        evidence=parts,
    )


def unless_old(status: Status, evidence: Iterable[Evidence]) -> Status:
    """A pass on data that is known to be of an earlier moment, or to be a part of the rows, is no data."""
    partly = any(part.is_old or part.is_cut for part in evidence)
    return Status.NO_DATA if status is Status.PASS and partly else status


def failed(name: str, rule: Threshold, failure: SourceFailure, *, title: str = "", notes: Iterable[str] = ()) -> Figure:
    """The figure whose source gave no answer. Not asked yet and still being counted are no data, not a lost source."""
    waiting = isinstance(failure, TurnAwaited | StillAsking)
    return Figure(
        id=name,
        title=title or rule.title,
        value=None,
        shown=UNKNOWN,
        unit=rule.unit,
        status=Status.NO_DATA if waiting else Status.UNREACHABLE,
        threshold=rule.rule(),
        note=remarks((failure.reason, failure.remedy, *notes)),
        failure=failure.headline(),
        taken_at=utc_now(),
    )


class LastKnown:
    """The last figures that loaded: a source that falls silent leaves no blank where a number was known."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, Figure] = {}

    def beside(self, figures: Iterable[Figure]) -> tuple[Figure, ...]:
        """`figures`, where one that did not load is the last one that did: with its age, and why it is no newer.

        An old pass is no all-clear: it takes the state of the failure. What was grave stays grave.
        """
        return tuple(self._beside(one) for one in figures)

    def _beside(self, new: Figure) -> Figure:
        with self._lock:
            if not new.failure:
                self._loaded[new.id] = new
                return new
            last = self._loaded.get(new.id)
        if last is None or last.value is None or last.taken_at is None:
            return new
        if new.failure == PENDING:
            # Nothing has failed: it stands as it was, and says of when it is.
            note = remarks((f"as of {last.taken_at:%H:%M:%S} UTC, {PENDING} again", last.note))
            return last.model_copy(update={"note": note})
        grave = last.status in {Status.WARN, Status.FAIL}
        return last.model_copy(
            update={
                "status": last.status if grave else new.status,
                "failure": new.failure,
                "note": remarks((f"as of {last.taken_at:%H:%M:%S} UTC: {new.failure}", last.note)),
            }
        )


def remarks(notes: Iterable[str]) -> str:
    """Notes as one line of sentences, empty ones left out."""
    return " ".join(sentence(capital(note)) for note in notes if note)


def quantity(value: float, unit: str) -> str:
    """A value as people write it: shares with two digits, times and counts with as many as they deserve."""
    if unit in {"%", "points", "×"}:
        return f"{value:,.2f} {unit}"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}".rstrip()


def taken_at(evidence: Iterable[Evidence]) -> datetime | None:
    """How old the oldest of the answers is: from its newest data on, or from when it was asked; None without any."""
    return min((part.data_at for part in evidence), default=None)
