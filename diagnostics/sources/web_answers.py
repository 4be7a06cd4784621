"""What became of one HTTP request, without the library that made it: importing that costs a tenth of a second."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from diagnostics.now import utc_now
from diagnostics.text import clean


class NoAnswer(Exception):  # noqa: N818  # an outcome, told by name
    """No answer came. `sent` tells whether the request may have reached the service; `reason` holds no secret."""

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        self.reason = clean(reason, limit=300)
        self.sent = sent
        self.timed_out = timed_out
        super().__init__(self.reason)


@dataclass(slots=True, frozen=True)
class WebAnswer:
    """Whatever the service answered, of whatever status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def document(self) -> dict[str, Any] | None:
        """The body where it is a JSON object."""
        try:
            read = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return read if isinstance(read, dict) else None

    def words(self, limit: int = 200) -> str:
        """The body as one short cleaned line."""
        return clean(self.body[: limit * 4].decode("utf-8", errors="replace").strip(), limit=limit)

    @property
    def retry_after_s(self) -> float | None:
        """What the service asks for in Retry-After, as seconds or as a date; None when it says nothing readable."""
        text = self.headers.get("retry-after", "").strip()
        if not text:
            return None
        try:
            seconds = float(text)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(text) - utc_now()).total_seconds()
            except (TypeError, ValueError):
                return None
        return max(0.0, seconds) if math.isfinite(seconds) else None
