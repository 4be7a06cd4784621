"""Where a screen may send a person: one address a destination. Screens name addresses and never import each other.

An address that can be written as a `:` line, such as "account 14009", may be given as that line. The others carry what
has been found already, so that nothing is asked twice. `tui/navigation.py` turns each of them into its screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from diagnostics.core.document import Document
    from diagnostics.models.entries import Audience, Purpose
    from diagnostics.models.events import LogEvent
    from diagnostics.models.health import MonitorDraft
    from diagnostics.models.triage import Refusal
    from screens.listing import Listing


class Address:
    """A destination. Its fields are what the screen there is made with, by the same names."""

    __slots__ = ()


@dataclass(slots=True, frozen=True)
class IncidentAt(Address):
    """Something of an incident."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class AccountAt(Address):
    """One account."""

    account_id: int
    tab: str = "users"
    diagnosis: Literal["", "oauth", "unsynced"] = ""
    """What is asked at once and shown on top of it: zillow-oauth-diagnosis, or why its deals do not sync."""


@dataclass(slots=True, frozen=True)
class ReconcileAt(Address):
    """What disagrees in the data of one account, of one deal of it, or of one system over all accounts."""

    account_id: int | None
    deal_id: int | None = None
    system: str = ""


@dataclass(slots=True, frozen=True)
class RepairAt(Address):
    """A repair, by its name in the journal: "REP-3"."""

    name: str


@dataclass(slots=True, frozen=True)
class DealAt(Address):
    """One deal of an account."""

    deal_id: int
    account_id: int
    note: str = ""
    """How the account was found, where the deal id alone was given."""


@dataclass(slots=True, frozen=True)
class EventAt(Address):
    """One log line."""

    event: LogEvent
    filter_by: Callable[[str], None]
    """Filters the list that the line came from."""


@dataclass(slots=True, frozen=True)
class ExplorerAt(Address):
    """The log explorer on a query."""

    query: str
    window_s: int = 900
    fixed: tuple[datetime, datetime] | None = None
    """A range that does not move on with the clock."""
    events: Sequence[LogEvent] = ()
    about: str = ""


@dataclass(slots=True, frozen=True)
class DocumentAt(Address):
    """Something to read."""

    document: Document


@dataclass(slots=True, frozen=True)
class ListingAt(Address):
    """Rows to choose from."""

    listing: Listing


@dataclass(slots=True, frozen=True)
class ProblemsAt(Address):
    """Connections with a problem: those that have had it for the longest, or the newest, first."""

    order: Literal["newest", "longest"]


@dataclass(slots=True, frozen=True)
class AffectedAt(Address):
    """The accounts that an issue affects, those that weigh most first."""

    issue_type: str
    severity: str | None = None
    """Whose weight their impact has; None is the issue's gravest."""
    window_s: int = 0
    """0 is the window of the settings."""


@dataclass(slots=True, frozen=True)
class MonitorAt(Address):
    """A monitor drafted for a leading indicator."""

    draft: MonitorDraft


@dataclass(slots=True, frozen=True)
class RefusalAt(Address):
    """A refusal, in full."""

    refusal: Refusal


class DeliveriesAt(IncidentAt):
    """What was sent for an incident, what waits, what is uncertain."""


@dataclass(slots=True, frozen=True)
class RespondAt(Address):
    """The preview of a notice, about an incident or about an issue that becomes one."""

    issue_type: str | None = None
    severity: str | None = None
    incident: str | None = None
    purpose: Purpose | None = None
    """None is the first notice."""
    audience: Audience | None = None
    """None is the responders."""
    words: Mapping[str, str] = field(default_factory=dict)
    systems: Sequence[str] = ()
    accounts: Sequence[int] = ()


@dataclass(slots=True, frozen=True)
class DeclareAt(Address):
    """The form that declares an incident by hand."""

    issue_type: str | None = None
    severity: str | None = None


class EscalationAt(Address):
    """The escalation panel on the incident in view."""


class IncidentsAt(Address):
    """All incidents, open and past."""


class StatusAt(IncidentAt):
    """An incident's status, and the ways on from there."""


class ClaimAt(Address):
    """The roles of the incident in view."""


class TasksAt(IncidentAt):
    """What is to be done for an incident."""


class TimelineAt(IncidentAt):
    """The timeline of an incident."""


class HandoffAt(IncidentAt):
    """The hand-off note of an incident."""


class ReviewAt(IncidentAt):
    """The post-incident review of an incident."""


class BacklogAt(Address):
    """The webhook backlog: its curve, its forecast, what is in it."""


@dataclass(slots=True, frozen=True)
class ChartAt(Address):
    """One number over time."""

    name: str
    """As `:chart` takes it."""
    window_s: int | None = None
    """None is about the console's own window."""
    about: Document | None = None
    """The same number in words, for who comes from there."""


@dataclass(slots=True, frozen=True)
class DrainAt(Address):
    """A recovery that is carried out, by its name in the journal: "DRN-1"; empty for the newest."""

    name: str = ""


class RefusalsAt(Address):
    """The six conditions under which the console refuses."""


@dataclass(slots=True, frozen=True)
class InvestigationAt(Address):
    """One investigation record."""

    investigation_id: str
