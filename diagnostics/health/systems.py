"""The six systems as nodes of a map: a state each from real readings, and what a failing one takes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, func, or_, select

from diagnostics.checks.base import number, share, worst
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited, UserError
from diagnostics.core.waiting import StillAsking, as_they_come
from diagnostics.core.words import percent, plural
from diagnostics.health.connections import ERROR, HEALTHY, WARNING, read_states
from diagnostics.health.figures import PENDING, figure, quantity
from diagnostics.health.kpis import ALL_ACCOUNTS, WAIT_S
from diagnostics.health.overview import health_figure
from diagnostics.health.resolution import of_everybody, shares_line
from diagnostics.health.tokens import read_tokens
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Figure, Gap
from diagnostics.models.health import SystemState
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import System
    from diagnostics.core.context import Question
    from diagnostics.core.waiting import Job
    from diagnostics.sources.mysql.databases import Rows

SAMPLE = 12
AT_ONCE = 4
MOST_EXAMPLES = 3
UNIT = "sampled databases"


@dataclass(slots=True, frozen=True)
class SystemSample:
    """Sampled rows of one system."""

    rows: int
    orphans: int
    """Rows that point at a row which is not there."""
    coverage: Coverage
    evidence: tuple[Evidence, ...]

    @property
    def orphan_share(self) -> float | None:
        """Per cent of the rows; None of nothing."""
        return share(self.orphans, self.rows)


@dataclass(slots=True, frozen=True)
class Sampled:
    """The sample, system by system."""

    systems: dict[str, SystemSample]
    accounts: tuple[int, ...]


def _teams(context: Context) -> Question:
    """Members of teams; one without its team or without its agent is an orphan."""
    members, teams, agents = (
        context.table("zillow_agent_teams"),
        context.table("zillow_teams"),
        context.table("zillow_agents"),
    )
    orphan = or_(
        ~exists().where(teams.c.id == members.c.team_id),
        ~exists().where(agents.c.id == members.c.agent_id),
    )
    return select(
        (
            select(func.count()).select_from(members).scalar_subquery()
            + select(func.count()).select_from(teams).scalar_subquery()
        ).label("rows"),
        select(func.count()).select_from(members).where(orphan).scalar_subquery().label("orphans"),
    )


def _sync_agents(context: Context) -> Question:
    """Legacy agents; one whose user does not exist is an orphan."""
    agents, users = context.table("zillow_sync_agents"), context.table("users")
    orphan = ~exists().where(users.c.id == agents.c.user_id)
    return select(
        select(func.count()).select_from(agents).scalar_subquery().label("rows"),
        select(func.count()).select_from(agents).where(orphan).scalar_subquery().label("orphans"),
    )


def _sync_teams(context: Context) -> Question:
    """Legacy teams; one that names a Zillow team which no modern team names is an orphan."""
    legacy, teams = context.table("zillow_sync_teams"), context.table("zillow_teams")
    orphan = and_(
        legacy.c.zillow_team_id.is_not(None), ~exists().where(teams.c.zillow_team_id == legacy.c.zillow_team_id)
    )
    return select(
        select(func.count()).select_from(legacy).scalar_subquery().label("rows"),
        select(func.count()).select_from(legacy).where(orphan).scalar_subquery().label("orphans"),
    )


TABLES: dict[str, Callable[[Context], Question]] = {
    "ZillowTeam": _teams,
    "ZillowSyncAgent": _sync_agents,
    "ZillowSyncTeam": _sync_teams,
}
"""The statement that reads each system in one client database: `rows` and `orphans`."""


def read_sampled(context: Context, job: Job | None = None) -> Sampled:
    """Read the sample, kept for as long as system-wide answers are. Raises SourceFailure when there are no accounts."""
    keep_s = context.settings.fleet.refresh_s
    return context.answers.get(("fleet", "sampled"), keep_s, lambda: _read(context, job))


def _read(context: Context, job: Job | None) -> Sampled:
    accounts, evidence = sample_of_accounts(context)
    answers: dict[str, list[tuple[int, Rows | SourceFailure]]] = {name: [] for name in TABLES}

    def ask(account_id: int) -> list[tuple[str, int, Rows | SourceFailure]]:
        found: list[tuple[str, int, Rows | SourceFailure]] = []
        for name, statement in TABLES.items():
            if job is not None:
                job.raise_if_cancelled("client databases")
            found.append((name, account_id, _asked(context, account_id, statement)))
        return found

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="sample") as pool:
        for position, found in enumerate(pool.map(ask, accounts), 1):
            for name, account_id, answer in found:
                answers[name].append((account_id, answer))
            if job is not None:
                job.report(position, len(accounts), UNIT)
    return Sampled({name: _summed(found, evidence) for name, found in answers.items()}, accounts)


def _asked(context: Context, account_id: int, statement: Callable[[Context], Question]) -> Rows | SourceFailure:
    try:
        return context.databases.read_client(account_id, statement(context))
    except SourceFailure as failure:
        if failure.kind is FailureKind.CANCELLED:
            raise
        return failure
    except UserError as error:
        # The account was there a moment ago.
        return SourceFailure(FailureKind.REJECTED, f"client {account_id}", error.problem)


def _summed(found: list[tuple[int, Rows | SourceFailure]], evidence: Evidence) -> SystemSample:
    rows = orphans = 0
    parts: list[Evidence] = []
    reasons: dict[str, list[int]] = {}
    for account_id, answer in found:
        if isinstance(answer, SourceFailure):
            reasons.setdefault(answer.kind.value.replace("_", " "), []).append(account_id)
            continue
        parts.append(answer.evidence)
        for row in answer.rows:
            rows += number(row, "rows")
            orphans += number(row, "orphans")
    gaps = tuple(
        Gap(reason=reason, count=len(ids), examples=tuple(f"account {one}" for one in ids[:MOST_EXAMPLES]))
        for reason, ids in sorted(reasons.items(), key=lambda entry: -len(entry[1]))
    )
    coverage = Coverage(answered=len(parts), asked=len(found), unit=UNIT, gaps=gaps)
    return SystemSample(rows, orphans, coverage, (*parts[:1], evidence))


def sample_of_accounts(context: Context) -> tuple[tuple[int, ...], Evidence]:
    """Ids of a few accounts, evenly spread over all, always the same ones while accounts stay the same."""
    accounts = context.table("accounts")
    rows = context.common("account ids", select(accounts.c.id.label("id")).order_by(accounts.c.id))
    ids = [number(row, "id") for row in rows.rows]
    if not ids:
        raise SourceFailure(
            FailureKind.NOT_MAPPED, "common", "accounts holds no rows", remedy="check the schema map: warroom doctor"
        )
    count = min(SAMPLE, len(ids))
    return tuple(ids[place * len(ids) // count] for place in range(count)), rows.evidence


@dataclass(slots=True, frozen=True)
class SystemNode:
    """State of one system now."""

    status: Status
    headline: str
    figures: tuple[Figure, ...] = ()


TellSystems = Callable[[tuple[SystemState, ...]], object]
"""Takes the systems while some are missing: those have no data, and say that they are being asked for."""


def read_systems(
    context: Context, wait_s: float | None = WAIT_S, *, tell: TellSystems | None = None
) -> tuple[SystemState, ...]:
    """The systems in the catalogue's order. A source's failure is the state of the systems that it speaks for."""
    reads: dict[str, Callable[[], SystemNode]] = {
        "ZillowAuth": lambda: _auth(context),
        "ZillowAgent": lambda: _agents(context, wait_s),
        "ZillowSyncUser": lambda: _sync_users(context),
    }
    systems = context.catalogue.systems

    def ask(name: str) -> SystemNode:
        try:
            if name in reads:
                return reads[name]()
            if name in TABLES:
                sampled = context.answers.within(
                    "sampled", ALL_ACCOUNTS, lambda job: read_sampled(context, job), wait_s
                )
                return _sampled(context, name, sampled)
        except SourceFailure as failure:
            waiting = isinstance(failure, TurnAwaited | StillAsking)
            return SystemNode(Status.NO_DATA if waiting else Status.UNREACHABLE, failure.headline())
        return SystemNode(Status.NO_DATA, "the console has no reading for this system")

    def states(nodes: Mapping[str, SystemNode]) -> tuple[SystemState, ...]:
        return tuple(_state(context, system, nodes) for system in systems.values())

    def so_far(known: Mapping[str, SystemNode]) -> None:
        if tell is not None:
            tell(states({name: known.get(name) or SystemNode(Status.NO_DATA, PENDING) for name in systems}))

    found = as_they_come(ask, tuple(systems), "system", None if tell is None else so_far)
    return states(dict(zip(systems, found, strict=True)))


def _state(context: Context, system: System, nodes: Mapping[str, SystemNode]) -> SystemState:
    systems = context.catalogue.systems
    node = nodes[system.name]
    failing = [name for name in systems if nodes[name].status is Status.FAIL]
    return SystemState(
        name=system.name,
        priority=system.priority,
        role=system.role,
        status=node.status,
        headline=node.headline,
        feeds=system.feeds,
        threatened_by=tuple(
            name for name in failing if name != system.name and system.name in downstream(systems, name)
        ),
        threatens=downstream(systems, system.name) if system.name in failing else (),
        figures=node.figures,
        where=_where(context, system),
    )


def downstream(systems: Mapping[str, System], name: str) -> tuple[str, ...]:
    """Everything that fails after `name`, nearest first, each once; a ring in a team's catalogue ends by itself."""
    reached: dict[str, None] = {}
    waiting = list(systems[name].feeds) if name in systems else []
    while waiting:
        following = waiting.pop(0)
        if following in reached or following == name:
            continue
        reached[following] = None
        waiting += systems[following].feeds if following in systems else ()
    return tuple(reached)


def _where(context: Context, system: System) -> tuple[str, ...]:
    """Stores, tables by their real names, services, endpoints, queries and metrics."""
    tables = context.catalogue.schema_map.tables
    names = ", ".join(f"{tables[table].database}.{tables[table].name}" for table in system.tables)
    lines = [f"store: {system.store} ({system.scale})", f"tables: {names}"]
    lines += [f"services: {', '.join(system.services)}"] if system.services else []
    lines += [f"calls: {endpoint}" for endpoint in system.endpoints]
    lines += [f"query {name}: {context.catalogue.queries[name].datadog}" for name in system.queries]
    lines += [f"metric: {context.catalogue.metrics[name].metric}" for name in system.metrics]
    return (*lines, *((system.note,) if system.note else ()))


def _auth(context: Context) -> SystemNode:
    tokens = read_tokens(context)
    rules = context.catalogue.thresholds
    if tokens.credentials == 0:
        return SystemNode(Status.NO_DATA, "zillow_auth holds no credentials")
    expired = figure(
        "token_expiry_share",
        rules["token_expiry_share"],
        tokens.expired_share,
        notes=(f"{tokens.expired:,} of {plural(tokens.held, 'token')}",),
        evidence=(tokens.evidence,),
    )
    missing = figure(
        "token_missing_share",
        rules["token_missing_share"],
        tokens.missing_share,
        notes=(f"{tokens.credentials - tokens.held:,} of {plural(tokens.credentials, 'credential')}",),
        evidence=(tokens.evidence,),
    )
    # Without any held token there is no share of expired ones; that all are missing is the finding then.
    statuses = [missing.status] if expired.value is None else [expired.status, missing.status]
    return SystemNode(
        worst(*statuses),
        f"{percent(tokens.expired_share)} of tokens expired, {percent(tokens.missing_share)} missing",
        (expired, missing),
    )


def _sync_users(context: Context) -> SystemNode:
    states = read_states(context)
    health = health_figure(context, states)
    counts = states.counts
    said = f"{counts[HEALTHY]:,} healthy, {counts[WARNING]:,} warning, {counts[ERROR]:,} error"
    return SystemNode(
        health.status, f"{health.shown} healthy: {said}" if states.judged else "no connections", (health,)
    )


def _agents(context: Context, wait_s: float | None) -> SystemNode:
    found = context.answers.within("resolution", ALL_ACCOUNTS, lambda job: of_everybody(context, job), wait_s)
    if not found.total:
        return SystemNode(Status.NO_DATA, "no agents were counted", _present(found.drift))
    return SystemNode(found.status, shares_line(found), _present(found.drift))


def _present(drift: Figure | None) -> tuple[Figure, ...]:
    return () if drift is None else (drift,)


def _sampled(context: Context, name: str, sampled: Sampled) -> SystemNode:
    """A system of which only a sample of client databases is read: do its tables answer, do its rows hang together?"""
    rule = context.catalogue.thresholds["orphan_share"]
    counted = sampled.systems[name]
    part, coverage = counted.orphan_share, counted.coverage
    notes = [f"a sample: {coverage.words()}; {counted.orphans:,} of {plural(counted.rows, 'row')} are orphans"]
    notes += [f"{gap.count} did not answer ({gap.reason}): {', '.join(gap.examples)}" for gap in coverage.gaps]
    orphans = figure(
        f"{name}_orphans",
        rule,
        part,
        title=f"Orphan rows of {name}",
        notes=notes,
        evidence=counted.evidence,
        coverage=coverage,
    )
    shown = "" if part is None else f", {quantity(part, '%')} orphans"
    return SystemNode(
        _sampled_status(orphans.status, counted),
        f"{plural(counted.rows, 'row')} in {coverage.answered} of {coverage.asked} {coverage.unit}{shown}",
        (orphans,),
    )


def _sampled_status(judged: Status, counted: SystemSample) -> Status:
    if counted.coverage.answered == 0:
        return Status.UNREACHABLE
    if counted.rows == 0:
        # Tables that answer and hold nothing in any sampled account say nothing about the system.
        return Status.NO_DATA
    return judged if counted.coverage.is_complete else worst(judged, Status.WARN)
