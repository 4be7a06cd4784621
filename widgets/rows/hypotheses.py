"""Investigations and their hypotheses as rows: how sure, on how many sources, what speaks for and against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import plural
from diagnostics.models.investigations import PRELIMINARY, STANDARD, STRICT
from widgets.paged_rows import stamp
from widgets.row import BLANK, Piece, Row, Tone, fit, labelled, row, wrap
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.incidents import Pin
    from diagnostics.models.investigations import Hypothesis, Investigation, Weighed
    from widgets.glyphs import Glyphs

CONFIDENCE: dict[str, Tone] = {"strict": "pass", "standard": "pass", "preliminary": "warn", "none": "muted"}
NEEDED = {"strict": STRICT, "standard": STANDARD, "preliminary": PRELIMINARY}
STANDING = {"open": "open", "rejected": "rejected", "root_cause": "ROOT CAUSE"}

NAME, LABEL, STATE, CONFIDENT = 8, 16, 12, 26


def confidence_words(hypothesis: Hypothesis) -> str:
    """e.g. "STANDARD, 2 sources"; "no confidence, 0 sources" where nothing counts yet."""
    word = "no confidence" if hypothesis.confidence == "none" else hypothesis.confidence.upper()
    return f"{word}, {plural(len(hypothesis.sources), 'source')}"


def leading(investigation: Investigation) -> Hypothesis | None:
    """The root cause where one was named, else the open hypothesis on the most sources; the older one of equals."""
    if investigation.root_cause is not None:
        return investigation.root_cause
    opened = [one for one in investigation.hypotheses if one.standing == "open"]
    return max(opened, key=lambda one: (NEEDED.get(one.confidence, 0), len(one.sources)), default=None)


def investigation_rows(found: Sequence[Investigation], *, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """Two lines each: the question with its age, and what is most likely with how sure anybody may be."""
    rows: list[Row] = []
    for one in found:
        closed = one.closed_at is not None
        age = f"closed {stamp(one.closed_at, now, glyphs)}" if closed else f"open {since(one.opened_at, now) or '0m'}"
        about = f" {glyphs.separator} {one.incident}" if one.incident else ""
        tail = glyphs.text(f"{about} {glyphs.separator} {age}")
        room = max(8, width - NAME - len(tail))
        rows.append(
            row(
                (fit(glyphs.text(one.id), NAME), "muted" if closed else "strong"),
                (fit(glyphs.text(one.question), room), "muted" if closed else ""),
                (tail, "muted"),
                key=f"investigation:{one.id}",
            )
        )
        rows.append(_leading_row(one, width, glyphs))
    return rows


def _leading_row(one: Investigation, width: int, glyphs: Glyphs) -> Row:
    first = leading(one)
    if first is None:
        said = one.conclusion or "no hypothesis yet"
        return row(" " * NAME, (fit(glyphs.text(said), max(8, width - NAME)), "muted"))
    words = "root cause" if first.standing == "root_cause" else "leading"
    tail = glyphs.text(f"  {confidence_words(first)}")
    head = f"{words}: "
    room = max(8, width - NAME - len(head) - len(tail))
    tone = CONFIDENCE.get(first.confidence, "muted")
    return row(" " * NAME, (head, "muted"), (fit(glyphs.text(first.statement), room), ""), (tail, tone))


def hypothesis_row(one: Hypothesis, *, width: int, glyphs: Glyphs) -> Row:
    """Name, standing, confidence, statement."""
    standing = STANDING.get(one.standing, one.standing)
    tone: Tone = "muted" if one.standing == "rejected" else "accent" if one.standing == "root_cause" else ""
    confidence = glyphs.text(confidence_words(one))
    room = max(10, width - 5 - STATE - CONFIDENT)
    return row(
        (fit(glyphs.text(one.hypothesis), 5), "strong"),
        (fit(glyphs.text(standing), STATE), tone or "muted"),
        (
            fit(confidence, CONFIDENT),
            "muted" if one.standing == "rejected" else CONFIDENCE.get(one.confidence, "muted"),
        ),
        (fit(glyphs.text(one.statement), room), tone),
        key=f"hypothesis:{one.hypothesis}",
    )


def detail_rows(one: Hypothesis, pins: Sequence[Pin], *, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """A hypothesis in full, what is held for and against it, and pins of the incident that can be held for it."""
    rows = [row((line, "strong")) for line in wrap(glyphs.text(f"{one.hypothesis}  {one.statement}"), width)]
    word = "none" if one.confidence == "none" else one.confidence.upper()
    confidence = f"{word}: {one.confidence_why}" if one.confidence_why else confidence_words(one)
    standing = f"{STANDING.get(one.standing, one.standing)}{f': {one.why}' if one.why else ''}"
    for label, text, tone in (
        ("confidence", confidence, CONFIDENCE.get(one.confidence, "muted")),
        ("sources", ", ".join(one.sources) or "none counts yet", ""),
        ("standing", standing, ""),
        ("overturned by", one.overturned_by or "nobody has said what would", "" if one.overturned_by else "warn"),
        ("added", f"by {one.added_by}, {stamp(one.added_at, now, glyphs)}", "muted"),
    ):
        rows += labelled(label, glyphs.text(text), width, label_width=LABEL, tone=tone)
    for title, items in (("speaks for it", one.speaks_for), ("speaks against it", one.speaks_against)):
        rows += [BLANK, row((f"{title} ({sum(not item.withdrawn_why for item in items)})", "title"))]
        for item in items:
            rows += weighed_rows(item, width=width, now=now, glyphs=glyphs)
        if not items:
            rows.append(row(("  nothing yet; N adds evidence", "muted")))
    if pins:
        rows += [BLANK, row(("pinned in the incident; enter weighs one", "title"))]
        rows += [_pin_row(pin, width, glyphs) for pin in pins]
    return rows


def weighed_rows(item: Weighed, *, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """One item: its label, where it comes from, by whom; inference and withdrawal said in words."""
    weighed, gone = item.item, bool(item.withdrawn_why)
    tone: Tone = "muted" if gone else ""
    label = f"{weighed.label}, INFERENCE" if weighed.inferred else str(weighed.label)
    head = f"{weighed.item:<4}{label}"
    who = f"{weighed.source} {glyphs.separator} {item.by} {stamp(item.at, now, glyphs)}"
    why = f" {glyphs.separator} w query" if weighed.evidence is not None else ""
    tail = glyphs.text(f"{who}{why}")
    room = max(8, width - len(tail) - 2)
    mark: Tone = "muted" if gone else "warn" if weighed.inferred else "key"
    rows = [row((fit(glyphs.text(head), room), mark), "  ", (tail, "muted"), key=f"item:{weighed.item}")]
    rows += [row("    ", (line, tone)) for line in wrap(glyphs.text(weighed.text), width - 4, most=3)]
    if gone:
        rows += [
            row("    ", (line, "warn")) for line in wrap(glyphs.text(f"withdrawn: {item.withdrawn_why}"), width - 4)
        ]
    return rows


def _pin_row(pin: Pin, width: int, glyphs: Glyphs) -> Row:
    label = f"{pin.pinned.label}{', INFERENCE' if pin.pinned.inferred else ''}"
    return row(
        (fit(glyphs.text(pin.pinned.pin), 5), "accent"),
        (fit(glyphs.text(label), 26), "muted"),
        Piece(fit(glyphs.text(pin.pinned.title), max(8, width - 31))),
        key=f"pin:{pin.pinned.pin}",
    )
