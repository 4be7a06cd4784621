"""What a recovery writes into Redis: jobs in the workers' dialect, a script a batch, and a cursor that moves with them.

A job is bytes: the template of the settings with the id in it, and the keys of the dialect and of this plan put in
before its last brace. Nothing of it is decoded and encoded again. Both engines leave keys alone that they do not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.sources.resque import PREFIX

if TYPE_CHECKING:
    from redis import Redis

    from diagnostics.sources.mutexes import Mutexes

KEPT_S: Final = 30 * 86_400
"""How long Redis keeps the cursor of a plan."""

PAGE: Final = 500
"""Entries of the failed list that are read at a time."""

PLACE: Final = "{event}"

# One script on one server: cursor and jobs are there together, or neither is, after a fail-over too.
_PUSH: Final = """
local now = redis.call('HGET', KEYS[1], 'cursor') or '0'
if now ~= ARGV[1] then return now end
redis.call('SADD', KEYS[2], ARGV[5])
for at = 7, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[at]) end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2], 'run', ARGV[3], 'dialect', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return ARGV[2]
"""

_FENCE: Final = """
local now = redis.call('HGET', KEYS[1], 'cursor') or '0'
if now ~= ARGV[1] then return now end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return ARGV[2]
"""


class Jobs:
    """Writes the jobs of one plan. Raises UserError for a template that is none."""

    def __init__(self, template: str, dialect: str, plan: str, round_: int) -> None:
        """`round_` is 1 for a first plan, and one more for each list that is planned once more."""
        arguments = _arguments_of(template)
        if dialect == "PHP" and not (len(arguments) == 1 and isinstance(arguments[0], dict)):
            raise UserError(
                "redis.recovery_job is no job of PHP's Resque, which works here: its args are not one object",
                where="redis.recovery_job",
                accepted='{"class":"ZillowWebhookJob","args":[{"eventId":{event}}]}',
                next_step="write it as the workers read it: warroom doctor shows their dialect",
            )
        self._head, self._foot = (part.encode() for part in template.strip()[:-1].split(PLACE))
        self._is_php, self._plan, self._round = dialect == "PHP", plan, round_

    def job(self, position: int, event: int, at: float) -> bytes:
        """One job; `at` is when it is put in, seconds since 1970."""
        own = ""
        if self._is_php:
            identity = hashlib.md5(f"{self._plan} {position}".encode(), usedforsecurity=False).hexdigest()
            own = f',"id":"{identity}","queue_time":{at:.2f}'
        own += f',"redrive":{{"plan":"{self._plan}","n":{self._round},"at":{position}}}}}'
        return b"%b%d%b%b" % (self._head, event, self._foot, own.encode())


class Feed:
    """The queue and the cursor of one plan. Every method raises SourceFailure."""

    def __init__(self, redis: Mutexes, queue: str, plan: str) -> None:
        self._redis, self.queue, self._plan = redis, queue, plan
        self._keys = (f"warroom:recovery:{plan}", f"{PREFIX}queues", f"{PREFIX}queue:{queue}")
        self._failed_read = 0
        self._failed: dict[int, str] = {}

    def stand(self) -> tuple[str, str, str, str, int]:
        """Cursor, the server's run when it was moved, dialect, the server's run now, jobs that wait."""

        def asked(client: Redis) -> Any:  # noqa: ANN401  # as the driver gives it
            pipe = client.pipeline(transaction=False)
            pipe.hmget(self._keys[0], ["cursor", "run", "dialect"])
            pipe.llen(self._keys[2])
            pipe.info("server")
            pipe.info("replication")
            return pipe.execute()

        (cursor, run, dialect), waiting, server, replication = self._redis.read(asked)
        now = f"{server.get('run_id', '')} {replication.get('master_replid', '')}".strip()
        return _text(cursor) or "0", _text(run), _text(dialect), now, int(waiting)

    def push(self, before: str, after: str, run: str, dialect: str, jobs: Sequence[bytes]) -> str:
        """Put the jobs in and move the cursor, if it is at `before`; where it is then."""
        return self._eval(_PUSH, before, after, run, dialect, self.queue, KEPT_S, *jobs)

    def fence(self, before: str, after: str) -> str:
        """Move the cursor, if it is at `before`, so that nobody puts that batch in any more; where it is then."""
        return self._eval(_FENCE, before, after, KEPT_S)

    def failed(self) -> Mapping[int, str]:
        """Events of this plan in the failed list, by position, and their exception. Goes on from where it was."""
        ours = f'"plan":"{self._plan}"'.encode()
        length = int(self._redis.read(lambda client: client.llen(f"{PREFIX}failed")))
        if length < self._failed_read:
            # Entries were taken out, and those behind moved up.
            self._failed_read = 0
        while self._failed_read < length:
            at = self._failed_read
            page: Any = self._redis.read(lambda client, at=at: client.lrange(f"{PREFIX}failed", at, at + PAGE - 1))  # type: ignore[misc]  # a default
            if not page:
                break
            for raw in page:
                if ours in raw.replace(b" ", b""):
                    self._take(raw)
            self._failed_read += len(page)
        return self._failed

    def _take(self, raw: bytes) -> None:
        try:
            entry = json.loads(raw)
            mark = entry["payload"]["redrive"]
            if mark["plan"] == self._plan:
                self._failed[int(mark["at"])] = clean(f"{entry.get('exception')}: {entry.get('error')}", limit=90)
        except (ValueError, KeyError, TypeError):
            return

    def _eval(self, script: str, *words: str | bytes | int) -> str:
        return _text(self._redis.read(lambda client: client.eval(script, len(self._keys), *self._keys, *words)))


def _arguments_of(template: str) -> list[Any]:
    try:
        job = json.loads(template.replace(PLACE, "1"))
        arguments = job["args"]
        fits = isinstance(job["class"], str) and isinstance(arguments, list) and template.count(PLACE) == 1
        fits = fits and not {"redrive", "id", "queue_time"} & set(job)
    except (ValueError, KeyError, TypeError):
        fits, arguments = False, []
    if not fits:
        raise UserError(
            "redis.recovery_job is no job with one {event} in it",
            where="redis.recovery_job",
            accepted='{"class":"ZillowWebhookJob","args":[{"eventId":{event}}]}; id and queue_time are added',
            next_step="copy one of the workers' jobs, and put {event} where its event's id stands",
        )
    return list(arguments)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
