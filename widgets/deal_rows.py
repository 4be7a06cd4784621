"""Deals: whether each has synced, and the code it would fail with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from widgets.glyphs import Glyphs
from widgets.paged_rows import STAMP, Column, said, when, whole, yes_no
from widgets.rows import Piece

if TYPE_CHECKING:
    from diagnostics.models.accounts import DealRow

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


def _state(deal: DealRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    if deal.error_code:
        return Piece(f"{signs.failed} {short_code(deal.error_code)}", "fail")
    if deal.synced_at is not None:
        return Piece(f"{signs.passed} synced", "pass")
    return Piece(f"{signs.ring} not synced yet", "warn")


def _agents(deal: DealRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    return Piece(signs.missing if deal.agents is None else str(deal.agents), "warn" if deal.agents == 0 else "")


def _property(deal: DealRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    return Piece(yes_no(deal.has_property, signs), "" if deal.has_property else "warn")


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
