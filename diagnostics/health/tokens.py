"""OAuth tokens of everybody: missing, expired, about to expire. Source: common.zillow_auth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import number, share
from diagnostics.core.context import Context
from diagnostics.models.evidence import Evidence
from diagnostics.sources.mysql.statements import MOST_ROWS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.core.waiting import Job

FLEET_CAVEAT = "A token that nobody has used since it expired counts as expired, although its next use may refresh it."

MOST_PAGES = 200
"""Two million tokens: far beyond what there is, and an end all the same."""


@dataclass(slots=True, frozen=True)
class Tokens:
    """Counts over all credentials."""

    credentials: int
    held: int
    """Credentials with a refresh token."""
    expired: int
    """Held, and past `expires_at`."""
    unlimited: int
    """Held, without an `expires_at`: neither valid nor expired, and in no share."""
    within_24_h: int
    within_72_h: int
    """Valid now, expiring within that time; the second includes the first."""
    evidence: Evidence

    @property
    def valid(self) -> int:
        """Held and not expired."""
        return self.held - self.expired - self.unlimited

    @property
    def missing_share(self) -> float | None:
        """Credentials without a token, per cent."""
        return share(self.credentials - self.held, self.credentials)

    @property
    def expired_share(self) -> float | None:
        """Expired among held tokens, per cent."""
        return share(self.expired, self.held)


def read_tokens(context: Context) -> Tokens:
    """Read the counts of all credentials. Raises SourceFailure."""
    now = context.now().replace(microsecond=0)
    auth = context.table("zillow_auth")
    held = auth.c.encrypted_refresh_token.is_not(None)
    expires = auth.c.expires_at

    def within(hours: int) -> ColumnElement[bool]:
        return and_(held, expires >= now, expires < now + timedelta(hours=hours))

    counted = {
        "held": held,
        "expired": and_(held, expires < now),
        "unlimited": and_(held, expires.is_(None)),
        "within_24_h": within(24),
        "within_72_h": within(72),
    }
    statement = select(
        func.count().label("credentials"),
        *(func.sum(case((condition, 1), else_=0)).label(name) for name, condition in counted.items()),
    ).select_from(auth)
    rows = context.common("token outlook", statement, caveat=FLEET_CAVEAT)
    found = rows.rows[0] if rows.rows else {}
    return Tokens(
        credentials=number(found, "credentials"),
        held=number(found, "held"),
        expired=number(found, "expired"),
        unlimited=number(found, "unlimited"),
        within_24_h=number(found, "within_24_h"),
        within_72_h=number(found, "within_72_h"),
        evidence=rows.evidence,
    )


def _is_holder(row: dict[str, object]) -> bool:
    # A token that names no user is nobody's, and not that of a user 0.
    return bool(row["valid"]) and row["account_id"] is not None and row["user_id"] is not None


def valid_holders(context: Context, job: Job | None = None) -> tuple[frozenset[tuple[int, int]], tuple[Evidence, ...]]:
    """(account, user) of everybody who holds a valid token, read in pages of the primary key. Raises SourceFailure."""
    auth = context.table("zillow_auth")
    now = context.now().replace(microsecond=0)
    holders: set[tuple[int, int]] = set()
    evidence: list[Evidence] = []
    last = 0
    for _ in range(MOST_PAGES):
        if job is not None:
            job.raise_if_cancelled("common")
        statement = (
            select(
                auth.c.id.label("id"),
                auth.c.account_id.label("account_id"),
                auth.c.user_id.label("user_id"),
                case((and_(auth.c.encrypted_refresh_token.is_not(None), auth.c.expires_at >= now), 1), else_=0).label(
                    "valid"
                ),
            )
            .where(auth.c.id > last)
            .order_by(auth.c.id)
            .limit(MOST_ROWS)
        )
        rows = context.read_common(statement)
        evidence.append(rows.evidence)
        holders |= {(number(row, "account_id"), number(row, "user_id")) for row in rows.rows if _is_holder(row)}
        if len(rows.rows) < MOST_ROWS:
            break
        last = number(rows.rows[-1], "id")
    return frozenset(holders), (*evidence[:1], *evidence[1:][-1:])
