"""Exit criteria as live predicates: what each reads now, how long it has held, and what is missing.

How long is kept in the state store, shared by all consoles. A hold is never longer than the time in which consoles
really looked: a gap breaks it, a clock that jumps does not lengthen it, a restart does not end it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.catalogue.conditions import criterion_words, limit_of
from diagnostics.core.words import span
from diagnostics.models.entries import Body, CriterionBroken, CriterionMet, MeasuredFigure
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.incidents import Criterion, CriterionRecord
from diagnostics.models.status import Status
from diagnostics.store import documents
from diagnostics.store.schema import DOCUMENTS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.response import ExitCriteria, ExitCriterion
    from diagnostics.models.incidents import Incident
    from diagnostics.store.store import StateStore

UNANSWERED = frozenset({Status.NO_DATA.value, Status.UNREACHABLE.value})
"""Of a figure: nobody can tell by it whether something holds."""

KIND = "exit_criterion_hold"
MOST_KEPT = 1_000
"""Holds that are kept, those looked at last; a criterion of an incident is one."""


# ---- how long


@dataclass(slots=True, frozen=True)
class Hold:
    """The state of one criterion after all looks at it."""

    rule: str
    """The criterion in words: one that the team has changed since begins anew."""
    since: datetime | None
    """When the first look of this hold was; None while it does not hold."""
    last_at: datetime
    """The newest look that got an answer."""
    held_s: float = 0.0
    why: str = ""
    """Why the hold before this one ended."""


@dataclass(slots=True, frozen=True)
class Look:
    """One look at a criterion."""

    rule: str
    holds: bool | None
    """None where nobody can tell."""
    at: datetime
    """When its reading was taken; for one without an answer, when it was asked for."""
    longest_gap_s: float
    most_s: float | None = None
    """Seconds by this console's own steady clock since it looked last; None where it has not looked before."""


def advance(before: Hold | None, look: Look) -> Hold | None:
    """The hold after one more look. It grows by the time between two looks, by the slower of two clocks."""
    if look.holds is None:
        return _unanswered(before, look)
    if not look.holds:
        return Hold(look.rule, None, look.at, why="it did not hold")
    if before is None or before.since is None:
        return Hold(look.rule, look.at, look.at, why="" if before is None else before.why)
    passed = (look.at - before.last_at).total_seconds()
    why = _broken(before, look, passed)
    if why:
        return Hold(look.rule, look.at, look.at, why=why)
    if passed <= 0:
        # Another console has a newer reading, or the same one.
        return before
    added = passed if look.most_s is None else min(passed, max(0.0, look.most_s))
    return Hold(look.rule, before.since, look.at, before.held_s + added, before.why)


def _broken(before: Hold, look: Look, passed_s: float) -> str:
    """Why a hold begins anew although it holds now; empty when it goes on."""
    if before.rule != look.rule:
        return "the criterion was changed"
    if passed_s > look.longest_gap_s:
        return _gap(before.last_at, passed_s)
    return f"a clock went back by {span(-passed_s)}" if passed_s < -look.longest_gap_s else ""


def _unanswered(before: Hold | None, look: Look) -> Hold | None:
    """No answer adds nothing; it ends the hold once the last answer is too long ago."""
    if before is None or before.since is None:
        return before
    passed = (look.at - before.last_at).total_seconds()
    if passed <= look.longest_gap_s:
        return before
    return Hold(before.rule, None, before.last_at, why=_gap(before.last_at, passed))


def _gap(last_at: datetime, passed_s: float) -> str:
    return f"nobody could tell for {span(passed_s)} after {last_at:%H:%M:%S} UTC"


class HoldStore:
    """The holds of all incidents. Blocking, thread-safe; raises SourceFailure (source "state")."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def read(self, incident: str) -> dict[str, Hold]:
        """Holds of one incident by criterion."""
        with self._state.read() as connection:
            return _read(connection, incident)

    def note(self, incident: str, looks: Mapping[str, Look]) -> dict[str, Hold]:
        """Add one look at each criterion, and return the holds after it. One transaction: looks of others are seen."""
        return self._state.transact(lambda connection: _note_looks(connection, incident, looks))


def _note_looks(connection: Connection, incident: str, looks: Mapping[str, Look]) -> dict[str, Hold]:
    # Locked before they are read: two consoles that look at once must not both add to the same moment.
    names = [documents.identify(_key(incident, name)) for name in sorted(looks)]
    connection.execute(
        DOCUMENTS.update().where(DOCUMENTS.c.kind == KIND, DOCUMENTS.c.doc_id.in_(names)).values(kind=KIND)
    )
    before = _read(connection, incident)
    after: dict[str, Hold] = {}
    for name, look in looks.items():
        hold = advance(before.get(name), look)
        if hold is None:
            continue
        after[name] = hold
        if hold != before.get(name):
            document = documents.prepare(KIND, _key(incident, name), _written(hold))
            documents.remember(connection, document, MOST_KEPT)
    return after


def _read(connection: Connection, incident: str) -> dict[str, Hold]:
    found: dict[str, Hold] = {}
    for kept in documents.recall(connection, KIND, MOST_KEPT):
        owner, _, name = kept.key.partition("/")
        hold = _hold(kept.payload) if owner == incident else None
        if hold is not None:
            found[name] = hold
    return found


def _key(incident: str, criterion: str) -> str:
    return f"{incident}/{criterion}"


def _written(hold: Hold) -> dict[str, object]:
    return {
        "rule": hold.rule,
        "since": None if hold.since is None else hold.since.isoformat(),
        "last_at": hold.last_at.isoformat(),
        "held_s": hold.held_s,
        "why": hold.why,
    }


def _hold(payload: Mapping[str, object]) -> Hold | None:
    """A hold as it was written; None for what no console wrote, which then begins anew."""
    try:
        since = payload["since"]
        held = float(str(payload["held_s"]))
        last_at = datetime.fromisoformat(str(payload["last_at"]))
        begun = None if since is None else datetime.fromisoformat(str(since))
        if last_at.tzinfo is None or (begun is not None and begun.tzinfo is None) or not 0 <= held < 1e9:
            return None
        return Hold(str(payload["rule"]), begun, last_at, held, str(payload["why"]))
    except (KeyError, ValueError):
        return None


# ---- what each reads


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
        restarted = hold is not None and hold.why and status is Status.WARN
        said = [how_far or "holds", f"restarted: {hold.why}" if hold is not None and restarted else ""]
    return "; ".join(part for part in said if part)


def changes(incident: Incident, criteria: Sequence[Criterion], holds: Mapping[str, Hold]) -> tuple[Body, ...]:
    """Entries that the journal lacks about the criteria: decided against the newest state of the incident.

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
