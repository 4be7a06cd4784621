"""Catalogue entries for the human half of an incident: checklists, exit criteria, tiers, impact, deliveries."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from diagnostics.catalogue.base import CatalogueEntry, Number, Numbers, Text, Texts

READING_IDS = (
    "health",
    "deviation",
    "sync_events",
    "webhook_backlog",
    "oldest_pending_s",
    "events_lost",
    "data_loss_risk",
    "rate_limited_per_minute",
    "zillow_requests",
    "events_in_window",
    "accounts_affected",
    "large_accounts",
    "users_affected",
    "token_success",
    "tokens_expired",
    "tokens_missing",
    "transaction_sync_success",
    "deals_unsynced",
    "api_p95",
    "performance_loss",
    "webhook_latency_p95",
    "resolution_accuracy",
    "resolution_drift",
    "agents_resolved",
    "new_problems",
    "connections_judged",
)
"""Names that can be measured during an incident; `diagnostics.incident.assess.readings` says how."""

COMPARISONS = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most", "is": "one of"}
"""Each comparison and how a sentence says it."""

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}

Comparison = Literal["above", "at_least", "below", "at_most", "is"]

LONGEST_STEP_TITLE = 40
"""Cells of a step's title: so much stands whole beside its state on the narrowest panel."""

SIMPLE_RULES = (
    "notice_sent",
    "tracking_opened",
    "update_promised",
    "scope_named",
    "figures_taken",
    "evidence_pinned",
    "work_begun",
)
"""Rules by which the console sees that a step is done; beside them `role:ID` and `check:ID`."""


class TierCondition(CatalogueEntry):
    """A reading held against a limit: a number, a limit of `thresholds.toml`, or words."""

    title: Text
    """The quantity held against the limit, worded for a person."""
    reading: str = ""
    """One of READING_IDS, or "severity"; empty for what only people can say."""
    comparison: Comparison = "above"
    limit: Number | None = None
    threshold: str = ""
    """In place of `limit`: threshold and limit, e.g. "system_health.healthy"."""
    values: Texts = ()
    """For the comparison "is"."""
    unit: str = ""
    note: str = ""
    assumed: bool = False

    def holds(self, value: float | int | str | None, limit: float | None) -> bool | None:
        """Whether `value` meets it; None where there is no value, or nothing to hold it against."""
        if self.comparison == "is":
            return None if value is None else str(value) in self.values
        if value is None or isinstance(value, str) or limit is None:
            return None
        return _COMPARED[self.comparison](float(value), limit)


class ExitCriterion(TierCondition):
    """A condition that must hold for some time before an incident may be called resolved."""

    hold_minutes: Annotated[Number, Field(ge=0, le=10_080)]
    minimum_events: Annotated[int, Field(ge=0)] = 0
    """Of the reading `events`; with fewer, a good value means nothing."""
    events: str = ""
    """The reading that says how many things the value rests on."""


class ExitCriteria(CatalogueEntry):
    """The exit criteria of one issue type."""

    issue: Text
    longest_gap_s: Annotated[Number, Field(gt=0, le=3_600)]
    """Seconds between two looks after which nobody can say that a criterion held in between."""
    criteria: Annotated[dict[str, ExitCriterion], Field(min_length=1)]
    assumed: bool = False


class ChecklistStep(CatalogueEntry):
    """One step of a quick response."""

    title: Annotated[str, Field(max_length=LONGEST_STEP_TITLE)] = ""
    """The step in a few words, which no screen cuts; empty where the text itself is short, or is shown instead."""
    text: Text
    """All of it, for whoever does the step."""
    minutes: Annotated[int, Field(ge=1, le=10_080)] | None = None
    """Due so many minutes after the declaration; None is not bound to a time."""
    rule: str = ""
    """How the console sees by itself that it has happened: one of SIMPLE_RULES, or `role:ID`. `check:ID` is a reading
    that informs the step, and never ticks it.
    """
    done: str = ""
    """Words of an update once it is done, in the past tense; empty repeats the text as what was asked for."""
    people: str = ""
    """Where there is no rule: why only people can tick it."""
    severities: Texts = ()
    """Only for these severities; empty is for all."""

    @property
    def named(self) -> str:
        """What a line calls it: its title, or the text where it has none."""
        return self.title or self.text


class Checklist(CatalogueEntry):
    """The quick response to one issue type, in order."""

    issue: Text
    steps: Annotated[dict[str, ChecklistStep], Field(min_length=1)]


class AlertTier(CatalogueEntry):
    """One alert tier. The highest of which a rule fires decides."""

    name: Text
    tier: Annotated[int, Field(ge=1, le=4)]
    title: Text
    answer: Text
    """The response it asks for, such as who is called and how soon."""
    when_unknown: bool = False
    """Taken where nothing above it fires and a reading that could have made it so has no data."""
    rules: dict[str, TierCondition] = Field(default_factory=dict)
    assumed: bool = False


class SizeBand(CatalogueEntry):
    """Accounts of a size, and what one of them weighs."""

    from_users: Annotated[int, Field(ge=0)]
    weight: Annotated[Number, Field(gt=0)]


class ImpactRules(CatalogueEntry):
    """Weights of the multi-account impact score."""

    limit: Annotated[Number, Field(gt=0)]
    """Beyond this score an incident commander is proposed."""
    sizes: Annotated[dict[str, SizeBand], Field(min_length=1)]
    severities: Annotated[dict[str, Annotated[Number, Field(gt=0)]], Field(min_length=1)]
    unknown_size: Text
    """The band that an account of unknown size is taken for."""
    unknown_share: Annotated[Number, Field(ge=0, le=1)]
    """The part of an account that is taken for affected where nobody knows it."""
    large_from_users: Annotated[int, Field(ge=1)]
    """Accounts of this size are named in notices."""
    most_accounts: Annotated[int, Field(ge=1, le=1_000)]
    """Accounts that are weighed one by one, those with most events first."""
    assumed: bool = False
    note: str = ""

    def band(self, users: int | None) -> str:
        """Name of the band of an account with so many users."""
        if users is None:
            return self.unknown_size
        fitting = [name for name, band in self.sizes.items() if band.from_users <= users]
        # Below the smallest band is in it: no account weighs nothing.
        smallest = min(self.sizes, key=lambda name: self.sizes[name].from_users)
        return max(fitting, key=lambda name: self.sizes[name].from_users, default=smallest)


class Cadence(CatalogueEntry):
    """How often updates are promised at one severity."""

    severity: Text
    minutes: Annotated[int, Field(ge=1, le=10_080)]
    first_minutes: Annotated[int, Field(ge=1, le=10_080)]
    """Until the first notice."""
    who: Text
    """Who hears of it."""
    assumed: bool = False


class DeliveryRules(CatalogueEntry):
    """How confirmed messages are tried again, and when they are left to people."""

    retry_pauses_s: Annotated[Numbers, Field(min_length=1)]
    """Pauses after the first, second, … attempt that was definitely not taken; the last one goes on."""
    most_attempts: Annotated[int, Field(ge=1, le=100)]
    """After so many, a person has to decide."""
    give_up_after_minutes: Annotated[Number, Field(gt=0, le=10_080)]
    """Counted from the confirmation: what is older is no news, and is not sent by itself any more."""
    longest_retry_after_s: Annotated[Number, Field(gt=0, le=86_400)]
    """A service that asks for a longer pause is asked by a person."""
    look_pauses_s: Annotated[Numbers, Field(min_length=1)]
    """Pauses before looking whether an attempt without an answer arrived; the last one goes on."""
    most_looks: Annotated[int, Field(ge=1, le=100)]
    search_lag_s: dict[str, Annotated[Number, Field(gt=0, le=86_400)]] = Field(default_factory=dict)
    """Seconds after which a channel's search shows what was stored, where its documents say so. For a channel that is
    not named, only something newer that the search shows proves that it would show ours.
    """
    attempt_grace_s: Annotated[Number, Field(gt=0, le=3_600)]
    """An attempt with no outcome after so long was left behind by a console that ended: nobody knows its outcome."""
    most_at_once: Annotated[int, Field(ge=1, le=100)]
    """Deliveries attempted in one pass."""
    longest_text: Annotated[int, Field(ge=200, le=40_000)]
    """Characters of a message; what is longer is cut where a reader sees it, before it is confirmed."""
    assumed: bool = False
    note: str = ""
