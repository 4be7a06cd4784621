"""The schema map as SQLAlchemy tables: asked for by the console's names, sent by the databases' own.

A table knows which kind of database it lives in, so that a statement can be refused before it is sent to the wrong one.
Its types give a cell one meaning, whether SQL compares it or Python reads it: see `UtcDateTime` and `Flag`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    MetaData,
    String,
    Table,
    and_,
    cast,
    func,
    literal_column,
    not_,
    or_,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import operators
from sqlalchemy.types import CHAR, TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from diagnostics.catalogue.model import SchemaMap, TableMap

Kind = Literal["common", "client"]


class _TextDateTime(sqlite.DATETIME):
    """SQLite keeps moments as text, and text may be anything: what is not a moment is read as none, not as an error."""

    def result_processor(self, dialect: object, coltype: object) -> Callable[[object], datetime | None]:  # noqa: ARG002
        return _moment


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime) or not isinstance(value, str):
        return value if isinstance(value, datetime) else None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


_FIRST_YEAR = 1000
"""MySQL documents moments from 1000-01-01 on; what lies before (0000-00-00, Go's year 1) stands for "never"."""

_PARTIAL = re.compile(r"([1-9]\d{3})-(?:(00)-\d\d|(\d\d)-00)")
"""A date of a known year whose month or day is zero: legal where sql_mode lacks NO_ZERO_IN_DATE."""

_FIRST_MOMENT: ColumnElement[Any] = literal_column(f"'{_FIRST_YEAR}-01-01'")


class _MomentComparator(TypeDecorator.Comparator[Any], DateTime.Comparator[Any]):
    """A moment from before the first one is NULL for every comparison, as it is None for Python."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> ColumnElement[Any]:  # noqa: ANN401  # as SQLAlchemy has it
        plain = super().operate(op, *other, **kwargs)
        if op is operators.is_ and other == (None,):
            return or_(plain, super().operate(operators.lt, _FIRST_MOMENT))
        if op in {operators.lt, operators.le, operators.ne} or (op is operators.is_not and other == (None,)):
            return and_(plain, super().operate(operators.ge, _FIRST_MOMENT))
        return plain


def without_moment(column: ColumnElement[Any]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The two halves of `column.is_(None)`, NULL and zero: each alone is found in an index in the order of the key."""
    plain = type_coerce(column, DateTime())
    return plain.is_(None), plain < _FIRST_MOMENT


class UtcDateTime(TypeDecorator[datetime]):
    """Naive UTC in the database, aware UTC in the program; a zero date is no date, in SQL as in Python."""

    impl = DateTime
    cache_ok = True
    comparator_factory = _MomentComparator

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MySQL's driver hands over moments; SQLite's hands over text."""
        if dialect.name != "sqlite":
            return dialect.type_descriptor(DateTime())
        return dialect.type_descriptor(_TextDateTime())  # type: ignore[no-untyped-call]  # SQLAlchemy's has no types

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """An aware moment in any zone becomes naive UTC; a naive one is taken as UTC."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """A naive moment becomes aware, a day its midnight; what is no moment (MySQL's 0000-00-00) is none at all.

        A date without its month or day (2025-00-10) is the first that it may be: where SQL puts it in order.
        """
        if isinstance(value, str | bytes) and (
            partial := _PARTIAL.match(value if isinstance(value, str) else value.decode("ascii", "replace"))
        ):
            value = datetime(int(partial[1]), max(1, int(partial[2] or partial[3])), 1, tzinfo=UTC)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime) or value.year < _FIRST_YEAR:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_WORDS_ON = ("1", "y", "yes", "t", "true", "on")
_WORDS_OFF = ("0", "n", "no", "f", "false", "off")


def flag_of(value: object) -> bool | None:
    """What a cell says as a flag: BOOLEAN, BIT(1) as bytes, or a word; None where it says neither yes nor no."""
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        value = str(raw[0]) if raw in {b"\0", b"\1"} else raw.decode("utf-8", "replace")
    word = str(int(value) if isinstance(value, bool) else value).strip().lower()
    return True if word in _WORDS_ON else False if word in _WORDS_OFF else None


class _FlagComparator(TypeDecorator.Comparator[Any], String.Comparator[Any]):
    """`is_` and `is_not(False)` as `flag_of` reads the cell; every other comparison is a mistake."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> ColumnElement[Any]:  # noqa: ANN401, ARG002  # as above
        if op is operators.is_not and other == (False,):
            return or_(self.operate(operators.is_, True), self.operate(operators.is_, None))
        if op is not operators.is_ or other[0] not in {True, False, None}:
            raise TypeError("a flag is compared with is_(True), is_(False), is_(None) or is_not(False)")
        words = {True: (*_WORDS_ON, 1), False: (*_WORDS_OFF, 0), None: (*_WORDS_ON, *_WORDS_OFF, 1, 0)}[other[0]]
        # As text, since a number compared with a word is the word as a number: 0 = 'no', and 0 = 'yes' just as well.
        text = func.lower(func.trim(cast(self.expr, CHAR)))
        # BIT(1) as text is one byte. These are written into the statement: they are of this file, and no reader's.
        known = text.in_([literal_column(f"x'{word:02d}'" if isinstance(word, int) else f"'{word}'") for word in words])
        return known if other[0] is not None else or_(super().operate(operators.is_, None), not_(known))


class Flag(TypeDecorator[bool]):
    """Yes or no, whatever the team's table makes of it; a cell that says neither is None, in SQL as in Python."""

    impl = String
    cache_ok = True
    comparator_factory = _FlagComparator

    def process_result_value(self, value: object, dialect: Dialect) -> bool | None:  # noqa: ARG002
        """The cell as `flag_of` reads it."""
        return None if value is None else flag_of(value)


NUMBERS = frozenset(
    {
        "id",
        "account_id",
        "user_id",
        "zillow_sync_user_id",
        "sync_user_id",
        "agent_id",
        "team_id",
        "deal_id",
        "contact_id",
        "attempts",
        "http_status",
        "lead_count",
        "resolution_method",
        "old_resolution",
        "new_resolution",
        "user_count",
    }
)
FLAGS = frozenset({"enabled", "is_active", "zillow_integration_enabled"})


def column_type(logical: str) -> TypeEngine[Any]:
    """The type of a column by the console's name. Identifiers of other systems (zuid, client_id) are text."""
    if logical.endswith("_at"):
        return UtcDateTime()
    if logical in FLAGS:
        return Flag()
    return BigInteger() if logical in NUMBERS else String()


class Tables:
    """Every mapped table, built when first asked for."""

    def __init__(self, schema_map: SchemaMap) -> None:
        self._map = schema_map
        self._built: dict[str, Table] = {}

    def of(self, kind: Kind) -> tuple[TableMap, ...]:
        """The mapped tables of one kind of database, in the catalogue's order."""
        return self._map.of(kind)

    def mapping(self, logical: str) -> TableMap | None:
        """The mapping of one table, None when the catalogue has none."""
        return self._map.tables.get(logical)

    def table(self, logical: str) -> Table:
        """The table of that name, its columns keyed by the console's names; raises KeyError."""
        built = self._built.get(logical)
        if built is None:
            built = self._built.setdefault(logical, _build(logical, self._map.tables[logical]))
        return built


def _build(logical: str, mapping: TableMap) -> Table:
    columns = [Column(real, column_type(key), key=key) for key, real in mapping.columns.items()]
    # Each table has metadata of its own: two of the console's tables may be one and the same in a team's database.
    return Table(mapping.name, MetaData(), *columns, info={"logical": logical, "database": mapping.database})
