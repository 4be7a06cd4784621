"""Client of a sandbox for tests, which also reads its whole data set without its search."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from typing import Any

import httpx
import orjson

from diagnostics.models.events import LogEvent
from sandbox.launch import SandboxProcess

UNLIMITED = ("search=1000000/1", "aggregate=1000000/1")

QUERIES = (
    "service:fub @context.method:*oauth* status:error -@message:*rate*limit*",
    "service:fub @context.method:getDealZillowUsers @context.agentCount:0",
    "service:fub @context.error_message:*429* @context.service:zillow",
    "service:fub @context.connection_health_status:error",
    "@correlation_id:zillow-agent-resolution @resolution_method:(CONNECTED OR INFERRED OR UNMATCHED)",
    "@context.account_id:12345 @message:*Zillow* status:error",
    "service:fub status:error @context.exception:ZillowConnectException",
    "service:fub @context.method:*oauth* @context.error:*expired*",
    "service:fub-worker @class:ZillowSyncWorker status:error",
    "@message:*zillow_transaction* @event:transaction_sync_failed",
)
"""The triage queries, verbatim."""

RATE_LIMITED = QUERIES[2]


class Api:
    """An HTTP client with the sandbox's keys."""

    def __init__(self, process: SandboxProcess) -> None:
        self.process = process
        flags = process.flags()
        self.keys = {"DD-API-KEY": str(flags["datadog.api_key"]), "DD-APPLICATION-KEY": str(flags["datadog.app_key"])}
        self.http = httpx.Client(base_url=process.url, headers=self.keys | process.controls, timeout=30.0)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.http.close()

    def state(self) -> dict[str, Any]:
        """Return `/sandbox/state`."""
        return _object(self.http.get("/sandbox/state"))

    @property
    def anchor_ms(self) -> int:
        """The start of the story, milliseconds since the epoch."""
        return round(datetime.fromisoformat(self.state()["anchor"]).timestamp() * 1000)

    def search(self, query: str, start: object = "now-15m", end: object = "now", **more: object) -> dict[str, Any]:
        """Return one page of the POST form; `more` are `limit`, `cursor` and `sort`."""
        page = {name: more[name] for name in ("limit", "cursor") if name in more}
        body: dict[str, object] = {"filter": {"query": query, "from": start, "to": end}, "page": page}
        if "sort" in more:
            body["sort"] = more["sort"]
        return _object(self.http.post("/api/v2/logs/events/search", json=body))

    def search_all(
        self, query: str, start: object, end: object, *, sort: str = "timestamp", limit: int = 1000
    ) -> list[Any]:
        """Return every event of a search, page after page."""
        events: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.search(query, start, end, sort=sort, limit=limit, **cursor)
            events += page["data"]
            if not page["data"]:
                return events
            cursor = {"cursor": page["meta"]["page"]["after"]}

    def aggregate(
        self,
        query: str,
        compute: list[dict[str, Any]],
        group_by: list[dict[str, Any]] | None = None,
        start: object = "now-15m",
        end: object = "now",
    ) -> list[dict[str, Any]]:
        """Return the buckets of an aggregate."""
        body: dict[str, Any] = {"filter": {"query": query, "from": start, "to": end}, "compute": compute}
        if group_by is not None:
            body["group_by"] = group_by
        answer = _object(self.http.post("/api/v2/logs/analytics/aggregate", json=body))
        assert answer["meta"]["status"] == "done"
        buckets: list[dict[str, Any]] = answer["data"]["buckets"]
        return buckets

    def count(self, query: str, start: object = "now-15m", end: object = "now") -> int:
        """Return how many events a query selects."""
        return int(self.aggregate(query, [{"aggregation": "count"}], None, start, end)[0]["computes"]["c0"])

    def everything(self, start: object, end: object) -> list[LogEvent]:
        """Return the whole data set of a window, rebuilt from the controls' listing."""
        listing = self.http.get("/sandbox/events", params={"from": str(start), "to": str(end)})
        assert listing.status_code == 200
        return [rebuilt(orjson.loads(line)) for line in listing.content.splitlines()]

    def rows(self, statement: str, *values: object, database: str = "common") -> list[tuple[Any, ...]]:
        """Run a statement on one of the SQLite files."""
        path = self.process.directory / f"{database}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    def clients(self) -> list[str]:
        """Names of the client databases, without their ending."""
        return sorted(path.stem for path in self.process.directory.glob("warroom_client_*.db"))


def rebuilt(item: dict[str, Any]) -> LogEvent:
    """Return the event that one object of the wire stands for."""
    body = item["attributes"]
    moment = round(datetime.fromisoformat(body["timestamp"]).timestamp() * 1000)
    return LogEvent(
        id=item["id"],
        timestamp_ms=moment,
        service=body["service"],
        status=body["status"],
        message=body["message"],
        host=body["host"],
        tags=tuple(body["tags"]),
        attributes=body["attributes"],
    )


def _object(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer = response.json()
    assert isinstance(answer, dict)
    return answer
