"""The bottom line: the keys of this screen, or for a few seconds what the console has to say."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from widgets.glyphs import Glyphs
from widgets.line_view import LineView
from widgets.row import Piece, Row, Tone, wrap


@dataclass(slots=True, frozen=True)
class Hint:
    """One key and the word for what it does."""

    key: str
    word: str


MOST_ROWS = 6
"""Of a notice."""


class FooterBar(LineView):
    """One row; hints are dropped from the right when it is short, and `? help` always stays.

    A notice takes the rows that it needs: what is wrong stands first, and what to do about it at its end.
    """

    DEFAULT_CSS = """
    FooterBar { height: 1; background: $surface; scrollbar-size-vertical: 0; }
    FooterBar:ansi { background: ansi_default; }
    """

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(glyphs=glyphs, cursor=False, id="footer")
        self.hints: tuple[Hint, ...] = ()
        self.notice: tuple[str, Tone] | None = None
        self._height = 1
        self.standing = ""
        """Work under way; it stands before the keys until it is taken away."""

    def set_hints(self, hints: tuple[Hint, ...]) -> None:
        """Show these keys, most useful first."""
        self.hints = hints
        self.draw()

    def say(self, text: str, tone: Tone) -> None:
        """Show a notice instead of the keys until `hush`."""
        self.notice = (text, tone)
        self.draw()

    def hush(self) -> None:
        """Show the keys again."""
        if self.notice is not None:
            self.notice = None
            self.draw()

    def stand(self, text: str) -> None:
        """Say what is under way before the keys, until it is taken away with the empty text."""
        if text != self.standing:
            self.standing = text
            self.draw()

    def on_resize(self) -> None:
        """Fewer or more hints fit."""
        self.draw()

    def draw(self) -> None:
        """Build the row; the view repaints the difference."""
        if self.notice is not None:
            text, tone = self.notice
            width = self.size.width or self.app.size.width
            self._show_rows([Row((Piece(f" {line}", tone),)) for line in wrap(text, max(1, width - 1), most=MOST_ROWS)])
            return
        width = self.size.width or self.app.size.width
        last = [hint for hint in self.hints if hint.word == "help"]
        pieces: list[Piece] = [Piece(" ")]
        if self.standing:
            pieces.append(Piece(f"{self.standing}   ", "accent"))
        taken = sum(cell_len(piece.text) for piece in pieces)
        room = width - taken - sum(cell_len(hint.key) + len(hint.word) + 3 for hint in last)
        if room < 0:
            # What is under way needs the whole line.
            last = []
        for hint in [*self._fitting(room), *last]:
            pieces += [Piece(hint.key, "key"), Piece(f" {hint.word}  ")]
        self._show_rows([Row(tuple(pieces))])

    def _show_rows(self, rows: list[Row]) -> None:
        if len(rows) != self._height:
            self._height = len(rows)
            self.styles.height = len(rows)
        self.show(tuple(rows))

    def _fitting(self, room: int) -> list[Hint]:
        chosen: list[Hint] = []
        for hint in self.hints:
            need = cell_len(hint.key) + len(hint.word) + 3
            if hint.word == "help":
                continue
            if need > room:
                break
            room -= need
            chosen.append(hint)
        return chosen
