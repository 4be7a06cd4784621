"""zillow-sync-diagnosis of an account's agents: INFERRED or UNMATCHED although the same user holds a valid token.

Agents stand in the account's client database, tokens in `common`: both are read page by page and brought together here.
CONNECTED stands over INFERRED over UNMATCHED, and every transition between them is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from diagnostics.checks.base import finding, moment, number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import Job
from diagnostics.core.words import form, listed, plural, sentence, span
from diagnostics.models.accounts import HistoryRow
from diagnostics.models.conclusions import Conclusion
from diagnostics.models.deals import ResolutionDiagnosis, StaleAgent
from diagnostics.models.evidence import Evidence
from diagnostics.models.health import Resolution
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.signals.counts import DAY_S
from diagnostics.sync.conclusions import confidence_of, kinds
from diagnostics.sync.configuration import method_name, read_history
from diagnostics.sync.deals import Asking, Part

if TYPE_CHECKING:
    from diagnostics.core.context import Question

WEAK_METHODS = (3, 4)
"""INFERRED and UNMATCHED: what an agent should not be whose user holds a valid token."""

RETIRED = 2

PAGE = 2_000
"""Agents read at a time."""

HISTORY_S = 30 * DAY_S
MOST_TRANSITIONS = 200
MOST_HISTORY_USERS = 500
"""Users whose transitions are read; with more stale agents than that, those of the whole account are."""

STALE, CONSISTENT, UNKNOWN = "agents_stale", "consistent", "not_known"


@dataclass(slots=True, frozen=True)
class Token:
    """One held token. Source: common.zillow_auth."""

    expires_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Held, and known not to have expired."""
        return self.expires_at is not None and self.expires_at > now


@dataclass(slots=True)
class Search:
    """Findings so far."""

    looked_at: int = 0
    stale: list[StaleAgent] = field(default_factory=list)
    expired: int = 0
    """Weak agents whose user's token has expired: not stale."""
    unlimited: int = 0
    """Weak agents whose user's token does not say when it expires: neither."""
    evidence: list[Evidence] = field(default_factory=list)
    is_cut: bool = False
    failure: SourceFailure | None = None


def diagnose_resolution(context: Context, account_id: int, job: Job | None = None) -> ResolutionDiagnosis:
    """Which of the account's agents are stale, every one of them, and what became of them.

    Raises AccountUnknown, and SourceFailure when the agents cannot be read. Tokens that cannot be read, and a job that
    is cancelled or runs out of time, give an answer that says so.
    """
    work = job or Job()
    place = context.databases.account(account_id)
    asking, now = Asking(context, account_id), context.now()
    counts, counted = count_methods(asking)
    search = find_stale(asking, now, sum(counts[method] for method in counts if method in WEAK_METHODS), work)
    search.stale.sort(key=lambda agent: agent.agent_id)
    orphans = asking.part(lambda: _orphans(asking, [agent.user_id for agent in search.stale]))
    history = asking.part(lambda: _history(asking, search.stale, now))
    nobody = asking.part(lambda: _without_user(asking))
    evidence = (*counted, *search.evidence, *orphans.evidence, *nobody.evidence, *history.evidence)
    return ResolutionDiagnosis(
        account_id=account_id,
        conclusion=_conclude(account_id, search, counts, history.value or (), now),
        distribution=_distribution(context, account_id, counts, counted),
        stale=tuple(_noted(agent, orphans.value) for agent in search.stale),
        transitions=history.value or (),
        findings=(_finding(search),),
        evidence=tuple({(one.source, one.query): one for one in evidence}.values()),
        notes=(*filter(None, [place.standing]), *_notes(search, counts, orphans, history, nobody)),
        taken_at=now,
    )


def count_methods(asking: Asking) -> tuple[dict[int | None, int], tuple[Evidence, ...]]:
    """Agents by resolution method. Raises SourceFailure, AccountUnknown."""
    agents = asking.context.table("zillow_agents")
    statement = select(agents.c.resolution_method.label("method"), func.count().label("count")).group_by(
        agents.c.resolution_method
    )
    answer = asking.client("agents by method", statement)
    counts: dict[int | None, int] = {}
    for row in answer.rows:
        method = row["method"]
        known = method if isinstance(method, int) else None
        counts[known] = counts.get(known, 0) + number(row, "count")
    return counts, (answer.evidence,)


def _distribution(
    context: Context, account_id: int, counts: dict[int | None, int], evidence: tuple[Evidence, ...]
) -> Resolution:
    from diagnostics.health.resolution import counted, distribution  # noqa: PLC0415  # level 2 knows the baselines

    return distribution(
        context,
        counted(counts.items()),
        origin=f"client database {account_id}",
        evidence=evidence,
        of_one=True,
    )


def find_stale(asking: Asking, now: datetime, total: int, job: Job) -> Search:
    """Page by page along the agents' key: weak agents with a user, held against the tokens of these users."""
    search, last = Search(), 0
    while True:
        if job.is_over:
            search.is_cut = True
            return search
        answer = asking.client(f"weak agents after {last}", _weak_agents(asking, last))
        if len(search.evidence) < 2:
            search.evidence.append(answer.evidence)
        users = sorted({user for row in answer.rows if isinstance(user := row["user_id"], int)})
        try:
            tokens, asked = _tokens(asking, users)
        except SourceFailure as failure:
            search.failure = failure
            return search
        if not search.stale:
            search.evidence += asked[:1]
        _compare(search, answer.rows, tokens, now)
        job.report(search.looked_at, max(total, search.looked_at), "agents")
        if len(answer.rows) < PAGE:
            return search
        last = number(answer.rows[-1], "id")


def _weak_agents(asking: Asking, last: int) -> Question:
    agents = asking.context.table("zillow_agents")
    names = [name for name in ("id", "user_id", "name", "resolution_method", "updated_at") if name in agents.c]
    wanted = and_(agents.c.id > last, agents.c.resolution_method.in_(WEAK_METHODS), agents.c.user_id.is_not(None))
    return select(*(agents.c[name].label(name) for name in names)).where(wanted).order_by(agents.c.id).limit(PAGE)


def _tokens(asking: Asking, users: Sequence[int]) -> tuple[dict[int, Token], tuple[Evidence, ...]]:
    """The held token of each of these users that has one; of several the one that lasts longest."""
    auth = asking.context.table("zillow_auth")
    names = ("user_id", "expires_at", "created_at", "updated_at")

    def statement(ids: Sequence[int]) -> Question:
        return select(*(auth.c[name].label(name) for name in names)).where(
            and_(
                auth.c.account_id == asking.account_id,
                auth.c.user_id.in_(ids),
                auth.c.encrypted_refresh_token.is_not(None),
            )
        )

    rows, evidence = asking.batches("tokens of agents", users, statement, common=True)
    found: dict[int, Token] = {}
    for row in rows:
        user = number(row, "user_id")
        token = Token(*(moment(row, name) for name in names[1:]))
        known = found.get(user)
        if known is None or _ends(known) < _ends(token):
            found[user] = token
    return found, evidence


def _ends(token: Token) -> float:
    return token.expires_at.timestamp() if token.expires_at else 0.0


def _compare(search: Search, rows: Sequence[dict[str, object]], tokens: dict[int, Token], now: datetime) -> None:
    for row in rows:
        search.looked_at += 1
        user = number(row, "user_id")
        token = tokens.get(user)
        if token is None:
            continue
        if not token.is_valid(now):
            search.expired += token.expires_at is not None
            search.unlimited += token.expires_at is None
            continue
        written = moment(row, "updated_at")
        moments = [at for at in (written, token.created_at) if at is not None]
        search.stale.append(
            StaleAgent(
                agent_id=number(row, "id"),
                user_id=user,
                name=str(row.get("name") or ""),
                method_name=method_name(row["resolution_method"]),
                agent_updated_at=written,
                token_updated_at=token.updated_at,
                token_created_at=token.created_at,
                stale_since=max(moments) if moments else None,
                note=_clock_note(moments, now),
            )
        )


def _clock_note(moments: Sequence[datetime], now: datetime) -> str:
    return "a moment of it lies in the future: a clock disagrees" if any(at > now for at in moments) else ""


def _noted(agent: StaleAgent, orphans: frozenset[int] | None) -> StaleAgent:
    if orphans is None or agent.user_id not in orphans:
        return agent
    return agent.model_copy(update={"note": "; ".join(filter(None, (agent.note, "no row in users: an orphan")))})


def _orphans(asking: Asking, users: Sequence[int]) -> tuple[frozenset[int], tuple[Evidence, ...]]:
    """Those of these users that the client database does not hold."""
    people = asking.context.table("users")
    rows, evidence = asking.batches(
        "users of stale agents", users, lambda ids: select(people.c.id.label("id")).where(people.c.id.in_(ids))
    )
    return frozenset(users) - {number(row, "id") for row in rows}, evidence


def _without_user(asking: Asking) -> tuple[int, tuple[Evidence, ...]]:
    """Weak agents whose row names no user."""
    agents = asking.context.table("zillow_agents")
    wanted = and_(agents.c.user_id.is_(None), agents.c.resolution_method.in_(WEAK_METHODS))
    answer = asking.client(
        "agents without a user", select(func.count().label("count")).select_from(agents).where(wanted)
    )
    return (number(answer.rows[0], "count") if answer.rows else 0), (answer.evidence,)


def _history(
    asking: Asking, stale: Sequence[StaleAgent], now: datetime
) -> tuple[tuple[HistoryRow, ...], tuple[Evidence, ...]]:
    users = sorted({agent.user_id for agent in stale})
    since = now - timedelta(seconds=HISTORY_S)
    chosen = users if users and len(users) <= MOST_HISTORY_USERS else None
    return read_history(asking, since, now, users=chosen, most=MOST_TRANSITIONS)


def _conclude(
    account_id: int, search: Search, counts: dict[int | None, int], history: Sequence[HistoryRow], now: datetime
) -> Conclusion:
    agents = sum(counts.get(method, 0) for method in (1, *WEAK_METHODS))
    sources = kinds(search.evidence)
    if search.stale:
        return _stale(account_id, search, agents, history, sources)
    if search.failure is not None or search.is_cut:
        why = search.failure.headline() if search.failure else "it ended early, because it was cancelled or out of time"
        return Conclusion(
            code=UNKNOWN,
            sentence=sentence(f"Whether agents of account {account_id} are stale is not known: {why}"),
            confidence=confidence_of(()),
            overturned_by=("the rest of its agents and tokens are read",),
            next_step=(search.failure.remedy if search.failure else "") or "Ask again.",
        )
    if (old := next((one for one in search.evidence if one.is_old), None)) is not None:
        return Conclusion(
            code=UNKNOWN,
            sentence=sentence(
                f"Whether agents of account {account_id} are stale is not known: {old.caveat.partition(';')[0]}"
            ),
            confidence=confidence_of(()),
            overturned_by=("rows of the present are read",),
            next_step="Ask the database team about the replica that the console reads, then ask again.",
        )
    if not agents:
        return Conclusion(
            code=UNKNOWN,
            sentence=f"Account {account_id} has no agents with a method in use: there is nothing to compare.",
            confidence=confidence_of(()),
            overturned_by=("agents are synced into the account",),
            next_step="Check whether the account has finished its installation.",
        )
    return Conclusion(
        code=CONSISTENT,
        sentence=(
            f"None of the {plural(agents, 'agent')} of account {account_id} is INFERRED or UNMATCHED while its user "
            f"holds a valid token, at {now:%H:%M} UTC."
        ),
        confidence=confidence_of(sources),
        sources=sources,
        overturned_by=(
            "a user's token is valid in Zillow and not in zillow_auth",
            "an agent that names no user belongs to one who holds a token",
        ),
    )


def _stale(
    account_id: int, search: Search, agents: int, history: Sequence[HistoryRow], sources: tuple[str, ...]
) -> Conclusion:
    methods = {agent.method_name for agent in search.stale}
    since = [agent.stale_since for agent in search.stale if agent.stale_since is not None]
    began = f", since {min(since):%Y-%m-%d %H:%M} UTC" if since else ""
    count = len(search.stale)
    verb = form(count, "is", "are")
    names = listed(sorted(methods), "or")
    told = f"{count:,} of {plural(agents, 'agent')} of account {account_id} {verb} {names} although"
    more = " Not all of its agents were read: there may be more." if search.is_cut or search.failure else ""
    fell = sum(row.old == "CONNECTED" and row.new in methods for row in history)
    lost = f" {plural(fell, 'transition')} away from CONNECTED {form(fell, 'is', 'are')} on record." if fell else ""
    whose = form(count, "its user holds", "their users hold")
    return Conclusion(
        code=STALE,
        sentence=f"{told} {whose} a valid token: the agent rows are stale{began}.{lost}{more}",
        confidence=confidence_of(sources),
        sources=sources,
        overturned_by=(
            "Zillow refuses these tokens although they have not expired",
            "an agent sync has written the rows since they were read",
        ),
        next_step="Have the account's agents synced again, then look whether the rows became CONNECTED.",
    )


def _finding(search: Search) -> Finding:
    title = "Does every user with a valid token have a CONNECTED agent?"
    complete = search.failure is None and not search.is_cut
    status = Status.FAIL if search.stale else Status.PASS if complete else Status.NO_DATA
    if search.failure is not None and not search.stale:
        status = Status.UNREACHABLE
    return finding(
        "stale_agents",
        title,
        status,
        f"{plural(len(search.stale), 'stale agent')} among {search.looked_at:,} that are INFERRED or UNMATCHED "
        f"and name a user{'' if complete else '; not all were read'}.",
        value=len(search.stale) if search.stale or complete else None,
        unit="agents",
        threshold="0",
        evidence=search.evidence[0] if search.evidence else None,
        details=tuple(
            f"agent {agent.agent_id}, user {agent.user_id}: {agent.method_name}" for agent in search.stale[:20]
        ),
    )


def _notes(
    search: Search,
    counts: dict[int | None, int],
    orphans: Part[frozenset[int]],
    history: Part[tuple[HistoryRow, ...]],
    nobody: Part[int],
) -> Iterator[str]:
    """Bad rows and what they do to the number."""
    if nobody.value:
        yield f"{plural(nobody.value, 'agent')} INFERRED or UNMATCHED without a user: no token to compare, not counted."
    if retired := counts.get(RETIRED, 0):
        yield f"{plural(retired, 'agent')} with the retired method 2: in no share and not counted as stale."
    unclear = sum(count for method, count in counts.items() if method not in {1, RETIRED, *WEAK_METHODS})
    if unclear:
        yield f"{plural(unclear, 'agent')} with no known method: not compared, not counted."
    if search.expired:
        yield f"{plural(search.expired, 'agent')} whose user's token has expired: not counted as stale."
    if search.unlimited:
        unlimited = plural(search.unlimited, "agent")
        yield f"{unlimited} whose user's token names no expiry: neither valid nor expired, not counted."
    several = len(search.stale) - len({agent.user_id for agent in search.stale})
    if several:
        yield f"{plural(several, 'stale agent')} beyond one a user: some users have several agent rows."
    if orphans.value:
        found = sum(agent.user_id in orphans.value for agent in search.stale)
        yield f"{plural(found, 'stale agent')} whose user has no row in users (orphans): counted all the same."
    if orphans.failure is not None:
        yield sentence(f"Whether users are orphans is not known: {orphans.failure.headline()}")
    if history.failure is not None:
        yield sentence(f"Transitions could not be read: {history.failure.headline()}")
    else:
        yield f"Transitions are the newest {MOST_TRANSITIONS} at most, of the last {span(HISTORY_S)}."
    if search.is_cut:
        yield f"It ended after {search.looked_at:,} agents: cancelled, or out of time."
    if search.failure is not None:
        yield sentence(f"Tokens could not be read after {search.looked_at:,} agents: {search.failure.headline()}")
