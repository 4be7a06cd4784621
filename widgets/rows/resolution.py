"""Resolution shares beside their baseline, each on a ruler of the bands that it may move in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.health.document import left_out
from widgets import wording
from widgets.row import Piece, Row, column, fit, row, wrap
from widgets.rows.document import Drawn

if TYPE_CHECKING:
    from diagnostics.models.health import Resolution, ResolutionShare
    from widgets.glyphs import Glyphs

METHOD = 10
SHARE = 8
BASELINE = 12
DRIFT = 8
STATE = 9
RULER_AT = METHOD + SHARE + BASELINE + DRIFT + STATE + 3
"""Where the ruler and its legend begin."""

LEAST_RULER = 11
WIDEST_RULER = 51
BEYOND = 1.25
"""The ruler reaches this many times the outermost band; further drift is an arrow at its end."""


@dataclass(slots=True, frozen=True)
class Bands:
    """Distances from the baseline, percentage points: still normal, a warning, critical."""

    healthy: float
    warning: float
    critical: float

    def words(self) -> str:
        """e.g. "±2 ±5 ±10 points"."""
        return f"±{self.healthy:g} ±{self.warning:g} ±{self.critical:g} points"


@dataclass(slots=True, frozen=True)
class _Zones:
    """Zones of the ruler, from the baseline outwards; each band has a texture, so colour is not needed."""

    healthy: str
    warning: str
    critical: str
    beyond: str
    centre: str
    left: str
    right: str


_UNICODE = _Zones("═", "─", "╌", "·", "┼", "◀", "▶")
_ASCII = _Zones("=", "-", ".", "_", "|", "<", ">")


def ruler(drift: float | None, bands: Bands, width: int, glyphs: Glyphs) -> str:
    """The bands around the baseline with a mark where the share stands; an odd number of cells, at most `width`."""
    cells = width - 1 if width % 2 == 0 else width
    half = cells // 2
    if half < 1:
        return ""
    zones = _ASCII if glyphs.ascii_only else _UNICODE
    reach = bands.critical * BEYOND

    def texture(cell: int) -> str:
        distance = abs(cell - half) / half * reach
        if cell == half:
            return zones.centre
        if distance <= bands.healthy:
            return zones.healthy
        if distance <= bands.warning:
            return zones.warning
        return zones.critical if distance <= bands.critical else zones.beyond

    letters = [texture(cell) for cell in range(cells)]
    if drift is not None:
        place = half + round(drift / reach * half)
        if place < 0 or place >= cells:
            letters[0 if place < 0 else -1] = zones.left if place < 0 else zones.right
        else:
            letters[place] = glyphs.dot
    return "".join(letters)


def legend(bands: Bands, width: int, glyphs: Glyphs) -> str:
    """Which distance which texture means, as short as fits in `width`."""
    zones = _ASCII if glyphs.ascii_only else _UNICODE
    words = (
        f"{zones.healthy} within {bands.healthy:g}  {zones.warning} {bands.warning:g}  "
        f"{zones.critical} {bands.critical:g}  {zones.beyond} beyond, points"
    )
    short = f"{zones.healthy} {bands.healthy:g}  {zones.warning} {bands.warning:g}  {zones.critical} {bands.critical:g}"
    return next((text for text in (words, short) if cell_len(text) <= width), "")


def shares_in_full(resolution: Resolution, bands: Bands) -> Drawn:
    """The shares with their rulers and counts, for the document of the distribution."""

    def draw(width: int, glyphs: Glyphs) -> list[Row]:
        rows: list[Row] = []
        for share in resolution.shares:
            rows.append(Row(share_row(share, bands, width=width, glyphs=glyphs, stale=False).pieces))
            count = "not known" if share.count is None else f"{share.count:,} agents"
            rows.append(row((f"{' ' * 10}{count}{f'; {glyphs.text(share.note)}' if share.note else ''}", "muted")))
        return rows

    return Drawn(draw)


def resolution_rows(
    resolution: Resolution, bands: Bands, *, width: int, height: int, glyphs: Glyphs, stale: bool
) -> list[Row]:
    """Three shares, and below them, where `height` allows, the legend and what bends them. Always `height` rows."""
    rows = [share_row(share, bands, width=width, glyphs=glyphs, stale=stale) for share in resolution.shares]
    if height > len(rows):
        words = legend(bands, max(0, width - RULER_AT), glyphs)
        total = "" if resolution.total is None else f"{resolution.total:,} agents"
        rows.append(row((fit(total, min(RULER_AT, width)), "muted"), (words, "muted")))
    covered = resolution.coverage.words() if resolution.coverage is not None else ""
    for note in (left_out(resolution), *resolution.notes):
        # The title bar says what it rests on, and `left_out` what is in no share.
        if note and not (covered and covered in note):
            lines = wrap(glyphs.text(note), width, most=max(1, height - len(rows)))
            rows += [row((line, "muted")) for line in lines]
    return [*rows[:height], *(Row(()) for _ in range(height - len(rows)))]


def share_row(share: ResolutionShare, bands: Bands, *, width: int, glyphs: Glyphs, stale: bool) -> Row:
    """Method, share, baseline, drift, state word, ruler."""
    state = wording.status_piece(share.status, glyphs)
    room = width - RULER_AT
    shown = glyphs.missing if share.share is None else f"{share.share:.2f} %"
    drift = "" if share.drift is None else f"{share.drift:+.2f}"
    words = max(STATE, cell_len(state.text))
    pieces = [
        Piece(fit(share.method, METHOD)),
        Piece(fit(shown, SHARE, right=True), "muted" if stale or share.share is None else "strong"),
        Piece(fit(f"base {share.baseline:.2f}", BASELINE, right=True) if room >= 0 else "", "muted"),
        Piece(fit(drift, DRIFT, right=True), "muted" if stale else ""),
        Piece("  "),
        *column(state.text, words, "muted" if stale else state.tone),
    ]
    if room >= LEAST_RULER and share.drift is not None:
        drawn = ruler(share.drift, bands, min(room, WIDEST_RULER), glyphs)
        tone = "muted" if stale or str(share.status) == "pass" else state.tone
        pieces += [Piece(" "), Piece(drawn, tone)]
    elif share.note:
        pieces.append(Piece(" " + fit(glyphs.text(share.note), max(0, room - (words - STATE))), "warn"))
    return row(*pieces, key=f"share:{share.method}")
