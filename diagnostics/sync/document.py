"""zillow-sync-diagnosis as documents: of a deal, of an account's deals, of its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core import document as doc
from diagnostics.core.words import form, plural
from diagnostics.triage.document import certainty_blocks, code_of, conclusion_blocks, sentence_blocks

if TYPE_CHECKING:
    from diagnostics.models.deals import AgentPath, DealDiagnosis, Gate, ResolutionDiagnosis, UnsyncedDeals

NAME = "zillow-sync-diagnosis"
NO_AGENT = "no agent of this deal was read; the gate above says whether it has none"
NO_CHANGE = "no recent change is recorded that bears on this deal"


def deal_document(diagnosis: DealDiagnosis) -> doc.Document:
    """Why a deal does not sync, the gates, the paths of every agent, what was configured lately, the findings."""
    header = diagnosis.header
    fails = doc.Line((doc.Cell("fails with  ", "muted"), doc.Cell(diagnosis.error_code, "fail")), key="code")
    changes = (
        (f"{change.at:%Y-%m-%d %H:%M} UTC: " if change.at else "") + f"{change.what} ({change.source})"
        for change in diagnosis.configuration
    )
    blocks: list[doc.Block] = [
        *([fails] if diagnosis.error_code else []),
        *sentence_blocks(diagnosis.conclusion),
        code_of(diagnosis.conclusion),
        doc.Heading("eligibility, in the order of the sync"),
        doc.Part(
            "gates", [doc.Result(gate.status, f"{gate.id}: {gate.summary}{_code(gate)}") for gate in diagnosis.gates]
        ),
        doc.Heading("agents on the deal, and the four paths that can verify each"),
        doc.Part("agents", doc.bullets(map(_agent, diagnosis.agents)) or [doc.Text(NO_AGENT, "muted")]),
        doc.Heading("how sure this is"),
        *certainty_blocks(diagnosis.conclusion),
        *doc.numbered(diagnosis.notes),
        doc.Heading("configured lately"),
        doc.Part("configuration", doc.bullets(changes) or [doc.Text(NO_CHANGE, "muted")]),
    ]
    if diagnosis.findings:
        blocks += [doc.Heading("findings"), doc.Part("findings", tuple(map(doc.Check, diagnosis.findings)))]
    about = f"deal {header.deal_id}  account {header.account_id}"
    return doc.Document(about, blocks, about=(NAME, about), taken_at=diagnosis.taken_at)


def _code(gate: Gate) -> str:
    return f" ({gate.error_code})" if gate.error_code else ""


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


def unsynced_document(unsynced: UnsyncedDeals) -> doc.Document:
    """The deals that have not synced, by cause, the largest group first."""
    where = f"account {unsynced.account_id}" if unsynced.account_id is not None else "all accounts"
    judged = f"{plural(unsynced.total, 'deal')} of {where} {form(unsynced.total, 'has', 'have')} not synced"
    if unsynced.examined < unsynced.total:
        judged += f"; {unsynced.examined:,} of them were judged, the rest is counted only"
    blocks: list[doc.Block] = [doc.Text(judged, "strong" if unsynced.total else "muted", key="total")]
    coverage = unsynced.coverage
    if coverage is not None and not coverage.is_complete:
        missing = (f"  {gap.count:,} {coverage.unit}: {gap.reason}" for gap in coverage.gaps)
        blocks.append(
            doc.Part("coverage", [doc.Text(line, "warn") for line in (f"{coverage.words()} answered", *missing)])
        )
    blocks += [*doc.numbered(unsynced.notes), doc.GAP]
    named = [(group.error_code or "eligible", group) for group in unsynced.groups]
    deals: list[doc.Block] = []
    for name, group in named:
        deals += [doc.Heading(name), *doc.bullets(f"deal {deal} of account {account}" for account, deal in group.deals)]
    blocks.append(
        doc.Part("groups", [*(doc.Fact(name, f"{group.count:,} ({group.title})") for name, group in named), *deals])
    )
    title = f"why deals do not sync · {unsynced.taken_at:%H:%M:%S} UTC"
    return doc.Document(title, blocks, about=(NAME, f"deals that do not sync  {where}"), taken_at=unsynced.taken_at)


def resolution_document(diagnosis: ResolutionDiagnosis) -> doc.Document:
    """How the agents of an account are resolved, every stale one named, and what has changed."""
    account, stale, changes = diagnosis.account_id, diagnosis.stale, diagnosis.transitions
    blocks = [*conclusion_blocks(diagnosis.conclusion), code_of(diagnosis.conclusion), *doc.numbered(diagnosis.notes)]
    if diagnosis.distribution is not None:
        known = diagnosis.distribution.shares
        shares = [(one.method, "—" if one.share is None else f"{one.share:.2f} %") for one in known]
        blocks.append(doc.Heading(f"resolution of all agents of account {account}"))
        blocks.append(doc.Part("shares", [doc.Fact(method, share) for method, share in shares]))
    if stale:
        said = doc.bullets(f"agent {one.agent_id} (user {one.user_id}): {one.method_name}" for one in stale)
        title = f"all {len(stale):,} stale agents: not CONNECTED although the user holds a valid token"
        blocks += [doc.Heading(title), doc.Part("stale", said)]
    if diagnosis.findings:
        blocks += [doc.Heading("checks"), doc.Part("findings", tuple(map(doc.Check, diagnosis.findings)))]
    if changes:
        said = doc.bullets(f"user {one.user_id}: {one.old} to {one.new}, {one.reason}" for one in changes)
        blocks += [doc.Heading(f"the newest {len(changes):,} changes of resolution"), doc.Part("changes", said)]
    title = f"agent resolution · {diagnosis.taken_at:%H:%M:%S} UTC"
    return doc.Document(title, blocks, about=(NAME, f"agents  account {account}"), taken_at=diagnosis.taken_at)
