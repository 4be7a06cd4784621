"""Entries as text: what a body looks like in its column, and what comes back from there."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from functools import cache

from pydantic import TypeAdapter, ValidationError

from diagnostics.failures import UserError
from diagnostics.models.entries import Body, Unknown
from diagnostics.state.journal_rows import canonical
from diagnostics.text import clean

MOST_TEXT = 200_000
"""Characters of one text; more is refused, because what is cut off would be lost without a word."""

MOST_BODY = 2_000_000
"""Bytes of one entry."""

_SHOWN_UNKNOWN = 2_000
_KEY = re.compile(r"[!-~]{1,191}")
_ESCAPED = re.compile(r"\\[bfrtu]")


@cache
def _adapter() -> TypeAdapter[Body]:
    return TypeAdapter(Body)


def body_text(body: Body) -> str:
    """The body as it is stored: its texts cleaned and normalised (NFC), lines kept. Raises `UserError`."""
    try:
        written = canonical(_kept(body.model_dump(mode="json")))
    except ValueError:
        raise UserError("a figure that is no number cannot be kept in the journal") from None
    if len(written) > MOST_BODY:
        raise UserError("this is too long for the journal", accepted=f"{MOST_BODY:,} bytes for one entry")
    return written


def read_body(kind: str, text: str) -> Body | Unknown:
    """The body as its column has it; `Unknown` for a kind of a newer console, and for what cannot be read."""
    try:
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)  # SQLite lets a stranger write bytes
        if text.isascii() and text.isprintable() and not _ESCAPED.search(text):
            body = _adapter().validate_json(text)
        else:
            body = _adapter().validate_python(_cleaned(json.loads(text)))
        if body.kind == kind:
            return body
    except (ValueError, TypeError, RecursionError, ValidationError):
        pass
    return Unknown(kind=clean(str(kind), limit=64), text=clean(str(text), limit=_SHOWN_UNKNOWN))


def stored_name(text: object, most: int) -> str:
    """A person, console or stream as it is stored: one line, normalised, cleaned."""
    return clean(unicodedata.normalize("NFC", str(text)), limit=most).strip()


def stored_key(key: str) -> str:
    """A key as an index can hold it: as it is where that is possible, otherwise its hash."""
    if _KEY.fullmatch(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _kept(value: object) -> object:
    if isinstance(value, str):
        normal = unicodedata.normalize("NFC", value) if not value.isascii() else value
        if len(normal) > MOST_TEXT:
            raise UserError("this text is too long for the journal", accepted=f"{MOST_TEXT:,} characters")
        return clean(normal, limit=2 * MOST_TEXT, multiline=True)
    if isinstance(value, dict):
        return {clean(str(name), limit=512): _kept(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner) for inner in value]
    return value


def _cleaned(value: object) -> object:
    """A shared database is written by others: what comes back passes the gate once more."""
    if isinstance(value, str):
        return clean(value, limit=2 * MOST_TEXT, multiline=True)
    if isinstance(value, dict):
        return {clean(str(name), limit=512): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value
