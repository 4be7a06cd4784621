"""Exit criteria as live predicates: what each reads now, how long it has held, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.catalogue.conditions import criterion_words, limit_of
from diagnostics.escalation.holds import Hold, Look
from diagnostics.models.entries import Body, CriterionBroken, CriterionMet, MeasuredFigure
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.incidents import Criterion, CriterionRecord
from diagnostics.models.status import Status
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.response import ExitCriteria, ExitCriterion
    from diagnostics.models.incidents import Incident

UNANSWERED = frozenset({Status.NO_DATA.value, Status.UNREACHABLE.value})


def readings_of(criteria: ExitCriteria) -> tuple[str, ...]:
    """The readings that these criteria need, each once."""
    found: dict[str, None] = {}
    for one in criteria.criteria.values():
        found[one.reading] = None
        if one.minimum_events:
            found[one.events] = None
    return tuple(found)


def look_at(
    catalogue: Catalogue,
    criteria: ExitCriteria,
    figures: Mapping[str, MeasuredFigure],
    now: datetime,
    most_s: float | None,
) -> dict[str, Look]:
    """One look at every criterion."""
    found = {}
    for name, criterion in criteria.criteria.items():
        holds, _ = _holds(catalogue, criterion, figures)
        figure = figures.get(criterion.reading)
        taken = now if holds is None or figure is None or figure.taken_at is None else min(figure.taken_at, now)
        found[name] = Look(
            rule=criterion_words(criterion, catalogue.thresholds),
            holds=holds,
            at=taken,
            longest_gap_s=criteria.longest_gap_s,
            most_s=most_s,
        )
    return found


def _holds(
    catalogue: Catalogue, criterion: ExitCriterion, figures: Mapping[str, MeasuredFigure]
) -> tuple[bool | None, str]:
    """Whether it holds now, and why nobody can tell. A figure that may be too good holds nothing."""
    figure = figures.get(criterion.reading)
    if figure is None:
        return None, "it was not measured"
    holds = criterion.holds(figure.value, limit_of(criterion, catalogue.thresholds))
    if holds is False:
        return False, ""
    if holds is None or figure.status in UNANSWERED:
        return None, figure.evidence.caveat if figure.evidence is not None else "no data"
    doubt = _too_few(criterion, figures) if criterion.minimum_events else ""
    return (None if doubt else True), doubt


def _too_few(criterion: ExitCriterion, figures: Mapping[str, MeasuredFigure]) -> str:
    """Why a good value means nothing: too few things behind it. Empty when there are enough."""
    events = figures.get(criterion.events)
    noun = criterion.events.replace("_", " ")
    if events is None or not isinstance(events.value, int | float):
        return f"how many {noun} it rests on is not known"
    if events.value < criterion.minimum_events:
        return f"it rests on {events.value:,} {noun}, and needs {criterion.minimum_events:,}"
    return ""


def judge(
    catalogue: Catalogue,
    criteria: ExitCriteria,
    figures: Mapping[str, MeasuredFigure],
    holds: Mapping[str, Hold],
    records: Sequence[CriterionRecord],
) -> tuple[Criterion, ...]:
    """The criteria with their holds after the newest look."""
    known = {one.criterion: one for one in records}
    return tuple(
        _judged(catalogue, name, figures, criterion=criterion, hold=holds.get(name), record=known.get(name))
        for name, criterion in criteria.criteria.items()
    )


def _judged(
    catalogue: Catalogue,
    name: str,
    figures: Mapping[str, MeasuredFigure],
    *,
    criterion: ExitCriterion,
    hold: Hold | None,
    record: CriterionRecord | None,
) -> Criterion:
    holds, doubt = _holds(catalogue, criterion, figures)
    figure = figures.get(criterion.reading)
    needs = criterion.hold_minutes * 60
    running = hold is not None and hold.since is not None
    held = hold.held_s if hold is not None and running else None
    if holds is None:
        lost = figure is not None and figure.status == Status.UNREACHABLE.value
        status = Status.UNREACHABLE if lost else Status.NO_DATA
    elif not holds:
        status, held = Status.FAIL, None
    else:
        status = Status.PASS if held is not None and held >= needs else Status.WARN
    events = figures.get(criterion.events) if criterion.minimum_events else None
    parts = (one.evidence for one in (figure, events) if one is not None and one.evidence is not None)
    return Criterion(
        id=name,
        title=criterion_words(criterion, catalogue.thresholds),
        status=status,
        shown=UNKNOWN if figure is None else figure.shown,
        held_s=held,
        needs_s=needs,
        since=hold.since if hold is not None and running and status is not Status.FAIL else None,
        note=_note(status, held, needs, doubt, hold),
        waived_by="" if record is None else record.waived_by,
        evidence=tuple(parts),
    )


def _note(status: Status, held: float | None, needs: float, doubt: str, hold: Hold | None) -> str:
    how_far = f"held {span(held)} of {span(needs)}" if held is not None and needs else ""
    if status in {Status.NO_DATA, Status.UNREACHABLE}:
        said = [f"cannot be told now: {doubt}" if doubt else "cannot be told now", how_far]
    elif status is Status.FAIL:
        said = ["does not hold"]
    else:
        begun_anew = hold is not None and hold.why and status is Status.WARN
        said = [how_far or "holds", f"began anew: {hold.why}" if hold is not None and begun_anew else ""]
    return "; ".join(part for part in said if part)


def changes(incident: Incident, criteria: Sequence[Criterion], holds: Mapping[str, Hold]) -> tuple[Body, ...]:
    """What the journal does not know yet of the criteria: decided against the newest state of the incident.

    A criterion that was met is broken by a look that says so or by a hold that has begun anew, and not by another
    console's look a moment before it was met.
    """
    records = {one.criterion: one for one in incident.criteria}
    bodies: list[Body] = []
    for one in criteria:
        record, hold = records.get(one.id), holds.get(one.id)
        met_since = None if record is None else record.met_since
        if met_since is None:
            if one.status is Status.PASS and one.since is not None:
                bodies.append(
                    CriterionMet(
                        criterion=one.id, shown=one.shown, since=one.since, evidence=next(iter(one.evidence), None)
                    )
                )
        elif hold is None or hold.since is None or hold.since > met_since:
            why = hold.why if hold is not None and hold.why else "nothing is known of it any more"
            bodies.append(CriterionBroken(criterion=one.id, shown=one.shown, why=why))
    return tuple(bodies)
