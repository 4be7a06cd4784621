"""One account: header, findings, and the rows of its tabs. Source: `common` and the account's client database."""

from __future__ import annotations

from datetime import datetime

from diagnostics.models.conclusions import Conclusion
from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.figures import Figure
from diagnostics.models.triage import Finding


class AccountHeader(Frozen):
    """Who an account is and where it lives."""

    account_id: int
    name: str
    status: str
    user_count: int | None
    db_host: str
    db_database: str
    unhealthy_since: datetime | None = None
    """Oldest `problem_at` of its connections; None when it has no problem, or when that is not known."""
    evidence: tuple[Evidence, ...] = ()


class AccountSummary(Frozen):
    """First view of an account, before any tab is opened."""

    header: AccountHeader
    findings: tuple[Finding, ...]
    """Worst first."""
    figures: tuple[Figure, ...]
    """users, tokens, connections by state, agents, unsynced deals, behaviour."""
    notes: tuple[str, ...] = ()


class UserRow(Frozen):
    """One user's credentials and connection, side by side."""

    user_id: int
    name: str = ""
    email: str = ""
    is_in_client: bool | None = True
    """False for an orphan: credentials of a user that the client database does not hold; None when it was not read."""
    pattern: str
    """both, auth only, sync only, none."""
    has_token: bool | None
    expires_at: datetime | None = None
    token_updated_at: datetime | None = None
    auth_zuid: str = ""
    sync_zuid: str = ""
    auth_id: int | None = None
    sync_user_id: int | None = None
    is_enabled: bool | None = None
    connection: str = ""
    """healthy, warning, error, disabled, none."""
    problem_at: datetime | None = None
    problem: str = ""
    verdict: str = ""
    """One or two words, e.g. "ok", "expired", "integration disabled", "ZUIDs differ"."""
    is_wrong: bool = False


class AgentRow(Frozen):
    """One Zillow agent. Source: client zillow_agents."""

    agent_id: int
    user_id: int | None
    name: str = ""
    email: str = ""
    method: int | None
    method_name: str
    """CONNECTED, INFERRED, UNMATCHED, retired 2, or unknown N."""
    has_zuid: bool
    has_token: bool | None
    """Whether its user holds a token; None when that was not read."""
    is_wrong: bool = False
    """INFERRED or UNMATCHED although the user holds a valid token."""
    teams: int | None = None
    updated_at: datetime | None = None


class ConnectionRow(Frozen):
    """One sync connection. Source: common.zillow_sync_users."""

    sync_user_id: int
    user_id: int | None
    zuid: str
    email: str
    integration: str
    """The integration id; empty when there is none."""
    is_enabled: bool | None
    state: str
    """healthy, warning, error, disabled, or what the row says."""
    problem_at: datetime | None
    problem: str
    leads: int | None
    last_agent_sync_at: datetime | None
    last_verified_at: datetime | None
    migration: str = ""
    """Priority of moving a sync-only user to the modern token service: HIGH, MEDIUM, LOW, skip; empty where moved."""


class DealRow(Frozen):
    """One deal. Source: client deals."""

    deal_id: int
    name: str
    stage: str
    has_property: bool
    zillow_transaction_id: str
    agents: int | None
    synced_at: datetime | None
    created_at: datetime | None
    error_code: str = ""
    """The code it would fail with; empty when it is eligible, synced or not judged."""


class HistoryRow(Frozen):
    """One change of a user's resolution. Source: common.zillow_connection_logs."""

    id: int
    user_id: int | None
    old: str
    new: str
    reason: str
    at: datetime | None


class OAuthUser(Frozen):
    """One user in an account-wide consistency report."""

    user_id: int
    verdict: str
    """A conclusion's code."""
    sentence: str


class OAuthDiagnosis(Frozen):
    """The answer of zillow-oauth-diagnosis for an account or one of its users."""

    account_id: int
    user_id: int | None = None
    conclusion: Conclusion
    findings: tuple[Finding, ...]
    """Every check, in the order in which they are read."""
    consistency: tuple[Figure, ...] = ()
    """Users by record pattern and by state, account-wide."""
    users: tuple[OAuthUser, ...] = ()
    """Users with something wrong, worst first, bounded."""
    users_in_all: int | None = None
    notes: tuple[str, ...] = ()
    taken_at: datetime
