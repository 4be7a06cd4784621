"""One event for tests, with whatever a test wants different about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.models.events import LogEvent

INCIDENT: Mapping[str, Any] = {
    "context": {
        "account_id": 14009,
        "method": "oauthRefresh",
        "agentCount": 0,
        "users": [{"name": "Peter"}, {"name": "Ann"}],
    },
    "http": {"status_code": 429, "response_time": 812.5, "url_details": {"path": "/api-v1/leads"}},
    "network": {"ip": {"list": ["10.1.2.3", "192.168.0.9"]}, "client": {"ip": "13.4.5.6"}},
    "users": {"names": ["Peter", "Mary Ann"]},
    "my_attribute": "hello:world",
    "dotted.key": "literal",
    "outer": {"in.ner": {"leaf": True}},
    "message": "rate limit hit",
    "empty": None,
    "nothing": [],
    "retry": False,
    "dd": {"trace_id": "ABC123"},
}


def event(
    *,
    service: str = "fub",
    status: str = "error",
    message: str = "Zillow request failed: HTTP 429, rate limited",
    host: str = "web-01",
    tags: tuple[str, ...] = ("env:prod", "version:1.4", "Team:Zyno", "source:nginx", "orphan"),
    attributes: Mapping[str, Any] = INCIDENT,
) -> LogEvent:
    """Return one event of the rate-limiting incident unless told otherwise."""
    return LogEvent(
        id="event-1",
        timestamp_ms=1_763_380_800_000,
        service=service,
        status=status,
        message=message,
        host=host,
        tags=tags,
        attributes=attributes,
    )
