"""Prototypes of log events; every event is a dated copy of one.

An event differs from its prototype in its id, its time and, where the prototype says so, its correlation id. That keeps
hundreds of thousands of events in a few megabytes and lets a query be evaluated once per prototype instead of once per
event. Each event carries both a reserved message and an attribute `message`, because the triage queries ask for the
attribute (`@message`) and nobody here knows whether the team's real logs keep one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VERSIONS = ("2025.11.14.3", "2025.11.17.1")


@dataclass(slots=True, frozen=True)
class Prototype:
    """Everything of an event that is not its moment."""

    service: str
    status: str
    message: str
    host: str
    tags: tuple[str, ...]
    attributes: Mapping[str, Any]
    request_scoped: bool
    """Each event carries a correlation id of its own."""


class Press:
    """Makes prototypes with the tags, hosts and attributes that all events of one service share."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def make(
        self,
        service: str,
        status: str,
        message: str,
        *,
        context: Mapping[str, Any] | None = None,
        http: tuple[str, str, int, int] | None = None,
        correlation_id: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Prototype:
        """Return one prototype; `http` is method, path, status code and milliseconds, `more` further attributes."""
        host = f"{service}-{self.rng.randrange(1, 9):02d}.prod"
        version = VERSIONS[self.rng.random() < 0.8]
        tags = (
            "env:production",
            "team:zyno",
            f"service:{service}",
            f"version:{version}",
            "datacenter:us-east-1",
            "source:php" if service != "fub-spa" else "source:browser",
        )
        body: dict[str, Any] = {"message": message, "level": status, "env": "production", "version": version}
        if context:
            body["context"] = dict(context)
        if http:
            method, path, code, took = http
            body["http"] = {
                "method": method,
                "url": f"https://api.zillow.com{path}"
                if service != "fub-api"
                else f"https://api.followupboss.com{path}",
                "url_details": {"path": path},
                "status_code": code,
                "response_time": took,
            }
        if correlation_id:
            body["correlation_id"] = correlation_id
        body.update(more or {})
        return Prototype(service, status, message, host, tags, body, request_scoped=correlation_id is None)

    def took(self, typical: float) -> int:
        """A plausible duration in milliseconds: log-normal around `typical`."""
        return max(1, round(self.rng.lognormvariate(0.0, 0.55) * typical))

    def times(self, count: int) -> Iterator[int]:
        """Count from 0; reads better than a range with an unused name where variants are made."""
        return iter(range(count))
