"""The four ways by which an agent on a deal is verified, read for any number of users at once.

1 legacy `users.zillow_profile_id` (deprecated), 2 OAuth (`zillow_auth` with a token), 3 modern agent (`zillow_agents`
with an encrypted ZUID), 4 legacy `zillow_sync_agents`. One path is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.evidence import Evidence
from diagnostics.sync.deals import Asking, Part

if TYPE_CHECKING:
    from sqlalchemy import Label

    from diagnostics.core.context import Question

PATHS = ("legacy profile", "OAuth", "modern agent", "legacy sync agent")
"""In the order in which the sync tries them."""

_WORDS = {True: "yes", False: "no", None: "not known"}


@dataclass(slots=True, frozen=True)
class AgentPaths:
    """One agent on a deal, and which of the four paths verify them; None where a path cannot be read."""

    user_id: int
    paths: tuple[bool | None, bool | None, bool | None, bool | None]
    name: str = ""
    is_orphan: bool = False
    """True when the client database holds no such user."""

    @property
    def is_verified(self) -> bool:
        """True when any path verifies this agent."""
        return any(self.paths)

    @property
    def is_unknown(self) -> bool:
        """True when no path that can be read verifies this agent, and one cannot be read."""
        return not self.is_verified and None in self.paths

    def line(self) -> str:
        """For a drill-down: which paths hold."""
        return f"user {self.user_id}: " + ", ".join(
            f"{name} {_WORDS[path]}" for name, path in zip(PATHS, self.paths, strict=True)
        )


@dataclass(slots=True, frozen=True)
class People:
    """Rows of client users."""

    names: dict[int, str]
    """Every user that exists, with the name, which may be empty."""
    with_profile: frozenset[int] | None
    """Who holds the deprecated profile id; None where the column cannot be read."""


@dataclass(slots=True, frozen=True)
class PathReadings:
    """Rows of the four tables for a set of users."""

    people: Part[People]
    tokens: Part[frozenset[int]]
    zuids: Part[frozenset[int]]
    sync_agents: Part[frozenset[int]]

    def of(self, user_id: int) -> AgentPaths:
        """The four paths of one of these users."""
        people = self.people.value
        profiles = None if people is None else people.with_profile
        holders = (profiles, self.tokens.value, self.zuids.value, self.sync_agents.value)
        legacy, token, zuid, sync = (None if held is None else user_id in held for held in holders)
        return AgentPaths(
            user_id,
            (legacy, token, zuid, sync),
            name="" if people is None else people.names.get(user_id, ""),
            is_orphan=people is not None and user_id not in people.names,
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Of every path that was read: that of the OAuth path, which matters most, first."""
        parts = (self.tokens.evidence, self.people.evidence, self.zuids.evidence, self.sync_agents.evidence)
        return tuple(one for part in parts for one in part)

    @property
    def failure(self) -> SourceFailure | None:
        """Reason why a path could not be read: a source that is away before a column that a team has removed."""
        failures = [
            part.failure
            for part in (self.tokens, self.people, self.zuids, self.sync_agents)
            if part.failure is not None
        ]
        return min(failures, key=lambda one: one.kind is FailureKind.NOT_MAPPED, default=None)


def read_paths(asking: Asking, users: Iterable[int]) -> PathReadings:
    """The four paths of these users. A path that cannot be read is a part with its failure; raises nothing of that."""
    wanted = tuple(sorted(set(users)))
    tables = asking.context.table

    def tokens(ids: Sequence[int]) -> Question:
        auth = tables("zillow_auth")
        return select(auth.c.user_id.label("user_id")).where(
            and_(
                auth.c.account_id == asking.account_id,
                auth.c.user_id.in_(ids),
                auth.c.encrypted_refresh_token.is_not(None),
            )
        )

    def zuids(ids: Sequence[int]) -> Question:
        agents = tables("zillow_agents")
        with_zuid = and_(agents.c.user_id.in_(ids), agents.c.encrypted_zuid.is_not(None))
        return select(agents.c.user_id.label("user_id")).where(with_zuid)

    def sync_agents(ids: Sequence[int]) -> Question:
        agents = tables("zillow_sync_agents")
        return select(agents.c.user_id.label("user_id")).where(agents.c.user_id.in_(ids))

    return PathReadings(
        people=asking.part(lambda: _people(asking, wanted)),
        tokens=asking.part(lambda: _members(asking, "agent tokens", wanted, tokens, common=True)),
        zuids=asking.part(lambda: _members(asking, "agent zuids", wanted, zuids)),
        sync_agents=asking.part(lambda: _members(asking, "sync agents", wanted, sync_agents)),
    )


def _members(
    asking: Asking,
    name: str,
    users: tuple[int, ...],
    statement: Callable[[Sequence[int]], Question],
    *,
    common: bool = False,
) -> tuple[frozenset[int], tuple[Evidence, ...]]:
    rows, evidence = asking.batches(name, users, statement, common=common)
    return frozenset(user for row in rows if isinstance(user := row["user_id"], int)), evidence


def _people(asking: Asking, users: tuple[int, ...]) -> tuple[People, tuple[Evidence, ...]]:
    """Names and profile ids; a team that has removed the deprecated column still gets the names."""
    people = asking.context.table("users")
    base = [people.c.id.label("id"), people.c.name.label("name")]
    if "zillow_profile_id" in people.c:
        # Whether there is one is all that counts, and an empty text is none.
        profile = and_(people.c.zillow_profile_id.is_not(None), people.c.zillow_profile_id != "")
        try:
            return _read_people(asking, users, [*base, profile.label("has_profile")], with_profile=True)
        except SourceFailure as failure:
            if failure.kind is not FailureKind.NOT_MAPPED:
                raise
    return _read_people(asking, users, base, with_profile=False)


def _read_people(
    asking: Asking, users: tuple[int, ...], columns: Sequence[Label[Any]], *, with_profile: bool
) -> tuple[People, tuple[Evidence, ...]]:
    people = asking.context.table("users")
    name = "agent profiles" if with_profile else "agent names"
    rows, evidence = asking.batches(
        name,
        users,
        lambda ids: select(*columns).where(people.c.id.in_(ids)),
    )
    names = {user: str(row["name"] or "") for row in rows if isinstance(user := row["id"], int)}
    held = frozenset(user for row in rows if isinstance(user := row["id"], int) and row.get("has_profile"))
    return People(names, held if with_profile else None), evidence
