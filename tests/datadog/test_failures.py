"""Every way the service, or the road to it, can fail has its own kind, and says what to do."""

from __future__ import annotations

import gzip
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.datadog import Compute
from diagnostics.sources.datadog import Datadog
from tests.datadog import server as misbehaviour
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import DatadogServer, Misbehaviour, Reply, budget, log, running


def failure_of(datadog: Datadog, limit: int = 100) -> SourceFailure:
    with pytest.raises(SourceFailure) as failed:
        datadog.search("service:fub", start=START, end=END, limit=limit)
    return failed.value


def test_a_refused_query_carries_the_services_own_words(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"errors": ["input_validation_error(Field 'filter.query' is \x1b[31minvalid)"]}, 400))
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.REJECTED
    assert "Field 'filter.query' is �invalid" in failure.reason
    assert not failure.is_transient


def test_errors_in_the_newer_form_are_read_too(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"errors": [{"status": "400", "title": "Generic Error", "detail": "bad range"}]}, 400))
    assert "Generic Error: bad range" in failure_of(datadog).reason


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_are_denied_and_name_the_setting_and_the_scope(
    server: DatadogServer, datadog: Datadog, status: int
) -> None:
    server.always = Reply({"errors": ["Forbidden"]}, status)
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.DENIED
    assert "datadog.app_key" in failure.remedy
    assert "logs_read_data" in failure.remedy
    with pytest.raises(SourceFailure, match="not accepted") as monitors:
        datadog.monitors("team:zyno")
    assert "monitors_read" in monitors.value.remedy
    with pytest.raises(SourceFailure) as key:
        datadog.validate()
    assert "datadog.api_key" in key.value.remedy
    assert len(server.seen) == 3, "a refusal is not asked again"


def test_a_wrong_address_says_which_setting_to_look_at(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply(raw=b"<html>Not here</html>", status=404))
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.REJECTED
    assert "datadog.api_url" in failure.remedy


def test_a_server_error_is_asked_again_and_the_answer_counts(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log()]
    server.next.extend([Reply({"errors": ["oops"]}, 503), misbehaviour.reset])
    assert len(datadog.search("*", start=START, end=END).events) == 1
    assert len(server.seen) == 3


def test_a_lasting_server_error_is_unreachable_after_three_attempts(server: DatadogServer, datadog: Datadog) -> None:
    server.always = Reply(raw=b"upstream connect error", status=502)
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.UNREACHABLE
    assert "HTTP 502" in failure.reason
    assert len(server.seen) == 3


def test_a_connection_that_is_reset_every_time_is_unreachable_after_three_attempts(
    server: DatadogServer, datadog: Datadog
) -> None:
    server.always = misbehaviour.reset
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.UNREACHABLE
    assert "was lost" in failure.reason
    assert len(server.seen) == 3


def test_a_rate_limit_is_waited_out_when_the_time_allows(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log()]
    server.next.append(Reply({"errors": ["Too many"]}, 429, budget(limit=3, remaining=0, reset=0.1)))
    assert len(datadog.search("*", start=START, end=END).events) == 1
    assert len(server.seen) == 2


def test_a_rate_limit_beyond_the_time_limit_is_said_at_once(server: DatadogServer, datadog: Datadog) -> None:
    server.always = Reply({"errors": ["Too many"]}, 429, budget(limit=3, remaining=0, reset=9))
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.RATE_LIMITED
    assert failure.retry_after == 9
    assert failure.headline() == "datadog: rate limited, 9 s"
    assert len(server.seen) == 1


def test_a_server_error_whose_repetition_the_budget_forbids_is_still_a_server_error(
    server: DatadogServer, datadog: Datadog
) -> None:
    # Three requests in ten seconds are assumed to be allowed; the third fails, and there is no fourth.
    datadog.search("*", start=START, end=END)
    datadog.search("*", start=START, end=END)
    server.next.append(Reply({"errors": ["oops"]}, 503))
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.UNREACHABLE
    assert "HTTP 503" in failure.reason
    # Asking again helps when the budget allows it, and not sooner.
    assert failure.retry_after is not None
    assert 0 < failure.retry_after <= 10
    assert len(server.seen) == 3


def test_a_rate_limit_after_a_server_error_is_a_rate_limit(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"errors": ["oops"]}, 503))
    server.always = Reply({"errors": ["Too many"]}, 429, {"Retry-After": "40"})
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.RATE_LIMITED
    assert "HTTP 429" in failure.reason


def test_retry_after_counts_in_both_its_forms(server: DatadogServer, connect: Connect) -> None:
    server.next.append(Reply(status=429, headers={"Retry-After": "40"}))
    assert failure_of(connect()).retry_after == 40
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=500), usegmt=True)
    server.next.append(Reply(status=429, headers={"Retry-After": later}))
    assert failure_of(connect()).retry_after == pytest.approx(500, abs=30)


@pytest.mark.parametrize("nonsense", ["-5", "nan", "inf", "soon", "1e999", ""])
def test_a_nonsensical_wait_is_no_wait(server: DatadogServer, connect: Connect, nonsense: str) -> None:
    headers = {"X-RateLimit-Reset": nonsense, "Retry-After": nonsense}
    server.always = Reply(status=429, headers=headers)
    failure = failure_of(connect(total_timeout_s=2))
    assert failure.kind is FailureKind.RATE_LIMITED
    assert len(server.seen) <= 3


@pytest.mark.parametrize(
    "body",
    [
        b"<html>sign in</html>",
        b"",
        b"\xff\xfe\x00",
        b'{"data": [',
        b"[]",
        b'"text"',
        b"NaN",
        b'{"data": {}}',
        b'{"data": 3}',
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_anything_but_the_answers_shape_is_malformed(server: DatadogServer, datadog: Datadog, body: bytes) -> None:
    server.next.append(Reply(raw=body))
    assert failure_of(datadog).kind is FailureKind.MALFORMED
    assert len(server.seen) == 1


def test_a_body_that_ends_early_is_malformed(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(misbehaviour.truncated)
    failure = failure_of(datadog)
    assert failure.kind is FailureKind.MALFORMED
    assert "ended early" in failure.reason


def test_a_body_without_an_end_is_cut_at_the_size_limit(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(misbehaviour.huge)
    failure = failure_of(datadog, limit=1)
    assert failure.kind is FailureKind.MALFORMED
    assert "16 MiB" in failure.reason


def test_a_small_body_that_unpacks_to_a_huge_one_is_cut_too(server: DatadogServer, datadog: Datadog) -> None:
    packed = gzip.compress(b"[" + b"1," * 20_000_000 + b"1]", compresslevel=1)
    server.next.append(Reply(raw=packed, headers={"Content-Encoding": "gzip"}))
    assert "16 MiB" in failure_of(datadog, limit=1).reason


def test_a_body_that_does_not_unpack_is_malformed(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply(raw=b"not gzip at all", headers={"Content-Encoding": "gzip"}))
    assert failure_of(datadog).kind is FailureKind.MALFORMED


def test_another_protocol_is_malformed(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(misbehaviour.not_http)
    assert failure_of(datadog).kind is FailureKind.MALFORMED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_no_key_reaches_the_other_host(
    server: DatadogServer, datadog: Datadog, status: int
) -> None:
    with running() as other:
        server.next.append(Reply(status=status, headers={"Location": f"{other.url}/api/v2/logs/events/search"}))
        failure = failure_of(datadog)
        assert other.seen == []
    assert failure.kind is FailureKind.UNREACHABLE
    assert "redirect to 127.0.0.1" in failure.reason


def test_a_redirect_to_a_hostile_place_is_still_one_clean_line(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply(status=302, headers={"Location": "http://[::1\x1b]52;c;x\x07/"}))
    assert failure_of(datadog).reason.isprintable()


def test_nobody_listening_is_unreachable_and_asked_once(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        datadog = connect(api_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        failure = failure_of(datadog)
    assert failure.kind is FailureKind.UNREACHABLE
    assert "refused" in failure.reason.lower()


def test_an_unknown_host_is_unreachable(connect: Connect) -> None:
    failure = failure_of(connect(api_url="https://no-such-host.invalid"))
    assert failure.kind in {FailureKind.UNREACHABLE, FailureKind.TIMED_OUT}
    assert "no-such-host.invalid" in failure.reason or "no connection" in failure.reason


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_key": None}, "datadog.api_key is not set"),
        ({"app_key": None}, "datadog.app_key is not set"),
        ({"app_key": SecretStr("  ")}, "datadog.app_key is not set"),
        ({"api_key": None, "app_key": None}, "datadog.api_key and datadog.app_key are not set"),
        ({"api_key": SecretStr("two\nlines")}, "datadog.api_key holds characters"),
        ({"app_key": SecretStr("schlüssel")}, "datadog.app_key holds characters"),
        ({"api_url": "http://api.example.com"}, "unencrypted"),
        ({"api_url": "https://host:99999"}, "not an address"),
    ],
)
def test_what_is_not_configured_is_named_and_nothing_is_sent(
    server: DatadogServer, connect: Connect, settings: dict[str, object], named: str
) -> None:
    failure = failure_of(connect(**settings))
    assert failure.kind is FailureKind.NOT_CONFIGURED
    assert named in failure.reason
    assert failure.remedy
    assert server.seen == []


def test_key_validation_needs_no_application_key(server: DatadogServer, connect: Connect) -> None:
    evidence = connect(app_key=None).validate()
    assert evidence.query == "GET /api/v1/validate"
    assert "DD-APPLICATION-KEY" not in server.seen[0].headers


def test_an_absent_key_is_not_taken_from_the_environment(
    server: DatadogServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DD_APP_KEY", "from-the-environment")
    monkeypatch.setenv("DD_SITE", "datadoghq.eu")
    connect(app_key=None).validate()
    assert "from-the-environment" not in str(server.seen)


def test_an_invalid_key_that_is_answered_politely_is_denied(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"valid": False}))
    with pytest.raises(SourceFailure) as failed:
        datadog.validate()
    assert failed.value.kind is FailureKind.DENIED


def test_the_source_works_again_after_every_kind_of_failure(server: DatadogServer, connect: Connect) -> None:
    datadog = connect()
    broken: list[Reply | Misbehaviour] = [
        misbehaviour.truncated,
        misbehaviour.not_http,
        Reply(status=403),
        Reply(raw=b"x"),
    ]
    for reply in broken:
        server.next.append(reply)
        with pytest.raises(SourceFailure):
            datadog.validate()
    assert datadog.validate().rows is None
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    assert answer.buckets[0].values == (0.0,)
