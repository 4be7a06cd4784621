"""Base of all checks: one question, the sources it asks, the thresholds it holds the answer against."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, TypedDict, Unpack

from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, TurnAwaited, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import advice, capital, sentence
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import ASKED_AS, Finding, Status, TriageRequest

logger = logging.getLogger(__name__)

MOST_DETAILS = 20
"""Lines of a drill-down; the rest is counted."""


class Shown(TypedDict, total=False):
    """Parts of a finding beside its summary."""

    value: float | int | str | None
    unit: str
    threshold: str
    next_step: str
    evidence: Evidence | None
    details: Iterable[str]
    name: str
    limit: str
    remark: str


class Check(ABC):
    """A small object: ask it, get a finding. It holds no state."""

    id: ClassVar[str]
    title: ClassVar[str]
    """The question, for a person."""
    name: ClassVar[str] = ""
    """What it judges, in at most 16 letters, for the table of level 1."""

    @abstractmethod
    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """The finding; raises SourceFailure when a source it cannot do without gives no answer."""

    def run(self, context: Context, request: TriageRequest) -> Finding:
        """The finding, where a source's failure is a finding too. Never raises."""
        try:
            return self.answer(context, request)
        except SourceFailure as failure:
            return self.unanswered(failure)
        except UserError as error:
            return self.finding(
                Status.NO_DATA, sentence(clean(error.problem, limit=300)), next_step=advice(error.next_step)
            )
        except Exception:  # one broken check must not take the other findings with it
            logger.exception("the check %s failed unexpectedly", self.id)
            return self.finding(
                Status.UNREACHABLE,
                "This check could not be worked out: the console met an error of its own.",
                next_step="The console's log file has the details; use the guide's steps by hand meanwhile.",
            )

    def unanswered(self, failure: SourceFailure) -> Finding:
        """The finding when a source that it cannot do without gives no answer."""
        if isinstance(failure, TurnAwaited):
            # The source is well, as far as anybody knows: it has not been asked yet.
            return self.finding(
                Status.NO_DATA, sentence(f"Not asked yet: {failure.headline()}"), next_step=failure.remedy
            )
        return self.finding(
            Status.UNREACHABLE,
            sentence(f"{failure.headline()}: {failure.reason}"),
            next_step=advice(failure.remedy),
        )

    def finding(self, status: Status, summary: str, **shown: Unpack[Shown]) -> Finding:
        """A finding of this check; see `finding`."""
        shown.setdefault("name", self.name)
        return finding(self.id, self.title, status, summary, **shown)


class FleetCheck(Check):
    """A check that looks at everything at once, whatever account or deal the request names."""

    def answer(self, context: Context, request: TriageRequest) -> Finding:  # noqa: ARG002  # the point of this class
        """The finding of `look`."""
        return self.look(context)

    @abstractmethod
    def look(self, context: Context) -> Finding:
        """The finding; raises SourceFailure."""


def finding(check: str, title: str, status: Status, summary: str, **shown: Unpack[Shown]) -> Finding:
    """A finding with its texts cleaned and its details bounded.

    Where its evidence is known to be of an earlier moment, nothing passes on it, and 0 is no data: what came since may
    be anything. The same holds where there were more rows than were read.
    """
    evidence, value, remark = shown.get("evidence"), shown.get("value"), shown.get("remark", "")
    if evidence is not None and evidence.is_cut:
        status = Status.NO_DATA if status is Status.PASS else status
        value = None if value == 0 else value
        summary = f"{sentence(capital(evidence.caveat.partition(';')[0]))} Of these: {summary}"
        remark = evidence.caveat.partition(";")[0]
    if evidence is not None and evidence.is_old:
        old = status is Status.PASS
        status = Status.NO_DATA if old else status
        value = None if value == 0 else value
        summary = f"{sentence(capital(evidence.caveat.partition(';')[0]))} As of then: {summary}" if old else summary
        remark = evidence.caveat.partition(";")[0] if old else remark
    return Finding(
        check=check,
        title=title,
        status=status,
        summary=clean(summary, limit=500),
        value=value,
        unit=shown.get("unit", ""),
        threshold=shown.get("threshold", ""),
        next_step=clean(shown.get("next_step", ""), limit=500),
        evidence=evidence,
        details=bounded(shown.get("details", ())),
        name=shown.get("name", ""),
        limit=shown.get("limit", ""),
        remark=clean(remark, limit=200),
    )


_GRAVITY = (Status.PASS, Status.NO_DATA, Status.WARN, Status.UNREACHABLE, Status.FAIL)


def worst(*statuses: Status) -> Status:
    """The gravest of several answers to one question: fail, unreachable, warn, no data, pass."""
    return max(statuses, key=_GRAVITY.index, default=Status.NO_DATA)


def bounded(lines: Iterable[str], most: int = MOST_DETAILS) -> tuple[str, ...]:
    """At most `most` cleaned lines, and how many more there were."""
    kept = [clean(line, limit=500) for line in lines]
    if len(kept) <= most:
        return tuple(kept)
    return (*kept[: most - 1], f"… and {len(kept) - most + 1:,} more")


def oldest(asked: Sequence[Evidence]) -> Evidence:
    """Of several that a finding rests on the one to show: the first, unless another one is known to be old."""
    return next((one for one in asked if one.is_old), asked[0])


def asked_as(shown: Evidence, parts: Iterable[Evidence]) -> tuple[str, ...]:
    """The further statements behind a finding that shows the evidence of one, each once, with the source first."""
    lines = dict.fromkeys(f"{ASKED_AS}{part.source}: {part.query}" for part in (shown, *parts))
    return tuple(lines)[1:]


def share(part: int, whole: int) -> float | None:
    """`part` of `whole` in percent; None of nothing."""
    return 100.0 * part / whole if whole else None


def number(row: dict[str, object], name: str) -> int:
    """A count from a row; SQL's sum over nothing is NULL, which is 0 here."""
    value = row.get(name)
    return int(value) if isinstance(value, int | float) else 0


def moment(row: dict[str, object], name: str) -> datetime | None:
    """A moment from a row, aware UTC, or None."""
    value = row.get(name)
    return value if isinstance(value, datetime) else None


def switch(value: object) -> bool | None:
    """A flag from a cell; None where it says neither yes nor no."""
    return value if isinstance(value, bool) else None


def switched(value: object, on: str, off: str) -> str:
    """A flag in words, such as "active" and "inactive"."""
    return f"neither {on} nor {off}" if switch(value) is None else on if value else off
