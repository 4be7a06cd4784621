"""Sync connections of an account, in order of users. Source: common.zillow_sync_users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from diagnostics.accounts.keys import MOST_LOOKED_AT, MOST_ROWS, as_pair, pair_key, rows_of
from diagnostics.core.words import plural
from diagnostics.models.accounts import ConnectionRow
from diagnostics.models.figures import Page
from diagnostics.oauth.records import (
    SYNC_COLUMNS,
    SYNC_WELCOME,
    SyncRecord,
    auth_of,
    parts,
    sync_record,
    with_welcome,
)
from diagnostics.oauth.verdicts import Rules, sync_migration

if TYPE_CHECKING:
    from sqlalchemy import Select

    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

_KNOWN_STATES = frozenset({"healthy", "warning", "error", "disabled"})

Key = tuple[int | None, int] | None


def connections_page(
    context: Context, account_id: int, after: str | None, limit: int, *, only_wrong: bool
) -> Page[ConnectionRow]:
    """One page. Raises AccountUnknown, UserError, SourceFailure."""
    key, rows = pair_key(after), rows_of(limit)
    context.databases.account(account_id)
    rules = Rules(context.catalogue, context.now())
    kept: list[SyncRecord] = []
    evidence: list[Evidence] = []
    looked = 0
    while True:
        step, more, asked = _read(context, account_id, key, MOST_ROWS if only_wrong else rows)
        evidence.append(asked)
        looked += len(step)
        room = rows - len(kept)
        fitting = [one for one in step if not only_wrong or is_wrong(one)]
        kept += fitting[:room]
        if len(fitting) > room:
            key = (kept[-1].user_id, kept[-1].id)
            break
        key = (step[-1].user_id, step[-1].id) if more else None
        if key is None or len(kept) >= rows or not only_wrong or looked >= MOST_LOOKED_AT:
            break
    moved = _with_credentials(context, account_id, kept, evidence)
    shown = tuple(_connection(one, rules, moved) for one in kept)
    notes = list(_notes(kept, rules))
    if key is not None and len(shown) < rows:
        notes.append(f"{plural(looked, 'connection')} were looked at; there are more: go on for the next ones.")
    following = None if key is None else as_pair(*key)
    return Page(rows=shown, after=following, evidence=tuple(evidence), notes=tuple(notes))


def is_wrong(one: SyncRecord) -> bool:
    """It has an integration and a problem, a state other than healthy, or was switched off."""
    if not one.integration:
        return bool(one.problem or one.problem_at)
    return one.state != "healthy" or one.is_enabled is not True


def _read(context: Context, account_id: int, key: Key, limit: int) -> tuple[tuple[SyncRecord, ...], bool, Evidence]:
    table = context.table("zillow_sync_users")

    def ask(welcome: tuple[str, ...]) -> Rows:
        names = (*SYNC_COLUMNS, *(name for name in welcome if name in table.c))
        statement: Select[Any] = select(*(table.c[name].label(name) for name in names)).where(
            table.c.account_id == account_id
        )
        if key is not None:
            user, row = key
            # NULL comes first in either database's order.
            statement = (
                statement.where(or_(and_(table.c.user_id.is_(None), table.c.id > row), table.c.user_id.is_not(None)))
                if user is None
                else statement.where(
                    table.c.user_id >= user,
                    or_(table.c.user_id > user, and_(table.c.user_id == user, table.c.id > row)),
                )
            )
        return context.read_common(statement.order_by(table.c.user_id, table.c.id).limit(limit + 1))

    found = with_welcome(ask, SYNC_WELCOME)
    records = tuple(map(sync_record, found.rows[:limit]))
    return records, len(found.rows) > limit, found.evidence.model_copy(update={"rows": len(records)})


def _with_credentials(
    context: Context, account_id: int, rows: Sequence[SyncRecord], evidence: list[Evidence]
) -> frozenset[int]:
    users = sorted({one.user_id for one in rows if one.user_id is not None})
    found: set[int] = set()
    for part in parts(users):
        batch = auth_of(context, account_id, part)
        evidence.append(batch.evidence)
        found.update(one.user_id for one in batch.records if one.user_id is not None)
    return frozenset(found)


def _connection(one: SyncRecord, rules: Rules, moved: frozenset[int]) -> ConnectionRow:
    return ConnectionRow(
        sync_user_id=one.id,
        user_id=one.user_id,
        zuid=one.zuid,
        email=one.email,
        integration=one.integration,
        is_enabled=one.is_enabled,
        state=one.state,
        problem_at=one.problem_at,
        problem=one.problem,
        leads=one.leads,
        last_agent_sync_at=one.last_agent_sync_at,
        last_verified_at=one.last_verified_at,
        migration="" if one.user_id in moved else sync_migration(one, rules),
    )


def _notes(rows: Sequence[SyncRecord], rules: Rules) -> Iterator[str]:
    nobody = sum(one.user_id is None for one in rows)
    if nobody:
        yield f"{plural(nobody, 'connection')} on this page without a user: they count here, and for no user."
    nulls = sum(not one.zuid for one in rows)
    if nulls:
        yield f"{plural(nulls, 'connection')} on this page without a ZUID (NULL)."
    against = sum(
        bool(one.integration)
        and (
            (one.problem_at is not None and one.health == "healthy")
            or (one.problem_at is None and one.health == "error")
        )
        for one in rows
    )
    if against:
        yield (
            f"{plural(against, 'connection')} on this page contradict themselves: connection_health_status and "
            "problem_at disagree; a problem_at counts as error."
        )
    other = sum(one.state not in _KNOWN_STATES for one in rows)
    if other:
        yield f"{plural(other, 'connection')} on this page in an unknown state: in no count of states."
    future = sum(
        any(map(rules.is_in_future, (one.problem_at, one.last_verified_at, one.last_agent_sync_at))) for one in rows
    )
    if future:
        yield f"{plural(future, 'connection')} on this page dated in the future: a clock disagrees, and ages are wrong."
