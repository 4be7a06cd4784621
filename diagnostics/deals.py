"""One deal as the sync sees it: its agents with their four paths, its contacts, the account's connections.

Two kinds of database are read, never in one statement: the deal and its agents in the account's client database, OAuth
credentials and sync connections in `common`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from diagnostics.checks.base import Tools, moment, number
from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.models.evidence import Evidence

if TYPE_CHECKING:
    from diagnostics.checks.base import Question

CONNECTION_CAVEAT = "Which connection a contact came through is not recorded: any active one of the account counts."

PATHS = ("legacy profile", "OAuth", "modern agent", "legacy sync agent")
"""The four ways by which an agent on a deal is verified, in the order the sync tries them."""


@dataclass(slots=True, frozen=True)
class Deal:
    """The deal's own row. Source: client deals."""

    id: int
    account_id: int
    property_id: object
    zillow_transaction_id: str
    synced_at: datetime | None
    evidence: Evidence


@dataclass(slots=True, frozen=True)
class AgentPaths:
    """One agent on the deal, and which of the four paths verify them; None where a path cannot be read."""

    user_id: int
    paths: tuple[bool | None, bool | None, bool | None, bool | None]

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
        words = {True: "yes", False: "no", None: "not known"}
        return f"user {self.user_id}: " + ", ".join(
            f"{name} {words[path]}" for name, path in zip(PATHS, self.paths, strict=True)
        )


@dataclass(slots=True, frozen=True)
class Connections:
    """Sync connections of the account. Source: common.zillow_sync_users."""

    total: int
    active: int
    """With an integration id, enabled and without a problem."""
    evidence: Evidence


def read_deal(tools: Tools, account_id: int, deal_id: int) -> tuple[Deal | None, Evidence]:
    """The deal, or None when the account's database has none of that id."""
    deals = tools.table("deals")
    statement = select(
        deals.c.id.label("id"),
        deals.c.property_id.label("property_id"),
        deals.c.zillow_transaction_id.label("zillow_transaction_id"),
        deals.c.synced_at.label("synced_at"),
    ).where(deals.c.id == deal_id)
    rows = tools.client(account_id, f"deal {deal_id}", statement)
    if not rows.rows:
        return None, rows.evidence
    row = rows.rows[0]
    found = Deal(
        id=deal_id,
        account_id=account_id,
        property_id=row["property_id"],
        zillow_transaction_id=str(row["zillow_transaction_id"] or ""),
        synced_at=moment(row, "synced_at"),
        evidence=rows.evidence,
    )
    return found, rows.evidence


def read_agents(tools: Tools, account_id: int, deal_id: int) -> tuple[tuple[int, ...], Evidence]:
    """User ids of the agents on the deal, ascending."""
    agents = tools.table("deal_agents")
    statement = select(agents.c.user_id.label("user_id")).where(agents.c.deal_id == deal_id)
    rows = tools.client(account_id, f"deal agents {deal_id}", statement)
    return _users(rows.rows), rows.evidence


@dataclass(slots=True, frozen=True)
class _Members:
    """The users that one path verifies. Both are None where the path cannot be read."""

    users: frozenset[int] | None
    evidence: Evidence | None

    def holds(self, user: int) -> bool | None:
        return None if self.users is None else user in self.users


def read_paths(
    tools: Tools, account_id: int, users: tuple[int, ...]
) -> tuple[tuple[AgentPaths, ...], tuple[Evidence, ...]]:
    """The four paths of every agent, and one evidence a path: that of the OAuth path, which matters most, first."""
    tokens = _with_token(tools, account_id, users)
    legacy = _with_profile(tools, account_id, users)
    modern = _with_zuid(tools, account_id, users)
    old_agents = _in_sync_agents(tools, account_id, users)
    paths = tuple(
        AgentPaths(user, (legacy.holds(user), tokens.holds(user), modern.holds(user), old_agents.holds(user)))
        for user in users
    )
    read = (tokens, legacy, modern, old_agents)
    return paths, tuple(members.evidence for members in read if members.evidence is not None)


def count_contacts(tools: Tools, account_id: int, deal_id: int) -> tuple[int, Evidence]:
    """Contacts on the deal."""
    contacts = tools.table("deals_contacts")
    statement = select(func.count().label("contacts")).select_from(contacts).where(contacts.c.deal_id == deal_id)
    rows = tools.client(account_id, f"deal contacts {deal_id}", statement)
    return (number(rows.rows[0], "contacts") if rows.rows else 0), rows.evidence


def read_connections(tools: Tools, account_id: int) -> Connections:
    """How many of the account's sync connections are active."""
    users = tools.table("zillow_sync_users")
    active = and_(
        users.c.zillow_integration_id.is_not(None),
        users.c.zillow_integration_enabled.is_(True),
        users.c.problem_at.is_(None),
    )
    counted = select(func.count()).select_from(users).where(users.c.account_id == account_id)
    statement = select(
        counted.scalar_subquery().label("total"), counted.where(active).scalar_subquery().label("active")
    )
    rows = tools.common(f"connections {account_id}", statement, caveat=CONNECTION_CAVEAT)
    counts = rows.rows[0] if rows.rows else {}
    return Connections(number(counts, "total"), number(counts, "active"), rows.evidence)


def active_sync_systems(tools: Tools, account_id: int) -> tuple[tuple[str, ...], Evidence]:
    """Names of the account's active data-sync systems for Zillow."""
    systems = tools.table("data_sync_systems")
    statement = select(systems.c.system.label("system")).where(
        and_(systems.c.account_id == account_id, systems.c.is_active.is_(True))
    )
    rows = tools.client(account_id, "sync systems", statement)
    names = tuple(str(row["system"]) for row in rows.rows if "zillow" in str(row["system"]).casefold())
    return names, rows.evidence


def _users(rows: Iterable[dict[str, object]]) -> tuple[int, ...]:
    return tuple(sorted({user for row in rows if isinstance(user := row["user_id"], int)}))


def _with_token(tools: Tools, account_id: int, users: tuple[int, ...]) -> _Members:
    auth = tools.table("zillow_auth")
    statement = select(auth.c.user_id.label("user_id")).where(
        and_(
            auth.c.account_id == account_id,
            auth.c.user_id.in_(users),
            auth.c.encrypted_refresh_token.is_not(None),
        )
    )
    rows = tools.common(f"agent tokens {account_id} {users}", statement)
    return _Members(frozenset(_users(rows.rows)), rows.evidence)


def _with_profile(tools: Tools, account_id: int, users: tuple[int, ...]) -> _Members:
    people = tools.table("users")
    statement = select(people.c.id.label("user_id")).where(
        and_(people.c.id.in_(users), people.c.zillow_profile_id.is_not(None))
    )
    return _optional_path(tools, account_id, f"agent profiles {users}", statement)


def _with_zuid(tools: Tools, account_id: int, users: tuple[int, ...]) -> _Members:
    agents = tools.table("zillow_agents")
    statement = select(agents.c.user_id.label("user_id")).where(
        and_(agents.c.user_id.in_(users), agents.c.encrypted_zuid.is_not(None))
    )
    rows = tools.client(account_id, f"agent zuids {users}", statement)
    return _Members(frozenset(_users(rows.rows)), rows.evidence)


def _in_sync_agents(tools: Tools, account_id: int, users: tuple[int, ...]) -> _Members:
    agents = tools.table("zillow_sync_agents")
    statement = select(agents.c.user_id.label("user_id")).where(agents.c.user_id.in_(users))
    return _optional_path(tools, account_id, f"sync agents {users}", statement)


def _optional_path(tools: Tools, account_id: int, name: str, statement: Question) -> _Members:
    """The two legacy paths: a team that has removed their column or table still gets the other two."""
    try:
        rows = tools.client(account_id, name, statement)
    except SourceFailure as failure:
        if failure.kind is FailureKind.NOT_MAPPED:
            return _Members(None, None)
        raise
    return _Members(frozenset(_users(rows.rows)), rows.evidence)
