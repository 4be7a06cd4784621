"""First response to transaction sync failures: the deal's agents, who of them is verified, and may the deal sync?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import MOST_DETAILS, Check, FleetCheck, Tools, about, asked_as, bounded, plural
from diagnostics.deals import (
    CONNECTION_CAVEAT,
    Deal,
    active_sync_systems,
    count_contacts,
    read_agents,
    read_connections,
    read_deal,
    read_paths,
)
from diagnostics.failures import SourceFailure
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import Finding, Status, TriageRequest
from diagnostics.pulse_rules import PARTIAL, judge_count, of_counts
from diagnostics.seen import SeenDeal, deal_of
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.log_questions import Counts

UNREAD_PATHS = (
    "Map the legacy columns that could not be read (warroom doctor names them), or look these agents up by hand."
)

NO_AGENTS = "Assign an agent first."


class _DealCheck(Check):
    """A check of one deal in one account."""

    def answer(self, tools: Tools, request: TriageRequest) -> Finding:
        """No data without a deal and its account, or when the deal is not there; else what the check finds."""
        if request.deal_id is None or request.account_id is None:
            missing = "a deal" if request.deal_id is None else f"the account of deal {request.deal_id}"
            return self.finding(
                Status.NO_DATA,
                f"This check needs {missing}.",
                next_step="Give one: warroom triage --issue transaction_sync --account-id 14009 --deal-id 12345.",
            )
        deal, evidence = read_deal(tools, request.account_id, request.deal_id)
        if deal is None:
            return self.finding(
                Status.NO_DATA,
                f"The client database of account {request.account_id} has no deal {request.deal_id}.",
                next_step="Check the deal's id and its account.",
                evidence=evidence,
            )
        return self.look(tools, deal)

    def look(self, tools: Tools, deal: Deal) -> Finding:
        """The finding about a deal that exists."""
        raise NotImplementedError


class DealAgentCount(_DealCheck):
    """A deal without agents cannot sync."""

    id = "deal_agent_count"
    title = "Does the deal have agents?"
    sources = ("client",)

    def look(self, tools: Tools, deal: Deal) -> Finding:
        """Fail with none."""
        users, evidence = read_agents(tools, deal.account_id, deal.id)
        return self.finding(
            Status.PASS if users else Status.FAIL,
            f"Deal {deal.id} has {plural(len(users), 'agent')}."
            if users
            else f"Deal {deal.id} has no agents: it cannot sync.",
            value=len(users),
            unit="agents",
            threshold="at least 1",
            next_step="" if users else "The customer assigns an agent to the deal; then it syncs with its next update.",
            evidence=evidence,
            details=[f"user {user}" for user in users],
        )


class DealAgentResolution(_DealCheck):
    """At least one agent must be verified by one of four paths."""

    id = "deal_agent_resolution"
    title = "Are the deal's agents verified with Zillow?"
    sources = ("client", "common")

    def look(self, tools: Tools, deal: Deal) -> Finding:
        """Fail when no agent is verified, warn when only some are; a path that cannot be read is not a failure."""
        users, evidence = read_agents(tools, deal.account_id, deal.id)
        threshold = "at least 1 agent by one of four paths"
        if not users:
            return self.finding(
                Status.NO_DATA,
                f"Deal {deal.id} has no agents, so there is nobody to verify.",
                value=0,
                unit="verified",
                threshold=threshold,
                next_step=NO_AGENTS,
                evidence=evidence,
            )
        agents, asked = read_paths(tools, deal.account_id, users)
        verified = [agent for agent in agents if agent.is_verified]
        weak = [agent for agent in verified if not any(agent.paths[1:])]
        unknown = sum(agent.is_unknown for agent in agents)
        status = _verification(len(verified), unknown, len(agents))
        only_legacy = f" ({len(weak)} by the deprecated profile id alone)" if weak else ""
        not_known = f"; of {unknown} it is not known, because a legacy path cannot be read" if unknown else ""
        statements = asked_as(asked[0], (evidence, *asked))
        return self.finding(
            status,
            f"{len(verified)} of {plural(len(agents), 'agent')} on deal {deal.id} verified{only_legacy}{not_known}.",
            value=len(verified),
            unit="verified",
            threshold=threshold,
            next_step=_verification_advice(status, len(weak)),
            evidence=asked[0],
            details=(
                *bounded(
                    (agent.line() for agent in sorted(agents, key=lambda agent: agent.is_verified)),
                    MOST_DETAILS - len(statements),
                ),
                *statements,
            ),
        )


def _verification(verified: int, unknown: int, agents: int) -> Status:
    """One verified agent is enough for the deal; the others still want mending."""
    if verified:
        return Status.WARN if verified < agents else Status.PASS
    return Status.NO_DATA if unknown else Status.FAIL


def _verification_advice(status: Status, weak: int) -> str:
    if status is Status.NO_DATA:
        return UNREAD_PATHS
    if status is not Status.PASS:
        return "The agents who are not verified connect to Zillow; the OAuth path is the one to mend."
    return "Note the agents on the deprecated path alone for migration; they sync today." if weak else ""


@dataclass(slots=True, frozen=True)
class _Gate:
    """One condition of eligibility, with the error code its failure ends in."""

    code: str
    holds: bool | None
    """None when it cannot be known."""
    line: str
    evidence: Evidence
    also: tuple[Evidence, ...] = ()
    """Further statements behind it."""

    advice: str = ""
    """What to do when it fails; empty where the code's own remedy says it."""

    def detail(self) -> str:
        """For a drill-down: whether it holds, and the code if not."""
        return f"{'not known' if self.holds is None else 'holds' if self.holds else self.code}: {self.line}"


class DealEligibility(_DealCheck):
    """The conditions under which a deal syncs, and the first error code it would end in."""

    id = "deal_eligibility"
    title = "May the deal sync?"
    sources = ("client", "common")

    def look(self, tools: Tools, deal: Deal) -> Finding:
        """Fail with the first condition that does not hold; the others are listed."""
        gates = self._gates(tools, deal)
        failing = [gate for gate in gates if gate.holds is False]
        unknown = [gate for gate in gates if gate.holds is None]
        synced = "never synced" if deal.synced_at is None else f"last synced {_ago(tools, deal)} ago"
        if failing:
            status, value = Status.FAIL, failing[0].code
            more = f", and {plural(len(failing) - 1, 'further condition')} fail" if len(failing) > 1 else ""
            summary = f"Deal {deal.id} would fail with {value}: {failing[0].line}{more}; {synced}."
            known = next((one for one in tools.catalogue.known_messages.values() if one.text == value), None)
            next_step = failing[0].advice or (known.remedy if known else "")
            evidence = failing[0].evidence
        elif unknown:
            status, value = Status.NO_DATA, "not known"
            summary = f"Whether deal {deal.id} may sync is not known: {unknown[0].line}; {synced}."
            next_step = UNREAD_PATHS
            evidence = unknown[0].evidence
        else:
            status, value = Status.PASS, "eligible"
            summary = f"Deal {deal.id} meets every condition for syncing; {synced}."
            next_step = "" if deal.synced_at else "Look for a held mutex or failed jobs (query sync_worker_errors)."
            evidence = deal.evidence.model_copy(update={"caveat": CONNECTION_CAVEAT})
        return self.finding(
            status,
            summary,
            value=value,
            threshold="property, verified agent, contact with an active connection, active data-sync system",
            next_step=next_step,
            evidence=evidence,
            details=(
                *(gate.detail() for gate in gates),
                *asked_as(evidence, (part for gate in gates for part in (gate.evidence, *gate.also))),
            ),
        )

    def _gates(self, tools: Tools, deal: Deal) -> tuple[_Gate, ...]:
        """In the order in which the sync job meets them."""
        systems, asked_systems = active_sync_systems(tools, deal.account_id)
        needs_id = deal.synced_at is not None and not deal.zillow_transaction_id
        has_property = deal.property_id is not None
        return (
            _Gate(
                "sync_system_missing",
                bool(systems),
                f"{plural(len(systems), 'active data-sync system')} for Zillow",
                asked_systems,
            ),
            _Gate(
                "zillow_transaction_id_missing",
                not needs_id,
                "synced before, so an update needs the transaction's id"
                if needs_id
                else "no transaction id is missing",
                deal.evidence,
            ),
            _agent_gate(tools, deal),
            _contact_gate(tools, deal),
            _Gate(
                "property_missing",
                has_property,
                "the deal has a property" if has_property else "the deal has no property",
                deal.evidence,
            ),
        )


def _agent_gate(tools: Tools, deal: Deal) -> _Gate:
    code = "agent_verification_failed"
    users, asked_users = read_agents(tools, deal.account_id, deal.id)
    if not users:
        return _Gate(code, holds=False, line="the deal has no agents", evidence=asked_users, advice=NO_AGENTS)
    agents, asked = read_paths(tools, deal.account_id, users)
    verified = sum(agent.is_verified for agent in agents)
    unknown = sum(agent.is_unknown for agent in agents)
    not_known = f", of {unknown} it is not known" if unknown else ""
    holds = True if verified else None if unknown else False
    line = f"{verified} of {plural(len(agents), 'agent')} verified{not_known}"
    return _Gate(code, holds, line, asked[0], (asked_users, *asked[1:]))


def _contact_gate(tools: Tools, deal: Deal) -> _Gate:
    contacts, asked_contacts = count_contacts(tools, deal.account_id, deal.id)
    connections = read_connections(tools, deal.account_id)
    line = (
        f"{plural(contacts, 'contact')} on the deal, {connections.active} of "
        f"{plural(connections.total, 'sync connection')} of the account active"
    )
    holds = contacts > 0 and connections.active > 0
    # Without a contact the connections do not matter; with one they decide.
    shown, other = connections.evidence, asked_contacts
    if not contacts:
        shown, other = other, shown
    return _Gate("contact_sync_missing", holds, line, shown, (other,))


class ZeroAgentDeals(FleetCheck):
    """Across all accounts: how often sync finds deals without agents, against what is usual."""

    id = "zero_agent_deals"
    title = "How many deals are found without agents?"
    sources = ("datadog",)

    def look(self, tools: Tools) -> Finding:
        """Judge the count of the window by the issue's own rule; name the deals seen last."""
        issue = tools.catalogue.issues["transaction_sync"]
        query = tools.catalogue.queries["zero_agent_deals"].datadog
        counts = tools.logs.counts(query, tools.window_s)
        baseline = tools.logs.baselines.known(query, tools.window_s)
        usual = None if baseline.usual is None else baseline.usual.count
        judged = judge_count(issue, counts.count, usual, is_pending=baseline.is_pending)
        return self.finding(
            of_counts(judged.status, partial=counts.partial),
            f"{plural(counts.count, 'time')} in the last {span(tools.window_s)} sync found a deal without agents; "
            f"{judged.comparison}.{f' {PARTIAL}.' if counts.partial else ''}",
            value=counts.count,
            unit="events",
            threshold=judged.rule,
            next_step="Open one of the deals: its agents and its eligibility say why." if counts.count else "",
            evidence=counts.evidence,
            details=_candidate_lines(tools, query, counts),
        )


def _candidate_lines(tools: Tools, query: str, counts: Counts) -> tuple[str, ...]:
    if not counts.count:
        return ()
    try:
        deals = recent_zero_agent_deals(tools, query, tools.window_s)
    except SourceFailure as failure:
        return (f"the deals' ids are not known ({failure.headline()})",)
    return tuple(candidate_line(deal) for deal in deals)


def recent_zero_agent_deals(tools: Tools, query: str, window_s: int, most: int = 10) -> tuple[SeenDeal, ...]:
    """Deals that recent log lines report without agents, newest first, each once. Raises SourceFailure."""
    page = tools.logs.newest(query, window_s)
    tools.seen.note(page.events)
    found: dict[tuple[int, int | None], SeenDeal] = {}
    for event in page.events:
        deal = deal_of(event)
        if deal is not None and deal.without_agents:
            found.setdefault((deal.deal_id, deal.account_id), deal)
    return tuple(found.values())[:most]


def candidate_line(deal: SeenDeal) -> str:
    """One candidate for a person."""
    account = "" if deal.account_id is None else f" in account {deal.account_id}"
    return f"deal {deal.deal_id}{account}"


def _ago(tools: Tools, deal: Deal) -> str:
    return about((tools.now() - deal.synced_at).total_seconds()) if deal.synced_at else ""
