"""The accounts of the stand-in world: a pure function of the seed, the same in every scenario."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from sandbox.stories.scenario import ACCOUNTS_OAUTH

STALE_AGENTS = 14009
"""Fact: 47 of its agents are INFERRED although OAuth is connected; it went unnoticed for two days."""
INSTALLATION_RACE = 75172
"""Fact: its onboarding stays incomplete after a race during installation."""
INTEGRATION_DISABLED = 148261
"""Fact: tokens refresh and calls fail, because the integration is switched off in Premier Agent."""
ERROR_EXAMPLE = 12345
"""The account that the founding document's account query names."""
SECOND_OF_777 = 30511
"""Deal 777 exists here and in account 75172, so that a deal id alone is ambiguous (chosen)."""

ACCOUNT_COUNT = 64
LARGEST = 4_000
CLIENT_HOSTS = 4
"""Hosts of the client databases where they are files; on a server there is only one."""
USER_STRIDE = 5_000
"""User ids of one account lie in a block of their own; no account has more users than this."""

_NAMED = {
    STALE_AGENTS: ("Harbor & Pine Realty", 612),
    INSTALLATION_RACE: ("Cedar Lane Homes", 38),
    INTEGRATION_DISABLED: ("Summit Ridge Group", 1_204),
    ERROR_EXAMPLE: ("Blue Door Partners", 96),
    SECOND_OF_777: ("Old Mill Realty", 57),
}
NAMED = frozenset(_NAMED)
"""Accounts that have a part in a story."""
_PLACES = [
    "Lakeview",
    "Northgate",
    "Riverside",
    "Maple",
    "Copper",
    "Granite",
    "Willow",
    "Prairie",
    "Coastal",
    "Juniper",
    "Sterling",
    "Foxhall",
]
_KINDS = ("Realty", "Homes", "Property Group", "Residential", "& Co", "Brokers")


@dataclass(slots=True, frozen=True)
class StoryAccount:
    """One account: where it lives and how big it is."""

    index: int
    id: int
    name: str
    users: int
    status: str

    @property
    def database(self) -> str:
        """The last part of its client database's name; a schema prefix may stand before it."""
        return f"client_{self.id}"

    @property
    def first_user(self) -> int:
        """The lowest user id of this account."""
        return 100_000 + self.index * USER_STRIDE

    def user_ids(self) -> range:
        """All user ids of this account."""
        return range(self.first_user, self.first_user + self.users)


@lru_cache(maxsize=4)
def account_list(seed: int) -> tuple[StoryAccount, ...]:
    """Return the accounts, the named ones first, the others by ascending id; sizes run from 3 to 4,000 users."""
    rng = random.Random(f"roster:{seed}")
    ids = sorted(rng.sample(range(20_000, 200_000), ACCOUNT_COUNT - len(_NAMED)))
    count = len(ids)
    sizes = [round(3 * (LARGEST / 3) ** ((n / (count - 1)) ** 1.4)) for n in range(count)]
    rng.shuffle(sizes)
    accounts = [
        StoryAccount(index, account_id, name, users, "active")
        for index, (account_id, (name, users)) in enumerate(_NAMED.items())
    ]
    for offset, (account_id, users) in enumerate(zip(ids, sizes, strict=True)):
        name = f"{_PLACES[offset % len(_PLACES)]} {_KINDS[(offset // len(_PLACES)) % len(_KINDS)]}"
        status = "suspended" if offset in {17, 41} else "active"
        accounts.append(StoryAccount(len(_NAMED) + offset, account_id, name, users, status))
    return tuple(accounts)


def oauth_accounts(accounts: tuple[StoryAccount, ...]) -> tuple[StoryAccount, ...]:
    """Return the accounts whose token refreshes fail in a story: the named ones, then the largest of the others."""
    rest = sorted(accounts[len(_NAMED) :], key=lambda account: -account.users)
    return (*accounts[: len(_NAMED)], *rest[: ACCOUNTS_OAUTH - len(_NAMED)])


def account_of(seed: int, account_id: int) -> StoryAccount:
    """Return one account; raises KeyError when it is not in the list."""
    for account in account_list(seed):
        if account.id == account_id:
            return account
    raise KeyError(account_id)


DEALS_PER_ACCOUNT = 36
DEAL_WITHOUT_AGENTS = 12345
"""Lives in account 14009; nobody is on it, so it cannot sync."""
DEAL_ELIGIBLE = 12346
"""Lives in account 14009; four agents, each verified by another of the four paths."""
DEAL_AMBIGUOUS = 777
"""Exists in two accounts."""


def ordinary_deals(account: StoryAccount) -> range:
    """Ids of the unremarkable deals of one account; never the same in two accounts."""
    first = 500_001 + account.index * 1_000
    return range(first, first + DEALS_PER_ACCOUNT)


ERROR_CODE_DEALS: dict[str, tuple[int, int]] = {
    "property_missing": (ERROR_EXAMPLE, 13_001),
    "agent_verification_failed": (ERROR_EXAMPLE, 13_002),
    "contact_sync_missing": (INSTALLATION_RACE, 13_003),
    "sync_system_missing": (SECOND_OF_777, 13_004),
    "zillow_transaction_id_missing": (ERROR_EXAMPLE, 13_005),
    "deal_id_missing": (ERROR_EXAMPLE, 13_006),
}
"""Account and deal of one example of every error code, in every scenario; each passes all gates before its own.

Account 75172 has no active connection at all, the data-sync system of account 30511 is switched off, deal 13005 was
synced before and has lost its transaction id, and deal 13006 is in no database.
"""
ACCOUNT_WITHOUT_SYNC_SYSTEM = SECOND_OF_777
