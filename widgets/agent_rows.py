"""Zillow agents of an account: how each was resolved, and whether that agrees with its user's token."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from widgets.glyphs import Glyphs
from widgets.paged_rows import STAMP, Column, either, said, when, whole
from widgets.rows import Piece, Tone

if TYPE_CHECKING:
    from diagnostics.models.accounts import AgentRow
    from diagnostics.models.deals import StaleAgent

METHOD_TONES: dict[str, Tone] = {"CONNECTED": "pass", "INFERRED": "", "UNMATCHED": "warn"}


def _state(agent: AgentRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    if agent.is_wrong:
        return Piece(f"{signs.failed} stale", "fail")
    if agent.method_name == "CONNECTED":
        return Piece(f"{signs.passed} ok", "pass")
    if agent.method_name not in METHOD_TONES:
        return Piece(f"{signs.warned} in no share", "warn")
    if agent.user_id is None:
        return Piece(f"{signs.ring} no user", "muted")
    if agent.has_token is None:
        return Piece(f"{signs.no_data} not judged", "muted")
    return Piece(f"{signs.ring} no token", "muted")


def _method(agent: AgentRow, signs: Glyphs, now: datetime) -> Piece:
    del signs, now
    return Piece(agent.method_name, METHOD_TONES.get(agent.method_name, "warn"))


AGENT_COLUMNS = (
    Column("state", _state, 13),
    Column("method", _method, 10),
    Column("agent", whole(lambda agent: agent.agent_id), 8, right=True),
    Column("name", said(lambda agent: agent.name), 16, 32),
    Column("user", whole(lambda agent: agent.user_id), 8, right=True),
    Column("token", either(lambda agent: agent.has_token), 5),
    Column("ZUID", either(lambda agent: agent.has_zuid), 4, rank=3),
    Column("updated", when(lambda agent: agent.updated_at), STAMP, rank=2),
    Column("teams", whole(lambda agent: agent.teams), 5, rank=4, right=True),
    Column("e-mail", said(lambda agent: agent.email, "muted"), 22, 60, rank=5),
)


def _stale_method(agent: StaleAgent, signs: Glyphs, now: datetime) -> Piece:
    del now
    return Piece(f"{signs.failed} {agent.method_name}", "fail")


STALE_COLUMNS = (
    Column("stale as", _stale_method, 11),
    Column("agent", whole(lambda agent: agent.agent_id), 8, right=True),
    Column("user", whole(lambda agent: agent.user_id), 8, right=True),
    Column("name", said(lambda agent: agent.name), 12, 30),
    Column("agent updated", when(lambda agent: agent.agent_updated_at), 13),
    Column("token updated", when(lambda agent: agent.token_updated_at), 13),
)
