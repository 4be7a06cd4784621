"""How long an exit criterion has held, with somebody looking: kept in the state store, shared by all consoles.

A hold is never longer than the time in which consoles really looked: a gap breaks it, a clock that jumps does not
lengthen it, a restart does not end it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.windows import span

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from diagnostics.state.store import StateStore

KIND = "exit_criterion_hold"
MOST_KEPT = 1_000
"""Holds that are kept, those looked at last; a criterion of an incident is one."""


@dataclass(slots=True, frozen=True)
class Hold:
    """What is known of one criterion from all looks at it."""

    rule: str
    """The criterion in words: one that the team has changed since begins anew."""
    since: datetime | None
    """When the first look of this hold was; None while it does not hold."""
    last_at: datetime
    """The newest look that got an answer."""
    held_s: float = 0.0
    why: str = ""
    """What ended the hold before."""


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


class HoldBook:
    """The holds of all incidents. Blocking, thread-safe; raises SourceFailure (source "state")."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def read(self, incident: str) -> dict[str, Hold]:
        """Holds of one incident by criterion."""
        with self._state.read() as connection:
            return _read(connection, incident)

    def note(self, incident: str, looks: Mapping[str, Look]) -> dict[str, Hold]:
        """Add one look at each criterion, and return the holds after it. One transaction: looks of others are seen."""
        return self._state.transact(lambda connection: _note(connection, incident, looks))


def _note(connection: Connection, incident: str, looks: Mapping[str, Look]) -> dict[str, Hold]:
    from diagnostics.state import documents  # noqa: PLC0415  # it loads SQLAlchemy
    from diagnostics.state.schema import DOCUMENTS  # noqa: PLC0415

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
    from diagnostics.state import documents  # noqa: PLC0415  # it loads SQLAlchemy

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
