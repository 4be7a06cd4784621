"""Agents & resolution: `zillow_agents` in order of ids, each beside the token of its user.

The client database says how an agent was resolved, `common` whether its user holds a valid token. The two are asked
one after the other, with the ids of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from diagnostics.accounts.keys import MOST_LOOKED_AT, as_pair, number_key, pair_key, rows_of
from diagnostics.checks.base import moment
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import plural
from diagnostics.models.accounts import AgentRow
from diagnostics.models.figures import Page
from diagnostics.oauth.client_side import (
    INFERRED,
    RETIRED,
    UNMATCHED,
    has_client_database,
    method_name,
    no_client_database,
)
from diagnostics.oauth.records import ONCE, auth_of, read_auth, whole, with_welcome, words

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select, Table

    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

_NEEDED = ("id", "account_id", "user_id", "resolution_method", "updated_at")
_WELCOME = ("name", "email")

AgentRecord = dict[str, object]


def agents_page(
    context: Context, account_id: int, after: str | None, limit: int, *, only_wrong: bool
) -> Page[AgentRow]:
    """One page. Raises AccountUnknown, UserError, and SourceFailure where the client database does not answer."""
    rows = rows_of(limit)
    if not has_client_database(context, account_id):
        raise no_client_database(account_id)
    if only_wrong:
        return _wrong_ones(context, account_id, after, rows)
    start = number_key(after)

    def shape(table: Table, statement: Select[Any]) -> Select[Any]:
        later = statement if start is None else statement.where(table.c.id > start)
        return later.order_by(table.c.id).limit(rows + 1)

    found = _read(context, account_id, shape)
    kept = found.rows[:rows]
    evidence: list[Evidence] = [found.evidence.model_copy(update={"rows": len(kept)})]
    valid, held, failure = _tokens(context, account_id, kept, evidence)
    teams, no_teams = _teams(context, account_id, kept, evidence)
    shown = tuple(_agent(row, valid, held, teams) for row in kept)
    more = len(found.rows) > rows
    notes = (*_notes(shown, kept, account_id, context), *_failures(failure, no_teams))
    return Page(rows=shown, after=str(shown[-1].agent_id) if more else None, evidence=tuple(evidence), notes=notes)


def _wrong_ones(context: Context, account_id: int, after: str | None, limit: int) -> Page[AgentRow]:
    """Users with a valid token in order, and of their agents those that are INFERRED or UNMATCHED: few, by index."""
    key = pair_key(after)
    now = context.now()
    # The user of the last agent is read again: there may be further agents of the same user.
    user = None if key is None or key[0] is None else key[0] - 1
    past = (0, 0) if key is None else (key[0] or 0, key[1])
    kept: list[AgentRecord] = []
    evidence: list[Evidence] = []
    looked, users_after = 0, user
    while True:
        batch = read_auth(context, account_id, after=users_after, limit=ONCE)
        evidence.append(batch.evidence)
        users = sorted({one.user_id for one in batch.records if one.user_id is not None})
        users_after = _go_on_after(users) if batch.truncated else None
        valid = sorted(
            {
                one.user_id
                for one in batch.records
                if one.user_id is not None and one.is_valid(now) and (users_after is None or one.user_id <= users_after)
            }
        )
        looked += len(users)
        if valid:
            found = _read(context, account_id, _unresolved(valid, limit + ONCE))
            evidence.append(found.evidence)
            fresh = [row for row in found.rows if (whole(row["user_id"]) or 0, whole(row["id"]) or 0) > past]
            kept += fresh
        if users_after is None or len(kept) > limit or looked >= MOST_LOOKED_AT:
            break
    cut = kept[:limit]
    teams, no_teams = _teams(context, account_id, cut, evidence)
    holders = frozenset(user for row in cut if (user := whole(row["user_id"])) is not None)
    shown = tuple(_agent(row, holders, holders, teams) for row in cut)
    following = None
    if len(kept) > limit:
        following = as_pair(shown[-1].user_id, shown[-1].agent_id)
    elif users_after is not None:
        following = as_pair(users_after + 1, 0)
    notes = [*_notes(shown, cut, account_id, context), *_failures(None, no_teams)]
    if following is not None and len(shown) < limit:
        notes.append(f"{plural(looked, 'credential')} were looked at; there are more: go on for the next ones.")
    return Page(rows=shown, after=following, evidence=tuple(evidence), notes=tuple(notes))


def _go_on_after(users: Sequence[int]) -> int | None:
    """The last user whose credentials were surely all read: the list was cut among those of the last one."""
    return None if not users else users[-1] if len(users) == 1 else users[-2]


def _unresolved(users: Sequence[int], most: int) -> Any:  # noqa: ANN401  # the shape of a statement
    def shape(table: Table, statement: Select[Any]) -> Select[Any]:
        return (
            statement.where(table.c.user_id.in_(list(users)), table.c.resolution_method.in_((INFERRED, UNMATCHED)))
            .order_by(table.c.user_id, table.c.id)
            .limit(most)
        )

    return shape


def _read(context: Context, account_id: int, shape: Any) -> Rows:  # noqa: ANN401  # the shape of a statement
    table = context.table("zillow_agents")
    held = table.c.encrypted_zuid.is_not(None).label("has_zuid")

    def ask(welcome: tuple[str, ...]) -> Rows:
        names = (*_NEEDED, *(name for name in welcome if name in table.c))
        statement = select(*(table.c[name].label(name) for name in names), held)
        return context.read_client(account_id, shape(table, statement))

    return with_welcome(ask, _WELCOME)


def _tokens(
    context: Context, account_id: int, rows: Sequence[AgentRecord], evidence: list[Evidence]
) -> tuple[frozenset[int] | None, frozenset[int] | None, SourceFailure | None]:
    """The page's users that hold a valid token, and that hold one at all; None where `common` did not answer."""
    users = sorted({user for row in rows if (user := whole(row["user_id"])) is not None})
    if not users:
        return frozenset(), frozenset(), None
    try:
        batch = auth_of(context, account_id, users)
    except SourceFailure as failure:
        return None, None, failure
    evidence.append(batch.evidence)
    now: datetime = context.now()
    valid = frozenset(one.user_id for one in batch.records if one.user_id is not None and one.is_valid(now))
    held = frozenset(one.user_id for one in batch.records if one.user_id is not None and one.has_token)
    return valid, held, None


def _teams(
    context: Context, account_id: int, rows: Sequence[AgentRecord], evidence: list[Evidence]
) -> tuple[dict[int, int] | None, SourceFailure | None]:
    """How many teams each agent of the page is in; None where the table cannot be read."""
    agents = sorted({agent for row in rows if (agent := whole(row["id"])) is not None})
    if not agents:
        return {}, None
    table = context.table("zillow_agent_teams")
    statement = (
        select(table.c.agent_id.label("agent_id"), func.count().label("teams"))
        .where(table.c.agent_id.in_(agents))
        .group_by(table.c.agent_id)
    )
    try:
        found = context.read_client(account_id, statement)
    except SourceFailure as failure:
        return None, failure
    evidence.append(found.evidence)
    return {whole(row["agent_id"]) or 0: whole(row["teams"]) or 0 for row in found.rows}, None


def _agent(
    row: AgentRecord, valid: frozenset[int] | None, held: frozenset[int] | None, teams: dict[int, int] | None
) -> AgentRow:
    agent_id, user_id, method = whole(row["id"]) or 0, whole(row["user_id"]), whole(row["resolution_method"])
    has_token = None if held is None else user_id in held
    return AgentRow(
        agent_id=agent_id,
        user_id=user_id,
        name=words(row.get("name")),
        email=words(row.get("email")),
        method=method,
        method_name=method_name(method),
        has_zuid=bool(row["has_zuid"]),
        has_token=has_token,
        is_wrong=valid is not None and user_id in valid and method in (INFERRED, UNMATCHED),
        teams=None if teams is None else teams.get(agent_id, 0),
        updated_at=moment(row, "updated_at"),
    )


def _notes(shown: Sequence[AgentRow], rows: Sequence[AgentRecord], account_id: int, context: Context) -> Iterator[str]:
    retired = sum(agent.method == RETIRED for agent in shown)
    if retired:
        yield f"{plural(retired, 'agent')} with the retired method 2 on this page: in no share of the distribution."
    unknown = sum(agent.method_name.startswith("unknown") for agent in shown)
    if unknown:
        yield f"{plural(unknown, 'agent')} on this page with no known method: in no share."
    foreign = sum(whole(row["account_id"]) not in {None, account_id} for row in rows)
    if foreign:
        yield f"{plural(foreign, 'agent')} on this page carry the number of another account."
    skew = context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0
    now = context.now()
    future = sum(agent.updated_at is not None and (agent.updated_at - now).total_seconds() > skew for agent in shown)
    if future:
        yield f"{plural(future, 'agent')} on this page are dated in the future: a clock disagrees."


def _failures(tokens: SourceFailure | None, teams: SourceFailure | None) -> Iterator[str]:
    if tokens is not None:
        yield f"{tokens.headline()}: {tokens.reason}. Who holds a token is not known; no agent is called wrong."
    if teams is not None:
        yield f"Teams are not known: {teams.headline()}."
