"""Rows of `zillow_webhook_events`: what was delivered, what waits, what is lost."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.common_rows import Row, Stamp
from sandbox.roster import roster
from sandbox.scenario import ACCOUNTS_RATE_LIMITED, INCIDENT_AGE_S
from sandbox.story import Story

DELIVERED_PER_HOUR = 250
"""Webhook events on a quiet day (chosen; production has far more, the ratio to the backlog is what matters)."""
DRAINED = 4_740
"""Delivered while the backlog grew (chosen): arrivals run far ahead of it."""

_TYPES = ("lead.created", "lead.updated", "transaction.created", "transaction.updated", "agent.updated")
_ERROR = "HTTP 429 Too Many Requests; Retry-After: 30"


def webhook_rows(story: Story, stamp: Stamp) -> Iterator[Row]:
    """Yield all rows, oldest first."""
    accounts = _weighted(story)
    number = 50_000_000
    for row in (*_delivered(story, stamp, accounts), *_lost(story, stamp, accounts)):
        number += 1
        yield (number, *row)
    yield from _waiting(story, stamp, accounts, number)


def _weighted(story: Story) -> list[int]:
    """Return 256 account ids, larger accounts more often."""
    accounts = roster(story.seed)[:ACCOUNTS_RATE_LIMITED]
    weighted = [account.id for account in accounts for _ in range(1 + round(account.users**0.5 / 9))]
    return [weighted[index * len(weighted) // 256] for index in range(256)]


def _delivered(story: Story, stamp: Stamp, accounts: list[int]) -> Iterator[Row]:
    last = story.scenario.backlog.spread_s
    usual = 24 * DELIVERED_PER_HOUR
    span = 86_400 - last
    for number in range(usual):
        received = -86_400 + number * span / usual
        yield _done(number, received, 2 + number % 9, stamp, accounts)
    drained = DRAINED if story.name == "nov17" else DELIVERED_PER_HOUR * last // 3_600
    for number in range(drained):
        received = -last + number * (last - 30) / max(1, drained)
        yield _done(number, received, 12 + number % 17, stamp, accounts)


def _done(number: int, received: float, took: int, stamp: Stamp, accounts: list[int]) -> Row:
    return (
        accounts[number * 97 % 256],
        _TYPES[number % 5],
        "delivered",
        1 + (number % 40 == 0),
        200,
        None,
        stamp(received),
        None,
        stamp(min(-1.0, received + took)),
    )


def _lost(story: Story, stamp: Stamp, accounts: list[int]) -> Iterator[Row]:
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


def _waiting(story: Story, stamp: Stamp, accounts: list[int], number: int) -> Iterator[Row]:
    """The undelivered events: a trickle before the incident began, then an even flood up to the start of the story."""
    backlog = story.scenario.backlog
    total, failed, processing = backlog.undelivered, backlog.failed, backlog.processing
    calm = total - failed
    early = total // 50 if backlog.spread_s > INCIDENT_AGE_S else 0
    flood_s = min(backlog.spread_s, INCIDENT_AGE_S)
    head_s = backlog.spread_s - flood_s - 10
    seen = 0
    for index in range(total):
        if index < early:
            received = -backlog.spread_s + 10 + head_s * (index / early) ** 0.5
        else:
            received = -flood_s + flood_s * (index - early) / (total - early)
        # Spread exactly `failed` and `processing` rows evenly over all of them.
        if index * failed // total != (index + 1) * failed // total:
            status, attempts = "failed", 3 + index % 5
        else:
            taken = seen * processing // calm != (seen + 1) * processing // calm
            seen += 1
            attempts = 0 if received > -120 else index % 3
            status = "processing" if taken else "pending"
        yield (
            number + 1 + index,
            accounts[index * 97 % 256],
            _TYPES[index % 5],
            status,
            attempts,
            429 if attempts else None,
            _ERROR if attempts else None,
            stamp(received - 1),
            stamp(30 + index % 600) if attempts else None,
            None,
        )
