"""The same questions put to the team's analytics engine, which holds the rows of all accounts in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, MetaData, Table, and_, func, literal, or_, select
from sqlalchemy.sql.elements import quoted_name

from diagnostics.core.failures import SourceFailure
from diagnostics.fleet.analytics_engine import SOURCE, caveat_of, open_engine
from diagnostics.fleet.batches import plain
from diagnostics.fleet.models import FleetQuestion
from diagnostics.models.evidence import Evidence
from diagnostics.sources.mysql.statements import describe

if TYPE_CHECKING:
    from diagnostics.config.settings import AnalyticsSettings, DatabaseSettings
    from diagnostics.fleet.models import Query
    from diagnostics.sources.mysql.databases import Databases
    from diagnostics.sources.mysql.runner import Answer, Runner

PAGE = 10_000
"""Rows of one round trip."""

_NAMED_MOST = 500
"""Accounts that are named in the statement; of more, all are read and the others are left aside."""


@dataclass(slots=True)
class Counted:
    """What the engine answered."""

    rows: dict[int, list[dict[str, object]]] = field(default_factory=dict)
    """By the account that each row names, which is no longer among the columns."""
    cut: set[int] = field(default_factory=set)
    """Accounts with more rows than the question takes."""
    nobody: list[dict[str, object]] = field(default_factory=list)
    """Rows that name no account."""
    newest: datetime | None = None
    freshness_failure: str = ""
    evidence: list[Evidence] = field(default_factory=list)


class Analytics:
    """One engine. Opened when first asked."""

    def __init__(self, settings: AnalyticsSettings, clients: DatabaseSettings, databases: Databases) -> None:
        """Raises `SourceFailure` (not configured)."""
        self._settings = settings
        self._databases = databases
        self._engine = open_engine(settings, clients)

    def has(self, question: FleetQuestion) -> bool:
        """Whether it can be asked this."""
        return question.analytics is not None and self._name(question.table) is not None

    def read(
        self,
        question: FleetQuestion,
        runner: Runner,
        accounts: Sequence[int] | None,
        go_on: Callable[[], None],
    ) -> Counted:
        """Ask it, page by page. Calls `go_on` before each; raises what it raises, and `SourceFailure`."""
        if question.analytics is None:
            raise ValueError(f"the question {question.name!r} has no form for the analytics engine")
        self._databases.check_client(question.analytics(self._databases.table))
        statement = question.analytics(self._table)
        account = plain(statement.selected_columns["account_id"])
        if accounts is not None and len(accounts) <= _NAMED_MOST:
            statement = statement.where(account.in_(sorted(accounts)))
        counted = Counted()
        pages = _Pages(question, statement.where(account.is_not(None)), account)
        asked: list[Answer] = []
        first = pages.next()
        while (page := pages.next()) is not None:
            go_on()
            asked.append(runner.run(self._engine, page, PAGE))
            for row in pages.taken(asked[-1].rows):
                self._add(counted, question, row)
        counted.evidence.append(self._evidence(first, asked))
        go_on()
        self._nobody(counted, question, statement.where(account.is_(None)), runner)
        go_on()
        self._newest(counted, question, runner)
        return counted

    def ping(self, runner: Runner) -> Evidence:
        """Ask for nothing. Raises `SourceFailure`."""
        statement = select(literal(1).label("answered"))
        return self._evidence(statement, [runner.run(self._engine, statement, 1)])

    def close(self) -> None:
        """Close what is open."""
        self._engine.dispose()

    def _nobody(self, counted: Counted, question: FleetQuestion, statement: Query, runner: Runner) -> None:
        limited = statement.limit(PAGE)
        counted.nobody += runner.run(self._engine, limited, min(PAGE, question.most_rows)).rows

    def _newest(self, counted: Counted, question: FleetQuestion, runner: Runner) -> None:
        """How fresh the engine is. A failure here leaves the numbers as they are."""
        table = self._table(question.table)
        if question.freshness not in table.c:
            counted.freshness_failure = f"{question.table} has no column {question.freshness}"
            return
        statement = select(func.max(table.c[question.freshness]).label("newest"))
        try:
            answer = runner.run(self._engine, statement, 1)
        except SourceFailure as failure:
            counted.freshness_failure = failure.reason
            return
        value = answer.rows[0]["newest"] if answer.rows else None
        counted.newest = value if isinstance(value, datetime) else None
        counted.evidence.append(self._evidence(statement, [answer]))

    @staticmethod
    def _add(counted: Counted, question: FleetQuestion, row: dict[str, object]) -> None:
        account = row.pop("account_id")
        if not isinstance(account, int):
            counted.nobody.append(row)
            return
        rows = counted.rows.setdefault(account, [])
        if len(rows) < question.most_rows:
            rows.append(row)
        else:
            counted.cut.add(account)

    def _evidence(self, statement: Query | None, answers: Sequence[Answer]) -> Evidence:
        trips = f"read in {len(answers)} pages" if len(answers) > 1 else ""
        return Evidence(
            source=SOURCE,
            query="" if statement is None else describe(statement, self._engine.engine.dialect.name),
            started_at=answers[0].started_at,
            took_ms=round(sum(answer.took_ms for answer in answers), 3),
            rows=sum(len(answer.rows) for answer in answers),
            caveat="; ".join(filter(None, (trips, caveat_of(self._engine)))),
        )

    def _name(self, logical: str) -> str | None:
        name = getattr(self._settings, logical, None)
        return name if isinstance(name, str) else None

    def _table(self, logical: str) -> Table:
        """The engine's table, its columns named as in the databases; each part of its name is quoted by the dialect."""
        *parents, name = (self._name(logical) or logical).split(".")
        quote = self._engine.engine.dialect.identifier_preparer.quote
        mapped = self._databases.table(logical)
        if not parents:
            return mapped.to_metadata(MetaData(), name=name)
        return mapped.to_metadata(MetaData(), schema=quoted_name(".".join(map(quote, parents)), quote=False), name=name)


class _Pages:
    """The statements of one question, each beginning after the last row of the one before."""

    def __init__(self, question: FleetQuestion, statement: Query, account: ColumnElement[Any]) -> None:
        self._statement = statement
        self._account = account
        self._label = question.page_by
        self._key = None if question.page_by is None else plain(statement.selected_columns[question.page_by])
        self._after: tuple[int, int] | None = None
        self._is_over = False

    def next(self) -> Query | None:
        """The next statement; None when everything is read."""
        if self._is_over:
            return None
        order = [self._account] if self._key is None else [self._account, self._key]
        statement = self._statement.order_by(*order).limit(PAGE)
        if self._after is None:
            return statement
        account, key = self._after
        if self._key is None:
            return statement.where(self._account > account)
        # Written out: as a comparison of rows it would not use an index.
        further = or_(self._account > account, self._key > key)
        return statement.where(and_(self._account >= account, further))

    def taken(self, rows: tuple[dict[str, object], ...]) -> tuple[dict[str, object], ...]:
        """The rows of a page that are whole; what was cut off is read again with the next."""
        if len(rows) < PAGE:
            self._is_over = True
            return rows
        last = rows[-1]
        account, key = last["account_id"], last.get(self._label) if self._label else 0
        if not isinstance(account, int) or not isinstance(key, int):
            self._is_over = True
            return rows
        if self._label is None:
            whole = tuple(row for row in rows if row["account_id"] != account)
            if whole:
                before = whole[-1]["account_id"]
                self._after = (before if isinstance(before, int) else account, 0)
                return whole
        self._after = (account, key)
        return rows
