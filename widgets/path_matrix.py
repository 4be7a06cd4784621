"""The four paths by which an agent on a deal can be verified, agent by agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widgets.paged_rows import cell
from widgets.rows import Piece, Row, fit, row

if TYPE_CHECKING:
    from diagnostics.models.deals import AgentPath
    from widgets.glyphs import Glyphs

PATHS = (
    ("legacy_profile", "1 legacy profile", "1 profile", "users.zillow_profile_id, deprecated"),
    ("oauth", "2 OAuth", "2 OAuth", "a token in zillow_auth"),
    ("modern_agent", "3 modern agent", "3 agent", "a ZUID in zillow_agents"),
    ("sync_agent", "4 legacy sync agent", "4 sync", "a row in zillow_sync_agents"),
)
"""Field of the model, long title, short title, what the path looks at."""

VERDICT = 12
USER = 9


def _word(value: bool | None, signs: Glyphs) -> Piece:
    if value is None:
        return Piece(f"{signs.no_data} not read", "muted")
    return Piece(f"{signs.passed} yes", "pass") if value else Piece(f"{signs.ring} no")


def _verdict(agent: AgentPath, signs: Glyphs) -> Piece:
    if agent.is_verified is None:
        return Piece(f"{signs.no_data} no data", "muted")
    return Piece(f"{signs.passed} verified", "pass") if agent.is_verified else Piece(f"{signs.failed} NOT", "fail")


def path_rows(agents: Sequence[AgentPath], *, width: int, signs: Glyphs) -> list[Row]:
    """Heading and one row an agent; a note stands under its agent."""
    long = width >= 104
    cells = 20 if long else 11
    name = max(8, min(30, width - VERDICT - USER - 2 - cells * len(PATHS)))
    titles = "".join(fit(path[1] if long else path[2], cells) for path in PATHS)
    rows = [
        row((f"{fit('agent', VERDICT)}{fit('user', USER - 2, right=True)}  {fit('name', name)}  {titles}", "muted"))
    ]
    for agent in agents:
        verdict = _verdict(agent, signs)
        values = [_word(getattr(agent, path[0]), signs) for path in PATHS]
        rows.append(
            row(
                *cell(verdict.text, verdict.tone, VERDICT),
                fit(str(agent.user_id), USER - 2, right=True),
                "  ",
                (fit(agent.name or signs.missing, name), "strong"),
                "  ",
                *(piece for value in values for piece in cell(value.text, value.tone, cells)),
                key=f"agent:{agent.user_id}",
            )
        )
        if agent.note:
            rows.append(
                row(" " * (VERDICT + USER), (fit(signs.text(agent.note), max(8, width - VERDICT - USER)), "warn"))
            )
    return rows
