"""Rows of toned pieces: what every pane of this console is drawn from.

A pane is given rows and compares them with what it shows, so a refresh that changes one number repaints one number.
Pieces carry plain text, never markup, and a tone, never a colour: the theme decides what a tone looks like.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

Tone = Literal["", "fail", "warn", "pass", "muted", "title", "accent", "key", "bar", "strong", "code"]


@dataclass(slots=True, frozen=True)
class Piece:
    """A run of text in one tone. The text has passed the gate."""

    text: str
    tone: Tone = ""


@dataclass(slots=True, frozen=True)
class Row:
    """One line of a pane. A row with a key can hold the cursor; the cursor stays with the key when rows move."""

    pieces: tuple[Piece, ...]
    key: str | None = None

    @property
    def text(self) -> str:
        """The row without its tones."""
        return "".join(piece.text for piece in self.pieces)


BLANK = Row(())


def row(*parts: str | Piece | tuple[str, Tone], key: str | None = None) -> Row:
    """Build a row from strings, pieces and (text, tone) pairs."""
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(Piece(part))
        elif isinstance(part, Piece):
            pieces.append(part)
        else:
            pieces.append(Piece(*part))
    return Row(tuple(piece for piece in pieces if piece.text), key)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells: cut with an ellipsis or padded, double-width letters counted as two."""
    if width <= 0:
        return ""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - cells)
    return padding + text if right else text + padding


def column(text: str, width: int, tone: Tone = "", *, right: bool = False) -> list[Piece]:
    """`text` cut or padded to exactly `width` cells.

    The tone covers the words and not the padding, which some terminals would underline.
    """
    gap = width - cell_len(text)
    if gap <= 0:
        return [Piece(fit(text, width), tone)]
    padding = Piece(" " * gap)
    return [padding, Piece(text, tone)] if right else [Piece(text, tone), padding]


def wrap(text: str, width: int, *, most: int = 0) -> list[str]:
    """Break `text` at spaces into lines of at most `width` cells; words longer than a line are cut.

    `most` > 0 keeps that many lines and ends the last one in an ellipsis.
    """
    width = max(4, width)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if cell_len(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            line = word
            while cell_len(line) > width:
                head = set_cell_size(line, width).rstrip(" ")
                lines.append(head)
                line = line[len(head) :]
        lines.append(line)
    if most and len(lines) > most:
        lines = [*lines[: most - 1], fit(lines[most - 1] + "…", min(width, cell_len(lines[most - 1]) + 1))]
    return lines


def wrapped(text: str, width: int, tone: Tone = "", *, most: int = 0, key: str = "") -> list[Row]:
    """Rows of wrapped `text` in one tone; with a key they hold the cursor, each as "key:number"."""
    lines = wrap(text, width, most=most)
    return [row((line, tone), key=f"{key}:{index}" if key else None) for index, line in enumerate(lines)]


def labelled(label: str, text: str, width: int, *, label_width: int, tone: Tone = "", most: int = 0) -> list[Row]:
    """Rows of wrapped `text` beside a muted label that stands on the first one only."""
    lines = wrap(text, width - label_width, most=most)
    return [
        row((fit(label if index == 0 else "", label_width), "muted"), (line, tone)) for index, line in enumerate(lines)
    ]


def plain(rows: Iterable[Row]) -> str:
    """The rows as text, for the clipboard."""
    return "\n".join(item.text.rstrip() for item in rows)


def titled(trail: str, title: str, width: int) -> str:
    """A title bar's text: what is here stays whole, and the way here loses its beginning where there is no room."""
    text = f" {trail}{title}"
    while trail and cell_len(text) > width:
        _, mark, rest = trail.partition("› " if "› " in trail else "> ")
        trail = rest if mark else ""
        text = f" {'… › ' if trail else ''}{trail}{title}"
    return fit(text, max(1, width))
