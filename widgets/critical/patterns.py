"""Log lines by pattern: count, share, what tells the patterns apart, accounts, and the message where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.words import form, plural
from widgets.log.line import clock, level_word
from widgets.row import Piece, Row, Tone, column, fit, row

if TYPE_CHECKING:
    from diagnostics.models.explorer import LineGroup
    from widgets.glyphs import Glyphs

COUNT, SHARE, STATUS, ACCOUNTS, NEWEST = 8, 6, 4, 15, 9
LEAST_MESSAGE = 20
MARGIN = 1.2
MOST_ENDPOINT = 48


def pattern_rows(groups: Sequence[LineGroup], *, width: int, glyphs: Glyphs) -> list[Row]:
    """One row a pattern. Count, share, status, endpoint and accounts stand whole; the message takes what is left."""
    lines = sum(group.count for group in groups)
    ends = min(MOST_ENDPOINT, max((cell_len(glyphs.text(group.endpoint)) + 1 for group in groups), default=0))
    states = STATUS if any(group.status for group in groups) else 0
    named = ACCOUNTS if any(group.accounts for group in groups) else 0
    left = width - COUNT - SHARE - states - ends - named
    newest = NEWEST if left - NEWEST >= LEAST_MESSAGE else 0
    return [_row(group, lines, (states, ends, named, newest), left - newest, glyphs) for group in groups]


def in_order(groups: Sequence[LineGroup], before: Sequence[str], *, held: bool) -> tuple[LineGroup, ...]:
    """The groups, given with the most lines first, where they stood `before` (keys), new ones behind them.

    They change places only where one has a fifth more lines than the one above it, and not while somebody stands among
    them (`held`): near-equals would swap at each answer.
    """
    places = {key: place for place, key in enumerate(before)}
    kept = tuple(sorted(groups, key=lambda group: places.get(group.key, len(places))))
    calm = all(lower.count <= MARGIN * upper.count for upper, lower in pairwise(kept))
    return kept if held or calm else tuple(groups)


def _row(group: LineGroup, lines: int, cells: tuple[int, int, int, int], left: int, glyphs: Glyphs) -> Row:
    states, ends, named, newest = cells
    share = 100 * group.count / max(1, lines)
    percent = "<1 %" if 0 < share < 1 else f"{share:.0f} %"
    tone: Tone = "fail" if group.status.startswith("5") or group.status == "429" else ""
    pieces = [
        *column(f"{group.count:,}", COUNT - 1, "strong", right=True),
        *column(percent, SHARE, "muted", right=True),
        Piece("  "),
    ]
    left -= 1
    if states:
        pieces += column(group.status, states, tone)
    if ends:
        pieces += column(glyphs.text(group.endpoint), ends)
    if named:
        pieces += column(_accounts(group), named)
    if newest:
        pieces += column(clock(group.newest.timestamp_ms), newest, "muted")
    if left > 0:
        pieces.append(Piece(fit(_message(group, glyphs), left).rstrip(), "muted"))
    return row(*pieces, key=f"pattern:{group.key}")


def _accounts(group: LineGroup) -> str:
    """How many accounts; where it is one, which."""
    if len(group.accounts) == 1:
        return f"acct {group.accounts[0]}"
    return plural(len(group.accounts), "account") if group.accounts else ""


def _message(group: LineGroup, glyphs: Glyphs) -> str:
    """The message without the endpoint, which has a column of its own, after the level."""
    text = group.template
    for shown in (f" ({group.endpoint})", group.endpoint):
        text = text.replace(shown, "") if group.endpoint else text
    return glyphs.text(f"{level_word(group.newest.status)} {text.strip()}")


def pattern_note(groups: Sequence[LineGroup], total: int | None, *, width: int, glyphs: Glyphs) -> str:
    """Of how many lines the patterns are: those that were read, of those that there are."""
    read = sum(group.count for group in groups)
    of = f" of {total:,}" if total is not None and total > read else ""
    kinds = f"{len(groups):,} {form(len(groups), 'pattern')}"
    lines = f"{read:,}{of} {form(total or read, 'line')}"
    long = f"{kinds} in {'the newest ' if of else ''}{lines} · l lines"
    return glyphs.text(long if cell_len(long) <= width else lines)
