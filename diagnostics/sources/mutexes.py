"""The mutexes of the sync workers, where a Redis is configured. Only `PTTL` and `PING` are asked, beside the login.

A worker that syncs transactions of one sync user holds `zillow-transaction-sync:{syncUserId}` for at most 60 s.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from diagnostics.config.tls import Tls, TlsMode
from diagnostics.core.credentials import CredentialGuard
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.models.evidence import Evidence
from diagnostics.sources.tls import TlsRefused, context_of, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import BlockingConnectionPool, Redis

    from diagnostics.config.settings import RedisSettings

Answer = TypeVar("Answer")

SOURCE = "redis"

MUTEX_S = 60.0
"""How long a worker may hold the mutex of one sync user, seconds."""

MOST_CONNECTIONS = 4
MOST_BYTES = 4_000_000
"""Of all answers to one question: a hundred jobs take a tenth of it."""
LIMITS_A_QUESTION = 3
"""How many times its limit for one silence a question may take in all, however slowly its bytes drip."""

_ABSENT, _WITHOUT_END = -2, -1
"""Answers of PTTL for a key that does not exist, and for one that never expires."""

_ADDRESS = "set redis.url, for example redis://redis.example:6379/0"


_LOGIN = "check redis.password and the user in redis.url"


def mutex_key(sync_user_id: int) -> str:
    """The key of one sync user's mutex."""
    return f"zillow-transaction-sync:{sync_user_id}"


@dataclass(slots=True, frozen=True)
class MutexState:
    """One mutex at one moment."""

    held: bool
    left_s: float | None
    """Seconds until it is released by itself; None when it is free, or held without an end."""
    evidence: Evidence


class LoginRefused(SourceFailure):
    """The server took neither user nor password; what a login may not ask is another failure."""


class Mutexes:
    """Reads mutexes, from any thread. Nothing is opened before the first question."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Redis | None = None
        self._logged_in_with: tuple[str, ...] = ()
        """The secrets that the client was made with."""
        self._guard = CredentialGuard([settings.password] if settings.password is not None else [])
        self._closed = False

    @property
    def is_configured(self) -> bool:
        """False without an address: mutexes are then not known."""
        return bool(self._settings.url)

    def held(self, key: str) -> MutexState:
        """Whether somebody holds the mutex, and for how long still. Raises SourceFailure."""
        left, started_at, took_ms = self._ask(lambda client: client.pttl(key))
        held = left != _ABSENT
        caveat = "It is held without an end: nothing releases it but the worker itself." if left == _WITHOUT_END else ""
        evidence = Evidence(
            source=SOURCE,
            query=clean(f"PTTL {key}", limit=200),
            started_at=started_at,
            took_ms=took_ms,
            rows=int(held),
            caveat=caveat,
        )
        return MutexState(held, left / 1_000 if left >= 0 else None, evidence)

    def ping(self) -> Evidence:
        """Ask for nothing; `took_ms` is the latency. Raises SourceFailure."""
        _, started_at, took_ms = self._ask(lambda client: int(bool(client.ping())))
        return Evidence(source=SOURCE, query="PING", started_at=started_at, took_ms=took_ms)

    def read(self, question: Callable[[Redis], Answer]) -> Answer:
        """The answer to several commands that only read. Raises SourceFailure, whatever they raise."""
        return self._asked(question)[0]

    def close(self) -> None:
        """Close the connections and take no further question."""
        with self._lock:
            client, self._client, self._closed = self._client, None, True
        if client is not None:
            with suppress(Exception):  # whatever a socket says while it is closed changes nothing
                client.close()

    def _ask(self, question: Callable[[Redis], Any]) -> tuple[int, datetime, float]:
        answer, started_at, took_ms = self._asked(question)
        if not isinstance(answer, int):
            raise SourceFailure(FailureKind.MALFORMED, SOURCE, "the answer is not a number")
        return answer, started_at, took_ms

    def _asked(self, question: Callable[[Redis], Answer]) -> tuple[Answer, datetime, float]:
        return self._guard.ask(lambda: self._once(question), _is_about_the_login, _withheld)

    def _once(self, question: Callable[[Redis], Answer]) -> tuple[Answer, datetime, float]:
        failure: SourceFailure
        try:
            client = self._opened()
            _here.allowance = _Allowance(MOST_BYTES, time.monotonic() + LIMITS_A_QUESTION * self._settings.timeout_s)
            started_at, clock = utc_now(), time.perf_counter()
            answer = question(client)
            took_ms = round((time.perf_counter() - clock) * 1_000, 3)
        except SourceFailure as known:
            failure = known
        except UserError as error:
            # A password file or command that gives nothing; its text names the setting and never the value.
            failure = SourceFailure(FailureKind.NOT_CONFIGURED, SOURCE, error.problem, remedy=error.next_step)
        except Exception as error:  # noqa: BLE001  # whatever the driver raises on a strange answer is a failure, not a crash
            failure = self._failure_of(error)
        else:
            return answer, started_at, took_ms
        finally:
            _here.allowance = None
        # Raised out here so that the driver's error, which may quote the address, is not chained to it.
        raise failure

    def _opened(self) -> Redis:
        if not self._settings.url:
            raise SourceFailure(FailureKind.NOT_CONFIGURED, SOURCE, "redis.url is not set", remedy=_ADDRESS)
        # Not under the lock, which `close` needs: a password command may take ten seconds.
        secrets = self._guard.values()
        with self._lock:
            if self._closed:
                raise SourceFailure(FailureKind.CANCELLED, SOURCE, "the console is closing")
            if self._client is None or secrets != self._logged_in_with:
                before, self._client, self._logged_in_with = self._client, self._open(secrets), secrets
                if before is not None:
                    # Those that are lent out end with the questions that have them.
                    before.connection_pool.disconnect(inuse_connections=False)
            return self._client

    def _open(self, secrets: tuple[str, ...]) -> Redis:
        # Loaded here: few consoles have a Redis, and the package costs a tenth of a second.
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        options: dict[str, Any] = {
            "socket_timeout": self._settings.timeout_s,
            "socket_connect_timeout": self._settings.timeout_s,
            # A single attempt: a pane that asks again in seconds needs none, and each would cost the time limit.
            "retry": Retry(NoBackoff(), 0),
            "max_connections": MOST_CONNECTIONS,
            # A further asker waits for a connection as long as for an answer.
            "timeout": self._settings.timeout_s,
            # The oldest protocol that knows everything asked here; servers before 6 speak no other.
            "protocol": 2,
        }
        if secrets:
            options["password"] = secrets[0]
        return Redis.from_pool(_pool(self._settings.url or "", self._settings.tls, options))

    def _failure_of(self, error: Exception) -> SourceFailure:
        """The driver's error as a failure. Its text may quote the address, so none of it is repeated."""
        from redis import exceptions  # noqa: PLC0415  # loaded when the first question was asked

        told = _about_encryption(error, self._settings)
        if told is not None:
            return SourceFailure(FailureKind.UNREACHABLE, SOURCE, told.reason, remedy=told.remedy)
        limit = f"{self._settings.timeout_s:g} s"
        if isinstance(error, _TooMuch):
            kind, reason = FailureKind.REJECTED, f"the answer is larger than {MOST_BYTES:,} bytes"
            remedy = "look in this Redis yourself: one job, or one name, is a fault of its own at that size"
        elif isinstance(error, exceptions.NoPermissionError):
            kind, reason = FailureKind.DENIED, "this login may not ask that"
            remedy = "PTTL and PING must be permitted to the user in redis.url"
        elif isinstance(error, exceptions.AuthenticationError) or _is_login_error(error):
            return LoginRefused(FailureKind.DENIED, SOURCE, "the login was refused", remedy=_LOGIN)
        elif isinstance(error, exceptions.TimeoutError | TimeoutError):
            kind, reason = FailureKind.TIMED_OUT, f"no answer within {limit}"
            remedy = "look at the Redis server and the way to it"
        elif isinstance(error, exceptions.ConnectionError | OSError):
            kind, reason, remedy = FailureKind.UNREACHABLE, "no connection", "check redis.url and the way to it"
        elif isinstance(error, exceptions.ResponseError):
            kind, reason, remedy = _refused(error)
        elif isinstance(error, exceptions.RedisError):
            kind, reason, remedy = FailureKind.MALFORMED, "the answer cannot be read", "check that redis.url is a Redis"
        else:
            kind, reason, remedy = FailureKind.NOT_CONFIGURED, "redis.url cannot be used", _ADDRESS
        return SourceFailure(kind, SOURCE, reason, remedy=remedy)


class _TooMuch(Exception):  # noqa: N818  # an outcome, told by name
    """More bytes than one question may cost."""


class _Allowance:
    """What is left to the question of this thread."""

    def __init__(self, left: int, ends: float) -> None:
        self.left, self.ends = left, ends


_here = threading.local()


class _Counted:
    """A connection's socket on which no question reads more, or longer, than it may. The driver sees a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, most: int) -> bytes:
        """Bytes that arrived. Raises `_TooMuch`, TimeoutError."""
        allowance: _Allowance | None = getattr(_here, "allowance", None)
        if allowance is not None and time.monotonic() > allowance.ends:
            raise TimeoutError
        data = self._sock.recv(most)
        if allowance is not None:
            allowance.left -= len(data)
            if allowance.left < 0:
                raise _TooMuch
        return data

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a socket has
        return getattr(self._sock, name)


def _counting(connects: type[Any]) -> type[Any]:
    """That class of the driver's connections, on counted sockets."""

    class Counting(connects):  # type: ignore[misc]  # one of three classes, none of which has types
        def _connect(self) -> _Counted:
            return _Counted(super()._connect())

    return Counting


def _pool(url: str, tls: Tls | None, options: dict[str, Any]) -> BlockingConnectionPool:
    """Connections as `redis.tls` says, or as the address does; raises SourceFailure where the two contradict."""
    from redis import BlockingConnectionPool  # noqa: PLC0415  # loaded by then
    from redis._parsers import _RESP2Parser  # noqa: PLC0415  # the driver may choose one in C, which reads by itself
    from redis.connection import Connection, SSLConnection, parse_url  # noqa: PLC0415  # loaded by then

    scheme, _, rest = url.partition("://")
    options |= {"parser_class": _RESP2Parser}
    if tls is None or (tls.mode is TlsMode.OFF and scheme != "rediss"):
        asked = parse_url(url)  # type: ignore[no-untyped-call]  # the driver has no types here
        counted = _counting(asked.get("connection_class", Connection))
        return BlockingConnectionPool(**options | asked | {"connection_class": counted})  # type: ignore[no-untyped-call]  # as above
    if tls.mode is TlsMode.OFF or scheme == "unix":
        way = "rediss://, which encrypts" if scheme == "rediss" else "a socket of this machine, which is not encrypted"
        raise SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            f"redis.url is {way}, and redis.tls is {tls.mode.value}",
            remedy="take redis.tls away, or correct redis.url",
        )
    context = context_of(tls, "redis.tls", SOURCE)

    class Encrypted(SSLConnection):
        """The driver makes a context for each connection, which trusts the system's authorities in any case."""

        def _wrap_socket_with_ssl(self, sock: socket.socket) -> socket.socket:
            return context.wrap_socket(sock, server_hostname=self.host)

    asked = parse_url(f"rediss://{rest}")  # type: ignore[no-untyped-call]  # the driver has no types here
    return BlockingConnectionPool(**options | asked | {"connection_class": _counting(Encrypted)})  # type: ignore[no-untyped-call]  # as above


def _about_encryption(error: Exception, settings: RedisSettings) -> TlsRefused | None:
    within = error.__cause__ or error.__context__
    if isinstance(within, TlsRefused):
        return within
    if isinstance(within, ssl.SSLError):
        return refused(within, Tls(TlsMode.VERIFY_IDENTITY), "redis.tls", urlsplit(settings.url or "").hostname or "")
    return None


def _is_about_the_login(failure: SourceFailure) -> bool:
    return isinstance(failure, LoginRefused)


def _withheld(wait_s: float) -> SourceFailure:
    reason = f"the server refused this login, and it is not sent again for {wait_s:.0f} s"
    return SourceFailure(FailureKind.DENIED, SOURCE, reason, remedy=_LOGIN, retry_after=wait_s)


def _is_login_error(error: Exception) -> bool:
    """Errors that the driver has no class for; the first word is the server's code."""
    return str(error).partition(" ")[0] in {"NOAUTH", "WRONGPASS"}


def _refused(error: Exception) -> tuple[FailureKind, str, str]:
    """Failure for a refusal of the server. Its error code, the first word, is fixed by the server and says enough."""
    word = clean(str(error).partition(" ")[0], limit=20)
    if word in {"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN"}:
        return FailureKind.UNREACHABLE, f"the server answers {word}", "ask again when the server has recovered"
    return FailureKind.REJECTED, "the server refused the question", "check that redis.url is the workers' Redis"
