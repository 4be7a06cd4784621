"""Rows of the client database for users whose credentials are in `common`. Asked by ids, never joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.oauth.records import parts, whole, with_welcome, words

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

CONNECTED, RETIRED, INFERRED, UNMATCHED = 1, 2, 3, 4
METHODS = {CONNECTED: "CONNECTED", RETIRED: "retired 2", INFERRED: "INFERRED", UNMATCHED: "UNMATCHED"}

_WELCOME = ("email", "status")


def method_name(method: int | None) -> str:
    """CONNECTED, INFERRED, UNMATCHED, retired 2, or unknown N."""
    return "unknown NULL" if method is None else METHODS.get(method, f"unknown {method}")


@dataclass(slots=True, frozen=True)
class ClientUser:
    """One row of a client database's users."""

    id: int
    account_id: int | None
    name: str
    email: str
    status: str


@dataclass(slots=True, frozen=True)
class ClientUsers:
    """Rows of users, by id."""

    by_id: dict[int, ClientUser]
    evidence: Evidence
    truncated: bool = False


def has_client_database(context: Context, account_id: int) -> bool:
    """False for an account whose row names no client database. Raises AccountUnknown, SourceFailure."""
    return bool(context.databases.account(account_id).db_database)


def no_client_database(account_id: int) -> SourceFailure:
    """Said in place of a connection that cannot even be tried."""
    return SourceFailure(
        FailureKind.NOT_CONFIGURED,
        f"client {account_id}",
        "common.accounts names no client database for this account",
        remedy="Find out whether the account was ever provisioned; its users, agents and deals cannot be read.",
    )


def users_by_id(context: Context, account_id: int, ids: Sequence[int]) -> ClientUsers:
    """The users with these ids; at most `records.ONCE`. Raises SourceFailure."""

    def ask(welcome: tuple[str, ...]) -> Rows:
        table = context.table("users")
        names = ("id", "account_id", "name", *(name for name in welcome if name in table.c))
        statement = select(*(table.c[name].label(name) for name in names)).where(table.c.id.in_(list(ids)))
        return context.read_client(account_id, statement)

    return _users(context, account_id, lambda: with_welcome(ask, _WELCOME))


def users_after(context: Context, account_id: int, *, after: int | None, limit: int) -> ClientUsers:
    """The next `limit` users by id. Raises SourceFailure."""

    def ask(welcome: tuple[str, ...]) -> Rows:
        table = context.table("users")
        names = ("id", "account_id", "name", *(name for name in welcome if name in table.c))
        statement = select(*(table.c[name].label(name) for name in names)).order_by(table.c.id).limit(limit + 1)
        if after is not None:
            statement = statement.where(table.c.id > after)
        return context.read_client(account_id, statement)

    found = _users(context, account_id, lambda: with_welcome(ask, _WELCOME))
    if len(found.by_id) <= limit:
        return found
    kept = dict(list(found.by_id.items())[:limit])
    return ClientUsers(kept, found.evidence.model_copy(update={"rows": limit}), truncated=True)


def methods_of(
    context: Context, account_id: int, ids: Sequence[int]
) -> tuple[dict[int, set[int | None]], Evidence | None]:
    """The resolution methods of these users' agents: user id to methods. Raises SourceFailure."""
    if not has_client_database(context, account_id):
        raise no_client_database(account_id)
    table = context.table("zillow_agents")
    found: dict[int, set[int | None]] = {}
    evidence = None
    for part in parts(ids):
        statement = select(table.c.user_id.label("user_id"), table.c.resolution_method.label("method")).where(
            table.c.user_id.in_(list(part))
        )
        rows = context.read_client(account_id, statement)
        evidence = evidence or rows.evidence
        for row in rows.rows:
            user = whole(row["user_id"])
            if user is not None:
                found.setdefault(user, set()).add(whole(row["method"]))
    return found, evidence


def _users(context: Context, account_id: int, ask: Callable[[], Rows]) -> ClientUsers:
    if not has_client_database(context, account_id):
        raise no_client_database(account_id)
    rows = ask()
    found = {}
    for row in rows.rows:
        user_id = whole(row["id"])
        if user_id is not None:
            found[user_id] = ClientUser(
                id=user_id,
                account_id=whole(row["account_id"]),
                name=words(row["name"]),
                email=words(row.get("email")),
                status=words(row.get("status")),
            )
    return ClientUsers(found, rows.evidence)
