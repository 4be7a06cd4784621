"""What Datadog, or the road to it, can answer instead of an answer, as typed failures without secrets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.core.failures import FailureKind, Sent, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.sources.datadog.decode import read_json
from diagnostics.sources.http import NoAnswer, Why

if TYPE_CHECKING:
    from diagnostics.config.settings import DatadogSettings

SOURCE = "datadog"
MAX_BODY_BYTES = 16 * 1024 * 1024
_LONGEST_WAIT_S = 86_400.0


class TransientFailure(SourceFailure):
    """A failure that the same request may not meet again a moment later: 429, 5xx, a reset connection."""


class AnswerTooLarge(SourceFailure):
    """The answer is larger than is read; asked for less at a time, the same question may be answered."""

    def __init__(self, operation: Operation, how: str = "") -> None:
        super().__init__(
            FailureKind.MALFORMED,
            SOURCE,
            f"the answer to {operation.what} {how or f'is larger than {MAX_BODY_BYTES // 1_048_576} MiB'}",
            remedy="Narrow the window or the query.",
        )


@dataclass(slots=True, frozen=True)
class Operation:
    """One kind of request."""

    name: str
    """Name of its budget until the service names its own."""
    what: str
    """For a person, e.g. "log search"."""
    scope: str
    """The application-key scope it needs; empty when the API key alone is enough."""
    endpoint: str
    """Where the official client has it: version, module, class, method, e.g. "v2.logs_api.LogsApi.list_logs"."""
    absent: str = ""
    """What to do when the service knows no such endpoint; empty for those that every organisation has."""
    writes: bool = False
    """Whether it changes something: sent once, because a lost answer does not say that nothing was changed."""
    longest_s: float = math.inf
    """Seconds with all attempts, where that is to be less than the settings grant."""


def refused(
    operation: Operation, status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str]
) -> SourceFailure:
    """The failure that an HTTP status other than 2xx means. `redact` removes the keys from a text."""
    words = redact(service_words(body))
    said = f": {words}" if words else ""
    if 300 <= status < 400:
        return _redirected(headers, redact)
    if status in {401, 403}:
        return _denied(operation, status, said)
    if status == 429:
        wait = refusal_wait(headers)
        return TransientFailure(
            FailureKind.RATE_LIMITED,
            SOURCE,
            f"{operation.what} is rate limited (HTTP 429){said}",
            remedy=f"{_again(operation)}Fewer panes, longer intervals, or a higher limit from Datadog support.",
            retry_after=wait,
        )
    if status >= 500:
        return TransientFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"{operation.what} failed inside Datadog (HTTP {status}){said}",
            remedy=f"{_again(operation)}See status.datadoghq.com when it lasts.",
            retry_after=refusal_wait(headers),
        )
    if status == 408:
        return SourceFailure(FailureKind.TIMED_OUT, SOURCE, f"Datadog gave up on {operation.what} (HTTP 408){said}")
    remedy = "Correct the query or narrow the window." if status in {400, 413, 422} else ""
    if status == 404:
        remedy = operation.absent or "Check datadog.api_url: it must be the API address of your Datadog site."
    return SourceFailure(
        FailureKind.REJECTED, SOURCE, f"Datadog refused {operation.what} (HTTP {status}){said}", remedy=remedy
    )


def _again(operation: Operation) -> str:
    """What is written is sent once: whether again is decided by who knows what became of it, and not here."""
    return "" if operation.writes else "It asks again by itself. "


def _denied(operation: Operation, status: int, said: str) -> SourceFailure:
    if operation.scope:
        remedy = (
            "Check datadog.app_key (DD_APP_KEY): it must belong to the same organisation and site as datadog.api_key, "
            f"not be revoked, and carry the scope {operation.scope}."
        )
    else:
        remedy = "Check datadog.api_key (DD_API_KEY), and that datadog.api_url is the site the key belongs to."
    return SourceFailure(
        FailureKind.DENIED,
        SOURCE,
        f"the keys are not accepted for {operation.what} (HTTP {status}){said}",
        remedy=remedy,
    )


def _redirected(headers: Mapping[str, str], redact: Callable[[str], str]) -> SourceFailure:
    try:
        host = urlsplit(headers.get("Location", "")).hostname or ""
    except ValueError:
        host = ""
    where = f" to {clean(redact(host), limit=120)}" if host else ""
    return SourceFailure(
        FailureKind.UNREACHABLE,
        SOURCE,
        f"the service answered with a redirect{where}, which was not followed: the keys go to datadog.api_url only",
        remedy="Check datadog.api_url, and whether a proxy or a sign-in page stands in the way.",
    )


def service_words(body: bytes) -> str:
    """What an error body says, as one short cleaned line; empty when it says nothing readable."""
    try:
        document = read_json(body)
    except ValueError:
        return ""
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        errors = [errors or document.get("error")] if isinstance(document, dict) else []
    words = [_words(error) for error in errors[:3]]
    return clean("; ".join(word for word in words if word), limit=300)


def _words(error: object) -> str:
    if isinstance(error, str):
        return error[:300]
    if isinstance(error, dict):
        parts = [error.get("title"), error.get("detail")]
        return ": ".join(part[:300] for part in parts if isinstance(part, str) and part)
    return ""


def refusal_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds the service asks to wait: X-RateLimit-Reset, else Retry-After in either of its forms; None if unsaid."""
    for name in ("X-RateLimit-Reset", "Retry-After"):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text)
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, _LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(headers.get("Retry-After", ""))
        return min(max(0.0, (moment - utc_now()).total_seconds()), _LONGEST_WAIT_S)
    except (TypeError, ValueError):
        return None


def malformed(operation: Operation, what: str) -> SourceFailure:
    """The service answered with something that is not the answer's shape."""
    return SourceFailure(
        FailureKind.MALFORMED,
        SOURCE,
        f"the answer to {operation.what} {what}",
        remedy="Check datadog.api_url, and whether a proxy changes the answers.",
    )


def no_figure(operation: Operation, what: str) -> SourceFailure:
    """The service answered, and not with the number that was asked for: nothing can be said, and 0 least of all."""
    return SourceFailure(
        FailureKind.NO_FIGURE,
        SOURCE,
        f"the answer to {operation.what} {what}",
        remedy="Ask again; run the same query in Datadog's own log explorer before anything is called quiet.",
    )


def cancelled(sent: Sent = Sent.UNKNOWN) -> SourceFailure:
    """The source was closed under the question."""
    return SourceFailure(FailureKind.CANCELLED, SOURCE, "closed before the answer came", sent=sent)


_WHEN_SLOW = "Check the network; raise datadog.*_timeout_s if that is usual here."
_MALFORMED = {
    Why.CUT_SHORT: "ended early",
    Why.NOT_HTTP: "is not HTTP",
    Why.UNPACKABLE: "cannot be decompressed",
}


_ON_THE_WAY = {Why.UNUSABLE, Why.NO_PROXY, Why.PROXY_REFUSED, Why.PROXY_LOGIN}


def no_answer(operation: Operation, failure: NoAnswer, settings: DatadogSettings) -> SourceFailure:
    """What it means that no answer came."""
    where = urlsplit(settings.api_url).netloc
    if failure.why is Why.CLOSED:
        return cancelled(failure.sent)
    if failure.why is Why.TOO_LARGE:
        return AnswerTooLarge(operation, failure.detail.removeprefix("the answer "))
    if failure.why in _MALFORMED:
        return malformed(operation, _MALFORMED[failure.why])
    if failure.why in _ON_THE_WAY:
        return SourceFailure(failure.kind, SOURCE, failure.reason, remedy=failure.remedy, sent=failure.sent)
    reason, remedy = {
        Why.NO_ADDRESS: (f"no address is known for {where}", "Check datadog.api_url and the name server."),
        Why.NO_CONNECTION: (f"no connection to {where}: {failure.detail}", "Check the network and datadog.api_url."),
        Why.SLOW_CONNECTION: (
            f"no connection to {where} within {settings.connect_timeout_s:g} s {failure.detail}".rstrip(),
            _WHEN_SLOW,
        ),
        Why.UNTRUSTED: (
            f"no trusted TLS connection to {where}: {failure.detail}",
            f"Check datadog.api_url; {failure.remedy}.",
        ),
        Why.SILENT: (
            f"no byte from {where} for {settings.read_timeout_s:g} s during {operation.what}",
            _WHEN_SLOW,
        ),
        Why.OVERRUN: (
            f"{operation.what} was not finished within {settings.total_timeout_s:g} s",
            "Narrow the window or the query; raise datadog.total_timeout_s if that is usual here.",
        ),
        Why.LOST: (
            f"the connection to {where} was lost during {operation.what}",
            f"{_again(operation)}Check the network when it lasts.",
        ),
        Why.NOT_SENDABLE: (f"{operation.what} could not be sent", ""),
    }[failure.why]
    kind = TransientFailure if failure.why is Why.LOST else SourceFailure
    return kind(failure.kind, SOURCE, reason, remedy=remedy, sent=failure.sent)
