"""Connections with one time limit over everything, and a way to cut them off from another thread.

urllib3 limits each connect and each read, not their sum: a server that sends one byte a second, in the headers or in
the body, or a name server that does not answer, would hold a thread for hours. A `Flight` stands for one request. At
its deadline, or when the source is closed, it shuts the socket down, and whoever is blocked on it returns at once.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from diagnostics.failures import FailureKind

_here = threading.local()


class Flight:
    """One request on its way, in the thread that entered it. `ended_by` says why it was cut off, if it was."""

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, deadline: float) -> None:
        self.connect_timeout_s = connect_timeout_s
        self.read_timeout_s = read_timeout_s
        self.deadline = deadline
        """On the monotonic clock."""
        self.ended_by: FailureKind | None = None
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._watchdog = threading.Timer(self.within(float("inf")), self.abort, (FailureKind.TIMED_OUT,))
        self._watchdog.daemon = True

    @staticmethod
    def current() -> Flight:
        """The flight of this thread."""
        flight: Flight = _here.flight
        return flight

    def within(self, seconds: float) -> float:
        """`seconds`, or what is left until the deadline when that is less; never zero, which would mean no blocking."""
        return max(0.001, min(seconds, self.deadline - time.monotonic()))

    def __enter__(self) -> Flight:
        _here.flight = self
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        with self._lock:
            # From here on the connection belongs to the pool, perhaps already to another request.
            self._socket = None
        del _here.flight

    def hold(self, sock: socket.socket) -> None:
        """Name the socket to shut down; it is shut down at once when the flight is over already."""
        with self._lock:
            self._socket = sock
            if self.ended_by is not None:
                _shut(sock)

    def abort(self, kind: FailureKind) -> None:
        """Cut the request off, from any thread. The first reason stays."""
        with self._lock:
            self.ended_by = self.ended_by or kind
            if self._socket is not None:
                _shut(self._socket)


def _shut(sock: socket.socket) -> None:
    # The plain method also for TLS: SSLSocket.shutdown drops its TLS state under the hands of the reading thread.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def resolve(host: str, port: int, timeout_s: float) -> list[tuple[Any, ...]]:
    """`socket.getaddrinfo` with a time limit, which the system's resolver does not have.

    Raises TimeoutError, OSError, UnicodeError. The resolver runs in a daemon thread that is left behind on time-out.
    """
    answer: queue.SimpleQueue[list[tuple[Any, ...]] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError("name not resolved in time") from None
    if isinstance(found, list):
        return found
    raise found


class _Guarded(HTTPConnection):
    """Connects within the flight's limits and tells the flight which socket it uses."""

    def _new_conn(self) -> socket.socket:
        # The one private method of urllib3 used here: the limits of its own version hold per address, not together.
        flight = Flight.current()
        try:
            addresses = resolve(self.host, self.port or 0, flight.within(flight.connect_timeout_s))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        problem: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in addresses:
            sock = socket.socket(family, kind, protocol)
            try:
                return self._connected(sock, address, flight)
            except OSError as error:
                sock.close()
                problem = error
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from problem
        raise NewConnectionError(self, str(problem)) from problem

    def _connected(self, sock: socket.socket, address: tuple[Any, ...], flight: Flight) -> socket.socket:
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(flight.within(flight.connect_timeout_s))
        flight.hold(sock)
        sock.connect(address)
        return sock

    def connect(self) -> None:
        super().connect()
        self._tell()

    def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # passed on untouched
        self._tell()
        super().request(*args, **options)

    def _tell(self) -> None:
        if self.sock is not None:
            Flight.current().hold(self.sock)


class _GuardedTLS(_Guarded, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


def guard(manager: urllib3.PoolManager) -> None:
    """Make every connection of `manager` one that a `Flight` can cut off."""
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}
