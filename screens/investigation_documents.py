"""What opens from an investigation: one item of evidence in full, and what can be done with a hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from screens.base import Document
from screens.documents import evidence_rows
from screens.listing import Listing
from widgets.rows import BLANK, Row, fit, labelled, plain, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.investigations import Hypothesis, Weighed
    from screens.base import Room
    from widgets.glyphs import Glyphs

LABEL = 16


def item_document(item: Weighed, signs: Glyphs) -> Document:
    """What it says, which side it is on, how it is known, who said it, and the question behind it."""
    weighed = item.item

    def build(width: int) -> list[Row]:
        rows = [row((line, "strong")) for line in wrap(signs.text(weighed.text), width)]
        rows.append(BLANK)
        known = "inferred, not observed: it counts as no source" if weighed.inferred else "observed"
        for label, text in (
            ("speaks", f"{weighed.side} {weighed.hypothesis}"),
            ("label", str(weighed.label)),
            ("how known", known),
            ("source", weighed.source),
            ("weighed by", f"{item.by}, {item.at:%Y-%m-%d %H:%M:%S} UTC"),
            ("withdrawn", item.withdrawn_why),
        ):
            if text:
                rows += labelled(label, signs.text(text), width, label_width=LABEL)
        if weighed.evidence is None:
            return [*rows, BLANK, row(("No question of this console stands behind it: a person said it.", "muted"))]
        return rows + evidence_rows([weighed.evidence], width, signs)

    found = (weighed.evidence,) if weighed.evidence is not None else ()
    return Document(f"evidence {signs.separator} {weighed.item}", build, plain(build(100)), evidence=found)


def hypothesis_text(one: Hypothesis) -> str:
    """A hypothesis for a channel: how sure, what speaks for and against it, what would overturn it."""
    lines = [
        f"{one.hypothesis}: {one.statement}",
        f"confidence: {one.confidence} ({len(one.sources)} independent sources)",
        f"overturned by: {one.overturned_by or 'not said'}",
    ]
    for title, items in (("for", one.speaks_for), ("against", one.speaks_against)):
        for item in items:
            if not item.withdrawn_why:
                inferred = ", inference" if item.item.inferred else ""
                lines.append(f"{title} ({item.item.label}{inferred}, {item.item.source}): {item.item.text}")
    return "\n".join(lines)


def choices_listing(
    name: str, about: str, choices: Sequence[tuple[str, str, Callable[[], None]]], room: Room
) -> Listing:
    """What can be done, one line each; the list is gone before the chosen thing begins."""
    signs = room.signs

    def build(width: int) -> list[Row]:
        rows = [row((line, "strong")) for line in wrap(signs.text(about), width, most=3)]
        rows.append(BLANK)
        head = min(36, max(len(title) for title, _, _ in choices) + 2)
        for at, (title, sentence, _) in enumerate(choices):
            rows.append(
                row(
                    (fit(signs.text(title), head), "key"),
                    (fit(signs.text(sentence), max(0, width - head)), "muted"),
                    key=f"choice:{at}",
                )
            )
        return rows

    def open_row(key: str) -> None:
        _, _, then = choices[int(key.partition(":")[2])]
        room.screen.dismiss()
        room.screen.app.call_later(then)

    return Listing(f"{name} {signs.separator} what to do", "judge", build, open_row, frozenset({"choice"}))
