"""Keys, rate limits, monitors and the controls' own door."""

from __future__ import annotations

import httpx
import pytest

from sandbox.launch import SandboxProcess
from tests.sandbox.api import Api

ENDPOINTS = (
    ("POST", "/api/v2/logs/events/search", "logs_public_search_api"),
    ("GET", "/api/v2/logs/events", "logs_public_search_api"),
    ("POST", "/api/v2/logs/analytics/aggregate", "logs_public_aggregate_api"),
    ("GET", "/api/v1/monitor", "monitors_api"),
    ("GET", "/api/v1/validate", "validate_api"),
    ("GET", "/api/v1/logs/config/indexes", "logs_config_api"),
)
HEADERS = {"x-ratelimit-limit", "x-ratelimit-period", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-name"}


@pytest.mark.parametrize(("method", "path", "name"), ENDPOINTS)
@pytest.mark.parametrize("keys", [{}, {"DD-API-KEY": "0" * 32, "DD-APPLICATION-KEY": "0" * 40}])
def test_missing_or_wrong_keys_are_forbidden(
    nov17: Api, method: str, path: str, name: str, keys: dict[str, str]
) -> None:
    answer = httpx.request(method, nov17.process.url + path, headers=keys)
    assert answer.status_code == 403
    assert answer.json() == {"errors": ["Forbidden"]}
    assert answer.headers["x-ratelimit-name"] == name


def test_the_api_key_alone_validates_but_reads_no_logs(nov17: Api) -> None:
    only = {"DD-API-KEY": nov17.keys["DD-API-KEY"]}
    assert httpx.get(f"{nov17.process.url}/api/v1/validate", headers=only).json() == {"valid": True}
    assert httpx.get(f"{nov17.process.url}/api/v2/logs/events", headers=only).status_code == 403


@pytest.mark.parametrize(("method", "path", "name"), ENDPOINTS)
def test_every_answer_carries_the_rate_limit_headers(nov17: Api, method: str, path: str, name: str) -> None:
    answer = nov17.http.request(method, path)
    assert set(answer.headers) >= HEADERS
    assert answer.headers["x-ratelimit-name"] == name


def test_requests_beyond_the_limit_are_refused_with_the_seconds_to_the_reset(limited: Api) -> None:
    answers = [limited.http.post("/api/v2/logs/events/search", json={}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    refused = answers[-1]
    assert refused.json() == {"errors": ["Rate limit of 3 requests in 3600 seconds reached. Please try again later."]}
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert refused.headers["x-ratelimit-period"] == "3600"
    assert 1 <= int(refused.headers["x-ratelimit-reset"]) <= 3600
    # Both methods draw on one budget; other endpoints have their own.
    assert limited.http.get("/api/v2/logs/events").status_code == 429
    assert limited.http.get("/api/v1/validate").status_code == 200


def test_the_default_limits_are_those_observed_of_the_real_service(limited: Api, running: SandboxProcess) -> None:
    compute = {"compute": [{"aggregation": "count"}]}
    answer = limited.http.post("/api/v2/logs/analytics/aggregate", json=compute)
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-period"]) == ("2", "10")
    with Api(running) as api:
        search = api.http.get("/api/v2/logs/events")
        assert (search.headers["x-ratelimit-limit"], search.headers["x-ratelimit-period"]) == ("3", "10")


def test_monitors_of_the_team_follow_the_story(nov17: Api, healthy: Api, cascade: Api) -> None:
    def states(api: Api) -> dict[str, str]:
        found = api.http.get("/api/v1/monitor", params={"monitor_tags": "team:zyno"}).json()
        assert all("team:zyno" in monitor["tags"] and monitor["overall_state_modified"] for monitor in found)
        return {monitor["name"]: monitor["overall_state"] for monitor in found}

    assert set(states(healthy).values()) == {"OK"}
    assert states(nov17)["Zillow API rate limiting (HTTP 429)"] == "Alert"
    assert states(cascade)["Zillow API rate limiting (HTTP 429)"] == "OK"
    assert states(cascade)["Zillow OAuth token refresh failures"] == "Alert"


def test_monitors_are_filtered_by_every_tag_asked_for(nov17: Api) -> None:
    def names(tags: str) -> list[str]:
        return [monitor["name"] for monitor in nov17.http.get("/api/v1/monitor", params={"monitor_tags": tags}).json()]

    assert len(names("team:zyno,issue:rate_limiting")) == 2
    assert names("team:other") == []
    page = nov17.http.get("/api/v1/monitor", params={"page_size": "2", "page": "1"}).json()
    assert [monitor["id"] for monitor in page] == [41_100_203, 41_100_204]
    assert nov17.http.get("/api/v1/monitor", params={"page_size": "no"}).status_code == 400


def test_the_controls_refuse_what_a_page_in_a_browser_could_send(nov17: Api) -> None:
    path, given = f"{nov17.process.url}/sandbox/faults", nov17.process.controls
    assert httpx.post(path, json={"set": ["503"]}, headers=given | {"origin": "https://example.com"}).status_code == 403
    assert httpx.get(path, headers=given | {"host": "rebound.example.com"}).status_code == 403
    assert httpx.get(path, headers=given).json() == {"faults": []}


def test_the_state_tells_the_story(nov17: Api) -> None:
    state = nov17.state()
    assert state["scenario"] == "nov17"
    assert state["ready"] is True
    assert state["story_clock"].startswith("2025-11-17T14:")
    assert sum(state["events_by_stream"].values()) == state["events"] > 200_000
