"""The bad rows that production has, a few of each, in every story: one place that says which they are.

None of them changes a figure: rows are altered, not added, where a total is known, and the deals among them are no
story's. Ids that follow from the seed are found by `find_anomalies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.stories.account_list import DEALS_PER_ACCOUNT, ERROR_EXAMPLE, NAMED

if TYPE_CHECKING:
    from sandbox.stories.population import Person, Population

MISSING_USER = 99_000_001
"""On deal 13102, and in no `users` table."""
DANGLING_SYNC_USER = 49_999_001
"""Value of `zillow_auth.zillow_sync_user_id` in one row; no such sync user exists."""

DEAL_BARE = (ERROR_EXAMPLE, 13_101)
"""Neither a property nor agents."""
DEAL_OF_NOBODY = (ERROR_EXAMPLE, 13_102)
"""Its only agent has no row in `users`."""
DEAL_OF_TOMORROW = (ERROR_EXAMPLE, 13_103)
"""Created `AHEAD_S` after the start by a clock that runs ahead; synced, with everything in order."""

AHEAD_S = 3 * 3_600
"""How far ahead the rows dated in the future are, in seconds from the start."""

RETIRED_RESOLUTION = 2
RETIRED_PER_LARGE_ACCOUNT = 4
"""Agents with the retired resolution 2 at the end of each account of more than `LARGE_ACCOUNT` users."""
LARGE_ACCOUNT = 2_500


@dataclass(slots=True, frozen=True)
class Anomalies:
    """User ids of the persons whose rows are bad, all in one account, the second largest; 0 where there is none."""

    account_id: int = 0
    deleted_user: int = 0
    """Holds credentials; the row in `users` is gone."""
    dangling: int = 0
    """`zillow_auth.zillow_sync_user_id` is `DANGLING_SYNC_USER`."""
    auth_without_zuid: int = 0
    sync_without_zuid: int = 0
    numeric_auth: int = 0
    """Numeric in `zillow_auth` beside an encoded one in `zillow_sync_users`: nobody can say whether they agree."""
    numeric_sync: int = 0
    """The other way round."""
    numeric_both: int = 0
    """The same numeric ZUID in both."""
    refreshed_tomorrow: int = 0
    """`zillow_auth.updated_at` lies `AHEAD_S` ahead."""
    changed_tomorrow: int = 0
    """The newest row of `zillow_connection_logs` lies `AHEAD_S` ahead."""
    agent_without_user: int = 0
    """CONNECTED in `zillow_agents`, with `user_id` NULL."""


def numeric_zuid(user_id: int) -> str:
    """The older, numeric form of a Zillow user id."""
    return str(10_000_000 + user_id * 7_919 % 10_000_019)


def find_anomalies(population: Population) -> Anomalies:
    """Choose whose rows are bad; a pure function of the population."""
    sizes = sorted(
        (people for account, people in population.by_account.items() if account not in NAMED),
        key=lambda each: (-len(each), each[0].account.id),
    )
    people = sizes[1]
    settled = [p for p in people if p.expired_s is None and p.authorised_s is None and p.mended_after_s is None]
    holders = [p for p in settled if p.token]
    both = [p for p in holders if p.integrated and p.health == "healthy"]
    auth_only = [p for p in holders if p.sync_user_id is None]
    on_deals = _on_ordinary_deals(people)
    quiet = [p for p in auth_only if p.user_id not in on_deals]
    plain = [p for p in settled if p.resolution == 1 and not p.token and p.changed_s is None]
    return Anomalies(
        account_id=people[0].account.id,
        deleted_user=quiet[0].user_id,
        dangling=quiet[1].user_id,
        auth_without_zuid=both[0].user_id,
        sync_without_zuid=both[1].user_id,
        numeric_auth=both[2].user_id,
        numeric_sync=both[3].user_id,
        numeric_both=both[4].user_id,
        refreshed_tomorrow=both[5].user_id,
        changed_tomorrow=plain[0].user_id,
        agent_without_user=plain[1].user_id,
    )


def on_ordinary_deal(people: list[Person], number: int) -> set[int]:
    """User ids on an account's ordinary deal with this number: one to three; every twelfth deal has nobody."""
    if number % 12 == 11:
        return set()
    return {people[(number * 17 + n * 5) % len(people)].user_id for n in range(1 + number % 3)}


def _on_ordinary_deals(people: list[Person]) -> set[int]:
    return {user for number in range(DEALS_PER_ACCOUNT) for user in on_ordinary_deal(people, number)}
