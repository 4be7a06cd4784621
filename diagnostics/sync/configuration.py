"""Configuration around a deal: feature flags, the OAuth application, tokens, agents, connections, transitions.

Rows that carry a moment are changes, and only those of the last days are listed; rows without one are states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from diagnostics.checks.base import moment, number, switch, switched
from diagnostics.core.time import window_text
from diagnostics.core.words import listed, span
from diagnostics.models.accounts import HistoryRow
from diagnostics.models.deals import ConfigurationChange
from diagnostics.models.evidence import Evidence
from diagnostics.signals.counts import DAY_S
from diagnostics.sync.deals import Asking, Part

if TYPE_CHECKING:
    from diagnostics.core.context import Question

IGNORE_CREATION = "zillow-ignore-transaction-creation-events"
"""While it is on, the events by which Zillow is told of new transactions are ignored."""

FLAGS = (IGNORE_CREATION, "enhanced_fub_deal_fields", "zillow-oauth-pkce")

RECENT_S = 14 * DAY_S
"""How far back a change is recent."""

MOST_CHANGES = 50
"""Changes listed for one deal."""

MOST_USERS = 200
"""Users of one deal whose credentials and connections are looked at."""

METHODS = {1: "CONNECTED", 2: "retired 2", 3: "INFERRED", 4: "UNMATCHED"}


def method_name(value: object) -> str:
    """The name of a resolution method; what nobody knows is said to be unknown, and null is none."""
    if value is None:
        return "none"
    return METHODS.get(value, f"unknown {value}") if isinstance(value, int) else f"unknown {value}"


@dataclass(slots=True, frozen=True)
class FlagState:
    """One feature flag as it stands for one account."""

    name: str
    is_on: bool | None
    """None where no row names the flag, or where rows contradict each other."""
    scope: str
    """"this account", "every account" or "not set"."""
    contradicts: bool = False
    is_unread: bool = False
    """A row for `scope` says neither yes nor no."""

    @property
    def decides(self) -> bool | None:
        """Whether it is on, which without a row it is not; None where the rows do not say."""
        return None if self.contradicts or self.is_unread else bool(self.is_on)

    def words(self) -> str:
        """The state of the flag for a person."""
        if self.is_unread:
            return f"flag {self.name}: the row for {self.scope} says neither on nor off"
        if self.contradicts:
            return f"flag {self.name}: rows for {self.scope} contradict each other"
        if self.is_on is None:
            return f"flag {self.name}: not set"
        return f"flag {self.name}: {'on' if self.is_on else 'off'} for {self.scope}"


@dataclass(slots=True, frozen=True)
class Around:
    """Configuration around a deal."""

    flags: Part[tuple[FlagState, ...]]
    application: Part[tuple[ConfigurationChange, ...]]
    changes: tuple[Part[tuple[ConfigurationChange, ...]], ...]

    @property
    def ignores_creation(self) -> bool | None:
        """Whether creation events are ignored; None where that is not known."""
        if self.flags.value is None:
            return None
        state = next(flag for flag in self.flags.value if flag.name == IGNORE_CREATION)
        return state.decides

    def listed(self) -> tuple[ConfigurationChange, ...]:
        """Changes newest first, then states."""
        dated = [one for part in self.changes for one in part.value or ()]
        dated.sort(key=lambda one: one.at.timestamp() if one.at else 0.0, reverse=True)
        states = [
            ConfigurationChange(at=None, what=flag.words(), source="common.feature_flags")
            for flag in self.flags.value or ()
        ]
        return (*dated[:MOST_CHANGES], *states, *(self.application.value or ()))

    def parts(self) -> tuple[tuple[str, Part[tuple[FlagState, ...]] | Part[tuple[ConfigurationChange, ...]]], ...]:
        """Every part by name."""
        names = ("tokens", "connections", "transitions", "agent rows")
        return (
            ("feature flags", self.flags),
            ("OAuth application", self.application),
            *zip(names, self.changes, strict=True),
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Of everything that was read."""
        return tuple(one for _, part in self.parts() for one in part.evidence)


def read_around(asking: Asking, users: Sequence[int], now: datetime) -> Around:
    """Flags, OAuth application, and recent changes of these users. What cannot be read is a part with its failure."""
    since = now - timedelta(seconds=RECENT_S)
    known = tuple(users[:MOST_USERS])
    return Around(
        flags=asking.part(lambda: read_flags(asking)),
        application=asking.part(lambda: _application(asking)),
        changes=(
            asking.part(lambda: _tokens(asking, known, since, now)),
            asking.part(lambda: _connections(asking, known, since)),
            asking.part(lambda: _transitions(asking, known, since, now)),
            asking.part(lambda: _agents(asking, known, since)),
        ),
    )


def read_flags(asking: Asking) -> tuple[tuple[FlagState, ...], tuple[Evidence, ...]]:
    """The flags that matter, as they stand for this account. Raises SourceFailure.

    A row of the account stands over one for everybody; that it does is assumed.
    """
    flags = asking.context.table("feature_flags")
    statement = select(
        flags.c.account_id.label("account_id"), flags.c.flag_name.label("flag_name"), flags.c.enabled.label("enabled")
    ).where(
        and_(flags.c.flag_name.in_(FLAGS), or_(flags.c.account_id == asking.account_id, flags.c.account_id.is_(None)))
    )
    answer = asking.common("feature flags", statement)
    return tuple(_flag_state(name, answer.rows) for name in FLAGS), (answer.evidence,)


def _flag_state(name: str, rows: Iterable[dict[str, object]]) -> FlagState:
    own: set[bool | None] = set()
    shared: set[bool | None] = set()
    for row in rows:
        if row["flag_name"] == name:
            (shared if row["account_id"] is None else own).add(switch(row["enabled"]))
    decides, scope = (own, "this account") if own else (shared, "every account")
    if not decides:
        return FlagState(name, None, "not set")
    if None in decides:
        return FlagState(name, None, scope, is_unread=True)
    if len(decides) > 1:
        return FlagState(name, None, scope, contradicts=True)
    return FlagState(name, next(iter(decides)), scope)


def _application(asking: Asking) -> tuple[tuple[ConfigurationChange, ...], tuple[Evidence, ...]]:
    """Each OAuth application with what it lacks. The table has no moments, so these are states."""
    apps = asking.context.table("oauth_applications")
    names = ("id", "name", "redirect_uri", "scopes", "is_active")
    statement = select(*(apps.c[name].label(name) for name in names)).order_by(apps.c.id).limit(10)
    answer = asking.common("oauth applications", statement)

    def words(row: dict[str, object]) -> str:
        lacks = [word for word, name in (("redirect URI", "redirect_uri"), ("scopes", "scopes")) if not row[name]]
        without = f", without {listed(lacks)}" if lacks else ""
        return f"OAuth application {row['name']} is {switched(row['is_active'], 'active', 'inactive')}{without}"

    source = "common.oauth_applications"
    return (
        tuple(ConfigurationChange(at=None, what=words(row), source=source) for row in answer.rows),
        (answer.evidence,),
    )


def _tokens(
    asking: Asking, users: Sequence[int], since: datetime, now: datetime
) -> tuple[tuple[ConfigurationChange, ...], tuple[Evidence, ...]]:
    """Credentials of these users that were made or renewed since then, and those that expired since then."""
    auth = asking.context.table("zillow_auth")
    names = ("user_id", "created_at", "updated_at", "expires_at")

    def statement(ids: Sequence[int]) -> Question:
        held = auth.c.encrypted_refresh_token.is_not(None).label("has_token")
        columns = [*(auth.c[name].label(name) for name in names), held]
        return select(*columns).where(and_(auth.c.account_id == asking.account_id, auth.c.user_id.in_(ids)))

    rows, evidence = asking.batches("token updates", users, statement, common=True)
    found: list[ConfigurationChange] = []
    for row in rows:
        who = f"token of user {row['user_id']}"
        created, updated, expires = (moment(row, name) for name in ("created_at", "updated_at", "expires_at"))
        told = [(created, f"{who} created"), (expires if expires and expires <= now else None, f"{who} expired")]
        if updated != created:
            told.append(
                (
                    updated,
                    f"{who} updated"
                    if row["has_token"]
                    else f"credential of user {row['user_id']} updated, and holds no token",
                )
            )
        found += _dated(told, since, "common.zillow_auth")
    return tuple(found), evidence


def _connections(
    asking: Asking, users: Sequence[int], since: datetime
) -> tuple[tuple[ConfigurationChange, ...], tuple[Evidence, ...]]:
    """Sync connections of these users that were made, or met a problem, since then."""
    table = asking.context.table("zillow_sync_users")
    names = ("id", "user_id", "created_at", "problem_at", "problem_msg", "zillow_integration_enabled")

    def statement(ids: Sequence[int]) -> Question:
        wanted = and_(table.c.account_id == asking.account_id, table.c.user_id.in_(ids))
        return select(*(table.c[name].label(name) for name in names)).where(wanted)

    rows, evidence = asking.batches("connection changes", users, statement, common=True)
    found: list[ConfigurationChange] = []
    for row in rows:
        who = f"sync connection {row['id']} of user {row['user_id']}"
        why = f": {row['problem_msg']}" if row["problem_msg"] else ""
        told = [(moment(row, "created_at"), f"{who} made"), (moment(row, "problem_at"), f"{who} met a problem{why}")]
        found += _dated(told, since, "common.zillow_sync_users")
    return tuple(found), evidence


def _agents(
    asking: Asking, users: Sequence[int], since: datetime
) -> tuple[tuple[ConfigurationChange, ...], tuple[Evidence, ...]]:
    """Agent rows of these users that were written since then."""
    table = asking.context.table("zillow_agents")
    names = ("id", "user_id", "resolution_method", "updated_at")

    def statement(ids: Sequence[int]) -> Question:
        return select(*(table.c[name].label(name) for name in names)).where(table.c.user_id.in_(ids))

    rows, evidence = asking.batches("agent changes", users, statement)
    found: list[ConfigurationChange] = []
    for row in rows:
        what = f"agent {row['id']} of user {row['user_id']} written as {method_name(row['resolution_method'])}"
        found += _dated([(moment(row, "updated_at"), what)], since, f"client {asking.account_id} zillow_agents")
    return tuple(found), evidence


def _dated(
    told: Iterable[tuple[datetime | None, str]], since: datetime, source: str
) -> tuple[ConfigurationChange, ...]:
    return tuple(ConfigurationChange(at=at, what=what, source=source) for at, what in told if at and at >= since)


def _transitions(
    asking: Asking, users: Sequence[int], since: datetime, now: datetime
) -> tuple[tuple[ConfigurationChange, ...], tuple[Evidence, ...]]:
    if not users:
        return (), ()
    rows, evidence = read_history(asking, since, now, users=users, most=MOST_CHANGES)
    source = "common.zillow_connection_logs"
    return (
        tuple(ConfigurationChange(at=row.at, what=_transition_words(row), source=source) for row in rows),
        evidence,
    )


def _transition_words(row: HistoryRow) -> str:
    why = f": {row.reason}" if row.reason else ""
    return f"user {row.user_id} from {row.old} to {row.new}{why}"


def read_history(
    asking: Asking, since: datetime, now: datetime, *, users: Sequence[int] | None, most: int
) -> tuple[tuple[HistoryRow, ...], tuple[Evidence, ...]]:
    """Transitions of the account's users (or of some of them) since then, newest first, at most `most`.

    The table is large: it is read along its index of account and moment, inside a window, with a limit. Raises
    SourceFailure.
    """
    logs = asking.context.table("zillow_connection_logs")
    names = [
        name
        for name in ("id", "user_id", "old_resolution", "new_resolution", "change_reason", "created_at")
        if name in logs.c
    ]
    wanted = and_(logs.c.account_id == asking.account_id, logs.c.created_at >= since)
    if users is not None:
        wanted = and_(wanted, logs.c.user_id.in_(sorted(set(users))))
    statement = (
        select(*(logs.c[name].label(name) for name in names))
        .where(wanted)
        .order_by(logs.c.created_at.desc(), logs.c.id.desc())
        .limit(most)
    )
    name = f"transitions {most} {'all' if users is None else sorted(set(users))}"
    # Shared by name for seconds, so the window's start need not be part of it.
    answer = asking.common(name, statement, window=window_text(since, now))
    return tuple(_history(row) for row in answer.rows), (answer.evidence,)


def _history(row: dict[str, object]) -> HistoryRow:
    user = row["user_id"]
    return HistoryRow(
        id=number(row, "id"),
        user_id=user if isinstance(user, int) else None,
        old=method_name(row["old_resolution"]),
        new=method_name(row["new_resolution"]),
        reason=str(row.get("change_reason") or ""),
        at=moment(row, "created_at"),
    )


RECENT_WORDS = f"the last {span(RECENT_S)}"
