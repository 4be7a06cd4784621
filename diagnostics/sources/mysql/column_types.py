"""What type each mapped column should have, so that SQL and the console read the same in it; and what it is instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.sanitizer import clean
from diagnostics.sources.mysql.tables import FLAGS, NUMBERS

if TYPE_CHECKING:
    from diagnostics.catalogue.model import TableMap

_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "integer", "bigint", "decimal", "numeric"})
_TEXT = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "uuid", "nvarchar"}
)


@dataclass(slots=True, frozen=True)
class Expected:
    """The types that are read rightly, in words and by name."""

    words: str
    types: frozenset[str]
    misleads: bool = True
    """Another type would give a wrong answer, and not merely an unreadable cell."""


_MOMENT = Expected("datetime or timestamp, in UTC", frozenset({"datetime", "timestamp"}))
_FLAG = Expected(
    "boolean, bit(1), or a word such as 'Y' or 'true'",
    frozenset({"boolean", "bool", "bit", "char", "varchar", "enum"}) | _WHOLE,
)
_NUMBER = Expected("a whole number", _WHOLE)
_IDENTIFIER = Expected("text or a whole number", _TEXT | _WHOLE, misleads=False)
_WORDS = Expected("text", _TEXT, misleads=False)


def expected(logical: str) -> Expected | None:
    """What a column by the console's name should be; None where only NULL or not NULL is ever asked of it."""
    if logical.startswith("encrypted_"):
        return None
    if logical.endswith("_at"):
        return _MOMENT
    if logical in FLAGS:
        return _FLAG
    if logical in NUMBERS:
        return _NUMBER
    return _IDENTIFIER if logical == "zuid" or logical.endswith("_id") else _WORDS


@dataclass(slots=True, frozen=True)
class Mistyped:
    """A column whose type is another than expected."""

    sentence: str
    misleads: bool


def mistyped(mapping: TableMap, found: Mapping[str, str]) -> list[Mistyped]:
    """Every such column of a table; `found` are its types as the database writes them, by real name in lower case.

    A column without a declared type (SQLite, a view) is passed over.
    """
    wrong = []
    for logical, real in mapping.columns.items():
        wanted, written = expected(logical), found.get(real.lower(), "").lower()
        name = written.partition("(")[0].partition(" ")[0]
        if wanted is not None and name and name not in wanted.types:
            shown = clean(written, limit=40)
            wrong.append(Mistyped(f"{real} is {shown}, expected {wanted.words}", wanted.misleads))
    return wrong
