"""Who is in the stand-in world: agents, tokens and sync users of every account, so that all databases tell one story.

Facts: the resolution shares of 46.72, 15.99 and 37.29 %; 47 agents of account 14009 INFERRED although OAuth is
connected; account 148261 with valid tokens and the integration switched off; account 75172 with its onboarding
incomplete. Chosen: 10,000 agents, 2,000 tokens, 1,500 sync users, and who exactly has which.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox.arrangements import DISABLED_AGE_S, arrange
from sandbox.oddities import Oddities, find_oddities
from sandbox.roster import (
    INSTALLATION_RACE,
    INTEGRATION_DISABLED,
    NAMED,
    STALE_AGENTS,
    RosterAccount,
    oauth_accounts,
    roster,
)
from sandbox.story import Story

CONNECTED, INFERRED, UNMATCHED = 1, 3, 4
RESOLUTIONS = {CONNECTED: 4_672, INFERRED: 1_599, UNMATCHED: 3_729}
AGENTS = sum(RESOLUTIONS.values())
TOKENS = 2_000
STALE = 47
INTEGRATED = 1_000
"""Sync users with an integration id: the ones whose health counts."""
NOT_INTEGRATED = 500
_INTEGRATED_WITHOUT_TOKEN = 100
_RACE_USERS = 3
_DISABLED_USERS = 6


@dataclass(slots=True)
class Person:
    """One user with an agent identity, a token or a sync connection."""

    account: RosterAccount
    user_id: int
    resolution: int = 0
    """0 when the user is no Zillow agent."""
    token: bool = False
    expired_s: int | None = None
    """Seconds before the start at which the token ran out; None when it is valid."""
    turn: int = 0
    """Place among those whose tokens the incident lets run out; early turns are spread over all accounts."""
    sync_user_id: int | None = None
    integrated: bool = False
    enabled: bool = True
    health: str = "healthy"
    problem_s: int | None = None
    problem: str = ""
    secured: bool = False
    """Token and connection stay good whatever the story."""
    was: int = 0
    """The resolution before it changed in this story."""
    changed_s: int | None = None
    """Seconds before the start at which the resolution changed."""
    authorised_s: int | None = None
    """Seconds before the start at which OAuth was completed, where the story tells of it."""
    mended_after_s: int | None = None
    """OAuth came before the installation: onboarding was mended this many seconds later, -1 when it never was."""
    refreshed_s: int | None = None
    """Seconds before the start at which the token was refreshed, where the story tells of it."""

    @property
    def zuid(self) -> str:
        """The person's Zillow user id."""
        return f"X1-ZU{self.user_id * 7_919 % 10_000_019:08d}"


@dataclass(slots=True)
class Population:
    """Everybody, by account, in the order of user ids."""

    by_account: dict[int, list[Person]] = field(default_factory=dict)
    race: list[Person] = field(default_factory=list)
    """The three of account 75172 whose onboarding is incomplete."""
    disabled: list[Person] = field(default_factory=list)
    """The six of account 148261 whose integration is switched off."""
    oddities: Oddities = field(default_factory=Oddities)
    """Bad rows, as production has them."""

    def everyone(self) -> list[Person]:
        """All persons, in the order of the roster."""
        return [person for people in self.by_account.values() for person in people]


def populate(story: Story) -> Population:
    """Return the people of a story; a pure function of it."""
    rng = random.Random(f"population:{story.seed}")
    accounts = roster(story.seed)
    population = Population()
    resolutions = _resolutions(accounts, rng)
    for account in accounts:
        given = resolutions[account.id]
        population.by_account[account.id] = [
            Person(account, user_id, given[n] if n < len(given) else 0) for n, user_id in enumerate(account.user_ids())
        ]
    people = population.everyone()
    population.race = _first_connected(population, INSTALLATION_RACE, _RACE_USERS)
    population.disabled = _first_connected(population, INTEGRATION_DISABLED, _DISABLED_USERS)
    _give_tokens(population, people, rng)
    _give_connections(population, people, rng)
    arrange(story, population)
    _expire(story, people, rng)
    _set_health(story, population, people, rng)
    population.oddities = find_oddities(population)
    return population


def _resolutions(accounts: tuple[RosterAccount, ...], rng: random.Random) -> dict[int, list[int]]:
    """Deal the 10,000 resolutions to the accounts by size; account 14009 gets exactly its 47 INFERRED."""
    users = sum(account.users for account in accounts)
    shares = {account.id: min(account.users, account.users * AGENTS // users) for account in accounts}
    over = AGENTS - sum(shares.values())
    for account in sorted(accounts, key=lambda each: -each.users)[:over]:
        shares[account.id] += 1
    stale = shares[STALE_AGENTS]
    left = dict(RESOLUTIONS)
    dealt = {STALE_AGENTS: [INFERRED] * STALE + [UNMATCHED] * ((stale - STALE) * 4 // 10)}
    dealt[STALE_AGENTS] += [CONNECTED] * (stale - len(dealt[STALE_AGENTS]))
    for resolution in dealt[STALE_AGENTS]:
        left[resolution] -= 1
    deck = [resolution for resolution, count in left.items() for _ in range(count)]
    rng.shuffle(deck)
    for account in accounts:
        if account.id != STALE_AGENTS:
            count = shares[account.id]
            dealt[account.id], deck = deck[:count], deck[count:]
    return dealt


def _give_tokens(population: Population, people: list[Person], rng: random.Random) -> None:
    """2,000 users hold a token: CONNECTED ones, and the 47 of account 14009 whose agents have gone stale."""
    certain = [p for p in population.by_account[STALE_AGENTS] if p.resolution == INFERRED]
    certain += [*population.race, *population.disabled]
    for person in certain:
        person.token = True
    rest = [person for person in people if person.resolution == CONNECTED and not person.token]
    for person in rng.sample(rest, TOKENS - len(certain)):
        person.token = True


def _first_connected(population: Population, account_id: int, count: int) -> list[Person]:
    return [person for person in population.by_account[account_id] if person.resolution == CONNECTED][:count]


def _give_connections(population: Population, people: list[Person], rng: random.Random) -> None:
    """1,500 sync users: 900 with token and integration, 100 with an integration only, 500 without an integration."""
    race, disabled = population.race, population.disabled
    special = {person.user_id for person in (*race, *disabled)}
    holders = [person for person in people if person.token and person.user_id not in special]
    others = [person for person in people if not person.token]
    holders = rng.sample(holders, len(holders))
    others = rng.sample(others, _INTEGRATED_WITHOUT_TOKEN + NOT_INTEGRATED)
    with_token = INTEGRATED - _INTEGRATED_WITHOUT_TOKEN - _DISABLED_USERS
    integrated = [*disabled, *holders[:with_token], *others[:_INTEGRATED_WITHOUT_TOKEN]]
    rest = NOT_INTEGRATED - _RACE_USERS
    unintegrated = [*race, *holders[with_token : with_token + rest // 2], *others[_INTEGRATED_WITHOUT_TOKEN:]][
        :NOT_INTEGRATED
    ]
    for person in integrated:
        person.integrated = True
    for person in disabled:
        person.enabled = False
    for number, person in enumerate(sorted((*integrated, *unintegrated), key=lambda each: each.user_id)):
        person.sync_user_id = 40_001 + number


_USUAL_EXPIRED = 4


def _expire(story: Story, people: list[Person], rng: random.Random) -> None:
    """Let tokens run out: a handful always, many within half an hour in the cascade, account by account."""
    holders = [person for person in people if person.token]
    idle = [p for p in holders if not p.integrated]
    # The figures of the named accounts are about valid tokens: whoever is drawn there hands it on.
    strangers = iter([p for p in idle if p.account.id not in NAMED])
    drawn = rng.sample(idle, _USUAL_EXPIRED)
    for person in drawn:
        unlucky = person if person.account.id not in NAMED else next(p for p in strangers if p not in drawn)
        unlucky.expired_s = rng.randrange(2 * 3600, 20 * 3600)
    wanted = story.scenario.tokens_expired
    if not wanted:
        return
    order = {account.id: number for number, account in enumerate(oauth_accounts(roster(story.seed)))}
    candidates = [p for p in holders if p.account.id in order and p.expired_s is None and p.enabled and not p.secured]
    # Every account loses the same share, integrated users first: theirs are the connections that fail next.
    candidates.sort(key=lambda each: (order[each.account.id], not each.integrated, each.user_id))
    taken: dict[int, int] = {}
    ranked = []
    for person in candidates:
        taken[person.account.id] = taken.get(person.account.id, 0) + 1
        ranked.append(
            ((taken[person.account.id] - 1) / person.account.users, order[person.account.id], person.user_id, person)
        )
    ranked.sort(key=lambda entry: entry[:3])
    for number, (_, place, _, person) in enumerate(ranked[:wanted]):
        person.turn = number
        if story.name == "oauth_cascade":
            person.expired_s = 1_790 - place * 30 - number % 25
        else:
            person.expired_s = 60 + (number * 37) % 2_200


TOKEN_INVALID = "Zillow OAuth Refresh token invalid"  # noqa: S105  # a message, not a credential
INTEGRATION_OFF = "OAuth credentials valid, but integration disabled"


def _set_health(story: Story, population: Population, people: list[Person], rng: random.Random) -> None:
    """Give the 1,000 integrated users the states that the scenario counts."""
    figures = story.scenario.connections
    for number, person in enumerate(population.disabled):
        since = rng.randrange(2, 20) * 86_400
        _fail(person, DISABLED_AGE_S - number * 40 if story.name == "account_148261" else since, INTEGRATION_OFF)
    for person in population.race:
        person.problem = "ZIM installation incomplete: onboarding waits for the integration"
    integrated = [person for person in people if person.integrated and person.enabled and not person.secured]
    # In the cascade each connection breaks four minutes after its token, so the order of the tokens goes on.
    recent = [p for p in integrated if p.expired_s is not None and 300 < p.expired_s < 3_600]
    recent.sort(key=lambda each: each.turn)
    failing = recent[: figures.error - _DISABLED_USERS] if story.name == "oauth_cascade" else []
    broken = {person.user_id for person in failing}
    calm = [person for person in integrated if person.user_id not in broken]
    missing = figures.error - _DISABLED_USERS - len(failing)
    picked = rng.sample(calm, missing + figures.warning)
    for person in failing:
        _fail(person, max(30, (person.expired_s or 0) - 240), TOKEN_INVALID)
    for person in picked[:missing]:
        if story.name == "nov17":
            _fail(person, rng.randrange(60, 2_300), "HTTP 429 Too Many Requests: retries exhausted")
        else:
            _fail(person, rng.randrange(3_600, 12 * 86_400), "connection could not be verified")
    for person in picked[missing:]:
        person.health = "warning"
    plain = [person for person in people if person.sync_user_id and not person.integrated]
    share = figures.healthy / INTEGRATED
    for person in plain[round(len(plain) * share) :]:
        person.health = "warning"


def _fail(person: Person, seconds_ago: int, problem: str) -> None:
    person.health, person.problem_s, person.problem = "error", seconds_ago, problem
