"""Rows of a world made for measuring: as many accounts and agents as asked for, all figures known beforehand.

Unlike the stories this world means nothing. Its shares are those of production (46.72, 15.99, 37.29 % of the agents by
resolution, rounded to whole hundredths; 98.8 % healthy connections), repeated in a fixed pattern.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox import schema
from sandbox.common_rows import Row, Stamp, feature_flag_rows, oauth_application_rows
from sandbox.filling import Contents

FIRST_ACCOUNT = 200_001
USER_STRIDE = 100_000
"""Users of one account have a block of ids of their own; no account has more agents."""
FIRST_SYNC_USER = 1

CONNECTED, INFERRED, UNMATCHED = 1, 3, 4
_HUNDRED = (CONNECTED,) * 47 + (INFERRED,) * 16 + (UNMATCHED,) * 37
_DAY_S = 86_400

Place = Callable[[int], tuple[str, str, str]]
"""Says host, database and login of an account id."""


@dataclass(slots=True, frozen=True)
class ScaleSize:
    """How much of everything."""

    rows: int
    """Lead events."""
    accounts: int
    agents: int = 10
    """Agents of every account but the first."""
    agents_in_one: int = 10_000
    """Agents of the first account."""
    deals: int = 5
    deals_in_one: int = 20_000
    webhooks: int = 100_000
    rows_per_s: float = 20.0
    """Lead events a second, so that a window holds the same number however many there are in all."""
    seed: int = 1

    @property
    def account_ids(self) -> range:
        """All account ids; the first is the large one."""
        return range(FIRST_ACCOUNT, FIRST_ACCOUNT + self.accounts)

    def agents_of(self, account_id: int) -> int:
        """Agents of one account."""
        return self.agents_in_one if account_id == FIRST_ACCOUNT else self.agents

    def deals_of(self, account_id: int) -> int:
        """Deals of one account."""
        return self.deals_in_one if account_id == FIRST_ACCOUNT else self.deals

    def resolutions(self) -> Counter[int]:
        """Agents by resolution method over all accounts."""
        counts: Counter[int] = Counter()
        for account_id in self.account_ids:
            counts.update(resolution_of(number) for number in range(self.agents_of(account_id)))
        return counts

    def sync_users(self) -> int:
        """Rows of `zillow_sync_users`, and of `zillow_auth`: one for each CONNECTED agent."""
        return self.resolutions()[CONNECTED]


def resolution_of(number: int) -> int:
    """The resolution of an account's agent with this number; the shares are right in every hundred, and mixed."""
    return _HUNDRED[number * 37 % 100]


def first_user(account_id: int) -> int:
    """The lowest user id of an account."""
    return (account_id - FIRST_ACCOUNT + 1) * USER_STRIDE


class ScaleRows:
    """All rows but the lead and webhook events. `stamp` turns seconds from the start into a moment."""

    def __init__(self, size: ScaleSize, stamp: Stamp) -> None:
        self._size = size
        self._stamp = stamp

    def common(self, place: Place) -> Contents:
        """Yield the tables of `common`."""
        size = self._size
        yield (
            schema.ACCOUNTS,
            (
                (account_id, f"Scale {account_id}", "active", *place(account_id), size.agents_of(account_id))
                for account_id in size.account_ids
            ),
        )
        yield schema.ZILLOW_AUTH, self._auth()
        yield schema.ZILLOW_SYNC_USERS, self._sync_users()
        yield schema.ZILLOW_CONNECTION_LOGS, self._connection_logs()
        yield schema.OAUTH_APPLICATIONS, oauth_application_rows()
        yield schema.FEATURE_FLAGS, feature_flag_rows()

    def _holders(self) -> Iterator[tuple[int, int, int]]:
        """Yield number, account and user of every CONNECTED agent."""
        number = 0
        for account_id in self._size.account_ids:
            for agent in range(self._size.agents_of(account_id)):
                if resolution_of(agent) == CONNECTED:
                    yield number, account_id, first_user(account_id) + agent
                    number += 1

    def _auth(self) -> Iterator[Row]:
        rng, stamp = random.Random(f"scale-auth:{self._size.seed}"), self._stamp
        for number, account_id, user_id in self._holders():
            yield (
                1 + number,
                account_id,
                user_id,
                f"X1-ZU{user_id:011d}",
                f"v2:{rng.getrandbits(64):016x}",
                stamp(rng.randrange(6 * 3_600, 30 * 3_600)),
                FIRST_SYNC_USER + number,
                stamp(-rng.randrange(20 * _DAY_S, 400 * _DAY_S)),
                stamp(-rng.randrange(600, 20 * 3_600)),
            )

    def _sync_users(self) -> Iterator[Row]:
        rng, stamp = random.Random(f"scale-sync:{self._size.seed}"), self._stamp
        for number, account_id, user_id in self._holders():
            # 988 of 1,000 are healthy.
            health = {0: "error", 100: "error", 200: "warning"}.get(number % 250, "healthy")
            problem = health == "error"
            yield (
                FIRST_SYNC_USER + number,
                account_id,
                user_id,
                f"X1-ZU{user_id:011d}",
                f"agent{user_id}@example.com",
                f"zim-{number:07d}",
                1,
                health,
                stamp(-rng.randrange(600, 20 * _DAY_S)) if problem else None,
                "connection could not be verified" if problem else None,
                rng.randrange(200),
                stamp(-rng.randrange(600, _DAY_S)),
                stamp(-rng.randrange(60, 7_200)),
                stamp(-rng.randrange(30 * _DAY_S, 700 * _DAY_S)),
            )

    def _connection_logs(self) -> Iterator[Row]:
        """One change for every agent, spread over a month, oldest first."""
        total = sum(self._size.agents_of(account_id) for account_id in self._size.account_ids)
        number = 0
        for account_id in self._size.account_ids:
            for agent in range(self._size.agents_of(account_id)):
                method = resolution_of(agent)
                old = UNMATCHED if method == CONNECTED else CONNECTED
                at = self._stamp(-30 * _DAY_S + number * 30 * _DAY_S // total)
                yield (1 + number, account_id, first_user(account_id) + agent, old, method, "agent sync", at)
                number += 1

    def client(self, account_id: int) -> Contents:
        """Yield the tables of one account's database."""
        yield schema.USERS, self._users(account_id)
        yield schema.ZILLOW_AGENTS, self._agents(account_id)
        yield schema.ZILLOW_TEAMS, [(1, f"team-{account_id}", "Team One")]
        agents = range(self._size.agents_of(account_id))
        yield schema.ZILLOW_AGENT_TEAMS, [(first_user(account_id) + agent, 1) for agent in agents if agent % 3]
        yield schema.ZILLOW_SYNC_AGENTS, [(1, account_id, first_user(account_id))]
        yield schema.ZILLOW_SYNC_TEAMS, [(1, f"team-{account_id}")]
        yield from self._deals(account_id)
        yield schema.DATA_SYNC_SYSTEMS, [(1, account_id, "zillow", 1)]

    def _users(self, account_id: int) -> Iterator[Row]:
        for agent in range(self._size.agents_of(account_id)):
            user_id = first_user(account_id) + agent
            yield (user_id, account_id, f"Agent {user_id}", f"agent{user_id}@example.com", "active", None)

    def _agents(self, account_id: int) -> Iterator[Row]:
        rng = random.Random(f"scale-agents:{self._size.seed}:{account_id}")
        for agent in range(self._size.agents_of(account_id)):
            user_id, method = first_user(account_id) + agent, resolution_of(agent)
            resolved = method != UNMATCHED
            yield (
                user_id,
                account_id,
                user_id if resolved else None,
                f"enc:X1-ZU{user_id:011d}" if resolved else None,
                f"Agent {user_id}",
                f"agent{user_id}@example.com",
                method,
                self._stamp(-rng.randrange(30 * _DAY_S, 600 * _DAY_S)),
                self._stamp(-rng.randrange(3_600, 20 * _DAY_S)),
            )

    def _deals(self, account_id: int) -> Contents:
        """One deal every half hour of the past, one in twenty not synced; each with one agent and one contact."""
        count, first = self._size.deals_of(account_id), first_user(account_id)
        agents, people = self._size.agents_of(account_id), []
        deals: list[Row] = []
        for number in range(count):
            deal_id, age = first + number + 1, 1_800 * (count - number)
            synced = number % 20 != 19
            deals.append(
                (
                    deal_id,
                    account_id,
                    f"{deal_id} Main Street",
                    "Active",
                    deal_id * 10,
                    f"ztx-{deal_id}" if synced else None,
                    self._stamp(300 - age) if synced else None,
                    self._stamp(-age),
                    self._stamp(600 - age),
                )
            )
            if agents:
                people.append((deal_id, first + number % agents))
        yield schema.DEALS, deals
        yield schema.DEAL_AGENTS, people
        yield schema.DEALS_CONTACTS, [(row[0], row[0] * 10 + 1) for row in deals]
