"""What a story needs of certain people: credentials change hands between accounts, so that no total changes.

The population is dealt at random. A story that needs account 75172 without a connection, or account 148261 with nothing
but switched-off ones, gets it by exchange with somebody of another account who has no part in any story.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sandbox.roster import ERROR_EXAMPLE, INSTALLATION_RACE, INTEGRATION_DISABLED, NAMED, SECOND_OF_777, STALE_AGENTS

if TYPE_CHECKING:
    from sandbox.population import Person, Population
    from sandbox.story import Story

CONNECTED, INFERRED, UNMATCHED = 1, 3, 4

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
