"""Small documents in the state store: places seen, saved queries, sessions. Statements only; transactions are given."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import MARK, clean
from diagnostics.store.schema import DOCUMENTS, MOST_KEY, MOST_KIND

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_BYTES = 4_000_000
_DEPTH = 24


@dataclass(slots=True, frozen=True)
class Kept:
    """One document, its text cleaned."""

    key: str
    payload: dict[str, object]
    at: datetime
    """When it was remembered last, aware UTC."""


@dataclass(slots=True, frozen=True)
class StoredDocument:
    """One document as it is written."""

    kind: str
    doc_id: str
    doc_key: str
    payload: str
    at_us: int


def prepare(kind: str, key: str, payload: dict[str, object]) -> StoredDocument:
    """A document of this moment; raises `UserError` for one that cannot be kept, TypeError where it is no JSON."""
    if not 0 < len(kind) <= MOST_KIND or not 0 < len(key) <= MOST_KEY:
        raise UserError(
            "this cannot be remembered under such a name",
            accepted=f"1 to {MOST_KIND} characters of kind, 1 to {MOST_KEY:,} of key",
        )
    # ASCII: half a surrogate pair is a character that neither database takes, and JSON can spell it.
    written = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if len(written) > _MOST_BYTES:
        raise UserError("this is too big to be remembered", accepted=f"{_MOST_BYTES:,} bytes of JSON")
    key = key.encode("utf-8", "replace").decode()
    return StoredDocument(kind, identify(key), key, written, time.time_ns() // 1_000)


def identify(key: str) -> str:
    """The key as an index can hold it."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def remember(connection: Connection, document: StoredDocument, most: int) -> None:
    """Write it, and remove the oldest beyond `most`."""
    put(connection, document)
    own = DOCUMENTS.c.kind == document.kind
    kept = select(DOCUMENTS.c.at_us).where(own).order_by(DOCUMENTS.c.at_us.desc()).limit(max(1, most) + 1)
    moments = [int(row[0]) for row in connection.execute(kept)]
    if len(moments) > max(1, most):
        connection.execute(DOCUMENTS.delete().where(own, DOCUMENTS.c.at_us <= moments[-1]))


def put(connection: Connection, document: StoredDocument) -> None:
    """Write it in the place of the one of its key."""
    table = DOCUMENTS.c
    changed = connection.execute(
        DOCUMENTS.update()
        .where(table.kind == document.kind, table.doc_id == document.doc_id)
        .values(payload=document.payload, at_us=document.at_us, doc_key=document.doc_key)
    )
    if not changed.rowcount:
        connection.execute(
            DOCUMENTS.insert().values(
                kind=document.kind,
                doc_id=document.doc_id,
                doc_key=document.doc_key,
                payload=document.payload,
                at_us=document.at_us,
            )
        )


def recall(connection: Connection, kind: str, most: int) -> tuple[Kept, ...]:
    """The newest, newest first; what is no JSON object is left out and logged."""
    table = DOCUMENTS.c
    wanted = (
        select(table.doc_key, table.payload, table.at_us)
        .where(table.kind == kind)
        .order_by(table.at_us.desc())
        .limit(max(0, most))
    )
    read = (_read(kind, *row) for row in connection.execute(wanted))
    return tuple(kept for kept in read if kept is not None)


def recall_one(connection: Connection, kind: str, key: str) -> Kept | None:
    """The document of that key; None where there is none, or where it is no JSON object."""
    table = DOCUMENTS.c
    wanted = select(table.doc_key, table.payload, table.at_us).where(table.kind == kind, table.doc_id == identify(key))
    row = connection.execute(wanted).first()
    return None if row is None else _read(kind, *row)


def forget(connection: Connection, kind: str, key: str) -> bool:
    """Remove one, if there is one; returns whether there was."""
    wanted = (DOCUMENTS.c.kind == kind, DOCUMENTS.c.doc_id == identify(key))
    return bool(connection.execute(DOCUMENTS.delete().where(*wanted)).rowcount)


def everything(connection: Connection) -> list[StoredDocument]:
    """All of them, for another place."""
    table = DOCUMENTS.c
    wanted = select(table.kind, table.doc_id, table.doc_key, table.payload, table.at_us)
    return [StoredDocument(*row) for row in connection.execute(wanted)]


def _read(kind: str, key: str, payload: str, at_us: int) -> Kept | None:
    try:
        found: Any = json.loads(payload)
        at = _EPOCH + timedelta(microseconds=at_us)
    except (ValueError, RecursionError, OverflowError):
        found = None
    if not isinstance(found, dict):
        logger.warning("state: a document of the kind %s cannot be read and is left out", clean(kind, limit=80))
        return None
    # A shared database is written by others: what comes back passes the gate like any text from outside.
    cleaned = {clean(str(name), limit=512): _cleaned(value, _DEPTH) for name, value in found.items()}
    return Kept(clean(str(key), limit=MOST_KEY), cleaned, at)


def _cleaned(value: object, depth: int) -> object:
    """As `clean_tree`, and lines stay lines: a note may have several."""
    if isinstance(value, str):
        return clean(value, multiline=True)
    if value is None or isinstance(value, int | float):
        return value
    if depth <= 0:
        return MARK
    if isinstance(value, dict):
        return {clean(str(name), limit=512): _cleaned(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner, depth - 1) for inner in value]
    return clean(str(value))
