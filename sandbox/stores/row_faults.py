"""Faults of the rows themselves: odd but legal data of real servers, there from the start and as long as the story."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError

if TYPE_CHECKING:
    from sandbox.stores.filling import Cursor

ROW_KINDS = {
    "bits": "bits, flags are BIT(1) and CHAR(1) with Y and N (from the start, MariaDB only)",
    "zerodates": "zerodates, a moment that never was is 0000-00-00 instead of NULL (from the start, MariaDB only)",
}
_TO_LETTERS = (
    "ALTER TABLE {table} MODIFY {column} CHAR(1) NOT NULL",
    "UPDATE {table} SET {column} = IF({column} = '1', 'Y', 'N')",
)
_TO_BITS = ("ALTER TABLE {table} MODIFY {column} BIT(1) NOT NULL",)
_TO_ZERO = ("UPDATE {table} SET {column} = '0000-00-00 00:00:00' WHERE {column} IS NULL",)
_COLUMNS = {
    ("bits", "common"): (
        ("zillow_sync_users", "zillow_integration_enabled", _TO_BITS),
        ("oauth_applications", "is_active", _TO_BITS),
        ("feature_flags", "enabled", _TO_LETTERS),
    ),
    ("bits", "client"): (("data_sync_systems", "is_active", _TO_LETTERS),),
    ("zerodates", "common"): (("zillow_sync_users", "problem_at", _TO_ZERO),),
    ("zerodates", "client"): (("deals", "synced_at", _TO_ZERO),),
}


def is_row_fault(spec: str) -> bool:
    """Return whether a specification is meant for the rows."""
    return spec.partition(":")[0] in ROW_KINDS


def parse_row_faults(specs: Iterable[str], *, is_server: bool) -> tuple[str, ...]:
    """Return the kinds among the specifications, in order; raises `UserError`, also where the databases are files."""
    kinds = tuple(sorted({spec for spec in specs if is_row_fault(spec)}))
    wrong = [spec for spec in kinds if spec not in ROW_KINDS]
    if wrong:
        raise UserError(
            f"{wrong[0]!r} is not a fault of the rows", where="--fault", accepted="; ".join(ROW_KINDS.values())
        )
    if kinds and not is_server:
        raise UserError(
            f"SQLite has no such columns, so the rows cannot have the fault {kinds[0]}",
            where="--fault",
            accepted="this fault where the databases are on a MariaDB server",
            next_step="add --database-url with the address of a MariaDB server",
        )
    return kinds


def refuse_while_running(spec: str) -> UserError:
    """Return why a fault of the rows cannot be put in force now."""
    return UserError(
        f"{spec!r} is in the rows, which are written at the start",
        where="--fault",
        next_step=f"start the sandbox with --fault {spec.partition(':')[0]}",
    )


def spoil(cursor: Cursor, kinds: Iterable[str], place: str) -> None:
    """Change the filled tables of a `common` or a `client` database."""
    for kind in kinds:
        # Strict servers refuse to write a zero date, and hold those written before they became strict.
        cursor.execute("SET SESSION sql_mode = ''")
        for table, column, statements in _COLUMNS[kind, place]:
            for statement in statements:
                cursor.execute(statement.format(table=table, column=column))
