"""Differences between databases, and the report over two readings of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from diagnostics.models.evidence import Evidence, Frozen

Cell = str | int | float | None
"""A cell as it is kept: moments as ISO 8601 in UTC."""


class DifferenceKind(StrEnum):
    """Kind of a difference."""

    STALE_AGENT = "stale_agent"
    ZUID_MISMATCH = "zuid_mismatch"
    DANGLING_LINK = "dangling_link"
    ENABLED_WITHOUT_TOKEN = "enabled_without_token"  # noqa: S105  # no secret
    ORPHAN_AGENT_TEAM = "orphan_agent_team"
    LEGACY_TEAM_UNKNOWN = "legacy_team_unknown"
    ORPHAN_LEGACY_AGENT = "orphan_legacy_agent"
    NEVER_SYNCED = "never_synced"

    @property
    def words(self) -> str:
        """As people write it."""
        return _WORDS[self]


_WORDS = {
    DifferenceKind.STALE_AGENT: "agent not CONNECTED although its user holds a valid token",
    DifferenceKind.ZUID_MISMATCH: "credentials and connection name different Zillow users",
    DifferenceKind.DANGLING_LINK: "credentials link to a connection that is not there, or is somebody else's",
    DifferenceKind.ENABLED_WITHOUT_TOKEN: "integration enabled and no token held",
    DifferenceKind.ORPHAN_AGENT_TEAM: "membership of an agent or a team that is not there",
    DifferenceKind.LEGACY_TEAM_UNKNOWN: "legacy team that the modern table does not have",
    DifferenceKind.ORPHAN_LEGACY_AGENT: "legacy agent of a user that is not there",
    DifferenceKind.NEVER_SYNCED: "eligible deal that was never synced",
}


class Scope(Frozen):
    """What is compared: one account, one deal of it, or one system over all accounts."""

    account_id: int | None = None
    """None for a system."""
    deal_id: int | None = None
    """Its own row, and the rows of the users on it."""
    system: str = ""
    """A key of `SYSTEM_KINDS`; empty for an account or a deal."""

    @property
    def words(self) -> str:
        """As people write it."""
        if self.system:
            return f"{self.system}, all accounts"
        account = f"account {self.account_id}"
        return account if self.deal_id is None else f"deal {self.deal_id} of {account}"

    @property
    def flags(self) -> str:
        """As the command line takes it."""
        if self.system:
            return f"--system {self.system}"
        account = f"--account-id {self.account_id}"
        return account if self.deal_id is None else f"{account} --deal-id {self.deal_id}"

    @property
    def line(self) -> str:
        """As the `:` line of the console takes it, after its verb."""
        return self.system or f"{self.account_id}{'' if self.deal_id is None else f' deal {self.deal_id}'}"


SYSTEM_KINDS: Mapping[str, tuple[DifferenceKind, ...]] = {
    "ZillowAuth": (DifferenceKind.ZUID_MISMATCH, DifferenceKind.DANGLING_LINK),
    "ZillowSyncUser": (DifferenceKind.ENABLED_WITHOUT_TOKEN,),
    "ZillowAgent": (DifferenceKind.STALE_AGENT,),
    "ZillowTeam": (DifferenceKind.ORPHAN_AGENT_TEAM,),
    "ZillowSyncAgent": (DifferenceKind.ORPHAN_LEGACY_AGENT,),
    "ZillowSyncTeam": (DifferenceKind.LEGACY_TEAM_UNKNOWN,),
}
"""The six production systems, and what disagrees in each."""


class Difference(Frozen):
    """One row that disagrees with another."""

    kind: DifferenceKind
    account_id: int
    table: str
    """By the console's name."""
    row: str
    """Identifies the row in its table: its id, or the ids it is made of."""
    user_id: int | None = None
    column: str
    found: Cell
    expected: Cell
    """A value where one is certain; None where a person has to find out."""
    because: str
    """What it disagrees with, in words."""
    cells: dict[str, Cell]
    """Cells that it rests on, by column: it is the same difference as long as they are the same."""

    @property
    def key(self) -> str:
        """Names it: rows of two client databases may have one id."""
        return f"{self.kind.value} {self.row} of account {self.account_id}"


class Snapshot(Frozen):
    """One reading of a scope."""

    scope: Scope
    taken_at: datetime
    differences: tuple[Difference, ...]
    looked_at: int
    """Rows that were compared."""
    unread: tuple[str, ...] = ()
    """Kinds that could not be read, or only in part, and why."""
    evidence: tuple[Evidence, ...] = ()


class Passing(Frozen):
    """A difference that stood in only one of two readings, or with other cells."""

    key: str
    what: str
    """came, went or changed."""


class ReconcileReport(Frozen):
    """Differences of one scope that persist, and how far two readings of the same data disagree anyway."""

    scope: Scope
    environment: str
    taken_at: datetime
    earlier_at: datetime | None
    """Of the reading it is held against; None without one that is old enough: then nothing is known to persist."""
    again_at: datetime | None
    """From when on a further reading can tell; None where one has."""
    persistent: tuple[Difference, ...]
    unconfirmed: tuple[Difference, ...]
    """Of this reading, and seen once only: work under way looks the same."""
    passing: tuple[Passing, ...]
    looked_at: int
    unread: tuple[str, ...]
    notes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Everything was read, twice."""
        return self.earlier_at is not None and not self.unread

    @property
    def noise(self) -> float | None:
        """Share of differences that came, went or changed between the readings, 0–1; None without two readings."""
        if self.earlier_at is None:
            return None
        seen = len(self.persistent) + len(self.passing)
        return len(self.passing) / seen if seen else 0.0
