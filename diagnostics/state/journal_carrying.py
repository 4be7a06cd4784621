"""Taking a journal along: what was written while only the memory was there goes into the lasting one.

Every entry keeps its key, its actor, its console and its time, and is chained anew. A number such as INC-1 that the
lasting journal has given to somebody else in the meantime cannot be kept; the incident goes on under the next free one,
and a line of its timeline says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from diagnostics.state import journal_rows
from diagnostics.state.journal_rows import Draft, Row

_NAMES = ("into", "other", "incident")
"""Fields of a body that name another stream."""


def everything(connection: Connection) -> tuple[Row, ...]:
    """All entries of a journal that is kept in memory, oldest first."""
    return journal_rows.after(connection, None, 2**31)


def carry(rows: Sequence[Row], connection: Connection) -> dict[str, str]:
    """Write them behind what is there; returns old name to new name of what had to be renamed.

    What is there already, because an earlier attempt ended without an answer, is not written once more.
    """
    newest = journal_rows.lock(connection)
    there = journal_rows.by_keys(connection, (row.key for row in rows))
    names = _names(rows, there, connection)
    renamed = {old: new for old, new in names.items() if old != new}
    # Entries that point to others have to be written after these, and know their new numbers.
    seqs = {row.seq: there[row.key].seq for row in rows if row.key in there}
    for row in rows:
        if row.key in there:
            continue
        draft = Draft(
            names[row.stream], row.kind, row.key, row.at_us, row.actor, row.console, _body(row.body, renamed, seqs)
        )
        (written,) = journal_rows.put(connection, newest, [draft])
        newest = journal_rows.Newest(written.seq, written.hash)
        seqs[row.seq] = written.seq
    notes = [_note(old, new, rows) for old, new in renamed.items()]
    known = journal_rows.by_keys(connection, (note.key for note in notes))
    journal_rows.put(connection, newest, [note for note in notes if note.key not in known])
    return renamed


def _names(rows: Iterable[Row], there: dict[str, Row], connection: Connection) -> dict[str, str]:
    names: dict[str, str] = {}
    wanted = [row.stream for row in rows]
    for row in rows:
        if row.stream in names:
            continue
        if row.key in there:
            names[row.stream] = there[row.key].stream
        elif journal_rows.newest_of(connection, row.stream):
            prefix = row.stream.rpartition("-")[0]
            taken = (*journal_rows.streams(connection, prefix), *wanted, *names.values())
            numbers = [journal_rows.number_of(one) for one in taken if one.rpartition("-")[0] == prefix]
            names[row.stream] = f"{prefix}-{max(numbers) + 1}"
        else:
            names[row.stream] = row.stream
    return names


def _body(body: str, renamed: dict[str, str], seqs: dict[int, int]) -> str:
    said = json.loads(body)
    for field in _NAMES:
        if said.get(field) in renamed:
            said[field] = renamed[said[field]]
    if said.get("kind") == "corrected":
        said["seq"] = seqs.get(said["seq"], said["seq"])
    return journal_rows.canonical(said)


def _note(old: str, new: str, rows: Sequence[Row]) -> Draft:
    first = next(row for row in rows if row.stream == old)
    text = (
        f"This was {old} while the console had its journal in memory only. The lasting journal had given that number"
        f" to somebody else, so it goes on as {new}. What was sent before names it {old}."
    )
    body = journal_rows.canonical({"kind": "noted", "text": text})
    return Draft(new, "noted", f"{first.key}:renamed", time.time_ns() // 1_000, "console", first.console, body)
