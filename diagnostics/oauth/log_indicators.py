"""Known messages about credentials in an account's recent logs, counted and dated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.logs import bind
from diagnostics.oauth.verdicts import MESSAGE_CODES
from diagnostics.signals.deal_index import positive_id

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.core.context import Context
    from diagnostics.models.events import LogEvent
    from diagnostics.models.evidence import Evidence

WINDOW_S = 86_400
MOST_EVENTS = 100
"""One page of the newest: enough to name a cause, cheap enough for a limit that everybody shares."""

_DEEPEST = 4


@dataclass(slots=True)
class LogIndicators:
    """Known messages in one page of the newest events."""

    events: int = 0
    cut: bool = False
    """There are older events in the window that were not read."""
    partial: bool = False
    """Datadog did not give all that it holds; why is in the evidence's caveat."""
    known: Counter[str] = field(default_factory=Counter)
    """By id of the known message."""
    newest_ms: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    evidence: Evidence | None = None
    failure: SourceFailure | None = None

    @property
    def is_whole(self) -> bool:
        """Whether what is not among them did not happen."""
        return not self.cut and not self.partial

    def count(self, code: str) -> int:
        """Events that speak for this verdict."""
        return sum(count for name, count in self.known.items() if MESSAGE_CODES.get(name) == code)

    def newest(self, code: str) -> int | None:
        """When the newest of them was written, epoch milliseconds."""
        times = [at for name, at in self.newest_ms.items() if MESSAGE_CODES.get(name) == code]
        return max(times, default=None)


def query_of(catalogue: Catalogue, account_id: int, user_id: int | None) -> str:
    """The query that is asked, account and user bound."""
    if user_id is None:
        return bind(catalogue.queries["account_oauth"].datadog, account_id=account_id)
    return bind(catalogue.queries["user_oauth"].datadog, account_id=account_id, user_id=user_id)


def read_indicators(context: Context, account_id: int, user_id: int | None) -> LogIndicators:
    """Those of the last day, of the account or of one user. Raises nothing: a silent source is in `failure`."""
    try:
        page = context.logs.read_to_the_end(query_of(context.catalogue, account_id, user_id), WINDOW_S, MOST_EVENTS)
    except SourceFailure as failure:
        return LogIndicators(failure=failure)
    indicators = LogIndicators(cut=page.next_cursor is not None, partial=page.partial, evidence=page.evidence)
    for event in page.events:
        _note(indicators, context.catalogue, event, _user_of(event))
    return indicators


def _note(indicators: LogIndicators, catalogue: Catalogue, event: LogEvent, named: int | None) -> None:
    indicators.events += 1
    found = {one.id: one for text in _texts(event) for one in catalogue.messages_in(text)}
    for name, known in found.items():
        if name not in indicators.known and len(indicators.lines) < MOST_EVENTS:
            who = "" if named is None else f" (user {named})"
            indicators.lines.append(f'"{known.text}"{who}: {known.meaning} {known.remedy}')
        indicators.known[name] += 1
        indicators.newest_ms[name] = max(event.timestamp_ms, indicators.newest_ms.get(name, 0))


def _user_of(event: LogEvent) -> int | None:
    context = event.attributes.get("context")
    places = (context, event.attributes) if isinstance(context, Mapping) else (event.attributes,)
    for place in places:
        for name in ("user_id", "userId"):
            if (found := positive_id(place.get(name))) is not None:
                return found
    return None


def _texts(event: LogEvent) -> Iterator[str]:
    yield event.message
    yield from _strings(event.attributes, _DEEPEST)


def _strings(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > 0 and isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner, depth - 1)
    elif depth > 0 and isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner, depth - 1)
