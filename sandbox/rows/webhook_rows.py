"""Rows of `zillow_webhook_events`: what was delivered, what waits, what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sandbox.rows.common_rows import Cells, Stamp
from sandbox.stories.account_list import account_list
from sandbox.stories.scenario import ACCOUNTS_RATE_LIMITED, INCIDENT_AGE_S
from sandbox.stories.story import Story

ARRIVALS_PER_HOUR = 2_160
"""Webhook events on a quiet day (chosen: 36 a minute, each delivered within half a minute)."""
HISTORY_S = 6 * 3_600
"""How far back delivered events go."""
DRAINED = 4_740
"""Delivered in `nov17` while the backlog grew (chosen): arrivals run far ahead of it."""
PUT_OFF_S = 4 * 3_600
"""How long an event is put off that met the limit (chosen)."""
APPENDED_FIRST = 60_000_001
"""Id of the first event that is delivered after the start."""
WAITING = ("pending", "processing", "failed")

_TYPES = ("lead.created", "lead.updated", "transaction.created", "transaction.updated", "agent.updated")
_ERROR = "HTTP 429 Too Many Requests; Retry-After: 30"


def webhook_rows(story: Story, stamp: Stamp) -> Iterator[Cells]:
    """Yield all rows, oldest first."""
    accounts = _weighted(story)
    number = 50_000_000
    for row in (*_delivered(story, stamp, accounts), *_lost(story, stamp, accounts)):
        number += 1
        yield (number, *row)
    yield from _waiting(story, stamp, accounts, number)


@lru_cache(maxsize=2)
def _weighted(story: Story) -> list[int]:
    """Return 256 account ids, larger accounts more often."""
    accounts = account_list(story.seed)[:ACCOUNTS_RATE_LIMITED]
    weighted = [account.id for account in accounts for _ in range(1 + round(account.users**0.5 / 9))]
    return [weighted[index * len(weighted) // 256] for index in range(256)]


def _delivered(story: Story, stamp: Stamp, accounts: list[int]) -> Iterator[Cells]:
    spread = story.scenario.backlog.spread_s
    usual = HISTORY_S * ARRIVALS_PER_HOUR // 3_600
    for number in range(usual):
        received = -HISTORY_S - spread + number * HISTORY_S / usual
        yield _done(number, received, 8 + number % 20, stamp, accounts)
    drained = _drained(story)
    for number in range(drained):
        yield _done(number, -spread + number * (spread - 30) / drained, 12 + number % 17, stamp, accounts)


def _drained(story: Story) -> int:
    """How many events were delivered since the oldest waiting one came: on a quiet day, whatever does not wait."""
    if story.name == "nov17":
        return DRAINED
    backlog = story.scenario.backlog
    return max(0, ARRIVALS_PER_HOUR * backlog.spread_s // 3_600 - backlog.undelivered)


def appended_row(story: Story, number: int, stamp: Stamp) -> tuple[float, Cells]:
    """Return one event delivered after the start, and its moment in seconds from the start."""
    per_hour = DRAINED * 3_600 / story.scenario.backlog.spread_s if story.name == "nov17" else ARRIVALS_PER_HOUR
    moment = (number + 1) * 3_600 / per_hour
    took = 8 + number % 20
    accounts = _weighted(story)
    return moment, (APPENDED_FIRST + number, *_done(number, moment - took, took, stamp, accounts))


def _done(number: int, received: float, took: int, stamp: Stamp, accounts: list[int]) -> Cells:
    return (
        accounts[number * 97 % 256],
        _TYPES[number % 5],
        "delivered",
        1 + (number % 40 == 0),
        200,
        None,
        stamp(received),
        None,
        stamp(received + took),
    )


def _next(index: int, attempts: int, stamp: Stamp) -> str | None:
    return stamp(30 + index % 600) if attempts else None


def _lost(story: Story, stamp: Stamp, accounts: list[int]) -> Iterator[Cells]:
    """Fact: two events were lost for good. Chosen: both early, after twelve attempts."""
    for number in range(story.scenario.backlog.lost):
        received = -3_120 + number * 180
        yield (
            accounts[number],
            _TYPES[number * 2],
            "lost",
            12,
            429,
            "HTTP 429 Too Many Requests; attempts exhausted",
            stamp(received),
            None,
            stamp(-600),
        )


def _waiting(story: Story, stamp: Stamp, accounts: list[int], number: int) -> Iterator[Cells]:
    """The undelivered events: a trickle before the incident began, then an even flood up to the start of the story."""
    backlog = story.scenario.backlog
    total, failed, processing = backlog.undelivered, backlog.failed, backlog.processing
    calm = total - failed
    early = total // 50 if backlog.spread_s > INCIDENT_AGE_S else 0
    flood_s = min(backlog.spread_s, INCIDENT_AGE_S)
    head_s = backlog.spread_s - flood_s - 10
    # Where the limit is met, the poller puts off what waits: nothing of it is tried again while the incident lasts.
    put_off = story.name == "nov17"
    seen = 0
    failures = takes = 0
    for index in range(total):
        if index < early:
            received = -backlog.spread_s + 10 + head_s * (index / early) ** 0.5
        else:
            received = -flood_s + flood_s * (index - early) / (total - early)
        # Spread exactly `failed` and `processing` rows evenly over all of them.
        before, failures = failures, (index + 1) * failed // total
        if before != failures:
            status, attempts = "failed", 3 + index % 5
        else:
            seen += 1
            before, takes = takes, seen * processing // calm
            attempts = 0 if received > -120 else index % 3
            status = "pending" if before == takes else "processing"
        yield (
            number + 1 + index,
            accounts[index * 97 % 256],
            _TYPES[index % 5],
            status,
            attempts,
            429 if attempts else None,
            _ERROR if attempts else None,
            stamp(received - 1),
            stamp(received + PUT_OFF_S) if put_off and status == "pending" else _next(index, attempts, stamp),
            None,
        )
