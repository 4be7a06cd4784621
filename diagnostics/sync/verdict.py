"""Which error code a sync would end in: one order of the conditions, for one deal and for thousands.

The order is that in which the sync job names its codes. That the job meets its conditions in this order is assumed; a
deal that fails one condition alone gets that condition's code in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from diagnostics.core.failures import SourceFailure
from diagnostics.models.evidence import Evidence

ERROR_ORDER = (
    "deal_id_missing",
    "sync_system_missing",
    "zillow_transaction_id_missing",
    "agent_verification_failed",
    "contact_sync_missing",
    "property_missing",
)
"""The first of these whose condition does not hold is the code that the sync fails with."""

NOT_KNOWN = "not_known"
"""Where no condition fails, and one could not be read."""

ELIGIBLE = ""
"""Where every condition holds."""


@dataclass(slots=True, frozen=True)
class Condition:
    """One condition of eligibility, held against one deal."""

    gate: str
    """deal, property, agents, contact, sync_system or transaction."""
    code: str
    holds: bool | None
    """None when it could not be read."""
    line: str
    """The finding, a few words."""
    evidence: tuple[Evidence, ...] = ()
    """That of the statement which decides first."""
    failure: SourceFailure | None = None
    """Why it could not be read."""
    advice: str = ""
    """Remedy when it fails; empty where the code's own remedy says it."""

    def detail(self) -> str:
        """For a drill-down: whether it holds, and the code if not."""
        return f"{'not known' if self.holds is None else 'holds' if self.holds else self.code}: {self.line}"


@dataclass(slots=True, frozen=True)
class DealVerdict:
    """Verdict of the conditions on one deal."""

    error_code: str
    """One of `ERROR_ORDER`, `NOT_KNOWN`, or `ELIGIBLE`."""
    failing: tuple[Condition, ...] = ()
    """In the order of `ERROR_ORDER`."""
    unknown: tuple[Condition, ...] = field(default=())
    """Could not be read; in the same order."""

    @property
    def fails_with(self) -> str:
        """The error code, empty where the deal is eligible or nobody knows."""
        return "" if self.error_code == NOT_KNOWN else self.error_code

    @property
    def could_fail_earlier(self) -> tuple[Condition, ...]:
        """Conditions that could not be read and come before the first failing one."""
        if not self.failing:
            return ()
        first = ERROR_ORDER.index(self.failing[0].code)
        return tuple(one for one in self.unknown if ERROR_ORDER.index(one.code) < first)


def in_order(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions in the order of `ERROR_ORDER`."""
    return tuple(sorted(conditions, key=lambda condition: ERROR_ORDER.index(condition.code)))


def decide(conditions: Iterable[Condition]) -> DealVerdict:
    """The verdict on one deal."""
    ordered = in_order(conditions)
    failing = tuple(one for one in ordered if one.holds is False)
    unknown = tuple(one for one in ordered if one.holds is None)
    if failing:
        return DealVerdict(failing[0].code, failing, unknown)
    return DealVerdict(NOT_KNOWN if unknown else ELIGIBLE, (), unknown)
