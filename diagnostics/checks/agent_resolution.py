"""First response to agent resolution: are the shares near the baseline, and is any agent worse than it could be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.checks.base import Check, bounded, worst
from diagnostics.core.context import Context
from diagnostics.core.words import form, plural
from diagnostics.health.resolution import BEYOND_CHANCE, of_account, of_everybody, shares_line
from diagnostics.health.stale import accuracy_figure, read_stale
from diagnostics.models.triage import Finding, Status, TriageRequest

if TYPE_CHECKING:
    from diagnostics.models.deals import StaleAgent

MOST_NAMED = 2_000
"""Agents that a finding names: every one of an account that anybody has seen, and an end all the same."""

REPAIR = (
    "Have the account's agents resolved again: route zillow-sync-diagnosis shows each with its transitions. "
    "This console changes nothing."
)


class ResolutionDistribution(Check):
    """Shares of CONNECTED, INFERRED and UNMATCHED against their baselines: of one account, or of all."""

    id = "resolution_distribution"
    title = "How are agents resolved, against the baseline?"

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """The account's client database; without an account every one of them."""
        if request.account_id is None:
            found, scope = of_everybody(context), "of all accounts"
        else:
            found, scope = of_account(context, request.account_id), f"of account {request.account_id}"
        rule = context.catalogue.thresholds["resolution_share"]
        evidence = found.evidence[0] if found.evidence else None
        if not found.total:
            return self.finding(
                Status.NO_DATA,
                f"There are no agents {scope} with a resolution method in use.",
                threshold=rule.rule(),
                next_step="Check the schema map (warroom doctor); an account without Zillow agents has none.",
                evidence=evidence,
                details=found.notes,
            )
        drift = found.drift.value if found.drift is not None else None
        return self.finding(
            found.status,
            f"{plural(found.total, 'agent')} {scope}: {shares_line(found)}.",
            value=round(drift, 2) if isinstance(drift, float) else drift,
            unit="points from the baseline",
            threshold=f"each share {rule.rule()} from its baseline"
            + ("" if request.account_id is None else BEYOND_CHANCE),
            next_step=""
            if found.status is Status.PASS
            else "Compare with the account's own past: the history of transitions says when and why the shares moved.",
            evidence=evidence,
            details=(
                *(
                    f"{one.method}: {one.count:,} agents, baseline {one.baseline:.2f} %"
                    + (f" ({one.note})" if one.note else "")
                    for one in found.shares
                ),
                f"source: {found.origin}" + (f", as of {found.as_of:%Y-%m-%d %H:%M} UTC" if found.as_of else ""),
                *found.notes,
            ),
        )


class ResolutionIntegrity(Check):
    """Agents that are INFERRED or UNMATCHED although their user holds a valid token."""

    id = "resolution_integrity"
    title = "Is any agent resolved worse than it could be?"

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """Every such agent of one account, by name; without an account how many there are and where."""
        if request.account_id is None:
            return self._everybody(context)
        return self._account(context, request.account_id)

    def _account(self, context: Context, account_id: int) -> Finding:
        from diagnostics.sync.resolution import CONSISTENT, diagnose_resolution  # noqa: PLC0415  # the specialist loads its own

        diagnosis = diagnose_resolution(context, account_id)
        stale = diagnosis.stale
        status = Status.FAIL if stale else worst(*(finding.status for finding in diagnosis.findings))
        if status is Status.PASS and diagnosis.conclusion.code != CONSISTENT:
            # Nothing was found among nothing.
            status = Status.NO_DATA
        evidence = next((one.evidence for one in diagnosis.findings if one.evidence is not None), None)
        made = self.finding(
            status,
            f"{plural(len(stale), 'agent')} of account {account_id} "
            f"{form(len(stale), 'is', 'are')} INFERRED or UNMATCHED although the user holds a valid token."
            if stale or status is Status.PASS
            else diagnosis.conclusion.sentence,
            value=len(stale),
            unit="agents",
            threshold="none may be",
            next_step=(diagnosis.conclusion.next_step or REPAIR) if stale else "",
            evidence=evidence,
        )
        # Exactly these agents are what the responder came for, so they are named in full.
        lines = (*(stale_line(agent) for agent in stale), *diagnosis.notes)
        return made.model_copy(update={"details": bounded(lines, MOST_NAMED)})

    def _everybody(self, context: Context) -> Finding:
        stale = read_stale(context)
        figure = accuracy_figure(context, stale)
        return self.finding(
            figure.status,
            f"{plural(stale.stale, 'agent')} of {stale.agents:,} in {plural(stale.accounts, 'account')} "
            f"{form(stale.stale, 'is', 'are')} INFERRED or UNMATCHED although the user holds a valid token "
            f"(accuracy {figure.shown}).",
            value=stale.stale,
            unit="agents",
            threshold=figure.threshold,
            next_step="" if not stale.stale else "Name the account to see each of its agents: --account-id.",
            evidence=stale.evidence[0] if stale.evidence else None,
            details=(*(f"account {account}: {plural(count, 'agent')}" for account, count in stale.worst), figure.note),
        )


def stale_line(agent: StaleAgent) -> str:
    """One agent for a drill-down, its id first."""
    name = f" {agent.name}" if agent.name else ""
    since = "" if agent.agent_updated_at is None else f", agent updated {agent.agent_updated_at:%Y-%m-%d %H:%M} UTC"
    token = "" if agent.token_updated_at is None else f", token updated {agent.token_updated_at:%Y-%m-%d %H:%M} UTC"
    return f"agent {agent.agent_id}{name}, user {agent.user_id}: {agent.method_name}{since}{token}"
