"""One reading of one account: every row of its databases that disagrees with another one.

Client database and `common` are read apart and brought together here, in pages; what cannot be read is named, and says
nothing about the rest. A reading alone proves nothing: resolution under way looks like damage (see `persistence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from sqlalchemy import and_, or_, select

from diagnostics.checks.base import number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import Job
from diagnostics.core.words import form, listed, plural
from diagnostics.models.evidence import Evidence
from diagnostics.models.reconcile import Cell, Difference, DifferenceKind, Snapshot
from diagnostics.oauth.users import LINK_DANGLING, LINK_ELSEWHERE, UserRecords, walk_users
from diagnostics.oauth.zuids import Agreement, compare
from diagnostics.sync.configuration import METHODS
from diagnostics.sync.deals import Asking
from diagnostics.sync.resolution import WEAK_METHODS, count_methods, find_stale
from diagnostics.sync.unsynced import judge_account
from diagnostics.sync.verdict import ELIGIBLE

PAGE = 500
"""Users, or orphans, read at a time."""

MOST_OF_A_KIND = 6_000
"""Differences of one kind that one reading keeps; what lies beyond is said, and not known."""

MOST_DEALS = 2_000
"""Unsynced deals that are judged, the newest."""

CONNECTED = 1
METHOD_BY_NAME = {METHODS[method]: method for method in WEAK_METHODS}


class _Reading:
    """What was found so far."""

    def __init__(self, context: Context, account_id: int, job: Job) -> None:
        self.context = context
        self.asking = Asking(context, account_id)
        self.account_id = account_id
        self.job = job
        self.now = context.now()
        self.looked_at = 0
        self.differences: list[Difference] = []
        self.unread: list[str] = []
        self.evidence: list[Evidence] = []
        self._kept: Counter[DifferenceKind] = Counter()
        self._part = ""

    def add(self, differences: Iterable[Difference]) -> None:
        """Keep them, up to the bound of their kind."""
        for difference in differences:
            if self._kept[difference.kind] == MOST_OF_A_KIND:
                self.miss(f"only the first {MOST_OF_A_KIND:,} are kept")
                return
            self._kept[difference.kind] += 1
            self.differences.append(difference)

    def miss(self, why: str) -> None:
        """The part that is being read was not read to its end."""
        self.unread.append(f"{self._part}: {why}")

    @property
    def is_over(self) -> bool:
        """Whether to stop in the middle of a part, which is then said."""
        if self.job.is_over:
            self.miss("ended before all of it was read")
        return self.job.is_over

    def part(self, what: str, read: Callable[[_Reading], None]) -> None:
        """One part; a source's failure is its own."""
        self._part = what
        if self.is_over:
            return
        asked, known = len(self.evidence), len(self.differences)
        try:
            read(self)
        except SourceFailure as failure:
            self.miss(failure.headline())
        old = next((one for one in self.evidence[asked:] if one.is_old), None)
        if old is not None:
            # Databases of two moments differ in everything that was written between them.
            for lost in self.differences[known:]:
                self._kept[lost.kind] -= 1
            del self.differences[known:]
            self.miss(f"not compared: {old.caveat.partition(';')[0]}")


def read_account(context: Context, account_id: int, job: Job | None = None, *, only: str = "") -> Snapshot:
    """Read an account once, or one part of it. Raises AccountUnknown, SourceFailure where nobody knows of it."""
    context.databases.account(account_id)
    reading = _Reading(context, account_id, job or Job())
    for what, read in _PARTS.items():
        if not only or what == only:
            reading.part(what, read)
    return Snapshot(
        account_id=account_id,
        taken_at=reading.now,
        differences=tuple(sorted(reading.differences, key=lambda one: (one.kind, one.table, _in_order(one.row)))),
        looked_at=reading.looked_at,
        unread=tuple(reading.unread),
        evidence=tuple({(one.source, one.query): one for one in reading.evidence}.values()),
    )


def _in_order(row: str) -> tuple[int, str]:
    return (int(row), "") if row.isdecimal() else (0, row)


def iso(at: datetime | None) -> str | None:
    """A moment as a cell; None stays none."""
    return None if at is None else at.isoformat()


# ---- kinds


def _stale_agents(reading: _Reading) -> None:
    counts, evidence = count_methods(reading.asking)
    weak = sum(count for method, count in counts.items() if method in WEAK_METHODS)
    found = find_stale(reading.asking, reading.now, weak, reading.job)
    reading.evidence += [*evidence, *found.evidence]
    reading.looked_at += found.looked_at
    if found.failure is not None:
        reading.miss(found.failure.headline())
    elif found.is_cut:
        reading.miss(f"only {plural(found.looked_at, 'agent')} of {weak:,} were read")
    reading.add(
        Difference(
            kind=DifferenceKind.STALE_AGENT,
            table="zillow_agents",
            row=str(agent.agent_id),
            user_id=agent.user_id,
            column="resolution_method",
            found=METHOD_BY_NAME[agent.method_name],
            expected=CONNECTED,
            because=f"user {agent.user_id} holds a token that has not expired (zillow_auth)",
            cells={
                "user_id": agent.user_id,
                "resolution_method": METHOD_BY_NAME[agent.method_name],
                "updated_at": iso(agent.agent_updated_at),
            },
        )
        for agent in found.stale
    )


def _records(reading: _Reading) -> None:
    after: int | None = None
    while True:
        if reading.is_over:
            return
        step = walk_users(reading.context, reading.account_id, after=after, limit=PAGE)
        if after is None:
            reading.evidence += step.evidence
        reading.looked_at += len(step.users)
        for user in step.users:
            reading.add(_of_user(user))
        if step.crowded:
            reading.miss(f"user {step.crowded[0]} has more rows than were read")
        if step.after is None:
            return
        after = step.after


def _of_user(user: UserRecords) -> Iterator[Difference]:
    auth, sync = user.auth, user.sync
    if auth is not None and sync is not None and compare(auth.zuid, sync.zuid).agreement is Agreement.MISMATCH:
        yield Difference(
            kind=DifferenceKind.ZUID_MISMATCH,
            table="zillow_auth",
            row=str(auth.id),
            user_id=user.user_id,
            column="zuid",
            found=auth.zuid,
            expected=None,
            because=f"connection {sync.id} of the same user has {sync.zuid}",
            cells={"zuid": auth.zuid, "connection": sync.id, "zuid of the connection": sync.zuid},
        )
    if auth is not None and user.link in {LINK_DANGLING, LINK_ELSEWHERE}:
        linked = user.linked
        whose = f"belongs to user {linked.user_id} of account {linked.account_id}" if linked else "is not there"
        yield Difference(
            kind=DifferenceKind.DANGLING_LINK,
            table="zillow_auth",
            row=str(auth.id),
            user_id=user.user_id,
            column="zillow_sync_user_id",
            found=auth.link,
            expected=None,
            because=f"connection {auth.link} {whose}",
            cells={"zillow_sync_user_id": auth.link, "holder": linked.user_id if linked else None},
        )
    if sync is not None and sync.is_enabled and not any(one.has_token for one in user.auths) and user.auths:
        yield Difference(
            kind=DifferenceKind.ENABLED_WITHOUT_TOKEN,
            table="zillow_sync_users",
            row=str(sync.id),
            user_id=user.user_id,
            column="zillow_integration_enabled",
            found=1,
            expected=None,
            because="none of the user's credentials holds a refresh token",
            cells={"zillow_integration_enabled": 1, "credentials": len(user.auths)},
        )


def _memberships(reading: _Reading) -> None:
    """Page by page along the key; agents and teams of a page are looked up by their ids."""
    members = reading.context.table("zillow_agent_teams")
    last = (-1, -1)
    while True:
        beyond = or_(members.c.agent_id > last[0], and_(members.c.agent_id == last[0], members.c.team_id > last[1]))
        answer = reading.asking.client(
            f"memberships after {last}",
            select(members.c.agent_id.label("agent_id"), members.c.team_id.label("team_id"))
            .where(beyond)
            .order_by(members.c.agent_id, members.c.team_id)
            .limit(PAGE),
        )
        pairs = [(number(row, "agent_id"), number(row, "team_id")) for row in answer.rows]
        if last[0] < 0:
            reading.evidence.append(answer.evidence)
        reading.looked_at += len(pairs)
        agents = _ids_there(reading, "zillow_agents", {agent for agent, _ in pairs})
        teams = _ids_there(reading, "zillow_teams", {team for _, team in pairs})
        reading.add(
            Difference(
                kind=DifferenceKind.ORPHAN_AGENT_TEAM,
                table="zillow_agent_teams",
                row=f"{agent}/{team}",
                column="agent_id, team_id",
                found=f"{agent}/{team}",
                expected=None,
                because=_missing(agent in agents, team in teams),
                cells={"agent_id": agent, "team_id": team},
            )
            for agent, team in pairs
            if agent not in agents or team not in teams
        )
        if len(pairs) < PAGE or reading.is_over:
            return
        last = pairs[-1]


def _missing(has_agent: bool, has_team: bool) -> str:
    tables = [name for name, there in (("zillow_agents", has_agent), ("zillow_teams", has_team)) if not there]
    return f"{listed(tables)} {form(len(tables), 'has', 'have')} no such row"


def _ids_there(reading: _Reading, logical: str, ids: set[int]) -> frozenset[int]:
    table = reading.context.table(logical)
    rows, _ = reading.asking.batches(
        f"{logical} by id", ids, lambda part: select(table.c.id.label("id")).where(table.c.id.in_(part))
    )
    return frozenset(number(row, "id") for row in rows)


def _legacy_teams(reading: _Reading) -> None:
    legacy, teams = map(reading.context.table, ("zillow_sync_teams", "zillow_teams"))
    last = 0
    while True:
        answer = reading.asking.client(
            f"legacy teams after {last}",
            select(legacy.c.id.label("id"), legacy.c.zillow_team_id.label("zillow_team_id"))
            .where(legacy.c.id > last)
            .order_by(legacy.c.id)
            .limit(PAGE),
        )
        if not last:
            reading.evidence.append(answer.evidence)
        reading.looked_at += len(answer.rows)
        named = {number(row, "id"): str(row["zillow_team_id"]) for row in answer.rows if row["zillow_team_id"]}
        known = (
            reading.asking.client(
                f"modern teams of legacy teams after {last}",
                select(teams.c.zillow_team_id.label("zillow_team_id")).where(
                    teams.c.zillow_team_id.in_(sorted(set(named.values())))
                ),
            ).rows
            if named
            else ()
        )
        # As the databases compare text: without regard to case, or to blanks at the end.
        there = {_compared(str(row["zillow_team_id"])) for row in known}
        reading.add(
            Difference(
                kind=DifferenceKind.LEGACY_TEAM_UNKNOWN,
                table="zillow_sync_teams",
                row=str(row),
                column="zillow_team_id",
                found=zillow_id,
                expected=None,
                because="zillow_teams has no team of this Zillow id",
                cells={"zillow_team_id": zillow_id},
            )
            for row, zillow_id in named.items()
            if _compared(zillow_id) not in there
        )
        if len(answer.rows) < PAGE or reading.is_over:
            return
        last = number(answer.rows[-1], "id")


def _compared(text: str) -> str:
    return text.rstrip().casefold()


def _deals(reading: _Reading) -> None:
    batch = judge_account(reading.context, reading.account_id, None, MOST_DEALS, reading.job)
    reading.evidence += batch.evidence
    reading.looked_at += len(batch.judged)
    if batch.failure is not None:
        reading.miss(batch.failure.headline())
    elif len(batch.judged) < batch.total:
        reading.miss(f"the newest {len(batch.judged):,} of {batch.total:,} without a sync were judged")
    cells: dict[str, Cell] = {"synced_at": None}
    reading.add(
        Difference(
            kind=DifferenceKind.NEVER_SYNCED,
            table="deals",
            row=str(deal.deal_id),
            column="synced_at",
            found=None,
            expected=None,
            because="every gate of the sync is open",
            cells=cells,
        )
        for deal in batch.judged
        if deal.verdict.error_code == ELIGIBLE
    )


_PARTS: dict[str, Callable[[_Reading], None]] = {
    "resolution of agents": _stale_agents,
    "credentials and connections": _records,
    "memberships of teams": _memberships,
    "legacy teams": _legacy_teams,
    "deals": _deals,
}
PART_OF = {
    DifferenceKind.STALE_AGENT: "resolution of agents",
    DifferenceKind.ZUID_MISMATCH: "credentials and connections",
    DifferenceKind.DANGLING_LINK: "credentials and connections",
    DifferenceKind.ENABLED_WITHOUT_TOKEN: "credentials and connections",
    DifferenceKind.ORPHAN_AGENT_TEAM: "memberships of teams",
    DifferenceKind.LEGACY_TEAM_UNKNOWN: "legacy teams",
    DifferenceKind.NEVER_SYNCED: "deals",
}
"""The part of a reading that finds a kind."""
