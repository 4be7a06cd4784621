"""The rows around a log list: what its query, its figures and its state look like in a given width. Plain functions."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len

from widgets.glyphs import Glyphs
from widgets.log_line import Run, cells, cut
from widgets.rows import Piece, Row, Tone

if TYPE_CHECKING:
    from widgets.log_list import LogState

_STEP = 4
_FILTER_CELLS = 16


def fitted_width(present: float, needed: int, most: int) -> int:
    """Return a width in steps of four cells that holds `needed`, keeping the present one unless it is far too wide."""
    wanted = min(most, ceil(needed / _STEP) * _STEP)
    return int(present) if wanted <= present <= min(most, wanted + 4 * _STEP) else wanted


def query_pieces(query: str, *, coloured: bool) -> list[Piece]:
    """Return a query as pieces, each part of speech in its tone; as one plain piece for a first paint."""
    if not coloured:
        return [Piece(query)]
    # The scanner costs an import that nothing needs before a query is shown.
    from diagnostics.logs import highlight  # noqa: PLC0415

    pieces: list[Piece] = []
    position = 0
    for span in highlight(query):
        if span.start > position:
            pieces.append(Piece(query[position : span.start]))
        pieces.append(Piece(query[span.start : span.end], _QUERY_TONES.get(str(span.kind), "")))
        position = span.end
    if position < len(query):
        pieces.append(Piece(query[position:]))
    return pieces


_QUERY_TONES: dict[str, Tone] = {
    "field": "code",
    "tag": "code",
    "attribute": "code",
    "operator": "key",
    "wildcard": "key",
    "function": "key",
    "error": "fail",
}


def cut_middle(pieces: list[Piece], width: int, more: str) -> list[Piece]:
    """Return pieces that take at most `width` cells: the middle left out, because both ends tell queries apart."""
    total = sum(cell_len(piece.text) for piece in pieces)
    if total <= width:
        return pieces
    if width <= 1:
        return [Piece(more[:width], "muted")]
    head = (width - 1) * 3 // 5
    tail = width - 1 - head
    return [*_take(pieces, 0, head), Piece(more, "muted"), *_take(pieces, total - tail, tail)]


def _take(pieces: list[Piece], start: int, width: int) -> list[Piece]:
    """Return what stands in the cells from `start` on, exactly `width` of them."""
    taken: list[Piece] = []
    position = 0
    for piece in pieces:
        size = cell_len(piece.text)
        low, high = max(start - position, 0), min(start + width - position, size)
        if low < high:
            taken.append(Piece(cells(piece.text, low, high), piece.tone))
        position += size
    return taken


def title_query(label: str, query: str, width: int, more: str, *, focused: bool, coloured: bool) -> Row:
    """Return the left part of the title: label and query. The pane that has the keys has a bright label."""
    lead = f" {label}  "
    room = max(0, width - cell_len(lead) - 2)
    pieces = cut_middle(query_pieces(query, coloured=coloured), room, more) if query else []
    return Row((Piece(lead, "accent" if focused else "title"), *pieces))


def title_side(text: str, tone: Tone, width: int, more: str) -> Row:
    """Return a part that stands at the right of a title or a foot."""
    room = width - 2
    if not text or room < 4:
        return Row(())
    shown = text if cell_len(text) <= room else cut(text, room, more=more)
    return Row((Piece(" " * (room - cell_len(shown) + 1)), Piece(shown, tone)))


def foot_position(state: LogState, signs: Glyphs) -> str:
    """Return where the reader is: following, or at which row with how many new ones below."""
    if state.following:
        lines = "line" if state.matching == 1 else "lines"
        return signs.text(f"{state.matching:,} {lines} · following") if state.matching else "following"
    place = f"{state.row + 1:,} of {state.matching:,}" if state.matching else ""
    return signs.text(f"{place} · {state.new_below:,} new below") if state.new_below else place


def foot_note(
    state: LogState,
    *,
    notice: Piece | None,
    filter_text: str | None,
    width: int,
    signs: Glyphs,
) -> Row:
    """Return the left part of the foot: what was just said, the filter with its figures, and the cap.

    `filter_text` is None without a filter, and empty while its text stands in the line above anyway. Where room is
    short the filter's text gives way first: it can be opened, the figures cannot.
    """
    parts = [notice] if notice is not None else []
    if filter_text is not None:
        figures = f"{state.matching:,} of {state.total:,}"
        if state.progress is not None:
            figures += f" · {state.progress:.0%} read"
        parts.append(Piece(signs.text(figures)))
    if state.capped:
        parts.append(Piece(f"showing newest {state.capacity:,}", "warn"))
    if filter_text:
        taken = sum(cell_len(part.text) + 3 for part in parts)
        room = width - 4 - taken
        if room >= _FILTER_CELLS:
            wanted = f"filter {filter_text}"
            shown = Piece(cut(wanted, min(cell_len(wanted), room), more=signs.ellipsis), "key")
            parts.insert(len(parts) - 1 - state.capped, shown)
    return (
        Row((Piece("  "), *cut_middle(_joined(parts, signs), max(1, width - 4), signs.ellipsis))) if parts else Row(())
    )


def _joined(parts: list[Piece], signs: Glyphs) -> list[Piece]:
    joined: list[Piece] = []
    for part in parts:
        if joined:
            joined.append(Piece(f" {signs.separator} ", "muted"))
        joined.append(part)
    return joined


def place_lines(state: LogState, failure: tuple[str, str], window: str | None, signs: Glyphs) -> list[list[Run]]:
    """Return what stands in the list while it has no row to show.

    `failure` is headline and remedy, both empty without one; `window` is None until the query has been answered. No
    events is an answer and not health, so it is said in grey and with the window it holds for.
    """
    headline, remedy = failure
    if headline and not state.total:
        lines = [[(headline, "error")], [(remedy, "")]]
    elif window is None:
        lines = [[("loading logs…", "muted")]]
    elif not state.total:
        answered = f"the query was answered for {window}: nothing matched" if window else ""
        lines = [[("no events in the window", "muted")], [(answered, "muted")]]
    elif state.progress is not None:
        lines = [[("filtering…", "muted")]]
    else:
        lines = [[(f"none of {state.total:,} events passes the filter", "muted")]]
    return [[(signs.text(text), tone) for text, tone in line] for line in lines if line[0][0]]
