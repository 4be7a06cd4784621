"""Whether Zillow's authorisation address answers: over a socket, seldom, without secrets, and never by assumption."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.settings import ZillowSettings
from diagnostics.core.failures import UserError
from diagnostics.models.triage import Finding, Status, TriageRequest
from diagnostics.sources.zillow import Answering, AuthorizationAddress
from tests.accounts.places import ACCOUNT, Place

SECRET = "hush-hush"


class Page:
    """An authorisation page that answers as the test says, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes = b"", location: str = "") -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.shown = f"http://127.0.0.1:{self._server.server_port}/oauth/authorize"
        self.url = f"{self.shown}?client_id=7&state={SECRET}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def page() -> Iterator[Callable[..., Page]]:
    made: list[Page] = []

    def make(status: int, body: bytes = b"", location: str = "") -> Page:
        made.append(Page(status, body, location))
        return made[-1]

    yield make
    for one in made:
        one.close()


def address(url: str, clock: Callable[[], float] = lambda: 0.0) -> AuthorizationAddress:
    return AuthorizationAddress(ZillowSettings(authorization_url=url), clock=clock)


def finding_of(place: Place, url: str) -> Finding:
    settings = place.service.context.settings
    place.service.context.settings = settings.model_copy(update={"zillow": ZillowSettings(authorization_url=url)})
    return next(one for one in place.accounts.oauth(ACCOUNT).findings if one.check == "oauth_endpoint")


OAUTH_PAGE = b"<html><h1>Error 400</h1><p>Error: invalid_request, response_type is missing</p></html>"


@pytest.mark.honesty(
    "the authorisation address of Zillow answers something that does not show that it works",
    "no data, or FAIL; a pass only for 2xx, 3xx and OAuth's own refusal",
)
@pytest.mark.parametrize(
    ("status", "body", "expected", "said"),
    [
        (200, b"<html>Log in</html>", Status.PASS, "it answers (200)"),
        (204, b"", Status.PASS, "it answers (204)"),
        (400, OAUTH_PAGE, Status.PASS, "OAuth error"),
        (400, b'{"error":"invalid_client"}', Status.PASS, "OAuth error"),
        (400, b"<html>Bad Request</html>", Status.NO_DATA, "something answers 400"),
        (400, b'{"error":"server_error"}', Status.NO_DATA, "something answers 400"),
        (400, b'{"error":"invalid_request_size"}', Status.NO_DATA, "something answers 400"),
        (403, OAUTH_PAGE, Status.NO_DATA, "something answers 403"),
        (405, b"", Status.NO_DATA, "something answers 405"),
        (429, b"", Status.NO_DATA, "something answers 429"),
        (404, OAUTH_PAGE, Status.FAIL, "404, nothing is found there"),
        (500, b"", Status.FAIL, "in trouble (500)"),
        (503, OAUTH_PAGE, Status.FAIL, "in trouble (503)"),
        (200, b"x" * 4_100_000, Status.NO_DATA, "larger than"),
    ],
)
def test_what_an_answer_shows(page: Callable[..., Page], status: int, body: bytes, expected: Status, said: str) -> None:
    told = page(status, body)
    answering = address(told.url).answering()
    assert answering.status is expected
    assert answering.summary.startswith(f"{told.shown}: ")
    assert said in answering.summary
    assert (answering.next_step == "") is (expected is Status.PASS)


def test_a_redirect_is_an_answer_and_is_not_followed(page: Callable[..., Page]) -> None:
    elsewhere = page(200)
    told = page(302, location=elsewhere.url)
    answering = address(told.url).answering()
    assert (answering.status, len(told.asked), elsewhere.asked) == (Status.PASS, 1, [])
    assert "a redirect that was not followed" in answering.summary


def test_it_is_asked_without_credentials_and_its_query_is_never_shown(page: Callable[..., Page]) -> None:
    told = page(302, location="/login?next=" + SECRET)
    answering = address(told.url).answering()
    ((path, headers),) = told.asked
    assert path == f"/oauth/authorize?client_id=7&state={SECRET}", "the whole address is asked"
    assert not {"authorization", "cookie", "dd-api-key"} & headers.keys()
    assert answering.evidence is not None
    assert answering.evidence.query == f"GET {told.shown}"
    assert SECRET not in repr(answering)


def test_it_is_asked_once_a_minute_whoever_asks_and_whatever_came(page: Callable[..., Page]) -> None:
    told, now = page(503), 0.0
    watched = address(told.url, lambda: now)
    with ThreadPoolExecutor(8) as pool:
        answers: set[Answering] = set(pool.map(lambda _: watched.answering(), range(16)))
    assert (len(told.asked), len(answers)) == (1, 1)
    now = 59.9
    assert watched.answering() in answers, "with the moment at which it was asked"
    now = 60.0
    watched.answering()
    assert len(told.asked) == 2


@pytest.mark.honesty(
    "no authorisation address of Zillow is set, or it does not answer",
    "not checked, or unreachable; the diagnosis never passes on it",
)
def test_in_the_diagnosis_an_address_that_is_not_set_or_not_there_does_not_pass(
    place: Place, page: Callable[..., Page]
) -> None:
    found = finding_of(place, "")
    assert (found.status, found.evidence) == (Status.NO_DATA, None)
    assert found.summary == "Not checked: no address is set (zillow.authorization_url)."
    gone = page(200)
    gone.close()
    place.reopen()
    found = finding_of(place, gone.url)
    assert found.status is Status.UNREACHABLE
    assert found.summary.startswith(f"{gone.shown}: no connection: ")
    assert SECRET not in found.model_dump_json()
    place.reopen()
    assert finding_of(place, page(404).url).status is Status.FAIL
    place.reopen()
    assert finding_of(place, page(200).url).status is Status.PASS


@pytest.mark.parametrize(
    ("status", "expected"), [(200, Status.PASS), (503, Status.FAIL), (404, Status.FAIL), (403, Status.NO_DATA)]
)
def test_the_application_is_not_in_order_while_its_address_does_not_answer(
    place: Place, page: Callable[..., Page], status: int, expected: Status
) -> None:
    row = {"name": "Zillow", "client_id": "c", "redirect_uri": "https://x", "scopes": "leads", "is_active": True}
    place.common("oauth_applications", row)
    told = page(status)
    asked = finding_of(place, told.url)
    found = place.service.check("oauth_application", TriageRequest(issue_type="oauth_failure"))
    assert found.status is expected
    assert found.summary == (f"1 Zillow OAuth application active, with redirect address and scopes. {asked.summary}")
    assert len(told.asked) == 1, "diagnosis and check share the answer"


@pytest.mark.parametrize(
    "url",
    ["", "https://api.example/oauth/authorize", "https://api.example:8443?a=b", "http://localhost:8/x",
     "http://127.0.0.1/", "http://[::1]:80/authorize"],
)  # fmt: skip
def test_addresses_that_are_accepted(url: str, tmp_path: Path) -> None:
    read = load_settings(flags={"zillow.authorization_url": url, "state_dir": tmp_path}, environ={}).settings
    assert read.zillow.authorization_url == url


@pytest.mark.parametrize(
    "url",
    [f"http://api.example/authorize?state={SECRET}", "http://localhost.example/", "http://127.0.0.1.example/",
     f"https://me:{SECRET}@api.example/", f"https://{SECRET}@api.example/", "ftp://api.example/", "api.example",
     "https://", "https://api.example/#x", "https://api.example/ x", "https://api.exämple/", "https://api.example:x/"],
)  # fmt: skip
def test_addresses_that_are_refused_with_what_is_accepted(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_settings(flags={"zillow.authorization_url": url, "state_dir": tmp_path}, environ={})
    assert "https://" in caught.value.accepted
    assert SECRET not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


def test_the_settings_that_are_shown_mask_a_secret_in_the_query(tmp_path: Path) -> None:
    url = f"https://api.example/authorize?client_id=7&client_secret={SECRET}"
    read = load_settings(flags={"zillow.authorization_url": url, "state_dir": tmp_path}, environ={})
    assert "client_secret=***" in "\n".join(read.lines())
    assert SECRET not in "\n".join(read.lines()) + repr(read.settings)
