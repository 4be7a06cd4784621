"""The waiting events one by one: read in pages by an index, sealed, packed for the store.

Order is by the moment of receipt, then by id: so the order of each account is kept, whatever the pace.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from diagnostics.checks.base import moment, number
from diagnostics.core.failures import UserError
from diagnostics.signals.webhook_backlog import LOOK_BACK_CAVEAT, LOOK_BACK_S, WAITING

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence

PAGE = 20_000
PIECE = 4_000
"""Characters of one text in the store."""

MOST = 2_000_000
"""More events than this are not planned at once."""

_LETTER = {"pending": "p", "processing": "r", "failed": "f"}
_STATUS = {letter: status for status, letter in _LETTER.items()}


@dataclass(slots=True, frozen=True)
class Member:
    """One waiting event as it was read."""

    id: int
    account_id: int
    status: str
    attempts: int
    http_status: int | None
    received_at: datetime | None
    next_attempt_at: datetime | None = None


def read_members(context: Context) -> tuple[list[Member], list[Evidence]]:
    """All waiting events received in the last 24 hours, in their order. Raises SourceFailure, UserError.

    Each status is read by itself: the index begins with it, so that a page costs its rows and no others. An event that
    changes its status meanwhile may be met twice, or not at all; the later reading counts.
    """
    events = context.table("zillow_webhook_events")
    since = context.now().replace(microsecond=0) - timedelta(seconds=LOOK_BACK_S)
    names = ("id", "account_id", "status", "attempts", "http_status", "received_at", "next_attempt_at")
    columns = [events.c[name].label(name) for name in names if name in events.c]
    found: dict[int, Member] = {}
    evidence: list[Evidence] = []
    for status in WAITING:
        last: tuple[datetime, int] | None = None
        while len(found) < MOST:
            wanted = [events.c.status == status, events.c.received_at >= since]
            if last is not None:
                at, key = last
                wanted.append(or_(events.c.received_at > at, and_(events.c.received_at == at, events.c.id > key)))
                wanted.append(events.c.received_at >= at)
            statement = select(*columns).where(and_(*wanted)).order_by(events.c.received_at, events.c.id)
            rows = context.databases.read_common(
                statement.limit(PAGE), window="last 24 h", caveat=LOOK_BACK_CAVEAT, limit=PAGE
            )
            if last is None:
                evidence.append(rows.evidence)
            for row in rows.rows:
                one = _member(row)
                found[one.id] = one
            if len(rows.rows) < PAGE:
                break
            newest = rows.rows[-1]
            at_last = moment(newest, "received_at")
            if at_last is None:
                break
            last = (at_last, number(newest, "id"))
    return sorted(found.values(), key=_order), evidence


def _order(one: Member) -> tuple[float, int]:
    return (one.received_at.timestamp() if one.received_at is not None else 0.0, one.id)


def _member(row: dict[str, object]) -> Member:
    status = row.get("http_status")
    if not isinstance(row["id"], int):
        raise UserError(
            "the ids of events are no whole numbers, and a plan names events by them",
            where="zillow_webhook_events.id",
            next_step="map the column that holds them: warroom doctor",
        )
    return Member(
        id=number(row, "id"),
        account_id=number(row, "account_id"),
        status=str(row["status"]),
        attempts=number(row, "attempts") if row.get("attempts") is not None else 0,
        http_status=status if isinstance(status, int) else None,
        received_at=moment(row, "received_at"),
        next_attempt_at=moment(row, "next_attempt_at"),
    )


def seal_of(members: Iterable[Member]) -> str:
    """SHA-256 over the events in their order, each with the status and the attempts that it had."""
    return hashlib.sha256("\n".join(_lines(members)).encode()).hexdigest()


def _lines(members: Iterable[Member]) -> Iterator[str]:
    for one in members:
        yield f"{one.id} {_LETTER[one.status]} {one.attempts}"


def pack(members: Iterable[Member]) -> Iterator[str]:
    """The sealed lines as texts for the store: differences of ids, compressed, in pieces that no gate cuts."""
    before, parts = 0, []
    for one in members:
        parts.append(f"{one.id - before}{_LETTER[one.status]}{one.attempts}")
        before = one.id
    text = base64.b64encode(zlib.compress(",".join(parts).encode(), 6)).decode()
    for at in range(0, len(text), PIECE):
        yield text[at : at + PIECE]


def unpack(pieces: object) -> dict[int, tuple[str, int]]:
    """Status and attempts by id, in their order. Raises ValueError for what `pack` did not write."""
    if not isinstance(pieces, list):
        raise ValueError("the events of the plan are no list of texts")  # one kind of error
    found: dict[int, tuple[str, int]] = {}
    before = 0
    try:
        plain = zlib.decompress(base64.b64decode("".join(map(str, pieces)), validate=True)).decode("ascii")
    except zlib.error as error:
        raise ValueError(str(error)) from None
    for part in plain.split(",") if plain else ():
        at = next((place for place, letter in enumerate(part) if letter in _STATUS), -1)
        if at < 1:
            raise ValueError("an event of the plan cannot be read")
        before += int(part[:at])
        found[before] = (_STATUS[part[at]], int(part[at + 1 :]))
    return found


def seal_of_packed(members: dict[int, tuple[str, int]]) -> str:
    """The seal of what `unpack` gave."""
    lines = (f"{key} {_LETTER[status]} {attempts}" for key, (status, attempts) in members.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
