"""First response to transaction sync failures: the deal's agents, who of them is verified, and may the deal sync?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from diagnostics.checks.base import MOST_DETAILS, Check, FleetCheck, asked_as, bounded, oldest
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.words import about, plural, span
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import Finding, Status, TriageRequest
from diagnostics.signals.deal_index import LoggedDeal, deal_of
from diagnostics.signals.pulses import judge_count, of_counts
from diagnostics.sync.deals import CONNECTION_CAVEAT, Asking, Crew, Deal, read_crews, read_deal
from diagnostics.sync.gates import NO_AGENTS, conditions, read_facts
from diagnostics.sync.paths import read_paths
from diagnostics.sync.verdict import DealVerdict, decide, in_order

if TYPE_CHECKING:
    from diagnostics.signals.counts import Counts

UNREAD_PATHS = (
    "Map the legacy columns that could not be read (warroom doctor names them), or look these agents up by hand."
)


class _DealCheck(Check):
    """A check of one deal in one account."""

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """No data without a deal and its account, or when the deal is not there; else what the check finds."""
        if request.deal_id is None or request.account_id is None:
            missing = "a deal" if request.deal_id is None else f"the account of deal {request.deal_id}"
            return self.finding(
                Status.NO_DATA,
                f"This check needs {missing}.",
                next_step="Give one: warroom triage --issue transaction_sync --account-id 14009 --deal-id 12345.",
            )
        deal, evidence = read_deal(context, request.account_id, request.deal_id)
        if deal is None:
            return self.finding(
                Status.NO_DATA,
                f"The client database of account {request.account_id} has no deal {request.deal_id}.",
                next_step="Check the deal's id and its account.",
                evidence=evidence,
            )
        # The database says which account a deal belongs to; its row may disagree, and the diagnosis names that.
        return self.look(context, replace(deal, account_id=request.account_id))

    def look(self, context: Context, deal: Deal) -> Finding:
        """The finding about a deal that exists."""
        raise NotImplementedError


def _asking(context: Context, deal: Deal) -> Asking:
    """The databases of the deal's account; the three checks ask the same things and share the answers."""
    assert deal.account_id is not None  # noqa: S101  # `_DealCheck` has put it there
    return Asking(context, deal.account_id, shared=True)


def _crew(context: Context, deal: Deal) -> tuple[Crew, Evidence]:
    crews, asked = read_crews(_asking(context, deal), (deal.id,))
    return crews.get(deal.id, Crew()), asked[0]


class DealAgentCount(_DealCheck):
    """A deal without agents cannot sync."""

    id = "deal_agent_count"
    title = "Does the deal have agents?"
    name = "agents on deal"

    def look(self, context: Context, deal: Deal) -> Finding:
        """Fails for a deal without agents."""
        crew, evidence = _crew(context, deal)
        users = crew.users
        return self.finding(
            Status.PASS if users else Status.FAIL,
            f"Deal {deal.id} has {plural(len(users), 'agent')}."
            if users
            else f"Deal {deal.id} has no agents: it cannot sync.",
            value=len(users),
            unit="agents",
            threshold="at least 1",
            limit="at least 1",
            remark=f"deal {deal.id}",
            next_step="" if users else "The customer assigns an agent to the deal; then it syncs with its next update.",
            evidence=evidence,
            details=(
                *(f"user {user}" for user in users),
                *([f"{plural(crew.nameless, 'row')} of deal_agents without a user, not counted"] * bool(crew.nameless)),
            ),
        )


class DealAgentResolution(_DealCheck):
    """At least one agent must be verified by one of four paths."""

    id = "deal_agent_resolution"
    title = "Are the deal's agents verified with Zillow?"
    name = "verified agents"

    def look(self, context: Context, deal: Deal) -> Finding:
        """Fail when no agent is verified, warn when only some are; a path that cannot be read is not a failure."""
        crew, evidence = _crew(context, deal)
        users = crew.users
        threshold = "at least 1 agent by one of four paths"
        if not users:
            return self.finding(
                Status.NO_DATA,
                f"Deal {deal.id} has no agents, so there is nobody to verify.",
                value=0,
                unit="verified",
                threshold=threshold,
                limit="at least 1",
                remark=f"deal {deal.id}, no agents to verify",
                next_step=NO_AGENTS,
                evidence=evidence,
            )
        readings = read_paths(_asking(context, deal), users)
        if readings.failure is not None and readings.failure.kind is not FailureKind.NOT_MAPPED:
            raise readings.failure
        agents, asked = tuple(readings.of(user) for user in users), (*readings.evidence, evidence)
        verified = [agent for agent in agents if agent.is_verified]
        weak = [agent for agent in verified if not any(agent.paths[1:])]
        unknown = sum(agent.is_unknown for agent in agents)
        status = _verification(len(verified), unknown, len(agents))
        only_legacy = f" ({len(weak)} by the deprecated profile id alone)" if weak else ""
        not_known = f"; of {unknown} it is not known, because a legacy path cannot be read" if unknown else ""
        shown = oldest(asked)
        statements = asked_as(shown, (evidence, *asked))
        return self.finding(
            status,
            f"{len(verified)} of {plural(len(agents), 'agent')} on deal {deal.id} verified{only_legacy}{not_known}.",
            value=len(verified),
            unit="verified",
            threshold=threshold,
            limit="at least 1",
            remark=f"of {len(agents):,} on deal {deal.id}",
            next_step=_verification_advice(status, len(weak)),
            evidence=shown,
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
        return "The agents who are not verified connect to Zillow; the OAuth path is the one to fix."
    return "Note the agents on the deprecated path alone for migration; they sync today." if weak else ""


class DealEligibility(_DealCheck):
    """The conditions under which a deal syncs, and the first error code it would end in."""

    id = "deal_eligibility"
    title = "May the deal sync?"
    name = "may it sync"

    def look(self, context: Context, deal: Deal) -> Finding:
        """Fail with the first condition that does not hold; the others are listed."""
        facts = read_facts(_asking(context, deal), (deal.id,))[0]
        gates = in_order(gate for gate in conditions(facts) if gate.gate != "deal")
        verdict = decide(gates)
        synced = "never synced" if deal.synced_at is None else f"last synced {_ago(context, deal)} ago"
        if verdict.failing:
            first = verdict.failing[0]
            status, value = Status.FAIL, first.code
            summary = f"Deal {deal.id} would fail with {value}: {first.line}{_further(verdict)}; {synced}."
            next_step = first.advice or _remedy(context, first.code)
            evidence = first.evidence[0]
        elif verdict.unknown:
            first = verdict.unknown[0]
            if first.failure is not None and first.failure.kind is not FailureKind.NOT_MAPPED:
                raise first.failure
            status, value = Status.NO_DATA, "not known"
            summary = f"Whether deal {deal.id} may sync is not known: {first.line}; {synced}."
            next_step = UNREAD_PATHS
            evidence = (*first.evidence, *facts.asked)[0]
        else:
            status, value = Status.PASS, "eligible"
            summary = f"Deal {deal.id} meets every condition for syncing; {synced}."
            next_step = "" if deal.synced_at else "Look for a held mutex or failed jobs (query sync_worker_errors)."
            first_asked = facts.asked[0]
            caveat = "; ".join(part for part in (first_asked.caveat, CONNECTION_CAVEAT) if part)
            evidence = first_asked.model_copy(update={"caveat": caveat})
        return self.finding(
            status,
            summary,
            value=value,
            remark=f"deal {deal.id}, {synced}",
            threshold="property, verified agent, contact with an active connection, active data-sync system",
            next_step=next_step,
            evidence=evidence,
            details=(
                *(gate.detail() for gate in gates),
                *asked_as(evidence, (part for gate in gates for part in gate.evidence)),
            ),
        )


def _further(verdict: DealVerdict) -> str:
    further = len(verdict.failing) - 1
    return f", and {plural(further, 'further condition')} fail" if further else ""


def _remedy(context: Context, code: str) -> str:
    known = next((one for one in context.catalogue.known_messages.values() if one.text == code), None)
    return known.remedy if known else ""


class ZeroAgentDeals(FleetCheck):
    """Across all accounts: how often sync finds deals without agents, against what is usual."""

    id = "zero_agent_deals"
    title = "How many deals are found without agents?"
    name = "no-agent deals"

    def look(self, context: Context) -> Finding:
        """Judge the count of the window by the issue's own rule; name the deals seen last."""
        issue = context.catalogue.issues["transaction_sync"]
        query = context.catalogue.queries["zero_agent_deals"].datadog
        counts = context.logs.counts(query, context.window_s)
        baseline = context.logs.baselines.known(query, context.window_s)
        usual = None if baseline.usual is None else baseline.usual.count
        judged = judge_count(issue, counts.count, usual, is_pending=baseline.is_pending)
        return self.finding(
            of_counts(judged.status, partial=counts.partial),
            f"{counts.words('time')} in the last {span(context.window_s)} sync found a deal without agents; "
            f"{judged.comparison}.{f' {counts.doubt}.' if counts.doubt else ''}",
            value=counts.count,
            unit="events",
            threshold=judged.rule,
            limit=f"> {issue.pulse.high_ratio:g}× usual",
            remark=", ".join(filter(None, (judged.comparison, counts.doubt))),
            next_step="Open one of the deals: its agents and its eligibility say why." if counts.count else "",
            evidence=counts.evidence,
            details=_candidate_lines(context, query, counts),
        )


def _candidate_lines(context: Context, query: str, counts: Counts) -> tuple[str, ...]:
    if not counts.count:
        return ()
    try:
        deals = recent_zero_agent_deals(context, query, context.window_s)
    except SourceFailure as failure:
        return (f"the deals' ids are not known ({failure.headline()})",)
    return tuple(candidate_line(deal) for deal in deals)


def recent_zero_agent_deals(context: Context, query: str, window_s: int, most: int = 10) -> tuple[LoggedDeal, ...]:
    """Deals that recent log lines report without agents, newest first, each once. Raises SourceFailure."""
    page = context.logs.newest(query, window_s)
    context.deal_index.note(page.events)
    found: dict[tuple[int, int | None], LoggedDeal] = {}
    for event in page.events:
        deal = deal_of(event)
        if deal is not None and deal.without_agents:
            found.setdefault((deal.deal_id, deal.account_id), deal)
    return tuple(found.values())[:most]


def candidate_line(deal: LoggedDeal) -> str:
    """One candidate for a person."""
    account = "" if deal.account_id is None else f" in account {deal.account_id}"
    return f"deal {deal.deal_id}{account}"


def _ago(context: Context, deal: Deal) -> str:
    return about((context.now() - deal.synced_at).total_seconds()) if deal.synced_at else ""
