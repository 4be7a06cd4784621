"""Types of the catalogue. The data itself is TOML and Markdown beside this file and in the team's folder.

`assumed` marks a value the team's public sources do not give, `conflict` says in which way those sources disagree. Both
are shown to responders, and both are reasons to override the entry.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, Strict

from diagnostics.catalogue.base import CatalogueEntry, CatalogueError, Number, Severity, Text, Texts
from diagnostics.catalogue.response import (
    AlertTier,
    Cadence,
    Checklist,
    DeliveryRules,
    ExitCriteria,
    ImpactRules,
)
from diagnostics.config.toml import suggestion
from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.models.doctor import Guide
from diagnostics.models.triage import Status

CHECK_IDS = (
    "token_status",
    "oauth_application",
    "deal_agent_count",
    "deal_agent_resolution",
    "deal_eligibility",
    "rate_limit_rate",
    "webhook_backlog",
    "data_loss_risk",
    "batch_retry",
    "resolution_distribution",
    "resolution_integrity",
    "health_baseline",
    "proactive_monitoring",
)
"""The checks an issue may name as its first response, in no particular order."""

__all__ = ["CatalogueEntry", "CatalogueError", "Number", "Severity", "Text", "Texts"]
"""Of what other files define; everything that this one defines is here as well."""

_UNITS_SHOWN = {"%", "ms", "s", "min", "h", "points", "/min"}


class PulseRule(CatalogueEntry):
    """When the count of one issue's events, against what is usual, lifts its severity."""

    minimum_count: Annotated[int, Field(ge=0)]
    """Events in the window below which nothing is called unusual, whatever the ratio."""
    high_ratio: Annotated[Number, Field(gt=0)]
    """count ÷ usual from which the issue is high."""
    top_ratio: Annotated[Number, Field(gt=0)]
    """count ÷ usual from which the issue takes the most severe word of its row."""
    assumed: bool = False


class IssueType(CatalogueEntry):
    """One row of the classification matrix with what a responder needs to start."""

    name: Text
    title: Text
    """Short, for a narrow card: "Rate limiting"."""
    level: Annotated[int, Field(ge=1, le=3)]
    """1 act now, 2 watch, 3 investigate."""
    severities: Annotated[tuple[Severity, ...], Strict(False), Field(min_length=1)]
    """Most severe first; any other severity is refused for this issue."""
    symptoms: Texts
    meaning: Text
    """One line: what is happening."""
    impact: Text
    first_response: Texts
    """The first steps in words, in order."""
    checks: Annotated[tuple[Text, ...], Strict(False), Field(min_length=1)]
    """Check ids in the order they are run."""
    route: Text
    needs: Annotated[tuple[Literal["account", "deal"], ...], Strict(False)] = ()
    """Context without which a triage of this issue is refused."""
    query: Text
    """Id of the named query that the issue's log pane shows."""
    guide_section: Text
    """Section of the immediate-actions guide that belongs to this issue."""
    figures: Texts = ()
    """Readings that are measured for notices, tiers and the review, the most telling first."""
    pulse: PulseRule


class Threshold(CatalogueEntry):
    """One judged quantity: from which value it is a warning, and from which it is critical."""

    id: Text
    title: Text
    unit: str = ""
    bad: Literal["below", "above"]
    """On which side of its limits the quantity is bad."""
    healthy: Number | None = None
    """The value on the good side of which nothing is remarkable. Between it and `warning` is still a pass."""
    warning: Number | None = None
    critical: Number | None = None
    escalate: Number | None = None
    """Beyond this, people are called at once, whatever else is known."""
    note: str = ""
    assumed: bool = False
    conflict: str = ""

    def judge(self, value: float | None) -> Status:
        """Hold `value` (in `unit`) against the limits. No value and not-a-number are no data, never a pass."""
        if value is None or math.isnan(value):
            return Status.NO_DATA
        if self._beyond(value, self.escalate) or self._beyond(value, self.critical):
            return Status.FAIL
        if self._beyond(value, self.warning):
            return Status.WARN
        return Status.PASS

    def is_escalation(self, value: float | None) -> bool:
        """True when `value` lies beyond the limit at which people are called at once."""
        return value is not None and self._beyond(value, self.escalate)

    def rule(self) -> str:
        """The limits for a person, such as "> 10,000 critical" or "< 97 % warning, < 95 % critical"."""
        sign = "<" if self.bad == "below" else ">"
        limits = (("warning", self.warning), ("critical", self.critical), ("escalate at once", self.escalate))
        return ", ".join(f"{sign} {self._shown(limit)} {word}" for word, limit in limits if limit is not None)

    def limit(self, status: Status) -> str:
        """The one limit to show beside a value of this status: "> 100/min". What it passed, or would come to first."""
        sign = "<" if self.bad == "below" else ">"
        order = (self.critical, self.escalate, self.warning) if status is Status.FAIL else (self.warning, self.critical)
        limit = next((one for one in (*order, self.escalate) if one is not None), None)
        return "" if limit is None else f"{sign} {self._shown(limit)}"

    def healthy_text(self) -> str:
        """The healthy side for a person, such as "≥ 98.8 %"; a dash when none is given."""
        if self.healthy is None:
            return "—"
        return f"{'≥' if self.bad == 'below' else '≤'} {self._shown(self.healthy)}"

    def _beyond(self, value: float, limit: float | None) -> bool:
        if limit is None:
            return False
        return value < limit if self.bad == "below" else value > limit

    def _shown(self, limit: float) -> str:
        number = f"{limit:,.3f}".rstrip("0").rstrip(".")
        if self.unit not in _UNITS_SHOWN:
            return number
        return f"{number}{self.unit}" if self.unit.startswith("/") else f"{number} {self.unit}"


class Baseline(CatalogueEntry):
    """The usual value of a quantity."""

    id: Text
    title: Text
    value: Number
    unit: str = ""
    computed: Text
    """How the number is obtained."""
    note: str = ""
    assumed: bool = False


class NamedQuery(CatalogueEntry):
    """One Datadog log query with a name. `{slot}` is bound through `diagnostics.logs.bind`, never spliced."""

    id: Text
    title: Text
    datadog: Text
    issue: str = ""
    """Issue type it belongs to; empty for a query of general use."""
    kind: str = ""
    """Facet that tells one kind of failure from another, such as "@context.errorCode"; empty where none does."""
    note: str = ""
    assumed: bool = False


class Metric(CatalogueEntry):
    """One counter in Datadog's metrics."""

    id: Text
    title: Text
    metric: Annotated[str, Field(pattern=r"[A-Za-z][A-Za-z0-9_.]{0,199}")]
    """Its name at Datadog; nothing else can stand there, so that a query cannot be bent by it."""
    note: str = ""
    assumed: bool = False


class Indicator(CatalogueEntry):
    """A quantity that a Datadog monitor can watch: a log count, a log measure or a share of two counters."""

    id: Text
    title: Text
    issues: Texts
    """Issue types it gives early warning of."""
    threshold: Text
    """Id of the threshold whose limits it takes."""
    window_minutes: Annotated[int, Field(ge=1, le=2_880)]
    query: str = ""
    """Id of a named query: its events are counted, or `measure` is taken over them."""
    measure: str = ""
    """Attribute whose 95th percentile is watched, such as "@http.response_time"; empty counts events."""
    per_minute: bool = False
    """The threshold is a rate a minute: the monitor's limits are it times the window."""
    failed: str = ""
    """Id of the metric that counts failures; with `attempted`, and in place of a query."""
    attempted: str = ""
    """Id of the metric that counts attempts. The limits of a success rate are turned into a share of failures."""
    note: str = ""
    assumed: bool = False


class System(CatalogueEntry):
    """One of the production systems: where its records are and what breaks when it does."""

    name: Text
    store: Text
    database: Literal["common", "client"]
    tables: Texts
    """Logical table names, as in the schema map."""
    scale: Text
    role: Text
    priority: Literal["HIGH", "MEDIUM", "LOW"]
    feeds: Annotated[tuple[str, ...], Strict(False)] = ()
    """Systems that fail after this one does; `transaction sync` stands for the process, which is no system."""
    services: Texts = ()
    """Services in whose logs it shows."""
    endpoints: Texts = ()
    """Outside services that it calls."""
    queries: Texts = ()
    """Ids of the named queries that show it at work or failing."""
    metrics: Texts = ()
    """Ids of the metrics that count its work."""
    note: str = ""


class RouteEntry(CatalogueEntry):
    """A specialist to whom a triage hands over."""

    name: Text
    purpose: Text
    when: Text
    issues: Texts


class Role(CatalogueEntry):
    """One seat at an incident."""

    id: Text
    title: Text
    who: Text
    duty: Text


class Contact(CatalogueEntry):
    """Whom to call when the console refuses or a responder is unsure."""

    team: Text
    manager: Text
    channel: Text
    project: Text
    escalation: Text
    """When and how to reach people, one or two sentences."""
    monitor_tag: Text
    """The tag that the team's Datadog monitors carry, such as "team:name"."""

    def line(self) -> str:
        """One line for a refusal or a card."""
        return f"{self.manager}, {self.team} · {self.channel} (Slack) · Jira {self.project}"


class KnownMessage(CatalogueEntry):
    """A message or error code whose meaning is known."""

    id: Text
    text: Text
    """The words as they stand in logs and rows, misspellings included."""
    meaning: Text
    remedy: Text
    issue: str = ""
    """Issue type it points to; empty when it points to none."""


class TableMap(CatalogueEntry):
    """One table the console relies on: logical names, by which it asks, to the real ones."""

    logical: Text
    database: Literal["common", "client"]
    name: Text
    columns: Annotated[dict[str, Text], Field(min_length=1)]
    """Logical column name to real column name."""
    optional: Annotated[tuple[str, ...], Strict(False)] = ()
    """Logical columns the console can do without."""
    assumed: bool = False
    note: str = ""
    conflict: str = ""


class SchemaMap(CatalogueEntry):
    """Every table the console relies on, by logical name."""

    tables: dict[str, TableMap]

    def of(self, database: Literal["common", "client"]) -> tuple[TableMap, ...]:
        """The tables of one kind of database, in catalogue order."""
        return tuple(table for table in self.tables.values() if table.database == database)


class Catalogue(CatalogueEntry):
    """Everything the console knows about the world it diagnoses, after the team's overrides."""

    issues: dict[str, IssueType]
    thresholds: dict[str, Threshold]
    baselines: dict[str, Baseline]
    queries: dict[str, NamedQuery]
    metrics: dict[str, Metric]
    indicators: dict[str, Indicator]
    systems: dict[str, System]
    routes: dict[str, RouteEntry]
    contact: Contact
    roles: dict[str, Role]
    schema_map: SchemaMap
    known_messages: dict[str, KnownMessage]
    checklists: dict[str, Checklist]
    """Quick responses by issue type."""
    exit_criteria: dict[str, ExitCriteria]
    """By issue type."""
    tiers: dict[str, AlertTier]
    """Alert tiers by name; their numbers are distinct."""
    impact: ImpactRules
    cadence: dict[str, Cadence]
    """By severity."""
    delivery: DeliveryRules
    templates: dict[str, str]
    """Message templates with `{placeholder}` slots, by name: first_notice, update, resolution."""
    guides: dict[str, Guide]
    sections: dict[str, dict[str, str]]
    """Markdown of each addressable section, by guide and section id."""
    origins: dict[str, str]
    """`file.entry`, and `file.entry.key` for overridden keys, to "built in" or "PATH:LINE"."""

    def issue(self, name: str) -> IssueType:
        """The row of the matrix called `name`; raises `UserError` listing the issue types there are."""
        found = self.issues.get(name)
        if found is None:
            raise UserError(f"there is no issue type {clean(name, limit=60)!r}", accepted=", ".join(self.issues))
        return found

    def guide(self, name: str) -> Guide:
        """The guide called `name`; raises `UserError` listing the names there are."""
        found = self.guides.get(name)
        if found is None:
            raise CatalogueError(
                f"there is no guide called {name!r}{suggestion(name, self.guide_names())}",
                value=name,
                accepted=", ".join(self.guide_names()),
            )
        return found

    def guide_names(self) -> tuple[str, ...]:
        """Names of the guides, in alphabetical order."""
        return tuple(sorted(self.guides))

    def guide_section(self, name: str, section: str) -> str:
        """Markdown of one section with its heading; raises `UserError` for an unknown guide or section."""
        guide = self.guide(name)
        sections = self.sections.get(guide.name, {})
        found = sections.get(section)
        if found is None:
            raise CatalogueError(
                f"the guide {guide.name} has no section {section!r}{suggestion(section, tuple(sections))}",
                value=section,
                accepted=", ".join(sections) or "this guide has no addressable sections",
            )
        return found

    def messages_in(self, text: str) -> tuple[KnownMessage, ...]:
        """The known messages that occur in `text`, upper and lower case alike."""
        folded = text.casefold()
        return tuple(message for message in self.known_messages.values() if message.text.casefold() in folded)
