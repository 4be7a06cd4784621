"""Credentials and connections of one user, side by side, and walks over all users of an account in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostics.oauth.records import (
    AuthRecord,
    RecordBatch,
    SyncRecord,
    auth_of,
    read_auth,
    read_sync,
    sync_by_id,
    sync_of,
)

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence

BOTH, AUTH_ONLY, SYNC_ONLY, NONE = "both", "auth only", "sync only", "none"
PATTERNS = (BOTH, AUTH_ONLY, SYNC_ONLY, NONE)

LINK_SET, LINK_UNSET, LINK_DANGLING, LINK_ELSEWHERE = "set", "not set", "dangling", "elsewhere"


@dataclass(slots=True, frozen=True)
class UserRecords:
    """Rows of `common` about one user of one account."""

    account_id: int
    user_id: int
    auths: tuple[AuthRecord, ...] = ()
    syncs: tuple[SyncRecord, ...] = ()
    linked: SyncRecord | None = None
    """The connection that the credentials link to, whoever holds it; None where there is none."""

    @property
    def pattern(self) -> str:
        """both, auth only, sync only, none."""
        if self.auths:
            return BOTH if self.syncs else AUTH_ONLY
        return SYNC_ONLY if self.syncs else NONE

    @property
    def auth(self) -> AuthRecord | None:
        """The credentials that count: with a token before without, then the one that expires last."""
        return max(
            self.auths,
            key=lambda one: (one.has_token, one.expires_at.timestamp() if one.expires_at else 0.0, one.id),
            default=None,
        )

    @property
    def sync(self) -> SyncRecord | None:
        """The connection that counts: the linked one, then one with an integration id, then the newest."""
        auth = self.auth
        link = None if auth is None else auth.link
        return max(self.syncs, key=lambda one: (one.id == link, bool(one.integration), one.id), default=None)

    @property
    def link(self) -> str:
        """Where `zillow_sync_user_id` leads: set, not set, dangling, or elsewhere (to somebody else's connection)."""
        auth = self.auth
        if auth is None or auth.link is None:
            return LINK_UNSET
        if any(one.id == auth.link for one in self.syncs):
            return LINK_SET
        return LINK_DANGLING if self.linked is None else LINK_ELSEWHERE


@dataclass(slots=True, frozen=True)
class Walked:
    """One step of a walk over an account: users in order, each with everything that `common` holds about them."""

    users: tuple[UserRecords, ...]
    after: int | None
    """The last user of the step when there are further ones, else None."""
    evidence: tuple[Evidence, ...]
    crowded: tuple[int, ...] = ()
    """Users with more rows than were read of them."""


@dataclass(slots=True)
class _Gathered:
    auths: list[AuthRecord] = field(default_factory=list)
    syncs: list[SyncRecord] = field(default_factory=list)


def walk_users(context: Context, account_id: int, *, after: int | None, limit: int) -> Walked:
    """The next `limit` users, in order, that hold credentials or a connection. Raises SourceFailure."""
    # One more than is shown: the last user of a list that was cut may have further rows, and is left for the next step.
    auths = read_auth(context, account_id, after=after, limit=limit + 1)
    syncs = read_sync(context, account_id, after=after, limit=limit + 1)
    users = ordered_users((auths, syncs), limit)
    records = with_links(context, gather(account_id, users.ids, auths.records, syncs.records))
    return Walked(records, users.after, (auths.evidence, syncs.evidence), users.crowded)


def one_user(context: Context, account_id: int, user_id: int) -> tuple[UserRecords, tuple[Evidence, ...]]:
    """Rows of `common` about one user. Raises SourceFailure."""
    auths, syncs = auth_of(context, account_id, [user_id]), sync_of(context, account_id, [user_id])
    records = with_links(context, gather(account_id, (user_id,), auths.records, syncs.records))
    return records[0], (auths.evidence, syncs.evidence)


@dataclass(slots=True, frozen=True)
class Users:
    """Which users one step shows."""

    ids: tuple[int, ...]
    after: int | None
    crowded: tuple[int, ...]


def ordered_users(
    batches: Sequence[RecordBatch[AuthRecord] | RecordBatch[SyncRecord]],
    limit: int,
    also: Sequence[int] = (),
    *,
    more: bool = False,
) -> Users:
    """The first `limit` distinct users of several lists that each are in order, and where to go on.

    A list that was cut says nothing about users after its last one, and its last one may have further rows. `also` is
    a list of plain user ids, complete up to its last one; `more` says that it was cut.
    """
    seen = set(also)
    ends: list[int] = [also[-1]] if more and also else []
    crowded: list[int] = []
    for batch in batches:
        ids = [one.user_id for one in batch.records if one.user_id is not None]
        seen.update(ids)
        if batch.truncated and ids:
            alone = ids[0] == ids[-1]
            # Nothing but one user's rows: that user is shown with those that were read, or the walk would stand still.
            ends.append(ids[-1] if alone else ids[-1] - 1)
            crowded += [ids[-1]] if alone else []
    known = sorted(seen)
    if ends:
        known = [user for user in known if user <= min(ends)]
    shown = tuple(known[:limit])
    has_more = bool(ends) or len(known) > len(shown)
    return Users(shown, shown[-1] if has_more and shown else None, tuple(one for one in crowded if one in set(shown)))


def gather(
    account_id: int, users: Sequence[int], auths: Sequence[AuthRecord], syncs: Sequence[SyncRecord]
) -> tuple[UserRecords, ...]:
    """The rows of these users, user by user. Rows of others are left out."""
    found: dict[int, _Gathered] = {user: _Gathered() for user in users}
    for auth in auths:
        if auth.user_id in found:
            found[auth.user_id].auths.append(auth)
    for sync in syncs:
        if sync.user_id in found:
            found[sync.user_id].syncs.append(sync)
    return tuple(UserRecords(account_id, user, tuple(one.auths), tuple(one.syncs)) for user, one in found.items())


def with_links(context: Context, users: Sequence[UserRecords]) -> tuple[UserRecords, ...]:
    """The same users, where a link to a connection that is not their own is followed: one statement, by primary key."""
    foreign = {
        auth.link
        for user in users
        if (auth := user.auth) is not None and auth.link is not None and all(one.id != auth.link for one in user.syncs)
    }
    if not foreign:
        return tuple(users)
    found = sync_by_id(context, foreign)
    return tuple(
        UserRecords(user.account_id, user.user_id, user.auths, user.syncs, found.get(auth.link))
        if (auth := user.auth) is not None and auth.link in foreign
        else user
        for user in users
    )
