"""From entries to an investigation record, and how sure its evidence allows anybody to be.

Entries that make no sense any more (evidence for a hypothesis that nobody added) change nothing; they stay in the
journal, where people can see them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from diagnostics.models import entries as said
from diagnostics.models.entries import Entry, EvidenceLabel, EvidenceWeighed
from diagnostics.models.investigations import (
    PRELIMINARY,
    STANDARD,
    STRICT,
    Hypothesis,
    Investigation,
    Weighed,
)

LEVELS = ("none", "preliminary", "standard", "strict")
"""Confidence, rising."""

NEEDS = {"preliminary": PRELIMINARY, "standard": STANDARD, "strict": STRICT}
"""Independent sources of each level."""

WEIGHTY = frozenset({EvidenceLabel.DIRECT, EvidenceLabel.EXPERIMENTAL})
"""What lowers the confidence by a level when it speaks against."""


def fold_investigation(entries: Iterable[Entry], onto: Investigation | None = None) -> Investigation | None:
    """The record after these entries, which follow those that `onto` was folded from; None before it is opened.

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
        counted = f"{len(sources)} independent source{'' if len(sources) == 1 else 's'} ({', '.join(sources)})"
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
        parts.append(f"{higher} would need {more} more source{'' if more == 1 else 's'}")
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
        id=entry.stream,
        question=body.question,
        incident=body.incident,
        account_id=body.account_id,
        opened_at=entry.at,
        opened_by=entry.actor,
        last_seq=entry.seq,
        last_at=entry.at,
    )
    return _Draft(record, [], {"last_seq": entry.seq})


def _added(draft: _Draft, entry: Entry, body: said.HypothesisAdded) -> None:
    if any(one.hypothesis == body.hypothesis for one in draft.hypotheses):
        return
    draft.hypotheses.append(
        Hypothesis(
            hypothesis=body.hypothesis,
            statement=body.statement,
            overturned_by=body.overturned_by,
            added_at=entry.at,
            added_by=entry.actor,
        )
    )


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
