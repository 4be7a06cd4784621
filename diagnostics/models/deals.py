"""One deal, or many that do not sync. Source: client database, `common`, Redis where configured, Datadog."""

from __future__ import annotations

from datetime import datetime

from diagnostics.models.accounts import HistoryRow
from diagnostics.models.conclusions import Conclusion
from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.figures import Coverage
from diagnostics.models.health import Resolution
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding


class DealHeader(Frozen):
    """The deal's own row."""

    account_id: int
    account_name: str = ""
    deal_id: int
    name: str = ""
    stage: str = ""
    property_id: str = ""
    zillow_transaction_id: str = ""
    synced_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Gate(Frozen):
    """One condition that a deal must pass to sync."""

    id: str
    """deal, property, agents, contact, sync_system, transaction or mutex."""
    title: str
    status: Status
    summary: str
    error_code: str = ""
    """The code that the sync fails with at this gate; empty when it passes."""
    evidence: tuple[Evidence, ...] = ()


class AgentPath(Frozen):
    """One agent on the deal and the four paths; None where a path could not be read."""

    user_id: int
    name: str = ""
    legacy_profile: bool | None
    oauth: bool | None
    modern_agent: bool | None
    sync_agent: bool | None
    is_verified: bool | None
    note: str = ""


class ConfigurationChange(Frozen):
    """Something that was configured lately and bears on the deal."""

    at: datetime | None
    what: str
    source: str


class DealDiagnosis(Frozen):
    """The answer of zillow-sync-diagnosis for one deal."""

    header: DealHeader
    gates: tuple[Gate, ...]
    agents: tuple[AgentPath, ...]
    error_code: str
    """Error code of the next sync, or of the next update for a deal already synced; empty when nothing is in the way or
    nobody knows."""
    conclusion: Conclusion
    configuration: tuple[ConfigurationChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    taken_at: datetime


class UnsyncedGroup(Frozen):
    """Deals that do not sync for one and the same cause."""

    error_code: str
    """Empty for deals that are eligible and simply have not been synced yet; "not_known" where a part of what decides
    could not be read."""
    title: str
    count: int
    deals: tuple[tuple[int, int], ...]
    """(account, deal), newest first, bounded."""
    next_step: str = ""


class UnsyncedDeals(Frozen):
    """Deals with `synced_at` null, of one account or of a window over all accounts, grouped by cause."""

    account_id: int | None
    window_s: int | None
    groups: tuple[UnsyncedGroup, ...]
    """Largest first."""
    total: int
    examined: int
    """How many of the total were judged; the rest is only counted."""
    coverage: Coverage | None = None
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    taken_at: datetime


class StaleAgent(Frozen):
    """An agent that is INFERRED or UNMATCHED although its user holds a valid token."""

    agent_id: int
    user_id: int
    name: str = ""
    method_name: str
    agent_updated_at: datetime | None = None
    token_updated_at: datetime | None = None
    token_created_at: datetime | None = None
    stale_since: datetime | None = None
    """When its row was last written, or its token was made, whichever came later; None where neither is known."""
    note: str = ""


class ResolutionDiagnosis(Frozen):
    """The answer of zillow-sync-diagnosis for the agents of one account."""

    account_id: int
    conclusion: Conclusion
    distribution: Resolution | None
    stale: tuple[StaleAgent, ...]
    """Every one of them, by agent id."""
    transitions: tuple[HistoryRow, ...] = ()
    """Newest first, bounded."""
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    taken_at: datetime
