"""The two event tables of a world made for measuring, made by the database itself: millions of rows in minutes.

A table of a million numbers is doubled up once; every statement then inserts up to a million events computed from them,
in the order of the key, and the indexes are built when all rows are there.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Dialect, Table
from sqlalchemy.schema import CreateIndex, DropIndex

from sandbox import schema
from sandbox.filling import Cursor, key_of

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
