"""Whether Zillow's authorisation address answers: the one request that goes to Zillow, without any credentials.

It is sent only where `zillow.authorization_url` holds an address, and at most once a minute by one console.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.core.time import utc_now
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.sources.http import HttpClient, HttpRequest, HttpResponse, NoAnswer, Why

if TYPE_CHECKING:
    from diagnostics.config.settings import ZillowSettings
    from diagnostics.sources.proxies import Route

SETTING = "zillow.authorization_url"
CONNECT_S = 3.0
KEEP_S = 60.0
"""An answer, or that there was none, is told again for so long, seconds."""
MOST_BYTES = 4_000_000
CAVEAT = "It shows that something answers at this address, not that an authorisation succeeds; no redirect is followed."

_OAUTH_ERROR = re.compile(
    rb"\b(?:invalid_request|invalid_client|unauthorized_client|unsupported_response_type|invalid_scope)\b"
)
"""RFC 6749, 4.1.2.1 and 5.2, without those that a server in trouble or a firewall gives: no proof that it works."""

_NO_PROOF = {
    Why.TOO_LARGE,
    Why.UNPACKABLE,
    Why.NOT_SENDABLE,
    Why.CLOSED,
    Why.UNUSABLE,
    Why.NO_PROXY,
    Why.PROXY_REFUSED,
    Why.PROXY_LOGIN,
}
"""Reasons that lie on this side, or in an answer that came and cannot be read."""


@dataclass(slots=True, frozen=True)
class Answering:
    """Whether the address answers, for a person. Neither text holds the address's query, which may hold a secret."""

    status: Status
    summary: str
    next_step: str = ""
    evidence: Evidence | None = None


NOT_SET = Answering(
    Status.NO_DATA,
    f"Not checked: no address is set ({SETTING}).",
    "Open the authorisation page in a browser, or set the address.",
)


class AuthorizationAddress:
    """Blocking and thread-safe: who asks while another one does gets the other one's answer. Raises nothing."""

    def __init__(
        self, settings: ZillowSettings, route: Route | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = settings.authorization_url
        limit = settings.timeout_s
        self._http = HttpClient(
            connect_s=CONNECT_S,
            read_s=limit,
            total_s=limit,
            most_bytes=MOST_BYTES,
            most_values=None,
            route=route,
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Answering] | None = None

    def answering(self) -> Answering:
        """Whether it answers: as of now, or as of the last asking within `KEEP_S`."""
        if not self._url:
            return NOT_SET
        with self._lock:
            now = self._clock()
            if self._kept is None or now - self._kept[0] >= KEEP_S:
                self._kept = now, self._ask()
            return self._kept[1]

    def close(self) -> None:
        """Cut off a request under way."""
        self._http.close()

    def _ask(self) -> Answering:
        shown = urlsplit(self._url)._replace(query="").geturl()
        started_at, began = utc_now(), time.monotonic()
        try:
            status, said, next_step = _judged(self._http.ask(HttpRequest("GET", self._url)))
        except NoAnswer as none:
            status = Status.NO_DATA if none.why in _NO_PROOF else Status.UNREACHABLE
            said = none.reason
            next_step = none.remedy or f"Try {shown} from another network; then ask Zillow."
        evidence = Evidence(
            source="zillow",
            query=f"GET {shown}",
            started_at=started_at,
            took_ms=1_000 * (time.monotonic() - began),
            caveat=CAVEAT,
        )
        return Answering(status, f"{shown}: {said}.", next_step, evidence)


def _judged(answer: HttpResponse) -> tuple[Status, str, str]:
    """Status, summary and next step of an answer. What proves neither is no data."""
    code = answer.status
    if 200 <= code < 300:
        return Status.PASS, f"it answers ({code})", ""
    if 300 <= code < 400:
        return Status.PASS, f"it answers ({code}, a redirect that was not followed)", ""
    if code == 400 and _OAUTH_ERROR.search(answer.body):
        return Status.PASS, "it answers (400 with an OAuth error, as to any request without parameters)", ""
    if code == 404:
        return Status.FAIL, "404, nothing is found there", f"Compare {SETTING} with Zillow's documentation."
    if code >= 500:
        return Status.FAIL, f"the server is in trouble ({code})", "Ask Zillow; nobody can connect meanwhile."
    return (
        Status.NO_DATA,
        f"something answers {code}, which shows neither that it works nor that it does not",
        "Open the authorisation page in a browser.",
    )
