"""Hostile text in the databases: what people and services wrote is spoilt, and a few rows are hostile throughout.

Words that the schema defines (states, resolution methods, host and schema names) stay readable in the story's own rows,
or there would be no story; the extra rows are hostile there as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle

from sqlalchemy import String, Table, Text

from sandbox.rows.common_rows import Cells
from sandbox.stories.hostile import LONG, SHORT

_DEFINED = {
    "status",
    "connection_health_status",
    "sync_status",
    "db_host",
    "db_database",
    "db_user",
    "flag_name",
    "system",
    "encrypted_refresh_token",
    "encrypted_zuid",
    "zuid",
    "zillow_team_id",
    "zillow_integration_id",
    "zillow_transaction_id",
    "zillow_profile_id",
    "client_id",
}
EXTRA_ID = 990_000_001
"""Ids of the rows that are hostile throughout begin here."""


def spoil_rows(table: Table, rows: Iterable[Cells]) -> Iterator[Cells]:
    """Yield the rows with hostile free text, then two rows that are hostile in every string column."""
    columns = list(table.columns)
    free = [n for n, column in enumerate(columns) if isinstance(column.type, String) and column.name not in _DEFINED]
    texts = {n for n in free if isinstance(columns[n].type, Text)}
    pieces = cycle(SHORT)
    lengths = cycle([LONG] + [0] * 199)
    model: Cells | None = None
    for row in rows:
        model = row
        if not free:
            yield row
            continue
        changed = list(row)
        for at in free:
            value = changed[at]
            if value is not None:
                tail = "B" * next(lengths) if at in texts else ""
                changed[at] = f"{next(pieces)}{value}{next(pieces)}{tail}"
        yield tuple(changed)
    if model is not None and "id" in table.columns:
        yield from (_hostile_throughout(table, model, number) for number in range(2))


def _hostile_throughout(table: Table, model: Cells, number: int) -> Cells:
    values = list(model)
    for at, column in enumerate(table.columns):
        if column.name == "id":
            values[at] = EXTRA_ID + number
        elif isinstance(column.type, String):
            values[at] = SHORT[(at + number) % len(SHORT)][:28] + f"{number}"
        elif column.name == "user_id":
            values[at] = EXTRA_ID + number
    return tuple(values)
