"""The one sentence about a deal: what it would fail with and why, how sure that is, and what would overturn it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import form
from diagnostics.models.conclusions import Conclusion, Confidence
from diagnostics.models.deals import Gate
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.sync.configuration import IGNORE_CREATION, Around
from diagnostics.sync.gates import DealFacts
from diagnostics.sync.log_evidence import LogEvidence
from diagnostics.sync.verdict import Condition, DealVerdict

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue

ALREADY_SYNCED = "already_synced"
CREATION_IGNORED = "creation_events_ignored"
SYNC_RUNNING = "sync_running"
ELIGIBLE_NOW = "eligible"
UNKNOWN = "not_known"

_OVERTURNED = {
    "deal_id_missing": ("the deal is found in another account, or was deleted after its sync began",),
    "property_missing": ("a property is put on the deal", "the sync takes its property from elsewhere"),
    "agent_verification_failed": (
        "an agent of the deal connects to Zillow, or another one is put on the deal",
        "a path holds in the sync that the mapped tables do not show",
    ),
    "contact_sync_missing": ("a connection of the account is enabled, or its problem is cleared",),
    "sync_system_missing": (
        "a data-sync system for Zillow is switched on",
        "data_sync_systems is kept elsewhere in your schema (its place is assumed)",
    ),
    "zillow_transaction_id_missing": ("Zillow's transaction id is written back to the deal",),
    ALREADY_SYNCED: ("Premier Agent does not show the transaction although the deal's row says that it was synced",),
    CREATION_IGNORED: (
        f"the flag {IGNORE_CREATION} is switched off",
        "a row of the account does not overrule the others",
    ),
    SYNC_RUNNING: ("the mutex is released and the deal still has no synced_at",),
    ELIGIBLE_NOW: ("a log line of the sync worker names an error code for this deal",),
    UNKNOWN: ("the parts that could not be read are read",),
}


@dataclass(slots=True, frozen=True)
class Grounds:
    """Everything that a conclusion about one deal rests on."""

    facts: DealFacts
    verdict: DealVerdict
    logs: LogEvidence
    around: Around
    mutex: Gate


def confidence_of(sources: Iterable[str]) -> Confidence:
    """By the number of independent sources that agree."""
    by_count = (Confidence.NONE, Confidence.PRELIMINARY, Confidence.STANDARD, Confidence.STRICT)
    return by_count[min(3, len(set(sources)))]


def kinds(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """The sources of evidence, one client database like any other."""
    return tuple(dict.fromkeys(one.source.partition(" ")[0] for one in evidence))


def conclude(catalogue: Catalogue, account_id: int, grounds: Grounds) -> Conclusion:
    """The conclusion about one deal."""
    verdict, deal = grounds.verdict, grounds.facts.deal
    if verdict.failing:
        return _failing(catalogue, account_id, grounds, verdict.failing[0])
    if deal is not None and deal.synced_at is not None:
        return _synced(grounds, deal.synced_at)
    if verdict.unknown:
        first = verdict.unknown[0]
        sentence = f"Whether deal {grounds.facts.deal_id} may sync is not known: {first.gate} {first.line}."
        remedy = first.failure.remedy if first.failure else ""
        return _concluded(
            UNKNOWN, sentence, (), next_step=remedy or "Ask again when the source answers: warroom doctor."
        )
    return _eligible(grounds)


def _failing(catalogue: Catalogue, account_id: int, grounds: Grounds, first: Condition) -> Conclusion:
    facts, verdict, code = grounds.facts, grounds.verdict, first.code
    deal_id = facts.deal_id
    has_agents = bool(facts.agents)
    if code == "deal_id_missing":
        sentence = f"Account {account_id} has no deal {deal_id}: a sync that names it ends in deal_id_missing."
    elif first.gate == "agents" and not has_agents:
        sentence = f"Deal {deal_id} cannot sync at all: {first.line}, so there is nobody to verify ({code})."
    else:
        sentence = f"Deal {deal_id} would fail with {code}: {first.line}."
    further = [one.code for one in verdict.failing[1:]]
    if further:
        fail = form(len(further), "further condition fails", "further conditions fail")
        sentence += f" {len(further)} {fail}: {', '.join(further)}."
    if first.gate != "agents" and facts.crew.value is not None and not facts.crew.value.users and facts.deal:
        sentence += " Nobody is on the deal either, and without an agent no sync is possible."
    if verdict.could_fail_earlier:
        earlier = ", ".join(one.code for one in verdict.could_fail_earlier)
        sentence += f" It may end in {earlier} before that, which could not be read."
    deal = facts.deal
    if deal is not None and deal.synced_at is not None:
        sentence += f" It was synced {_at(deal.synced_at)}; this is about its next update."
    elif deal is not None and grounds.around.ignores_creation:
        sentence += f" Besides, {_ignored(grounds)}"
    # Not verified means that every path was looked at, in both databases; anything else is decided by one statement.
    decided = first.evidence if first.gate == "agents" and has_agents else first.evidence[:1]
    sources = [*kinds(decided)]
    heard = grounds.logs.agrees_with(code, has_agents=has_agents)
    if heard:
        sources.append("datadog")
    known = next((one for one in catalogue.known_messages.values() if one.text == code), None)
    return _concluded(
        code, sentence, sources, is_inference=not heard, next_step=first.advice or (known.remedy if known else "")
    )


def _synced(grounds: Grounds, synced_at: datetime) -> Conclusion:
    facts, verdict = grounds.facts, grounds.verdict
    deal = facts.deal
    transaction = f" as transaction {deal.zillow_transaction_id}" if deal and deal.zillow_transaction_id else ""
    sentence = f"Deal {facts.deal_id} is already synced: {_at(synced_at)}{transaction}."
    if verdict.unknown:
        sentence += (
            f" Whether its next update would pass is not known: {verdict.unknown[0].gate} {verdict.unknown[0].line}."
        )
    elif deal and deal.updated_at is not None and deal.updated_at > synced_at:
        sentence += f" It was changed since, {_at(deal.updated_at)}; every condition for an update holds."
    else:
        sentence += " Every condition for its next update holds."
    return _concluded(ALREADY_SYNCED, sentence, ["client"], next_step="Nothing, unless Premier Agent does not show it.")


def _eligible(grounds: Grounds) -> Conclusion:
    facts = grounds.facts
    sources = [*kinds(facts.asked), *kinds(facts.account.connections.evidence)]
    if grounds.mutex.status is Status.PASS:
        sources.append("redis")
    start = f"Deal {facts.deal_id} meets every condition and was never synced"
    if grounds.around.ignores_creation:
        return _concluded(
            CREATION_IGNORED,
            f"{start}: {_ignored(grounds)}",
            ["common"],
            is_inference=True,
            next_step="Ask the team whether the flag is meant to be on for this account.",
        )
    if grounds.mutex.status is Status.WARN:
        sentence = f"{start}; a mutex of its sync user is held. {grounds.mutex.summary}"
        wait = "Ask again in a minute; a mutex that stays held is a matter for the team."
        return _concluded(SYNC_RUNNING, sentence, ["redis"], is_inference=True, next_step=wait)
    sentence = f"{start}: nothing in its rows keeps it from syncing."
    if grounds.around.ignores_creation is None:
        sentence += f" Whether {IGNORE_CREATION} is on could not be established."
    step = "Look for failed jobs (query sync_worker_errors); an update of the deal starts a sync."
    return _concluded(ELIGIBLE_NOW, sentence, sources, is_inference=True, next_step=step)


def _ignored(grounds: Grounds) -> str:
    flags = grounds.around.flags.value or ()
    scope = next((flag.scope for flag in flags if flag.name == IGNORE_CREATION), "this account")
    return f"creation events are ignored, because {IGNORE_CREATION} is on for {scope}: new transactions do not sync."


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _concluded(
    code: str, sentence: str, sources: Iterable[str], *, is_inference: bool = False, next_step: str = ""
) -> Conclusion:
    agreeing = tuple(dict.fromkeys(sources))
    return Conclusion(
        code=code,
        sentence=sentence,
        confidence=confidence_of(agreeing),
        sources=agreeing,
        is_inference=is_inference,
        overturned_by=_OVERTURNED.get(code, ()),
        next_step=next_step,
    )
