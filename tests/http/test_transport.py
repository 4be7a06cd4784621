"""Limits that hold, an end from another thread, proof whether anything was sent, and no secret in what is said."""

from __future__ import annotations

import contextlib
import gzip
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from diagnostics.core.failures import FailureKind, Sent
from diagnostics.sources.http import HttpClient, HttpRequest, HttpResponse, NoAnswer, Why
from tests.waiting import wait_until

SECRET = "hush-hush"
# Linux, tcp_states.h: the other end has acknowledged the closing, or has closed as well.
_CLOSING_HAS_ARRIVED = (5, 6, 7)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """Takes connections, and does to each what the test says; `connections` counts them."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._behave = behave
        self.connections = 0
        self.arrived = threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/{SECRET}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as reader:
            while reader.readline():
                # Whole, as a server does: closing on unread bytes is a reset, which may overtake the answer.
                length = 0
                while line := reader.readline().strip().lower():
                    length = int(line[15:]) if line.startswith(b"content-length:") else length
                reader.read(length)
                self.arrived.release()
                self._behave(sock)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[socket.socket], None]], Peer]]:
    made: list[Peer] = []

    def make(behave: Callable[[socket.socket], None]) -> Peer:
        made.append(Peer(behave))
        return made[-1]

    yield make
    for one in made:
        one.close()


MakePeer = Callable[[Callable[[socket.socket], None]], Peer]


def client(*, total_s: float = 10, read_s: float = 10, keep_alive: int = 0) -> HttpClient:
    return HttpClient(connect_s=10, read_s=read_s, total_s=total_s, most_bytes=1_000_000, keep_alive=keep_alive)


def wait_for(release: threading.Event) -> None:
    release.wait(20)


def asked(http: HttpClient, url: str) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        http.ask(HttpRequest.of("POST", url, headers={"Authorization": SECRET}, body={"text": SECRET}))
    assert caught.value.__context__ is None, "an exception from within has frames that hold the headers"
    assert SECRET not in f"{caught.value!r} {caught.value.reason} {caught.value.detail}"
    return caught.value


def in_a_thread(http: HttpClient, url: str) -> SimpleQueue[HttpResponse | NoAnswer]:
    came: SimpleQueue[HttpResponse | NoAnswer] = SimpleQueue()

    def run() -> None:
        try:
            came.put(http.ask(HttpRequest.of("POST", url, body={})))
        except NoAnswer as failure:
            came.put(failure)

    threading.Thread(target=run, daemon=True).start()
    return came


def test_connections_are_kept_where_that_is_asked_for(peer: MakePeer) -> None:
    server = peer(lambda sock: sock.sendall(OK))
    for keep_alive, connections in ((0, 3), (1, 4)):
        http = client(keep_alive=keep_alive)
        for _ in range(3):
            assert http.ask(HttpRequest.of("GET", server.url)).body == b"ok"
        http.close()
        assert server.connections == connections


def test_a_kept_connection_that_the_service_has_closed_is_not_used_again(peer: MakePeer) -> None:
    closed = threading.Semaphore(0)

    def once(sock: socket.socket) -> None:
        sock.sendall(OK)
        sock.shutdown(socket.SHUT_RDWR)
        # A connection that closes while the next request is written is another case.
        wait_until(lambda: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _CLOSING_HAS_ARRIVED)
        closed.release()

    server, http = peer(once), client(keep_alive=4)
    for number in range(1, 4):
        assert http.ask(HttpRequest.of("GET", server.url)).status == 200
        assert closed.acquire(timeout=20)
        assert server.connections == number


def test_nothing_was_sent_where_no_connection_came_about() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failure = asked(client(), f"http://127.0.0.1:{taken.getsockname()[1]}/{SECRET}")
    assert (failure.why, failure.sent, failure.kind) == (Why.NO_CONNECTION, Sent.NOT_SENT, FailureKind.UNREACHABLE)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://127.0.0.1:1/\u00fc", "nonsense"])
def test_an_address_that_cannot_be_sent_is_told_without_being_shown(url: str) -> None:
    failure = asked(client(), url)
    assert (failure.why, failure.sent) == (Why.NOT_SENDABLE, Sent.NOT_SENT)
    assert url not in failure.reason


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", Why.LOST),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf", Why.CUT_SHORT),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Why.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", Why.UNPACKABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nnope", Why.UNPACKABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000, Why.TOO_LARGE),
    ],
    ids=["nothing", "half", "another protocol", "not gzip", "not asked for", "too large"],
)
def test_an_answer_that_is_none_leaves_unknown_whether_it_was_taken(peer: MakePeer, answer: bytes, why: Why) -> None:
    def behave(sock: socket.socket) -> None:
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_RDWR)

    failure = asked(client(), peer(behave).url)
    assert (failure.why, failure.sent) == (why, Sent.UNKNOWN)


def test_what_unpacks_to_more_than_the_limit_is_not_unpacked(peer: MakePeer) -> None:
    packed = gzip.compress(bytes(50_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    assert asked(client(), peer(lambda sock: sock.sendall(head + packed)).url).why is Why.TOO_LARGE


def test_a_redirect_is_an_answer_and_is_not_followed(peer: MakePeer) -> None:
    other = peer(lambda sock: sock.sendall(OK))
    redirect = f"HTTP/1.1 307 There\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
    answer = client().ask(HttpRequest.of("POST", peer(lambda sock: sock.sendall(redirect)).url, body={}))
    assert (answer.status, other.connections) == (307, 0)


def test_silence_and_slow_answers_end_at_their_limits(peer: MakePeer) -> None:
    release = threading.Event()

    def drip(sock: socket.socket) -> None:
        while not release.wait(0.02):
            sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: " if not release.is_set() else b"x")

    silent = asked(client(read_s=0.2), peer(lambda _: wait_for(release)).url)
    assert (silent.why, silent.sent, silent.reason) == (Why.SILENT, Sent.UNKNOWN, "no answer within 0.2 s")
    slow = asked(client(total_s=0.4), peer(drip).url)
    release.set()
    assert (slow.why, slow.sent, slow.reason) == (Why.OVERRUN, Sent.UNKNOWN, "no answer within 0.4 s")


def test_closing_ends_a_request_that_waits_for_its_answer(peer: MakePeer) -> None:
    release = threading.Event()
    server, http = peer(lambda _: wait_for(release)), client()
    came = in_a_thread(http, server.url)
    assert server.arrived.acquire(timeout=10)
    http.close()
    failure = came.get(timeout=5)
    release.set()
    assert isinstance(failure, NoAnswer)
    assert (failure.why, failure.sent, failure.kind) == (Why.CLOSED, Sent.UNKNOWN, FailureKind.CANCELLED)


def test_closing_ends_a_request_that_waits_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, release = threading.Event(), threading.Event()

    def stuck(*_: object, **__: object) -> list[tuple[object, ...]]:
        asking.set()
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    http = client()
    came = in_a_thread(http, "http://slack.example/")
    assert asking.wait(10)
    http.close()
    failure = came.get(timeout=5)
    release.set()
    assert isinstance(failure, NoAnswer)
    assert (failure.why, failure.sent) == (Why.CLOSED, Sent.NOT_SENT)


def test_a_closed_client_sends_nothing(peer: MakePeer) -> None:
    server, http = peer(lambda sock: sock.sendall(OK)), client()
    http.close()
    failure = asked(http, server.url)
    assert (failure.why, failure.sent, server.connections) == (Why.CLOSED, Sent.NOT_SENT, 0)


def test_no_representation_shows_an_address_a_header_or_a_body() -> None:
    request = HttpRequest.of("POST", f"https://hooks.example/{SECRET}", headers={"Authorization": SECRET}, body=SECRET)
    assert SECRET not in repr(request)
    assert SECRET not in repr(HttpClient(connect_s=1, read_s=1, total_s=1, most_bytes=1))


def test_importing_the_transport_imports_no_engine() -> None:
    code = "import sys, diagnostics.sources.http; print({'httpcore', 'h11', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"


def test_an_answer_of_too_many_values_is_not_read_as_json(
    peer: Callable[[Callable[[socket.socket], None]], Peer],
) -> None:
    # 900 kB on the wire; as Python's dictionaries they would be 20 MB, and 16 MiB of them 350.
    body = b"[" + b"{}," * 299_999 + b"{}]"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    told = asked(client(), peer(lambda sock: sock.sendall(head + body)).url)
    assert (told.why, told.reason) == (Why.TOO_LARGE, "the answer holds more than 500,000 values")
