"""One question to Datadog: keys checked, budget kept, sent, read, repeated while that helps, never without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import tenacity
import urllib3
from datadog_api_client.exceptions import OpenApiException
from urllib3.exceptions import HTTPError

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.models.evidence import utc_now
from diagnostics.sources.budgets import Budgets
from diagnostics.sources.datadog.client import Client
from diagnostics.sources.datadog.failures import (
    SOURCE,
    Operation,
    TransientFailure,
    cancelled,
    malformed,
    refusal_wait,
    refused,
)
from diagnostics.sources.datadog.interruptions import interrupted
from diagnostics.sources.datadog.keys import Keys
from diagnostics.sources.datadog.sockets import Flight

if TYPE_CHECKING:
    from diagnostics.settings import DatadogSettings

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_ATTEMPTS = 3
_CHUNK_BYTES = 64 * 1024
_BACKOFF = tenacity.wait_exponential(multiplier=0.2, max=2.0) + tenacity.wait_random(0, 0.2)


@dataclass(slots=True, frozen=True)
class Answer:
    """The body of one 2xx answer and what its sending cost."""

    body: bytes = field(repr=False)
    started_at: datetime
    took_ms: float
    """Of the attempt that succeeded, from the first byte sent to the last received; not the waiting before it."""


@dataclass(slots=True, frozen=True)
class _Reply:
    """Its `repr` is silent: a service that repeats the keys must not get them into a traceback with local variables."""

    status: int
    headers: urllib3.HTTPHeaderDict = field(repr=False)
    body: bytes = field(repr=False)


class Wire:
    """One authenticated way to one Datadog site. Thread-safe. Raises SourceFailure only."""

    def __init__(self, settings: DatadogSettings, budgets: Budgets) -> None:
        self._settings = settings
        self._budgets = budgets
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._flights: set[Flight] = set()
        self._host = _checked_address(settings.api_url)
        self._keys = Keys(settings)
        self.clock_skew_s: float | None = None
        """The service's clock minus ours at the newest answer, seconds; None before the first. Resolution: 1 s."""
        self._client = Client(self._host, self._keys.secrets())

    def __repr__(self) -> str:
        return "Wire(datadog)"

    def ask(
        self,
        operation: Operation,
        send: Callable[[Client], urllib3.BaseHTTPResponse],
        *,
        attempts: int = MAX_ATTEMPTS,
    ) -> Answer:
        """Send one request, again while that helps, and return its 2xx answer; all within the total time limit.

        `send` calls one endpoint of the client it is given and returns the answer unread. `attempts` is 1 for a request
        that changes something: a lost answer does not say that nothing was changed.
        """
        self._keys.check(operation)
        total_s = self._settings.total_timeout_s
        deadline = time.monotonic() + total_s
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientFailure),
            stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(total_s),
            wait=_wait,
            sleep=tenacity.nap.sleep_using_event(self._closed),
            reraise=True,
        )
        earlier: list[TransientFailure] = []
        try:
            return again(self._attempt, operation, send, deadline, earlier)
        except SourceFailure as failure:
            reported = _first_cause(failure, earlier)
        raise reported

    def _attempt(
        self,
        operation: Operation,
        send: Callable[[Client], urllib3.BaseHTTPResponse],
        deadline: float,
        earlier: list[TransientFailure],
    ) -> Answer:
        try:
            return self._send(operation, send, deadline)
        except TransientFailure as failure:
            earlier.append(failure)
            raise

    def _send(
        self, operation: Operation, send: Callable[[Client], urllib3.BaseHTTPResponse], deadline: float
    ) -> Answer:
        if self._closed.is_set():
            raise cancelled()
        left = deadline - time.monotonic()
        # Part of the total is kept for the request itself: a turn that comes with nothing left is no turn.
        with self._budgets.reserve(operation.name, left - min(2.0, left / 3)) as slot:
            started_at, started = utc_now(), time.monotonic()
            outcome = self._exchange(operation, send, deadline)
            took_ms = (time.monotonic() - started) * 1_000
            if isinstance(outcome, SourceFailure):
                raise outcome
            limited = outcome.status == 429
            slot.learn(
                outcome.headers, refused=limited, refused_for_s=refusal_wait(outcome.headers) if limited else None
            )
        self._note_clock(outcome.headers, started_at, took_ms)
        if not 200 <= outcome.status < 300:
            raise refused(operation, outcome.status, outcome.headers, outcome.body, self._keys.redact)
        return Answer(outcome.body, started_at, took_ms)

    def _exchange(
        self, operation: Operation, send: Callable[[Client], urllib3.BaseHTTPResponse], deadline: float
    ) -> _Reply | SourceFailure:
        """One request and its whole answer, or why there is none.

        The failure is returned, not raised inside the handler, so that no exception of the client, whose frames hold
        the headers, hangs on to it.
        """
        limits = self._settings
        flight = Flight(
            connect_timeout_s=limits.connect_timeout_s, read_timeout_s=limits.read_timeout_s, deadline=deadline
        )
        with self._lock:
            self._flights.add(flight)
        if self._closed.is_set():
            flight.abort(FailureKind.CANCELLED)
        try:
            with flight:
                reply = _read(operation, send(self._client))
        except (HTTPError, HTTPException, OSError, OpenApiException, ValueError) as error:
            return self._interrupted(operation, error, flight)
        finally:
            with self._lock:
                self._flights.discard(flight)
        # A socket that was shut down reads as an honest end when the server named no length.
        return reply if flight.ended_by is None else self._ended(operation, flight)

    def _interrupted(self, operation: Operation, error: Exception, flight: Flight) -> SourceFailure:
        if flight.ended_by is not None:
            return self._ended(operation, flight)
        return interrupted(operation, error, self._host, flight)

    def _ended(self, operation: Operation, flight: Flight) -> SourceFailure:
        if flight.ended_by is FailureKind.CANCELLED:
            return cancelled()
        return SourceFailure(
            FailureKind.TIMED_OUT,
            SOURCE,
            f"{operation.what} was not finished within {self._settings.total_timeout_s:g} s",
            remedy="Narrow the window or the query; raise datadog.total_timeout_s if that is usual here.",
        )

    def _note_clock(self, headers: urllib3.HTTPHeaderDict, started_at: datetime, took_ms: float) -> None:
        try:
            theirs = parsedate_to_datetime(headers.get("Date", ""))
            self.clock_skew_s = (theirs - started_at).total_seconds() - took_ms / 2_000
        except (TypeError, ValueError, OverflowError):
            return

    def close(self) -> None:
        """Cut off every request, wake every waiter, close every connection."""
        self._closed.set()
        self._budgets.close()
        with self._lock:
            flights = list(self._flights)
        for flight in flights:
            flight.abort(FailureKind.CANCELLED)
        self._client.close()


def _first_cause(failure: SourceFailure, earlier: list[TransientFailure]) -> SourceFailure:
    """What to report when `failure` ended the attempts.

    An attempt that was not sent, because the budget is spent, says nothing about the service; the one before it does.
    """
    refused_here = failure.kind is FailureKind.RATE_LIMITED and not isinstance(failure, TransientFailure)
    if not refused_here or not earlier or earlier[0].kind is FailureKind.RATE_LIMITED:
        return failure
    cause = earlier[0]
    waits = [wait for wait in (cause.retry_after, failure.retry_after) if wait is not None]
    return SourceFailure(
        cause.kind, cause.source, cause.reason, remedy=cause.remedy, retry_after=max(waits, default=None)
    )


def _wait(state: tenacity.RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome is not None else None
    asked = failure.retry_after if isinstance(failure, SourceFailure) else None
    backoff: float = _BACKOFF(state)
    return backoff if asked is None else max(asked, 0.05) + backoff / 4


def _checked_address(api_url: str) -> str:
    """The base address; raises SourceFailure when the keys should not be sent there."""
    try:
        parts = urlsplit(api_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            "datadog.api_url is not an address",
            remedy="Use the API address of your Datadog site, such as https://api.datadoghq.com.",
        )
    if parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        raise SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            f"datadog.api_url is plain http to {host}: the keys would travel unencrypted",
            remedy="Use https; plain http is accepted for this machine only.",
        )
    return api_url.rstrip("/")


def _read(operation: Operation, response: urllib3.BaseHTTPResponse) -> _Reply | SourceFailure:
    """The whole answer, with a cap on its size after decompression."""
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                response.close()
                return malformed(operation, f"is larger than {MAX_BODY_BYTES // 1_048_576} MiB")
            chunks.append(chunk)
    except BaseException:
        response.close()
        raise
    headers = urllib3.HTTPHeaderDict(response.headers)
    return _Reply(response.status, headers, b"".join(chunks))
