"""Feeding Resque without a limit: 212,631 jobs into a real redis-server, batch by batch, each with its cursor."""

from __future__ import annotations

import resource
import time

from benchmarks.figures import Figure, NotAvailable, Target
from diagnostics.config.settings import RedisSettings
from diagnostics.recovery.carriers.feed import Feed, Jobs
from diagnostics.sources.mutexes import Mutexes

JOBS, BATCH = 212_631, 500
JOB = '{"class":"ZillowWebhookJob","args":[{"eventId":{event}}]}'


def run(quick: bool) -> list[Figure]:
    """Raises AssertionError where the queue does not hold each job once, in order."""
    from tests.redis_private import private_redis  # noqa: PLC0415  # it needs the driver

    wanted = JOBS // 10 if quick else JOBS
    try:
        opened = private_redis()
        with opened as server:
            redis = Mutexes(RedisSettings(url=server.url, timeout_s=10.0))
            feed, jobs = Feed(redis, "zillow_recovery", "RP-00000001"), Jobs(JOB, "PHP", "RP-00000001", 1)
            before, began = "0", time.perf_counter()
            middle = 0
            for number, first in enumerate(range(0, wanted, BATCH), 1):
                batch = [jobs.job(at, at + 1, 1.7e9) for at in range(first, min(wanted, first + BATCH))]
                after = f"{number}-feed"
                if feed.push(before, after, "run", "PHP", batch) != after:
                    raise AssertionError("a batch was not put in")
                before = after
                if first < wanted // 2:
                    middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            took = time.perf_counter() - began
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - middle) / 1_024
            raw: list[bytes] = server.client.lrange("resque:queue:zillow_recovery", 0, -1)  # type: ignore[assignment]  # not a coroutine
            if raw != [jobs.job(at, at + 1, 1.7e9) for at in range(wanted)]:
                raise AssertionError("the queue does not hold each job once, in order")
            redis.close()
    except AssertionError as missing:
        if "was not found" in str(missing):
            raise NotAvailable(str(missing)) from None
        raise
    return [
        Figure(f"{wanted:,} jobs fed", "s", took, target=Target(5.0), note=f"batches of {BATCH}, one script each"),
        Figure("memory grown in the second half", "MB", grown, target=Target(5.0)),
    ]
