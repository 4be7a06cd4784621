"""Rows of a world made for measuring: as many accounts and agents as asked for, all figures known beforehand.

Unlike the stories this world means nothing. Its shares are those of production (46.72, 15.99, 37.29 % of the agents by
resolution, rounded to whole hundredths; 98.8 % healthy connections), repeated in a fixed pattern.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Dialect, Table
from sqlalchemy.schema import CreateIndex, DropIndex

from sandbox.rows import schema
from sandbox.rows.common_rows import Cells, Stamp, feature_flag_rows, oauth_application_rows
from sandbox.stores.filling import Contents, Cursor, key_of

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
    """Sizes of a world: accounts, agents, deals, events."""

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

    def _auth(self) -> Iterator[Cells]:
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

    def _sync_users(self) -> Iterator[Cells]:
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

    def _connection_logs(self) -> Iterator[Cells]:
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

    def _users(self, account_id: int) -> Iterator[Cells]:
        for agent in range(self._size.agents_of(account_id)):
            user_id = first_user(account_id) + agent
            yield (user_id, account_id, f"Agent {user_id}", f"agent{user_id}@example.com", "active", None)

    def _agents(self, account_id: int) -> Iterator[Cells]:
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
        deals: list[Cells] = []
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


CHUNK = 1_000_000
FAILED_EVERY = 83
"""One lead event in so many has failed: 98.8 % success."""
LOST_EVERY = 50_000
"""One webhook event in so many is lost; the newest hundredth of the others waits."""

_NUMBERS = "scale_numbers"


class EventMaker:
    """Makes events in the common database to which the cursor is connected. Each statement is a transaction."""

    def __init__(self, cursor: Cursor, dialect: Dialect, sync_users: int, accounts: range) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._is_sqlite = dialect.name == "sqlite"
        self._sync_users = max(1, sync_users)
        self._accounts = accounts

    def fill(self, leads: int, webhooks: int, anchor: int, step_us: int) -> None:
        """Fill both empty tables; the newest rows are at `anchor`, seconds since the epoch, `step_us` apart."""
        tables = (schema.ZILLOW_LEAD_EVENTS_LOG, schema.ZILLOW_WEBHOOK_EVENTS)
        self._count_to(min(CHUNK, max(leads, webhooks, 1)))
        for table in tables:
            self._drop_indexes(table)
        if not self._is_sqlite:
            # Rows come in the order of the key and are unique by their making.
            self._cursor.execute("SET SESSION unique_checks = 0, foreign_key_checks = 0")
        self._insert(schema.ZILLOW_LEAD_EVENTS_LOG, self._lead_columns(leads, anchor, step_us), range(leads))
        hooks = self._webhook_columns(webhooks, anchor, step_us)
        self._insert(schema.ZILLOW_WEBHOOK_EVENTS, hooks, range(webhooks))
        for table in tables:
            self._build_indexes(table)
        self._run(f"DROP TABLE {_NUMBERS}")

    def append_leads(self, numbers: range, now: int, step_us: int) -> None:
        """Insert further lead events; the last of `numbers` is dated `now`."""
        self._count_to(min(CHUNK, max(1, len(numbers))))
        columns = self._lead_columns(numbers.stop, now, step_us)
        self._insert(schema.ZILLOW_LEAD_EVENTS_LOG, columns, numbers)
        self._run(f"DROP TABLE {_NUMBERS}")

    def _run(self, statement: str) -> None:
        self._cursor.execute(statement)
        if self._is_sqlite:
            self._cursor.execute("COMMIT")
            self._cursor.execute("BEGIN")
        else:
            self._cursor.execute("COMMIT")

    def _count_to(self, count: int) -> None:
        """Make a table of the numbers from 0 on, doubling it."""
        self._run(f"DROP TABLE IF EXISTS {_NUMBERS}")
        self._run(f"CREATE TABLE {_NUMBERS} (n INTEGER NOT NULL PRIMARY KEY)")
        self._run(f"INSERT INTO {_NUMBERS} VALUES (0)")  # noqa: S608  # our own name
        have = 1
        while have < count:
            take = min(have, count - have)
            self._run(f"INSERT INTO {_NUMBERS} SELECT n + {have} FROM {_NUMBERS} WHERE n < {take}")  # noqa: S608  # our own numbers
            have += take

    def _insert(self, table: Table, columns: dict[str, str], numbers: range) -> None:
        """Insert the rows with these numbers; `{k}` in a column's expression is the number."""
        names = ", ".join(columns)
        for start in range(numbers.start, numbers.stop, CHUNK):
            values = ", ".join(expression.replace("{k}", f"(n + {start})") for expression in columns.values())
            take = min(CHUNK, numbers.stop - start)
            self._run(
                f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {_NUMBERS} WHERE n < {take} ORDER BY n"  # noqa: S608  # our own names and numbers
            )

    def _moment(self, seconds: str, anchor: int) -> str:
        """An expression for `anchor` plus a whole number of seconds."""
        if self._is_sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', {anchor} + {seconds}, 'unixepoch')"
        start = datetime.fromtimestamp(anchor, UTC).replace(tzinfo=None).isoformat(" ")
        return f"TIMESTAMP '{start}' + INTERVAL ({seconds}) SECOND"

    def _divided(self, expression: str, by: int) -> str:
        """Integer division, which the two kinds of database write differently."""
        return f"(({expression}) {'/' if self._is_sqlite else 'DIV'} {by})"

    def _lead_columns(self, total: int, anchor: int, step_us: int) -> dict[str, str]:
        since = self._divided(f"({{k}} + 1 - {total}) * {step_us}", 1_000_000)
        return {
            "id": "{k} + 1",
            "sync_user_id": f"1 + ({{k}} * 31) % {self._sync_users}",
            "event_type": "CASE {k} % 3 WHEN 0 THEN 'lead.created' WHEN 1 THEN 'lead.updated' ELSE 'lead.assigned' END",
            "sync_status": f"CASE WHEN {{k}} % {FAILED_EVERY} = 0 THEN 'failed' ELSE 'success' END",
            "error_message": f"CASE WHEN {{k}} % {FAILED_EVERY} = 0 THEN 'Zillow data API answered 502' ELSE NULL END",
            "created_at": self._moment(since, anchor),
        }

    def _webhook_columns(self, total: int, anchor: int, step_us: int) -> dict[str, str]:
        since = self._divided(f"({{k}} + 1 - {total}) * {step_us}", 1_000_000)
        waits = f"{{k}} >= {total - total // 100}"
        lost = f"{{k}} % {LOST_EVERY} = 1"
        return {
            "id": "{k} + 1",
            "account_id": f"{self._accounts.start} + ({{k}} * 97) % {len(self._accounts)}",
            "event_type": "CASE {k} % 2 WHEN 0 THEN 'lead.created' ELSE 'transaction.updated' END",
            "status": f"CASE WHEN {waits} THEN 'pending' WHEN {lost} THEN 'lost' ELSE 'delivered' END",
            "attempts": f"CASE WHEN {waits} THEN 0 WHEN {lost} THEN 12 ELSE 1 END",
            "http_status": f"CASE WHEN {waits} THEN NULL WHEN {lost} THEN 429 ELSE 200 END",
            "received_at": self._moment(since, anchor),
            "processed_at": f"CASE WHEN {waits} OR {lost} THEN NULL ELSE {self._moment(since + ' + 8', anchor)} END",
        }

    def _drop_indexes(self, table: Table) -> None:
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            self._run(str(DropIndex(index).compile(dialect=self._dialect)))

    def _build_indexes(self, table: Table) -> None:
        indexes = sorted(table.indexes, key=lambda each: str(each.name))
        if self._is_sqlite:
            for index in indexes:
                self._run(str(CreateIndex(index).compile(dialect=self._dialect)))
        else:
            keys = ", ".join(f"ADD {key_of(index, self._dialect)}" for index in indexes)
            self._run(f"ALTER TABLE {table.name} {keys}")
