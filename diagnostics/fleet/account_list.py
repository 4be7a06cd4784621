"""The accounts that a question is put to: read from `common.accounts` by pages of its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.evidence import Evidence
from diagnostics.sources.mysql.addresses import AccountPlace

if TYPE_CHECKING:
    from diagnostics.sources.mysql.databases import Databases, Rows
    from diagnostics.sources.mysql.runner import Runner

PAGE = 2_000
"""Accounts of one page."""

MOST_ACCOUNTS = 100_000
"""More than ten times as many as there are; beyond, something else writes to this table."""

_NEEDED = ("id", "db_host", "db_database", "db_user")


@dataclass(slots=True, frozen=True)
class AccountList:
    """Accounts ascending by id."""

    accounts: tuple[AccountPlace, ...]
    unknown: tuple[int, ...]
    """Ids that were asked for and that `common.accounts` does not have."""
    evidence: Evidence
    """Of the first page."""

    @property
    def asked(self) -> int:
        """How many accounts the question is about."""
        return len(self.accounts) + len(self.unknown)


def read_account_list(
    databases: Databases, runner: Runner, accounts: Sequence[int] | None, go_on: Callable[[], None]
) -> AccountList:
    """Every account, or those of `accounts`. Calls `go_on` before each page; raises what it raises, SourceFailure."""
    wanted = None if accounts is None else sorted(set(accounts))
    found: list[AccountPlace] = []
    first: Evidence | None = None
    for page in _pages(databases, runner, wanted, go_on):
        first = first or page.evidence
        found += [_place(row) for row in page.rows if isinstance(row.get("id"), int)]
        if len(found) > MOST_ACCOUNTS:
            raise SourceFailure(
                FailureKind.REJECTED,
                "common",
                f"accounts holds more than {MOST_ACCOUNTS:,} rows: that many are not asked one by one",
                remedy="name accounts, or set analytics.url, which is asked once for all of them",
            )
    if first is None:
        raise SourceFailure(FailureKind.NOT_CONFIGURED, "common", "no account was asked for", remedy="name accounts")
    known = {place.id for place in found}
    unknown = tuple(account for account in wanted or () if account not in known)
    return AccountList(tuple(found), unknown, first)


def _pages(
    databases: Databases, runner: Runner, wanted: Sequence[int] | None, go_on: Callable[[], None]
) -> Iterator[Rows]:
    table = databases.table("accounts")
    # The status is an assumed column: accounts are asked without it too.
    columns = [*_NEEDED, "status"] if "status" in table.c else [*_NEEDED]
    after: int | None = None
    at = 0
    while True:
        go_on()
        statement = select(*(table.c[name] for name in columns)).order_by(table.c["id"]).limit(PAGE)
        if wanted is not None:
            statement = statement.where(table.c["id"].in_(wanted[at : at + PAGE]))
        elif after is not None:
            statement = statement.where(table.c["id"] > after)
        try:
            page = databases.read_common(statement, limit=PAGE, runner=runner)
        except SourceFailure as failure:
            if failure.kind is not FailureKind.NOT_MAPPED or "status" not in columns:
                raise
            columns.remove("status")
            continue
        yield page
        at += PAGE
        if wanted is None:
            last = page.rows[-1]["id"] if page.rows else None
            if len(page.rows) < PAGE or not isinstance(last, int):
                return
            after = last
        elif at >= len(wanted):
            return


def _place(row: dict[str, object]) -> AccountPlace:
    def text(name: str) -> str:
        value = row.get(name)
        return "" if value is None else str(value)

    number = row["id"]
    return AccountPlace(
        id=number if isinstance(number, int) else 0,
        name="",
        status=text("status"),
        db_host=text("db_host"),
        db_database=text("db_database"),
        db_user=text("db_user"),
        user_count=None,
    )
