"""One line to type a word in; rows that do not hold it step aside while it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from widgets.glyphs import Glyphs
from widgets.line_view import LineView
from widgets.row import row
from widgets.sanitized_input import SanitizedInput

LONGEST = 120
"""Characters of one filter."""


class WordInput(SanitizedInput):
    """A word that rows must hold."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "back", show=False, id="rows.cancel")]
    longest = LONGEST

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False, max_length=LONGEST)


class RowFilter(Horizontal):
    """Label and input, hidden until it is opened. The input is made then: few people filter."""

    DEFAULT_CSS = """
    RowFilter { height: 1; background: $panel; display: none; }
    RowFilter.-open { display: block; }
    RowFilter LineView { width: 22; height: 1; background: $panel; scrollbar-size-vertical: 0; }
    RowFilter WordInput, RowFilter WordInput:focus { width: 1fr; background: $panel; background-tint: $foreground 0%; }
    RowFilter:ansi, RowFilter:ansi LineView, RowFilter:ansi WordInput { background: ansi_default; }
    """

    @dataclass
    class Edited(Message):
        """The text is another one."""

        text: str

    @dataclass
    class Closed(Message):
        """Typing has ended; the text that stays is given."""

        text: str

    def __init__(self, *, glyphs: Glyphs, label: str = "rows that hold") -> None:
        super().__init__()
        self.glyphs = glyphs
        self.label = label
        self._before = ""

    def compose(self) -> ComposeResult:
        """The label; the input comes with the first use."""
        yield LineView(glyphs=self.glyphs, cursor=False)

    def open(self, text: str) -> None:
        """Show the line with `text` in it, and take the keys."""
        self._before = text
        self.query_one(LineView).show((row((f" {self.label:<21}", "key")),))
        self.add_class("-open")
        found = list(self.query(WordInput))
        entry = found[0] if found else WordInput()
        entry.value = text
        if not found:
            self.mount(entry)
        entry.cursor_position = len(text)
        self.call_after_refresh(entry.focus, False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("-open"):
            self.post_message(self.Edited(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(event.value.strip())

    @on(WordInput.Cancelled)
    def _cancelled(self, event: WordInput.Cancelled) -> None:
        event.stop()
        self._close(self._before)

    def _close(self, text: str) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed(text))
