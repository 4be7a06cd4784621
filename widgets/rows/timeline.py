"""The journal of an incident as rows: when, who, what; and which entries a filter keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from widgets.paged_rows import stamp
from widgets.row import Piece, Row, Tone, fit, row

if TYPE_CHECKING:
    from diagnostics.models.incidents import TimelineLine
    from widgets.glyphs import Glyphs

WHEN = 12
ACTOR = 14
KIND = 20
KIND_FROM = 110
"""From so many cells on, the kind of an entry has a column of its own; below, its sentence says enough."""

TONES: Mapping[str, Tone] = {
    "declared": "fail",
    "status_changed": "strong",
    "merged": "strong",
    "delivery_failed": "warn",
    "criterion_broken": "warn",
    "criterion_waived": "warn",
    "corrected": "accent",
    "noted": "",
}
"""Entries of other kinds are the course of things, in the ordinary tone."""


@dataclass(slots=True, frozen=True)
class TimelineFilter:
    """Words that must all stand in an entry, and kinds and people of which one must fit."""

    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def keeps(self, line: TimelineLine, correction: str = "") -> bool:
        """Whether the entry passes; what was said to correct it counts as its text."""
        if self.kinds and not any(kind in line.kind for kind in self.kinds):
            return False
        if self.people and not any(person in line.actor.casefold() for person in self.people):
            return False
        text = f"{line.text} {line.actor} {line.kind.replace('_', ' ')} {line.seq} {correction}".casefold()
        return all(word in text for word in self.words)

    @property
    def is_empty(self) -> bool:
        """True when every entry passes."""
        return not (self.words or self.kinds or self.people)


def timeline_filter(text: str) -> TimelineFilter:
    """Read such as "backlog kind:noted by:nolen": words of the text, of its kinds, of who wrote it."""
    words: list[str] = []
    kinds: list[str] = []
    people: list[str] = []
    for part in text.casefold().split():
        name, colon, value = part.partition(":")
        if colon and value and name in {"kind", "by"}:
            among = kinds if name == "kind" else people
            among += [one.replace(" ", "_") for one in value.split(",") if one]
        else:
            words.append(part)
    return TimelineFilter(tuple(words), tuple(kinds), tuple(people))


def timeline_row(line: TimelineLine, *, width: int, now: datetime, glyphs: Glyphs, correction: str = "") -> Row:
    """One entry on one line; a correction of it stands behind it, in words."""
    seen = "console" if line.actor == "console" else line.actor
    pieces = [
        Piece(fit(stamp(line.at, now, glyphs), WHEN), "muted"),
        Piece(" "),
        Piece(fit(glyphs.text(seen), ACTOR), "muted" if line.actor == "console" else "key"),
        Piece(" "),
    ]
    room = width - WHEN - ACTOR - 2
    if width >= KIND_FROM:
        pieces += [Piece(fit(glyphs.text(line.kind.replace("_", " ")), KIND), "muted"), Piece(" ")]
        room -= KIND + 1
    text = glyphs.text(line.text)
    if correction:
        tail = glyphs.text(f" {glyphs.separator} CORRECTED: {correction}")
        part = max(10, room // 2)
        pieces += [
            Piece(fit(text, min(len(text), part)), "muted"),
            Piece(fit(tail, max(8, room - min(len(text), part))), "warn"),
        ]
    else:
        pieces.append(Piece(fit(text, max(8, room)), TONES.get(line.kind, "")))
    return row(*pieces, key=f"entry:{line.seq}")


def corrections(lines: Sequence[TimelineLine]) -> dict[int, str]:
    """Corrections by number of the corrected entry; the newest counts. `lines` come newest first."""
    said: dict[int, str] = {}
    for line in lines:
        body = line.entry.body
        if body.kind == "corrected" and hasattr(body, "seq") and hasattr(body, "text"):
            said.setdefault(body.seq, body.text)
    return said
