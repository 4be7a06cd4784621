"""Deals: the columns of many; of one, the gates it must pass and the four paths that can verify its agents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from widgets import wording
from widgets.glyphs import Glyphs
from widgets.paged_rows import STAMP, Column, said, when, whole, yes_no
from widgets.row import Piece, Row, column, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.accounts import DealRow
    from diagnostics.models.deals import AgentPath, Gate

SHORT_CODES = {
    "deal_id_missing": "no such deal",
    "sync_system_missing": "no sync system",
    "zillow_transaction_id_missing": "no transaction id",
    "agent_verification_failed": "agents unverified",
    "contact_sync_missing": "no contact sync",
    "property_missing": "no property",
}
"""The error codes in as few words as a narrow list has room for."""


def short_code(code: str) -> str:
    """The code in two or three words."""
    return SHORT_CODES.get(code, code.replace("_", " "))


def _state(deal: DealRow, glyphs: Glyphs, _now: datetime) -> Piece:
    if deal.error_code:
        return Piece(f"{glyphs.failed} {short_code(deal.error_code)}", "fail")
    if deal.synced_at is not None:
        return Piece(f"{glyphs.passed} synced", "pass")
    return Piece(f"{glyphs.ring} not synced yet", "warn")


def _agents(deal: DealRow, glyphs: Glyphs, _now: datetime) -> Piece:
    return Piece(glyphs.missing if deal.agents is None else str(deal.agents), "warn" if deal.agents == 0 else "")


def _property(deal: DealRow, glyphs: Glyphs, _now: datetime) -> Piece:
    return Piece(yes_no(deal.has_property, glyphs), "" if deal.has_property else "warn")


DEAL_COLUMNS = (
    Column("state", _state, 19),
    Column("deal", whole(lambda deal: deal.deal_id), 9, right=True),
    Column("name", said(lambda deal: deal.name), 16, 44),
    Column("agents", _agents, 6, right=True),
    Column("property", _property, 8, rank=3),
    Column("created", when(lambda deal: deal.created_at), STAMP),
    Column("synced", when(lambda deal: deal.synced_at), STAMP, rank=2),
    Column("stage", said(lambda deal: deal.stage, "muted"), 12, 18, rank=4),
    Column("transaction", said(lambda deal: deal.zillow_transaction_id), 12, 24, rank=5),
    Column("error code", said(lambda deal: deal.error_code, "code"), 29, rank=6),
)


# ---- the gates of one deal: each passes, fails, or could not be read, in the order of the sync

STATE = 15
"""Cells of glyph and word of a state."""

NAME = 15
"""Cells of a gate's number and name."""


def gate_name(gate: Gate) -> str:
    """The gate in a word or two; its title is a sentence."""
    return gate.id.replace("_", " ")


def strip_row(gates: Sequence[Gate], *, width: int, glyphs: Glyphs) -> Row | None:
    """All gates in one line, or None where they do not fit beside each other."""
    arrow = " > " if glyphs.ascii_only else " → "
    pieces: list[Piece] = []
    for gate in gates:
        status = wording.status_piece(gate.status, glyphs)
        if pieces:
            pieces.append(Piece(arrow, "muted"))
        pieces += [Piece(f"{gate_name(gate)} ", "strong"), status]
    line = row(*pieces)
    return line if pieces and cell_len(line.text) <= width else None


def gate_rows(gates: Sequence[Gate], *, width: int, glyphs: Glyphs, stale: bool = False) -> list[Row]:
    """One gate a row, with what was found there and the code that the sync fails with."""
    name_width = max([NAME, *(cell_len(gate_name(gate)) + 4 for gate in gates)])
    indent = name_width + STATE
    rows: list[Row] = []
    for place, gate in enumerate(gates):
        status = wording.status_piece(gate.status, glyphs)
        summary = glyphs.text(gate.summary)
        lines = wrap(summary, max(16, width - indent), most=4)
        grey = stale or str(gate.status) in {"no_data", "unreachable"}
        rows.append(
            row(
                (fit(f"{place + 1} {gate_name(gate)}", name_width), "title"),
                *column(status.text, STATE, "muted" if stale else status.tone),
                (lines[0], "muted" if grey else ""),
                key=f"gate:{gate.id}",
            )
        )
        rows += [row(" " * indent, (line, "muted" if grey else "")) for line in lines[1:]]
        if gate.error_code:
            rows.append(row(" " * indent, ("fails with ", "muted"), (gate.error_code, "code")))
    return rows


def waiting_rows(names: Sequence[str], glyphs: Glyphs) -> list[Row]:
    """The pipeline before any answer: its shape is known, its states are not."""
    return [
        row((fit(f"{place + 1} {name}", NAME), "title"), (f"{glyphs.waiting} asking", "muted"))
        for place, name in enumerate(names)
    ]


# ---- the four paths by which an agent on a deal can be verified

PATHS = (
    ("legacy_profile", "1 legacy profile", "1 profile", "users.zillow_profile_id, deprecated"),
    ("oauth", "2 OAuth", "2 OAuth", "a token in zillow_auth"),
    ("modern_agent", "3 modern agent", "3 agent", "a ZUID in zillow_agents"),
    ("sync_agent", "4 legacy sync agent", "4 sync", "a row in zillow_sync_agents"),
)
"""Field of the model, long title, short title, what the path looks at."""

VERDICT = 12
USER = 9


def _word(value: bool | None, glyphs: Glyphs) -> Piece:
    if value is None:
        return Piece(f"{glyphs.no_data} not read", "muted")
    return Piece(f"{glyphs.passed} yes", "pass") if value else Piece(f"{glyphs.ring} no")


def _verdict(agent: AgentPath, glyphs: Glyphs) -> Piece:
    if agent.is_verified is None:
        return Piece(f"{glyphs.no_data} no data", "muted")
    return Piece(f"{glyphs.passed} verified", "pass") if agent.is_verified else Piece(f"{glyphs.failed} NOT", "fail")


def path_rows(agents: Sequence[AgentPath], *, width: int, glyphs: Glyphs) -> list[Row]:
    """Heading and one row an agent; a note stands under its agent."""
    long = width >= 104
    cells = 20 if long else 11
    name = max(8, min(30, width - VERDICT - USER - 2 - cells * len(PATHS)))
    titles = "".join(fit(path[1] if long else path[2], cells) for path in PATHS)
    rows = [
        row((f"{fit('agent', VERDICT)}{fit('user', USER - 2, right=True)}  {fit('name', name)}  {titles}", "muted"))
    ]
    for agent in agents:
        verdict = _verdict(agent, glyphs)
        values = [_word(getattr(agent, path[0]), glyphs) for path in PATHS]
        rows.append(
            row(
                *column(verdict.text, VERDICT, verdict.tone),
                fit(str(agent.user_id), USER - 2, right=True),
                "  ",
                (fit(agent.name or glyphs.missing, name), "strong"),
                "  ",
                *(piece for value in values for piece in column(value.text, cells, value.tone)),
                key=f"agent:{agent.user_id}",
            )
        )
        if agent.note:
            rows.append(
                row(" " * (VERDICT + USER), (fit(glyphs.text(agent.note), max(8, width - VERDICT - USER)), "warn"))
            )
    return rows
