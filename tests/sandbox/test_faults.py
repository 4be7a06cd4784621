"""Faults: each misbehaves on the wire as it says, at start and while it runs, and nothing else is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from diagnostics.core.failures import UserError
from sandbox.launch import start_sandbox
from sandbox.server.faults import Faults, parse_fault
from sandbox.stories.clock import kept_clock, now_s, set_ahead
from sandbox.stories.hostile import LONG
from tests.sandbox.api import UNLIMITED, Api

SEARCH = "/api/v2/logs/events"


@pytest.fixture(scope="module")
def api(harmed: Api) -> Api:
    """In order, as each test leaves it."""
    return harmed


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


@pytest.mark.parametrize(
    "spec", ["", "404", "slow", "slow:-1", "slow:nan", "slow:9999", "500:3", "logs=503", "a=b=c", "warnings"]
)
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


def counts(api: Api) -> object:
    """The raw answer to counts in total and by minute."""
    body = {"compute": [{"aggregation": "count"}, {"aggregation": "count", "type": "timeseries", "interval": "1m"}]}
    return api.http.post("/api/v2/logs/analytics/aggregate", json=body).json()


def test_warnings_are_in_log_answers_of_both_kinds(api: Api) -> None:
    """Code, detail and title as the example in Datadog's description of its API."""
    warning = {
        "code": "unknown_index",
        "detail": "indexes: foo, bar",
        "title": "One or several indexes are missing or invalid, results hold data from the other indexes",
    }
    with fault(api, "warnings:unknown_index"):
        assert api.http.get(SEARCH).json() == {"data": [], "meta": {"warnings": [warning]}}
        answer: Any = counts(api)
        assert (answer["data"], answer["meta"]["status"]) == ({"buckets": []}, "done")
        assert answer["meta"]["warnings"] == [warning]
        assert "meta" not in api.http.get("/api/v1/validate").json()
    with fault(api, "search=warnings:slow_index"):
        page = api.http.get(SEARCH).json()
        assert (len(page["data"]), page["meta"]["warnings"][0]["code"]) == (10, "slow_index")
        answer = counts(api)
        assert "warnings" not in answer["meta"]
    with fault(api, "warnings:timeout"):
        answer = counts(api)
        assert answer["meta"]["status"] == "timeout"


def test_the_index_configuration_names_no_flex_tier_and_can_be_refused_alone(api: Api) -> None:
    """The fields as Datadog's Terraform provider recorded them, and the one of its reference for flex storage."""
    place = "/api/v1/logs/config/indexes"
    (index,) = api.http.get(place).json()["indexes"]
    assert set(index) == {
        "num_retention_days",
        "num_flex_logs_retention_days",
        "name",
        "is_rate_limited",
        "filter",
        "exclusion_filters",
        "daily_limit",
    }
    assert (index["num_retention_days"], index["num_flex_logs_retention_days"]) == (15, 0)
    with fault(api, "flex:360"):
        (index,) = api.http.get(place).json()["indexes"]
        assert (index["num_retention_days"], index["num_flex_logs_retention_days"]) == (0, 360)
    with fault(api, "indexes=forbidden"):
        assert api.http.get(place).status_code == 403
        assert api.http.get(SEARCH).status_code == 200


def test_an_answer_without_figures_has_its_buckets_and_no_number(api: Api) -> None:
    with fault(api, "nofigure"):
        answer: Any = counts(api)
        assert answer["data"] == {"buckets": [{"by": {}, "computes": {"c0": None, "c1": None}}]}
        assert api.http.get(SEARCH).json()["data"]


def test_an_empty_page_may_carry_a_cursor_too(api: Api) -> None:
    nothing = {"filter[query]": "service:nowhere"}
    assert api.http.get(SEARCH, params=nothing).json() == {"data": []}
    with fault(api, "cursor"):
        page = api.http.get(SEARCH, params=nothing).json()
        assert (page["data"], list(page["meta"])) == ([], ["page"])


def test_faults_of_incomplete_answers_combine_with_each_other_and_with_others(api: Api) -> None:
    specs = ["warnings:slow_index", "nofigure", "cursor", "hostile", "aggregate=slow:0.01", "late:60"]
    assert api.http.post("/sandbox/faults", json={"set": specs}).json() == {"faults": specs}
    try:
        answer: Any = counts(api)
        assert answer["meta"]["warnings"]
        assert answer["data"]["buckets"][0]["computes"]["c0"] is None
        assert api.http.get(SEARCH).json()["meta"]["page"]["after"]
    finally:
        api.http.post("/sandbox/faults", json={"clear": True})


def newest_age_s(api: Api, query: str) -> float:
    """How long ago the newest log line that a search finds happened, seconds of this machine's clock."""
    page = api.http.get(SEARCH, params={"filter[query]": query, "filter[from]": "now-2h", "page[limit]": "1"}).json()
    happened = datetime.fromisoformat(page["data"][0]["attributes"]["timestamp"])
    return (datetime.now(UTC) - happened).total_seconds()


def counted(api: Api, query: str, since: str) -> float:
    """How many log lines an aggregate finds since a moment."""
    filters = {"query": query, "from": since, "to": "now"}
    body = {"filter": filters, "compute": [{"aggregation": "count"}]}
    buckets = api.http.post("/api/v2/logs/analytics/aggregate", json=body).json()["data"]["buckets"]
    return float(buckets[0]["computes"]["c0"]) if buckets else 0.0


def test_late_logs_are_not_found_before_their_delay_has_passed_and_keep_their_moment(api: Api) -> None:
    assert newest_age_s(api, "*") < 10
    with fault(api, "late:130"):
        assert 130 <= newest_age_s(api, "*") < 140
        assert counted(api, "*", "now-129s") == 0
        assert counted(api, "*", "now-140s") > 0
    assert newest_age_s(api, "*") < 10


def test_one_service_or_stream_may_be_late_while_the_others_are_fresh(api: Api) -> None:
    specs = ["late:300/fub-worker", "late:1200/rate_limited", "late:20"]
    assert api.http.post("/sandbox/faults", json={"set": specs}).json() == {"faults": specs}
    try:
        assert 300 <= newest_age_s(api, "service:fub-worker") < 400
        assert 1200 <= newest_age_s(api, "service:fub @context.error_message:*429*") < 2400
        assert 20 <= newest_age_s(api, "service:fub") < 40
        left = api.http.post("/sandbox/faults", json={"clear": ["late:300/fub-worker"]}).json()["faults"]
        assert left == ["late:1200/rate_limited", "late:20"]
    finally:
        assert api.http.post("/sandbox/faults", json={"clear": ["late"]}).json() == {"faults": []}


def test_databases_are_late_while_it_runs_and_together_with_other_faults(api: Api) -> None:
    specs = ["behind:7200/common", "behind:3600", "late:60", "aggregate=503"]
    newest = "SELECT MAX(received_at) FROM zillow_webhook_events"
    try:
        assert api.http.post("/sandbox/faults", json={"set": specs}).json() == {"faults": specs}
        [(received,)] = api.rows(newest)
        age_s = (datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(str(received))).total_seconds()
        assert 7_190 <= age_s < 7_230
        left = api.http.post("/sandbox/faults", json={"clear": ["behind:7200/common"]}).json()["faults"]
        assert left == ["behind:3600", "late:60", "aggregate=503"]
        assert api.rows(newest) > [(received,)]
    finally:
        assert api.http.post("/sandbox/faults", json={"clear": True}).json()["faults"] == []


def test_a_skewed_clock_is_in_every_answer_and_in_what_is_found(api: Api) -> None:
    with fault(api, "skew:+1200"):
        dates = [api.http.get(path).headers["date"] for path in (SEARCH, "/api/v1/monitor", "/nothing")]
        assert all(1190 < (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() < 1210 for date in dates)
        assert -1200 < newest_age_s(api, "*") < -1190
    with fault(api, "skew:-86400"):
        assert newest_age_s(api, "*") >= 86_400


def test_a_sandbox_that_starts_skewed_tells_its_whole_story_at_that_time() -> None:
    faults = ["skew:-7200", "late:60", "behind:600/client"]
    with start_sandbox("healthy", rate_limits=UNLIMITED, fault=faults) as process, Api(process) as api:
        assert api.http.get("/sandbox/faults").json() == {"faults": faults}
        assert 7_260 <= newest_age_s(api, "*") < 7_290
        [(received,)] = api.rows("SELECT MAX(received_at) FROM zillow_webhook_events")
        age_s = (datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(str(received))).total_seconds()
        assert 7_200 <= age_s < 7_290


def test_faults_that_bend_an_answer_combine_and_one_takes_its_place() -> None:
    faults = Faults(["slow:2", "hostile", "late:60", "late:300/fub", "skew:+5", "aggregate=503", "500", "slow:3"])
    met = faults.met("aggregate")
    assert (met.instead, met.of("slow")) == (parse_fault("aggregate=503"), parse_fault("slow:3"))
    assert met.of("hostile")
    assert faults.met("search").instead == parse_fault("500")
    assert (faults.delays, faults.skew_s) == ({"": 60.0, "fub": 300.0}, 5.0)
    faults.set("reset")
    assert faults.met("search").instead == parse_fault("reset")
    faults.clear()
    assert faults.specs() == ["aggregate=503"], "clearing the general ones leaves a scope's own"


@pytest.mark.parametrize(
    "spec",
    [
        "late",
        "late:-5",
        "late:90000",
        "late:5/",
        "late:5/FUB",
        "search=late:5",
        "skew",
        "skew:90000",
        "skew:x",
        "behind",
        "behind:-1",
        "behind:90000",
        "behind:60/",
        "behind:60/clients",
        "search=behind:60",
    ],
)
def test_a_wrong_delay_or_skew_is_refused_with_what_is_accepted(spec: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_fault(spec)
    assert any(kind in caught.value.accepted for kind in ("late", "skew", "behind"))


def test_a_name_that_no_logs_have_is_refused_with_the_names_there_are(api: Api) -> None:
    answer = api.http.post("/sandbox/faults", json={"set": ["late:60/fub-api", "late:60/fubb"]})
    assert answer.status_code == 400
    assert api.http.get("/sandbox/faults").json() == {"faults": []}
    with pytest.raises(UserError) as caught:
        start_sandbox("healthy", fault="late:60/fubb")
    assert "rate_limited" in caught.value.accepted


def test_the_databases_keep_the_clock_that_they_started_with() -> None:
    of_the_databases = kept_clock()
    set_ahead(7_200)
    try:
        assert of_the_databases() == pytest.approx(time.time(), abs=5)
        assert now_s() == pytest.approx(time.time() + 7_200, abs=5)
    finally:
        set_ahead(0)
