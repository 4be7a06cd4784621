"""First response to transaction sync failures: the deal's agents, who of them is verified, and may the deal sync?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import Check, FleetCheck, Tools, about, plural
from diagnostics.deals import (
    AgentPaths,
    Deal,
    active_sync_systems,
    count_contacts,
    read_agents,
    read_connections,
    read_deal,
    read_paths,
)
from diagnostics.failures import SourceFailure
from diagnostics.models.triage import Finding, Status, TriageRequest
from diagnostics.pulse_rules import judge_count
from diagnostics.seen import SeenDeal, deal_of
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.log_questions import Counts

CONNECTION_CAVEAT = "Which connection a contact came through is not recorded: any active one of the account counts."


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
        """Fail when no agent is verified, warn when only some are."""
        users, evidence = read_agents(tools, deal.account_id, deal.id)
        threshold = "at least 1 agent by one of four paths"
        if not users:
            return self.finding(
                Status.NO_DATA,
                f"Deal {deal.id} has no agents, so there is nobody to verify.",
                value=0,
                unit="verified",
                threshold=threshold,
                next_step="Assign an agent first.",
                evidence=evidence,
            )
        agents, evidence = read_paths(tools, deal.account_id, users)
        verified = [agent for agent in agents if agent.is_verified]
        weak = [agent for agent in verified if not any(agent.paths[1:])]
        status = Status.FAIL if not verified else Status.WARN if len(verified) < len(agents) else Status.PASS
        only_legacy = f" ({len(weak)} by the deprecated profile id alone)" if weak else ""
        return self.finding(
            status,
            f"{len(verified)} of {plural(len(agents), 'agent')} on deal {deal.id} verified{only_legacy}.",
            value=len(verified),
            unit="verified",
            threshold=threshold,
            next_step=_verification_advice(status, len(weak)),
            evidence=evidence,
            details=[agent.line() for agent in sorted(agents, key=lambda agent: agent.is_verified)],
        )


def _verification_advice(status: Status, weak: int) -> str:
    if status is not Status.PASS:
        return "The agents who are not verified connect to Zillow; the OAuth path is the one to mend."
    return "Note the agents on the deprecated path alone for migration; they sync today." if weak else ""


@dataclass(slots=True, frozen=True)
class _Gate:
    """One condition of eligibility, with the error code its failure ends in."""

    code: str
    holds: bool
    line: str


class DealEligibility(_DealCheck):
    """The conditions under which a deal syncs, and the first error code it would end in."""

    id = "deal_eligibility"
    title = "May the deal sync?"
    sources = ("client", "common")

    def look(self, tools: Tools, deal: Deal) -> Finding:
        """Fail with the first condition that does not hold; the others are listed."""
        gates = self._gates(tools, deal)
        failing = [gate for gate in gates if not gate.holds]
        synced = "never synced" if deal.synced_at is None else f"last synced {_ago(tools, deal)} ago"
        threshold = "property, verified agent, contact with an active connection, active data-sync system"
        details = [f"{'holds' if gate.holds else gate.code}: {gate.line}" for gate in gates]
        if not failing:
            return self.finding(
                Status.PASS,
                f"Deal {deal.id} meets every condition for syncing; {synced}.",
                value="eligible",
                threshold=threshold,
                next_step="" if deal.synced_at else "Look for a held mutex or failed jobs (query sync_worker_errors).",
                evidence=deal.evidence.model_copy(update={"caveat": CONNECTION_CAVEAT}),
                details=details,
            )
        first = failing[0]
        known = next((one for one in tools.catalogue.known_messages.values() if one.text == first.code), None)
        more = f", and {plural(len(failing) - 1, 'further condition')} fail" if len(failing) > 1 else ""
        return self.finding(
            Status.FAIL,
            f"Deal {deal.id} would fail with {first.code}: {first.line}{more}; {synced}.",
            value=first.code,
            threshold=threshold,
            next_step=known.remedy if known else "",
            evidence=deal.evidence.model_copy(update={"caveat": CONNECTION_CAVEAT}),
            details=details,
        )

    def _gates(self, tools: Tools, deal: Deal) -> tuple[_Gate, ...]:
        users, _ = read_agents(tools, deal.account_id, deal.id)
        agents: tuple[AgentPaths, ...] = read_paths(tools, deal.account_id, users)[0] if users else ()
        verified = sum(agent.is_verified for agent in agents)
        contacts = count_contacts(tools, deal.account_id, deal.id)
        connections = read_connections(tools, deal.account_id)
        systems = active_sync_systems(tools, deal.account_id)
        # In the order in which the sync job meets them.
        return (
            _Gate(
                "sync_system_missing", bool(systems), f"{plural(len(systems), 'active data-sync system')} for Zillow"
            ),
            _Gate(
                "zillow_transaction_id_missing",
                deal.synced_at is None or bool(deal.zillow_transaction_id),
                "synced before, so an update needs the transaction's id"
                if deal.synced_at and not deal.zillow_transaction_id
                else "no transaction id is missing",
            ),
            _Gate("agent_verification_failed", verified > 0, f"{verified} of {plural(len(agents), 'agent')} verified"),
            _Gate(
                "contact_sync_missing",
                contacts > 0 and connections.active > 0,
                f"{plural(contacts, 'contact')} on the deal, {connections.active} of "
                f"{plural(connections.total, 'sync connection')} of the account active",
            ),
            _Gate(
                "property_missing",
                deal.property_id is not None,
                "the deal has a property" if deal.property_id is not None else "the deal has no property",
            ),
        )


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
            judged.status,
            f"{plural(counts.count, 'time')} in the last {span(tools.window_s)} sync found a deal without agents; "
            f"{judged.comparison}.",
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
