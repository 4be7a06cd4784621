"""One line to type into. Its text passes the sanitizer on its way in, whether typed or pasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.message import Message
from textual.reactive import var
from textual.widgets import Input

from diagnostics.core.sanitizer import clean


class SanitizedInput(Input):
    """An input for outside text. A subclass binds Esc to `cancel`, with an id of its own for the keymap."""

    longest: ClassVar[int] = 4_000
    """Characters of one text; the remains of a paste gone wrong are not a note."""

    # A blinking cursor is two repaints a second over SSH, for nothing.
    cursor_blink = var(False, init=False)

    @dataclass
    class Cancelled(Message):
        """The typing is to be undone."""

    def insert(self, text: str, index: int) -> None:
        """Insert text that has passed the sanitizer."""
        super().insert(clean(text, limit=self.longest), index)

    def replace(self, text: str, start: int, end: int) -> None:
        """Replace by text that has passed the sanitizer."""
        super().replace(clean(text, limit=self.longest), start, end)

    def action_cancel(self) -> None:
        """Undo the typing."""
        self.post_message(self.Cancelled())
