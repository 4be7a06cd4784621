"""Investigation records: what may be the cause, what speaks for and against it, and how sure anybody may be.

Every change is decided against the newest state of the record; see `Records.decide`. Entries that make no sense any
more (evidence for a hypothesis that nobody added) change nothing; they stay in the journal, where people can see them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import form, plural
from diagnostics.incident.records import LONGEST_TEXT, RecordKind, Records, checked_text
from diagnostics.models import entries as said
from diagnostics.models.entries import Body, Entry, EvidenceLabel, EvidenceWeighed
from diagnostics.models.evidence import Evidence, shared_fields
from diagnostics.models.investigations import (
    PRELIMINARY,
    STANDARD,
    STRICT,
    Hypothesis,
    Investigation,
    Weighed,
)

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.incident.incidents import IncidentService

logger = logging.getLogger(__name__)

LONGEST_STATEMENT, LONGEST_SOURCE = 500, 120
MOST_LISTED = 200

SIDES = ("for", "against")
FIELDS = ("statement", "overturned_by", "standing")
STANDINGS = ("open", "rejected")
"""Standings that people set by hand; "root_cause" has conditions, and a method of its own."""

LEVELS = ("none", "preliminary", "standard", "strict")
"""Confidence, rising."""

NEEDS = {"preliminary": PRELIMINARY, "standard": STANDARD, "strict": STRICT}
"""Independent sources of each level."""

WEIGHTY = frozenset({EvidenceLabel.DIRECT, EvidenceLabel.EXPERIMENTAL})
"""Labels that lower the confidence by a level when they speak against."""


def project_investigation(entries: Iterable[Entry], onto: Investigation | None = None) -> Investigation | None:
    """The record after these entries, which follow those that `onto` was projected from; None before it is opened.

    Entries are of one stream, in its order. Raises nothing: what is unknown is not obeyed.
    """
    draft = None if onto is None else _Draft(onto, list(onto.hypotheses))
    for entry in entries:
        if draft is None:
            draft = _opened(entry)
            continue
        handler = _HANDLERS.get(entry.body.kind)
        if handler is not None and not isinstance(entry.body, said.Unknown):
            handler(draft, entry, entry.body)
        draft.changes |= {"last_seq": entry.seq, "last_at": entry.at}
    if draft is None or not draft.changes:
        return onto
    judged = tuple(map(judge, draft.hypotheses))
    return draft.before.model_copy(update=draft.changes | {"hypotheses": judged})


def source_of(item: EvidenceWeighed) -> str:
    """The source an item is counted under: what was really asked, where that is known, and not what it is called."""
    named = item.evidence.source if item.evidence is not None else item.source
    return " ".join(named.split()).casefold()


def counts(weighed: Weighed) -> bool:
    """Whether it was observed and stands: an inference adds no source, whoever draws it."""
    return not weighed.withdrawn_why and not weighed.item.inferred


def judge(hypothesis: Hypothesis) -> Hypothesis:
    """The hypothesis with its independent sources, its confidence, and the sentence why."""
    sources = tuple(
        dict.fromkeys(source_of(one.item) for one in hypothesis.speaks_for if counts(one) and source_of(one.item))
    )
    reached = next((name for name in reversed(LEVELS[1:]) if len(sources) >= NEEDS[name]), LEVELS[0])
    against = [one for one in hypothesis.speaks_against if counts(one) and one.item.label in WEIGHTY]
    final = LEVELS[max(0, LEVELS.index(reached) - 1)] if against else reached
    return hypothesis.model_copy(
        update={"sources": sources, "confidence": final, "confidence_why": _why(hypothesis, sources, reached, against)}
    )


def _why(hypothesis: Hypothesis, sources: tuple[str, ...], reached: str, against: list[Weighed]) -> str:
    if sources:
        counted = f"{plural(len(sources), 'independent source')} ({', '.join(sources)})"
        parts = [f"{counted}: {reached}"]
    else:
        parts = ["no independent source speaks for it: no confidence"]
    if against and reached != LEVELS[0]:
        items = ", ".join(f"{one.item.item} ({one.item.label.value})" for one in against)
        parts.append(f"lowered one level because {items} speaks against it")
    inferred = [one.item.item for one in hypothesis.speaks_for if one.item.inferred and not one.withdrawn_why]
    if inferred:
        parts.append(f"{', '.join(inferred)} inferred, and not counted")
    higher = next((name for name in LEVELS[1:] if NEEDS[name] > len(sources)), None)
    if higher is not None:
        more = NEEDS[higher] - len(sources)
        parts.append(f"{higher} would need {more} more {form(more, 'source')}")
    return "; ".join(parts) + "."


@dataclass(slots=True)
class _Draft:
    before: Investigation
    hypotheses: list[Hypothesis]
    changes: dict[str, Any] = field(default_factory=dict)


def _opened(entry: Entry) -> _Draft | None:
    body = entry.body
    if not isinstance(body, said.InvestigationOpened):
        return None
    record = Investigation(
        **shared_fields(body, Investigation),
        id=entry.stream,
        opened_at=entry.at,
        opened_by=entry.actor,
        last_seq=entry.seq,
        last_at=entry.at,
    )
    return _Draft(record, [], {"last_seq": entry.seq})


def _added(draft: _Draft, entry: Entry, body: said.HypothesisAdded) -> None:
    if any(one.hypothesis == body.hypothesis for one in draft.hypotheses):
        return
    draft.hypotheses.append(Hypothesis(**shared_fields(body, Hypothesis), added_at=entry.at, added_by=entry.actor))


def _changed(draft: _Draft, _entry: Entry, body: said.HypothesisChanged) -> None:
    if body.field != "standing":
        _replace(draft, body.hypothesis, lambda _: {body.field: body.value})
        return
    if body.value == "root_cause":
        # There is one root cause: whichever was named last.
        for one in list(draft.hypotheses):
            if one.standing == "root_cause" and one.hypothesis != body.hypothesis:
                _replace(
                    draft, one.hypothesis, lambda _: {"standing": "open", "why": f"{body.hypothesis} was named instead"}
                )
    _replace(draft, body.hypothesis, lambda _: {"standing": body.value, "why": body.why})


def _weighed(draft: _Draft, entry: Entry, body: EvidenceWeighed) -> None:
    side = "speaks_for" if body.side == "for" else "speaks_against"
    added = Weighed(item=body, at=entry.at, by=entry.actor)
    _replace(draft, body.hypothesis, lambda one: {side: (*getattr(one, side), added)})


def _withdrawn(draft: _Draft, _entry: Entry, body: said.EvidenceWithdrawn) -> None:
    why = body.why or "withdrawn without a reason"

    def without(side: tuple[Weighed, ...]) -> tuple[Weighed, ...]:
        return tuple(
            one.model_copy(update={"withdrawn_why": why}) if one.item.item == body.item else one for one in side
        )

    for place, one in enumerate(draft.hypotheses):
        draft.hypotheses[place] = one.model_copy(
            update={"speaks_for": without(one.speaks_for), "speaks_against": without(one.speaks_against)}
        )


def _closed(draft: _Draft, entry: Entry, body: said.InvestigationClosed) -> None:
    draft.changes |= {"closed_at": entry.at, "conclusion": body.conclusion}


def _replace(draft: _Draft, name: str, changes: Callable[[Hypothesis], dict[str, object]]) -> None:
    for place, one in enumerate(draft.hypotheses):
        if one.hypothesis == name:
            draft.hypotheses[place] = one.model_copy(update=changes(one))


_HANDLERS: dict[str, Callable[[_Draft, Entry, Any], None]] = {
    "hypothesis_added": _added,
    "hypothesis_changed": _changed,
    "evidence_weighed": _weighed,
    "evidence_withdrawn": _withdrawn,
    "investigation_closed": _closed,
}


INVESTIGATIONS = RecordKind(
    prefix="INV",
    project=project_investigation,
    noun="investigation",
    none_yet="none has been opened yet",
    next_step=":investigate opens one",
)


class InvestigationService:
    """Blocking, thread-safe. Raises `SourceFailure` (source "state") and `UserError`."""

    def __init__(self, context: Context, incidents: IncidentService) -> None:
        self._incidents = incidents
        self._records = Records(context, INVESTIGATIONS)

    # ---- reading

    def get(self, investigation_id: str) -> Investigation:
        """One record as it is now. Raises UserError naming those that exist."""
        return self._records.get(investigation_id)

    def lines(self, incident: str = "") -> tuple[Investigation, ...]:
        """The 200 newest records, newest first; those of one incident where it is named."""
        wanted = incident.strip().upper()
        return tuple(one for one in self._records.newest(MOST_LISTED) if not wanted or one.incident == wanted)

    # ---- writing

    def open(self, question: str, incident: str = "", account_id: int | None = None) -> Investigation:
        """A new record, linked to an incident where one is named. Raises UserError."""
        asked = checked_text(question, "question", LONGEST_STATEMENT)
        linked = self._incidents.get(incident).id if incident.strip() else ""
        if account_id is not None and account_id < 1:
            raise UserError(f"{account_id} is no account", accepted="a positive number, or none")
        entries = self._records.journal.open(
            INVESTIGATIONS.prefix, [said.InvestigationOpened(question=asked, incident=linked, account_id=account_id)]
        )
        record = self.get(entries[0].stream)
        self._tell(record, f"{record.id} asks: {asked}")
        return record

    def add_hypothesis(self, investigation_id: str, statement: str, overturned_by: str) -> Investigation:
        """Add a possible cause, and what would show that it is not. Both are needed (UserError)."""
        wanted = checked_text(statement, "hypothesis", LONGEST_STATEMENT)
        overturned = _overturned_by(overturned_by)
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
                reason = checked_text(why, "reason for rejecting it", LONGEST_TEXT)
            text = value
        elif field == "overturned_by":
            text = _overturned_by(value)
        else:
            text = checked_text(value, "hypothesis", LONGEST_STATEMENT)

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
        wanted = checked_text(text, "evidence", LONGEST_TEXT)
        named = source if source.strip() or evidence is None else evidence.source
        origin = " ".join(checked_text(named, "source of the evidence", LONGEST_SOURCE).split())

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
        reason = checked_text(why, "reason", LONGEST_TEXT)

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
        reason = checked_text(why, "reason why it is the root cause", LONGEST_TEXT)

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
        wanted = checked_text(conclusion, "conclusion", LONGEST_TEXT)
        record = self._decide(investigation_id, lambda _: (said.InvestigationClosed(conclusion=wanted),))
        self._tell(record, f"{record.id} is closed: {wanted}")
        return record

    def _decide(self, investigation_id: str, decision: Callable[[Investigation], Sequence[Body]]) -> Investigation:
        def while_open(record: Investigation) -> Sequence[Body]:
            if record.closed_at is not None:
                raise UserError(
                    f"{record.id} was closed at {record.closed_at:%Y-%m-%d %H:%M:%S} UTC",
                    accepted="a record that is open",
                    next_step="open another one; it may name this one in its question",
                )
            return decision(record)

        return self._records.decide(investigation_id, while_open)

    def _tell(self, record: Investigation, text: str) -> None:
        """A line in the timeline of the incident it belongs to. The record is written by now, with or without it."""
        if not record.incident:
            return
        try:
            self._incidents.note(record.incident, clean(text, limit=LONGEST_TEXT, multiline=True))
        except (SourceFailure, UserError) as failure:
            logger.warning("investigation: %s was not told: %s", record.incident, failure)


def _overturned_by(text: str) -> str:
    if not text.strip():
        raise UserError(
            "a hypothesis needs what would overturn it",
            accepted=f"1 to {LONGEST_STATEMENT:,} characters: what would show that it is wrong",
        )
    return checked_text(text, "sentence about what would overturn it", LONGEST_STATEMENT)


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
