"""How one database of a story is created and filled, and what a place for such databases has to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Dialect, Index, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from sandbox.rows import schema
from sandbox.rows.common_rows import Cells, common_rows, stamps
from sandbox.rows.hostile_rows import spoil_rows
from sandbox.rows.webhook_rows import webhook_rows
from sandbox.stories.account_list import StoryAccount
from sandbox.stories.population import Population
from sandbox.stories.story import Story

_BATCH = 5_000


Contents = Iterable[tuple[Table, Iterable[Cells]]]
PlaceOf = Callable[[StoryAccount], tuple[str, str, str]]
"""Says host, database and login of an account."""


class Cursor(Protocol):
    """The part of a DB-API cursor that filling needs."""

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> object:
        """Run one statement."""

    def executemany(self, statement: str, rows: Sequence[Cells], /) -> object:
        """Run one statement for many rows."""

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Return the rows of the last statement."""

    def fetchone(self) -> Sequence[Any] | None:
        """Return the next row."""


class Store(Protocol):
    """Where the databases of a story live."""

    common_url: str
    client_url: str
    """A template: `{db_host}`, `{db_database}` and `{db_user}` come from `common.accounts`."""

    analytics_url: str
    can_hide_clients: bool
    """Single client databases can be taken away and brought back."""

    def place(self, account: StoryAccount) -> tuple[str, str, str]:
        """Host, database and login of an account, as `accounts` names them."""

    def is_filled(self) -> bool:
        """Return whether the databases already hold exactly this story."""

    def fill(self) -> None:
        """Create everything and fill it; whatever the sandbox left there before is replaced."""

    def fill_analytics(self, behind_s: int) -> None:
        """Create the analytics engine's tables anew, as they were `behind_s` seconds before the start."""

    def writer(self) -> AbstractContextManager[Cursor]:
        """Open the filled common database for one transaction; raises `SourceFailure` or `sqlite3.Error`."""

    def client_writer(self, account: StoryAccount) -> AbstractContextManager[Cursor]:
        """Open one account's database for one transaction; raises `SourceFailure` or `sqlite3.Error`."""

    def hide_client(self, account: StoryAccount) -> None:
        """Take one account's database away; only where `can_hide_clients`."""

    def show_client(self, account: StoryAccount) -> None:
        """Bring it back; harmless when it was not away."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Cells]) -> None:
        """Insert further rows."""

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""

    def remove(self) -> None:
        """Take away everything that `fill` made."""


@lru_cache(maxsize=8)
def _definitions(metadata: MetaData, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Return the statements before the rows and those after them; all client databases share them.

    Indexes are quickest built after the rows. On a server each statement that changes a table costs milliseconds, so
    small tables get theirs at once, and a big one all of them in one statement.
    """
    tables = metadata.sorted_tables
    before = {table: str(CreateTable(table).compile(dialect=dialect)).strip() for table in tables}
    if dialect.name == "sqlite":
        after = [str(CreateIndex(index).compile(dialect=dialect)) for table in tables for index in table.indexes]
        return list(before.values()), after
    after = []
    for table in tables:
        keys = [key_of(index, dialect) for index in table.indexes]
        if keys and table in _BIG:
            name = dialect.identifier_preparer.format_table(table)
            after.append(f"ALTER TABLE {name} " + ", ".join(f"ADD {key}" for key in keys))
        elif keys:
            before[table] = before[table].removesuffix(")") + ", " + ", ".join(keys) + ")"
    return list(before.values()), after


_BIG = (schema.ZILLOW_WEBHOOK_EVENTS,)


def key_of(index: Index, dialect: Dialect) -> str:
    """Return an index as a server's CREATE TABLE and ALTER TABLE name it."""
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in index.columns)
    return f"{'UNIQUE ' if index.unique else ''}KEY {quote(str(index.name))} ({columns})"


def insertion(table: Table, dialect: Dialect) -> str:
    """Return the INSERT of whole rows, with a bound value for every column."""
    marker = "%s" if dialect.paramstyle in {"format", "pyformat"} else "?"
    quote = dialect.identifier_preparer
    names = ", ".join(quote.quote(column.name) for column in table.columns)
    markers = ", ".join([marker] * len(table.columns))
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({markers})"  # noqa: S608  # our own names; every value is bound


def fill_database(cursor: Cursor, dialect: Dialect, metadata: MetaData, contents: Contents, *, hostile: bool) -> None:
    """Create the tables of one database, insert the rows in batches, and build its indexes."""
    before, after = _definitions(metadata, dialect)
    for statement in before:
        cursor.execute(statement)
    for table, rows in contents:
        statement = insertion(table, dialect)
        remaining = iter(spoil_rows(table, rows) if hostile else rows)
        while batch := list(islice(remaining, _BATCH)):
            cursor.executemany(statement, batch)
    for statement in after:
        cursor.execute(statement)


def common_contents(story: Story, population: Population, place: PlaceOf) -> Contents:
    """Yield every table of the common database with its rows."""
    yield from common_rows(story, population, place)
    yield schema.ZILLOW_WEBHOOK_EVENTS, webhook_rows(story, stamps(story))


def mark_of(story: Story) -> Cells:
    """Return the row that says which story the databases hold."""
    return (story.name, story.seed, story.anchor, int(story.hostile))
