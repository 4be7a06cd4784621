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
    """Of a state that is not well; empty for one that is, which says its figure."""
    tone: Tone
    details: tuple[str, ...]
    """The same at several lengths, the longest first."""
    short: str = ""
    """The name where there is little room; empty for the same."""


Wordings = tuple[tuple[Piece, ...], ...]
"""The same thing said at several lengths, the longest first."""

ALL, SHORT = 1_000, 12
"""Columns of what is said of one source."""

ROOMY, USUAL = 150, 105
"""From so many columns on the header says everything, or the usual; below, it is short."""


@dataclass(slots=True, frozen=True)
class _Step:
    """How much one try of the row says."""

    size: int
    """0 everything, 1 the usual, 2 short."""
    name: bool = True
    """With the console's name."""
    details: bool = True
    """With the figures of sources that are well."""
    most: int = ALL
    """Columns of what is said of a source that is not."""
    least: bool = False
    """Down to the shortest wording of the incident."""


LADDER = (
    _Step(0),
    _Step(1),
    _Step(1, least=True),
    _Step(2),
    _Step(2, least=True),
    _Step(2, name=False, least=True),
    _Step(2, name=False, details=False, least=True),
    _Step(2, name=False, details=False, most=SHORT, least=True),
    _Step(2, name=False, details=False, most=0, least=True),
)
"""Parts of less use at this moment make room: long words, the console's name, figures of sources that are well, then
the ends of what is wrong with the others. That something is wrong stays."""


class HeaderBar(Widget):
    """One row. Each second only the digits of the clock that changed are sent."""

    DEFAULT_CSS = """
    HeaderBar { height: 1; layout: horizontal; background: $surface; }
    HeaderBar > LineView { height: 1; background: $surface; scrollbar-size-vertical: 0; }
    HeaderBar > #header-state { width: 1fr; }
    HeaderBar > #header-clock { width: 7; }
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
        """Parts are dropped from the right when the line is short, and seconds from the clock."""
        self.tick(self.clock)
        self.draw()

    def tick(self, clock: str) -> None:
        """Show the time, given as HH:MM:SS UTC, as far as there is room; once there are parts to show it in."""
        self.clock = clock
        if not self.children:
            return
        size = self._room()
        shown = (clock, clock.replace(clock[5:8], "", 1), clock[:5])[size]
        cells = len(shown) + 2
        view = self.query_one("#header-clock", LineView)
        if view.styles.width is None or view.styles.width.value != cells:
            view.styles.width = cells
        view.show((Row((Piece(fit(f"{shown} ", cells, right=True), "strong"),)),))

    def _room(self) -> int:
        """0 where there is room for everything, 1 for the usual, 2 for little."""
        full = self.size.width or self.app.size.width
        return 0 if full >= ROOMY else 1 if full >= USUAL else 2

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
        full, size = self.size.width or self.app.size.width, self._room()
        width = max(20, full - (14, 11, 7)[size])
        last = len(self.incident) - 1
        left: list[Piece] = []
        chosen: tuple[Piece, ...] = ()
        for step in LADDER:
            if step.size < size:
                continue
            left = self._left(step)
            chosen = self._fitting(width - _cells(left), last if step.least else 0)
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

    def _left(self, step: _Step) -> list[Piece]:
        title = (" War Room " if step.size == 2 else " Zillow War Room ") if step.name else ""
        may = Piece(" ro " if step.size == 2 else " read-only ", "muted")
        if self.writes:
            may = Piece(" rw " if step.size == 2 else " writer ", "warn")
        pieces = [Piece(title, "title"), Piece(f" {self.environment} ", "accent"), may]
        if self.paused:
            pieces.append(Piece(" PAUSED ", "warn"))
        for word in self.words:
            name = (word.short or word.name) if step.size == 2 else word.name
            detail = word.details[min(step.size, len(word.details) - 1)]
            if word.tone != "pass" and cell_len(detail) > step.most:
                detail = fit(detail, step.most)
            if word.tone == "pass" and not step.details:
                detail = "ok"
            pieces += [Piece(f"  {name} "), Piece(f"{word.glyph} {detail}".strip(), word.tone)]
        return pieces


def _cells(pieces: Iterable[Piece]) -> int:
    return sum(cell_len(piece.text) for piece in pieces)
