"""The mutex source against a real RESP server: what it answers, how it fails, and what it never shows or sends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from diagnostics.config.secrets import LazySecret
from diagnostics.config.settings import RedisSettings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mutexes import Mutexes, mutex_key
from sandbox.server.redis_server import RedisServer
from tests.network import COMPANY_CA
from tests.network.servers import TlsFront
from tests.sync.conftest import hold

PASSWORD = "hunter2-and-more"


@pytest.fixture
def locked() -> Iterator[RedisServer]:
    with RedisServer(password=PASSWORD) as server:
        yield server


def mutexes(url: str | None, password: str | None = None, timeout_s: float = 2.0) -> Mutexes:
    return Mutexes(RedisSettings(url=url, password=SecretStr(password) if password else None, timeout_s=timeout_s))


def failure_of(asked: Mutexes) -> SourceFailure:
    with pytest.raises(SourceFailure) as raised:
        asked.held(mutex_key(5))
    return raised.value


def test_a_held_mutex_says_for_how_long_still_and_how_it_was_asked(redis: RedisServer) -> None:
    hold(redis, "zillow-transaction-sync:5", left_s=40)
    state = mutexes(redis.url).held(mutex_key(5))
    assert state.held
    assert state.left_s is not None
    assert 30 < state.left_s <= 40
    assert (state.evidence.source, state.evidence.query) == ("redis", "PTTL zillow-transaction-sync:5")


def test_a_free_mutex_is_free(redis: RedisServer) -> None:
    state = mutexes(redis.url).held(mutex_key(5))
    assert (state.held, state.left_s, state.evidence.rows) == (False, None, 0)


def test_a_mutex_without_an_end_is_held_and_says_so(redis: RedisServer) -> None:
    hold(redis, mutex_key(5))
    state = mutexes(redis.url).held(mutex_key(5))
    assert (state.held, state.left_s) == (True, None)
    assert "without an end" in state.evidence.caveat


def test_only_reading_commands_are_sent(locked: RedisServer) -> None:
    asked = mutexes(locked.url, PASSWORD)
    asked.held(mutex_key(5))
    asked.ping()
    asked.close()
    assert {command[0] for command in locked.commands} <= {"AUTH", "HELLO", "CLIENT", "SELECT", "PTTL", "PING"}
    assert all(command[1] == "SETINFO" for command in locked.commands if command[0] == "CLIENT")


@pytest.mark.parametrize("given", [None, "wrong-password"])
def test_a_refused_login_is_denied_and_the_password_is_in_no_word(locked: RedisServer, given: str | None) -> None:
    failure = failure_of(mutexes(locked.url, given))
    assert failure.kind is FailureKind.DENIED
    assert "redis.password" in failure.remedy
    said = f"{failure!r} {failure.reason} {failure.remedy} {failure.__cause__!r} {failure.__context__!r}"
    assert "wrong-password" not in said


def logins(server: RedisServer) -> int:
    return sum(command[0] in {"AUTH", "HELLO"} for command in server.commands)


@pytest.mark.honesty("the password of Redis was rotated", "read again once after it was refused; nobody notices")
def test_a_rotated_password_is_taken_up_by_the_question_that_met_it(locked: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("of-yesterday")
    secret = LazySecret("redis.password_file", where="test", file=file)
    asked = Mutexes(RedisSettings(url=locked.url, password=secret, timeout_s=2))
    secret.get_secret_value()
    file.write_text(PASSWORD)
    assert not asked.held(mutex_key(5)).held
    assert logins(locked) == 2
    assert not asked.held(mutex_key(5)).held
    asked.close()


def test_a_password_that_stays_wrong_is_sent_once_and_a_new_one_is_taken_up(
    locked: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("wrong-password")
    secret = LazySecret("redis.password_file", where="test", file=file)
    asked = Mutexes(RedisSettings(url=locked.url, password=secret, timeout_s=2))
    failures = [failure_of(asked) for _ in range(4)]
    assert logins(locked) == 1
    assert {failure.kind for failure in failures} == {FailureKind.DENIED}
    assert "it is not sent again for 30 s" in failures[-1].reason
    file.write_text(PASSWORD)
    secret.renew("wrong-password")
    assert not asked.held(mutex_key(5)).held
    asked.close()


def test_a_password_within_the_address_works_and_is_never_shown(locked: RedisServer) -> None:
    url = locked.url.replace("redis://", f"redis://:{PASSWORD}@")
    assert not mutexes(url).held(mutex_key(5)).held
    locked.stop()
    failure = failure_of(mutexes(url, timeout_s=1))
    assert failure.kind is FailureKind.UNREACHABLE
    assert PASSWORD not in f"{failure!r} {failure.remedy} {failure.__context__!r}"


def test_a_server_that_says_nothing_is_timed_out(redis: RedisServer) -> None:
    redis.silent.set()
    assert failure_of(mutexes(redis.url, timeout_s=0.3)).kind is FailureKind.TIMED_OUT


def test_a_server_that_comes_back_is_asked_again(redis: RedisServer) -> None:
    asked = mutexes(redis.url, timeout_s=0.3)
    redis.silent.set()
    failure_of(asked)
    redis.silent.clear()
    assert not asked.held(mutex_key(5)).held


def test_something_that_is_no_redis_is_a_failure_and_no_crash() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1_024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        failure = failure_of(mutexes(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", timeout_s=2))
        thread.join(5)
    assert failure.kind in {FailureKind.MALFORMED, FailureKind.UNREACHABLE}


def test_a_database_that_is_not_there_is_refused_without_the_address(redis: RedisServer) -> None:
    failure = failure_of(mutexes(redis.url.replace("/0", "/99")))
    assert failure.kind in {FailureKind.REJECTED, FailureKind.UNREACHABLE}


def test_without_an_address_it_is_not_configured_and_says_what_to_set() -> None:
    asked = mutexes(None)
    assert not asked.is_configured
    failure = failure_of(asked)
    assert failure.kind is FailureKind.NOT_CONFIGURED
    assert "redis.url" in failure.remedy


def test_a_closed_source_takes_no_questions(redis: RedisServer) -> None:
    asked = mutexes(redis.url)
    asked.held(mutex_key(5))
    asked.close()
    assert failure_of(asked).kind is FailureKind.CANCELLED


def test_many_threads_ask_at_once(redis: RedisServer) -> None:
    asked = mutexes(redis.url)
    found: list[bool] = []
    for user in range(12):
        hold(redis, mutex_key(user), left_s=50)
    together = threading.Barrier(12)

    def ask(user: int) -> None:
        together.wait(10)
        found.append(asked.held(mutex_key(user)).held)

    threads = [threading.Thread(target=ask, args=(user,)) for user in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [True] * 12
    asked.close()


def test_the_driver_is_loaded_only_when_somebody_asks() -> None:
    code = "import sys, diagnostics.sources.mutexes; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_stand_in_speaks_to_the_official_client_as_a_redis_does(protocol: int) -> None:
    with RedisServer(password=PASSWORD) as server:
        client = Redis.from_url(server.url, password=PASSWORD, protocol=protocol, socket_timeout=5)
        assert client.ping() is True
        assert client.set("k", b"v\r\n\x00", px=60_000) is True
        assert client.get("k") == b"v\r\n\x00"
        assert client.get("absent") is None
        assert client.exists("k", "absent") == 1
        assert 0 < int(client.pttl("k")) <= 60_000
        assert client.pttl("absent") == -2
        assert client.eval("return redis.call('PTTL', KEYS[1])", 1, "absent") == -2
        client.close()


def said_by(server: RedisServer, *commands: bytes) -> list[bytes]:
    """Answers to commands that were sent all at once, a line each."""
    host, port = server.url.removeprefix("redis://").removesuffix("/0").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"".join(command + b"\r\n" for command in commands))
        return [answers.readline() for _ in commands]


def test_nobody_is_let_in_without_the_password(locked: RedisServer) -> None:
    refused = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    asked = [b"PING", b"AUTH wrong", b"AUTH somebody " + PASSWORD.encode(), b"HELLO 3 AUTH default wrong", b"PTTL k"]
    first = b"-NOAUTH Authentication required.\r\n"
    assert said_by(locked, *asked) == [first, refused, refused, refused, first]
    assert said_by(locked, b"AUTH " + PASSWORD.encode(), b"PTTL k") == [b"+OK\r\n", b":-2\r\n"]
    assert PASSWORD not in str(locked.commands)


# ---- encrypted


@pytest.fixture
def encrypted(locked: RedisServer) -> Iterator[TlsFront]:
    """The same server behind TLS, as a managed Redis is."""
    with TlsFront(int(locked.url.rpartition(":")[2].partition("/")[0])) as front:
        yield front


def over_tls(url: str, tls: str | None) -> Mutexes:
    given = {"url": url, "password": SecretStr(PASSWORD), "tls": tls, "timeout_s": 3}
    return Mutexes(RedisSettings.model_validate(given))


def test_an_encrypted_redis_is_read_as_far_verified_as_the_setting_says(encrypted: TlsFront) -> None:
    url = f"redis://127.0.0.1:{encrypted.port}/0"
    for address, tls in (
        (url, f"verify-identity:{COMPANY_CA}"),
        (url.replace("redis://", "rediss://"), f"verify-ca:{COMPANY_CA}"),
        (url.replace("127.0.0.1", "localhost"), f"verify-ca:{COMPANY_CA}"),
        (url, "required"),
    ):
        asked = over_tls(address, tls)
        assert asked.held(mutex_key(5)).held is False
        asked.close()
    assert encrypted.connections == 4


@pytest.mark.parametrize(
    ("address", "tls", "reason", "remedy"),
    [
        ("redis://localhost", f"verify-identity:{COMPANY_CA}", "does not name localhost", f"verify-ca:{COMPANY_CA}"),
        ("redis://127.0.0.1", "true", "signed by none of the system's authorities", "redis.tls to verify-ca:PATH"),
        ("rediss://127.0.0.1", None, "signed by none of the system's authorities", "redis.tls to verify-ca:PATH"),
        ("rediss://127.0.0.1", "off", "redis.url is rediss://, which encrypts", "take redis.tls away"),
        ("redis://127.0.0.1", "verify-ca:/nowhere.pem", "redis.tls names a file that is no readable", "redis.tls"),
    ],
)
def test_a_redis_that_is_not_trusted_names_the_value_that_would_do(
    encrypted: TlsFront, address: str, tls: str | None, reason: str, remedy: str
) -> None:
    failure = failure_of(over_tls(f"{address}:{encrypted.port}/0", tls))
    assert reason in failure.reason
    assert remedy in failure.remedy
    assert PASSWORD not in f"{failure} {failure.remedy}"
