"""JSON from a server that may be hostile or broken: raw bytes in, plain data out, one kind of error."""

from __future__ import annotations

import json

import orjson


def read_json(body: bytes) -> object:
    """Return the document in `body`; raises ValueError for anything that is not one.

    orjson is strict: one lone surrogate or one invalid UTF-8 byte in one log message would cost the whole page. So a
    refused body is read again by the standard library, with the bad bytes replaced; the text gate marks the rest.
    """
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_lenient(body)
    return document


def _read_lenient(body: bytes) -> object:
    try:
        document: object = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
