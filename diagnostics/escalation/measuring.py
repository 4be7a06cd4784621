"""The figures of an issue as they are now: all at once, each failing alone, in bounded time.

What notices bind, tiers and exit criteria judge, and the review compares. Every question is asked once in a round, and
shared with the screens that ask it at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.escalation.asking import ask_together
from diagnostics.failures import SourceFailure, TurnAwaited
from diagnostics.health.patience import StillAsking
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.evidence import Evidence, utc_now
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.health.desk import HealthDesk
    from diagnostics.jobs import Job

LONGEST_S = 15.0
"""One measuring, with two turns of the scarcest rate limit in it; what is not there by then has no value yet."""


def measure(
    tools: Tools,
    health_desk: HealthDesk,
    issue_type: str,
    job: Job | None = None,
    *,
    also: Sequence[str] = (),
    only: Sequence[str] | None = None,
) -> tuple[MeasuredFigure, ...]:
    """The readings that the catalogue names for the issue, in its order, and those of `also`; or those of `only`.

    A source that fails gives a figure with the value None, the dash, and the failure as caveat of its evidence. Takes
    at most 15 seconds, or what is left of the job. Raises UserError for an unknown issue type, and SourceFailure
    (cancelled) when somebody ended the job.
    """
    from diagnostics.escalation.impact import issue_named  # noqa: PLC0415  # it loads SQLAlchemy
    from diagnostics.escalation.readings import READINGS  # noqa: PLC0415  # the same
    from diagnostics.escalation.round import Round  # noqa: PLC0415  # the same

    issue = issue_named(tools, issue_type)
    names = tuple(dict.fromkeys(only if only is not None else (*issue.figures, *also)))
    asked = Round(tools, health_desk, issue)
    answers = ask_together({name: partial(READINGS[name].take, asked) for name in names}, LONGEST_S, job)
    return tuple(
        unread(name, answer) if isinstance(answer, SourceFailure) else answer for name, answer in answers.items()
    )


def unread(name: str, failure: SourceFailure) -> MeasuredFigure:
    """The reading that did not come, and why. Not asked yet and still asked for are no data, not a lost source."""
    from diagnostics.escalation.readings import READINGS  # noqa: PLC0415  # it loads SQLAlchemy

    reading = READINGS.get(name)
    waiting = isinstance(failure, TurnAwaited | StillAsking)
    now = utc_now()
    return MeasuredFigure(
        id=name,
        title=name if reading is None else reading.title,
        value=None,
        shown=UNKNOWN,
        unit="" if reading is None else reading.unit,
        status=(Status.NO_DATA if waiting else Status.UNREACHABLE).value,
        taken_at=now,
        evidence=Evidence(
            source=failure.source,
            query="no answer",
            started_at=now,
            took_ms=0.0,
            caveat=failure.headline() if waiting else f"{failure.headline()}: {failure.reason}",
        ),
    )
