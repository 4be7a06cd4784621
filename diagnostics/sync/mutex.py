"""The mutex gate: is another sync of the same user running right now? Source: Redis, where one is configured."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, select

from diagnostics.checks.base import plural, sentence
from diagnostics.core.failures import SourceFailure
from diagnostics.models.deals import Gate
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.sources.mutexes import MUTEX_S, MutexState, mutex_key
from diagnostics.sync.deals import Asking
from diagnostics.sync.gates import TITLES

MOST_MUTEXES = 20
"""Mutexes asked for one deal."""


def mutex_gate(asking: Asking, users: Sequence[int]) -> Gate:
    """The mutexes of the sync users behind the deal's agents. Raises nothing: a failure is a state of the gate."""
    mutexes = asking.context.mutexes
    if not mutexes.is_configured:
        return _gate(Status.NO_DATA, "not configured: redis.url says where the sync workers keep their mutexes")
    try:
        sync_users, basis, asked = _sync_users(asking, users)
    except SourceFailure as failure:
        return _gate(Status.UNREACHABLE, f"which mutexes to look at is not known ({failure.headline()})")
    if not sync_users:
        return _gate(Status.NO_DATA, "no sync connection, so there is no mutex to look at", asked)
    try:
        states = [(user, mutexes.held(mutex_key(user))) for user in sync_users]
    except SourceFailure as failure:
        return _gate(Status.UNREACHABLE, f"{failure.headline()}: {failure.reason}", asked)
    return _judged(states, basis, asked)


def _judged(states: list[tuple[int, MutexState]], basis: str, asked: tuple[Evidence, ...]) -> Gate:
    held = [(user, state) for user, state in states if state.held]
    evidence = (*(state.evidence for _, state in held or states), *asked)
    if not held:
        return _gate(Status.PASS, f"none of {plural(len(states), 'mutex', 'mutexes')} held ({basis})", evidence)
    return _gate(Status.WARN, "; ".join(_words(user, state) for user, state in held), evidence)


def _words(user: int, state: MutexState) -> str:
    key = mutex_key(user)
    if state.left_s is None:
        return f"{key} is held without an end: no sync of this user runs until somebody removes it"
    if state.left_s > MUTEX_S:
        return f"{key} is held for {state.left_s:.0f} s more, longer than the {MUTEX_S:.0f} s a worker may hold it"
    return f"{key} is held for {state.left_s:.0f} s more: a sync of this user is running, or has just ended badly"


def _sync_users(asking: Asking, users: Sequence[int]) -> tuple[tuple[int, ...], str, tuple[Evidence, ...]]:
    """Ids of the sync connections of the deal's agents; where they have none, of the account's active ones."""
    table = asking.context.table("zillow_sync_users")
    statement = select(table.c.id.label("id")).order_by(table.c.id).limit(MOST_MUTEXES)
    of_account = table.c.account_id == asking.account_id
    asked: tuple[Evidence, ...] = ()
    if users:
        known = tuple(users[:500])
        answer = asking.common(f"sync users {known}", statement.where(and_(of_account, table.c.user_id.in_(known))))
        asked = (answer.evidence,)
        if answer.rows:
            return _ids(answer.rows), "of the deal's agents", asked
    active = and_(of_account, table.c.zillow_integration_enabled.is_(True), table.c.zillow_integration_id.is_not(None))
    answer = asking.common("active sync users", statement.where(active))
    return _ids(answer.rows), "of the account; the deal's agents have no connection", (*asked, answer.evidence)


def _ids(rows: Sequence[dict[str, object]]) -> tuple[int, ...]:
    return tuple(user for row in rows if isinstance(user := row["id"], int))


def _gate(status: Status, summary: str, evidence: tuple[Evidence, ...] = ()) -> Gate:
    shown = sentence(summary[:1].upper() + summary[1:]) if not summary.startswith("zillow-") else sentence(summary)
    return Gate(id="mutex", title=TITLES["mutex"], status=status, summary=shown, evidence=evidence)
