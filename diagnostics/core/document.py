"""The neutral document: what there is to read about one subject, without a surface.

A subject says its headings, facts, states, paragraphs, lines and evidence once; `widgets/rows/document.py` lays them
out as rows of the console, `tui/cli/renderers/` as plain text and as Markdown. JSON is no layout: it is made of the
subject's own fields. Texts hold the console's typography ("·", "—", "▸"); a surface that cannot draw it replaces it.
Whatever has no text is left out, so that a builder need not ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from diagnostics.core.words import plural

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.status import Status
    from diagnostics.models.triage import Finding

Tone = Literal["", "fail", "warn", "pass", "muted", "title", "accent", "key", "bar", "strong", "code"]
"""What a text is, not its colour: a surface without tones leaves them out."""

LABEL, WIDE = 14, 16
"""Cells of a label where labels stand in a column."""

NOT_ASKED = "No question has been asked yet for this number, so there is no evidence to show."


class Block:
    """A part of a document. Surfaces may have blocks of their own, which only they can draw."""

    __slots__ = ()


@dataclass(slots=True, frozen=True)
class Text(Block):
    """A paragraph. With a key its first line can be chosen, where the surface has a cursor."""

    text: str
    tone: Tone = ""
    key: str | None = None
    indent: int = 0
    most: int = 0
    """Lines at most, where a surface wraps it; 0 for all of them."""


@dataclass(slots=True, frozen=True)
class Heading(Block):
    """What stands above a part; an empty line sets it off from what came before."""

    text: str


@dataclass(slots=True, frozen=True)
class Fact(Block):
    """A named text. `label` may be empty where it goes on from the fact before; `width` is the label's, in cells."""

    label: str
    text: str
    tone: Tone = ""
    width: int = LABEL
    label_tone: Tone = "muted"
    key: str | None = None
    aside: str = ""
    """What surfaces with room for it say as well; the only text where `text` is empty."""


@dataclass(slots=True, frozen=True)
class State(Block):
    """A status, or a severity of the matrix, and what is in it."""

    status: Status | str
    title: str
    tone: Tone = ""


@dataclass(slots=True, frozen=True)
class Result(Block):
    """A status with its sentence beside it, and what to do about it."""

    status: Status | str
    text: str
    remedy: str = ""
    indent: int = 0


@dataclass(slots=True, frozen=True)
class Note(Block):
    """What is wrong with the data itself, or was decided on the way."""

    text: str
    key: str | None = None


class Cell(NamedTuple):
    """A part of a line. `width` > 0 pads or cuts it to so many cells; those of the first cell may become fewer."""

    text: str
    tone: Tone = ""
    width: int = 0
    right: bool = False


@dataclass(slots=True, frozen=True)
class Line(Block):
    """Cells beside each other. With a key it can be chosen, and opens something."""

    cells: Sequence[Cell]
    key: str | None = None


@dataclass(slots=True, frozen=True)
class Check(Block):
    """The answer of one check: its state, what it found, what to do, what it rests on."""

    finding: Finding


@dataclass(slots=True, frozen=True)
class Asked(Block):
    """The questions that numbers rest on; `otherwise` where there are none."""

    evidence: Sequence[Evidence]
    otherwise: str = NOT_ASKED


@dataclass(slots=True, frozen=True)
class Part(Block):
    """Blocks that a surface may draw by itself, by their name: as a table, a strip, rows to choose from."""

    name: str
    blocks: Sequence[Block]


@dataclass(slots=True, frozen=True)
class Markdown(Block):
    """A text that somebody wrote as Markdown: a guide, a review."""

    text: str


GAP = Text("\n")
"""An empty line."""


@dataclass(slots=True, frozen=True)
class Document:
    """Something to read: evidence, a finding, a triage, a guide."""

    title: str
    blocks: Sequence[Block]
    place: str = ""
    """The `:` line that opens it again; empty where it shows one moment only."""
    issue: tuple[str, str] | None = None
    """Issue type and severity (may be empty) that it speaks of, for who wants to tell the team about it."""
    copy: str = ""
    """What goes to the clipboard where that is not the document as it is laid out."""
    about: tuple[str, str] = ("", "")
    """Who speaks, and of what, for surfaces without a title bar."""
    taken_at: datetime | None = None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Every question that it rests on, in the order of its blocks."""
        found: list[Evidence] = []
        for block in flat(self.blocks):
            if isinstance(block, Asked):
                found += block.evidence
            elif isinstance(block, Check) and block.finding.evidence is not None:
                found.append(block.finding.evidence)
        return tuple(found)


def flat(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with those of parts in their place."""
    for block in blocks:
        yield from flat(block.blocks) if isinstance(block, Part) else (block,)


def numbered(notes: Iterable[str]) -> list[Block]:
    """Notes that can be chosen by their number."""
    return [Note(note, key=f"note:{at}") for at, note in enumerate(notes)]


MOST_BULLETS = 50


def bullets(lines: Iterable[str]) -> list[Block]:
    """Lines of a list, bounded: the one behind the last says how many were left out."""
    known = list(lines)
    more = len(known) - MOST_BULLETS
    known = known if more <= 0 else [*known[:MOST_BULLETS], f"… and {more:,} more"]
    return [Text(line, indent=2) for line in known]


def facts(*pairs: tuple[str, str], width: int = LABEL) -> list[Block]:
    """Facts of one kind; those without a text are left out."""
    return [Fact(label, text, width=width) for label, text in pairs]


def asked(evidence: Iterable[Evidence]) -> list[Block]:
    """Where numbers come from, one part a question."""
    blocks: list[Block] = []
    for one in evidence:
        took = f"{one.started_at:%H:%M:%S} UTC, took {one.took_ms:,.0f} ms, "
        amount = "rows not stated" if one.rows is None else f"{plural(one.rows, 'row')} read"
        blocks += [Heading(f"asked of {one.source}"), Text(one.query, "code")]
        blocks += facts(("window", one.window or "the present state"), ("ran at", took + amount))
        blocks.append(Fact("note", one.caveat))
    return blocks


def found(finding: Finding) -> list[Block]:
    """One of several checks: its question, its answer, what to do, and what it rests on."""
    return [
        GAP,
        State(finding.status, finding.title, "title"),
        Text(finding.summary),
        Fact("next", finding.next_step, "accent"),
        *(Text(line, "muted") for line in finding.details),
        Asked([finding.evidence] if finding.evidence else []),
    ]
