"""Faults: each misbehaves on the wire as it says, at start and while it runs, and nothing else is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from diagnostics.core.failures import UserError
from sandbox.launch import start_sandbox
from sandbox.server.faults import parse_fault
from sandbox.stories.hostile import LONG
from tests.sandbox.api import UNLIMITED, Api

SEARCH = "/api/v2/logs/events"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A sandbox of its own: faults would disturb the shared ones."""
    with start_sandbox("healthy", rate_limits=UNLIMITED) as process, Api(process) as api:
        yield api


@contextmanager
def fault(api: Api, spec: str) -> Iterator[None]:
    """Put a fault in force for a while."""
    assert api.http.post("/sandbox/faults", json={"set": [spec]}).json() == {"faults": [parse_fault(spec).spec]}
    try:
        yield
    finally:
        assert api.http.post("/sandbox/faults", json={"clear": True}).json() == {"faults": []}


def test_a_rate_limit_fault_says_when_it_ends(api: Api) -> None:
    with fault(api, "429:17"):
        answer = api.http.get(SEARCH)
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-reset"] == "17"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.json()["errors"][0].startswith("Rate limit of ")
    assert api.http.get(SEARCH).status_code == 200


@pytest.mark.parametrize(("spec", "status"), [("500", 500), ("503", 503), ("forbidden", 403), ("redirect", 302)])
def test_a_fault_answers_with_its_status(api: Api, spec: str, status: int) -> None:
    with fault(api, spec):
        answer = api.http.get(SEARCH, follow_redirects=False)
    assert answer.status_code == status
    if spec == "redirect":
        assert answer.headers["location"].startswith("http://203.0.113.")


def test_a_scoped_fault_concerns_one_endpoint_only(api: Api) -> None:
    with fault(api, "aggregate=503"):
        assert api.http.post("/api/v2/logs/analytics/aggregate", json={}).status_code == 503
        assert api.http.get(SEARCH).status_code == 200
        assert api.http.get("/api/v1/validate").status_code == 200


def test_a_slow_answer_is_late_and_complete(api: Api) -> None:
    with fault(api, "slow:0.3"):
        began = time.monotonic()
        assert api.http.get(SEARCH).json()["data"]
        assert time.monotonic() - began >= 0.3


def test_a_hanging_request_is_never_answered_and_blocks_no_other(api: Api) -> None:
    with fault(api, "search=hang"):
        with pytest.raises(httpx.ReadTimeout):
            api.http.get(SEARCH, timeout=0.3)
        assert api.http.get("/api/v1/validate").status_code == 200


def test_a_reset_breaks_the_connection(api: Api) -> None:
    with fault(api, "reset"), pytest.raises(httpx.ReadError):
        api.http.get(SEARCH)


def test_a_truncated_body_ends_before_its_length(api: Api) -> None:
    with fault(api, "truncated"), pytest.raises(httpx.RemoteProtocolError):
        api.http.get(SEARCH)


def test_garbage_is_no_json(api: Api) -> None:
    with fault(api, "garbage"):
        answer = api.http.get(SEARCH)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".*"):
        answer.json()


def test_a_dribbling_body_arrives_in_pieces_and_is_complete(api: Api) -> None:
    with fault(api, "validate=dribble:0.05"), api.http.stream("GET", "/api/v1/validate") as answer:
        assert answer.read() == b'{"valid":true}'
    with fault(api, "dribble:30"):
        with pytest.raises(httpx.ReadTimeout):
            api.http.get(SEARCH, timeout=0.3)
        # A caller that gave up leaves nothing behind that would keep the next one waiting.
        assert api.http.get("/sandbox/state", timeout=5).status_code == 200


def test_hostile_logs_carry_escapes_markup_and_long_lines_in_every_string(api: Api) -> None:
    with fault(api, "hostile"):
        page = api.http.get(SEARCH, params={"page[limit]": "200"}).json()
        buckets = api.aggregate("*", [{"aggregation": "count"}], [{"facet": "service"}])
        monitors = api.http.get("/api/v1/monitor").json()
    for event in page["data"]:
        fields = event["attributes"]
        texts = [fields[name] for name in ("service", "status", "message", "host")] + fields["tags"]
        texts += [fields["attributes"]["message"], fields["attributes"]["version"]]
        assert all(any(not char.isalnum() and char not in ".:-_" for char in text) for text in texts)
    everything = repr(page)
    for piece in ("\\x1b]52;c;", "\\x1b[2J", "\\u202e", "[/foo][A=http://x"):
        assert piece in everything
    assert "A" * LONG in everything
    assert any("\x1b" in bucket["by"]["service"] for bucket in buckets)
    assert any("\x1b" in monitor["name"] for monitor in monitors)


def test_a_wrong_change_of_faults_changes_nothing(api: Api) -> None:
    wrong: tuple[object, ...] = ({"set": ["503", "nonsense"]}, {"set": "503"}, {"clear": 7}, [])
    for body in wrong:
        answer = api.http.post("/sandbox/faults", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"]
    assert api.http.get("/sandbox/faults").json() == {"faults": []}


@pytest.mark.parametrize("spec", ["", "404", "slow", "slow:-1", "slow:nan", "slow:9999", "500:3", "logs=503", "a=b=c"])
def test_a_fault_that_does_not_exist_is_refused_with_what_is_accepted(spec: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_fault(spec)
    assert "hang" in caught.value.accepted


def test_faults_given_at_start_are_in_force_and_spoil_the_rows_too() -> None:
    with start_sandbox("healthy", fault=["hostile", "aggregate=500"]) as process, Api(process) as api:
        assert api.state()["faults"] == ["hostile", "aggregate=500"]
        problems = [text for (text,) in api.rows("SELECT problem_msg FROM zillow_sync_users WHERE problem_msg <> ''")]
        assert all(any(ord(char) < 32 or not char.isascii() or char == "[" for char in text) for text in problems)
        errors = [text for (text,) in api.rows("SELECT last_error FROM zillow_webhook_events WHERE last_error <> ''")]
        assert any(len(text) > LONG for text in problems + errors)
        names = [text for (text,) in api.rows("SELECT name FROM users", database="warroom_client_14009")]
        assert any("\x1b]52" in name for name in names)
        # The words that the schema defines still tell the story, but for a few rows that are hostile throughout.
        states = dict(api.rows("SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status"))
        assert states["pending"] + states["processing"] + states["failed"] == 24
        assert any("\x1b" in state or "[" in state for state in states)
