"""The deals that stories, examples and bad rows are about; the ordinary ones are with the client rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.common_rows import Row, Stamp
from sandbox.oddities import AHEAD_S, DEAL_BARE, DEAL_OF_NOBODY, DEAL_OF_TOMORROW, MISSING_USER
from sandbox.population import Person
from sandbox.roster import (
    DEAL_AMBIGUOUS,
    DEAL_ELIGIBLE,
    DEAL_WITHOUT_AGENTS,
    ERROR_CODE_DEALS,
    INSTALLATION_RACE,
    SECOND_OF_777,
    STALE_AGENTS,
)

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

    def row(self, account_id: int, stamp: Stamp) -> Row:
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
