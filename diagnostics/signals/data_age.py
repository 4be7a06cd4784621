"""How old the rows of `common` are: a copy that stands still answers as quickly as ever, and counts nothing new.

The newest row of the tables that are always written to tells: lead events and webhook events. It costs two reads by
primary key a minute. Where neither has a row, or neither is mapped, the age is not known, and nothing is doubted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import span
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence

KEEP_S = 60.0

ALWAYS_WRITTEN = {"zillow_lead_events_log": "created_at", "zillow_webhook_events": "received_at"}
"""Tables of `common` that get rows all day, and when each of them was written."""


def newest_row(context: Context) -> datetime | None:
    """When the newest row of `common` was written; None where that is not known. Raises nothing."""
    return context.answers.get(("newest row",), KEEP_S, lambda: _newest_row(context))


def _newest_row(context: Context) -> datetime | None:
    found: list[datetime] = []
    for name, column in ALWAYS_WRITTEN.items():
        try:
            table = context.table(name)
            statement = select(table.c[column].label("at")).order_by(table.c.id.desc()).limit(1)
            rows = context.databases.read_common(statement).rows
        except (SourceFailure, UserError, KeyError):
            # Whoever counts in this table says what is wrong with it.
            continue
        found += [at for row in rows if isinstance(at := row["at"], datetime)]
    return max(found, default=None)


def of_old_rows(context: Context, evidence: Evidence) -> Evidence:
    """`evidence` of rows of `common`: how old they are, where that is beyond the catalogue's limit."""
    rule, newest = context.catalogue.thresholds["data_age"], newest_row(context)
    if newest is None:
        return evidence
    age_s = (context.now() - newest).total_seconds()
    if rule.judge(age_s) is Status.PASS:
        return evidence
    said = f"the newest row of {evidence.source} is {span(age_s)} old (limit {rule.rule()}): nothing newer is counted"
    caveat = "; ".join(part for part in (said, evidence.caveat) if part)
    return evidence.model_copy(update={"caveat": caveat, "newest_at": newest})
