"""A server that speaks as much of Datadog's API as the console uses, and misbehaves on request. Real sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

API_KEY = "0123456789abcdef0123456789abcdef"
APP_KEY = "fedcba9876543210fedcba9876543210fedcba98"


@dataclass(slots=True, frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    parameters: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any


Misbehaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class Reply:
    """One answer: JSON, or raw bytes."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class DatadogServer(ThreadingHTTPServer):
    """Answers from the queue `next` first, then as a healthy service would. Keeps what it saw in `seen`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.next: deque[Reply | Misbehaviour] = deque()
        self.always: Reply | Misbehaviour | None = None
        self.events: list[dict[str, Any]] = []
        self.buckets: list[dict[str, Any]] = []
        self.monitors: list[dict[str, Any]] = []
        self.indexes: Reply | Misbehaviour = Reply({"indexes": [index()]})
        """The index configuration. It is read beside whatever a test is about, so that it is kept apart from that."""
        self.index_reads = 0
        self.arrived = threading.Semaphore(0)
        """Released once per request, so that a test can wait for one without sleeping."""
        self.hang_up = threading.Event()
        """Ends the misbehaviours that would otherwise go on for ever."""
        self.limit: tuple[int, float] | None = None
        """Requests and seconds of a limit that is enforced and announced, over all endpoints together."""
        self.refusals = 0
        self.date = ""
        """The Date header, when it is not to be the present."""
        self.lock = threading.Lock()
        self._window = (0, 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what these tests are about."""

    def choose(self, seen: Seen) -> Reply | Misbehaviour:
        with self.lock:
            if seen.path == "/api/v1/logs/config/indexes":
                self.index_reads += 1
                return self.indexes
            self.seen.append(seen)
            self.arrived.release()
            if self.next:
                return self.next.popleft()
            headers, within = self._counted()
        if not within:
            return Reply({"errors": ["Rate limit exceeded"]}, 429, headers)
        if self.always is not None:
            return self.always
        reply = self.healthy(seen)
        reply.headers |= headers
        return reply

    def _counted(self) -> tuple[dict[str, str], bool]:
        """Count one request in its calendar-aligned window; the headers to send, and whether it is within the limit."""
        if self.limit is None:
            return {}, True
        allowed, period = self.limit
        now = time.time()
        window, used = self._window
        used = used + 1 if window == int(now // period) else 1
        self._window = (int(now // period), used)
        self.refusals += used > allowed
        rest = (int(now // period) + 1) * period - now
        return budget(limit=allowed, remaining=max(0, allowed - used), reset=rest, period=period), used <= allowed

    def healthy(self, seen: Seen) -> Reply:
        keys = (seen.headers.get("DD-API-KEY"), seen.headers.get("DD-APPLICATION-KEY"))
        if seen.path == "/api/v1/validate":
            return Reply({"valid": True}) if keys[0] == API_KEY else Reply({"errors": ["Forbidden"]}, 403)
        if keys != (API_KEY, APP_KEY):
            return Reply({"errors": ["Forbidden"]}, 403)
        if seen.path == "/api/v2/logs/events/search":
            return Reply(self._search(seen.body))
        if seen.path == "/api/v2/logs/analytics/aggregate":
            meta = {"elapsed": 12, "request_id": "r", "status": "done"}
            return Reply({"data": {"buckets": self.buckets}, "meta": meta})
        if seen.path == "/api/v1/monitor":
            page, size = (int(seen.parameters.get(name, [d])[0]) for name, d in (("page", "0"), ("page_size", "1000")))
            return Reply(self.monitors[page * size : (page + 1) * size])
        return Reply({"errors": ["Not found"]}, 404)

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        place, size = int(body["page"].get("cursor", "0")), body["page"]["limit"]
        ordered = sorted(self.events, key=lambda event: str(event["attributes"]["timestamp"]))
        if body["sort"] == "-timestamp":
            ordered.reverse()
        page = ordered[place : place + size]
        return {"data": page, "meta": {"page": {"after": str(place + size)}}} if page else {"data": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        seen = Seen(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body)
        reply = cast("DatadogServer", self.server).choose(seen)
        if not isinstance(reply, Reply):
            self.close_connection = True
            reply(self)
            return
        content = json.dumps(reply.document).encode() if reply.raw is None else reply.raw
        self.send_response(reply.status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | reply.headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return cast("DatadogServer", self.server).date or super().date_time_string(timestamp)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


def budget(*, limit: int, remaining: int, reset: float, period: float = 10, name: str = "") -> dict[str, str]:
    """The five rate-limit headers."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Period": str(period),
    }
    return headers | ({"X-RateLimit-Name": name} if name else {})


def index(*, standard: int = 15, flex: int | None = 0) -> dict[str, Any]:
    """One index as the service lists it; without `flex` as recorded before there was such a tier."""
    recorded: dict[str, Any] = {
        "num_retention_days": standard,
        "name": "main",
        "is_rate_limited": False,
        "filter": {"query": ""},
        "exclusion_filters": [],
        "daily_limit": None,
    }
    return recorded if flex is None else recorded | {"num_flex_logs_retention_days": flex}


def log(number: int = 1, *, timestamp: str = "2025-11-17T14:03:22.123Z", **fields: object) -> dict[str, Any]:
    """One event in the shape of the search endpoint."""
    attributes: dict[str, Any] = {
        "timestamp": timestamp,
        "status": "error",
        "service": "fub",
        "host": "web-1",
        "message": "HTTP 429 Too Many Requests POST /v1/leads",
        "tags": ["env:prod", "team:zyno"],
        "attributes": {"context": {"account_id": 75172, "error_message": "429"}},
    }
    return {"id": f"AQ{number:06}", "type": "log", "attributes": attributes | fields}


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection off with RST, as a load balancer does when it drops a backend."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing until the test is over."""
    cast("DatadogServer", handler.server).hang_up.wait(30)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    """Send a header block that never ends, one byte at a time."""
    _drip(handler, b"HTTP/1.1 200 OK\r\nX-Slow: ")


def drip_body(handler: BaseHTTPRequestHandler, status: str = "200 OK") -> None:
    """Send a body that never ends, one byte at a time and without saying how long it is."""
    _drip(handler, f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode())


def drip_error(handler: BaseHTTPRequestHandler) -> None:
    """The same as an error body."""
    drip_body(handler, "500 Internal Server Error")


def _drip(handler: BaseHTTPRequestHandler, start: bytes) -> None:
    stop = cast("DatadogServer", handler.server).hang_up
    handler.wfile.write(start)
    while not stop.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def truncated(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"data": [')


def huge(handler: BaseHTTPRequestHandler) -> None:
    """Send JSON without an end, as fast as it is taken."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
    while True:
        handler.wfile.write(b"1," * 65_536)


def not_http(handler: BaseHTTPRequestHandler) -> None:
    """Another protocol answers."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


@contextmanager
def running() -> Iterator[DatadogServer]:
    """A server on a free port of the loopback interface."""
    server = DatadogServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.hang_up.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
