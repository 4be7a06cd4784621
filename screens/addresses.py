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

    from diagnostics.models.entries import Audience, Purpose
    from diagnostics.models.events import LogEvent
    from diagnostics.models.health import MonitorDraft
    from diagnostics.models.triage import Refusal
    from screens.base import Document
    from screens.listing import Listing


@dataclass(slots=True, frozen=True)
class AccountAt:
    """One account."""

    account_id: int
    tab: str = "users"


@dataclass(slots=True, frozen=True)
class DealAt:
    """One deal of an account."""

    deal_id: int
    account_id: int
    note: str = ""
    """How the account was found, where the deal id alone was given."""


@dataclass(slots=True, frozen=True)
class EventAt:
    """One log line."""

    event: LogEvent
    filter_by: Callable[[str], None]
    """Filters the list that the line came from."""


@dataclass(slots=True, frozen=True)
class ExplorerAt:
    """The log explorer on a query."""

    query: str
    window_s: int = 900
    fixed: tuple[datetime, datetime] | None = None
    """A range that does not move on with the clock."""
    events: Sequence[LogEvent] = ()
    about: str = ""


@dataclass(slots=True, frozen=True)
class DocumentAt:
    """A document: evidence, a finding, a guide."""

    document: Document


@dataclass(slots=True, frozen=True)
class ListingAt:
    """A list to choose from."""

    listing: Listing


@dataclass(slots=True, frozen=True)
class ProblemsAt:
    """Connections with a problem: those that have had it for the longest, or the newest, first."""

    order: Literal["newest", "longest"]


@dataclass(slots=True, frozen=True)
class MonitorAt:
    """A monitor drafted for a leading indicator."""

    draft: MonitorDraft


@dataclass(slots=True, frozen=True)
class RefusalAt:
    """A refusal, in full."""

    refusal: Refusal


@dataclass(slots=True, frozen=True)
class DeliveriesAt:
    """Deliveries of an incident: sent, waiting, uncertain."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class RespondAt:
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
class DeclareAt:
    """The form that declares an incident by hand."""

    issue_type: str | None = None
    severity: str | None = None


@dataclass(slots=True, frozen=True)
class EscalationAt:
    """The escalation panel on the incident in view."""


@dataclass(slots=True, frozen=True)
class IncidentsAt:
    """All incidents, open and past."""


@dataclass(slots=True, frozen=True)
class StatusAt:
    """An incident's status, and the ways on from there."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class ClaimAt:
    """The roles of the incident in view."""


@dataclass(slots=True, frozen=True)
class TasksAt:
    """Tasks of an incident."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class TimelineAt:
    """The timeline of an incident."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class HandoffAt:
    """The hand-off note of an incident."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class ReviewAt:
    """The post-incident review of an incident."""

    incident_id: str


@dataclass(slots=True, frozen=True)
class RefusalsAt:
    """The six conditions under which the console refuses."""


@dataclass(slots=True, frozen=True)
class InvestigateAt:
    """Level 3."""


@dataclass(slots=True, frozen=True)
class InvestigationAt:
    """One investigation record."""

    investigation_id: str


Address = (
    AccountAt
    | DealAt
    | EventAt
    | ExplorerAt
    | DocumentAt
    | ListingAt
    | ProblemsAt
    | MonitorAt
    | RefusalAt
    | DeliveriesAt
    | RespondAt
    | DeclareAt
    | EscalationAt
    | IncidentsAt
    | StatusAt
    | ClaimAt
    | TasksAt
    | TimelineAt
    | HandoffAt
    | ReviewAt
    | RefusalsAt
    | InvestigateAt
    | InvestigationAt
)
