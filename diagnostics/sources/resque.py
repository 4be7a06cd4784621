"""What Resque's own keys in Redis say: queues, who listens to them, and in which dialect jobs are written. Only read.

Ruby's Resque and PHP's (chrisboulton/php-resque, resque/php-resque) share the keys and differ in the job. A Ruby job is
`{"class", "args": [a, b, …]}`; a PHP one has an `id` and a `queue_time` beside them, and one object in `args`. Workers
register as `host:pid:queue,queue`, where `*` stands for every queue; Ruby's also leave a heartbeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now

if TYPE_CHECKING:
    from redis import Redis

    from diagnostics.sources.mutexes import Mutexes

PREFIX = "resque:"
"""Both dialects' own."""
MOST_QUEUES, JOBS_OF_EACH = 50, 3
"""Queues that are looked into, and jobs of each that are read."""
MOST_FAILED = 20
MOST_NAMES = 2_000
"""Queues, and workers, that are read of each list."""
PRUNED_S = 300.0
"""Ruby's Resque takes a worker for dead whose heartbeat is older."""


@dataclass(slots=True, frozen=True)
class ResqueWorker:
    """A worker as it registered itself."""

    name: str
    """host:pid:queues"""
    queues: tuple[str, ...]
    heartbeat: datetime | None = None
    """None for a worker that leaves none: PHP's do not."""

    def listens_to(self, queue: str) -> bool:
        """Whether it takes jobs of the queue, now or next."""
        return "*" in self.queues or queue in self.queues


@dataclass(slots=True, frozen=True)
class ResqueState:
    """Queues, workers and dialects at one moment."""

    waiting: Mapping[str, int]
    """Queue to the number of its jobs."""
    workers: tuple[ResqueWorker, ...]
    dialects: frozenset[str]
    """Of the jobs that were seen: "PHP", "Ruby"."""
    jobs_seen: int
    queues_left_out: int = 0
    workers_left_out: bool = False
    """There are more workers than were read: a queue may have one of those."""
    taken_at: datetime | None = None

    def unattended(self) -> tuple[str, ...]:
        """Queues to which no living worker listens."""
        living = [one for one in self.workers if not self._is_dead(one)]
        return tuple(queue for queue in self.waiting if not any(one.listens_to(queue) for one in living))

    def dead(self) -> tuple[ResqueWorker, ...]:
        """Workers that registered and left no heartbeat for so long that they count as dead."""
        return tuple(one for one in self.workers if self._is_dead(one))

    def _is_dead(self, worker: ResqueWorker) -> bool:
        if worker.heartbeat is None or self.taken_at is None:
            return False
        return (self.taken_at - worker.heartbeat).total_seconds() > PRUNED_S


def read(redis: Mutexes) -> ResqueState:
    """Queues, workers and a sample of jobs, in three round trips. Raises SourceFailure."""
    return redis.read(_read)


def _read(client: Redis) -> ResqueState:
    def together(*commands: Sequence[object]) -> list[Any]:
        pipe = client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # the driver's own method
        return list(pipe.execute())

    count, names, registered, failed = together(
        ("SCARD", f"{PREFIX}queues"),
        # A list's whole may be of any length; these answer with about as many as are asked for.
        ("SSCAN", f"{PREFIX}queues", 0, "COUNT", MOST_NAMES),
        ("SSCAN", f"{PREFIX}workers", 0, "COUNT", MOST_NAMES),
        ("LRANGE", f"{PREFIX}failed", -MOST_FAILED, -1),
    )
    queues = sorted(map(_text, _scanned(names)[1]))
    looked = queues[:MOST_QUEUES]
    unread, members = _scanned(registered)
    more = unread or len(members) > MOST_NAMES
    members = sorted(members[:MOST_NAMES], key=str)
    asked: list[tuple[object, ...]] = [
        command for queue in looked for command in (("LLEN", _key(queue)), ("LRANGE", _key(queue), 0, JOBS_OF_EACH - 1))
    ]
    if members:
        asked.append(("HMGET", f"{PREFIX}workers:heartbeat", *members))
    told = together(*asked) if asked else []
    workers, beats = list(map(_text, members)), told[-1] if members else ()
    waiting = {queue: int(told[2 * at]) for at, queue in enumerate(looked)}
    jobs = [_job(raw) for at in range(len(looked)) for raw in told[2 * at + 1]]
    jobs += [_job(raw, within="payload") for raw in failed]
    dialects = [one for one in map(dialect_of, jobs) if one]
    heartbeats = {name: _moment(_text(at)) for name, at in zip(workers, beats, strict=True) if at is not None}
    return ResqueState(
        waiting,
        tuple(_worker(name, heartbeats) for name in workers),
        frozenset(dialects),
        len(dialects),
        max(int(count), len(queues)) - len(looked),
        more,
        utc_now(),
    )


def dialect_of(job: Mapping[str, Any]) -> str:
    """Who writes such jobs: "PHP" or "Ruby"; empty for what is no job of either."""
    arguments = job.get("args")
    if not isinstance(job.get("class"), str) or not isinstance(arguments, list):
        return ""
    # Ruby's Resque ignores keys that it does not know, and writes none of these.
    if isinstance(job.get("id"), str) and ("queue_time" in job or "prefix" in job):
        return "PHP"
    return "Ruby"


def _job(raw: object, within: str = "") -> Mapping[str, Any]:
    try:
        job = orjson.loads(raw if isinstance(raw, bytes) else str(raw).encode())
    except orjson.JSONDecodeError:
        return {}
    job = job.get(within) if within and isinstance(job, dict) else job
    return job if isinstance(job, dict) else {}


def _worker(name: str, heartbeats: Mapping[str, datetime | None]) -> ResqueWorker:
    parts = name.split(":", 2)
    queues = tuple(one for one in parts[2].split(",") if one) if len(parts) == 3 else ()
    return ResqueWorker(name, queues, heartbeats.get(name))


def _key(queue: str) -> str:
    return f"{PREFIX}queue:{queue}"


def _scanned(found: object) -> tuple[bool, list[object]]:
    """Whether there are more, and the members of one step of SSCAN. Raises ValueError, TypeError."""
    cursor, members = found if isinstance(found, list | tuple) else (None, None)
    return int(cursor or 0) != 0, list(members or ())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return clean(text, limit=200)
