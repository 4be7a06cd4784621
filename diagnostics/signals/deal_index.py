"""What passed before this console's eyes: which account a deal belongs to, so that a deal id alone can be enough."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnostics.core.ids import id_of
from diagnostics.models.events import LogEvent

MOST_DEALS = 10_000

_DEAL_NAMES = ("deal_id", "dealId", "dealID")
_ACCOUNT_NAMES = ("account_id", "accountId", "accountID")
_COUNT_NAMES = ("agentCount", "agent_count")


@dataclass(slots=True, frozen=True)
class LoggedDeal:
    """One deal as a log event named it."""

    deal_id: int
    account_id: int | None
    timestamp_ms: int
    without_agents: bool


def deal_of(event: LogEvent) -> LoggedDeal | None:
    """The deal that a log event names in `@context` or at the top of its attributes, or None."""
    context = event.attributes.get("context")
    places = (context, event.attributes) if isinstance(context, Mapping) else (event.attributes,)
    deal_id = _first_id(places, _DEAL_NAMES)
    if deal_id is None:
        return None
    counts = [place[name] for place in places for name in _COUNT_NAMES if name in place]
    return LoggedDeal(
        deal_id=deal_id,
        account_id=_first_id(places, _ACCOUNT_NAMES),
        timestamp_ms=event.timestamp_ms,
        without_agents=any(str(count) == "0" for count in counts),
    )


def _first_id(places: Iterable[Mapping[str, object]], names: Iterable[str]) -> int | None:
    for place in places:
        for name in names:
            if (found := positive_id(place.get(name))) is not None:
                return found
    return None


def positive_id(value: object) -> int | None:
    """`value` as a positive integer when it is one or spells one, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value > 0 else None
    return id_of(value) if isinstance(value, str) else None


class DealIndex:
    """A bounded memory of deals and the accounts they were seen in. Thread-safe."""

    def __init__(self, most: int = MOST_DEALS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._accounts: OrderedDict[int, set[int]] = OrderedDict()
        self._without_agents: OrderedDict[int, LoggedDeal] = OrderedDict()

    def note(self, events: Iterable[LogEvent]) -> None:
        """Remember the deals these events name."""
        deals = [deal for event in events if (deal := deal_of(event)) is not None]
        with self._lock:
            for deal in deals:
                self._remember(deal)

    def accounts(self, deal_id: int) -> frozenset[int]:
        """Every account this deal was seen in."""
        with self._lock:
            return frozenset(self._accounts.get(deal_id, ()))

    def without_agents(self, most: int = 10) -> tuple[LoggedDeal, ...]:
        """The deals seen most recently with an agent count of 0, newest first."""
        with self._lock:
            deals = sorted(self._without_agents.values(), key=lambda deal: -deal.timestamp_ms)
        return tuple(deals[:most])

    def _remember(self, deal: LoggedDeal) -> None:
        if deal.account_id is not None:
            self._accounts.setdefault(deal.deal_id, set()).add(deal.account_id)
            self._accounts.move_to_end(deal.deal_id)
        known = self._without_agents.get(deal.deal_id)
        if deal.without_agents and (known is None or known.timestamp_ms <= deal.timestamp_ms):
            self._without_agents[deal.deal_id] = deal
            self._without_agents.move_to_end(deal.deal_id)
        for memory in (self._accounts, self._without_agents):
            while len(memory) > self._most:
                memory.popitem(last=False)
