"""Ordinary traffic: what all services log on any day, about one and a half events a second (chosen)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from sandbox.prototypes import Press, Prototype
from sandbox.roster import RosterAccount

Describe = Callable[[Press, RosterAccount], Prototype]

_PATHS = ("/v1/people", "/v1/deals", "/v1/events", "/v1/notes", "/v1/tasks", "/v1/textMessages")
_JOBS = ("LeadRoutingWorker", "ZillowSyncWorker", "EmailSyncWorker", "ActionPlanWorker")
_VIEWS = ("people list", "deal board", "inbox", "reporting", "account settings")


def _api_request(press: Press, account: RosterAccount) -> Prototype:
    path = press.rng.choice(_PATHS)
    method = press.rng.choice(("GET", "GET", "GET", "POST", "PUT"))
    code = press.rng.choices((200, 201, 404), (90, 8, 2))[0]
    return press.make(
        "fub-api",
        "info",
        f"{method} {path} {code}",
        context={"account_id": account.id, "user_id": press.rng.choice(account.user_ids())},
        http=(method, path, code, press.took(120)),
        more={"database": {"query_time": press.took(11)}},
    )


def _web_request(press: Press, account: RosterAccount) -> Prototype:
    view = press.rng.choice(_VIEWS)
    return press.make(
        "fub",
        "info",
        f"rendered {view}",
        context={"account_id": account.id, "method": "render", "view": view},
        more={"database": {"query_time": press.took(18)}},
    )


def _zillow_call(press: Press, account: RosterAccount) -> Prototype:
    return press.make(
        "fub",
        "info",
        "Zillow API request succeeded",
        context={"account_id": account.id, "service": "zillow", "method": "pushLead"},
        http=("POST", "/v1/leads", 200, press.took(210)),
    )


def _worker_job(press: Press, account: RosterAccount) -> Prototype:
    job = press.rng.choice(_JOBS)
    return press.make(
        "fub-worker",
        "info",
        f"{job} completed",
        context={"account_id": account.id, "queue": "default"},
        more={"class": job, "job": {"runtime": press.took(420)}},
    )


def _resque_job(press: Press, account: RosterAccount) -> Prototype:
    return press.make(
        "fub-resque",
        "info",
        "webhook delivered",
        context={"account_id": account.id, "queue": "webhooks", "attempt": 1},
        http=("POST", "/webhooks/zillow", 200, press.took(150)),
    )


def _slow_query(press: Press, account: RosterAccount) -> Prototype:
    took = 500 + press.took(400)
    return press.make(
        "fub",
        "warn",
        f"slow query: {took} ms",
        context={"account_id": account.id, "method": "query"},
        more={"database": {"query_time": took, "table": press.rng.choice(("people", "events", "deals"))}},
    )


def _csd_note(press: Press, account: RosterAccount) -> Prototype:
    return press.make("fub-csd", "info", "caller id looked up", context={"account_id": account.id})


def _desk_note(press: Press, account: RosterAccount) -> Prototype:
    return press.make("fub-richdesk", "info", "presence updated", context={"account_id": account.id})


def _browser_note(press: Press, account: RosterAccount) -> Prototype:
    return press.make(
        "fub-spa",
        press.rng.choice(("info", "info", "info", "warn")),
        f"view {press.rng.choice(_VIEWS)} ready",
        context={"account_id": account.id},
        http=("GET", "/app", 200, press.took(300)),
    )


_ORDINARY: tuple[tuple[str, float, int, Describe], ...] = (
    ("api_requests", 34.0, 6, _api_request),
    ("web_requests", 12.0, 3, _web_request),
    ("zillow_calls", 8.0, 2, _zillow_call),
    ("worker_jobs", 11.0, 3, _worker_job),
    ("resque_jobs", 9.0, 2, _resque_job),
    ("slow_queries", 2.0, 1, _slow_query),
    ("csd_notes", 2.0, 1, _csd_note),
    ("desk_notes", 2.0, 1, _desk_note),
    ("browser_notes", 5.0, 1, _browser_note),
)


def ordinary_streams(seed: int, accounts: tuple[RosterAccount, ...]) -> Iterator[tuple[str, float, list[Prototype]]]:
    """Yield name, events a minute and prototypes of each ordinary stream."""
    for name, usual, variants, describe in _ORDINARY:
        press = Press(random.Random(f"ordinary:{seed}:{name}"))
        yield name, usual, [describe(press, account) for account in accounts for _ in press.times(variants)]
