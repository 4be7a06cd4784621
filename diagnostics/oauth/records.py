"""Rows of `zillow_auth` and `zillow_sync_users`, read in order of users and only as many as asked for.

The token itself is never read: the statement asks the database whether it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import case, select

from diagnostics.checks.base import moment, switch
from diagnostics.core.failures import FailureKind, SourceFailure

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Table

    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

    Condition = Callable[[Table], ColumnElement[bool]]

Record = TypeVar("Record")

UNCLEAR = "unclear"
"""The state of a connection that has an integration and no problem, and whose row names no state."""

ONCE = 500
"""Ids bound into one statement at most."""

_AUTH = ("id", "account_id", "user_id", "zuid", "expires_at", "zillow_sync_user_id", "created_at", "updated_at")
SYNC_COLUMNS = (
    "id",
    "account_id",
    "user_id",
    "zuid",
    "zillow_integration_id",
    "zillow_integration_enabled",
    "connection_health_status",
    "problem_at",
    "problem_msg",
    "created_at",
)
SYNC_WELCOME = ("zillow_email", "lead_count", "last_agent_sync_at", "last_verified_at")


@dataclass(slots=True, frozen=True)
class AuthRecord:
    """One row of common.zillow_auth."""

    id: int
    user_id: int | None
    zuid: str
    has_token: bool
    expires_at: datetime | None
    link: int | None
    """Its `zillow_sync_user_id`."""
    created_at: datetime | None
    updated_at: datetime | None

    def expires_in_s(self, now: datetime) -> float | None:
        """Seconds until it expires, negative afterwards; None where the row does not say."""
        return None if self.expires_at is None else (self.expires_at - now).total_seconds()

    def is_valid(self, now: datetime) -> bool:
        """A token is held, and its expiry is known and has not passed."""
        left = self.expires_in_s(now)
        return self.has_token and left is not None and left > 0


@dataclass(slots=True, frozen=True)
class SyncRecord:
    """One row of common.zillow_sync_users."""

    id: int
    account_id: int | None
    user_id: int | None
    zuid: str
    email: str
    integration: str
    is_enabled: bool | None
    health: str
    """`connection_health_status` as it stands."""
    problem_at: datetime | None
    problem: str
    leads: int | None
    last_agent_sync_at: datetime | None
    last_verified_at: datetime | None
    created_at: datetime | None

    @property
    def state(self) -> str:
        """healthy, warning, error, disabled, or what the row says where that is none of them; `UNCLEAR` for nothing."""
        if not self.integration:
            return "disabled"
        if self.problem_at is not None:
            return "error"
        return self.health or UNCLEAR


@dataclass(slots=True, frozen=True)
class RecordBatch(Generic[Record]):
    """A part of a table, in order."""

    records: tuple[Record, ...]
    evidence: Evidence
    truncated: bool
    """There are further rows after the last one."""


def read_auth(context: Context, account_id: int, *, after: int | None, limit: int) -> RecordBatch[AuthRecord]:
    """Credentials of the account's users after user `after`, in order of users. Raises SourceFailure."""
    return _auth(context, _of_account(account_id, after), limit)


def read_sync(context: Context, account_id: int, *, after: int | None, limit: int) -> RecordBatch[SyncRecord]:
    """Connections of the account's users after user `after`, in order of users. Raises SourceFailure."""
    return _sync(context, _of_account(account_id, after), limit)


def auth_of(context: Context, account_id: int, users: Sequence[int]) -> RecordBatch[AuthRecord]:
    """Credentials of these users of the account, at most `ONCE` users."""
    return _auth(context, _of_users(account_id, users), 10 * ONCE)


def sync_of(context: Context, account_id: int, users: Sequence[int]) -> RecordBatch[SyncRecord]:
    """Connections of these users of the account, at most `ONCE` users."""
    return _sync(context, _of_users(account_id, users), 10 * ONCE)


def sync_by_id(context: Context, ids: Iterable[int]) -> dict[int, SyncRecord]:
    """The connections with these ids, whoever holds them: what credentials link to, which may be anybody's."""
    found: dict[int, SyncRecord] = {}
    for part in parts(sorted(set(ids))):
        batch = _sync(context, lambda table, part=part: table.c.id.in_(part), ONCE)  # type: ignore[misc]  # a bound default
        found.update({record.id: record for record in batch.records})
    return found


def rows_without_user(context: Context, table: str, account_id: int, most: int = 100) -> tuple[int, Evidence]:
    """How many rows of the account name no user, counted up to `most` + 1."""
    asked = context.table(table)
    statement = (
        select(asked.c.id.label("id"))
        .where(asked.c.account_id == account_id, asked.c.user_id.is_(None))
        .limit(most + 1)
    )
    rows = context.common(f"{table} without user {account_id}", statement)
    return len(rows.rows), rows.evidence


def parts(ids: Sequence[int], most: int = ONCE) -> Iterable[Sequence[int]]:
    """`ids` in pieces that one statement may carry."""
    return (ids[start : start + most] for start in range(0, len(ids), most))


def with_welcome(ask: Callable[[tuple[str, ...]], Rows], welcome: tuple[str, ...]) -> Rows:
    """Ask with the columns that are welcome; where the database lacks one of them, without them all."""
    try:
        return ask(welcome)
    except SourceFailure as failure:
        if failure.kind is not FailureKind.NOT_MAPPED or not welcome:
            raise
        return ask(())


def _of_account(account_id: int, after: int | None) -> Condition:
    def condition(table: Table) -> ColumnElement[bool]:
        later = table.c.user_id.is_not(None) if after is None else table.c.user_id > after
        return (table.c.account_id == account_id) & later

    return condition


def _of_users(account_id: int, users: Sequence[int]) -> Condition:
    return lambda table: (table.c.account_id == account_id) & table.c.user_id.in_(list(users))


def _auth(context: Context, condition: Condition, limit: int) -> RecordBatch[AuthRecord]:
    table = context.table("zillow_auth")
    held = case((table.c.encrypted_refresh_token.is_not(None), 1), else_=0).label("held")
    statement: Select[Any] = (
        select(*(table.c[name].label(name) for name in _AUTH), held)
        .where(condition(table))
        .order_by(table.c.user_id, table.c.id)
        .limit(limit + 1)
    )
    rows = context.read_common(statement)
    return RecordBatch(tuple(map(_auth_record, rows.rows[:limit])), _shown(rows, limit), len(rows.rows) > limit)


def _sync(context: Context, condition: Condition, limit: int) -> RecordBatch[SyncRecord]:
    table = context.table("zillow_sync_users")

    def ask(welcome: tuple[str, ...]) -> Rows:
        names = (*SYNC_COLUMNS, *(name for name in welcome if name in table.c))
        statement: Select[Any] = (
            select(*(table.c[name].label(name) for name in names))
            .where(condition(table))
            .order_by(table.c.user_id, table.c.id)
            .limit(limit + 1)
        )
        return context.read_common(statement)

    rows = with_welcome(ask, SYNC_WELCOME)
    return RecordBatch(tuple(map(sync_record, rows.rows[:limit])), _shown(rows, limit), len(rows.rows) > limit)


def _shown(rows: Rows, limit: int) -> Evidence:
    return rows.evidence.model_copy(update={"rows": min(limit, len(rows.rows))})


def _auth_record(row: dict[str, object]) -> AuthRecord:
    return AuthRecord(
        id=whole(row["id"]) or 0,
        user_id=whole(row["user_id"]),
        zuid=words(row["zuid"]),
        has_token=bool(row["held"]),
        expires_at=moment(row, "expires_at"),
        link=whole(row["zillow_sync_user_id"]),
        created_at=moment(row, "created_at"),
        updated_at=moment(row, "updated_at"),
    )


def sync_record(row: dict[str, object]) -> SyncRecord:
    """A row of zillow_sync_users by the console's names; columns that were not read are empty."""
    return SyncRecord(
        id=whole(row["id"]) or 0,
        account_id=whole(row["account_id"]),
        user_id=whole(row["user_id"]),
        zuid=words(row["zuid"]),
        email=words(row.get("zillow_email")),
        integration=words(row["zillow_integration_id"]),
        is_enabled=switch(row["zillow_integration_enabled"]),
        health=words(row["connection_health_status"]),
        problem_at=moment(row, "problem_at"),
        problem=words(row["problem_msg"]),
        leads=whole(row.get("lead_count")),
        last_agent_sync_at=moment(row, "last_agent_sync_at"),
        last_verified_at=moment(row, "last_verified_at"),
        created_at=moment(row, "created_at"),
    )


def whole(value: object) -> int | None:
    """A whole number from a cell; None where the cell holds none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    text = str(value)
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20 else None


def words(value: object) -> str:
    """Text from a cell, without blanks around it; empty for NULL."""
    return "" if value is None else str(value).strip()
