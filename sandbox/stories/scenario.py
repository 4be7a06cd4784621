"""The stories the stand-ins can replay, as numbers.

Facts are the figures that are known of the real incidents: on 17 November 2025 212,631 webhook events were backed up,
2 were lost for good, system health dipped to 94.2 % and token refreshes failed too; a quiet day has 98.80 % healthy
connections; 3.2 % of the OAuth completions meet the race of the installation; 47 agents of account 14009 went unnoticed
for two days. Every other figure here is chosen so that a story is plausible and its signals are unmistakable; those
are marked "chosen".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from diagnostics.core.failures import UserError

INCIDENT_AGE_S = 40 * 60
"""How far into the incident a story starts (chosen): late enough for the backlog, early enough to matter."""

HISTORY_S = 30 * 3600
"""How much log history there is before the start: enough for a baseline of 24 hours before the incident."""

ACCOUNTS_RATE_LIMITED = 61
"""Accounts that see HTTP 429 in `nov17` (chosen)."""

ACCOUNTS_OAUTH = 38
"""Accounts whose token refreshes fail in `nov17` and `oauth_cascade` (chosen)."""


@dataclass(slots=True, frozen=True)
class StartingBacklog:
    """Webhook events by status at the start of a story."""

    pending: int
    processing: int
    failed: int
    lost: int
    spread_s: int
    """The undelivered ones were received over this many seconds before the start."""

    @property
    def undelivered(self) -> int:
        """Events that still wait: pending, processing or failed."""
        return self.pending + self.processing + self.failed


@dataclass(slots=True, frozen=True)
class ConnectionStates:
    """States of the 1,000 sync users that have an integration id."""

    healthy: int
    warning: int
    error: int


@dataclass(slots=True, frozen=True)
class Scenario:
    """One story. Rates are log events a minute after the ramp; streams not named keep their usual rate."""

    name: str
    description: str
    backlog: StartingBacklog
    connections: ConnectionStates
    lead_failures_per_hour: int
    """Failed lead events among the 500 of the last hour."""
    tokens_expired: int
    """Rows of `zillow_auth` whose `expires_at` has passed, beyond the usual handful."""
    rates: dict[str, float] = field(default_factory=dict)
    history_s: int = HISTORY_S
    """Log history before the start, in seconds."""


LEAD_EVENTS_PER_HOUR = 500
"""Chosen; one lead event every 7.2 s keeps the percentages exact and the table small."""

_QUIET = StartingBacklog(pending=19, processing=4, failed=1, lost=0, spread_s=40)
_CALM = ConnectionStates(healthy=988, warning=4, error=8)
"""Fact: the baseline of 98.80 %."""
_USUAL_LEAD_FAILURES = 6
_NOV17_RATES = {
    "rate_limited": 1_200.0,
    "oauth_failures": 27.5,
    "oauth_rate_limited": 8.0,
    "oauth_expired": 1.2,
    "connection_errors": 3.0,
    "connect_exceptions": 2.5,
    "sync_worker_errors": 14.0,
    "account_errors": 0.6,
}
"""Chosen: 1,200 HTTP 429 a minute, OAuth failures at nine times their 45 in 15 minutes."""


def _quiet(
    name: str, description: str, *, history_s: int = HISTORY_S, rates: dict[str, float] | None = None
) -> Scenario:
    """A story in which one account, or one share, is wrong on an otherwise quiet day."""
    return Scenario(
        name=name,
        description=description,
        backlog=_QUIET,
        connections=_CALM,
        lead_failures_per_hour=_USUAL_LEAD_FAILURES,
        tokens_expired=0,
        rates=rates or {},
        history_s=history_s,
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="nov17",
            description="17 November 2025, 40 minutes in: HTTP 429 from Zillow, 212,631 webhook events wait, 2 lost",
            # Facts: 212,631 undelivered in total and 2 lost. Chosen: how they divide over the three statuses.
            backlog=StartingBacklog(pending=199_117, processing=640, failed=12_874, lost=2, spread_s=55 * 60),
            # Fact: health dips to 94.2 %. Chosen: the division of the rest into warning and error.
            connections=ConnectionStates(healthy=942, warning=21, error=37),
            # Fact read as lead success: 471 of 500 is 94.2 %.
            lead_failures_per_hour=29,
            # Fact: token refreshes fail too. Chosen: how many tokens have run out meanwhile.
            tokens_expired=118,
            rates=_NOV17_RATES,
        ),
        Scenario(
            name="oauth_cascade",
            description="tokens of 38 accounts ran out within half an hour: auth, agents, sync users fail in turn",
            backlog=StartingBacklog(pending=141, processing=14, failed=9, lost=0, spread_s=900),
            connections=ConnectionStates(healthy=702, warning=38, error=260),
            lead_failures_per_hour=47,
            tokens_expired=612,
            rates={
                "oauth_failures": 27.0,
                "oauth_expired": 6.0,
                "connection_errors": 9.0,
                "connect_exceptions": 0.5,
                "sync_worker_errors": 3.0,
                "transaction_sync_failed": 0.8,
            },
        ),
        _quiet(
            "nov17_logs",
            "the logs of nov17 over databases that are healthy: nothing but the logs can tell that it has begun",
            rates=_NOV17_RATES,
        ),
        _quiet(
            "healthy",
            "a quiet day: 98.8 % of connections healthy, tens of webhook events under way, nothing unusual",
        ),
        _quiet(
            "account_14009",
            "47 agents of account 14009 are INFERRED although OAuth is connected; nobody has noticed for two days",
            # The logs must reach back to the moment at which it happened.
            history_s=52 * 3_600,
        ),
        _quiet(
            "account_75172",
            "ZIM installation race: 3.2 % of OAuth completions come too early; account 75172 is not onboarded",
        ),
        _quiet(
            "account_148261",
            "account 148261: tokens refresh and calls fail, the integration is switched off in Premier Agent",
        ),
        _quiet(
            "resolution_drift",
            "CONNECTED is 10.8 points below its baseline, INFERRED and UNMATCHED over 5 above, within 18 hours",
        ),
    )
}


def scenario_named(name: str) -> Scenario:
    """Return one scenario; raises `UserError` that lists the names."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UserError(
            f"there is no scenario called {name!r}",
            where="--scenario",
            accepted=", ".join(SCENARIOS),
            next_step="warroom sandbox list",
        ) from None
