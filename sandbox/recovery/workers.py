"""Workers of Resque, in Ruby's dialect or PHP's: they register, pop jobs, deliver, and write down what was answered.

Popping removes the job: a worker that is killed meanwhile loses it. Ruby's leave a heartbeat; of PHP's that were killed
the registration stays, as in life.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from diagnostics.sources.resque import PREFIX
from sandbox.recovery.poller import Poller

if TYPE_CHECKING:
    from redis import Redis

    from sandbox.recovery.poller import Deliver
    from sandbox.stores.filling import Store

Dialect = Literal["Ruby", "PHP"]

EVERY_S = 0.25


class Killed(Exception):  # noqa: N818  # what happens to a process, told by name
    """The worker is gone, at this very point."""


class Worker:
    """`step` takes the jobs that wait; `start` has a thread take them."""

    def __init__(  # a worker has these
        self,
        redis: Redis,
        store: Store,
        deliver: Deliver,
        queue: str,
        dialect: Dialect = "PHP",
        *,
        number: int = 1,
        dies: Callable[[str, int], bool] = lambda _point, _event: False,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`dies` says at each point ("popped", "delivered") whether it is killed there."""
        self._redis, self._store, self._queue, self._dialect = redis, store, queue, dialect
        self._table = Poller(store, deliver, now_s)
        self._dies, self._now_s = dies, now_s
        self.name = f"fub-recovery-1:{5000 + number}:{queue}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"worker {number}", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self.register()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until no job is in its hands."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def register(self) -> None:
        """Say which queue it listens to."""
        self._redis.sadd(f"{PREFIX}workers", self.name)
        self._redis.set(f"{PREFIX}worker:{self.name}:started", self._moment())
        self._beat()

    def step(self, most: int = 1_000) -> int:
        """Take jobs until none waits; how many it was. Raises Killed."""
        self._beat()
        for done in range(most):
            raw: Any = self._redis.lpop(f"{PREFIX}queue:{self._queue}")
            if raw is None:
                return done
            self._work(raw)
        return most

    def _work(self, raw: bytes) -> None:
        working = f"{PREFIX}worker:{self.name}"
        record = {"queue": self._queue, "run_at": self._moment(), "payload": json.loads(raw)}
        self._redis.set(working, json.dumps(record))
        try:
            self._perform(record["payload"])
        except (KeyError, TypeError, ValueError, OSError) as error:
            self._failed(record["payload"], error)
        self._redis.delete(working)
        self._redis.incr(f"{PREFIX}stat:processed")

    def _perform(self, job: dict[str, Any]) -> None:
        if self._dialect == "PHP" and not (isinstance(job["id"], str) and isinstance(job["args"][0], dict)):
            raise ValueError("no job of this Resque")
        given = job["args"][0]
        event = int(given["eventId"] if isinstance(given, dict) else given)
        if self._dies("popped", event):
            raise Killed
        with self._store.writer() as cursor:
            cursor.execute(f"SELECT attempts FROM zillow_webhook_events WHERE id = {event} AND status = 'processing'")  # noqa: S608  # a number
            found = cursor.fetchall()
        if not found:
            return
        answer = self._table.deliver(event, int(found[0][0]), self._now_s())
        if self._dies("delivered", event):
            raise Killed
        self._table.write_down([answer])

    def _failed(self, job: object, error: Exception) -> None:
        entry: dict[str, object] = {
            "failed_at": self._moment(),
            "payload": job,
            "exception": type(error).__name__,
            "error": str(error),
            "backtrace": [],
            "worker": self.name,
            "queue": self._queue,
        }
        self._redis.rpush(f"{PREFIX}failed", json.dumps(entry))
        self._redis.incr(f"{PREFIX}stat:failed")

    def _beat(self) -> None:
        if self._dialect == "Ruby":
            self._redis.hset(f"{PREFIX}workers:heartbeat", self.name, datetime.now(UTC).isoformat())

    def _moment(self) -> str:
        at = datetime.fromtimestamp(self._now_s(), UTC)
        return at.strftime("%Y/%m/%d %H:%M:%S UTC" if self._dialect == "Ruby" else "%a %b %d %H:%M:%S UTC %Y")

    def _run(self) -> None:
        complained = False
        while not self._ended.wait(EVERY_S):
            try:
                self.step()
                complained = False
            except Killed:
                # Another takes its place, under another name in life; here the same thread goes on.
                continue
            except Exception as failure:  # noqa: BLE001  # whatever a driver raises, the thread must outlive it
                if not complained:
                    sys.stderr.write(f"a worker stands still: {failure}\n")
                complained = True
