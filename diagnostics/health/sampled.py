"""Teams and the two legacy systems, read in a small sample of client databases, and always called one.

Nothing shared tells how they are: their rows lie in thousands of databases. A sample that is spread over all accounts
shows whether their tables answer and whether their rows point at rows that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, func, or_, select

from diagnostics.checks.base import number, share
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Gap

if TYPE_CHECKING:
    from diagnostics.core.context import Question
    from diagnostics.core.waiting import Job
    from diagnostics.sources.mysql.databases import Rows

SAMPLE = 12
AT_ONCE = 4
MOST_EXAMPLES = 3
UNIT = "sampled databases"


@dataclass(slots=True, frozen=True)
class SystemSample:
    """What the sample says about one system."""

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
