"""Record of what the outside world received: messages, incidents, issues, comments and updates, to be read back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.server.conventions import iso
from sandbox.stories.clock import now_ms

KINDS = ("messages", "incidents", "issues", "comments", "updates")


@dataclass(slots=True)
class Recorder:
    """Lives as long as the process. Only what was stored is in it; a request that was refused only counts."""

    stored: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    requests: Counter[str] = field(default_factory=Counter)
    """Requests by endpoint, refused ones among them."""

    def store(self, kind: str, service: str, what: dict[str, Any]) -> None:
        """Take down one stored thing, as it was at that moment."""
        self.stored[kind].append({"service": service, "at": iso(now_ms()), **what})

    def count(self, endpoint: str) -> None:
        """Take down that a request came."""
        self.requests[endpoint] += 1

    def wire(self) -> dict[str, Any]:
        """Everything, as `GET /sandbox/recorded` answers."""
        return {**self.stored, "requests": dict(self.requests)}


@dataclass(slots=True)
class SlowIndex:
    """A search index that lags: what it holds is found only after some searches for it."""

    _searches: Counter[str] = field(default_factory=Counter)

    def shows(self, identity: str, lag: int) -> bool:
        """Count one search that would find the thing; return whether it does."""
        self._searches[identity] += 1
        return self._searches[identity] > lag
