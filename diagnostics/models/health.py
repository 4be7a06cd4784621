"""Level 2: system health. Source: `common`, client databases or analytics, Datadog; every figure says which."""

from __future__ import annotations

from datetime import datetime

from diagnostics.models.evidence import Evidence, Frozen
from diagnostics.models.figures import Course, Coverage, Figure
from diagnostics.models.status import Status


class HealthOverview(Frozen):
    """The big number and its last 24 hours."""

    health: Figure
    """Share of healthy connections, per cent."""
    course: Course
    """Health over the last 24 hours as far as it is known, else the success of sync events, and it says which."""
    sync: Figure
    """Sync events of the last hour that succeeded, per cent; its note says since when events are counted."""
    sync_events: int | None = None
    """How many events `sync` is a share of; None where they could not be counted."""


class RollUp(Frozen):
    """Levels 2 and 3 in one line of level 1. Source: `common` and the console's own journal; no log is asked."""

    figures: tuple[Figure, ...]
    """Health, then the latency of webhooks; one without an answer says why."""
    investigations: int | None
    """Investigations that are open; None where the journal gave no answer."""


class ConnectionProblem(Frozen):
    """One connection with a problem. Source: common.zillow_sync_users."""

    sync_user_id: int
    account_id: int
    account_name: str = ""
    user_id: int | None = None
    state: str
    """healthy, warning, error, disabled, or what the row says where that is none of them."""
    problem_at: datetime | None = None
    message: str = ""


class ConnectionHealth(Frozen):
    """Connections by state, newest and longest-standing problems."""

    counts: tuple[Figure, ...]
    """healthy, warning, error, disabled, and unclear where rows contradict themselves; whole numbers."""
    newest: tuple[ConnectionProblem, ...]
    longest: tuple[ConnectionProblem, ...]
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


class ResolutionShare(Frozen):
    """One resolution method among all agents."""

    method: str
    """CONNECTED, INFERRED or UNMATCHED."""
    count: int | None
    share: float | None
    """Per cent of the agents that hold one of the three methods."""
    baseline: float
    """Per cent."""
    drift: float | None
    """Percentage points from the baseline, signed."""
    status: Status
    note: str = ""


class AccountOutlier(Frozen):
    """One account whose share of a method is far from the baseline."""

    account_id: int
    account_name: str = ""
    method: str
    share: float
    """Per cent of the account's agents that hold one of the three methods."""
    drift: float
    """Percentage points from the baseline, signed."""
    agents: int
    """How many agents the share rests on."""


class Resolution(Frozen):
    """The resolution distribution of all accounts, or of one."""

    shares: tuple[ResolutionShare, ...]
    total: int | None
    retired: int = 0
    """Rows that hold the retired method 2; in no share."""
    unclear: int = 0
    """Rows with no method, or one that nobody knows; in no share."""
    status: Status
    coverage: Coverage | None = None
    origin: str = ""
    """"fan-out over client databases", "analytics engine", "client database 14009"."""
    as_of: datetime | None = None
    """How fresh the data is, where the source is behind."""
    drift: Figure | None = None
    """The largest distance from a baseline."""
    outliers: tuple[AccountOutlier, ...] = ()
    """Accounts furthest from the baselines, the furthest first; a bounded number, and none where nobody looked."""
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


class SystemState(Frozen):
    """One of the six systems, as a node of the dependency map."""

    name: str
    priority: str
    role: str
    status: Status
    headline: str
    """Its state now, in a few words with a number."""
    feeds: tuple[str, ...]
    """Who fails next when this one does; the last one is "transaction sync"."""
    threatened_by: tuple[str, ...] = ()
    """Systems upstream that are failing now."""
    threatens: tuple[str, ...] = ()
    """When it fails itself: everything downstream, in order."""
    figures: tuple[Figure, ...] = ()
    where: tuple[str, ...] = ()
    """Where it lives: stores, tables, services, files, queries."""


class MonitorDraft(Frozen):
    """A Datadog monitor as it would be created. Nothing has been sent."""

    indicator: str
    name: str
    kind: str
    """Datadog's monitor type, e.g. "log alert"."""
    query: str
    message: str
    tags: tuple[str, ...]
    thresholds: tuple[tuple[str, float], ...]
    """("critical", 100.0), ("warning", 10.0): from the catalogue."""
    notes: tuple[str, ...] = ()
    """Assumptions, and duplicates that are not created."""
    exists: str = ""
    """Id of a monitor that already watches this; empty when there is none."""


class MonitorCreated(Frozen):
    """A monitor that was created, or found to exist already."""

    id: str
    name: str
    link: str
    was_there: bool
    """True when it existed and nothing was sent."""
    evidence: tuple[Evidence, ...] = ()
