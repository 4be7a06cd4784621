"""The six systems as a dependency map: who feeds whom from top to bottom, and what a failing one threatens.

One system a row, so that each can hold the cursor. Systems that feed the same one are bracketed; what is fed stands
below them, one step further in. Systems that feed nobody stand apart at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from widgets import wording
from widgets.row import BLANK, Piece, Row, Tone, column, fit, row

if TYPE_CHECKING:
    from diagnostics.models.health import SystemState
    from widgets.glyphs import Glyphs

PRIORITY = 8
STATE = 14
WIDE = 80
"""From so many cells on, the headline stands in the system's own row."""

MEDIUM = 44
"""From so many cells on, each system names its priority."""


@dataclass(slots=True, frozen=True)
class Strokes:
    """Strokes of the map."""

    first: str
    further: str
    down: str
    apart: str


_UNICODE = Strokes("┌", "├", "└▸", "┄")
_ASCII = Strokes("+", "+", "`>", ":")


@dataclass(slots=True, frozen=True)
class MapNode:
    """One line of the map: a system, or the process at the end of the chain."""

    name: str
    indent: int
    """How many steps from the first layer."""
    mark: str
    """first, further, down, apart."""
    system: SystemState | None


def layers(feeds: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Names by their distance from the end of the chain, the farthest first; names that feed nobody and that nobody
    feeds come last, as a layer of their own. A circle is cut where it closes.
    """
    fed = {name for targets in feeds.values() for name in targets}

    def distance(name: str, seen: frozenset[str]) -> int:
        targets = [target for target in feeds.get(name, ()) if target not in seen]
        return 1 + max((distance(target, seen | {target}) for target in targets), default=-1)

    names = [*feeds, *sorted(fed - set(feeds))]
    chained = {name: distance(name, frozenset({name})) for name in names if feeds.get(name) or name in fed}
    found = [
        [name for name in names if chained.get(name) == far] for far in sorted(set(chained.values()), reverse=True)
    ]
    apart = [name for name in names if name not in chained]
    return [*found, apart] if apart else found


def nodes(systems: Sequence[SystemState]) -> list[MapNode]:
    """The map's lines, top to bottom."""
    by_name = {system.name: system for system in systems}
    feeds = {system.name: system.feeds for system in systems}
    fed = {name for targets in feeds.values() for name in targets}
    found: list[MapNode] = []
    for depth, layer in enumerate(layers(feeds)):
        for place, name in enumerate(layer):
            if not feeds.get(name) and name not in fed:
                mark, indent = "apart", 0
            elif depth == 0:
                mark, indent = ("first" if place == 0 else "further"), 0
            else:
                mark, indent = ("down" if place == 0 else "further"), depth - 1
            found.append(MapNode(name, indent, mark, by_name.get(name)))
    return found


def system_rows(
    systems: Sequence[SystemState], *, width: int, glyphs: Glyphs, stale: bool, headlines: bool
) -> list[Row]:
    """The map. With `headlines` each system has a second line saying what is known of it."""
    drawn = nodes(systems)
    step = 3 if width >= MEDIUM else 2
    tree = max((step * (node.indent + 1) + len(node.name) for node in drawn if node.system), default=20) + 1
    at_risk = any(str(system.status) == "fail" and system.threatens for system in systems)
    risk: Tone | None = ("muted" if stale else "warn") if at_risk else None
    rows: list[Row] = []
    for node in drawn:
        stem = _stem(node, step, glyphs)
        if node.system is None:
            rows.append(_end_row(node, stem, tree=tree, risk=risk, glyphs=glyphs, width=width))
            continue
        rows.append(_row(node.system, stem, tree=tree, width=width, glyphs=glyphs, stale=stale))
        if headlines:
            rows.append(_second(node, step, width, glyphs))
    return rows


def _stem(node: MapNode, step: int, glyphs: Glyphs) -> str:
    strokes = _ASCII if glyphs.ascii_only else _UNICODE
    if node.mark == "down":
        return fit(" " * (step * node.indent) + strokes.down, step * (node.indent + 1))
    glyph = {"first": strokes.first, "further": strokes.further, "apart": strokes.apart}[node.mark]
    return fit(" " * (step * node.indent) + glyph, step * (node.indent + 1))


def _row(system: SystemState, stem: str, *, tree: int, width: int, glyphs: Glyphs, stale: bool) -> Row:
    state = _state(system, glyphs, short=width < MEDIUM)
    pieces = [
        Piece(stem, "muted"),
        Piece(fit(system.name, max(1, tree - len(stem))), "title"),
    ]
    if width >= MEDIUM:
        pieces.append(Piece(fit(system.priority, PRIORITY), "muted"))
    pieces += column(state.text, max(STATE, cell_len(state.text) + 1), "muted" if stale else state.tone)
    if width >= WIDE:
        used = tree + PRIORITY + max(STATE, cell_len(state.text) + 1)
        pieces.append(Piece(fit(glyphs.text(system.headline), max(0, width - used))))
    return row(*pieces, key=f"system:{system.name}")


def _state(system: SystemState, glyphs: Glyphs, *, short: bool) -> Piece:
    """The system's own state; one that works but hangs on a failing one says so."""
    own = wording.status_piece(system.status, glyphs)
    words = (_SHORT_RISK if short else _RISK).get(str(system.status))
    if system.threatened_by and words is not None:
        return Piece(f"{wording.status_glyph('warn', glyphs)} {words}", "warn")
    return own


_RISK = {"pass": "ok, at risk", "warn": "warn, at risk"}
_SHORT_RISK = {"pass": "at risk"}


def _second(node: MapNode, step: int, width: int, glyphs: Glyphs) -> Row:
    system = node.system
    if system is None:
        return BLANK
    # The line down to what is fed goes on past the second line: below the bracket, or below the name.
    at = step * (node.indent + 1) if node.mark == "down" else step * node.indent
    tail = glyphs.bar if system.feeds else ""
    lead = fit(" " * at + tail, step * (node.indent + 1) + 2)
    threatened = f"hangs on {', '.join(system.threatened_by)}"
    wide_text = threatened if system.threatened_by else system.role
    text = wide_text if width >= WIDE else system.headline
    tone: Tone = "warn" if width >= WIDE and system.threatened_by else "muted"
    return row((lead, "muted"), (fit(glyphs.text(text), max(0, width - len(lead))), tone))


def _end_row(node: MapNode, stem: str, *, tree: int, risk: Tone | None, glyphs: Glyphs, width: int) -> Row:
    """The process that no system is: it has no state of its own, only who threatens it."""
    name = fit(node.name, max(len(node.name) + 1, tree - len(stem)))
    glyph = wording.status_glyph("warn", glyphs)
    choices = (f"{glyph} at risk", "at risk") if risk else ("end of the chain", "end")
    room = max(0, width - len(stem) - len(name))
    words = next((text for text in choices if cell_len(text) <= room), "")
    return row((stem, "muted"), (name, "title"), (words, risk or "muted"))


def cascade_words(systems: Sequence[SystemState], width: int, glyphs: Glyphs) -> str:
    """Failing systems and those after them, for a title bar: in full where it fits, else as counts."""
    failing = [system for system in systems if str(system.status) == "fail"]
    unknown = sum(str(system.status) in {"no_data", "unreachable"} for system in systems)
    warned = sum(str(system.status) == "warn" for system in systems)
    if failing:
        first = failing[0]
        at_risk = {name for system in failing for name in system.threatens}
        long = f"{first.name} FAIL threatens {', '.join(first.threatens)}" if first.threatens else f"{first.name} FAIL"
        counts = [f"{len(failing)} FAIL"]
        counts += [f"{warned} warn"] if warned else []
        counts += [f"{unknown} not known"] if unknown else []
        full = ", ".join((*counts, f"{len(at_risk)} at risk"))
        short = f"{len(failing)} FAIL, {len(at_risk)} at risk"
        return next((glyphs.text(text) for text in (long, full, short) if cell_len(text) <= width), short)
    parts = [f"{warned} warn"] if warned else []
    parts += [f"{unknown} not known"] if unknown else []
    return ", ".join(parts) or "all six ok" if systems else ""
