"""The eligibility pipeline of one deal: each gate passes, fails, or could not be read, in the order of the sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from widgets import wording
from widgets.paged_rows import cell
from widgets.rows import Piece, Row, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.deals import Gate
    from widgets.glyphs import Glyphs

STATE = 15
"""Cells of sign and word of a state."""

NAME = 15
"""Cells of a gate's number and name."""


def gate_name(gate: Gate) -> str:
    """The gate in a word or two; its title is a sentence."""
    return gate.id.replace("_", " ")


def strip_row(gates: Sequence[Gate], *, width: int, signs: Glyphs) -> Row | None:
    """All gates in one line, or None where they do not fit beside each other."""
    arrow = " > " if signs.ascii_only else " → "
    pieces: list[Piece] = []
    for gate in gates:
        status = wording.status_piece(gate.status, signs)
        if pieces:
            pieces.append(Piece(arrow, "muted"))
        pieces += [Piece(f"{gate_name(gate)} ", "strong"), status]
    line = row(*pieces)
    return line if pieces and cell_len(line.text) <= width else None


def gate_rows(gates: Sequence[Gate], *, width: int, signs: Glyphs, stale: bool = False) -> list[Row]:
    """One gate a row, with what was found there and the code that the sync fails with."""
    name_width = max([NAME, *(cell_len(gate_name(gate)) + 4 for gate in gates)])
    indent = name_width + STATE
    rows: list[Row] = []
    for place, gate in enumerate(gates):
        status = wording.status_piece(gate.status, signs)
        summary = signs.text(gate.summary)
        lines = wrap(summary, max(16, width - indent), most=4)
        grey = stale or str(gate.status) in {"no_data", "unreachable"}
        rows.append(
            row(
                (fit(f"{place + 1} {gate_name(gate)}", name_width), "title"),
                *cell(status.text, "muted" if stale else status.tone, STATE),
                (lines[0], "muted" if grey else ""),
                key=f"gate:{gate.id}",
            )
        )
        rows += [row(" " * indent, (line, "muted" if grey else "")) for line in lines[1:]]
        if gate.error_code:
            rows.append(row(" " * indent, ("fails with ", "muted"), (gate.error_code, "code")))
    return rows


def waiting_rows(names: Sequence[str], signs: Glyphs) -> list[Row]:
    """The pipeline before any answer: its shape is known, its states are not."""
    return [
        row((fit(f"{place + 1} {name}", NAME), "title"), (f"{signs.waiting} asking", "muted"))
        for place, name in enumerate(names)
    ]
