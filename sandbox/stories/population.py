"""Who is in the stand-in world: agents, tokens and sync users of every account, so that all databases tell one story.

Facts: the resolution shares of 46.72, 15.99 and 37.29 %; 47 agents of account 14009 INFERRED although OAuth is
connected; account 148261 with valid tokens and the integration switched off; account 75172 with its onboarding
incomplete. Chosen: 10,000 agents, 2,000 tokens, 1,500 sync users, and who exactly has which.

The population is dealt at random. A story that needs account 75172 without a connection, or account 148261 with nothing
but switched-off ones, gets it by exchange with somebody of another account who has no part in any story, so that no
total changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.stories.account_list import (
    ERROR_EXAMPLE,
    INSTALLATION_RACE,
    INTEGRATION_DISABLED,
    NAMED,
    SECOND_OF_777,
    STALE_AGENTS,
    StoryAccount,
    account_list,
    oauth_accounts,
)
from sandbox.stories.anomalies import Anomalies, find_anomalies
from sandbox.stories.story import Story

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

    account: StoryAccount
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
    anomalies: Anomalies = field(default_factory=Anomalies)
    """Bad rows, as production has them."""

    def everyone(self) -> list[Person]:
        """All persons, in the order of the account list."""
        return [person for people in self.by_account.values() for person in people]


def populate(story: Story) -> Population:
    """Return the people of a story; a pure function of it."""
    rng = random.Random(f"population:{story.seed}")
    accounts = account_list(story.seed)
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
    population.anomalies = find_anomalies(population)
    return population


def _resolutions(accounts: tuple[StoryAccount, ...], rng: random.Random) -> dict[int, list[int]]:
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
    order = {account.id: number for number, account in enumerate(oauth_accounts(account_list(story.seed)))}
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


SECURED = (ERROR_EXAMPLE, SECOND_OF_777, STALE_AGENTS)
"""Accounts in which one person's token and connection are good in every story: the examples of deals rely on it."""

COMPLETIONS = 250
RACED = 8
"""Fact: 3.2 % of the OAuth completions meet the race, which is 8 of 250. Chosen: how many there are in 24 hours."""
RACE_AGE_S = 95 * 60
"""When the first user of account 75172 completed OAuth, in seconds before the start (chosen)."""
INSTALLED_AFTER_S = 6
"""The installation came this long after OAuth was completed (chosen): later than the last of three quick attempts."""
MENDED_AFTER_S = (3, 3, 7, 7, 15)
"""The others were mended by the retry with exponential backoff: after two, three or four attempts (chosen)."""

DISABLED_AGE_S = 26 * 3_600
"""When the integration of account 148261 was switched off, in seconds before the start (chosen)."""

DRIFT = {INFERRED: 550, UNMATCHED: 530}
"""How many CONNECTED agents drift to what (chosen): the shares become 35.92, 21.49 and 42.59 %."""
DRIFT_BEGAN_S = 18 * 3_600
DRIFT_ENDED_S = 600


def arrange(story: Story, population: Population) -> None:
    """Exchange credentials until every story finds what it tells of; after tokens and connections were dealt."""
    for person in population.by_account[INSTALLATION_RACE]:
        if person.integrated:
            trade(person, next(p for p in _strangers(population) if _like(person, p) and not p.integrated))
    for account_id in SECURED:
        _secure(population, account_id)
    special = _SPECIAL.get(story.name)
    if special is not None:
        special(population, random.Random(f"arrangement:{story.name}:{story.seed}"))


def trade(one: Person, other: Person) -> None:
    """Exchange token and connection of two persons."""
    one.token, other.token = other.token, one.token
    one.sync_user_id, other.sync_user_id = other.sync_user_id, one.sync_user_id
    one.integrated, other.integrated = other.integrated, one.integrated
    one.enabled, other.enabled = other.enabled, one.enabled


def _strangers(population: Population) -> Iterator[Person]:
    """Everybody of the accounts that no story names."""
    return (person for person in population.everyone() if person.account.id not in NAMED)


def _like(person: Person, other: Person) -> bool:
    """Return whether the other may take over the person's credentials, and the person the other's."""
    if person.token != other.token:
        return False
    return not person.token or other.resolution == CONNECTED


def _is_good(person: Person) -> bool:
    return person.resolution == CONNECTED and person.token and person.integrated and person.enabled


def _secure(population: Population, account_id: int) -> None:
    people = population.by_account[account_id]
    chosen = next((person for person in people if _is_good(person)), None)
    if chosen is None:
        # A small account may have been dealt nobody of this kind; anybody without a token takes a stranger's place.
        chosen = next(person for person in people if not person.token)
        donor = next(person for person in _strangers(population) if _is_good(person))
        trade(chosen, donor)
        chosen.resolution, donor.resolution = donor.resolution, chosen.resolution
    chosen.secured = True


def _switched_off(population: Population, _rng: random.Random) -> None:
    """Account 148261: nobody but the six has credentials, so everything that syncs there has stopped."""
    six = {person.user_id for person in population.disabled}
    for number, person in enumerate(population.disabled):
        person.refreshed_s = 240 + 170 * number
    free = [p for p in _strangers(population) if not p.token and p.sync_user_id is None]
    connected = iter([p for p in free if p.resolution == CONNECTED])
    others = iter([p for p in free if p.resolution != CONNECTED])
    for person in population.by_account[INTEGRATION_DISABLED]:
        if person.user_id not in six and (person.token or person.sync_user_id is not None):
            trade(person, next(connected) if person.token else next(others))


def _raced(population: Population, rng: random.Random) -> None:
    """Account 75172: OAuth before the installation; one user has no connection, one has no agent, none is linked."""
    first, second, third = population.race
    donor = next(p for p in _strangers(population) if p.token and p.sync_user_id is None)
    first.sync_user_id, donor.sync_user_id = None, first.sync_user_id
    idle = next(p for p in _strangers(population) if not p.resolution and not p.token and p.sync_user_id is None)
    third.resolution, idle.resolution = idle.resolution, third.resolution
    for number, person in enumerate((first, second, third)):
        person.authorised_s = RACE_AGE_S - number * 200
        person.mended_after_s = -1
    holders = [p for p in _strangers(population) if p.token]
    mended = [p for p in holders if p.integrated][: len(MENDED_AFTER_S)]
    for person, after in zip(mended, MENDED_AFTER_S, strict=True):
        person.mended_after_s = after
    chosen = {person.user_id for person in mended}
    others = rng.sample([p for p in holders if p.user_id not in chosen], COMPLETIONS - RACED)
    for person in (*mended, *others):
        person.authorised_s = rng.randrange(3_600, 86_000)


def _drifted(population: Population, rng: random.Random) -> None:
    """1,080 CONNECTED agents without a token of their own lose it to INFERRED and UNMATCHED, evenly over the hours."""
    candidates = [p for p in _strangers(population) if p.resolution == CONNECTED and not p.token]
    total = sum(DRIFT.values())
    chosen = rng.sample(candidates, total)
    targets = [method for method, count in DRIFT.items() for _ in range(count)]
    rng.shuffle(targets)
    for number, (person, target) in enumerate(zip(chosen, targets, strict=True)):
        person.was, person.resolution = person.resolution, target
        person.changed_s = DRIFT_BEGAN_S - number * (DRIFT_BEGAN_S - DRIFT_ENDED_S) // total


_SPECIAL: dict[str, Callable[[Population, random.Random], None]] = {
    "account_148261": _switched_off,
    "account_75172": _raced,
    "resolution_drift": _drifted,
}
