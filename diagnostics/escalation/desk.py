"""Incidents: declared, followed and changed through the journal, which several consoles share.

Every change is decided against the newest state, and decided again when somebody else was quicker: nothing is lost, and
who comes second is told so instead of overwriting.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from diagnostics.escalation.actions import IncidentActions
from diagnostics.escalation.fold import fold, sentence
from diagnostics.escalation.journal import Conflict
from diagnostics.failures import FailureKind, SourceFailure, UserError
from diagnostics.models import entries as said
from diagnostics.models.entries import Body, Entry, MeasuredFigure
from diagnostics.models.figures import Page
from diagnostics.models.incidents import Following, Incident, IncidentLine, TimelineLine
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.journal import Journal

PREFIX: Literal["INC"] = "INC"
ATTEMPTS = 30
"""How often a change is decided anew because somebody else was quicker."""

LONGEST_TITLE, LONGEST_TEXT = 200, 4_000

PAGE, MOST_FOLLOWED = 1_000, 200
"""Entries read of what is new, and incidents that are read when there is more than that."""


class IncidentDesk(IncidentActions):
    """Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._lock = threading.RLock()
        self._known: dict[str, Incident] = {}
        self._seq = -1
        """Newest entry of the journal that `_known` has seen; -1 before the first look."""
        self._chosen: str | None = None
        self._generation = -1

    @property
    def _journal(self) -> Journal:
        return self._tools.parts.journal

    @property
    def person(self) -> str:
        """Who sits at this console."""
        return self._journal.person

    # ---- reading

    def get(self, incident_id: str) -> Incident:
        """One incident as it is now. Raises UserError naming those that exist."""
        name = incident_id.strip().upper()
        incident = self._read(name)
        if incident is None:
            names = self._journal.streams(PREFIX)
            raise UserError(
                f"there is no incident called {clean(incident_id, limit=60)!r}",
                accepted=", ".join(names[:10]) or "none has been declared yet",
                next_step=":incidents lists them",
            )
        return incident

    def _read(self, name: str) -> Incident | None:
        """The incident as it is now; None for a stream that declares none, which a stranger may have begun."""
        while True:
            generation = self._check_place()
            with self._lock:
                before = self._known.get(name)
            entries = self._journal.stream(name, after=before.last_seq if before is not None else 0)
            if self._journal.generation == generation:
                break
            # The journal moved in between: these entries may be of another incident of the same number.
        incident = fold(entries, before)
        if incident is not None:
            with self._lock:
                newer = self._known.get(name)
                if self._generation == generation and (newer is None or newer.last_seq <= incident.last_seq):
                    self._known[name] = incident
        return incident

    def lines(self, most: int = 200) -> tuple[IncidentLine, ...]:
        """The `most` newest incidents, newest first."""
        return tuple(_line(one) for one in map(self._read, self._journal.streams(PREFIX)[:most]) if one is not None)

    def choose(self, incident_id: str | None) -> None:
        """Which incident this console has in view; None is the gravest that is open."""
        self._chosen = incident_id if incident_id is None else self.get(incident_id).id

    def following(self) -> Following:
        """What other consoles have written meanwhile, and the incident in view. One row read where nothing is new."""
        journal = self._journal
        while True:
            generation = self._check_place()
            with self._lock:
                seen = self._seq
            head = journal.head().seq
            for name in self._moved_on(seen, head):
                self._read(name)
            with self._lock:
                if self._generation == generation == journal.generation:
                    self._seq = head
                    known = sorted(self._known.values(), key=lambda one: one.declared_at, reverse=True)
                    break
        opened = [one for one in known if one.is_open]
        return Following(
            seq=head, incident=self._in_view(opened), open=tuple(map(_line, opened)), problem=journal.problem
        )

    def _moved_on(self, seen: int, head: int) -> tuple[str, ...]:
        """Streams of incidents that may have entries which `_known` lacks."""
        if head == seen:
            return ()
        with self._lock:
            if head < seen:
                # Somebody has cut the journal: what was read of it is not what stands there.
                self._known.clear()
            known = tuple(self._known)
        if 0 <= seen <= head <= seen + PAGE:
            fresh = dict.fromkeys(entry.stream for entry in self._journal.since(seen, most=PAGE))
            return tuple(one for one in fresh if one.startswith(f"{PREFIX}-"))
        # The first look, or more than one page behind: others may have declared some meanwhile.
        return tuple(dict.fromkeys((*self._journal.streams(PREFIX)[:MOST_FOLLOWED], *known)))

    def timeline(self, incident_id: str, before: int | None = None, most: int = 100) -> Page[TimelineLine]:
        """Entries as people read them, newest first; `after` of the page is the `before` of the next one, as text."""
        entries = self._journal.page(incident_id, before, most)
        rows = tuple(
            TimelineLine(seq=one.seq, at=one.at, actor=one.actor, kind=one.body.kind, text=sentence(one), entry=one)
            for one in entries
        )
        more = len(entries) == most and not isinstance(entries[-1].body, said.Declared)
        return Page(rows=rows, after=str(rows[-1].seq) if more else None)

    def next_update_at(self, incident: Incident) -> datetime | None:
        """When the next update is promised; None where none is due any more."""
        from diagnostics.escalation.cadence import next_update_at  # noqa: PLC0415

        return next_update_at(incident, self._tools.catalogue)

    def _check_place(self) -> int:
        """The generation of the journal. It may have moved, such as back from memory: what was read of it is void."""
        generation = self._journal.generation
        with self._lock:
            if generation <= self._generation:
                return generation
            moved = self._generation >= 0
            self._known.clear()
            self._seq, self._generation = -1, generation
            if moved and self._chosen is not None:
                # Names may differ there.
                self._chosen = self._journal.take_renames().get(self._chosen, self._chosen)
            return generation

    def _in_view(self, opened: Sequence[Incident]) -> Incident | None:
        if self._chosen is not None:
            with self._lock:
                chosen = self._known.get(self._chosen)
            if chosen is not None:
                return chosen
        return min(opened, key=self._gravity, default=None)

    def _gravity(self, incident: Incident) -> tuple[int, float]:
        issue = self._tools.catalogue.issues.get(incident.issue_type)
        severities = issue.severities if issue is not None else ()
        rank = severities.index(incident.severity) if incident.severity in severities else len(severities)
        return rank, -incident.declared_at.timestamp()

    # ---- writing

    def declare(
        self,
        *,
        title: str,
        issue_type: str,
        severity: str,
        summary: str = "",
        began_at: datetime | None = None,
        detected_at: datetime | None = None,
        systems: Sequence[str] = (),
        accounts: Sequence[int] = (),
        measured: Sequence[MeasuredFigure] = (),
        more: Sequence[Body] = (),
        key: str | None = None,
    ) -> Incident:
        """A new incident, which this console has in view from then on. Raises UserError outside the matrix.

        `more` is written with it, all or none. The same `key` given twice declares one incident.
        """
        self._check_matrix(issue_type, severity)
        now = self._tools.now()
        bodies: list[Body] = [
            said.Declared(
                title=self.checked_text(title, "title", LONGEST_TITLE),
                issue_type=issue_type,
                severity=severity,
                summary=clean(summary, limit=LONGEST_TEXT, multiline=True),
                began_at=began_at,
                detected_at=detected_at or now,
                environment=self._tools.parts.settings.environment,
            )
        ]
        since = began_at or now
        bodies += [said.ScopeEntered(what="system", name=name, since=since, why="when declared") for name in systems]
        bodies += [
            said.ScopeEntered(what="account", name=str(one), since=since, why="when declared") for one in accounts
        ]
        if measured:
            bodies.append(said.Measured(occasion="declared", figures=tuple(measured)))
        bodies += more
        keys = None if key is None else [f"{key}:{number}" for number in range(len(bodies))]
        entries = self._journal.open(PREFIX, bodies, keys=keys)
        incident = self.get(entries[0].stream)
        self._chosen = incident.id
        return incident

    def decide(
        self, incident_id: str, decision: Callable[[Incident], Sequence[Body]], *, actor: str | None = None
    ) -> Incident:
        """Write what `decision` says about the newest state; it is asked again when somebody else was quicker.

        An empty answer writes nothing. Raises what `decision` raises.
        """
        for attempt in range(ATTEMPTS):
            incident = self.get(incident_id)
            bodies = decision(incident)
            if not bodies:
                return incident
            try:
                self._journal.append(incident.id, bodies, expect=incident.last_seq, actor=actor)
            except Conflict as conflict:
                if not conflict.entries_since:
                    # The stream is shorter than it was: it has to be read anew, or no change would ever fit it.
                    with self._lock:
                        self._known.pop(incident.id, None)
                time.sleep(random.uniform(0.0, 0.01) * (attempt + 1))  # noqa: S311  # apart from the other writer
                continue
            return self.get(incident.id)
        raise SourceFailure(
            FailureKind.TIMED_OUT,
            "state",
            "other consoles write to this incident at the same moment",
            remedy="try it once more; what you typed is kept",
        )

    def _check_matrix(self, issue_type: str, severity: str) -> None:
        issues = self._tools.catalogue.issues
        issue = issues.get(issue_type)
        if issue is None:
            raise UserError(f"there is no issue type {clean(issue_type, limit=60)!r}", accepted=", ".join(issues))
        if severity not in issue.severities:
            raise UserError(
                f"{issue_type} has no severity {clean(severity, limit=60)!r}", accepted=", ".join(issue.severities)
            )

    def _now(self) -> datetime:
        return self._tools.now()

    def _roles(self) -> Sequence[str]:
        return tuple(self._tools.catalogue.roles)


def _line(incident: Incident) -> IncidentLine:
    return IncidentLine(
        id=incident.id,
        title=incident.title,
        issue_type=incident.issue_type,
        severity=incident.severity,
        status=incident.status,
        declared_at=incident.declared_at,
        resolved_at=incident.resolved_at,
        commander=incident.holder("incident_commander"),
        merged_into=incident.merged_into,
        environment=incident.environment,
    )


__all__ = ["Entry", "IncidentDesk"]
