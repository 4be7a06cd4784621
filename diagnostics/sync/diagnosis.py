"""zillow-sync-diagnosis of one deal: structure, agent paths, connections, mutex, recent configuration changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, select

from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import SETTLE_S, StillAsking, aside
from diagnostics.core.words import capital, plural, sentence
from diagnostics.models.deals import AgentPath, DealDiagnosis, DealHeader, Gate
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.sources.mutexes import MUTEX_S, MutexState, mutex_key
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sync.conclusions import Grounds, conclude
from diagnostics.sync.configuration import IGNORE_CREATION, MOST_USERS, RECENT_WORDS, Around, read_around
from diagnostics.sync.deals import Asking, Crew
from diagnostics.sync.gates import TITLES, DealFacts, conditions, read_facts, shown
from diagnostics.sync.log_evidence import LogEvidence, read_logs
from diagnostics.sync.paths import AgentPaths
from diagnostics.sync.verdict import ERROR_ORDER, Condition, decide

MOST_MUTEXES = 20
"""Mutexes asked for one deal."""


def mutex_gate(asking: Asking, users: Sequence[int]) -> Gate:
    """The mutexes of the sync users behind the deal's agents. Raises nothing: a failure is a state of the gate."""
    mutexes = asking.context.mutexes
    if not mutexes.is_configured:
        return _gate(Status.NO_DATA, "not configured: redis.url says where the sync workers keep their mutexes")
    try:
        sync_users, basis, asked = _sync_users(asking, users)
    except SourceFailure as failure:
        return _gate(Status.UNREACHABLE, f"which mutexes to look at is not known ({failure.headline()})")
    if not sync_users:
        return _gate(Status.NO_DATA, "no sync connection, so there is no mutex to look at", asked)
    try:
        states = [(user, mutexes.held(mutex_key(user))) for user in sync_users]
    except SourceFailure as failure:
        return _gate(Status.UNREACHABLE, f"{failure.headline()}: {failure.reason}", asked)
    return _judged(states, basis, asked)


def _judged(states: list[tuple[int, MutexState]], basis: str, asked: tuple[Evidence, ...]) -> Gate:
    held = [(user, state) for user, state in states if state.held]
    evidence = (*(state.evidence for _, state in held or states), *asked)
    if not held:
        return _gate(Status.PASS, f"none of {plural(len(states), 'mutex', 'mutexes')} held ({basis})", evidence)
    return _gate(Status.WARN, "; ".join(_words(user, state) for user, state in held), evidence)


def _words(user: int, state: MutexState) -> str:
    key = mutex_key(user)
    if state.left_s is None:
        return f"{key} is held without an end: no sync of this user runs until somebody removes it"
    if state.left_s > MUTEX_S:
        return f"{key} is held for {state.left_s:.0f} s more, longer than the {MUTEX_S:.0f} s a worker may hold it"
    return f"{key} is held for {state.left_s:.0f} s more: a sync of this user is running, or has just ended badly"


def _sync_users(asking: Asking, users: Sequence[int]) -> tuple[tuple[int, ...], str, tuple[Evidence, ...]]:
    """Ids of the sync connections of the deal's agents; where they have none, of the account's active ones."""
    table = asking.context.table("zillow_sync_users")
    statement = select(table.c.id.label("id")).order_by(table.c.id).limit(MOST_MUTEXES)
    of_account = table.c.account_id == asking.account_id
    asked: tuple[Evidence, ...] = ()
    if users:
        known = tuple(users[:500])
        answer = asking.common(f"sync users {known}", statement.where(and_(of_account, table.c.user_id.in_(known))))
        asked = (answer.evidence,)
        if answer.rows:
            return _ids(answer.rows), "of the deal's agents", asked
    active = and_(of_account, table.c.zillow_integration_enabled.is_(True), table.c.zillow_integration_id.is_not(None))
    answer = asking.common("active sync users", statement.where(active))
    return _ids(answer.rows), "of the account; the deal's agents have no connection", (*asked, answer.evidence)


def _ids(rows: Sequence[dict[str, object]]) -> tuple[int, ...]:
    return tuple(user for row in rows if isinstance(user := row["id"], int))


def _gate(status: Status, summary: str, evidence: tuple[Evidence, ...] = ()) -> Gate:
    shown = sentence(capital(summary)) if not summary.startswith("zillow-") else sentence(summary)
    return Gate(id="mutex", title=TITLES["mutex"], status=status, summary=shown, evidence=evidence)


MOST_NAMED = 10
"""Users or rows that one note names; the rest is counted."""


def diagnose(
    context: Context, deal_id: int, account_id: int, tell: Callable[[DealDiagnosis], object] | None = None
) -> DealDiagnosis:
    """Why this deal does or does not sync. `tell` gets what the rows say, where the logs are not there yet.

    Raises AccountUnknown, and SourceFailure when the deal's own row cannot be read. Everything else that fails is named
    in the answer: a gate, a path or a finding without data.
    """
    place = context.databases.account(account_id)
    # The logs are asked meanwhile: they are a source of their own, and the slowest to fail.
    with aside(1, "deal logs") as listeners:
        heard = listeners.submit(read_logs, context, account_id, deal_id)
        asking = Asking(context, account_id, shared=True)
        facts = read_facts(asking, (deal_id,))[0]
        users = (facts.crew.value or Crew()).users
        held = conditions(facts)
        now = context.now()
        grounds = Grounds(
            facts=facts,
            verdict=decide(held),
            mutex=mutex_gate(asking, users) if facts.deal else _no_mutex(),
            around=read_around(asking, users, now),
            logs=LogEvidence(failure=StillAsking("datadog", None)),
        )
        try:
            logs = heard.result(None if tell is None else SETTLE_S)
        except StillWaiting:
            if tell is not None:
                tell(_diagnosis(context, place, grounds, held, now))
            logs = heard.result()
    return _diagnosis(context, place, replace(grounds, logs=logs), held, now)


def _diagnosis(
    context: Context, place: AccountPlace, grounds: Grounds, held: Sequence[Condition], now: datetime
) -> DealDiagnosis:
    code, facts, account_id = grounds.verdict.fails_with, grounds.facts, place.id
    return DealDiagnosis(
        header=_header(facts, account_id, place.name),
        gates=(*(shown(one) for one in held), grounds.mutex),
        agents=tuple(_agent(agent) for agent in facts.agents),
        error_code=code,
        conclusion=conclude(context.catalogue, account_id, grounds),
        configuration=grounds.around.listed(),
        findings=(grounds.logs.finding(code, has_agents=bool(facts.agents)), *_findings(grounds.around)),
        evidence=_evidence(grounds),
        notes=(*filter(None, [place.standing]), *_notes(grounds, account_id, now)),
        taken_at=now,
    )


def _no_mutex() -> Gate:

    return Gate(
        id="mutex", title=TITLES["mutex"], status=Status.NO_DATA, summary="Not looked at: there is no such deal."
    )


def _header(facts: DealFacts, account_id: int, account_name: str) -> DealHeader:
    deal = facts.deal
    if deal is None:
        return DealHeader(account_id=account_id, account_name=account_name, deal_id=facts.deal_id)
    return DealHeader(
        account_id=account_id,
        account_name=account_name,
        deal_id=deal.id,
        name=deal.name,
        stage=deal.stage,
        property_id=str(deal.property_id) if deal.has_property else "",
        zillow_transaction_id=deal.zillow_transaction_id,
        synced_at=deal.synced_at,
        created_at=deal.created_at,
        updated_at=deal.updated_at,
    )


def _agent(agent: AgentPaths) -> AgentPath:
    legacy, oauth, modern, sync = agent.paths
    notes = []
    if agent.is_orphan:
        notes.append("no row in users: an orphan, verified by its id alone")
    if agent.is_verified and not any(agent.paths[1:]):
        notes.append("only by the deprecated profile id")
    return AgentPath(
        user_id=agent.user_id,
        name=agent.name,
        legacy_profile=legacy,
        oauth=oauth,
        modern_agent=modern,
        sync_agent=sync,
        is_verified=None if agent.is_unknown else agent.is_verified,
        note="; ".join(notes),
    )


def _findings(around: Around) -> Iterator[Finding]:
    ignored = around.ignores_creation
    flags = around.flags
    title = "Are creation events listened to?"
    evidence = flags.evidence[0] if flags.evidence else None
    if ignored:
        yield Finding(
            check="creation_events",
            title=title,
            status=Status.WARN,
            summary=f"{IGNORE_CREATION} is on: creation events are ignored, so new transactions do not sync.",
            next_step="Ask the team whether the flag is meant to be on for this account.",
            evidence=evidence,
        )
    elif ignored is None:
        why = flags.failure.headline() if flags.failure else "its rows contradict each other"
        yield Finding(
            check="creation_events",
            title=title,
            status=Status.UNREACHABLE if flags.failure else Status.NO_DATA,
            summary=f"Whether {IGNORE_CREATION} is on is not known: {why}.",
            evidence=evidence,
        )
    else:
        yield Finding(
            check="creation_events",
            title=title,
            status=Status.PASS,
            summary=f"{IGNORE_CREATION} is off: creation events are listened to.",
            evidence=evidence,
        )


def _notes(grounds: Grounds, account_id: int, now: datetime) -> Iterator[str]:
    facts = grounds.facts
    deal, crew, contacts = facts.deal, facts.crew.value or Crew(), facts.contacts.value
    if deal is not None and deal.account_id not in {None, account_id}:
        yield (
            f"The deal's row names account {deal.account_id}, and it lies in the database of account {account_id}: "
            "it was judged by what the latter has."
        )
    if crew.nameless:
        yield f"{plural(crew.nameless, 'row')} of deal_agents without a user, not counted as agents."
    if contacts is not None and contacts.nameless:
        yield f"{plural(contacts.nameless, 'row')} of deals_contacts without a contact, not counted."
    orphans = [agent.user_id for agent in facts.agents if agent.is_orphan]
    if orphans:
        alone = [agent for agent in facts.agents if agent.is_verified and not agent.is_orphan]
        weak = "; nobody else on the deal is verified" if not alone and grounds.verdict.fails_with == "" else ""
        yield (
            f"{plural(len(orphans), 'agent')} on the deal without a row in users ({_named(orphans)}): judged by the "
            f"id alone{weak}."
        )
    yield from _clocks(facts, now)
    if len(crew.users) > MOST_USERS:
        yield f"Configuration changes were read for the first {MOST_USERS} of {len(crew.users):,} agents."
    for name, part in grounds.around.parts():
        if part.failure is not None:
            yield sentence(f"The {name} could not be read: {part.failure.headline()}")
    yield f"Changes are those of {RECENT_WORDS}; feature flags and OAuth applications carry no moment."
    yield f"The code is the first in this order whose condition fails (assumed): {', '.join(ERROR_ORDER)}."


def _clocks(facts: DealFacts, now: datetime) -> Iterator[str]:
    """Moments that cannot be: named, because ages and the order of changes rest on them."""
    deal = facts.deal
    if deal is None:
        return
    ahead = [name for name in ("synced_at", "created_at", "updated_at") if (at := getattr(deal, name)) and at > now]
    if ahead:
        yield f"{', '.join(ahead)} of the deal lies in the future: a clock disagrees, and ages shown for it are wrong."
    if deal.synced_at and deal.created_at and deal.synced_at < deal.created_at:
        yield "The deal was synced before it was created, as its row has it: clocks disagree, or the row was copied."


def _evidence(grounds: Grounds) -> tuple[Evidence, ...]:
    facts = grounds.facts
    paths = facts.paths.evidence if facts.paths else ()
    heard = (grounds.logs.evidence,) if grounds.logs.evidence else ()
    asked = (
        *facts.asked,
        *facts.crew.evidence,
        *paths,
        *facts.contacts.evidence,
        *facts.account.connections.evidence,
        *facts.account.systems.evidence,
        *grounds.mutex.evidence,
        *grounds.around.evidence,
        *heard,
    )
    return tuple({(one.source, one.query): one for one in asked}.values())


def _named(users: list[int]) -> str:
    shown_users = ", ".join(f"user {user}" for user in users[:MOST_NAMED])
    more = len(users) - MOST_NAMED
    return f"{shown_users} and {more:,} more" if more > 0 else shown_users
