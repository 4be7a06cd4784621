"""The gates of eligibility: what was read about deals becomes conditions, and conditions become what a screen shows.

One way for one deal and for thousands: `read_facts` reads a set of deals with the same statements, however many there
are, and `conditions` judges each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.words import capital, plural, sentence
from diagnostics.models.deals import Gate
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.sync.deals import (
    Asking,
    Contacts,
    Crew,
    Deal,
    Part,
    SyncConnections,
    Systems,
    read_connections,
    read_contacts,
    read_crews,
    read_deals,
    read_systems,
)
from diagnostics.sync.paths import AgentPaths, PathReadings, read_paths
from diagnostics.sync.verdict import Condition, DealVerdict, decide

TITLES = {
    "deal": "The deal exists",
    "property": "It has a property",
    "agents": "An agent on it is verified",
    "contact": "A contact has an active sync connection",
    "sync_system": "The account has a data-sync system for Zillow",
    "transaction": "Zillow's transaction id is there for an update",
    "mutex": "No sync of the same user is running",
}

NO_AGENTS = "Assign an agent first."


@dataclass(slots=True, frozen=True)
class AccountFacts:
    """Facts shared by all deals of one account."""

    connections: Part[SyncConnections]
    systems: Part[Systems]


@dataclass(slots=True, frozen=True)
class DealFacts:
    """Everything that decides about one deal."""

    deal_id: int
    deal: Deal | None
    """None when the account's database holds no deal of that id."""
    asked: tuple[Evidence, ...]
    """How the deal's row was asked for."""
    account: AccountFacts
    crew: Part[Crew]
    contacts: Part[Contacts]
    agents: tuple[AgentPaths, ...]
    paths: PathReadings | None
    """None where nobody is on any of the deals that were read together."""


def read_account(asking: Asking) -> AccountFacts:
    """Facts shared by all deals of the account; a source that fails is a part with its failure."""
    return AccountFacts(
        connections=asking.part(lambda: read_connections(asking)), systems=asking.part(lambda: read_systems(asking))
    )


def read_facts(asking: Asking, deal_ids: Iterable[int], account: AccountFacts | None = None) -> tuple[DealFacts, ...]:
    """The facts of these deals, in the order asked for.

    Raises SourceFailure when the deals themselves cannot be read, AccountUnknown; everything else that fails is a part
    of the facts.
    """
    ids = tuple(dict.fromkeys(deal_ids))
    deals, asked = read_deals(asking, ids)
    present = tuple(deals)
    crews = asking.part(lambda: read_crews(asking, present))
    contacts = asking.part(lambda: read_contacts(asking, present))
    users = {user for crew in (crews.value or {}).values() for user in crew.users}
    paths = read_paths(asking, users) if users else None
    shared = account or read_account(asking)

    def facts(deal_id: int) -> DealFacts:
        crew = None if crews.value is None else crews.value.get(deal_id, Crew())
        held = None if contacts.value is None else contacts.value.get(deal_id, Contacts())
        return DealFacts(
            deal_id=deal_id,
            deal=deals.get(deal_id),
            asked=asked,
            account=shared,
            crew=Part(crew, crews.evidence, crews.failure),
            contacts=Part(held, contacts.evidence, contacts.failure),
            agents=() if crew is None or paths is None else tuple(paths.of(user) for user in crew.users),
            paths=paths,
        )

    return tuple(facts(deal_id) for deal_id in ids)


def judge(facts: DealFacts) -> DealVerdict:
    """The verdict on one deal."""
    return decide(conditions(facts))


def conditions(facts: DealFacts) -> tuple[Condition, ...]:
    """Every condition of one deal, in the order of `TITLES`.

    What holds, or is not there, in rows that are known to be of an earlier moment is not known: only what fails stands.
    """
    return tuple(map(_as_of_now, _conditions(facts)))


def _as_of_now(condition: Condition) -> Condition:
    old = next((one for one in condition.evidence if one.is_old), None)
    stands = condition.holds is False and condition.gate != "deal"
    if old is None or condition.holds is None or stands:
        return condition
    line = f"{old.caveat.partition(';')[0]}; as of then {condition.line}"
    return replace(condition, holds=None, line=line)


def _conditions(facts: DealFacts) -> tuple[Condition, ...]:
    deal = facts.deal
    found = Condition(
        "deal",
        "deal_id_missing",
        deal is not None,
        "the account's database holds the deal" if deal else "the account's database holds no deal of this id",
        facts.asked,
    )
    if deal is None:
        nothing = "not looked at: there is no such deal"
        rest = ("property", "agents", "contact", "sync_system", "transaction")
        return (found, *(Condition(gate, _CODES[gate], None, nothing) for gate in rest))
    return (
        found,
        Condition(
            "property",
            "property_missing",
            deal.has_property,
            "the deal has a property" if deal.has_property else "the deal has no property",
            facts.asked,
        ),
        _agents(facts),
        _contact(facts),
        _sync_system(facts.account.systems),
        _transaction(deal, facts.asked),
    )


_CODES = {
    "deal": "deal_id_missing",
    "property": "property_missing",
    "agents": "agent_verification_failed",
    "contact": "contact_sync_missing",
    "sync_system": "sync_system_missing",
    "transaction": "zillow_transaction_id_missing",
}


def _agents(facts: DealFacts) -> Condition:
    gate, code, crew = "agents", "agent_verification_failed", facts.crew.value
    if crew is None:
        return _unread(gate, facts.crew.failure)
    if not crew.users:
        nameless = f" ({plural(crew.nameless, 'row')} of deal_agents without a user)" if crew.nameless else ""
        return Condition(
            gate,
            code,
            holds=False,
            line=f"the deal has no agents{nameless}",
            evidence=facts.crew.evidence,
            advice=NO_AGENTS,
        )
    verified = sum(agent.is_verified for agent in facts.agents)
    unknown = sum(agent.is_unknown for agent in facts.agents)
    failure = facts.paths.failure if facts.paths and unknown else None
    why = f" ({failure.headline()})" if failure else ""
    not_known = f", of {unknown} it is not known{why}" if unknown else ""
    line = f"{verified} of {plural(len(facts.agents), 'agent')} verified{not_known}"
    asked = (*(facts.paths.evidence if facts.paths else ()), *facts.crew.evidence)
    return Condition(gate, code, True if verified else None if unknown else False, line, asked, failure)


def _contact(facts: DealFacts) -> Condition:
    gate, code = "contact", "contact_sync_missing"
    contacts, connections = facts.contacts, facts.account.connections
    if contacts.value is not None and not contacts.value.found:
        nameless = contacts.value.nameless
        bad = f" ({plural(nameless, 'row')} of deals_contacts without a contact)" if nameless else ""
        # Without a contact the connections do not matter; with one they decide.
        return Condition(
            gate,
            code,
            holds=False,
            line=f"no contact on the deal{bad}{_active_words(connections.value)}",
            evidence=(*contacts.evidence, *connections.evidence),
        )
    if connections.value is not None and not connections.value.active and not connections.value.unread:
        on_deal = "" if contacts.value is None else f"{plural(contacts.value.found, 'contact')} on the deal"
        return Condition(
            gate,
            code,
            holds=False,
            line=f"{on_deal}{_active_words(connections.value)}".removeprefix(", "),
            evidence=(*connections.evidence, *contacts.evidence),
        )
    if contacts.value is None or connections.value is None:
        return _unread(gate, contacts.failure or connections.failure)
    line = f"{plural(contacts.value.found, 'contact')} on the deal{_active_words(connections.value)}"
    holds = True if connections.value.active else None
    return Condition(gate, code, holds=holds, line=line, evidence=(*connections.evidence, *contacts.evidence))


def _active_words(connections: SyncConnections | None) -> str:
    if connections is None:
        return ""
    unread = f", of {connections.unread} the switch says neither on nor off" if connections.unread else ""
    return f", {connections.active} of {plural(connections.total, 'sync connection')} of the account active{unread}"


def _sync_system(systems: Part[Systems]) -> Condition:
    gate, code = "sync_system", "sync_system_missing"
    if systems.value is None:
        return _unread(gate, systems.failure)
    active, inactive = systems.value.active, systems.value.inactive
    off = f", {len(inactive)} switched off" if inactive else ""
    unread = f", {len(systems.value.unread)} with a switch that says neither on nor off" if systems.value.unread else ""
    line = f"{plural(len(active), 'active data-sync system')} for Zillow{off}{unread}"
    return Condition(gate, code, True if active else None if unread else False, line, systems.evidence)


def _transaction(deal: Deal, asked: tuple[Evidence, ...]) -> Condition:
    gate, code = "transaction", "zillow_transaction_id_missing"
    if deal.synced_at is not None and not deal.zillow_transaction_id:
        line = "synced before, so an update needs the transaction's id, and the deal has none"
        return Condition(gate, code, holds=False, line=line, evidence=asked)
    line = (
        f"the transaction id is {deal.zillow_transaction_id}"
        if deal.zillow_transaction_id
        else "never synced: Zillow names the transaction when it is created"
    )
    return Condition(gate, code, holds=True, line=line, evidence=asked)


def _unread(gate: str, failure: SourceFailure | None) -> Condition:
    why = failure.headline() if failure else "it was not read"
    return Condition(gate, _CODES[gate], None, f"could not be read ({why})", failure=failure)


def shown(condition: Condition) -> Gate:
    """The condition as a screen shows it."""
    status = Status.PASS if condition.holds else Status.FAIL
    if condition.holds is None:
        failure = condition.failure
        away = failure is not None and failure.kind is not FailureKind.NOT_MAPPED
        status = Status.UNREACHABLE if away else Status.NO_DATA
    return Gate(
        id=condition.gate,
        title=TITLES[condition.gate],
        status=status,
        summary=sentence(capital(condition.line)),
        error_code=condition.code if condition.holds is False else "",
        evidence=condition.evidence,
    )
