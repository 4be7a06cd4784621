"""One reading of a scope: every row of its databases that disagrees with another one.

Client database and `common` are read apart and brought together here, in pages; what cannot be read is named, and says
nothing about the rest. A reading alone proves nothing: resolution under way looks like damage (see `persistence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime

from sqlalchemy import and_, or_, select

from diagnostics.checks.base import number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.waiting import Job, aside
from diagnostics.core.words import form, listed, plural
from diagnostics.models.evidence import Evidence
from diagnostics.models.reconcile import SYSTEM_KINDS, Cell, Difference, DifferenceKind, Scope, Snapshot
from diagnostics.oauth.users import LINK_DANGLING, LINK_ELSEWHERE, UserRecords, one_user, walk_users
from diagnostics.oauth.zuids import Agreement, compare
from diagnostics.sync.configuration import METHODS
from diagnostics.sync.deals import Asking, read_crews, read_deals
from diagnostics.sync.gates import judge, read_facts
from diagnostics.sync.resolution import WEAK_METHODS, count_methods, find_stale
from diagnostics.sync.unsynced import judge_account
from diagnostics.sync.verdict import ELIGIBLE, NOT_KNOWN

PAGE = 500
"""Users, or orphans, read at a time."""

MOST_OF_A_KIND = 6_000
"""Differences of one kind that one reading keeps; what lies beyond is said, and not known."""

MOST_DEALS = 2_000
"""Unsynced deals that are judged, the newest."""

MOST_IN_ALL = 20_000
"""Differences of one system that one reading keeps, over all accounts."""

MOST_EVIDENCE = 40
"""Statements shown behind a system; all accounts are asked alike."""

WORKERS = 4
"""Accounts read at the same time, and never more than the fleet's cap per host."""

CONNECTED = 1
METHOD_BY_NAME = {METHODS[method]: method for method in WEAK_METHODS}


class _Reading:
    """What was found so far."""

    def __init__(self, context: Context, scope: Scope, account_id: int, job: Job) -> None:
        self.context = context
        self.scope = scope
        self.users: frozenset[int] | None = None
        """The users that the scope is about; None for all."""
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
        self.unread.append(f"{part_name(self._part, self.account_id, self.scope)}: {why}")

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


def read_scope(context: Context, scope: Scope, job: Job | None = None) -> Snapshot:
    """Read an account, a deal or a system once. Raises UserError where there is none, SourceFailure."""
    work = job or Job()
    if scope.system:
        return _read_system(context, scope, work)
    if scope.account_id is None:
        raise UserError("an account, a deal of one, or a system has to be named")
    return _read(context, scope, scope.account_id, tuple(_PARTS), work)


def read_account(context: Context, account_id: int, job: Job | None = None, *, only: str = "") -> Snapshot:
    """Read an account once, or one part of it. Raises AccountUnknown, SourceFailure where nobody knows of it."""
    return _read(context, Scope(account_id=account_id), account_id, (only,) if only else tuple(_PARTS), job or Job())


def _read(context: Context, scope: Scope, account_id: int, parts: Collection[str], job: Job) -> Snapshot:
    context.databases.account(account_id)
    reading = _Reading(context, scope, account_id, job)
    if scope.deal_id is not None:
        reading.users = _users_on(reading, scope.deal_id)
    for what, read in _PARTS.items():
        if what in parts:
            reading.part(what, read)
    return Snapshot(
        scope=scope,
        taken_at=reading.now,
        differences=_sorted(reading.differences),
        looked_at=reading.looked_at,
        unread=tuple(reading.unread),
        evidence=_distinct(reading.evidence),
    )


def _users_on(reading: _Reading, deal_id: int) -> frozenset[int]:
    """The users on a deal. Raises UserError where the account has no such deal, SourceFailure."""
    deals, asked = read_deals(reading.asking, (deal_id,))
    if deal_id not in deals:
        raise UserError(
            f"account {reading.account_id} has no deal {deal_id}",
            next_step="give the account that holds it: --account-id ID --deal-id ID",
        )
    crews, told = read_crews(reading.asking, (deal_id,))
    reading.evidence += [*asked, *told]
    return frozenset(crews[deal_id].users if deal_id in crews else ())


def _read_system(context: Context, scope: Scope, job: Job) -> Snapshot:
    """The kinds of one system, account by account, a few at a time; what one account does not answer is its own."""
    kinds = SYSTEM_KINDS.get(scope.system)
    if kinds is None:
        raise UserError(f"there is no system {scope.system}", accepted=", ".join(SYSTEM_KINDS))
    parts = frozenset(PART_OF[kind] for kind in kinds)
    now, asked = context.now(), context.fleet.account_list(job)
    places = asked.accounts
    found: list[Difference] = []
    unread: list[str] = []
    evidence: list[Evidence] = [asked.evidence]
    looked_at = 0

    def one(account_id: int) -> Snapshot | str:
        try:
            return _read(context, scope, account_id, parts, job)
        except (SourceFailure, UserError) as problem:
            return problem.headline() if isinstance(problem, SourceFailure) else str(problem)

    answers = _in_turn(one, [place.id for place in places], min(WORKERS, context.settings.fleet.per_host))
    for done, (place, snapshot) in enumerate(answers, 1):
        if isinstance(snapshot, str):
            unread += [f"{part_name(part, place, scope)}: {snapshot}" for part in parts]
        else:
            room = MOST_IN_ALL + 1 - len(found)
            found += [one for one in snapshot.differences if one.kind in kinds][:room]
            unread += snapshot.unread
            looked_at += snapshot.looked_at
            evidence = evidence if len(evidence) >= MOST_EVIDENCE else [*evidence, *snapshot.evidence]
        job.report(done, len(places), "accounts")
    if len(found) > MOST_IN_ALL:
        unread += [f"{part}: only the first {MOST_IN_ALL:,} are kept" for part in parts]
    return Snapshot(
        scope=scope,
        taken_at=now,
        differences=_sorted(found[:MOST_IN_ALL]),
        looked_at=looked_at,
        unread=tuple(unread),
        evidence=_distinct(evidence)[:MOST_EVIDENCE],
    )


def _in_turn(
    ask: Callable[[int], Snapshot | str], accounts: Sequence[int], workers: int
) -> Iterator[tuple[int, Snapshot | str]]:
    """The answer of every account as it comes; only a few are begun ahead, so that memory stays flat."""
    left = list(reversed(accounts))
    with aside(max(1, workers), "reconcile") as pool:
        waiting: dict[Future[Snapshot | str], int] = {}
        while left or waiting:
            while left and len(waiting) < 2 * workers:
                account = left.pop()
                waiting[pool.submit(ask, account)] = account
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield waiting.pop(future), future.result()


def _sorted(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    return tuple(sorted(differences, key=lambda one: (one.kind, one.account_id, one.table, _in_order(one.row))))


def _distinct(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple({(one.source, one.query): one for one in evidence}.values())


def part_name(part: str, account_id: int, scope: Scope) -> str:
    """A part of a reading, as what could not be read of it is named; of a system, account by account."""
    return f"{part}, account {account_id}" if scope.system else part


def _in_order(row: str) -> tuple[int, str]:
    return (int(row), "") if row.isdecimal() else (0, row)


def iso(at: datetime | None) -> str | None:
    """A moment as a cell; None stays none."""
    return None if at is None else at.isoformat()


# ---- kinds


def _stale_agents(reading: _Reading) -> None:
    counts, evidence = count_methods(reading.asking)
    weak = sum(count for method, count in counts.items() if method in WEAK_METHODS)
    # A system's progress counts accounts: what one of them tells would only flicker.
    told = Job() if reading.scope.system else reading.job
    found = find_stale(reading.asking, reading.now, weak, told)
    reading.evidence += [*evidence, *found.evidence]
    reading.looked_at += found.looked_at
    if found.failure is not None:
        reading.miss(found.failure.headline())
    elif found.is_cut:
        reading.miss(f"only {plural(found.looked_at, 'agent')} of {weak:,} were read")
    reading.add(
        Difference(
            kind=DifferenceKind.STALE_AGENT,
            account_id=reading.account_id,
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
        if reading.users is None or agent.user_id in reading.users
    )


def _records(reading: _Reading) -> None:
    if reading.users is not None:
        for user_id in sorted(reading.users):
            theirs, asked = one_user(reading.context, reading.account_id, user_id)
            reading.evidence += asked
            reading.looked_at += 1
            reading.add(_of_user(theirs))
        return
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
            account_id=user.account_id,
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
            account_id=user.account_id,
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
            account_id=user.account_id,
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
    # A membership of a row that is not there belongs to no user: it is looked for among the agents of a deal's users.
    own = None if reading.users is None else _agents_of(reading, reading.users)
    last = (-1, -1)
    while True:
        beyond = or_(members.c.agent_id > last[0], and_(members.c.agent_id == last[0], members.c.team_id > last[1]))
        answer = reading.asking.client(
            f"memberships after {last}",
            select(members.c.agent_id.label("agent_id"), members.c.team_id.label("team_id"))
            .where(beyond if own is None else and_(beyond, members.c.agent_id.in_(sorted(own))))
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
                account_id=reading.account_id,
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


def _agents_of(reading: _Reading, users: Collection[int]) -> frozenset[int]:
    table = reading.context.table("zillow_agents")
    rows, _ = reading.asking.batches(
        "agents of users", users, lambda part: select(table.c.id.label("id")).where(table.c.user_id.in_(part))
    )
    return frozenset(number(row, "id") for row in rows)


def _legacy_agents(reading: _Reading) -> None:
    """Page by page along the key; the users of a page are looked up by their ids."""
    agents = reading.context.table("zillow_sync_agents")
    last = 0
    while True:
        wanted = and_(agents.c.id > last, agents.c.user_id.is_not(None))
        if reading.users is not None:
            wanted = and_(wanted, agents.c.user_id.in_(sorted(reading.users)))
        answer = reading.asking.client(
            f"legacy agents after {last}",
            select(agents.c.id.label("id"), agents.c.user_id.label("user_id"))
            .where(wanted)
            .order_by(agents.c.id)
            .limit(PAGE),
        )
        if not last:
            reading.evidence.append(answer.evidence)
        reading.looked_at += len(answer.rows)
        named = {number(row, "id"): number(row, "user_id") for row in answer.rows}
        there = _ids_there(reading, "users", set(named.values()))
        reading.add(
            Difference(
                kind=DifferenceKind.ORPHAN_LEGACY_AGENT,
                account_id=reading.account_id,
                table="zillow_sync_agents",
                row=str(agent),
                user_id=user,
                column="user_id",
                found=user,
                expected=None,
                because="users has no such row",
                cells={"user_id": user},
            )
            for agent, user in named.items()
            if user not in there
        )
        if len(answer.rows) < PAGE or reading.is_over:
            return
        last = number(answer.rows[-1], "id")


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
    if reading.users is not None:
        # A legacy team names no user: it is a question about the account.
        return
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
                account_id=reading.account_id,
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
    if reading.scope.deal_id is not None:
        _one_deal(reading, reading.scope.deal_id)
        return
    batch = judge_account(reading.context, reading.account_id, None, MOST_DEALS, reading.job)
    reading.evidence += batch.evidence
    reading.looked_at += len(batch.judged)
    if batch.failure is not None:
        reading.miss(batch.failure.headline())
    elif len(batch.judged) < batch.total:
        reading.miss(f"the newest {len(batch.judged):,} of {batch.total:,} without a sync were judged")
    reading.add(_never_synced(reading, deal.deal_id) for deal in batch.judged if deal.verdict.error_code == ELIGIBLE)


def _one_deal(reading: _Reading, deal_id: int) -> None:
    for facts in read_facts(reading.asking, (deal_id,)):
        reading.evidence += facts.asked
        reading.looked_at += 1
        if facts.deal is None or facts.deal.synced_at is not None:
            return
        code = judge(facts).error_code
        if code == NOT_KNOWN:
            reading.miss("whether every gate of its sync is open is not known")
        elif code == ELIGIBLE:
            reading.add([_never_synced(reading, deal_id)])


def _never_synced(reading: _Reading, deal_id: int) -> Difference:
    cells: dict[str, Cell] = {"synced_at": None}
    return Difference(
        kind=DifferenceKind.NEVER_SYNCED,
        account_id=reading.account_id,
        table="deals",
        row=str(deal_id),
        column="synced_at",
        found=None,
        expected=None,
        because="every gate of the sync is open",
        cells=cells,
    )


_PARTS: dict[str, Callable[[_Reading], None]] = {
    "resolution of agents": _stale_agents,
    "credentials and connections": _records,
    "memberships of teams": _memberships,
    "legacy agents": _legacy_agents,
    "legacy teams": _legacy_teams,
    "deals": _deals,
}
PART_OF = {
    DifferenceKind.STALE_AGENT: "resolution of agents",
    DifferenceKind.ZUID_MISMATCH: "credentials and connections",
    DifferenceKind.DANGLING_LINK: "credentials and connections",
    DifferenceKind.ENABLED_WITHOUT_TOKEN: "credentials and connections",
    DifferenceKind.ORPHAN_AGENT_TEAM: "memberships of teams",
    DifferenceKind.ORPHAN_LEGACY_AGENT: "legacy agents",
    DifferenceKind.LEGACY_TEAM_UNKNOWN: "legacy teams",
    DifferenceKind.NEVER_SYNCED: "deals",
}
"""The part of a reading that finds a kind."""
