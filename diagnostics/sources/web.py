"""One HTTP request to a service outside, under limits that hold: connect, silence, total time, size. No redirects.

httpx limits every single read and not the whole request, so that a server which sends a byte now and then would hold a
thread for ever. The sockets underneath are therefore given what is left of the total, and they remember whether
anything was sent: what failed before that was surely not taken, what failed after it may have been.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx
import orjson

from diagnostics.sources.web_answers import NoAnswer, WebAnswer
from diagnostics.text import clean

MOST_BYTES = 4_000_000
"""Of an answer; the pages that are asked for are a tenth of it."""

# Their lines name addresses, and the address of a webhook is a secret.
_LOUD = ("httpx", "httpcore")


class WebClient:
    """Thread-safe. A connection is used once: one that the service closed meanwhile would leave an outcome unknown."""

    def __init__(self, *, connect_s: float, total_s: float) -> None:
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._connect_s, self._total_s = min(connect_s, total_s), total_s
        self._sockets = _Sockets()
        self._client = httpx.Client(transport=_Transport(self._sockets), follow_redirects=False, trust_env=False)

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
    ) -> WebAnswer:
        """The answer, whatever its status. `body` is sent as JSON. Raises `NoAnswer`."""
        given = dict(headers or {}) | {"Accept-Encoding": "identity"}
        if body is not None:
            given["Content-Type"] = "application/json; charset=utf-8"
        flight = self._sockets.begin(self._total_s)
        limits = httpx.Timeout(self._total_s, connect=self._connect_s)
        content = None if body is None else orjson.dumps(body)
        try:
            with self._client.stream(
                method, url, headers=given, params=params, content=content, timeout=limits
            ) as answer:
                return WebAnswer(
                    answer.status_code,
                    {name.lower(): clean(value, limit=2_000) for name, value in answer.headers.items()},
                    _bounded(answer.iter_raw(65_536)),
                )
        except httpx.TimeoutException:
            what = "no answer" if flight.sent else "no connection"
            raise NoAnswer(
                f"{what} within {self._total_s if flight.sent else self._connect_s:g} s",
                sent=flight.sent,
                timed_out=True,
            ) from None
        except httpx.ConnectError as error:
            # Words of the operating system or of TLS: they name no address.
            raise NoAnswer(f"no connection: {error}", sent=flight.sent) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Their texts may quote a header or the address.
            raise NoAnswer(_plain_words(error), sent=flight.sent) from None
        finally:
            self._sockets.end()

    def close(self) -> None:
        """Close what is open."""
        self._client.close()


def _plain_words(error: Exception) -> str:
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError | ValueError):
        return "the address or a header cannot be sent as it is set"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the connection ended before an answer was complete"
    return f"the connection broke ({type(error).__name__})"


def _bounded(parts: Iterable[bytes]) -> bytes:
    kept = bytearray()
    for part in parts:
        kept += part
        if len(kept) > MOST_BYTES:
            raise httpx.RemoteProtocolError("larger than any answer that was asked for")
    return bytes(kept)


class _Flight:
    """One request under way in this thread."""

    __slots__ = ("ends", "sent")

    def __init__(self, total_s: float) -> None:
        self.ends = time.monotonic() + total_s
        self.sent = False

    def within(self, timeout: float | None, kind: type[Exception]) -> float:
        """`timeout` seconds, or what is left of the total. Raises `kind` when nothing is."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise kind("the total time is up")
        return left if timeout is None else min(timeout, left)


class _Sockets(httpcore.NetworkBackend):
    """The ordinary sockets, under the limits of this thread's flight."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()
        self._threads = threading.local()

    def begin(self, total_s: float) -> _Flight:
        flight = _Flight(total_s)
        self._threads.flight = flight
        return flight

    def end(self) -> None:
        self._threads.flight = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        flight: _Flight = self._threads.flight
        within = flight.within(timeout, httpcore.ConnectTimeout)
        stream = self._plain.connect_tcp(host, port, within, local_address, socket_options)
        return _Stream(stream, flight)

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, flight: _Flight) -> None:
        self._stream, self._flight = stream, flight

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._flight.within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        within = self._flight.within(timeout, httpcore.WriteTimeout)
        # Before the call: a write that fails may have sent something.
        self._flight.sent = True
        self._stream.write(buffer, within)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        within = self._flight.within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, within), self._flight)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as the base has it
        return self._stream.get_extra_info(info)


class _Transport(httpx.HTTPTransport):
    """httpx's own, over our sockets, one request a connection."""

    def __init__(self, sockets: _Sockets) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context, retries=0)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=8,
            max_keepalive_connections=0,
            retries=0,
            network_backend=sockets,
        )
