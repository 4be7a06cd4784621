"""The last filter: no control character reaches the terminal inside painted text, whichever widget painted it.

The sanitizer (`diagnostics.core.sanitizer`) cleans every string at ingestion; this filter stands at the other end,
where segments become bytes, for the string that found another way: an exception's message, a library's label, a
mistake. Textual applies line filters to every line of every widget, borders and titles included, and caches the outcome
with the line, so an unchanged line costs nothing and a changed one a check that runs in C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.segment import Segment
from textual.filter import LineFilter

from diagnostics.core.sanitizer import MARK, clean

if TYPE_CHECKING:
    from rich.style import Style
    from textual.app import App
    from textual.color import Color


class OutputFilter(LineFilter):
    """Replaces what is not printable, and removes links that carry such a thing."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return `segments`, the same list when there is nothing to object to, which is nearly always."""
        if all(text.isprintable() and (style is None or style.link is None) for text, style, _ in segments):
            return segments
        return [Segment(_cleaned(text), _unlinked(style), control) for text, style, control in segments]


def install_output_filter(app: App[Any]) -> None:
    """Put the filter last among the filters of `app`, once."""
    if not any(isinstance(existing, OutputFilter) for existing in app._filters):
        app._filters.append(OutputFilter())


def _cleaned(text: str) -> str:
    """Clean `text` without changing its width, so that the rest of the line stays where it is."""
    if text.isprintable():
        return text
    return "".join(character if _is_welcome(character) else MARK * cell_len(character) for character in text)


def _is_welcome(character: str) -> bool:
    # Blanks of other alphabets do not count as printable.
    return character.isprintable() or (character.isspace() and clean(character) == character)


def _unlinked(style: Style | None) -> Style | None:
    if style is None or style.link is None or style.link.isprintable():
        return style
    return style.update_link(None)
