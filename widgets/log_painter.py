"""Rows of a log list as strips of the terminal, drawn once and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from widgets.log_line import Columns, Run, cells, columns, longest, row

if TYPE_CHECKING:
    from textual.widget import Widget

    from diagnostics.models.events import LogEvent
    from widgets.glyphs import Glyphs

TONES = ("text", "time", "fatal", "error", "warning", "muted", "stale", "cursor", "held")

RUNS = 3
"""Runs of one row at most."""

RUN_BYTES = 46
"""Colour codes around one run of text, measured."""

_REMEMBERED = 2_048

Place = Sequence[Sequence[Run]]
"""Lines shown while there is nothing to list; tones "", "muted", "error" or "warning"."""


class RowPainter:
    """Draws events in the styles of one widget, which has a component class `log--…` for each tone."""

    def __init__(self, widget: Widget, signs: Glyphs) -> None:
        self.widget = widget
        self.signs = signs
        self.shift = 0
        """Cells by which messages are moved to the left."""
        self.stale = False
        """Draw ordinary text dim."""
        self._columns = columns(0)
        self._strips: LRUCache[int, tuple[LogEvent, Strip]] = LRUCache(_REMEMBERED)
        self._styles: dict[tuple[str, str], Style] = {}

    def forget(self) -> None:
        """Draw everything anew: the theme, the shift or the state changed."""
        self._strips.clear()
        self._styles.clear()

    @property
    def columns(self) -> Columns:
        """The columns that fit now."""
        width = self.widget.size.width
        if width != self._columns.width:
            self._columns = columns(width)
            self._strips.clear()
        return self._columns

    def event(self, event: LogEvent, *, under_cursor: bool) -> Strip:
        """Return one event as a strip."""
        layout = self.columns
        if under_cursor:
            return self._drawn(event, layout, self.signs.step, "cursor" if self.widget.has_focus else "held")
        known = self._strips.get(id(event))
        # The event is kept beside its strip, so the address of a dropped one cannot be taken for another's.
        if known is not None and known[0] is event:
            return known[1]
        strip = self._drawn(event, layout, " ", "")
        self._strips[id(event)] = (event, strip)
        return strip

    def _drawn(self, event: LogEvent, layout: Columns, marker: str, over: str) -> Strip:
        runs = row(event, layout, marker=marker, shift=self.shift, more=self.signs.ellipsis)
        strip = Strip([Segment(text, self._style(tone, over)) for text, tone in runs if text])
        return strip.adjust_cell_length(layout.width, self._style("", over))

    def blank(self) -> Strip:
        """Return an empty row."""
        return Strip.blank(self.widget.size.width, self._style(""))

    def place(self, lines: Place, y: int, height: int) -> Strip:
        """Return row `y` of what stands in an empty list: its lines in the middle."""
        width = self.widget.size.width
        index = y - max(0, (height - len(lines)) // 2)
        if not 0 <= index < len(lines):
            return self.blank()
        taken = sum(longest(text) for text, _ in lines[index])
        segments = [Segment(" " * max(1, (width - taken) // 2), self._style(""))]
        segments += [
            Segment(cells(text, 0, min(width, longest(text))), self._style(tone)) for text, tone in lines[index] if text
        ]
        return Strip(segments).adjust_cell_length(width, self._style(""))

    def _style(self, tone: str, over: str = "") -> Style:
        """Return the style of a tone on the widget's own ground, under the cursor or not."""
        key = (tone, over)
        style = self._styles.get(key)
        if style is None:
            # Under the cursor nothing is dim: the marker and the time are what the eye looks for.
            tone = "" if over and tone == "time" else tone
            style = self._component(tone or ("stale" if self.stale else "text"))
            if over:
                # Whole styles and not partial ones: those lose the share of a colour ("$primary 35%").
                cursor = self._component(over)
                style += Style(bgcolor=cursor.bgcolor, bold=cursor.bold, reverse=cursor.reverse)
            self._styles[key] = style
        return style

    def _component(self, name: str) -> Style:
        return self.widget.get_component_rich_style(f"log--{name}")
