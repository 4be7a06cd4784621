"""Listings of the log explorer: patterns, pinned lines, saved queries. Data in, listings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import form, plural
from screens.listing import Listing
from widgets.row import Row, fit, row, wrap
from widgets.rows.document import Drawn

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent
    from diagnostics.models.explorer import Pattern, SavedQuery
    from widgets.glyphs import Glyphs
    from widgets.row import Tone

TONES: dict[str, Tone] = {"error": "fail", "warn": "warn", "info": "muted"}
COUNT = 9
LEVEL = 7


def _clock(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%H:%M:%S}"


def patterns_listing(patterns: Sequence[Pattern], lines: int, open_sample: Callable[[LogEvent], None]) -> Listing:
    """Similar messages, most frequent first; Enter opens the newest line of one."""
    by_key = {f"pattern:{number}": pattern for number, pattern in enumerate(patterns)}

    def draw(width: int, glyphs: Glyphs) -> list[Row]:
        if not patterns:
            return [row(("there are no lines to group", "muted"))]
        head = fit("lines", COUNT - 1, right=True) + " " + fit("level", LEVEL) + "message, with what varies masked"
        rows = [row((head, "muted"))]
        indent = COUNT + LEVEL
        for key, pattern in by_key.items():
            first, *rest = wrap(glyphs.text(pattern.template), max(20, width - indent), most=3)
            count = fit(f"{pattern.count:,}", COUNT - 1, right=True) + " "
            rows.append(row((count, "strong"), (fit(pattern.level, LEVEL), TONES[pattern.level]), first, key=key))
            rows += [row(" " * indent, line) for line in rest]
            where = f"{', '.join(pattern.services[:4])} {_clock(pattern.first_ms)} to {_clock(pattern.last_ms)}"
            rows.append(row(" " * indent, (fit(where, max(1, width - indent)), "muted")))
        return rows

    def open_pattern(key: str) -> None:
        open_sample(by_key[key].samples[0])

    kinds = form(len(patterns), "pattern")
    return Listing(
        f"{len(patterns):,} {kinds} in the {plural(lines, 'line')} loaded",
        "patterns",
        (Drawn(draw),),
        open_pattern,
        frozenset({"pattern"}),
    )


def pins_listing(pins: Sequence[LogEvent], open_line: Callable[[LogEvent], None]) -> Listing:
    """Pinned lines, oldest first; Enter opens one."""
    ordered = sorted(pins, key=lambda event: (event.timestamp_ms, event.id))
    by_key = {f"pin:{event.id}": event for event in ordered}

    def draw(width: int, glyphs: Glyphs) -> list[Row]:
        if not ordered:
            return [row(("no line is pinned; m pins the one under the cursor", "muted"))]
        rows = []
        for key, event in by_key.items():
            head = f"{_clock(event.timestamp_ms)} {fit(event.status, 8)} {fit(event.service, 12)} "
            text = fit(glyphs.text(event.message), max(10, width - len(head)))
            rows.append(row((head, "muted"), text.rstrip(), key=key))
        return rows

    def open_pin(key: str) -> None:
        open_line(by_key[key])

    return Listing(
        f"{len(ordered)} pinned {'line' if len(ordered) == 1 else 'lines'}",
        "pins",
        (Drawn(draw),),
        open_pin,
        frozenset({"pin"}),
    )


def saved_listing(saved: Sequence[SavedQuery], open_query: Callable[[SavedQuery], None]) -> Listing:
    """Queries with a name, newest first; Enter asks one."""
    by_key = {f"saved:{one.name}": one for one in saved}

    def draw(width: int, glyphs: Glyphs) -> list[Row]:
        if not saved:
            return [row(("no query has a name yet; S gives the one in view a name", "muted"))]
        label = min(30, max(12, width // 3))
        return [
            row(
                (fit(glyphs.text(one.name), label), "key"),
                (" " + fit(glyphs.text(one.query), max(10, width - label - 1)).rstrip(), "code"),
                key=key,
            )
            for key, one in by_key.items()
        ]

    def open_saved(key: str) -> None:
        open_query(by_key[key])

    return Listing(f"saved queries · {len(saved)}", "saved queries", (Drawn(draw),), open_saved, frozenset({"saved"}))
