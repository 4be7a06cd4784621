"""Rows of one account's `client` database, as plain tuples in the order of the tables' columns."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Table

from sandbox.rows import schema
from sandbox.rows.common_rows import Cells, Stamp, disconnected, stamps
from sandbox.stories.account_list import (
    ACCOUNT_WITHOUT_SYNC_SYSTEM,
    DEAL_AMBIGUOUS,
    DEAL_ELIGIBLE,
    DEAL_WITHOUT_AGENTS,
    ERROR_CODE_DEALS,
    INSTALLATION_RACE,
    SECOND_OF_777,
    STALE_AGENTS,
    StoryAccount,
    ordinary_deals,
)
from sandbox.stories.anomalies import (
    AHEAD_S,
    DEAL_BARE,
    DEAL_OF_NOBODY,
    DEAL_OF_TOMORROW,
    LARGE_ACCOUNT,
    MISSING_USER,
    RETIRED_PER_LARGE_ACCOUNT,
    RETIRED_RESOLUTION,
    on_ordinary_deal,
)
from sandbox.stories.population import CONNECTED, INFERRED, UNMATCHED, Person, Population
from sandbox.stories.story import Story

_FIRST = [
    "Ana",
    "Ben",
    "Chloe",
    "Dev",
    "Ema",
    "Finn",
    "Grace",
    "Hugo",
    "Ines",
    "Jon",
    "Kira",
    "Liam",
    "Maya",
    "Noor",
    "Omar",
    "Pia",
]
_LAST = [
    "Abbott",
    "Brand",
    "Castillo",
    "Doyle",
    "Evans",
    "Fischer",
    "Grant",
    "Huang",
    "Ito",
    "Jensen",
    "Kaplan",
    "Lund",
    "Moreau",
    "Novak",
]
_STAGES = ("Lead", "Active", "Under contract", "Closed")


class ClientRows:
    """Everything one client database holds."""

    def __init__(self, story: Story, account: StoryAccount, population: Population) -> None:
        self.story = story
        self.account = account
        self.people = population.by_account[account.id]
        self.anomalies = population.anomalies
        self.stamp: Stamp = stamps(story)
        self.rng = random.Random(f"client:{story.seed}:{account.id}")
        self.fallen = {person.user_id for person in disconnected(story, population)}
        self.paths = _four_paths(self.people) if account.id == STALE_AGENTS else []

    def tables(self) -> Iterator[tuple[Table, Iterable[Cells]]]:
        """Yield every table with its rows."""
        yield schema.USERS, self.users()
        yield schema.ZILLOW_AGENTS, self.agents()
        yield from self.teams()
        yield schema.ZILLOW_SYNC_AGENTS, self.sync_agents()
        yield from self.deals()
        zillow = int(self.account.id != ACCOUNT_WITHOUT_SYNC_SYSTEM)
        systems = [
            (1, self.account.id, "zillow", zillow),
            (2, self.account.id, "bishop", int(self.account.index % 4 == 0)),
        ]
        yield schema.DATA_SYNC_SYSTEMS, systems

    def users(self) -> Iterator[Cells]:
        """`users`: every twentieth still has the deprecated profile id."""
        profile = self.paths[0].user_id if self.paths else None
        barred = {person.user_id for person in self.paths[1:]}
        for number, person in enumerate(self.people):
            if person.user_id == self.anomalies.deleted_user:
                continue
            legacy = person.user_id == profile or (is_legacy(number) and person.user_id not in barred)
            yield (
                person.user_id,
                self.account.id,
                _name(person.user_id),
                f"agent{person.user_id}@example.com",
                "active" if number % 33 else "inactive",
                f"legacy-{person.user_id}" if legacy else None,
            )

    def agents(self) -> Iterator[Cells]:
        """`zillow_agents`: one row for each agent, and a few old ones with the retired method."""
        number = self.account.first_user
        token_only = self.paths[1].user_id if self.paths else None
        for person in self.people:
            if not person.resolution:
                continue
            number += 1
            method = UNMATCHED if person.user_id in self.fallen else person.resolution
            lost_s = 120 - (person.expired_s or 0) if person.user_id in self.fallen else None
            changed_s = -person.changed_s if person.changed_s is not None else lost_s
            resolved = method != UNMATCHED or changed_s is not None
            updated = -self.rng.randrange(3_600, 20 * 86_400)
            if changed_s is not None:
                updated = changed_s
            elif person.authorised_s is not None:
                updated = max(updated, -person.authorised_s)
            elif self.account.id == STALE_AGENTS and method == INFERRED:
                updated = -2 * 86_400
            yield (
                number,
                self.account.id,
                person.user_id if resolved and person.user_id != self.anomalies.agent_without_user else None,
                f"enc:{person.zuid}" if resolved and person.user_id != token_only else None,
                _name(person.user_id),
                f"agent{person.user_id}@example.com",
                method,
                self.stamp(-self.rng.randrange(30 * 86_400, 600 * 86_400)),
                self.stamp(updated),
            )
        if self.account.users > LARGE_ACCOUNT:
            for old in range(RETIRED_PER_LARGE_ACCOUNT):
                number += 1
                age = self.stamp(-900 * 86_400)
                yield (number, self.account.id, None, None, f"Former Agent {old}", None, RETIRED_RESOLUTION, age, age)

    def teams(self) -> Iterator[tuple[Table, Iterable[Cells]]]:
        """`zillow_teams`, `zillow_agent_teams` and the legacy `zillow_sync_teams`."""
        agents = sum(1 for person in self.people if person.resolution)
        count = 1 + min(8, agents // 40)
        keys = [f"team-{self.account.id}-{number}" for number in range(1, count + 1)]
        yield schema.ZILLOW_TEAMS, [(n, key, f"Team {_LAST[n % len(_LAST)]}") for n, key in enumerate(keys, 1)]
        first = self.account.first_user + 1
        members = ((first + number, 1 + number % count) for number in range(agents) if number % 3)
        yield schema.ZILLOW_AGENT_TEAMS, members
        yield schema.ZILLOW_SYNC_TEAMS, [(n, key) for n, key in enumerate(keys[: 1 + count // 2], 1)]

    def sync_agents(self) -> Iterator[Cells]:
        """`zillow_sync_agents`, legacy: every fifteenth user."""
        barred = {person.user_id for person in self.paths[:3]}
        last = {person.user_id for person in self.paths[3:]}
        number = 0
        for at, person in enumerate(self.people):
            if person.user_id in last or (is_old_agent(at) and person.user_id not in barred):
                number += 1
                yield (number, self.account.id, person.user_id)

    def deals(self) -> Iterator[tuple[Table, Iterable[Cells]]]:
        """`deals` with the people on them: a few dozen ordinary ones, and the ones that stories name."""
        deals: list[Cells] = []
        agents: list[Cells] = []
        contacts: list[Cells] = []
        for number, deal_id in enumerate(ordinary_deals(self.account)):
            deals.append(self._deal(deal_id, number))
            agents += [(deal_id, user_id) for user_id in on_ordinary_deal(self.people, number)]
            contacts += [(deal_id, deal_id * 10 + n) for n in range(1 + number % 2)]
        for deal in story_deals(self.account.id, self.people, self.paths):
            deals.append(deal.row(self.account.id, self.stamp))
            agents += [(deal.deal_id, user_id) for user_id in deal.agents]
            contacts.append((deal.deal_id, deal.deal_id * 10 + 1))
        yield schema.DEALS, deals
        yield schema.DEAL_AGENTS, agents
        yield schema.DEALS_CONTACTS, contacts

    def _deal(self, deal_id: int, number: int) -> Cells:
        age = 3_600 * (5 + number * 19)
        # Every twelfth has nobody on it and every fifteenth no property: neither can have been synced.
        synced = number % 12 != 11 and number % 15 != 14
        return (
            deal_id,
            self.account.id,
            f"{100 + number} {_LAST[number % len(_LAST)]} Street",
            _STAGES[number % 4],
            None if number % 15 == 14 else 800_000 + deal_id,
            f"ztx-{deal_id}" if synced else None,
            self.stamp(-age + 300) if synced else None,
            self.stamp(-age),
            self.stamp(-age + 600),
        )


def _four_paths(people: list[Person]) -> list[Person]:
    """Four users of account 14009, each verified by exactly one path: profile id, token, modern agent, legacy agent."""
    plain = [person for person in people if not person.resolution and not person.token]
    # A token without a modern agent does not occur among agents, so the second path is told by a stale one.
    holder = next(person for person in people if person.token)
    modern = next(person for person in people if person.resolution == CONNECTED and not person.token)
    return [plain[0], holder, modern, plain[1]]


def _name(user_id: int) -> str:
    return f"{_FIRST[user_id % len(_FIRST)]} {_LAST[user_id // 7 % len(_LAST)]}"


_DAY_S = 86_400


@dataclass(slots=True, frozen=True)
class StoryDeal:
    """One deal. Moments in seconds from the start of the story."""

    deal_id: int
    name: str
    agents: tuple[int, ...] = ()
    """User ids."""
    has_property: bool = True
    synced_s: float | None = None
    keeps_transaction: bool = True
    """A synced deal has Zillow's transaction id; one that lost it does not."""
    created_s: float = -3 * _DAY_S
    updated_s: float = -5_400

    def row(self, account_id: int, stamp: Stamp) -> Cells:
        """The row of `deals`."""
        is_synced = self.synced_s is not None
        return (
            self.deal_id,
            account_id,
            self.name,
            "Under contract",
            900_000 + self.deal_id if self.has_property else None,
            f"ztx-{self.deal_id}" if is_synced and self.keeps_transaction else None,
            stamp(self.synced_s) if self.synced_s is not None else None,
            stamp(self.created_s),
            stamp(self.updated_s),
        )


def story_deals(account_id: int, people: list[Person], paths: list[Person]) -> Iterator[StoryDeal]:
    """Yield what one account has; `paths` are the four persons of the deal that is verified by every path."""
    if account_id == STALE_AGENTS:
        yield StoryDeal(DEAL_WITHOUT_AGENTS, "48 Harbor Street")
        yield StoryDeal(
            DEAL_ELIGIBLE, "12 Pine Avenue", agents=tuple(person.user_id for person in paths), synced_s=-5_400
        )
    if account_id in {INSTALLATION_RACE, SECOND_OF_777}:
        synced_s = -5_400 if account_id == SECOND_OF_777 else None
        yield StoryDeal(DEAL_AMBIGUOUS, "7 Cedar Lane", agents=(people[0].user_id,), synced_s=synced_s)
    yield from _examples(account_id, people)
    yield from _odd(account_id, people)


def _examples(account_id: int, people: list[Person]) -> Iterator[StoryDeal]:
    """One deal for every error code that needs a row; all that comes before its own gate is in order."""
    for code, (home, deal_id) in ERROR_CODE_DEALS.items():
        if home != account_id or code == "deal_id_missing":
            continue
        name = f"{deal_id % 100} Juniper Court"
        if code == "agent_verification_failed":
            yield StoryDeal(deal_id, name, agents=(unverified(people).user_id,))
        elif code == "zillow_transaction_id_missing":
            # It was changed after it had been synced, and the update needs the transaction's id.
            yield StoryDeal(
                deal_id,
                name,
                agents=(verified(people).user_id,),
                synced_s=-2 * _DAY_S,
                keeps_transaction=False,
                updated_s=-2_700,
            )
        else:
            yield StoryDeal(deal_id, name, agents=(verified(people).user_id,), has_property=code != "property_missing")


def _odd(account_id: int, people: list[Person]) -> Iterator[StoryDeal]:
    if account_id == DEAL_BARE[0]:
        yield StoryDeal(DEAL_BARE[1], "1 Willow Way", has_property=False)
    if account_id == DEAL_OF_NOBODY[0]:
        yield StoryDeal(DEAL_OF_NOBODY[1], "2 Willow Way", agents=(MISSING_USER,))
    if account_id == DEAL_OF_TOMORROW[0]:
        agents = (verified(people).user_id,)
        yield StoryDeal(
            DEAL_OF_TOMORROW[1],
            "3 Willow Way",
            agents=agents,
            synced_s=AHEAD_S,
            created_s=AHEAD_S - 600,
            updated_s=AHEAD_S,
        )


def verified(people: list[Person]) -> Person:
    """Somebody whom the paths verify whatever the story: with a good connection where the account has one."""
    secured = next((person for person in people if person.secured), None)
    return secured or next(person for person in people if person.token and person.resolution)


def unverified(people: list[Person]) -> Person:
    """Somebody without token and agent whom the legacy tables do not know either."""
    return next(
        person
        for number, person in enumerate(people)
        if number and not person.resolution and not person.token and not is_legacy(number) and not is_old_agent(number)
    )


def is_legacy(number: int) -> bool:
    """Return whether the user with this number in an account still has the deprecated profile id: every twentieth."""
    return number % 20 == 3


def is_old_agent(number: int) -> bool:
    """Return whether the user with this number in an account stands in the legacy `zillow_sync_agents`."""
    return number % 15 == 4
