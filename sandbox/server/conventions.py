"""Conventions of Datadog's endpoints: moments as they are accepted and printed, and how a wrong request is refused.

Moments are ISO 8601, epoch milliseconds or date math. The frame `input_validation_error(Field '…' is invalid: …)` and
the sentences of 403 and 429 are the service's own as observed; the details after the colon are ours.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson
from starlette.responses import Response


class Rejected(Exception):  # noqa: N818  # the service rejects; nothing is broken here
    """A request that is answered with `status` and `{"errors": [sentence]}`."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}
        super().__init__(sentence)


def invalid(field: str, reason: str) -> Rejected:
    """Return the answer to a field that cannot be used."""
    return Rejected(400, f"input_validation_error(Field '{field}' is invalid: {reason})")


def forbidden() -> Rejected:
    """Return the answer to missing or wrong keys."""
    return Rejected(403, "Forbidden")


_MATH = re.compile(r"now((?:[+-]\d{1,6}[smhdwM])*)")
_STEP = re.compile(r"([+-]\d+)([smhdwM])")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "M": 30 * 86_400_000}
_SPAN = re.compile(r"(\d{1,9})(ms|[smhdw])")


def moment_ms(text: object, field: str, now_ms: int) -> int:
    """Return milliseconds since the epoch; raises `Rejected` (400) for anything that is not a moment."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    if isinstance(text, str):
        if re.fullmatch(r"\d{1,15}", text):
            return int(text)
        if math := _MATH.fullmatch(text):
            return now_ms + sum(int(count) * _UNIT_MS[unit] for count, unit in _STEP.findall(math[1]))
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            raise invalid(field, f"unable to parse date {text!r}") from None
        return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    raise invalid(field, "expected a date, a timestamp in milliseconds or date math")


def interval_ms(text: object, field: str) -> int:
    """Return an interval such as "1m" or "5000" (milliseconds) in milliseconds; raises `Rejected` (400)."""
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    if isinstance(text, str):
        if text.isdigit() and int(text) > 0:
            return int(text)
        if (span := _SPAN.fullmatch(text)) and int(span[1]) > 0:
            return int(span[1]) * (1 if span[2] == "ms" else _UNIT_MS[span[2]])
    raise invalid(field, f"unable to parse interval {text!r}")


def iso(moment: int) -> str:
    """Return milliseconds since the epoch as the service prints them, e.g. 2025-11-17T14:03:21.123Z."""
    seconds, rest = divmod(moment, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer whose body is JSON."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
