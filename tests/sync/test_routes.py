"""The specialists that exist are handed over to; the one that does not is refused with its first steps."""

from __future__ import annotations

import pytest

from diagnostics.models.triage import Refusal, RefusalRule, Route
from tests.service.world import World


@pytest.mark.parametrize(
    ("issue", "route"),
    [
        ("oauth_failure", "zillow-oauth-diagnosis"),
        ("transaction_sync", "zillow-sync-diagnosis"),
        ("agent_resolution", "zillow-sync-diagnosis"),
        ("connection_health", "zillow-system-monitoring"),
    ],
)
def test_three_specialists_are_there(world: World, issue: str, route: str) -> None:
    assert world.service.open_route(issue) == Route(name=route, available=True)


def test_paced_recovery_is_refused_with_its_first_steps(world: World) -> None:
    refusal = world.service.open_route("rate_limiting")
    assert isinstance(refusal, Refusal)
    assert refusal.rule is RefusalRule.ESCALATION_BLOCKED
    assert "zillow-incident-recovery" in refusal.missing
    assert any(line.startswith("1. ") for line in refusal.guidance)


def test_an_unknown_issue_is_refused_as_such(world: World) -> None:
    refusal = world.service.open_route("weather")
    assert isinstance(refusal, Refusal)
    assert refusal.rule is RefusalRule.ISSUE_TYPE_UNKNOWN
