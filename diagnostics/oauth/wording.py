"""How the findings of this diagnosis are built and worded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.oauth.aggregate import OAuthAggregate


def subject(aggregate: OAuthAggregate) -> str:
    """Whom the diagnosis is about."""
    if aggregate.user_id is not None:
        return f"user {aggregate.user_id} of account {aggregate.account_id}"
    return f"account {aggregate.account_id}"


def one_of(aggregate: OAuthAggregate, kinds: Mapping[str, int], lead: str, *skipped: str) -> str:
    """Of a single user, the kinds that hold, such as "ZUIDs: match."; empty for a whole account."""
    if aggregate.user_id is None:
        return ""
    held = [kind for kind, count in kinds.items() if count and kind not in skipped]
    return f"{lead}: {', '.join(held)}." if held else ""


def nothing(aggregate: OAuthAggregate) -> str:
    """Said in place of a count where there are no credentials to count; else empty."""
    return "" if aggregate.credentials else "There are no credentials in zillow_auth."


def some(count: int, what: str) -> str:
    """`, 3 without a ZUID`; empty for none."""
    return f", {count:,} {what}" if count else ""
