"""Screens of one body of rows: a title bar with the way here, the rows, a filter where there is one, the keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from diagnostics.core.time import utc_now
from screens.base import ConsoleScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.found import Hit, find_words, marked
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.row import BLANK, Row, plain, row, titled
from widgets.row_filter import RowFilter


class TitledScreen(ConsoleScreen):
    """A title bar, one body of rows, keys. Laid out whenever the size changes, and whenever the screen calls `draw`.

    A screen says `heading()`, which the title bar puts behind the breadcrumbs, and `rows(width)`. It may say:

    - `footer_keys`, what the footer names; without them it is `hint_names`, or the application's choice;
    - `read()`, which asks for what is shown: called when the screen appears, and once more when the sources open;
    - `is_text`, for a body that is read: it scrolls and has no cursor;
    - `has_header`, `margin`, `ends_blank`, `fills` and `row_width()`, for the shape;
    - `take_keys()`, where something other than the body has the keys at first;
    - `panes()`, where there is more than the body between title bar and footer: yield the body first, or `super()`'s.

    `on_mount` may be defined for more: Textual runs the one of each class. Ages move on where `tick` calls `draw`.
    """

    DEFAULT_CSS = """
    TitledScreen #screen-title { height: 1; scrollbar-size-vertical: 0; }
    TitledScreen #screen-body { height: 1fr; }
    TitledScreen #screen-body.text { padding: 0 1; }
    """

    footer_keys: ClassVar[tuple[Hint, ...]] = ()
    is_text: ClassVar[bool] = False
    has_header: ClassVar[bool] = False
    margin: ClassVar[int] = 4
    """Cells of a line that no row may take: cursor or padding, and the bar that a longer body will bring."""
    ends_blank: ClassVar[bool] = True
    """An empty row below the last one, so that its end is seen."""
    fills: ClassVar[bool] = False
    """Empty rows down to the footer instead: where the number of rows stays, those that differ are repainted alone."""

    def compose(self) -> ComposeResult:
        """Header where there is one, title bar, panes, keys. Nothing here waits for a source."""
        glyphs = self.host.glyphs
        if self.has_header:
            yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(glyphs=glyphs, cursor=False, id="screen-title")
        yield from self.panes()
        yield FooterBar(glyphs=glyphs)

    def panes(self) -> Iterable[Widget]:
        """Widgets between title bar and footer."""
        body = LineView(glyphs=self.host.glyphs, cursor=not self.is_text, id="screen-body")
        body.can_focus = True
        body.set_class(self.is_text, "text")
        yield body

    def on_mount(self) -> None:
        """Ready for the keys; what is shown is asked for."""
        self.take_keys()
        self.query_one(FooterBar).set_hints(self.hints())
        self.read()

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    def service_opened(self) -> None:
        """The sources can be asked now."""
        self.read()

    @property
    def body(self) -> LineView:
        """The rows."""
        return self.query_one("#screen-body", LineView)

    @property
    def cursor_view(self) -> LineView | None:
        """The rows, whatever else has the focus."""
        return self.body

    # ---- said by the screen

    def hints(self) -> tuple[Hint, ...]:
        """Actions named in the footer."""
        return self.footer_keys or self.host.hints()

    def take_keys(self) -> None:
        """The body has the keys."""
        self.body.focus()

    def read(self) -> None:
        """Ask for what is shown; `host.service` may still be None."""

    def heading(self) -> str:
        """Text of the title bar."""
        raise NotImplementedError

    def rows(self, width: int) -> Sequence[Row]:
        """The body's rows, each at most `width` cells wide."""
        raise NotImplementedError

    # ---- drawing

    def row_width(self) -> int:
        """Cells that a row has."""
        return max(20, self.size.width - self.margin)

    def draw(self) -> None:
        """Lay out title and rows for the present size; the views repaint the differences."""
        if not self.is_attached or not self.size.width:
            return
        self.draw_title()
        rows = self.shown_rows(self.row_width())
        # Title bar and footer are one row each.
        blank = max(0, self.size.height - 2 - len(rows)) if self.fills else int(self.ends_blank)
        self.body.show([*rows, *[BLANK] * blank])

    def shown_rows(self, width: int) -> Sequence[Row]:
        """The rows as they are drawn."""
        return self.rows(width)

    def title_text(self) -> str:
        """The heading, and what else belongs into the title bar."""
        return self.heading()

    def draw_title(self) -> None:
        """The way here, and what is shown."""
        text = self.host.glyphs.text(titled(self.host.trail(), self.title_text(), self.size.width))
        self.query_one("#screen-title", LineView).show((row((text, "bar")),))


class ListScreen(TitledScreen):
    """A titled screen whose rows can be copied: the one under the cursor, or all of them as plain text."""

    def act_copy(self) -> None:
        """The row under the cursor."""
        text = self.text_under_cursor()
        if text:
            self.host.copy(text)

    def act_plain(self) -> None:
        """The whole list as plain text that the terminal itself can select."""
        self.open_plain(plain(self.rows(100)))


class FilteredScreen(ListScreen):
    """A list below which words can be typed that its rows must hold; Esc takes them away before it leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""

    def panes(self) -> Iterable[Widget]:
        """The rows, and the line for the filter, which is hidden until it is opened."""
        yield from super().panes()
        yield RowFilter(glyphs=self.host.glyphs)

    def set_filter(self, text: str) -> None:
        """Show only what holds these words."""
        self.filter_text = text.strip()
        self.draw()

    def act_filter(self) -> None:
        """Words that a row must hold."""
        self.query_one(RowFilter).open(self.filter_text)

    @on(RowFilter.Edited)
    def filter_edited(self, message: RowFilter.Edited) -> None:
        """Rows follow the letters."""
        self.filter_text = message.text
        self.draw()

    @on(RowFilter.Closed)
    def filter_closed(self, message: RowFilter.Closed) -> None:
        """The filter stands."""
        self.set_filter(message.text)
        self.body.focus()

    def act_back(self) -> None:
        """Out of the filter, then out of the screen."""
        if self.filter_text:
            self.set_filter("")
        else:
            self.dismiss()


class SearchedScreen(ListScreen):
    """Something to read in which words are found: `/` types them, ] and [ lead to the next place and back.

    Esc forgets the words before it leaves. Nothing steps aside: what stands around a place explains it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wanted = ""
        """The words that are looked for."""
        self.hits: list[Hit] = []
        self._chosen = 0
        self._from = 0
        """The row at the top when the words were asked for: what is found first stands below it."""

    def panes(self) -> Iterable[Widget]:
        """The rows, and the line for the words, which is hidden until it is opened."""
        yield from super().panes()
        yield RowFilter(glyphs=self.host.glyphs, label="find")

    def title_text(self) -> str:
        """The heading, and how many places hold the words."""
        if not self.wanted:
            return self.heading()
        where = f"{self._chosen + 1} of {len(self.hits)}" if self.hits else "not in this text"
        return f"{self.heading()} {self.host.glyphs.separator} {self.wanted!r}: {where}"

    def shown_rows(self, width: int) -> Sequence[Row]:
        """The rows, with what was found marked in them."""
        rows = self.rows(width)
        self.hits = find_words(rows, self.wanted)
        self._chosen = min(self._chosen, max(0, len(self.hits) - 1))
        return marked(rows, self.hits, self._chosen) if self.hits else rows

    def draw(self) -> None:
        """Rows first: the title says what was found in them."""
        super().draw()
        if self.wanted and self.is_attached and self.size.width:
            self.draw_title()

    def _look_for(self, words: str) -> None:
        self.wanted, self._chosen = words.strip(), 0
        self.draw()
        self._chosen = next((at for at, hit in enumerate(self.hits) if hit[0].row >= self._from), 0)
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.draw()
        if not self.hits:
            return
        body, number = self.body, self.hits[self._chosen][0].row
        key = next((item.key for item in reversed(body.rows[: number + 1]) if item.key is not None), None)
        if body.has_cursor and key is not None:
            body.place(key)
        top, height = body.scroll_offset.y, body.size.height
        if not top <= number < top + height:
            # Some lines above it stay in sight.
            body.scroll_to(y=max(0, number - height // 3), animate=False)

    def _step_to(self, by: int) -> None:
        if not self.hits:
            said = f"{self.wanted!r} is not in this text" if self.wanted else "/ finds words first"
            self.host.say(f"{said}; ] and [ lead from one place to the next", "muted")
            return
        before, self._chosen = self._chosen, (self._chosen + by) % len(self.hits)
        if (self._chosen - before) * by <= 0:
            self.host.say("from the top again" if by > 0 else "from the end again", "muted")
        self._show_chosen()

    def act_filter(self) -> None:
        """Words to find in this text."""
        self._from = self.body.scroll_offset.y
        self.query_one(RowFilter).open(self.wanted)

    @on(RowFilter.Edited)
    def words_edited(self, message: RowFilter.Edited) -> None:
        """The first place follows the letters."""
        self._look_for(message.text)

    @on(RowFilter.Closed)
    def words_closed(self, message: RowFilter.Closed) -> None:
        """The words stand."""
        if message.text != self.wanted:
            self._look_for(message.text)
        if self.wanted and not self.hits:
            self.host.say(f"{self.wanted!r} is not in this text; / finds other words", "warn")
        self.body.focus()

    def act_next_error(self) -> None:
        """To the next place."""
        self._step_to(1)

    def act_previous_error(self) -> None:
        """To the place before."""
        self._step_to(-1)

    def act_back(self) -> None:
        """Out of the search, then out of the screen."""
        if self.wanted:
            self._look_for("")
        else:
            self.dismiss()
