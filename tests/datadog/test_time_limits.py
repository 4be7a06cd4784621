"""Nothing waits for ever: not for a connection, a byte, the whole, a turn, or another thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.datadog import Datadog
from tests.datadog import server as misbehaviour
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import DatadogServer, Misbehaviour, Reply, budget


class Asking(threading.Thread):
    """One search in a thread of its own, keeping what came of it."""

    def __init__(self, datadog: Datadog, ask: Callable[[Datadog], object] | None = None) -> None:
        super().__init__(daemon=True)
        self._datadog = datadog
        self._ask = ask or (lambda source: source.search("*", start=START, end=END))
        self.failure: SourceFailure | None = None
        self.start()

    def run(self) -> None:
        try:
            self._ask(self._datadog)
        except SourceFailure as failure:
            self.failure = failure

    def result(self) -> FailureKind | None:
        self.join(20)
        assert not self.is_alive(), "still waiting"
        return self.failure.kind if self.failure is not None else None


def test_a_silent_server_ends_at_the_read_limit(server: DatadogServer, connect: Connect) -> None:
    server.always = misbehaviour.hang
    asking = Asking(connect(read_timeout_s=0.2, total_timeout_s=60))
    assert asking.result() is FailureKind.TIMED_OUT
    assert asking.failure is not None
    assert "no byte" in asking.failure.reason
    assert len(server.seen) == 1, "a time-out is not asked again: the service is busy enough"


@pytest.mark.parametrize("drip", [misbehaviour.drip_headers, misbehaviour.drip_body, misbehaviour.drip_error])
def test_a_dripping_server_ends_at_the_total_limit(server: DatadogServer, connect: Connect, drip: Misbehaviour) -> None:
    server.always = drip
    asking = Asking(connect(read_timeout_s=60, total_timeout_s=0.4))
    assert asking.result() is FailureKind.TIMED_OUT
    assert asking.failure is not None
    assert "within 0.4 s" in asking.failure.reason


def test_a_resolver_that_does_not_answer_ends_at_the_connect_limit(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def stuck(*_: object, **__: object) -> list[tuple[object, ...]]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    asking = Asking(connect(api_url="https://api.example.com", connect_timeout_s=0.2))
    try:
        assert asking.result() is FailureKind.TIMED_OUT
    finally:
        release.set()


def test_retries_stop_before_the_total_limit(server: DatadogServer, connect: Connect) -> None:
    server.always = Reply(status=503, headers={"Retry-After": "2"})
    asking = Asking(connect(total_timeout_s=1))
    assert asking.result() is FailureKind.UNREACHABLE
    assert len(server.seen) == 1


def test_closing_ends_a_request_that_hangs(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(read_timeout_s=60, total_timeout_s=60)
    server.always = misbehaviour.hang
    asking = Asking(datadog)
    assert server.arrived.acquire(timeout=10)
    datadog.close()
    assert asking.result() is FailureKind.CANCELLED


def test_closing_ends_a_body_without_a_length_instead_of_taking_it_for_whole(
    server: DatadogServer, connect: Connect
) -> None:
    datadog = connect(read_timeout_s=60, total_timeout_s=60)
    server.always = misbehaviour.drip_body
    asking = Asking(datadog)
    assert server.arrived.acquire(timeout=10)
    datadog.close()
    assert asking.result() is FailureKind.CANCELLED


def test_closing_wakes_those_who_wait_for_their_turn(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(read_timeout_s=60, total_timeout_s=60)
    server.next.append(Reply({"data": []}, headers=budget(limit=3, remaining=0, reset=30, period=30)))
    datadog.search("*", start=START, end=END)
    waiting = [Asking(datadog) for _ in range(3)]
    datadog.close()
    assert [asking.result() for asking in waiting] == [FailureKind.CANCELLED] * 3
    assert len(server.seen) == 1


def test_closing_ends_the_wait_between_two_attempts(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(total_timeout_s=60)
    server.always = Reply(status=503, headers={"Retry-After": "30"})
    asking = Asking(datadog)
    assert server.arrived.acquire(timeout=10)
    datadog.close()
    assert asking.result() in {FailureKind.CANCELLED, FailureKind.UNREACHABLE}
    assert len(server.seen) == 1


def test_a_closed_source_refuses_questions(datadog: Datadog) -> None:
    datadog.close()
    with pytest.raises(SourceFailure) as failed:
        datadog.validate()
    assert failed.value.kind is FailureKind.CANCELLED
    datadog.close()


def test_many_threads_share_one_source(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(total_timeout_s=60)
    asking = [Asking(datadog, lambda source: source.validate()) for _ in range(24)]
    assert [one.result() for one in asking] == [None] * 24
    assert len(server.seen) == 24
