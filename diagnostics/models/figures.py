"""Numbers as screens show them: each carries its state, its age and where it came from, so that `w` always answers."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.status import Status

RowType = TypeVar("RowType")

UNKNOWN = "—"
"""How a number that did not load is written. Never 0."""

NOT_KNOWN_YET = "not known yet"
"""How a number of a message is written that nobody has read here so far, and that is still asked for."""


class Gap(Frozen):
    """A part that an answer does not cover, and why. Gaps of one reason are counted together."""

    reason: str
    """e.g. "client host db-7: connection refused", "table zillow_agents is missing"."""
    count: int
    """How many of the coverage's unit."""
    examples: tuple[str, ...] = ()
    """A few of them, bounded."""


class Coverage(Frozen):
    """How much of what was asked an answer rests on."""

    answered: int
    asked: int
    unit: str = "accounts"
    gaps: tuple[Gap, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when nothing is missing."""
        return self.answered >= self.asked

    def words(self) -> str:
        """e.g. "5,112 of 6,864 accounts"."""
        return f"{self.answered:,} of {self.asked:,} {self.unit}"


class Figure(Frozen):
    """One number with everything that `w` needs."""

    id: str
    """Stable, e.g. "token_success"."""
    title: str
    value: float | int | str | None
    """None is no data."""
    shown: str
    """The value as people write it, with its unit, e.g. "98.80 %"; UNKNOWN when there is none."""
    unit: str = ""
    status: Status = Status.NO_DATA
    threshold: str = ""
    """The rule the value was held against, as text, from the catalogue."""
    judged: str = ""
    """What was held against the rule where that is not the value: "2.4 % of 2,000 valid tokens"."""
    note: str = ""
    """Biases of the number: partial coverage, a recent window only, rows left out and their effect."""
    failure: str = ""
    """Headline of what kept it from loading; empty when it loaded."""
    taken_at: datetime | None = None
    coverage: Coverage | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def held(self) -> str:
        """For a sentence: what was held against which rule; empty where no rule judges it."""
        return f"{self.judged} held against {self.threshold}".lstrip() if self.threshold else ""


class CoursePoint(Frozen):
    """One step of a course."""

    at: datetime
    """Where the step begins, UTC."""
    value: float | None
    """None where nothing is known of this step."""
    rows: int | None = None
    """How many rows the value rests on."""


class Course(Frozen):
    """How a number went, oldest first, in steps of equal length."""

    title: str
    unit: str = ""
    step_s: int = 3600
    points: tuple[CoursePoint, ...] = ()
    basis: str = ""
    """Where the points come from, one sentence."""
    since: datetime | None = None
    """Nothing is known before this moment."""
    evidence: tuple[Evidence, ...] = ()


class Page(Frozen, Generic[RowType]):
    """A part of a long list, in the order of a key. Hand `after` back to read the part that follows."""

    rows: tuple[RowType, ...]
    after: str | None = None
    """Key of the last row; None when there are no further ones."""
    total: int | None = None
    """How many there are in all; None when nobody counted."""
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    """Defects of rows on this page, with their effect: orphans, retired values, clocks that disagree."""
