"""Statements before they are sent, and cells after they came back: kinds, limits, evidence, the sanitizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, CompoundSelect, Select, Table, TextClause
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.selectable import TableClause

from diagnostics.core.sanitizer import MARK, clean
from diagnostics.sources.mysql.tables import Kind, Tables

Statement = Select[Any] | CompoundSelect[Any] | TextClause

MOST_ROWS = 10_000
"""Rows read when the caller names no limit: no question of this program needs more at once."""

_CELL_LENGTH = 8_192
_EVIDENCE_LENGTH = 8_000
_VALUE_LENGTH = 120
_WORD = re.compile(r"\w+")
_BREAK = re.compile(r" *\n *")


class StatementRefused(ValueError):  # noqa: N818  # a sibling of SourceFailure, and named like it
    """A mistake in the program: this statement must not be sent to this connection. Nothing was sent."""


def check_statement(statement: object, kind: Kind, tables: Tables) -> None:
    """Raise `StatementRefused` unless `statement` only reads mapped tables of the one `kind`.

    The two kinds of database live on different servers: a statement naming both cannot work in production, and works by
    accident where tests put both into one place.
    """
    if not isinstance(statement, Select | CompoundSelect | TextClause):
        raise StatementRefused(f"only SELECT statements are sent, not {type(statement).__name__}")
    found: dict[str, str] = {}
    for element in visitors.iterate(statement):
        if isinstance(element, UpdateBase):
            raise StatementRefused("the console is read-only: INSERT, UPDATE and DELETE are not sent")
        if isinstance(element, Select) and element._for_update_arg is not None:
            raise StatementRefused("the console is read-only: locking reads (FOR UPDATE) are not sent")
        if isinstance(element, TextClause):
            found.update(_named_in_text(element.text, kind, tables))
        if isinstance(element, ColumnClause) and element.is_literal:
            found.update(_named_in_text(element.name, kind, tables))
        table = element.table if isinstance(element, Column) else element
        if isinstance(table, TableClause):
            found[table.name] = table.info.get("database", "unmapped") if isinstance(table, Table) else "unmapped"
    wrong = sorted(f"{name} ({where})" for name, where in found.items() if where != kind)
    if wrong:
        raise StatementRefused(
            f"a statement for a {kind} database touches {', '.join(wrong)}; common and client databases are never "
            "joined in one query, and tables come from Databases.table()"
        )


def _named_in_text(text: str, kind: Kind, tables: Tables) -> Iterable[tuple[str, str]]:
    for word in _WORD.findall(text):
        kinds = tables.kinds.get(word.lower())
        if kinds is not None and kind not in kinds:
            yield word, next(iter(kinds))


def bound_limit(statement: Statement, limit: int | None) -> tuple[Statement, int]:
    """The statement asking for one row more than may be kept, and how many may be kept.

    One row more tells "all of them" from "the first so many". A smaller limit of the statement's own stays.
    """
    if limit is not None and limit < 1:
        raise StatementRefused(f"a limit is at least 1, not {limit}")
    keep = MOST_ROWS if limit is None else limit
    if isinstance(statement, TextClause):
        return statement, keep
    if statement._limit_clause is None:
        return statement.limit(keep + 1), keep
    own = getattr(statement._limit_clause, "value", None)
    if not isinstance(own, int) or own <= keep:
        return statement, keep
    return statement.limit(keep + 1), keep


@lru_cache(maxsize=2)
def _named_dialect(name: str) -> Dialect:
    dialect: Dialect = sqlite.dialect(paramstyle="named") if name == "sqlite" else mysql.dialect(paramstyle="named")
    return dialect


def describe(statement: Statement, dialect_name: str) -> str:
    """The SQL as one line, with its bound values named beside it. Only ids, states and times are ever bound."""
    compiled = statement.compile(dialect=_named_dialect(dialect_name), compile_kwargs={"render_postcompile": True})
    sql = _BREAK.sub(" ", str(compiled))
    values = _values(compiled.params)
    return clean(f"{sql} -- {values}" if values else sql, limit=_EVIDENCE_LENGTH)


def _values(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in parameters.items())


def _value(value: object) -> str:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.isoformat(sep=" ").replace("+00:00", " UTC")
    if isinstance(value, str):
        return repr(clean(value, limit=_VALUE_LENGTH))
    return MARK if isinstance(value, bytes | bytearray | memoryview) else clean(str(value), limit=_VALUE_LENGTH)


def clean_rows(keys: Iterable[str], rows: Iterable[Iterable[object]]) -> tuple[dict[str, object], ...]:
    """Rows as dictionaries by the console's names, every cell through `clean_cell`."""
    names = [clean(key, limit=200) for key in keys]
    return tuple(dict(zip(names, map(clean_cell, row), strict=True)) for row in rows)


def clean_cell(value: object) -> object:  # noqa: PLR0911  # one return a type reads better than a chain of variables
    """One cell as the program may hold and show it: text through the gate, moments aware, bytes as a mark.

    The two databases disagree about types (MySQL sums are Decimal, SQLite keeps what it was given); readers must not.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean(value, limit=_CELL_LENGTH)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        # Encrypted or binary: never shown, and only ever asked whether it is there.
        return MARK
    return clean(str(value), limit=_CELL_LENGTH)
