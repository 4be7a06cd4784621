"""Log lines of a growing view by pattern: how many, of how many accounts, and in what they differ from each other.

Lines are taken as they come, each once, in the thread that asked for them; what has left the window is not counted.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostics.explorer.patterns import ANY_WORD, MOST_WORDS, OTHERS, SIMILAR, masked
from diagnostics.models.explorer import LineGroup

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

MOST_GROUPS = 400
"""Beyond, lines are gathered under one that says so."""

MOST_SEEN = 50_000
"""Ids that are remembered to count each line once."""

MOST_KNOWN = 4_000
"""Messages whose group is remembered as they stand."""

MINUTE_MS = 60_000

MOST_LETTERS = 1_000
"""Letters of a message in which a status and an endpoint are looked for."""

_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_CALL = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|HEAD) (/[\w./~-]{1,120})")

Shape = tuple[str, str, int]
"""HTTP status, endpoint, and the number of words of the message."""


@dataclass(slots=True)
class _Group:
    """Lines of one pattern so far."""

    key: str
    status: str
    endpoint: str
    words: list[str]
    newest: LogEvent
    minutes: Counter[int] = field(default_factory=Counter)
    accounts: dict[str, int] = field(default_factory=dict)
    """Milliseconds of the newest line of each."""

    def take(self, event: LogEvent) -> None:
        self.minutes[event.timestamp_ms // MINUTE_MS] += 1
        account = account_of(event)
        if account:
            self.accounts[account] = max(self.accounts.get(account, 0), event.timestamp_ms)
        if event.timestamp_ms >= self.newest.timestamp_ms:
            self.newest = event

    def alike(self, words: Sequence[str]) -> bool:
        same = sum(mine == other for mine, other in zip(self.words, words, strict=True))
        return same >= SIMILAR * max(1, len(words))

    def merge(self, words: Sequence[str]) -> None:
        pairs = zip(self.words, words, strict=True)
        self.words = [mine if mine == other else ANY_WORD for mine, other in pairs]

    def since(self, oldest_ms: int) -> LineGroup | None:
        """The group as it is from then on; None where it has no line any more."""
        first = oldest_ms // MINUTE_MS
        for minute in [one for one in self.minutes if one < first]:
            del self.minutes[minute]
        for account in [one for one, at in self.accounts.items() if at < oldest_ms]:
            del self.accounts[account]
        count = self.minutes.total()
        if not count:
            return None
        return LineGroup(
            self.key, " ".join(self.words), self.status, self.endpoint, count, tuple(self.accounts), self.newest
        )


class GroupedLines:
    """Lines of one query by pattern. Thread-safe."""

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._known: dict[tuple[str, str, str], _Group] = {}
        self._shapes: dict[Shape, list[_Group]] = {}
        self._groups: list[_Group] = []
        self._others: _Group | None = None
        self._until_ms = 0
        """When the newest answer was asked for, epoch milliseconds."""

    def take(self, events: Iterable[LogEvent], at_ms: int) -> None:
        """Count these lines, those that have been counted before excepted. The window ends now, at `at_ms`."""
        with self._lock:
            self._until_ms = max(self._until_ms, at_ms)
            for event in events:
                if event.id and event.id in self._seen:
                    continue
                self._seen[event.id] = event.timestamp_ms
                self._group_of(event).take(event)
            for name in list(self._seen)[: max(0, len(self._seen) - MOST_SEEN)]:
                del self._seen[name]

    def groups(self) -> tuple[LineGroup, ...]:
        """The groups of the window as of the newest answer, the one with most lines first.

        Where nothing is answered any more, what was known stays: it is called old beside them.
        """
        with self._lock:
            oldest_ms = self._until_ms - self.window_s * 1_000
            every = [*self._groups, *([self._others] if self._others is not None else [])]
            found = [group.since(oldest_ms) for group in every]
        return tuple(sorted((one for one in found if one is not None), key=lambda one: (-one.count, one.key)))

    def _group_of(self, event: LogEvent) -> _Group:
        status, endpoint = status_of(event), endpoint_of(event)
        exact = (status, endpoint, event.message)
        known = self._known.get(exact)
        if known is not None:
            return known
        words = masked(event.message).split()[:MOST_WORDS]
        alike = self._shapes.setdefault((status, endpoint, len(words)), [])
        found = next((group for group in alike if group.alike(words)), None)
        if found is not None:
            found.merge(words)
        elif len(self._groups) < MOST_GROUPS:
            found = _Group(f"{status} {endpoint} {' '.join(words)}"[:300], status, endpoint, words, event)
            self._groups.append(found)
            alike.append(found)
        else:
            found = self._others = self._others or _Group(OTHERS, "", "", [OTHERS], event)
        if len(self._known) < MOST_KNOWN:
            self._known[exact] = found
        return found


def status_of(event: LogEvent) -> str:
    """The HTTP status as text, of the attribute or else of the message; empty where the line has none."""
    http = event.attributes.get("http")
    value = http.get("status_code") if isinstance(http, Mapping) else None
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    found = _STATUS.search(event.message, 0, MOST_LETTERS)
    return found[1] if found is not None else ""


def endpoint_of(event: LogEvent) -> str:
    """Method and path, such as "POST /v1/leads", of attributes or else of the message; empty where there is none."""
    http = event.attributes.get("http")
    if isinstance(http, Mapping):
        details = http.get("url_details")
        path = details.get("path") if isinstance(details, Mapping) else None
        path = path if isinstance(path, str) else http.get("url")
        named = " ".join(part for part in (http.get("method"), path) if isinstance(part, str) and part)
        if named:
            return named
    found = _CALL.search(event.message, 0, MOST_LETTERS)
    return f"{found[1]} {found[2]}" if found is not None else ""


def account_of(event: LogEvent) -> str:
    """The account as text; empty where the line names none."""
    context = event.attributes.get("context")
    value = context.get("account_id") if isinstance(context, Mapping) else None
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
