"""Which incidents have deliveries that the console may do something about: kept up by what is new in the journal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from diagnostics.failures import UserError

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.models.incidents import Delivery

PREFIX = "INC"
PAGE = 1_000


class PendingDeliveries:
    """Thread-safe. Closed incidents are among them: their last notices have to arrive as well."""

    def __init__(self, tools: Tools, incidents: IncidentDesk) -> None:
        self._tools = tools
        self._incidents = incidents
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        """Generation of the journal, and its newest entry; None before the first look."""
        self._pending: set[str] = set()

    def known(self) -> tuple[str, ...]:
        """What the last look found, in order."""
        with self._lock:
            return tuple(sorted(self._pending, key=_number))

    def refresh(self) -> tuple[str, ...]:
        """Ids of the incidents, oldest first. One row read where nothing is new. Raises SourceFailure."""
        with self._lock:
            journal = self._tools.parts.journal
            now = (journal.generation, journal.head().seq)
            if now != self._seen:
                for name in self._changed(now):
                    self._judge(name)
                self._seen = now
        return self.known()

    def _changed(self, now: tuple[int, int]) -> tuple[str, ...]:
        journal = self._tools.parts.journal
        before = self._seen
        if before is None or before[0] != now[0] or not 0 <= now[1] - before[1] <= PAGE:
            self._pending.clear()
            return journal.streams(PREFIX)
        fresh = dict.fromkeys(entry.stream for entry in journal.since(before[1], PAGE))
        return tuple(name for name in fresh if name.startswith(f"{PREFIX}-"))

    def _judge(self, name: str) -> None:
        try:
            deliveries = self._incidents.get(name).deliveries
        except UserError:
            deliveries = ()
        if any(map(may_advance, deliveries)):
            self._pending.add(name)
        else:
            self._pending.discard(name)


def may_advance(delivery: Delivery) -> bool:
    """Whether anything can happen to it without a person."""
    return not delivery.is_settled and not (delivery.state == "uncertain" and delivery.retry_at is None)


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0), name
