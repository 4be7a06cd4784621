"""Rate limits as the service enforces and announces them: windows aligned to the clock, headers on every answer."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field

from diagnostics.core.failures import UserError
from sandbox.server.conventions import Rejected

DEFAULTS = {
    "search": (3, 10),
    "aggregate": (2, 10),
    "monitor": (3_000, 10),
    "create": (500, 10),
    "metrics": (1_600, 3_600),
    "validate": (1_000, 10),
    "indexes": (1_000, 10),
    "incident_create": (500, 10),
    "incident_get": (500, 10),
    "incident_update": (500, 10),
    "incident_search": (500, 10),
    "incident_list": (500, 10),
    "slack_channel": (10, 10),
}
"""Requests and seconds. Search and aggregate as observed of the real service; the others are generous.

`slack_channel` counts the messages to one channel, of which Slack promises to take one a second with short bursts.
"""

NAMES = {
    "search": "logs_public_search_api",
    "aggregate": "logs_public_aggregate_api",
    "monitor": "monitors_api",
    "create": "monitors_create_api",
    "metrics": "batch_query",
    "validate": "validate_api",
    "indexes": "logs_config_api",
    "incident_create": "incidents_create_api",
    "incident_get": "incidents_get_api",
    "incident_update": "incidents_update_api",
    "incident_search": "incidents_search_api",
    "incident_list": "incidents_list_api",
    "slack_channel": "slack_channel",
}
_SPEC = re.compile(r"(\w+)=(\d{1,7})/(\d{1,5})")


@dataclass(slots=True)
class Limit:
    """One limit and what has been used of its present window."""

    name: str
    allowed: int
    period: int
    used: int = 0
    window: int = field(default=-1)

    def take(self, now: float) -> bool:
        """Count one request; return whether it is within the limit."""
        window = int(now // self.period)
        if window != self.window:
            self.window, self.used = window, 0
        self.used += 1
        return self.used <= self.allowed

    def headers(self, now: float) -> dict[str, str]:
        """The five headers of the service."""
        window = int(now // self.period)
        used = self.used if window == self.window else 0
        return {
            "x-ratelimit-limit": str(self.allowed),
            "x-ratelimit-period": str(self.period),
            "x-ratelimit-remaining": str(max(0, self.allowed - used)),
            "x-ratelimit-reset": str(max(1, math.ceil((window + 1) * self.period - now))),
            "x-ratelimit-name": self.name,
        }


class RateLimits:
    """All limits of the stand-in; one budget is shared by every caller, as in the real service."""

    def __init__(self, specs: tuple[str, ...] = ()) -> None:
        chosen = dict(DEFAULTS)
        for spec in specs:
            parsed = _SPEC.fullmatch(spec)
            if parsed is None or parsed[1] not in DEFAULTS or not int(parsed[3]):
                raise UserError(
                    f"{spec!r} is not a rate limit",
                    where="--rate-limit",
                    accepted="ENDPOINT=REQUESTS/SECONDS with ENDPOINT one of " + ", ".join(DEFAULTS),
                    next_step="for example --rate-limit search=3/10",
                )
            chosen[parsed[1]] = (int(parsed[2]), int(parsed[3]))
        self._limits = {key: Limit(NAMES[key], *numbers) for key, numbers in chosen.items()}

    def take(self, endpoint: str) -> dict[str, str]:
        """Count one request and return the headers of its answer; raises `Rejected` (429) beyond the limit."""
        limit, now = self._limits[endpoint], time.time()
        within = limit.take(now)
        if not within:
            raise exceeded(limit, limit.headers(now))
        return limit.headers(now)

    def numbers(self, endpoint: str) -> tuple[int, int]:
        """Return how many requests one endpoint takes in how many seconds."""
        limit = self._limits[endpoint]
        return limit.allowed, limit.period

    def refuse(self, endpoint: str, seconds: int) -> Rejected:
        """Return the 429 that a fault asks for, with `seconds` until the reset."""
        limit = self._limits[endpoint]
        return exceeded(
            limit, limit.headers(time.time()) | {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(seconds)}
        )

    def peek(self, endpoint: str) -> dict[str, str]:
        """Return the headers without counting a request: for answers that the real service does not count."""
        return self._limits[endpoint].headers(time.time())


def exceeded(limit: Limit, headers: dict[str, str]) -> Rejected:
    """Return the answer to one request too many, in the service's words."""
    sentence = f"Rate limit of {limit.allowed} requests in {limit.period} seconds reached. Please try again later."
    return Rejected(429, sentence, headers)
