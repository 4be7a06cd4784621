"""A screen to look at: pyte behind a small filter for the sequences that pyte prints or forgets.

Used live by `tests.terminal.Terminal` and after the fact by the benchmarks, which replay a recorded run read by read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import pyte

# pyte draws the tail of private sequences it does not know (the kitty keyboard protocol) and of string sequences.
_UNKNOWN = re.compile(r"\x1b\[[<=>][0-9;:]*[ -/]*[@-~]|\x1b\[\?[0-9;]*\$p|\x1b[P_^X][^\x07\x1b]*(?:\x07|\x1b\\)")
_ALTERNATE = re.compile(r"\x1b\[\?(?:1049|1047|47)([hl])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*)?\Z")


class Emulator:
    """A terminal's two screens, fed with raw bytes; incomplete sequences and characters wait for the next feed."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._rows = columns, rows
        self._primary = pyte.Screen(columns, rows)
        self.screen = self._primary
        """The screen that shows now; a pyte `Screen`."""
        self._stream = pyte.Stream(self.screen)
        self._decode: Callable[[bytes], str] = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def feed(self, data: bytes) -> None:
        """Show `data`."""
        text = self._held + self._decode(data)
        unfinished = _UNFINISHED.search(text)
        self._held = unfinished.group() if unfinished else ""
        text = _UNKNOWN.sub("", text[: len(text) - len(self._held)])
        pieces = _ALTERNATE.split(text)
        self._stream.feed(pieces[0])
        for direction, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            self._show(pyte.Screen(self._columns, self._rows) if direction == "h" else self._primary)
            self._stream.feed(piece)

    def _show(self, screen: pyte.Screen) -> None:
        self.screen = screen
        self._stream = pyte.Stream(screen)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of both screens."""
        self._columns, self._rows = columns, rows
        self._primary.resize(rows, columns)
        if self.screen is not self._primary:
            self.screen.resize(rows, columns)

    def lines(self) -> list[str]:
        """The visible rows, top first, without trailing blanks."""
        return [line.rstrip() for line in self.screen.display]

    def filled(self) -> int:
        """Cells that show a character other than a blank."""
        return sum(len(line) - line.count(" ") for line in self.screen.display)

    def backgrounds(self, row: int) -> tuple[str, ...]:
        """The background of each cell of `row` as it shows (the foreground where a cell is reversed)."""
        cells = self.screen.buffer[row]
        return tuple(
            cells[column].fg if cells[column].reverse else cells[column].bg for column in range(self.screen.columns)
        )

    def faces(self, row: int) -> tuple[str, ...]:
        """Everything that shows in `row`, a string per cell: character, colours and attributes."""
        cells = self.screen.buffer[row]
        return tuple(":".join(map(str, cells[column])) for column in range(self.screen.columns))
