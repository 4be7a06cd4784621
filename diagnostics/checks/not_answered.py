"""Checks of level 2 that this version does not answer: they say so, and where to look instead."""

from __future__ import annotations

from typing import ClassVar

from diagnostics.checks.base import FleetCheck, Tools
from diagnostics.models.triage import Finding, Status


class NotAnswered(FleetCheck):
    """An honest gap: no data, never a pass."""

    instead: ClassVar[str]
    """Where to look meanwhile; `{contact.…}` stands for a value of the catalogue."""

    def look(self, tools: Tools) -> Finding:
        """No data, with the place where the answer is."""
        return self.finding(
            Status.NO_DATA,
            "This version of the console does not answer this question yet.",
            threshold="; ".join(tools.catalogue.thresholds[name].rule() for name in self.thresholds),
            next_step=self.instead.format(contact=tools.catalogue.contact),
        )


class ResolutionDistribution(NotAnswered):
    """Shares of CONNECTED, INFERRED and UNMATCHED against their baselines."""

    id = "resolution_distribution"
    title = "How are agents resolved, against the baseline?"
    sources = ("client",)
    thresholds = ("resolution_share",)
    instead = (
        "Count zillow_agents by resolution_method in the account's client database and compare with the guide "
        "baseline-metrics; the query agent_resolution shows resolutions as they happen."
    )


class ResolutionIntegrity(NotAnswered):
    """Agents that are INFERRED or UNMATCHED although their user holds a valid token."""

    id = "resolution_integrity"
    title = "Is any agent resolved worse than it could be?"
    sources = ("client", "common")
    instead = (
        "List zillow_agents with resolution_method 3 or 4 in the client database, and look up their users in "
        "common.zillow_auth: one that holds a token should be CONNECTED."
    )


class HealthBaseline(NotAnswered):
    """Share of healthy connections against the baseline."""

    id = "health_baseline"
    title = "How many connections are healthy, against the baseline?"
    sources = ("common",)
    thresholds = ("system_health",)
    instead = (
        "Count common.zillow_sync_users by connection_health_status; the query connection_errors shows failures as "
        "they happen."
    )


class ProactiveMonitoring(NotAnswered):
    """New problems, trends and the longest-standing ones."""

    id = "proactive_monitoring"
    title = "What is about to fail?"
    sources = ("common", "datadog")
    instead = (
        "Sort common.zillow_sync_users by problem_at, newest first, and look at the team's monitors "
        "(tag {contact.monitor_tag}) in Datadog."
    )
