"""Resque's keys as both dialects write them: who writes the jobs, who listens, who is dead."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.config.settings import RedisSettings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.doctor import DoctorLine
from diagnostics.sources import resque
from diagnostics.sources.doctor import redis as examination
from diagnostics.sources.doctor.steps import examined
from diagnostics.sources.mutexes import Mutexes
from diagnostics.sources.resque import dialect_of, read
from sandbox.server.redis_server import RedisServer

# Jobs as the engines themselves write them: resque 3.0, chrisboulton/php-resque and resque/php-resque.
RUBY = {"class": "SyncJob", "args": [14009, 700]}
PHP = {"class": "Sync_Job", "args": [{"accountId": 14009}], "id": "9f2c" * 8, "queue_time": 1763388000.12}
NEW_PHP = PHP | {"prefix": ""}


def job(value: object) -> bytes:
    return json.dumps(value).encode()


def failed(payload: object) -> bytes:
    told = {"failed_at": "Mon Nov 17 14:03:22 UTC 2025", "payload": payload, "exception": "E", "error": "e"}
    return job(told | {"backtrace": [], "worker": "w:1:q", "queue": "q"})


@pytest.mark.parametrize(
    ("value", "dialect"),
    [
        (RUBY, "Ruby"),
        (PHP, "PHP"),
        (NEW_PHP, "PHP"),
        (RUBY | {"redrive": {"plan": "P-7", "n": 1}}, "Ruby"),
        ({"class": "A", "args": {}}, ""),
        ({"args": []}, ""),
    ],
)
def test_a_job_shows_who_wrote_it(value: dict[str, object], dialect: str) -> None:
    assert dialect_of(value) == dialect


def inspected(*commands: Sequence[bytes]) -> list[DoctorLine]:
    with RedisServer(holds=commands) as server:
        mutexes = Mutexes(RedisSettings(url=server.url, timeout_s=10))
        lines = list(examined(examination.steps(mutexes)))
        mutexes.close()
    asked = {command[0] for command in server.commands}
    assert asked <= {"CLIENT", "HELLO", "PING", "SCARD", "SSCAN", "HMGET", "LLEN", "LRANGE"}, "nothing is written"
    return lines


def queue(name: bytes, *jobs: object) -> Iterator[Sequence[bytes]]:
    yield b"SADD", b"resque:queues", name
    for one in jobs:
        yield b"RPUSH", b"resque:queue:" + name, job(one)


def worker(name: bytes, seen_s: float | None = None) -> Iterator[Sequence[bytes]]:
    yield b"SADD", b"resque:workers", name
    if seen_s is not None:
        at = datetime.now(UTC) - timedelta(seconds=seen_s)
        yield b"HSET", b"resque:workers:heartbeat", name, at.isoformat(timespec="seconds").encode()


def told(lines: list[DoctorLine]) -> dict[str, tuple[str, str]]:
    return {line.subject: (str(line.status), line.detail) for line in lines}


def test_queues_their_dialect_and_their_workers_are_told() -> None:
    lines = told(inspected(*queue(b"sync", PHP, NEW_PHP), *worker(b"host:1:sync,other"), *worker(b"host:2:*")))
    assert lines["job dialect"] == ("pass", "PHP, as 2 jobs show")
    assert lines["workers"] == ("pass", "2 workers; listening to sync 2")


def test_jobs_that_failed_show_the_dialect_where_none_waits() -> None:
    commands = [*queue(b"sync"), (b"RPUSH", b"resque:failed", failed(RUBY)), *worker(b"host:1:sync", 2)]
    assert told(inspected(*commands))["job dialect"] == ("pass", "Ruby, as 1 job shows")


def test_both_dialects_in_one_redis_are_a_warning() -> None:
    lines = told(inspected(*queue(b"sync", PHP, RUBY), *worker(b"host:1:*")))
    assert lines["job dialect"][0] == "warn"
    assert "both Ruby and PHP" in lines["job dialect"][1]


def test_a_queue_that_nobody_listens_to_is_named_with_what_waits_in_it() -> None:
    lines = inspected(*queue(b"sync", PHP, PHP), *queue(b"idle"), *worker(b"host:1:other"))
    (said,) = [line for line in lines if line.subject == "workers"]
    assert (str(said.status), said.detail) == (
        "warn",
        "nobody listens to idle (0 jobs waiting) and sync (2 jobs waiting)",
    )
    assert "start a worker" in said.remedy


def test_a_worker_without_a_heartbeat_for_long_does_not_count_and_one_that_sends_none_does() -> None:
    lines = inspected(*queue(b"sync", RUBY), *worker(b"gone:1:sync", 900), *worker(b"here:2:other", 5))
    said = told(lines)
    assert said["workers"][1] == "nobody listens to sync (1 job waiting)"
    assert "gone:1:sync" in said["dead workers"][1]
    assert told(inspected(*queue(b"sync", PHP), *worker(b"php:1:sync")))["workers"][0] == "pass"


def test_a_redis_without_resque_is_no_data_and_more_queues_than_are_looked_at_are_said() -> None:
    assert told(inspected())["job dialect"] == ("no_data", "no queue and no worker is registered under resque:")
    many = [command for number in range(60) for command in queue(f"q{number}".encode())]
    lines = told(inspected(*many, *worker(b"host:1:*")))
    assert "10 further queues not looked at" in lines["workers"][1]


def test_text_from_redis_is_cleaned_and_what_is_no_job_is_passed_over() -> None:
    holds = [*queue(b"a\x1b[2J", "x", [1]), (b"RPUSH", b"resque:queue:a\x1b[2J", b"\xff{"), *worker(b"w\x1b[2J")]
    with RedisServer(holds=holds) as server:
        mutexes = Mutexes(RedisSettings(url=server.url, timeout_s=10))
        state = read(mutexes)
        mutexes.close()
    assert all(name.isprintable() for name in (*state.waiting, *(one.name for one in state.workers)))
    assert (state.jobs_seen, state.dialects) == (0, frozenset())


def test_a_job_of_megabytes_ends_the_question_and_says_so() -> None:
    server = RedisServer(holds=[*queue(b"sync", PHP | {"args": ["x" * 5_000_000]}), *worker(b"host:1:sync")])
    with server:
        mutexes = Mutexes(RedisSettings(url=server.url, timeout_s=10))
        with pytest.raises(SourceFailure) as caught:
            read(mutexes)
        assert mutexes.ping().query == "PING", "the next question is answered"
        mutexes.close()
    assert (caught.value.kind, caught.value.reason) == (
        FailureKind.REJECTED,
        "the answer is larger than 4,000,000 bytes",
    )


def test_an_answer_that_drips_ends_although_it_is_never_silent() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                connection.recv(1_024)
                connection.sendall(b"+")
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        address = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        with pytest.raises(SourceFailure) as caught:
            Mutexes(RedisSettings(url=address, timeout_s=0.2)).ping()
        ended.set()
        thread.join(5)
    assert caught.value.kind is FailureKind.TIMED_OUT


@pytest.mark.honesty(
    "more queues or workers in Redis than are read", "the count of what was left out, and no data in place of ok"
)
def test_nothing_passes_where_not_every_queue_or_worker_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [command for number in range(60) for command in queue(f"q{number}".encode())]
    assert told(inspected(*many, *worker(b"host:1:*")))["workers"][0] == "no_data"
    monkeypatch.setattr(resque, "MOST_NAMES", 600)
    # Beyond 512 members Redis keeps a set in a table, and answers in steps.
    workers = [command for number in range(1_500) for command in worker(f"host:{number}:other".encode())]
    (status, words) = told(inspected(*queue(b"sync", PHP), *workers))["workers"]
    assert status == "no_data", "a worker that was not read may listen to it"
    assert "only the first" in words
