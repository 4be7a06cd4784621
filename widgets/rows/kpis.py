"""Figures as rows: title, value, state word, limits, age. Shared by the KPI table and the leading indicators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.words import age
from widgets import wording
from widgets.glyphs import UNICODE
from widgets.row import Piece, Row, Tone, column, fit, row

if TYPE_CHECKING:
    from diagnostics.models.figures import Figure
    from diagnostics.models.status import Status
    from widgets.glyphs import Glyphs

AGE = 5
WIDEST_TITLE = 40
WIDEST_VALUE = 12
LEAST_VALUE, LEAST_STATE, LEAST_LIMITS = 8, 7, 9

_SHORTER = ((" within ", " in "), (" and not ", ", not "))
_BESIDE = " against "
"""Begins the comparison in a title: it stands in the figure's limits too, and goes first where room is short."""


@dataclass(slots=True, frozen=True)
class FigureLine:
    """One figure, and how its limits are written where there is little room."""

    figure: Figure
    limits: tuple[str, ...] = ()
    """The same limits in ever fewer cells: "warn < 99, crit < 98", "< 99 / 98"; empty where the figure has none."""
    key: str = ""
    stale: bool = False


@dataclass(slots=True, frozen=True)
class _Columns:
    """Widths in cells."""

    named: int
    """Title and value together: the title gets what its own value leaves it."""
    state: int
    rest: int
    """For limits and age; 0 where there is no room for both."""
    wording: int
    """Which of the wordings of the limits fits for all figures; beyond the last one there is no room for any."""


def is_partial(figure: Figure) -> bool:
    """True when the number does not cover all that was asked; marked with a star."""
    return figure.coverage is not None and not figure.coverage.is_complete and figure.value is not None


def figure_rows(
    lines: Sequence[FigureLine], *, width: int, now: datetime, glyphs: Glyphs, roomy: bool = False
) -> list[Row]:
    """One row a figure, two where it is `roomy`: the second says what the number is held against and what bends it."""
    columns = _columns(lines, width, glyphs)
    rows: list[Row] = []
    for line in lines:
        rows.append(_row(line, columns, now=now, glyphs=glyphs, roomy=roomy))
        if roomy:
            rows.append(row((fit(f"  {glyphs.text(_second(line))}", width), "muted")))
    return rows


def short_value(figure: Figure, glyphs: Glyphs) -> str:
    """The value in at most `WIDEST_VALUE` cells: as people write it where that fits, else the number and its unit."""
    if figure.value is None:
        return glyphs.missing
    shown = glyphs.text(figure.shown)
    if cell_len(shown) <= WIDEST_VALUE or not isinstance(figure.value, int | float):
        return shown
    return glyphs.text(f"{figure.value:,.2f} {'pt' if figure.unit == 'points' else figure.unit}".rstrip())


def short_title(title: str, width: int) -> str:
    """A title in at most `width` cells, in fewer words where that is enough, else cut between words."""
    for before, after in _SHORTER:
        if cell_len(title) > width:
            title = title.replace(before, after)
    if cell_len(title) > width:
        title = title.partition(_BESIDE)[0]
    if cell_len(title) <= width:
        return title
    cut = fit(title, width)
    head = cut.rpartition(" ")[0]
    return f"{head.rstrip(',')}…" if len(head) > width // 2 else cut


def status_word(status: Status) -> str:
    """The word of a status without its glyph."""
    return wording.status_piece(status, UNICODE).text.partition(" ")[2]


def _columns(lines: Sequence[FigureLine], width: int, glyphs: Glyphs) -> _Columns:
    values = [cell_len(short_value(line.figure, glyphs)) for line in lines]
    states = [
        cell_len(wording.status_piece(line.figure.status, glyphs).text)
        for line in lines
        if line.figure.value is not None
    ]
    value = max([LEAST_VALUE, *values])
    state = max([LEAST_STATE, *states]) + 1
    longest = max((min(WIDEST_TITLE, cell_len(line.figure.title)) for line in lines), default=0)
    named = longest + 1 + value
    if width - named - state - 1 < LEAST_LIMITS + AGE:
        named = width - state - 1
    rest = max(0, width - named - state - 1)
    most_wordings = max((len(line.limits) for line in lines), default=0)
    fitting = (at for at in range(most_wordings) if _widest_limits(lines, at) <= rest - AGE - 2)
    return _Columns(named, state, rest, next(fitting, most_wordings))


def _widest_limits(lines: Sequence[FigureLine], wording_at: int) -> int:
    return max((cell_len(line.limits[wording_at]) for line in lines if wording_at < len(line.limits)), default=0)


def _row(line: FigureLine, columns: _Columns, *, now: datetime, glyphs: Glyphs, roomy: bool) -> Row:
    figure = line.figure
    state = wording.status_piece(figure.status, glyphs)
    # The long state word of a figure without a value takes the value's room rather than the limits'.
    words = max(columns.state, cell_len(state.text) + 2)
    named = columns.named - (words - columns.state)
    value = short_value(figure, glyphs)
    is_old = line.stale or bool(figure.failure)
    tone: Tone = "muted" if is_old or figure.value is None else "strong"
    title = max(1, named - cell_len(value) - 1)
    pieces = [
        Piece(fit(glyphs.text(short_title(figure.title, title)), title)),
        Piece(" "),
        Piece(value, tone),
        Piece("*" if is_partial(figure) else " ", "muted"),
        *column(state.text, words, "muted" if is_old else state.tone),
    ]
    if columns.rest:
        text, tone = _rest(line, columns, glyphs, roomy=roomy)
        aged = age(figure.taken_at, now) if figure.taken_at is not None else ""
        pieces += [*column(text, columns.rest - AGE - 1, tone), Piece(" " + fit(aged, AGE, right=True), "muted")]
    return row(*pieces, key=line.key)


def _rest(line: FigureLine, columns: _Columns, glyphs: Glyphs, *, roomy: bool) -> tuple[str, Tone]:
    """Why there is no number, else the limits."""
    failure = line.figure.failure
    if failure:
        # Where room is short the reason says more than the source's name, which `enter` tells.
        source, _, reason = failure.partition(": ")
        if cell_len(failure) <= columns.rest - AGE - 1 or not reason:
            return glyphs.text(failure), "warn"
        return glyphs.text(source if reason == status_word(line.figure.status) else reason), "warn"
    shown = "" if roomy or columns.wording >= len(line.limits) else line.limits[columns.wording]
    return glyphs.text(shown), "muted"


def _second(line: FigureLine) -> str:
    figure = line.figure
    partial = figure.coverage.words() if figure.coverage is not None and is_partial(figure) else ""
    # The number that the limits judge stands before them: the one above is another.
    limits = f"{figure.judged}: {figure.threshold}" if figure.judged else figure.threshold
    parts = [part for part in (limits, partial, figure.note) if part]
    return " · ".join(parts) or "no limits: it is shown for its course"
