"""Agents of all accounts that are INFERRED or UNMATCHED although their user holds a valid token.

Client databases say who the candidates are, `common` who holds a token; the two are brought together here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import share
from diagnostics.core.context import Context
from diagnostics.core.words import plural
from diagnostics.fleet.questions import STALE_CANDIDATES
from diagnostics.health.figures import figure
from diagnostics.health.resolution import counted, counts_of_everybody
from diagnostics.health.tokens import valid_holders
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Figure, Gap
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job

WORST_ACCOUNTS = 20
DEFINITION = (
    "100 minus the share of agents that are INFERRED or UNMATCHED although their user holds a valid token, among "
    "agents with a method in use. Whether a CONNECTED agent is the right person is not tried."
)


@dataclass(slots=True, frozen=True)
class StaleAgents:
    """How many agents could be CONNECTED and are not, and where."""

    stale: int
    agents: int
    """Agents with one of the three methods, in the accounts that answered."""
    worst: tuple[tuple[int, int], ...]
    """(account, stale agents), most first, bounded."""
    accounts: int
    """Accounts with any."""
    coverage: Coverage
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]

    @property
    def accuracy(self) -> float | None:
        """Per cent, 0–100; None where there are no agents."""
        stale = share(self.stale, self.agents)
        return None if stale is None else 100.0 - stale


def read_stale(context: Context, job: Job | None = None) -> StaleAgents:
    """Count them, kept for as long as system-wide answers are. Raises SourceFailure."""
    keep_s = context.settings.fleet.refresh_s
    return context.answers.get(("fleet", "stale agents"), keep_s, lambda: _read(context, job))


def _read(context: Context, job: Job | None) -> StaleAgents:

    counts = counts_of_everybody(context, job)
    candidates = context.fleet.ask(STALE_CANDIDATES, job=job)
    holders, token_evidence = valid_holders(context, job)
    # Only accounts that answered both questions: a share is of agents that were looked at.
    both = {account.account_id for account in counts.rows} & {account.account_id for account in candidates.rows}
    agents = counted(
        (row["method"], _whole(row["count"]))
        for account in counts.rows
        if account.account_id in both
        for row in account.rows
    )
    by_account: Counter[int] = Counter()
    for account in candidates.rows:
        if account.account_id in both:
            stale = sum(1 for row in account.rows if (account.account_id, row["user_id"]) in holders)
            if stale:
                by_account[account.account_id] = stale
    return StaleAgents(
        stale=sum(by_account.values()),
        agents=agents.total,
        worst=tuple(by_account.most_common(WORST_ACCOUNTS)),
        accounts=len(by_account),
        coverage=_of_both(counts.coverage, candidates.coverage, len(both)),
        evidence=(*candidates.evidence, *token_evidence, *counts.evidence),
        notes=candidates.notes,
    )


def _of_both(counts: Coverage, candidates: Coverage, answered: int) -> Coverage:
    """Coverage of a number that needs both answers, which were taken at different moments."""
    fewer = min(counts, candidates, key=lambda one: one.answered)
    apart = max(0, fewer.answered - answered)
    gaps = (Gap(reason="answered one of two questions only", count=apart),) if apart else ()
    return fewer.model_copy(
        update={"answered": answered, "asked": max(counts.asked, candidates.asked), "gaps": (*fewer.gaps, *gaps)}
    )


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def accuracy_figure(context: Context, stale: StaleAgents) -> Figure:
    """Resolution accuracy, as defined here."""
    rule = context.catalogue.thresholds["resolution_accuracy"]
    status = rule.judge(stale.accuracy)
    if status is Status.PASS and not stale.coverage.is_complete:
        # The accounts that are missing may be the stale ones; a pass stands only where they could not overturn it.
        missing = share(stale.coverage.asked - stale.coverage.answered, stale.coverage.asked) or 0.0
        status = Status.PASS if rule.judge((stale.accuracy or 0.0) - missing) is Status.PASS else Status.WARN
    return figure(
        "resolution_accuracy",
        rule,
        stale.accuracy,
        status=status,
        notes=(
            f"{plural(stale.stale, 'agent')} of {stale.agents:,} could be CONNECTED",
            f"they are in {plural(stale.accounts, 'account')}",
            DEFINITION,
            "" if stale.coverage.is_complete else f"rests on {stale.coverage.words()}",
            *stale.notes,
        ),
        evidence=stale.evidence,
        coverage=stale.coverage,
    )
