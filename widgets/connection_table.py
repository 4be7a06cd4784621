"""Sync connections of an account."""

from __future__ import annotations

from widgets.paged_rows import STAMP, Column, either, said, when, whole
from widgets.user_rows import connection_piece

CONNECTION_COLUMNS = (
    Column("state", lambda one, signs, _now: connection_piece(one.state, signs), 11),
    Column("sync user", whole(lambda one: one.sync_user_id), 9, right=True),
    Column("user", whole(lambda one: one.user_id), 8, right=True),
    Column("enabled", either(lambda one: one.is_enabled), 7),
    Column("problem since", when(lambda one: one.problem_at), 13),
    Column("problem", said(lambda one: one.problem), 18, 64, wish=49),
    Column("leads", said(lambda one: "" if one.leads is None else f"{one.leads:,}"), 7, rank=3, right=True),
    Column("agent sync", when(lambda one: one.last_agent_sync_at), STAMP, rank=4),
    Column("verified", when(lambda one: one.last_verified_at), STAMP, rank=5),
    Column("migration", said(lambda one: one.migration), 9, rank=2),
    Column("integration", said(lambda one: one.integration, "muted"), 12, 20, rank=6),
    Column("ZUID", said(lambda one: one.zuid, "muted"), 10, 14, rank=7),
    Column("e-mail", said(lambda one: one.email, "muted"), 20, 34, rank=8),
)
