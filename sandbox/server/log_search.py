"""`/api/v2/logs/events` and `/api/v2/logs/events/search`: filter, sort, page."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any
from urllib.parse import urlencode

import orjson

from diagnostics.core.failures import UserError
from diagnostics.models.events import LogEvent
from sandbox.server.conventions import Rejected, invalid, iso, moment_ms
from sandbox.stories.clock import now_ms
from sandbox.stories.timeline import Timeline

REMEMBERED = 128
"""Queries kept with their matches, about 4 bytes a match."""

# Events of one prototype differ in id, time and correlation id. Only a query (or facet) whose text could tell them
# apart, be it through a wildcard in an attribute's name or a search over all attributes, is evaluated event by event.
_SINGLES = re.compile(r"correlation|\*:|[*?][\w.]*:|(?<![\w.])@?_?(?:id|timestamp|date|time)\s*(?::|$)", re.IGNORECASE)
# Generated correlation ids are 36 hexadecimal digits and hyphens, so a term that asks for any other constant, or for
# mere existence, gives the same answer for all of them. This is what makes the agent resolution query cheap.
_SAME_FOR_ALL = re.compile(r"@correlation_id:(?:\*|(?![0-9a-fA-F-]{36}(?![\w-]))[\w-]+)(?=$|[\s)])")


def tells_events_apart(text: str) -> bool:
    """Return whether a query or a facet could give two events of one prototype different answers."""
    return _SINGLES.search(_SAME_FOR_ALL.sub("", text).replace("\\", "")) is not None


class Matches:
    """Positions of the events that one query selects, ascending, for the one stretch of time asked about so far."""

    def __init__(self, timeline: Timeline, query: str, predicate: Callable[[LogEvent], bool]) -> None:
        self._timeline = timeline
        self._predicate = predicate
        self._by_event = tells_events_apart(query)
        self._positions = array("I")
        self._low = self._high = 0
        self._verdicts: tuple[bool, ...] = ()
        self._lock = threading.Lock()

    def span(self, low: int, high: int) -> array[int]:
        """Return the selected positions at or after `low` and before `high`."""
        with self._lock:
            if self._low == self._high:
                self._low = self._high = low
            if low < self._low:
                self._positions = array("I", self._select(low, self._low)) + self._positions
                self._low = low
            if high > self._high:
                self._positions.extend(self._select(self._high, high))
                self._high = high
            found = self._positions
            return found[bisect_left(found, low) : bisect_left(found, high)]

    def _select(self, low: int, high: int) -> Iterable[int]:
        timeline = self._timeline
        if self._by_event:
            return [position for position in range(low, high) if self._predicate(timeline.event(position))]
        if not self._verdicts:
            self._verdicts = tuple(self._predicate(sample) for sample in timeline.samples())
        return compress(range(low, high), map(self._verdicts.__getitem__, timeline.kinds[low:high]))


class QueryCache:
    """The most recently used queries with their matches."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._kept: OrderedDict[str, Matches] = OrderedDict()
        self._lock = threading.Lock()

    def matches(self, query: str) -> Matches:
        """Return the matches of a query; raises `diagnostics.logs.QuerySyntaxError` when it cannot be read."""
        with self._lock:
            kept = self._kept.pop(query, None)
        if kept is None:
            # Listening must not wait for the grammar.
            from diagnostics.logs import compile_query  # noqa: PLC0415

            kept = Matches(self._timeline, query, compile_query(query))
        with self._lock:
            self._kept[query] = kept
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return kept


DEFAULT_LIMIT = 10
LARGEST_LIMIT = 1_000
STORAGE_TIERS = ("indexes", "online-archives", "flex")


@dataclass(slots=True, frozen=True)
class SearchRequest:
    """Request of both methods, as given: moments may be date math."""

    query: str
    start: object
    end: object
    descending: bool
    limit: int
    cursor: str | None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> SearchRequest:
        """Read the JSON body of the POST form; raises `Rejected` (400)."""
        filters, page = section(body, "filter"), section(body, "page")
        check_tier(filters.get("storage_tier"))
        return cls._checked(
            filters.get("query", "*"),
            filters.get("from", "now-15m"),
            filters.get("to", "now"),
            sort=body.get("sort", "-timestamp"),
            limit=page.get("limit", DEFAULT_LIMIT),
            cursor=page.get("cursor"),
        )

    @classmethod
    def read_parameters(cls, given: Mapping[str, str]) -> SearchRequest:
        """Read the query parameters of the GET form; raises `Rejected` (400)."""
        check_tier(given.get("filter[storage_tier]"))
        limit = given.get("page[limit]", str(DEFAULT_LIMIT))
        return cls._checked(
            given.get("filter[query]", "*"),
            given.get("filter[from]", "now-15m"),
            given.get("filter[to]", "now"),
            sort=given.get("sort", "-timestamp"),
            limit=int(limit) if limit.lstrip("-").isdecimal() else limit,
            cursor=given.get("page[cursor]"),
        )

    @classmethod
    def _checked(
        cls, query: object, start: object, end: object, *, sort: object, limit: object, cursor: object
    ) -> SearchRequest:
        if not isinstance(query, str):
            raise invalid("filter.query", "expected a string")
        if sort not in {"timestamp", "-timestamp"}:
            raise invalid("sort", "expected one of timestamp, -timestamp")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= LARGEST_LIMIT:
            raise invalid("page.limit", f"must be between 1 and {LARGEST_LIMIT}")
        if cursor is not None and not isinstance(cursor, str):
            raise invalid("page.cursor", "expected a string")
        return cls(query, start, end, sort == "-timestamp", limit, cursor)


def check_tier(tier: object) -> None:
    """Raise `Rejected` (400) for a storage tier that the service does not document; absent, it is the indexes."""
    if tier is not None and tier not in STORAGE_TIERS:
        raise invalid("filter.storage_tier", f"expected one of {', '.join(STORAGE_TIERS)}")


def section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside a request body, empty when absent; raises `Rejected` (400) for anything else."""
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise invalid(name, "expected an object")
    return found


def selected(cache: QueryCache, timeline: Timeline, query: str, low_ms: int, high_ms: int) -> Any:  # noqa: ANN401  # array[int] is no runtime type on 3.11
    """Return the positions a query selects in a window; raises `Rejected` (400) for a query that cannot be read."""
    try:
        matches = cache.matches(query)
    except UserError as error:
        raise invalid("filter.query", f"unable to parse query: {error.problem}") from None
    return timeline.found(matches.span(*timeline.span(low_ms, high_ms)))


def window(start: object, end: object) -> tuple[int, int]:
    """Return the half-open window in milliseconds that two moments name; raises `Rejected` (400)."""
    now = now_ms()
    low, high = moment_ms(start, "filter.from", now), moment_ms(end, "filter.to", now)
    if low > high:
        raise invalid("filter.from", "must not be after filter.to")
    return low, high


def search(timeline: Timeline, cache: QueryCache, asked: SearchRequest, base_url: str) -> dict[str, Any]:
    """Return one page as the service's own client has recorded it.

    Every page that holds something carries a cursor, the last one too; behind it comes a page without events or meta.
    """
    digest = hashlib.blake2b(f"{asked.query}\0{asked.descending}".encode(), digest_size=6).hexdigest()
    last: int | None = None
    if asked.cursor is None:
        low, high = window(asked.start, asked.end)
    else:
        # The cursor pins the window: "now-15m" must not slide between two pages of one answer.
        low, high, last = _read_cursor(asked.cursor, digest, timeline)
    positions = selected(cache, timeline, asked.query, low, high)
    if asked.descending:
        rest = positions if last is None else positions[: bisect_left(positions, last)]
        page = rest[-asked.limit :][::-1]
    else:
        rest = positions if last is None else positions[bisect_right(positions, last) :]
        page = rest[: asked.limit]
    if not page:
        return {"data": []}
    cursor = _write_cursor(timeline.identity(page[-1]), low, high, digest)
    return {
        "meta": {"page": {"after": cursor}},
        "data": [wire_event(timeline, position) for position in page],
        "links": {"next": f"{base_url}/api/v2/logs/events?{_parameters(asked, cursor)}"},
    }


def wire_event(timeline: Timeline, position: int) -> dict[str, Any]:
    """Return one event in the service's shape."""
    prototype = timeline.prototypes[timeline.kinds[position]]
    return {
        "id": timeline.identity(position),
        "type": "log",
        "attributes": {
            "service": prototype.service,
            "status": prototype.status,
            "message": prototype.message,
            "host": prototype.host,
            "timestamp": iso(timeline.moments[position]),
            "tags": list(prototype.tags),
            "attributes": timeline.attributes(position),
        },
    }


def _parameters(asked: SearchRequest, cursor: str) -> str:
    return urlencode(
        {
            "filter[query]": asked.query,
            "filter[from]": str(asked.start),
            "filter[to]": str(asked.end),
            "sort": "-timestamp" if asked.descending else "timestamp",
            "page[limit]": str(asked.limit),
            "page[cursor]": cursor,
        }
    )


def _write_cursor(identity: str, low: int, high: int, digest: str) -> str:
    packed = orjson.dumps({"after": identity, "from": low, "to": high, "query": digest})
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read_cursor(cursor: str, digest: str, timeline: Timeline) -> tuple[int, int, int]:
    try:
        held = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        low, high, last = int(held["from"]), int(held["to"]), timeline.position(held["after"])
        belongs = held["query"] == digest
    except (ValueError, KeyError, TypeError):
        belongs = False
    if not belongs:
        raise Rejected(400, "input_validation_error(Field 'page.cursor' is invalid: it does not belong to this query)")
    return low, high, last
