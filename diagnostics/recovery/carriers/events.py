"""Rows of `zillow_webhook_events` as carriers read and compare them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from diagnostics.checks.base import moment
from diagnostics.core.sanitizer import clean
from diagnostics.recovery.carriers.base import Item

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from diagnostics.core.context import Context

PAGE: Final = 500
"""Rows read by their ids at a time."""

NEEDED: Final = ("id", "status", "attempts", "next_attempt_at", "http_status", "processed_at")

TOO_MANY: Final = 429

_RETRY_AFTER = re.compile(r"retry[ _-]?after\W{0,4}(\d{1,6})", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, frozen=True)
class Row:
    """An event as it stands."""

    status: str
    attempts: int
    next_at: int | None
    """Microseconds since 1970."""
    http_status: int | None
    last_error: str


def rows_of(
    context: Context, items: Sequence[Item], read: Callable[[Any], Sequence[Mapping[str, Any]]]
) -> dict[int, Row]:
    """Events as they stand, by id, read page by page."""
    table = context.table("zillow_webhook_events")
    names = [*NEEDED, *(("last_error",) if "last_error" in table.c else ())]
    columns = [table.c[name].label(name) for name in names]
    found: dict[int, Row] = {}
    for at in range(0, len(items), PAGE):
        ids = sorted(item.event for item in items[at : at + PAGE])
        for row in read(select(*columns).where(table.c.id.in_(ids)).order_by(table.c.id)):
            found[int(row["id"])] = Row(
                status=str(row["status"]),
                attempts=int(row["attempts"] or 0),
                next_at=micros(moment(dict(row), "next_attempt_at")),
                http_status=row["http_status"] if isinstance(row["http_status"], int) else None,
                last_error=clean(str(row.get("last_error") or ""), limit=200),
            )
    return found


def inside(connection: Connection, *, locks: bool) -> Callable[[Any], Sequence[Mapping[str, Any]]]:
    """Reading inside a transaction, with locks or without."""

    def read(statement: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401  # a Select
        asked = statement.with_for_update() if locks else statement
        return [dict(row) for row in connection.execute(asked).mappings()]

    return read


def what_now(item: Item, row: Row | None) -> str:
    """What an event is now that is not as it was planned."""
    if row is None:
        return "not there any more"
    if row.status == item.status:
        return "tried again by somebody else"
    return f"{row.status} meanwhile"


def cause_of(row: Row) -> str:
    """Why it was not delivered, short."""
    return row.last_error.split(";")[0] if row.http_status is None else f"HTTP {row.http_status}"


def retry_after_of(row: Row) -> float | None:
    """Seconds that the answer asked to wait."""
    found = _RETRY_AFTER.search(row.last_error)
    return float(found.group(1)) if found else None


def micros(at: datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)
