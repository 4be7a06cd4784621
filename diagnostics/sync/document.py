"""zillow-sync-diagnosis as documents: of a deal, of an account's deals, of its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.document import Block, Check, Document, Fact, Heading, Note, Result, Text, bullets
from diagnostics.triage.document import conclusion_blocks

if TYPE_CHECKING:
    from diagnostics.models.deals import AgentPath, DealDiagnosis, ResolutionDiagnosis, UnsyncedDeals

NAME = "zillow-sync-diagnosis"


def deal_document(diagnosis: DealDiagnosis) -> Document:
    """Why a deal does not sync: the conclusion, every gate and finding, the agents, what was configured."""
    header = diagnosis.header
    blocks = [*conclusion_blocks(diagnosis.conclusion), Fact("conclusion", diagnosis.conclusion.code)]
    for gate in diagnosis.gates:
        code = f" ({gate.error_code})" if gate.error_code else ""
        blocks.append(Result(gate.status, f"{gate.id}: {gate.summary}{code}"))
    blocks += map(Check, diagnosis.findings)
    if diagnosis.agents:
        blocks += [Heading("agents on the deal"), *bullets(map(_agent, diagnosis.agents))]
    if diagnosis.configuration:
        changes = (
            (f"{change.at:%Y-%m-%d %H:%M} UTC: " if change.at else "") + f"{change.what} ({change.source})"
            for change in diagnosis.configuration
        )
        blocks += [Heading("configuration"), *bullets(changes)]
    blocks += map(Note, diagnosis.notes)
    about = f"deal {header.deal_id}  account {header.account_id}"
    return Document(about, blocks, about=(NAME, about), taken_at=diagnosis.taken_at)


def _agent(agent: AgentPath) -> str:
    paths = (
        ("legacy profile", agent.legacy_profile),
        ("OAuth", agent.oauth),
        ("modern agent", agent.modern_agent),
        ("legacy sync agent", agent.sync_agent),
    )
    words = {True: "yes", False: "no", None: "not known"}
    told = ", ".join(f"{name} {words[holds]}" for name, holds in paths)
    return f"user {agent.user_id}{f' {agent.name}' if agent.name else ''}: {told}"


def unsynced_document(unsynced: UnsyncedDeals) -> Document:
    """The deals that have not synced, by cause."""
    blocks: list[Block] = [Text(f"{unsynced.total:,} not synced, {unsynced.examined:,} judged")]
    for group in unsynced.groups:
        blocks.append(Fact(group.error_code or "eligible", f"{group.count:,} ({group.title})"))
    for group in unsynced.groups:
        deals = (f"deal {deal} of account {account}" for account, deal in group.deals)
        blocks += [Heading(group.error_code or "eligible"), *bullets(deals)]
    about = f"deals that do not sync  account {unsynced.account_id}"
    blocks += map(Note, unsynced.notes)
    return Document(about, blocks, about=(NAME, about), taken_at=unsynced.taken_at)


def resolution_document(diagnosis: ResolutionDiagnosis) -> Document:
    """How the agents of an account are resolved."""
    blocks = [*conclusion_blocks(diagnosis.conclusion), Fact("conclusion", diagnosis.conclusion.code)]
    blocks += map(Check, diagnosis.findings)
    if diagnosis.stale:
        stale = (f"agent {one.agent_id} (user {one.user_id}): {one.method_name}" for one in diagnosis.stale)
        blocks += [Heading("agents that are resolved wrongly"), *bullets(stale)]
    blocks += map(Note, diagnosis.notes)
    about = f"agents  account {diagnosis.account_id}"
    return Document(about, blocks, about=(NAME, about), taken_at=diagnosis.taken_at)
