"""Users & OAuth: each user of the account with credentials and connection side by side, in order of ids.

Three lists that are each in order are merged: the client database's users, and the two tables of `common`. A page reads
as many rows of each as it shows, so the size of the account does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from diagnostics.accounts.keys import MOST_LOOKED_AT, number_key, rows_of
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import form, plural
from diagnostics.models.accounts import UserRow
from diagnostics.models.figures import Page
from diagnostics.oauth.client_side import ClientUser, ClientUsers, users_after, users_by_id
from diagnostics.oauth.records import ONCE, read_auth, read_sync, rows_without_user
from diagnostics.oauth.users import NONE, UserRecords, gather, ordered_users, walk_users, with_links
from diagnostics.oauth.verdicts import CODES, Rules, judge, zuid_agreement

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence


def users_page(context: Context, account_id: int, after: str | None, limit: int, *, only_wrong: bool) -> Page[UserRow]:
    """One page. Raises AccountUnknown, UserError, and SourceFailure where `common` does not answer."""
    start, rows = number_key(after), rows_of(limit)
    context.databases.account(account_id)
    rules = Rules(context.catalogue, context.now())
    if only_wrong:
        return _wrong_ones(context, account_id, start, rows, rules)
    client, failure = _client_after(context, account_id, start, rows)
    # One more than is shown: the last user of a list that was cut may have further rows, and is left for the next page.
    auths = read_auth(context, account_id, after=start, limit=rows + 1)
    syncs = read_sync(context, account_id, after=start, limit=rows + 1)
    also = () if client is None else tuple(client.by_id)
    users = ordered_users((auths, syncs), rows, also, more=client is not None and client.truncated)
    records = with_links(context, gather(account_id, users.ids, auths.records, syncs.records))
    shown = [_row(user, _known(client, user.user_id), rules, is_read=client is not None) for user in records]
    evidence = (auths.evidence, syncs.evidence, *((client.evidence,) if client else ()))
    notes = (
        *_client_notes(failure),
        *_notes(shown, records, rules, None if client is None else client.by_id),
        *_crowd_notes(users.crowded),
        *(_nobody(context, account_id) if start is None else ()),
    )
    return Page(rows=tuple(shown), after=_key(users.after), evidence=evidence, notes=notes)


def _wrong_ones(context: Context, account_id: int, start: int | None, limit: int, rules: Rules) -> Page[UserRow]:
    """A user without any row is never wrong, so only those of `common` are looked at, a bounded number a call."""
    kept: list[UserRow] = []
    records: list[UserRecords] = []
    evidence: list[Evidence] = []
    failure: SourceFailure | None = None
    clients: dict[int, ClientUser] | None = {}
    after, looked, crowded = start, 0, set[int]()
    while True:
        step = walk_users(context, account_id, after=after, limit=ONCE)
        evidence += step.evidence
        crowded.update(step.crowded)
        if clients is not None:
            found, failure = _client_of(context, account_id, [user.user_id for user in step.users])
            clients = None if found is None else clients | found.by_id
            evidence += () if found is None else (found.evidence,)
        looked += len(step.users)
        after = step.after
        for place, user in enumerate(step.users):
            row = _row(user, (clients or {}).get(user.user_id), rules, is_read=clients is not None)
            if not row.is_wrong:
                continue
            kept.append(row)
            records.append(user)
            if len(kept) == limit and (place + 1 < len(step.users) or step.after is not None):
                after = user.user_id
                break
        if after is None or len(kept) >= limit or looked >= MOST_LOOKED_AT:
            break
    notes = [*_client_notes(failure), *_notes(kept, records, rules, clients), *_crowd_notes(tuple(sorted(crowded)))]
    if after is not None and len(kept) < limit:
        notes.append(f"{plural(looked, 'user')} with records were looked at; there are more: go on for the next ones.")
    return Page(rows=tuple(kept), after=_key(after), evidence=tuple(evidence), notes=tuple(notes))


def _row(user: UserRecords, client: ClientUser | None, rules: Rules, *, is_read: bool) -> UserRow:
    auth, sync = user.auth, user.sync
    verdict = judge(user, rules)
    words, is_wrong = verdict.words, verdict.is_wrong
    if is_read and client is None:
        words = f"{CODES['orphan'].words}; {words}" if is_wrong else CODES["orphan"].words
        is_wrong = True
    return UserRow(
        user_id=user.user_id,
        name=client.name if client else "",
        email=(client.email if client else "") or (sync.email if sync else ""),
        is_in_client=client is not None if is_read else None,
        pattern=user.pattern,
        has_token=None if auth is None else auth.has_token,
        expires_at=auth.expires_at if auth else None,
        token_updated_at=auth.updated_at if auth else None,
        auth_zuid=auth.zuid if auth else "",
        sync_zuid=sync.zuid if sync else "",
        auth_id=auth.id if auth else None,
        sync_user_id=sync.id if sync else None,
        is_enabled=sync.is_enabled if sync else None,
        connection=sync.state if sync else NONE,
        problem_at=sync.problem_at if sync else None,
        problem=sync.problem if sync else "",
        verdict=words,
        is_wrong=is_wrong,
    )


def _notes(
    rows: Sequence[UserRow], records: Sequence[UserRecords], rules: Rules, clients: dict[int, ClientUser] | None
) -> Iterator[str]:
    orphans = [row.user_id for row in rows if row.is_in_client is False]
    if orphans:
        yield f"Credentials or connections of users that are not in the client database: {_named(orphans)}."
    if clients is not None:
        foreign = [one.id for one in clients.values() if records and one.account_id not in {None, _account(records)}]
        if foreign:
            yield f"In this client database with the number of another account: {_named(foreign)}."
    for text, holds in _REMARKS:
        users = [user.user_id for user in records if holds(user, rules)]
        if users:
            yield f"{text}: {_named(users)}."


def _is_future(user: UserRecords, rules: Rules) -> bool:
    moments = [*(one.updated_at for one in user.auths), *(one.problem_at for one in user.syncs)]
    return any(map(rules.is_in_future, moments))


_REMARKS: tuple[tuple[str, Callable[[UserRecords, Rules], bool]], ...] = (
    (
        "Compared by their digits, where they have any: ZUIDs of both types",
        lambda user, _: bool(zuid_agreement(user)[1]),
    ),
    (
        "Agreement cannot be told where a row's ZUID is NULL",
        lambda user, _: "" in {*(one.zuid for one in user.auths), *(one.zuid for one in user.syncs)},
    ),
    (
        "Several credentials or connections, of which the one that counts is shown",
        lambda user, _: len(user.auths) > 1 or len(user.syncs) > 1,
    ),
    ("Ages are wrong where a clock disagrees: rows dated in the future", _is_future),
)
"""Bad rows and their effect; the users are named after it."""


def _account(records: Sequence[UserRecords]) -> int | None:
    return records[0].account_id if records else None


def _crowd_notes(crowded: Sequence[int]) -> Iterator[str]:
    if crowded:
        yield f"More rows than one page reads, of which only the first were judged: {_named(crowded)}."


def _client_notes(failure: SourceFailure | None) -> Iterator[str]:
    if failure is not None:
        yield (
            f"{failure.headline()}: {failure.reason}. Names are missing, users without credentials are not listed, and "
            "whether a user still exists is not known."
        )


def _nobody(context: Context, account_id: int) -> Iterator[str]:
    for table in ("zillow_auth", "zillow_sync_users"):
        most = 100
        count, _ = rows_without_user(context, table, account_id, most)
        if count:
            told = f"More than {most} rows" if count > most else plural(count, "row")
            yield f"{told} of {table} without a user: in no row here, and in no count of users."


def _client_after(
    context: Context, account_id: int, after: int | None, limit: int
) -> tuple[ClientUsers | None, SourceFailure | None]:
    try:
        return users_after(context, account_id, after=after, limit=limit), None
    except SourceFailure as failure:
        return None, failure


def _client_of(
    context: Context, account_id: int, ids: Sequence[int]
) -> tuple[ClientUsers | None, SourceFailure | None]:
    try:
        return users_by_id(context, account_id, ids), None
    except SourceFailure as failure:
        return None, failure


def _known(client: ClientUsers | None, user_id: int) -> ClientUser | None:
    return None if client is None else client.by_id.get(user_id)


def _key(after: int | None) -> str | None:
    return None if after is None else str(after)


def _named(users: Sequence[int], most: int = 5) -> str:
    """`user 7`, `users 7, 8`, `users 7, 8, 9, 10, 11 and 12 more`."""
    shown = ", ".join(str(user) for user in users[:most])
    more = f" and {len(users) - most:,} more" if len(users) > most else ""
    return f"{form(len(users), 'user')} {shown}{more}"
