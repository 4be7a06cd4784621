"""The neutral document as rows of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from diagnostics.core import document as doc
from widgets import wording
from widgets.glyphs import Glyphs
from widgets.row import BLANK, Piece, Row, fit, plain, row, wrap

LEAST = 16
"""Cells that the first cell of a line keeps, however narrow the terminal is."""

PLAIN = 100
"""Cells of a line on the clipboard."""

BESIDE = 15
"""Cells of a status and its word."""


Draw = Callable[[int, Glyphs], Sequence[Row]]
"""Lays a part out for a width."""


@dataclass(slots=True, frozen=True)
class Drawn(doc.Block):
    """Rows that a screen lays out itself, such as a table whose columns follow the width."""

    draw: Draw


def document_rows(
    blocks: Iterable[doc.Block], width: int, glyphs: Glyphs, drawings: Mapping[str, Draw] | None = None
) -> list[Row]:
    """Rows of at most `width` cells; parts that `drawings` names are drawn so. Blocks without a text have none."""
    rows: list[Row] = []
    for block in blocks:
        if isinstance(block, doc.Part):
            drawn = (drawings or {}).get(block.name)
            rows += drawn(width, glyphs) if drawn is not None else document_rows(block.blocks, width, glyphs, drawings)
        else:
            rows += _rows(block, width, glyphs)
    return rows


def document_text(document: doc.Document, glyphs: Glyphs) -> str:
    """The document for the clipboard."""
    return document.copy or plain(document_rows(document.blocks, PLAIN, glyphs))


def _rows(block: doc.Block, width: int, glyphs: Glyphs) -> Sequence[Row]:  # noqa: PLR0911  # a table: one entry a block
    match block:
        case _ if block is doc.GAP:
            return (BLANK,)
        case doc.Text(text, tone, key, indent, most):
            # A query is shown as it was asked, whatever the terminal can draw.
            lines = wrap(text if tone == "code" else glyphs.text(text), width - indent, most=most) if text else ()
            pad = " " * indent
            return [row((pad + line, tone), key=key if not at else None) for at, line in enumerate(lines)]
        case doc.Heading(text):
            return (BLANK, row((glyphs.text(text), "title")))
        case doc.Fact(label, text, tone, label_width, label_tone, key):
            lines = wrap(text if tone == "code" else glyphs.text(text), width - label_width) if text else []
            heads = (fit(glyphs.text(label), label_width), *[" " * label_width] * (len(lines) - 1))
            pairs = enumerate(zip(heads, lines, strict=False))
            return [row((head, label_tone), (line, tone), key=None if at else key) for at, (head, line) in pairs]
        case doc.Note(text, key):
            lines = wrap(glyphs.text(text), width - 2)
            heads = (f"{glyphs.warned} ", *["  "] * (len(lines) - 1))
            pairs = enumerate(zip(heads, lines, strict=True))
            return [row(head, (line, "warn"), key=key if not at else None) for at, (head, line) in pairs]
        case doc.State(status, title, tone):
            return (row(_state(status, glyphs), (f"  {glyphs.text(title)}", tone)),)
        case doc.Result(status, text, remedy, indent):
            piece, room = wording.status_piece(status, glyphs), width - BESIDE
            head = Piece(fit(" " * indent + piece.text, BESIDE), piece.tone)
            lines = wrap(glyphs.text(text), room)
            rows = [row(head if not at else " " * BESIDE, line) for at, line in enumerate(lines)]
            steps = wrap(glyphs.text(remedy), room) if remedy else ()
            return rows + [row(" " * BESIDE, (step, "accent")) for step in steps]
        case doc.Line(cells, key):
            return (_line(cells, key, width, glyphs),)
        case doc.Check(finding):
            return document_rows(doc.found(finding), width, glyphs)
        case doc.Asked(evidence, otherwise):
            return document_rows(doc.asked(evidence) or (doc.Text(otherwise),), width, glyphs)
        case doc.Markdown(text):
            # Rich's Markdown is imported here because only readers of guides pay for it.
            from widgets.rows.markdown import markdown_rows  # noqa: PLC0415

            return markdown_rows(glyphs.text(text), width, glyphs)
        case Drawn(draw):
            return draw(width, glyphs)
    raise TypeError(f"no rows are known for {block!r}")


def _state(status: str, glyphs: Glyphs) -> Piece:
    if status in wording.STATUSES:
        return wording.status_piece(status, glyphs)
    return Piece(status.upper(), wording.severity_tone(status))


def _line(cells: Sequence[doc.Cell], key: str | None, width: int, glyphs: Glyphs) -> Row:
    """The first cell gives way where the line is too narrow; the last one is not padded, so that nothing is drawn."""
    others = sum(cell.width for cell in cells[1:])
    pieces: list[Piece] = []
    for at, (text, tone, cells_wide, right) in enumerate(cells):
        shown = glyphs.text(text)
        if cells_wide and (at + 1 < len(cells) or right):
            room = max(LEAST, min(cells_wide, width - others)) if not at and cells_wide > LEAST else cells_wide
            shown = fit(shown, room, right=right)
        left = width - sum(cell_len(piece.text) for piece in pieces)
        pieces.append(Piece(fit(shown, left) if cell_len(shown) > left else shown, tone))
    return row(*pieces, key=key)
