"""The way to one Datadog site: keys checked, budget kept, request prepared, sent, repeated while that helps.

The official client prepares the request: its paths, authentication and configuration. Set aside is everything that it
would do afterwards:

- Typed models. `preload_content=False` and `check_input_type=False` keep them out both ways: deserialising 1,000 logs
  takes the client about a quarter of a second under the interpreter lock, reading the same bytes with orjson a few
  milliseconds; and building its request models costs an import of 0.7 s at best.
- Its sending, which knows no total time, and its error path, which reads an error body without limit of time or size,
  into an exception that prints headers.
- Its retry, which repeats requests that create something, and redirects, which would carry the keys to another host.

Imported with the first request, because the client costs some 100 ms.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import OpenApiException
from pydantic import SecretStr

from diagnostics.core.credentials import CredentialGuard
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.time import SERVICE_TIME, machine_now
from diagnostics.sources.budgets import Budgets
from diagnostics.sources.datadog.failures import (
    MAX_BODY_BYTES,
    SOURCE,
    Operation,
    TransientFailure,
    cancelled,
    no_answer,
    refusal_wait,
    refused,
)
from diagnostics.sources.http import HttpClient, HttpRequest, HttpResponse, NoAnswer, travels_unencrypted

if TYPE_CHECKING:
    from diagnostics.config.settings import DatadogSettings
    from diagnostics.sources.proxies import Route

MAX_ATTEMPTS = 3
_CONNECTIONS = 16
"""Kept open at most. More than the threads that ask, so that none is thrown away and opened again."""
_UNSTABLE = ("create_incident", "get_incident", "update_incident", "search_incidents")
_SHORTEST_REDACTED = 4
"""A shorter "key" is no secret, and replacing it would shred the text."""


@dataclass(slots=True, frozen=True)
class DatadogAnswer:
    """The body of one 2xx answer and what its sending cost."""

    body: bytes = field(repr=False)
    started_at: datetime
    took_ms: float
    """Of the attempt that succeeded, from the first byte sent to the last received; not the waiting before it."""


class Connection:
    """One authenticated way to one Datadog site. Thread-safe. Raises SourceFailure only."""

    def __init__(self, settings: DatadogSettings, budgets: Budgets, route: Route | None = None) -> None:
        self._settings = settings
        self._budgets = budgets
        self._closed = threading.Event()
        self._keys = Keys(settings)
        self._client = _Client(_checked_address(settings.api_url), self._keys.secrets())
        self._http = HttpClient(
            connect_s=settings.connect_timeout_s,
            read_s=settings.read_timeout_s,
            total_s=settings.total_timeout_s,
            most_bytes=MAX_BODY_BYTES,
            keep_alive=_CONNECTIONS,
            route=route,
        )

    def __repr__(self) -> str:
        return "Connection(datadog)"

    def ask(self, operation: Operation, **given: object) -> DatadogAnswer:
        """Send one request, again while that helps, and return its 2xx answer; all within the total time limit.

        `given` are the parameters of the endpoint, as the official client names them.
        """
        self._keys.check(operation)
        deadline = time.monotonic() + min(self._settings.total_timeout_s, operation.longest_s)
        earlier: list[TransientFailure] = []
        ended: SourceFailure | None
        while True:
            try:
                return self._send(operation, given, deadline)
            except TransientFailure as failure:
                earlier.append(failure)
                pause = _pause(failure, len(earlier))
                over = operation.writes or len(earlier) == MAX_ATTEMPTS or time.monotonic() + pause >= deadline
                ended = failure if over else None
            except SourceFailure as failure:
                if failure.kind is FailureKind.DENIED and self._keys.are_renewed():
                    continue
                ended = _first_cause(failure, earlier)
            # Outside of the handlers, so that no failure hangs on to an earlier one.
            if ended is not None:
                raise ended
            self._closed.wait(pause)

    def _send(self, operation: Operation, given: Mapping[str, object], deadline: float) -> DatadogAnswer:
        if self._closed.is_set():
            raise cancelled()
        left = deadline - time.monotonic()
        # Part of the total is kept for the request itself: a turn that comes with nothing left is no turn.
        with self._budgets.reserve(operation.name, left - min(2.0, left / 3)) as slot:
            asked_at, started = machine_now(), time.monotonic()
            outcome = self._exchange(operation, given, deadline)
            took_ms = (time.monotonic() - started) * 1_000
            if isinstance(outcome, SourceFailure):
                raise outcome
            limited = outcome.status == 429
            slot.learn(
                outcome.headers, refused=limited, refused_for_s=refusal_wait(outcome.headers) if limited else None
            )
        # In the services' time, which this very answer may have told.
        started_at = asked_at + SERVICE_TIME.correction
        if not 200 <= outcome.status < 300:
            raise refused(operation, outcome.status, outcome.headers, outcome.body, self._keys.redact)
        self._keys.note_accepted()
        return DatadogAnswer(outcome.body, started_at, took_ms)

    def _exchange(
        self, operation: Operation, given: Mapping[str, object], deadline: float
    ) -> HttpResponse | SourceFailure:
        """One request and its whole answer, or why there is none.

        The failure is returned, not raised inside the handler, so that no exception of the client, whose frames hold
        the headers, hangs on to it.
        """
        try:
            request = self._client.prepared(operation.endpoint, given)
            return self._http.ask(request, within_s=deadline - time.monotonic())
        except NoAnswer as failure:
            return no_answer(operation, failure, self._settings)
        except (OpenApiException, ValueError) as error:
            reason = f"{operation.what} could not be sent ({type(error).__name__})"
            return SourceFailure(FailureKind.UNREACHABLE, SOURCE, reason)

    def close(self) -> None:
        """Cut off every request, wake every waiter, close every connection."""
        self._closed.set()
        self._budgets.close()
        self._http.close()


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


def _pause(failure: TransientFailure, attempt: int) -> float:
    """Seconds before the next attempt: growing, and not less than the service asks for."""
    backoff = min(2.0, 0.2 * 2.0 ** (attempt - 1)) + random.uniform(0, 0.2)  # noqa: S311  # apart from others, no secret
    return backoff if failure.retry_after is None else max(failure.retry_after, 0.05) + backoff / 4


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
    if travels_unencrypted(api_url):
        raise SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            f"datadog.api_url is plain http to {host}: the keys would travel unencrypted",
            remedy="Use https; plain http is accepted for this machine only.",
        )
    return api_url.rstrip("/")


class _Configuration(Configuration):
    """The client's configuration, holding the keys as SecretStr until one request's headers are written."""

    def get_api_key_with_prefix(self, identifier: str, alias: str | None = None) -> str | None:  # noqa: ARG002
        secret: SecretStr = self.api_key[identifier]
        try:
            return secret.get_secret_value().strip()
        except UserError:
            # The client asks for both keys even where one is enough; the needed ones were checked before.
            return None


class _Prepare:
    """In place of the client's lowest layer: hands back the request instead of sending it."""

    @staticmethod
    def request(  # noqa: PLR0917  # the signature is the client's
        method: str,
        url: str,
        query_params: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        body: object = None,
        post_params: object = None,  # noqa: ARG004
        preload_content: bool = False,  # noqa: ARG004
        request_timeout: object = None,  # noqa: ARG004  # the transport's limits hold instead
    ) -> HttpRequest:
        return HttpRequest.of(method, url, headers=headers, params=query_params or (), body=body)


class _Client(ApiClient):
    """The official client, preparing requests."""

    def __init__(self, host: str, keys: Mapping[str, SecretStr]) -> None:
        configuration = _Configuration(  # type: ignore[no-untyped-call]
            host=host, preload_content=False, check_input_type=False, enable_retry=False
        )
        # The client would take an absent key from the environment; only the settings decide what is sent where.
        configuration.api_key = dict(keys)
        for operation in _UNSTABLE:
            # False refuses the operation; True lets it through with a warning on standard error, which is the screen.
            configuration.unstable_operations[operation] = None
        super().__init__(configuration)

    def _build_rest_client(self) -> _Prepare:
        return _Prepare()

    def prepared(self, endpoint: str, given: Mapping[str, object]) -> HttpRequest:
        """The request of one endpoint. The client's annotations promise models, and it is told not to build them."""
        version, module, family, method = endpoint.split(".")
        endpoints: Any = getattr(import_module(f"datadog_api_client.{version}.api.{module}"), family)
        request: HttpRequest = getattr(endpoints(self), method)(**given)
        return request


class Keys:
    """The API key and the application key, unwrapped only while they are looked at."""

    def __init__(self, settings: DatadogSettings) -> None:
        self._api, self._app = settings.api_key, settings.app_key
        self._guard = CredentialGuard(tuple(self.secrets().values()))

    def are_renewed(self) -> bool:
        """Whether keys that were refused are others now. They are read again once, then after growing pauses only.

        Nothing is withheld meanwhile: Datadog locks nobody out, and a permission that one endpoint lacks looks alike.
        """
        try:
            self._guard.wait_s()
            return self._guard.refused(self._guard.values())
        except UserError:
            return False

    def note_accepted(self) -> None:
        """Datadog took the keys as they are now."""
        with contextlib.suppress(UserError):
            self._guard.accepted(self._guard.values())

    def __repr__(self) -> str:
        return "Keys()"

    def check(self, operation: Operation) -> None:
        """Raise SourceFailure NOT_CONFIGURED, naming the settings, unless the keys `operation` needs are usable.

        Both keys are resolved here, so that a slow secret command does not eat into a request's time limit.
        """
        api, app = problem("datadog.api_key", self._api), problem("datadog.app_key", self._app)
        problems = [api, app] if operation.scope else [api]
        found = [failure for failure in problems if failure is not None]
        if len(found) == 2 and self._api is None and self._app is None:
            raise not_set(["datadog.api_key", "datadog.app_key"])
        if found:
            raise found[0]

    def secrets(self) -> dict[str, SecretStr]:
        """The keys that are there, by the names the official client gives them."""
        named = {"apiKeyAuth": self._api, "appKeyAuth": self._app}
        return {name: key for name, key in named.items() if key is not None}

    def redact(self, text: str) -> str:
        """`text` without the keys, should the service have repeated them."""
        for key in (self._api, self._app):
            with contextlib.suppress(UserError):
                secret = key.get_secret_value().strip() if key is not None else ""
                if len(secret) >= _SHORTEST_REDACTED:
                    text = text.replace(secret, "[key]")
        return text


def problem(name: str, key: SecretStr | None) -> SourceFailure | None:
    """What is wrong with the key of setting `name`; None when it can be sent."""
    if key is None:
        return not_set([name])
    try:
        text = key.get_secret_value().strip()
    except UserError as error:
        return SourceFailure(
            FailureKind.NOT_CONFIGURED, SOURCE, error.problem, remedy=error.accepted or error.next_step
        )
    if not text:
        return not_set([name])
    if not (text.isascii() and text.isprintable()) or " " in text:
        # http.client would refuse it too, with the key in its message.
        return SourceFailure(
            FailureKind.NOT_CONFIGURED,
            SOURCE,
            f"{name} holds characters that no key has",
            remedy="Check the file or the command it is read from: only the key, on one line.",
        )
    return None


def not_set(missing: list[str]) -> SourceFailure:
    """The failure that says that the settings named in `missing` are absent."""
    names = " and ".join(missing)
    return SourceFailure(
        FailureKind.NOT_CONFIGURED,
        SOURCE,
        f"{names} {'is' if len(missing) == 1 else 'are'} not set",
        remedy=(
            "Set them in the configuration file (also as *_file or *_command), or in the environment as DD_API_KEY "
            "and DD_APP_KEY."
        ),
    )
