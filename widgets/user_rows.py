"""Users of an account: credentials and connection side by side."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from widgets.glyphs import Glyphs
from widgets.paged_rows import STAMP, Column, either, said, when, whole
from widgets.rows import Piece, Tone

if TYPE_CHECKING:
    from diagnostics.models.accounts import HistoryRow, UserRow

CONNECTION_TONES: dict[str, Tone] = {
    "healthy": "pass",
    "warning": "warn",
    "error": "fail",
    "disabled": "warn",
}


def connection_piece(state: str, signs: Glyphs) -> Piece:
    """Sign and word of a connection's state."""
    sign = {"healthy": signs.passed, "warning": signs.warned, "error": signs.failed, "disabled": signs.warned}
    known = sign.get(state, signs.no_data)
    return Piece(f"{known} {state or 'none'}", CONNECTION_TONES.get(state, "muted"))


def _verdict(user: UserRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    if not user.verdict:
        return Piece(f"{signs.no_data} not judged", "muted")
    if user.is_wrong:
        return Piece(f"{signs.failed} {user.verdict}", "fail")
    if user.verdict == "ok":
        return Piece(f"{signs.passed} ok", "pass")
    # Nothing is wrong with it, which is not the same as well: legacy only, no integration yet, nothing known.
    return Piece(f"{signs.ring} {user.verdict}", "muted")


def _name(user: UserRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    if user.is_in_client is False:
        return Piece("orphan", "warn")
    return Piece(user.name or signs.missing, "" if user.name else "muted")


def _token(user: UserRow, signs: Glyphs, now: datetime) -> Piece:
    if user.has_token is None:
        return Piece(signs.missing, "muted")
    if not user.has_token:
        return Piece("missing", "warn")
    if user.expires_at is None:
        return Piece("no expiry", "warn")
    return Piece("expired", "fail") if user.expires_at <= now else Piece("valid")


def _zuids(user: UserRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    if user.auth_zuid and user.sync_zuid:
        return Piece("agree") if user.auth_zuid == user.sync_zuid else Piece("differ", "fail")
    return Piece(signs.missing, "muted")


USER_COLUMNS = (
    Column("verdict", _verdict, 22, 28),
    Column("user", whole(lambda user: user.user_id), 8, right=True),
    Column("name", _name, 16, 30, wish=18),
    Column("token", _token, 9),
    Column("records", said(lambda user: user.pattern), 9, rank=5),
    Column("connection", lambda user, signs, _now: connection_piece(user.connection, signs), 10, 12),
    Column("expires", when(lambda user: user.expires_at), STAMP, rank=2),
    Column("ZUIDs", _zuids, 6, rank=3),
    Column("enabled", either(lambda user: user.is_enabled), 7, rank=4),
    Column("token updated", when(lambda user: user.token_updated_at), 13, rank=6),
    Column("problem since", when(lambda user: user.problem_at), 13, rank=6),
    Column("problem", said(lambda user: user.problem, "muted"), 24, 60, rank=7),
    Column("e-mail", said(lambda user: user.email, "muted"), 20, 34, rank=8),
)


def _change(entry: HistoryRow, signs: Glyphs, now: datetime) -> Piece:
    del now
    arrow = ">" if signs.ascii_only else "→"
    tones: dict[str, Tone] = {"CONNECTED": "pass", "UNMATCHED": "warn"}
    return Piece(f"{entry.old or signs.missing} {arrow} {entry.new or signs.missing}", tones.get(entry.new, ""))


HISTORY_COLUMNS = (
    Column("when", when(lambda entry: entry.at), STAMP),
    Column("user", whole(lambda entry: entry.user_id), 8, right=True),
    Column("resolution", _change, 23),
    Column("reason", said(lambda entry: entry.reason), 20, 110),
    Column("row", whole(lambda entry: entry.id), 10, rank=2, right=True),
)
