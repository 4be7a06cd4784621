"""Investigation records: what may be the cause, what speaks for and against it, and how sure anybody may be.

Every change is decided against the newest state of the record, and decided again when another console was quicker.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, cast

from diagnostics.escalation.investigation_fold import LEVELS, fold_investigation, judge
from diagnostics.escalation.journal import Conflict
from diagnostics.failures import FailureKind, SourceFailure, UserError
from diagnostics.models import entries as said
from diagnostics.models.entries import Body, EvidenceLabel
from diagnostics.models.evidence import Evidence
from diagnostics.models.investigations import Hypothesis, Investigation, Weighed
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.escalation.journal import Journal

logger = logging.getLogger(__name__)

PREFIX: Final = "INV"
ATTEMPTS = 30
"""How often a change is decided anew because somebody else was quicker."""

LONGEST_TEXT, LONGEST_STATEMENT, LONGEST_SOURCE = 4_000, 500, 120
MOST_LISTED = 200

SIDES = ("for", "against")
FIELDS = ("statement", "overturned_by", "standing")
STANDINGS = ("open", "rejected")
"""What people set by hand; "root_cause" has conditions, and a method of its own."""


class InvestigationDesk:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`."""

    def __init__(self, tools: Tools, incidents: IncidentDesk) -> None:
        self._tools = tools
        self._incidents = incidents
        self._lock = threading.RLock()
        self._known: dict[str, Investigation] = {}
        self._generation = -1
        """Of the journal that `_known` was read from."""

    @property
    def _journal(self) -> Journal:
        return self._tools.parts.journal

    # ---- reading

    def get(self, investigation_id: str) -> Investigation:
        """One record as it is now. Raises UserError naming those that exist."""
        record = self._read(investigation_id.strip().upper())
        if record is None:
            names = self._journal.streams(PREFIX)
            raise UserError(
                f"there is no investigation called {clean(investigation_id, limit=60)!r}",
                accepted=", ".join(names[:10]) or "none has been opened yet",
                next_step=":investigate opens one",
            )
        return record

    def _read(self, name: str) -> Investigation | None:
        """The record as it is now; None for a stream that opens none, which a stranger may have begun."""
        before = self._remembered(name)
        record = fold_investigation(self._journal.stream(name, after=before.last_seq if before else 0), before)
        if record is not None:
            with self._lock:
                newer = self._known.get(name)
                if newer is None or newer.last_seq <= record.last_seq:
                    self._known[name] = record
        return record

    def lines(self, incident: str = "") -> tuple[Investigation, ...]:
        """The 200 newest records, newest first; those of one incident where it is named."""
        wanted = incident.strip().upper()
        found = map(self._read, self._journal.streams(PREFIX)[:MOST_LISTED])
        return tuple(one for one in found if one is not None and (not wanted or one.incident == wanted))

    def _remembered(self, name: str) -> Investigation | None:
        generation = self._journal.generation
        with self._lock:
            if generation != self._generation:
                # The journal moved to another place: the numbers of its entries mean something else there.
                self._known.clear()
                self._generation = generation
            return self._known.get(name)

    # ---- writing

    def open(self, question: str, incident: str = "", account_id: int | None = None) -> Investigation:
        """A new record, linked to an incident where one is named. Raises UserError."""
        asked = self._text(question, "question", LONGEST_STATEMENT)
        linked = self._incidents.get(incident).id if incident.strip() else ""
        if account_id is not None and account_id < 1:
            raise UserError(f"{account_id} is no account", accepted="a positive number, or none")
        entries = self._journal.open(
            PREFIX, [said.InvestigationOpened(question=asked, incident=linked, account_id=account_id)]
        )
        record = self.get(entries[0].stream)
        self._tell(record, f"{record.id} asks: {asked}")
        return record

    def add_hypothesis(self, investigation_id: str, statement: str, overturned_by: str) -> Investigation:
        """What may be the cause, and what would show that it is not. Both are needed (UserError)."""
        wanted = self._text(statement, "hypothesis", LONGEST_STATEMENT)
        overturned = self._overturned_by(overturned_by)
        return self._decide(
            investigation_id,
            lambda record: (
                said.HypothesisAdded(
                    hypothesis=f"H{len(record.hypotheses) + 1}", statement=wanted, overturned_by=overturned
                ),
            ),
        )

    def change(self, investigation_id: str, hypothesis: str, field: str, value: str, why: str = "") -> Investigation:
        """Set one of `FIELDS` anew; a standing is "open" or "rejected", and rejecting needs a reason (UserError)."""
        if field not in FIELDS:
            raise UserError(f"a hypothesis has no field {clean(field, limit=60)!r}", accepted=", ".join(FIELDS))
        reason = clean(why, limit=LONGEST_TEXT, multiline=True).strip()
        if field == "standing":
            if value == "root_cause":
                return self.name_root_cause(investigation_id, hypothesis, why)
            if value not in STANDINGS:
                raise UserError(
                    f"a hypothesis cannot stand as {clean(value, limit=60)!r}",
                    accepted=f"{', '.join(STANDINGS)}, or root_cause",
                )
            if value == "rejected":
                reason = self._text(why, "reason for rejecting it", LONGEST_TEXT)
            text = value
        elif field == "overturned_by":
            text = self._overturned_by(value)
        else:
            text = self._text(value, "hypothesis", LONGEST_STATEMENT)

        def decision(record: Investigation) -> Sequence[Body]:
            found = _hypothesis(record, hypothesis)
            if getattr(found, field) == text:
                return ()
            named = cast("Literal['statement', 'overturned_by', 'standing']", field)
            return (said.HypothesisChanged(hypothesis=found.hypothesis, field=named, value=text, why=reason),)

        return self._decide(investigation_id, decision)

    def weigh(  # noqa: PLR0917  # what is said about evidence, in the order in which people say it
        self,
        investigation_id: str,
        hypothesis: str,
        side: str,
        label: EvidenceLabel | str,
        text: str,
        source: str,
        *,
        inferred: bool = False,
        evidence: Evidence | None = None,
    ) -> Investigation:
        """Something that speaks for or against a hypothesis, and where it comes from. Raises UserError.

        Where `evidence` is given, the source it was asked from is the one that is counted.
        """
        if side not in SIDES:
            raise UserError(
                f"evidence does not speak {clean(side, limit=60)!r} a hypothesis", accepted=", ".join(SIDES)
            )
        kind = _label(label)
        wanted = self._text(text, "evidence", LONGEST_TEXT)
        named = source if source.strip() or evidence is None else evidence.source
        origin = " ".join(self._text(named, "source of the evidence", LONGEST_SOURCE).split())

        def decision(record: Investigation) -> Sequence[Body]:
            found = _hypothesis(record, hypothesis)
            return (
                said.EvidenceWeighed(
                    item=f"V{len(_items(record)) + 1}",
                    hypothesis=found.hypothesis,
                    side=cast("Literal['for', 'against']", side),
                    label=kind,
                    inferred=inferred,
                    text=wanted,
                    source=origin,
                    evidence=evidence,
                ),
            )

        return self._decide(investigation_id, decision)

    def withdraw(self, investigation_id: str, item: str, why: str) -> Investigation:
        """It turned out not to be evidence; it stays in the record with the reason, and is not counted any more."""
        reason = self._text(why, "reason", LONGEST_TEXT)

        def decision(record: Investigation) -> Sequence[Body]:
            items = {one.item.item: one for one in _items(record)}
            found = items.get(item.strip().upper())
            if found is None:
                raise UserError(
                    f"{record.id} has no evidence {clean(item, limit=60)!r}",
                    accepted=", ".join(items) or "none: nothing has been weighed yet",
                )
            return () if found.withdrawn_why else (said.EvidenceWithdrawn(item=found.item.item, why=reason),)

        return self._decide(investigation_id, decision)

    def name_root_cause(self, investigation_id: str, hypothesis: str, why: str) -> Investigation:
        """This one was it. Needs a reason, what would overturn it, and one independent source at least (UserError)."""
        reason = self._text(why, "reason why it is the root cause", LONGEST_TEXT)

        def decision(record: Investigation) -> Sequence[Body]:
            found = judge(_hypothesis(record, hypothesis))
            if found.standing == "root_cause":
                return ()
            if not found.overturned_by.strip():
                raise UserError(
                    f"nobody has said what would overturn {found.hypothesis}",
                    accepted="one sentence: what would show that it is wrong",
                    next_step=f"set overturned_by of {found.hypothesis} first",
                )
            if found.confidence == LEVELS[0]:
                raise UserError(
                    f"{found.hypothesis} cannot be named the root cause: {found.confidence_why}",
                    accepted="at least preliminary confidence: one independent source, observed and not inferred",
                    next_step=f"weigh evidence for {found.hypothesis} first, or leave it open and say so",
                )
            return (
                said.HypothesisChanged(hypothesis=found.hypothesis, field="standing", value="root_cause", why=reason),
            )

        before = self.get(investigation_id).root_cause
        record = self._decide(investigation_id, decision)
        named = record.root_cause
        if named is not None and (before is None or before.hypothesis != named.hypothesis):
            self._tell(record, f"{record.id} names the root cause ({named.confidence}): {named.statement}")
        return record

    def close(self, investigation_id: str, conclusion: str) -> Investigation:
        """Nobody looks any further; "not found out" is a conclusion too. Raises UserError."""
        wanted = self._text(conclusion, "conclusion", LONGEST_TEXT)
        record = self._decide(investigation_id, lambda _: (said.InvestigationClosed(conclusion=wanted),))
        self._tell(record, f"{record.id} is closed: {wanted}")
        return record

    def _decide(self, investigation_id: str, decision: Callable[[Investigation], Sequence[Body]]) -> Investigation:
        for attempt in range(ATTEMPTS):
            record = self.get(investigation_id)
            if record.closed_at is not None:
                raise UserError(
                    f"{record.id} was closed at {record.closed_at:%Y-%m-%d %H:%M:%S} UTC",
                    accepted="a record that is open",
                    next_step="open another one; it may name this one in its question",
                )
            bodies = decision(record)
            if not bodies:
                return record
            try:
                self._journal.append(record.id, bodies, expect=record.last_seq)
            except Conflict as conflict:
                if not conflict.entries_since:
                    self._forget(record.id)
                time.sleep(random.uniform(0.0, 0.01) * (attempt + 1))  # noqa: S311  # apart from the other writer
                continue
            return self.get(record.id)
        raise SourceFailure(
            FailureKind.TIMED_OUT,
            "state",
            "other consoles write to this investigation at the same moment",
            remedy="try it once more; what you typed is kept",
        )

    def _forget(self, name: str) -> None:
        with self._lock:
            self._known.pop(name, None)

    def _tell(self, record: Investigation, text: str) -> None:
        """A line in the timeline of the incident it belongs to. The record is written by now, with or without it."""
        if not record.incident:
            return
        try:
            self._incidents.note(record.incident, clean(text, limit=LONGEST_TEXT, multiline=True))
        except (SourceFailure, UserError) as failure:
            logger.warning("investigation: %s was not told: %s", record.incident, failure)

    def _text(self, text: str, what: str, most: int) -> str:
        return self._incidents.checked_text(text, what, most)

    def _overturned_by(self, text: str) -> str:
        if not text.strip():
            raise UserError(
                "a hypothesis needs what would overturn it",
                accepted=f"1 to {LONGEST_STATEMENT:,} characters: what would show that it is wrong",
            )
        return self._text(text, "sentence about what would overturn it", LONGEST_STATEMENT)


def _hypothesis(record: Investigation, name: str) -> Hypothesis:
    wanted = name.strip().upper()
    found = next((one for one in record.hypotheses if one.hypothesis == wanted), None)
    if found is None:
        raise UserError(
            f"{record.id} has no hypothesis {clean(name, limit=60)!r}",
            accepted=", ".join(one.hypothesis for one in record.hypotheses) or "none: add one first",
        )
    return found


def _items(record: Investigation) -> tuple[Weighed, ...]:
    return tuple(item for one in record.hypotheses for item in (*one.speaks_for, *one.speaks_against))


def _label(label: EvidenceLabel | str) -> EvidenceLabel:
    try:
        return EvidenceLabel(label)
    except ValueError:
        raise UserError(f"evidence is not {clean(str(label), limit=60)!r}", accepted=", ".join(EvidenceLabel)) from None
