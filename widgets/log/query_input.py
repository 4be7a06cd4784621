"""One line to type a filter in Datadog's search syntax, checked while it is typed, with a caret under the mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from widgets.glyphs import Glyphs, glyphs_for
from widgets.line_view import LineView
from widgets.log.line import cut
from widgets.row import Piece, Row, Tone, row
from widgets.sanitized_input import SanitizedInput

LONGEST = 2_000
"""Characters of one filter; the remains of a paste gone wrong are not a query."""

_REMEMBERED = 100
KEYS = " Enter apply  Esc back  Up/Down earlier filters"


@dataclass(slots=True, frozen=True)
class QueryVerdict:
    """Verdict on a query while it is typed."""

    text: str
    column: int
    """Character the caret points at, from 0."""
    tone: Tone
    valid: bool


FINE = QueryVerdict("", 0, "", valid=True)


def prepare() -> None:
    """Load the grammar, some fifty milliseconds the first time: called from a thread while the reader types."""
    from diagnostics.logs import parse  # noqa: PLC0415  # see judge

    parse("ready")


def judge(text: str) -> QueryVerdict:
    """Return the first mistake in `text`, or else the first note about it."""
    # The grammar costs an import that the first paint must not wait for.
    from diagnostics.logs import QuerySyntaxError, notes, parse  # noqa: PLC0415

    if not text.strip():
        return FINE
    try:
        parse(text)
    except QuerySyntaxError as error:
        remedy = error.next_step or error.accepted
        return QueryVerdict(
            f"{error.message}; {remedy}" if remedy else error.message, error.column, "fail", valid=False
        )
    for note in notes(text):
        return QueryVerdict(note.text, note.column, "warn", valid=True)
    return FINE


def hint_rows(
    verdict: QueryVerdict, *, caret_cell: int, width: int, glyphs: Glyphs, help_text: str = KEYS
) -> tuple[Row, Row]:
    """Return the two rows under the text: the caret in its cell, and the sentence beside it or, if long, below it."""
    keys = row(Piece(help_text, "muted"))
    if not verdict.text:
        return row(""), keys
    caret = max(0, min(width - 1, caret_cell))
    lead = (" " * caret, Piece("^ ", verdict.tone))
    words = glyphs.text(verdict.text)
    if caret + 2 + cell_len(words) <= width:
        return row(*lead, Piece(words, verdict.tone)), keys
    return row(*lead), row(Piece(f" {cut(words, width - 2, more=glyphs.ellipsis)}", verdict.tone))


class _PartsOfSpeech(Highlighter):
    """Bold operators and underlined mistakes: readable in every theme and without colour."""

    def highlight(self, text: Text) -> None:
        """Style the query in place."""
        from diagnostics.logs import highlight  # noqa: PLC0415  # see judge

        for span in highlight(text.plain):
            style = _SPEECH.get(str(span.kind))
            if style is not None:
                text.stylize(style, span.start, span.end)


_SPEECH = {"operator": "bold", "wildcard": "bold", "function": "bold", "error": "underline"}


class QueryInput(SanitizedInput):
    """A filter, its parts of speech highlighted; Up brings back the ones that were applied before."""

    longest = LONGEST

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "back", show=False, id="filter.cancel"),
        Binding("up", "earlier", "earlier", show=False, id="filter.earlier"),
        Binding("down", "later", "later", show=False, id="filter.later"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(compact=True, select_on_focus=False, max_length=LONGEST, highlighter=_PartsOfSpeech(), id=id)
        self.history: list[str] = []
        """Applied filters, oldest first."""
        self._position = 0
        self._draft = ""

    def begin(self, text: str) -> None:
        """Start typing with this text."""
        self._position = len(self.history)
        self._put(text)

    def remember(self, text: str) -> None:
        """Add an applied filter to the ones that Up brings back; each stands there once."""
        if text:
            self.history = [*(old for old in self.history if old != text), text][-_REMEMBERED:]
        self._position = len(self.history)

    def action_earlier(self) -> None:
        """The filter applied before this one."""
        if self._position == len(self.history):
            self._draft = self.value
        if self._position > 0:
            self._position -= 1
            self._put(self.history[self._position])

    def action_later(self) -> None:
        """The filter applied after this one, and at the end what was being typed."""
        if self._position >= len(self.history):
            return
        self._position += 1
        self._put(self.history[self._position] if self._position < len(self.history) else self._draft)

    def _put(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)


class FilterLine(Widget):
    """Label, input and hints. It judges; whoever mounts it applies."""

    LABEL: ClassVar[str] = "filter "
    """Seven cells."""
    INPUT: ClassVar[type[QueryInput]] = QueryInput
    KEYS: ClassVar[str] = KEYS

    DEFAULT_CSS = """
    FilterLine { height: 3; background: $panel; display: none; }
    FilterLine.-open { display: block; }
    FilterLine > Horizontal { height: 1; }
    FilterLine LineView { height: 1; background: $panel; scrollbar-size-vertical: 0; }
    FilterLine > #filter-hint { height: 2; }
    FilterLine #filter-label { width: 7; }
    FilterLine QueryInput { width: 1fr; background: $panel; }
    FilterLine QueryInput:focus { background-tint: $foreground 0%; }
    FilterLine:ansi, FilterLine:ansi LineView, FilterLine:ansi QueryInput { background: ansi_default; }
    """

    @dataclass
    class Edited(Message):
        """The text changed and can be read as a query."""

        text: str

    @dataclass
    class Applied(Message):
        """Enter on a text that can be read as a query."""

        text: str

    @dataclass
    class Cancelled(Message):
        """Escape was pressed."""

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.glyphs = glyphs_for(ascii)
        self.verdict = FINE

    def compose(self) -> ComposeResult:
        """The text, and two rows for what is to be said about it."""
        with Horizontal():
            yield LineView(glyphs=self.glyphs, cursor=False, id="filter-label")
            yield self.INPUT(id="filter-text")
        yield LineView(glyphs=self.glyphs, cursor=False, id="filter-hint")

    def on_mount(self) -> None:
        self.query_one("#filter-label", LineView).show((row((self.LABEL, "key")),))

    @property
    def input(self) -> QueryInput:
        """The input itself."""
        return self.query_one(QueryInput)

    @property
    def is_open(self) -> bool:
        """True while somebody types."""
        return self.has_class("-open")

    def open(self, text: str) -> None:
        """Show the line with `text` in it, and take the keys."""
        self.add_class("-open")
        self.run_worker(prepare, thread=True, exclusive=True, group="grammar")
        self.input.begin(text)
        self._judge(text)
        self.input.focus(scroll_visible=False)

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("-open")

    def on_resize(self, event: events.Resize) -> None:
        """The hint is laid out for one width."""
        del event
        self._show_hint()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.is_open:
            return
        self._judge(event.value)
        if self.verdict.valid:
            self.post_message(self.Edited(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._judge(event.value)
        if self.verdict.valid:
            text = event.value.strip()
            self.input.remember(text)
            self.post_message(self.Applied(text))

    @on(QueryInput.Cancelled)
    def _cancelled(self, event: QueryInput.Cancelled) -> None:
        event.stop()
        self.post_message(self.Cancelled())

    def _judge(self, text: str) -> None:
        self.verdict = judge(text)
        self._show_hint()

    def _show_hint(self) -> None:
        value = self.input.value
        before = cell_len(value[: self.verdict.column])
        caret = len(self.LABEL) + before - self.input.scroll_offset.x
        width = max(10, self.size.width)
        rows = hint_rows(self.verdict, caret_cell=caret, width=width, glyphs=self.glyphs, help_text=self.KEYS)
        self.query_one("#filter-hint", LineView).show(rows)
