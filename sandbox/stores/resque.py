"""What the workers keep in Redis: queues, jobs in PHP's dialect, and who listens, by the keys of php-resque.

Chosen: names and sizes. Each queue has its listeners, and the jobs are those of the sync workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import md5

import orjson

PREFIX = "resque:"
QUEUES = {"zillow_sync": 2, "zillow_webhooks": 3, "default": 0}
"""Queue to the jobs that wait in it."""
WORKERS = (
    "fub-resque-1:4201:zillow_sync",
    "fub-resque-1:4202:zillow_sync,zillow_webhooks",
    "fub-resque-2:3977:zillow_webhooks",
    "fub-resque-2:3981:*",
)
_CLASSES = {"zillow_sync": "ZillowTransactionSyncJob", "zillow_webhooks": "ZillowWebhookJob"}


def commands(at: float) -> Iterator[Sequence[bytes]]:
    """Redis commands that write all of it; `at` is when the jobs were put in, seconds."""
    for queue, waiting in QUEUES.items():
        yield b"SADD", f"{PREFIX}queues".encode(), queue.encode()
        for number in range(waiting):
            yield b"RPUSH", f"{PREFIX}queue:{queue}".encode(), _job(queue, number, at)
    for worker in WORKERS:
        yield b"SADD", f"{PREFIX}workers".encode(), worker.encode()
    for name, count in (("processed", b"184022"), ("failed", b"611")):
        yield b"SET", f"{PREFIX}stat:{name}".encode(), count


def _job(queue: str, number: int, at: float) -> bytes:
    identity = md5(f"{queue} {number}".encode(), usedforsecurity=False).hexdigest()
    arguments = [{"accountId": 14_009 + number, "syncUserId": 700 + number}]
    return orjson.dumps({"class": _CLASSES[queue], "args": arguments, "id": identity, "queue_time": round(at, 2)})
