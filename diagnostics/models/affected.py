"""Accounts that an issue affects, one row each, as screens, commands and exports show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnostics.core.words import plural
from diagnostics.models.evidence import Evidence


@dataclass(slots=True, frozen=True)
class AffectedAccount:
    """One account and one issue. None is "not known" everywhere, and never 0."""

    issue: str
    account_id: int
    impact: float
    """Size × severity × part affected, as the catalogue weighs them."""
    why: str
    """The multiplication in words, with what was assumed."""
    name: str = ""
    size: int | None = None
    """Users."""
    exists: bool | None = None
    """Whether `common.accounts` has it."""
    events: int | None = None
    """Log events of the issue in the window; None where the issue is not read from logs."""
    share: float | None = None
    """Part of the account that is affected, 0 to 1."""
    share_words: str = ""
    """How the part was counted: "12 of 47 agents that could be CONNECTED"."""
    first_seen: datetime | None = None
    """First event of the window, to one step of `AffectedAccounts.step_s`, UTC."""
    last_seen: datetime | None = None
    began_before: bool = False
    """The first event lies in the first step of the window: it may have begun before."""
    kinds: tuple[tuple[str, int], ...] = ()
    """Kinds of failure with their events, most frequent first."""
    connections: int | None = None
    """Sync connections of the account."""
    syncing: int | None = None
    """Those of them that are enabled and healthy."""

    @property
    def synced(self) -> str:
        """ "yes", "no", "3 of 47"; empty where it is not known, "none" where the account has no sync connection."""
        if self.connections is None or self.syncing is None:
            return ""
        if not self.connections:
            return "none"
        if self.syncing == self.connections:
            return "yes"
        return "no" if not self.syncing else f"{self.syncing:,} of {self.connections:,}"

    @property
    def kind_words(self) -> str:
        """Kinds of failure for a person: "pushLead 512, fetchUserInfo 400"; empty where none is known."""
        return ", ".join(f"{kind} {events:,}" for kind, events in self.kinds)

    def record(self) -> Mapping[str, object]:
        """All of it by name, with JSON types only."""
        return {
            "issue": self.issue,
            "account_id": self.account_id,
            "name": self.name or None,
            "users": self.size,
            "in_common_accounts": self.exists,
            "impact": self.impact,
            "why": self.why,
            "share": None if self.share is None else round(self.share, 4),
            "share_counted": self.share_words or None,
            "events": self.events,
            "first_seen": _iso(self.first_seen),
            "began_before_window": self.began_before,
            "last_seen": _iso(self.last_seen),
            "kinds": [{"kind": kind, "events": events} for kind, events in self.kinds],
            "synced": self.synced or None,
            "connections": self.connections,
            "connections_syncing": self.syncing,
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@dataclass(slots=True, frozen=True)
class AffectedAccounts:
    """Accounts that one issue affects, those that weigh most first, and how whole the list is."""

    issue: str
    severity: str
    """Whose weight the impact has."""
    window_s: int
    rows: tuple[AffectedAccount, ...]
    total: int | None
    """How many there are in all; None where nobody knows."""
    at_least: bool
    """There may be further ones."""
    basis: str
    """Where they come from: "named by logs of the last 15 min"."""
    taken_at: datetime
    step_s: int = 60
    notes: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """Parts that were asked for and have not answered yet: "sizes", "kinds of failure"."""
    evidence: tuple[Evidence, ...] = ()

    def words(self) -> str:
        """How many: "61 accounts", "at least 61 accounts", "200 of 812 accounts", "accounts affected: not known"."""
        if self.total is None:
            return "accounts affected: not known"
        if self.total > len(self.rows):
            return f"{len(self.rows):,} of {'at least ' if self.at_least else ''}{plural(self.total, 'account')}"
        return f"{'at least ' if self.at_least else ''}{plural(self.total, 'account')}"

    def heaviest(self, most: int) -> str:
        """Those that weigh most, for a notice: "20 of 61, those that weigh most"; "all 12" where they all fit."""
        if self.total is None:
            return "not known"
        shown, at_least = min(most, len(self.rows)), "at least " if self.at_least else ""
        if shown >= self.total:
            return f"{'all that are known of ' if self.at_least else 'all '}{at_least}{self.total:,}"
        return f"{shown:,} of {at_least}{self.total:,}, those that weigh most"
