"""One statement for many schemas: a branch for each account, put together with UNION ALL.

The statement is built and compiled once for a number of branches. The names of schemas are put in when it is sent, and
quoted, by SQLAlchemy's schema translation; account ids and page keys are bound values.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, CompoundSelect, MetaData, Table, bindparam, union_all
from sqlalchemy.sql.elements import ColumnElement, Label

from diagnostics.sources.mysql.addresses import AccountPlace

if TYPE_CHECKING:
    from sqlalchemy import URL

    from diagnostics.fleet.models import FleetQuestion, Query, TableOf

ASKED = "asked_account"
"""Label of the column that says whose database a row comes from."""

_BEFORE_ALL = -(2**63)


@dataclass(slots=True, frozen=True)
class Server:
    """One login at one host, or one account's file."""

    url: URL
    """Without a database; of a file the whole address."""
    host: str
    """For a person and for the bound on connections, e.g. "db-7" or "db-7:3307"; empty for files."""
    is_file: bool = False


@dataclass(slots=True, frozen=True)
class AskedAccount:
    """One account, and how far its rows are read."""

    place: AccountPlace
    schema: str
    after: int = _BEFORE_ALL
    """The page key of the last row that was read."""


@dataclass(slots=True, frozen=True)
class Batch:
    """Accounts asked in one round trip."""

    server: Server
    accounts: tuple[AskedAccount, ...]
    losses: int = 0
    """How often the connection was lost while it was under way."""


class Slots:
    """The mapped tables once more for every branch. Statements are compiled again for tables that are other objects."""

    def __init__(self, table: TableOf) -> None:
        self._table = table
        self._made: dict[tuple[str, str], Table] = {}

    def apart(self) -> Slots:
        """The same with a memory of its own."""
        return Slots(self._table)

    def table(self, logical: str, schema: str | None) -> Table:
        """A table in a schema, or in none."""
        if schema is None:
            return self._table(logical)
        made = self._made.get((logical, schema))
        if made is None:
            copied = self._table(logical).to_metadata(MetaData(), schema=schema)
            made = self._made.setdefault((logical, schema), copied)
        return made


class Plan:
    """The statements of one question. Safe from several threads."""

    def __init__(self, question: FleetQuestion, slots: Slots) -> None:
        self.question = question
        self.limit = question.page if question.page_by else question.most_rows + 1
        """Rows of one branch at most."""
        self._slots = slots
        self._built: dict[int, Query | CompoundSelect[*tuple[Any, ...]]] = {}
        self._lock = threading.Lock()

    def statement(self, accounts: Sequence[AskedAccount]) -> Query | CompoundSelect[*tuple[Any, ...]]:
        """For these accounts' schemas on one server."""
        with self._lock:
            built = self._built.get(len(accounts))
            if built is None:
                branches = [self._branch(number, _slot(number)) for number in range(len(accounts))]
                built = branches[0] if len(branches) == 1 else union_all(*branches)
                self._built[len(accounts)] = built
        schemas = {_slot(number): asked.schema for number, asked in enumerate(accounts)}
        return built.execution_options(schema_translate_map=schemas)

    def of_file(self) -> Query:
        """For a database that needs no schema."""
        return self._branch(0, None)

    def shown(self, asked: AskedAccount, *, is_file: bool) -> Query:
        """The branch of one account as evidence shows it."""
        return self._branch(0, None if is_file else asked.schema, asked)

    def values(self, accounts: Sequence[AskedAccount]) -> Mapping[str, object]:
        """The values of a statement's named parameters."""
        values: dict[str, object] = {}
        for number, asked in enumerate(accounts):
            values[f"account_{number}"] = asked.place.id
            if self.question.page_by:
                values[f"after_{number}"] = asked.after
        return values

    def _branch(self, number: int, schema: str | None, asked: AskedAccount | None = None) -> Query:
        question = self.question
        # The schema of an account that is shown is one of thousands, and not kept.
        slots = self._slots if asked is None else self._slots.apart()
        branch = question.statement(lambda logical: slots.table(logical, schema))
        if question.page_by:
            key = plain(branch.selected_columns[question.page_by])
            after = bindparam(f"after_{number}", asked and asked.after, type_=BigInteger)
            branch = branch.where(key > after).order_by(key)
        account = bindparam(f"account_{number}", asked and asked.place.id, type_=BigInteger)
        return branch.add_columns(account.label(ASKED)).limit(self.limit)


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column behind a label: conditions know no labels."""
    return column.element if isinstance(column, Label) else column


def cut(server: Server, accounts: Sequence[AskedAccount], *, most: int, lanes: int) -> list[Batch]:
    """Batches of few sizes, powers of two: a size that was never sent before costs a compilation.

    The largest are as large as keeps every connection busy, and the smallest come last.
    """
    size = _power(min(most, max(1, len(accounts) // lanes)))
    batches: list[Batch] = []
    at = 0
    while at < len(accounts):
        size = min(size, _power(len(accounts) - at))
        batches.append(Batch(server, tuple(accounts[at : at + size])))
        at += size
    return batches


def _power(most: int) -> int:
    """The largest power of two that is not more."""
    return 1 << (most.bit_length() - 1)


def _slot(number: int) -> str:
    return f"slot_{number}"
