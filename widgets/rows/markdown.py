"""Markdown laid out as rows, through Rich's renderer, so that guides scroll like everything else."""

from __future__ import annotations

from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style

from widgets.glyphs import Glyphs
from widgets.row import Piece, Row, Tone


def markdown_rows(markdown: str, width: int, glyphs: Glyphs) -> list[Row]:
    """Rows of at most `width` cells. Links show their text and address; nothing is clickable."""
    console = Console(
        width=width, color_system="standard", force_terminal=True, legacy_windows=False, safe_box=glyphs.ascii_only
    )
    options = console.options.update(width=width, highlight=False)
    document = Markdown(markdown, hyperlinks=False, code_theme="bw")
    rows: list[Row] = []
    for line in console.render_lines(document, options, pad=False):
        pieces = [Piece(glyphs.text(item.text), _tone(item.style)) for item in line if item.text and not item.control]
        rows.append(Row(tuple(pieces)))
    return rows


def _tone(style: Style | None) -> Tone:
    if style is None:
        return ""
    if style.underline and style.bold:
        return "accent"
    if style.bold and style.bgcolor is not None:
        return "code"
    if style.bold:
        return "title"
    if style.color is not None or style.bgcolor is not None:
        return "code"
    return "muted" if style.dim else ""
