"""Every check by its id."""

from __future__ import annotations

from diagnostics.checks.agent_resolution import ResolutionDistribution, ResolutionIntegrity
from diagnostics.checks.base import Check
from diagnostics.checks.connection_health import HealthBaseline, ProactiveMonitoring
from diagnostics.checks.oauth_failure import OAuthApplication, TokenStatus
from diagnostics.checks.rate_limiting import BatchRetry, DataLossRisk, RateLimitRate, WebhookBacklog
from diagnostics.checks.transaction_sync import DealAgentCount, DealAgentResolution, DealEligibility, ZeroAgentDeals
from diagnostics.core.failures import UserError

CHECKS: dict[str, Check] = {
    check.id: check
    for check in (
        TokenStatus(),
        OAuthApplication(),
        DealAgentCount(),
        DealAgentResolution(),
        DealEligibility(),
        ZeroAgentDeals(),
        RateLimitRate(),
        WebhookBacklog(),
        DataLossRisk(),
        BatchRetry(),
        ResolutionDistribution(),
        ResolutionIntegrity(),
        HealthBaseline(),
        ProactiveMonitoring(),
    )
}
"""Stable ids; the catalogue's `checks` lists name them."""


def check_named(check_id: str) -> Check:
    """The check of that id. Raises UserError listing the ids."""
    check = CHECKS.get(check_id)
    if check is None:
        raise UserError(f"there is no check called {check_id!r}", accepted=", ".join(CHECKS))
    return check
