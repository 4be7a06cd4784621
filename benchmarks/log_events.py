"""How many events a second a query gets through, on events of the shape and variety that the services log."""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import perf_counter

from diagnostics.logs.predicate import compile_query
from diagnostics.models.events import LogEvent

TYPICAL_QUERY = "service:fub @context.method:*oauth* status:error -@message:*rate*limit*"


@dataclass(frozen=True, slots=True)
class Throughput:
    """One measurement. Times in seconds; `compile_s` includes the first import of the grammar when nothing had one."""

    query: str
    events: int
    selected: int
    compile_s: float
    filter_s: float

    @property
    def events_per_second(self) -> float:
        """Events tested in a second of filtering."""
        return self.events / self.filter_s


def measure(query: str = TYPICAL_QUERY, *, count: int = 100_000, repeat: int = 3) -> Throughput:
    """Filter `count` synthetic events `repeat` times and return the fastest run."""
    events = synthetic_events(count)
    started = perf_counter()
    predicate = compile_query(query)
    compiled = perf_counter() - started
    fastest = float("inf")
    selected = 0
    for _ in range(repeat):
        started = perf_counter()
        selected = len([event for event in events if predicate(event)])
        fastest = min(fastest, perf_counter() - started)
    return Throughput(query, count, selected, compiled, fastest)


def synthetic_events(count: int, *, seed: int = 17) -> list[LogEvent]:
    """Return `count` seeded events: several services, nested attributes, a few tags, about a third of them errors."""
    choose = random.Random(seed)  # noqa: S311  # repeatable sample data, no secret
    return [_event(index, choose) for index in range(count)]


def _event(index: int, choose: random.Random) -> LogEvent:
    account = choose.randrange(1, 7_000)
    code = choose.choice((200, 200, 200, 401, 429, 500))
    method = choose.choice(("oauthRefresh", "postOauthToken", "getDealZillowUsers", "syncLeads", "batchRetry"))
    limited = code == 429
    return LogEvent(
        id=f"event-{index}",
        timestamp_ms=1_763_380_800_000 + index * 37,
        service=choose.choice(("fub", "fub", "fub-api", "fub-worker", "fub-resque")),
        status="error" if code >= 400 else choose.choice(("info", "warn")),
        message=f"Zillow {method} for account {account} answered {code} after {choose.randrange(20, 4_000)} ms",
        host=f"web-{choose.randrange(40):02d}",
        tags=("env:prod", "team:zyno", f"version:4.{index % 7}.1", "region:us-east-1"),
        attributes={
            "context": {
                "account_id": account,
                "method": method,
                "agentCount": choose.randrange(5),
                "service": "zillow",
                "error_message": "HTTP 429 Too Many Requests" if limited else "",
            },
            "message": "rate limit exceeded" if limited else f"{method} finished",
            "http": {"status_code": code, "response_time": choose.randrange(20, 4_000)},
        },
    )
