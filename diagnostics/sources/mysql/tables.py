"""The schema map as SQLAlchemy tables: asked for by the console's names, sent by the databases' own.

A table knows which kind of database it lives in, so that a statement can be refused before it is sent to the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, MetaData, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

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


class UtcDateTime(TypeDecorator[datetime]):
    """Naive UTC in the database, aware UTC in the program."""

    impl = DateTime
    cache_ok = True

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

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """A naive moment becomes aware; what is not a moment (MySQL's 0000-00-00) is none at all."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_NUMBERS = frozenset(
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
_FLAGS = frozenset({"enabled", "is_active", "zillow_integration_enabled"})


def column_type(logical: str) -> TypeEngine[Any]:
    """The type of a column by the console's name. Identifiers of other systems (zuid, client_id) are text."""
    if logical.endswith("_at"):
        return UtcDateTime()
    if logical in _FLAGS:
        return Boolean()
    return BigInteger() if logical in _NUMBERS else String()


class Tables:
    """Every mapped table, built when first asked for."""

    def __init__(self, schema_map: SchemaMap) -> None:
        self._map = schema_map
        self._built: dict[str, Table] = {}
        self.kinds: dict[str, set[Kind]] = {}
        """Real table names, lower case, to the kinds of database that hold one of that name."""
        for mapping in schema_map.tables.values():
            self.kinds.setdefault(mapping.name.lower(), set()).add(mapping.database)

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
