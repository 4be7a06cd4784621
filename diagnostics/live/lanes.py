"""Which source's workers run which question. Questions of one source share a few; every other has one to itself.

Kept free of the checks' own modules, which are imported when the first check is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Lane = Literal["", "datadog", "common", "state"]
"""A source whose questions share workers; empty for a question that asks several, or another one.

"state" is the console's own memory with the incidents' journal.
"""

CHECK_LANES: Mapping[str, Lane] = {
    "token_status": "common",
    "oauth_application": "common",
    "webhook_backlog": "common",
    "health_baseline": "common",
    "rate_limit_rate": "datadog",
    "zero_agent_deals": "datadog",
}
"""Checks that ask one source, where nobody names an account."""

BACKLOG_ISSUE = "rate_limiting"
"""The issue whose pulse also shows the webhook backlog."""


def check_lane(check_id: str) -> Lane:
    """The lane of a check over everybody."""
    return CHECK_LANES.get(check_id, "")


def pulse_lane(issue_type: str) -> Lane:
    """The lane of an issue's pulse: the one with a backlog beside its log lines asks two sources."""
    return "" if issue_type == BACKLOG_ISSUE else "datadog"
