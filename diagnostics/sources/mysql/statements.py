"""Statements before they are sent, and cells after they came back: kinds, limits, evidence, the sanitizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import CHAR, Column, CompoundSelect, Select, Table, TextClause
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import elements, functions, operators, quoted_name, schema, selectable, visitors
from sqlalchemy.sql.selectable import TableClause

from diagnostics.core.sanitizer import MARK, clean
from diagnostics.sources.mysql.tables import Kind

Question = Select[Any] | CompoundSelect[Any]
"""What may be asked: put together from mapped tables, never text."""

Statement = Question | TextClause
"""What a connection is sent: a question, or a text of the console's own (`own_texts.py`)."""

MOST_ROWS = 10_000
"""Rows read when the caller names no limit: no question of this program needs more at once."""

_CELL_LENGTH = 8_192
_EVIDENCE_LENGTH = 8_000
_VALUE_LENGTH = 120
_BREAK = re.compile(r" *\n *")


class StatementRefused(ValueError):  # noqa: N818  # a sibling of SourceFailure, and named like it
    """A mistake in the program: this statement must not be sent to this connection. Nothing was sent."""


_PARTS = frozenset(
    {
        selectable.Select,
        selectable.CompoundSelect,
        selectable.ScalarSelect,
        selectable.Exists,
        selectable.Subquery,
        selectable.CTE,
        selectable.Alias,
        selectable.Join,
        selectable.SelectStatementGrouping,
        selectable._OffsetLimitParam,
        schema.Table,
        schema.Column,
        elements.AsBoolean,
        elements.BinaryExpression,
        elements.BindParameter,
        elements.BooleanClauseList,
        elements.Case,
        elements.Cast,
        elements.ClauseList,
        elements.ColumnClause,
        elements.ExpressionClauseList,
        elements.Extract,
        elements.False_,
        elements.Grouping,
        elements.Label,
        elements.Null,
        elements.True_,
        elements.TypeCoerce,
        elements.UnaryExpression,
        elements._label_reference,
    }
)
"""What a question may be made of. What is not listed may write SQL of its own: text, a class of somebody's."""

_FUNCTIONS = frozenset({"count", "sum", "min", "max", "lower", "trim", "distinct", "current_timestamp"})
_FIELDS = frozenset({"year", "month", "day", "hour"})
_CONSTANT = re.compile(r"\*|'[A-Za-z0-9 :.-]*'|x'[0-9a-f]{2}'")
"""Literals written into a statement: the star of a count, and words and moments of `tables.py`."""


def check_statement(statement: object, kind: Kind) -> None:
    """Raise `StatementRefused` unless `statement` is a question that only reads mapped tables of the one `kind`.

    The whole tree is looked at. A SELECT can write and wait as well (INTO OUTFILE, GET_LOCK, SLEEP, FOR UPDATE), so
    that it consists of listed parts alone, down to names, operators and functions; text is none of them.

    The two kinds of database live on different servers: a statement naming both cannot work in production, and works by
    accident where tests put both into one place.
    """
    if not isinstance(statement, Select | CompoundSelect):
        raise StatementRefused(f"only SELECT statements made of tables are sent, not {type(statement).__name__}")
    found: dict[str, str] = {}
    for element in visitors.iterate(statement):
        _check_part(element)
        table = element.table if isinstance(element, Column) else element
        if isinstance(table, TableClause):
            found[table.name] = table.info.get("database", "unmapped") if isinstance(table, Table) else "unmapped"
    wrong = sorted(f"{name} ({where})" for name, where in found.items() if where != kind)
    if wrong:
        raise StatementRefused(
            f"a statement for a {kind} database touches {', '.join(wrong)}; common and client databases are never "
            "joined in one query, and tables come from Databases.table()"
        )


def _check_part(element: Any) -> None:  # noqa: ANN401  # any node of SQLAlchemy's
    if isinstance(element, functions.FunctionElement):
        # A class of somebody else's may be written out as anything.
        is_known = type(element).__module__ == functions.__name__
        if not is_known or getattr(element, "packagenames", None) or str(element.name) not in _FUNCTIONS:
            raise StatementRefused(f"the function {getattr(element, 'name', type(element).__name__)} is not sent")
    elif type(element) not in _PARTS:
        raise StatementRefused(f"a question is not made of {type(element).__name__}")
    for attribute in ("operator", "modifier"):
        if isinstance(getattr(element, attribute, None), operators.custom_op):
            raise StatementRefused("an operator that is written as text is not sent")
    is_locking = getattr(element, "_for_update_arg", None) is not None
    if is_locking or _unquoted(element) or any(getattr(element, name, None) for name in _ADDED):
        raise StatementRefused("text added to a SELECT (prefixes, suffixes, hints, locks, raw names) is not sent")
    if isinstance(element, elements.ColumnClause) and element.is_literal and not _CONSTANT.fullmatch(element.name):
        raise StatementRefused("a literal that is not a plain word, moment or byte is not sent")
    if isinstance(element, elements.BindParameter) and (element.literal_execute or element.type._has_bind_expression):
        raise StatementRefused("a value that is written into the statement is not sent")
    if isinstance(element, elements.Cast) and not _is_plain(element.type):
        raise StatementRefused("only casts to CHAR are sent")
    if isinstance(element, elements.Extract) and element.field not in _FIELDS:
        raise StatementRefused("only year, month, day and hour are extracted")


_ADDED = ("_prefixes", "_suffixes", "_hints", "_statement_hints")


def _unquoted(element: object) -> bool:
    """True for a name that would be written as it is."""
    names = (getattr(element, attribute, None) for attribute in ("name", "schema", "key"))
    return any(isinstance(name, quoted_name) and name.quote is False for name in names)


def _is_plain(type_: object) -> bool:
    return type(type_) is CHAR and type_.collation is None


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
