"""Which log events happen, and how often: one stream a kind of event, each with its usual rate a minute.

Together they answer every one of the ten triage queries in every scenario. Chosen: all rates; what is usual (12 rate
limits, 45 OAuth failures, 3 deals without agents in 15 minutes) is what the incidents are measured against.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from sandbox.stories.account_list import (
    DEAL_AMBIGUOUS,
    DEAL_ELIGIBLE,
    DEAL_WITHOUT_AGENTS,
    ERROR_CODE_DEALS,
    ERROR_EXAMPLE,
    INSTALLATION_RACE,
    INTEGRATION_DISABLED,
    SECOND_OF_777,
    STALE_AGENTS,
    StoryAccount,
    account_list,
    oauth_accounts,
    ordinary_deals,
)
from sandbox.stories.prototypes import Press, Prototype
from sandbox.stories.scenario import ACCOUNTS_RATE_LIMITED
from sandbox.stories.special_streams import EventStream, special_streams
from sandbox.stories.story import Story

Maker = Callable[[Press, tuple[StoryAccount, ...]], list[Prototype]]

_CALLS = (
    ("POST", "/v1/leads"),
    ("GET", "/v1/userInfo"),
    ("POST", "/v1/transactions"),
    ("GET", "/v1/teams/881/members"),
)
_METHODS = ("pushLead", "fetchUserInfo", "createTransaction", "listTeamMembers")
_RATE_LIMIT_TEXT = "HTTP 429 Too Many Requests"
RETRY_AFTER_S = 30


def _rate_limited(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    made = []
    for account in accounts[:ACCOUNTS_RATE_LIMITED]:
        # Large accounts send more, so they are refused more often.
        for variant in press.times(4 if account.users < 500 else 8):
            method, path = _CALLS[variant % 4]
            user = press.rng.choice(account.user_ids())
            made.append(
                press.make(
                    "fub",
                    "error",
                    f"Zillow API request failed: {_RATE_LIMIT_TEXT} ({method} {path})",
                    context={
                        "account_id": account.id,
                        "user_id": user,
                        "service": "zillow",
                        "method": _METHODS[variant % 4],
                        "error_message": f"{_RATE_LIMIT_TEXT}: {method} {path}, retry after {RETRY_AFTER_S} s",
                        "retry_after": RETRY_AFTER_S,
                        "attempt": 1 + variant % 5,
                    },
                    http=(method, path, 429, press.took(90)),
                )
            )
    return made


_OAUTH_ERRORS = (
    ("oauthRefreshToken", "Zillow OAuth Refresh token invalid", "invalid_grant: refresh token expired or revoked"),
    ("oauthRefreshToken", "CANNOT_RETRIEVE_ACCCESS_TOKEN", "no access token in the response of the token endpoint"),
    ("oauthCallback", "Zillow OAuth code exchange failed", "invalid_request: code verifier does not match"),
    ("oauthRequestToken", "Zillow OAuth token request failed", "upstream answered 503 from the token endpoint"),
)


def _oauth_failures(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    made = []
    for account in oauth_accounts(accounts):
        for method, message, reason in (*_OAUTH_ERRORS[:2], *_OAUTH_ERRORS):
            user = press.rng.choice(account.user_ids())
            made.append(
                press.make(
                    "fub",
                    "error",
                    message,
                    context={
                        "account_id": account.id,
                        "user_id": user,
                        "service": "zillow-oauth",
                        "method": method,
                        "error": reason,
                        "errorCode": message if message.isupper() else "oauth_refresh_failed",
                        "cache_key": f"zillow-auth-token-{account.id}-{user}-{user % 9_000}",
                    },
                    http=("POST", "/oauth/token", 401 if "invalid" in reason else 503, press.took(240)),
                )
            )
    return made


def _oauth_rate_limited(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    # These match everything in the OAuth query but its last term, which excludes them: they are rate limiting.
    return [
        press.make(
            "fub",
            "error",
            "Zillow rate limit reached while refreshing the OAuth token",
            context={
                "account_id": account.id,
                "service": "zillow-oauth",
                "method": "oauthRefreshToken",
                "error": _RATE_LIMIT_TEXT,
                "retry_after": RETRY_AFTER_S,
            },
            http=("POST", "/oauth/token", 429, press.took(60)),
        )
        for account in accounts[:ACCOUNTS_RATE_LIMITED]
    ]


def _oauth_expired(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    return [
        press.make(
            "fub",
            "warn",
            "Zillow access token expired, refreshing",
            context={
                "account_id": account.id,
                "user_id": account.first_user,
                "service": "zillow-oauth",
                "method": "oauthRefreshToken",
                "error": "access token expired",
            },
        )
        for account in accounts
    ]


def _zero_agent(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    # Two accounts in turn, the one with the well-known deal twice as often.
    pairs = [
        (STALE_AGENTS, DEAL_WITHOUT_AGENTS),
        (STALE_AGENTS, DEAL_WITHOUT_AGENTS),
        (accounts[5].id, ordinary_deals(accounts[5])[0]),
    ]
    return [
        press.make(
            "fub",
            "warn",
            f"No Zillow users for deal {deal_id}: transaction sync skipped",
            context={
                "account_id": account_id,
                "deal_id": deal_id,
                "method": "getDealZillowUsers",
                "agentCount": 0,
                "errorCode": "agent_verification_failed",
            },
        )
        for account_id, deal_id in pairs
    ]


def _deal_lookups(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    named = [
        (STALE_AGENTS, DEAL_ELIGIBLE, 4),
        (INSTALLATION_RACE, DEAL_AMBIGUOUS, 1),
        (SECOND_OF_777, DEAL_AMBIGUOUS, 2),
        *((account.id, ordinary_deals(account)[3], 1 + account.index % 3) for account in accounts[6:12]),
    ]
    return [
        press.make(
            "fub",
            "info",
            f"Zillow users resolved for deal {deal_id}",
            context={
                "account_id": account_id,
                "deal_id": deal_id,
                "method": "getDealZillowUsers",
                "agentCount": agents,
            },
            more={"database": {"query_time": press.took(9)}},
        )
        for account_id, deal_id, agents in named
    ]


def _connection_errors(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    disabled = "OAuth credentials valid, but integration disabled"
    return [
        press.make(
            "fub",
            "error",
            "Zillow connection health check failed",
            context={
                "account_id": account.id,
                "user_id": account.first_user,
                "service": "zillow",
                "method": "verifyConnection",
                "connection_health_status": "error",
                "problem": disabled if account.id == INTEGRATION_DISABLED else "connection could not be verified",
            },
        )
        for account in accounts[:24]
    ]


def _agent_resolution(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    made = []
    for account in accounts:
        # Shares near the baseline of 46.72, 15.99 and 37.29 %; each event names an account, never a person.
        for method in ("CONNECTED",) * 5 + ("INFERRED",) * 2 + ("UNMATCHED",) * 4:
            made.append(
                press.make(
                    "fub-worker",
                    "info",
                    f"Zillow agent resolved: {method}",
                    context={"account_id": account.id, "method": "resolveAgent"},
                    correlation_id="zillow-agent-resolution",
                    more={"resolution_method": method, "database": {"query_time": press.took(14)}},
                )
            )
    return made


def _account_errors(press: Press, _accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    return [
        press.make(
            "fub-api",
            "error",
            f"Zillow sync failed for lead {lead}",
            context={"account_id": ERROR_EXAMPLE, "method": "syncLead", "service": "zillow", "lead_id": lead},
            http=("POST", "/v1/zillow/leads", 502, press.took(800)),
        )
        for lead in (88_101, 88_342, 90_017)
    ]


def _connect_exceptions(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    return [
        press.make(
            "fub",
            "error",
            "ZillowConnectException: connection could not be established",
            context={
                "account_id": account.id,
                "service": "zillow",
                "method": "connectAccount",
                "exception": "ZillowConnectException",
                "errorCode": "connect_failed",
            },
            http=("GET", "/v1/userInfo", 504, press.took(4_000)),
        )
        for account in accounts[:20]
    ]


def _sync_worker_errors(press: Press, accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    return [
        press.make(
            "fub-worker",
            "error",
            "ZillowSyncWorker failed: job returned to the queue",
            context={"account_id": account.id, "queue": "zillow_sync", "attempt": 1 + account.index % 4},
            more={
                "class": "ZillowSyncWorker",
                "job": {"id": f"sync-{account.id}", "runtime": press.took(1_500)},
            },
        )
        for account in accounts
    ]


def _transaction_sync_failed(press: Press, _accounts: tuple[StoryAccount, ...]) -> list[Prototype]:
    deals = [
        (STALE_AGENTS, DEAL_WITHOUT_AGENTS, "agent_verification_failed"),
        (INSTALLATION_RACE, DEAL_AMBIGUOUS, "contact_sync_missing"),
        (SECOND_OF_777, DEAL_AMBIGUOUS, "sync_system_missing"),
        *((account_id, deal_id, code) for code, (account_id, deal_id) in ERROR_CODE_DEALS.items()),
    ]
    return [
        press.make(
            "fub-resque",
            "error",
            f"zillow_transaction sync failed for deal {deal_id}: {code}",
            context={"account_id": account_id, "deal_id": deal_id, "errorCode": code, "method": "syncTransaction"},
            more={"event": "transaction_sync_failed"},
        )
        for account_id, deal_id, code in deals
    ]


_KINDS: tuple[tuple[str, float, bool, Maker], ...] = (
    ("rate_limited", 12 / 15, False, _rate_limited),
    ("oauth_failures", 45 / 15, False, _oauth_failures),
    ("oauth_rate_limited", 1 / 15, False, _oauth_rate_limited),
    ("oauth_expired", 6 / 15, False, _oauth_expired),
    ("zero_agent", 3 / 15, True, _zero_agent),
    ("deal_lookups", 30 / 15, True, _deal_lookups),
    ("connection_errors", 6 / 15, True, _connection_errors),
    ("agent_resolution", 60 / 15, False, _agent_resolution),
    ("account_errors", 3 / 15, True, _account_errors),
    ("connect_exceptions", 4 / 15, True, _connect_exceptions),
    ("sync_worker_errors", 8 / 15, False, _sync_worker_errors),
    ("transaction_sync_failed", 3 / 15, True, _transaction_sync_failed),
)


def streams(story: Story) -> tuple[EventStream, ...]:
    """Return every stream of the stand-in world; a pure function of the story."""
    seed, accounts = story.seed, account_list(story.seed)
    made = []
    for name, usual, cycle, maker in _KINDS:
        press = Press(random.Random(f"stream:{seed}:{name}"))
        made.append(EventStream(name, usual, tuple(maker(press, accounts)), cycle=cycle))
    for name, usual, prototypes in ordinary_streams(seed, accounts):
        made.append(EventStream(name, usual, tuple(prototypes), daily=True))
    # The story's own stand last, so that they leave the chance of the others as it is.
    return (*made, *special_streams(story))


Describe = Callable[[Press, StoryAccount], Prototype]

_PATHS = ("/v1/people", "/v1/deals", "/v1/events", "/v1/notes", "/v1/tasks", "/v1/textMessages")
_JOBS = ("LeadRoutingWorker", "ZillowSyncWorker", "EmailSyncWorker", "ActionPlanWorker")
_VIEWS = ("people list", "deal board", "inbox", "reporting", "account settings")


def _api_request(press: Press, account: StoryAccount) -> Prototype:
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


def _web_request(press: Press, account: StoryAccount) -> Prototype:
    view = press.rng.choice(_VIEWS)
    return press.make(
        "fub",
        "info",
        f"rendered {view}",
        context={"account_id": account.id, "method": "render", "view": view},
        more={"database": {"query_time": press.took(18)}},
    )


def _zillow_call(press: Press, account: StoryAccount) -> Prototype:
    return press.make(
        "fub",
        "info",
        "Zillow API request succeeded",
        context={"account_id": account.id, "service": "zillow", "method": "pushLead"},
        http=("POST", "/v1/leads", 200, press.took(210)),
    )


def _worker_job(press: Press, account: StoryAccount) -> Prototype:
    job = press.rng.choice(_JOBS)
    return press.make(
        "fub-worker",
        "info",
        f"{job} completed",
        context={"account_id": account.id, "queue": "default"},
        more={"class": job, "job": {"runtime": press.took(420)}},
    )


def _resque_job(press: Press, account: StoryAccount) -> Prototype:
    return press.make(
        "fub-resque",
        "info",
        "webhook delivered",
        context={"account_id": account.id, "queue": "webhooks", "attempt": 1},
        http=("POST", "/webhooks/zillow", 200, press.took(150)),
    )


def _slow_query(press: Press, account: StoryAccount) -> Prototype:
    took = 500 + press.took(400)
    return press.make(
        "fub",
        "warn",
        f"slow query: {took} ms",
        context={"account_id": account.id, "method": "query"},
        more={"database": {"query_time": took, "table": press.rng.choice(("people", "events", "deals"))}},
    )


def _csd_note(press: Press, account: StoryAccount) -> Prototype:
    return press.make("fub-csd", "info", "caller id looked up", context={"account_id": account.id})


def _desk_note(press: Press, account: StoryAccount) -> Prototype:
    return press.make("fub-richdesk", "info", "presence updated", context={"account_id": account.id})


def _browser_note(press: Press, account: StoryAccount) -> Prototype:
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


def ordinary_streams(seed: int, accounts: tuple[StoryAccount, ...]) -> Iterator[tuple[str, float, list[Prototype]]]:
    """Yield name, events a minute and prototypes of each ordinary stream."""
    for name, usual, variants, describe in _ORDINARY:
        press = Press(random.Random(f"ordinary:{seed}:{name}"))
        yield name, usual, [describe(press, account) for account in accounts for _ in press.times(variants)]
