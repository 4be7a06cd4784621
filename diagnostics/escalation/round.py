"""One measuring of several readings: what they share, and how a number becomes a measured figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from diagnostics.answers import SharedAnswers
from diagnostics.checks.base import Tools
from diagnostics.escalation.affected import Account, Named, named_accounts, read_accounts
from diagnostics.health.figures import quantity, remarks, taken_at
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.evidence import Evidence, utc_now
from diagnostics.models.figures import UNKNOWN, Figure
from diagnostics.models.status import Status
from diagnostics.webhook_backlog import Backlog, read_backlog

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType, Threshold
    from diagnostics.health.connections import States
    from diagnostics.health.desk import HealthDesk
    from diagnostics.log_questions import Counts
    from diagnostics.models.health import HealthOverview

Answer = TypeVar("Answer")

FOREVER_S = 86_400.0
"""Within one round nothing is asked twice, however long the round takes."""


@dataclass(slots=True, frozen=True)
class Round:
    """One measuring of several readings, in which every question is asked once."""

    tools: Tools
    health: HealthDesk
    issue: IssueType
    answers: SharedAnswers = field(default_factory=SharedAnswers)

    def once(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """The answer to `ask`, shared by the readings of this round."""
        return self.answers.get(name, FOREVER_S, ask)

    def rule(self, name: str) -> Threshold:
        """A threshold of the catalogue."""
        return self.tools.catalogue.thresholds[name]

    def overview(self) -> HealthOverview:
        """Level 2's big number and the sync events beside it."""
        return self.once("overview", self.health.overview)

    def backlog(self) -> Backlog:
        """The webhook backlog."""
        return self.once("backlog", lambda: read_backlog(self.tools))

    def counts(self, query: str) -> Counts:
        """Events of a named query in the window."""
        text = self.tools.catalogue.queries[query].datadog
        return self.once(f"counts {query}", lambda: self.tools.logs.counts(text, self.tools.window_s))

    def states(self) -> States:
        """Connections by state."""
        from diagnostics.health.connections import read_states  # noqa: PLC0415  # it loads SQLAlchemy

        return self.once("states", lambda: read_states(self.tools))

    def named(self) -> Named:
        """The accounts that the issue affects."""
        return self.once("named", lambda: named_accounts(self.tools, self.issue))

    def accounts(self) -> dict[int, Account]:
        """Their sizes."""
        return self.once("accounts", lambda: read_accounts(self.tools, self.named().ids))[0]


def made(
    name: str,
    title: str,
    value: float | int | str | None,
    *,
    shown: str = "",
    unit: str = "",
    status: Status = Status.NO_DATA,
    notes: Iterable[str] = (),
    evidence: Iterable[Evidence] = (),
) -> MeasuredFigure:
    """A reading as a figure; its notes stand as the caveat of its first evidence."""
    parts = tuple(evidence)
    caveat = remarks((*notes, *(parts[0].caveat for _ in parts[:1])))
    return MeasuredFigure(
        id=name,
        title=title,
        value=value,
        shown=UNKNOWN if value is None else shown or str(value),
        unit=unit,
        status=(Status.NO_DATA if value is None and status is Status.PASS else status).value,
        taken_at=taken_at(parts),
        evidence=parts[0].model_copy(update={"caveat": caveat}) if parts else None,
    )


def of_figure(name: str, figure: Figure) -> MeasuredFigure:
    """A figure of level 2. One whose source fails now has no value here, also where an older one is remembered."""
    if figure.failure:
        # What an older answer rests on would make the figure look older than the failure.
        lost = Evidence(
            source=figure.failure.partition(":")[0],
            query="no answer",
            started_at=utc_now(),
            took_ms=0.0,
            caveat=remarks((figure.failure, figure.note)),
        )
        status = figure.status if figure.status is Status.UNREACHABLE else Status.NO_DATA
        return made(name, figure.title, None, unit=figure.unit, status=status, evidence=(lost,))
    return made(
        name,
        figure.title,
        figure.value,
        shown=figure.shown,
        unit=figure.unit,
        status=figure.status,
        notes=(figure.note,),
        evidence=figure.evidence,
    )


def judged(name: str, rule: Threshold, value: float | None, evidence: Iterable[Evidence], note: str) -> MeasuredFigure:
    return made(
        name,
        rule.title,
        value,
        shown="" if value is None else quantity(value, rule.unit),
        unit=rule.unit,
        status=rule.judge(value),
        notes=(note, f"Limits: {rule.rule()}"),
        evidence=evidence,
    )
