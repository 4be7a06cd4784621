"""What is examined as steps that stand on each other: side by side where they can, the first that fails is the cause.

A step whose ground failed is not asked, and says so: of a wrong address there is one failing line, and not eleven.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.waiting import aside
from diagnostics.models.doctor import NOT_ASKED, DoctorLine
from diagnostics.models.triage import Status

logger = logging.getLogger(__name__)

LONGEST_S = 20.0
"""For all steps together: a source that hangs has ended by its own limits before."""

_BAD = {Status.FAIL, Status.UNREACHABLE}


@dataclass(slots=True, frozen=True)
class Step:
    """One question of the examination. `ask` may raise SourceFailure and UserError: each is a failing line."""

    source: str
    subject: str
    ask: Callable[[], Iterable[DoctorLine]]
    """Lines; none where there is nothing to say."""
    needs: tuple[tuple[str, str], ...] = ()
    """Source and subject of the steps that have to have passed; they stand before this one, where they stand at all."""
    is_lost: Callable[[Sequence[DoctorLine]], bool] | None = None
    """Whether what stands on this step cannot be asked any more, by its lines; without it one that fails is enough."""


@dataclass(slots=True, frozen=True)
class _Outcome:
    lines: tuple[DoctorLine, ...]
    cause: str
    """The step that failed, this one or one that it stands on; empty where it passed."""


def examined(steps: Sequence[Step], *, longest_s: float = LONGEST_S) -> Iterator[DoctorLine]:
    """The lines of all steps in their order, each as soon as it and those before it are known. Raises nothing."""
    ends = time.monotonic() + longest_s
    with aside(len(steps), "doctor") as pool:
        asked: dict[tuple[str, str], Future[_Outcome]] = {}
        for step in steps:
            ground = [asked[need] for need in step.needs if need in asked]
            asked[step.source, step.subject] = pool.submit(_outcome, step, ground)
        causes: dict[tuple[str, str], str] = {}
        for step in steps:
            try:
                outcome = asked[step.source, step.subject].result(max(0.0, ends - time.monotonic()))
            except Late:
                outcome = _late(step, next((causes[need] for need in step.needs if causes.get(need)), ""), longest_s)
            causes[step.source, step.subject] = outcome.cause
            yield from outcome.lines


def _late(step: Step, cause: str, longest_s: float) -> _Outcome:
    """What is said of a step that has not ended; `cause` is the step before it that has not, or that failed."""
    if cause:
        return _Outcome((not_asked(step.source, step.subject, cause),), cause)
    remedy = "look at the network and at the service; the time limits of the settings are shorter than this"
    told = f"no answer within {longest_s:g} s"
    line = DoctorLine.of(step.source, step.subject, Status.UNREACHABLE, told, remedy)
    return _Outcome((line,), f"{step.source} {step.subject}")


def _outcome(step: Step, ground: Sequence[Future[_Outcome]]) -> _Outcome:
    for one in ground:
        if cause := one.result().cause:
            return _Outcome((not_asked(step.source, step.subject, cause),), cause)
    name = f"{step.source} {step.subject}"
    try:
        lines = tuple(step.ask())
    except SourceFailure as failure:
        return _Outcome((DoctorLine.failed(step.source, step.subject, failure),), name)
    except UserError as error:
        detail = f"{error.problem} in {error.where}" if error.where else error.problem
        remedy = error.next_step or error.accepted
        return _Outcome((DoctorLine.of(step.source, step.subject, Status.FAIL, detail, remedy),), name)
    except Exception:  # whatever is wrong with one source must not keep the others from being looked at
        logger.exception("the examination of %s failed unexpectedly", name)
        told = "the console met an error of its own; its log file has the details"
        line = DoctorLine.of(step.source, step.subject, Status.FAIL, told, "tell the console's maintainers")
        return _Outcome((line,), name)
    bad = [line for line in lines if line.status in _BAD]
    lost = bool(bad) and (step.is_lost is None or step.is_lost(lines))
    return _Outcome(lines, f"{bad[0].source} {bad[0].subject}" if lost else "")


def not_asked(source: str, subject: str, cause: str) -> DoctorLine:
    """The line of a step whose ground failed: `cause` is the line that has to be mended first."""
    return DoctorLine.of(source, subject, Status.NO_DATA, f"{NOT_ASKED}{cause}")
