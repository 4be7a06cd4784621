"""Log events of the stories about one account or one share: what the service wrote while it went wrong.

Fact: 47 agents, two days; 3.2 % of the OAuth completions; tokens that refresh while calls fail. Chosen: the messages,
the rates and the exact moments, which agree with the rows of the same story.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.stories.account_list import STALE_AGENTS
from sandbox.stories.population import (
    DISABLED_AGE_S,
    INFERRED,
    INSTALLED_AFTER_S,
    INTEGRATION_OFF,
    Person,
    Population,
    populate,
)
from sandbox.stories.prototypes import Press, Prototype
from sandbox.stories.story import Story

RESOLUTION = "zillow-agent-resolution"
"""The correlation id that all events of agent resolution carry."""
STALE_SINCE_S = 2 * 86_400
"""Fact: it went unnoticed for two days."""
STALE_STEP_S = 4
"""Chosen: one job did it, an agent every four seconds."""
GAVE_UP_AFTER = 3
"""Attempts that account 75172 got, a second apart, before the installation was there."""

_RESOLUTION_NAMES = {1: "CONNECTED", INFERRED: "INFERRED", 4: "UNMATCHED"}


@dataclass(slots=True, frozen=True)
class EventStream:
    """One kind of event. `usual` is events a minute; `cycle` takes the prototypes in turn instead of at random."""

    name: str
    usual: float
    prototypes: tuple[Prototype, ...]
    cycle: bool = False
    daily: bool = False
    """Follows the working day."""
    since_s: int | None = None
    """Begins this many seconds before the start; None when it has always been there."""
    moments: tuple[tuple[float, int], ...] = ()
    """Single events beside the rate: seconds from the start and number of the prototype, ascending."""


@lru_cache(maxsize=4)
def special_streams(story: Story) -> tuple[EventStream, ...]:
    """Return what only this story logs; nothing for a story that only changes the rates of the usual kinds."""
    maker = _MAKERS.get(story.name)
    if maker is None:
        return ()
    press = Press(random.Random(f"special:{story.seed}:{story.name}"))
    return maker(press, populate(story))


def _person_context(person: Person, method: str, **more: object) -> dict[str, Any]:
    return {"account_id": person.account.id, "user_id": person.user_id, "method": method, **more}


def _burst(name: str, events: list[tuple[float, Prototype]]) -> EventStream:
    """Return a stream of single events."""
    ordered = sorted(events, key=lambda event: event[0])
    moments = tuple((moment, number) for number, (moment, _) in enumerate(ordered))
    return EventStream(name, 0.0, tuple(prototype for _, prototype in ordered), moments=moments)


def _stale_agents(press: Press, population: Population) -> tuple[EventStream, ...]:
    """Account 14009: the job that kept 47 stale rows two days ago, and the resolver that has kept them every hour."""
    stale = [p for p in population.by_account[STALE_AGENTS] if p.token and p.resolution == INFERRED]

    def event(person: Person, status: str, message: str, change: dict[str, object]) -> Prototype:
        context = _person_context(person, "resolveAgent", oauth_connected=True, **change)
        return press.make(
            "fub-worker",
            status,
            message,
            context=context,
            correlation_id=RESOLUTION,
            more={"resolution_method": "INFERRED", "class": "ZillowAgentSyncWorker"},
        )

    happened = [
        (
            -STALE_SINCE_S + number * STALE_STEP_S,
            event(
                person,
                "warn",
                "Zillow agent resolved: INFERRED although OAuth is connected, stale zillow_agents row kept",
                {"old_resolution": "CONNECTED", "change_reason": "stale zillow_agents row kept"},
            ),
        )
        for number, person in enumerate(stale)
    ]
    kept = tuple(
        event(person, "info", "Zillow agent unchanged: INFERRED, zillow_agents row is stale", {"is_stale": True})
        for person in stale
    )
    hourly = EventStream("stale_kept", len(kept) / 60, kept, cycle=True, since_s=STALE_SINCE_S - 3_600)
    return _burst("stale_agents", list(happened)), hourly


def _installation_race(press: Press, population: Population) -> tuple[EventStream, ...]:
    """Account 75172: every OAuth completion of a day, and what became of those that came before the installation."""
    events: list[tuple[float, Prototype]] = []
    for person in population.everyone():
        if person.authorised_s is None:
            continue
        at, onboarding = -float(person.authorised_s), _Onboarding(press, person)
        events.append((at, onboarding.event("fub", "info", "Zillow OAuth completed", "oauthCallback")))
        if person.mended_after_s is None:
            events.append((at + 0.4, onboarding.completed(1)))
        elif person.mended_after_s < 0:
            events += _given_up(onboarding, at)
        else:
            events += _mended(onboarding, at, person.mended_after_s)
    incomplete = "ZIM onboarding incomplete: OAuth completed before the installation existed, nothing retries"
    waiting = tuple(
        _Onboarding(press, person).event(
            "fub-worker", "warn", incomplete, "verifyOnboarding", errorCode="zim_onboarding_incomplete"
        )
        for person in population.race
    )
    since = min(person.authorised_s or 0 for person in population.race)
    return _burst("zim_onboarding", events), EventStream("zim_waiting", 0.2, waiting, cycle=True, since_s=since - 60)


class _Onboarding:
    """The events of one onboarding; all carry the same correlation id, whatever the service."""

    def __init__(self, press: Press, person: Person) -> None:
        self._press = press
        self._person = person

    def event(self, service: str, status: str, message: str, method: str, **more: object) -> Prototype:
        """One event; `more` goes to its context."""
        return self._press.make(
            service,
            status,
            message,
            context=_person_context(self._person, method, service="zillow", **more),
            correlation_id=f"zim-onboarding-{self._person.account.id}-{self._person.user_id}",
            more={"event": "zim_onboarding"},
        )

    def attempt(self, number: int, delay_s: int | None) -> Prototype:
        """A failed attempt; `delay_s` is the time to the next one, None when there is none."""
        then = f"next attempt in {delay_s} s" if delay_s is not None else "no further attempt"
        return self.event(
            "fub-worker",
            "warn",
            f"ZIM onboarding attempt {number} failed: installation not found; {then}",
            "onboardZim",
            attempt=number,
            retry_delay_s=delay_s,
            errorCode="zim_installation_missing",
        )

    def installed(self) -> Prototype:
        """The installation is there."""
        return self.event("fub-api", "info", "ZIM installation created", "createInstallation")

    def completed(self, number: int) -> Prototype:
        """Onboarding is through."""
        done = f"ZIM onboarding completed on attempt {number}"
        return self.event("fub-worker", "info", done, "onboardZim", attempt=number)


def _given_up(onboarding: _Onboarding, at: float) -> list[tuple[float, Prototype]]:
    """Three attempts a second apart, then the end; the installation comes when nobody looks any more."""
    events = [
        (at + 1 + number, onboarding.attempt(number + 1, 1 if number + 1 < GAVE_UP_AFTER else None))
        for number in range(GAVE_UP_AFTER)
    ]
    gave_up = onboarding.event(
        "fub",
        "error",
        f"ZIM onboarding gave up after {GAVE_UP_AFTER} attempts: installation not found",
        "oauthCompleteOnboarding",
        error="installation not found",
        attempts=GAVE_UP_AFTER,
        errorCode="zim_installation_race",
    )
    return [*events, (at + GAVE_UP_AFTER + 0.2, gave_up), (at + INSTALLED_AFTER_S, onboarding.installed())]


def _mended(onboarding: _Onboarding, at: float, after_s: int) -> list[tuple[float, Prototype]]:
    """Attempts with exponential backoff until the installation is there: 1, 2, 4, 8 seconds apart."""
    events = [(at + after_s, onboarding.installed())]
    number, delay_s, elapsed_s = 1, 1, 0
    while elapsed_s < after_s:
        events.append((at + elapsed_s + 0.3, onboarding.attempt(number, delay_s)))
        number, elapsed_s, delay_s = number + 1, elapsed_s + delay_s, delay_s * 2
    return [*events, (at + elapsed_s + 0.3, onboarding.completed(number))]


def _switched_off(press: Press, population: Population) -> tuple[EventStream, ...]:
    """Account 148261: tokens are refreshed as ever, and every call is refused."""
    calls = (("pushLead", "POST", "/v1/leads"), ("verifyConnection", "GET", "/v1/userInfo"))
    refused = tuple(
        press.make(
            "fub",
            "error",
            INTEGRATION_OFF,
            context=_person_context(
                person,
                method,
                service="zillow",
                sync_user_id=person.sync_user_id,
                connection_health_status="error",
                error_message=f"{INTEGRATION_OFF}: HTTP 403 {verb} {path}",
                errorCode="integration_disabled",
            ),
            http=(verb, path, 403, press.took(120)),
        )
        for method, verb, path in calls
        for person in population.disabled
    )
    refreshed = tuple(
        press.make(
            "fub",
            "info",
            "Zillow access token refreshed",
            context=_person_context(
                person,
                "oauthRefreshToken",
                service="zillow-oauth",
                sync_user_id=person.sync_user_id,
                cache_key=f"zillow-auth-token-{person.account.id}-{person.user_id}-{person.user_id % 9_000}",
            ),
            http=("POST", "/oauth/token", 200, press.took(240)),
        )
        for person in population.disabled
    )
    return (
        EventStream("integration_disabled", 0.8, refused, cycle=True, since_s=DISABLED_AGE_S),
        EventStream("tokens_refreshed", 0.4, refreshed, cycle=True),
    )


def _drift(press: Press, population: Population) -> tuple[EventStream, ...]:
    """Every agent that drifted, at the moment at which its row changed, with what Zillow's answer lacked."""
    events = []
    for person in population.everyone():
        if person.changed_s is None:
            continue
        method = _RESOLUTION_NAMES[person.resolution]
        prototype = press.make(
            "fub-worker",
            "warn",
            f"Zillow agent resolved: {method}, was {_RESOLUTION_NAMES[person.was]}: userInfo without encoded ZUID",
            context=_person_context(
                person,
                "resolveAgent",
                service="zillow",
                old_resolution=_RESOLUTION_NAMES[person.was],
                change_reason="userInfo without encoded ZUID",
            ),
            correlation_id=RESOLUTION,
            http=("GET", "/v1/userInfo", 200, press.took(180)),
            more={"resolution_method": method, "class": "ZillowAgentSyncWorker"},
        )
        events.append((-float(person.changed_s), prototype))
    return (_burst("resolution_drift", events),)


_MAKERS: dict[str, Callable[[Press, Population], tuple[EventStream, ...]]] = {
    "account_14009": _stale_agents,
    "account_75172": _installation_race,
    "account_148261": _switched_off,
    "resolution_drift": _drift,
}
