"""The keys go to the service and nowhere else: no text, no log, no traceback, no other host."""

from __future__ import annotations

import io
import logging
import traceback

import pytest
from pydantic import SecretStr
from rich.console import Console
from rich.traceback import Traceback

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.doctor.steps import examined
from tests.datadog import server as misbehaviour
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import API_KEY, APP_KEY, DatadogServer, Misbehaviour, Reply
from tests.network import COMPANY_CA, server_context

ECHO = {"errors": [f"bad headers DD-API-KEY={API_KEY} DD-APPLICATION-KEY={APP_KEY}"]}
REPLIES: list[Reply | Misbehaviour] = [
    Reply(ECHO, 400),
    Reply(ECHO, 403),
    Reply(ECHO, 429, {"X-RateLimit-Reset": "90"}),
    Reply(ECHO, 404),
    Reply(raw=API_KEY.encode()),
    Reply(status=302, headers={"Location": f"https://{API_KEY}.example.com/{APP_KEY}"}),
    misbehaviour.truncated,
    misbehaviour.not_http,
]


def with_locals(error: BaseException) -> str:
    """A traceback as Textual prints it: with the local variables of every frame, except those of the test itself."""
    output = io.StringIO()
    assert error.__traceback__ is not None
    ours = error.__traceback__.tb_next
    trace = Traceback.from_exception(
        type(error), error, ours, show_locals=True, locals_max_length=1_000, locals_max_string=10_000
    )
    Console(file=output, width=400).print(trace)
    return output.getvalue()


@pytest.mark.parametrize("reply", REPLIES)
def test_no_failure_shows_a_key(
    server: DatadogServer, datadog: Datadog, reply: Reply | Misbehaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always = reply
    with pytest.raises(SourceFailure) as failed:
        datadog.search("*", start=START, end=END)
    failure = failed.value
    shown = [
        str(failure),
        repr(failure),
        failure.reason,
        failure.remedy,
        "".join(traceback.format_exception(failure)),
        with_locals(failure),
        caplog.text,
    ]
    for text in shown:
        assert API_KEY not in text
        assert APP_KEY not in text
    assert failure.__context__ is None, "an exception of the client would carry the headers along"


def test_no_answer_and_no_object_shows_a_key(server: DatadogServer, datadog: Datadog) -> None:
    page = datadog.search("*", start=START, end=END)
    shown = [
        repr(datadog),
        repr(vars(datadog)),
        repr(page),
        str(datadog.budgets()),
        str(list(examined(datadog.examination()))),
    ]
    for text in shown:
        assert API_KEY not in text
        assert APP_KEY not in text


def test_keys_from_files_may_end_in_a_newline(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(api_key=SecretStr(f"{API_KEY}\n"), app_key=SecretStr(f" {APP_KEY}\r\n"))
    assert datadog.search("*", start=START, end=END).events == ()


def serve_tls(server: DatadogServer) -> str:
    server.socket = server_context().wrap_socket(server.socket, server_side=True)
    return f"https://127.0.0.1:{server.server_address[1]}"


def test_a_certificate_nobody_vouches_for_gets_no_key(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(api_url=serve_tls(server))
    with pytest.raises(SourceFailure) as failed:
        datadog.validate()
    assert failed.value.kind is FailureKind.UNREACHABLE
    assert "TLS" in failed.value.reason
    assert server.seen == []


def test_a_trusted_certificate_is_accepted(
    server: DatadogServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(COMPANY_CA))
    datadog = connect(api_url=serve_tls(server))
    datadog.validate()
    assert datadog.search("*", start=START, end=END).events == ()
    assert len(server.seen) == 2


def test_a_tls_server_that_hangs_is_cut_off_too(
    server: DatadogServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(COMPANY_CA))
    server.always = misbehaviour.drip_body
    datadog = connect(api_url=serve_tls(server), total_timeout_s=0.8)
    with pytest.raises(SourceFailure) as failed:
        datadog.validate()
    assert failed.value.kind is FailureKind.TIMED_OUT
