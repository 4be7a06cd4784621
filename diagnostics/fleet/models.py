"""Questions over all client databases, and their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage

if TYPE_CHECKING:
    from sqlalchemy import Select, Table

    Query = Select[*tuple[Any, ...]]
    TableOf = Callable[[str], Table]
    """A mapped table by the console's name."""

FAN_OUT = "fan-out over client databases"
ANALYTICS = "analytics engine"


@dataclass(slots=True, frozen=True)
class FleetQuestion:
    """One question put to every account's client database, or to the analytics engine for all accounts at once.

    A statement that selects `account_id` has its rows checked: what names another account, or none, is left out of the
    answer and named in its notes.
    """

    name: str
    """For a person, e.g. "agents by resolution method"."""
    statement: Callable[[TableOf], Query]
    """The question to one client database. Its columns need labels of their own."""
    analytics: Callable[[TableOf], Query] | None
    """The same question to the analytics engine for all accounts, with `account_id` as a plain column; or None."""
    table: str
    """The one table that it reads, by the console's name."""
    most_rows: int = 50
    """Rows of one account at most; an account with more is named in the notes."""
    page_by: str | None = None
    """Label of an ascending, unique number among the columns; rows are then read by pages of this key."""
    page: int = 500
    """Rows of one account in one round trip, where there is `page_by`."""
    measure: str | None = None
    """Label of the column that says how many things a row stands for; None is one thing a row."""
    unit: str = "rows"
    """The measured things, in the plural."""
    most_measured: int | None = None
    """The statement stops counting in one account beyond this many."""
    asides: tuple[tuple[str, str], ...] = ()
    """Label of a column, and the note where its sum is not 0; `{count}` stands for the sum. It is no part of rows."""
    freshness: str = "updated_at"
    """Column whose newest value says how fresh the analytics engine is."""
    of_everybody: bool = False
    """True when each account is expected to have rows, so that one without any is worth a note."""

    def measured(self, rows: tuple[dict[str, object], ...]) -> int:
        """How many things these rows stand for."""
        if self.measure is None:
            return len(rows)
        values = (row.get(self.measure) for row in rows)
        return sum(value for value in values if isinstance(value, int))


@dataclass(slots=True, frozen=True)
class AccountRows:
    """One account's answer. No rows is an answer too: there are none."""

    account_id: int
    rows: tuple[dict[str, object], ...]
    """By the labels of the question's statement, without `account_id`; in the order of their values."""


@dataclass(slots=True, frozen=True)
class FleetAnswer:
    """The accounts that answered, ascending by id, and what is missing."""

    rows: tuple[AccountRows, ...]
    """Empty where the asker took each account's rows as they came."""
    coverage: Coverage
    origin: str
    """`FAN_OUT` or `ANALYTICS`."""
    as_of: datetime | None
    """The newest row of the analytics engine, aware UTC; None for the fan-out, which reads the present."""
    evidence: tuple[Evidence, ...]
    """One representative statement of each origin; its caveat says how many round trips there were."""
    notes: tuple[str, ...]
    """Biases of the numbers, each with its effect."""
