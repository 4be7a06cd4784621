"""Entries of a repair: its plan, the image of each row before it is written, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from diagnostics.models.evidence import Frozen
from diagnostics.models.reconcile import Cell

Outcome = Literal["mended", "changed_since", "gone", "no_longer_differs"]

OUTCOME_WORDS: dict[Outcome, str] = {
    "mended": "fixed",
    "changed_since": "changed since it was planned, left as it is",
    "gone": "not there any more",
    "no_longer_differs": "no longer disagrees, left as it is",
}


class PlannedRow(Frozen):
    """One row that a plan is going to write, found by its id."""

    row: int
    user_id: int | None = None
    before: dict[str, Cell]
    """Cells that must still stand there; by the console's column names, moments as ISO 8601 in UTC."""
    after: dict[str, Cell]
    """Cells that are written."""


class RepairPlanned(Frozen):
    """First entry of a repair: the sealed plan. Nothing else is ever written by it."""

    kind: Literal["repair_planned"] = "repair_planned"
    environment: str
    account_id: int
    difference: str
    """The kind of difference that it mends."""
    table: str
    """In the account's client database, by the console's name."""
    rows: tuple[PlannedRow, ...]
    undoes: str = ""
    """The repair that it takes back; empty for a repair of its own."""
    left_out: tuple[str, ...] = ()
    """Rows that it does not write, and why."""
    rests_on: tuple[datetime, ...]
    """When the data that it rests on was read."""
    expires_at: datetime
    seal: str
    """SHA-256 over everything above, hexadecimal."""


class RepairStarted(Frozen):
    """A person confirmed the plan: it can be started once."""

    kind: Literal["repair_started"] = "repair_started"
    seal: str
    confirmed: str
    """The words that were typed."""


class RepairResumed(Frozen):
    """A person had a repair go on that had ended before its end."""

    kind: Literal["repair_resumed"] = "repair_resumed"
    confirmed: str


class RowImaged(Frozen):
    """The cells of a row before they are written, kept before anything is written."""

    kind: Literal["row_imaged"] = "row_imaged"
    row: int
    before: dict[str, Cell]
    after: dict[str, Cell]


class RowSettled(Frozen):
    """The outcome of one row; of a written one, its audit row stands in `common`."""

    kind: Literal["row_settled"] = "row_settled"
    row: int
    outcome: Outcome
    found: dict[str, Cell] | None = None
    """Cells as they stood where they were not as planned; None for a row that is gone."""


class RepairEnded(Frozen):
    """Every row of the plan has its outcome."""

    kind: Literal["repair_ended"] = "repair_ended"
    counts: dict[str, int]
