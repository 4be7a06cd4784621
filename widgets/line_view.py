"""LineView: a pane of rows that repaints only the cells that changed.

Measured reason: over SSH a DataTable repaints 19 kB for one changed cell; this view sends the changed run of one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from widgets.glyphs import UNICODE, Glyphs
from widgets.row import Row

if TYPE_CHECKING:
    from textual.app import App

PLAIN = Style.null()


class LineView(ScrollView, can_focus=True):
    """Rows, a cursor that stays with its row's key, and nothing else. It fetches nothing."""

    DEFAULT_CSS = """
    LineView { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; background: $background; }
    LineView.-ascii { scrollbar-size-vertical: 0; }
    LineView:ansi { background: ansi_default; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "down", show=False, id="row.down"),
        Binding("k,up", "cursor_up", "up", show=False, id="row.up"),
        Binding("g,home", "cursor_first", "first", show=False, id="row.first"),
        Binding("G,end", "cursor_last", "last", show=False, id="row.last"),
        Binding("ctrl+d,pagedown", "page_down", "page down", show=False, id="row.page_down"),
        Binding("ctrl+u,pageup", "page_up", "page up", show=False, id="row.page_up"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        view: LineView
        key: str

    def __init__(self, *, glyphs: Glyphs = UNICODE, cursor: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.glyphs = glyphs
        self.rows: Sequence[Row] = ()
        self.cursor_key: str | None = None
        self.has_cursor = cursor
        self.can_focus = cursor
        self._stale_drawing = False
        self.set_class(glyphs.ascii_only, "-ascii")

    # ---- content

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; repaint only what differs from the ones shown."""
        before, self.rows = self.rows, tuple(rows)
        held = [index for index, item in enumerate(before) if item.key is not None and item.key == self.cursor_key]
        keys = [item.key for item in self.rows if item.key is not None]
        if self.cursor_key not in keys:
            self.cursor_key = keys[0] if keys else None
        if len(before) != len(self.rows):
            size = Size(max(1, self.size.width), len(self.rows))
            if max(len(before), len(self.rows)) <= self.size.height:
                # Everything fits before and after: no bar to lay out, which would cost the whole screen a layout.
                self.set_reactive(Widget.virtual_size, size)
            else:
                self.virtual_size = size
        if len(before) != len(self.rows) or not self.size:
            # A hidden view has no cells to compare; what it drew before must not come back.
            self._stale_drawing = not self.size
            self.refresh()
            return
        for index, (old, new) in enumerate(zip(before, self.rows, strict=True)):
            if old != new:
                self._refresh_difference(index, old, new)
        now_held = [i for i, item in enumerate(self.rows) if item.key is not None and item.key == self.cursor_key]
        if held != now_held:
            # The cursor went with its row: marker and ground of both rows change although their texts may not.
            for index in {*held, *now_held}:
                self.refresh_line(index)

    def _refresh_difference(self, index: int, old: Row, new: Row) -> None:
        start, end = changed_cells(old, new)
        offset = 2 if self.has_cursor else 0
        width = self.size.width
        region = Region(start + offset, index - self.scroll_offset.y, max(1, min(end, width) - start), 1)
        self.refresh(region.intersection(Region(0, 0, width, self.size.height)))

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return next((item for item in self.rows if item.key is not None and item.key == self.cursor_key), None)

    def text_width(self) -> int:
        """Cells available to a row."""
        return max(10, self.scrollable_content_region.width - (2 if self.has_cursor else 0))

    # ---- cursor

    def place(self, key: str) -> None:
        """Put the cursor on the row with this key, if there is one. Says nothing: `Moved` is for a person's moves."""
        if key != self.cursor_key and any(item.key == key for item in self.rows):
            self._move_to(key)

    def _move_to(self, key: str) -> None:
        old, self.cursor_key = self.cursor_key, key
        for index, item in enumerate(self.rows):
            if item.key in (old, key) and item.key is not None:
                self.refresh_line(index)
            if item.key == key:
                self._reveal(index)

    def _reveal(self, index: int) -> None:
        top, height = self.scroll_offset.y, self.size.height
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False)

    def _step(self, by: int) -> None:
        keys = [item.key for item in self.rows if item.key is not None]
        if not keys:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False)
            return
        at = keys.index(self.cursor_key) if self.cursor_key in keys else 0
        target = keys[max(0, min(len(keys) - 1, at + by))]
        if target != self.cursor_key:
            self._move_to(target)
            self.post_message(self.Moved(self, target))
        elif by < 0:
            self.scroll_to(y=0, animate=False)

    def action_cursor_down(self) -> None:
        self._step(1)

    def action_cursor_up(self) -> None:
        self._step(-1)

    def action_cursor_first(self) -> None:
        """To the first row."""
        self._step(-len(self.rows))

    def action_cursor_last(self) -> None:
        """To the last row."""
        self._step(len(self.rows))

    def action_page_down(self) -> None:
        """Half a page down."""
        self._step(max(1, self.size.height // 2))

    def action_page_up(self) -> None:
        """Half a page up."""
        self._step(-max(1, self.size.height // 2))

    # ---- drawing

    def on_show(self) -> None:
        """Rows may have changed while this view was hidden."""
        if self._stale_drawing:
            self._stale_drawing = False
            self._styles_cache.clear()
            self.refresh()

    def on_focus(self) -> None:
        """The cursor row looks different with the focus."""
        self._refresh_cursor()

    def on_blur(self) -> None:
        """The cursor row looks different without the focus."""
        self._refresh_cursor()

    def _refresh_cursor(self) -> None:
        for index, item in enumerate(self.rows):
            if item.key is not None and item.key == self.cursor_key:
                self.refresh_line(index)

    def render_line(self, y: int) -> Strip:
        """One screen line: marker, pieces, padding."""
        width = self.size.width
        index = y + self.scroll_offset.y
        base, tones = self.rich_style, tone_styles(self.app)
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, base)
        item = self.rows[index]
        held = self.has_cursor and item.key is not None and item.key == self.cursor_key
        segments: list[Segment] = []
        if self.has_cursor:
            segments.append(Segment(f"{self.glyphs.cursor} " if held else "  ", base + tones["accent"]))
        over = PLAIN
        if held:
            over = tones["cursor" if self.has_focus else "held"]
        bar = bool(item.pieces) and all(piece.tone == "bar" for piece in item.pieces)
        for piece in item.pieces:
            # Rows are cut with an ellipsis of one cell; where only ASCII is drawn, so is that.
            text = piece.text.replace("…", self.glyphs.ellipsis) if self.glyphs.ascii_only else piece.text
            segments.append(Segment(text, base + tones.get(piece.tone, PLAIN) + over))
        fill = base + (tones["bar"] if bar else PLAIN) + over
        return Strip(segments).adjust_cell_length(width, fill)


def changed_cells(old: Row, new: Row) -> tuple[int, int]:
    """The half-open cell range in which two rows look different.

    Tones are compared letter by letter, so an unchanged number beside a changed one is not sent again.
    """
    left, right = _letters(old), _letters(new)
    start = 0
    shortest = min(len(left), len(right))
    while start < shortest and left[start] == right[start]:
        start += 1
    first = sum(cell_len(letter) for letter, _ in right[:start])
    if cell_len(old.text) != cell_len(new.text):
        return first, max(cell_len(old.text), cell_len(new.text)) + 1
    end = 0
    while end < shortest - start and left[-1 - end] == right[-1 - end]:
        end += 1
    tail = sum(cell_len(letter) for letter, _ in right[len(right) - end :])
    return first, cell_len(new.text) - tail


def _letters(item: Row) -> list[tuple[str, str]]:
    return [(letter, piece.tone) for piece in item.pieces for letter in piece.text]


# ---- tones

NATIVE: Mapping[str, Style] = {
    "fail": Style(color="red", bold=True),
    "warn": Style(color="yellow", bold=True),
    "pass": Style(color="green"),
    "muted": Style(dim=True),
    "title": Style(bold=True),
    "accent": Style(color="cyan"),
    "key": Style(bold=True),
    "bar": Style(reverse=True),
    "strong": Style(bold=True),
    "code": Style(color="cyan"),
    "cursor": Style(reverse=True, bold=True),
    "held": Style(bold=True),
}
"""For the terminal's own palette: sixteen colours, or none."""

COLOURLESS: Mapping[str, Style] = {**NATIVE, "fail": Style(bold=True, underline=True)}
"""Without colour a failure is underlined: bold alone also marks titles and the cursor."""


def tone_styles(app: App[object]) -> Mapping[str, Style]:
    """The style of each tone, to be added to a view's own.

    Read from the theme's variables and not from CSS component classes: those cost one styled node per view and tone,
    which with a dozen views was a third of the time to the first paint.
    """
    if app.native_ansi_color:
        return COLOURLESS if app.no_color else NATIVE
    return _from_theme(tuple((name, app.theme_variables.get(name, "")) for name in _VARIABLES))


_VARIABLES = (
    *("foreground", "background", "panel", "primary"),
    *("text-error", "text-warning", "text-success", "text-accent", "text-primary", "text-secondary"),
)


@lru_cache(maxsize=8)
def _from_theme(values: tuple[tuple[str, str], ...]) -> Mapping[str, Style]:
    named = dict(values)
    background = Color.parse(named["background"])

    def colour(name: str, share: float = 1.0) -> str:
        return background.blend(Color.parse(named[name]), share, alpha=1.0).hex6

    return {
        "fail": Style(color=colour("text-error"), bold=True),
        "warn": Style(color=colour("text-warning"), bold=True),
        "pass": Style(color=colour("text-success")),
        "muted": Style(color=colour("foreground", 0.62 if background.brightness < 0.5 else 0.68)),
        "title": Style(color=colour("foreground"), bold=True),
        "accent": Style(color=colour("text-accent")),
        "key": Style(color=colour("text-primary"), bold=True),
        "bar": Style(color=colour("foreground"), bgcolor=colour("panel")),
        "strong": Style(bold=True),
        "code": Style(color=colour("text-secondary")),
        "cursor": Style(bgcolor=colour("primary", 0.3), bold=True),
        "held": Style(bold=True),
    }
