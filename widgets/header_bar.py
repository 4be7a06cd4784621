"""The top line: where we are, what may be written, how the sources are, the incident and its clock, the time in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widget import Widget

from widgets.glyphs import Glyphs
from widgets.line_view import LineView
from widgets.row import Piece, Row, Tone, fit


@dataclass(slots=True, frozen=True)
class SourceWord:
    """One source as the header shows it, already worded."""

    name: str
    glyph: str
    tone: Tone
    detail: str


Wordings = tuple[tuple[Piece, ...], ...]
"""The same thing said at several lengths, the longest first."""

CLOCK = 14
"""Columns of the clock."""

ALL, SHORT = 1_000, 12
"""Columns of what is said of one source."""


class HeaderBar(Widget):
    """One row. Each second only the digits of the clock that changed are sent."""

    DEFAULT_CSS = """
    HeaderBar { height: 1; layout: horizontal; background: $surface; }
    HeaderBar > LineView { height: 1; background: $surface; scrollbar-size-vertical: 0; }
    HeaderBar > #header-state { width: 1fr; }
    HeaderBar > #header-clock { width: 14; }
    HeaderBar:ansi, HeaderBar:ansi > LineView { background: ansi_default; }
    """

    def __init__(self, *, glyphs: Glyphs, clock: str = "") -> None:
        super().__init__(id="header")
        self.glyphs = glyphs
        self.clock = clock
        self.environment = "starting"
        self.writes = False
        self.paused = False
        self.words: tuple[SourceWord, ...] = ()
        self.incident: Wordings = ()

    def compose(self) -> ComposeResult:
        """State at the left, clock at the right, so that a tick never touches the state."""
        yield LineView(glyphs=self.glyphs, cursor=False, id="header-state")
        yield LineView(glyphs=self.glyphs, cursor=False, id="header-clock")

    def on_mount(self) -> None:
        """Paint before any source has answered."""
        self.draw()
        self.tick(self.clock)

    def on_resize(self) -> None:
        """Parts are dropped from the right when the line is short."""
        self.draw()

    def tick(self, clock: str) -> None:
        """Show the time, as HH:MM:SS UTC; once there are parts to show it in."""
        self.clock = clock
        if self.children:
            time = Piece(fit(f"{clock} ", 14, right=True), "strong")
            self.query_one("#header-clock", LineView).show((Row((time,)),))

    def set_state(
        self,
        *,
        environment: str,
        paused: bool,
        words: tuple[SourceWord, ...],
        incident: Wordings = (),
        writes: bool = False,
    ) -> None:
        """Show environment, whether repairs can be written, pause state, sources, and the incident with its clock."""
        shown = (self.environment, self.writes, self.paused, self.words, self.incident)
        if (environment, writes, paused, words, incident) != shown:
            self.environment, self.writes, self.paused = environment, writes, paused
            self.words, self.incident = words, incident
            if self.children:
                self.draw()

    def draw(self) -> None:
        """Build the row again; the view repaints the difference."""
        view = self.query_one("#header-state", LineView)
        full = self.size.width or self.app.size.width
        width = max(20, full - CLOCK)
        # Parts of less use at this moment make room: the console's name, details of sources that are fine, then the
        # ends of what is wrong with the others. That something is wrong stays.
        last = len(self.incident) - 1
        left: list[Piece] = []
        chosen: tuple[Piece, ...] = ()
        for wide, name, details, most, least in (
            (width > 76, True, True, ALL, 0),
            (False, True, True, ALL, 0),
            (False, False, True, ALL, 0),
            (False, False, True, ALL, last),
            (False, False, False, ALL, last),
            (False, False, False, SHORT, last),
            (False, False, False, 0, last),
        ):
            left = self._left(width, wide=wide, name=name, details=details, most=most)
            chosen = self._fitting(width - _cells(left), least)
            if chosen or (not self.incident and _cells(left) <= width):
                break
        if not self.incident:
            view.show((Row(tuple(left)),))
            return
        chosen = chosen or self.incident[last]
        gap = width - _cells(left) - _cells(chosen) - 1
        if gap < 1:
            # What is due outranks everything else that could stand here.
            left, gap = [], max(0, width - _cells(chosen) - 1)
        view.show((Row((*left, Piece(" " * gap), *chosen)),))

    def _fitting(self, room: int, least: int) -> tuple[Piece, ...]:
        """The longest wording that fits, none shorter than the one at `least`; the empty one where none fits."""
        return next((one for one in self.incident[: least + 1] if _cells(one) + 2 <= room), ())

    def _left(self, width: int, *, wide: bool, name: bool, details: bool, most: int = ALL) -> list[Piece]:
        title = (" Zillow War Room " if width > 84 and wide else " War Room ") if name else ""
        may = Piece(" read-only " if wide else " ro ", "muted")
        if self.writes:
            may = Piece(" writer " if wide else " rw ", "warn")
        pieces = [Piece(title, "title"), Piece(f" {self.environment} ", "accent"), may]
        if self.paused:
            pieces.append(Piece(" PAUSED ", "warn"))
        for word in self.words:
            detail = word.detail if wide else word.detail.partition(" per ")[0]
            if cell_len(detail) > most:
                detail = fit(detail, most)
            shown = f"{word.glyph} {detail}".rstrip() if details or word.tone != "pass" else word.glyph
            pieces += [Piece(f"  {word.name} "), Piece(shown, word.tone)]
        return pieces


def _cells(pieces: Iterable[Piece]) -> int:
    return sum(cell_len(piece.text) for piece in pieces)
