"""The top line: where we are, what may be written, how the sources are, what time it is in UTC."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widget import Widget

from widgets.glyphs import Glyphs
from widgets.line_view import LineView
from widgets.rows import Piece, Row, Tone, fit


@dataclass(slots=True, frozen=True)
class SourceWord:
    """One source as the header shows it, already worded."""

    name: str
    sign: str
    tone: Tone
    detail: str


class HeaderBar(Widget):
    """One row. Each second only the digits of the clock that changed are sent."""

    DEFAULT_CSS = """
    HeaderBar { height: 1; layout: horizontal; background: $surface; }
    HeaderBar > LineView { height: 1; background: $surface; scrollbar-size-vertical: 0; }
    HeaderBar > #header-state { width: 1fr; }
    HeaderBar > #header-clock { width: 14; }
    HeaderBar:ansi, HeaderBar:ansi > LineView { background: ansi_default; }
    """

    def __init__(self, *, signs: Glyphs, clock: str = "") -> None:
        super().__init__(id="header")
        self.signs = signs
        self.clock = clock
        self.environment = "starting"
        self.paused = False
        self.words: tuple[SourceWord, ...] = ()

    def compose(self) -> ComposeResult:
        """State at the left, clock at the right, so that a tick never touches the state."""
        yield LineView(signs=self.signs, cursor=False, id="header-state")
        yield LineView(signs=self.signs, cursor=False, id="header-clock")

    def on_mount(self) -> None:
        """Paint before any source has answered."""
        self.draw()
        self.tick(self.clock)

    def on_resize(self) -> None:
        """Parts are dropped from the right when the line is short."""
        self.draw()

    def tick(self, clock: str) -> None:
        """Show the time, as HH:MM:SS UTC."""
        self.query_one("#header-clock", LineView).show((Row((Piece(fit(f"{clock} ", 14, right=True), "strong"),)),))

    def set_state(self, *, environment: str, paused: bool, words: tuple[SourceWord, ...]) -> None:
        """Show environment, pause state and sources."""
        if (environment, paused, words) != (self.environment, self.paused, self.words):
            self.environment, self.paused, self.words = environment, paused, words
            self.draw()

    def draw(self) -> None:
        """Build the row again; the view repaints the difference."""
        view = self.query_one("#header-state", LineView)
        width = max(20, (self.size.width or self.app.size.width) - 14)
        name = " Zillow War Room " if width > 84 else " War Room "
        pieces = [
            Piece(name, "title"),
            Piece(f" {self.environment} ", "accent"),
            Piece(" read-only " if width > 76 else " ro ", "muted"),
        ]
        if self.paused:
            pieces.append(Piece(" PAUSED ", "warn"))
        for word in self.words:
            detail = word.detail if width > 76 else word.detail.partition(" per ")[0]
            pieces += [Piece(f"  {word.name} "), Piece(f"{word.sign} {detail}", word.tone)]
        view.show((Row(tuple(pieces)),))
