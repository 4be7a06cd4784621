"""How the findings of this diagnosis are built and worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from diagnostics.checks.base import bounded
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.oauth.tally import Tally


def finding(
    check: str,
    title: str,
    status: Status,
    summary: str,
    *,
    value: float | int | str | None = None,
    unit: str = "",
    threshold: str = "",
    next_step: str = "",
    evidence: Evidence | None = None,
    details: Iterable[str] = (),
) -> Finding:
    """A finding with its texts cleaned and its details bounded."""
    return Finding(
        check=check,
        title=title,
        status=status,
        summary=clean(summary, limit=500),
        value=value,
        unit=unit,
        threshold=threshold,
        next_step=clean(next_step, limit=500),
        evidence=evidence,
        details=bounded(details),
    )


def subject(tally: Tally) -> str:
    """Whom the diagnosis is about."""
    if tally.user_id is not None:
        return f"user {tally.user_id} of account {tally.account_id}"
    return f"account {tally.account_id}"


def one_of(tally: Tally, kinds: Mapping[str, int], lead: str, *skipped: str) -> str:
    """Of a single user, the kinds that hold, such as "ZUIDs: match."; empty for a whole account."""
    if tally.user_id is None:
        return ""
    held = [kind for kind, count in kinds.items() if count and kind not in skipped]
    return f"{lead}: {', '.join(held)}." if held else ""


def nothing(tally: Tally) -> str:
    """Said in place of a count where there are no credentials to count; else empty."""
    return "" if tally.credentials else "There are no credentials in zillow_auth."


def some(count: int, what: str) -> str:
    """`, 3 without a ZUID`; empty for none."""
    return f", {count:,} {what}" if count else ""
