"""A plan is carried out by Resque's own workers, on a real redis-server: one effect each, or named, whatever dies."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from diagnostics.core.failures import UserError
from diagnostics.recovery.drain.report import DrainView
from diagnostics.recovery.drain.service import confirmation
from sandbox.recovery.workers import Dialect, Killed, Worker
from sandbox.recovery.zillow import Limit
from tests.recovery.drained import Backlog, in_the_tests_time
from tests.redis_private import PrivateRedis, private_redis

QUEUE = "zillow_recovery"
JOB = '{"class":"ZillowWebhookJob","args":[{"eventId":{event},"path":"\\/a\\u00e9"}]}'
PHP_JOB = '{"class":"A","args":[{"x":1}],"id":"0123","queue_time":1700000000.12}'
RUBY_JOB = '{"class":"A","args":[1]}'


class Engine:
    """A backlog, a Redis, and a worker that takes jobs while the drain waits."""

    def __init__(self, folder: Path, redis: PrivateRedis, count: int = 60, **named: Any) -> None:  # noqa: ANN401
        self.backlog, self.redis = Backlog(folder, count, **named), redis
        self.dies: Callable[[str, int], bool] = lambda _point, _event: False
        self.backlog.polls = False
        self.worker: Worker | None = None
        self.drains = self.backlog.recovery.drains
        self.job = JOB
        self.backlog.on_wait = self.work

    def employ(self, dialect: Dialect = "PHP", listens_to: str = QUEUE) -> None:
        """A worker, and a job of another queue that shows its dialect."""
        self.redis.client.sadd("resque:queues", "other")
        self.redis.client.rpush("resque:queue:other", PHP_JOB if dialect == "PHP" else RUBY_JOB)
        self.worker = Worker(
            self.redis.client,
            cast("Any", self.backlog),
            self.backlog.zillow.take,
            listens_to,
            dialect,
            dies=self.is_killed,
            now_s=self.backlog.real,
        )
        self.worker.register()

    def is_killed(self, point: str, event: int) -> bool:
        """As the test says at this moment."""
        return self.dies(point, event)

    def work(self) -> None:
        """What the worker does in a quarter of a second."""
        try:
            if self.worker is not None:
                self.worker.step()
        except Killed:
            self.employ(self.worker._dialect if self.worker else "PHP")

    def apply(self) -> DrainView:
        """Plan and carry out."""
        shipped = self.backlog.settings()
        redis = shipped.redis.model_copy(
            update={"url": self.redis.url, "recovery_queue": QUEUE, "recovery_job": self.job}
        )
        recovery = self.backlog.recovery_of(self.backlog.settings(redis=redis))
        self.drains = recovery.drains
        plan = recovery.plan(rate=400.0, carrier="resque").plan
        return recovery.drains.apply(plan.plan_id, confirmation(plan, shipped.environment))


@pytest.fixture
def redis() -> Iterator[PrivateRedis]:
    """A server of its own."""
    with private_redis() as server:
        yield server


@pytest.fixture
def engine(tmp_path: Path, redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    made = Engine(tmp_path, redis)
    in_the_tests_time(made.backlog, monkeypatch)
    yield made
    made.backlog.close()


@pytest.mark.parametrize("dialect", ["PHP", "Ruby"])
def test_each_event_is_delivered_once_in_either_dialect(engine: Engine, dialect: Dialect) -> None:
    engine.employ(dialect)
    assert engine.apply().counts == {"delivered": 60}
    assert engine.backlog.zillow.effects == dict.fromkeys(range(1, 61), 1)
    assert engine.backlog.zillow.requests == engine.backlog.zillow.effects


def test_jobs_are_the_templates_bytes_with_keys_before_the_last_brace(engine: Engine) -> None:
    engine.employ("PHP")
    seen: list[bytes] = []

    def look() -> None:
        seen.extend(cast("list[bytes]", engine.redis.client.lrange(f"resque:queue:{QUEUE}", 0, -1)))
        engine.work()

    engine.backlog.on_wait = look
    engine.apply()
    first = seen[0]
    assert first.startswith(b'{"class":"ZillowWebhookJob","args":[{"eventId":1,"path":"\\/a\\u00e9"}],"id":"')
    job = json.loads(first)
    assert (len(job["id"]), isinstance(job["queue_time"], float)) == (32, True)
    assert (job["redrive"]["n"], job["redrive"]["at"]) == (1, 0)


def test_a_queue_nobody_listens_to_is_refused_and_nothing_is_written(engine: Engine) -> None:
    engine.employ("PHP", "elsewhere")
    with pytest.raises(UserError, match="no worker listens"):
        engine.apply()
    assert engine.backlog.statuses() == {"failed": 60}
    assert engine.redis.client.llen(f"resque:queue:{QUEUE}") == 0


def test_a_ruby_worker_without_a_fresh_heartbeat_does_not_listen(engine: Engine) -> None:
    engine.employ("Ruby")
    engine.redis.client.delete("resque:workers:heartbeat")
    with pytest.raises(UserError, match="fresh heartbeat"):
        engine.apply()


def test_a_job_of_the_other_dialect_is_refused(engine: Engine) -> None:
    engine.employ("PHP")
    engine.job = '{"class":"ZillowWebhookJob","args":[{event}]}'
    with pytest.raises(UserError, match="no job of PHP"):
        engine.apply()
    engine.redis.client.rpush("resque:queue:other", RUBY_JOB)
    with pytest.raises(UserError, match="both Ruby and PHP"):
        engine.apply()


@pytest.mark.parametrize("point", ["popped", "delivered"])
def test_events_of_killed_workers_are_named_and_not_fed_again(engine: Engine, point: str) -> None:
    engine.employ()
    engine.dies = lambda at, event: at == point and event in {30, 44}
    seen = engine.apply()
    assert seen.counts == {"delivered": 58, "unheard": 2}
    effects = engine.backlog.zillow.effects
    assert [effects[one] for one in (30, 44)] == ([1, 1] if point == "delivered" else [0, 0])
    assert max(effects.values()) == 1


def test_an_event_whose_job_failed_is_read_back_from_the_failed_list(engine: Engine) -> None:
    engine.employ()
    engine.job = JOB.replace('"eventId":{event}', '"webhookId":{event}')
    engine.backlog.on_wait = lambda: None if engine.redis.client.llen("resque:failed") else engine.work()
    with pytest.raises(AssertionError, match="does not come to its end"):
        engine.apply()
    view = engine.backlog.recovery.drains.show()
    # The first rung is one event: it failed, and nothing more was fed.
    assert view.counts == {"failed": 1, "waiting": 59}
    assert "KeyError" in view.why


def test_redis_that_comes_back_empty_is_fed_on_when_all_that_was_fed_has_ended(engine: Engine) -> None:
    engine.employ()
    lost: list[int] = []
    paused: list[str] = []

    def fail_over() -> None:
        if not lost and (waits := engine.redis.client.llen(f"resque:queue:{QUEUE}")) and engine.backlog.clock_s > 3:
            lost.append(waits)
            engine.redis.kill()
            engine.redis.start()
            engine.employ()
        if lost and engine.backlog.clock_s > 310 and not paused and (why := engine.drains.show().why):
            # Not one of them is fed before those that were lost are named; then a person has it go on.
            assert engine.drains.show().counts["unheard"] == lost[0]
            paused.append(why)
            engine.drains.unpause("DRN-1")
        engine.work()

    engine.backlog.on_wait = fail_over
    view = engine.apply()
    assert lost
    assert "not ended in time" in paused[0]
    assert view.counts["unheard"] == lost[0]
    assert view.counts["delivered"] + lost[0] == 60
    assert max(engine.backlog.zillow.effects.values()) == 1


@pytest.mark.parametrize("count", [500, pytest.param(2_000, marks=pytest.mark.matrix)])
def test_many_events_with_workers_killed_now_and_then(
    tmp_path: Path, redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    engine = Engine(tmp_path, redis, count, limit=Limit(500.0, 200.0, 0.0))
    in_the_tests_time(engine.backlog, monkeypatch)
    engine.employ("Ruby")
    drawn = random.Random(12)  # noqa: S311  # no secret
    engine.dies = lambda _point, event: event > 100 and drawn.random() < 0.01
    try:
        engine.apply()
        engine.backlog.is_exactly_once_or_named(engine.backlog.recovery.drains.report())
    finally:
        engine.backlog.close()
