"""HTTP requests to services outside, under limits that hold: connecting, silence, total, size.

httpcore, the engine of httpx, speaks HTTP and keeps connections; it knows no redirects or cookies, so that a key goes
where it was sent and nowhere else. A tunnel through a proxy is asked for here, before anything of the request leaves.
httpcore limits each read, not their sum: a server that sends one byte a second, or a name server that does not answer,
would hold a thread for hours. The sockets underneath are therefore ours. They are given what is left of the total, can
be cut off from another thread, and remember whether anything was sent: what failed before that was surely not taken,
what failed after it may have been.

httpcore is imported with the first request, of which it is a tenth.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import queue
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit

import orjson

from diagnostics.config.settings import NetworkSettings
from diagnostics.core.failures import FailureKind, Sent, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import SERVICE_TIME, machine_now, utc_now
from diagnostics.sources.proxies import NO_PROXY, Proxy, Route, RouteUnusable, route_of

if TYPE_CHECKING:
    import httpcore

_CHUNK_BYTES = 65_536
MOST_VALUES = 500_000
"""Values of one answer that is read as JSON: each costs up to a hundred bytes as Python holds it, however short it is.

Commas and opening brackets are counted, those within texts too: it is a bound, not a number.
"""
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "warroom"}
_here = threading.local()


@dataclass(slots=True, frozen=True)
class HttpRequest:
    """One request. Its `repr` shows no address, header or body: any of them may hold a secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)

    @classmethod
    def of(
        cls,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Iterable[tuple[str, str]] = (),
        body: object | None = None,
    ) -> HttpRequest:
        """The request with `params` in its address and `body` as JSON."""
        asked = urlencode(list(params), quote_via=quote)
        given = dict(headers or {})
        if body is not None:
            given.setdefault("Content-Type", "application/json; charset=utf-8")
        return cls(method, f"{url}?{asked}" if asked else url, given, None if body is None else orjson.dumps(body))


class Headers(Mapping[str, str]):
    """The headers of an answer, found in any case, each value cleaned when it is looked at."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in raw:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._values[key] = f"{self._values[key]}, {text}" if key in self._values else text

    def __getitem__(self, name: str) -> str:
        return clean(self._values[name.lower()], limit=2_000)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def retry_after_s(self) -> float | None:
        """Delay in Retry-After, given as seconds or as a date; None when it is not readable."""
        text = self.get("Retry-After", "").strip()
        try:
            seconds = float(text)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(text) - utc_now()).total_seconds()
            except (TypeError, ValueError):
                return None
        return max(0.0, seconds) if math.isfinite(seconds) else None


@dataclass(slots=True, frozen=True)
class HttpResponse:
    """Whatever the service answered, of whatever status. A service may repeat a key: its `repr` shows the status."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any] | None:
        """The body where it is a JSON object."""
        try:
            read = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return read if isinstance(read, dict) else None

    def words(self, limit: int = 200) -> str:
        """The body as one short cleaned line."""
        return clean(self.body[: limit * 4].decode("utf-8", errors="replace").strip(), limit=limit)


class Why(StrEnum):
    """Why no answer came."""

    NO_ADDRESS = "no_address"
    """The name is not known, or cannot be asked for."""
    NO_CONNECTION = "no_connection"
    SLOW_CONNECTION = "slow_connection"
    """Not connected within the limit for connecting, which includes the name server."""
    UNUSABLE = "unusable"
    """What is set for the way there, proxy or authority, cannot be used."""
    NO_PROXY = "no_proxy"
    """No connection to the proxy."""
    PROXY_REFUSED = "proxy_refused"
    """The proxy opened no way to the service."""
    PROXY_LOGIN = "proxy_login"
    """The proxy wants a login, or another one."""
    UNTRUSTED = "untrusted"
    """TLS failed: nobody vouches for the certificate, or the other side speaks no TLS."""
    SILENT = "silent"
    """No byte within the limit for reading."""
    OVERRUN = "overrun"
    """The total time is up."""
    LOST = "lost"
    """The connection broke."""
    CUT_SHORT = "cut_short"
    """The answer ended before it was complete."""
    NOT_HTTP = "not_http"
    UNPACKABLE = "unpackable"
    """The body is compressed in a way that cannot be undone."""
    TOO_LARGE = "too_large"
    NOT_SENDABLE = "not_sendable"
    """The address, or a header, cannot be sent as it is set."""
    CLOSED = "closed"
    """The client was closed meanwhile."""


class NoAnswer(Exception):  # noqa: N818  # an outcome, told by name
    """No answer came, and why. `reason` is one line without a secret.

    `sent` is NOT_SENT where nothing of the request left this machine, UNKNOWN where the service may have taken it.
    `detail` is what the system or TLS said about a connection that did not come about; empty otherwise. `remedy` is
    set where the way there is at fault, a proxy or whom to trust, which no setting of the service mends.
    """

    def __init__(self, why: Why, reason: str, sent: Sent, detail: str = "", remedy: str = "") -> None:
        self.why, self.sent = why, sent
        self.reason, self.detail, self.remedy = clean(reason, limit=400), clean(detail, limit=300), remedy
        super().__init__(self.reason)

    @property
    def kind(self) -> FailureKind:
        """The kind of SourceFailure it becomes."""
        if self.why is Why.CLOSED:
            return FailureKind.CANCELLED
        if self.why in {Why.UNUSABLE, Why.PROXY_LOGIN}:
            return FailureKind.NOT_CONFIGURED
        late = self.why in {Why.SLOW_CONNECTION, Why.SILENT, Why.OVERRUN}
        return FailureKind.TIMED_OUT if late else FailureKind.UNREACHABLE


class HttpClient:
    """Blocking and thread-safe; `close` ends every request under way.

    Limits in seconds: `connect_s` until the connection stands, `read_s` without a byte, `total_s` for the whole. Of an
    answer at most `most_bytes` are read, counted after decompression, and none of more than `most_values` is handed on
    to be read as JSON; None is for what is not read as JSON. `keep_alive` connections stay open between
    requests; with none, no request can meet a connection that the service has closed meanwhile, which would leave
    unknown whether it was taken. `kept_for_reading` keeps those of GET only, for services that are also written to.
    """

    def __init__(
        self,
        *,
        connect_s: float,
        read_s: float,
        total_s: float,
        most_bytes: int,
        most_values: int | None = MOST_VALUES,
        keep_alive: int = 0,
        kept_for_reading: bool = False,
        route: Route | None = None,
    ) -> None:
        self._connect_s, self._read_s, self._total_s = min(connect_s, total_s), min(read_s, total_s), total_s
        self._most_bytes, self._most_values, self._keep_alive = most_bytes, most_values, keep_alive
        self._kept_for_reading = kept_for_reading
        self._route = route or route_of(_DIRECT)
        self._lock = threading.Lock()
        self._pools: dict[int, httpcore.ConnectionPool] = {}
        """By how many connections they keep."""
        self._transfers: set[_Transfer] = set()
        self._closed = False

    def __repr__(self) -> str:
        return "HttpClient()"

    def ask(self, request: HttpRequest, *, within_s: float | None = None) -> HttpResponse:
        """The answer, whatever its status; `within_s` is what is left of the total. Raises `NoAnswer`.

        A GET that met a kept connection which the service was just closing is sent once more.
        """
        import httpcore  # noqa: F401, PLC0415  # few commands ask

        # What the first request of a process loads is no silence of the service.
        with contextlib.suppress(RouteUnusable):
            self._route.trust()
        ends = time.monotonic() + (self._total_s if within_s is None else within_s)
        told = self._asked(request, ends)
        if isinstance(told, _Stale):
            told = self._asked(request, ends)
        if isinstance(told, HttpResponse):
            return told
        # Outside of the handlers: an exception from within has frames that hold the headers.
        raise told

    def _asked(self, request: HttpRequest, ends: float) -> HttpResponse | NoAnswer:
        import httpcore  # noqa: PLC0415  # few commands ask

        transfer = _Transfer(self._connect_s, self._read_s, ends - time.monotonic())
        asked_at, began = machine_now(), time.monotonic()
        try:
            pool = self._begin(transfer, request.method)
            _here.transfer = transfer
            answer = self._exchange(pool, request)
            SERVICE_TIME.note(answer.headers.get("Date", ""), asked_at, time.monotonic() - began)
            if not transfer.aborted:
                return answer
            # A socket that was shut down reads as an honest end where the service named no length.
            told = self._no_answer(_Ended(Why.CLOSED), transfer)
        except (
            _Ended,
            ValueError,
            httpcore.UnsupportedProtocol,
            httpcore.ProtocolError,
            httpcore.NetworkError,
        ) as error:
            told = self._no_answer(error, transfer)
        finally:
            self._end(transfer)
        if told.why is Why.LOST and request.method == "GET" and not (transfer.connected or transfer.received):
            return _Stale(told.why, told.reason, told.sent)
        return told

    def close(self) -> None:
        """Cut off every request, close every connection, and refuse further requests."""
        with self._lock:
            self._closed = True
            transfers = list(self._transfers)
        for transfer in transfers:
            transfer.abort()
        self._close_idle()

    def _begin(self, transfer: _Transfer, method: str) -> httpcore.ConnectionPool:
        kept = 0 if self._kept_for_reading and method != "GET" else self._keep_alive
        with self._lock:
            if self._closed:
                raise _Ended(Why.CLOSED)
            if kept not in self._pools:
                self._pools[kept] = _pool(kept, self._route)
            self._transfers.add(transfer)
            return self._pools[kept]

    def _end(self, transfer: _Transfer) -> None:
        # From here on the connection belongs to the pool, perhaps already to another request.
        transfer.hold(None)
        _here.transfer = None
        with self._lock:
            self._transfers.discard(transfer)
            closed = self._closed
        if closed:
            self._close_idle()

    def _close_idle(self) -> None:
        """Only these: the thread that uses another one closes it, when its transfer has ended."""
        for pool in tuple(self._pools.values()):
            for connection in pool.connections:
                if connection.is_idle():
                    connection.close()

    def _exchange(self, pool: httpcore.ConnectionPool, request: HttpRequest) -> HttpResponse:
        given = _HEADERS | dict(request.headers)
        with pool.stream(
            request.method,
            request.url.encode("ascii"),
            headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()],
            content=request.body,
            extensions={"timeout": {}},
        ) as response:
            headers = Headers(response.headers)
            packing = headers.get("Content-Encoding", "").strip().lower()
            body = _bounded(response.iter_stream(), packing, self._most_bytes)
            if self._most_values is not None and _holds_more(body, self._most_values):
                raise _Ended(Why.TOO_LARGE, f"the answer holds more than {self._most_values:,} values")
            return HttpResponse(response.status, headers, body)

    def _no_answer(self, error: Exception, transfer: _Transfer) -> NoAnswer:
        why, detail, remedy = _why(error, transfer), "", ""
        if isinstance(error, _Ended):
            why, detail, remedy = error.why, error.detail, error.remedy
        if transfer.aborted:
            why = Why.CLOSED
        sent = transfer.sent
        slow = why is Why.SLOW_CONNECTION or (why is Why.OVERRUN and sent is Sent.NOT_SENT)
        if transfer.proxy is not None and (slow or why is Why.UNTRUSTED):
            detail = f"{detail}{' ' if detail else ''}through {transfer.proxy}"
        if why is Why.UNTRUSTED:
            detail = f"{detail}; trusted are {self._route.trusted}"
            remedy = _AUTHORITY
        waited_s = self._connect_s if why is Why.SLOW_CONNECTION else self._read_s
        words = {
            Why.NO_ADDRESS: f"no connection: {detail}",
            Why.NO_CONNECTION: f"no connection: {detail}",
            Why.UNTRUSTED: f"no connection: {detail}",
            Why.UNUSABLE: detail,
            Why.NO_PROXY: f"no connection to {detail}",
            Why.PROXY_REFUSED: detail,
            Why.PROXY_LOGIN: detail,
            Why.SLOW_CONNECTION: f"no connection within {waited_s:g} s {detail}".rstrip(),
            Why.SILENT: f"no answer within {waited_s:g} s",
            Why.OVERRUN: f"no {'connection' if slow else 'answer'} within {self._total_s:g} s {detail}".rstrip(),
            Why.LOST: "the connection broke",
            Why.CUT_SHORT: "the connection ended before an answer was complete",
            Why.NOT_HTTP: "the answer is not HTTP",
            Why.UNPACKABLE: "the answer cannot be decompressed",
            Why.TOO_LARGE: detail or f"the answer is larger than {self._most_bytes:,} bytes",
            Why.NOT_SENDABLE: "the address or a header cannot be sent as it is set",
            Why.CLOSED: "closed before the answer came",
        }
        return NoAnswer(why, words[why], sent, detail, remedy)


_DIRECT = NetworkSettings(proxy=NO_PROXY)
_AUTHORITY = (
    "where a proxy on the way looks into what is encrypted, or the service is your own, set network.ca to the PEM file "
    "of its authority (or SSL_CERT_FILE to one with all authorities)"
)


class _Stale(NoAnswer):
    """A kept connection ended as it was used again."""


def travels_unencrypted(url: str) -> bool:
    """Whether a secret sent there could be read on the way: plain http, and not to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}


class _Ended(Exception):  # noqa: N818  # an outcome, told by name
    """Why a request ended, from where it ended to where that is told."""

    def __init__(self, why: Why, detail: str = "", remedy: str = "") -> None:
        self.why, self.detail, self.remedy = why, detail, remedy
        super().__init__(why)


def _why(error: Exception, transfer: _Transfer) -> Why:
    """Reason for an error of httpcore's. Its texts may quote a header or the address, and are left out."""
    import httpcore  # noqa: PLC0415  # loaded by then

    if isinstance(error, httpcore.NetworkError):
        return Why.LOST
    if not isinstance(error, httpcore.RemoteProtocolError):
        return Why.NOT_SENDABLE
    if not transfer.at_end:
        return Why.NOT_HTTP
    return Why.CUT_SHORT if transfer.received else Why.LOST


def _bounded(parts: Iterable[bytes], packing: str, most: int) -> bytes:
    if packing not in {"", "identity", "gzip", "x-gzip"}:
        raise _Ended(Why.UNPACKABLE)
    unpack = zlib.decompressobj(31) if packing.endswith("gzip") else None
    kept = bytearray()
    try:
        for part in parts:
            kept += part if unpack is None else unpack.decompress(part, most + 1 - len(kept))
            if len(kept) > most:
                raise _Ended(Why.TOO_LARGE)
    except zlib.error:
        raise _Ended(Why.UNPACKABLE) from None
    return bytes(kept)


def _holds_more(body: bytes, most: int) -> bool:
    """Whether it may hold more values than that: each stands behind a comma, or first within its brackets."""
    return len(body) > most and sum(map(body.count, (b",", b"[", b"{"))) >= most


class _Transfer:
    """One request on its way, in the thread that asks."""

    def __init__(self, connect_s: float, read_s: float, total_s: float) -> None:
        self.read_s = read_s
        self._begun = time.monotonic()
        self._connected_by, self._ends = self._begun + connect_s, self._begun + total_s
        self.sent = Sent.NOT_SENT
        self.received = False
        self.at_end = False
        """Whether the other side has closed the connection."""
        self.connected = False
        """Whether a connection was opened for it; False where one was used again."""
        self.proxy: Proxy | None = None
        self.aborted = False
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None

    def hold(self, stop: Callable[[], None] | None) -> None:
        """Name what ends the wait that begins now; it is ended at once when the transfer was cut off already."""
        with self._lock:
            self._stop = stop
            if stop is not None and self.aborted:
                stop()

    def abort(self) -> None:
        """Cut the request off, from any thread."""
        with self._lock:
            self.aborted = True
            if self._stop is not None:
                self._stop()

    def to_connect(self) -> float:
        """Seconds left for connecting. Raises `_Ended`."""
        return self._left(self._connected_by - time.monotonic(), Why.SLOW_CONNECTION)

    def to_read(self) -> float:
        """Seconds that may pass without a byte. Raises `_Ended`."""
        return self._left(self.read_s, Why.SILENT)

    def late(self, why: Why) -> _Ended:
        """A wait was not enough: for `why`, or because the total is up."""
        return _Ended(Why.OVERRUN if time.monotonic() >= self._ends else why)

    def _left(self, limit_s: float, why: Why) -> float:
        left = min(limit_s, self._ends - time.monotonic())
        if left <= 0:
            raise self.late(why)
        return left


class _Backend:
    """Opens connections within the limits of this thread's transfer. Of the shape of httpcore's NetworkBackend."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> _Stream:
        """Connect to the first address of `host` that answers, or to the proxy on the way, and through it."""
        transfer: _Transfer = _here.transfer
        transfer.connected = True
        try:
            proxy = self._route.proxy_for(host, port)
        except RouteUnusable as unusable:
            raise _Ended(Why.UNUSABLE, unusable.problem, unusable.next_step) from None
        if proxy is None:
            return _Stream(_connected(host, port, transfer))
        transfer.proxy = proxy
        sock = _tunnel(proxy, host, port, transfer)
        return _Stream(sock)


def _connected(host: str, port: int, transfer: _Transfer) -> socket.socket:
    last = OSError("the name has no address")
    for family, kind, protocol, _name, address in _resolve(host, port, transfer):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transfer.hold(functools.partial(_shut, sock))
            sock.settimeout(transfer.to_connect())
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    if isinstance(last, TimeoutError):
        raise transfer.late(Why.SLOW_CONNECTION)
    raise _Ended(Why.NO_CONNECTION, last.strerror or str(last))


def _tunnel(proxy: Proxy, host: str, port: int, transfer: _Transfer) -> socket.socket:
    """A connection to the service through the proxy. Nothing of the request is sent; raises `_Ended`."""
    while True:
        values = _login_for(proxy)
        try:
            sock = _connected(proxy.host, proxy.port, transfer)
        except _Ended as ended:
            if ended.why not in {Why.NO_ADDRESS, Why.NO_CONNECTION}:
                raise
            raise _Ended(Why.NO_PROXY, f"{proxy}: {ended.detail}", proxy.remedy) from None
        try:
            answer = _asked_for_way(sock, proxy.authorization(values), host, port, transfer)
        except BaseException as error:
            sock.close()
            if isinstance(error, TimeoutError):
                raise transfer.late(Why.SLOW_CONNECTION) from None
            if isinstance(error, OSError):
                raise _Ended(Why.PROXY_REFUSED, f"{proxy} ended the connection", proxy.remedy) from None
            raise
        if 200 <= answer.status < 300:
            if proxy.guard is not None:
                proxy.guard.accepted(values)
            return sock
        sock.close()
        if answer.status != 407:
            raise _Ended(Why.PROXY_REFUSED, *_refusal(proxy, answer.status, host, port))
        if proxy.guard is None or not proxy.guard.refused(values):
            raise _Ended(Why.PROXY_LOGIN, *_login_wanted(proxy, answer))


def _login_for(proxy: Proxy) -> tuple[str, ...]:
    """The login as it stands; empty without one. Raises `_Ended` where it cannot be had, or was refused just now."""
    if proxy.guard is None:
        return ()
    try:
        wait_s = proxy.guard.wait_s()
        values = proxy.guard.values()
    except UserError as error:
        raise _Ended(Why.UNUSABLE, error.problem, error.accepted or error.next_step) from None
    if wait_s:
        said = f"{proxy} refused the login, and it is not sent again for {wait_s:.0f} s lest it be blocked"
        raise _Ended(Why.PROXY_LOGIN, said, _LOGIN)
    return values


def _asked_for_way(
    sock: socket.socket, login: tuple[tuple[str, str], ...], host: str, port: int, transfer: _Transfer
) -> _ProxyAnswer:
    """What the proxy answers to CONNECT; raises OSError, `_Ended`."""
    import h11  # noqa: PLC0415  # loaded with httpcore

    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    spoken = h11.Connection(our_role=h11.CLIENT)
    asked = h11.Request(method="CONNECT", target=place, headers=[("Host", place), ("User-Agent", "warroom"), *login])
    sock.settimeout(transfer.to_connect())
    sock.sendall((spoken.send(asked) or b"") + (spoken.send(h11.EndOfMessage()) or b""))
    try:
        while True:
            event = spoken.next_event()
            if event is h11.NEED_DATA:
                sock.settimeout(transfer.to_connect())
                spoken.receive_data(sock.recv(_CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                # A service is silent until it is spoken to: what comes with the answer is not the service's.
                if 200 <= event.status_code < 300 and spoken.trailing_data[0]:
                    break
                return _ProxyAnswer(event.status_code, Headers(event.headers))
    except h11.RemoteProtocolError:
        pass
    raise OSError("not an answer to CONNECT")


@dataclass(slots=True, frozen=True)
class _ProxyAnswer:
    status: int
    headers: Headers


_LOGIN = "set network.proxy_login (USER:PASSWORD), or network.proxy_login_file or _command"


def _refusal(proxy: Proxy, status: int, host: str, port: int) -> tuple[str, str]:
    if status >= 500:
        return f"{proxy} did not reach {host}:{port} (HTTP {status})", f"ask its owners; {proxy.remedy}"
    return (
        f"{proxy} opens no way to {host}:{port} (HTTP {status})",
        f"ask its owners to let {host} through, or name it in network.no_proxy (NO_PROXY)",
    )


def _login_wanted(proxy: Proxy, answer: _ProxyAnswer) -> tuple[str, str]:
    """Sentence and remedy for 407. The console knows Basic; the others belong to a domain, or send a challenge."""
    offered = [one.strip().split(" ")[0] for one in answer.headers.get("Proxy-Authenticate", "").split(",")]
    schemes = clean(", ".join(one for one in offered if one and "=" not in one), limit=80)
    if schemes and "basic" not in schemes.lower():
        return (
            f"{proxy} wants a login by {schemes} (HTTP 407), and the console knows Basic only",
            "put a helper that logs in between, such as cntlm or px, and name it in network.proxy",
        )
    said = "wants a login" if proxy.guard is None else "refused the login"
    return f"{proxy} {said} (HTTP 407)", _LOGIN


class _Stream:
    """One connection, under the limits of whichever transfer uses it. Of the shape of httpcore's NetworkStream."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: object, **__: object
    ) -> _Stream:
        """The same connection over TLS."""
        transfer: _Transfer = _here.transfer
        try:
            sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname, do_handshake_on_connect=False)
            self._sock = sock
            transfer.hold(functools.partial(_shut, sock))
            sock.settimeout(transfer.to_connect())
            sock.do_handshake()
        except BaseException as error:
            self._sock.close()
            if isinstance(error, TimeoutError):
                raise transfer.late(Why.SLOW_CONNECTION) from None
            if isinstance(error, ssl.SSLError | ValueError):
                raise _Ended(Why.UNTRUSTED, str(error)) from None
            if isinstance(error, OSError):
                raise _Ended(Why.LOST) from None
            raise
        return self

    def write(self, buffer: bytes, *_: object, **__: object) -> None:
        """Send all of it."""
        transfer = self._taken_by()
        # Before the call: a write that fails may have sent something.
        transfer.sent = Sent.UNKNOWN
        try:
            self._sock.sendall(buffer)
        except TimeoutError:
            raise transfer.late(Why.SILENT) from None
        except OSError:
            from httpcore import WriteError  # noqa: PLC0415  # loaded by then

            # httpcore then looks for an answer: a service may refuse, and close, before it has read everything.
            raise WriteError from None

    def read(self, max_bytes: int, *_: object, **__: object) -> bytes:
        """Bytes that arrived; none when the other side has closed."""
        transfer = self._taken_by()
        try:
            data = self._sock.recv(max_bytes)
        except TimeoutError:
            raise transfer.late(Why.SILENT) from None
        except OSError:
            raise _Ended(Why.LOST) from None
        transfer.received = transfer.received or bool(data)
        transfer.at_end = not data
        return data

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def get_extra_info(self, info: str) -> object:
        """Whether something, such as an end, has come: httpcore asks before it uses a connection again."""
        if info != "is_readable":
            return None
        if self._sock.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def _taken_by(self) -> _Transfer:
        transfer: _Transfer = _here.transfer
        transfer.hold(functools.partial(_shut, self._sock))
        self._sock.settimeout(transfer.to_read())
        return transfer


def _shut(sock: socket.socket) -> None:
    # The plain method also for TLS: SSLSocket.shutdown drops its TLS state under the hands of the reading thread.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _resolve(host: str, port: int, transfer: _Transfer) -> list[tuple[Any, ...]]:
    """`socket.getaddrinfo` with an end, which the system's resolver does not have: its thread is left behind."""
    answer: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    transfer.hold(lambda: answer.put(OSError("closed")))
    try:
        found = answer.get(timeout=transfer.to_connect())
    except queue.Empty:
        raise transfer.late(Why.SLOW_CONNECTION) from None
    if isinstance(found, list):
        return found
    raise _Ended(Why.NO_ADDRESS, found.strerror or str(found) if isinstance(found, OSError) else str(found))


def _pool(keep_alive: int, route: Route) -> httpcore.ConnectionPool:
    import httpcore  # noqa: PLC0415  # few commands ask

    # Its lines name addresses, and the address of a webhook is a secret.
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    try:
        trust = route.trust()
    except RouteUnusable as unusable:
        raise _Ended(Why.UNUSABLE, unusable.problem, unusable.next_step) from None
    return httpcore.ConnectionPool(
        ssl_context=trust,
        max_connections=None,
        max_keepalive_connections=keep_alive,
        network_backend=cast("httpcore.NetworkBackend", _Backend(route)),
    )
